//! Where a call comes from: the peer, or whom trusted proxies say it is for.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;

use super::state::Api;
use crate::network::ClientIp;

impl Api {
    /// The address, walked through `X-Forwarded-For` from the right as long as each hop is trusted.
    /// What is no address ends the walk: the last hop that was believed is the client.
    pub(super) fn client_address(&self, parts: &Parts) -> Option<ClientIp> {
        let ConnectInfo(peer) = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        let mut client = peer.ip();
        let lines: Vec<_> = parts.headers.get_all("x-forwarded-for").iter().collect();
        let hops = lines
            .iter()
            .rev()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.rsplit(',').map(str::trim));
        for hop in hops {
            if !self.trusted_proxies.contains(client) {
                break;
            }
            let Ok(address) = hop.parse::<IpAddr>() else { break };
            client = address;
        }
        Some(ClientIp::new(client))
    }
}
