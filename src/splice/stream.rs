//! A socket that knows pieces.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::outlet::{LedgerBroken, Outlet};
use super::zone::is_piece;

/// A client's socket. What is written to it is written, except for pieces: for these the bytes come
/// out of the pipe or the file.
#[derive(Debug)]
pub struct Stream {
    tcp: TcpStream,
    outlet: Outlet,
}

impl Stream {
    /// A stream over that socket.
    pub fn new(tcp: TcpStream) -> Self {
        Self { tcp, outlet: Outlet::default() }
    }

    /// Where bodies on this connection give their pipes.
    pub fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    fn poll_splice(&self, cx: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.outlet.poll_in_memory(cx))?;
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.outlet.drain(&self.tcp, most) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                    ) => {}
                Ok(0) => return Poll::Ready(Err(LedgerBroken.into())),
                drained => return Poll::Ready(drained),
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if is_piece(bytes) {
            return self.poll_splice(cx, bytes.len());
        }
        Pin::new(&mut self.tcp).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let pieces_from = slices.iter().position(|slice| is_piece(slice)).unwrap_or(slices.len());
        let (before, from) = slices.split_at(pieces_from);
        match from.first() {
            Some(piece) if before.iter().all(|slice| slice.is_empty()) => {
                self.poll_splice(cx, piece.len())
            }
            Some(_) | None => Pin::new(&mut self.tcp).poll_write_vectored(cx, before),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper flushes when it holds nothing more. If the pipe does then, the piece for it was written
    /// as the zeros it consists of.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.outlet.is_drained() {
            return Poll::Ready(Err(LedgerBroken.into()));
        }
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_read(cx, buffer)
    }
}
