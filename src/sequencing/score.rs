//! How well a pattern fits, and how likely it would be by chance.

use super::code::CodeKind;

/// How the positions that were compared divide: by the bias of the position, and by what was seen.
///
/// Four counts: of the lower bias where a 1 was seen, and a 0; of the higher bias likewise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Classes {
    totals: [u32; 4],
    weights: [Weights; 4],
}

/// What a position adds to the score (Škorić, Katzenbeisser and Celik, 2008): for somebody who has
/// nothing to do with it, 0 on average, with variance 1, whatever was seen.
#[derive(Clone, Copy, Debug)]
struct Weights {
    /// How likely a pattern has a 1 there.
    one: f64,
    /// What a 1 of the pattern adds.
    if_one: f64,
    /// What a 0 adds.
    if_zero: f64,
}

/// How a pattern fits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) agree: u32,
    pub(super) compared: u32,
    pub(super) score: f64,
}

impl Classes {
    pub(super) fn new(kind: CodeKind, totals: [u32; 4]) -> Self {
        let (low, high) = match kind {
            CodeKind::TwoCopies => (0.5, 0.5),
            CodeKind::FourCopies => (54.0 / 256.0, 202.0 / 256.0),
        };
        let of = Weights::new;
        Self { totals, weights: [of(low, true), of(low, false), of(high, true), of(high, false)] }
    }

    /// How a pattern fits that has so many 1s in each class.
    pub(super) fn tally(&self, ones: [u32; 4]) -> Tally {
        let mut tally = Tally { agree: 0, compared: 0, score: 0.0 };
        for ((total, ones), weights) in self.totals.into_iter().zip(ones).zip(&self.weights) {
            let zeros = total.saturating_sub(ones);
            let seen_one = weights.if_one > 0.0;
            tally.agree = tally.agree.saturating_add(if seen_one { ones } else { zeros });
            tally.compared = tally.compared.saturating_add(total);
            tally.score += f64::from(ones) * weights.if_one + f64::from(zeros) * weights.if_zero;
        }
        tally
    }
}

impl Weights {
    fn new(one: f64, seen: bool) -> Self {
        let agreeing = ((1.0 - one) / one).sqrt();
        let sign = if seen { 1.0 } else { -1.0 };
        Self { one, if_one: sign * agreeing, if_zero: -sign / agreeing }
    }

    /// The logarithm of what `exp(slope * addition)` is on average.
    fn log_moment(&self, slope: f64) -> f64 {
        let (one, zero) = (slope * self.if_one, slope * self.if_zero);
        let greatest = one.max(zero);
        let rest = self.one * (one - greatest).exp() + (1.0 - self.one) * (zero - greatest).exp();
        greatest + rest.ln()
    }
}

impl Tally {
    /// By how many standard deviations it fits better than a stranger's.
    pub(super) fn z(&self) -> f64 {
        self.score / f64::from(self.compared.max(1)).sqrt()
    }
}

/// The logarithm of a bound of how likely a stranger's pattern has at least that score: Chernoff's,
/// which holds for any number of segments, where the normal curve does not.
pub(super) fn log_chance(classes: &Classes, score: f64) -> f64 {
    let bound = |slope: f64| {
        let each = classes.totals.into_iter().zip(&classes.weights);
        let all: f64 = each.map(|(total, of)| f64::from(total) * of.log_moment(slope)).sum();
        all - slope * score
    };
    // Every slope gives a bound; the least is sought, in a function that goes down and then up.
    let (mut low, mut high) = (0.0_f64, 20.0_f64);
    for _ in 0..60 {
        let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if bound(left) < bound(right) { high = right } else { low = left }
    }
    bound(low.midpoint(high)).min(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_score_is_nothing_on_average_with_variance_one() {
        for weights in Classes::new(CodeKind::FourCopies, [0; 4]).weights {
            let mean = weights.one * weights.if_one + (1.0 - weights.one) * weights.if_zero;
            let square = |of: f64| of * of;
            let variance = weights.one * square(weights.if_one)
                + (1.0 - weights.one) * square(weights.if_zero);
            assert!(mean.abs() < 1e-12 && (variance - 1.0).abs() < 1e-12, "{weights:?}");
        }
    }

    /// The tail of tosses of a coin, added up exactly.
    fn tail(tosses: u32, at_least: u32) -> f64 {
        let mut ways = 1.0;
        let mut all = 0.0;
        for heads in 0..=tosses {
            if heads >= at_least {
                all += ways;
            }
            ways = ways * f64::from(tosses - heads) / f64::from(heads + 1);
        }
        all / 2_f64.powi(i32::try_from(tosses).unwrap())
    }

    #[test]
    fn the_chance_is_never_less_than_it_is_and_not_much_more() {
        for tosses in [20, 64, 200, 600] {
            for agree in (tosses / 2 + 1)..=tosses {
                let classes = Classes::new(CodeKind::TwoCopies, [tosses, 0, 0, 0]);
                let tally = classes.tally([agree, 0, 0, 0]);
                assert_eq!((tally.agree, tally.compared), (agree, tosses));
                let (bound, exact) = (log_chance(&classes, tally.score), tail(tosses, agree).ln());
                assert!(bound >= exact - 1e-6, "{agree} of {tosses}: {bound} {exact}");
                assert!(bound <= exact + 4.5, "{agree} of {tosses}: {bound} {exact}");
            }
        }
    }
}
