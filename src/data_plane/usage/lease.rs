//! Downloads that an edge answers for in Redis.
//!
//! A lease ends with its download. An edge that dies answers for nothing any more, and what it had is
//! free when its leases are over; one that lives renews them. Nothing is held that nobody drops: the
//! guard is part of the answer's body.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::downloads::Counted;

/// Ends that wait to be told. Beyond these, the leases run out by themselves.
const MOST_WAITING: usize = 4096;

/// A download's request, counted as long as this lives.
#[derive(Debug)]
#[must_use = "dropped, the download is over"]
pub(in crate::data_plane) struct Slot {
    _counted: Counted,
    _lease: Option<Lease>,
}

impl Slot {
    pub(super) fn new(counted: Counted, lease: Option<Lease>) -> Self {
        Self { _counted: counted, _lease: lease }
    }
}

/// What an edge answers for.
#[derive(Debug)]
pub(super) struct Leases {
    /// The key in Redis, by the request.
    held: Mutex<HashMap<Arc<str>, Arc<str>>>,
    ended: Sender<Ended>,
}

/// A request that is over.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) key: Arc<str>,
    pub(super) request: Arc<str>,
}

impl Leases {
    /// None, and where one hears of those that end.
    pub(super) fn new() -> (Arc<Self>, Receiver<Ended>) {
        let (ended, told) = channel(MOST_WAITING);
        (Arc::new(Self { held: Mutex::default(), ended }), told)
    }

    /// One that Redis may be asked for. Dropped, Redis is told, for it may have given it.
    pub(super) fn ask(self: &Arc<Self>, key: Arc<str>, request: Arc<str>) -> Lease {
        Lease { leases: Arc::clone(self), key, request }
    }

    /// All that are held, by key.
    pub(super) fn held(&self) -> HashMap<Arc<str>, Vec<Arc<str>>> {
        let mut by_key: HashMap<_, Vec<_>> = HashMap::new();
        for (request, key) in self.lock().iter() {
            by_key.entry(Arc::clone(key)).or_default().push(Arc::clone(request));
        }
        by_key
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<str>>> {
        // The map is whole after every statement.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request's.
#[derive(Debug)]
pub(super) struct Lease {
    leases: Arc<Leases>,
    key: Arc<str>,
    request: Arc<str>,
}

impl Lease {
    /// From now on it is renewed.
    pub(super) fn hold(&self) {
        self.leases.lock().insert(Arc::clone(&self.request), Arc::clone(&self.key));
    }

    pub(super) fn request(&self) -> &str {
        &self.request
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // In this order: what is told to be over is not renewed afterwards.
        self.leases.lock().remove(&self.request);
        let (key, request) = (Arc::clone(&self.key), Arc::clone(&self.request));
        // Full: it runs out by itself.
        let _ = self.leases.ended.try_send(Ended { key, request });
    }
}
