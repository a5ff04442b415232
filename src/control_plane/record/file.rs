//! Files: the objects in an origin that a version, or a folder, is made of.

use serde::{Deserialize, Serialize};

use super::VersionId;
use super::wire_name::wire_names;
use crate::asset::ChannelId;
use crate::clock::UnixSeconds;

wire_names! {
    /// What a file is to its version, as the asset grammar tells them apart.
    FileKind {
        /// Something added to it: `attachments/{slot}/{variant}`.
        Attachment = "attachment",
        /// A still of a chapter: `chapters/{slot}/thumbnails?quality={variant}`.
        ChapterThumbnail = "chapter_thumbnail",
        /// A rendition: `formats/{slot}`.
        Format = "format",
        /// The original: `source`.
        Source = "source",
        /// Subtitles: `subtitles/{slot}?source={variant}`.
        Subtitle = "subtitle",
        /// A still: `thumbnails/{slot}?quality={variant}`.
        Thumbnail = "thumbnail",
    }
}

/// Where a file belongs. There is one file in each place.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePlace {
    /// What it is.
    pub kind: FileKind,
    /// Which of them: a profile key, a number, an attachment's type; empty for a source.
    pub slot: Box<str>,
    /// In which form: a quality, a subtitle format, a file name; empty for sources and renditions.
    pub variant: Box<str>,
}

/// To what a file belongs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOwner {
    /// An attachment of a folder.
    Folder(ChannelId),
    /// A file of a version.
    Version(VersionId),
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its number, unique in the store.
    pub number: u64,
    /// To what it belongs.
    pub owner: FileOwner,
    /// What is known of it.
    #[serde(flatten)]
    pub draft: FileDraft,
    /// Since when it is registered.
    pub created_at: UnixSeconds,
}

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileDraft {
    /// Where it belongs.
    #[serde(flatten)]
    pub place: FilePlace,
    /// The pipeline that has it.
    pub pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    pub key: Box<str>,
    /// The name it is saved under.
    pub name: Box<str>,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub mime: Box<str>,
    /// SHA-256, as hex; none before it was read.
    pub sha256: Option<Box<str>>,
    /// CRC-32 (ISO-HDLC), for zip archives; none before it was read.
    pub crc32: Option<u32>,
    /// How long it plays, in milliseconds.
    pub duration_ms: Option<u64>,
    /// How wide it is, in pixels.
    pub width: Option<u32>,
    /// How high it is, in pixels.
    pub height: Option<u32>,
    /// Its language (BCP 47).
    pub language: Option<Box<str>>,
}

/// What edges know of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// Its number.
    pub number: u64,
    /// Where it belongs.
    pub place: FilePlace,
    /// The origin that has it, by its name in the configuration.
    pub origin: Box<str>,
    /// Its key there, prefix included.
    pub key: Box<str>,
    /// The name it is saved under.
    pub name: Box<str>,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub mime: Box<str>,
    /// SHA-256, as hex; none before it was read.
    pub sha256: Option<Box<str>>,
}
