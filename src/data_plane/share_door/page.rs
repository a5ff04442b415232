//! An answer's way from the desk to the connection: its head once, its bytes as they come.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::door::{DeskAway, DeskBody};

/// Pieces that wait for the client to take them.
pub(super) const PIECES: usize = 4;

/// Between two pieces of an answer. As long as edges wait for clients by default.
const SILENCE: Duration = Duration::from_secs(30);

/// A piece, or how it ended.
pub(super) enum Piece {
    Bytes(Bytes),
    Broken(PageBroken),
    End,
}

/// Why an answer has no end.
#[derive(Debug, thiserror::Error)]
pub enum PageBroken {
    /// The work on it was ended: its runtime is about to.
    #[error("the work on a share's page was broken off")]
    Ended,
    /// It failed.
    #[error("a share's page broke off")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// Nothing more came for too long.
    #[error("nothing more came of a share's page")]
    Silent,
}

pub(super) type Head = Result<Response<Option<u64>>, DeskAway>;

/// Says an answer's head, with the length of its body where that is known, then its pieces, until it
/// is over or nobody listens.
pub(super) async fn carry(
    answering: impl Future<Output = Result<Response<DeskBody>, DeskAway>>,
    say: oneshot::Sender<Head>,
    pieces: mpsc::Sender<Piece>,
) {
    let (parts, mut body) = match answering.await {
        Ok(answer) => answer.into_parts(),
        Err(away) => {
            // The client may be gone, here and below.
            let _ = say.send(Err(away));
            return;
        }
    };
    let length = body.size_hint().exact();
    if say.send(Ok(Response::from_parts(parts, length))).is_err() {
        return;
    }
    loop {
        let piece = match timeout(SILENCE, body.frame()).await {
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => Piece::Bytes(bytes),
                // Trailers go no further.
                Err(_) => continue,
            },
            Ok(Some(Err(error))) => Piece::Broken(PageBroken::Failed(error)),
            Ok(None) => Piece::End,
            Err(_) => Piece::Broken(PageBroken::Silent),
        };
        let is_last = !matches!(piece, Piece::Bytes(_));
        if pieces.send(piece).await.is_err() || is_last {
            return;
        }
    }
}

/// The work on an answer, which ends when this is dropped, and what comes of it.
#[derive(Debug)]
pub(super) struct Carried {
    work: AbortHandle,
    pieces: mpsc::Receiver<Piece>,
}

impl Carried {
    pub(super) fn new(work: AbortHandle, pieces: mpsc::Receiver<Piece>) -> Self {
        Self { work, pieces }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// The body of a share's page.
#[derive(Debug)]
pub struct PageBody {
    /// None where it is over.
    carried: Option<Carried>,
    /// What is still to come, where that is known.
    left: Option<u64>,
}

impl PageBody {
    pub(super) fn new(length: Option<u64>, carried: Carried) -> Self {
        let carried = (length != Some(0)).then_some(carried);
        Self { carried, left: length }
    }

    /// Gives up what no client is sent: to HEAD, and with these statuses (RFC 9110 section 6.4.1).
    pub(super) fn of_answer(mut self, method: &Method, status: StatusCode) -> Self {
        let none = *method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if none {
            self.carried = None;
            self.left = Some(0);
        }
        self
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = PageBroken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, PageBroken>>> {
        let this = self.get_mut();
        let Some(carried) = &mut this.carried else { return Poll::Ready(None) };
        let piece = ready!(carried.pieces.poll_recv(cx));
        let bytes = match piece.unwrap_or(Piece::Broken(PageBroken::Ended)) {
            Piece::Bytes(bytes) => bytes,
            Piece::End => {
                this.carried = None;
                return Poll::Ready(None);
            }
            Piece::Broken(broken) => {
                this.carried = None;
                return Poll::Ready(Some(Err(broken)));
            }
        };
        if let Some(left) = &mut this.left {
            *left = left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        // hyper asks for no more than was promised.
        self.carried.is_none() || self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}
