//! Cosines that are the same on every machine.
//!
//! The cosine of the standard library is the platform's, and differs in its last bit between them.
//! This one only adds and multiplies.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "cosines, and lengths of sides"
)]

use std::f64::consts::FRAC_PI_2;

/// The cosine of `numerator` / `denominator` of a quarter turn.
pub(super) fn cos_quarters(numerator: usize, denominator: usize) -> f64 {
    let n = denominator.max(1);
    // Four quarters are a turn; the half turns mirror each other.
    let at = numerator % (4 * n);
    let at = if at > 2 * n { 4 * n - at } else { at };
    let (at, sign) = if at > n { (2 * n - at, -1.0) } else { (at, 1.0) };
    if 2 * at <= n {
        sign * cosine_series(FRAC_PI_2 * (at as f64 / n as f64))
    } else {
        sign * sine_series(FRAC_PI_2 * ((n - at) as f64 / n as f64))
    }
}

/// The first `count` waves of a cosine transform of `length`: wave k at x is
/// cos(π k (2 x + 1) / (2 length)).
pub(super) fn waves(length: usize, count: usize) -> Vec<Vec<f32>> {
    let turn: Vec<f32> = (0..4 * length).map(|at| cos_quarters(at, length) as f32).collect();
    let wave = |k: usize| {
        let at = |x: usize| turn.get(k * (2 * x + 1) % (4 * length)).copied().unwrap_or(0.0);
        (0..length).map(at).collect()
    };
    (0..count).map(wave).collect()
}

/// Taylor's series up to an eighth of a turn: what is left out is less than 2^-53.
fn cosine_series(x: f64) -> f64 {
    let square = x * x;
    let mut sum = 1.0;
    for k in (1..=9_u32).rev() {
        let k = f64::from(k);
        sum = 1.0 - square * sum / ((2.0 * k) * (2.0 * k - 1.0));
    }
    sum
}

fn sine_series(x: f64) -> f64 {
    let square = x * x;
    let mut sum = 1.0;
    for k in (1..=9_u32).rev() {
        let k = f64::from(k);
        sum = 1.0 - square * sum / ((2.0 * k) * (2.0 * k + 1.0));
    }
    x * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_cosines() {
        for denominator in [1, 2, 7, 512, 769] {
            for numerator in 0..9 * denominator {
                let angle = FRAC_PI_2 * numerator as f64 / denominator as f64;
                let found = cos_quarters(numerator, denominator);
                assert!((found - angle.cos()).abs() < 1e-14, "{numerator} / {denominator}");
            }
        }
    }

    #[test]
    fn waves_are_at_right_angles() {
        let waves = waves(24, 20);
        let product = |a: usize, b: usize| {
            waves[a].iter().zip(&waves[b]).map(|(one, two)| one * two).sum::<f32>()
        };
        assert!((product(3, 3) - 12.0).abs() < 1e-4);
        assert!((product(0, 0) - 24.0).abs() < 1e-4);
        for other in (0..20).filter(|&it| it != 3) {
            assert!(product(3, other).abs() < 1e-4, "{other}");
        }
    }
}
