//! How long what a control plane said is believed without another word from it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::UnixSeconds;

/// Renewed whenever a control plane says that there is nothing newer; the state it is of stays the
/// same one, so that a word a second costs one store.
#[derive(Debug)]
pub struct Lease {
    heard: AtomicU64,
    lasts: Option<u64>,
}

impl Lease {
    /// For a control plane in the same process: it is never out of reach.
    pub fn endless() -> Self {
        Self { heard: AtomicU64::new(0), lasts: None }
    }

    /// Lasts so many seconds from when a control plane was last heard; none: never yet.
    pub fn of_seconds(lasts: u64, heard: Option<UnixSeconds>) -> Self {
        let heard = AtomicU64::new(heard.map_or(0, UnixSeconds::get));
        Self { heard, lasts: Some(lasts) }
    }

    /// A control plane was heard at `now`. A clock that was set back does not shorten it.
    pub fn renew(&self, now: UnixSeconds) {
        self.heard.fetch_max(now.get(), Ordering::Relaxed);
    }

    /// Is what was said too old at `now`?
    pub fn is_over(&self, now: UnixSeconds) -> bool {
        self.lasts.is_some_and(|lasts| now.since(self.last_heard()) > lasts)
    }

    /// When a control plane was last heard; none where that does not matter.
    pub fn heard(&self) -> Option<UnixSeconds> {
        self.lasts.map(|_| self.last_heard())
    }

    fn last_heard(&self) -> UnixSeconds {
        UnixSeconds::new(self.heard.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_ends_when_nobody_was_heard_for_its_time() {
        let at = UnixSeconds::new;
        let lease = Lease::of_seconds(10, Some(at(100)));
        assert_eq!([110, 111].map(|now| lease.is_over(at(now))), [false, true]);
        lease.renew(at(111));
        lease.renew(at(90));
        assert_eq!([121, 122].map(|now| lease.is_over(at(now))), [false, true]);
        assert!(Lease::of_seconds(10, None).is_over(at(100)));
        assert!(!Lease::endless().is_over(at(u64::MAX)));
        assert_eq!(Lease::endless().heard(), None);
    }
}
