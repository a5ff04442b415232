//! How long an answer may be used: RFC 9111 section 4.2, RFC 5861. Pure.
//!
//! Time that an answer spends here is counted by the runtime's clock, which does not jump; the
//! time of day is looked at once, to see how old it was when it came.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::UnixSeconds;
use crate::delivery::{Caching, HttpTime, Revalidation, Validators};
use crate::policy::CacheTimes;

/// Longest lifetime that is guessed; seconds.
const LONGEST_GUESS: u64 = 3600;

/// When an answer was fresh, and what may be done with it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Freshness {
    lifetime: u64,
    initial_age: u64,
    asked: Instant,
    stale_while_revalidate: u64,
    stale_if_error: u64,
    revalidation: Revalidation,
}

/// What an answer is good for at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// To be used.
    Fresh,
    /// To be used, and asked about meanwhile.
    StaleWhileRevalidate,
    /// To be asked about, and used if asking fails.
    StaleIfError,
    /// To be asked about.
    Stale,
}

impl Freshness {
    /// Of an answer to a question that was put at `asked`, when the time of day was `now`.
    pub(super) fn new(
        caching: &Caching,
        validators: &Validators,
        times: CacheTimes,
        asked: Instant,
        now: UnixSeconds,
    ) -> Self {
        let stated_at = validators.stated_at.map_or(now, HttpTime::to_unix);
        let forbidden = caching.revalidation != Revalidation::Unstated;
        let unless_forbidden = |seconds: u64| if forbidden { 0 } else { seconds };
        Self {
            lifetime: match caching.revalidation {
                Revalidation::Always => 0,
                Revalidation::OnceStale | Revalidation::Unstated => {
                    caching.lifetime.unwrap_or_else(|| guess(validators, times, stated_at))
                }
            },
            // Section 4.2.3; counting from the question includes the time that the answer took.
            initial_age: now.since(stated_at).max(caching.age),
            asked,
            stale_while_revalidate: unless_forbidden(caching.stale_while_revalidate.unwrap_or(0)),
            stale_if_error: unless_forbidden(
                caching.stale_if_error.unwrap_or(times.stale_if_error),
            ),
            revalidation: caching.revalidation,
        }
    }

    /// Seconds since the origin made the answer.
    pub(super) fn age(&self, at: Instant) -> u64 {
        self.initial_age.saturating_add(at.duration_since(self.asked).as_secs())
    }

    /// Seconds of freshness that are left; negative once it is stale.
    pub(super) fn left(&self, at: Instant) -> i64 {
        let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        signed(self.lifetime).saturating_sub(signed(self.age(at)))
    }

    /// What the answer is good for.
    pub(super) fn state(&self, at: Instant) -> State {
        let left = self.left(at);
        let within = |seconds: u64| left.unsigned_abs() < seconds;
        if left > 0 && self.revalidation != Revalidation::Always {
            State::Fresh
        } else if within(self.stale_while_revalidate) {
            State::StaleWhileRevalidate
        } else if within(self.stale_if_error) {
            State::StaleIfError
        } else {
            State::Stale
        }
    }

    /// Is it ever of use without being asked about?
    pub(super) fn is_ever_fresh(&self) -> bool {
        self.lifetime > self.initial_age
    }
}

/// Section 4.2.2: a tenth of the time for which it had not changed, unless the operator says what
/// stands where nothing is said.
fn guess(validators: &Validators, times: CacheTimes, stated_at: UnixSeconds) -> u64 {
    if times.default_ttl > 0 {
        return times.default_ttl;
    }
    let modified = validators.last_modified.map(HttpTime::to_unix);
    modified.map_or(0, |modified| (stated_at.since(modified) / 10).min(LONGEST_GUESS))
}

/// For how long nothing is found at a key whose origin said so; zero: ask again each time.
pub(super) fn of_absence(caching: &Caching, times: CacheTimes) -> Duration {
    let stated = caching.lifetime.map(|lifetime| lifetime.saturating_sub(caching.age));
    let seconds = match caching.revalidation {
        Revalidation::Always => 0,
        Revalidation::OnceStale | Revalidation::Unstated => stated.unwrap_or(u64::MAX),
    };
    Duration::from_secs(seconds.min(times.negative_ttl))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_000_000);
    const TIMES: CacheTimes = CacheTimes { default_ttl: 0, negative_ttl: 3, stale_if_error: 0 };

    fn stated(lifetime: u64) -> Caching {
        Caching { lifetime: Some(lifetime), ..Caching::UNSTATED }
    }

    fn validators(stated_before: u64, modified_before: u64) -> Validators {
        let before = |seconds| HttpTime::new(UnixSeconds::new(NOW.get() - seconds));
        Validators {
            etag: None,
            last_modified: before(modified_before),
            stated_at: before(stated_before),
        }
    }

    fn state_after(freshness: &Freshness, seconds: u64) -> State {
        freshness.state(freshness.asked + Duration::from_secs(seconds))
    }

    fn freshness(caching: &Caching, validators: &Validators, times: CacheTimes) -> Freshness {
        Freshness::new(caching, validators, times, Instant::now(), NOW)
    }

    #[tokio::test]
    async fn a_lifetime_is_counted_from_when_the_origin_made_the_answer() {
        let plain = freshness(&stated(60), &Validators::default(), TIMES);
        assert_eq!(state_after(&plain, 59), State::Fresh);
        assert_eq!(state_after(&plain, 60), State::Stale);
        let dated = freshness(&stated(60), &validators(50, 50), TIMES);
        assert_eq!(state_after(&dated, 9), State::Fresh);
        assert_eq!(state_after(&dated, 10), State::Stale);
        assert_eq!(dated.age(dated.asked), 50);
        let aged = Caching { age: 55, ..stated(60) };
        assert_eq!(state_after(&freshness(&aged, &validators(50, 50), TIMES), 5), State::Stale);
        let old = Caching { age: u64::MAX, ..stated(u64::MAX) };
        assert_eq!(state_after(&freshness(&old, &Validators::default(), TIMES), 0), State::Stale);
    }

    #[tokio::test]
    async fn where_nothing_is_said_a_tenth_of_its_age_is_guessed() {
        let unstated = Caching::UNSTATED;
        let guessed = |modified, times| {
            freshness(&unstated, &validators(0, modified), times).left(Instant::now())
        };
        assert_eq!(guessed(1000, TIMES), 100);
        assert_eq!(guessed(500_000, TIMES), 3600);
        assert_eq!(guessed(5, TIMES), 0);
        assert_eq!(guessed(1000, CacheTimes { default_ttl: 7, ..TIMES }), 7);
        assert!(!freshness(&unstated, &Validators::default(), TIMES).is_ever_fresh());
        // Said to be none, nothing is guessed.
        assert!(!freshness(&stated(0), &validators(0, 1000), TIMES).is_ever_fresh());
    }

    #[tokio::test]
    async fn what_is_stale_may_be_used_as_far_as_it_is_said() {
        let caching =
            Caching { stale_while_revalidate: Some(10), stale_if_error: Some(20), ..stated(60) };
        let lenient = freshness(&caching, &Validators::default(), TIMES);
        for (after, expected) in [
            (59, State::Fresh),
            (60, State::StaleWhileRevalidate),
            (69, State::StaleWhileRevalidate),
            (70, State::StaleIfError),
            (79, State::StaleIfError),
            (80, State::Stale),
        ] {
            assert_eq!(state_after(&lenient, after), expected, "{after}");
        }
        for revalidation in [Revalidation::OnceStale, Revalidation::Always] {
            let strict = Caching { revalidation, ..caching.clone() };
            let times = CacheTimes { stale_if_error: 100, ..TIMES };
            let strict = freshness(&strict, &Validators::default(), times);
            assert_eq!(state_after(&strict, 60), State::Stale);
        }
        let times = CacheTimes { stale_if_error: 5, ..TIMES };
        let default = freshness(&stated(60), &Validators::default(), times);
        assert_eq!(state_after(&default, 64), State::StaleIfError);
        assert_eq!(state_after(&default, 65), State::Stale);
    }

    #[tokio::test]
    async fn what_is_asked_about_each_time_is_never_fresh() {
        let caching = Caching { revalidation: Revalidation::Always, ..stated(60) };
        let freshness = freshness(&caching, &Validators::default(), TIMES);
        assert_eq!(state_after(&freshness, 0), State::Stale);
    }

    #[test]
    fn absence_is_believed_for_a_few_seconds_at_most() {
        let seconds = |caching| of_absence(&caching, TIMES).as_secs();
        assert_eq!(seconds(Caching::UNSTATED), 3);
        assert_eq!(seconds(stated(1)), 1);
        assert_eq!(seconds(stated(3600)), 3);
        assert_eq!(seconds(Caching { age: 3600, ..stated(3600) }), 0);
        assert_eq!(seconds(Caching { revalidation: Revalidation::Always, ..stated(9) }), 0);
    }
}
