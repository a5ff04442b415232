//! An answer for every purpose, and connections to it.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use rustls::crypto::ring;
use rustls::server::ResolvesServerCertUsingSni;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::data_plane::admission::Admission;
use crate::data_plane::connection::activity::Activity;
use crate::data_plane::connection::door::Spoken;
use crate::data_plane::connection::watched::WatchedWrites;
use crate::data_plane::connection::{Answer, Door, Pieces};
use crate::data_plane::connection_metrics::{ConnectionMetrics, Timeout};
use crate::data_plane::drain::DrainSignal;
use crate::data_plane::tarpit::Tarpit;
use crate::data_plane::{
    ConnectionFacts, DrainTrigger, Limits, Protocol, RequestBody, RequestBodyError, Settings,
    Transport, TurnedAway, drain,
};
use crate::network::{NetworkSet, PeerIp};

/// Answers by path.
#[derive(Debug)]
pub(in crate::data_plane) struct Toy {
    pub(in crate::data_plane) settings: Arc<Settings>,
    /// Said by `/name`.
    pub(in crate::data_plane) name: String,
    /// A permit for each request to `/hang` that has come.
    pub(in crate::data_plane) hanging: Semaphore,
    /// A permit lets one of them go on.
    pub(in crate::data_plane) gate: Semaphore,
}

impl Toy {
    pub(in crate::data_plane) fn new(limits: Limits) -> Self {
        let settings = Arc::new(Settings { limits, ..Settings::default() });
        let (hanging, gate) = (Semaphore::new(0), Semaphore::new(0));
        Self { settings, name: "toy".to_owned(), hanging, gate }
    }
}

impl Answer for Toy {
    type Body = UnsyncBoxBody<Bytes, Infallible>;

    async fn answer(
        &self,
        request: Request<RequestBody>,
        connection: &Arc<ConnectionFacts>,
    ) -> Response<Self::Body> {
        let text = match request.uri().path() {
            "/body" => match request.into_body().collect().await {
                Ok(body) => body.to_bytes().len().to_string(),
                Err(RequestBodyError::Timeout) => "too late".to_owned(),
                Err(RequestBodyError::Read(_)) => "broken".to_owned(),
            },
            "/endless" => return Response::new(Endless.boxed_unsync()),
            "/facts" => format!("{connection:?}"),
            "/hang" => {
                self.hanging.add_permits(1);
                self.gate.acquire().await.unwrap().forget();
                "went on".to_owned()
            }
            "/head" => {
                let bytes: usize = request.headers().values().map(http::HeaderValue::len).sum();
                format!("{} fields, {bytes} bytes", request.headers().len())
            }
            "/name" => self.name.clone(),
            "/nothing" => return Response::new(Empty::new().boxed_unsync()),
            "/panic" => panic!("an answer that panics, on purpose"),
            "/panic-in-body" => return Response::new(Panicking.boxed_unsync()),
            path => format!("hello {path}"),
        };
        Response::new(Full::from(text).boxed_unsync())
    }

    fn turn_away(&self, reason: TurnedAway, connection: &ConnectionFacts) -> Response<Self::Body> {
        let (status, text) = match reason {
            TurnedAway::HeadLate => (StatusCode::REQUEST_TIMEOUT, "late"),
            TurnedAway::NoRoom => (StatusCode::SERVICE_UNAVAILABLE, "no room"),
        };
        let text = format!("{text} for {}", connection.peer);
        let length = text.len();
        let mut response = Response::new(Full::from(text).boxed_unsync());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
        response
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }
}

impl Pieces for UnsyncBoxBody<Bytes, Infallible> {
    fn keep_pieces_within(self: Pin<&mut Self>, _: usize) {}
}

/// A body without an end, in pieces of 64 KiB.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'.'; 64 * 1024])))))
    }
}

struct Panicking;

impl Body for Panicking {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("a body that panics, on purpose")
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(1000)
    }
}

/// A door to a toy, and what is needed to knock.
pub(in crate::data_plane) struct House {
    pub(in crate::data_plane) toy: Arc<Toy>,
    pub(in crate::data_plane) door: Arc<Door<Toy>>,
    pub(in crate::data_plane) drain: DrainTrigger,
    admission: Arc<Admission>,
}

impl House {
    pub(in crate::data_plane) fn new(limits: Limits) -> Self {
        Self::behind(NetworkSet::default(), limits)
    }

    /// With TLS, for which it has no certificate: every handshake fails.
    pub(in super::super) fn with_tls(limits: Limits) -> Self {
        let config =
            rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(ResolvesServerCertUsingSni::new()));
        Self::of(Some(Arc::new(config)), NetworkSet::default(), limits)
    }

    /// Behind proxies of these networks.
    pub(in crate::data_plane) fn behind(proxies: NetworkSet, limits: Limits) -> Self {
        Self::of(None, proxies, limits)
    }

    fn of(tls: Option<Arc<rustls::ServerConfig>>, proxies: NetworkSet, limits: Limits) -> Self {
        let address = "192.0.2.80:80".parse().unwrap();
        let (trigger, signal): (_, DrainSignal) = drain();
        let toy = Arc::new(Toy::new(limits));
        let door = Arc::new(Door {
            answer: Arc::clone(&toy),
            address,
            tls,
            proxies,
            tarpit: Arc::new(Tarpit::new()),
            metrics: Arc::new(ConnectionMetrics::new([address].into_iter())),
            drain: signal,
        });
        Self { toy, door, drain: trigger, admission: Arc::new(Admission::new()) }
    }

    pub(in crate::data_plane) fn metrics(&self) -> &ConnectionMetrics {
        &self.door.metrics
    }

    pub(in crate::data_plane) fn timeouts(&self, timeout: Timeout) -> u64 {
        self.metrics().timeouts(timeout).get()
    }

    /// A client in the clear, over a pipe of so many bytes.
    pub(in crate::data_plane) fn connect(&self, pipe: usize) -> Client {
        let (near, far) = tokio::io::duplex(pipe);
        let door = Arc::clone(&self.door);
        let admitted = self.admission.admit(None).unwrap();
        let from: IpAddr = "192.0.2.1".parse().unwrap();
        tokio::spawn(async move { door.serve(far, None, from, admitted).await });
        Client(near)
    }

    /// A client that has agreed to HTTP/2 in a handshake.
    pub(in crate::data_plane) fn connect_http2(&self, pipe: usize) -> Client {
        self.connect_http2_as(&self.activity(), pipe)
    }

    /// The state of a connection that begins now.
    pub(in super::super) fn activity(&self) -> Arc<Activity> {
        Activity::new(self.toy.settings.limits.clone(), Arc::clone(&self.admission))
    }

    /// The same, its connection keeping its state there.
    pub(in super::super) fn connect_http2_as(
        &self,
        activity: &Arc<Activity>,
        pipe: usize,
    ) -> Client {
        let (near, far) = tokio::io::duplex(pipe);
        let door = Arc::clone(&self.door);
        let activity = Arc::clone(activity);
        let far = WatchedWrites::new(far, Arc::clone(&activity));
        let peer = PeerIp::new("192.0.2.1".parse().unwrap());
        let transport = Transport::Tls { server_name: Some("media.example".into()) };
        tokio::spawn(async move {
            let spoken = Spoken { transport, protocol: Protocol::Http2, outlet: None };
            door.speak(far, peer, spoken, activity).await;
        });
        Client(near)
    }

    /// Shows that somebody else is still served.
    pub(in crate::data_plane) async fn assert_serves_others(&self) {
        let mut client = self.connect(4096);
        client.send(b"GET /nothing HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

/// One end of a connection.
pub(in crate::data_plane) struct Client(pub(in crate::data_plane) DuplexStream);

impl Client {
    pub(in crate::data_plane) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Everything until the server closes.
    pub(in crate::data_plane) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        self.0.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }

    /// Up to and including this text.
    pub(in crate::data_plane) async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            let byte = self.0.read_u8().await;
            bytes.push(
                byte.unwrap_or_else(|_| {
                    panic!("closed after {:?}", String::from_utf8_lossy(&bytes))
                }),
            );
        }
        String::from_utf8(bytes).unwrap()
    }
}

/// Lets the stopped clock run on for so long. All that is due meanwhile happens, in its order, which
/// `tokio::time::advance` would skip over.
pub(super) async fn pass(time: Duration) {
    let _ = timeout(time, std::future::pending::<()>()).await;
}
