//! Who may open one more connection.
//!
//! Two limits: of all connections, and of those of one address. The first is by default what the
//! process's descriptors allow, with [`KEPT_BACK`] of them kept for files, origins, logs and
//! reloads. The second is of a [subscriber](PeerIp::subscriber).
//!
//! Limits are passed in at each decision: they reload hot. Well below the first limit there is a
//! [crowd](Admission::is_crowded), in which clients are given less time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Resource, getrlimit};

use crate::network::PeerIp;

/// Descriptors that connections do not get.
pub const KEPT_BACK: usize = 64;

/// There is a crowd when more than one in so many of the connections that may be open is.
const CROWD: usize = 4;

/// The connections that are open, of all workers and listeners.
#[derive(Debug)]
pub(super) struct Admission {
    descriptors: usize,
    open: AtomicUsize,
    by_network: Mutex<HashMap<IpAddr, usize>>,
}

impl Admission {
    /// With the descriptor limit of this process.
    pub(super) fn new() -> Self {
        let limit = getrlimit(Resource::Nofile).current;
        // "No limit" is the kernel's own, far above what memory allows.
        Self::with_descriptors(
            limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)),
        )
    }

    fn with_descriptors(descriptors: usize) -> Self {
        Self { descriptors, open: AtomicUsize::new(0), by_network: Mutex::default() }
    }

    /// One of all connections.
    pub(super) fn admit(self: &Arc<Self>, limit: Option<usize>) -> Result<Admitted, OverLimit> {
        let limit = self.limit(limit);
        let below = |open| (open < limit).then_some(open + 1);
        match self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below) {
            Ok(_) => Ok(Admitted { admission: Arc::clone(self), network: None }),
            Err(_) => Err(OverLimit::All),
        }
    }

    /// Is so much of the limit in use that nobody is to hold a connection for nothing?
    pub(super) fn is_crowded(&self, limit: Option<usize>) -> bool {
        self.open.load(Ordering::Relaxed) > self.limit(limit) / CROWD
    }

    fn limit(&self, limit: Option<usize>) -> usize {
        limit.unwrap_or_else(|| self.descriptors.saturating_sub(KEPT_BACK).max(1))
    }

    fn by_network(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A count is whole after every statement below.
        self.by_network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to one connection, given back when dropped.
#[derive(Debug)]
#[must_use]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    network: Option<IpAddr>,
}

impl Admitted {
    /// Who admitted it, and may say what else is open.
    pub(super) fn admission(&self) -> &Arc<Admission> {
        &self.admission
    }

    /// One of this address's connections. Asked once its peer is known: behind a proxy, that is
    /// after the PROXY header.
    pub(super) fn count_for(
        &mut self,
        peer: PeerIp,
        limit: Option<usize>,
    ) -> Result<(), OverLimit> {
        let Some(limit) = limit else { return Ok(()) };
        let network = peer.subscriber();
        let mut by_network = self.admission.by_network();
        let open = by_network.entry(network).or_insert(0);
        if *open >= limit {
            if *open == 0 {
                by_network.remove(&network);
            }
            return Err(OverLimit::Address);
        }
        *open += 1;
        drop(by_network);
        self.network = Some(network);
        Ok(())
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.open.fetch_sub(1, Ordering::Relaxed);
        let Some(network) = self.network else { return };
        if let Entry::Occupied(mut open) = self.admission.by_network().entry(network) {
            *open.get_mut() -= 1;
            if *open.get() == 0 {
                open.remove();
            }
        }
    }
}

/// Which limit a connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverLimit {
    Address,
    All,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str) -> PeerIp {
        PeerIp::new(address.parse().unwrap())
    }

    #[test]
    fn the_limit_of_all_holds_and_is_given_back() {
        let admission = Arc::new(Admission::with_descriptors(1024));
        let first = admission.admit(Some(2)).unwrap();
        let _second = admission.admit(Some(2)).unwrap();
        assert_eq!(admission.admit(Some(2)).unwrap_err(), OverLimit::All);
        drop(first);
        let _third = admission.admit(Some(2)).unwrap();
        let _raised = admission.admit(Some(3)).unwrap();
        assert_eq!(admission.admit(Some(2)).unwrap_err(), OverLimit::All);
    }

    #[test]
    fn without_a_limit_the_descriptors_decide() {
        let admission = Arc::new(Admission::with_descriptors(KEPT_BACK + 2));
        let _first = admission.admit(None).unwrap();
        let _second = admission.admit(None).unwrap();
        assert_eq!(admission.admit(None).unwrap_err(), OverLimit::All);
        let starved = Arc::new(Admission::with_descriptors(3));
        let _one = starved.admit(None).unwrap();
        assert!(starved.admit(None).is_err());
    }

    #[test]
    fn a_crowd_is_more_than_a_quarter_of_the_limit() {
        let admission = Arc::new(Admission::with_descriptors(KEPT_BACK + 4));
        assert!(!admission.is_crowded(Some(4)));
        let _first = admission.admit(None).unwrap();
        assert!(!admission.is_crowded(Some(4)) && !admission.is_crowded(None));
        let second = admission.admit(None).unwrap();
        assert!(admission.is_crowded(Some(4)) && admission.is_crowded(None));
        assert!(!admission.is_crowded(Some(8)));
        drop(second);
        assert!(!admission.is_crowded(None));
    }

    #[test]
    fn an_address_has_its_own_limit_and_a_subscriber_of_ipv6_one() {
        let admission = Arc::new(Admission::with_descriptors(1024));
        let open = |address: &str, limit| {
            let mut admitted = admission.admit(None).unwrap();
            admitted.count_for(peer(address), limit).map(|()| admitted)
        };
        let first = open("192.0.2.1", Some(1)).unwrap();
        assert_eq!(open("192.0.2.1", Some(1)).unwrap_err(), OverLimit::Address);
        assert_eq!(open("::ffff:192.0.2.1", Some(1)).unwrap_err(), OverLimit::Address);
        let _other = open("192.0.2.2", Some(1)).unwrap();
        let _off = open("192.0.2.1", None).unwrap();
        drop(first);
        let _again = open("192.0.2.1", Some(1)).unwrap();
        let _six = open("2001:db8::1", Some(1)).unwrap();
        assert_eq!(open("2001:db8::ffff:2", Some(1)).unwrap_err(), OverLimit::Address);
        let _neighbour = open("2001:db8:0:1::1", Some(1)).unwrap();
    }

    #[test]
    fn closed_connections_leave_nothing_behind() {
        let admission = Arc::new(Admission::with_descriptors(1024));
        let mut admitted = admission.admit(None).unwrap();
        admitted.count_for(peer("192.0.2.1"), Some(4)).unwrap();
        let mut refused = admission.admit(None).unwrap();
        assert!(refused.count_for(peer("192.0.2.2"), Some(0)).is_err());
        drop((admitted, refused));
        assert!(admission.by_network().is_empty());
        assert_eq!(admission.open.load(Ordering::Relaxed), 0);
    }
}
