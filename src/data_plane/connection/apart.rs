//! A connection apart from any listener, past its handshake: on whatever stream, as fuzzing has it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::super::admission::Admission;
use super::super::connection_metrics::ConnectionMetrics;
use super::super::drain::DrainSignal;
use super::super::tarpit::Tarpit;
use super::activity::Activity;
use super::answer::Answer;
use super::door::{Door, Spoken};
use super::facts::{Protocol, Transport};
use super::watched::WatchedWrites;
use crate::network::{NetworkSet, PeerIp};

/// Serves the stream to its end, in the clear over HTTP/1.1, as if after TLS over HTTP/2. The
/// address is both ends'.
pub(crate) async fn serve_apart<A, S>(
    answer: Arc<A>,
    metrics: Arc<ConnectionMetrics>,
    stream: S,
    address: SocketAddr,
    protocol: Protocol,
    drain: DrainSignal,
) where
    A: Answer,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let activity = Activity::new(answer.settings().limits.clone(), Arc::new(Admission::new()));
    let proxies = NetworkSet::default();
    let tarpit = Arc::new(Tarpit::new());
    let door = Door { answer, address, tls: None, proxies, tarpit, metrics, drain };
    let transport = match protocol {
        Protocol::Http1 => Transport::Plain,
        Protocol::Http2 => Transport::Tls { server_name: None },
    };
    let stream = WatchedWrites::new(stream, Arc::clone(&activity));
    let spoken = Spoken { transport, protocol, outlet: None };
    door.speak(stream, PeerIp::new(address.ip()), spoken, activity).await;
}
