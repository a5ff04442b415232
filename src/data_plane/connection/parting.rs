//! The end of a connection: last words, and how long to listen still.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long last words may take, and how long is listened after them.
pub(super) const PARTING: Duration = Duration::from_secs(2);

/// How much is listened to.
const MOST_UNHEARD: usize = 256 * 1024;

/// To a client whose head did not arrive in time (RFC 9110 section 15.5.9).
pub(super) const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// Says something, if the client takes it, and closes.
pub(super) async fn say<S>(stream: &mut S, words: &[u8])
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let saying = async {
        stream.write_all(words).await?;
        stream.shutdown().await
    };
    if matches!(timeout(PARTING, saying).await, Ok(Ok(()))) {
        linger(stream).await;
    }
}

/// Listens until the client has closed its side. Bytes that nobody reads make the kernel reset the
/// connection, and the client lose what it was just told (RFC 9112 section 9.6).
pub(super) async fn linger<S>(stream: &mut S)
where
    S: AsyncRead + Unpin,
{
    let listening = async {
        let mut unheard = [0; 4096];
        let mut most = MOST_UNHEARD;
        while let Ok(bytes @ 1..) = stream.read(&mut unheard).await {
            most = most.saturating_sub(bytes);
            if most == 0 {
                break;
            }
        }
    };
    // Either way there is nothing left to do.
    let _ = timeout(PARTING, listening).await;
}
