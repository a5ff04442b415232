//! Images as they are found: what they are, how large, and their pixels.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the image library's enums are not ours: they grow, and few of their variants occur"
)]

use std::io::Cursor;

use fast_image_resize::PixelType;
use fast_image_resize::images::Image;
use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{ColorType, ImageDecoder, ImageError, ImageFormat, Limits};

use super::geometry::{Plan, before_turning, plan, turned};
use super::pixels::Pixels;
use super::webp_frames;
use super::wish::{Encoding, Rendition};

/// Most pixels that an image may have (G26).
pub const MOST_PIXELS: u64 = 40_000_000;

/// Longest side of an image in pixels: what JPEG can have.
const LONGEST_SIDE: u32 = 65_535;

/// Most memory that one decoder may take, in bytes.
const MOST_DECODING: u64 = 512 << 20;

/// What any work takes, however small the image is, in bytes: tables, profiles, buffers.
const AROUND: u64 = 8 << 20;

/// Longest profile of colours that is read, in bytes. Those of printing presses have 2 MiB.
const LONGEST_PROFILE: usize = 4 << 20;

/// Why there is no rendition of an image.
#[derive(Debug, thiserror::Error)]
pub enum RenditionError {
    /// Its first bytes, or what comes after, are not those of an image that is read here.
    #[error("it is no image that can be read: JPEG, PNG, WebP and GIF are")]
    NotAnImage(#[source] Option<ImageError>),
    /// The image is larger than [`MOST_PIXELS`], or its rendition larger than such files can be.
    #[error("the image is too large: it has {width} × {height} pixels")]
    TooLarge {
        /// Its width.
        width: u32,
        /// Its height.
        height: u32,
    },
    /// The part that is wanted does not lie in the image.
    #[error("the part that is wanted is not in the image, which has {width} × {height} pixels")]
    Outside {
        /// Its width, upright.
        width: u32,
        /// Its height, upright.
        height: u32,
    },
    /// It could not be made.
    #[error("the rendition could not be made")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What an image says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its width, upright.
    pub width: u32,
    /// Its height, upright.
    pub height: u32,
    /// Bytes that a rendition of it takes at most, next to the image itself.
    pub memory: u64,
}

/// Looks at an image's head: is there a rendition of it, and what would it take?
pub fn look(image: &[u8], wish: &Rendition) -> Result<Look, RenditionError> {
    let source = Source::open(image)?;
    let plan = source.plan(wish)?;
    let (width, height) = turned(source.size, source.orientation);
    Ok(Look { width, height, memory: source.memory(&plan, wish.encoding) })
}

/// An image of which the head was read.
pub(super) struct Source<'a> {
    decoder: Box<dyn ImageDecoder + 'a>,
    format: ImageFormat,
    /// How long it is.
    length: u64,
    /// Width and height, before it is turned.
    size: (u32, u32),
    orientation: Orientation,
    profile: Option<Vec<u8>>,
}

impl<'a> Source<'a> {
    pub(super) fn open(image: &'a [u8]) -> Result<Self, RenditionError> {
        let not_an_image = |error| RenditionError::NotAnImage(Some(error));
        let format = image::guess_format(image).map_err(not_an_image)?;
        if format == ImageFormat::Png
            && let Some(size) = png_size(image)
        {
            // Its decoder reserves room for a row before it can be asked.
            is_within(size)?;
        }
        let mut decoder = decoder(format, image)?;
        let size = decoder.dimensions();
        // A GIF may say that its screen has no width.
        if size.0 == 0 || size.1 == 0 {
            return Err(RenditionError::NotAnImage(None));
        }
        is_within(size)?;
        if format == ImageFormat::WebP {
            webp_frames::sizes(image).try_for_each(is_within)?;
        }
        decoder.set_limits(limits()).map_err(not_an_image)?;
        // What is wrong with metadata is not wrong with the image.
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let profile = decoder.icc_profile().ok().flatten();
        let profile = profile.filter(|profile| profile.len() <= LONGEST_PROFILE);
        let length = image.len() as u64;
        Ok(Self { decoder, format, length, size, orientation, profile })
    }

    /// What of it becomes how large, upright.
    pub(super) fn plan(&self, wish: &Rendition) -> Result<Plan, RenditionError> {
        let (width, height) = turned(self.size, self.orientation);
        let plan = plan((width, height), wish).ok_or(RenditionError::Outside { width, height })?;
        match wish.encoding {
            // What its head has room for.
            Encoding::WebP if plan.to.0.max(plan.to.1) > 16_383 => {
                Err(RenditionError::TooLarge { width: plan.to.0, height: plan.to.1 })
            }
            Encoding::Jpeg(_) | Encoding::Png | Encoding::WebP => Ok(plan),
        }
    }

    pub(super) fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The pixels of the plan, before they are turned.
    pub(super) fn pixels(self, plan: &Plan) -> Result<Pixels, RenditionError> {
        let Self { decoder, format: _, length: _, size, orientation, profile } = self;
        let plan = before_turning(*plan, size, orientation);
        let (width, height) = size;
        let pixel_type = pixel_type(decoder.color_type())?;
        let mut image = Image::new(width, height, pixel_type);
        decoder
            .read_image(image.buffer_mut())
            .map_err(|error| RenditionError::NotAnImage(Some(error)))?;
        Pixels::taken(image, &plan, profile.as_deref())
    }

    /// What decoding takes, or resizing, or writing, whichever is most.
    fn memory(&self, plan: &Plan, encoding: Encoding) -> u64 {
        let Plan { to, .. } = before_turning(*plan, self.size, self.orientation);
        let (pixels, made) = (area(self.size), area(to));
        let depth = u64::from(self.decoder.color_type().bytes_per_pixel());
        let decoded = pixels.saturating_mul(depth);
        // What each decoder needs beside the pixels that it gives.
        let beside = match self.format {
            // Coefficients of two bytes, of up to four channels, in whole blocks; and its own copy.
            ImageFormat::Jpeg => pixels.saturating_mul(8).saturating_add(self.length),
            // Frames that may be larger than the image, up to what images may be.
            ImageFormat::Gif => MOST_PIXELS * 4,
            // Planes, and a canvas.
            ImageFormat::WebP => pixels.saturating_mul(8),
            _ => 0,
        };
        // As wide as the rendition and as high as the image; then as high as the rendition.
        let between = area((to.0, self.size.1)).saturating_add(made).saturating_mul(depth);
        let written = match encoding {
            Encoding::Jpeg(_) => 12,
            Encoding::Png => 16,
            Encoding::WebP => 20,
        };
        let most = decoded.saturating_add(beside.max(between)).max(made.saturating_mul(written));
        most.saturating_add(AROUND)
    }
}

fn decoder<'a>(
    format: ImageFormat,
    image: &'a [u8],
) -> Result<Box<dyn ImageDecoder + 'a>, RenditionError> {
    let reader = Cursor::new(image);
    let opened: Result<Box<dyn ImageDecoder + 'a>, ImageError> = match format {
        ImageFormat::Jpeg => JpegDecoder::new(reader).map(|it| Box::new(it) as _),
        ImageFormat::Png => PngDecoder::with_limits(reader, limits()).map(|it| Box::new(it) as _),
        ImageFormat::WebP => WebPDecoder::new(reader).map(|it| Box::new(it) as _),
        ImageFormat::Gif => GifDecoder::new(reader).map(|it| Box::new(it) as _),
        _ => return Err(RenditionError::NotAnImage(None)),
    };
    opened.map_err(|error| RenditionError::NotAnImage(Some(error)))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_DECODING);
    limits
}

/// What the first chunk says, behind the signature (PNG, third edition, 11.2.1).
fn png_size(image: &[u8]) -> Option<(u32, u32)> {
    let (width, rest) = image.get(16..)?.split_first_chunk()?;
    Some((u32::from_be_bytes(*width), u32::from_be_bytes(*rest.first_chunk()?)))
}

fn is_within((width, height): (u32, u32)) -> Result<(), RenditionError> {
    let is_within = width.max(height) <= LONGEST_SIDE && area((width, height)) <= MOST_PIXELS;
    if is_within { Ok(()) } else { Err(RenditionError::TooLarge { width, height }) }
}

fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

fn pixel_type(colours: ColorType) -> Result<PixelType, RenditionError> {
    Ok(match colours {
        ColorType::L8 => PixelType::U8,
        ColorType::La8 => PixelType::U8x2,
        ColorType::Rgb8 => PixelType::U8x3,
        ColorType::Rgba8 => PixelType::U8x4,
        ColorType::L16 => PixelType::U16,
        ColorType::La16 => PixelType::U16x2,
        ColorType::Rgb16 => PixelType::U16x3,
        ColorType::Rgba16 => PixelType::U16x4,
        // None of the four formats has such.
        _ => return Err(RenditionError::NotAnImage(None)),
    })
}
