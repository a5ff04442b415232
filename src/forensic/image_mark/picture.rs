//! Pictures as files, opened and decoded.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};

use super::plane::Plane;
use super::resample::{Axis, Resampler};
use super::unmarkable::{MOST_BYTES, MOST_PIXELS, Unmarkable};

/// Longest side in pixels: what JPEG can have.
const LONGEST_SIDE: u32 = 65_535;

/// Most memory that one decoder may take, in bytes.
const MOST_DECODING: u64 = 512 << 20;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Jpeg,
    Png,
    WebP,
}

/// What the file is, by its first bytes. It is no longer than [`MOST_BYTES`].
pub(super) fn kind(file: &[u8]) -> Result<Kind, Unmarkable> {
    if file.len() as u64 > MOST_BYTES {
        return Err(Unmarkable::TooLarge);
    }
    match image::guess_format(file) {
        Ok(ImageFormat::Jpeg) => Ok(Kind::Jpeg),
        Ok(ImageFormat::Png) => Ok(Kind::Png),
        Ok(ImageFormat::WebP) => Ok(Kind::WebP),
        Ok(_) | Err(_) => Err(Unmarkable::NotAPicture),
    }
}

/// A picture that was decoded.
#[derive(Debug)]
pub(super) struct Picture {
    pub(super) pixels: DynamicImage,
    /// How it is to be turned before it is shown.
    pub(super) orientation: Orientation,
}

impl Picture {
    /// Decodes a file that does not move, within the bounds.
    pub(super) fn decoded(file: &[u8]) -> Result<Self, Unmarkable> {
        let mut decoder = decoder(kind(file)?, file)?;
        let size = decoder.dimensions();
        is_within(size)?;
        decoder.set_limits(limits()).map_err(broken)?;
        // What is wrong with metadata is not wrong with the picture.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let pixels = DynamicImage::from_decoder(decoder).map_err(broken)?;
        Ok(Self { pixels, orientation })
    }

    /// Width and height, before it is turned.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.pixels.width() as usize, self.pixels.height() as usize)
    }

    /// Luma in steps of 256, on white, and how much of it is seen; in that size.
    pub(super) fn luma(&self, to: (usize, usize), axes: [Axis; 2]) -> (Plane, Plane) {
        let mut luma = Resampler::part(self.size(), to, axes);
        let mut cover = Resampler::part(self.size(), to, axes);
        each_row(&self.pixels, |values, covers| {
            luma.push(values);
            if let Some(covers) = covers {
                cover.push(covers);
            }
        });
        let cover = if self.pixels.color().has_alpha() {
            cover.finish()
        } else {
            Plane::filled(to.0, to.1, 1.0)
        };
        (luma.finish(), cover)
    }
}

/// Is a picture of that size within the bounds?
pub(super) fn is_within((width, height): (u32, u32)) -> Result<(), Unmarkable> {
    let area = u64::from(width) * u64::from(height);
    let is_within = width.max(height) <= LONGEST_SIDE && area <= MOST_PIXELS;
    if is_within { Ok(()) } else { Err(Unmarkable::TooLarge) }
}

pub(super) fn broken(error: ImageError) -> Unmarkable {
    Unmarkable::Broken(Some(error))
}

fn decoder<'a>(kind: Kind, file: &'a [u8]) -> Result<Box<dyn ImageDecoder + 'a>, Unmarkable> {
    let reader = Cursor::new(file);
    match kind {
        Kind::Jpeg => Ok(Box::new(JpegDecoder::new(reader).map_err(broken)?)),
        Kind::Png => {
            // Its decoder reserves room for a row before it can be asked.
            is_within(png_size(file).ok_or(Unmarkable::Broken(None))?)?;
            let decoder = PngDecoder::with_limits(reader, limits()).map_err(broken)?;
            if decoder.is_apng().map_err(broken)? {
                return Err(Unmarkable::Animated);
            }
            Ok(Box::new(decoder))
        }
        Kind::WebP => {
            let decoder = WebPDecoder::new(reader).map_err(broken)?;
            if decoder.has_animation() {
                return Err(Unmarkable::Animated);
            }
            // The decoder believes the head, and decodes before it compares.
            super::webp::sizes(file).try_for_each(is_within)?;
            Ok(Box::new(decoder))
        }
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_DECODING);
    limits
}

/// What the first chunk says, behind the signature (PNG, third edition, 11.2.1).
fn png_size(file: &[u8]) -> Option<(u32, u32)> {
    let (width, rest) = file.get(16..)?.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*rest.first_chunk()?)))
}

/// Gives each row's luma, and how much of it is seen if not all is.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others that occur have a byte a channel")]
fn each_row(pixels: &DynamicImage, take: impl FnMut(&[f32], Option<&[f32]>)) {
    let width = pixels.width() as usize;
    let channels = usize::from(pixels.color().channel_count());
    match pixels {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => {
            let samples: &[[u8; 2]] = pixels.as_bytes().as_chunks().0;
            let value = |&it: &[u8; 2]| f32::from(u16::from_ne_bytes(it)) / 257.0;
            rows(samples, width, channels, value, take);
        }
        _ => rows(pixels.as_bytes(), width, channels, |&it| f32::from(it), take),
    }
}

fn rows<T>(
    samples: &[T],
    width: usize,
    channels: usize,
    value: impl Fn(&T) -> f32,
    mut take: impl FnMut(&[f32], Option<&[f32]>),
) {
    let mut luma = vec![0.0; width];
    let mut cover = vec![1.0; width];
    for row in samples.chunks_exact((width * channels).max(1)) {
        for ((luma, cover), pixel) in
            luma.iter_mut().zip(&mut cover).zip(row.chunks_exact(channels.max(1)))
        {
            let (grey, alpha) = match pixel {
                [grey] => (value(grey), 255.0),
                [grey, alpha] => (value(grey), value(alpha)),
                [red, green, blue] => (mixed(value(red), value(green), value(blue)), 255.0),
                [red, green, blue, alpha, ..] => {
                    (mixed(value(red), value(green), value(blue)), value(alpha))
                }
                [] => (0.0, 0.0),
            };
            *cover = alpha / 255.0;
            *luma = grey * *cover + (255.0 - alpha);
        }
        take(&luma, channels.is_multiple_of(2).then_some(&cover));
    }
}

/// Luma (ITU-R BT.601, as JPEG has it).
fn mixed(red: f32, green: f32, blue: f32) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}
