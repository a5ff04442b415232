//! Copies of an object that have some bytes of their own: what is put between the object's bytes, or
//! in their place, is known before the first of them is read, and so is the copy's length.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Body as _;

use super::body::Body;
use super::error::{OriginError, OriginFault};
use super::range::{ByteRange, Spans};
use crate::splice::Outlet;

/// How a copy is made of an object.
pub trait Copying: fmt::Debug + Send + Sync {
    /// What a range of the copy consists of, in order. Ranges of the object ascend, also from one
    /// range of the copy to the next.
    fn parts(&self, range: ByteRange) -> Vec<CopyPart>;
}

/// A part of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyPart {
    /// These bytes of its own.
    Own(Bytes),
    /// These bytes of the object.
    Object(ByteRange),
}

/// The bytes of some ranges of a copy.
#[derive(Debug)]
pub(super) struct CopyBody {
    parts: VecDeque<CopyPart>,
    /// The object's bytes, a span for each part that is of it.
    object: Body,
    /// Of the object, read and not yet given: where what is read goes on past a part.
    held: Bytes,
}

impl CopyPart {
    fn range(&self) -> Option<ByteRange> {
        match self {
            Self::Own(_) => None,
            Self::Object(range) => Some(*range),
        }
    }
}

impl CopyBody {
    /// `read` makes the body of these ranges of the object.
    pub(super) fn new(
        copying: &dyn Copying,
        spans: &Spans,
        read: impl FnOnce(&Spans) -> Body,
    ) -> Self {
        let spans = spans.as_slice().iter();
        let parts: VecDeque<CopyPart> = spans.flat_map(|span| copying.parts(*span)).collect();
        let object = Spans::side_by_side(parts.iter().filter_map(CopyPart::range));
        let object = object.map_or_else(Body::empty, |spans| read(&spans));
        Self { parts, object, held: Bytes::new() }
    }

    pub(super) fn keep_pieces_within(&mut self, bytes: usize) {
        self.object.keep_pieces_within(bytes);
    }

    /// Large parts of the object may pass by the outlet: each is a span of its own, so that nothing
    /// that passes goes on past the end of a part.
    pub(super) fn splice_into(&mut self, outlet: &Outlet) {
        self.object.splice_into(outlet);
    }

    pub(super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        loop {
            let range = match self.parts.pop_front() {
                None => return Poll::Ready(None),
                Some(CopyPart::Own(bytes)) if bytes.is_empty() => continue,
                Some(CopyPart::Own(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(CopyPart::Object(range)) => range,
            };
            if self.held.is_empty() {
                let Poll::Ready(read) = Pin::new(&mut self.object).poll_frame(cx) else {
                    self.parts.push_front(CopyPart::Object(range));
                    return Poll::Pending;
                };
                self.held = match read {
                    Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(Some(Err(OriginFault::BodyBroken.into()))),
                };
            }
            let length = usize::try_from(range.length()).unwrap_or(usize::MAX);
            let bytes = if self.held.len() <= length {
                std::mem::take(&mut self.held)
            } else {
                self.held.split_to(length)
            };
            let first = range.first().saturating_add(bytes.len() as u64);
            if let Some(rest) = ByteRange::new(first, range.last()) {
                self.parts.push_front(CopyPart::Object(rest));
            }
            if !bytes.is_empty() {
                return Poll::Ready(Some(Ok(bytes)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::super::answer::Object;
    use super::super::caching::Caching;
    use super::super::validator::Validators;
    use super::super::{Divisibility, ObjectMeta};
    use super::*;

    /// `ab`, four bytes of the object, `XYZ` in the place of two, and what is left of it.
    #[derive(Debug)]
    struct Tagged;

    impl Copying for Tagged {
        fn parts(&self, range: ByteRange) -> Vec<CopyPart> {
            let all = b"ab\0\x01\x02\x03XYZ\x06\x07\x08\x09";
            let mut parts: Vec<CopyPart> = Vec::new();
            for at in range.first()..=range.last() {
                let own = usize::try_from(at).map(|at| all[at]).unwrap();
                match (own.is_ascii_alphabetic(), parts.last_mut()) {
                    (false, Some(CopyPart::Object(before))) => {
                        *before = ByteRange::new(before.first(), own.into()).unwrap();
                    }
                    (false, _) => {
                        let range = ByteRange::new(own.into(), own.into()).unwrap();
                        parts.push(CopyPart::Object(range));
                    }
                    (true, _) => parts.push(CopyPart::Own(Bytes::copy_from_slice(&[own]))),
                }
            }
            parts
        }
    }

    fn object() -> Object {
        let meta = ObjectMeta {
            complete_length: None,
            validators: Validators::default(),
            content_type: http::HeaderValue::from_static("text/plain"),
            content_language: None,
            content_encoding: None,
            caching: Caching::UNSTATED,
            forwarded: http::HeaderMap::new(),
        };
        Object::from_memory(meta, Bytes::from_static(b"\0\x01\x02\x03\x04\x05\x06\x07\x08\x09"))
    }

    async fn read(body: Body) -> Vec<u8> {
        body.collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn every_range_of_a_copy_is_that_part_of_it() {
        let all = b"ab\0\x01\x02\x03XYZ\x06\x07\x08\x09";
        let meta = ObjectMeta { complete_length: Some(13), ..object().meta().clone() };
        let copy = || object().copied(meta.clone(), Box::new(Tagged));
        assert_eq!(copy().meta().complete_length, Some(13));
        assert_eq!(copy().divisibility(), Divisibility::Spans);
        assert_eq!(read(copy().into_whole()).await, all);
        for first in 0..13_u64 {
            for last in first..13 {
                let spans = Spans::from(ByteRange::new(first, last).unwrap());
                let [from, to] = [first, last].map(|at| usize::try_from(at).unwrap());
                assert_eq!(read(copy().into_spans(&spans)).await, all[from..=to]);
            }
        }
        let spans = [(0, 2), (4, 6), (8, 12)].map(|(a, b)| ByteRange::new(a, b).unwrap());
        let spans = Spans::coalesce(spans).unwrap();
        let expected = [&all[0..=2], &all[4..=6], &all[8..=12]].concat();
        assert_eq!(read(copy().into_spans(&spans)).await, expected);
    }

    /// An object that is shorter than the copy was made for ends the copy in an error.
    #[tokio::test]
    async fn a_copy_of_too_little_is_broken_off() {
        let meta = ObjectMeta { complete_length: Some(13), ..object().meta().clone() };
        let short = Object::from_memory(meta.clone(), Bytes::from_static(b"\0\x01\x02\x03\x04"));
        let copy = short.copied(meta, Box::new(Tagged));
        let error = copy.into_whole().collect().await.unwrap_err();
        assert_eq!(error.fault(), OriginFault::BodyBroken);
    }
}
