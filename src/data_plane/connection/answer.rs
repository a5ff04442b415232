//! What a connection asks of the rest of the plane: an answer to each request.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::super::connection_metrics::{ConnectionMetrics, Timeout};
use super::super::settings::Settings;
use super::facts::{ConnectionFacts, Protocol};
use super::parting::{MOST_UNHEARD, PARTING};

/// Answers requests; the pipeline.
///
/// A future or a body that is dropped before its end says that the client went away. One that
/// panics ends its request with 500, or cuts its answer off, and nothing else.
pub trait Answer: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Pieces
        + Send
        + 'static;

    /// The answer to one request.
    fn answer(
        &self,
        request: Request<RequestBody>,
        connection: &Arc<ConnectionFacts>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;

    /// The last words to a client that is sent away without a request of its having been read.
    fn turn_away(&self, reason: TurnedAway, connection: &ConnectionFacts) -> Response<Self::Body>;

    /// The settings in force, which a new connection keeps.
    fn settings(&self) -> Arc<Settings>;
}

/// A body that is told how much to read at a time, for a connection that keeps many answers waiting.
pub trait Pieces {
    /// From now on at most so many bytes at a time, where it is this body that chooses.
    fn keep_pieces_within(self: Pin<&mut Self>, bytes: usize);
}

/// Why a client is sent away before it has asked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// The head of its request did not arrive in time.
    HeadLate,
    /// There are as many connections as may be.
    NoRoom,
}

/// The body of a request, which must arrive in the time a head has.
///
/// What nobody reads of one on HTTP/2 is listened to still, for a while: a client that is told in the
/// midst of sending to stop may lose the answer (RFC 9113 section 8.1 lets it be told; clients that
/// take it for a failure are old and many).
#[derive(Debug)]
pub struct RequestBody {
    /// None after it was given up.
    incoming: Option<Incoming>,
    protocol: Protocol,
    /// When it must have arrived; none where there is none.
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    metrics: Arc<ConnectionMetrics>,
}

impl RequestBody {
    pub(super) fn new(
        incoming: Incoming,
        protocol: Protocol,
        timeout: Duration,
        metrics: Arc<ConnectionMetrics>,
    ) -> Self {
        let due = (!incoming.is_end_stream()).then(|| Instant::now() + timeout);
        Self { incoming: Some(incoming), protocol, due, sleep: None, metrics }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let unread = self.incoming.take().filter(|incoming| !incoming.is_end_stream());
        if let (Some(incoming), Protocol::Http2) = (unread, self.protocol)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(PARTING, unheard(incoming)));
        }
    }
}

/// Listens to the rest of a body, or to as much of it as is listened to.
async fn unheard(mut incoming: Incoming) {
    let mut heard = 0;
    while let Some(Ok(frame)) = incoming.frame().await
        && heard < MOST_UNHEARD
    {
        heard += frame.data_ref().map_or(0, Bytes::len);
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(incoming).poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(RequestBodyError::Read)));
        }
        let due = this.due.unwrap_or_else(Instant::now);
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        sleep.as_mut().poll(cx).map(|()| {
            this.metrics.timeouts(Timeout::Body).increment();
            Some(Err(RequestBodyError::Timeout))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

/// Why the body of a request has no end.
#[derive(Debug, thiserror::Error)]
pub enum RequestBodyError {
    /// The connection failed, or its framing is broken.
    #[error("the request's body cannot be read")]
    Read(#[source] hyper::Error),
    /// It did not arrive in time.
    #[error("the request's body did not arrive in time")]
    Timeout,
}
