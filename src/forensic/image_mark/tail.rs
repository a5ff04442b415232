//! How likely sums of random signs are to go far.

use std::f64::consts::SQRT_2;

/// How much more than a normal variable's the tail of a sum of random signs can be, rounded up
/// (Bentkus and Dzindzalieta, 2015: 1 / (4 P(Z ≥ √2)), the best there is).
const SIGNS: f64 = 3.18;

/// At most the chance that Σ ±aᵢ, with Σ aᵢ² = 1 and random signs, reaches z.
pub(super) fn chance(z: f64) -> f64 {
    (SIGNS * normal_tail(z)).min(1.0)
}

/// The chance that a normal variable of mean 0 and deviation 1 exceeds z.
///
/// By the error function's series up to 3, and beyond by the continued fraction of its complement,
/// both to about twelve digits.
fn normal_tail(z: f64) -> f64 {
    let x = z / SQRT_2;
    if z < 0.0 {
        return 1.0 - normal_tail(-z);
    }
    if z < 3.0 {
        let mut term = x;
        let mut sum = x;
        for n in 1..60_u32 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return 0.5 - sum / std::f64::consts::PI.sqrt();
    }
    let mut fraction = 0.0;
    for n in (1..200_u32).rev() {
        fraction = f64::from(n) / 2.0 / (x + fraction);
    }
    0.5 * (-x * x).exp() / ((x + fraction) * std::f64::consts::PI.sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As tables have them.
    #[test]
    fn tails_are_those_of_the_tables() {
        for (z, expected) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457),
            (2.9, 0.001_865_813_300_384),
            (3.1, 0.000_967_603_213_218),
            (6.0, 9.865_876_450_377e-10),
            (10.0, 7.619_853_024_161e-24),
            (-1.0, 0.841_344_746_068_543),
        ] {
            let found = normal_tail(z);
            assert!((found / expected - 1.0).abs() < 1e-9, "{z}: {found}");
        }
        assert!(normal_tail(60.0) >= 0.0);
        assert!(chance(-3.0) <= 1.0);
    }
}
