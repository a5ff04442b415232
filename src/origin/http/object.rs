//! An object on a server: the answer that is in hand, and the way to more of the same version.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;

use super::super::answer::Divisibility;
use super::super::error::{OriginError, OriginFault};
use super::super::validator::Validators;
use super::exchange::Upstream;
use super::incoming::{Incoming, LARGEST_READ};
use crate::clock::UnixSeconds;
use crate::splice::FullPipe;

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

impl HttpObject {
    /// Where the bytes begin that are arriving.
    pub(in super::super) fn under_way_from(&self) -> Option<u64> {
        self.in_hand.as_ref().map(|download| download.position)
    }
}

/// A body as it arrives. Dropping it closes its connection, unless it was read to its end.
pub(super) struct Download {
    upstream: Arc<Upstream>,
    incoming: Incoming,
    /// Where in the object its next byte belongs.
    pub(super) position: u64,
    /// Where in the object it ends; none where that shows only when it does.
    pub(super) end: Option<u64>,
    /// Arrived, not yet taken.
    pub(super) held: Bytes,
}

impl Download {
    pub(super) fn new(
        upstream: Arc<Upstream>,
        incoming: Incoming,
        position: u64,
        end: Option<u64>,
    ) -> Self {
        let mut download = Self { upstream, incoming, position, end, held: Bytes::new() };
        download.release();
        download
    }

    /// What its framing says is still to come.
    pub(super) fn promised(&self) -> Option<u64> {
        self.incoming.promised()
    }

    /// The next bytes as they arrive, read so many at once. Bytes that are late are late only while somebody waits for
    /// them: a reader that stops polling stops the watch with the first bytes it finds.
    pub(super) fn poll_arrival(
        &mut self,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        let Poll::Ready(read) = self.incoming.poll_bytes(most, cx) else {
            ready!(self.poll_patience(cx));
            return Poll::Ready(Some(Err(OriginFault::BodyStalled.into())));
        };
        if let Some(connection) = self.incoming.connection() {
            connection.patience.stop();
        }
        self.release();
        Poll::Ready(read.map(|read| {
            read.map_err(|error| OriginError::caused_by(OriginFault::BodyBroken, error))
        }))
    }

    /// What lies on a plain socket and has not been read, where that is known.
    pub(super) fn unread(&self) -> Option<u64> {
        self.incoming.unread()
    }

    /// The next bytes in a pipe as they arrive; none where there is no pipe, and none will be tried
    /// for again.
    pub(super) fn poll_pipe(
        &mut self,
        most: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<FullPipe>, OriginError>> {
        let Poll::Ready(filled) = self.incoming.poll_pipe(most, cx) else {
            ready!(self.poll_patience(cx));
            return Poll::Ready(Err(OriginFault::BodyStalled.into()));
        };
        if let Some(connection) = self.incoming.connection() {
            connection.patience.stop();
        }
        if let Ok(Some(pipe)) = &filled {
            self.position = self.position.saturating_add(pipe.left() as u64);
        }
        Poll::Ready(filled.map_err(|error| OriginError::caused_by(OriginFault::BodyBroken, error)))
    }

    pub(super) async fn next(&mut self) -> Option<Result<Bytes, OriginError>> {
        poll_fn(|cx| self.poll_arrival(LARGEST_READ, cx)).await
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.upstream.idle_timeout;
        let Some(connection) = self.incoming.connection() else { return Poll::Pending };
        connection.patience.start_once(timeout);
        connection.patience.poll_over(cx)
    }

    /// Gives the connection back as soon as it can serve others.
    fn release(&mut self) {
        if let Some(connection) = self.incoming.release() {
            self.upstream.pool.shelve(connection);
        }
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
