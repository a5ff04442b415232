//! Files: the objects in an origin that a version, or a folder, is made of.

use serde::Serialize;

use super::VersionId;
use crate::asset::ChannelId;
use crate::catalog::FilePlace;
use crate::clock::UnixSeconds;

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
    /// MD5, as hex, where it is known: MediaHub's clients compare by it, and nothing here does.
    pub md5: Option<Box<str>>,
    /// May its copies be tagged?
    pub autograph: Autograph,
}

/// May copies of a file carry a forensic tag (requirement E8)?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Autograph {
    /// They may.
    Allowed,
    /// They may not: a link that is to carry one is refused.
    #[default]
    Refused,
}
