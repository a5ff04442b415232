//! Byte ranges: as asked for, and as proven against an object's length.
//!
//! Arithmetic is on `u64` and checked; a [`ByteRange`] is never empty and its ends are in bounds
//! of the length it was proven against. Not here: the `Range` header's text, which belongs to
//! whoever speaks HTTP with a client.

use std::fmt;

/// One range as asked for, before the length of the object is known (RFC 9110 section 14.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeSpec {
    /// `first-`: from this byte to the end.
    From(u64),
    /// `first-last`, both included; `first <= last`, or the header is malformed.
    FromTo(u64, u64),
    /// `-length`: that many bytes at the end.
    Last(u64),
}

impl RangeSpec {
    /// The bytes meant in an object of `complete` bytes; none where the range is unsatisfiable.
    pub fn resolve(self, complete: u64) -> Option<ByteRange> {
        let end = complete.checked_sub(1)?;
        match self {
            Self::From(first) => ByteRange::new(first, end),
            Self::FromTo(first, last) => ByteRange::new(first, last.min(end)),
            Self::Last(0) => None,
            Self::Last(length) => ByteRange::new(complete.saturating_sub(length), end),
        }
    }
}

impl fmt::Display for RangeSpec {
    /// The canonical text of the range, as in `Range: bytes=` *text*.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(first) => write!(f, "{first}-"),
            Self::FromTo(first, last) => write!(f, "{first}-{last}"),
            Self::Last(length) => write!(f, "-{length}"),
        }
    }
}

/// A run of at least one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    first: u64,
    last: u64,
}

impl ByteRange {
    /// The bytes `first..=last`; none when that is nothing.
    pub fn new(first: u64, last: u64) -> Option<Self> {
        // `length()` must not overflow: 2^64 bytes have no length in a `u64`.
        (first <= last && last < u64::MAX).then_some(Self { first, last })
    }

    /// All of an object of `complete` bytes; none when it is empty.
    pub fn whole(complete: u64) -> Option<Self> {
        Self::new(0, complete.checked_sub(1)?)
    }

    /// The first byte.
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The last byte, included.
    pub const fn last(self) -> u64 {
        self.last
    }

    /// The byte after the last.
    pub const fn end(self) -> u64 {
        self.last + 1
    }

    /// How many bytes; never zero.
    pub const fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for ByteRange {
    /// As in `Content-Range: bytes ` *text* `/…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Ranges of one object in the order they are sent: ascending, apart from each other by at least
/// one byte where they are parts of an answer, and at least one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans(Vec<ByteRange>);

impl Spans {
    /// The ranges with those that touch or overlap made one; none when they are not in ascending
    /// order of their first bytes, or there are none.
    pub fn coalesce(ranges: impl IntoIterator<Item = ByteRange>) -> Option<Self> {
        let mut spans: Vec<ByteRange> = Vec::new();
        let mut previous_first = 0;
        for range in ranges {
            if range.first < previous_first {
                return None;
            }
            previous_first = range.first;
            match spans.last_mut() {
                Some(span) if range.first <= span.end() => span.last = span.last.max(range.last),
                Some(_) | None => spans.push(range),
            }
        }
        (!spans.is_empty()).then_some(Self(spans))
    }

    /// The ranges as they are, also where they touch; none when they are not in ascending order or
    /// overlap, or there are none. For parts of one body, which are no parts of an answer.
    pub(super) fn side_by_side(ranges: impl IntoIterator<Item = ByteRange>) -> Option<Self> {
        let spans: Vec<ByteRange> = ranges.into_iter().collect();
        let apart = spans.is_sorted_by(|before, after| before.last < after.first);
        (apart && !spans.is_empty()).then_some(Self(spans))
    }

    /// The ranges.
    pub fn as_slice(&self) -> &[ByteRange] {
        &self.0
    }

    /// The bytes of all ranges together.
    pub fn total(&self) -> u64 {
        // Disjoint ranges below 2^64 cannot sum past it.
        self.0.iter().map(|span| span.length()).sum()
    }
}

impl From<ByteRange> for Spans {
    fn from(range: ByteRange) -> Self {
        Self(vec![range])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(first: u64, last: u64) -> ByteRange {
        ByteRange::new(first, last).unwrap()
    }

    #[test]
    fn the_examples_of_rfc_9110_section_14_1_2() {
        let complete = 10_000;
        for (spec, first, last) in [
            (RangeSpec::FromTo(0, 499), 0, 499),
            (RangeSpec::FromTo(500, 999), 500, 999),
            (RangeSpec::Last(500), 9_500, 9_999),
            (RangeSpec::From(9_500), 9_500, 9_999),
            (RangeSpec::FromTo(0, 0), 0, 0),
            (RangeSpec::Last(1), 9_999, 9_999),
            (RangeSpec::Last(u64::MAX), 0, 9_999),
            (RangeSpec::FromTo(9_999, u64::MAX), 9_999, 9_999),
        ] {
            assert_eq!(spec.resolve(complete), Some(range(first, last)), "{spec}");
        }
        for spec in [RangeSpec::From(10_000), RangeSpec::Last(0), RangeSpec::FromTo(10_000, 10_001)]
        {
            assert_eq!(spec.resolve(complete), None, "{spec}");
        }
        assert_eq!(RangeSpec::From(0).resolve(0), None);
    }

    #[test]
    fn spans_merge_what_touches_and_refuse_what_descends() {
        let merged = Spans::coalesce([range(0, 4), range(5, 9), range(7, 8), range(20, 21)]);
        assert_eq!(merged.as_ref().unwrap().as_slice(), [range(0, 9), range(20, 21)]);
        assert_eq!(merged.unwrap().total(), 12);
        assert_eq!(Spans::coalesce([range(5, 9), range(0, 1)]), None);
        assert_eq!(Spans::coalesce([range(0, 100), range(50, 60), range(40, 60)]), None);
        assert_eq!(Spans::coalesce([]), None);
    }

    fn any_spec() -> impl Strategy<Value = RangeSpec> {
        let number = prop_oneof![0_u64..40, any::<u64>()];
        prop_oneof![
            number.clone().prop_map(RangeSpec::From),
            number.clone().prop_map(RangeSpec::Last),
            (number.clone(), number)
                .prop_map(|(one, other)| RangeSpec::FromTo(one.min(other), one.max(other))),
        ]
    }

    proptest! {
        #[test]
        fn resolved_ranges_are_in_bounds(spec in any_spec(), complete in any::<u64>()) {
            if let Some(range) = spec.resolve(complete) {
                prop_assert!(range.first() <= range.last());
                prop_assert!(range.end() <= complete);
                prop_assert!(range.length() >= 1);
            }
        }

        /// Against a plain set of byte numbers.
        #[test]
        fn spans_hold_exactly_the_bytes_asked_for(
            specs in prop::collection::vec(any_spec(), 1..8),
            complete in 0_u64..40,
        ) {
            let ranges: Vec<_> = specs.iter().filter_map(|spec| spec.resolve(complete)).collect();
            let wanted: Vec<u64> = (0..complete)
                .filter(|byte| ranges.iter().any(|range| (range.first..=range.last).contains(byte)))
                .collect();
            let ascending = ranges.is_sorted_by_key(|range| range.first);
            match Spans::coalesce(ranges.iter().copied()) {
                Some(spans) => {
                    let got: Vec<u64> =
                        spans.as_slice().iter().flat_map(|span| span.first..=span.last).collect();
                    prop_assert_eq!(&got, &wanted);
                    prop_assert_eq!(spans.total(), wanted.len() as u64);
                    for pair in spans.as_slice().windows(2) {
                        prop_assert!(pair[0].end() < pair[1].first());
                    }
                }
                None => prop_assert!(ranges.is_empty() || !ascending),
            }
        }
    }
}
