//! A running edge that answers with toys.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::data_plane::connection::tests::toy::Toy;
use crate::data_plane::{
    CertificateFiles, Certificates, Config, ConnectionMetrics, DrainTrigger, Drained, Limits,
    ListenerConfig, Listeners, Workers, drain,
};
use crate::network::NetworkSet;

pub(super) const GET: &[u8] = b"GET /a HTTP/1.1\r\nhost: media.example\r\n\r\n";

/// Workers, their toys, and what steers them.
pub(super) struct Edge {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) certificates: Arc<Certificates>,
    pub(super) metrics: Arc<ConnectionMetrics>,
    /// One for each worker.
    pub(super) toys: Vec<Arc<Toy>>,
    pub(super) drain: DrainTrigger,
    workers: Workers,
}

impl Edge {
    pub(super) fn start(config: &Config, limits: &Limits) -> Self {
        let listeners = Listeners::bind(config).unwrap();
        let addresses = listeners.addresses().collect();
        let (certificates, metrics) = (listeners.certificates(), listeners.metrics());
        let (trigger, signal) = drain();
        let mut toys = Vec::new();
        let workers = listeners
            .run(
                |number| {
                    let toy = Toy { name: format!("worker {number}"), ..Toy::new(limits.clone()) };
                    let toy = Arc::new(toy);
                    toys.push(Arc::clone(&toy));
                    toy
                },
                &signal,
            )
            .unwrap();
        Self { addresses, certificates, metrics, toys, drain: trigger, workers }
    }

    /// In the clear, with one worker.
    pub(super) fn plain(limits: &Limits) -> Self {
        Self::start(&config(vec![listener(Vec::new())]), limits)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address()).await.unwrap())
    }

    pub(super) async fn drained(self) -> Drained {
        self.drain.start();
        self.workers.drained().await.unwrap()
    }
}

pub(super) fn listener(certificates: Vec<CertificateFiles>) -> ListenerConfig {
    let address = "127.0.0.1:0".parse().unwrap();
    ListenerConfig { address, certificates, proxy_protocol_from: NetworkSet::default() }
}

pub(super) fn config(listeners: Vec<ListenerConfig>) -> Config {
    Config { listeners, workers: 1, drain_timeout: Duration::from_secs(30) }
}

/// Where a certificate of this name lies in a folder.
pub(super) fn files(folder: &Path, name: &str) -> CertificateFiles {
    CertificateFiles {
        cert: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    }
}

/// A client in the clear.
pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// Everything until the server closes.
    pub(super) async fn rest(&mut self) -> String {
        let mut text = String::new();
        self.0.read_to_string(&mut text).await.unwrap();
        text
    }

    /// Up to and including this text.
    pub(super) async fn until(&mut self, end: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(end.as_bytes()) {
            bytes.push(self.0.read_u8().await.expect("closed"));
        }
        String::from_utf8(bytes).unwrap()
    }
}
