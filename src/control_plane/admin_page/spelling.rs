//! How instants and sizes are written for people.

use std::fmt;

use crate::clock::UnixSeconds;

/// An instant, to be shown: in UTC, as every log here has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Instant(pub(super) UnixSeconds);

impl Instant {
    /// As RFC 3339 has it, for programs.
    pub(super) fn machine(self) -> String {
        self.timestamp().to_string()
    }

    fn timestamp(self) -> jiff::Timestamp {
        let seconds = i64::try_from(self.0.get()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().strftime("%Y-%m-%d %H:%M UTC").fmt(f)
    }
}

/// A size in bytes, to be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut tenths = u128::from(self.0) * 10 / 1024;
        let mut units = UNITS.iter();
        let mut unit = units.next().copied().unwrap_or_default();
        for larger in units {
            if tenths < 10_240 {
                break;
            }
            tenths /= 1024;
            unit = larger;
        }
        write!(f, "{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_instants_are_short() {
        for (bytes, expected) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1_572_864, "1.5 MiB"),
            (1 << 40, "1.0 TiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), expected);
        }
        let instant = Instant(UnixSeconds::new(1_893_456_000));
        assert_eq!(instant.to_string(), "2030-01-01 00:00 UTC");
        assert_eq!(instant.machine(), "2030-01-01T00:00:00Z");
        assert!(Instant(UnixSeconds::new(u64::MAX)).to_string().starts_with("9999-"));
    }
}
