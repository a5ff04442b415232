//! The body of an answer, read off its connection.
//!
//! It reads when it is polled, into a buffer hardly larger than what is still to come. Whatever breaks
//! ends the connection; read to its end, and not a byte further, it gives the connection back.

use std::io;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};

use super::chunked::{ChunkRejection, Decoded};
use super::deframer::Deframer;
use super::head::{Framing, Reuse};
use super::pool::Connection;
use crate::splice::{EmptyPipe, FullPipe};

/// Read at once in the beginning.
const FIRST_READ: usize = 64 * 1024;

/// Read at once where reads have filled their buffer.
pub(super) const LARGEST_READ: usize = 256 * 1024;

/// Room that is not worth a read, unless nothing more is wanted.
const LEAST_READ: usize = 8 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Incoming {
    /// None once it is over, or broken.
    connection: Option<Connection>,
    /// Arrived, not yet given out.
    arrived: BytesMut,
    deframer: Deframer,
    reuse: Reuse,
    /// How much is read at once.
    stride: usize,
    pipes: Pipes,
}

/// May pipes be tried for?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pipes {
    NoneLeft,
    Tried,
}

/// Why a body has no end.
#[derive(Debug, thiserror::Error)]
pub(super) enum IncomingError {
    #[error(transparent)]
    Chunks(#[from] ChunkRejection),
    #[error("the connection ended within the body")]
    Ended,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Incoming {
    /// `arrived` is what came behind the head.
    pub(super) fn new(
        connection: Connection,
        framing: Framing,
        reuse: Reuse,
        arrived: BytesMut,
    ) -> Self {
        let deframer = Deframer::new(framing);
        Self {
            connection: Some(connection),
            arrived,
            deframer,
            reuse,
            stride: FIRST_READ,
            pipes: Pipes::Tried,
        }
    }

    /// What its framing says is still to come.
    pub(super) fn promised(&self) -> Option<u64> {
        self.deframer.promised()
    }

    /// The connection it is read off.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        self.connection.as_mut()
    }

    /// The connection, where it is over and the connection may serve again.
    pub(super) fn release(&mut self) -> Option<Connection> {
        if !self.deframer.is_over() {
            return None;
        }
        // A byte that nobody asked for would be read as the next answer.
        let clean = self.reuse == Reuse::Allowed && self.arrived.is_empty();
        self.arrived = BytesMut::new();
        self.connection.take().filter(|_| clean)
    }

    /// The next bytes, never none; nothing once it is over. At most `most` are read at once, where
    /// that is any.
    pub(super) fn poll_bytes(
        &mut self,
        most: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, IncomingError>>> {
        loop {
            match self.deframer.take(&mut self.arrived) {
                Ok(Decoded::Data(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::More) => {}
                Err(rejection) => return Poll::Ready(Some(Err(self.broken(rejection.into())))),
            }
            let Some(connection) = &mut self.connection else {
                return Poll::Ready(Some(Err(self.broken(IncomingError::Ended))));
            };
            // One more than is left: only a read that does not fill its room tells tokio that there is no
            // more, and what nobody asked for shows.
            let left = self.deframer.promised().and_then(|left| usize::try_from(left).ok());
            let stride = self.stride.min(most).max(1);
            let wanted = left.map_or(stride, |left| left.saturating_add(1).min(stride));
            make_room(&mut self.arrived, wanted);
            let room = self.arrived.capacity() - self.arrived.len();
            match ready!(connection.stream.poll_receive(&mut self.arrived, cx)) {
                Ok(0) => {
                    self.deframer.closed();
                    if !self.deframer.is_over() {
                        return Poll::Ready(Some(Err(self.broken(IncomingError::Ended))));
                    }
                }
                Ok(read) if read == room => self.stride = LARGEST_READ,
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(self.broken(error.into())))),
            }
        }
    }

    /// What is to come and can go through a pipe: on a plain socket, of a stated length, none of it
    /// read.
    pub(super) fn unread(&self) -> Option<u64> {
        let plain = self.connection.as_ref().is_some_and(|it| it.stream.plain().is_some());
        let unread = plain && self.arrived.is_empty() && self.pipes == Pipes::Tried;
        self.deframer.stated().filter(|_| unread)
    }

    /// The next bytes in a pipe; no more than `most`, which is less than what is unread. None where
    /// there is no pipe to be had.
    pub(super) fn poll_pipe(
        &mut self,
        most: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<FullPipe>, IncomingError>> {
        let Some(socket) = self.connection.as_ref().and_then(|it| it.stream.plain()) else {
            self.pipes = Pipes::NoneLeft;
            return Poll::Ready(Ok(None));
        };
        let filled = loop {
            if let Err(error) = ready!(socket.poll_read_ready(cx)) {
                break Err(error.into());
            }
            let Some(pipe) = EmptyPipe::take() else {
                self.pipes = Pipes::NoneLeft;
                return Poll::Ready(Ok(None));
            };
            match pipe.fill_from_socket(socket, most) {
                Ok(Some(pipe)) => break Ok(pipe),
                Ok(None) => break Err(IncomingError::Ended),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                    ) => {}
                Err(error) => break Err(error.into()),
            }
        };
        Poll::Ready(match filled {
            Ok(pipe) => {
                self.deframer.passed_by(pipe.left() as u64);
                Ok(Some(pipe))
            }
            Err(error) => Err(self.broken(error)),
        })
    }

    fn broken(&mut self, error: IncomingError) -> IncomingError {
        self.connection = None;
        self.arrived = BytesMut::new();
        error
    }
}

/// Room for a read: what is left of the buffer, the whole of it where everything given out of it is
/// gone, or another.
fn make_room(buffer: &mut BytesMut, wanted: usize) {
    let room = buffer.capacity() - buffer.len();
    if room >= wanted.min(LEAST_READ) || buffer.try_reclaim(wanted) {
        return;
    }
    if buffer.is_empty() {
        // Not `reserve`, which rounds up.
        *buffer = BytesMut::with_capacity(wanted);
    } else {
        buffer.reserve(wanted);
    }
}
