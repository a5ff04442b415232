//! Durations and sizes as text: `"1h30m"`, `"500ms"`, `"64MiB"`.
//!
//! One spelling each, and it prints back: whole numbers, the unit always said, larger units first.
//! A decimal fraction, a space, or a decimal unit (`MB`, which some read as 1,000,000 and some as
//! 1,048,576) is refused rather than guessed.

use std::fmt;
use std::time::Duration;

/// Milliseconds of each unit, largest first.
const DURATION_UNITS: &[(&str, u64)] =
    &[("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Bytes of each unit, largest first.
const SIZE_UNITS: &[(&str, u64)] =
    &[("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationRejection {
    /// Not number and unit, or several of them.
    #[error("not a duration")]
    Malformed,
    /// A number alone.
    #[error("a duration needs a unit")]
    NoUnit,
    /// `"30m1h"`, `"1s1s"`.
    #[error("the units of a duration go from large to small, each once")]
    Order,
    /// More milliseconds than 64 bits hold.
    #[error("the duration is too long")]
    TooLong,
    /// A unit that is none of ours.
    #[error("unknown unit of time")]
    UnknownUnit,
}

/// Reads `"30s"`, `"1h30m"`, `"0s"`: number and unit (`d` `h` `m` `s` `ms`), once or more.
pub fn parse_duration(text: &str) -> Result<Duration, DurationRejection> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut units = DURATION_UNITS;
    while !rest.is_empty() || text.is_empty() {
        let (number, after) = leading_digits(rest).ok_or(DurationRejection::Malformed)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end).ok_or(DurationRejection::Malformed)?;
        if unit.is_empty() {
            return Err(DurationRejection::NoUnit);
        }
        let known = |units: &[(&str, u64)]| units.iter().position(|(name, _)| *name == unit);
        let Some(index) = known(units) else {
            return Err(match known(DURATION_UNITS) {
                Some(_) => DurationRejection::Order,
                None if unit.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                    DurationRejection::UnknownUnit
                }
                None => DurationRejection::Malformed,
            });
        };
        let (_, millis) = units.get(index).ok_or(DurationRejection::Malformed)?;
        units = units.get(index + 1..).unwrap_or_default();
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*millis))
            .and_then(|part| total.checked_add(part))
            .ok_or(DurationRejection::TooLong)?;
        rest = next;
    }
    Ok(Duration::from_millis(total))
}

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeRejection {
    /// `"64MB"`, `"64k"`: not said whether 1,000 or 1,024 is meant.
    #[error("the unit does not say whether 1000 or 1024 is meant")]
    Ambiguous,
    /// Not a number and perhaps a unit.
    #[error("not a size")]
    Malformed,
    /// More bytes than 64 bits hold.
    #[error("the size is too large")]
    TooLarge,
}

/// Reads `"64MiB"`, `"512B"` or a bare number of bytes.
pub fn parse_size(text: &str) -> Result<u64, SizeRejection> {
    let (number, unit) = leading_digits(text).ok_or(SizeRejection::Malformed)?;
    let bytes = match SIZE_UNITS.iter().find(|(name, _)| *name == unit) {
        Some((_, bytes)) => *bytes,
        None if unit.is_empty() => 1,
        None => {
            let prefix = unit.trim_end_matches(['b', 'B']).trim_end_matches('i');
            let decimal = ["k", "m", "g", "t"].contains(&prefix.to_ascii_lowercase().as_str());
            return Err(if decimal { SizeRejection::Ambiguous } else { SizeRejection::Malformed });
        }
    };
    let number = number.parse::<u64>().map_err(|_| SizeRejection::TooLarge)?;
    number.checked_mul(bytes).ok_or(SizeRejection::TooLarge)
}

/// A duration in the spelling that [`parse_duration`] reads; what is below a millisecond is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DurationText(pub Duration);

impl fmt::Display for DurationText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, millis) in DURATION_UNITS {
            if rest >= *millis {
                write!(f, "{}{name}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// A number of bytes in the spelling that [`parse_size`] reads: the largest unit without a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeText(pub u64);

impl fmt::Display for SizeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |(_, bytes): &&(&str, u64)| self.0 >= *bytes && self.0.is_multiple_of(*bytes);
        match SIZE_UNITS.iter().find(whole) {
            Some((name, bytes)) => write!(f, "{}{name}", self.0 / bytes),
            None => f.write_str("0B"),
        }
    }
}

/// The digits a text begins with, and the rest; none without digits.
fn leading_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("30s", 30_000),
            ("120m", 7_200_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1s500ms", 1_500),
            ("0s", 0),
            ("7d", 604_800_000),
            ("1d1h1m1s1ms", 90_061_001),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for (text, reason) in [
            ("", DurationRejection::Malformed),
            ("s", DurationRejection::Malformed),
            ("30", DurationRejection::NoUnit),
            ("1h30", DurationRejection::NoUnit),
            ("30 s", DurationRejection::Malformed),
            (" 30s", DurationRejection::Malformed),
            ("30s ", DurationRejection::Malformed),
            ("-1s", DurationRejection::Malformed),
            ("1.5s", DurationRejection::Malformed),
            ("30sec", DurationRejection::UnknownUnit),
            ("30S", DurationRejection::UnknownUnit),
            ("1w", DurationRejection::UnknownUnit),
            ("30m1h", DurationRejection::Order),
            ("1s1s", DurationRejection::Order),
            ("١s", DurationRejection::Malformed),
            ("213503982335d", DurationRejection::TooLong),
            ("99999999999999999999s", DurationRejection::TooLong),
            ("18446744073709551616ms", DurationRejection::TooLong),
        ] {
            assert_eq!(parse_duration(text), Err(reason), "{text}");
        }
        assert!(parse_duration("18446744073709551615ms").is_ok());
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("8192", 8192),
            ("512B", 512),
            ("1KiB", 1024),
            ("64MiB", 64 << 20),
            ("100GiB", 100 << 30),
            ("2TiB", 2 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for (text, reason) in [
            ("", SizeRejection::Malformed),
            ("MiB", SizeRejection::Malformed),
            ("1 MiB", SizeRejection::Malformed),
            ("1.5MiB", SizeRejection::Malformed),
            ("-1", SizeRejection::Malformed),
            ("1PiB", SizeRejection::Malformed),
            ("64MB", SizeRejection::Ambiguous),
            ("64k", SizeRejection::Ambiguous),
            ("1mib", SizeRejection::Ambiguous),
            ("16777216TiB", SizeRejection::TooLarge),
            ("99999999999999999999", SizeRejection::TooLarge),
        ] {
            assert_eq!(parse_size(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn printed_in_the_shortest_spelling() {
        assert_eq!(DurationText(Duration::from_hours(2)).to_string(), "2h");
        assert_eq!(DurationText(Duration::from_millis(1_500)).to_string(), "1s500ms");
        assert_eq!(DurationText(Duration::ZERO).to_string(), "0s");
        assert_eq!(SizeText(32 * 1024).to_string(), "32KiB");
        assert_eq!(SizeText(1025).to_string(), "1025B");
        assert_eq!(SizeText(0).to_string(), "0B");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            let duration = Duration::from_millis(value);
            prop_assert_eq!(parse_duration(&DurationText(duration).to_string()), Ok(duration));
            prop_assert_eq!(parse_size(&SizeText(value).to_string()), Ok(value));
        }

        #[test]
        fn no_text_panics(text in "[0-9a-zA-Z .+-]{0,24}") {
            if let Ok(duration) = parse_duration(&text) {
                prop_assert_eq!(parse_duration(&DurationText(duration).to_string()), Ok(duration));
            }
            if let Ok(size) = parse_size(&text) {
                prop_assert_eq!(parse_size(&SizeText(size).to_string()), Ok(size));
            }
        }
    }
}
