//! Colours: from an embedded profile (ICC.1) to sRGB.

use std::sync::Arc;

use moxcms::{
    ColorProfile, DataColorSpace, Layout, RenderingIntent, Transform8BitExecutor, TransformOptions,
};

/// Pixels that are converted at once.
const STRIDE: usize = 4096;

/// The pixels in sRGB, and how many channels they have then. As they are, where the profile is none
/// that can be read or is not of such pixels.
pub(super) fn to_srgb(profile: &[u8], channels: u8, pixels: Vec<u8>) -> (u8, Vec<u8>) {
    let Some(transform) = transform(profile, channels) else { return (channels, pixels) };
    // Grey of a profile of its own becomes three equal channels.
    let made = if channels < 3 { channels + 2 } else { channels };
    let (from, to) = (usize::from(channels), usize::from(made));
    let converted = if from == to {
        in_place(&*transform, to, pixels)
    } else {
        let mut converted = vec![0; pixels.len() / from * to];
        transform.transform(&pixels, &mut converted).map(|()| converted).map_err(|_| pixels)
    };
    match converted {
        Ok(converted) => (made, converted),
        Err(pixels) => (channels, pixels),
    }
}

/// Stride by stride, through a small buffer. All or nothing: what would not be converted is found
/// out at the first stride, for all are alike.
fn in_place(
    transform: &Transform8BitExecutor,
    channels: usize,
    mut pixels: Vec<u8>,
) -> Result<Vec<u8>, Vec<u8>> {
    let mut buffer = vec![0; STRIDE * channels];
    for stride in pixels.chunks_mut(STRIDE * channels) {
        let Some(buffer) = buffer.get_mut(..stride.len()) else { break };
        if transform.transform(stride, buffer).is_err() {
            return Err(pixels);
        }
        stride.copy_from_slice(buffer);
    }
    Ok(pixels)
}

fn transform(profile: &[u8], channels: u8) -> Option<Arc<Transform8BitExecutor>> {
    let profile = ColorProfile::new_from_slice(profile).ok()?;
    let (from, to) = match (channels, profile.color_space) {
        (1, DataColorSpace::Gray) => (Layout::Gray, Layout::Rgb),
        (2, DataColorSpace::Gray) => (Layout::GrayAlpha, Layout::Rgba),
        (3, DataColorSpace::Rgb) => (Layout::Rgb, Layout::Rgb),
        (4, DataColorSpace::Rgb) => (Layout::Rgba, Layout::Rgba),
        _ => return None,
    };
    let options = TransformOptions {
        rendering_intent: RenderingIntent::RelativeColorimetric,
        ..TransformOptions::default()
    };
    profile.create_transform_8bit(from, &ColorProfile::new_srgb(), to, options).ok()
}
