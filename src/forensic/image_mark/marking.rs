//! Marked copies of pictures.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "bounded to what the samples hold before"
)]

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, GenericImageView};

use super::SightedTag;
use super::band::{Band, frame};
use super::compare::Compared;
use super::enlarger::Enlarger;
use super::key::MarkKey;
use super::picture::{Kind, Picture, broken, kind};
use super::plane::Plane;
use super::resample::Axis;
use super::residual::Seen;
use super::strength::strength;
use super::unmarkable::{SHORTEST_SIDE, Unmarkable};
use super::{jpeg, png, webp};

/// The version of the marks: raised when the same original, key and tag give another copy, or when
/// older copies are no longer found.
pub const MARKS: u32 = 1;

/// How clearly a mark has to be found in the copy itself, in standard deviations. Whoever shares it
/// will have it compressed, cut or scaled.
const CLEAR: f64 = 16.0;

/// A copy of a picture, of the same file type, with the mark of that tag in its luma.
///
/// Colours, transparency and metadata stay; width and height as well.
///
/// - Of a JPEG only the luma's coefficients change; its colours are copied as they are coded. Where
///   the mark needs it, slow waves are quantised finer. The copy is coded as baseline, with codes of
///   its own. Preview pictures behind the first one (MPF) are left out.
/// - A PNG keeps its type of colour and its depth, except that palettes become RGB or RGBA and less
///   than eight bits become eight.
/// - A WebP becomes one without losses, and much larger if it was lossy.
///
/// The same original, key and tag give the same copy, on every machine: all floating point that it
/// depends on is additions, multiplications, divisions and square roots in a fixed order. For PNG and
/// WebP it also depends on the version of the library that writes them, and for lossy WebP of the
/// one that reads them.
pub fn mark(original: &[u8], key: &MarkKey, tag: SightedTag) -> Result<Vec<u8>, Unmarkable> {
    let kind = kind(original)?;
    let made = match kind {
        Kind::Jpeg => jpeg::marked(original, key, tag)?,
        Kind::Png | Kind::WebP => repainted(kind, original, key, tag)?,
    };
    let Made { file, luma, cover } = made;
    let (shown, _) = Picture::decoded(&file)?.luma((luma.width(), luma.height()), [Axis::WHOLE; 2]);
    let seen = Seen { columns: 0..luma.width(), rows: 0..luma.height() };
    let score = Compared::new(&luma, &cover, &shown, &seen, 1.0).score(key, tag);
    if score >= CLEAR { Ok(file) } else { Err(Unmarkable::TooFlat) }
}

/// A copy, and what the original's frame looked like.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) file: Vec<u8>,
    pub(super) luma: Plane,
    pub(super) cover: Plane,
}

/// Is the picture large enough to be marked?
pub(super) fn is_large_enough((width, height): (usize, usize)) -> Result<(), Unmarkable> {
    if width.min(height) < SHORTEST_SIDE as usize { Err(Unmarkable::TooSmall) } else { Ok(()) }
}

/// What is added to the luma of a picture, in its frame.
pub(super) fn change(luma: &Plane, cover: &Plane, key: &MarkKey, tag: SightedTag) -> Plane {
    let pattern = Band::new((luma.width(), luma.height())).pattern(key, tag);
    strength(luma, cover).with(&pattern, |strength, pattern| strength * pattern)
}

/// Adds the mark to decoded pixels, and writes them without losses.
fn repainted(
    kind: Kind,
    original: &[u8],
    key: &MarkKey,
    tag: SightedTag,
) -> Result<Made, Unmarkable> {
    let mut picture = Picture::decoded(original)?;
    let size = picture.size();
    is_large_enough(size)?;
    let (luma, cover) = picture.luma(frame(size), [Axis::WHOLE; 2]);
    let change = change(&luma, &cover, key, tag);
    paint(&mut picture.pixels, &mut Enlarger::new(&change, size));
    let file = written(kind, original, &picture.pixels)?;
    Ok(Made { file, luma, cover })
}

fn written(kind: Kind, original: &[u8], pixels: &DynamicImage) -> Result<Vec<u8>, Unmarkable> {
    let mut bytes = Vec::new();
    match kind {
        Kind::Jpeg => Err(Unmarkable::Unsupported),
        Kind::Png => {
            let encoder = PngEncoder::new_with_quality(
                &mut bytes,
                CompressionType::Level(4),
                FilterType::Adaptive,
            );
            pixels.write_with_encoder(encoder).map_err(broken)?;
            Ok(png::with_metadata(original, &bytes))
        }
        Kind::WebP => {
            pixels.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).map_err(broken)?;
            webp::with_metadata(original, &bytes, pixels.dimensions(), pixels.color().has_alpha())
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's enum grows: PNG and WebP have none else"
)]
fn paint(pixels: &mut DynamicImage, change: &mut Enlarger<'_>) {
    let width = pixels.width() as usize;
    let channels = usize::from(pixels.color().channel_count());
    match pixels {
        DynamicImage::ImageLuma8(it) => paint_bytes(it, width, channels, change),
        DynamicImage::ImageLumaA8(it) => paint_bytes(it, width, channels, change),
        DynamicImage::ImageRgb8(it) => paint_bytes(it, width, channels, change),
        DynamicImage::ImageRgba8(it) => paint_bytes(it, width, channels, change),
        DynamicImage::ImageLuma16(it) => paint_words(it, width, channels, change),
        DynamicImage::ImageLumaA16(it) => paint_words(it, width, channels, change),
        DynamicImage::ImageRgb16(it) => paint_words(it, width, channels, change),
        DynamicImage::ImageRgba16(it) => paint_words(it, width, channels, change),
        // Neither format has such.
        _ => {}
    }
}

fn paint_bytes(samples: &mut [u8], width: usize, channels: usize, change: &mut Enlarger<'_>) {
    let add = |sample: u8, by: f32| (f32::from(sample) + by.round()).clamp(0.0, 255.0) as u8;
    paint_rows(samples, width, channels, change, add, |alpha| f32::from(alpha) / 255.0);
}

fn paint_words(samples: &mut [u16], width: usize, channels: usize, change: &mut Enlarger<'_>) {
    let add = |sample: u16, by: f32| {
        (f32::from(sample) + (257.0 * by).round()).clamp(0.0, 65_535.0) as u16
    };
    paint_rows(samples, width, channels, change, add, |alpha| f32::from(alpha) / 65_535.0);
}

/// Adds the change to all colours of each pixel alike, and less of it to what is hardly seen.
fn paint_rows<T: Copy>(
    samples: &mut [T],
    width: usize,
    channels: usize,
    change: &mut Enlarger<'_>,
    add: impl Fn(T, f32) -> T,
    cover: impl Fn(T) -> f32,
) {
    for (y, row) in samples.chunks_exact_mut((width * channels).max(1)).enumerate() {
        for (pixel, &by) in row.chunks_exact_mut(channels.max(1)).zip(change.row(y)) {
            match pixel {
                [grey] => *grey = add(*grey, by),
                [grey, alpha] => *grey = add(*grey, by * cover(*alpha)),
                [red, green, blue] => {
                    for it in [red, green, blue] {
                        *it = add(*it, by);
                    }
                }
                [red, green, blue, alpha] => {
                    let by = by * cover(*alpha);
                    for it in [red, green, blue] {
                        *it = add(*it, by);
                    }
                }
                _ => {}
            }
        }
    }
}
