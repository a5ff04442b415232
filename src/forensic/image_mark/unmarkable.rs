//! Why a picture gets no mark, and how large pictures may be.

use image::ImageError;

/// Most bytes that a file may have: 256 MiB.
pub const MOST_BYTES: u64 = 256 << 20;

/// Most pixels that a picture may have: as many as those of which there are renditions.
pub const MOST_PIXELS: u64 = 40_000_000;

/// Least pixels of the shorter side.
pub(super) const SHORTEST_SIDE: u32 = 256;

/// Why there is no marked copy of a file, or why it cannot be compared. The order is alphabetical.
#[derive(Debug, thiserror::Error)]
pub enum Unmarkable {
    /// It moves: a mark in one of its pictures would not be in the others.
    #[error("the picture is animated")]
    Animated,
    /// Its beginning is that of a picture, and the rest is not, or is cut off.
    #[error("the picture is damaged")]
    Broken(#[source] Option<ImageError>),
    /// It is no JPEG, PNG or WebP.
    #[error("the file is no picture that can be marked: JPEG, PNG and WebP are")]
    NotAPicture,
    /// It is one colour, or clear, or nearly all of it is: nothing could hide there, and what did
    /// would not be found again.
    #[error("the picture has too little in it for a mark to hide")]
    TooFlat,
    /// It has more than [`MOST_BYTES`] or [`MOST_PIXELS`].
    #[error("the picture is too large")]
    TooLarge,
    /// A side of it is shorter than 256 pixels.
    #[error("the picture is too small: a side is shorter than 256 pixels")]
    TooSmall,
    /// Of a known format, in a form of it that is not handled: JPEG of four colours, of twelve
    /// bits, lossless, or coded arithmetically.
    #[error("the picture has a form that cannot be marked")]
    Unsupported,
}

impl Unmarkable {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Animated => "mark_animated",
            Self::Broken(_) => "mark_broken",
            Self::NotAPicture => "mark_not_a_picture",
            Self::TooFlat => "mark_too_flat",
            Self::TooLarge => "mark_too_large",
            Self::TooSmall => "mark_too_small",
            Self::Unsupported => "mark_unsupported",
        }
    }
}
