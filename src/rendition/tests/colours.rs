//! What colour a rendition's pixels have, and what is transparent.

use image::codecs::png::PngEncoder;
use image::{DynamicImage, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, Rgba, RgbaImage};
use moxcms::ColorProfile;

use super::{assert_near, file, fixture, gradient, png, shown};
use crate::rendition::{Encoding, Rendition, render};

const RED: [u8; 3] = [220, 30, 40];

fn jpeg() -> Rendition {
    Rendition::default()
}

/// Red, green, blue and white, as `tests/images/make_images.py` paints them.
fn assert_quarters(image: &DynamicImage, most: u8) {
    let image = image.to_rgb8();
    let (right, below) = (image.width() * 3 / 4, image.height() * 3 / 4);
    let (left, above) = (image.width() / 4, image.height() / 4);
    for (x, y, expected) in [
        (left, above, RED),
        (right, above, [20, 180, 60]),
        (left, below, [30, 40, 200]),
        (right, below, [255, 255, 255]),
    ] {
        let off = image.get_pixel(x, y).0.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max();
        assert!(off <= Some(most), "{:?} is not {expected:?}", image.get_pixel(x, y));
    }
}

#[test]
fn what_other_programs_write_is_read() {
    for (name, most) in [("progressive.jpg", 6), ("cmyk.jpg", 12), ("palette.png", 3)] {
        let made = render(&fixture(name), &png(None, None)).unwrap();
        assert_quarters(&shown(&made), most);
    }
    let grey = render(&fixture("grey.jpg"), &png(16, None)).unwrap();
    assert!(matches!(shown(&grey), DynamicImage::ImageLuma8(_)));
}

#[test]
fn of_what_moves_the_first_picture_is_taken() {
    for name in ["animated.gif", "animated.png", "animated.webp"] {
        let made = shown(&render(&fixture(name), &png(None, None)).unwrap());
        let red = ImageBuffer::from_pixel(20, 10, Rgb(RED));
        assert_near(&made, &DynamicImage::ImageRgb8(red), 6);
    }
}

#[test]
fn sixteen_bits_become_eight() {
    let made = shown(&render(&fixture("grey16.png"), &png(None, None)).unwrap());
    let DynamicImage::ImageLuma8(made) = made else { panic!("{made:?}") };
    for (x, _, Luma([grey])) in made.enumerate_pixels() {
        assert!(grey.abs_diff(u8::try_from(x * 16).unwrap()) <= 1);
    }
    let deep = DynamicImage::ImageRgba16(gradient(40, 20).to_rgba16());
    let made = shown(&render(&file(&deep, ImageFormat::Png), &png(40, None)).unwrap());
    assert_near(&made, &gradient(40, 20), 0);
}

#[test]
fn what_is_transparent_is_white_in_a_jpeg_and_transparent_elsewhere() {
    let half =
        RgbaImage::from_fn(
            16,
            16,
            |x, _| {
                if x < 8 { Rgba([255, 0, 0, 128]) } else { Rgba([0, 0, 0, 0]) }
            },
        );
    let image = file(&DynamicImage::ImageRgba8(half), ImageFormat::Png);
    let made = shown(&render(&image, &jpeg()).unwrap()).to_rgb8();
    let [red, green, blue] = made.get_pixel(3, 8).0;
    assert!(red > 245 && green.abs_diff(127) < 8 && blue.abs_diff(127) < 8, "{red} {green} {blue}");
    assert!(made.get_pixel(13, 8).0.iter().all(|it| *it > 250));
    for encoding in [Encoding::Png, Encoding::WebP] {
        let made = render(&image, &Rendition { encoding, ..png(4, None) }).unwrap();
        let made = shown(&made).to_rgba8();
        // What cannot be seen has no colour that bleeds.
        let [red, green, blue, alpha] = made.get_pixel(0, 0).0;
        assert_eq!([red, green, blue], [255, 0, 0]);
        assert!(alpha.abs_diff(128) < 4, "{alpha}");
        assert_eq!(made.get_pixel(3, 0).0[3], 0);
    }
    let seen = shown(&render(&fixture("lossy.webp"), &png(None, None)).unwrap()).to_rgba8();
    assert_eq!(seen.get_pixel(4, 4).0[3], 128);
}

fn with_profile(image: &DynamicImage, profile: Vec<u8>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = PngEncoder::new(&mut file);
    encoder.set_icc_profile(profile).unwrap();
    image.write_with_encoder(encoder).unwrap();
    file
}

#[test]
fn colours_of_a_profile_become_those_of_srgb() {
    // The same red: 255 of Display P3 is more than sRGB has; 200 of its green is within.
    let wide = DynamicImage::ImageRgb8(ImageBuffer::from_pixel(8, 8, Rgb([100, 150, 120])));
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let made = render(&with_profile(&wide, p3), &png(None, None)).unwrap();
    // By CSS Color 4's matrices: color(display-p3 100/255 150/255 120/255).
    let expected = DynamicImage::ImageRgb8(ImageBuffer::from_pixel(8, 8, Rgb([82, 152, 118])));
    assert_near(&shown(&made), &expected, 2);
    assert!(!made.bytes.windows(4).any(|it| it == b"iCCP"));
    let srgb = ColorProfile::new_srgb().encode().unwrap();
    let made = render(&with_profile(&wide, srgb), &png(None, None)).unwrap();
    assert_near(&shown(&made), &wide, 1);
}

#[test]
fn a_grey_of_its_own_is_as_light_in_srgb() {
    let grey = DynamicImage::ImageLuma8(ImageBuffer::from_pixel(8, 8, Luma([128])));
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let made = shown(&render(&with_profile(&grey, linear), &png(None, None)).unwrap());
    // Half of the light is 188 of sRGB.
    let expected = DynamicImage::ImageRgb8(ImageBuffer::from_pixel(8, 8, Rgb([188; 3])));
    assert_near(&made, &expected, 2);
}

#[test]
fn a_profile_that_cannot_be_read_changes_nothing() {
    let image = gradient(16, 8);
    for profile in [
        b"no profile".to_vec(),
        vec![0; 200],
        ColorProfile::new_srgb().encode().unwrap()[..90].to_vec(),
    ] {
        let made = render(&with_profile(&image, profile), &png(None, None)).unwrap();
        assert_near(&shown(&made), &image, 0);
    }
    // A profile of three channels on grey, too.
    let grey = DynamicImage::ImageLuma8(image.to_luma8());
    let p3 = ColorProfile::new_display_p3().encode().unwrap();
    let made = render(&with_profile(&grey, p3), &png(None, None)).unwrap();
    assert_near(&shown(&made), &grey, 0);
}
