//! Chapters of a version.

use serde::Serialize;

/// A chapter. Its stills are files of kind `chapter_thumbnail` in its slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chapter {
    /// Which: the chapter id of asset URLs.
    pub slot: Box<str>,
    /// Its title.
    pub title: Box<str>,
    /// When it starts, in milliseconds from the beginning.
    pub starts_ms: u64,
}
