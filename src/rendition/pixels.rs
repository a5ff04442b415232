//! From an image's pixels to those of a rendition.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the image library's enums are not ours: they grow, and few of their variants occur"
)]

use fast_image_resize::images::Image;
use fast_image_resize::{
    FilterType, MulDiv, PixelType, ResizeAlg, ResizeOptions, Resizer,
    change_type_of_pixel_components,
};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};

use super::colour::to_srgb;
use super::geometry::{Plan, Rect};
use super::source::RenditionError;

/// The pixels of a rendition: eight bits a channel, in sRGB.
#[derive(Debug)]
pub(super) struct Pixels {
    /// Width and height.
    size: (u32, u32),
    /// Grey, grey with alpha, red, green and blue, or those with alpha: 1 to 4.
    channels: u8,
    bytes: Vec<u8>,
}

impl Pixels {
    /// The plan's part of an image, as large as it is to be, in sRGB.
    pub(super) fn taken(
        image: Image<'_>,
        plan: &Plan,
        profile: Option<&[u8]>,
    ) -> Result<Self, RenditionError> {
        let resized = eight_bits(resized(image, plan)?)?;
        let size = (resized.width(), resized.height());
        let channels = match resized.pixel_type() {
            PixelType::U8 => 1,
            PixelType::U8x2 => 2,
            PixelType::U8x3 => 3,
            _ => 4,
        };
        let (channels, bytes) = match profile {
            Some(profile) => to_srgb(profile, channels, resized.into_vec()),
            None => (channels, resized.into_vec()),
        };
        Ok(Self { size, channels, bytes })
    }

    /// Turned as its orientation says.
    pub(super) fn turned(self, by: Orientation) -> Result<DynamicImage, RenditionError> {
        let Self { size: (width, height), channels, bytes } = self;
        let image = match channels {
            1 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLuma8),
            2 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageLumaA8),
            3 => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgb8),
            _ => ImageBuffer::from_raw(width, height, bytes).map(DynamicImage::ImageRgba8),
        };
        let mut image = image.ok_or_else(|| failed("the pixels are not as many as they were"))?;
        image.apply_orientation(by);
        Ok(image)
    }
}

fn resized<'a>(mut image: Image<'a>, plan: &Plan) -> Result<Image<'a>, RenditionError> {
    let Plan { from: Rect { x, y, width, height }, to } = *plan;
    let (whole_width, whole_height) = (f64::from(image.width()), f64::from(image.height()));
    let is_whole = x <= 0.0 && y <= 0.0 && width >= whole_width && height >= whole_height;
    if is_whole && to == (image.width(), image.height()) {
        return Ok(image);
    }
    // In place: a copy would be as large again. Colours of what is transparent do not bleed.
    let alpha = MulDiv::new();
    let has_alpha = alpha.is_supported(image.pixel_type());
    if has_alpha {
        alpha.multiply_alpha_inplace(&mut image).map_err(failed)?;
    }
    let mut made = Image::new(to.0, to.1, image.pixel_type());
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(false)
        .crop(x, y, width, height);
    Resizer::new().resize(&image, &mut made, &options).map_err(failed)?;
    drop(image);
    if has_alpha {
        alpha.divide_alpha_inplace(&mut made).map_err(failed)?;
    }
    Ok(made)
}

fn eight_bits(image: Image<'_>) -> Result<Image<'_>, RenditionError> {
    let narrow = match image.pixel_type() {
        PixelType::U16 => PixelType::U8,
        PixelType::U16x2 => PixelType::U8x2,
        PixelType::U16x3 => PixelType::U8x3,
        PixelType::U16x4 => PixelType::U8x4,
        _ => return Ok(image),
    };
    let mut made = Image::new(image.width(), image.height(), narrow);
    change_type_of_pixel_components(&image, &mut made).map_err(failed)?;
    Ok(made)
}

fn failed(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RenditionError {
    RenditionError::Failed(why.into())
}
