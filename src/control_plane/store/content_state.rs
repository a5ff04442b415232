//! What edges know of contents and folders: read when a change is committed, and for snapshots.

use std::collections::{BTreeSet, HashMap};

use super::content_part;
use super::error::StoreError;
use super::file;
use super::page::{Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{ContentId, ContentState, FileState, FolderState, VersionId};

/// Contents looked up at a time.
const STRIDE: usize = 1_000;

impl View {
    /// Contents as edges know them, by id, for a snapshot. Only whoever reaches every tenant may
    /// have all of them.
    pub async fn content_state_list(
        &mut self,
        page: &Page<ContentId>,
    ) -> Result<Listed<ContentState, ContentId>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT content.id, content.tenant, content.kind, content.folder, \
             content.publication, content.active_version, content.created_at, \
             version.active_thumbnail \
             FROM content LEFT JOIN version ON version.id = content.active_version \
             WHERE content.id > $1 ORDER BY content.id LIMIT $2",
        );
        let after = page.after.as_ref().map_or("", ContentId::as_str);
        let rows = self.connection().rows(statement.bind(after).bind(page.probe())).await?;
        let states = self.read_states(&rows).await?;
        Ok(Listed::cut(states, page, |state: &ContentState| state.id.clone()))
    }

    /// Folders that have attachments, as edges know them, for a snapshot.
    pub async fn folder_state_list(&mut self) -> Result<Vec<FolderState>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT DISTINCT folder FROM file WHERE folder IS NOT NULL ORDER BY folder",
        );
        let mut states = Vec::new();
        for row in self.connection().rows(statement).await? {
            states.push(self.folder_state(row.number("folder")?).await?);
        }
        Ok(states)
    }

    /// Those of a tenant's contents that there are, as edges know them.
    pub async fn content_states_of(
        &mut self,
        tenant: TenantId,
        contents: BTreeSet<ContentId>,
    ) -> Result<Vec<ContentState>, StoreError> {
        self.reach(Some(tenant))?;
        let mut states = self.content_states(contents).await?;
        states.retain(|state| state.tenant == tenant);
        Ok(states)
    }

    /// These contents as edges know them, where they still are.
    pub async fn content_states(
        &mut self,
        contents: BTreeSet<ContentId>,
    ) -> Result<Vec<ContentState>, StoreError> {
        let mut states = Vec::with_capacity(contents.len());
        let mut ids = content_part::ids(contents.iter());
        while !ids.is_empty() {
            let rest = ids.split_off(STRIDE.min(ids.len()));
            let statement = Statement::any_of(
                "SELECT content.id, content.tenant, content.kind, content.folder, \
                 content.publication, content.active_version, content.created_at, \
             version.active_thumbnail \
                 FROM content LEFT JOIN version ON version.id = content.active_version \
                 WHERE content.id IN",
                ids,
                "ORDER BY content.id",
            );
            let rows = self.connection().rows(statement).await?;
            states.extend(self.read_states(&rows).await?);
            ids = rest;
        }
        Ok(states)
    }

    /// A folder's attachments as edges know them.
    pub(super) async fn folder_state(
        &mut self,
        number: ChannelId,
    ) -> Result<FolderState, StoreError> {
        let tenant = self.folder(number).await?.tenant;
        let statement = Statement::new(
            "SELECT file.number, file.kind, slot, variant, origin, prefix, object_key, file.name, \
             size, mime, sha256 FROM file JOIN pipeline ON pipeline.number = file.pipeline \
             WHERE file.folder = $1 ORDER BY file.number",
        );
        let rows = self.connection().rows(statement.bind(number)).await?;
        let files = rows.iter().map(file::read_state).collect::<Result<_, _>>()?;
        Ok(FolderState { tenant, number, files })
    }

    async fn read_states(&mut self, rows: &[Row]) -> Result<Vec<ContentState>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ContentId> =
            rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        let values = content_part::ids(ids.iter());
        let mut periods = content_part::periods(self.connection(), values).await?;
        let versions: Vec<Option<VersionId>> =
            rows.iter().map(|row| row.text_opt("active_version")).collect::<Result<_, _>>()?;
        let mut files = self.states_of_versions(&versions).await?;
        let mut names = self.content_names(rows).await?;
        let mut states = Vec::with_capacity(rows.len());
        for ((row, id), version) in rows.iter().zip(ids).zip(versions) {
            let files = version.as_ref().and_then(|version| files.remove(version));
            states.push(ContentState {
                tenant: row.number("tenant")?,
                kind: row.text("kind")?,
                folder: row.number_opt("folder")?,
                publication: row.text("publication")?,
                periods: periods.remove(&id).unwrap_or_default(),
                active_thumbnail: row.text_opt("active_thumbnail")?,
                files: files.unwrap_or_default(),
                names: names.remove(&id),
                version: version.map(|version| version.as_str().into()),
                id,
            });
        }
        Ok(states)
    }

    async fn states_of_versions(
        &mut self,
        versions: &[Option<VersionId>],
    ) -> Result<HashMap<VersionId, Vec<FileState>>, StoreError> {
        let ids: Vec<Value> = versions.iter().flatten().map(|id| id.as_str().into()).collect();
        let mut files: HashMap<VersionId, Vec<FileState>> = HashMap::new();
        if ids.is_empty() {
            return Ok(files);
        }
        let statement = Statement::any_of(
            "SELECT file.version, file.number, file.kind, slot, variant, origin, prefix, \
             object_key, file.name, size, mime, sha256 \
             FROM file JOIN pipeline ON pipeline.number = file.pipeline WHERE file.version IN",
            ids,
            "ORDER BY file.number",
        );
        for row in self.connection().rows(statement).await? {
            files.entry(row.text("version")?).or_default().push(file::read_state(&row)?);
        }
        Ok(files)
    }
}
