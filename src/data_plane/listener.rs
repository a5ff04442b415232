//! The sockets.
//!
//! All are bound before anything is served, so that an address that cannot be had, or a certificate
//! that cannot be read, is said before the first connection. Every worker has a socket of its own
//! for every address (`SO_REUSEPORT`): the first takes the port, which may be any free one, and the
//! others share it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use crate::network::NetworkSet;

use super::admission::Admission;
use super::connection::{Answer, Door};
use super::connection_metrics::ConnectionMetrics;
use super::drain::DrainSignal;
use super::settings::{Config, ListenerConfig};
use super::tarpit::Tarpit;
use super::tls::{CertificateError, Certificates};
use super::worker::{Entrance, Worker, Workers};

/// Connections the kernel keeps for us between two accepts; it may keep fewer (`somaxconn`).
const BACKLOG: i32 = 4096;

/// Bound and listening, not yet serving.
#[derive(Debug)]
pub struct Listeners {
    bound: Vec<Bound>,
    workers: usize,
    certificates: Arc<Certificates>,
    metrics: Arc<ConnectionMetrics>,
    drain_timeout: Duration,
}

/// One listener.
#[derive(Debug)]
struct Bound {
    address: SocketAddr,
    /// One for each worker.
    sockets: Vec<TcpListener>,
    tls: Option<Arc<ServerConfig>>,
    proxies: NetworkSet,
}

impl Listeners {
    /// Reads the certificates and binds every socket of every worker.
    pub fn bind(config: &Config) -> Result<Self, BindError> {
        let workers = config.workers.max(1);
        let certificates = Certificates::load(&config.listeners).map_err(BindError::Certificate)?;
        let certificates = Arc::new(certificates);
        let configs = certificates.server_configs().map_err(BindError::Tls)?;
        let bound = config
            .listeners
            .iter()
            .zip(configs)
            .map(|(listener, tls)| {
                let sockets = sockets(listener.address, workers, families(listener, config))
                    .map_err(|error| BindError::Socket { address: listener.address, error })?;
                let (address, sockets) = sockets;
                Ok(Bound { address, sockets, tls, proxies: listener.proxy_protocol_from.clone() })
            })
            .collect::<Result<Vec<_>, BindError>>()?;
        let metrics = Arc::new(ConnectionMetrics::new(bound.iter().map(|bound| bound.address)));
        Ok(Self { bound, workers, certificates, metrics, drain_timeout: config.drain_timeout })
    }

    /// The addresses bound, in the order of the configuration.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(|bound| bound.address)
    }

    /// The certificates, to reload them.
    pub fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// What will be counted.
    pub fn metrics(&self) -> Arc<ConnectionMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Starts the workers. Each asks once, by its number, for what answers its requests: the same
    /// for all, or one that keeps what belongs to the worker's thread.
    pub fn run<A: Answer>(
        self,
        mut answer: impl FnMut(usize) -> Arc<A>,
        drain: &DrainSignal,
    ) -> Result<Workers, StartError> {
        let admission = Arc::new(Admission::new());
        let tarpit = Arc::new(Tarpit::new());
        let refusals = Arc::new(AtomicUsize::new(0));
        let answers: Vec<_> = (0..self.workers).map(&mut answer).collect();
        let mut entrances: Vec<Vec<Entrance<A>>> = answers.iter().map(|_| Vec::new()).collect();
        for (index, bound) in self.bound.into_iter().enumerate() {
            for ((entrances, answer), socket) in
                entrances.iter_mut().zip(&answers).zip(bound.sockets)
            {
                let door = Arc::new(Door {
                    answer: Arc::clone(answer),
                    address: bound.address,
                    tls: bound.tls.clone(),
                    proxies: bound.proxies.clone(),
                    tarpit: Arc::clone(&tarpit),
                    metrics: Arc::clone(&self.metrics),
                    drain: drain.clone(),
                });
                entrances.push(Entrance { socket, door, index });
            }
        }
        let (reporter, reports) = mpsc::unbounded_channel();
        for (number, entrances) in entrances.into_iter().enumerate() {
            let worker = Worker {
                entrances,
                admission: Arc::clone(&admission),
                refusals: Arc::clone(&refusals),
                drain: drain.clone(),
                drain_timeout: self.drain_timeout,
            };
            worker.start(number, reporter.clone()).map_err(StartError)?;
        }
        Ok(Workers { reports })
    }
}

/// Which families a socket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Families {
    /// As the system has it: an IPv6 wildcard takes IPv4 as well on most.
    System,
    /// IPv6 alone, since IPv4 has a listener of its own on this port.
    OnlyIpv6,
}

fn families(listener: &ListenerConfig, config: &Config) -> Families {
    let shared = config
        .listeners
        .iter()
        .any(|other| other.address.is_ipv4() && other.address.port() == listener.address.port());
    if listener.address.is_ipv6() && listener.address.port() != 0 && shared {
        Families::OnlyIpv6
    } else {
        Families::System
    }
}

fn sockets(
    address: SocketAddr,
    workers: usize,
    families: Families,
) -> io::Result<(SocketAddr, Vec<TcpListener>)> {
    refuse_a_second_instance(address)?;
    let first = socket(address, families)?;
    let bound = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..workers {
        sockets.push(socket(bound, families)?);
    }
    Ok((bound, sockets))
}

/// Our sockets share their port with whoever of the same user asks for it, also with another
/// process that was started by mistake and would silently take half of the connections. A socket
/// that shares with nobody finds out.
fn refuse_a_second_instance(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let alone = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        alone.set_only_v6(true)?;
    }
    alone.set_reuse_address(true)?;
    alone.bind(&address.into())
}

fn socket(address: SocketAddr, families: Families) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if families == Families::OnlyIpv6 {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the last run to time out.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Why nothing can be served.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// A certificate or key.
    #[error("a certificate cannot be used")]
    Certificate(#[source] CertificateError),
    /// An address.
    #[error("cannot listen on {address}")]
    Socket {
        /// As configured.
        address: SocketAddr,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// The TLS library.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// A worker's thread or runtime cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("a worker cannot be started")]
pub struct StartError(#[source] io::Error);
