//! What files look like on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::wire_enum::file_kinds;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Autograph, File, FileDraft, FileKind, FilePlace};

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = File)]
pub(super) struct FileBody {
    /// Its number: `MediaHub`'s `file_id`.
    number: u64,
    /// What it is to its content or folder.
    #[schema(schema_with = file_kinds)]
    kind: FileKind,
    /// Which of them.
    slot: String,
    /// In which form.
    variant: String,
    /// The pipeline that has it.
    pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    key: String,
    /// The name it is saved under.
    name: String,
    /// Its size in bytes.
    size: u64,
    /// Its media type.
    mime: String,
    /// SHA-256, as hex; null before it was read.
    sha256: Option<String>,
    /// CRC-32; null before it was read.
    crc32: Option<u32>,
    /// How long it plays, in milliseconds.
    duration_ms: Option<u64>,
    /// How wide it is, in pixels.
    width: Option<u32>,
    /// How high it is, in pixels.
    height: Option<u32>,
    /// Its language (BCP 47).
    language: Option<String>,
    /// MD5, as hex, where it is known: `MediaHub`'s clients compare by it.
    md5: Option<String>,
    /// May copies of it carry a forensic tag?
    autograph: bool,
    /// Since when it is registered.
    created_at: Timestamp,
}

/// Files.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Files {
    /// By number.
    items: Vec<FileBody>,
}

/// A file to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFile {
    /// What it is to its content or folder; folders have attachments.
    #[schema(schema_with = file_kinds)]
    kind: FileKind,
    /// Which of them: a profile key, the id of a thumbnail, chapter or subtitle, an attachment's
    /// type. Empty for a source.
    #[serde(default)]
    slot: String,
    /// In which form: a quality, SRT or VTT, an attachment's file name. Empty for sources and
    /// formats.
    #[serde(default)]
    variant: String,
    /// The pipeline that has it.
    pipeline: u64,
    /// Its key there, after the pipeline's prefix: names with a slash between, none of them `.` or
    /// `..`.
    key: String,
    /// The name it is saved under; the last of its key, if nothing is said.
    #[serde(default)]
    name: Option<String>,
    /// Its size in bytes.
    size: u64,
    /// Its media type; what the key's extension stands for, if nothing is said.
    #[serde(default)]
    mime: Option<String>,
    /// SHA-256, as hex. It is what answers are compared by: a wrong one breaks downloads.
    #[serde(default)]
    sha256: Option<String>,
    /// CRC-32 (ISO-HDLC).
    #[serde(default)]
    crc32: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(default)]
    duration_ms: Option<u64>,
    /// How wide it is, in pixels.
    #[serde(default)]
    width: Option<u32>,
    /// How high it is, in pixels.
    #[serde(default)]
    height: Option<u32>,
    /// Its language (BCP 47).
    #[serde(default)]
    language: Option<String>,
    /// MD5, as hex: kept for `MediaHub`'s clients, and compared by nothing here.
    #[serde(default)]
    md5: Option<String>,
    /// May copies of it carry a forensic tag?
    #[serde(default)]
    autograph: bool,
}

/// Files to be there instead of those there are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFiles {
    /// Each in a place of its own.
    items: Vec<NewFile>,
}

impl NewFile {
    /// The file that is meant.
    pub(super) fn read(self) -> FileDraft {
        let Self {
            kind,
            slot,
            variant,
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
        } = self;
        let named = || key.rsplit('/').next().unwrap_or_default().to_owned();
        let known = || mime_guess::from_path(&key).first_or_octet_stream().to_string();
        let (name, mime) = (name.unwrap_or_else(named), mime.unwrap_or_else(known));
        FileDraft {
            place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
            pipeline,
            key: key.into(),
            name: name.into(),
            size,
            mime: mime.into(),
            sha256: sha256.map(Into::into),
            crc32,
            duration_ms,
            width,
            height,
            language: language.map(Into::into),
            md5: md5.map(Into::into),
            autograph: if autograph { Autograph::Allowed } else { Autograph::Refused },
        }
    }
}

impl NewFiles {
    /// The files that are meant.
    pub(super) fn read(self) -> Vec<FileDraft> {
        self.items.into_iter().map(NewFile::read).collect()
    }
}

impl From<Vec<File>> for Files {
    fn from(files: Vec<File>) -> Self {
        Self { items: files.into_iter().map(Into::into).collect() }
    }
}

impl From<File> for FileBody {
    fn from(File { number, owner: _, draft, created_at }: File) -> Self {
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
        Self {
            number,
            kind,
            slot: slot.into(),
            variant: variant.into(),
            pipeline,
            key: key.into(),
            name: name.into(),
            size,
            mime: mime.into(),
            sha256: sha256.map(Into::into),
            crc32,
            duration_ms,
            width,
            height,
            language: language.map(Into::into),
            md5: md5.map(Into::into),
            autograph: autograph == Autograph::Allowed,
            created_at: Timestamp(created_at),
        }
    }
}
