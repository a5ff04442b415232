//! The APIs' listeners.
//!
//! Plain ones speak HTTP/1.1; those with certificates HTTP/2 as well, where the client asks for it
//! in the handshake. A client that does not finish its handshake or its head in time is cut off.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::admission::Admission;
use super::impatient::Impatient;
use super::router::router;
use super::state::Api;
use crate::control_plane::browser::Transport;

/// For a handshake, and for a head.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before another connection is accepted, when there were no descriptors for one.
const LEFT_ALONE: Duration = Duration::from_millis(100);

/// Requests of one HTTP/2 connection at once.
const MOST_STREAMS: u32 = 100;

/// Bytes of the head of one HTTP/2 request.
const MOST_HEADERS: u32 = 16 * 1024;

/// Between two pings of a silent HTTP/2 connection.
const PING: Duration = Duration::from_secs(20);

/// A socket, and how connections are secured on it.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

impl Listener {
    /// Binds; port 0 takes a free one.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        Ok(Self { socket: TcpListener::bind(address).await?, tls })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// Serves the APIs until `stopped`, and then what is under way.
pub async fn serve(listeners: Vec<Listener>, api: Api, stopped: impl Future<Output = ()>) {
    let edges = api.edges.clone();
    let admission = Admission::new(api.connections, Arc::clone(&api.trusted_proxies));
    let door = Door {
        router: TowerToHyperService::new(router(api)),
        admission: Arc::new(admission),
        stopping: watch::Sender::new(Stopping::No),
        transport: Transport::Plain,
    };
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, door.clone()));
    }
    stopped.await;
    // Those who follow the feed would be under way for ever.
    edges.close();
    door.stopping.send_replace(Stopping::Yes);
    while accepting.join_next().await.is_some() {}
    // Every connection holds a receiver.
    door.stopping.closed().await;
}

/// What every connection is served by.
#[derive(Clone)]
struct Door {
    router: TowerToHyperService<Router>,
    admission: Arc<Admission>,
    stopping: watch::Sender<Stopping>,
    /// What the connection is on.
    transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopping {
    No,
    Yes,
}

async fn accept(listener: Listener, door: Door) {
    let mut stopping = door.stopping.subscribe();
    loop {
        let accepted = async {
            let place = door.admission.place().await;
            (place, listener.socket.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            _ = stopping.wait_for(|it| *it == Stopping::Yes) => return,
        };
        let Ok((stream, peer)) = accepted else {
            // Out of descriptors, most likely: others must close first.
            sleep(LEFT_ALONE).await;
            continue;
        };
        let admitted = place.and_then(|place| door.admission.admit(place, peer.ip()));
        let Some(admitted) = admitted else { continue };
        // Answers are short, and those who follow the feed wait for every line.
        let _ = stream.set_nodelay(true);
        let (tls, door) = (listener.tls.clone(), door.clone());
        let stopping = door.stopping.subscribe();
        tokio::spawn(async move {
            // One that breaks off is no event.
            let _ = admit(stream, peer, tls, door, stopping).await;
            drop(admitted);
        });
    }
}

type Broken = Box<dyn std::error::Error + Send + Sync>;

async fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    door: Door,
    stopping: watch::Receiver<Stopping>,
) -> Result<(), Broken> {
    let stream = Impatient::new(stream);
    let Some(tls) = tls else { return serve_http1(stream, peer, door, stopping).await };
    let stream = timeout(PATIENCE, TlsAcceptor::from(tls).accept(stream)).await??;
    let door = Door { transport: Transport::Secured, ..door };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        serve_http2(stream, peer, door, stopping).await
    } else {
        serve_http1(stream, peer, door, stopping).await
    }
}

async fn serve_http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    peer: SocketAddr,
    door: Door,
    mut stopping: watch::Receiver<Stopping>,
) -> Result<(), Broken> {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), answering(peer, door));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return Ok(done?),
        _ = stopping.wait_for(|it| *it == Stopping::Yes) => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}

async fn serve_http2(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    door: Door,
    mut stopping: watch::Receiver<Stopping>,
) -> Result<(), Broken> {
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PATIENCE)
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), answering(peer, door));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => return Ok(done?),
        _ = stopping.wait_for(|it| *it == Stopping::Yes) => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}

fn answering(
    peer: SocketAddr,
    door: Door,
) -> impl Service<
    hyper::Request<Incoming>,
    Response = Response,
    Error = Infallible,
    Future: Send + 'static,
> {
    let Door { router, admission: _, stopping: _, transport } = door;
    service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(transport);
        router.call(request)
    })
}
