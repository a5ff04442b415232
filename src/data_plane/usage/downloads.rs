//! Downloads of each link that are on their way, in this process.
//!
//! Counted from the decision until the last byte of the body has left or its client has, by a guard
//! that is dropped with the body. What asks for parts (`Range`) counts as one download for each
//! client, however many connections it comes by: a player that seeks and a program that loads a file
//! in eight parts are one person. A request for the whole file counts by itself.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::LinkKey;
use crate::network::ClientIp;

/// Parts of the table, each under a lock of its own.
const SHARDS: usize = 16;

/// See the module. Holds nothing for a link without a download.
#[derive(Debug)]
pub(super) struct DownloadTable {
    shards: Vec<Mutex<Shard>>,
    /// Numbers given out.
    next: AtomicU64,
}

type Shard = HashMap<LinkKey, Vec<Download>>;

/// Requests that are one download.
#[derive(Clone, Copy, Debug)]
struct Download {
    id: DownloadId,
    requests: u32,
}

/// What makes requests one download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DownloadId {
    /// They are parts for one client.
    Parts(ClientIp),
    /// Nothing: there is but one.
    Whole(u64),
}

impl fmt::Display for DownloadId {
    /// The one text of a download, in Redis, if whole numbers are told apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts(client) => write!(f, "{client}"),
            Self::Whole(number) => write!(f, "#{number}"),
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data_plane) enum DownloadKind {
    /// Parts of a file, for that client.
    Parts(ClientIp),
    /// A file.
    Whole,
}

impl DownloadTable {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, next: AtomicU64::new(0) }
    }

    /// Names a download.
    pub(super) fn name(&self, kind: DownloadKind) -> DownloadId {
        match kind {
            DownloadKind::Parts(client) => DownloadId::Parts(client),
            DownloadKind::Whole => DownloadId::Whole(self.next.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Begins a request's part of a download, unless the link has as many others as it may have. No
    /// limit: it is only counted, for others.
    pub(super) fn begin(
        self: &Arc<Self>,
        link: LinkKey,
        id: DownloadId,
        limit: Option<NonZeroU16>,
    ) -> Option<Counted> {
        let mut shard = self.shard(link)?;
        let downloads = shard.entry(link).or_default();
        if let Some(known) = downloads.iter_mut().find(|it| it.id == id) {
            known.requests = known.requests.saturating_add(1);
        } else {
            if limit.is_some_and(|limit| downloads.len() >= usize::from(limit.get())) {
                return None;
            }
            downloads.push(Download { id, requests: 1 });
        }
        Some(Counted { table: Arc::clone(self), link, id })
    }

    /// Downloads of a link.
    #[cfg(test)]
    pub(super) fn of(&self, link: LinkKey) -> usize {
        self.shard(link).and_then(|shard| shard.get(&link).map(Vec::len)).unwrap_or_default()
    }

    /// Links that have one.
    #[cfg(test)]
    pub(super) fn links(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    fn end(&self, link: LinkKey, id: DownloadId) {
        let Some(mut shard) = self.shard(link) else { return };
        let Some(downloads) = shard.get_mut(&link) else { return };
        if let Some(known) = downloads.iter_mut().find(|it| it.id == id) {
            known.requests = known.requests.saturating_sub(1);
        }
        downloads.retain(|it| it.requests > 0);
        if downloads.is_empty() {
            shard.remove(&link);
        }
    }

    /// There is one for every link.
    fn shard(&self, link: LinkKey) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::try_from(link.0 % SHARDS as u128).ok()?;
        self.shards.get(index).map(lock)
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // A shard is whole after every statement above.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that is counted. Dropped, it no longer is.
#[derive(Debug)]
pub(super) struct Counted {
    table: Arc<DownloadTable>,
    link: LinkKey,
    id: DownloadId,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.table.end(self.link, self.id);
    }
}
