//! Follows the feed once, for every edge.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::recent::{Next, Recent};
use super::spool::Spool;
use super::stream::{self, FeedLines};
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::link::MasterKey;
use crate::control_plane::publish::{ENTRIES, LEFT_ALONE, Unsealing, change, wait};
use crate::control_plane::record::{
    Edge, EdgeId, FeedEntry, FeedHead, FeedPage, FeedVersion, Scope, SecretHash,
};
use crate::control_plane::service::ServiceError;
use crate::control_plane::store::{Store, StoreError, StoreErrorKind};
use crate::feed::{BatchWriter, Position};
use crate::telemetry::ErrorChain;

/// Between two writes of what edges said of themselves.
const NOTED_EVERY: Duration = Duration::from_secs(1);

/// A snapshot that is no older is good for another edge: what it lacks is in the feed.
const SNAPSHOT_LASTS: Duration = Duration::from_secs(10);

/// See the module. Clones are the same one.
#[derive(Clone, Debug)]
pub struct EdgeHub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    clock: Clock,
    caller: Caller,
    unsealing: Unsealing,
    recent: Mutex<Option<Recent>>,
    seen: watch::Sender<Seen>,
    admitted: watch::Sender<Admitted>,
    readings: AtomicU64,
    acks: Mutex<BTreeMap<EdgeId, FeedVersion>>,
    snapshot: tokio::sync::Mutex<Option<Arc<Spool>>>,
    closing: watch::Sender<()>,
}

/// Whose tokens are good.
#[derive(Debug, Default)]
struct Admitted {
    good: HashMap<EdgeId, SecretHash>,
    /// Which reading of the store said so.
    reading: u64,
}

impl Admitted {
    /// Takes what a reading found, unless a later one was faster. Gives whether that is something else.
    fn take(&mut self, reading: u64, good: HashMap<EdgeId, SecretHash>) -> bool {
        if reading < self.reading {
            return false;
        }
        self.reading = reading;
        let others = self.good != good;
        self.good = good;
        others
    }
}

/// The last look at the store that succeeded.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// When, and how far the feed was then.
    pub(super) head: Option<(UnixSeconds, Position)>,
}

impl EdgeHub {
    /// A hub over that store; nothing is sent before it [runs](Self::run).
    pub fn new(store: Store, clock: Clock, master_key: Option<MasterKey>) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            caller: Caller::system("edges"),
            unsealing: Unsealing::by(master_key),
            recent: Mutex::default(),
            seen: watch::Sender::default(),
            admitted: watch::Sender::default(),
            readings: AtomicU64::default(),
            acks: Mutex::default(),
            snapshot: tokio::sync::Mutex::default(),
            closing: watch::Sender::default(),
        }))
    }

    /// Lines for the edge that calls, from where it is on; they end when its token does, or when it
    /// takes them too slowly.
    pub async fn follow(
        &self,
        caller: &Caller,
        reader: Option<Position>,
    ) -> Result<FeedLines, ServiceError> {
        let id = edge(caller)?;
        let reading = self.0.reading();
        let mut view = self.0.store.view(&self.0.caller).await?;
        let edges = view.edge_list().await?;
        let known = edges.iter().find(|edge| edge.id == *id);
        let token = known.ok_or(ServiceError::NotFound)?.token.clone();
        // It may have been let in since the last look.
        self.admit(reading, edges);
        Ok(stream::start(self.clone(), id.clone(), token, reader))
    }

    /// Remembers what an edge says is in force there.
    pub fn acknowledge(&self, caller: &Caller, version: FeedVersion) -> Result<(), ServiceError> {
        let id = edge(caller)?;
        locked(&self.0.acks).insert(id.clone(), version);
        Ok(())
    }

    /// Ends every edge's connection: this control plane is about to stop.
    pub fn close(&self) {
        self.0.closing.send_replace(());
    }

    /// Follows the feed, for ever.
    pub async fn run(self) -> Infallible {
        let mut changed = self.0.store.subscribe();
        let mut noted = Instant::now();
        let mut away = false;
        loop {
            let looked = self.look().await;
            let again = match looked {
                Ok(Looked::Behind) => true,
                Ok(Looked::UpToDate) => false,
                Err(error) => {
                    if !std::mem::replace(&mut away, true) {
                        tracing::error!(
                            error = %ErrorChain(&error),
                            "the store is away: edges hear of nothing"
                        );
                    }
                    sleep(LEFT_ALONE).await;
                    continue;
                }
            };
            away = false;
            if noted.elapsed() >= NOTED_EVERY {
                noted = Instant::now();
                if let Err(error) = self.note_acks().await {
                    tracing::warn!(error = %ErrorChain(&error), "what edges say is not written");
                }
            }
            if !again {
                wait(&mut changed).await;
            }
        }
    }

    async fn look(&self) -> Result<Looked, StoreError> {
        let inner = &*self.0;
        let (now, reading) = (inner.clock.now(), inner.reading());
        let mut view = inner.store.view(&inner.caller).await?;
        self.admit(reading, view.edge_list().await?);
        let head = locked(&inner.recent).as_ref().map(|recent| recent.head().clone());
        let page = match head {
            Some(Position { lineage, version }) => {
                let head = FeedHead { lineage, version: FeedVersion(version) };
                view.feed_since(&head, ENTRIES).await?
            }
            None => FeedPage::SnapshotNeeded,
        };
        let looked = match page {
            FeedPage::Entries { entries, reached } => {
                let full = entries.len() >= usize::from(ENTRIES);
                if let Some(recent) = locked(&inner.recent).as_mut()
                    && recent.head().version < reached.0
                {
                    let lines = inner.batch(recent.head(), entries, reached);
                    recent.push(reached.0, lines);
                }
                if full { Looked::Behind } else { Looked::UpToDate }
            }
            FeedPage::SnapshotNeeded => {
                let FeedHead { lineage, version } = view.feed_head().await?;
                let head = Position { lineage, version: version.0 };
                *locked(&inner.recent) = Some(Recent::at(head));
                Looked::UpToDate
            }
        };
        let head = locked(&inner.recent).as_ref().map(|recent| recent.head().clone());
        inner.seen.send_replace(Seen { head: head.map(|head| (now, head)) });
        Ok(looked)
    }

    /// Says whose tokens are good, if they are others than before.
    fn admit(&self, reading: u64, edges: Vec<Edge>) {
        let good = edges.into_iter().filter(|edge| edge.revoked_at.is_none());
        let good = good.map(|edge| (edge.id, edge.token)).collect();
        self.0.admitted.send_if_modified(|known| known.take(reading, good));
    }

    async fn note_acks(&self) -> Result<(), StoreError> {
        let acks = std::mem::take(&mut *locked(&self.0.acks));
        if acks.is_empty() {
            return Ok(());
        }
        let mut change = self.0.store.change(&self.0.caller, self.0.clock.now()).await?;
        for (id, version) in acks {
            match change.edge_seen(&id, version).await {
                Ok(()) => {}
                // Revoked since.
                Err(error) if error.kind() == StoreErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        change.commit().await.map(drop)
    }

    /// What comes after a position, if it is among what is kept.
    pub(super) fn next(&self, reader: &Position) -> Next {
        locked(&self.0.recent).as_ref().map_or(Next::Elsewhere, |recent| recent.after(reader))
    }

    /// What comes after a position, from the store; none: a snapshot is needed.
    pub(super) async fn next_in_store(
        &self,
        reader: &Position,
    ) -> Result<Option<(Bytes, u64)>, StoreError> {
        let mut view = self.0.store.view(&self.0.caller).await?;
        let Position { lineage, version } = reader.clone();
        let head = FeedHead { lineage, version: FeedVersion(version) };
        match view.feed_since(&head, ENTRIES).await? {
            FeedPage::Entries { entries, reached } if reached.0 > reader.version => {
                Ok(Some((self.0.batch(reader, entries, reached), reached.0)))
            }
            FeedPage::Entries { .. } => Ok(Some((Bytes::new(), reader.version))),
            FeedPage::SnapshotNeeded => Ok(None),
        }
    }

    /// A snapshot that is newer than what the reader knows: one that is there, or a new one.
    pub(super) async fn snapshot(
        &self,
        reader: Option<&Position>,
    ) -> Result<Arc<Spool>, ServiceError> {
        let mut kept = self.0.snapshot.lock().await;
        let newer = |spool: &Spool| {
            let lineage = self.0.seen.borrow().head.as_ref().map(|(_, at)| at.lineage.clone());
            lineage.as_ref() == Some(&spool.at.lineage)
                && reader.is_none_or(|it| {
                    it.lineage != spool.at.lineage || it.version < spool.at.version
                })
        };
        if let Some(spool) = kept.as_ref().filter(|it| it.made.elapsed() < SNAPSHOT_LASTS)
            && newer(spool)
        {
            return Ok(Arc::clone(spool));
        }
        let mut view = self.0.store.view(&self.0.caller).await?;
        let spool = Arc::new(Spool::write(&mut view, &self.0.unsealing).await?);
        *kept = Some(Arc::clone(&spool));
        Ok(spool)
    }

    pub(super) fn seen(&self) -> watch::Receiver<Seen> {
        self.0.seen.subscribe()
    }

    /// Returns when that token is not that edge's any more, or when everything ends.
    pub(super) async fn dismissed(&self, id: &EdgeId, token: &SecretHash) {
        let mut admitted = self.0.admitted.subscribe();
        let mut closing = self.0.closing.subscribe();
        let mut looked = self.seen();
        // Nobody is admitted before the first look.
        let gone = async {
            let _ = looked.wait_for(|seen| seen.head.is_some()).await;
            let _ = admitted.wait_for(|known| known.good.get(id) != Some(token)).await;
        };
        tokio::select! {
            () = gone => {}
            _ = closing.changed() => {}
        }
    }
}

enum Looked {
    Behind,
    UpToDate,
}

impl Inner {
    /// The number of a reading of the store that begins now. One that waits long for its connection may
    /// find more than one with a later number: what it lost is found at the next look.
    fn reading(&self) -> u64 {
        self.readings.fetch_add(1, Ordering::Relaxed)
    }

    fn batch(&self, after: &Position, entries: Vec<FeedEntry>, reached: FeedVersion) -> Bytes {
        let mut writer = BatchWriter::versions(after, reached.0);
        for change in entries.into_iter().filter_map(|entry| change(entry, &self.unsealing)) {
            writer.push(&change);
        }
        writer.end().into()
    }
}

/// The edge that calls. Others may have the scope, and follow nothing.
fn edge(caller: &Caller) -> Result<&EdgeId, ServiceError> {
    caller.require(Scope::Edge)?;
    match caller.actor() {
        Actor::Edge(id) => Ok(id),
        Actor::Application(_) | Actor::Person(_) | Actor::System(_) => Err(ServiceError::NotFound),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can be left half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An edge that was just let in is not sent away by who looked before.
    #[test]
    fn a_slow_reading_takes_nothing_back() {
        let edge = EdgeId::random(UnixSeconds::new(1)).unwrap();
        let with_it = || HashMap::from([(edge.clone(), SecretHash::of("token"))]);
        let mut admitted = Admitted::default();
        assert!(!admitted.take(0, HashMap::new()));
        assert!(admitted.take(2, with_it()));
        assert!(!admitted.take(1, HashMap::new()));
        assert_eq!(admitted.good, with_it());
        assert!(!admitted.take(3, with_it()));
        assert!(admitted.take(4, HashMap::new()));
    }
}
