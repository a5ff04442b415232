//! The body of an answer: nothing, an object's bytes, or parts of it in a frame.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::multipart::{MultipartBody, MultipartFrame};
use crate::delivery::{Body, OriginError, Spans};
use crate::splice::Outlet;

/// The body of an answer with a file.
#[derive(Debug)]
pub struct AnswerBody {
    form: Form,
    portion: Portion,
}

/// Which part of an object an answer has.
#[derive(Debug)]
pub enum Portion {
    /// None of it.
    Nothing,
    /// Some of it, in this order.
    Spans {
        /// Which.
        spans: Spans,
        /// Bytes in the object.
        complete: u64,
    },
    /// All of it.
    Whole {
        /// Bytes in the object, where its origin says so.
        complete: Option<u64>,
    },
}

#[derive(Debug)]
enum Form {
    Empty,
    Multipart { body: MultipartBody, left: Option<u64> },
    Plain(Body),
}

impl AnswerBody {
    /// No bytes.
    pub const fn empty() -> Self {
        Self { form: Form::Empty, portion: Portion::Nothing }
    }

    pub(super) fn plain(body: Body, portion: Portion) -> Self {
        Self { form: Form::Plain(body), portion }
    }

    pub(super) fn multipart(frame: MultipartFrame, content: Body, portion: Portion) -> Self {
        let left = frame.length();
        Self { form: Form::Multipart { body: MultipartBody::new(frame, content), left }, portion }
    }

    /// Which part of its object it has.
    pub fn portion(&self) -> &Portion {
        &self.portion
    }

    /// See [`Body::keep_pieces_within`].
    pub fn keep_pieces_within(&mut self, bytes: usize) {
        match &mut self.form {
            Form::Empty => {}
            Form::Multipart { body, .. } => body.content.keep_pieces_within(bytes),
            Form::Plain(body) => body.keep_pieces_within(bytes),
        }
    }
}

impl AnswerBody {
    /// Lets large files pass by this outlet; see [`Body::splice_into`]. Parts with frames around
    /// them do not.
    pub fn splice_into(&mut self, outlet: &Outlet) {
        match &mut self.form {
            Form::Empty | Form::Multipart { .. } => {}
            Form::Plain(body) => body.splice_into(outlet),
        }
    }
}

impl AnswerBody {
    /// See [`Body::broken_in_passing`].
    pub fn broken_in_passing(&self) -> Option<OriginError> {
        match &self.form {
            Form::Empty | Form::Multipart { .. } => None,
            Form::Plain(body) => body.broken_in_passing(),
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = OriginError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OriginError>>> {
        match &mut self.form {
            Form::Empty => Poll::Ready(None),
            Form::Multipart { body, left } => body.poll_frame(cx).map_ok(|frame| {
                let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                *left = left.map(|left| left.saturating_sub(length));
                frame
            }),
            Form::Plain(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.form {
            Form::Empty => true,
            Form::Multipart { body, .. } => body.is_closed(),
            Form::Plain(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.form {
            Form::Empty => SizeHint::with_exact(0),
            Form::Multipart { left, .. } => {
                left.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Form::Plain(body) => body.size_hint(),
        }
    }
}
