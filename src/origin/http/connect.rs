//! New connections.

use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::error::{OriginError, OriginFault};
use super::pool::Connection;
use super::stream::Stream;
use super::url::UpstreamUrl;

/// How to reach an origin.
#[derive(Debug)]
pub(super) struct Connector {
    pub(super) url: UpstreamUrl,
    pub(super) tls: Option<Tls>,
    /// For name, connection and TLS together.
    pub(super) timeout: Duration,
}

/// With whom, and whom to believe that it is them.
pub(super) struct Tls {
    pub(super) connector: TlsConnector,
    pub(super) name: ServerName<'static>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) async fn connect(&self) -> Result<Connection, OriginError> {
        let stream = tokio::time::timeout(self.timeout, self.open())
            .await
            .map_err(|late| OriginError::caused_by(OriginFault::ConnectTimedOut, late))??;
        Ok(Connection::new(stream))
    }

    async fn open(&self) -> Result<Stream, OriginError> {
        let failed = |error| OriginError::caused_by(OriginFault::ConnectFailed, error);
        // Looked up for each connection, so that a changed address needs no restart. Addresses are
        // tried in the resolver's order.
        let tcp = TcpStream::connect((self.url.host(), self.url.port())).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        match &self.tls {
            None => Ok(Stream::Plain(tcp)),
            Some(Tls { connector, name }) => {
                let tls = connector
                    .connect(name.clone(), tcp)
                    .await
                    .map_err(|error| OriginError::caused_by(OriginFault::TlsFailed, error))?;
                Ok(Stream::Tls(Box::new(tls)))
            }
        }
    }
}
