//! Target of `rendition`: files of strangers, and what is made of them.

use std::num::NonZeroU32;

use crate::rendition::{Bounds, Encoding, Fit, Quality, Rendition, RenditionError, look, render};

/// Pixels of an image that is rendered here: larger ones are as good, and take longer.
const MOST_PIXELS: u64 = 1 << 20;

/// Four bytes of wishes, then the image.
pub fn image_file(bytes: &[u8]) {
    let Some(([width, height, way, quality], image)) = bytes.split_first_chunk() else { return };
    let bounds = Bounds {
        width: NonZeroU32::new(u32::from(*width)),
        height: NonZeroU32::new(u32::from(*height)),
    };
    let encoding = match way % 3 {
        0 => Encoding::Jpeg(Quality::new(*quality).unwrap_or_default()),
        1 => Encoding::Png,
        _ => Encoding::WebP,
    };
    let fit = if *way < 128 { Fit::Inside } else { Fit::Cover };
    let wish = Rendition { bounds, fit, encoding, crop: None };
    let Ok(seen) = look(image, &wish) else {
        assert!(render(image, &wish).is_err(), "what cannot be looked at is made");
        return;
    };
    if u64::from(seen.width) * u64::from(seen.height) > MOST_PIXELS {
        return;
    }
    let made = match render(image, &wish) {
        Ok(made) => made,
        Err(RenditionError::NotAnImage(_)) => return,
        Err(why) => panic!("looked at, and then {why:?}"),
    };
    for (length, bound, whole) in
        [(made.width, bounds.width, seen.width), (made.height, bounds.height, seen.height)]
    {
        assert!((1..=whole).contains(&length), "{made:?} of {seen:?}");
        assert!(bound.is_none_or(|bound| length <= bound.get()), "{made:?} in {bounds:?}");
    }
    // What was made is an image of that size, upright.
    let again = look(&made.bytes, &Rendition::default());
    let size = again.as_ref().map(|it| (it.width, it.height)).ok();
    assert_eq!(size, Some((made.width, made.height)), "{again:?}");
    assert_eq!(made.media_type, encoding.media_type());
}
