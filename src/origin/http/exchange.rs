//! One request and the head of its answer.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::BytesMut;

use super::super::ask::AskMethod;
use super::super::error::{OriginError, OriginErrorKind, OriginFault};
use super::super::forwarding::Forwarding;
use super::breaker::Breaker;
use super::connect::Connector;
use super::head::{Head, HeadReader, HeadRejection};
use super::incoming::{Incoming, LARGEST_READ};
use super::object::Download;
use super::pool::{Connection, Pool};
use super::protocol::Protocol;
use super::request::RequestHead;
use super::retry_budget::RetryBudget;
use super::stream::Stream;

/// Room for the first read of an answer: a small one fits with its body.
const FIRST_READ: usize = 8 * 1024;

/// What every request to one origin shares.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) connector: Connector,
    pub(super) pool: Arc<Pool>,
    pub(super) budget: RetryBudget,
    pub(super) breaker: Breaker,
    /// From a request to the end of its answer's head.
    pub(super) header_timeout: Duration,
    /// Without a byte of a body somebody waits for.
    pub(super) idle_timeout: Duration,
    /// Headers that travel.
    pub(super) forwarding: Forwarding,
    /// How it is spoken with.
    pub(super) protocol: Protocol,
}

/// Why a request on one connection came to nothing.
enum Attempt {
    Failed(OriginError),
    /// Not a byte came back.
    Unanswered(OriginError),
}

impl Upstream {
    /// Sends a request and waits for the head of the answer.
    ///
    /// A connection that waited in the pool may have been closed by the origin a moment ago. When
    /// it fails before a byte came back, the request is sent once more, on a new connection: it is
    /// a GET or HEAD, which may be repeated (RFC 9110 section 9.2.2).
    pub(super) async fn exchange(
        &self,
        request: RequestHead,
    ) -> Result<(Head, Incoming), OriginError> {
        let request = match &self.protocol {
            Protocol::Plain => request,
            Protocol::Store(store) => {
                let signing = tokio::time::timeout(self.header_timeout, store.signer.sign(request));
                let late = |late| OriginError::caused_by(OriginFault::HeadTimedOut, late);
                signing.await.map_err(late)??
            }
        };
        let leave = self.breaker.leave()?;
        let answered = self.ask_and_repeat(request).await;
        match &answered {
            Ok(_) => leave.answered(),
            Err(error) => match error.kind() {
                OriginErrorKind::Timeout | OriginErrorKind::Unreachable => leave.failed(),
                // It answered, if nonsense.
                OriginErrorKind::Invalid | OriginErrorKind::Overloaded => leave.answered(),
            },
        }
        answered
    }

    async fn ask_and_repeat(&self, request: RequestHead) -> Result<(Head, Incoming), OriginError> {
        self.budget.earn();
        let method = request.method;
        let request = request.into_bytes();
        if let Some(connection) = self.pool.take() {
            match self.attempt(connection, &request, method).await {
                Ok(answered) => return Ok(answered),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Unanswered(error)) => {
                    self.budget.spend().ok_or(error)?;
                }
            }
        }
        let connection = self.connector.connect().await?;
        self.attempt(connection, &request, method).await.map_err(|attempt| match attempt {
            Attempt::Failed(error) | Attempt::Unanswered(error) => error,
        })
    }

    async fn attempt(
        &self,
        mut connection: Connection,
        request: &[u8],
        method: AskMethod,
    ) -> Result<(Head, Incoming), Attempt> {
        let Connection { stream, patience, .. } = &mut connection;
        patience.start(self.header_timeout);
        let mut arrived = BytesMut::with_capacity(FIRST_READ);
        let answered = {
            let mut answering = pin!(answer(stream, request, method, &mut arrived));
            poll_fn(|cx| match answering.as_mut().poll(cx) {
                Poll::Ready(answered) => Poll::Ready(answered),
                Poll::Pending => {
                    let late = patience.poll_over(cx);
                    late.map(|()| Err(Attempt::Failed(OriginFault::HeadTimedOut.into())))
                }
            })
            .await
        };
        let head = answered?;
        connection.patience.stop();
        let incoming = Incoming::new(connection, head.framing, head.reuse, arrived);
        Ok((head, incoming))
    }

    /// Reads a body nobody wants, if it is short, so that its connection can be used again.
    pub(super) fn discard(&self, mut unwanted: Download) {
        const SHORT: u64 = 16 * 1024;
        if unwanted.promised().is_none_or(|length| length > SHORT) {
            return;
        }
        // Most often it came with the head.
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            match unwanted.poll_arrival(LARGEST_READ, &mut cx) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return,
                Poll::Pending => break,
            }
        }
        let patience = self.header_timeout;
        tokio::spawn(tokio::time::timeout(patience, async move {
            while let Some(Ok(_)) = unwanted.next().await {}
        }));
    }
}

/// Sends the request and reads the head of the answer; what came behind it stays in `arrived`.
async fn answer(
    stream: &mut Stream,
    request: &[u8],
    method: AskMethod,
    arrived: &mut BytesMut,
) -> Result<Head, Attempt> {
    let unanswered =
        |error| Attempt::Unanswered(OriginError::caused_by(OriginFault::ConnectionLost, error));
    stream.send(request).await.map_err(unanswered)?;
    let mut reader = HeadReader::new(method);
    let mut silence = Silence::Unbroken;
    loop {
        arrived.reserve(FIRST_READ);
        let lost = match poll_fn(|cx| stream.poll_receive(arrived, cx)).await {
            Ok(0) => io::ErrorKind::UnexpectedEof.into(),
            Ok(_) => match reader.read(arrived) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => {
                    silence = Silence::Broken;
                    continue;
                }
                Err(rejection) => return Err(rejection.into()),
            },
            Err(error) => error,
        };
        return Err(match silence {
            Silence::Unbroken => unanswered(lost),
            Silence::Broken => {
                Attempt::Failed(OriginError::caused_by(OriginFault::ConnectionLost, lost))
            }
        });
    }
}

/// Has a byte come back?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Silence {
    Broken,
    Unbroken,
}

impl From<HeadRejection> for Attempt {
    fn from(rejection: HeadRejection) -> Self {
        Self::Failed(OriginError::caused_by(rejection.fault(), rejection))
    }
}
