//! Addresses as addresses: who asks, who stands between, and which networks are meant.
//!
//! Every address is folded when it enters: an IPv4 address mapped into IPv6 (`::ffff:a.b.c.d`,
//! RFC 4291 section 2.5.5.2) *is* that IPv4 address. A network written over mapped addresses is
//! folded likewise, and refused when its prefix is shorter than the 96 mapped bits, for
//! `::ffff:10.0.0.0/8` would otherwise mean the whole of IPv6 space below it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

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

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// What is of IPv4 and not of the public internet (IANA, Special-Purpose Address Registry), and an
/// address within which a cloud answers for itself.
const SPECIAL_V4: [Ipv4Net; 18] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Azure's wire server.
    v4(168, 63, 129, 16, 32),
    // Where clouds keep what a machine may be.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// All of IPv6 that is given to anybody.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What of it is not of the public internet: Teredo, ORCHID and others; documentation; 6to4.
const SPECIAL_V6: [Ipv6Net; 4] =
    [v6(0x2001, 0, 0, 23), v6(0x2001, 0xdb8, 0, 32), v6(0x2002, 0, 0, 16), v6(0x3fff, 0, 0, 20)];

/// IPv4 as it is reached from networks of IPv6 alone (RFC 6052).
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// Is it an address of the public internet? What clouds answer for themselves at is not.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            is_public(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
        }
        IpAddr::V6(address) => {
            GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|net| net.contains(&address))
        }
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

    #[test]
    fn what_is_of_the_public_internet_and_what_is_not() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in
            ["1.1.1.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"]
        {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
