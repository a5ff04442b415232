//! Least squares with few unknowns.

/// The sums of a least-squares problem: products of `N` features, and of each with what they are to
/// add up to.
#[derive(Clone, Debug)]
pub(super) struct Squares<const N: usize> {
    products: [[f64; N]; N],
    targets: [f64; N],
}

impl<const N: usize> Squares<N> {
    pub(super) fn new() -> Self {
        Self { products: [[0.0; N]; N], targets: [0.0; N] }
    }

    /// One more equation.
    pub(super) fn add(&mut self, features: [f64; N], target: f64) {
        for ((row, sum), one) in self.products.iter_mut().zip(&mut self.targets).zip(features) {
            row.iter_mut().zip(features).for_each(|(cell, two)| *cell += one * two);
            *sum += one * target;
        }
    }

    /// How much of each feature comes nearest: conjugate gradients, on features scaled to one
    /// length. What the equations say nothing of is zero.
    pub(super) fn solve(&self) -> [f64; N] {
        let mut scale = [0.0; N];
        for (index, (scale, row)) in scale.iter_mut().zip(&self.products).enumerate() {
            let length = row.get(index).copied().unwrap_or(0.0);
            *scale = if length > 1e-9 { 1.0 / length.sqrt() } else { 0.0 };
        }
        let times = |vector: &[f64; N]| {
            let mut made = [0.0; N];
            for (((value, row), one), own) in
                made.iter_mut().zip(&self.products).zip(scale).zip(vector)
            {
                let parts = row.iter().zip(scale).zip(vector);
                // A little on the diagonal: features that are alike share what they explain.
                *value =
                    one * parts.map(|((cell, two), it)| cell * two * it).sum::<f64>() + 1e-6 * own;
            }
            made
        };
        let mut found = [0.0; N];
        let mut left = [0.0; N];
        for ((left, target), scale) in left.iter_mut().zip(self.targets).zip(scale) {
            *left = target * scale;
        }
        let mut direction = left;
        let mut power = dot(&left, &left);
        let enough = power * 1e-20;
        for _ in 0..3 * N {
            let moved = times(&direction);
            let along = dot(&direction, &moved);
            if power <= enough || along <= 0.0 {
                break;
            }
            let step = power / along;
            found.iter_mut().zip(direction).for_each(|(it, by)| *it += step * by);
            left.iter_mut().zip(moved).for_each(|(it, by)| *it -= step * by);
            let next = dot(&left, &left);
            let turn = next / power;
            direction.iter_mut().zip(left).for_each(|(it, left)| *it = left + turn * *it);
            power = next;
        }
        found.iter_mut().zip(scale).for_each(|(it, scale)| *it *= scale);
        found
    }
}

fn dot<const N: usize>(one: &[f64; N], two: &[f64; N]) -> f64 {
    one.iter().zip(two).map(|(one, two)| one * two).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_mixed_is_found() {
        let mut squares = Squares::new();
        for at in 0..50_i32 {
            let at = f64::from(at);
            let features = [1.0, 1000.0 + at, (at * at) % 7.0, 0.0];
            squares.add(features, 3.0 - 0.5 * features[1] + 2.0 * features[2]);
        }
        let [one, slope, third, nothing] = squares.solve();
        let near = |a: f64, b: f64| (a - b).abs() < 0.02;
        assert!(near(slope, -0.5) && near(third, 2.0), "{slope} {third}");
        assert!((one + slope * 1025.0 - (3.0 - 512.5)).abs() < 0.1, "{one}");
        assert_eq!(nothing.to_bits(), 0.0_f64.to_bits());
    }
}
