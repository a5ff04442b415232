//! The data plane: from accepted sockets to answers.
//!
//! # Life of a request
//!
//! `accept` → `handshake` (PROXY header, TLS) → `framing` (one host, no body, limits) → `site` →
//! `target` → `client` (address) → `resource` (asset or route) → `decide` (overrides, blocklists,
//! token) → `fetch` → `respond`. A refusal at any phase goes through one function to an answer.

mod forwarded;
mod proxy_protocol;
pub mod response;
mod settings;

pub use forwarded::{ForwardedHeader, ForwardedRejection, MAX_HOPS};
pub use proxy_protocol::{MAX_V2_PAYLOAD, ProxiedPeer, ProxyProtocolRejection, read_proxy_header};
pub use settings::{CertificateFiles, Config, Limits, ListenerConfig, Missing, Reasons, Settings};
