//! Which link is used, and from where.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};

use super::user_agent::UserAgentFamily;
use crate::asset::TenantId;
use crate::network::ClientIp;
use crate::policy::UserAgentRule;

/// Bits of an IPv4 address that are one network (requirements G23).
const NETWORK_V4: u32 = 24;

/// Bits of an IPv6 address that are one network: what a provider gives one customer.
const NETWORK_V6: u32 = 56;

/// A link, as every edge knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::data_plane) struct LinkRef<'a> {
    pub(in crate::data_plane) tenant: TenantId,
    /// The key that signed it: two signers may give one id.
    pub(in crate::data_plane) key: &'a str,
    pub(in crate::data_plane) id: &'a str,
}

impl LinkRef<'_> {
    /// Its name in Redis: of one length, and no id of a link, which somebody may think a secret.
    pub(super) fn digest(self) -> String {
        let mut digest = Sha256::new_with_prefix(self.tenant.0.to_be_bytes());
        digest.update(self.key.len().to_be_bytes());
        digest.update(self.key);
        digest.update(self.id);
        let digest: [u8; 32] = digest.finalize().into();
        hex::encode(digest.first_chunk::<16>().copied().unwrap_or_default())
    }
}

/// A link in this process. Its 128 bits are of hashes under keys of this process: nobody can make
/// two links that share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LinkKey(pub(super) u128);

/// Makes the keys of one process.
#[derive(Debug, Default)]
pub(super) struct Keys([RandomState; 2]);

impl Keys {
    pub(super) fn link(&self, link: LinkRef<'_>) -> LinkKey {
        let Self([high, low]) = self;
        LinkKey(u128::from(high.hash_one(link)) << 64 | u128::from(low.hash_one(link)))
    }

    pub(super) fn place(&self, place: Place<'_>) -> PlaceKey {
        let Self([first, _]) = self;
        PlaceKey(first.hash_one(place))
    }
}

/// Where a link is used: a network, and a family of user agents in it.
#[derive(Clone, Copy, Debug, Hash)]
pub(super) struct Place<'h> {
    /// Its lowest address.
    network: IpAddr,
    family: Option<UserAgentFamily<'h>>,
}

/// A place in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceKey(pub(super) u64);

impl<'h> Place<'h> {
    pub(super) fn of(client: ClientIp, family: UserAgentFamily<'h>, rule: UserAgentRule) -> Self {
        let network = network_of(client);
        let family = match rule {
            UserAgentRule::Bind => Some(family),
            UserAgentRule::Ignore => None,
        };
        Self { network, family }
    }
}

/// The lowest address of a client's network.
pub(in crate::data_plane) fn network_of(client: ClientIp) -> IpAddr {
    match client.get() {
        IpAddr::V4(address) => {
            let bits = address.to_bits() & (u32::MAX << (u32::BITS - NETWORK_V4));
            Ipv4Addr::from_bits(bits).into()
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << (u128::BITS - NETWORK_V6));
            Ipv6Addr::from_bits(bits).into()
        }
    }
}

impl fmt::Display for Place<'_> {
    /// The one text of a place, in Redis.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.network.fmt(f)?;
        match &self.family {
            Some(family) => write!(f, " {family}"),
            None => Ok(()),
        }
    }
}

/// Is a place where a link is used to be remembered?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data_plane) enum Visit {
    /// It is only looked at: no bytes are asked for (requirements, part H).
    Look,
    /// It is.
    Use,
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{HeaderValue, USER_AGENT};

    use super::*;

    fn place(address: &str, agent: &'static str, rule: UserAgentRule) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let client = ClientIp::new(address.parse().unwrap());
        Place::of(client, UserAgentFamily::of(&headers), rule).to_string()
    }

    #[test]
    fn a_place_is_a_network_and_a_family() {
        let bound = |address, agent| place(address, agent, UserAgentRule::Bind);
        assert_eq!(bound("192.0.2.77", "curl/7.1"), "192.0.2.0 curl");
        assert_eq!(bound("::ffff:192.0.2.1", "CURL/8"), "192.0.2.0 curl");
        assert_eq!(bound("2001:db8:1:2ff:3::4", "curl/7.1"), "2001:db8:1:200:: curl");
        assert_eq!(place("192.0.2.77", "curl/7.1", UserAgentRule::Ignore), "192.0.2.0");
    }

    #[test]
    fn two_links_have_two_names_here_and_in_redis() {
        let keys = Keys::default();
        let links = [(1, "k", "ab"), (2, "k", "ab"), (1, "ka", "b"), (1, "k", "a"), (1, "", "kab")]
            .map(|(tenant, key, id)| LinkRef { tenant: TenantId(tenant), key, id });
        for (index, one) in links.iter().enumerate() {
            for (other, two) in links.iter().enumerate() {
                assert_eq!(keys.link(*one) == keys.link(*two), index == other);
                assert_eq!(one.digest() == two.digest(), index == other);
            }
            assert_eq!(one.digest().len(), 32);
        }
    }
}
