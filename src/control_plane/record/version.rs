//! Versions of a content, one of which is active.

use serde::Serialize;

use super::{ContentId, VersionId};
use crate::clock::UnixSeconds;

/// A version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Of what.
    pub content: ContentId,
    /// Counts the content's versions, from 1.
    pub number: u64,
    /// What people call it.
    pub label: Box<str>,
    /// The slot of the thumbnail that `active` means.
    pub active_thumbnail: Option<Box<str>>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
}
