//! Who may open one more connection to the APIs.
//!
//! A limit for all listeners together, beyond which connections wait to be accepted; and one for a
//! [subscriber](PeerIp::subscriber), beyond which they are closed at once, so that nobody keeps
//! everybody else waiting. A trusted proxy speaks for many clients: none of its connections is
//! counted for it, and it is for the proxy to keep its clients apart.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::network::{NetworkSet, PeerIp};

/// Between two lines of the log about connections that were closed.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Of all listeners.
    pub all: NonZeroUsize,
    /// Of one address; none: any number.
    pub each_address: Option<NonZeroUsize>,
}

impl ConnectionLimits {
    /// Of all, where nothing else is said.
    pub const ALL: usize = 4_096;
    /// Of one address, where nothing else is said: a hundred edges behind one gateway, with what
    /// each of them reports beside what it follows.
    pub const EACH_ADDRESS: usize = 256;
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        let all = NonZeroUsize::new(Self::ALL).unwrap_or(NonZeroUsize::MIN);
        Self { all, each_address: NonZeroUsize::new(Self::EACH_ADDRESS) }
    }
}

/// The connections that are open.
#[derive(Debug)]
pub(super) struct Admission {
    all: Arc<Semaphore>,
    each_address: Option<NonZeroUsize>,
    proxies: Arc<NetworkSet>,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_subscriber: HashMap<IpAddr, usize>,
    closed: u64,
    said: Option<Instant>,
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    _place: OwnedSemaphorePermit,
    subscriber: Option<IpAddr>,
}

impl Admission {
    pub(super) fn new(limits: ConnectionLimits, proxies: Arc<NetworkSet>) -> Self {
        let ConnectionLimits { all, each_address } = limits;
        let all = Arc::new(Semaphore::new(all.get().min(Semaphore::MAX_PERMITS)));
        Self { all, each_address, proxies, open: Mutex::default() }
    }

    /// A place among all; none where nobody accepts any more.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// Lets a connection from there have that place, unless it has as many as it may.
    pub(super) fn admit(
        self: &Arc<Self>,
        place: OwnedSemaphorePermit,
        peer: IpAddr,
    ) -> Option<Admitted> {
        let peer = PeerIp::new(peer);
        let counted = self.each_address.filter(|_| !self.proxies.contains(peer.get()));
        let subscriber = match counted {
            Some(limit) => {
                let subscriber = peer.subscriber();
                let mut open = self.open();
                let count = open.by_subscriber.entry(subscriber).or_default();
                if *count >= limit.get() {
                    open.say_closed(subscriber);
                    return None;
                }
                *count += 1;
                Some(subscriber)
            }
            None => None,
        };
        Some(Admitted { admission: Arc::clone(self), _place: place, subscriber })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // A count is whole after every statement above.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn say_closed(&mut self, subscriber: IpAddr) {
        self.closed += 1;
        if self.said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
            self.said = Some(Instant::now());
            tracing::warn!(
                address = %subscriber,
                connections = std::mem::take(&mut self.closed),
                "closed at once: more connections of one address than max_connections_per_address"
            );
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let Some(subscriber) = self.subscriber else { return };
        if let Entry::Occupied(mut count) = self.admission.open().by_subscriber.entry(subscriber) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parse_network;

    fn admission(all: usize, each: usize) -> Arc<Admission> {
        let all = NonZeroUsize::new(all).unwrap();
        let limits = ConnectionLimits { all, each_address: NonZeroUsize::new(each) };
        let proxies = NetworkSet::new(vec![parse_network("192.0.2.0/24").unwrap()]);
        Arc::new(Admission::new(limits, Arc::new(proxies)))
    }

    async fn ask(admission: &Arc<Admission>, from: &str) -> Option<Admitted> {
        let place = admission.place().await.unwrap();
        admission.admit(place, from.parse().unwrap())
    }

    #[tokio::test]
    async fn an_address_has_its_limit_and_a_proxy_none() {
        let admission = admission(100, 2);
        let first = ask(&admission, "198.51.100.1").await.unwrap();
        let _second = ask(&admission, "::ffff:198.51.100.1").await.unwrap();
        assert!(ask(&admission, "198.51.100.1").await.is_none());
        let _other = ask(&admission, "198.51.100.2").await.unwrap();
        drop(first);
        let _again = ask(&admission, "198.51.100.1").await.unwrap();
        assert!(ask(&admission, "198.51.100.1").await.is_none());
        let mut through_proxy = Vec::new();
        for _ in 0..10 {
            through_proxy.push(ask(&admission, "192.0.2.7").await.unwrap());
        }
        // A subscriber of IPv6 has a /64.
        let _one = ask(&admission, "2001:db8::1").await.unwrap();
        let _two = ask(&admission, "2001:db8::2").await.unwrap();
        assert!(ask(&admission, "2001:db8::3").await.is_none());
        let _three = ask(&admission, "2001:db8:0:1::3").await.unwrap();
        drop(through_proxy);
        assert_eq!(admission.all.available_permits(), 100 - 6);
    }

    #[tokio::test]
    async fn any_number_where_there_is_no_limit() {
        let admission = admission(5, 0);
        let mut open = Vec::new();
        for _ in 0..5 {
            open.push(ask(&admission, "198.51.100.1").await.unwrap());
        }
        assert_eq!(admission.all.available_permits(), 0);
    }
}
