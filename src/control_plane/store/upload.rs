//! Uploads.

use std::collections::HashMap;

use super::change::Change;
use super::counter::Counted;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    ContentId, ContentImport, FileDraft, FileOwner, Pipeline, SecretHash, Upload, UploadDraft,
    UploadState, VersionId, VersionOf, VersionStanding,
};

/// Uploads that are looked at in one go by whoever cleans up.
const AT_ONCE: u64 = 100;

/// Uploads, with all that [`read`] reads; the rest says which.
macro_rules! selected {
    ($which:literal) => {
        concat!(
            "SELECT number, tenant, pipeline, object_key, name, mime, size, sha256, folder, \
             metadata, issuer, form_secret, most, place, state, chunks, form_bytes, put, problem, \
             content, unused_until, created_at, expires_at, version_of, standing, version \
             FROM upload ",
            $which
        )
    };
}

fn read(row: &Row) -> Result<Upload, StoreError> {
    let version_of = match row.text_opt("version_of")? {
        Some(content) => Some(VersionOf { content, standing: row.text("standing")? }),
        None => None,
    };
    Ok(Upload {
        number: row.number("number")?,
        tenant: row.number("tenant")?,
        draft: UploadDraft {
            pipeline: row.number("pipeline")?,
            key: row.text("object_key")?,
            name: row.text("name")?,
            mime: row.text_opt("mime")?,
            size: row.number_opt("size")?,
            sha256: row.text_opt("sha256")?,
            folder: row.number_opt("folder")?,
            version_of,
            metadata: row.text_opt("metadata")?,
            issuer: row.text("issuer")?,
            form_secret: row.text_opt("form_secret")?,
            most: row.number("most")?,
            place: row.text("place")?,
            unused_until: row.number_opt("unused_until")?,
        },
        state: row.text("state")?,
        chunks: row.number("chunks")?,
        form_bytes: row.number("form_bytes")?,
        put: row.text_opt("put")?,
        problem: row.text_opt("problem")?,
        content: row.text_opt("content")?,
        version: row.text_opt("version")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
    })
}

/// What a tenant has, in bytes, and has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadStanding {
    /// Bytes of its files, and of uploads that are not files yet as far as their sizes were said.
    pub bytes: u64,
    /// Uploads that are not files yet.
    pub open: u64,
}

impl View {
    /// The upload of that number.
    pub async fn upload(&mut self, number: u64) -> Result<Upload, StoreError> {
        let statement = Statement::new(selected!("WHERE number = $1"));
        let upload = read(&self.found(statement.bind(number)).await?)?;
        self.reach(Some(upload.tenant))?;
        Ok(upload)
    }

    /// How far these uploads are; nothing of those that there are not.
    pub async fn upload_states(
        &mut self,
        numbers: &[u64],
    ) -> Result<HashMap<u64, UploadState>, StoreError> {
        self.reach(None)?;
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let values = numbers.iter().map(|number| (*number).into()).collect();
        let statement =
            Statement::any_of("SELECT number, state FROM upload WHERE number IN", values, "");
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| Ok((row.number("number")?, row.text("state")?))).collect()
    }

    /// A tenant's uploads, by number.
    pub async fn upload_list(
        &mut self,
        tenant: TenantId,
        page: &Page<u64>,
    ) -> Result<Listed<Upload, u64>, StoreError> {
        self.reach(Some(tenant))?;
        let statement =
            Statement::new(selected!("WHERE tenant = $1 AND number > $2 ORDER BY number LIMIT $3"))
                .bind(tenant)
                .bind(page.after.unwrap_or(0))
                .bind(page.probe());
        let uploads = self.uploads(statement).await?;
        Ok(Listed::cut(uploads, page, |upload: &Upload| upload.number))
    }

    /// Those of a place that are in a state, some of them, the oldest first.
    pub async fn upload_list_at(
        &mut self,
        place: &str,
        state: UploadState,
        after: u64,
    ) -> Result<Vec<Upload>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(selected!(
            "WHERE state = $1 AND place = $2 AND number > $3 ORDER BY number LIMIT $4"
        ))
        .bind(state.wire_name())
        .bind(place)
        .bind(after)
        .bind(AT_ONCE);
        self.uploads(statement).await
    }

    /// Those whose objects are to be deleted, some of them.
    pub async fn upload_list_deleting(&mut self) -> Result<Vec<Upload>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(selected!(
            "WHERE state = 'deleting' \
             ORDER BY number LIMIT $1"
        ));
        self.uploads(statement.bind(AT_ONCE)).await
    }

    /// Those that are over, some of them: not complete in time, or complete and of a file that there
    /// is not any more.
    pub async fn upload_list_over(&mut self, now: UnixSeconds) -> Result<Vec<Upload>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(selected!(
            "WHERE expires_at < $1 AND (state IN ('uploading', 'failed') \
             OR state = 'completed' AND unused_until IS NULL AND NOT EXISTS \
             (SELECT 1 FROM file WHERE file.number = upload.number)) ORDER BY expires_at LIMIT $2"
        ))
        .bind(now)
        .bind(AT_ONCE);
        self.uploads(statement).await
    }

    /// Complete ones whose file was to be used by now, some of them.
    pub async fn upload_list_unused(
        &mut self,
        now: UnixSeconds,
    ) -> Result<Vec<Upload>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(selected!(
            "WHERE unused_until < $1 AND state = 'completed' ORDER BY unused_until LIMIT $2"
        ))
        .bind(now)
        .bind(AT_ONCE);
        self.uploads(statement).await
    }

    /// Is that key of a pipeline taken: by a file, an archive, or an upload under way?
    pub async fn upload_key_taken(&mut self, pipeline: u64, key: &str) -> Result<bool, StoreError> {
        self.pipeline(pipeline).await?;
        let statement = Statement::new(
            "SELECT 1 AS taken FROM file WHERE pipeline = $1 AND object_key = $2 UNION \
             SELECT 1 FROM archive WHERE pipeline = $1 AND object_key = $2 UNION \
             SELECT 1 FROM upload WHERE pipeline = $1 AND object_key = $2 \
             AND (state IN ('uploading', 'completing', 'deleting') OR unused_until IS NOT NULL)",
        );
        let rows = self.connection().rows(statement.bind(pipeline).bind(key)).await?;
        Ok(!rows.is_empty())
    }

    /// What a tenant has and has begun.
    pub async fn upload_standing(
        &mut self,
        tenant: TenantId,
    ) -> Result<UploadStanding, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(
            "SELECT CAST(COALESCE((SELECT SUM(file.size) FROM file \
             JOIN pipeline ON pipeline.number = file.pipeline WHERE pipeline.tenant = $1), 0) \
             + COALESCE((SELECT SUM(COALESCE(upload.size, upload.form_bytes)) FROM upload \
             WHERE tenant = $1 AND state IN ('uploading', 'completing')), 0) AS BIGINT) AS bytes, \
             (SELECT COUNT(*) FROM upload WHERE tenant = $1 AND state IN \
             ('uploading', 'completing')) AS open",
        );
        let row = self.found(statement.bind(tenant)).await?;
        Ok(UploadStanding { bytes: row.number("bytes")?, open: row.number("open")? })
    }

    /// Was a file used: is there a link to it, is its object anything else as well, or did anybody
    /// change what it is a file of?
    pub async fn upload_is_used(&mut self, upload: &Upload) -> Result<bool, StoreError> {
        self.reach(Some(upload.tenant))?;
        let statement = Statement::new(
            "SELECT 1 AS used FROM download_link WHERE tenant = $1 AND file = $2 UNION \
             SELECT 1 FROM archive_element WHERE file = $2 UNION \
             SELECT 1 FROM content WHERE id = $3 AND (revision > 1 OR publication <> 'unpublished')",
        );
        let content = upload.content.as_ref().map(ContentId::as_str);
        let statement = statement.bind(upload.tenant).bind(upload.number).bind(content);
        let is_used = !self.connection().rows(statement).await?.is_empty();
        Ok(is_used || self.upload_is_shared(upload).await?)
    }

    /// Is the object of an upload anything else as well?
    pub async fn upload_is_shared(&mut self, upload: &Upload) -> Result<bool, StoreError> {
        self.reach(None)?;
        for (pipeline, key) in self.object_names(upload.draft.pipeline, &upload.draft.key).await? {
            let statement = Statement::new(
                "SELECT 1 AS used FROM file \
                 WHERE pipeline = $1 AND object_key = $2 AND number <> $3 UNION \
                 SELECT 1 FROM archive WHERE pipeline = $1 AND object_key = $2",
            );
            let statement = statement.bind(pipeline).bind(&key).bind(upload.number);
            if !self.connection().rows(statement).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn uploads(&mut self, statement: Statement) -> Result<Vec<Upload>, StoreError> {
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read).collect()
    }

    /// Every name that an object has: pipelines of one origin may lie within each other.
    async fn object_names(
        &mut self,
        pipeline: u64,
        key: &str,
    ) -> Result<Vec<(u64, Box<str>)>, StoreError> {
        let Pipeline { origin, prefix, .. } = self.pipeline(pipeline).await?;
        let whole = format!("{prefix}{key}");
        let statement = Statement::new("SELECT number, prefix FROM pipeline WHERE origin = $1");
        let mut names = Vec::new();
        for row in self.connection().rows(statement.bind(&origin)).await? {
            let prefix: Box<str> = row.text("prefix")?;
            if let Some(key) = whole.strip_prefix(&*prefix) {
                names.push((row.number("number")?, key.into()));
            }
        }
        Ok(names)
    }
}

impl Change {
    /// What a tenant has and has begun, to which nobody adds until this change ends.
    pub async fn upload_standing(
        &mut self,
        tenant: TenantId,
    ) -> Result<UploadStanding, StoreError> {
        self.tenant_lock(tenant).await?;
        self.view().upload_standing(tenant).await
    }

    /// Keeps an upload that begins. A key that is taken is [`StoreErrorKind::Conflict`].
    pub async fn upload_create(
        &mut self,
        tenant: TenantId,
        draft: UploadDraft,
        expires_at: UnixSeconds,
    ) -> Result<Upload, StoreError> {
        if self.view().pipeline(draft.pipeline).await?.tenant != tenant {
            return Err(StoreErrorKind::Referenced.into());
        }
        if let Some(folder) = draft.folder
            && self.view().folder(folder).await?.tenant != tenant
        {
            return Err(StoreErrorKind::Referenced.into());
        }
        if let Some(VersionOf { content, .. }) = &draft.version_of
            && self.view().content(content).await?.tenant != tenant
        {
            return Err(StoreErrorKind::Referenced.into());
        }
        if self.view().upload_key_taken(draft.pipeline, &draft.key).await? {
            return Err(StoreErrorKind::Conflict.into());
        }
        let upload = Upload {
            number: self.numbers(Counted::Files, 1).await?,
            tenant,
            draft,
            state: UploadState::Uploading,
            chunks: 0,
            form_bytes: 0,
            put: None,
            problem: None,
            content: None,
            version: None,
            created_at: self.now(),
            expires_at,
        };
        let draft = &upload.draft;
        let statement = Statement::new(
            "INSERT INTO upload (number, tenant, pipeline, object_key, name, mime, size, sha256, \
             folder, metadata, issuer, form_secret, most, place, state, chunks, form_bytes, \
             unused_until, created_at, expires_at, version_of, standing) VALUES ($1, $2, $3, $4, $5, \
             $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)",
        )
        .bind(upload.number)
        .bind(tenant)
        .bind(draft.pipeline)
        .bind(&draft.key)
        .bind(&draft.name)
        .bind(draft.mime.as_deref())
        .bind(draft.size)
        .bind(draft.sha256.as_deref())
        .bind(draft.folder)
        .bind(draft.metadata.as_deref())
        .bind(&draft.issuer)
        .bind(draft.form_secret.as_ref().map(SecretHash::as_str))
        .bind(draft.most)
        .bind(&draft.place)
        .bind(upload.state.wire_name())
        .bind(upload.chunks)
        .bind(upload.form_bytes)
        .bind(draft.unused_until)
        .bind(upload.created_at)
        .bind(expires_at)
        .bind(draft.version_of.as_ref().map(|of| of.content.as_str()))
        .bind(draft.version_of.as_ref().map(|of| of.standing.wire_name()));
        self.view().connection().execute(statement).await?;
        self.upload_noted("upload.create", None, Some(&upload));
        Ok(upload)
    }

    /// Says how many bytes will come, where nobody said so before.
    pub async fn upload_sized(&mut self, number: u64, size: u64) -> Result<Upload, StoreError> {
        let before = self.upload_lock(number).await?;
        if before.draft.size.is_some() || before.state != UploadState::Uploading {
            return Err(StoreErrorKind::Conflict.into());
        }
        let statement = Statement::new("UPDATE upload SET size = $2 WHERE number = $1");
        self.view().connection().execute(statement.bind(number).bind(size)).await?;
        self.view().upload(number).await
    }

    /// Gives an upload that goes on more time. Not audited.
    pub async fn upload_prolonged(
        &mut self,
        number: u64,
        expires_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE upload SET expires_at = $2 WHERE number = $1 AND state = $3 \
             AND expires_at < $2",
        );
        let state = UploadState::Uploading.wire_name();
        let statement = statement.bind(number).bind(expires_at).bind(state);
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Counts the part of that number, which came by a form: up to so many bytes in all. One that is
    /// not the next is [`StoreErrorKind::Conflict`]. Not audited.
    pub async fn upload_chunk(
        &mut self,
        number: u64,
        chunk: u64,
        bytes: u64,
    ) -> Result<(), StoreError> {
        let before = self.upload_lock(number).await?;
        if before.state != UploadState::Uploading || before.chunks != chunk {
            return Err(StoreErrorKind::Conflict.into());
        }
        let statement = Statement::new(
            "UPDATE upload SET chunks = chunks + 1, form_bytes = $2 WHERE number = $1",
        );
        let statement = statement.bind(number).bind(bytes);
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Keeps how many bytes came of an upload of which nobody said how long it is. Not audited.
    pub async fn upload_grown(&mut self, number: u64, bytes: u64) -> Result<(), StoreError> {
        let statement = Statement::new("UPDATE upload SET form_bytes = $2 WHERE number = $1");
        let statement = statement.bind(number).bind(bytes);
        self.view().connection().execute(statement).await.map(drop)
    }

    /// All bytes came: so many. One that is further already stays so.
    pub async fn upload_completing(
        &mut self,
        number: u64,
        size: u64,
    ) -> Result<Upload, StoreError> {
        let before = self.upload_lock(number).await?;
        match before.state {
            UploadState::Completed
            | UploadState::Completing
            | UploadState::Deleting
            | UploadState::Failed => Ok(before),
            UploadState::Uploading => {
                let statement =
                    Statement::new("UPDATE upload SET state = $2, size = $3 WHERE number = $1");
                let state = UploadState::Completing.wire_name();
                let statement = statement.bind(number).bind(state).bind(size);
                self.view().connection().execute(statement).await?;
                self.view().upload(number).await
            }
        }
    }

    /// Keeps how the origin knows what is being put there. Not audited.
    pub async fn upload_put_begun(&mut self, number: u64, put: &str) -> Result<(), StoreError> {
        let statement = Statement::new("UPDATE upload SET put = $2 WHERE number = $1");
        self.view().connection().execute(statement.bind(number).bind(put)).await.map(drop)
    }

    /// Makes a content of an upload whose object is at its origin: its file has the upload's number.
    pub async fn upload_completed(
        &mut self,
        number: u64,
        import: ContentImport,
        forgotten_at: UnixSeconds,
    ) -> Result<Upload, StoreError> {
        let before = self.upload_lock_completing(number).await?;
        let mut made =
            self.content_import_numbered(before.tenant, vec![import], Some(number)).await?;
        let made = made.pop().ok_or(StoreErrorKind::NotFound)?.id;
        self.upload_became(&before, &made, None, forgotten_at).await
    }

    /// Makes a version of an upload whose object is at its origin, of the content that it is to be one
    /// of: its file has the upload's number. A content that is gone is [`StoreErrorKind::NotFound`].
    pub async fn upload_completed_as_version(
        &mut self,
        number: u64,
        source: FileDraft,
        forgotten_at: UnixSeconds,
    ) -> Result<Upload, StoreError> {
        let before = self.upload_lock_completing(number).await?;
        let of = before.draft.version_of.clone();
        let VersionOf { content, standing } = of.ok_or(StoreErrorKind::Conflict)?;
        if self.view().content(&content).await?.tenant != before.tenant {
            return Err(StoreErrorKind::NotFound.into());
        }
        let version = self.version_create(&content, "").await?.id;
        let owner = FileOwner::Version(version.clone());
        for file in self.file_insert_from(number, vec![(owner, source)]).await? {
            let tenant = Some(before.tenant);
            self.note("file.create", tenant, &number.to_string(), None, Some(&file));
        }
        match standing {
            VersionStanding::Active => self.version_activate(&version).await.map(drop)?,
            VersionStanding::Waiting => {}
        }
        self.upload_became(&before, &content, Some(&version), forgotten_at).await
    }

    /// Another program may have made a file of it: then it is [`StoreErrorKind::Conflict`].
    async fn upload_lock_completing(&mut self, number: u64) -> Result<Upload, StoreError> {
        let before = self.upload_lock(number).await?;
        if before.state == UploadState::Completing {
            Ok(before)
        } else {
            Err(StoreErrorKind::Conflict.into())
        }
    }

    async fn upload_became(
        &mut self,
        before: &Upload,
        content: &ContentId,
        version: Option<&VersionId>,
        forgotten_at: UnixSeconds,
    ) -> Result<Upload, StoreError> {
        let statement = Statement::new(
            "UPDATE upload SET state = $2, content = $3, version = $4, put = NULL, expires_at = $5 \
             WHERE number = $1",
        )
        .bind(before.number)
        .bind(UploadState::Completed.wire_name())
        .bind(content.as_str())
        .bind(version.map(VersionId::as_str))
        .bind(forgotten_at);
        self.view().connection().execute(statement).await?;
        let after = self.view().upload(before.number).await?;
        self.upload_noted("upload.complete", Some(before), Some(&after));
        Ok(after)
    }

    /// Says why an upload will be no file. One that is a file is [`StoreErrorKind::Conflict`].
    pub async fn upload_failed(
        &mut self,
        number: u64,
        problem: &str,
        forgotten_at: UnixSeconds,
    ) -> Result<Upload, StoreError> {
        let before = self.upload_lock(number).await?;
        if matches!(before.state, UploadState::Completed | UploadState::Deleting) {
            return Err(StoreErrorKind::Conflict.into());
        }
        let statement = Statement::new(
            "UPDATE upload SET state = $2, problem = $3, put = NULL, unused_until = NULL, \
             expires_at = $4 WHERE number = $1",
        )
        .bind(number)
        .bind(UploadState::Failed.wire_name())
        .bind(problem)
        .bind(forgotten_at);
        self.view().connection().execute(statement).await?;
        let after = self.view().upload(number).await?;
        self.upload_noted("upload.fail", Some(&before), Some(&after));
        Ok(after)
    }

    /// The file of a complete upload is forgotten: its object is to be deleted.
    pub async fn upload_deleting(&mut self, number: u64) -> Result<(), StoreError> {
        let before = self.upload_lock(number).await?;
        let statement =
            Statement::new("UPDATE upload SET state = $2, unused_until = NULL WHERE number = $1");
        let state = UploadState::Deleting.wire_name();
        self.view().connection().execute(statement.bind(number).bind(state)).await?;
        let after = self.view().upload(number).await?;
        self.upload_noted("upload.delete", Some(&before), Some(&after));
        Ok(())
    }

    /// The file of a complete upload was used: it stays.
    pub async fn upload_used(&mut self, number: u64) -> Result<(), StoreError> {
        let statement = Statement::new("UPDATE upload SET unused_until = NULL WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await.map(drop)
    }

    /// Forgets an upload; its file, if it became one, stays.
    pub async fn upload_remove(&mut self, number: u64) -> Result<(), StoreError> {
        let before = self.upload_lock(number).await?;
        let statement = Statement::new("DELETE FROM upload WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await?;
        // Of one that is a file everything is said already.
        if before.state == UploadState::Uploading {
            self.upload_noted("upload.remove", Some(&before), None);
        }
        Ok(())
    }

    /// The upload, which nobody else changes until this change ends.
    pub async fn upload_lock(&mut self, number: u64) -> Result<Upload, StoreError> {
        let statement = Statement::new("UPDATE upload SET state = state WHERE number = $1");
        self.view().connection().execute(statement.bind(number)).await?;
        self.view().upload(number).await
    }

    fn upload_noted(
        &mut self,
        action: &'static str,
        before: Option<&Upload>,
        after: Option<&Upload>,
    ) {
        if let Some(upload) = after.or(before) {
            let (tenant, object) = (upload.tenant, upload.number.to_string());
            self.note(action, Some(tenant), &object, before, after);
        }
    }
}
