//! Suspects, compared with originals.

#![expect(clippy::cast_precision_loss, reason = "numbers of waves and of tags, far below 2^52")]

use image::metadata::Orientation;

use super::SightedTag;
use super::band::{Band, frame, signed_sum};
use super::key::MarkKey;
use super::picture::Picture;
use super::plane::Plane;
use super::register::{Guess, register};
use super::resample::{Axis, inside};
use super::residual::{Seen, residual};
use super::strength::strength;
use super::tail::chance;
use super::unmarkable::{SHORTEST_SIDE, Unmarkable};

/// The shorter side of suspects while the original is searched for in them.
const SUSPECT_SHORT: usize = 768;

/// Least pixels of a suspect's shorter side.
const SHORTEST_SUSPECT: usize = 48;

/// How far around a place noise is measured.
const NOISE_REACH: usize = 8;

/// Parts into which the waves are put, by speed: each has noise of its own.
const RINGS: usize = 24;

/// What z has to be for a single tag; with more of them, so much that the chance that any of them
/// reaches it is the same.
const ENOUGH: f64 = 6.0;

/// An original and a suspect that was registered to it, ready to be asked for tags.
#[derive(Debug)]
pub struct Compared {
    /// How much of each wave the suspect has.
    shares: Vec<f32>,
    /// The root of their squares' sum.
    length: f64,
    explained: f64,
}

/// A tag that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Likeness {
    /// The tag.
    pub tag: SightedTag,
    /// How far the suspect is from what chance gives, in standard deviations.
    pub z: f64,
    /// At most the chance that any of the tags that were tried would come so far if none of them
    /// were in it.
    pub p: f64,
}

/// Finds the original in a suspect, whatever was cut away or scaled, subtracts it, and is ready to
/// be asked whose copy it was. `None` if the suspect does not show the original.
///
/// The suspect may be of another type than the original. It may show part of it, from a fifth of a
/// side on, or have it in the midst of other things; be larger or smaller, also by different factors
/// across and down; and be lighter, darker, or of other contrast. Turned by an angle, mirrored or
/// bent it is not found, unless its metadata say how it is turned.
pub fn compare(original: &[u8], suspect: &[u8]) -> Result<Option<Compared>, Unmarkable> {
    let suspect = Picture::decoded(suspect)?;
    let original = Picture::decoded(original)?;
    let size = original.size();
    if size.0.min(size.1) < SHORTEST_SIDE as usize {
        return Err(Unmarkable::TooSmall);
    }
    let frame = frame(size);
    let (luma, cover) = original.luma(frame, [Axis::WHOLE; 2]);
    let turn = original.orientation;
    drop(original);
    let Some((shown, seen, guess)) = found(&luma, size, suspect, turn) else { return Ok(None) };
    Ok(Some(Compared::new(&luma, &cover, &shown, &seen, guess.explained)))
}

/// The suspect as it lies in the original's frame.
fn found(
    luma: &Plane,
    size: (usize, usize),
    mut suspect: Picture,
    turn: Orientation,
) -> Option<(Plane, Seen, Guess)> {
    // As it is seen, turned to how the original is stored; and as it is stored, for programs that
    // lose how it is to be turned.
    let stored = suspect.orientation;
    let turns = [Some((stored, undone(turn))), (stored != turn).then(|| (turn, undone(stored)))];
    for (first, second) in turns.into_iter().flatten() {
        suspect.pixels.apply_orientation(first);
        suspect.pixels.apply_orientation(second);
        let pixels = suspect.size();
        let short = pixels.0.min(pixels.1);
        if short < SHORTEST_SUSPECT {
            return None;
        }
        let to = short.min(SUSPECT_SHORT);
        let side = |side: usize| (side * to / short).clamp(1, 4 * SUSPECT_SHORT);
        let (plane, _) = suspect.luma((side(pixels.0), side(pixels.1)), [Axis::WHOLE; 2]);
        if let Some(guess) = register(luma, &plane, [size, pixels]) {
            let (width, height) = (luma.width(), luma.height());
            let (shown, _) = suspect.luma((width, height), guess.at);
            let [x, y] = guess.at;
            let seen = Seen { columns: inside(width, x), rows: inside(height, y) };
            return Some((shown, seen, guess));
        }
    }
    None
}

/// What takes an orientation back.
fn undone(orientation: Orientation) -> Orientation {
    match orientation {
        Orientation::Rotate90 => Orientation::Rotate270,
        Orientation::Rotate270 => Orientation::Rotate90,
        other @ (Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH) => other,
    }
}

impl Compared {
    /// Of planes of the frame's size.
    pub(super) fn new(
        luma: &Plane,
        cover: &Plane,
        shown: &Plane,
        seen: &Seen,
        explained: f64,
    ) -> Self {
        let left = residual(luma, shown, cover, seen);
        let noise = left.map(|it| it * it).blurred(NOISE_REACH).map(|it| it.max(0.0) + 0.02);
        let strength = strength(luma, cover);
        let kept = left.with(&noise, |left, noise| {
            let bound = 3.0 * noise.sqrt();
            left.clamp(-bound, bound) / noise
        });
        let weighed = kept.with(&strength, |kept, strength| kept * strength);
        let band = Band::new((luma.width(), luma.height()));
        let mut shares = band.shares(&weighed);
        let ring = shares.len().div_ceil(RINGS).max(1);
        shares.chunks_mut(ring).for_each(level);
        let power: f64 = shares.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
        Self { shares, length: power.sqrt(), explained }
    }

    /// How far the suspect is from what chance gives for this tag, in standard deviations: z.
    ///
    /// The signs of a tag's sequence are the only chance in it, whatever the suspect is: for a tag
    /// that is not in it, z is a sum of fixed numbers with random signs, the squares of which add up
    /// to one. Such a sum has the mean 0 and the deviation 1, and its tails are bounded.
    pub fn score(&self, key: &MarkKey, tag: SightedTag) -> f64 {
        if self.length > 0.0 { signed_sum(&self.shares, key, tag) / self.length } else { 0.0 }
    }

    /// Those of the tags that are in it, the likeliest first.
    ///
    /// One is taken for found if z is 6 or more, and so far beyond it that the chance that any of
    /// all these tags came so far is no larger than that of a single one to reach 6.
    pub fn find(&self, key: &MarkKey, tags: &[SightedTag]) -> Vec<Likeness> {
        let tried = tags.len() as f64;
        let likeness = |&tag: &SightedTag| {
            let z = self.score(key, tag);
            Likeness { tag, z, p: (tried * chance(z)).min(1.0) }
        };
        let bound = chance(ENOUGH);
        let mut found: Vec<_> =
            tags.iter().map(likeness).filter(|it| it.z >= ENOUGH && it.p <= bound).collect();
        found.sort_by(|one, two| two.z.total_cmp(&one.z));
        found
    }

    /// How much of what the suspect shows the original explains, from zero to one.
    pub fn explained(&self) -> f64 {
        self.explained
    }
}

/// Brings numbers to a mean square of one, and those far out nearer.
fn level(numbers: &mut [f32]) {
    let power: f32 = numbers.iter().map(|it| it * it).sum();
    let deviation = (power / numbers.len().max(1) as f32).sqrt();
    if deviation > 0.0 {
        for it in numbers {
            *it = (*it / deviation).clamp(-3.0, 3.0);
        }
    }
}
