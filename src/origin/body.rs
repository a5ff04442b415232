//! The bytes of an object on their way out.
//!
//! A [`Body`] knows how many bytes it promised and keeps the books: one that would end short, or
//! go on too long, ends in an error instead, so that the connection to the client is broken off
//! and never looks complete. It reads when it is polled and at most one chunk ahead of that, so a
//! reader that stops makes it stop.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use rustix::fd::OwnedFd;

use super::copy::{CopyBody, Copying};
use super::disk::{DiskBody, DiskObject};
use super::error::{OriginError, OriginFault};
use super::http::{HttpBody, HttpObject};
use super::pulled::Pulled;
use super::range::Spans;
use crate::splice::{Outlet, WORTHWHILE};

/// A stream of an object's bytes. See the module.
#[derive(Debug)]
pub struct Body {
    source: Source,
    /// What is still owed; none where the origin did not say how much there is.
    owed: Option<u64>,
    /// Where its connection takes pipes, if it does.
    outlet: Option<Outlet>,
}

#[derive(Debug)]
enum Source {
    Begun(Bytes, Box<Body>),
    Copy(Box<CopyBody>),
    Disk(Box<DiskBody>),
    Ended,
    Http(Box<HttpBody>),
    Memory(std::vec::IntoIter<Bytes>),
    Pieces(Pulled),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self::new(Source::Ended, Some(0))
    }

    fn new(source: Source, owed: Option<u64>) -> Self {
        Self { source, owed, outlet: None }
    }

    /// Lets large parts pass by this outlet, which must be that of the connection that alone takes
    /// this body's bytes, in their order and unchanged.
    pub fn splice_into(&mut self, outlet: &Outlet) {
        if self.owed.is_some_and(|owed| owed >= WORTHWHILE) {
            self.outlet = Some(outlet.clone());
            if let Source::Copy(copy) = &mut self.source {
                copy.splice_into(outlet);
            }
        }
    }

    /// Why it will never end, where that showed while bytes of it passed by.
    pub fn broken_in_passing(&self) -> Option<OriginError> {
        let short = self.outlet.as_ref()?.failure()?;
        Some(OriginError::caused_by(OriginFault::BodyBroken, short))
    }

    /// Parts of a regular file.
    pub fn from_file(file: OwnedFd, spans: &Spans) -> Self {
        Self::from_disk(DiskObject::new(file), spans)
    }

    /// These bytes, and then what is left of a body; together as many as are promised.
    pub(super) fn begun(first: Bytes, rest: Self, length: Option<u64>) -> Self {
        Self::new(Source::Begun(first, Box::new(rest)), length)
    }

    /// Parts of a copy; `read` makes the body of parts of what it is a copy of.
    pub(super) fn from_copy(
        copying: &dyn Copying,
        spans: &Spans,
        read: impl FnOnce(&Spans) -> Self,
    ) -> Self {
        let copy = CopyBody::new(copying, spans, read);
        Self::new(Source::Copy(Box::new(copy)), Some(spans.total()))
    }

    pub(super) fn from_disk(file: DiskObject, spans: &Spans) -> Self {
        Self::new(Source::Disk(Box::new(DiskBody::new(file, spans))), Some(spans.total()))
    }

    /// All of an object whose length shows when it ends; the framing of the connection says
    /// whether that was its end.
    pub(super) fn from_http(object: HttpObject) -> Self {
        Self::new(Source::Http(Box::new(HttpBody::everything(object))), None)
    }

    pub(super) fn from_http_spans(object: HttpObject, spans: &Spans) -> Self {
        let body = HttpBody::spans(object, spans);
        Self::new(Source::Http(Box::new(body)), Some(spans.total()))
    }

    pub(super) fn from_memory(bytes: &Bytes, spans: &Spans) -> Self {
        let parts: Vec<Bytes> = spans
            .as_slice()
            .iter()
            .map_while(|span| {
                let first = usize::try_from(span.first()).ok()?;
                let end = usize::try_from(span.end()).ok()?;
                bytes.get(first..end).map(|part| bytes.slice_ref(part))
            })
            .collect();
        Self::new(Source::Memory(parts.into_iter()), Some(spans.total()))
    }

    /// For a reader who keeps many answers waiting at once: where it is this that chooses how much is
    /// read at a time, it is at most so many bytes from now on.
    pub fn keep_pieces_within(&mut self, bytes: usize) {
        match &mut self.source {
            Source::Begun(_, rest) => rest.keep_pieces_within(bytes),
            Source::Copy(body) => body.keep_pieces_within(bytes),
            Source::Disk(body) => body.keep_pieces_within(bytes),
            Source::Http(body) => body.keep_pieces_within(bytes),
            Source::Pieces(body) => body.keep_pieces_within(bytes),
            // What is in memory anyhow is given as it is.
            Source::Ended | Source::Memory(_) => {}
        }
    }

    pub(super) fn from_pieces(pieces: Pulled, spans: &Spans) -> Self {
        Self::new(Source::Pieces(pieces), Some(spans.total()))
    }

    fn settle(
        &mut self,
        read: Option<Result<Bytes, OriginError>>,
    ) -> Option<Result<Frame<Bytes>, OriginError>> {
        let outcome = match read {
            Some(Ok(bytes)) => self.pay(&bytes).map(|()| Frame::data(bytes)),
            Some(Err(error)) => Err(error),
            None if matches!(self.owed, Some(0) | None) => {
                self.source = Source::Ended;
                return None;
            }
            None => Err(OriginFault::BodyBroken.into()),
        };
        if outcome.is_err() || self.owed == Some(0) {
            // Lets go of the file or the connection now, not when the client has read everything.
            self.source = Source::Ended;
        }
        if outcome.is_err() {
            self.owed = None;
        }
        Some(outcome)
    }

    fn pay(&mut self, bytes: &Bytes) -> Result<(), OriginError> {
        if let Some(owed) = &mut self.owed {
            *owed = u64::try_from(bytes.len())
                .ok()
                .and_then(|length| owed.checked_sub(length))
                .ok_or(OriginFault::BodyOverlong)?;
        }
        Ok(())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = OriginError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OriginError>>> {
        let Self { source, outlet, owed: _ } = &mut *self;
        if let Some(outlet) = outlet {
            // First what went by the pipe: were it lost, the body would never end.
            ready!(outlet.poll_drained(cx));
        }
        let read = match source {
            Source::Begun(first, _) if !first.is_empty() => Some(Ok(std::mem::take(first))),
            Source::Begun(_, rest) => match ready!(Pin::new(&mut **rest).poll_frame(cx)) {
                // Bodies of objects have no trailers.
                Some(Ok(frame)) => frame.into_data().ok().map(Ok),
                Some(Err(error)) => Some(Err(error)),
                None => None,
            },
            Source::Copy(body) => ready!(body.poll_bytes(cx)),
            Source::Disk(body) => ready!(body.poll_bytes(cx, outlet.as_ref())),
            Source::Ended => return Poll::Ready(None),
            Source::Http(body) => ready!(body.poll_bytes(cx, outlet.as_ref())),
            Source::Memory(parts) => parts.next().map(Ok),
            Source::Pieces(body) => ready!(body.poll_bytes(cx)),
        };
        Poll::Ready(self.settle(read))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        self.owed.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt;

    use super::super::range::ByteRange;
    use super::*;

    fn spans(ranges: &[(u64, u64)]) -> Spans {
        Spans::coalesce(ranges.iter().map(|&(first, last)| ByteRange::new(first, last).unwrap()))
            .unwrap()
    }

    #[tokio::test]
    async fn memory_gives_the_spans_in_order() {
        let bytes = Bytes::from_static(b"0123456789");
        let body = Body::from_memory(&bytes, &spans(&[(0, 1), (4, 6), (9, 9)]));
        assert_eq!(body.size_hint().exact(), Some(6));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "014569");
    }

    #[tokio::test]
    async fn what_was_begun_goes_on_and_keeps_its_promise() {
        let whole = Bytes::from_static(b"0123456789");
        let rest = || Body::from_memory(&whole, &spans(&[(4, 9)]));
        let body = Body::begun(whole.slice(..4), rest(), Some(10));
        assert_eq!(body.size_hint().exact(), Some(10));
        assert_eq!(body.collect().await.unwrap().to_bytes(), whole);
        let unbounded = Body::begun(whole.slice(..4), rest(), None);
        assert_eq!(unbounded.collect().await.unwrap().to_bytes(), whole);
        let short = Body::begun(whole.slice(..4), Body::empty(), Some(10));
        assert_eq!(short.collect().await.unwrap_err().fault(), OriginFault::BodyBroken);
    }

    #[tokio::test]
    async fn what_is_promised_and_missing_is_an_error_at_the_end() {
        let bytes = Bytes::from_static(b"0123456789");
        let mut body = Body::from_memory(&bytes, &spans(&[(0, 1), (8, 10)]));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "01");
        assert!(!body.is_end_stream());
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.fault(), OriginFault::BodyBroken);
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn more_than_promised_is_an_error() {
        let parts = vec![Bytes::from_static(b"01"), Bytes::from_static(b"2")];
        let mut body = Body::new(Source::Memory(parts.into_iter()), Some(1));
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.fault(), OriginFault::BodyOverlong);
        assert!(body.frame().await.is_none());
    }
}
