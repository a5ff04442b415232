//! Pictures for tests, and what is done to them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures are small, and colours bounded"
)]

use std::sync::LazyLock;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::{DynamicImage, Rgb, RgbImage};

use super::super::SightedTag;
use super::super::{MarkKey, mark};

/// Hills and stripes of many sizes, in colour, and some grain: as a photograph has.
pub(super) fn hills(width: u32, height: u32) -> RgbImage {
    let mut state = 1_u32;
    RgbImage::from_fn(width, height, |x, y| {
        let (fx, fy) = (f64::from(x), f64::from(y));
        let slow = (fx / 47.0 + (fy / 31.0).sin() * 1.7).sin() * 45.0;
        let middle = ((fx * 0.31 + fy * 0.17).sin() + (fx * 0.11 - fy * 0.37).cos()) * 18.0;
        let cliff = if (fx * 0.6 + fy) % 71.0 < 24.0 { 25.0 } else { -10.0 };
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let grain = f64::from(state >> 24) / 20.0;
        let light = 118.0 + slow + middle + cliff + grain;
        Rgb([light + 12.0, light, light - 15.0 + fx / 30.0].map(|it| it.clamp(0.0, 255.0) as u8))
    })
}

pub(super) fn rgb(width: u32, height: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(hills(width, height))
}

pub(super) fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).unwrap();
    bytes
}

pub(super) fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(PngEncoder::new(&mut bytes)).unwrap();
    bytes
}

pub(super) fn webp(picture: &DynamicImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    picture.write_with_encoder(WebPEncoder::new_lossless(&mut bytes)).unwrap();
    bytes
}

pub(super) fn key() -> MarkKey {
    MarkKey::new([7; 32])
}

pub(super) fn tag(number: u8) -> SightedTag {
    SightedTag::from_bytes([number; 16])
}

/// An original, and the copy of tag 1.
pub(super) struct Pair {
    pub(super) original: Vec<u8>,
    pub(super) copy: Vec<u8>,
}

/// A JPEG and its copy, made once for all tests.
pub(super) static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let original = jpeg(&rgb(420, 300), 88);
    let copy = mark(&original, &key(), tag(1)).unwrap();
    Pair { original, copy }
});

/// Decibels between two pictures of one size.
pub(super) fn psnr(one: &DynamicImage, two: &DynamicImage) -> f64 {
    let (one, two) = (one.to_rgb16(), two.to_rgb16());
    assert_eq!(one.dimensions(), two.dimensions());
    let pairs = one.as_raw().iter().zip(two.as_raw());
    let squares = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
    10.0 * (65_535.0_f64.powi(2) * one.as_raw().len() as f64 / squares).log10()
}
