//! Between a body that hands over what is to pass by and the connection that sends it.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::part::{FilePart, FileTooShort};
use super::pipe::FullPipe;
use super::zone;

/// What is shorter is copied: two copies cost no more than four calls.
pub const WORTHWHILE: u64 = 128 * 1024;

/// How much of the end of a body is copied at least, so that no body ends in a piece.
pub const COPIED_END: u64 = 4 * 1024;

/// Where a body gives what passes by. A connection has one; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Outlet(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What hyper has a piece for that is not written yet.
    load: Option<Load>,
    /// Who waits for it to be written.
    body: Option<Waker>,
    /// Why it never will be, where that is not the client's doing.
    failure: Option<FileTooShort>,
}

/// What a piece stands for.
#[derive(Debug)]
pub enum Load {
    /// A part of a file.
    File(FilePart),
    /// What is in a pipe.
    Pipe(FullPipe),
}

impl Load {
    /// How many bytes there are.
    pub fn left(&self) -> usize {
        match self {
            Self::File(part) => part.left(),
            Self::Pipe(pipe) => pipe.left(),
        }
    }
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
        if state.load.is_none() {
            return Poll::Ready(());
        }
        state.body = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Gives something that is not empty, and gets the piece for it, which is the next to be given to
    /// hyper. None where there is something already: the two pieces could not be told apart.
    pub fn hand_over(&self, load: Load) -> Option<Bytes> {
        let mut state = self.state();
        if state.load.is_some() {
            return None;
        }
        let piece = zone::piece(load.left());
        state.load = Some(load);
        Some(piece)
    }

    /// Why what was given could not be written, where its source is to blame.
    pub fn failure(&self) -> Option<FileTooShort> {
        self.state().failure
    }

    pub(super) fn is_drained(&self) -> bool {
        self.state().load.is_none()
    }

    /// Ready when what is to be written next is in memory.
    pub(super) fn poll_in_memory(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.state().load {
            Some(Load::File(part)) => part.poll_in_memory(cx),
            Some(Load::Pipe(_)) | None => Poll::Ready(Ok(())),
        }
    }

    /// Writes some of a piece.
    pub(super) fn drain(&self, socket: &TcpStream, most: usize) -> io::Result<usize> {
        let mut state = self.state();
        let Some(load) = &mut state.load else { return Err(LedgerBroken.into()) };
        let moved = match load {
            Load::File(part) => part.send(socket, most),
            Load::Pipe(pipe) => pipe.drain(socket, most),
        };
        let is_over = load.left() == 0;
        if let Err(error) = &moved {
            state.failure = error.get_ref().and_then(|it| it.downcast_ref()).copied();
        }
        if is_over {
            match state.load.take() {
                // Empty, it goes where others find it.
                Some(Load::Pipe(pipe)) => drop(pipe.into_empty()),
                Some(Load::File(_)) | None => {}
            }
            if let Some(body) = state.body.take() {
                body.wake();
            }
        }
        moved
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is sound between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was to be written and what was handed over are not the same: a piece was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a piece does not match what was handed over for it")]
pub(super) struct LedgerBroken;

impl From<LedgerBroken> for io::Error {
    fn from(broken: LedgerBroken) -> Self {
        Self::other(broken)
    }
}
