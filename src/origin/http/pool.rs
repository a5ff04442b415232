//! Connections, and where they wait for their next request.
//!
//! Every thread has a shelf of its own, so that workers share nothing and lock nothing. A connection
//! belongs to the runtime that made it, which tells it when bytes arrive: it is shelved there or
//! closed. Runtimes of several threads keep none, since their tasks change threads.

use std::cell::RefCell;
use std::sync::{Arc, Weak};
use std::time::Duration;

use thread_local::ThreadLocal;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::time::Instant;

use super::patience::Patience;
use super::stream::Stream;

/// An open connection. Dropping it closes it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Stream,
    pub(super) patience: Patience,
    home: Home,
}

/// Where a connection may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Nowhere,
    Runtime(Id),
}

impl Home {
    fn here() -> Self {
        let Ok(runtime) = Handle::try_current() else { return Self::Nowhere };
        if runtime.runtime_flavor() == RuntimeFlavor::CurrentThread {
            Self::Runtime(runtime.id())
        } else {
            Self::Nowhere
        }
    }
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, patience: Patience::default(), home: Home::here() }
    }
}

/// The idle connections of one origin. The last one to come is the first to go, so that a quiet
/// origin keeps few.
#[derive(Debug)]
pub(super) struct Pool {
    shelves: ThreadLocal<RefCell<Shelf>>,
    /// On each shelf.
    max_idle: usize,
    keep_idle: Duration,
}

#[derive(Debug, Default)]
struct Shelf {
    /// Oldest first.
    idle: Vec<(Instant, Connection)>,
    /// The runtime in which somebody closes what waits too long.
    reaper: Option<Id>,
}

impl Pool {
    pub(super) fn new(max_idle: usize, keep_idle: Duration) -> Arc<Self> {
        Arc::new(Self { shelves: ThreadLocal::new(), max_idle, keep_idle })
    }

    /// A connection that is open, and on which nothing has arrived that nobody asked for.
    pub(super) fn take(&self) -> Option<Connection> {
        let here = Home::here();
        let mut shelf = self.shelves.get()?.try_borrow_mut().ok()?;
        while let Some((since, mut connection)) = shelf.idle.pop() {
            if connection.home == here
                && since.elapsed() < self.keep_idle
                && connection.stream.is_quiet()
            {
                return Some(connection);
            }
        }
        None
    }

    /// Takes a connection back whose answer has been read to its end, and not a byte more.
    pub(super) fn shelve(self: &Arc<Self>, mut connection: Connection) {
        let Home::Runtime(home) = connection.home else { return };
        if connection.home != Home::here() {
            return;
        }
        connection.patience.stop();
        let Ok(mut shelf) = self.shelves.get_or_default().try_borrow_mut() else { return };
        if shelf.idle.len() >= self.max_idle {
            return;
        }
        shelf.idle.push((Instant::now(), connection));
        if shelf.reaper != Some(home) {
            shelf.reaper = Some(home);
            tokio::spawn(reap(Arc::downgrade(self), self.keep_idle));
        }
    }

    /// Closes what has waited too long or was closed by the origin. Gives the time of the next one;
    /// none where none waits.
    fn reap(&self) -> Option<Instant> {
        let mut shelf = self.shelves.get()?.try_borrow_mut().ok()?;
        let here = Home::here();
        shelf.idle.retain_mut(|(since, connection)| {
            connection.home == here
                && since.elapsed() < self.keep_idle
                && connection.stream.is_quiet()
        });
        let oldest = shelf.idle.first().map(|(since, _)| *since);
        if oldest.is_none() {
            shelf.reaper = None;
        }
        oldest.map(|since| since + self.keep_idle)
    }

    /// Those of this thread.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.shelves.get().map_or(0, |shelf| shelf.borrow().idle.len())
    }
}

/// Reaps until none waits. It stays on the shelf's thread, being a task of that runtime.
async fn reap(pool: Weak<Pool>, keep_idle: Duration) {
    let mut due = Instant::now() + keep_idle;
    loop {
        tokio::time::sleep_until(due).await;
        let Some(pool) = pool.upgrade() else { return };
        match pool.reap() {
            Some(next) => due = next,
            None => return,
        }
    }
}
