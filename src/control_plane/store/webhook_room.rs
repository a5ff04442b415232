//! How many more messages may wait for each webhook: counted now and then, and reckoned with meanwhile.
//!
//! Every change that tells of something asks. To count what waits each time would make a receiver that
//! is down everybody's burden.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::clock::UnixSeconds;
use crate::control_plane::record::WebhookId;

/// Seconds for which a count is reckoned with; and where it found no room.
const COUNTED_FOR: u64 = 10;
const FULL_FOR: u64 = 1;

/// What is known of each webhook's room here. Another control plane reckons by itself: where several
/// write at once a little more may wait.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    known: Mutex<HashMap<WebhookId, Room>>,
    unkept: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    counted_at: UnixSeconds,
    left: u64,
    /// Messages that were not kept since anybody was told of it.
    unkept: u64,
}

/// Is there room for one more?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// There is, and it is taken.
    Taken,
    /// There is none.
    None,
    /// What waits is to be counted first.
    Unknown,
}

impl Room {
    fn is_known(&self, now: UnixSeconds) -> bool {
        let lasts = if self.left > 0 { COUNTED_FOR } else { FULL_FOR };
        now.since(self.counted_at) < lasts
    }

    fn take(&mut self) -> Place {
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            Place::Taken
        } else {
            self.unkept += 1;
            Place::None
        }
    }
}

impl Rooms {
    /// Takes a place, as far as is known without counting.
    pub(super) fn take(&self, id: &WebhookId, now: UnixSeconds) -> Place {
        let mut rooms = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.get_mut(id).filter(|room| room.is_known(now));
        self.noted(room.map_or(Place::Unknown, Room::take))
    }

    /// How many messages were not kept since the store was opened.
    pub(super) fn unkept(&self) -> u64 {
        self.unkept.load(Ordering::Relaxed)
    }

    /// Has what waits counted before any more is taken: it was added to.
    pub(super) fn forget(&self, id: &WebhookId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn noted(&self, place: Place) -> Place {
        if place == Place::None {
            self.unkept.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    /// Takes a place where so many were counted to be left.
    pub(super) fn counted(&self, id: &WebhookId, now: UnixSeconds, left: u64) -> Place {
        let mut rooms = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let unkept = rooms.get(id).map_or(0, |room| room.unkept);
        if unkept > 0 {
            tracing::warn!(webhook = %id, unkept, "messages were not kept: too many wait");
        }
        // Of those that nobody told anything for a while nothing is known.
        rooms.retain(|_, room| room.is_known(now));
        let mut room = Room { counted_at: now, left, unkept: 0 };
        let place = room.take();
        rooms.insert(id.clone(), room);
        self.noted(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

    #[test]
    fn what_waits_is_counted_now_and_then() {
        let rooms = Rooms::default();
        let (one, two) = (WebhookId::random(NOW).unwrap(), WebhookId::random(NOW).unwrap());
        assert_eq!(rooms.take(&one, NOW), Place::Unknown);
        assert_eq!(rooms.counted(&one, NOW, 3), Place::Taken);
        assert_eq!(rooms.take(&one, NOW.plus(9)), Place::Taken);
        assert_eq!(rooms.take(&two, NOW), Place::Unknown);
        assert_eq!(rooms.take(&one, NOW.plus(10)), Place::Unknown);
        assert_eq!(rooms.counted(&one, NOW.plus(10), 1), Place::Taken);
        assert_eq!(rooms.take(&one, NOW.plus(10)), Place::None);
        assert_eq!(rooms.take(&one, NOW.plus(11)), Place::Unknown);
        assert_eq!(rooms.counted(&one, NOW.plus(11), 0), Place::None);
        assert_eq!(rooms.take(&one, NOW.plus(11)), Place::None);
        assert_eq!(rooms.counted(&one, NOW.plus(12), 7), Place::Taken);
        rooms.forget(&one);
        assert_eq!(rooms.take(&one, NOW.plus(12)), Place::Unknown);
        assert_eq!(rooms.unkept(), 3);
    }
}
