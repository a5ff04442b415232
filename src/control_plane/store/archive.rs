//! Archives.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::control_plane::record::{Archive, ArchiveDraft, ArchiveElement, ArchiveId};

fn read(row: &Row) -> Result<Archive, StoreError> {
    Ok(Archive {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        draft: ArchiveDraft {
            pipeline: row.number("pipeline")?,
            key: row.text("object_key")?,
            name: row.text("name")?,
            elements: Vec::new(),
        },
        created_at: row.number("created_at")?,
    })
}

impl View {
    /// The archive of that id.
    pub async fn archive(&mut self, id: &ArchiveId) -> Result<Archive, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, pipeline, object_key, name, created_at FROM archive \
             WHERE id = $1",
        );
        let archive = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(Some(archive.tenant))?;
        self.with_elements(archive).await
    }

    /// The archive that an object of a pipeline is registered as.
    pub async fn archive_by_key(
        &mut self,
        pipeline: u64,
        key: &str,
    ) -> Result<Option<Archive>, StoreError> {
        self.pipeline(pipeline).await?;
        let statement = Statement::new(
            "SELECT id, tenant, pipeline, object_key, name, created_at FROM archive \
             WHERE pipeline = $1 AND object_key = $2",
        );
        let rows = self.connection().rows(statement.bind(pipeline).bind(key)).await?;
        match rows.first() {
            Some(row) => {
                let archive = read(row)?;
                self.with_elements(archive).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// A tenant's archives, the oldest first.
    pub async fn archive_list(
        &mut self,
        tenant: TenantId,
        page: &Page<ArchiveId>,
    ) -> Result<Listed<Archive, ArchiveId>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT id, tenant, pipeline, object_key, name, created_at FROM archive \
             WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3",
        )
        .bind(tenant)
        .bind(page.after.as_ref().map_or("", ArchiveId::as_str))
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let archives = rows.iter().map(read).collect::<Result<_, _>>()?;
        let mut listed = Listed::cut(archives, page, |archive: &Archive| archive.id.clone());
        let mut items = Vec::with_capacity(listed.items.len());
        for archive in listed.items {
            items.push(self.with_elements(archive).await?);
        }
        listed.items = items;
        Ok(listed)
    }

    async fn with_elements(&mut self, mut archive: Archive) -> Result<Archive, StoreError> {
        let statement = Statement::new(
            "SELECT file, name FROM archive_element WHERE archive = $1 ORDER BY place",
        );
        let rows = self.connection().rows(statement.bind(archive.id.as_str())).await?;
        archive.draft.elements = rows
            .iter()
            .map(|row| Ok(ArchiveElement { file: row.number("file")?, name: row.text("name")? }))
            .collect::<Result<_, StoreError>>()?;
        Ok(archive)
    }
}

impl Change {
    /// Registers an archive. A pipeline or a file of another tenant is
    /// [`StoreErrorKind::Referenced`].
    pub async fn archive_create(
        &mut self,
        tenant: TenantId,
        draft: ArchiveDraft,
    ) -> Result<Archive, StoreError> {
        let pipelines = self.view().pipeline_list(tenant).await?;
        let is_own = |number| pipelines.iter().any(|own| own.number == number);
        if !is_own(draft.pipeline) {
            return Err(StoreErrorKind::Referenced.into());
        }
        let files = draft.elements.iter().map(|element| element.file).collect();
        if !self.view().file_pipelines(files).await?.into_iter().all(|it| it.is_some_and(is_own)) {
            return Err(StoreErrorKind::Referenced.into());
        }
        let created_at = self.now();
        let id = ArchiveId::random(created_at)?;
        let made = Archive { id, tenant, draft, created_at };
        let statement = Statement::new(
            "INSERT INTO archive (id, tenant, pipeline, object_key, name, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(made.id.as_str())
        .bind(tenant)
        .bind(made.draft.pipeline)
        .bind(&made.draft.key)
        .bind(&made.draft.name)
        .bind(created_at);
        self.view().connection().execute(statement).await?;
        let rows = (0_u64..).zip(&made.draft.elements).map(|(place, element)| {
            let ArchiveElement { file, name } = element;
            vec![made.id.as_str().into(), place.into(), (*file).into(), name.into()]
        });
        let columns = &["archive", "place", "file", "name"];
        self.view().connection().insert_all("archive_element", columns, rows.collect()).await?;
        self.note("archive.create", Some(tenant), made.id.as_str(), None, Some(&made));
        Ok(made)
    }

    /// Forgets an archive; it stays where it is.
    pub async fn archive_remove(&mut self, id: &ArchiveId) -> Result<(), StoreError> {
        let before = self.view().archive(id).await?;
        let statement = Statement::new("DELETE FROM archive WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.note("archive.remove", Some(before.tenant), id.as_str(), Some(&before), None);
        Ok(())
    }
}
