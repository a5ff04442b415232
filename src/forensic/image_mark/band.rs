//! The frame a picture is brought to, and the waves in it that carry the mark.

#![expect(clippy::cast_possible_truncation, reason = "the root of a number of waves")]

use super::SightedTag;
use super::cosine::waves;
use super::key::MarkKey;
use super::plane::Plane;

/// The shorter side of the frame, unless the picture's is shorter.
const FRAME_SHORT: usize = 512;

/// Longest side of the frame.
const FRAME_LONG: usize = 2048;

/// Most waves that carry a mark. More would be found a little better, and each tag costs as much
/// as there are waves.
const MOST_WAVES: usize = 16_384;

/// The slowest and the fastest wave, in thousandths of the fastest that the frame could show.
/// Slower ones would show in skies, and are lost where light and dark are adjusted part by part;
/// faster ones are what compressors leave out.
const SLOWEST: usize = 70;
const FASTEST: usize = 350;

/// The size of the frame for a picture of that size.
pub(super) fn frame((width, height): (usize, usize)) -> (usize, usize) {
    let short = width.min(height).max(1);
    let to = short.min(FRAME_SHORT);
    let side = |side: usize| (side.saturating_mul(to) + short / 2) / short;
    (side(width).clamp(1, FRAME_LONG), side(height).clamp(1, FRAME_LONG))
}

/// The waves of a frame that carry a mark, in the order of its sequence.
#[derive(Debug)]
pub(super) struct Band {
    width: usize,
    height: usize,
    /// Of each wave how fast it is across and down, slow ones first.
    places: Vec<(usize, usize)>,
    across: Vec<Vec<f32>>,
    down: Vec<Vec<f32>>,
}

impl Band {
    pub(super) fn new((width, height): (usize, usize)) -> Self {
        // (u / width)² + (v / height)², times width² and height², in whole numbers.
        let speed = |u: usize, v: usize| (u * height).pow(2) + (v * width).pow(2);
        let bound = |thousandths: usize| (width * height * thousandths / 1000).pow(2);
        let (slowest, fastest) = (bound(SLOWEST), bound(FASTEST));
        let mut places: Vec<_> = (0..=height * FASTEST / 1000)
            .flat_map(|v| (0..=width * FASTEST / 1000).map(move |u| (u, v)))
            .filter(|&(u, v)| (slowest..=fastest).contains(&speed(u, v)))
            .collect();
        places.sort_by_key(|&(u, v)| (speed(u, v), u));
        places.truncate(MOST_WAVES);
        let most = |side: fn(&(usize, usize)) -> usize| places.iter().map(side).max().unwrap_or(0);
        let across = waves(width, most(|&(u, _)| u) + 1);
        let down = waves(height, most(|&(_, v)| v) + 1);
        Self { width, height, places, across, down }
    }

    /// The pattern of a tag: every wave up or down, as its sequence says. Its mean square is one.
    pub(super) fn pattern(&self, key: &MarkKey, tag: SightedTag) -> Plane {
        // A wave's mean square: a half across and a half down, and one where it does not move.
        let power = |&(u, v): &(usize, usize)| {
            (if u == 0 { 1.0 } else { 0.5 }) * if v == 0 { 1.0 } else { 0.5_f64 }
        };
        let power: f64 = self.places.iter().map(power).sum();
        let height = (1.0 / power.max(1.0).sqrt()) as f32;
        let mut sums: Vec<Vec<f32>> = self.down.iter().map(|_| vec![0.0; self.width]).collect();
        for (&(u, v), sign) in self.places.iter().zip(signs(key, tag)) {
            let (Some(sum), Some(wave)) = (sums.get_mut(v), self.across.get(u)) else { continue };
            let height = if sign { -height } else { height };
            sum.iter_mut().zip(wave).for_each(|(sum, &wave)| *sum += height * wave);
        }
        let mut made = Plane::filled(self.width, self.height, 0.0);
        for (y, row) in made.rows_mut().enumerate() {
            for (sum, wave) in sums.iter().zip(&self.down) {
                let here = wave.get(y).copied().unwrap_or(0.0);
                row.iter_mut().zip(sum).for_each(|(value, &sum)| *value += here * sum);
            }
        }
        made
    }

    /// How much of each wave is in a plane of the frame's size, such that white noise has as much
    /// of each.
    pub(super) fn shares(&self, plane: &Plane) -> Vec<f32> {
        let mut sums: Vec<Vec<f32>> = self.down.iter().map(|_| vec![0.0; self.width]).collect();
        for (y, row) in plane.rows().enumerate() {
            for (sum, wave) in sums.iter_mut().zip(&self.down) {
                let here = wave.get(y).copied().unwrap_or(0.0);
                sum.iter_mut().zip(row).for_each(|(sum, &value)| *sum += here * value);
            }
        }
        let share = |&(u, v): &(usize, usize)| {
            let (Some(sum), Some(wave)) = (sums.get(v), self.across.get(u)) else { return 0.0 };
            let still = if u == 0 || v == 0 { std::f32::consts::FRAC_1_SQRT_2 } else { 1.0 };
            still * sum.iter().zip(wave).map(|(sum, wave)| sum * wave).sum::<f32>()
        };
        self.places.iter().map(share).collect()
    }
}

/// The signs of a tag's sequence: whether it is minus.
fn signs(key: &MarkKey, tag: SightedTag) -> impl Iterator<Item = bool> {
    let bytes = key.sequence(tag).flatten();
    bytes.flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1))
}

/// The sum of the numbers, each with its sign of the tag's sequence.
pub(super) fn signed_sum(numbers: &[f32], key: &MarkKey, tag: SightedTag) -> f64 {
    let mut whole = 0.0_f64;
    for (chunk, block) in numbers.chunks(256).zip(key.sequence(tag)) {
        let mut sums = [0.0_f32; 8];
        for (eight, byte) in chunk.chunks(8).zip(block) {
            for ((sum, number), bit) in sums.iter_mut().zip(eight).zip(0..) {
                let sign = u32::from(byte >> bit & 1) << 31;
                *sum += f32::from_bits(number.to_bits() ^ sign);
            }
        }
        whole += sums.into_iter().map(f64::from).sum::<f64>();
    }
    whole
}
