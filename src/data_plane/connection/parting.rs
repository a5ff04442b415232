//! The end of a connection: last words, and how long to listen still.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Response, response};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long last words may take, and how long is listened after them.
pub(super) const PARTING: Duration = Duration::from_secs(2);

/// How much is listened to.
pub(super) const MOST_UNHEARD: usize = 256 * 1024;

/// Answers where no request was read, so that hyper has nothing to answer, and closes. The body is
/// a refusal's: a few lines, in memory.
pub(super) async fn answer<S, B>(stream: &mut S, response: Response<B>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    B: Body<Data = Bytes>,
{
    let (mut head, body) = response.into_parts();
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut body = pin!(body);
    let mut words = on_the_wire(&head);
    let saying = async {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(data) = frame.into_data() {
                words.extend_from_slice(&data);
            }
        }
        stream.write_all(&words).await?;
        stream.shutdown().await
    };
    if matches!(timeout(PARTING, saying).await, Ok(Ok(()))) {
        linger(stream).await;
    }
}

/// Closes after what hyper has answered.
pub(super) async fn close<S>(stream: &mut S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if matches!(timeout(PARTING, stream.shutdown()).await, Ok(Ok(()))) {
        linger(stream).await;
    }
}

/// A head of HTTP/1.1 (RFC 9112 section 4): what speaks before it has read a request speaks the
/// version that everybody reads.
fn on_the_wire(head: &response::Parts) -> Vec<u8> {
    let reason = head.status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", head.status.as_str()).into_bytes();
    for (name, value) in &head.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// Listens until the client has closed its side. Bytes that nobody reads make the kernel reset the
/// connection, and the client lose what it was just told (RFC 9112 section 9.6).
pub(super) async fn linger<S>(stream: &mut S)
where
    S: AsyncRead + Unpin,
{
    let listening = async {
        // On the heap, and only now: here it would be room that every connection has.
        let mut unheard = vec![0; 4096];
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
