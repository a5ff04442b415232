//! From a frame to a whole picture.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers of pixels and of waves, far below 2^24, and floats that are bounded before"
)]

use super::plane::Plane;
use super::resample::cubic;

/// A plane in a larger size, row by row: cubic curves through its numbers.
#[derive(Debug)]
pub(super) struct Enlarger<'a> {
    plane: &'a Plane,
    across: Vec<Taps>,
    height: usize,
    /// Rows of the plane in the larger width; a row lies where its number modulo four says.
    wide: [Option<(i64, Vec<f32>)>; 4],
    row: Vec<f32>,
}

/// The first of four neighbours, and how much of each.
#[derive(Clone, Copy, Debug)]
struct Taps {
    first: i64,
    weights: [f32; 4],
}

impl<'a> Enlarger<'a> {
    /// To that width and height.
    pub(super) fn new(plane: &'a Plane, to: (usize, usize)) -> Self {
        let across = (0..to.0).map(|x| taps(plane.width(), to.0, x)).collect();
        let row = vec![0.0; to.0];
        Self { plane, across, height: to.1, wide: [const { None }; 4], row }
    }

    /// A row of it. Cheap if those nearby were asked for just before.
    pub(super) fn row(&mut self, y: usize) -> &[f32] {
        let Taps { first, weights } = taps(self.plane.height(), self.height, y);
        self.row.fill(0.0);
        for (index, weight) in (first..).zip(weights) {
            let slot = usize::try_from(index.rem_euclid(4)).unwrap_or(0);
            let Some(slot) = self.wide.get_mut(slot) else { continue };
            if slot.as_ref().is_none_or(|(held, _)| *held != index) {
                *slot = Some((index, widened(self.plane.row_near(index), &self.across)));
            }
            let Some((_, wide)) = slot else { continue };
            for (value, &part) in self.row.iter_mut().zip(wide.iter()) {
                *value += weight * part;
            }
        }
        &self.row
    }
}

fn widened(row: &[f32], taps: &[Taps]) -> Vec<f32> {
    let last = row.len().saturating_sub(1);
    let near = |at: i64| {
        let at = usize::try_from(at.max(0)).unwrap_or(0).min(last);
        row.get(at).copied().unwrap_or(0.0)
    };
    let made = taps.iter().map(|&Taps { first, weights: [a, b, c, d] }| {
        a * near(first) + b * near(first + 1) + c * near(first + 2) + d * near(first + 3)
    });
    made.collect()
}

fn taps(from: usize, to: usize, index: usize) -> Taps {
    let place = (index as f64 + 0.5) * (from as f64 / to.max(1) as f64) - 0.5;
    let whole = place.floor();
    Taps { first: whole as i64 - 1, weights: cubic((place - whole) as f32) }
}
