//! The asset URL grammar (requirements D1–D9), parsed from and printed to a path.
//!
//! ```text
//! asset = ("/public" / "/private") resource
//! resource = "/videos/" video "/source"
//!          / "/videos/" video "/formats/" profile
//!          / "/videos/" video "/thumbnails/" (thumbnail / "active")      ; ?quality=
//!          / "/videos/" video "/chapters/" chapter "/thumbnails"         ; ?quality=
//!          / "/videos/" video "/subtitles/" subtitle                     ; ?source=
//!          / "/videos/" video "/attachments/" type-name "/" file-name
//!          / "/channels/" channel "/attachments/" type-name "/" file-name
//! ```
//!
//! The path is read in its decoded view, so a name may hold any character but a slash. Everything
//! under the two prefixes is this grammar or nothing. Which visibility is in force is not decided
//! here: the prefix is only what the link said.

use std::fmt;

use percent_encoding::{AsciiSet, utf8_percent_encode};

use super::{AssetType, ChannelId, PATH_ESCAPES, VideoId, Visibility};
use crate::target::{PathToken, RequestTarget, cut, percent_decode, separated};

/// What `quality` means where a link has none (requirement D8).
const DEFAULT_QUALITY: &str = "360p";

/// The quality that names the original still rather than a resolution of it.
const ORIGINAL_QUALITY: &str = "source";

/// A proven asset URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetPath {
    /// What the link said; the override table decides what is in force.
    pub asked: Visibility,
    /// Which asset.
    pub resource: AssetResource,
    /// Which file of it.
    pub parameters: AssetParameters,
}

/// Which asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssetResource {
    /// D7.
    ChannelAttachment {
        /// The channel.
        channel: ChannelId,
        /// The attachment type's name, not its id.
        type_name: Box<str>,
        /// The file's name.
        file_name: Box<str>,
    },
    /// D4.
    ChapterThumbnail {
        /// The video.
        video: VideoId,
        /// The chapter's id.
        chapter: Box<str>,
    },
    /// D5.
    Subtitle {
        /// The video.
        video: VideoId,
        /// The subtitle's id.
        subtitle: Box<str>,
    },
    /// D3; `active` is the active thumbnail (D9).
    Thumbnail {
        /// The video.
        video: VideoId,
        /// The thumbnail's id, or `active`.
        thumbnail: Box<str>,
    },
    /// D6.
    VideoAttachment {
        /// The video.
        video: VideoId,
        /// The attachment type's name, not its id.
        type_name: Box<str>,
        /// The file's name.
        file_name: Box<str>,
    },
    /// D2.
    VideoFormat {
        /// The video.
        video: VideoId,
        /// The encoding profile's key.
        profile: Box<str>,
    },
    /// D1.
    VideoSource {
        /// The video.
        video: VideoId,
    },
}

/// Which file of the asset: the parameters that select bytes. Others (`file-name`,
/// `cache-buster`) are accepted and select nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AssetParameters {
    /// The resource has one file.
    None,
    /// A thumbnail's quality.
    Quality(Box<str>),
    /// A quality that no file can have, for it is no plain name. It is answered like a quality
    /// that merely does not exist, so that the answer tells nothing (G15, G17).
    QualityUnknown,
    /// A subtitle's format.
    Subtitle(SubtitleFormat),
}

/// The two subtitle formats (D5, D9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubtitleFormat {
    /// `SubRip`.
    Srt,
    /// `WebVTT`, the default.
    Vtt,
}

impl SubtitleFormat {
    /// The name in the `source` parameter.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Srt => "SRT",
            Self::Vtt => "VTT",
        }
    }

    /// The format of that name, any case (G17).
    pub fn from_wire_name(name: &str) -> Option<Self> {
        [Self::Srt, Self::Vtt]
            .into_iter()
            .find(|format| format.wire_name().eq_ignore_ascii_case(name))
    }
}

impl AssetPath {
    /// The same, if reading what it prints gives it back: parts that were put together may hold what
    /// no URL can say.
    pub fn if_read_back(self) -> Option<Self> {
        let target = RequestTarget::parse(&self.to_string(), PathToken::Absent, 8_192).ok()?;
        (Self::parse(&target).as_ref() == Ok(&self)).then_some(self)
    }
}

/// Why a target under an asset prefix is no asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssetRejection {
    /// A parameter that selects the file is there twice with different values.
    #[error("a parameter that selects the file is given twice")]
    ParameterAmbiguous,
    /// A parameter that selects the file is malformed.
    #[error("a parameter that selects the file is malformed")]
    ParameterMalformed,
    /// `source` is neither VTT nor SRT.
    #[error("the subtitle source is neither VTT nor SRT")]
    SourceUnknown,
    /// The path is not of the grammar.
    #[error("the path is not an asset path")]
    UnknownForm,
}

impl AssetPath {
    /// Is the path under `/public/` or `/private/`, and so asset grammar or nothing?
    pub fn claims(target: &RequestTarget) -> bool {
        let path = target.decoded().strip_prefix('/').unwrap_or_default();
        let (first, _) = cut(path, b'/').unwrap_or((path, ""));
        Visibility::from_wire_name(first).is_some()
    }

    /// Reads a target that [`AssetPath::claims`].
    pub fn parse(target: &RequestTarget) -> Result<Self, AssetRejection> {
        let mut segments = separated(target.decoded(), b'/').skip(1);
        let mut next = || segments.next();
        let (Some(visibility), Some(owner), Some(id)) = (next(), next(), next()) else {
            return Err(AssetRejection::UnknownForm);
        };
        let asked = Visibility::from_wire_name(visibility).ok_or(AssetRejection::UnknownForm)?;
        let rest = [next(), next(), next()];
        if next().is_some() {
            return Err(AssetRejection::UnknownForm);
        }
        let resource = match owner {
            "videos" => video_resource(id, rest),
            "channels" => channel_resource(id, rest),
            _ => None,
        }
        .ok_or(AssetRejection::UnknownForm)?;
        let parameters = AssetParameters::parse(&resource, target)?;
        Ok(Self { asked, resource, parameters })
    }

    /// The type that overrides speak of.
    pub fn asset_type(&self) -> AssetType {
        match &self.resource {
            AssetResource::ChannelAttachment { .. } | AssetResource::VideoAttachment { .. } => {
                AssetType::Attachment
            }
            AssetResource::ChapterThumbnail { .. } | AssetResource::Thumbnail { .. } => {
                match &self.parameters {
                    // In any case: a file system that folds case would answer with the original.
                    AssetParameters::Quality(quality)
                        if quality.eq_ignore_ascii_case(ORIGINAL_QUALITY) =>
                    {
                        AssetType::StillSource
                    }
                    AssetParameters::Quality(_)
                    | AssetParameters::QualityUnknown
                    | AssetParameters::None
                    | AssetParameters::Subtitle(_) => AssetType::StillResolution,
                }
            }
            AssetResource::Subtitle { .. } => AssetType::Subtitle,
            AssetResource::VideoFormat { .. } => AssetType::VideoFormat,
            AssetResource::VideoSource { .. } => AssetType::VideoSource,
        }
    }

    /// The video that owns the asset; none for a channel's.
    pub fn video(&self) -> Option<&VideoId> {
        match &self.resource {
            AssetResource::ChannelAttachment { .. } => None,
            AssetResource::ChapterThumbnail { video, .. }
            | AssetResource::Subtitle { video, .. }
            | AssetResource::Thumbnail { video, .. }
            | AssetResource::VideoAttachment { video, .. }
            | AssetResource::VideoFormat { video, .. }
            | AssetResource::VideoSource { video } => Some(video),
        }
    }

    /// The channel that owns the asset; none for a video's.
    pub fn channel(&self) -> Option<ChannelId> {
        match &self.resource {
            AssetResource::ChannelAttachment { channel, .. } => Some(*channel),
            AssetResource::ChapterThumbnail { .. }
            | AssetResource::Subtitle { .. }
            | AssetResource::Thumbnail { .. }
            | AssetResource::VideoAttachment { .. }
            | AssetResource::VideoFormat { .. }
            | AssetResource::VideoSource { .. } => None,
        }
    }
}

impl AssetParameters {
    /// Is it what a link without parameters means?
    pub fn is_default(&self) -> bool {
        match self {
            Self::None | Self::Subtitle(SubtitleFormat::Vtt) => true,
            Self::Quality(quality) => &**quality == DEFAULT_QUALITY,
            Self::QualityUnknown | Self::Subtitle(SubtitleFormat::Srt) => false,
        }
    }

    fn parse(resource: &AssetResource, target: &RequestTarget) -> Result<Self, AssetRejection> {
        match resource {
            AssetResource::ChapterThumbnail { .. } | AssetResource::Thumbnail { .. } => {
                let quality = selecting_parameter(target, "quality")?;
                let quality = quality.as_deref().unwrap_or(DEFAULT_QUALITY);
                if is_plain_name(quality) {
                    Ok(Self::Quality(quality.into()))
                } else {
                    Ok(Self::QualityUnknown)
                }
            }
            AssetResource::Subtitle { .. } => {
                let Some(source) = selecting_parameter(target, "source")? else {
                    return Ok(Self::Subtitle(SubtitleFormat::Vtt));
                };
                SubtitleFormat::from_wire_name(&source)
                    .map(Self::Subtitle)
                    .ok_or(AssetRejection::SourceUnknown)
            }
            AssetResource::ChannelAttachment { .. }
            | AssetResource::VideoAttachment { .. }
            | AssetResource::VideoFormat { .. }
            | AssetResource::VideoSource { .. } => Ok(Self::None),
        }
    }
}

impl fmt::Display for AssetPath {
    /// The canonical URL: what a signer signs and a person copies.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = |text| utf8_percent_encode(text, SEGMENT);
        write!(f, "/{}", self.asked.wire_name())?;
        match &self.resource {
            AssetResource::ChannelAttachment { channel, type_name, file_name } => {
                write!(f, "/channels/{channel}/attachments")?;
                write!(f, "/{}/{}", segment(type_name), segment(file_name))?;
            }
            AssetResource::ChapterThumbnail { video, chapter } => {
                write!(f, "/videos/{}/chapters", segment(video.as_str()))?;
                write!(f, "/{}/thumbnails", segment(chapter))?;
            }
            AssetResource::Subtitle { video, subtitle } => {
                write!(f, "/videos/{}/subtitles", segment(video.as_str()))?;
                write!(f, "/{}", segment(subtitle))?;
            }
            AssetResource::Thumbnail { video, thumbnail } => {
                write!(f, "/videos/{}/thumbnails", segment(video.as_str()))?;
                write!(f, "/{}", segment(thumbnail))?;
            }
            AssetResource::VideoAttachment { video, type_name, file_name } => {
                write!(f, "/videos/{}/attachments", segment(video.as_str()))?;
                write!(f, "/{}/{}", segment(type_name), segment(file_name))?;
            }
            AssetResource::VideoFormat { video, profile } => {
                write!(f, "/videos/{}/formats", segment(video.as_str()))?;
                write!(f, "/{}", segment(profile))?;
            }
            AssetResource::VideoSource { video } => {
                write!(f, "/videos/{}/source", segment(video.as_str()))?;
            }
        }
        match &self.parameters {
            AssetParameters::None | AssetParameters::QualityUnknown => Ok(()),
            AssetParameters::Quality(quality) => write!(f, "?quality={quality}"),
            AssetParameters::Subtitle(format) => write!(f, "?source={}", format.wire_name()),
        }
    }
}

/// What a segment must escape: what a path must, and the slash.
pub(super) const SEGMENT: &AsciiSet = &PATH_ESCAPES.add(b'/');

fn video_resource(id: &str, rest: [Option<&str>; 3]) -> Option<AssetResource> {
    let video = VideoId::new(id)?;
    Some(match rest {
        [Some("source"), None, None] => AssetResource::VideoSource { video },
        [Some("formats"), Some(profile), None] => {
            AssetResource::VideoFormat { video, profile: name(profile)? }
        }
        [Some("thumbnails"), Some(thumbnail), None] => {
            AssetResource::Thumbnail { video, thumbnail: name(thumbnail)? }
        }
        [Some("chapters"), Some(chapter), Some("thumbnails")] => {
            AssetResource::ChapterThumbnail { video, chapter: name(chapter)? }
        }
        [Some("subtitles"), Some(subtitle), None] => {
            AssetResource::Subtitle { video, subtitle: name(subtitle)? }
        }
        [Some("attachments"), Some(type_name), Some(file_name)] => AssetResource::VideoAttachment {
            video,
            type_name: name(type_name)?,
            file_name: name(file_name)?,
        },
        _ => return None,
    })
}

fn channel_resource(id: &str, rest: [Option<&str>; 3]) -> Option<AssetResource> {
    let [Some("attachments"), Some(type_name), Some(file_name)] = rest else { return None };
    Some(AssetResource::ChannelAttachment {
        channel: ChannelId(plain_number(id)?),
        type_name: name(type_name)?,
        file_name: name(file_name)?,
    })
}

fn name(segment: &str) -> Option<Box<str>> {
    (!segment.is_empty()).then(|| segment.into())
}

/// Decimal digits without a leading zero, so that one channel has one spelling.
fn plain_number(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

/// A quality names a file: letters, digits, `-` and `_` only.
fn is_plain_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The one value of a parameter, names and values decoded once.
fn selecting_parameter(
    target: &RequestTarget,
    wanted: &str,
) -> Result<Option<String>, AssetRejection> {
    let mut found: Option<String> = None;
    for (name, value) in target.parameters() {
        if percent_decode(name).as_deref() != Some(wanted) {
            continue;
        }
        let value = percent_decode(value).ok_or(AssetRejection::ParameterMalformed)?;
        match &found {
            Some(first) if **first != *value => return Err(AssetRejection::ParameterAmbiguous),
            Some(_) => {}
            None => found = Some(value.into_owned()),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::PathToken;

    fn target(text: &str) -> RequestTarget {
        RequestTarget::parse(text, PathToken::Absent, 8192).unwrap()
    }

    fn parse(text: &str) -> Result<AssetPath, AssetRejection> {
        AssetPath::parse(&target(text))
    }

    /// D1–D7: every scheme of the vendor's page, its override type and its canonical print.
    #[test]
    fn every_scheme_of_the_vendor() {
        use AssetType as T;
        for (text, kind, printed) in [
            ("/private/videos/-civ9qE3JUjntKQM1HnGtU/source", T::VideoSource, ""),
            ("/public/videos/abc/formats/hd720", T::VideoFormat, ""),
            ("/private/videos/abc/thumbnails/78912", T::StillResolution, "?quality=360p"),
            ("/private/videos/abc/thumbnails/active?quality=720p", T::StillResolution, ""),
            ("/private/videos/abc/thumbnails/active?quality=source", T::StillSource, ""),
            ("/private/videos/abc/thumbnails/active?quality=Source", T::StillSource, ""),
            ("/private/videos/abc/chapters/5/thumbnails", T::StillResolution, "?quality=360p"),
            ("/private/videos/abc/subtitles/9", T::Subtitle, "?source=VTT"),
            ("/private/videos/abc/subtitles/9?source=SRT", T::Subtitle, ""),
            ("/private/videos/abc/attachments/Handout/a%20b.pdf", T::Attachment, ""),
            ("/public/channels/7/attachments/Logo/logo.png", T::Attachment, ""),
        ] {
            let asset = parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(asset.asset_type(), kind, "{text}");
            assert_eq!(asset.to_string(), format!("{text}{printed}"));
            assert_eq!(parse(&asset.to_string()), Ok(asset));
        }
    }

    #[test]
    fn parameters_that_select_no_file_are_accepted() {
        let plain = parse("/private/videos/a/thumbnails/active?quality=360p").unwrap();
        for text in [
            "/private/videos/a/thumbnails/active?cache-buster=be8fb7&file-name=x.jpg",
            "/private/videos/a/thumbnails/active?quality=360p&quality=360p",
            "/private/videos/a/thumbnails/active?%71uality=36%30p",
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&plain), "{text}");
        }
        // G17: accepted on subtitles and ignored.
        assert_eq!(
            parse("/private/videos/a/subtitles/1?quality=4k&source=vtt"),
            parse("/private/videos/a/subtitles/1")
        );
    }

    #[test]
    fn what_is_no_asset() {
        use AssetRejection as R;
        for (text, expected) in [
            ("/private", R::UnknownForm),
            ("/private/", R::UnknownForm),
            ("/private/videos/a", R::UnknownForm),
            ("/private/videos/a/", R::UnknownForm),
            ("/private/videos/a/source/", R::UnknownForm),
            ("/private/videos/a/formats/", R::UnknownForm),
            ("/private/videos/a/attachments/t/f/g", R::UnknownForm),
            ("/private/channels/x/attachments/t/f", R::UnknownForm),
            ("/private/channels/07/attachments/t/f", R::UnknownForm),
            ("/private/channels/99999999999999999999/attachments/t/f", R::UnknownForm),
            ("/private/Videos/a/source", R::UnknownForm),
            ("/private/videos/a/subtitles/1?source=TTML", R::SourceUnknown),
            ("/private/videos/a/subtitles/1?source=VTT&source=SRT", R::ParameterAmbiguous),
            ("/private/videos/a/thumbnails/1?quality=1&quality=2", R::ParameterAmbiguous),
            ("/private/videos/a/thumbnails/1?quality=%zz", R::ParameterMalformed),
        ] {
            assert_eq!(parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn a_quality_that_is_no_name_selects_no_file() {
        for quality in ["", "..", "a/b", "%2e%2e%2fx", "a.b"] {
            let asset =
                parse(&format!("/private/videos/a/thumbnails/1?quality={quality}")).unwrap();
            assert_eq!(asset.parameters, AssetParameters::QualityUnknown, "{quality}");
        }
    }

    #[test]
    fn the_prefix_is_claimed_by_whole_segments() {
        for (text, claimed) in [
            ("/public/x", true),
            ("/%70ublic/x", true),
            ("/private", true),
            ("/publicity/x", false),
            ("/Public/x", false),
            ("/", false),
        ] {
            assert_eq!(AssetPath::claims(&target(text)), claimed, "{text}");
        }
    }

    proptest! {
        #[test]
        fn print_then_parse_is_the_same_asset(
            video in "[^/\\\\\\x00-\\x1f\\x7f-\\x9f]{1,12}",
            file in "[^/\\\\\\x00-\\x1f\\x7f-\\x9f]{1,12}",
            quality in "[A-Za-z0-9_-]{1,8}",
        ) {
            let video = VideoId::new(&video).unwrap();
            for (resource, parameters) in [
                (
                    AssetResource::VideoAttachment {
                        video: video.clone(),
                        type_name: "T".into(),
                        file_name: file.as_str().into(),
                    },
                    AssetParameters::None,
                ),
                (
                    AssetResource::Thumbnail { video, thumbnail: "active".into() },
                    AssetParameters::Quality(quality.as_str().into()),
                ),
            ] {
                let asset = AssetPath { asked: Visibility::Private, resource, parameters };
                let printed = asset.to_string();
                // Names that look like dot segments or double escapes have no URL at all.
                if let Ok(target) = RequestTarget::parse(&printed, PathToken::Absent, 8192) {
                    prop_assert_eq!(AssetPath::parse(&target), Ok(asset));
                }
            }
        }
    }
}
