//! `multipart/byteranges` (RFC 9110 section 14.6): framing, and a body that adds it.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body as _, Frame};

use crate::delivery::{Body, OriginError, OriginFault, Spans};

/// The frame around the parts of one answer; its length is known before its first byte is read.
#[derive(Debug)]
pub(super) struct MultipartFrame {
    boundary: String,
    /// For each part its head, and how many bytes of the object follow it.
    parts: VecDeque<(Bytes, u64)>,
    closing: Bytes,
}

impl MultipartFrame {
    pub(super) fn new(spans: &Spans, complete: u64, content_type: &HeaderValue) -> Self {
        let boundary = boundary();
        let mut parts = VecDeque::new();
        let mut separator = "";
        for span in spans.as_slice() {
            let mut head = format!("{separator}--{boundary}\r\nContent-Type: ").into_bytes();
            head.extend_from_slice(content_type.as_bytes());
            let range = format!("\r\nContent-Range: bytes {span}/{complete}\r\n\r\n");
            head.extend_from_slice(range.as_bytes());
            parts.push_back((head.into(), span.length()));
            separator = "\r\n";
        }
        Self { parts, closing: format!("\r\n--{boundary}--\r\n").into(), boundary }
    }

    pub(super) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// Bytes of the whole body; none past 2^64.
    pub(super) fn length(&self) -> Option<u64> {
        self.parts.iter().try_fold(self.closing.len() as u64, |sum, (head, length)| {
            sum.checked_add(head.len() as u64)?.checked_add(*length)
        })
    }
}

/// Unforeseeable, so that no file can be made to contain it: two keyed hashes of nothing, whose
/// keys the system drew at random.
fn boundary() -> String {
    let draw = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", draw(), draw())
}

/// The object's bytes with the frame around them.
#[derive(Debug)]
pub(super) struct MultipartBody {
    frame: MultipartFrame,
    pub(super) content: Body,
    /// Read from `content`, not yet sent.
    held: Bytes,
    /// Bytes of the current part still to come.
    left: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Closed,
    Parts,
}

impl MultipartBody {
    /// `content` must promise the bytes of the frame's parts one after the other.
    pub(super) fn new(frame: MultipartFrame, content: Body) -> Self {
        Self { frame, content, held: Bytes::new(), left: 0, stage: Stage::Parts }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.stage == Stage::Closed
    }

    pub(super) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OriginError>>> {
        if self.stage == Stage::Closed {
            return Poll::Ready(None);
        }
        if self.left == 0 {
            let Some((head, length)) = self.frame.parts.pop_front() else {
                self.stage = Stage::Closed;
                return Poll::Ready(Some(Ok(Frame::data(self.frame.closing.clone()))));
            };
            self.left = length;
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        while self.held.is_empty() {
            match ready!(Pin::new(&mut self.content).poll_frame(cx)) {
                Some(Ok(frame)) => self.held = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Poll::Ready(Some(Err(self.broken(error)))),
                None => {
                    let error = self.broken(OriginFault::BodyBroken.into());
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        let available = self.held.len();
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(available);
        self.left = self.left.saturating_sub(taken as u64);
        Poll::Ready(Some(Ok(Frame::data(self.held.split_to(taken)))))
    }

    fn broken(&mut self, error: OriginError) -> OriginError {
        self.stage = Stage::Closed;
        error
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::delivery::ByteRange;

    /// Content that ends early, or breaks off, must not be closed as if it were whole.
    #[tokio::test]
    async fn a_part_that_is_missing_ends_in_an_error() {
        let spans = Spans::coalesce([(0, 1), (5, 6)].map(|(a, b)| ByteRange::new(a, b).unwrap()));
        let frame =
            MultipartFrame::new(&spans.unwrap(), 10, &HeaderValue::from_static("video/mp4"));
        let mut body = MultipartBody::new(frame, Body::empty());
        let head = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap().into_data().unwrap();
        assert!(head.ends_with(b"Content-Range: bytes 0-1/10\r\n\r\n"));
        let error = poll_fn(|cx| body.poll_frame(cx)).await.unwrap().unwrap_err();
        assert_eq!(error.fault(), OriginFault::BodyBroken);
        assert!(poll_fn(|cx| body.poll_frame(cx)).await.is_none());
    }
}
