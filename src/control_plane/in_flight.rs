//! Bytes that were made here and are on their way: a client that reads slowly keeps them in memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ipnet::IpNet;

use crate::asset::TenantId;

/// Bytes that are on their way to everybody at once, of one tenant's, and to one visitor. What is kept
/// anyway counts like everything else: it may be kept no longer when it is sent.
const MOST: usize = 512 << 20;
const MOST_OF_TENANT: usize = 256 << 20;
const MOST_OF_ONE: usize = 64 << 20;

/// What is on its way. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    tenants: HashMap<TenantId, usize>,
    visitors: HashMap<IpNet, usize>,
}

/// Bytes on their way, until nobody has them any more.
struct Lent {
    bytes: Bytes,
    tenant: TenantId,
    visitor: IpNet,
    of: InFlight,
}

impl InFlight {
    /// The same bytes, which count until the last of them was sent or given up; none where too many
    /// are on their way already, of the tenant's, to that network or at all.
    pub(super) fn lend(&self, tenant: TenantId, visitor: IpNet, bytes: Bytes) -> Option<Bytes> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |now: usize, most: usize| now == 0 || now.saturating_add(bytes.len()) <= most;
        let of_tenant = counts.tenants.get(&tenant).copied().unwrap_or(0);
        let of_one = counts.visitors.get(&visitor).copied().unwrap_or(0);
        if !fits(of_one, MOST_OF_ONE) || !fits(of_tenant, MOST_OF_TENANT) || !fits(counts.all, MOST)
        {
            return None;
        }
        counts.all += bytes.len();
        counts.tenants.insert(tenant, of_tenant + bytes.len());
        counts.visitors.insert(visitor, of_one + bytes.len());
        drop(counts);
        Some(Bytes::from_owner(Lent { bytes, tenant, visitor, of: self.clone() }))
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Self { bytes, tenant, visitor, of } = self;
        let mut counts = of.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= bytes.len();
        less(&mut counts.tenants, *tenant, bytes.len());
        less(&mut counts.visitors, *visitor, bytes.len());
    }
}

fn less<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: K, by: usize) {
    if let Entry::Occupied(mut own) = counts.entry(key) {
        *own.get_mut() -= by;
        if *own.get() == 0 {
            own.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const ONE: TenantId = TenantId(1);
    const OTHER: TenantId = TenantId(2);

    fn visitor(number: u8) -> IpNet {
        IpNet::from(IpAddr::from([192, 0, 2, number]))
    }

    #[test]
    fn one_visitor_has_so_much_on_its_way_and_all_together() {
        let sent = InFlight::default();
        let picture = Bytes::from(vec![7; MOST_OF_ONE / 2]);
        let mut of_one = vec![sent.lend(ONE, visitor(1), picture.clone()).unwrap()];
        assert_eq!(of_one[0], picture);
        assert_eq!(of_one[0].as_ptr(), picture.as_ptr(), "copied");
        of_one.push(sent.lend(ONE, visitor(1), picture.clone()).unwrap());
        let least = || Bytes::from_static(b"x");
        // By whichever tenant's.
        assert!(sent.lend(OTHER, visitor(1), least()).is_none());
        let mut others = Vec::new();
        for number in 2..=4 {
            others.push(sent.lend(ONE, visitor(number), picture.clone()).unwrap());
            others.push(sent.lend(ONE, visitor(number), picture.clone()).unwrap());
        }
        // A tenant's shares keep no other's from being seen.
        assert!(sent.lend(ONE, visitor(5), least()).is_none());
        for number in 5..=8 {
            others.push(sent.lend(OTHER, visitor(number), picture.clone()).unwrap());
            others.push(sent.lend(OTHER, visitor(number), picture.clone()).unwrap());
        }
        assert!(sent.lend(TenantId(3), visitor(9), least()).is_none());
        // A part of it is all of it, for it holds all.
        let part = of_one[0].slice(..1);
        drop(of_one);
        assert!(sent.lend(ONE, visitor(1), picture.slice(1..)).is_some());
        drop((part, others));
        let counts = sent.0.lock().unwrap();
        assert_eq!((counts.all, counts.tenants.len(), counts.visitors.len()), (0, 0, 0));
    }

    #[test]
    fn the_first_is_sent_however_long_it_is() {
        let sent = InFlight::default();
        let long = sent.lend(ONE, visitor(1), Bytes::from(vec![0; MOST_OF_ONE + 1])).unwrap();
        assert!(sent.lend(ONE, visitor(1), Bytes::new()).is_none());
        drop(long);
        assert!(sent.lend(ONE, visitor(1), Bytes::new()).is_some());
    }
}
