//! Contents.

use std::collections::{HashMap, HashSet};

use super::change::Change;
use super::content_filter::ContentFilter;
use super::content_part::{self, Parts};
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{
    Content, ContentDraft, ContentId, ContentImport, FeedEvent, FileOwner, VersionId,
};

/// The columns of a new content.
const COLUMNS: &[&str] = &[
    "id",
    "tenant",
    "folder",
    "kind",
    "url",
    "publication",
    "active_version",
    "created_at",
    "updated_at",
    "revision",
];

/// Contents looked up at a time.
const STRIDE: usize = 1_000;

fn read(row: &Row, parts: Parts) -> Result<Content, StoreError> {
    let Parts { periods, texts, metadata, tags, classifications } = parts;
    Ok(Content {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        draft: ContentDraft {
            kind: row.text("kind")?,
            folder: row.number_opt("folder")?,
            url: row.text_opt("url")?,
            publication: row.text("publication")?,
            periods,
            texts,
            metadata,
            tags,
            classifications,
        },
        active_version: row.text_opt("active_version")?,
        created_at: row.number("created_at")?,
        updated_at: row.number("updated_at")?,
        revision: row.number("revision")?,
    })
}

impl View {
    /// The content of that id.
    pub async fn content(&mut self, id: &ContentId) -> Result<Content, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, folder, kind, url, publication, active_version, created_at, \
             updated_at, revision FROM content WHERE id = $1",
        );
        let row = self.found(statement.bind(id.as_str())).await?;
        self.reach(Some(row.number("tenant")?))?;
        let mut contents = self.with_parts(vec![row]).await?;
        contents.pop().ok_or_else(|| StoreErrorKind::NotFound.into())
    }

    /// A tenant's contents, by id.
    pub async fn content_list(
        &mut self,
        tenant: TenantId,
        filter: &ContentFilter,
        page: &Page<ContentId>,
    ) -> Result<Listed<Content, ContentId>, StoreError> {
        self.reach(Some(tenant))?;
        let after = page.after.as_ref().map_or("", ContentId::as_str);
        let statement = filter.statement(tenant, after, page.probe().into());
        let rows = self.connection().rows(statement).await?;
        let contents = self.with_parts(rows).await?;
        Ok(Listed::cut(contents, page, |content: &Content| content.id.clone()))
    }

    /// The content with that name for people in a language.
    pub async fn content_by_pretty_id(
        &mut self,
        tenant: TenantId,
        language: &str,
        pretty_id: &str,
    ) -> Result<Content, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT content FROM content_text \
             WHERE tenant = $1 AND language = $2 AND pretty_id = $3",
        );
        let statement = statement.bind(tenant).bind(language).bind(pretty_id);
        let id: ContentId = self.found(statement).await?.text("content")?;
        self.content(&id).await
    }

    /// Those of these contents that a tenant has, by id.
    pub async fn contents_of(
        &mut self,
        tenant: TenantId,
        contents: &[ContentId],
    ) -> Result<Vec<Content>, StoreError> {
        self.reach(Some(tenant))?;
        let mut found = Vec::with_capacity(contents.len());
        for some in contents.chunks(STRIDE) {
            let statement = Statement::any_of(
                "SELECT id, tenant, folder, kind, url, publication, active_version, created_at, \
                 updated_at, revision FROM content WHERE id IN",
                content_part::ids(some.iter()),
                "ORDER BY id",
            );
            let rows = self.connection().rows(statement).await?;
            found.extend(self.with_parts(rows).await?);
        }
        found.retain(|content| content.tenant == tenant);
        Ok(found)
    }

    /// The folders of those of a tenant's contents that there are.
    pub async fn content_folders(
        &mut self,
        tenant: TenantId,
        contents: &[ContentId],
    ) -> Result<HashMap<ContentId, Option<ChannelId>>, StoreError> {
        self.reach(Some(tenant))?;
        let mut known = HashMap::with_capacity(contents.len());
        if contents.is_empty() {
            return Ok(known);
        }
        let statement = Statement::any_of(
            "SELECT id, tenant, folder FROM content WHERE id IN",
            content_part::ids(contents.iter()),
            "",
        );
        for row in self.connection().rows(statement).await? {
            if row.number::<TenantId>("tenant")? == tenant {
                known.insert(row.text("id")?, row.number_opt("folder")?);
            }
        }
        Ok(known)
    }

    async fn with_parts(&mut self, rows: Vec<Row>) -> Result<Vec<Content>, StoreError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<ContentId> =
            rows.iter().map(|row| row.text("id")).collect::<Result<_, _>>()?;
        let values = content_part::ids(ids.iter());
        let mut parts = content_part::parts(self.connection(), values).await?;
        rows.iter()
            .zip(ids)
            .map(|(row, id)| read(row, parts.remove(&id).unwrap_or_default()))
            .collect()
    }
}

impl Change {
    /// Makes a content, without a version yet.
    pub async fn content_create(
        &mut self,
        tenant: TenantId,
        draft: ContentDraft,
    ) -> Result<Content, StoreError> {
        let import = ContentImport { id: None, draft, files: Vec::new(), active_thumbnail: None };
        let mut made = self.content_import(tenant, vec![import]).await?;
        made.pop().ok_or_else(|| StoreErrorKind::NotFound.into())
    }

    /// Makes many contents with their files, as one version of the feed. An id that is taken is
    /// [`StoreErrorKind::Conflict`], and spoils the change.
    pub async fn content_import(
        &mut self,
        tenant: TenantId,
        imports: Vec<ContentImport>,
    ) -> Result<Vec<Content>, StoreError> {
        self.content_import_numbered(tenant, imports, None).await
    }

    /// The same, whose files have the numbers from `first` on, which were taken for them before.
    pub(super) async fn content_import_numbered(
        &mut self,
        tenant: TenantId,
        imports: Vec<ContentImport>,
        first: Option<u64>,
    ) -> Result<Vec<Content>, StoreError> {
        self.view().tenant(tenant).await?;
        let pipelines = self.view().pipeline_list(tenant).await?;
        let now = self.now();
        let mut made = Vec::with_capacity(imports.len());
        let mut versions = Vec::new();
        let mut files = Vec::new();
        let mut folders = HashSet::new();
        for ContentImport { id, draft, files: drafts, active_thumbnail } in imports {
            let draft = in_order(draft);
            if let Some(folder) = draft.folder
                && folders.insert(folder)
            {
                self.content_folder(tenant, folder).await?;
            }
            let is_own = |pipeline| pipelines.iter().any(|own| own.number == pipeline);
            if !drafts.iter().all(|file| is_own(file.pipeline)) {
                return Err(StoreErrorKind::Referenced.into());
            }
            let id = id.map_or_else(ContentId::random, Ok)?;
            let version = if drafts.is_empty() { None } else { Some(VersionId::random(now)?) };
            if let Some(version) = &version {
                versions.push(vec![
                    version.as_str().into(),
                    id.as_str().into(),
                    Value::from(1_u64),
                    "".into(),
                    active_thumbnail.as_deref().into(),
                    now.into(),
                ]);
                let owner = FileOwner::Version(version.clone());
                files.extend(drafts.into_iter().map(|draft| (owner.clone(), draft)));
            }
            made.push(Content {
                id,
                tenant,
                draft,
                active_version: version,
                created_at: now,
                updated_at: now,
                revision: 1,
            });
        }
        let rows = made.iter().map(row).collect();
        self.view().connection().insert_all("content", COLUMNS, rows).await?;
        let parts = made.iter().map(|content| (&content.id, &content.draft));
        content_part::write(self.view().connection(), tenant, parts).await?;
        let columns = &["id", "content", "number", "label", "active_thumbnail", "created_at"];
        self.view().connection().insert_all("version", columns, versions).await?;
        match first {
            Some(first) => self.file_insert_from(first, files).await?,
            None => self.file_insert(files).await?,
        };
        for content in &made {
            self.touch_content(&content.id);
            self.note("content.create", Some(tenant), content.id.as_str(), None, Some(content));
        }
        Ok(made)
    }

    /// Says something else about a content: everything that can be said, at once.
    pub async fn content_replace(
        &mut self,
        id: &ContentId,
        expected: Expected,
        draft: ContentDraft,
    ) -> Result<Content, StoreError> {
        let before = self.content_lock(id).await?;
        expected.meet(before.revision)?;
        let draft = in_order(draft);
        if let Some(folder) = draft.folder {
            self.content_folder(before.tenant, folder).await?;
        }
        let statement = Statement::new(
            "UPDATE content SET folder = $2, kind = $3, url = $4, publication = $5, \
             updated_at = $6, revision = revision + 1 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(draft.folder)
        .bind(draft.kind.wire_name())
        .bind(draft.url.as_deref())
        .bind(draft.publication.wire_name())
        .bind(self.now());
        self.view().connection().execute(statement).await?;
        content_part::clear(self.view().connection(), id).await?;
        let parts = std::iter::once((id, &draft));
        content_part::write(self.view().connection(), before.tenant, parts).await?;
        let after = self.view().content(id).await?;
        self.touch_content(id);
        self.note("content.update", Some(after.tenant), id.as_str(), Some(&before), Some(&after));
        Ok(after)
    }

    /// Removes a content, with its versions and what is known of their files. The files stay where
    /// they are.
    pub async fn content_remove(
        &mut self,
        id: &ContentId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.content_lock(id).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM content WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.forget_content(id);
        let tenant = before.tenant;
        self.note("content.remove", Some(tenant), id.as_str(), Some(&before), None);
        self.publish(FeedEvent::ContentRemoved { tenant, id: before.id });
        Ok(())
    }

    /// The content, which nobody else changes until this change ends.
    pub async fn content_lock(&mut self, id: &ContentId) -> Result<Content, StoreError> {
        let statement = Statement::new("UPDATE content SET revision = revision WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.view().content(id).await
    }

    /// Notes that a content's version or files changed.
    pub(super) async fn content_touched(&mut self, id: &ContentId) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE content SET updated_at = $2, revision = revision + 1 WHERE id = $1",
        );
        let statement = statement.bind(id.as_str()).bind(self.now());
        self.view().connection().execute(statement).await?;
        self.touch_content(id);
        Ok(())
    }

    /// Refuses a folder of another tenant.
    async fn content_folder(
        &mut self,
        tenant: TenantId,
        folder: ChannelId,
    ) -> Result<(), StoreError> {
        if self.view().folder(folder).await?.tenant == tenant {
            Ok(())
        } else {
            Err(StoreErrorKind::Referenced.into())
        }
    }
}

fn row(content: &Content) -> Vec<Value> {
    vec![
        content.id.as_str().into(),
        content.tenant.into(),
        content.draft.folder.into(),
        content.draft.kind.wire_name().into(),
        content.draft.url.as_deref().into(),
        content.draft.publication.wire_name().into(),
        content.active_version.as_ref().map(VersionId::as_str).into(),
        content.created_at.into(),
        content.updated_at.into(),
        content.revision.into(),
    ]
}

/// The draft as it will be read back: sorted, and each tag and classification once.
fn in_order(mut draft: ContentDraft) -> ContentDraft {
    draft.texts.sort();
    draft.metadata.sort();
    draft.tags.sort();
    draft.tags.dedup();
    draft.classifications.sort();
    draft.classifications.dedup();
    draft
}
