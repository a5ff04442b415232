//! What a suspect has that its original has not.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "numbers of pixels and of waves, far below 2^24, and floats that are bounded before"
)]

use std::ops::Range;

use super::linear::Squares;
use super::plane::Plane;

/// Side of the squares in which the original is fitted to the suspect.
const TILE: usize = 32;

/// Least numbers in a square that is fitted.
const LEAST_IN_TILE: usize = 100;

/// Steps of luma that are told apart when the tones of both are compared.
const TONES: usize = 24;

/// The part of a frame that the suspect shows.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) columns: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Seen {
    fn holds(&self, x: usize, y: usize) -> bool {
        self.columns.contains(&x) && self.rows.contains(&y)
    }
}

/// The suspect less the original, where it is seen, and zero elsewhere.
///
/// The original is first brought to the suspect's tones (light, contrast, gamma), and then, square
/// by square, mixed with its own slopes and curvature: so a little less sharpness, or a fraction of
/// a pixel of displacement, is subtracted as well. Both planes are of the frame's size.
pub(super) fn residual(original: &Plane, shown: &Plane, cover: &Plane, seen: &Seen) -> Plane {
    let counts = |x: usize, y: usize| seen.holds(x, y) && cover.at(x, y) > 0.98;
    let toned = toned(original, shown, &counts);
    let mut left = Plane::filled(original.width(), original.height(), 0.0);
    for top in seen.rows.clone().step_by(TILE) {
        for start in seen.columns.clone().step_by(TILE) {
            let rows = top..(top + TILE).min(seen.rows.end);
            let columns = start..(start + TILE).min(seen.columns.end);
            tile(&toned, shown, rows, columns, &counts, &mut left);
        }
    }
    left
}

/// Fits the original to the suspect in one square.
fn tile(
    original: &Plane,
    shown: &Plane,
    rows: Range<usize>,
    columns: Range<usize>,
    counts: &impl Fn(usize, usize) -> bool,
    left: &mut Plane,
) {
    let places = || rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y)));
    let counted = places().filter(|&(x, y)| counts(x, y)).count();
    if counted < LEAST_IN_TILE {
        return;
    }
    let middle = places().map(|(x, y)| f64::from(original.at(x, y))).sum::<f64>()
        / (rows.len() * columns.len()) as f64;
    let features = |x: usize, y: usize| {
        let at = |x: usize, y: usize| f64::from(original.at(x, y));
        let (here, left, right) = (at(x, y), at(x.saturating_sub(1), y), at(x + 1, y));
        let (above, below) = (at(x, y.saturating_sub(1)), at(x, y + 1));
        let curve = left + right + above + below - 4.0 * here;
        [1.0, here - middle, right - left, below - above, curve]
    };
    let mut squares = Squares::<5>::new();
    let mut equations = Vec::with_capacity(counted);
    for (x, y) in places().filter(|&(x, y)| counts(x, y)) {
        let (features, target) = (features(x, y), f64::from(shown.at(x, y)) - middle);
        squares.add(features, target);
        equations.push((features, target));
    }
    let found = squares.solve();
    let mut equations = equations.into_iter();
    for y in rows {
        let values = left.row_mut(y).get_mut(columns.clone()).unwrap_or_default();
        for (value, x) in values.iter_mut().zip(columns.clone()) {
            if counts(x, y)
                && let Some((features, target)) = equations.next()
            {
                let fitted: f64 = features.iter().zip(found).map(|(one, two)| one * two).sum();
                *value = (target - fitted) as f32;
            }
        }
    }
}

/// The original in the suspect's tones: what each of its tones became on average, and straight
/// lines between.
fn toned(original: &Plane, shown: &Plane, counts: &impl Fn(usize, usize) -> bool) -> Plane {
    let step = 255.0 / (TONES - 1) as f32;
    let place = |value: f32| {
        let place = (value / step).clamp(0.0, (TONES - 1) as f32);
        let low = (place.floor() as usize).min(TONES - 2);
        (low, place - low as f32)
    };
    let mut sums = vec![(0.0_f64, 0.0_f64); TONES];
    for (y, (row, other)) in original.rows().zip(shown.rows()).enumerate() {
        for (x, (&value, &became)) in row.iter().zip(other).enumerate() {
            if !counts(x, y) {
                continue;
            }
            let (low, part) = place(value);
            for (tone, weight) in [(low, 1.0 - part), (low + 1, part)] {
                if let Some((sum, weights)) = sums.get_mut(tone) {
                    *sum += f64::from(weight * (became - value));
                    *weights += f64::from(weight);
                }
            }
        }
    }
    // Tones that hardly occur are as the picture is on average.
    let all = sums.iter().fold((0.0, 0.0), |all, it| (all.0 + it.0, all.1 + it.1));
    let mean = all.0 / f64::max(all.1, 1.0);
    let changes: Vec<f32> =
        sums.iter().map(|(sum, weights)| ((sum + 20.0 * mean) / (weights + 20.0)) as f32).collect();
    let change = |tone: usize| changes.get(tone).copied().unwrap_or(0.0);
    original.map(|value| {
        let (low, part) = place(value);
        value + (1.0 - part) * change(low) + part * change(low + 1)
    })
}
