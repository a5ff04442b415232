//! Addresses as addresses: who asks, who stands between, and which networks are meant.
//!
//! Every address is folded when it enters: an IPv4 address mapped into IPv6 (`::ffff:a.b.c.d`,
//! RFC 4291 section 2.5.5.2) *is* that IPv4 address. A network written over mapped addresses is
//! folded likewise, and refused when its prefix is shorter than the 96 mapped bits, for
//! `::ffff:10.0.0.0/8` would otherwise mean the whole of IPv6 space below it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// The address of the person or program that asked, after trusted hops were walked.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(from = "IpAddr")]
pub struct ClientIp(IpAddr);

impl ClientIp {
    /// Folds a mapped address.
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The folded address.
    pub fn get(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for ClientIp {
    fn from(address: IpAddr) -> Self {
        Self::new(address)
    }
}

impl fmt::Display for ClientIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address at the other end of the connection, or the one its PROXY header states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerIp(IpAddr);

impl PeerIp {
    /// Folds a mapped address.
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The folded address.
    pub fn get(self) -> IpAddr {
        self.0
    }

    /// Whom it counts for where connections are counted: an IPv6 address counts with its /64,
    /// which is what one subscriber is given at least (RFC 6177), so that it cannot be walked
    /// through.
    pub fn subscriber(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
        }
    }

    /// The peer as the client: nobody stands between.
    pub fn as_client(self) -> ClientIp {
        ClientIp(self.0)
    }
}

impl fmt::Display for PeerIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is not an address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkRejection {
    /// Neither an address nor `address/prefix`. Octets with leading zeros are refused, because
    /// resolvers disagree on whether they are octal.
    #[error("not an IP address or CIDR network")]
    Malformed,
    /// An IPv4-mapped network with a prefix shorter than 96 bits.
    #[error("an IPv4-mapped network needs a prefix of at least /96")]
    MappedPrefixTooShort,
}

/// Reads an address or a CIDR network; host bits are cleared, mapped addresses folded.
///
/// The address is read by the standard library also where a prefix follows: `ipnet` has a parser
/// of its own that still takes octets with leading zeros (the class of CVE-2021-29922).
pub fn parse_network(text: &str) -> Result<IpNet, NetworkRejection> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address = IpAddr::from_str(address).map_err(|_| NetworkRejection::Malformed)?;
    let net = match prefix {
        Some(prefix) => {
            IpNet::new(address, parse_prefix(prefix)?).map_err(|_| NetworkRejection::Malformed)?
        }
        None => IpNet::from(address),
    };
    fold_network(net)
}

/// One to three digits without a sign or a leading zero.
fn parse_prefix(text: &str) -> Result<u8, NetworkRejection> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (text.len() > 1 && text.starts_with('0')) {
        return Err(NetworkRejection::Malformed);
    }
    text.parse().map_err(|_| NetworkRejection::Malformed)
}

fn fold_network(net: IpNet) -> Result<IpNet, NetworkRejection> {
    let IpNet::V6(v6) = net else { return Ok(net.trunc()) };
    let Some(v4) = v6.addr().to_ipv4_mapped() else { return Ok(net.trunc()) };
    let prefix = v6.prefix_len().checked_sub(96).ok_or(NetworkRejection::MappedPrefixTooShort)?;
    let v4 = Ipv4Net::new(v4, prefix).map_err(|_| NetworkRejection::Malformed)?;
    Ok(IpNet::V4(v4.trunc()))
}

/// A handful of networks, as a configuration lists them (trusted proxies, listed peers).
///
/// Made for short lists: a look-up walks them. Large lists are `policy::reputation`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkSet(Vec<IpNet>);

impl NetworkSet {
    /// A set of these networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Is the address, mapped addresses folded, in one of the networks?
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Is any address in both sets?
    pub fn overlaps(&self, other: &Self) -> bool {
        // Two networks that share an address are one inside the other.
        let meet = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        self.0.iter().any(|net| other.0.iter().any(|it| meet(net, it)))
    }

    /// Does the set name nobody?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_addresses_are_their_ipv4_address() {
        let mapped: IpAddr = "::ffff:192.0.2.7".parse().unwrap();
        assert_eq!(ClientIp::new(mapped), ClientIp::new("192.0.2.7".parse().unwrap()));
        let set = NetworkSet::new(vec![parse_network("192.0.2.0/24").unwrap()]);
        assert!(set.contains(mapped));
    }

    #[test]
    fn sets_overlap_where_they_share_an_address() {
        let set = |texts: &[&str]| {
            NetworkSet::new(texts.iter().map(|text| parse_network(text).unwrap()).collect())
        };
        let wide = set(&["2001:db8::/32", "10.0.0.0/8"]);
        for (other, expected) in [
            (set(&["10.1.2.3"]), true),
            (set(&["192.0.2.1", "0.0.0.0/0"]), true),
            (set(&["11.0.0.0/8", "2001:db9::/32"]), false),
            (set(&["::/0"]), true),
            (set(&[]), false),
        ] {
            assert_eq!(wide.overlaps(&other), expected, "{other:?}");
            assert_eq!(other.overlaps(&wide), expected, "{other:?}");
        }
    }

    #[test]
    fn mapped_networks_fold_or_are_refused() {
        assert_eq!(parse_network("::ffff:10.0.0.0/104").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(parse_network("::ffff:10.0.0.0/8"), Err(NetworkRejection::MappedPrefixTooShort));
        assert_eq!(parse_network("::ffff:192.0.2.1").unwrap().to_string(), "192.0.2.1/32");
    }

    #[test]
    fn host_bits_are_cleared_and_odd_forms_refused() {
        assert_eq!(parse_network("192.0.2.9/24").unwrap().to_string(), "192.0.2.0/24");
        assert_eq!(parse_network("0.0.0.0/0").unwrap().to_string(), "0.0.0.0/0");
        for bad in [
            "",
            "/",
            "/8",
            "10",
            "10.0.0",
            "10.0.0/8",
            "010.0.0.1",
            "010.0.0.0/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/-8",
            "10.0.0.0/33",
            "10.0.0.0/8/8",
            "1.2.3.4/",
            "x/8",
            "::1/129",
            "::1/256",
            "fe80::1%eth0",
        ] {
            assert_eq!(parse_network(bad), Err(NetworkRejection::Malformed), "{bad}");
        }
    }
}
