//! One edge's connection: what it gets to hear, in order.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, timeout};

use super::hub::{EdgeHub, Seen};
use super::recent::Next;
use crate::control_plane::record::{EdgeId, SecretHash};
use crate::control_plane::service::ServiceError;
use crate::feed::{Position, heartbeat, hello};
use crate::telemetry::ErrorChain;

/// Pieces that may wait for an edge.
const WAITING: usize = 4;

/// An edge that takes nothing for so long is left.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store that cannot be looked at for so long: another control plane may reach it.
const BLIND: Duration = Duration::from_secs(4);

/// Between two heartbeats; and between two empty lines while there is nothing to say yet.
const BEAT: Duration = Duration::from_secs(1);

/// Lines of the feed, for one edge, in pieces.
#[derive(Debug)]
pub struct FeedLines(mpsc::Receiver<Result<Bytes, ServiceError>>);

impl Stream for FeedLines {
    type Item = Result<Bytes, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context)
    }
}

pub(super) fn start(
    hub: EdgeHub,
    id: EdgeId,
    token: SecretHash,
    reader: Option<Position>,
) -> FeedLines {
    let (lines, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let mut talk = Talk { hub: hub.clone(), at: reader, lines: lines.clone() };
        tokio::select! {
            end = talk.speak() => {
                let End::Failed(error) = end else { return };
                tracing::warn!(edge = %id, error = %ErrorChain(&error), "an edge is left");
                // So that the answer breaks off, and does not look as if it were whole.
                let _ = lines.try_send(Err(error));
            }
            () = hub.dismissed(&id, &token) => tracing::info!(edge = %id, "an edge is dismissed"),
        }
    });
    FeedLines(receiver)
}

/// What is said to one edge.
struct Talk {
    hub: EdgeHub,
    at: Option<Position>,
    lines: mpsc::Sender<Result<Bytes, ServiceError>>,
}

/// Why no more is said.
enum End {
    /// It cannot be.
    Failed(ServiceError),
    /// Nobody listens, or too slowly.
    Left,
}

impl<E: Into<ServiceError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Talk {
    async fn speak(&mut self) -> End {
        match self.go_on().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn go_on(&mut self) -> Result<std::convert::Infallible, End> {
        self.say(hello().into()).await?;
        let mut seen = self.hub.seen();
        let mut beaten: Option<Instant> = None;
        loop {
            let Seen { head } = seen.borrow_and_update().clone();
            let Some((now, head)) = head else {
                // The store was not looked at yet.
                self.look(&mut seen).await?;
                continue;
            };
            let spoke = self.catch_up().await?;
            if let Some(at) = &self.at
                && at.lineage == head.lineage
                && at.version >= head.version
                && (spoke || beaten.is_none_or(|last| last.elapsed() >= BEAT))
            {
                beaten = Some(Instant::now());
                // What came since that look is said already, or will be.
                self.say(heartbeat(now, head.version).into()).await?;
            }
            self.look(&mut seen).await?;
        }
    }

    /// Waits for the next look at the store.
    async fn look(&self, seen: &mut watch::Receiver<Seen>) -> Result<(), End> {
        match self.hold(timeout(BLIND, seen.changed())).await? {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Left),
        }
    }

    /// Says everything that is newer than where the edge is. Was there anything?
    async fn catch_up(&mut self) -> Result<bool, End> {
        let mut spoke = false;
        loop {
            let Some(at) = self.at.clone() else {
                self.say_snapshot().await?;
                spoke = true;
                continue;
            };
            let (lines, version) = match self.hub.next(&at) {
                Next::UpToDate => return Ok(spoke),
                Next::Lines { lines, version } => (lines, version),
                Next::Elsewhere => match self.hub.next_in_store(&at).await? {
                    Some((_, version)) if version == at.version => return Ok(spoke),
                    Some(found) => found,
                    None => {
                        self.say_snapshot().await?;
                        spoke = true;
                        continue;
                    }
                },
            };
            self.say(lines).await?;
            self.at = Some(Position { version, ..at });
            spoke = true;
        }
    }

    async fn say_snapshot(&mut self) -> Result<(), End> {
        let reader = self.at.take();
        let hub = self.hub.clone();
        let spool = self.hold(hub.snapshot(reader.as_ref())).await??;
        let mut offset = 0_u64;
        loop {
            let piece = spool
                .piece(offset)
                .await
                .map_err(|error| End::Failed(ServiceError::Failed(Box::new(error))))?;
            if piece.is_empty() {
                break;
            }
            offset += piece.len() as u64;
            self.say(piece).await?;
        }
        self.at = Some(spool.at.clone());
        Ok(())
    }

    /// Waits for something; meanwhile empty lines say that the connection is there.
    async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, End> {
        let mut work = std::pin::pin!(work);
        let mut beats = interval(BEAT);
        beats.tick().await;
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = beats.tick() => self.say(Bytes::from_static(b"\n")).await?,
                () = self.lines.closed() => return Err(End::Left),
            }
        }
    }

    async fn say(&self, lines: Bytes) -> Result<(), End> {
        match timeout(PATIENCE, self.lines.send(Ok(lines))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Left),
        }
    }
}
