//! HTTP/2 on one stream, TLS having chosen it.
//!
//! What the library bounds is set in `builder`; the rest is ours: each answer runs in a task that
//! gives up when the client gives its stream no window, and the connection is cut off when it gives
//! none to any, or when its [`Balance`](super::balance::Balance) is that of a flood. A paused player
//! stalls one stream and is in its right on the others.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::connection_metrics::{ConnectionMetrics, Timeout};
use super::super::drain::DrainSignal;
use super::activity::{Activity, Stage, Transfer, Violation};
use super::answer::Answer;
use super::parting::PARTING;
use super::requests::Requests;
use super::watchdog::Watchdog;
use super::watched::WatchedReads;

/// Requests in flight on one connection.
const MAX_STREAMS: u32 = 100;

/// Bytes of a decoded head, each field counted with 32 more (RFC 9113 section 6.5.2).
const MAX_HEADER_LIST: u32 = 16 * 1024;

/// Bytes a client may send on one stream before we read.
const STREAM_WINDOW: u32 = 64 * 1024;

/// The same for all streams together.
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// Streams reset before we took them (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;

/// Streams we had to reset for the client's errors (CVE-2025-8671).
const MAX_LOCAL_ERROR_RESETS: usize = 100;

/// Bytes buffered for one stream that the socket has not taken.
const MAX_SEND_BUFFER: usize = 64 * 1024;

/// A client that is gone is found out by a ping.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long it may take to answer one.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How a connection was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// It was closed for what the client sent: a flood, or what the protocol forbids.
    Breached,
    /// The client may have been slow, or gone, and no more than that.
    Peacefully,
}

/// Serves until either side has had enough.
pub(super) async fn serve<S, A>(stream: S, requests: Requests<A>, mut drain: DrainSignal) -> Served
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Answer,
{
    let activity = Arc::clone(&requests.activity);
    let metrics = Arc::clone(&requests.metrics);
    let io = TokioIo::new(WatchedReads::new(stream, Arc::clone(&activity)));
    let service = service_fn(|request| requests.answer(request));
    // Dropped, it ends every stream, however this function ends.
    let streams = Arc::new(Mutex::new(JoinSet::new()));
    let executor = StreamExecutor {
        streams: Arc::downgrade(&streams),
        activity: Arc::clone(&activity),
        metrics: Arc::clone(&metrics),
    };
    let mut connection = pin!(builder(executor).serve_connection(io, service));

    let end = {
        let mut draining = pin!(async {
            drain.started().await;
            activity.close_after_requests();
        });
        let mut drained = false;
        let mut watchdog = Watchdog::new(Arc::clone(&activity));
        let mut goodbye = None;
        std::future::poll_fn(|cx| {
            loop {
                let polled = connection.as_mut().poll(cx);
                // First: the connection may have failed because of it.
                if let Some(violation) = activity.violation() {
                    return Poll::Ready(End::Violated(violation));
                }
                if let Poll::Ready(end) = polled {
                    return Poll::Ready(End::Closed(end));
                }
                if !drained && draining.as_mut().poll(cx).is_ready() {
                    drained = true;
                }
                if goodbye.is_none() && activity.stage() == Stage::Closing {
                    connection.as_mut().graceful_shutdown();
                    goodbye = Some(Goodbye::said(Arc::clone(&activity)));
                    continue;
                }
                match watchdog.poll_timeout(cx) {
                    Poll::Pending => {}
                    Poll::Ready(cause @ (Timeout::Head | Timeout::Idle)) => {
                        if goodbye.is_none() {
                            metrics.timeouts(cause).increment();
                            activity.close_after_requests();
                            continue;
                        }
                    }
                    Poll::Ready(cause @ (Timeout::Body | Timeout::Handshake | Timeout::Write)) => {
                        return Poll::Ready(End::TimedOut(cause));
                    }
                }
                let Some(goodbye) = &mut goodbye else { return Poll::Pending };
                return goodbye.poll_unheard(cx).map(|()| End::Unheard);
            }
        })
        .await
    };

    match end {
        // Want of window was counted stream by stream.
        End::Closed(Ok(())) | End::Unheard | End::Violated(Violation::NoWindow) => {
            return Served::Peacefully;
        }
        End::Closed(Err(error)) => match fault(&error) {
            Fault::Flood => metrics.floods.increment(),
            Fault::Malformed => metrics.malformed_http.increment(),
            Fault::None => return Served::Peacefully,
        },
        End::TimedOut(cause) => {
            metrics.timeouts(cause).increment();
            return Served::Peacefully;
        }
        End::Violated(Violation::Flood) => metrics.floods.increment(),
    }
    Served::Breached
}

enum End {
    Closed(hyper::Result<()>),
    TimedOut(Timeout),
    /// The client does not close what it was told is over.
    Unheard,
    Violated(Violation),
}

/// The client was told that no further request will be served. Once nothing is in flight it has a
/// moment to close, and longer while it still takes what was buffered.
struct Goodbye {
    activity: Arc<Activity>,
    waiting: Option<Waiting>,
}

struct Waiting {
    sleep: Pin<Box<Sleep>>,
    written: u64,
    at_most_until: Instant,
}

impl Goodbye {
    fn said(activity: Arc<Activity>) -> Self {
        Self { activity, waiting: None }
    }

    fn poll_unheard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.activity.in_flight() > 0 {
            self.waiting = None;
            return Poll::Pending;
        }
        let written = self.activity.bytes_written();
        let write_timeout = self.activity.limits().write_timeout;
        let waiting = self.waiting.get_or_insert_with(|| {
            let now = Instant::now();
            Waiting {
                sleep: Box::pin(sleep_until(now + PARTING)),
                written,
                at_most_until: now + write_timeout,
            }
        });
        while waiting.sleep.as_mut().poll(cx).is_ready() {
            let until = Instant::now() + PARTING;
            if waiting.written == written || until > waiting.at_most_until {
                return Poll::Ready(());
            }
            waiting.written = written;
            waiting.sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}

/// Whose fault an error is.
enum Fault {
    Flood,
    Malformed,
    /// The network's, or nobody's.
    None,
}

fn fault(error: &hyper::Error) -> Fault {
    let library = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    match library {
        // We told the client to go, which the library does for a breach of the protocol.
        Some(library) if library.is_library() && library.is_go_away() => match library.reason() {
            Some(h2::Reason::ENHANCE_YOUR_CALM) => Fault::Flood,
            Some(h2::Reason::NO_ERROR) | None => Fault::None,
            Some(_) => Fault::Malformed,
        },
        Some(_) | None => Fault::None,
    }
}

/// Runs each stream in a task that belongs to the connection.
#[derive(Clone, Debug)]
struct StreamExecutor {
    // Weak: the tasks hold executors themselves.
    streams: Weak<Mutex<JoinSet<()>>>,
    activity: Arc<Activity>,
    metrics: Arc<ConnectionMetrics>,
}

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let Some(streams) = self.streams.upgrade() else { return };
        let mut streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = streams.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                self.metrics.panics.increment();
            }
        }
        // hyper calls the service and spawns what comes of it at once, so that the request begun
        // last is this stream's.
        let Some(transfer) = self.activity.take_begun() else {
            streams.spawn(stream);
            return;
        };
        let activity = Arc::clone(&self.activity);
        let metrics = Arc::clone(&self.metrics);
        streams.spawn(async move {
            if let Err(Stalled) = unless_stalled(stream, &transfer, &activity).await {
                metrics.timeouts(Timeout::Write).increment();
                activity.stream_stalled();
            }
        });
    }
}

/// Runs a stream until it ends, or its client has given it no window for the time of a write.
/// Dropped, it is reset.
async fn unless_stalled(
    stream: impl Future<Output = ()>,
    transfer: &Transfer,
    activity: &Activity,
) -> Result<(), Stalled> {
    let write_timeout = activity.limits().write_timeout;
    let mut stream = pin!(stream);
    let mut sleep: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        while let Some(since) = transfer.waiting_since() {
            let due = since + write_timeout;
            if due <= Instant::now() {
                return Poll::Ready(Err(Stalled));
            }
            let sleep = sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if sleep.is_elapsed() {
                sleep.as_mut().reset(due);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        Poll::Pending
    })
    .await
}

struct Stalled;

fn builder(executor: StreamExecutor) -> http2::Builder<StreamExecutor> {
    let mut builder = http2::Builder::new(executor);
    builder
        .adaptive_window(false)
        .auto_date_header(true)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADER_LIST)
        .max_local_error_reset_streams(MAX_LOCAL_ERROR_RESETS)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_send_buf_size(MAX_SEND_BUFFER)
        .timer(TokioTimer::new());
    builder
}
