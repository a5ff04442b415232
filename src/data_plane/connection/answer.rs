//! What a connection asks of the rest of the plane: an answer to each request.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use super::super::connection_metrics::{ConnectionMetrics, Timeout};
use super::super::settings::Settings;
use super::facts::ConnectionFacts;

/// Answers requests; the pipeline.
///
/// A future or a body that is dropped before its end says that the client went away. One that
/// panics ends its request with 500, or cuts its answer off, and nothing else.
pub trait Answer: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;

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

/// Why a client is sent away before it has asked anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnedAway {
    /// The head of its request did not arrive in time.
    HeadLate,
    /// There are as many connections as may be.
    NoRoom,
}

/// The body of a request, which must arrive in the time a head has.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    /// When it must have arrived; none where there is none.
    due: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
    metrics: Arc<ConnectionMetrics>,
}

impl RequestBody {
    pub(super) fn new(
        incoming: Incoming,
        timeout: Duration,
        metrics: Arc<ConnectionMetrics>,
    ) -> Self {
        let due = (!incoming.is_end_stream()).then(|| Instant::now() + timeout);
        Self { incoming, due, sleep: None, metrics }
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
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) {
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
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
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
