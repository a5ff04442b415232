//! The operators' listener: `/metrics`, `/livez`, `/readyz`, read-only.
//!
//! It runs on the control runtime and answers in full from memory; nothing it does can hold a
//! worker.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once: scrapers and probes need few, and others shall not take descriptors.
const MAX_CONNECTIONS: usize = 64;

/// A scraper that does not finish its request in this time is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// Is the process ready to serve?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// No snapshot is in force yet.
    NotReady,
    /// It serves by what is in force.
    Ready {
        /// The version of that.
        version: u64,
        /// How long ago it was known to be so, in seconds.
        age: u64,
    },
}

/// The listener cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("the admin listener cannot be opened on {address}")]
pub struct AdminError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// A bound listener.
#[derive(Debug)]
pub struct AdminListener {
    socket: TcpListener,
    address: SocketAddr,
}

impl AdminListener {
    /// Binds; port 0 takes a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, AdminError> {
        let error = |source| AdminError { address, source };
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        Ok(Self { socket, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the task is dropped.
    pub async fn serve(
        self,
        registry: Registry,
        readiness: impl Fn() -> Readiness + Send + Sync + 'static,
    ) {
        let readiness = Arc::new(readiness);
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let Ok((stream, _)) = self.socket.accept().await else {
                // Out of descriptors, most likely: others must close first.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let registry = registry.clone();
            let readiness = Arc::clone(&readiness);
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let response = answer(&request, &registry, &*readiness);
                    async move { Ok::<_, Infallible>(response) }
                });
                // A scraper that breaks off is no event.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                drop(place);
            });
        }
    }
}

fn answer(
    request: &Request<Incoming>,
    registry: &Registry,
    readiness: &dyn Fn() -> Readiness,
) -> Response<Full<Bytes>> {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/livez" => text(StatusCode::OK, "alive\n"),
        "/readyz" => match readiness() {
            Readiness::Ready { version, age } => {
                text(StatusCode::OK, format!("ready: version {version}, {age} s old\n"))
            }
            Readiness::NotReady => {
                text(StatusCode::SERVICE_UNAVAILABLE, "not ready: no snapshot is in force\n")
            }
        },
        "/metrics" => match TextEncoder::new().encode_to_string(&registry.gather()) {
            Ok(metrics) => text(StatusCode::OK, metrics),
            Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be encoded\n"),
        },
        _ => text(StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz\n"),
    }
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
