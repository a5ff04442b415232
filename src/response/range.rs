//! The `Range` header (RFC 9110 section 14.2).
//!
//! Ranges are a convenience to the client and a burden to us, and a client that wants too much of
//! it gets the whole file, as the RFC allows: other units, malformed text, more than
//! [`MAX_RANGES`] ranges, or ranges that are not in ascending order. Ranges that overlap or touch
//! become one.

use http::{HeaderMap, header};

use crate::delivery::{RangeSpec, Spans};

/// Ranges answered at most in one answer.
pub(super) const MAX_RANGES: usize = 8;

/// What to send of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Selection {
    Spans(Spans),
    Unsatisfiable,
    Whole,
}

/// The ranges a request asks for; none where it asks for none, or its `Range` is to be ignored.
pub(super) fn requested(headers: &HeaderMap) -> Vec<RangeSpec> {
    let mut fields = headers.get_all(header::RANGE).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => field.to_str().ok().and_then(parse).unwrap_or_default(),
        (None, _) | (Some(_), Some(_)) => Vec::new(),
    }
}

/// What `specs` mean in an object of `complete` bytes.
pub(super) fn select(specs: &[RangeSpec], complete: u64) -> Selection {
    if specs.is_empty() {
        return Selection::Whole;
    }
    let ranges: Vec<_> = specs.iter().filter_map(|spec| spec.resolve(complete)).collect();
    if ranges.is_empty() {
        // Section 14.1.2: `-n` with n > 0 is satisfiable, also by an object without bytes, of
        // which there is then no part to speak of.
        let suffix = |spec: &RangeSpec| matches!(spec, RangeSpec::Last(1..));
        return if specs.iter().any(suffix) { Selection::Whole } else { Selection::Unsatisfiable };
    }
    Spans::coalesce(ranges).map_or(Selection::Whole, Selection::Spans)
}

fn parse(value: &str) -> Option<Vec<RangeSpec>> {
    let (unit, set) = value.split_once('=')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let mut specs = Vec::new();
    for element in set.split(',').map(|element| element.trim_matches([' ', '\t'])) {
        // Section 5.6.1.2: empty list elements are passed over.
        if element.is_empty() {
            continue;
        }
        if specs.len() == MAX_RANGES {
            return None;
        }
        specs.push(parse_spec(element)?);
    }
    (!specs.is_empty()).then_some(specs)
}

fn parse_spec(text: &str) -> Option<RangeSpec> {
    match text.split_once('-')? {
        ("", length) => position(length).map(RangeSpec::Last),
        (first, "") => position(first).map(RangeSpec::From),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then_some(RangeSpec::FromTo(first, last))
        }
    }
}

/// Digits only. What no `u64` holds lies past the end of every object, as `u64::MAX` does.
fn position(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::delivery::ByteRange;

    fn headers(fields: &[&str]) -> HeaderMap {
        fields
            .iter()
            .map(|field| (header::RANGE, HeaderValue::from_bytes(field.as_bytes()).unwrap()))
            .collect()
    }

    fn ask(fields: &[&str], complete: u64) -> Selection {
        select(&requested(&headers(fields)), complete)
    }

    fn spans(ranges: &[(u64, u64)]) -> Selection {
        let ranges = ranges.iter().map(|&(first, last)| ByteRange::new(first, last).unwrap());
        Selection::Spans(Spans::coalesce(ranges).unwrap())
    }

    #[test]
    fn the_examples_of_rfc_9110_section_14_1_2() {
        for (text, expected) in [
            ("bytes=0-499", spans(&[(0, 499)])),
            ("bytes=500-999", spans(&[(500, 999)])),
            ("bytes=-500", spans(&[(9_500, 9_999)])),
            ("bytes=9500-", spans(&[(9_500, 9_999)])),
            ("bytes=0-0,-1", spans(&[(0, 0), (9_999, 9_999)])),
            ("bytes= 0-999, 4500-5499, -1000", spans(&[(0, 999), (4_500, 5_499), (9_000, 9_999)])),
            ("bytes=500-600,601-999", spans(&[(500, 999)])),
            ("bytes=500-700,601-999", spans(&[(500, 999)])),
            ("BYTES=1-1", spans(&[(1, 1)])),
            ("bytes=,1-1,,3-3,", spans(&[(1, 1), (3, 3)])),
            ("bytes=0-10000", spans(&[(0, 9_999)])),
            ("bytes=0-99999999999999999999999", spans(&[(0, 9_999)])),
            ("bytes=-99999999999999999999999", spans(&[(0, 9_999)])),
            ("bytes=10000-,-1", spans(&[(9_999, 9_999)])),
        ] {
            assert_eq!(ask(&[text], 10_000), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_satisfied() {
        for (text, complete) in [
            ("bytes=10-", 10),
            ("bytes=10-11, 12-13", 10),
            ("bytes=-0", 10),
            ("bytes=99999999999999999999999-", 10),
            ("bytes=0-", 0),
            ("bytes=0-0,-0", 0),
        ] {
            assert_eq!(ask(&[text], complete), Selection::Unsatisfiable, "{text}");
        }
    }

    #[test]
    fn what_is_ignored() {
        for fields in [
            &["bytes"] as &[&str],
            &["bytes="],
            &["bytes=,"],
            &["bytes=-"],
            &["bytes=1"],
            &["bytes=2-1"],
            &["bytes=1-2-3"],
            &["bytes=+1-2"],
            &["bytes=1-2;q=1"],
            &["bytes=0x1-2"],
            &["bytes=1 -2"],
            &["bytes =1-2"],
            &["bytes=1-2,x"],
            &["bytes=1-2 3-4"],
            &["items=0-1"],
            &["bytes=5-6,0-1"],
            &["bytes=0-9,4-5,2-3"],
            &["bytes=-1,0-0"],
            &["bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16"],
            &["bytes=0-0", "bytes=0-0"],
            &["bytes=\u{e9}"],
            &[],
        ] {
            assert_eq!(ask(fields, 100), Selection::Whole, "{fields:?}");
        }
        assert_eq!(ask(&["bytes=-5"], 0), Selection::Whole);
    }

    /// Another reading of the same text, byte by byte, on small numbers.
    fn oracle(parts: &[(Option<u64>, Option<u64>)], complete: u64) -> Vec<u64> {
        let wants = |byte: u64, part: &(Option<u64>, Option<u64>)| match *part {
            (Some(first), Some(last)) => first <= byte && byte <= last,
            (Some(first), None) => first <= byte,
            (None, Some(length)) => complete - byte <= length,
            (None, None) => false,
        };
        (0..complete).filter(|&byte| parts.iter().any(|part| wants(byte, part))).collect()
    }

    proptest! {
        #[test]
        fn any_text_selects_something_in_bounds(text in "\\PC{0,60}", complete in any::<u64>()) {
            let Ok(field) = HeaderValue::from_bytes(text.as_bytes()) else { return Ok(()) };
            let headers: HeaderMap = [(header::RANGE, field)].into_iter().collect();
            if let Selection::Spans(spans) = select(&requested(&headers), complete) {
                prop_assert!(spans.as_slice().len() <= MAX_RANGES);
                prop_assert!(spans.as_slice().iter().all(|span| span.end() <= complete));
            }
        }

        #[test]
        fn exactly_the_bytes_meant(
            parts in prop::collection::vec(
                (proptest::option::of(0_u64..30), proptest::option::of(0_u64..30)), 1..10),
            complete in 0_u64..25,
        ) {
            let number = |part: Option<u64>| part.map_or(String::new(), |part| part.to_string());
            let texts: Vec<String> = parts
                .iter()
                .map(|(first, last)| format!("{}-{}", number(*first), number(*last)))
                .collect();
            let malformed = parts.iter().any(|part| match part {
                (Some(first), Some(last)) => first > last,
                (None, None) => true,
                (Some(_), None) | (None, Some(_)) => false,
            });
            let meant = oracle(&parts, complete);
            match ask(&[&format!("bytes={}", texts.join(","))], complete) {
                Selection::Spans(spans) => {
                    let got: Vec<u64> = spans
                        .as_slice()
                        .iter()
                        .flat_map(|span| span.first()..span.end())
                        .collect();
                    prop_assert_eq!(got, meant);
                    prop_assert!(!malformed && parts.len() <= MAX_RANGES);
                }
                Selection::Unsatisfiable => prop_assert!(meant.is_empty() && !malformed),
                Selection::Whole => prop_assert!(
                    malformed
                        || complete == 0
                        || parts.len() > MAX_RANGES
                        || parts.len() > 1
                ),
            }
        }
    }
}
