//! Archives that were promised to somebody: which bytes are in them, so that whoever resumes one
//! days later gets the rest of the same, or is told that it is gone (THRON's `downloadId`).

use serde::Serialize;

use super::{ArchivePlanId, ContentId, PositionSet, Publication, VersionId};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// An archive that was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchivePlan {
    /// Its id.
    pub id: ArchivePlanId,
    /// Whose contents are in it.
    pub tenant: TenantId,
    /// Who asked for it, by their id.
    pub issuer: Box<str>,
    /// Is there a list of the contents in it?
    pub manifest: Manifest,
    /// Since when it can be had.
    pub created_at: UnixSeconds,
    /// The last second at which it can.
    pub expires_at: UnixSeconds,
    /// What is in it, in this order.
    pub entries: Vec<ArchivePlanEntry>,
}

/// An entry of an archive: exactly these bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchivePlanEntry {
    /// Of which content.
    pub content: ContentId,
    /// The version that was active.
    pub version: VersionId,
    /// The file's number.
    pub file: u64,
    /// Was it public? One that was is to be it still.
    pub publication: Publication,
    /// What was asked for: `SOURCE`, `PUBLISHED`, a format or a size.
    pub channel: Box<str>,
    /// What it is called in the archive.
    pub name: Box<str>,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256, as hex.
    pub sha256: Box<str>,
    /// CRC-32.
    pub crc32: u32,
    /// Since when the file is registered: no other time is known of it.
    pub modified_at: UnixSeconds,
}

/// Something of an archive was handed over: what the audit log says of one answer (requirement A13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveDelivery {
    /// From which entry to which, by their places from 1: a run for each part that was asked for.
    pub entries: PositionSet,
    /// How many entries had bytes among them.
    pub files: u64,
    /// How many of their bytes were to leave.
    pub bytes: u64,
    /// The status of the answer: 206 where parts were asked for.
    pub status: u16,
    /// As in `X-Request-Id`; empty where the answer had none.
    pub request_id: Box<str>,
}

/// Is there a list of the contents in an archive?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Manifest {
    /// There is one.
    Appended,
    /// There is none.
    #[default]
    Omitted,
}
