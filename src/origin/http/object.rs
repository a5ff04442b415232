//! An object on a server: the answer that is in hand, and the way to more of the same version.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use http_body::Body as _;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::super::answer::Divisibility;
use super::super::error::{OriginError, OriginFault};
use super::super::validator::Validators;
use super::exchange::Upstream;
use super::pool::Connection;
use crate::clock::UnixSeconds;

/// One version of an object.
#[derive(Debug)]
pub(in super::super) struct HttpObject {
    pub(super) upstream: Arc<Upstream>,
    pub(super) version: Version,
    /// The answer that described it, where that had a body.
    pub(super) in_hand: Option<Download>,
}

/// What tells this version from another, and where it is.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) target: PathAndQuery,
    pub(super) validators: Validators,
    pub(super) complete: Option<u64>,
    /// The headers that it was asked for with, by which it may have been chosen.
    pub(super) forwarded: HeaderMap,
    pub(super) asked_at: UnixSeconds,
}

impl HttpObject {
    /// Several parts come from several answers, unless the one in hand has them all. That they
    /// are of one version can only be told where the origin gives a validator.
    pub(in super::super) fn divisibility(&self) -> Divisibility {
        let Some(complete) = self.version.complete else { return Divisibility::Whole };
        let all_in_hand = self
            .in_hand
            .as_ref()
            .is_some_and(|download| download.position == 0 && download.end == Some(complete));
        let Validators { etag, last_modified, stated_at: _ } = &self.version.validators;
        if all_in_hand || etag.is_some() || last_modified.is_some() {
            Divisibility::Spans
        } else {
            Divisibility::OneSpan
        }
    }
}

/// A body as it arrives. Dropping it closes its connection, unless it was read to its end.
pub(super) struct Download {
    upstream: Arc<Upstream>,
    incoming: Incoming,
    connection: Option<Connection>,
    /// Where in the object its next byte belongs.
    pub(super) position: u64,
    /// Where in the object it ends; none where that shows only when it does.
    pub(super) end: Option<u64>,
    /// Arrived, not yet taken.
    pub(super) held: Bytes,
    ended: Ended,
    patience: Option<Pin<Box<Sleep>>>,
    watch: Watch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    No,
    Yes,
}

/// Is somebody waiting for a byte?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watch {
    Running,
    Stopped,
}

impl Download {
    pub(super) fn new(
        upstream: Arc<Upstream>,
        incoming: Incoming,
        connection: Connection,
        position: u64,
        end: Option<u64>,
    ) -> Self {
        Self {
            upstream,
            incoming,
            connection: Some(connection),
            position,
            end,
            held: Bytes::new(),
            ended: Ended::No,
            patience: None,
            watch: Watch::Stopped,
        }
    }

    /// What its framing says is still to come.
    pub(super) fn promised(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }

    /// The next bytes as they arrive. Bytes that are late are late only while somebody waits for
    /// them: a reader that stops polling stops the watch with the first bytes it finds.
    pub(super) fn poll_arrival(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        while self.ended == Ended::No {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Pending => {
                    ready!(self.poll_patience(cx));
                    return Poll::Ready(Some(Err(OriginFault::BodyStalled.into())));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    self.watch = Watch::Stopped;
                    // What is no data is a trailer, in which we believe nothing.
                    if let Ok(bytes) = frame.into_data() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    let error = OriginError::caused_by(OriginFault::BodyBroken, error);
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => self.ended = Ended::Yes,
            }
        }
        Poll::Ready(None)
    }

    pub(super) async fn next(&mut self) -> Option<Result<Bytes, OriginError>> {
        poll_fn(|cx| self.poll_arrival(cx)).await
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.upstream.idle_timeout;
        let patience = self.patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        if self.watch == Watch::Stopped {
            patience.as_mut().reset(Instant::now() + timeout);
            self.watch = Watch::Running;
        }
        patience.as_mut().poll(cx)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("position", &self.position)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        let read_to_its_end = self.ended == Ended::Yes || self.incoming.is_end_stream();
        if read_to_its_end
            && self.held.is_empty()
            && let Some(connection) = self.connection.take()
        {
            self.upstream.pool.recycle(connection);
        }
    }
}
