//! Which of a content's files come into an archive: the original, what is published, or a rendition.

use std::collections::HashMap;
use std::fmt;

use crate::control_plane::record::{ContentKind, ContentState, FileKind, FileState, frame_number};
use crate::control_plane::store::FileFacts;

/// Which files of each kind of content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channels {
    /// Of films.
    pub video: Vec<Channel>,
    /// Of sound.
    pub audio: Vec<Channel>,
    /// Of pictures.
    pub image: Vec<Channel>,
    /// Of everything else.
    pub other: Vec<Channel>,
}

/// A file of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The rendition of that profile.
    Format(Box<str>),
    /// Every frame of what turns.
    Frames,
    /// The best rendition.
    Published,
    /// The best rendition, or the original of what has none.
    PublishedOrSource,
    /// The rendition of that width and height.
    Size(u32, u32),
    /// The original.
    Source,
}

impl Channels {
    /// The files that are wanted of a content: one of each channel that it has; where none is named,
    /// its original, or else what is published.
    pub(super) fn picked<'s>(
        &'s self,
        state: &'s ContentState,
        facts: &HashMap<u64, FileFacts>,
    ) -> Vec<(&'s Channel, &'s FileState)> {
        let wanted = match state.kind {
            ContentKind::Audio => &self.audio,
            ContentKind::Image | ContentKind::Image360 => &self.image,
            ContentKind::Other => &self.other,
            ContentKind::Video => &self.video,
            // They have no bytes of their own.
            ContentKind::Playlist | ContentKind::Url => return Vec::new(),
        };
        if wanted.is_empty() {
            let found = DEFAULT.iter().find_map(|it| Some((it, it.of(state, facts)?)));
            return found.into_iter().collect();
        }
        let mut picked: Vec<(&Channel, &FileState)> = Vec::new();
        for channel in wanted {
            for file in channel.all_of(state, facts) {
                if !picked.iter().any(|(_, known)| known.number == file.number) {
                    picked.push((channel, file));
                }
            }
        }
        picked
    }
}

/// Of a content of which nothing else is said.
const DEFAULT: &[Channel] = &[Channel::Source, Channel::Published];

impl Channel {
    /// The channel of that name: `SOURCE`, `PUBLISHED`, `1024x768`, or a profile.
    pub fn parse(name: &str) -> Self {
        let size = |text: &str| text.parse().ok().filter(|it: &u32| *it > 0);
        let sizes = name.split_once('x').map(|(width, height)| (size(width), size(height)));
        match (name, sizes) {
            ("PUBLISHED", _) => Self::Published,
            ("SOURCE", _) => Self::Source,
            (_, Some((Some(width), Some(height)))) => Self::Size(width, height),
            (_, Some(_) | None) => Self::Format(name.into()),
        }
    }

    fn all_of<'f>(
        &self,
        content: &'f ContentState,
        facts: &HashMap<u64, FileFacts>,
    ) -> Vec<&'f FileState> {
        match self {
            Self::Frames => frames(content),
            Self::Format(_)
            | Self::Published
            | Self::PublishedOrSource
            | Self::Size(_, _)
            | Self::Source => self.of(content, facts).into_iter().collect(),
        }
    }

    fn of<'f>(
        &self,
        content: &'f ContentState,
        facts: &HashMap<u64, FileFacts>,
    ) -> Option<&'f FileState> {
        // What no address names is not handed out.
        let named = |file: &&FileState| file.place.of_content(&content.id).is_some();
        let of_kind =
            |kind| content.files.iter().filter(named).filter(move |file| file.place.kind == kind);
        let size_of = |file: &FileState| {
            let facts = facts.get(&file.number)?;
            Some((facts.width?, facts.height?))
        };
        match self {
            Self::Format(key) => of_kind(FileKind::Format).find(|file| file.place.slot == *key),
            Self::Frames => frames(content).into_iter().next(),
            Self::Published => of_kind(FileKind::Format).max_by_key(|file| {
                let (width, height) = size_of(file).unwrap_or_default();
                (u64::from(width) * u64::from(height), file.size)
            }),
            Self::PublishedOrSource => {
                let of = |channel: Self| channel.of(content, facts);
                of(Self::Published).or_else(|| of(Self::Source))
            }
            Self::Size(width, height) => {
                of_kind(FileKind::Format).find(|file| size_of(file) == Some((*width, *height)))
            }
            Self::Source => of_kind(FileKind::Source).next(),
        }
    }
}

/// The frames of what turns, in their order.
fn frames(content: &ContentState) -> Vec<&FileState> {
    if content.kind != ContentKind::Image360 {
        return Vec::new();
    }
    // What no address names is not handed out.
    let named = |file: &&FileState| file.place.of_content(&content.id).is_some();
    let mut frames: Vec<(u32, &FileState)> = content
        .files
        .iter()
        .filter(named)
        .filter_map(|file| Some((frame_number(&file.place)?, file)))
        .collect();
    frames.sort_by_key(|(place, _)| *place);
    frames.into_iter().map(|(_, file)| file).collect()
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(key) => f.write_str(key),
            Self::Frames => f.write_str("FRAMES"),
            Self::Published | Self::PublishedOrSource => f.write_str("PUBLISHED"),
            Self::Size(width, height) => write!(f, "{width}x{height}"),
            Self::Source => f.write_str("SOURCE"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::TenantId;
    use crate::clock::UnixSeconds;
    use crate::control_plane::record::{ContentId, FilePlace, Publication};

    fn file(number: u64, kind: FileKind, slot: &str, size: u64) -> FileState {
        FileState {
            number,
            place: FilePlace { kind, slot: slot.into(), variant: "".into() },
            origin: "media".into(),
            key: "k".into(),
            name: "n".into(),
            size,
            mime: "video/mp4".into(),
            sha256: None,
        }
    }

    fn content(kind: ContentKind, files: Vec<FileState>) -> ContentState {
        ContentState {
            tenant: TenantId(1),
            id: ContentId::parse("film").unwrap(),
            kind,
            folder: None,
            publication: Publication::Published,
            periods: Vec::new(),
            version: None,
            active_thumbnail: None,
            files,
            names: None,
        }
    }

    fn numbers(channels: &Channels, content: &ContentState) -> Vec<(String, u64)> {
        let size = |number, width, height| {
            let (width, height) = (Some(width), Some(height));
            (number, FileFacts { crc32: None, created_at: UnixSeconds::new(1), width, height })
        };
        let facts = HashMap::from([size(2, 640, 360), size(3, 1920, 1080)]);
        let picked = channels.picked(content, &facts);
        picked.into_iter().map(|(channel, file)| (channel.to_string(), file.number)).collect()
    }

    #[test]
    fn channels_have_their_files() {
        let files = vec![
            file(1, FileKind::Source, "", 9),
            file(2, FileKind::Format, "small", 5),
            file(3, FileKind::Format, "large", 4),
            file(4, FileKind::Format, "unmeasured", 7),
            file(5, FileKind::Thumbnail, "1", 1),
        ];
        let film = content(ContentKind::Video, files.clone());
        for (wanted, found) in [
            (vec![], vec![("SOURCE", 1)]),
            (vec!["SOURCE"], vec![("SOURCE", 1)]),
            (vec!["PUBLISHED"], vec![("PUBLISHED", 3)]),
            (vec!["640x360"], vec![("640x360", 2)]),
            (vec!["unmeasured"], vec![("unmeasured", 4)]),
            (vec!["800x600", "no such", "0x5"], vec![]),
            // One file is in it once.
            (vec!["large", "SOURCE", "PUBLISHED"], vec![("large", 3), ("SOURCE", 1)]),
        ] {
            let video = wanted.iter().map(|name| Channel::parse(name)).collect();
            let channels = Channels { video, ..Channels::default() };
            let found: Vec<_> = found.into_iter().map(|(name, it)| (name.to_owned(), it)).collect();
            assert_eq!(numbers(&channels, &film), found, "{wanted:?}");
            // What is said of films is not said of sound.
            let sound = content(ContentKind::Audio, files.clone());
            assert_eq!(numbers(&channels, &sound), [("SOURCE".to_owned(), 1)]);
        }
        let without_source = content(ContentKind::Image, vec![file(2, FileKind::Format, "s", 1)]);
        let picked = numbers(&Channels::default(), &without_source);
        assert_eq!(picked, [("PUBLISHED".to_owned(), 2)]);
        let list = content(ContentKind::Playlist, files);
        assert_eq!(numbers(&Channels::default(), &list), []);
    }
}
