//! Planes of numbers: luma, strengths, what is left after subtracting.
//!
//! Everything here adds in a fixed order and with the operations that IEEE 754 defines exactly, so
//! that it gives the same numbers on every machine.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "numbers of pixels and of waves, far below 2^24, and floats that are bounded before"
)]

use std::ops::Range;

use super::resample::{Axis, part};

/// Rows of numbers, all of one width, from the top.
#[derive(Clone, Debug)]
pub(super) struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

impl Plane {
    /// All of one number.
    pub(super) fn filled(width: usize, height: usize, value: f32) -> Self {
        Self { width, height, values: vec![value; width.saturating_mul(height)] }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.height
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.values.chunks_exact_mut(self.width.max(1))
    }

    /// A row; the last one for those below.
    pub(super) fn row(&self, y: usize) -> &[f32] {
        let start = y.min(self.height.saturating_sub(1)).saturating_mul(self.width);
        self.values.get(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// A row to write to; none below the last one.
    pub(super) fn row_mut(&mut self, y: usize) -> &mut [f32] {
        let start = y.saturating_mul(self.width);
        self.values.get_mut(start..start.saturating_add(self.width)).unwrap_or_default()
    }

    /// A row from the top, which may lie above or below: the nearest one then.
    pub(super) fn row_near(&self, y: i64) -> &[f32] {
        self.row(usize::try_from(y.max(0)).unwrap_or(usize::MAX))
    }

    /// The number at a place.
    pub(super) fn at(&self, x: usize, y: usize) -> f32 {
        self.row(y).get(x).or(self.row(y).last()).copied().unwrap_or(0.0)
    }

    /// A part of it.
    pub(super) fn window(&self, columns: Range<usize>, rows: Range<usize>) -> Self {
        let mut values = Vec::with_capacity(columns.len() * rows.len());
        for y in rows.clone() {
            values.extend_from_slice(self.row(y).get(columns.clone()).unwrap_or_default());
        }
        Self { width: columns.len(), height: rows.len(), values }
    }

    /// What the function makes of each number.
    pub(super) fn map(&self, make: impl Fn(f32) -> f32) -> Self {
        let values = self.values.iter().map(|&it| make(it)).collect();
        Self { width: self.width, height: self.height, values }
    }

    /// What the function makes of each pair of numbers. The planes are of one size.
    pub(super) fn with(&self, other: &Self, make: impl Fn(f32, f32) -> f32) -> Self {
        let pairs = self.values.iter().zip(&other.values);
        let values = pairs.map(|(&one, &two)| make(one, two)).collect();
        Self { width: self.width, height: self.height, values }
    }

    /// The mean of all.
    pub(super) fn mean(&self) -> f64 {
        let sum: f64 = self.values.iter().map(|&it| f64::from(it)).sum();
        sum / (self.values.len().max(1) as f64)
    }

    /// The plane in another size.
    pub(super) fn resized(&self, width: usize, height: usize) -> Self {
        part(self, (width, height), [Axis::WHOLE; 2])
    }

    /// Each number's mean with those around it, `reach` to every side; at the edges with fewer.
    pub(super) fn blurred(&self, reach: usize) -> Self {
        let mut across = self.clone();
        for (row, out) in self.rows().zip(across.rows_mut()) {
            means(row.len(), reach, |x| row.get(x).copied().unwrap_or(0.0), out);
        }
        // Down: a row of sums, to which rows are added and from which they are taken.
        let mut out = Self::filled(self.width, self.height, 0.0);
        let mut sums = vec![0.0_f64; self.width];
        let add = |sums: &mut Vec<f64>, y: usize, sign: f64| {
            for (sum, &value) in sums.iter_mut().zip(across.row(y)) {
                *sum += sign * f64::from(value);
            }
        };
        (0..reach.min(self.height)).for_each(|y| add(&mut sums, y, 1.0));
        for (y, row) in out.rows_mut().enumerate() {
            if y + reach < self.height {
                add(&mut sums, y + reach, 1.0);
            }
            if y > reach {
                add(&mut sums, y - reach - 1, -1.0);
            }
            let count = (y + reach).min(self.height - 1) - y.saturating_sub(reach) + 1;
            for (value, &sum) in row.iter_mut().zip(&sums) {
                *value = (sum / count as f64) as f32;
            }
        }
        out
    }

    /// Blurred by about a Gauss function: twice with 1, 2, 1, across and down.
    pub(super) fn softened(&self) -> Self {
        let mut out = self.clone();
        for (row, made) in self.rows().zip(out.rows_mut()) {
            binomial(row, made);
        }
        let across = out.clone();
        for (y, made) in (0_i64..).zip(out.rows_mut()) {
            let rows = across.row_near(y - 1).iter().zip(across.row_near(y));
            for ((value, (&a, &b)), &c) in made.iter_mut().zip(rows).zip(across.row_near(y + 1)) {
                *value = 0.25 * (a + c) + 0.5 * b;
            }
        }
        out
    }
}

fn binomial(row: &[f32], made: &mut [f32]) {
    let ends = (row.first().copied().unwrap_or(0.0), row.last().copied().unwrap_or(0.0));
    let before = std::iter::once(ends.0).chain(row.iter().copied());
    let after = row.iter().copied().skip(1).chain(std::iter::once(ends.1));
    for (((value, &b), a), c) in made.iter_mut().zip(row).zip(before).zip(after) {
        *value = 0.25 * (a + c) + 0.5 * b;
    }
}

fn means(length: usize, reach: usize, at: impl Fn(usize) -> f32, out: &mut [f32]) {
    let mut sum: f64 = (0..reach.min(length)).map(|x| f64::from(at(x))).sum();
    for (x, value) in out.iter_mut().enumerate() {
        if x + reach < length {
            sum += f64::from(at(x + reach));
        }
        if x > reach {
            sum -= f64::from(at(x - reach - 1));
        }
        let count = (x + reach).min(length.saturating_sub(1)) - x.saturating_sub(reach) + 1;
        *value = (sum / count as f64) as f32;
    }
}
