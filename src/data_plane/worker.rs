//! The threads that serve.
//!
//! Each worker is a thread with a runtime of its own and a socket of its own for every listener:
//! the kernel spreads connections over them, and nothing moves between threads afterwards. A failed
//! accept is tried again, and never ends a worker.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::network::PeerIp;
use crate::splice;

use super::admission::Admission;
use super::connection::{Answer, Door};
use super::drain::{DrainSignal, Drained};
use super::queue;

/// How long is waited when the process or the machine has no more to give. Connections that end
/// meanwhile give something back.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Connections over the limit that are told so at one time; the others are just closed. Telling
/// takes a descriptor for a while, of those that are kept back.
const MOST_REFUSALS: usize = 16;

/// Threads of a worker that wait for disks. Each keeps freed memory of its own for a while, a
/// megabyte or more; what is asked beyond them waits its turn.
const MOST_DISK_THREADS: usize = 32;

/// What a worker serves.
#[derive(Debug)]
pub(super) struct Worker<A> {
    pub(super) entrances: Vec<Entrance<A>>,
    pub(super) admission: Arc<Admission>,
    pub(super) refusals: Arc<AtomicUsize>,
    pub(super) drain: DrainSignal,
    pub(super) drain_timeout: Duration,
}

/// One listener, for one worker.
#[derive(Debug)]
pub(super) struct Entrance<A> {
    pub(super) socket: std::net::TcpListener,
    pub(super) door: Arc<Door<A>>,
    /// Which of the listeners, in the metrics.
    pub(super) index: usize,
}

impl<A: Answer> Worker<A> {
    /// Starts the thread. Its report comes when it has drained, or is lost.
    pub(super) fn start(
        self,
        number: usize,
        reports: mpsc::UnboundedSender<Result<usize, WorkerLost>>,
    ) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(MOST_DISK_THREADS)
            .build()?;
        thread::Builder::new().name(format!("edge-{number}")).spawn(move || {
            let served = catch_unwind(AssertUnwindSafe(|| self.serve(&runtime)));
            // Blocking reads that hang are not waited for.
            runtime.shutdown_background();
            // Nobody listens when the application ended without waiting.
            let _ = reports.send(served.unwrap_or(Err(WorkerLost)));
        })?;
        Ok(())
    }

    /// Serves until drained. Gives the number of connections cut off.
    fn serve(self, runtime: &Runtime) -> Result<usize, WorkerLost> {
        runtime.block_on(async move {
            let mut entrances = JoinSet::new();
            for entrance in self.entrances {
                let hall = Hall {
                    door: entrance.door,
                    index: entrance.index,
                    admission: Arc::clone(&self.admission),
                    refusals: Arc::clone(&self.refusals),
                    connections: JoinSet::new(),
                };
                let socket = TcpListener::from_std(entrance.socket).map_err(|_| WorkerLost)?;
                entrances.spawn(hall.serve(socket, self.drain.clone(), self.drain_timeout));
            }
            let mut aborted = 0;
            while let Some(entrance) = entrances.join_next().await {
                aborted += entrance.map_err(|_| WorkerLost)?;
            }
            Ok(aborted)
        })
    }
}

/// A listener's connections on one worker.
struct Hall<A> {
    door: Arc<Door<A>>,
    index: usize,
    admission: Arc<Admission>,
    refusals: Arc<AtomicUsize>,
    connections: JoinSet<()>,
}

impl<A: Answer> Hall<A> {
    async fn serve(
        mut self,
        socket: TcpListener,
        mut drain: DrainSignal,
        drain_timeout: Duration,
    ) -> usize {
        tokio::select! {
            () = drain.started() => {}
            never = self.accept_from(&socket) => match never {},
        }
        let started = Instant::now();
        match queue::close_to_newcomers(&socket) {
            // Their last packet is on its way; afterwards the queue holds all there will be.
            Ok(()) => {
                let _ = timeout(queue::HANDSHAKE, self.accept_from(&socket)).await;
            }
            Err(error) => tracing::debug!(%error, "the queue stays open until its socket closes"),
        }
        self.enter_queued(socket);
        self.finish(started + drain_timeout).await
    }

    async fn accept_from(&mut self, socket: &TcpListener) -> Infallible {
        loop {
            tokio::select! {
                Some(ended) = self.connections.join_next() => count_panic(&self.door, ended),
                accepted = socket.accept() => match accepted {
                    Ok((stream, from)) => self.enter(stream, from),
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        self.door.metrics.accept_failures.increment();
                        tracing::warn!(%error, listener = %self.door.address, "accept failed");
                        sleep(ACCEPT_BACKOFF).await;
                    }
                },
            }
        }
    }

    /// Takes what the queue still holds and closes it. The kernel is asked itself: the runtime only
    /// knows of connections it was told of.
    fn enter_queued(&mut self, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else { return };
        loop {
            match socket.accept() {
                Ok((stream, from)) => {
                    let stream =
                        stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                    if let Ok(stream) = stream {
                        self.enter(stream, from);
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                // Empty, or nothing to take it with.
                Err(_) => return,
            }
        }
    }

    /// Lets connections end, and cuts off those that do not.
    async fn finish(mut self, due: Instant) -> usize {
        let ending = async {
            while let Some(ended) = self.connections.join_next().await {
                count_panic(&self.door, ended);
            }
        };
        if timeout_at(due, ending).await.is_ok() {
            return 0;
        }
        let aborted = self.connections.len();
        self.connections.shutdown().await;
        aborted
    }

    fn enter(&mut self, stream: TcpStream, from: SocketAddr) {
        let door = Arc::clone(&self.door);
        let Some(listener) = door.metrics.listeners.get(self.index) else { return };
        listener.accepted.increment();
        let limit = door.answer.settings().limits.max_connections;
        let Ok(admitted) = self.admission.admit(limit) else {
            door.metrics.refused_over_limit.increment();
            self.turn_away(stream, from);
            return;
        };
        // Without it answers wait for acknowledgements; they are only slower then.
        let _ = stream.set_nodelay(true);
        let open = Open::new(Arc::clone(&door), self.index);
        self.connections.spawn(async move {
            let _open = open;
            let stream = splice::Stream::new(stream);
            let outlet = stream.outlet();
            door.serve(stream, Some(outlet), from.ip(), admitted).await;
        });
    }

    fn turn_away(&mut self, stream: TcpStream, from: SocketAddr) {
        // Nobody can be told anything before a handshake, for which there is no room either: such
        // connections are counted and closed, and have no code, no log line and no request id.
        if self.door.tls.is_some() || self.door.proxies.contains(from.ip()) {
            return;
        }
        let Some(refusal) = Refusal::begin(&self.refusals) else { return };
        let door = Arc::clone(&self.door);
        self.connections.spawn(async move {
            let _refusal = refusal;
            door.turn_away(stream, PeerIp::new(from.ip())).await;
        });
    }
}

fn count_panic<A>(door: &Door<A>, ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        door.metrics.panics.increment();
    }
}

/// An open connection, in the metrics.
struct Open<A> {
    door: Arc<Door<A>>,
    index: usize,
}

impl<A> Open<A> {
    fn new(door: Arc<Door<A>>, index: usize) -> Self {
        if let Some(listener) = door.metrics.listeners.get(index) {
            listener.opened();
        }
        Self { door, index }
    }
}

impl<A> Drop for Open<A> {
    fn drop(&mut self) {
        if let Some(listener) = self.door.metrics.listeners.get(self.index) {
            listener.closed();
        }
    }
}

/// One of [`MOST_REFUSALS`].
struct Refusal(Arc<AtomicUsize>);

impl Refusal {
    fn begin(refusals: &Arc<AtomicUsize>) -> Option<Self> {
        let below = |present| (present < MOST_REFUSALS).then_some(present + 1);
        refusals.fetch_update(Ordering::Relaxed, Ordering::Relaxed, below).ok()?;
        Some(Self(Arc::clone(refusals)))
    }
}

impl Drop for Refusal {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Did one connection fail before it was taken, so that the next can be? accept(2) names these:
/// errors already pending on the new socket.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::INTR
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::NONET
                | Errno::NOPROTOOPT
                | Errno::OPNOTSUPP
                | Errno::PROTO
        )
    )
}

/// The running workers.
#[derive(Debug)]
#[must_use = "without waiting for them the process may end before they have drained"]
pub struct Workers {
    pub(super) reports: mpsc::UnboundedReceiver<Result<usize, WorkerLost>>,
}

impl Workers {
    /// Ends when every worker has drained, or at once when one is lost.
    pub async fn drained(mut self) -> Result<Drained, WorkerLost> {
        let mut aborted = 0;
        while let Some(report) = self.reports.recv().await {
            aborted += report?;
        }
        Ok(Drained::of(aborted))
    }
}

/// A worker ended otherwise than by draining: a bug of ours, and connections with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a worker thread was lost")]
pub struct WorkerLost;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_of_one_connection_are_passed_over_at_once() {
        let of_one = |error: Errno| is_of_one_connection(&error.into());
        assert!(of_one(Errno::CONNABORTED) && of_one(Errno::PROTO) && of_one(Errno::INTR));
        for error in [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM, Errno::PERM] {
            assert!(!of_one(error), "{error:?} would spin");
        }
        assert!(!is_of_one_connection(&io::Error::other("unknown")));
    }

    #[test]
    fn refusals_are_few_at_one_time() {
        let present = Arc::new(AtomicUsize::new(0));
        let refusals: Vec<_> = (0..MOST_REFUSALS).map_while(|_| Refusal::begin(&present)).collect();
        assert_eq!(refusals.len(), MOST_REFUSALS);
        assert!(Refusal::begin(&present).is_none());
        drop(refusals);
        assert!(Refusal::begin(&present).is_some());
    }
}
