//! How strong a mark may be at each place of a picture.

#![expect(clippy::cast_possible_truncation, reason = "the root of a small number")]

use super::plane::Plane;

/// Mean square of the change, in steps of 256: 46 decibels below the peak.
const MOST_POWER: f64 = 1.63;

/// The strength where there is next to nothing to hide behind.
const LEAST: f32 = 0.9;

/// How much of what moves in the picture may be added to it.
const PART: f32 = 0.12;

/// The strongest.
const MOST: f32 = 4.0;

/// How much stronger than that a mark is made where little of the picture can hide any.
const MOST_FACTOR: f64 = 1.3;

/// How far around a place it counts what moves there.
const REACH: usize = 4;

/// How strong the mark is at each place of a frame: the factor of a pattern of mean square one.
///
/// Behind what moves, more can hide. Where nothing at all moves, there is no mark: paper, areas of
/// one colour, and what is clear. `luma` is in steps of 256; `cover` says how much of it is seen,
/// from zero to one.
pub(super) fn strength(luma: &Plane, cover: &Plane) -> Plane {
    let mean = luma.blurred(REACH);
    let squares = luma.with(&mean, |luma, mean| (luma - mean) * (luma - mean)).blurred(REACH);
    let moving = squares.map(|square| square.max(0.0).sqrt());
    let wished = moving.map(|moving| {
        // Nothing up to a quarter of a step, all from one step on.
        let there = ((moving - 0.25) / 0.75).clamp(0.0, 1.0);
        there * (LEAST + PART * moving).min(MOST)
    });
    let wished = wished.softened().with(cover, |wished, cover| wished * cover);
    let power = wished.map(|it| it * it).mean();
    let factor = (MOST_POWER / power.max(1e-6)).sqrt().min(MOST_FACTOR) as f32;
    wished.map(|it| it * factor)
}
