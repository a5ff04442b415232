//! One request over the socket, as any client makes it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;

use super::tour::{Expected, Visit};

/// An answer must be whole in this time.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came back.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) body: Bytes,
    pub(super) sha256: String,
    pub(super) text: String,
}

impl Seen {
    /// Is it what was expected?
    pub(super) fn fits(&self, expected: &Expected) -> bool {
        self.status == expected.status
            && self.code.as_deref() == expected.code
            && expected.sha256.as_ref().is_none_or(|sha256| *sha256 == self.sha256)
    }
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub(super) enum VisitError {
    #[error("the request cannot be made")]
    Request(#[source] http::Error),
    #[error("the answer did not come whole")]
    Exchange(#[source] hyper::Error),
    #[error("the edge cannot be reached")]
    Connect(#[source] std::io::Error),
    #[error("no whole answer in 10 s")]
    Timeout,
}

/// Makes a request and reads the whole answer.
pub(super) async fn visit(edge: SocketAddr, visit: &Visit) -> Result<Seen, VisitError> {
    tokio::time::timeout(PATIENCE, exchange(edge, visit)).await.map_err(|_| VisitError::Timeout)?
}

async fn exchange(edge: SocketAddr, visit: &Visit) -> Result<Seen, VisitError> {
    let stream = TcpStream::connect(edge).await.map_err(VisitError::Connect)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(VisitError::Exchange)?;
    // Its end is seen by the request.
    tokio::spawn(connection);
    let mut request =
        Request::builder().method(visit.method).uri(&visit.target).header("host", edge.to_string());
    for (name, value) in &visit.headers {
        request = request.header(*name, value);
    }
    let request =
        request.body(Full::new(Bytes::from(visit.body.clone()))).map_err(VisitError::Request)?;
    let response = sender.send_request(request).await.map_err(VisitError::Exchange)?;
    let status = response.status().as_u16();
    let code = response
        .headers()
        .get("x-countersign-reason")
        .and_then(|code| code.to_str().ok())
        .map(str::to_owned);
    let body = response.into_body().collect().await.map_err(VisitError::Exchange)?.to_bytes();
    Ok(Seen {
        status,
        code,
        sha256: hex::encode(Sha256::digest(&body)),
        text: String::from_utf8_lossy(&body).into_owned(),
        body,
    })
}
