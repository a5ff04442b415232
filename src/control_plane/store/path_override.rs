//! Overrides, and the history of each tenant's table.
//!
//! The history holds what each change did, not the tables: a change of one video among 100,000
//! writes a line. An earlier table is this one with the changes since taken back.

use std::collections::BTreeMap;

use serde_json::Map;

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{ChannelId, TenantId, VideoId};
use crate::control_plane::record::{
    FeedEvent, Opening, OverrideLevel, OverrideList, OverrideRevision, OverrideStep, PathOverride,
    WebhookEvent,
};

/// What is open of one tenant, by level.
type Table = BTreeMap<OverrideLevel, Opening>;

/// The name and the subject under which a level is stored.
fn level_columns(level: &OverrideLevel) -> (&'static str, String) {
    match level {
        OverrideLevel::AssetTypes => ("asset_types", String::new()),
        OverrideLevel::Channel(channel) => ("channel", channel.to_string()),
        OverrideLevel::Tenant => ("tenant", String::new()),
        OverrideLevel::Video(video) => ("video", video.to_string()),
    }
}

fn read(row: &Row) -> Result<PathOverride, StoreError> {
    let subject: Box<str> = row.text("subject")?;
    let level = match row.text::<Box<str>>("level")?.as_ref() {
        "asset_types" => Some(OverrideLevel::AssetTypes),
        "channel" => subject.parse().ok().map(ChannelId).map(OverrideLevel::Channel),
        "tenant" => Some(OverrideLevel::Tenant),
        "video" => VideoId::new(&subject).map(OverrideLevel::Video),
        _ => None,
    };
    let level = level.ok_or(StoreErrorKind::Corrupt)?;
    Ok(PathOverride { tenant: row.number("tenant")?, level, opens: row.json("opens")? })
}

fn read_revision(row: &Row) -> Result<OverrideRevision, StoreError> {
    Ok(OverrideRevision {
        tenant: row.number("tenant")?,
        revision: row.number("revision")?,
        at: row.number("at")?,
        actor: row.text("actor")?,
        steps: row.json("steps")?,
    })
}

/// What leads from one table to another.
pub fn override_steps(before: &Table, after: &Table) -> Vec<OverrideStep> {
    let changed = |level: &OverrideLevel| {
        let (before, after) = (before.get(level).copied(), after.get(level).copied());
        (before != after).then(|| OverrideStep { level: level.clone(), before, after })
    };
    let closed = before.keys().filter(|level| !after.contains_key(*level));
    closed.chain(after.keys()).filter_map(changed).collect()
}

impl View {
    /// A tenant's whole table.
    pub async fn override_list(&mut self, tenant: TenantId) -> Result<OverrideList, StoreError> {
        self.tenant(tenant).await?;
        let head = Statement::new("SELECT revision FROM override_head WHERE tenant = $1");
        let head = self.connection().row(head.bind(tenant)).await?;
        let revision = head.map(|row| row.number("revision")).transpose()?.unwrap_or(0);
        let statement = Statement::new(
            "SELECT tenant, level, subject, opens FROM path_override WHERE tenant = $1",
        );
        let rows = self.connection().rows(statement.bind(tenant)).await?;
        let mut overrides: Vec<_> = rows.iter().map(read).collect::<Result<_, _>>()?;
        overrides.sort_by(|one, other| one.level.cmp(&other.level));
        Ok(OverrideList { revision, overrides })
    }

    /// What is open at one level.
    pub async fn override_at(
        &mut self,
        tenant: TenantId,
        level: &OverrideLevel,
    ) -> Result<Option<Opening>, StoreError> {
        self.reach(Some(tenant))?;
        let (name, subject) = level_columns(level);
        let statement = Statement::new(
            "SELECT opens FROM path_override WHERE tenant = $1 AND level = $2 AND subject = $3",
        );
        let row = self.connection().row(statement.bind(tenant).bind(name).bind(subject)).await?;
        row.map(|row| row.json("opens")).transpose()
    }

    /// Every override of every tenant in reach, for a snapshot.
    pub async fn override_list_all(&mut self) -> Result<Vec<PathOverride>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT tenant, level, subject, opens FROM path_override \
             WHERE ($1 IS NULL OR tenant = $1)",
        );
        let rows = self.connection().rows(statement.bind(only)).await?;
        rows.iter().map(read).collect()
    }

    /// Changes of a tenant's table, the first first.
    pub async fn override_revision_list(
        &mut self,
        tenant: TenantId,
        page: &Page<u64>,
    ) -> Result<Listed<OverrideRevision, u64>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT tenant, revision, at, actor, steps FROM override_revision \
             WHERE tenant = $1 AND revision > $2 ORDER BY revision LIMIT $3",
        );
        let statement = statement.bind(tenant).bind(page.after.unwrap_or(0)).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let revisions = rows.iter().map(read_revision).collect::<Result<_, _>>()?;
        Ok(Listed::cut(revisions, page, |revision: &OverrideRevision| revision.revision))
    }

    /// A tenant's table as it was at a revision.
    pub async fn override_list_at(
        &mut self,
        tenant: TenantId,
        revision: u64,
    ) -> Result<OverrideList, StoreError> {
        let now = self.override_list(tenant).await?;
        if revision > now.revision {
            return Err(StoreErrorKind::NotFound.into());
        }
        let statement = Statement::new(
            "SELECT tenant, revision, at, actor, steps FROM override_revision \
             WHERE tenant = $1 AND revision > $2 ORDER BY revision DESC",
        );
        let rows = self.connection().rows(statement.bind(tenant).bind(revision)).await?;
        let mut table = by_level(now.overrides);
        for row in &rows {
            for OverrideStep { level, before, after: _ } in read_revision(row)?.steps {
                match before {
                    Some(opens) => table.insert(level, opens),
                    None => table.remove(&level),
                };
            }
        }
        let overrides =
            table.into_iter().map(|(level, opens)| PathOverride { tenant, level, opens });
        Ok(OverrideList { revision, overrides: overrides.collect() })
    }
}

/// A list as a table.
fn by_level(overrides: Vec<PathOverride>) -> Table {
    overrides.into_iter().map(|PathOverride { level, opens, tenant: _ }| (level, opens)).collect()
}

impl Change {
    /// Says what is open at one level, whatever was before (G10). None closes that level (G11).
    /// Gives the table's revision, which stays where nothing changes.
    pub async fn override_set(
        &mut self,
        tenant: TenantId,
        expected: Expected,
        level: &OverrideLevel,
        opens: Option<Opening>,
    ) -> Result<u64, StoreError> {
        let revision = self.override_lock(tenant, expected).await?;
        let before = self.view().override_at(tenant, level).await?;
        if before == opens {
            return Ok(revision);
        }
        let step = OverrideStep { level: level.clone(), before, after: opens };
        self.override_apply(tenant, revision, vec![step]).await
    }

    /// Closes everything of a tenant (D20). Gives the table's revision.
    pub async fn override_clear(
        &mut self,
        tenant: TenantId,
        expected: Expected,
    ) -> Result<u64, StoreError> {
        self.override_replace(tenant, expected, Vec::new()).await
    }

    /// Puts another table in place of a tenant's. Of two overrides of one level the last counts.
    /// Gives the table's revision, which stays where nothing changes.
    pub async fn override_replace(
        &mut self,
        tenant: TenantId,
        expected: Expected,
        table: Vec<(OverrideLevel, Opening)>,
    ) -> Result<u64, StoreError> {
        let revision = self.override_lock(tenant, expected).await?;
        let before = by_level(self.view().override_list(tenant).await?.overrides);
        let steps = override_steps(&before, &table.into_iter().collect());
        if steps.is_empty() {
            return Ok(revision);
        }
        self.override_apply(tenant, revision, steps).await
    }

    /// Brings a tenant's table back to what it was at a revision: as a new one, so that this can be
    /// taken back as well.
    pub async fn override_rollback(
        &mut self,
        tenant: TenantId,
        expected: Expected,
        revision: u64,
    ) -> Result<u64, StoreError> {
        let table = self.view().override_list_at(tenant, revision).await?;
        let table = by_level(table.overrides).into_iter().collect();
        self.override_replace(tenant, expected, table).await
    }

    /// The table's revision; nobody else changes the table until this change ends.
    async fn override_lock(
        &mut self,
        tenant: TenantId,
        expected: Expected,
    ) -> Result<u64, StoreError> {
        self.view().tenant(tenant).await?;
        let statement = Statement::new(
            "INSERT INTO override_head (tenant, revision) VALUES ($1, 0) \
             ON CONFLICT (tenant) DO UPDATE SET revision = override_head.revision \
             RETURNING revision",
        );
        let revision = self.view().found(statement.bind(tenant)).await?.number("revision")?;
        expected.meet(revision)?;
        Ok(revision)
    }

    async fn override_apply(
        &mut self,
        tenant: TenantId,
        revision: u64,
        steps: Vec<OverrideStep>,
    ) -> Result<u64, StoreError> {
        let revision = revision.saturating_add(1);
        let head = Statement::new("UPDATE override_head SET revision = $2 WHERE tenant = $1");
        self.view().connection().execute(head.bind(tenant).bind(revision)).await?;
        let history = Statement::new(
            "INSERT INTO override_revision (tenant, revision, at, actor, steps) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(tenant)
        .bind(revision)
        .bind(self.now())
        .bind(self.view().caller().actor().to_string())
        .bind(Value::json(&steps)?);
        self.view().connection().execute(history).await?;
        let mut opened = Vec::new();
        for OverrideStep { level, before, after } in steps {
            let (name, subject) = level_columns(&level);
            if before.is_some() {
                let statement = Statement::new(
                    "DELETE FROM path_override \
                     WHERE tenant = $1 AND level = $2 AND subject = $3",
                );
                let statement = statement.bind(tenant).bind(name).bind(&*subject);
                self.view().connection().execute(statement).await?;
            }
            let row = |opens| PathOverride { tenant, level: level.clone(), opens };
            let (before, after) = (before.map(row), after.map(row));
            let object = level.subject(tenant);
            self.note("override.set", Some(tenant), &object, before.as_ref(), after.as_ref());
            match after {
                Some(set) => {
                    let opens = Value::json(&set.opens)?;
                    opened.push(vec![tenant.into(), name.into(), subject.into(), opens]);
                    self.publish(FeedEvent::OverrideSet(set));
                }
                None => self.publish(FeedEvent::OverrideRemoved { tenant, level }),
            }
        }
        let columns = &["tenant", "level", "subject", "opens"];
        self.view().connection().insert_all("path_override", columns, opened).await?;
        let data = Map::from_iter([
            ("tenant".to_owned(), tenant.0.into()),
            ("revision".to_owned(), revision.into()),
            ("actor".to_owned(), self.view().caller().actor().to_string().into()),
        ]);
        self.webhook_tell(tenant, WebhookEvent::OverrideChanged, &data).await?;
        Ok(revision)
    }
}
