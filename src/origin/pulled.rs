//! Bodies that are put together by an `async` function, a piece at a time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::error::OriginError;

/// What has the bytes of a body, and takes its time with each piece.
pub trait Pull: Send + 'static {
    /// The next piece; none at the end. Not asked again after that, nor after an error.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, OriginError>>> + Send;

    /// Where it chooses how much it reads at a time, that is at most so many bytes from now on.
    fn keep_pieces_within(&mut self, bytes: usize);
}

/// Bytes that are pulled a piece at a time, when they are polled for and not ahead of that.
pub struct Pulled {
    turns: Box<dyn Turns>,
    /// Said before the next piece.
    within: Option<usize>,
}

/// Makes them of what has them.
pub fn pulled(reader: impl Pull) -> Pulled {
    Pulled { turns: Box::new(Turn::Idle(Box::new(reader))), within: None }
}

impl Pulled {
    /// See [`Body::keep_pieces_within`](super::Body::keep_pieces_within).
    pub(super) fn keep_pieces_within(&mut self, bytes: usize) {
        self.within = Some(bytes);
    }

    pub(super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        self.turns.poll_turn(cx, self.within)
    }
}

impl fmt::Debug for Pulled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pulled").field("within", &self.within).finish_non_exhaustive()
    }
}

/// A [`Turn`] of some reader.
trait Turns: Send {
    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        within: Option<usize>,
    ) -> Poll<Option<Result<Bytes, OriginError>>>;
}

enum Turn<R> {
    Ended,
    Idle(Box<R>),
    Reading(Reading<R>),
}

type Reading<R> =
    Pin<Box<dyn Future<Output = (Box<R>, Option<Result<Bytes, OriginError>>)> + Send>>;

impl<R: Pull> Turns for Turn<R> {
    fn poll_turn(
        &mut self,
        cx: &mut Context<'_>,
        within: Option<usize>,
    ) -> Poll<Option<Result<Bytes, OriginError>>> {
        let mut reading = match std::mem::replace(self, Self::Ended) {
            Self::Ended => return Poll::Ready(None),
            Self::Idle(mut reader) => Box::pin(async move {
                if let Some(within) = within {
                    reader.keep_pieces_within(within);
                }
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
        Poll::Ready(read)
    }
}
