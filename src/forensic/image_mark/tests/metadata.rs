//! What is beside the pixels stays.

use image::metadata::Orientation;
use image::{DynamicImage, load_from_memory};

use super::super::{compare, mark};
use super::pictures::{PAIR, jpeg, key, png, rgb, tag, webp};

/// Exif that says how the picture is to be turned: a byte order, and one entry.
fn exif(orientation: u8) -> Vec<u8> {
    let head = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    [head.as_slice(), &[orientation, 0, 0, 0, 0, 0, 0]].concat()
}

/// A JPEG with more segments behind its first two bytes.
fn with_segments(file: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    for (marker, segment) in segments {
        out.extend([0xff, *marker]);
        out.extend(u16::try_from(segment.len() + 2).unwrap().to_be_bytes());
        out.extend_from_slice(segment);
    }
    out.extend_from_slice(&file[2..]);
    out
}

fn holds(file: &[u8], part: &[u8]) -> bool {
    file.windows(part.len()).any(|it| it == part)
}

#[test]
fn jpeg_keeps_its_segments() {
    let turned = [b"Exif\0\0".as_slice(), &exif(6)].concat();
    let profile = b"ICC_PROFILE\0\x01\x01 a profile of colours";
    let xmp = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta/>";
    let original = with_segments(
        &PAIR.original,
        &[(0xe1, &turned), (0xe2, profile), (0xe1, xmp), (0xfe, b"said"), (0xe2, b"MPF\0 more")],
    );
    let copy = mark(&original, &key(), tag(1)).unwrap();
    for part in [turned.as_slice(), profile, xmp, b"said", b"JFIF\0"] {
        assert!(holds(&copy, part));
    }
    assert!(!holds(&copy, b"MPF\0"), "what it points to is not there");
    // Beside them it is the copy that it would be without.
    assert_eq!(copy.len() - PAIR.copy.len(), original.len() - PAIR.original.len() - 13);
}

/// A suspect that was turned upright, as programs do that lose the metadata.
#[test]
fn turned_pictures_are_found_either_way() {
    let segment = [b"Exif\0\0".as_slice(), &exif(6)].concat();
    let original = with_segments(&PAIR.original, &[(0xe1, &segment)]);
    let copy = mark(&original, &key(), tag(1)).unwrap();
    let stored = load_from_memory(&copy).unwrap();
    let mut upright = stored.clone();
    upright.apply_orientation(Orientation::Rotate90);
    for suspect in [jpeg(&upright, 80), jpeg(&stored, 80)] {
        let compared = compare(&original, &suspect).unwrap().unwrap();
        assert_eq!(compared.find(&key(), &[tag(1), tag(2)]).len(), 1);
    }
}

#[test]
fn png_keeps_its_chunks() {
    let mut original = png(&rgb(300, 270));
    let chunks: [&[u8]; 4] = [
        b"\0\0\0\x04gAMA\0\0\xb1\x8f\x0b\xfc\x61\x05",
        b"\0\0\0\x09pHYs\0\0\x0b\x13\0\0\x0b\x13\x01\0\x9a\x9c\x18",
        b"\0\0\0\x01sRGB\0\xae\xce\x1c\xe9",
        b"\0\0\0\x01abCd\0\0\0\0\0",
    ];
    original.splice(33..33, chunks.concat());
    let copy = mark(&original, &key(), tag(1)).unwrap();
    let [gamma, density, colours, unknown] = chunks;
    assert!(holds(&copy, gamma) && holds(&copy, density) && holds(&copy, colours));
    assert!(!holds(&copy, unknown));
    assert!(load_from_memory(&copy).is_ok());
}

#[test]
fn webp_keeps_its_chunks() {
    let mut picture = rgb(301, 270).to_rgba8();
    picture.get_pixel_mut(0, 0).0[3] = 100;
    let plain = webp(&DynamicImage::ImageRgba8(picture));
    let exif = exif(1);
    let mut body = b"VP8X\x0a\0\0\0\x3c\0\0\0\x2c\x01\0\x0d\x01\0".to_vec();
    for (name, inside) in [
        (b"ICCP", b"profile!".as_slice()),
        (b"VP8L", &plain[20..]),
        (b"EXIF", &exif),
        (b"XMP ", b"<x/>"),
    ] {
        body.extend_from_slice(name);
        body.extend(u32::try_from(inside.len()).unwrap().to_le_bytes());
        body.extend_from_slice(inside);
        body.extend(std::iter::repeat_n(0, inside.len() % 2));
    }
    let length = u32::try_from(body.len() + 4).unwrap().to_le_bytes();
    let original = [b"RIFF".as_slice(), &length, b"WEBP", &body].concat();
    let copy = mark(&original, &key(), tag(1)).unwrap();
    for part in [b"ICCP\x08\0\0\0profile!".as_slice(), b"XMP \x04\0\0\0<x/>", &exif] {
        assert!(holds(&copy, part));
    }
    assert_eq!(copy[12..30], original[12..30], "the head says what is in it");
    assert_eq!(load_from_memory(&copy).unwrap().width(), 301);
}
