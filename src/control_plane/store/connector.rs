//! Connectors, and how edges come to know the names of contents that they need.
//!
//! Whoever changes a content says its names with it, as the connectors of its folder need them
//! (`content_name`). A connector that is new needs them of contents that nobody changes:
//! those are said some at a time, each time in a change of its own, and the connector's row holds
//! how far that is, so that whoever is stopped half-way goes on there.

use std::collections::{BTreeSet, HashMap};

use super::change::Change;
use super::connection::Kind;
use super::content_part;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    AddressedBy, Connector, ConnectorClash, ConnectorDraft, ConnectorField, ConnectorId,
    ConnectorKinds, ConnectorMeant, ContentId, ContentKind, FeedEvent, FileKind, Publication,
};

/// Contents of which edges are told the names in one change.
const AT_A_TIME: u64 = 500;

/// Values that one statement has.
const STRIDE: usize = 1_000;

/// Are edges told of every name that a connector needs?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// They are.
    Done,
    /// Of some they are not yet.
    More,
}

/// Does a change of a connector need names of which edges are not told?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamingChange {
    /// Other names, or those of other contents.
    Other,
    /// The same as before.
    Same,
}

impl NamingChange {
    fn of(before: &ConnectorDraft, after: &ConnectorDraft) -> Self {
        let same = before.folder == after.folder && before.addressed_by == after.addressed_by;
        if same { Self::Same } else { Self::Other }
    }
}

fn read(row: &Row) -> Result<Connector, StoreError> {
    let kinds = row.text::<Box<str>>("kinds")?;
    let kinds: Option<Vec<ContentKind>> =
        kinds.split_whitespace().map(ContentKind::from_wire_name).collect();
    let kinds = kinds.as_deref().and_then(ConnectorKinds::of).ok_or(StoreErrorKind::Corrupt)?;
    let addressed_by = row.text::<Box<str>>("addressed_by")?;
    let addressed_by = match (&*addressed_by, row.text_opt("metadata")?) {
        (CONTENT_ID, None) => AddressedBy::ContentId,
        (METADATA, Some(field)) => AddressedBy::Metadata(field),
        (PRETTY_ID, None) => AddressedBy::PrettyId,
        (_, _) => return Err(StoreErrorKind::Corrupt.into()),
    };
    Ok(Connector {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        draft: ConnectorDraft {
            name: row.text("name")?,
            folder: row.number("folder")?,
            kinds,
            addressed_by,
            https: row.text("https")?,
            ambiguity: row.text("ambiguity")?,
            state: row.text("state")?,
        },
        created_at: row.number("created_at")?,
        revision: row.number("revision")?,
    })
}

const CONTENT_ID: &str = "content_id";
const METADATA: &str = "metadata";
const PRETTY_ID: &str = "pretty_id";

/// What addresses are made of, and the field where they are made of one.
fn written(addressed_by: &AddressedBy) -> (&'static str, Option<&str>) {
    match addressed_by {
        AddressedBy::ContentId => (CONTENT_ID, None),
        AddressedBy::Metadata(field) => (METADATA, Some(field)),
        AddressedBy::PrettyId => (PRETTY_ID, None),
    }
}

fn kinds(kinds: ConnectorKinds) -> String {
    kinds.chosen().iter().map(|kind| kind.wire_name()).collect::<Vec<_>>().join(" ")
}

impl View {
    /// The connector of that id.
    pub async fn connector(&mut self, id: &ConnectorId) -> Result<Connector, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, name, folder, kinds, addressed_by, metadata, https, ambiguity, \
             state, created_at, revision FROM connector WHERE id = $1",
        );
        let connector = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(Some(connector.tenant))?;
        Ok(connector)
    }

    /// A tenant's connectors, the oldest first.
    pub async fn connector_list(
        &mut self,
        tenant: TenantId,
        page: &Page<ConnectorId>,
    ) -> Result<Listed<Connector, ConnectorId>, StoreError> {
        self.reach(Some(tenant))?;
        self.connectors(Some(tenant), None, page).await
    }

    /// The connectors of a folder, the oldest first.
    pub async fn connector_list_of_folder(
        &mut self,
        folder: ChannelId,
        page: &Page<ConnectorId>,
    ) -> Result<Listed<Connector, ConnectorId>, StoreError> {
        let tenant = self.folder(folder).await?.tenant;
        self.connectors(Some(tenant), Some(folder), page).await
    }

    /// Every connector, the oldest first.
    pub async fn connector_list_all(
        &mut self,
        page: &Page<ConnectorId>,
    ) -> Result<Listed<Connector, ConnectorId>, StoreError> {
        self.reach(None)?;
        self.connectors(None, None, page).await
    }

    async fn connectors(
        &mut self,
        tenant: Option<TenantId>,
        folder: Option<ChannelId>,
        page: &Page<ConnectorId>,
    ) -> Result<Listed<Connector, ConnectorId>, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, name, folder, kinds, addressed_by, metadata, https, ambiguity, \
             state, created_at, revision FROM connector \
             WHERE ($1 IS NULL OR tenant = $1) AND ($2 IS NULL OR folder = $2) AND id > $3 \
             ORDER BY id LIMIT $4",
        )
        .bind(tenant)
        .bind(folder)
        .bind(page.after.as_ref().map_or("", ConnectorId::as_str))
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let connectors = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(connectors, page, |connector: &Connector| connector.id.clone()))
    }

    /// Connectors of which edges are not told every name yet; some of them.
    pub async fn connector_list_unnamed(&mut self) -> Result<Vec<ConnectorId>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id FROM connector WHERE named_through IS NOT NULL ORDER BY id LIMIT 100",
        );
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| row.text("id")).collect()
    }

    /// What several contents of a folder say in a field, whatever becomes of them; by value.
    pub async fn connector_clash_list(
        &mut self,
        folder: ChannelId,
        field: &str,
        page: &Page<Box<str>>,
    ) -> Result<Listed<ConnectorClash, Box<str>>, StoreError> {
        self.folder(folder).await?;
        let statement = Statement::new(
            "SELECT said.value, CAST(COUNT(*) AS BIGINT) AS contents FROM (\
             SELECT DISTINCT content_metadata.content, content_metadata.value \
             FROM content_metadata JOIN content ON content.id = content_metadata.content \
             WHERE content.folder = $1 AND content_metadata.name = $2 \
             AND ($3 IS NULL OR content_metadata.value > $3)) AS said \
             GROUP BY said.value HAVING COUNT(*) > 1 ORDER BY said.value LIMIT $4",
        )
        .bind(folder)
        .bind(field)
        .bind(page.after.as_deref())
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let clashes = rows
            .iter()
            .map(|row| {
                Ok(ConnectorClash { value: row.text("value")?, contents: row.number("contents")? })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Listed::cut(clashes, page, |clash: &ConnectorClash| clash.value.clone()))
    }

    /// The fields of metadata that contents of a folder have, by name; the first `most` of them.
    pub async fn connector_field_list(
        &mut self,
        folder: ChannelId,
        most: u16,
    ) -> Result<Vec<ConnectorField>, StoreError> {
        self.folder(folder).await?;
        let statement = Statement::new(
            "SELECT content_metadata.name, \
             CAST(COUNT(DISTINCT content_metadata.content) AS BIGINT) AS contents \
             FROM content_metadata JOIN content ON content.id = content_metadata.content \
             WHERE content.folder = $1 GROUP BY content_metadata.name \
             ORDER BY content_metadata.name LIMIT $2",
        );
        let rows = self.connection().rows(statement.bind(folder).bind(u64::from(most))).await?;
        rows.iter()
            .map(|row| {
                Ok(ConnectorField { name: row.text("name")?, contents: row.number("contents")? })
            })
            .collect()
    }

    /// The contents of a folder that say one of these in a field, in the order in which they are
    /// meant, each with what it says; at most so many of each.
    pub async fn connector_namesakes(
        &mut self,
        folder: ChannelId,
        field: &str,
        values: &BTreeSet<Box<str>>,
        most_of_each: u64,
    ) -> Result<Vec<(Box<str>, ContentId)>, StoreError> {
        self.folder(folder).await?;
        let mut namesakes = Vec::new();
        for values in strides(values) {
            let statement = Statement::new(
                "SELECT value, id FROM (SELECT value, id, \
                 ROW_NUMBER() OVER (PARTITION BY value ORDER BY created_at, id) AS place FROM (\
                 SELECT DISTINCT content_metadata.value, content.id, content.created_at \
                 FROM content_metadata JOIN content ON content.id = content_metadata.content \
                 WHERE content.folder = $1 AND content_metadata.name = $2 \
                 AND content_metadata.value IN",
            )
            .bind(folder)
            .bind(field)
            .one_of(values)
            .followed_by(
                ") AS said) AS placed WHERE place <= ? ORDER BY value, place",
                most_of_each,
            );
            for row in self.connection().rows(statement).await? {
                namesakes.push((row.text("value")?, row.text("id")?));
            }
        }
        Ok(namesakes)
    }

    /// Which content is meant by each of these in a field, and how many have it, of those in a folder
    /// that are of such kinds, published at that time, and have an original: what an edge gives.
    pub async fn connector_meant(
        &mut self,
        folder: ChannelId,
        field: &str,
        kinds: ConnectorKinds,
        now: UnixSeconds,
        values: &BTreeSet<Box<str>>,
    ) -> Result<HashMap<Box<str>, ConnectorMeant>, StoreError> {
        self.folder(folder).await?;
        let kinds = ContentKind::ALL.iter().filter(|kind| kinds.takes(**kind));
        let kinds: Vec<Value> = kinds.map(|kind| kind.wire_name().into()).collect();
        let mut meant = HashMap::new();
        for values in strides(values) {
            let statement = Statement::new(
                "SELECT value, id, contents FROM (SELECT value, id, \
                 ROW_NUMBER() OVER (PARTITION BY value ORDER BY created_at, id) AS place, \
                 COUNT(*) OVER (PARTITION BY value) AS contents FROM (\
                 SELECT DISTINCT content_metadata.value, content.id, content.created_at \
                 FROM content_metadata JOIN content ON content.id = content_metadata.content \
                 WHERE content.folder = $1 AND content_metadata.name = $2 \
                 AND content.publication = $3 \
                 AND (NOT EXISTS (SELECT 1 FROM content_period WHERE content = content.id) \
                 OR EXISTS (SELECT 1 FROM content_period WHERE content = content.id \
                 AND (starts_at IS NULL OR starts_at <= $4) \
                 AND (ends_at IS NULL OR ends_at > $4))) \
                 AND content.kind IN",
            )
            .bind(folder)
            .bind(field)
            .bind(Publication::Published.wire_name())
            .bind(now)
            .one_of(kinds.clone())
            .followed_by(
                "AND EXISTS (SELECT 1 FROM file WHERE file.version = content.active_version \
                 AND file.kind = ?) AND content_metadata.value IN",
                FileKind::Source.wire_name(),
            )
            .one_of(values)
            .followed_by(") AS said) AS placed WHERE place = ?", 1_u64);
            for row in self.connection().rows(statement).await? {
                let first = row.text("id")?;
                meant.insert(
                    row.text("value")?,
                    ConnectorMeant { first, contents: row.number("contents")? },
                );
            }
        }
        Ok(meant)
    }
}

/// Values that are looked up at once: a statement has a place for each.
fn strides(values: &BTreeSet<Box<str>>) -> impl Iterator<Item = Vec<Value>> {
    let values: Vec<Value> = values.iter().map(Value::from).collect();
    let strides: Vec<Vec<Value>> = values.chunks(STRIDE).map(<[_]>::to_vec).collect();
    strides.into_iter()
}

impl Change {
    /// Makes a connector. A folder of another tenant is [`StoreErrorKind::Referenced`].
    pub async fn connector_create(
        &mut self,
        tenant: TenantId,
        draft: ConnectorDraft,
    ) -> Result<Connector, StoreError> {
        self.hold_contents(&draft.addressed_by).await?;
        self.connector_folder(tenant, draft.folder).await?;
        let created_at = self.now();
        let id = ConnectorId::random(created_at)?;
        let made = Connector { id, tenant, draft, created_at, revision: 1 };
        let (addressed_by, metadata) = written(&made.draft.addressed_by);
        let statement = Statement::new(
            "INSERT INTO connector (id, tenant, name, folder, kinds, addressed_by, metadata, \
             https, ambiguity, state, created_at, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1)",
        )
        .bind(made.id.as_str())
        .bind(tenant)
        .bind(&made.draft.name)
        .bind(made.draft.folder)
        .bind(kinds(made.draft.kinds))
        .bind(addressed_by)
        .bind(metadata)
        .bind(made.draft.https.wire_name())
        .bind(made.draft.ambiguity.wire_name())
        .bind(made.draft.state.wire_name())
        .bind(created_at);
        self.view().connection().execute(statement).await?;
        self.begin_naming(&made).await?;
        self.note("connector.create", Some(tenant), made.id.as_str(), None, Some(&made));
        self.publish(FeedEvent::ConnectorSet(made.clone()));
        Ok(made)
    }

    /// Says something else about a connector: everything that can be said, at once.
    pub async fn connector_replace(
        &mut self,
        id: &ConnectorId,
        expected: Expected,
        draft: ConnectorDraft,
    ) -> Result<Connector, StoreError> {
        let seen = self.view().connector(id).await?;
        expected.meet(seen.revision)?;
        let naming = NamingChange::of(&seen.draft, &draft);
        if naming == NamingChange::Other {
            self.hold_contents(&draft.addressed_by).await?;
        }
        let before = self.connector_lock(id).await?;
        // What was to be done came of it.
        Expected::Revision(seen.revision).meet(before.revision)?;
        self.connector_folder(before.tenant, draft.folder).await?;
        let (addressed_by, metadata) = written(&draft.addressed_by);
        let statement = Statement::new(
            "UPDATE connector SET name = $2, folder = $3, kinds = $4, addressed_by = $5, \
             metadata = $6, https = $7, ambiguity = $8, state = $9, revision = revision + 1 \
             WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(&draft.name)
        .bind(draft.folder)
        .bind(kinds(draft.kinds))
        .bind(addressed_by)
        .bind(metadata)
        .bind(draft.https.wire_name())
        .bind(draft.ambiguity.wire_name())
        .bind(draft.state.wire_name());
        self.view().connection().execute(statement).await?;
        let after = self.view().connector(id).await?;
        match naming {
            NamingChange::Other => self.begin_naming(&after).await?,
            // It goes on where it is.
            NamingChange::Same => {}
        }
        let tenant = Some(after.tenant);
        self.note("connector.update", tenant, id.as_str(), Some(&before), Some(&after));
        self.publish(FeedEvent::ConnectorSet(after.clone()));
        Ok(after)
    }

    /// Removes a connector. What edges know of names for it, they forget as contents change.
    pub async fn connector_remove(
        &mut self,
        id: &ConnectorId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.connector_lock(id).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM connector WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.note("connector.remove", Some(before.tenant), id.as_str(), Some(&before), None);
        self.publish(FeedEvent::ConnectorRemoved { id: before.id });
        Ok(())
    }

    /// Has edges told the names of some more contents that a connector needs.
    pub async fn connector_name_more(&mut self, id: &ConnectorId) -> Result<Naming, StoreError> {
        let connector = self.connector_lock(id).await?;
        let statement = Statement::new("SELECT named_through FROM connector WHERE id = $1");
        let row = self.view().found(statement.bind(id.as_str())).await?;
        match row.text_opt::<Box<str>>("named_through")? {
            Some(through) => self.name_behind(&connector, &through).await,
            None => Ok(Naming::Done),
        }
    }

    /// The first of the names that a connector needs. Where there are few, they are all.
    async fn begin_naming(&mut self, connector: &Connector) -> Result<(), StoreError> {
        match &connector.draft.addressed_by {
            AddressedBy::ContentId => {
                let statement = Statement::new(
                    "UPDATE connector SET named_through = NULL \
                     WHERE id = $1 AND named_through IS NOT NULL",
                );
                let statement = statement.bind(connector.id.as_str());
                self.view().connection().execute(statement).await.map(drop)
            }
            AddressedBy::Metadata(_) | AddressedBy::PrettyId => {
                self.name_behind(connector, "").await.map(drop)
            }
        }
    }

    /// Has edges told the names of contents behind that one, which nobody changes meanwhile.
    async fn name_behind(
        &mut self,
        connector: &Connector,
        through: &str,
    ) -> Result<Naming, StoreError> {
        let statement = Statement::new(
            "SELECT id FROM content WHERE folder = $1 AND id > $2 ORDER BY id LIMIT $3",
        );
        let statement = statement.bind(connector.draft.folder).bind(through).bind(AT_A_TIME);
        let rows = self.view().connection().rows(statement).await?;
        let contents: Vec<ContentId> =
            rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        if !contents.is_empty() {
            let lock = Statement::any_of(
                "UPDATE content SET revision = revision WHERE id IN",
                content_part::ids(contents.iter()),
                "",
            );
            self.view().connection().execute(lock).await?;
        }
        for content in &contents {
            self.touch_content(content);
        }
        let last = contents.last().filter(|_| contents.len() as u64 == AT_A_TIME);
        let statement = Statement::new("UPDATE connector SET named_through = $2 WHERE id = $1")
            .bind(connector.id.as_str())
            .bind(last.map(ContentId::as_str));
        self.view().connection().execute(statement).await?;
        Ok(if last.is_some() { Naming::More } else { Naming::Done })
    }

    /// Waits for whoever changes contents at this moment, and has whoever begins to wait for the end
    /// of this change. Otherwise a content that is changed beside it would be said without a name:
    /// by somebody who saw no connector, and behind the one who names what is there. SQLite has one
    /// writer anyway.
    async fn hold_contents(&mut self, addressed_by: &AddressedBy) -> Result<(), StoreError> {
        let connection = self.view().connection();
        match (connection.kind(), addressed_by) {
            (Kind::Postgres, AddressedBy::Metadata(_) | AddressedBy::PrettyId) => {
                let lock = Statement::new("LOCK TABLE content IN SHARE ROW EXCLUSIVE MODE");
                connection.execute(lock).await.map(drop)
            }
            (Kind::Postgres, AddressedBy::ContentId) | (Kind::Sqlite, _) => Ok(()),
        }
    }

    /// The connector, which nobody else changes until this change ends.
    async fn connector_lock(&mut self, id: &ConnectorId) -> Result<Connector, StoreError> {
        let statement = Statement::new("UPDATE connector SET revision = revision WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.view().connector(id).await
    }

    /// Refuses a folder of another tenant.
    async fn connector_folder(
        &mut self,
        tenant: TenantId,
        folder: ChannelId,
    ) -> Result<(), StoreError> {
        match self.view().folder(folder).await {
            Ok(found) if found.tenant == tenant => Ok(()),
            Err(error) if error.kind() != StoreErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Err(StoreErrorKind::Referenced.into()),
        }
    }
}
