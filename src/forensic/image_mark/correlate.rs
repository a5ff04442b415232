//! Where one plane lies in another: phase correlation.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "numbers of pixels and of waves, far below 2^24, and floats that are bounded before"
)]

use std::sync::Arc;

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::plane::Plane;

/// Peaks of a correlation that are looked at.
const PEAKS: usize = 3;

/// The square of numbers that a correlation works on.
pub(super) struct Square {
    side: usize,
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
}

/// The spectrum of a plane.
pub(super) struct Spectrum(Vec<Complex<f32>>);

impl Square {
    pub(super) fn new(side: usize) -> Self {
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(side), planner.plan_fft_inverse(side));
        Self { side, forward, inverse }
    }

    /// How long each side is.
    pub(super) fn side(&self) -> usize {
        self.side
    }

    /// The spectrum of a plane that is no larger than the square.
    pub(super) fn spectrum(&self, plane: &Plane) -> Spectrum {
        let mean = plane.mean() as f32;
        let (across, down) = (window(plane.width()), window(plane.height()));
        let mut cells = vec![Complex::new(0.0, 0.0); self.side * self.side];
        for ((line, row), here) in cells.chunks_exact_mut(self.side).zip(plane.rows()).zip(&down) {
            for ((cell, &value), there) in line.iter_mut().zip(row).zip(&across) {
                cell.re = (value - mean) * here * there;
            }
        }
        self.turn(&mut cells, self.forward.as_ref());
        Spectrum(cells)
    }

    /// How far the second may be from the first, across and down, the likeliest first: what is at a
    /// place in the first is at that place less the shift in the second.
    pub(super) fn shifts(&self, first: &Spectrum, second: &Spectrum) -> Vec<(i64, i64)> {
        let pairs = first.0.iter().zip(&second.0);
        let mut cells: Vec<_> = pairs
            .map(|(one, two)| {
                let product = one * two.conj();
                let length = product.norm();
                // Something like a root: phases count, and those of strong waves more.
                let part = length.sqrt() * length.sqrt().sqrt();
                if part > 1e-6 { product / part } else { Complex::new(0.0, 0.0) }
            })
            .collect();
        self.turn(&mut cells, self.inverse.as_ref());
        let signed = |it: usize| {
            let (at, side) = (it as i64, self.side as i64);
            if 2 * at >= side { at - side } else { at }
        };
        let mut found: Vec<(i64, i64)> = Vec::new();
        for _ in 0..PEAKS {
            let (mut best, mut at) = (f32::MIN, (0, 0));
            for (y, row) in cells.chunks_exact(self.side).enumerate() {
                let (x, height) = row.iter().enumerate().fold((0, f32::MIN), |most, (x, cell)| {
                    if cell.re > most.1 { (x, cell.re) } else { most }
                });
                if height > best {
                    (best, at) = (height, (x, y));
                }
            }
            found.push((signed(at.0), signed(at.1)));
            // Its neighbours are the same peak.
            for row in cells.chunks_exact_mut(self.side).skip(at.1.saturating_sub(2)).take(5) {
                for cell in row.iter_mut().skip(at.0.saturating_sub(2)).take(5) {
                    cell.re = f32::MIN;
                }
            }
        }
        found
    }

    /// Rows, then columns; what comes out is transposed.
    fn turn(&self, cells: &mut Vec<Complex<f32>>, fft: &dyn Fft<f32>) {
        for _ in 0..2 {
            fft.process(cells);
            *cells = transposed(cells, self.side);
        }
    }
}

/// Square by square, so that what is near stays near.
fn transposed(cells: &[Complex<f32>], side: usize) -> Vec<Complex<f32>> {
    const TILE: usize = 16;
    let mut made = vec![Complex::new(0.0, 0.0); cells.len()];
    for (top, band) in cells.chunks(side * TILE).enumerate() {
        for (start, lines) in made.chunks_mut(side * TILE).enumerate() {
            for (y, row) in band.chunks_exact(side).enumerate() {
                let row = row.iter().skip(start * TILE).take(TILE);
                let to = lines.iter_mut().skip(top * TILE + y).step_by(side);
                to.zip(row).for_each(|(to, from)| *to = *from);
            }
        }
    }
    made
}

/// One in the middle, falling to nothing over an eighth at each end.
fn window(length: usize) -> Vec<f32> {
    let eighth = (length as f32 / 8.0).max(1.0);
    let rise = |at: usize| {
        let edge = (at.min(length - 1 - at) as f32 + 0.5) / eighth;
        let edge = edge.min(1.0);
        edge * edge * (3.0 - 2.0 * edge)
    };
    (0..length).map(rise).collect()
}
