//! What edges know of a content and of a folder, as the change feed says it.

use serde::{Deserialize, Serialize};

use crate::asset::{
    AssetParameters, AssetPath, AssetResource, ChannelId, ContentId, SubtitleFormat, TenantId,
    VideoId, Visibility, wire_names,
};
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

wire_names! {
    /// What a file is to its content or folder, as the asset grammar tells them apart.
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

/// When something is public: from `starts_at` on, before `ends_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// From when on; none has always been.
    pub starts_at: Option<UnixSeconds>,
    /// Until when; none never ends.
    pub ends_at: Option<UnixSeconds>,
}

impl Period {
    /// Is it now?
    pub fn covers(self, now: UnixSeconds) -> bool {
        self.starts_at.is_none_or(|start| start <= now) && self.ends_at.is_none_or(|end| now < end)
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

impl FilePlace {
    /// Where a content's original is.
    pub fn source() -> Self {
        Self { kind: FileKind::Source, slot: "".into(), variant: "".into() }
    }

    /// The private asset URL of the file there, of a content of that id; none where no asset URL
    /// names it.
    pub fn of_content(&self, id: &ContentId) -> Option<AssetPath> {
        let video = VideoId::new(id.as_str())?;
        let (slot, quality) =
            (self.slot.clone(), || AssetParameters::Quality(self.variant.clone()));
        let (resource, parameters) = match self.kind {
            FileKind::Attachment => {
                let (type_name, file_name) = (slot, self.variant.clone());
                let resource = AssetResource::VideoAttachment { video, type_name, file_name };
                (resource, AssetParameters::None)
            }
            FileKind::ChapterThumbnail => {
                (AssetResource::ChapterThumbnail { video, chapter: slot }, quality())
            }
            FileKind::Format => {
                (AssetResource::VideoFormat { video, profile: slot }, AssetParameters::None)
            }
            FileKind::Source => (AssetResource::VideoSource { video }, AssetParameters::None),
            FileKind::Subtitle => {
                let format = SubtitleFormat::from_wire_name(&self.variant)?;
                let resource = AssetResource::Subtitle { video, subtitle: slot };
                (resource, AssetParameters::Subtitle(format))
            }
            FileKind::Thumbnail => (AssetResource::Thumbnail { video, thumbnail: slot }, quality()),
        };
        AssetPath { asked: Visibility::Private, resource, parameters }.if_read_back()
    }
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
    pub version: Option<Box<str>>,
    /// The thumbnail that `active` means.
    pub active_thumbnail: Option<Box<str>>,
    /// The files of that version.
    pub files: Vec<FileState>,
    /// What connectors call it; none where no connector of its folder needs a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<ContentNames>,
}

/// What connectors call a content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentNames {
    /// Since when the content exists: of several of one name the oldest is meant (G4).
    pub created_at: UnixSeconds,
    /// The names, each once.
    pub names: Vec<ContentName>,
}

/// One name of a content. Several contents may have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ContentName {
    /// What one of its fields says, in whatever language.
    Metadata {
        /// The field.
        name: Box<str>,
        /// What it says.
        value: Box<str>,
    },
    /// Its name for people.
    PrettyId {
        /// In this language.
        language: Box<str>,
        /// The name.
        id: Box<str>,
    },
}

/// What edges know of a folder: its attachments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FolderState {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub number: ChannelId,
    /// Its attachments.
    pub files: Vec<FileState>,
}
