//! What is known of a connection before its first request.

use std::net::SocketAddr;

use crate::network::PeerIp;
use crate::policy::ClientScheme;
use crate::splice::Outlet;

/// What holds for every request of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// Who is at the other end, or whom the PROXY header states.
    pub peer: PeerIp,
    /// The address that was connected to, as bound.
    pub listener: SocketAddr,
    /// In the clear or not.
    pub transport: Transport,
    /// The version spoken.
    pub protocol: Protocol,
    /// Where large bodies may pass by this program; only HTTP/1 in the clear has that.
    pub outlet: Option<Outlet>,
}

impl ConnectionFacts {
    /// What the connection speaks.
    pub fn scheme(&self) -> ClientScheme {
        match self.transport {
            Transport::Plain => ClientScheme::Http,
            Transport::PlainBehindTls | Transport::Tls { .. } => ClientScheme::Https,
        }
    }

    /// The name the TLS client asked for.
    pub fn server_name(&self) -> Option<&str> {
        match &self.transport {
            Transport::Plain | Transport::PlainBehindTls | Transport::Tls { server_name: None } => {
                None
            }
            Transport::Tls { server_name: Some(name) } => Some(name),
        }
    }
}

/// In the clear or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Cleartext.
    Plain,
    /// Cleartext, from a proxy whose PROXY header says that the client's TLS ended there.
    PlainBehindTls,
    /// TLS 1.2 or 1.3.
    Tls {
        /// The name the client asked for (SNI), lowercase; a request's host must be the same.
        server_name: Option<Box<str>>,
    },
}

/// The version of HTTP spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 or 1.0: one request after the other.
    Http1,
    /// HTTP/2, over TLS only.
    Http2,
}
