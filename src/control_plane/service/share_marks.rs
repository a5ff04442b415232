//! What visitors leave behind: sessions, downloads that were begun, archives, lines of a history.
//!
//! Whoever has an address may leave such marks, and an open share's address may be anybody's. So a
//! network (an IPv4 address, an IPv6 /64) leaves so many of one share, and more only as time passes;
//! who comes from elsewhere, or to another share, waits for nothing. It is this process's own count:
//! two control planes take twice as many. What is had of archives that were begun is counted apart:
//! whoever was let begin one is let have it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use ipnet::IpNet;

use super::error::ShareRefusal;
use super::share_access::network;
use crate::control_plane::record::ShareId;
use crate::network::ClientIp;

/// Marks that a network may leave at once; afterwards one a second. An office looks like one visitor.
const AT_ONCE: NonZeroU32 = NonZeroU32::new(600).expect("it is none");

/// Entries of an archive that are kept for what one mark costs.
const ENTRIES_FOR_ONE: usize = 5;

/// Marks that the largest archive costs: whoever opened the share a moment ago has them.
const LARGEST: NonZeroU32 = NonZeroU32::new(AT_ONCE.get() / 2).expect("it is none");

/// After so many marks, those who left none lately are forgotten.
const LOOKED_THROUGH_AFTER: u32 = 1_024;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Left,
    Had,
}

/// A share, and who leaves something.
type Key = (Box<str>, Option<IpNet>, Kind);

type Limiter<C> =
    RateLimiter<Key, DefaultKeyedStateStore<Key>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// What visitors left lately. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct ShareMarks<C: Clock = DefaultClock>(Arc<Marks<C>>);

#[derive(Debug)]
struct Marks<C: Clock> {
    limiter: Limiter<C>,
    clock: C,
    taken: AtomicU32,
}

impl Default for ShareMarks {
    fn default() -> Self {
        Self::with_clock(DefaultClock::default())
    }
}

impl<C: Clock + Clone> ShareMarks<C> {
    fn with_clock(clock: C) -> Self {
        let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(AT_ONCE);
        let limiter = RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone());
        Self(Arc::new(Marks { limiter, clock, taken: AtomicU32::new(0) }))
    }

    /// Lets a visitor leave one mark.
    pub(super) fn one(&self, share: &ShareId, from: Option<ClientIp>) -> Result<(), ShareRefusal> {
        self.take(share, from, Kind::Left, NonZeroU32::MIN)
    }

    /// Lets a visitor have an archive that was begun, or a part of it.
    pub(super) fn part_had(
        &self,
        share: &ShareId,
        from: Option<ClientIp>,
    ) -> Result<(), ShareRefusal> {
        self.take(share, from, Kind::Had, NonZeroU32::MIN)
    }

    /// Lets a visitor leave an archive with so many entries, of which none like it is kept.
    pub(super) fn archive(
        &self,
        share: &ShareId,
        from: Option<ClientIp>,
        entries: usize,
    ) -> Result<(), ShareRefusal> {
        let cost = u32::try_from(entries / ENTRIES_FOR_ONE).unwrap_or(u32::MAX);
        match NonZeroU32::new(cost) {
            Some(cost) => self.take(share, from, Kind::Left, cost.min(LARGEST)),
            None => Ok(()),
        }
    }

    fn take(
        &self,
        share: &ShareId,
        from: Option<ClientIp>,
        kind: Kind,
        cost: NonZeroU32,
    ) -> Result<(), ShareRefusal> {
        let Marks { limiter, clock, taken } = &*self.0;
        if taken.fetch_add(1, Ordering::Relaxed) % LOOKED_THROUGH_AFTER == 0 {
            limiter.retain_recent();
        }
        let key = (share.as_str().into(), from.map(network), kind);
        let Ok(Err(refused)) = limiter.check_key_n(&key, cost) else { return Ok(()) };
        let wait = refused.wait_time_from(clock.now());
        // Whole seconds, never fewer than it takes.
        let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Err(ShareRefusal::Throttled { retry_after })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;
    use crate::clock::UnixSeconds;

    fn from(text: &str) -> Option<ClientIp> {
        text.parse().ok().map(ClientIp::new)
    }

    fn refused(seconds: u64) -> Result<(), ShareRefusal> {
        Err(ShareRefusal::Throttled { retry_after: seconds })
    }

    #[test]
    fn a_network_leaves_so_much_of_a_share_and_nobody_else_waits() {
        let clock = FakeRelativeClock::default();
        let marks = ShareMarks::with_clock(clock.clone());
        let [share, other] = [1, 2].map(|at| ShareId::random(UnixSeconds::new(at)).unwrap());
        for host in (1..=3).cycle().take(600) {
            marks.one(&share, from(&format!("2001:db8::{host}"))).unwrap();
        }
        assert_eq!(marks.one(&share, from("2001:db8::4")), refused(1));
        marks.one(&share, from("2001:db8:0:1::4")).unwrap();
        marks.one(&share, from("192.0.2.1")).unwrap();
        marks.one(&other, from("2001:db8::4")).unwrap();
        clock.advance(Duration::from_secs(2));
        marks.one(&share, from("2001:db8::4")).unwrap();
        marks.one(&share, from("2001:db8::4")).unwrap();
        assert_eq!(marks.one(&share, from("2001:db8::4")), refused(1));
    }

    #[test]
    fn an_archive_costs_what_is_kept_of_it() {
        let clock = FakeRelativeClock::default();
        let marks = ShareMarks::with_clock(clock.clone());
        let share = ShareId::random(UnixSeconds::new(1)).unwrap();
        for _ in 0..1_000 {
            marks.archive(&share, from("192.0.2.1"), 4).unwrap();
        }
        // To open the share and begin it are marks as well.
        marks.one(&share, from("192.0.2.1")).unwrap();
        marks.one(&share, from("192.0.2.1")).unwrap();
        marks.archive(&share, from("192.0.2.1"), 10_000).unwrap();
        marks.one(&share, from("192.0.2.1")).unwrap();
        assert_eq!(marks.archive(&share, from("192.0.2.1"), 10_000), refused(3));
        marks.archive(&share, from("192.0.2.1"), 1_000).unwrap();
        assert_eq!(marks.archive(&share, from("192.0.2.1"), 1_000), refused(103));
        clock.advance(Duration::from_secs(103));
        marks.archive(&share, from("192.0.2.1"), 1_000).unwrap();
        assert_eq!(marks.archive(&share, from("192.0.2.1"), 10_000), refused(300));
    }

    #[test]
    fn whoever_left_nothing_lately_is_forgotten() {
        let clock = FakeRelativeClock::default();
        let marks = ShareMarks::with_clock(clock.clone());
        let share = ShareId::random(UnixSeconds::new(1)).unwrap();
        for at in 0..LOOKED_THROUGH_AFTER {
            let [_, _, high, low] = at.to_be_bytes();
            marks.one(&share, from(&format!("192.0.{high}.{low}"))).unwrap();
        }
        assert!(marks.0.limiter.len() > 1_000);
        clock.advance(Duration::from_secs(2));
        marks.one(&share, from("198.51.100.1")).unwrap();
        assert_eq!(marks.0.limiter.len(), 1);
    }
}
