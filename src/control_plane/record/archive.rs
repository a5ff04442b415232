//! Archives: a file with elements inside, each of which is a file of its own (MediaHub's
//! `file_id` may name one).

use serde::Serialize;

use super::ArchiveId;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// An archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Archive {
    /// Its id.
    pub id: ArchiveId,
    /// Whose.
    pub tenant: TenantId,
    /// What it is.
    #[serde(flatten)]
    pub draft: ArchiveDraft,
    /// Since when it exists.
    pub created_at: UnixSeconds,
}

/// What is known of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveDraft {
    /// The pipeline that has it.
    pub pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    pub key: Box<str>,
    /// The name it is saved under.
    pub name: Box<str>,
    /// What is inside, in order.
    pub elements: Vec<ArchiveElement>,
}

/// What is inside an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveElement {
    /// The number of the file.
    pub file: u64,
    /// What it is called inside.
    pub name: Box<str>,
}
