//! Streams that say when bytes pass.
//!
//! Writing is watched below TLS, at the socket: progress is what the kernel took, not what a TLS
//! session buffered. Reading is watched above it: a request begins with its own first byte, not
//! with a ticket or a key update.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;

/// Tells of writing.
#[derive(Debug)]
pub(super) struct WatchedWrites<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> WatchedWrites<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }

    fn note_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => self.activity.wrote(bytes),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.activity.write_blocked(),
        }
        written
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedWrites<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedWrites<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

/// Tells of reading. A client in violation is read no further: what it floods us with is not worked
/// on while it waits to be cut off.
#[derive(Debug)]
pub(super) struct WatchedReads<S> {
    stream: S,
    activity: Arc<Activity>,
    /// Told of already, and to be read again.
    unread: Bytes,
}

impl<S> WatchedReads<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity, unread: Bytes::new() }
    }

    /// Puts bytes that were read from here back, before all that is still to come.
    pub(super) fn unread(&mut self, bytes: &[u8]) {
        self.unread = [bytes, &*self.unread].concat().into();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WatchedReads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let again = self.unread.len().min(buffer.remaining());
            buffer.put_slice(&self.unread.split_to(again));
            let before = buffer.filled().len();
            // What else is there, if anything is, in the same go. The end of the stream, or an
            // error, can be read again.
            if self.unread.is_empty()
                && buffer.remaining() > 0
                && let Poll::Ready(Ok(())) = Pin::new(&mut self.stream).poll_read(cx, buffer)
                && let (_, new @ [_, ..]) = buffer.filled().split_at(before)
                && self.activity.read(new).is_break()
            {
                return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
            }
            return Poll::Ready(Ok(()));
        }
        let room = buffer.remaining();
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if room > 0 && matches!(read, Poll::Ready(Ok(()))) {
            let (_, new) = buffer.filled().split_at(before);
            if self.activity.read(new).is_break() {
                return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WatchedReads<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
