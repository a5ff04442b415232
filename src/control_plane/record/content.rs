//! Contents: what is handed out, whatever files it is made of.

use serde::{Deserialize, Serialize};

use super::wire_name::wire_names;
use super::{ContentId, FileDraft, FileState, VersionId};
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;

wire_names! {
    /// What a content is.
    ContentKind {
        /// Sound.
        Audio = "AUDIO",
        /// A picture.
        Image = "IMAGE",
        /// A ring of pictures around a thing.
        Image360 = "IMAGE_360",
        /// A document, or anything else.
        Other = "OTHER",
        /// A list of others.
        Playlist = "PLAYLIST",
        /// A film.
        Video = "VIDEO",
        /// An address elsewhere.
        Url = "URL",
    }
}

wire_names! {
    /// Was it made public by its editors? Not whether it needs a token.
    Publication {
        /// Yes, in its periods.
        Published = "published",
        /// No: nobody gets it by a public path (G16).
        Unpublished = "unpublished",
    }
}

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

/// When something is public: from `starts_at` on, before `ends_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// From when on; none has always been.
    pub starts_at: Option<UnixSeconds>,
    /// Until when; none never ends.
    pub ends_at: Option<UnixSeconds>,
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

/// What edges know of a content: enough to find each of its files and to say whether it may be
/// found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentState {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub id: ContentId,
    /// What it is.
    pub kind: ContentKind,
    /// The folder it is in.
    pub folder: Option<ChannelId>,
    /// Was it made public?
    pub publication: Publication,
    /// When it is; always, if there is none.
    pub periods: Vec<Period>,
    /// The version that is handed out; without one there is nothing to hand out.
    pub version: Option<VersionId>,
    /// The thumbnail that `active` means.
    pub active_thumbnail: Option<Box<str>>,
    /// The files of that version.
    pub files: Vec<FileState>,
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
