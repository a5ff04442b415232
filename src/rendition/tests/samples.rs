//! Images to be tested with, and what is asked of what becomes of them.

use std::io::Cursor;
use std::num::NonZeroU32;

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};

use crate::rendition::{Bounds, Encoding, Rendered, Rendition};

/// No pixel of it is like another's neighbour on the other side.
pub(super) fn gradient(width: u32, height: u32) -> DynamicImage {
    let channel = |at: u32, of: u32| u8::try_from(at * 255 / of).unwrap();
    let image = RgbImage::from_fn(width, height, |x, y| {
        Rgb([channel(x, width), channel(y, height), channel(x + y, width + height)])
    });
    DynamicImage::ImageRgb8(image)
}

pub(super) fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub(super) fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

/// A PNG within those bounds: nothing is lost but what is asked for.
pub(super) fn png(width: impl Into<Option<u32>>, height: impl Into<Option<u32>>) -> Rendition {
    let bound = |length: Option<u32>| length.map(|it| NonZeroU32::new(it).unwrap());
    let bounds = Bounds { width: bound(width.into()), height: bound(height.into()) };
    Rendition { bounds, encoding: Encoding::Png, ..Rendition::default() }
}

pub(super) fn shown(rendered: &Rendered) -> DynamicImage {
    let shown = image::load_from_memory(&rendered.bytes).unwrap();
    assert_eq!((shown.width(), shown.height()), (rendered.width, rendered.height));
    shown
}

/// Is no channel of any pixel further off?
pub(super) fn assert_near(one: &DynamicImage, other: &DynamicImage, most: u8) {
    let (one, other) = (one.to_rgba8(), other.to_rgba8());
    assert_eq!(one.dimensions(), other.dimensions());
    for ((x, y, pixel), expected) in one.enumerate_pixels().zip(other.pixels()) {
        let off = pixel.0.iter().zip(expected.0).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off <= Some(most), "{pixel:?} is not {expected:?} at {x}, {y}");
    }
}
