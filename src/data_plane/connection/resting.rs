//! A connection before its first request, and a kept one between two, without hyper.
//!
//! hyper keeps buffers of some 10 KB for as long as it has a connection. It gets one with the first
//! bytes of a request; when its client has been silent for a moment, the connection is taken from it
//! and waits here with nothing but its socket.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::connection_metrics::Timeout;
use super::activity::Activity;
use super::watchdog::Watchdog;
use super::watched::WatchedReads;

/// How long a connection that has fallen silent stays with hyper. Long enough that clients at work
/// do not pay for the change, which is a few microseconds.
const REST_AFTER: Duration = Duration::from_millis(500);

/// Read at once when the rest is over: hyper reads what else there is.
const FIRST_BYTES: usize = 64;

/// Says when a connection has been silent long enough.
#[derive(Debug)]
pub(super) struct Drowsiness {
    activity: Arc<Activity>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Drowsiness {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self { activity, sleep: None }
    }

    /// Ready when it has. To be asked only after hyper has nothing more to do: all it had to write
    /// is written then, or the socket takes no more and the connection is not idle.
    pub(super) fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(since) = self.activity.idle_since() {
            let due = since + REST_AFTER;
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            // Set anew only when it fires: with each request due moves further away.
            let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.is_elapsed() {
                sleep.as_mut().reset(due);
            }
            ready!(sleep.as_mut().poll(cx));
        }
        Poll::Pending
    }
}

/// How a rest ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rested {
    /// The client has closed, or the connection is broken.
    Closed,
    /// We are stopping, and no request came.
    Drained,
    /// Nothing came in time.
    TimedOut(Timeout),
    /// A request begins; its first bytes are in the stream again.
    Woken,
}

/// Waits for the first bytes of a request. `drained` ends when it is no longer waited for.
pub(super) async fn rest<S>(
    stream: &mut WatchedReads<S>,
    watchdog: &mut Watchdog,
    mut drained: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> Rested
where
    S: AsyncRead + Unpin,
{
    let mut stream = pin!(stream);
    std::future::poll_fn(|cx| {
        // First what the socket holds: a request that is there is served.
        let over = drained(cx).is_ready();
        let mut room = [0; FIRST_BYTES];
        let mut buffer = ReadBuf::new(&mut room);
        match stream.as_mut().poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if buffer.filled().is_empty() => Poll::Ready(Rested::Closed),
            Poll::Ready(Ok(())) => {
                stream.unread(buffer.filled());
                Poll::Ready(Rested::Woken)
            }
            Poll::Ready(Err(_)) => Poll::Ready(Rested::Closed),
            Poll::Pending if over => Poll::Ready(Rested::Drained),
            Poll::Pending => watchdog.poll_timeout(cx).map(Rested::TimedOut),
        }
    })
    .await
}
