//! How many requests to shares may be under way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// With the desk, of everybody together. Each may hold some pieces of its answer, and a connection to a
/// control plane, which by default takes twice as many of one address.
const MOST_ASKED: usize = 128;

/// Whose form is being read, of everybody together: 64 KiB each.
const MOST_READ: usize = 512;

/// Of either, of one subscriber: an office that opens one share at one moment has room.
const MOST_OF_ONE: usize = 32;

/// The requests that are under way, by whom they count for.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_subscriber: HashMap<IpAddr, usize>,
}

impl Places {
    /// With the desk.
    pub(super) fn of_asked() -> Arc<Self> {
        Arc::new(Self { most: MOST_ASKED, taken: Mutex::default() })
    }

    /// Whose form is being read.
    pub(super) fn of_read() -> Arc<Self> {
        Arc::new(Self { most: MOST_READ, taken: Mutex::default() })
    }

    /// A place, if there is one for that subscriber.
    pub(super) fn take(self: &Arc<Self>, subscriber: IpAddr) -> Option<Place> {
        let mut taken = self.taken();
        let theirs = taken.by_subscriber.get(&subscriber).copied().unwrap_or_default();
        if taken.all >= self.most || theirs >= MOST_OF_ONE {
            return None;
        }
        taken.all += 1;
        taken.by_subscriber.insert(subscriber, theirs + 1);
        Some(Place { places: Arc::clone(self), subscriber })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // The counts are whole after every statement.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    subscriber: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all = taken.all.saturating_sub(1);
        if let Entry::Occupied(mut theirs) = taken.by_subscriber.entry(self.subscriber) {
            match theirs.get().checked_sub(1) {
                None | Some(0) => drop(theirs.remove()),
                Some(left) => *theirs.get_mut() = left,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places_and_those_who_leave_make_room() {
        let places = Places::of_asked();
        let address = |number: u8| IpAddr::from([192, 0, 2, number]);
        let one: Vec<_> = (0..MOST_ASKED).map_while(|_| places.take(address(1))).collect();
        assert_eq!(one.len(), MOST_OF_ONE);
        let others: Vec<_> = (2..=u8::MAX).map_while(|it| places.take(address(it))).collect();
        assert_eq!(others.len(), MOST_ASKED - MOST_OF_ONE);
        assert!(places.take(address(255)).is_none());
        drop(one);
        assert!(places.take(address(1)).is_some());
        drop(others);
        assert!(places.taken().by_subscriber.is_empty());
        assert_eq!(places.taken().all, 0);
    }
}
