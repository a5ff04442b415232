//! How large renditions are, what of an image is in them, and which side is up.

use std::num::NonZeroU32;

use image::codecs::png::PngEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageEncoder, ImageFormat};
use proptest::prelude::*;

use super::{assert_near, file, gradient, png, shown};
use crate::rendition::geometry::plan;
use crate::rendition::{
    Area, Bounds, Encoding, Fit, Quality, Rendition, RenditionError, look, render,
};

#[expect(clippy::unnecessary_wraps, reason = "a wish has one or none")]
fn area(x: u32, y: u32, width: u32, height: u32) -> Option<Area> {
    let length = |length| NonZeroU32::new(length).unwrap();
    Some(Area { x, y, width: length(width), height: length(height) })
}

#[test]
fn a_rendition_has_the_size_that_was_asked_for() {
    let image = file(&gradient(80, 40), ImageFormat::Png);
    let size = |wish: Rendition| {
        let made = render(&image, &wish).unwrap();
        let shown = shown(&made);
        (shown.width(), shown.height())
    };
    assert_eq!(size(png(None, None)), (80, 40));
    assert_eq!(size(png(20, None)), (20, 10));
    assert_eq!(size(png(None, 10)), (20, 10));
    assert_eq!(size(png(20, 20)), (20, 10));
    assert_eq!(size(Rendition { fit: Fit::Cover, ..png(20, 20) }), (20, 20));
    // Never larger than it is.
    assert_eq!(size(png(800, 800)), (80, 40));
    assert_eq!(size(Rendition { fit: Fit::Cover, ..png(800, 20) }), (80, 20));
    // Never nothing.
    assert_eq!(size(png(1, None)), (1, 1));
    let crop = area(10, 20, 30, 20);
    assert_eq!(size(Rendition { crop, ..png(None, None) }), (30, 20));
    assert_eq!(size(Rendition { crop, ..png(15, None) }), (15, 10));
}

#[test]
fn what_covers_is_the_middle() {
    let whole = gradient(80, 40);
    let image = file(&whole, ImageFormat::Png);
    let wish = Rendition { fit: Fit::Cover, ..png(40, 40) };
    let made = shown(&render(&image, &wish).unwrap());
    assert_near(&made, &whole.crop_imm(20, 0, 40, 40), 0);
}

#[test]
fn a_crop_outside_is_refused() {
    let image = file(&gradient(8, 4), ImageFormat::Png);
    for crop in [area(0, 0, 9, 1), area(8, 0, 1, 1), area(0, 4, 1, 1), area(u32::MAX, 0, 1, 1)] {
        let outcome = render(&image, &Rendition { crop, ..png(None, None) });
        assert!(matches!(outcome, Err(RenditionError::Outside { width: 8, height: 4 })));
    }
}

#[test]
fn each_encoding_is_what_it_says() {
    let whole = gradient(40, 20);
    let image = file(&whole, ImageFormat::Png);
    let fine = Encoding::Jpeg(Quality::new(95).unwrap());
    for (encoding, format, off) in [
        (fine, ImageFormat::Jpeg, 8),
        (Encoding::Png, ImageFormat::Png, 0),
        (Encoding::WebP, ImageFormat::WebP, 0),
    ] {
        let made = render(&image, &Rendition { encoding, ..Rendition::default() }).unwrap();
        assert_eq!(image::guess_format(&made.bytes).unwrap(), format);
        assert_eq!(made.media_type, format.to_mime_type());
        assert_near(&shown(&made), &whole, off);
    }
    let length = |percent| {
        let encoding = Encoding::Jpeg(Quality::new(percent).unwrap());
        render(&image, &Rendition { encoding, ..Rendition::default() }).unwrap().bytes.len()
    };
    assert!(length(20) < length(60) && length(60) < length(100));
    assert_eq!((Quality::new(0), Quality::new(101)), (None, None));
}

/// Exif with one field: the orientation (Exif 3.0, 4.6.5.1.4).
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    exif
}

fn turned_png(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    image.write_with_encoder(encoder).unwrap();
    file
}

#[test]
fn an_image_is_upright() {
    let sideways = gradient(24, 16);
    for orientation in 1..=8 {
        let image = turned_png(&sideways, orientation);
        let mut upright = sideways.clone();
        upright.apply_orientation(Orientation::from_exif(orientation).unwrap());
        let made = render(&image, &png(None, None)).unwrap();
        assert_near(&shown(&made), &upright, 0);
        // It says so nowhere any more, nor anything else.
        assert!(!made.bytes.windows(4).any(|it| it == b"eXIf"));
        let crop = area(1, 2, 9, 5);
        let made = render(&image, &Rendition { crop, ..png(None, None) }).unwrap();
        assert_near(&shown(&made), &upright.crop_imm(1, 2, 9, 5), 0);
        let seen = look(&image, &png(None, None)).unwrap();
        assert_eq!((seen.width, seen.height), (upright.width(), upright.height()));
    }
}

proptest! {
    #[test]
    fn a_plan_keeps_within_bounds_and_image(
        size in (1_u32..5_000, 1_u32..5_000),
        bounds in (prop::option::of(1_u32..6_000), prop::option::of(1_u32..6_000)),
        fit in prop_oneof![Just(Fit::Inside), Just(Fit::Cover)],
    ) {
        let bound = |it: Option<u32>| it.and_then(NonZeroU32::new);
        let wish = Rendition {
            bounds: Bounds { width: bound(bounds.0), height: bound(bounds.1) },
            fit,
            ..Rendition::default()
        };
        let plan = plan(size, &wish).unwrap();
        let (width, height) = plan.to;
        prop_assert!((1..=size.0).contains(&width) && (1..=size.1).contains(&height));
        prop_assert!(bounds.0.is_none_or(|most| width <= most));
        prop_assert!(bounds.1.is_none_or(|most| height <= most));
        let from = plan.from;
        prop_assert!(from.x >= 0.0 && from.x + from.width <= f64::from(size.0) + 1e-6);
        prop_assert!(from.y >= 0.0 && from.y + from.height <= f64::from(size.1) + 1e-6);
        prop_assert!(from.width > 0.0 && from.height > 0.0);
        // Nothing is stretched by more than a pixel.
        let stretched = from.width / from.height * f64::from(height) - f64::from(width);
        let pixel = 1.0_f64.max(from.width / from.height);
        prop_assert!(stretched.abs() <= pixel, "{plan:?}");
    }

    #[test]
    fn what_is_turned_first_is_what_is_cut_first(
        orientation in 1_u8..=8,
        crop in (0_u32..6, 0_u32..6, 1_u32..6, 1_u32..6),
        to in (1_u32..6, 1_u32..6),
        fit in prop_oneof![Just(Fit::Inside), Just(Fit::Cover)],
    ) {
        let sideways = gradient(12, 14);
        let mut upright = sideways.clone();
        upright.apply_orientation(Orientation::from_exif(orientation).unwrap());
        let crop = area(crop.0, crop.1, crop.2, crop.3);
        let wish = Rendition { crop, fit, ..png(to.0, to.1) };
        let one = render(&turned_png(&sideways, orientation), &wish).unwrap();
        let other = render(&file(&upright, ImageFormat::Png), &wish).unwrap();
        assert_near(&shown(&one), &shown(&other), 2);
    }
}
