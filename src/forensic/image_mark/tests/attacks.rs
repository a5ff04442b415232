//! What people do to pictures, by accident or not: the mark is found after each.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "pictures are small, and colours bounded"
)]

use image::imageops::{FilterType, replace};
use image::{DynamicImage, Rgb, RgbImage, load_from_memory};

use super::super::{compare, mark};
use super::pictures::{PAIR, jpeg, key, png, psnr, tag, webp};

/// Tag 1 is found, and of ninety-nine others none; and no more in what was done to the original.
fn survives(attack: impl Fn(&DynamicImage) -> Vec<u8>) {
    let tags: Vec<_> = (1..=100).map(tag).collect();
    let suspect = attack(&load_from_memory(&PAIR.copy).unwrap());
    let compared = compare(&PAIR.original, &suspect).unwrap().expect("it shows the original");
    let found = compared.find(&key(), &tags);
    let found: Vec<_> = found.iter().map(|it| it.tag).collect();
    assert_eq!(found, [tag(1)], "z is {}", compared.score(&key(), tag(1)));
    let suspect = attack(&load_from_memory(&PAIR.original).unwrap());
    if let Some(compared) = compare(&PAIR.original, &suspect).unwrap() {
        assert_eq!(compared.find(&key(), &tags), []);
    }
}

#[test]
fn it_survives_compression() {
    survives(|copy| jpeg(copy, 75));
    survives(|copy| jpeg(copy, 50));
}

#[test]
fn it_survives_scaling() {
    survives(|copy| jpeg(&copy.resize_exact(210, 150, FilterType::Triangle), 85));
    survives(|copy| webp(&copy.resize_exact(500, 333, FilterType::CatmullRom)));
}

#[test]
fn it_survives_cutting() {
    // Three tenths of the area, off the grid of blocks.
    survives(|copy| png(&copy.crop_imm(37, 29, 351, 251)));
    survives(|copy| jpeg(&copy.crop_imm(67, 3, 351, 251), 80));
}

#[test]
fn it_survives_a_screenshot() {
    survives(|copy| {
        let mut small = copy.resize_exact(336, 240, FilterType::Triangle).to_rgb8();
        for value in small.iter_mut() {
            *value = ((f64::from(*value) / 255.0).powf(1.1) * 245.0 + 5.0) as u8;
        }
        let mut screen = RgbImage::from_pixel(421, 347, Rgb([230, 232, 235]));
        replace(&mut screen, &small, 43, 71);
        jpeg(&DynamicImage::ImageRgb8(screen), 80)
    });
}

/// Whoever has several copies may mix them: all are found.
#[test]
fn the_mean_of_two_copies_names_both() {
    let other = mark(&PAIR.original, &key(), tag(2)).unwrap();
    let (mut one, two) = (
        load_from_memory(&PAIR.copy).unwrap().to_rgb8(),
        load_from_memory(&other).unwrap().to_rgb8(),
    );
    for (one, two) in one.iter_mut().zip(two.iter()) {
        *one = one.midpoint(*two);
    }
    let suspect = jpeg(&DynamicImage::ImageRgb8(one), 80);
    let compared = compare(&PAIR.original, &suspect).unwrap().unwrap();
    let tags: Vec<_> = (1..=50).map(tag).collect();
    let mut found: Vec<_> = compared.find(&key(), &tags).iter().map(|it| it.tag.bytes()).collect();
    found.sort_unstable();
    assert_eq!(found, [[1; 16], [2; 16]]);
}

#[test]
fn another_picture_is_not_it() {
    let mut other = RgbImage::new(420, 300);
    for (x, y, pixel) in other.enumerate_pixels_mut() {
        *pixel = Rgb([(x * x / 97 + y * 3) as u8, (x ^ y) as u8, (y * y / 50) as u8]);
    }
    let other = png(&DynamicImage::ImageRgb8(other));
    if let Some(compared) = compare(&PAIR.original, &other).unwrap() {
        let tags: Vec<_> = (0..=255).map(tag).collect();
        assert_eq!(compared.find(&key(), &tags), []);
    }
}

#[test]
fn it_does_not_show() {
    let decoded = |file: &[u8]| load_from_memory(file).unwrap();
    assert!(psnr(&decoded(&PAIR.original), &decoded(&PAIR.copy)) >= 42.0);
}
