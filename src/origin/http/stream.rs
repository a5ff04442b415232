//! A connection's bytes, plain or TLS.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio_rustls::client::TlsStream;

/// See the module.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The socket, where what is on it is the bytes themselves.
    pub(super) fn plain(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(tcp) => Some(tcp),
            Self::Tls(_) => None,
        }
    }

    /// Sends all of it.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.write_all(bytes).await,
            Self::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
        }
    }

    /// Reads what has arrived to the end of the buffer, as far as that has room.
    pub(super) fn poll_receive(
        &mut self,
        buffer: &mut BytesMut,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        // Neither future keeps anything from one poll to the next.
        match self {
            Self::Plain(tcp) => pin!(tcp.read_buf(buffer)).poll(cx),
            Self::Tls(tls) => pin!(tls.read_buf(buffer)).poll(cx),
        }
    }

    /// Is it open, without a byte that nobody asked for?
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        let mut byte = ReadBuf::new(&mut byte);
        let mut cx = Context::from_waker(Waker::noop());
        // Whatever else this task has done: what is asked is whether there is something.
        let reading = std::future::poll_fn(|cx| match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, &mut byte),
            Self::Tls(tls) => Pin::new(&mut **tls).poll_read(cx, &mut byte),
        });
        pin!(unconstrained(reading)).poll(&mut cx).is_pending()
    }
}
