//! Blocks of eight by eight: from coefficients to luma, and from a change of luma to one of
//! coefficients (T.81, A.3.3).

#![expect(
    clippy::cast_possible_truncation,
    reason = "cosines, and coefficients that are bounded before"
)]

use super::super::cosine::cos_quarters;
use super::head::{Block, Component};

/// Which coefficient is at each place of the file's order: how fast across, and down (T.81, figure
/// A.6).
pub(super) const ORDER: [(u8, u8); 64] = order();

/// The cosines of a block, by coefficient, then by place.
#[derive(Debug)]
pub(super) struct Cosines([[f32; 8]; 8]);

const fn order() -> [(u8, u8); 64] {
    let mut made = [(0, 0); 64];
    let (mut at, mut across, mut down) = (0, 0_u8, 0_u8);
    while at < 64 {
        #[expect(clippy::indexing_slicing, reason = "computed at compile time, from 0 to 63")]
        {
            made[at] = (across, down);
        }
        // Up and to the right on even diagonals, down and to the left on odd ones.
        if (across + down) % 2 == 0 {
            if across == 7 {
                down += 1;
            } else if down == 0 {
                across += 1;
            } else {
                (across, down) = (across + 1, down - 1);
            }
        } else if down == 7 {
            across += 1;
        } else if across == 0 {
            down += 1;
        } else {
            (across, down) = (across - 1, down + 1);
        }
        at += 1;
    }
    made
}

impl Cosines {
    pub(super) fn new() -> Self {
        let mut made = [[0.0; 8]; 8];
        for (k, wave) in made.iter_mut().enumerate() {
            // Half of the cosine; the constant one is the root of an eighth.
            let height = if k == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 } / 2.0;
            for (x, value) in wave.iter_mut().enumerate() {
                *value = (height * cos_quarters(k * (2 * x + 1), 8)) as f32;
            }
        }
        Self(made)
    }

    fn at(&self, k: u8) -> [f32; 8] {
        self.0.get(usize::from(k)).copied().unwrap_or_default()
    }

    /// Eight rows of luma, in steps of 256, as wide as the component.
    pub(super) fn luma(
        &self,
        component: &Component,
        steps: &[u16; 64],
        row: usize,
    ) -> [Vec<f32>; 8] {
        let width = component.width * 8;
        let mut rows = [(); 8].map(|()| Vec::with_capacity(width));
        let start = row * component.stride;
        let blocks = component.blocks.get(start..start + component.width).unwrap_or_default();
        for block in blocks {
            let mut across = [[0.0_f32; 8]; 8];
            for ((&value, &step), (u, v)) in block.iter().zip(steps).zip(ORDER) {
                if value == 0 {
                    continue;
                }
                let value = f32::from(value) * f32::from(step);
                if let Some(line) = across.get_mut(usize::from(v)) {
                    line.iter_mut().zip(self.at(u)).for_each(|(sum, wave)| *sum += value * wave);
                }
            }
            let mut made = [[128.0_f32; 8]; 8];
            for (line, wave) in across.iter().zip(&self.0) {
                if line.iter().all(|&it| it == 0.0) {
                    continue;
                }
                for (out, &height) in made.iter_mut().zip(wave) {
                    out.iter_mut().zip(line).for_each(|(sum, value)| *sum += height * value);
                }
            }
            for (row, line) in rows.iter_mut().zip(made) {
                row.extend(line.map(|it| it.clamp(0.0, 255.0)));
            }
        }
        rows
    }

    /// The coefficients of a block of changes, those slower than `fast` both ways, in the file's
    /// order.
    pub(super) fn coefficients(&self, change: &[[f32; 8]; 8], fast: u8) -> [f32; 64] {
        // Across: by row, then by coefficient.
        let across = change.map(|line| {
            let mut made = [0.0_f32; 8];
            for (value, wave) in made.iter_mut().zip(&self.0).take(usize::from(fast)) {
                *value = line.iter().zip(wave).map(|(one, two)| one * two).sum();
            }
            made
        });
        let mut made = [0.0; 64];
        for (value, (u, v)) in made.iter_mut().zip(ORDER) {
            if u < fast && v < fast {
                let wave = self.at(v);
                let column =
                    across.iter().map(|line| line.get(usize::from(u)).copied().unwrap_or(0.0));
                *value = column.zip(wave).map(|(one, two)| one * two).sum();
            }
        }
        made
    }
}

/// Brings a block from one table of steps to another and adds the change.
pub(super) fn changed(
    block: &mut Block,
    from: &[u16; 64],
    to: &[u16; 64],
    change: Option<&[f32; 64]>,
) {
    for (at, (value, (&from, &to))) in block.iter_mut().zip(from.iter().zip(to)).enumerate() {
        let by = change.and_then(|it| it.get(at)).copied().unwrap_or(0.0);
        if by == 0.0 && from == to {
            continue;
        }
        let exact = (f32::from(*value) * f32::from(from) + by) / f32::from(to);
        *value = exact.round().clamp(-1023.0, 1023.0) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_standard() {
        let places: Vec<_> = ORDER.iter().map(|&(u, v)| u + 8 * v).collect();
        assert_eq!(places[..12], [0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25]);
        assert_eq!(places[60..], [47, 55, 62, 63]);
        let mut sorted = places;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..64));
    }

    #[test]
    fn luma_becomes_coefficients_and_luma_again() {
        let mut change = [[0.0; 8]; 8];
        for (y, line) in change.iter_mut().enumerate() {
            for (x, value) in line.iter_mut().enumerate() {
                let wave = u8::try_from((x * 7 + y * 13) % 11).unwrap();
                *value = f32::from(wave) * 9.0 - 40.0;
            }
        }
        let cosines = Cosines::new();
        let exact = cosines.coefficients(&change, 8);
        let mut block = [0; 64];
        changed(&mut block, &[1; 64], &[1; 64], Some(&exact));
        let component = Component {
            id: 1,
            across: 1,
            down: 1,
            table: 0,
            width: 1,
            height: 1,
            stride: 1,
            blocks: vec![block],
            steps: Some([1; 64]),
        };
        let rows = cosines.luma(&component, &[1; 64], 0);
        for (row, line) in rows.iter().zip(change) {
            for (found, wanted) in row.iter().zip(line) {
                assert!((found - 128.0 - wanted).abs() < 2.0, "{found} {wanted}");
            }
        }
    }
}
