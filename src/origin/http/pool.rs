//! Connections that wait for their next request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::SendRequest;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::stream::Received;

/// An open connection with nothing under way. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Empty<Bytes>>,
    pub(super) received: Received,
}

/// The idle connections of one origin. The last one to come is the first to go, so that a quiet
/// origin keeps few.
#[derive(Debug)]
pub(super) struct Pool {
    shelf: Mutex<Shelf>,
    max_idle: usize,
    keep_idle: Duration,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Oldest first.
    idle: Vec<(Instant, Connection)>,
    reaper: Reaper,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Reaper {
    #[default]
    Asleep,
    Awake,
}

impl Pool {
    pub(super) fn new(max_idle: usize, keep_idle: Duration) -> Arc<Self> {
        Arc::new(Self { shelf: Mutex::default(), max_idle, keep_idle })
    }

    /// A connection that seems alive.
    pub(super) fn take(&self) -> Option<Connection> {
        let now = Instant::now();
        let mut shelf = self.shelf();
        while let Some((since, connection)) = shelf.idle.pop() {
            if now.duration_since(since) < self.keep_idle && connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back whose answer has been read to its end.
    ///
    /// It is shelved once its driver says that it is ready for another request, which it does not
    /// when the origin closes or has sent a byte too many.
    pub(super) fn recycle(self: &Arc<Self>, mut connection: Connection) {
        // Without a runtime there is nobody to drive the connection either.
        let Ok(runtime) = Handle::try_current() else { return };
        let pool = Arc::clone(self);
        runtime.spawn(async move {
            if connection.sender.ready().await.is_ok() {
                pool.shelve(connection);
            }
        });
    }

    fn shelve(self: &Arc<Self>, connection: Connection) {
        let mut shelf = self.shelf();
        if shelf.idle.len() >= self.max_idle {
            return;
        }
        shelf.idle.push((Instant::now(), connection));
        if shelf.reaper == Reaper::Asleep {
            shelf.reaper = Reaper::Awake;
            tokio::spawn(reap(Arc::downgrade(self), self.keep_idle));
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // The shelf is consistent between any two statements.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.shelf().idle.len()
    }
}

/// Closes connections that waited too long, until none waits.
async fn reap(pool: std::sync::Weak<Pool>, keep_idle: Duration) {
    loop {
        let oldest = {
            let Some(pool) = pool.upgrade() else { return };
            let mut shelf = pool.shelf();
            let now = Instant::now();
            shelf.idle.retain(|(since, connection)| {
                now.duration_since(*since) < keep_idle && !connection.sender.is_closed()
            });
            let Some((since, _)) = shelf.idle.first() else {
                shelf.reaper = Reaper::Asleep;
                return;
            };
            *since
        };
        tokio::time::sleep_until(oldest + keep_idle).await;
    }
}
