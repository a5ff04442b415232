//! What an operator sets of the data plane.
//!
//! [`Settings`] reload hot, in the same swap as the policy; a connection keeps those it was
//! accepted under, a request reads those in force. [`ListenerConfig`] and the number of workers
//! are fixed at start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::network::NetworkSet;
use crate::response::CdnMarkers;

use super::ForwardedHeader;

/// What reloads hot.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Hops whose forwarded header is believed.
    pub trusted_proxies: NetworkSet,
    /// The one header that states a client's address.
    pub forwarded_header: ForwardedHeader,
    /// What shows that a CDN is between.
    pub cdn: CdnMarkers,
    /// Do refusals name their code?
    pub reasons: Reasons,
    /// Is an unknown asset told from a protected one?
    pub missing: Missing,
    /// Is a line written for every answer?
    pub access_log: AccessLog,
    /// What a client may use.
    pub limits: Limits,
}

/// Is a line written for every answer? Counted it is in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// No line.
    Off,
    /// One line each.
    On,
}

/// Do refusals name their code to the client?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    /// In the answer's body and in `X-Countersign-Reason`.
    Exposed,
    /// Only in logs and metrics.
    Hidden,
}

/// Is an unknown asset told from a protected one (requirements G15)?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Both are 403 without a token.
    Hidden,
    /// An unknown one is 404.
    Revealed,
}

/// What a client may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accept to the end of the TLS handshake and of the PROXY header.
    pub handshake_timeout: Duration,
    /// From the first byte of a request, or from accept, to the end of its header section.
    pub header_timeout: Duration,
    /// Between two requests.
    pub idle_timeout: Duration,
    /// Without progress while an answer is written.
    pub write_timeout: Duration,
    /// Open connections of all listeners; `None`: from the descriptor limit.
    pub max_connections: Option<usize>,
    /// Open connections of one address; `None`: no limit.
    pub max_connections_per_address: Option<usize>,
    /// Requests of one connection; `None`: no limit.
    pub max_requests_per_connection: Option<u64>,
    /// Bytes of a header section, request line included.
    pub max_header_bytes: usize,
    /// Header fields of a request.
    pub max_headers: usize,
    /// Bytes of a request target.
    pub max_target_bytes: usize,
}

impl Default for Limits {
    /// The defaults of the contract; part 5 of the security page gives their reasons.
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(30),
            max_connections: None,
            max_connections_per_address: None,
            max_requests_per_connection: None,
            max_header_bytes: 32 * 1024,
            max_headers: 100,
            max_target_bytes: 8 * 1024,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            trusted_proxies: NetworkSet::default(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            cdn: CdnMarkers::default(),
            reasons: Reasons::Hidden,
            missing: Missing::Hidden,
            access_log: AccessLog::On,
            limits: Limits::default(),
        }
    }
}

/// One address that the edge listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerConfig {
    /// Port 0 takes any free one.
    pub address: SocketAddr,
    /// With certificates the listener speaks TLS only; the first is the default. Empty: plain.
    pub certificates: Vec<CertificateFiles>,
    /// Peers that must begin with a PROXY header; from others it is refused.
    pub proxy_protocol_from: NetworkSet,
}

/// A certificate chain and its key, PEM files, watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, leaf first.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// What is fixed at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// At least one.
    pub listeners: Vec<ListenerConfig>,
    /// Threads that serve.
    pub workers: usize,
    /// How long requests in flight may go on after SIGTERM.
    pub drain_timeout: Duration,
}
