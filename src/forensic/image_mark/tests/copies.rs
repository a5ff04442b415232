//! Copies of every kind of file.

#![expect(clippy::cast_possible_truncation, reason = "pictures are small, and colours bounded")]

use image::{DynamicImage, Rgba, RgbaImage, guess_format, load_from_memory};

use super::super::{Compared, MarkKey, Unmarkable, compare, mark};
use super::pictures::{PAIR, Pair, jpeg, key, png, psnr, rgb, tag, webp};

/// A copy is of the same type, size and kind of colour, looks the same, and has its tag and no
/// other.
fn copies_well(original: &[u8]) -> Vec<u8> {
    let copy = mark(original, &key(), tag(1)).unwrap();
    assert_eq!(guess_format(&copy).unwrap(), guess_format(original).unwrap());
    let (before, after) = (load_from_memory(original).unwrap(), load_from_memory(&copy).unwrap());
    assert_eq!(before.color(), after.color());
    let psnr = psnr(&before, &after);
    assert!((40.0..70.0).contains(&psnr), "{psnr}");
    let compared = compare(original, &copy).unwrap().unwrap();
    let tags: Vec<_> = (0..60).map(tag).collect();
    let found = compared.find(&key(), &tags);
    assert_eq!(found.iter().map(|it| it.tag).collect::<Vec<_>>(), [tag(1)]);
    copy
}

#[test]
fn png_of_every_kind_of_colour() {
    let colour = rgb(280, 260);
    for picture in [
        DynamicImage::ImageLuma8(colour.to_luma8()),
        DynamicImage::ImageLumaA8(colour.to_luma_alpha8()),
        colour.clone(),
        DynamicImage::ImageRgb16(colour.to_rgb16()),
    ] {
        copies_well(&png(&picture));
    }
}

#[test]
fn jpeg_in_grey_stays_grey() {
    let grey = DynamicImage::ImageLuma8(rgb(259, 300).to_luma8());
    copies_well(&jpeg(&grey, 60));
}

#[test]
fn jpeg_in_colour() {
    copies_well(&jpeg(&rgb(300, 257), 40));
    copies_well(&jpeg(&rgb(270, 270), 100));
}

/// What is clear stays as it is, and the mark is in the rest.
#[test]
fn transparency_stays() {
    let mut picture = rgb(300, 280).to_rgba8();
    for (x, _, pixel) in picture.enumerate_pixels_mut() {
        pixel.0[3] = if x < 80 { 0 } else { 255 };
    }
    let original = DynamicImage::ImageRgba8(picture);
    for file in [png(&original), webp(&original)] {
        let copy = load_from_memory(&copies_well(&file)).unwrap().to_rgba8();
        for (before, after) in original.to_rgba8().pixels().zip(copy.pixels()) {
            assert_eq!(before.0[3], after.0[3]);
            assert!(before.0[3] > 0 || before == after);
        }
    }
}

#[test]
fn the_same_gives_the_same_and_another_tag_or_key_gives_another() {
    let Pair { original, copy } = &*PAIR;
    assert!(mark(original, &key(), tag(1)).unwrap() == *copy);
    assert!(mark(original, &key(), tag(2)).unwrap() != *copy);
    assert!(mark(original, &MarkKey::new([8; 32]), tag(1)).unwrap() != *copy);
}

#[test]
fn nothing_is_in_the_original_nor_for_another_key() {
    let tags: Vec<_> = (0..=255).map(tag).collect();
    let compared = compare(&PAIR.original, &PAIR.original).unwrap().unwrap();
    assert_eq!(compared.find(&key(), &tags), []);
    let compared = compare(&PAIR.original, &PAIR.copy).unwrap().unwrap();
    assert_eq!(compared.find(&MarkKey::new([8; 32]), &tags), []);
    assert_eq!(compared.find(&key(), &[]), []);
}

/// z of tags that are not in it has the mean 0 and the deviation 1, as its bound supposes.
#[test]
fn scores_of_other_tags_are_as_chance_has_it() {
    let compared = compare(&PAIR.original, &PAIR.copy).unwrap().unwrap();
    let score = |number: u32| {
        let mut bytes = [9; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        compared.score(&key(), super::super::SightedTag::from_bytes(bytes))
    };
    let scores: Vec<_> = (0..1500).map(score).collect();
    let mean = scores.iter().sum::<f64>() / 1500.0;
    let power = scores.iter().map(|it| it * it).sum::<f64>() / 1500.0;
    assert!(mean.abs() < 0.15 && (0.8..1.25).contains(&power), "{mean} {power}");
    assert!(scores.iter().all(|it| it.abs() < 6.0));
}

/// The more tags are tried, the farther one has to be from chance.
#[test]
fn more_tags_need_a_higher_score() {
    let compared: Compared = compare(&PAIR.original, &PAIR.copy).unwrap().unwrap();
    let one = compared.find(&key(), &[tag(1)]);
    let more: Vec<_> = (1..=40).map(tag).collect();
    let more = compared.find(&key(), &more);
    assert!(one[0].z.to_bits() == more[0].z.to_bits() && one[0].z > 12.0);
    assert!(one[0].p <= more[0].p && more[0].p < 1e-12);
}

#[test]
fn what_cannot_be_marked_is_told_apart() {
    let reason = |file: &[u8]| mark(file, &key(), tag(1)).err().map(|it| it.code());
    assert_eq!(reason(b""), Some("mark_not_a_picture"));
    assert_eq!(reason(b"%PDF-1.7"), Some("mark_not_a_picture"));
    assert_eq!(reason(b"GIF89a"), Some("mark_not_a_picture"));
    for small in [rgb(255, 400), rgb(400, 255)] {
        assert_eq!(reason(&png(&small)), Some("mark_too_small"));
        assert_eq!(reason(&jpeg(&small, 90)), Some("mark_too_small"));
        assert_eq!(reason(&webp(&small)), Some("mark_too_small"));
    }
    let flat = DynamicImage::new_rgb8(300, 300);
    assert_eq!(reason(&png(&flat)), Some("mark_too_flat"));
    assert_eq!(reason(&jpeg(&flat, 90)), Some("mark_too_flat"));
    let clear = RgbaImage::from_fn(300, 300, |x, y| Rgba([x as u8, y as u8, (x * y) as u8, 0]));
    assert_eq!(reason(&png(&DynamicImage::ImageRgba8(clear))), Some("mark_too_flat"));
    // A frame's head of other codes, bits and numbers of components.
    let start = PAIR.original.windows(2).position(|it| it == [0xff, 0xc0]).unwrap();
    for (at, value) in [(1, 0xc3), (1, 0xc9), (4, 12), (9, 4), (5, 0)] {
        let mut other = PAIR.original.clone();
        other[start + at] = value;
        if at == 5 {
            other[start + 6] = 0;
        }
        assert_eq!(reason(&other), Some("mark_unsupported"), "{at} {value}");
    }
}

#[test]
fn what_moves_is_not_marked() {
    let mut moving = png(&rgb(300, 300));
    // An animation's head, with a checksum that is right.
    let chunk = *b"acTL\0\0\0\x02\0\0\0\0";
    let sum = crc(&chunk).to_be_bytes();
    let whole = [&[0, 0, 0, 8], chunk.as_slice(), &sum].concat();
    moving.splice(33..33, whole);
    let reason = mark(&moving, &key(), tag(1)).unwrap_err();
    assert!(matches!(reason, Unmarkable::Animated), "{reason:?}");
    let reason = compare(&PAIR.original, &moving).unwrap_err();
    assert!(matches!(reason, Unmarkable::Animated), "{reason:?}");
}

/// PNG's checksum (third edition, annex D).
fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32, &byte: &u8| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 }
        })
    };
    !bytes.iter().fold(u32::MAX, step)
}
