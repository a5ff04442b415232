//! Where a connection enters: PROXY header, TLS, and which protocol it will speak.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::network::{NetworkSet, PeerIp};
use crate::policy::ClientScheme;
use crate::splice::Outlet;

use super::super::admission::Admitted;
use super::super::connection_metrics::{ConnectionMetrics, Timeout};
use super::super::drain::DrainSignal;
use super::super::proxy_protocol::{ProxiedPeer, read_proxy_header};
use super::super::tarpit::Tarpit;
use super::super::tls::ALPN_HTTP2;
use super::activity::Activity;
use super::answer::{Answer, TurnedAway};
use super::facts::{ConnectionFacts, Protocol, Transport};
use super::requests::Requests;
use super::watched::WatchedWrites;
use super::{http1, http2, parting};

/// One listener's way in.
#[derive(Debug)]
pub(in super::super) struct Door<A> {
    pub(in super::super) answer: Arc<A>,
    pub(in super::super) address: SocketAddr,
    /// None: cleartext.
    pub(in super::super) tls: Option<Arc<ServerConfig>>,
    /// Peers that must begin with a PROXY header.
    pub(in super::super) proxies: NetworkSet,
    pub(in super::super) tarpit: Arc<Tarpit>,
    pub(in super::super) metrics: Arc<ConnectionMetrics>,
    pub(in super::super) drain: DrainSignal,
}

impl<A: Answer> Door<A> {
    /// Serves a connection from this address to its end. The outlet is the stream's.
    pub(in super::super) async fn serve<S>(
        &self,
        mut stream: S,
        outlet: Option<Outlet>,
        from: IpAddr,
        admitted: Admitted,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut admitted = admitted;
        let limits = self.answer.settings().limits.clone();
        let due = Instant::now() + limits.handshake_timeout;
        let Ok(proxied) = self.in_time(due, self.proxied(&mut stream, from)).await else { return };
        let peer = proxied.peer(from);
        if admitted.count_for(peer, limits.max_connections_per_address).is_err() {
            self.metrics.refused_over_address_limit.increment();
            self.turn_away(stream, peer).await;
            return;
        }
        let activity = Activity::new(limits, Arc::clone(admitted.admission()));
        let stream = WatchedWrites::new(stream, Arc::clone(&activity));
        let Some(tls) = &self.tls else {
            let transport = match proxied.scheme(ClientScheme::Http) {
                ClientScheme::Http => Transport::Plain,
                ClientScheme::Https => Transport::PlainBehindTls,
            };
            let plain = Spoken { transport, protocol: Protocol::Http1, outlet };
            return self.speak(stream, peer, plain, activity).await;
        };
        let mut due = due;
        if let Some(wait) = self.tarpit.wait(peer) {
            self.metrics.handshakes_delayed.increment();
            // It has nothing yet but its socket.
            sleep(wait).await;
            due += wait;
        }
        let encrypted = Box::pin(self.encrypted(tls, stream));
        let Ok(stream) = self.in_time(due, encrypted).await else { return };
        let (_, session) = stream.get_ref();
        let server_name = session.server_name().map(|name| name.to_ascii_lowercase().into());
        let protocol = match session.alpn_protocol() {
            Some(ALPN_HTTP2) => Protocol::Http2,
            Some(_) | None => Protocol::Http1,
        };
        let transport = Transport::Tls { server_name };
        let spoken = Spoken { transport, protocol, outlet: None };
        // A session is large, and plain connections are not to have room for one.
        Box::pin(self.speak(stream, peer, spoken, activity)).await;
    }

    /// Says that there is no room, where that can be said without a handshake, and closes.
    pub(in super::super) async fn turn_away<S>(&self, mut stream: S, peer: PeerIp)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if self.tls.is_none() {
            let connection = self.facts(peer, Transport::Plain, Protocol::Http1);
            let answer = self.answer.turn_away(TurnedAway::NoRoom, &connection);
            parting::answer(&mut stream, answer).await;
        }
    }

    fn facts(&self, peer: PeerIp, transport: Transport, protocol: Protocol) -> ConnectionFacts {
        ConnectionFacts { peer, listener: self.address, transport, protocol, outlet: None }
    }

    async fn in_time<T>(
        &self,
        due: Instant,
        step: impl Future<Output = Result<T, NotEntered>>,
    ) -> Result<T, NotEntered> {
        timeout_at(due, step).await.unwrap_or_else(|_| {
            self.metrics.timeouts(Timeout::Handshake).increment();
            Err(NotEntered)
        })
    }

    /// Who is at the other end, by the PROXY header if this peer must speak it.
    async fn proxied<S>(&self, stream: &mut S, from: IpAddr) -> Result<ProxiedPeer, NotEntered>
    where
        S: AsyncRead + Unpin,
    {
        if !self.proxies.contains(from) {
            return Ok(ProxiedPeer::Connection);
        }
        match read_proxy_header(stream).await {
            Ok(proxied) => Ok(proxied),
            Err(rejection) => {
                self.metrics.proxy_header_refusals.increment();
                tracing::debug!(peer = %from, reason = rejection.as_str(), "PROXY header refused");
                Err(NotEntered)
            }
        }
    }

    async fn encrypted<S>(
        &self,
        tls: &Arc<ServerConfig>,
        stream: S,
    ) -> Result<TlsStream<S>, NotEntered>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(Arc::clone(tls)).accept(stream).await.map_err(|error| {
            self.metrics.tls_handshake_failures.increment();
            tracing::debug!(%error, "TLS handshake failed");
            NotEntered
        })
    }

    /// Serves what comes after the handshake.
    pub(super) async fn speak<S>(
        &self,
        stream: S,
        peer: PeerIp,
        spoken: Spoken,
        activity: Arc<Activity>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Spoken { transport, protocol, outlet } = spoken;
        activity.speaks(protocol);
        let connection = ConnectionFacts { outlet, ..self.facts(peer, transport, protocol) };
        let requests = Requests {
            answer: Arc::clone(&self.answer),
            connection: Arc::new(connection),
            activity,
            metrics: Arc::clone(&self.metrics),
        };
        match protocol {
            Protocol::Http1 => http1::serve(stream, requests, self.drain.clone()).await,
            Protocol::Http2 => {
                let served = Box::pin(http2::serve(stream, requests, self.drain.clone())).await;
                // A proxy that is trusted speaks for many.
                if served == http2::Served::Breached
                    && !self.answer.settings().trusted_proxies.contains(peer.get())
                {
                    self.tarpit.breached(peer);
                }
            }
        }
    }
}

/// What the handshake came to.
pub(super) struct Spoken {
    pub(super) transport: Transport,
    pub(super) protocol: Protocol,
    /// None where not all that the stream writes is HTTP/1 itself.
    pub(super) outlet: Option<Outlet>,
}

/// The connection is over before its first request; it has been counted why.
struct NotEntered;
