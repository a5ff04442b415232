//! Contents: what is handed out, whatever files it is made of.

use serde::Serialize;

use super::{ContentId, FileDraft, VersionId};
use crate::asset::{ChannelId, TenantId};
use crate::catalog::{ContentKind, Period, Publication};
use crate::clock::UnixSeconds;

/// A content, its files apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Content {
    /// Its id.
    pub id: ContentId,
    /// Whose.
    pub tenant: TenantId,
    /// What can be said about it.
    #[serde(flatten)]
    pub draft: ContentDraft,
    /// The version that is handed out.
    pub active_version: Option<VersionId>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When it last changed.
    pub updated_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentDraft {
    /// What it is.
    pub kind: ContentKind,
    /// The folder it is in.
    pub folder: Option<ChannelId>,
    /// Where it is, for [`ContentKind::Url`].
    pub url: Option<Box<str>>,
    /// Was it made public?
    pub publication: Publication,
    /// When it is; always, if there is none.
    pub periods: Vec<Period>,
    /// Titles and the like, at most one a language, ordered by language.
    pub texts: Vec<ContentText>,
    /// An operator's own fields, ordered by language and name.
    pub metadata: Vec<Metadata>,
    /// Tags, ordered.
    pub tags: Vec<Box<str>>,
    /// Names of classifications, ordered.
    pub classifications: Vec<Box<str>>,
}

impl ContentDraft {
    /// An unpublished content of that kind about which nothing is said.
    pub fn new(kind: ContentKind) -> Self {
        Self {
            kind,
            folder: None,
            url: None,
            publication: Publication::Unpublished,
            periods: Vec::new(),
            texts: Vec::new(),
            metadata: Vec::new(),
            tags: Vec::new(),
            classifications: Vec::new(),
        }
    }
}

/// What is said about a content in one language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ContentText {
    /// The language (BCP 47).
    pub language: Box<str>,
    /// Its title.
    pub title: Box<str>,
    /// Its description.
    pub description: Box<str>,
    /// The name in addresses for people (THRON's prettyId); unique within tenant and language.
    pub pretty_id: Option<Box<str>>,
}

/// A field of the operator's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Metadata {
    /// The language (BCP 47); empty for every one.
    pub language: Box<str>,
    /// The field.
    pub name: Box<str>,
    /// What it says.
    pub value: Box<str>,
}

/// A content as it is imported: with its files, as its first version, which is active.
#[derive(Clone, Debug)]
pub struct ContentImport {
    /// Its id, where it had one elsewhere; a new one otherwise.
    pub id: Option<ContentId>,
    /// What can be said about it.
    pub draft: ContentDraft,
    /// What its first version is made of; without a file there is no version.
    pub files: Vec<FileDraft>,
    /// The slot of the thumbnail that `active` means.
    pub active_thumbnail: Option<Box<str>>,
}
