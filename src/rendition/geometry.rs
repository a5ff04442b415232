//! Which pixels of an image become which of a rendition.

use std::num::NonZeroU32;

use image::metadata::Orientation;

use super::wish::{Area, Bounds, Fit, Rendition};

/// A rectangle of an image, in its pixels. Cut through pixels where that keeps the proportions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// What of an image is taken, and how large it becomes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    pub(super) from: Rect,
    /// Width and height, in pixels: at least 1, and at most what they are in the image.
    pub(super) to: (u32, u32),
}

/// The plan of a rendition of an upright image of that size; none where its crop lies outside.
pub(super) fn plan((width, height): (u32, u32), wish: &Rendition) -> Option<Plan> {
    let Rendition { crop, bounds: Bounds { width: widest, height: highest }, fit, .. } = *wish;
    let (x, y, width, height) = match crop {
        None => (0, 0, width, height),
        Some(Area { x, y, width: wide, height: high }) => {
            let (wide, high) = (wide.get(), high.get());
            let inside = x.checked_add(wide)? <= width && y.checked_add(high)? <= height;
            inside.then_some((x, y, wide, high))?
        }
    };
    let (x, y, wide, high) = (f64::from(x), f64::from(y), f64::from(width), f64::from(height));
    let of = |bound: Option<NonZeroU32>, length: f64| bound.map(|it| f64::from(it.get()) / length);
    let scale = match (of(widest, wide), of(highest, high), fit) {
        (Some(one), Some(other), Fit::Inside) => one.min(other),
        (Some(one), Some(other), Fit::Cover) => one.max(other),
        (Some(one), None, _) | (None, Some(one), _) => one,
        (None, None, _) => 1.0,
    };
    let scale = scale.min(1.0);
    let to = (scaled(width, scale, widest), scaled(height, scale, highest));
    let from = match fit {
        Fit::Inside => Rect { x, y, width: wide, height: high },
        Fit::Cover => {
            // What is cut off is cut off at both sides.
            let (taken_wide, taken_high) =
                ((f64::from(to.0) / scale).min(wide), (f64::from(to.1) / scale).min(high));
            let (left, above) = ((wide - taken_wide) / 2.0, (high - taken_high) / 2.0);
            Rect { x: x + left, y: y + above, width: taken_wide, height: taken_high }
        }
    };
    Some(Plan { from, to })
}

fn scaled(length: u32, scale: f64, most: Option<NonZeroU32>) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the scale is from 0 to 1, so it is no more than the length"
    )]
    let scaled = (f64::from(length) * scale).round() as u32;
    scaled.clamp(1, most.map_or(length, |most| most.get().min(length)))
}

/// The size of an image that is turned so.
pub(super) fn turned((width, height): (u32, u32), by: Orientation) -> (u32, u32) {
    if is_sideways(by) { (height, width) } else { (width, height) }
}

/// Where a plan for an upright image lies in one that is yet to be turned, and is of that size.
pub(super) fn before_turning(plan: Plan, size: (u32, u32), by: Orientation) -> Plan {
    let Plan { from: Rect { x, y, width, height }, to } = plan;
    let (wide, high) = (f64::from(size.0), f64::from(size.1));
    let (x, y) = match by {
        Orientation::NoTransforms => (x, y),
        Orientation::FlipHorizontal => (wide - x - width, y),
        Orientation::FlipVertical => (x, high - y - height),
        Orientation::Rotate180 => (wide - x - width, high - y - height),
        Orientation::Rotate90 => (y, high - x - width),
        Orientation::Rotate270 => (wide - y - height, x),
        Orientation::Rotate90FlipH => (y, x),
        Orientation::Rotate270FlipH => (wide - y - height, high - x - width),
    };
    // What is cut through a pixel may be a rounding error outside.
    let (x, y) = (x.max(0.0), y.max(0.0));
    let (width, height) = if is_sideways(by) { (height, width) } else { (width, height) };
    let from = Rect { x, y, width: width.min(wide - x), height: height.min(high - y) };
    Plan { from, to: turned(to, by) }
}

const fn is_sideways(by: Orientation) -> bool {
    match by {
        Orientation::NoTransforms
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical
        | Orientation::Rotate180 => false,
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => true,
    }
}
