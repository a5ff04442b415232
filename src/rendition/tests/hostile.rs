//! Files that were made to do harm, and files that are broken.

use image::codecs::png::PngEncoder;
use image::{ImageEncoder, ImageFormat};
use proptest::prelude::*;

use super::{file, fixture, gradient, png};
use crate::rendition::{Encoding, Rendition, RenditionError, look, render};

fn refused(image: &[u8]) -> RenditionError {
    look(image, &png(None, None)).expect_err("it is looked at")
}

/// A PNG's beginning that states a size, and its end.
fn png_head(width: u32, height: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let ihdr = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    for (name, data) in [(b"IHDR", &*ihdr), (b"IDAT", b"x\x9c"), (b"IEND", b"")] {
        file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
        let named = [name, data].concat();
        file.extend(&named);
        file.extend(crc32fast::hash(&named).to_be_bytes());
    }
    file
}

#[test]
fn what_says_that_it_is_too_large_is_not_decoded() {
    let mut gif = fixture("animated.gif");
    gif[6..10].fill(0xff);
    let mut jpeg = fixture("progressive.jpg");
    let frame = jpeg.windows(2).position(|it| it == [0xff, 0xc2]).unwrap();
    jpeg.splice(frame + 5..frame + 9, [0xff, 0xdc, 0xff, 0xdc]);
    for image in
        [png_head(100_000, 100_000), png_head(65_536, 1), png_head(6_325, 6_325), gif, jpeg]
    {
        let refused = refused(&image);
        assert!(matches!(refused, RenditionError::TooLarge { .. }), "{refused:?}");
    }
    // Forty million are not too many; that there are none is found out then.
    let image = png_head(8_000, 5_000);
    assert!(look(&image, &png(None, None)).is_ok());
    let outcome = render(&image, &png(10, None));
    assert!(matches!(outcome, Err(RenditionError::NotAnImage(Some(_)))), "{outcome:?}");
}

#[test]
fn what_is_larger_than_it_says_is_not_decoded() {
    let of = |name: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [name, &length[..], body].concat()
    };
    // A key frame of 16383 × 16383.
    let frame = b"\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f\0\0";
    let head = |flags: u8| of(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let still = [head(0), of(b"VP8 ", frame)].concat();
    let within = [&[0; 16][..], &of(b"VP8 ", frame)].concat();
    let moving = [head(2), of(b"ANIM", &[0; 6]), of(b"ANMF", &within)].concat();
    for chunks in [still, moving] {
        let image = of(b"RIFF", &[b"WEBP", &*chunks].concat());
        let outcome = render(&image, &png(None, None));
        assert!(matches!(outcome, Err(RenditionError::TooLarge { .. })), "{outcome:?}");
    }
}

#[test]
fn what_is_no_image_is_refused() {
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let html = b"<!doctype html><script>alert(1)</script>";
    let bmp = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
    let tiff = fixture("picture.tiff");
    for image in [&b""[..], b"\x89PNG", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP", b"GIF89a", svg, html]
        .into_iter()
        .chain([&bmp[..], &tiff, b"%PDF-1.7", b"\0\0\0\x18ftypavif"])
    {
        let refused = refused(image);
        assert!(matches!(refused, RenditionError::NotAnImage(_)), "{refused:?}");
    }
}

#[test]
fn a_webp_is_no_longer_than_its_head_can_say() {
    let image = file(&gradient(17_000, 1), ImageFormat::Png);
    let wish = Rendition { encoding: Encoding::WebP, ..Rendition::default() };
    assert!(matches!(render(&image, &wish), Err(RenditionError::TooLarge { width: 17_000, .. })));
    assert!(render(&image, &png(None, None)).is_ok());
}

#[test]
fn a_profile_that_swells_is_not_unpacked() {
    let mut image = Vec::new();
    let mut encoder = PngEncoder::new(&mut image);
    encoder.set_icc_profile(vec![0; 256 << 20]).unwrap();
    gradient(8, 8).write_with_encoder(encoder).unwrap();
    assert!(image.len() < 2 << 20);
    assert_eq!(render(&image, &png(4, None)).unwrap().width, 4);
}

#[test]
fn what_breaks_off_is_an_image_or_none_but_no_disaster() {
    for name in ["progressive.jpg", "cmyk.jpg", "lossy.webp", "animated.webp", "animated.gif"] {
        let whole = fixture(name);
        for length in 0..whole.len() {
            let _ = render(&whole[..length], &png(8, None));
        }
    }
    let whole = file(&gradient(32, 32), ImageFormat::Png);
    for length in 0..whole.len() - 12 {
        assert!(render(&whole[..length], &png(8, None)).is_err(), "{length}");
    }
}

#[test]
fn an_image_of_no_width_or_no_height_is_none() {
    let whole = fixture("animated.gif");
    assert!(render(&whole, &png(8, None)).is_ok());
    for side in [6..8, 8..10] {
        let mut image = whole.clone();
        image[side].fill(0);
        for wish in [png(8, None), png(8, 8), png(None, None)] {
            assert!(matches!(look(&image, &wish), Err(RenditionError::NotAnImage(None))));
            assert!(matches!(render(&image, &wish), Err(RenditionError::NotAnImage(None))));
        }
    }
}

proptest! {
    #[test]
    fn no_change_of_a_byte_is_a_disaster(
        name in prop::sample::select(vec![
            "progressive.jpg", "cmyk.jpg", "lossy.webp", "animated.webp", "animated.gif",
            "palette.png", "grey16.png",
        ]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut image = fixture(name);
        for (place, byte) in changes {
            let at = place.index(image.len());
            image[at] = byte;
        }
        // A changed size may be one that takes long.
        if look(&image, &png(8, 8)).is_ok_and(|seen| seen.width * seen.height < 1_000_000) {
            let _ = render(&image, &png(8, 8));
        }
    }
}
