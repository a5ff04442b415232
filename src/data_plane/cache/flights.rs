//! Questions that are being asked, so that nobody asks the same meanwhile.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::key::FlightKey;
use super::stored::Stored;
use crate::delivery::OriginFault;

/// The questions.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<FlightKey, watch::Receiver<Option<Landing>>>>);

/// What came of a question, for those who waited.
#[derive(Clone, Debug)]
pub(super) enum Landing {
    /// The origin failed.
    Failed(OriginFault),
    /// There is no such object.
    Missing,
    /// The answer is not for several: each asks for itself.
    NotShared,
    /// This.
    Stored(Arc<Stored>),
}

/// Asking oneself, or waiting for one who asks.
#[derive(Debug)]
pub(super) enum Joined {
    Follower(Wait),
    Leader(Flight),
}

/// The wait for an answer that somebody else asked for.
#[derive(Debug)]
pub(super) struct Wait(watch::Receiver<Option<Landing>>);

/// The right to ask, and the duty to tell. Dropped without a word, it tells the others to ask for
/// themselves.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    key: FlightKey,
    tell: watch::Sender<Option<Landing>>,
}

impl Flights {
    /// Asks, unless somebody does.
    pub(super) fn join(self: &Arc<Self>, key: FlightKey) -> Joined {
        match self.flying().entry(key) {
            Entry::Occupied(flying) => Joined::Follower(Wait(flying.get().clone())),
            Entry::Vacant(vacant) => {
                let (tell, told) = watch::channel(None);
                let key = vacant.key().clone();
                vacant.insert(told);
                Joined::Leader(Flight { flights: Arc::clone(self), key, tell })
            }
        }
    }

    /// Waits, if somebody asks.
    pub(super) fn find(&self, key: &FlightKey) -> Option<Wait> {
        self.flying().get(key).cloned().map(Wait)
    }

    /// Whoever asks from now on does not meet those who asked before.
    pub(super) fn part(&self) {
        self.flying().clear();
    }

    fn flying(&self) -> MutexGuard<'_, HashMap<FlightKey, watch::Receiver<Option<Landing>>>> {
        // The map is whole after every statement above.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wait {
    pub(super) async fn landing(mut self) -> Landing {
        match self.0.wait_for(Option::is_some).await {
            Ok(landing) => landing.clone().unwrap_or(Landing::NotShared),
            Err(_) => Landing::NotShared,
        }
    }
}

impl Flight {
    pub(super) fn land(self, landing: Landing) {
        self.tell.send_replace(Some(landing));
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut flying = self.flights.flying();
        let told = self.tell.subscribe();
        if flying.get(&self.key).is_some_and(|waiting| waiting.same_channel(&told)) {
            flying.remove(&self.key);
        }
    }
}
