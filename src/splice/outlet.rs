//! Between a body that fills pipes and the connection that empties them.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::pipe::FullPipe;
use super::zone;

/// What is shorter is copied: two copies cost no more than four calls.
pub const WORTHWHILE: u64 = 128 * 1024;

/// How much of the end of a body is copied at least, so that no body ends in a piece.
pub const COPIED_END: u64 = 16 * 1024;

/// Where a body gives its pipes. A connection has one; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Outlet(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What hyper has a piece for that is not written yet.
    pipe: Option<FullPipe>,
    /// Who waits for it to be written.
    body: Option<Waker>,
}

impl PartialEq for Outlet {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Outlet {}

impl Outlet {
    /// Ready when everything that was given has been written.
    pub fn poll_drained(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.pipe.is_none() {
            return Poll::Ready(());
        }
        state.body = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Gives a pipe, and gets the piece for it, which is the next to be given to hyper. None where
    /// there is a pipe already: the two pieces could not be told apart.
    pub fn hand_over(&self, pipe: FullPipe) -> Option<Bytes> {
        let mut state = self.state();
        if state.pipe.is_some() {
            return None;
        }
        let piece = zone::piece(pipe.left());
        state.pipe = Some(pipe);
        Some(piece)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.state().pipe.is_none()
    }

    /// Writes some of a piece.
    pub(super) fn drain(&self, socket: &TcpStream, most: usize) -> io::Result<usize> {
        let mut state = self.state();
        let Some(pipe) = &mut state.pipe else { return Err(LedgerBroken.into()) };
        let moved = pipe.drain(socket, most)?;
        if pipe.left() == 0 {
            // Empty, it goes where others find it.
            drop(state.pipe.take().and_then(FullPipe::into_empty));
            if let Some(body) = state.body.take() {
                body.wake();
            }
        }
        Ok(moved)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is sound between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was to be written and what is in the pipe are not the same: a piece was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a spliced piece does not match its pipe")]
pub(super) struct LedgerBroken;

impl From<LedgerBroken> for io::Error {
    fn from(broken: LedgerBroken) -> Self {
        Self::other(broken)
    }
}
