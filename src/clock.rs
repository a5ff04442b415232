//! Wall-clock time, as a value that is passed in.
//!
//! Everything below the composition root takes `now: UnixSeconds`; this file holds the one call
//! that reads the machine's clock, so that tests and replays can fix it. Timers use `tokio::time`,
//! which is monotonic, and are not this file's business.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Whole seconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct UnixSeconds(u64);

impl UnixSeconds {
    /// The instant `seconds` after the epoch.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The later instant, or the last representable one.
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to `self`; zero when `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same instant for the standard library (HTTP dates); none past what the platform holds.
    pub fn to_system_time(self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_secs(self.0))
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where `now` comes from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Always the same instant (`serve --clock`, tests, replays).
    Fixed(UnixSeconds),
}

impl Clock {
    /// The current instant. A machine clock before 1970 reads as the epoch, at which every token
    /// is either not yet valid or unexpired by its own dates; nothing panics.
    pub fn now(self) -> UnixSeconds {
        match self {
            Self::System => UnixSeconds(self.since_epoch().as_secs()),
            Self::Fixed(now) => now,
        }
    }

    /// The current instant with its fraction, for log time stamps.
    pub fn since_epoch(self) -> Duration {
        match self {
            Self::System => system_time_now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Self::Fixed(now) => Duration::from_secs(now.get()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn system_time_now() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UnixSeconds::new(u64::MAX).plus(1), UnixSeconds::new(u64::MAX));
        assert_eq!(UnixSeconds::new(3).since(UnixSeconds::new(5)), 0);
        assert_eq!(UnixSeconds::new(5).since(UnixSeconds::new(3)), 2);
    }

    #[test]
    fn a_fixed_clock_stands_still() {
        let clock = Clock::Fixed(UnixSeconds::new(1_893_456_000));
        assert_eq!(clock.now(), clock.now());
        assert_eq!(clock.since_epoch().as_secs(), 1_893_456_000);
    }
}
