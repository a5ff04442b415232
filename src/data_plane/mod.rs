//! Answers links: from an accepted connection to the last byte of a response.

mod forwarded;
mod proxy_protocol;

pub use forwarded::{ForwardedHeader, ForwardedRejection, MAX_HOPS};
pub use proxy_protocol::{MAX_V2_PAYLOAD, ProxiedPeer, ProxyProtocolRejection, read_proxy_header};
