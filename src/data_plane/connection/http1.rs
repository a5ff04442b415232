//! HTTP/1.1 and 1.0 on one stream.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::super::connection_metrics::Timeout;
use super::super::drain::DrainSignal;
use super::super::settings::Limits;
use super::activity::HeadProgress;
use super::answer::{Answer, TurnedAway};
use super::parting::{self, PARTING, linger};
use super::requests::Requests;
use super::resting::{Drowsiness, Rested, rest};
use super::watchdog::Watchdog;
use super::watched::WatchedReads;

/// The least that hyper may buffer of a head. Ours are the limits that answer, with their codes;
/// its own are only reached by what is far beyond them.
const LEAST_BUFFER: usize = 64 * 1024;

/// Header fields that hyper takes beyond our limit, so that the refusal is ours.
const HEADERS_TO_REFUSE: usize = 28;

/// How long a connection without a request is kept when the drain begins. One that was still in the
/// queue has its request in the socket; on one kept alive it may be under way, and a client cannot
/// tell whether a request on a closed connection was served.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// Serves until either side has had enough.
pub(super) async fn serve<S, A>(stream: S, requests: Requests<A>, mut drain: DrainSignal)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Answer,
{
    let activity = Arc::clone(&requests.activity);
    let metrics = Arc::clone(&requests.metrics);
    let mut stream = WatchedReads::new(stream, Arc::clone(&activity));
    let mut watchdog = Watchdog::new(Arc::clone(&activity));
    let mut grace = pin!(async {
        drain.started().await;
        activity.close_after_requests();
        sleep(DRAIN_GRACE).await;
    });
    let mut grace_over = false;

    let end = loop {
        let drained = |cx: &mut Context<'_>| {
            grace_over = grace_over || grace.as_mut().poll(cx).is_ready();
            if grace_over { Poll::Ready(()) } else { Poll::Pending }
        };
        // A new connection too: nobody knows yet whether its client will ever say anything.
        match rest(&mut stream, &mut watchdog, drained).await {
            Rested::Closed => break End::Closed(Ok(())),
            Rested::Drained => break End::Drained,
            Rested::TimedOut(cause) => break End::TimedOut(cause),
            Rested::Woken => {}
        }
        let service = service_fn(|request| requests.answer(request));
        let mut connection =
            builder(activity.limits()).serve_connection(TokioIo::new(stream), service);
        let mut drowsiness = Drowsiness::new(Arc::clone(&activity));
        let turn = std::future::poll_fn(|cx| {
            loop {
                // First, for the answers made in this round to say that they are the last; and
                // what the socket holds is read once more before the connection is closed.
                let over = !grace_over && grace.as_mut().poll(cx).is_ready();
                if let Poll::Ready(end) = Pin::new(&mut connection).poll(cx) {
                    return Poll::Ready(Turn::Over(End::Closed(end)));
                }
                if over {
                    grace_over = true;
                    Pin::new(&mut connection).graceful_shutdown();
                    continue;
                }
                if drowsiness.poll_rest(cx).is_ready() {
                    return Poll::Ready(Turn::Rest);
                }
                return watchdog.poll_timeout(cx).map(|cause| Turn::Over(End::TimedOut(cause)));
            }
        })
        .await;
        // A block: what else hyper gives back is its buffer, which is not to rest with us.
        stream = {
            let parts = connection.into_parts();
            let mut stream = parts.io.into_inner();
            stream.unread(&parts.read_buf);
            stream
        };
        match turn {
            Turn::Over(end) => break end,
            Turn::Rest => metrics.rests.increment(),
        }
    };

    match end {
        End::Closed(Ok(())) => {
            if !activity.input_closed() {
                linger(&mut stream).await;
            }
        }
        End::Closed(Err(error)) => {
            if error.is_parse() {
                metrics.malformed_http.increment();
                parting::close(&mut stream).await;
            }
        }
        End::Drained => parting::close(&mut stream).await,
        End::TimedOut(cause) => {
            metrics.timeouts(cause).increment();
            match cause {
                Timeout::Head if activity.head_progress() == HeadProgress::Begun => {
                    let answer =
                        requests.answer.turn_away(TurnedAway::HeadLate, &requests.connection);
                    parting::answer(&mut stream, answer).await;
                }
                Timeout::Head | Timeout::Idle => {
                    // Nothing was asked, nothing is unread: closing is enough.
                    let _ = timeout(PARTING, stream.shutdown()).await;
                }
                // The client reads nothing, least of all last words.
                Timeout::Body | Timeout::Handshake | Timeout::Write => {}
            }
        }
    }
}

/// How a turn of hyper's ends.
enum Turn {
    Over(End),
    /// The client is silent.
    Rest,
}

enum End {
    Closed(hyper::Result<()>),
    /// By us, while it was resting.
    Drained,
    TimedOut(Timeout),
}

/// `pipeline_flush` stays off: with it hyper 1.12 buffers an answer without any bound, and does not
/// send one at all while part of another request is in its buffer.
fn builder(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .auto_date_header(true)
        .half_close(false)
        .header_read_timeout(None)
        .ignore_invalid_headers(false)
        .keep_alive(true)
        .max_buf_size(limits.max_header_bytes.saturating_mul(2).max(LEAST_BUFFER))
        .max_headers(limits.max_headers.saturating_add(HEADERS_TO_REFUSE))
        .pipeline_flush(false)
        .title_case_headers(false);
    builder
}
