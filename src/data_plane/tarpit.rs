//! A wait before the handshake, for addresses whose connections had to be closed.
//!
//! A flood over HTTP/2 is over soon and costs about what the handshake before it did; what it can do
//! is then a question of how many handshakes one attacker has. So whoever had a connection closed
//! for a breach of HTTP/2 waits before the next handshakes, longer each time. Nobody is refused:
//! others behind the same address wait as long, which is a second at most. After [`QUIET`] without
//! another breach all is forgotten.
//!
//! An attacker may still wait with many connections at once; `max_connections_per_address` says how
//! many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::network::PeerIp;

/// The wait after the first breach; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How long a breach is remembered.
const QUIET: Duration = Duration::from_secs(10);

/// Addresses that are remembered; beyond them the one that was quiet longest is forgotten.
const MOST_ADDRESSES: usize = 1024;

/// The breaches of a while, of all workers and listeners.
#[derive(Debug)]
pub(super) struct Tarpit {
    began: Instant,
    /// Milliseconds from the beginning until when anybody waits at all.
    until: AtomicU64,
    breaches: Mutex<HashMap<IpAddr, Breaches>>,
}

/// Of one [subscriber](PeerIp::subscriber).
#[derive(Clone, Copy, Debug)]
struct Breaches {
    count: u32,
    last: Instant,
}

impl Tarpit {
    /// In which nobody waits.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), until: AtomicU64::new(0), breaches: Mutex::default() }
    }

    /// A connection of this address was closed for a breach.
    pub(super) fn breached(&self, peer: PeerIp) {
        let now = Instant::now();
        let mut breaches = self.breaches();
        breaches.retain(|_, it| it.last + QUIET > now);
        let network = peer.subscriber();
        if breaches.len() >= MOST_ADDRESSES && !breaches.contains_key(&network) {
            let quietest = breaches.iter().min_by_key(|(_, it)| it.last).map(|(it, _)| *it);
            if let Some(quietest) = quietest {
                breaches.remove(&quietest);
            }
        }
        let known = breaches.entry(network).or_insert(Breaches { count: 0, last: now });
        known.count = known.count.saturating_add(1);
        known.last = now;
        drop(breaches);
        self.until.fetch_max(self.millis(now + QUIET), Ordering::Relaxed);
    }

    /// How long a connection of this address waits before its handshake.
    pub(super) fn wait(&self, peer: PeerIp) -> Option<Duration> {
        let now = Instant::now();
        if self.millis(now) >= self.until.load(Ordering::Relaxed) {
            return None;
        }
        let breaches = self.breaches();
        let known = breaches.get(&peer.subscriber()).filter(|it| it.last + QUIET > now)?;
        let doubled = 2_u32.saturating_pow(known.count.saturating_sub(1));
        Some(FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT))
    }

    /// Milliseconds since the beginning, at the next whole one.
    fn millis(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn breaches(&self) -> MutexGuard<'_, HashMap<IpAddr, Breaches>> {
        // Whole after every statement above.
        self.breaches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::advance;

    use super::*;

    fn peer(address: &str) -> PeerIp {
        PeerIp::new(address.parse().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_doubles_up_to_a_second_and_is_forgotten() {
        let tarpit = Tarpit::new();
        let attacker = peer("192.0.2.1");
        assert_eq!(tarpit.wait(attacker), None);
        let waits: Vec<_> = (0..6)
            .map(|_| {
                tarpit.breached(attacker);
                tarpit.wait(attacker).unwrap().as_millis()
            })
            .collect();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(tarpit.wait(peer("192.0.2.2")), None);
        advance(Duration::from_millis(9999)).await;
        assert_eq!(tarpit.wait(attacker), Some(LONGEST_WAIT));
        advance(Duration::from_millis(1)).await;
        assert_eq!(tarpit.wait(attacker), None);
        tarpit.breached(attacker);
        assert_eq!(tarpit.wait(attacker), Some(FIRST_WAIT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_subscriber_of_ipv6_is_one() {
        let tarpit = Tarpit::new();
        tarpit.breached(peer("2001:db8::1"));
        assert_eq!(tarpit.wait(peer("2001:db8::ffff:2")), Some(FIRST_WAIT));
        assert_eq!(tarpit.wait(peer("2001:db8:0:1::1")), None);
    }

    #[tokio::test(start_paused = true)]
    async fn few_addresses_are_remembered_and_those_that_went_on_last() {
        let tarpit = Tarpit::new();
        let most = u32::try_from(MOST_ADDRESSES).unwrap();
        let numbered = |number: u32| PeerIp::new(Ipv4Addr::from_bits(number).into());
        tarpit.breached(numbered(0));
        for number in 1..most {
            advance(Duration::from_millis(1)).await;
            tarpit.breached(numbered(number));
        }
        tarpit.breached(numbered(0));
        tarpit.breached(numbered(most));
        assert_eq!(tarpit.breaches().len(), MOST_ADDRESSES);
        assert_eq!(tarpit.wait(numbered(1)), None);
        assert_eq!(tarpit.wait(numbered(0)), Some(2 * FIRST_WAIT));
        assert_eq!(tarpit.wait(numbered(most)), Some(FIRST_WAIT));
        // Gone when they are of no use.
        advance(QUIET).await;
        tarpit.breached(numbered(5));
        assert_eq!(tarpit.breaches().len(), 1);
    }
}
