//! At how many places each link is in use, in this process.
//!
//! Invariants: a link has at most as many places as it may have, and never fewer than one that was
//! let in and used again within the window. Memory is bounded: of more links than the table holds,
//! those that were not used for longest are forgotten, and bound anew when they come again; what the
//! window has passed makes room first.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LruCache;

use super::link::{LinkKey, PlaceKey, Visit};
use crate::clock::UnixSeconds;
use crate::policy::SharingRules;

/// Parts of the table, each under a lock of its own, so that workers seldom wait for each other.
const SHARDS: usize = 16;

/// Forgotten links are let go of as others are met, so many at a time.
const MOST_LET_GO: usize = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct PlaceTable(Vec<Mutex<Shard>>);

type Shard = LruCache<LinkKey, Places>;

/// The places of a link, and when it was last used there.
#[derive(Debug, Default)]
struct Places(Vec<(PlaceKey, UnixSeconds)>);

/// What a table says of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data_plane) enum Verdict {
    /// The link may be used there.
    Known,
    /// It is in use at as many other places as it may be.
    TooMany,
}

impl PlaceTable {
    /// Room for so many links.
    pub(super) fn new(links: usize) -> Self {
        let each = links.div_ceil(SHARDS).max(1);
        Self((0..SHARDS).map(|_| Mutex::new(LruCache::new(each))).collect())
    }

    /// May the link be used there?
    pub(super) fn visit(
        &self,
        link: LinkKey,
        place: PlaceKey,
        rules: &SharingRules,
        now: UnixSeconds,
        visit: Visit,
    ) -> Verdict {
        let Some(mut shard) = self.shard(link) else { return Verdict::Known };
        if let Some(places) = shard.get_mut(&link) {
            return places.visit(place, rules, now, visit);
        }
        if visit == Visit::Use {
            for _ in 0..MOST_LET_GO {
                // The first is the one that was not used for longest.
                if !shard.iter().next().is_some_and(|(_, it)| it.are_past(rules.window, now)) {
                    break;
                }
                shard.remove_lru();
            }
            let mut places = Places::default();
            places.visit(place, rules, now, visit);
            shard.insert(link, places);
        }
        Verdict::Known
    }

    /// Links that are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|shard| lock(shard).len()).sum()
    }

    /// There is one for every link.
    fn shard(&self, link: LinkKey) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::try_from(link.0 % SHARDS as u128).ok()?;
        self.0.get(index).map(lock)
    }
}

impl Places {
    fn visit(
        &mut self,
        place: PlaceKey,
        rules: &SharingRules,
        now: UnixSeconds,
        visit: Visit,
    ) -> Verdict {
        self.0.retain(|(_, used)| now.since(*used) < rules.window);
        let room = self.0.len() < usize::from(rules.places.get());
        match (self.0.iter_mut().find(|(it, _)| *it == place), visit) {
            (Some((_, used)), Visit::Use) => *used = now.max(*used),
            (None, _) if !room => return Verdict::TooMany,
            (None, Visit::Use) => self.0.push((place, now)),
            (Some(_) | None, Visit::Look) => {}
        }
        Verdict::Known
    }

    fn are_past(&self, window: u64, now: UnixSeconds) -> bool {
        self.0.iter().all(|(_, used)| now.since(*used) >= window)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A shard is whole after every statement above.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
