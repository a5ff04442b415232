//! Chapters.

use super::change::Change;
use super::error::StoreError;
use super::statement::{Row, Statement};
use super::view::View;
use crate::control_plane::record::{Chapter, VersionId};

fn read(row: &Row) -> Result<Chapter, StoreError> {
    Ok(Chapter {
        slot: row.text("slot")?,
        title: row.text("title")?,
        starts_ms: row.number("starts_ms")?,
    })
}

impl View {
    /// A version's chapters, the first first.
    pub async fn chapter_list(&mut self, version: &VersionId) -> Result<Vec<Chapter>, StoreError> {
        self.version(version).await?;
        let statement = Statement::new(
            "SELECT slot, title, starts_ms FROM chapter WHERE version = $1 \
             ORDER BY starts_ms, slot",
        );
        let rows = self.connection().rows(statement.bind(version.as_str())).await?;
        rows.iter().map(read).collect()
    }
}

impl Change {
    /// Puts chapters in place of a version's.
    pub async fn chapter_replace(
        &mut self,
        version: &VersionId,
        mut chapters: Vec<Chapter>,
    ) -> Result<Vec<Chapter>, StoreError> {
        let content = self.view().version(version).await?.content;
        let owner = self.content_lock(&content).await?;
        let before = self.view().chapter_list(version).await?;
        chapters
            .sort_by(|one, other| (one.starts_ms, &one.slot).cmp(&(other.starts_ms, &other.slot)));
        let statement = Statement::new("DELETE FROM chapter WHERE version = $1");
        self.view().connection().execute(statement.bind(version.as_str())).await?;
        let rows = chapters.iter().map(|Chapter { slot, title, starts_ms }| {
            vec![version.as_str().into(), slot.into(), title.into(), (*starts_ms).into()]
        });
        let columns = &["version", "slot", "title", "starts_ms"];
        self.view().connection().insert_all("chapter", columns, rows.collect()).await?;
        let tenant = Some(owner.tenant);
        self.note_list("chapter.set", tenant, version.as_str(), &before, &chapters);
        self.content_touched(&content).await?;
        Ok(chapters)
    }
}
