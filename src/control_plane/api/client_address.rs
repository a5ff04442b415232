//! Where a call comes from: the peer, or whom trusted proxies say it is for.

use std::net::{IpAddr, SocketAddr};
use std::str::from_utf8;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

use super::state::Api;
use crate::network::ClientIp;

/// Proxies that are walked past, as on edges.
const MAX_HOPS: usize = 32;

impl Api {
    /// The address, walked through `X-Forwarded-For` from the right as long as each hop is trusted.
    /// None where a trusted hop names no address: whoever wrote that may be anybody, and is not the
    /// hop.
    pub(super) fn client_address(&self, parts: &Parts) -> Option<ClientIp> {
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        let mut client = ClientIp::new(peer.ip());
        let lines: Vec<_> = parts.headers.get_all("x-forwarded-for").iter().collect();
        let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for (walked, hop) in hops.enumerate() {
            if !self.trusted_proxies.contains(client.get()) {
                break;
            }
            if walked >= MAX_HOPS {
                return None;
            }
            client = ClientIp::new(from_utf8(hop).ok()?.trim().parse::<IpAddr>().ok()?);
        }
        Some(client)
    }
}
