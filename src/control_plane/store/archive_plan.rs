//! Archives that were promised to somebody.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    ArchiveDelivery, ArchivePlan, ArchivePlanEntry, ArchivePlanId, ContentId, Manifest,
    PositionSet, SecretHash, SourceDelivery,
};

/// Plans that are forgotten at a time, with all their entries.
const FORGOTTEN_AT_ONCE: u64 = 50;

fn read(row: &Row) -> Result<ArchivePlan, StoreError> {
    Ok(ArchivePlan {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        issuer: row.text("issuer")?,
        manifest: match row.number::<u64>("manifest")? {
            0 => Manifest::Omitted,
            _ => Manifest::Appended,
        },
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
        entries: Vec::new(),
    })
}

fn read_entry(row: &Row) -> Result<ArchivePlanEntry, StoreError> {
    Ok(ArchivePlanEntry {
        content: row.text("content")?,
        version: row.text("version")?,
        file: row.number("file")?,
        publication: row.text("publication")?,
        channel: row.text("channel")?,
        name: row.text("name")?,
        size: row.number("size")?,
        sha256: row.text("sha256")?,
        crc32: row.number("crc32")?,
        modified_at: row.number("modified_at")?,
    })
}

impl View {
    /// The plan of that id.
    pub async fn archive_plan(&mut self, id: &ArchivePlanId) -> Result<ArchivePlan, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, issuer, manifest, created_at, expires_at FROM archive_plan \
             WHERE id = $1",
        );
        let mut plan = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(Some(plan.tenant))?;
        let statement = Statement::new(
            "SELECT content, version, file, publication, channel, name, size, sha256, crc32, \
             modified_at FROM archive_plan_entry WHERE plan = $1 ORDER BY place",
        );
        let rows = self.connection().rows(statement.bind(id.as_str())).await?;
        plan.entries = rows.iter().map(read_entry).collect::<Result<_, _>>()?;
        Ok(plan)
    }

    /// A plan of the same issuer, of the same entries, that can be had at that time still: none that
    /// was revoked since.
    pub async fn archive_plan_alike(
        &mut self,
        plan: &ArchivePlan,
        until: UnixSeconds,
    ) -> Result<Option<ArchivePlanId>, StoreError> {
        self.reach(Some(plan.tenant))?;
        let statement = Statement::new(
            "SELECT id FROM archive_plan WHERE tenant = $1 AND issuer = $2 AND digest = $3 \
             AND expires_at >= $4 AND NOT EXISTS (SELECT 1 FROM revocation WHERE tenant = $1 \
             AND (kind IN ('asset', 'tenant_epoch') \
             AND revocation.created_at >= archive_plan.created_at OR kind = 'issuer' AND subject = $2 OR kind = 'link' AND subject = archive_plan.id)) \
             ORDER BY expires_at DESC LIMIT 1",
        )
        .bind(plan.tenant)
        .bind(&plan.issuer)
        .bind(digest(plan)?.as_str())
        .bind(until);
        let row = self.connection().row(statement).await?;
        row.map(|row| row.text("id")).transpose()
    }
}

impl Change {
    /// Keeps a plan.
    pub async fn archive_plan_create(&mut self, plan: &ArchivePlan) -> Result<(), StoreError> {
        self.view().reach(Some(plan.tenant))?;
        let ArchivePlan { id, tenant, issuer, manifest, created_at, expires_at, entries } = plan;
        let statement = Statement::new(
            "INSERT INTO archive_plan (id, tenant, issuer, manifest, created_at, expires_at, \
             digest) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id.as_str())
        .bind(*tenant)
        .bind(issuer)
        .bind(u64::from(*manifest == Manifest::Appended))
        .bind(*created_at)
        .bind(*expires_at)
        .bind(digest(plan)?.as_str());
        self.view().connection().execute(statement).await?;
        let rows = (0_u64..).zip(entries).map(|(place, entry)| row(id, place, entry));
        let rows = rows.collect();
        self.view().connection().insert_all("archive_plan_entry", COLUMNS, rows).await?;
        // Its entries are in the store; in the log there need not be thousands of lines.
        let noted = ArchivePlan { entries: Vec::new(), ..plan.clone() };
        self.note("archive_plan.create", Some(*tenant), id.as_str(), None, Some(&noted));
        Ok(())
    }

    /// Notes that something of an archive is handed over to whoever makes the change: one line of the
    /// archive, whatever is asked for, and one of each content of which there was none of this archive
    /// to them before. So a log has each content that somebody had, and grows by a line where they ask
    /// again.
    pub async fn archive_delivered(
        &mut self,
        tenant: TenantId,
        plan: &ArchivePlanId,
        delivery: &ArchiveDelivery,
        contents: &[(ContentId, SourceDelivery)],
    ) -> Result<(), StoreError> {
        self.view().reach(Some(tenant))?;
        let actor = self.view().caller().actor().to_string();
        let statement = Statement::new(
            "INSERT INTO archive_delivery (plan, actor, entries) VALUES ($1, $2, '[]') \
             ON CONFLICT (plan, actor) DO UPDATE SET actor = $2 RETURNING entries",
        );
        let known = self.view().found(statement.bind(plan.as_str()).bind(&*actor)).await?;
        let known: PositionSet = known.json("entries")?;
        let is_new = |delivery: &SourceDelivery| !delivery.entry.is_some_and(|it| known.has(it));
        let mut all = known.clone();
        all.insert_all(&delivery.entries);
        if all != known {
            let statement = Statement::new(
                "UPDATE archive_delivery SET entries = $3 WHERE plan = $1 AND actor = $2",
            );
            let statement = statement.bind(plan.as_str()).bind(&*actor).bind(Value::json(&all)?);
            self.view().connection().execute(statement).await?;
        }
        self.note("archive_plan.deliver", Some(tenant), plan.as_str(), None, Some(delivery));
        for (content, delivery) in contents.iter().filter(|(_, delivery)| is_new(delivery)) {
            self.source_delivered(tenant, content, delivery)?;
        }
        Ok(())
    }

    /// Forgets plans that ended before that, some at a time. Not audited. Gives how many.
    pub async fn archive_plan_forget(&mut self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM archive_plan WHERE id IN \
             (SELECT id FROM archive_plan WHERE expires_at < $1 LIMIT $2)",
        );
        let statement = statement.bind(before).bind(FORGOTTEN_AT_ONCE);
        self.view().connection().execute(statement).await
    }
}

/// What tells plans of other entries apart.
fn digest(plan: &ArchivePlan) -> Result<SecretHash, StoreError> {
    let text = serde_json::to_string(&(plan.manifest, &plan.entries));
    Ok(SecretHash::of(&text.map_err(|_| StoreErrorKind::Corrupt)?))
}

/// The columns of a new entry.
const COLUMNS: &[&str] = &[
    "plan",
    "place",
    "content",
    "version",
    "file",
    "publication",
    "channel",
    "name",
    "size",
    "sha256",
    "crc32",
    "modified_at",
];

fn row(plan: &ArchivePlanId, place: u64, entry: &ArchivePlanEntry) -> Vec<Value> {
    let ArchivePlanEntry {
        content,
        version,
        file,
        publication,
        channel,
        name,
        size,
        sha256,
        crc32,
        modified_at,
    } = entry;
    vec![
        plan.as_str().into(),
        place.into(),
        content.as_str().into(),
        version.as_str().into(),
        (*file).into(),
        publication.wire_name().into(),
        channel.into(),
        name.into(),
        (*size).into(),
        sha256.into(),
        (*crc32).into(),
        (*modified_at).into(),
    ]
}
