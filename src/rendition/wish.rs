//! What a rendition is to be.

use std::num::{NonZeroU8, NonZeroU32};

use serde::{Deserialize, Serialize};

/// What is to be made of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rendition {
    /// The part of it that is wanted; all of it, if it is missing.
    pub crop: Option<Area>,
    /// How large that part is to become.
    pub bounds: Bounds,
    /// What fills the bounds.
    pub fit: Fit,
    /// How it is written.
    pub encoding: Encoding,
}

/// A part of an upright image, in its pixels, from its upper left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Area {
    /// Pixels left of it.
    pub x: u32,
    /// Pixels above it.
    pub y: u32,
    /// Its width in pixels.
    pub width: NonZeroU32,
    /// Its height in pixels.
    pub height: NonZeroU32,
}

/// How large a rendition may be, in pixels. One of them alone: the other follows from the
/// proportions. None: as large as the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bounds {
    /// Its width.
    pub width: Option<NonZeroU32>,
    /// Its height.
    pub height: Option<NonZeroU32>,
}

/// What fills the bounds, where their proportions are not the image's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The whole image within them.
    #[default]
    Inside,
    /// As much of the image's middle as fills them.
    Cover,
}

/// How a rendition is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// JPEG; what is transparent becomes white.
    Jpeg(Quality),
    /// PNG.
    Png,
    /// WebP without loss.
    WebP,
}

impl Default for Encoding {
    fn default() -> Self {
        Self::Jpeg(Quality::default())
    }
}

impl Encoding {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg(_) => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
        }
    }

    /// What names of such files end with, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg(_) => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
        }
    }
}

/// How much of an image a JPEG keeps: from 1, the least, to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Quality(NonZeroU8);

/// A number is no quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quality is from 1 to 100")]
pub struct NoQuality;

impl TryFrom<u8> for Quality {
    type Error = NoQuality;

    fn try_from(percent: u8) -> Result<Self, NoQuality> {
        Self::new(percent).ok_or(NoQuality)
    }
}

impl From<Quality> for u8 {
    fn from(quality: Quality) -> Self {
        quality.get()
    }
}

impl Quality {
    /// That quality; none where it is not from 1 to 100.
    pub fn new(percent: u8) -> Option<Self> {
        NonZeroU8::new(percent).filter(|it| it.get() <= 100).map(Self)
    }

    /// From 1 to 100.
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl Default for Quality {
    /// 85: hardly anybody sees a difference, at a quarter of the bytes.
    fn default() -> Self {
        const { Self(NonZeroU8::new(85).unwrap()) }
    }
}
