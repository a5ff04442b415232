//! Versions of a content.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{Content, ContentId, Version, VersionId};

fn read(row: &Row) -> Result<Version, StoreError> {
    Ok(Version {
        id: row.text("id")?,
        content: row.text("content")?,
        number: row.number("number")?,
        label: row.text("label")?,
        active_thumbnail: row.text_opt("active_thumbnail")?,
        created_at: row.number("created_at")?,
    })
}

impl View {
    /// The version of that id.
    pub async fn version(&mut self, id: &VersionId) -> Result<Version, StoreError> {
        let statement = Statement::new(
            "SELECT version.id, content, number, label, active_thumbnail, version.created_at, \
             content.tenant FROM version JOIN content ON content.id = version.content \
             WHERE version.id = $1",
        );
        let row = self.found(statement.bind(id.as_str())).await?;
        self.reach(Some(row.number("tenant")?))?;
        read(&row)
    }

    /// A content's versions, the first first.
    pub async fn version_list(&mut self, content: &ContentId) -> Result<Vec<Version>, StoreError> {
        self.content(content).await?;
        let statement = Statement::new(
            "SELECT id, content, number, label, active_thumbnail, created_at FROM version \
             WHERE content = $1 ORDER BY number",
        );
        let rows = self.connection().rows(statement.bind(content.as_str())).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Makes another version of a content, with no files yet. The active one stays it.
    pub async fn version_create(
        &mut self,
        content: &ContentId,
        label: &str,
    ) -> Result<Version, StoreError> {
        let owner = self.content_lock(content).await?;
        let created_at = self.now();
        let statement = Statement::new(
            "INSERT INTO version (id, content, number, label, created_at) \
             SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4 FROM version WHERE content = $2 \
             RETURNING id, content, number, label, active_thumbnail, created_at",
        )
        .bind(VersionId::random(created_at)?.as_str())
        .bind(content.as_str())
        .bind(label)
        .bind(created_at);
        let version = read(&self.view().found(statement).await?)?;
        self.note("version.create", Some(owner.tenant), version.id.as_str(), None, Some(&version));
        self.content_touched(content).await?;
        Ok(version)
    }

    /// Makes a version the one that is handed out.
    pub async fn version_activate(&mut self, id: &VersionId) -> Result<Content, StoreError> {
        let version = self.view().version(id).await?;
        let before = self.content_lock(&version.content).await?;
        let statement = Statement::new("UPDATE content SET active_version = $2 WHERE id = $1");
        let statement = statement.bind(version.content.as_str()).bind(id.as_str());
        self.view().connection().execute(statement).await?;
        self.content_touched(&version.content).await?;
        let after = self.view().content(&version.content).await?;
        let object = after.id.as_str();
        self.note("version.activate", Some(after.tenant), object, Some(&before), Some(&after));
        Ok(after)
    }

    /// Says which of a version's thumbnails `active` means.
    pub async fn version_thumbnail_set(
        &mut self,
        id: &VersionId,
        slot: Option<&str>,
    ) -> Result<Version, StoreError> {
        let before = self.view().version(id).await?;
        let owner = self.content_lock(&before.content).await?;
        let statement = Statement::new(
            "UPDATE version SET active_thumbnail = $2 WHERE id = $1 \
             RETURNING id, content, number, label, active_thumbnail, created_at",
        );
        let after = read(&self.view().found(statement.bind(id.as_str()).bind(slot)).await?)?;
        let tenant = Some(owner.tenant);
        self.note("version.thumbnail", tenant, id.as_str(), Some(&before), Some(&after));
        self.content_touched(&after.content).await?;
        Ok(after)
    }

    /// Removes a version that is not the active one ([`StoreErrorKind::Conflict`]).
    pub async fn version_remove(&mut self, id: &VersionId) -> Result<(), StoreError> {
        let before = self.view().version(id).await?;
        let owner = self.content_lock(&before.content).await?;
        if owner.active_version.as_ref() == Some(id) {
            return Err(StoreErrorKind::Conflict.into());
        }
        let statement = Statement::new("DELETE FROM version WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.note("version.remove", Some(owner.tenant), id.as_str(), Some(&before), None);
        self.content_touched(&before.content).await
    }
}
