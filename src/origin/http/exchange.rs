//! One request and the head of its answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Empty;
use hyper::body::Incoming;

use super::super::error::{OriginError, OriginErrorKind, OriginFault};
use super::super::forwarding::Forwarding;
use super::breaker::Breaker;
use super::connect::Connector;
use super::object::Download;
use super::pool::{Connection, Pool};
use super::retry_budget::RetryBudget;

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
        request: Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), OriginError> {
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

    async fn ask_and_repeat(
        &self,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), OriginError> {
        self.budget.earn();
        if let Some(connection) = self.pool.take() {
            match self.attempt(connection, request.clone()).await {
                Ok(answered) => return Ok(answered),
                Err(Attempt::Failed(error)) => return Err(error),
                Err(Attempt::Unanswered(error)) => {
                    self.budget.spend().ok_or(error)?;
                }
            }
        }
        let connection = self.connector.connect().await?;
        self.attempt(connection, request).await.map_err(|attempt| match attempt {
            Attempt::Failed(error) | Attempt::Unanswered(error) => error,
        })
    }

    async fn attempt(
        &self,
        mut connection: Connection,
        request: Request<Empty<Bytes>>,
    ) -> Result<(Response<Incoming>, Connection), Attempt> {
        let before = connection.received.bytes();
        let answer = connection.sender.send_request(request);
        match tokio::time::timeout(self.header_timeout, answer).await {
            Ok(Ok(response)) => Ok((response, connection)),
            Ok(Err(error)) if connection.received.bytes() == before => {
                Err(Attempt::Unanswered(OriginError::caused_by(OriginFault::ConnectionLost, error)))
            }
            Ok(Err(error)) => {
                let fault = if error.is_parse() {
                    OriginFault::HeadMalformed
                } else {
                    OriginFault::ConnectionLost
                };
                Err(Attempt::Failed(OriginError::caused_by(fault, error)))
            }
            Err(late) => {
                Err(Attempt::Failed(OriginError::caused_by(OriginFault::HeadTimedOut, late)))
            }
        }
    }

    /// Reads a body nobody wants, if it is short, so that its connection can be used again.
    pub(super) fn discard(&self, mut unwanted: Download) {
        const SHORT: u64 = 16 * 1024;
        if unwanted.promised().is_none_or(|length| length > SHORT) {
            return;
        }
        let patience = self.header_timeout;
        tokio::spawn(tokio::time::timeout(patience, async move {
            while let Some(Ok(_)) = unwanted.next().await {}
        }));
    }
}
