//! One connection: lines in, what is in force out, and word back of how far it is.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{error::Elapsed, interval, timeout};

use super::connect::{ConnectError, Connection, Connector};
use super::settings::ControlUrl;
use crate::feed::{FeedError, LineTooLong, Position};

/// For an answer's head.
const ANSWER: Duration = Duration::from_secs(5);

/// A connection on which nothing is heard for so long is over: a control plane says something each
/// second.
const SILENCE: Duration = Duration::from_secs(4);

/// Between two words of how far we are, where that changed.
const ACK_EVERY: Duration = Duration::from_millis(500);

/// Ticks of that after which it is said all the same.
const ACK_ANYWAY: u32 = 10;

const FEED: &str = "/api/v1/edge/feed";
const ACKS: &str = "/api/v1/edge/acks";

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum Over {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error("its answer cannot be read")]
    Answer(#[from] serde_json::Error),
    #[error("the connection broke")]
    Broken(#[source] hyper::Error),
    #[error("the control plane ended it")]
    Ended,
    #[error("what it says cannot be followed")]
    Feed(#[from] FeedError),
    #[error("what it says cannot be followed")]
    Line(#[from] LineTooLong),
    #[error("the request could not be made")]
    Request(#[from] http::Error),
    #[error("it refuses: {0}")]
    Refused(StatusCode),
    #[error("it said nothing for too long")]
    Silent(#[from] Elapsed),
    #[error("another snapshot is wanted")]
    Snapshot,
    #[error("the spool cannot be read")]
    Spool(#[source] std::io::Error),
    #[error("it does not say that it has what it was sent")]
    Untaken,
}

/// A feed that is being read.
pub(super) struct Session {
    body: Incoming,
    _connection: Connection,
}

impl Session {
    /// Asks for what comes after a position; none: for everything.
    pub(super) async fn begin(
        connector: &Connector,
        url: &ControlUrl,
        at: Option<&Position>,
    ) -> Result<Self, Over> {
        let target = match at {
            Some(Position { lineage, version }) => {
                let lineage = form_urlencoded::byte_serialize(lineage.as_bytes());
                format!("{FEED}?lineage={}&version={version}", lineage.collect::<String>())
            }
            None => FEED.to_owned(),
        };
        let mut connection = connector.connect(url).await?;
        let request = connector.request(url, Method::GET, &target, Bytes::new())?;
        let answer = timeout(ANSWER, connection.requests.send_request(request)).await?;
        let answer = answer.map_err(Over::Broken)?;
        if answer.status() != StatusCode::OK {
            return Err(Over::Refused(answer.status()));
        }
        Ok(Self { body: answer.into_body(), _connection: connection })
    }

    /// The next bytes of the feed.
    pub(super) async fn next(&mut self) -> Result<Bytes, Over> {
        loop {
            let frame = timeout(SILENCE, self.body.frame()).await?.ok_or(Over::Ended)?;
            if let Ok(bytes) = frame.map_err(Over::Broken)?.into_data() {
                return Ok(bytes);
            }
        }
    }
}

/// Says how far we are, now and then, for as long as it is kept. That the control plane does not
/// hear it changes nothing here.
pub(super) fn acknowledge(
    connector: std::sync::Arc<Connector>,
    url: ControlUrl,
    applied: watch::Receiver<u64>,
) -> JoinSet<()> {
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut ticks = interval(ACK_EVERY);
        let mut connection = None;
        let (mut said, mut silent) = (None, 0_u32);
        loop {
            ticks.tick().await;
            let version = *applied.borrow();
            silent += 1;
            if said == Some(version) && silent < ACK_ANYWAY {
                continue;
            }
            let body = format!("{{\"version\":{version}}}").into();
            match post(&connector, &url, connection.take(), ACKS, body).await {
                Ok((open, _)) => {
                    connection = Some(open);
                    (said, silent) = (Some(version), 0);
                }
                Err(error) => tracing::debug!(%error, "the control plane was not told"),
            }
        }
    });
    task
}

/// Says something to a control plane, on the connection that is open or on another. Gives that back,
/// and the answer.
pub(super) async fn post(
    connector: &Connector,
    url: &ControlUrl,
    open: Option<Connection>,
    target: &str,
    body: Bytes,
) -> Result<(Connection, Bytes), Over> {
    send(connector, url, open, Method::POST, target, body).await
}

/// The same by any method.
pub(super) async fn send(
    connector: &Connector,
    url: &ControlUrl,
    open: Option<Connection>,
    method: Method,
    target: &str,
    body: Bytes,
) -> Result<(Connection, Bytes), Over> {
    let mut connection = match open {
        Some(open) if open.requests.is_ready() => open,
        Some(_) | None => connector.connect(url).await?,
    };
    let request = connector.request(url, method, target, body)?;
    let answer = timeout(ANSWER, connection.requests.send_request(request)).await?;
    let answer = answer.map_err(Over::Broken)?;
    let status = answer.status();
    let said = timeout(ANSWER, answer.into_body().collect()).await?.map_err(Over::Broken)?;
    if status.is_success() { Ok((connection, said.to_bytes())) } else { Err(Over::Refused(status)) }
}
