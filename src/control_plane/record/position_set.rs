//! Positions of a file: a set of runs, kept apart and in order.

use serde::{Deserialize, Serialize};

use crate::claim::PositionRun;

/// A set of positions. No two of its runs overlap or touch, and they ascend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct PositionSet(Vec<PositionRun>);

impl PositionSet {
    /// The positions of these runs, which may be in any order.
    pub fn of(runs: impl IntoIterator<Item = PositionRun>) -> Self {
        let mut set = Self::default();
        for run in runs {
            set.insert(run);
        }
        set
    }

    /// The same with these positions. A run that ends before it begins is none.
    pub fn insert(&mut self, run: PositionRun) {
        if run.first > run.last {
            return;
        }
        let mut merged = run;
        let mut runs = Vec::with_capacity(self.0.len() + 1);
        let mut rest = Vec::new();
        for &known in &self.0 {
            if known.last < merged.first.saturating_sub(1) {
                runs.push(known);
            } else if known.first > merged.last.saturating_add(1) {
                rest.push(known);
            } else {
                merged.first = merged.first.min(known.first);
                merged.last = merged.last.max(known.last);
            }
        }
        runs.push(merged);
        runs.append(&mut rest);
        self.0 = runs;
    }

    /// The same with all of another's.
    pub fn insert_all(&mut self, other: &Self) {
        for &run in &other.0 {
            self.insert(run);
        }
    }

    /// Is that position in it?
    pub fn has(&self, position: u64) -> bool {
        let before = self.0.partition_point(|run| run.last < position);
        self.0.get(before).is_some_and(|run| run.first <= position)
    }

    /// How many positions are in both.
    pub fn overlap(&self, other: &Self) -> u64 {
        let mut both = 0_u64;
        let mut mine = self.0.iter().peekable();
        let mut theirs = other.0.iter().peekable();
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            let run = PositionRun { first: a.first.max(b.first), last: a.last.min(b.last) };
            if run.first <= run.last {
                both = both.saturating_add(run.length());
            }
            if a.last < b.last {
                mine.next();
            } else {
                theirs.next();
            }
        }
        both
    }

    /// Its positions up to so many, from the first on.
    #[must_use]
    pub fn beginning(&self, mut positions: u64) -> Self {
        let mut runs = Vec::new();
        for &run in &self.0 {
            let Some(most) = positions.checked_sub(1) else { break };
            let last = run.last.min(run.first.saturating_add(most));
            runs.push(PositionRun { first: run.first, last });
            positions = positions.saturating_sub(run.length());
        }
        Self(runs)
    }

    /// Its runs.
    pub fn runs(&self) -> &[PositionRun] {
        &self.0
    }

    /// Is nothing in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Vec<(u64, u64)>> for PositionSet {
    fn from(runs: Vec<(u64, u64)>) -> Self {
        Self::of(runs.into_iter().map(|(first, last)| PositionRun { first, last }))
    }
}

impl From<PositionSet> for Vec<(u64, u64)> {
    fn from(set: PositionSet) -> Self {
        set.0.into_iter().map(|run| (run.first, run.last)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn runs() -> impl Strategy<Value = Vec<PositionRun>> {
        let run = (0_u64..60, 0_u64..60).prop_map(|(first, last)| PositionRun { first, last });
        prop::collection::vec(run, 0..12)
    }

    /// The same as a set of numbers.
    fn numbers(runs: &[PositionRun]) -> BTreeSet<u64> {
        runs.iter().flat_map(|run| run.first..=run.last).collect()
    }

    proptest! {
        #[test]
        fn it_is_the_set_of_its_positions(ours in runs(), theirs in runs(), most in 0_u64..80) {
            let (mut a, b) = (PositionSet::of(ours.clone()), PositionSet::of(theirs.clone()));
            let (x, y) = (numbers(&ours), numbers(&theirs));
            prop_assert_eq!(numbers(a.runs()), x.clone());
            prop_assert_eq!(a.overlap(&b), x.intersection(&y).count() as u64);
            for position in 0..62 {
                prop_assert_eq!(a.has(position), x.contains(&position), "{}", position);
            }
            let first: BTreeSet<u64> =
                x.iter().copied().take(usize::try_from(most).unwrap()).collect();
            prop_assert_eq!(numbers(a.beginning(most).runs()), first);
            let json = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(&serde_json::from_str::<PositionSet>(&json).unwrap(), &a);
            a.insert_all(&b);
            prop_assert_eq!(numbers(a.runs()), x.union(&y).copied().collect::<BTreeSet<_>>());
            // One form for one set.
            for pair in a.runs().windows(2) {
                prop_assert!(pair[0].last + 1 < pair[1].first, "{:?}", a);
            }
        }
    }

    #[test]
    fn the_ends_of_the_numbers_are_positions_too() {
        let end = PositionRun { first: u64::MAX - 1, last: u64::MAX };
        let set = PositionSet::of([end, PositionRun { first: 0, last: 0 }]);
        assert_eq!(set.runs().len(), 2);
        assert_eq!(set.overlap(&PositionSet::of([PositionRun { first: 5, last: u64::MAX }])), 2);
        let all = PositionSet::of([PositionRun { first: 0, last: u64::MAX }]);
        assert_eq!(all.overlap(&all), u64::MAX);
    }
}
