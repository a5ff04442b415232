//! Bodies that are put together by an `async` function, a piece at a time.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;

use super::error::OriginError;

/// What has the bytes of a body, and takes its time with each piece.
pub trait Pull: Send + 'static {
    /// The next piece; none at the end. Not asked again after that, nor after an error.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, OriginError>>> + Send;
}

/// A body that pulls a piece when it is polled, and not ahead of that.
pub fn pulled(reader: impl Pull) -> UnsyncBoxBody<Bytes, OriginError> {
    UnsyncBoxBody::new(Pulled::Idle(Box::new(reader)))
}

enum Pulled<R> {
    Ended,
    Idle(Box<R>),
    Reading(Reading<R>),
}

type Reading<R> =
    Pin<Box<dyn Future<Output = (Box<R>, Option<Result<Bytes, OriginError>>)> + Send>>;

impl<R: Pull> http_body::Body for Pulled<R> {
    type Data = Bytes;
    type Error = OriginError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, OriginError>>> {
        let mut reading = match std::mem::replace(&mut *self, Self::Ended) {
            Self::Ended => return Poll::Ready(None),
            Self::Idle(mut reader) => Box::pin(async move {
                let read = reader.next().await;
                (reader, read)
            }),
            Self::Reading(reading) => reading,
        };
        let Poll::Ready((reader, read)) = reading.as_mut().poll(cx) else {
            *self = Self::Reading(reading);
            return Poll::Pending;
        };
        if let Some(Ok(_)) = &read {
            *self = Self::Idle(reader);
        }
        Poll::Ready(read.map(|read| read.map(Frame::data)))
    }
}
