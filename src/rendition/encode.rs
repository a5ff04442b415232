//! Renditions as they are written.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the image library's enums are not ours: they grow, and few of their variants occur"
)]

use std::fmt;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, ImageBuffer, ImageResult, Luma, LumaA, Rgb, Rgba};

use super::source::RenditionError;
use super::wish::Encoding;

/// A rendition.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The file.
    pub bytes: Bytes,
    /// Its media type.
    pub media_type: &'static str,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, media_type, width, height } = self;
        write!(f, "Rendered({width} × {height}, {media_type}, {} bytes)", bytes.len())
    }
}

pub(super) fn encode(image: DynamicImage, encoding: Encoding) -> Result<Rendered, RenditionError> {
    let (width, height) = (image.width(), image.height());
    let mut bytes = Vec::new();
    let written = match encoding {
        Encoding::Jpeg(quality) => {
            let image = on_white(image);
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality.get()))
        }
        Encoding::Png => image.write_with_encoder(png(&mut bytes)),
        Encoding::WebP => image.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)),
    };
    written.map_err(|error| RenditionError::Failed(error.into()))?;
    Ok(Rendered { bytes: bytes.into(), media_type: encoding.media_type(), width, height })
}

/// A PNG of grey pixels, which are as many as the sides say.
pub(super) fn grey_png(side: u32, pixels: Vec<u8>) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(image) = ImageBuffer::from_raw(side, side, pixels) {
        DynamicImage::ImageLuma8(image).write_with_encoder(png(&mut bytes))?;
    }
    Ok(bytes)
}

fn png(bytes: &mut Vec<u8>) -> PngEncoder<&mut Vec<u8>> {
    PngEncoder::new_with_quality(bytes, CompressionType::Default, FilterType::Adaptive)
}

/// Without transparency, which JPEG has none of.
fn on_white(image: DynamicImage) -> DynamicImage {
    match image {
        DynamicImage::ImageLumaA8(image) => {
            let flat = image.pixels().map(|&LumaA([grey, alpha])| Luma([over_white(grey, alpha)]));
            DynamicImage::ImageLuma8(collected(image.width(), image.height(), flat))
        }
        DynamicImage::ImageRgba8(image) => {
            let flat = image.pixels().map(|&Rgba([red, green, blue, alpha])| {
                Rgb([red, green, blue].map(|it| over_white(it, alpha)))
            });
            DynamicImage::ImageRgb8(collected(image.width(), image.height(), flat))
        }
        opaque => opaque,
    }
}

fn collected<P: image::Pixel<Subpixel = u8>>(
    width: u32,
    height: u32,
    pixels: impl Iterator<Item = P>,
) -> ImageBuffer<P, Vec<u8>> {
    let mut made = ImageBuffer::new(width, height);
    for (place, pixel) in made.pixels_mut().zip(pixels) {
        *place = pixel;
    }
    made
}

fn over_white(channel: u8, alpha: u8) -> u8 {
    let (channel, alpha) = (u16::from(channel), u16::from(alpha));
    let mixed = (channel * alpha + 255 * (255 - alpha) + 127) / 255;
    u8::try_from(mixed).unwrap_or(u8::MAX)
}
