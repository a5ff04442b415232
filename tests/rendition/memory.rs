//! The memory of renditions: what `look` says is what is taken at most, whatever the image is
//! (requirement G26).

#![expect(clippy::indexing_slicing, reason = "a fixture is as long as it is")]

use std::io::Cursor;
use std::num::NonZeroU32;

use countersign::rendition::{Bounds, Encoding, Quality, Rendition, look, render};
use image::{DynamicImage, ImageBuffer, ImageFormat};

use super::most_of;

/// Of the images: a megapixel and more, for what is taken grows with them.
const WIDTH: u16 = 1_600;
const HEIGHT: u16 = 1_000;

fn fixture(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
    std::fs::read(format!("{folder}/{name}")).unwrap()
}

fn file(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// The same JPEG, which says that it is larger: its decoder fills up what is missing.
fn swollen_jpeg(name: &str, marker: u8) -> Vec<u8> {
    let mut file = fixture(name);
    let frame = file.windows(2).position(|it| it == [0xff, marker]).unwrap();
    let size = [WIDTH.to_be_bytes(), HEIGHT.to_be_bytes()].concat();
    file.splice(frame + 5..frame + 9, size);
    file
}

/// A lossy WebP that says that it is larger, in both places.
fn swollen_webp() -> Vec<u8> {
    let mut file = fixture("lossy.webp");
    let [w0, w1] = (WIDTH - 1).to_le_bytes();
    let [h0, h1] = (HEIGHT - 1).to_le_bytes();
    file[24..30].copy_from_slice(&[w0, w1, 0, h0, h1, 0]);
    let start = file.windows(3).position(|it| it == [0x9d, 0x01, 0x2a]).unwrap() + 3;
    let size = [WIDTH.to_le_bytes(), HEIGHT.to_le_bytes()].concat();
    file.splice(start..start + 4, size);
    file
}

/// A GIF of one pixel, whose picture has nearly forty million.
fn swollen_gif() -> Vec<u8> {
    let mut file = fixture("animated.gif");
    file[6..10].copy_from_slice(&[1, 0, 1, 0]);
    let picture = file.windows(5).position(|it| it == [0x2c, 0, 0, 0, 0]).unwrap();
    let size = [WIDTH.to_le_bytes(), (HEIGHT - 1).to_le_bytes()].concat();
    file.splice(picture + 5..picture + 9, size);
    file
}

/// Pixels of which none is like another: nothing makes them less.
fn noise(pixels: usize) -> Vec<u16> {
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u16::try_from(state >> 48).unwrap()
    };
    std::iter::repeat_with(&mut next).take(pixels).collect()
}

/// Megapixels of the deepest pixels, and of those that most images have.
fn images() -> Vec<(&'static str, Vec<u8>)> {
    let (width, height) = (u32::from(WIDTH), u32::from(HEIGHT));
    let deep = noise(usize::from(WIDTH) * usize::from(HEIGHT) * 4);
    let deep = DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, deep).unwrap());
    let flat = DynamicImage::ImageRgb8(deep.to_rgb8());
    vec![
        ("16 bits and alpha, PNG", file(&deep, ImageFormat::Png)),
        ("WebP without loss", file(&flat, ImageFormat::WebP)),
        ("JPEG", file(&flat, ImageFormat::Jpeg)),
        ("progressive JPEG", swollen_jpeg("progressive.jpg", 0xc2)),
        ("JPEG of four inks", swollen_jpeg("cmyk.jpg", 0xc0)),
        ("lossy WebP", swollen_webp()),
        ("GIF", swollen_gif()),
    ]
}

#[test]
fn a_rendition_takes_no_more_memory_than_is_said() {
    let bounds = Bounds { width: NonZeroU32::new(400), height: None };
    let jpeg = Encoding::Jpeg(Quality::default());
    let small = Rendition { bounds, encoding: jpeg, ..Rendition::default() };
    let bounds = Bounds { width: NonZeroU32::new(u32::from(WIDTH) - 1), height: None };
    let smaller = Rendition { bounds, ..small };
    let whole = |encoding| Rendition { encoding, ..Rendition::default() };
    let mut wrong = Vec::new();
    for (what, image) in images() {
        for wish in [small, smaller, whole(jpeg), whole(Encoding::Png), whole(Encoding::WebP)] {
            let (looked, seen) = most_of(|| look(&image, &wish));
            let said = seen.unwrap_or_else(|why| panic!("{what}: {why:?}")).memory;
            let (most, outcome) = most_of(|| render(&image, &wish).map(drop));
            let made = if outcome.is_ok() { "made" } else { "not made" };
            println!("{what}, {:?}: {} of {} MB, {made}", wish.encoding, most >> 20, said >> 20);
            if most > said || looked > 16 << 20 {
                wrong.push((what, wish.encoding, most >> 20, said >> 20));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn what_is_said_of_the_largest_images_is_less_than_a_gibibyte() {
    // Forty million pixels, so empty that their file is small.
    let largest = file(&DynamicImage::new_rgba16(8_000, 5_000), ImageFormat::Png);
    for encoding in [Encoding::Jpeg(Quality::default()), Encoding::Png, Encoding::WebP] {
        let seen = look(&largest, &Rendition { encoding, ..Rendition::default() }).unwrap();
        assert!(seen.memory < 1 << 30, "{seen:?}");
    }
    let small = Bounds { width: NonZeroU32::new(400), height: None };
    let wish = Rendition { bounds: small, ..Rendition::default() };
    let said = look(&largest, &wish).unwrap().memory;
    let (most, outcome) = most_of(|| render(&largest, &wish).map(drop));
    outcome.unwrap();
    assert!(most <= said, "{most} of {said}");
}
