//! The body of an answer on its way to hyper.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::super::connection_metrics::ConnectionMetrics;
use super::activity::Ticket;
use super::answer::Pieces;
use super::pieces;

pin_project! {
    /// An answer's body, with the ticket of its request: it reports what is handed over, ends in an
    /// error where the body panics, and says when it is over.
    #[derive(Debug)]
    pub(super) struct AnswerBody<B> {
        // None: empty, or panicked.
        #[pin]
        body: Option<B>,
        // The rest of a piece that was too large.
        rest: Bytes,
        begun: Begun,
        // Said in the next turn, when what came before it has been flushed: hyper drops what it
        // holds with the connection.
        failure: Option<Box<dyn Error + Send + Sync>>,
        ticket: Ticket,
        metrics: Arc<ConnectionMetrics>,
    }
}

/// Has any of an answer been handed over?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
}

impl<B: Body<Data = Bytes>> AnswerBody<B> {
    pub(super) fn new(
        body: Option<B>,
        mut ticket: Ticket,
        metrics: Arc<ConnectionMetrics>,
    ) -> Self {
        if body.as_ref().is_none_or(Body::is_end_stream) {
            ticket.finish();
        }
        Self { body, rest: Bytes::new(), begun: Begun::No, failure: None, ticket, metrics }
    }
}

impl<B> Body for AnswerBody<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Pieces,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        if let Some(failure) = this.failure.take() {
            return Poll::Ready(Some(Err(failure)));
        }
        let room = ready!(this.ticket.poll_room(cx));
        let frame = if this.rest.is_empty() {
            let Some(mut body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
            if let Some(room) = room {
                let piece = if *this.begun == Begun::No { pieces::first(room) } else { room };
                body.as_mut().keep_pieces_within(piece);
            }
            let polled = catch_unwind(AssertUnwindSafe(|| body.poll_frame(cx)));
            let Ok(polled) = polled else {
                this.metrics.panics.increment();
                this.body.set(None);
                return Poll::Ready(Some(Err(BodyPanicked.into())));
            };
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(Some(Err(error))) => {
                    *this.failure = Some(error.into());
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(None) => {
                    this.ticket.finish();
                    return Poll::Ready(None);
                }
            }
        } else {
            Frame::data(std::mem::take(this.rest))
        };
        let frame = match frame.into_data() {
            Ok(mut data) => {
                if let Some(room) = room
                    && data.len() > room
                {
                    *this.rest = data.split_off(room);
                }
                *this.begun = Begun::Yes;
                Frame::data(this.ticket.hand_over(data))
            }
            Err(frame) => frame,
        };
        let ended = this.body.as_ref().as_pin_ref().is_none_or(|body| body.is_end_stream());
        if ended && this.rest.is_empty() {
            this.ticket.finish();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.failure.is_none()
            && self.rest.is_empty()
            && self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let of_body = self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint);
        let rest = self.rest.len() as u64;
        let mut hint = SizeHint::new();
        if let Some(upper) = of_body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(of_body.lower().saturating_add(rest));
        hint
    }
}

/// The body of an answer panicked, and the answer is cut off.
#[derive(Debug, thiserror::Error)]
#[error("the answer's body panicked")]
struct BodyPanicked;
