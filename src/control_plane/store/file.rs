//! Files.

use std::collections::{HashMap, HashSet};

use super::change::Change;
use super::counter::Counted;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    Autograph, ContentId, File, FileDraft, FileOwner, FilePlace, FileState, VersionId,
};

/// The columns of a new file.
const COLUMNS: &[&str] = &[
    "number",
    "version",
    "folder",
    "kind",
    "slot",
    "variant",
    "pipeline",
    "object_key",
    "name",
    "size",
    "mime",
    "sha256",
    "crc32",
    "duration_ms",
    "width",
    "height",
    "language",
    "md5",
    "autograph",
    "created_at",
];

fn read(row: &Row) -> Result<File, StoreError> {
    let owner = match row.text_opt::<VersionId>("version")? {
        Some(version) => FileOwner::Version(version),
        None => FileOwner::Folder(row.number("folder")?),
    };
    Ok(File {
        number: row.number("number")?,
        owner,
        draft: FileDraft {
            place: read_place(row)?,
            pipeline: row.number("pipeline")?,
            key: row.text("object_key")?,
            name: row.text("name")?,
            size: row.number("size")?,
            mime: row.text("mime")?,
            sha256: row.text_opt("sha256")?,
            crc32: row.number_opt("crc32")?,
            duration_ms: row.number_opt("duration_ms")?,
            width: row.number_opt("width")?,
            height: row.number_opt("height")?,
            language: row.text_opt("language")?,
            md5: row.text_opt("md5")?,
            autograph: match row.number::<u64>("autograph")? {
                0 => Autograph::Refused,
                _ => Autograph::Allowed,
            },
        },
        created_at: row.number("created_at")?,
    })
}

fn read_place(row: &Row) -> Result<FilePlace, StoreError> {
    Ok(FilePlace {
        kind: row.text("kind")?,
        slot: row.text("slot")?,
        variant: row.text("variant")?,
    })
}

pub(super) fn read_state(row: &Row) -> Result<FileState, StoreError> {
    let prefix: Box<str> = row.text("prefix")?;
    let key: Box<str> = row.text("object_key")?;
    Ok(FileState {
        number: row.number("number")?,
        place: read_place(row)?,
        origin: row.text("origin")?,
        key: format!("{prefix}{key}").into(),
        name: row.text("name")?,
        size: row.number("size")?,
        mime: row.text("mime")?,
        sha256: row.text_opt("sha256")?,
    })
}

fn row(file: &File) -> Vec<Value> {
    let File { number, owner, draft, created_at } = file;
    let FileDraft {
        place: FilePlace { kind, slot, variant },
        pipeline,
        key,
        name,
        size,
        mime,
        sha256,
        crc32,
        duration_ms,
        width,
        height,
        language,
        md5,
        autograph,
    } = draft;
    let (version, folder) = match owner {
        FileOwner::Folder(folder) => (None, Some(*folder)),
        FileOwner::Version(version) => (Some(version.as_str()), None),
    };
    vec![
        (*number).into(),
        version.into(),
        folder.into(),
        kind.wire_name().into(),
        slot.into(),
        variant.into(),
        (*pipeline).into(),
        key.into(),
        name.into(),
        (*size).into(),
        mime.into(),
        sha256.as_deref().into(),
        (*crc32).into(),
        (*duration_ms).into(),
        (*width).into(),
        (*height).into(),
        language.as_deref().into(),
        md5.as_deref().into(),
        u64::from(*autograph == Autograph::Allowed).into(),
        (*created_at).into(),
    ]
}

/// A part of a list of files, as MediaHub's clients ask for one.
#[derive(Clone, Copy, Debug)]
pub struct FileRange {
    /// How many are left out at the beginning.
    pub start: u64,
    /// How many at most.
    pub limit: u64,
    /// By what they are sorted.
    pub by: FileOrder,
    /// In which direction.
    pub direction: FileDirection,
}

/// By what files are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileOrder {
    /// Their name, then their number.
    Name,
    /// Their number, and so when they were registered.
    Number,
    /// Their size, then their number.
    Size,
}

/// In which direction files are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileDirection {
    /// The last first.
    Downwards,
    /// The first first.
    Upwards,
}

/// What is known of a file that edges need not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// CRC-32; none before it was read.
    pub crc32: Option<u32>,
    /// Since when it is registered.
    pub created_at: UnixSeconds,
    /// How wide it is, in pixels.
    pub width: Option<u32>,
    /// How high it is, in pixels.
    pub height: Option<u32>,
}

/// Files looked up at a time.
const STRIDE: usize = 1_000;

/// Whose a file is: the tenant, and the content if it is a content's.
struct Belonging {
    tenant: TenantId,
    content: Option<ContentId>,
}

impl View {
    /// The file of that number.
    pub async fn file(&mut self, number: u64) -> Result<File, StoreError> {
        let statement = Statement::new(
            "SELECT file.number, version, folder, kind, slot, variant, pipeline, object_key, \
             file.name, size, mime, sha256, crc32, duration_ms, width, height, language, \
             md5, autograph, file.created_at, pipeline.tenant FROM file \
             JOIN pipeline ON pipeline.number = file.pipeline WHERE file.number = $1",
        );
        let row = self.found(statement.bind(number)).await?;
        self.reach(Some(row.number("tenant")?))?;
        read(&row)
    }

    /// The files of a version, or the attachments of a folder, by number.
    pub async fn file_list(&mut self, owner: &FileOwner) -> Result<Vec<File>, StoreError> {
        self.file_belonging(owner).await?;
        let (version, folder) = match owner {
            FileOwner::Folder(folder) => (None, Some(*folder)),
            FileOwner::Version(version) => (Some(version.as_str()), None),
        };
        let statement = Statement::new(
            "SELECT number, version, folder, kind, slot, variant, pipeline, object_key, name, \
             size, mime, sha256, crc32, duration_ms, width, height, language, \
             md5, autograph, created_at \
             FROM file WHERE version = $1 OR folder = $2 ORDER BY number",
        );
        let rows = self.connection().rows(statement.bind(version).bind(folder)).await?;
        rows.iter().map(read).collect()
    }

    /// What is known of these files, where they still are. Only whoever has them from elsewhere
    /// knows whose they are.
    pub async fn file_facts(
        &mut self,
        mut files: Vec<u64>,
    ) -> Result<HashMap<u64, FileFacts>, StoreError> {
        let mut known = HashMap::with_capacity(files.len());
        while !files.is_empty() {
            let rest = files.split_off(STRIDE.min(files.len()));
            let statement = Statement::any_of(
                "SELECT number, crc32, created_at, width, height FROM file WHERE number IN",
                files.into_iter().map(Value::from).collect(),
                "",
            );
            for row in self.connection().rows(statement).await? {
                let facts = FileFacts {
                    crc32: row.number_opt("crc32")?,
                    created_at: row.number("created_at")?,
                    width: row.number_opt("width")?,
                    height: row.number_opt("height")?,
                };
                known.insert(row.number("number")?, facts);
            }
            files = rest;
        }
        Ok(known)
    }

    /// The files of an object: what `file_id` or `object_key` and `pipeline_id` name.
    pub async fn file_list_by_key(
        &mut self,
        pipeline: u64,
        key: &str,
    ) -> Result<Vec<File>, StoreError> {
        self.pipeline(pipeline).await?;
        let statement = Statement::new(
            "SELECT number, version, folder, kind, slot, variant, pipeline, object_key, name, \
             size, mime, sha256, crc32, duration_ms, width, height, language, \
             md5, autograph, created_at \
             FROM file WHERE pipeline = $1 AND object_key = $2 ORDER BY number",
        );
        let rows = self.connection().rows(statement.bind(pipeline).bind(key)).await?;
        rows.iter().map(read).collect()
    }

    /// Files in reach.
    pub async fn file_range(&mut self, range: FileRange) -> Result<Vec<File>, StoreError> {
        use FileDirection::{Downwards, Upwards};
        let FileRange { start, limit, by, direction } = range;
        let order = match (by, direction) {
            (FileOrder::Name, Downwards) => "file.name DESC, file.number DESC",
            (FileOrder::Name, Upwards) => "file.name, file.number",
            (FileOrder::Number, Downwards) => "file.number DESC",
            (FileOrder::Number, Upwards) => "file.number",
            (FileOrder::Size, Downwards) => "size DESC, file.number DESC",
            (FileOrder::Size, Upwards) => "size, file.number",
        };
        let only = self.only_tenant();
        let statement = Statement::sorted(
            "SELECT file.number, version, folder, kind, slot, variant, pipeline, object_key, \
             file.name, size, mime, sha256, crc32, duration_ms, width, height, language, md5, \
             autograph, file.created_at FROM file \
             JOIN pipeline ON pipeline.number = file.pipeline \
             WHERE $1 IS NULL OR pipeline.tenant = $1",
            order,
            "LIMIT $2 OFFSET $3",
        );
        let statement = statement.bind(only).bind(limit).bind(start);
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read).collect()
    }

    /// Which of these keys of a pipeline are registered, as whatever.
    pub async fn file_keys_known(
        &mut self,
        pipeline: u64,
        keys: &[Box<str>],
    ) -> Result<HashSet<Box<str>>, StoreError> {
        self.pipeline(pipeline).await?;
        if keys.is_empty() {
            return Ok(HashSet::new());
        }
        let statement =
            Statement::new("SELECT object_key FROM file WHERE pipeline = $1 AND object_key IN")
                .bind(pipeline)
                .one_of(keys.iter().map(Into::into).collect());
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| row.text("object_key")).collect()
    }

    /// Files that nobody has read yet, to hash them.
    pub async fn file_list_unread(
        &mut self,
        page: &Page<u64>,
    ) -> Result<Listed<File, u64>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT number, version, folder, kind, slot, variant, pipeline, object_key, name, \
             size, mime, sha256, crc32, duration_ms, width, height, language, \
             md5, autograph, created_at \
             FROM file WHERE sha256 IS NULL AND number > $1 ORDER BY number LIMIT $2",
        );
        let statement = statement.bind(page.after.unwrap_or(0)).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let files = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(files, page, |file: &File| file.number))
    }

    /// The pipelines of these files, in their order; none of a file that there is not. Whose they
    /// are is the caller's to look at.
    pub(super) async fn file_pipelines(
        &mut self,
        files: Vec<u64>,
    ) -> Result<Vec<Option<u64>>, StoreError> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let values = files.iter().map(|number| (*number).into()).collect();
        let statement =
            Statement::any_of("SELECT number, pipeline FROM file WHERE number IN", values, "");
        let mut known = HashMap::with_capacity(files.len());
        for row in self.connection().rows(statement).await? {
            known.insert(row.number::<u64>("number")?, row.number("pipeline")?);
        }
        Ok(files.iter().map(|number| known.get(number).copied()).collect())
    }

    async fn file_belonging(&mut self, owner: &FileOwner) -> Result<Belonging, StoreError> {
        match owner {
            FileOwner::Folder(folder) => {
                Ok(Belonging { tenant: self.folder(*folder).await?.tenant, content: None })
            }
            FileOwner::Version(version) => {
                let content = self.version(version).await?.content;
                let tenant = self.content(&content).await?.tenant;
                Ok(Belonging { tenant, content: Some(content) })
            }
        }
    }
}

impl Change {
    /// Registers files of a version or a folder. A file that is in one of the places already is
    /// replaced.
    pub async fn file_put_all(
        &mut self,
        owner: &FileOwner,
        drafts: Vec<FileDraft>,
    ) -> Result<Vec<File>, StoreError> {
        let belonging = self.file_lock(owner).await?;
        let pipelines = self.view().pipeline_list(belonging.tenant).await?;
        let is_own = |pipeline| pipelines.iter().any(|own| own.number == pipeline);
        if !drafts.iter().all(|draft| is_own(draft.pipeline)) {
            return Err(StoreErrorKind::Referenced.into());
        }
        let there = self.view().file_list(owner).await?;
        for old in there {
            if drafts.iter().any(|draft| draft.place == old.draft.place) {
                self.file_delete(&belonging, &old).await?;
            }
        }
        let drafts = drafts.into_iter().map(|draft| (owner.clone(), draft)).collect();
        let files = self.file_insert(drafts).await?;
        for file in &files {
            let object = file.number.to_string();
            self.note("file.create", Some(belonging.tenant), &object, None, Some(file));
        }
        self.file_touched(owner, &belonging).await?;
        Ok(files)
    }

    /// Forgets a file; it stays where it is.
    pub async fn file_remove(&mut self, number: u64) -> Result<(), StoreError> {
        let file = self.view().file(number).await?;
        let belonging = self.file_lock(&file.owner).await?;
        self.file_delete(&belonging, &file).await?;
        self.file_touched(&file.owner, &belonging).await
    }

    /// Keeps what a file was found to be when it was read.
    pub async fn file_hashed(
        &mut self,
        number: u64,
        size: u64,
        sha256: &str,
        crc32: u32,
    ) -> Result<(), StoreError> {
        let before = self.view().file(number).await?;
        let belonging = self.file_lock(&before.owner).await?;
        let statement =
            Statement::new("UPDATE file SET size = $2, sha256 = $3, crc32 = $4 WHERE number = $1");
        let statement = statement.bind(number).bind(size).bind(sha256).bind(crc32);
        self.view().connection().execute(statement).await?;
        let after = self.view().file(number).await?;
        let tenant = Some(belonging.tenant);
        self.note("file.hashed", tenant, &number.to_string(), Some(&before), Some(&after));
        self.file_touched(&before.owner, &belonging).await
    }

    /// Inserts files whose owner is new, or has been looked at.
    pub(super) async fn file_insert(
        &mut self,
        drafts: Vec<(FileOwner, FileDraft)>,
    ) -> Result<Vec<File>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.numbers(Counted::Files, drafts.len()).await?;
        self.file_insert_from(first, drafts).await
    }

    /// Inserts files whose numbers, from that one on, were taken for them.
    pub(super) async fn file_insert_from(
        &mut self,
        first: u64,
        drafts: Vec<(FileOwner, FileDraft)>,
    ) -> Result<Vec<File>, StoreError> {
        let created_at = self.now();
        let files: Vec<File> = (first..)
            .zip(drafts)
            .map(|(number, (owner, draft))| File { number, owner, draft, created_at })
            .collect();
        let rows = files.iter().map(row).collect();
        self.view().connection().insert_all("file", COLUMNS, rows).await?;
        Ok(files)
    }

    async fn file_delete(&mut self, belonging: &Belonging, file: &File) -> Result<(), StoreError> {
        let statement = Statement::new("DELETE FROM file WHERE number = $1");
        self.view().connection().execute(statement.bind(file.number)).await?;
        let object = file.number.to_string();
        self.note("file.remove", Some(belonging.tenant), &object, Some(file), None);
        Ok(())
    }

    async fn file_lock(&mut self, owner: &FileOwner) -> Result<Belonging, StoreError> {
        let belonging = self.view().file_belonging(owner).await?;
        match (&belonging.content, owner) {
            (Some(content), _) => self.content_lock(content).await.map(drop)?,
            (None, FileOwner::Folder(folder)) => self.folder_lock(*folder).await.map(drop)?,
            (None, FileOwner::Version(_)) => return Err(StoreErrorKind::Corrupt.into()),
        }
        Ok(belonging)
    }

    async fn file_touched(
        &mut self,
        owner: &FileOwner,
        belonging: &Belonging,
    ) -> Result<(), StoreError> {
        if let FileOwner::Folder(folder) = owner {
            let statement =
                Statement::new("UPDATE folder SET revision = revision + 1 WHERE number = $1");
            self.view().connection().execute(statement.bind(*folder)).await?;
            self.touch_folder(*folder);
        }
        match &belonging.content {
            Some(content) => self.content_touched(content).await,
            None => Ok(()),
        }
    }
}
