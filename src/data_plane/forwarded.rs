//! The walk over trusted hops: from the peer and one forwarded header to the client's address.
//!
//! Each proxy appends the address it saw at the right end of the list. So the walk begins at the
//! right and goes on only while it stands at an address we trust; the first other one is the
//! client, and what is left of it was written by the client and is never parsed.
//!
//! Invariants: exactly one header is read, the one configured, and only from a trusted peer. An
//! entry is taken strictly or refuses the request: an entry that a trusted proxy left empty or
//! obscure hides the address the decision needs, and going on to its left would believe a
//! stranger. That includes empty list elements, which RFC 9110 section 5.6.1.2 would skip.
//! Every comma separates, also one within quotes: then no element's bounds depend on what stands
//! to its left, and a quote left open there, or by a proxy that copies one, joins nothing. An
//! element that did hold a quoted comma has an odd number of quotes on either side of it, which
//! is malformed; `for`, `by`, `host` and `proto` never need one.
//!
//! Not here: who is trusted (`config`), the PROXY protocol (`proxy_protocol`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName, VIA};

use crate::network::{ClientIp, NetworkSet, PeerIp};
use crate::policy::ProxyHeader;

/// Entries that are read at most. A chain of proxies has two or three; the bound keeps a header
/// full of trusted addresses from costing more than an ordinary one.
pub const MAX_HOPS: usize = 32;

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The one header whose entries are believed when a trusted peer sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// No header: the peer is the client.
    Ignore,
    /// `X-Forwarded-For`.
    XForwardedFor,
}

impl ForwardedHeader {
    /// Every value, for messages that list them.
    pub const ALL: &'static [Self] = &[Self::Forwarded, Self::Ignore, Self::XForwardedFor];

    /// The name as configured (`edge.forwarded_header`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Ignore => "none",
            Self::XForwardedFor => "x-forwarded-for",
        }
    }

    /// Who asks: the peer, or the first untrusted address to the left of trusted ones. Where all
    /// are trusted, the left-most; where the header is absent, the peer.
    pub fn client(
        self,
        peer: PeerIp,
        headers: &HeaderMap,
        trusted: &NetworkSet,
    ) -> Result<ClientIp, ForwardedRejection> {
        self.read(peer, headers, trusted).map(|asking| asking.client)
    }

    /// The same, and whether a proxy that nobody trusts stands before the client: from an untrusted
    /// peer any header of proxies says so, from a trusted one what its header held before it. What
    /// else a trusted one sends may be its own.
    pub(super) fn read(
        self,
        peer: PeerIp,
        headers: &HeaderMap,
        trusted: &NetworkSet,
    ) -> Result<Asking, ForwardedRejection> {
        let alone = Asking { client: peer.as_client(), untrusted_proxy: None };
        if !trusted.contains(peer.get()) {
            let named = [
                (&FORWARDED, ProxyHeader::Forwarded),
                (&VIA, ProxyHeader::Via),
                (&X_FORWARDED_FOR, ProxyHeader::XForwardedFor),
            ];
            let sent = named.into_iter().find(|(name, _)| headers.contains_key(*name));
            return Ok(Asking { untrusted_proxy: sent.map(|(_, header)| header), ..alone });
        }
        let (name, grammar, header) = match self {
            Self::Forwarded => (&FORWARDED, Grammar::Forwarded, ProxyHeader::Forwarded),
            Self::Ignore => return Ok(alone),
            Self::XForwardedFor => {
                (&X_FORWARDED_FOR, Grammar::XForwardedFor, ProxyHeader::XForwardedFor)
            }
        };
        // Lines of one name are one list, in their order (RFC 9110 section 5.3).
        let entries = headers
            .get_all(name)
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let mut entries = entries.enumerate();
        let mut client = peer.as_client();
        for (hop, entry) in entries.by_ref() {
            if hop >= MAX_HOPS {
                return Err(ForwardedRejection::TooManyHops);
            }
            client = ClientIp::new(grammar.address(entry)?);
            if !trusted.contains(client.get()) {
                break;
            }
        }
        Ok(Asking { client, untrusted_proxy: entries.next().map(|_| header) })
    }
}

/// Who asks, and by whose hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    /// The address.
    pub(super) client: ClientIp,
    /// The header that names a proxy between the client and those that are trusted.
    pub(super) untrusted_proxy: Option<ProxyHeader>,
}

/// Why a request has no client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ForwardedRejection {
    /// An entry without a text: the proxy that wrote it named nobody.
    #[error("an empty entry in the forwarded header")]
    Empty,
    /// An entry that is no address in one of the accepted forms.
    #[error("a malformed entry in the forwarded header")]
    Malformed,
    /// `unknown` or an obfuscated identifier (RFC 7239 sections 6.2 and 6.3), or an element
    /// without `for`.
    #[error("an entry in the forwarded header hides its address")]
    Obfuscated,
    /// More than [`MAX_HOPS`] entries, all from trusted hops.
    #[error("too many trusted hops in the forwarded header")]
    TooManyHops,
}

impl ForwardedRejection {
    /// Every reason, for tests that enumerate them.
    pub const ALL: &'static [Self] =
        &[Self::Empty, Self::Malformed, Self::Obfuscated, Self::TooManyHops];

    /// The stable code, one for all: the reason is for the operator.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty | Self::Malformed | Self::Obfuscated | Self::TooManyHops => {
                "client_address"
            }
        }
    }
}

/// How the entries of a line are written.
#[derive(Clone, Copy, Debug)]
enum Grammar {
    Forwarded,
    XForwardedFor,
}

impl Grammar {
    fn address(self, entry: &[u8]) -> Result<IpAddr, ForwardedRejection> {
        let entry = str::from_utf8(entry).map_err(|_| ForwardedRejection::Malformed)?;
        let entry = trim(entry);
        if entry.is_empty() {
            return Err(ForwardedRejection::Empty);
        }
        match self {
            Self::Forwarded => node(forwarded_for(entry)?, Ipv6Form::Bracketed),
            Self::XForwardedFor => node(entry, Ipv6Form::Either),
        }
    }
}

/// The `for` of one forwarded-element (RFC 7239 section 4), unquoted. Spaces around `;` are
/// accepted, as many proxies write them; every pair must be well-formed and `for` be there once.
fn forwarded_for(element: &str) -> Result<&str, ForwardedRejection> {
    if element.contains('\\') {
        return Err(ForwardedRejection::Malformed);
    }
    let mut found = None;
    let mut quoted = false;
    let pairs = element.split(|c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    for pair in pairs {
        let pair = trim(pair);
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=').ok_or(ForwardedRejection::Malformed)?;
        let value = match value.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').filter(|text| !text.contains('"')),
            None => Some(value).filter(|text| is_token(text)),
        };
        let value = value.ok_or(ForwardedRejection::Malformed)?;
        if !is_token(name) {
            return Err(ForwardedRejection::Malformed);
        }
        if name.eq_ignore_ascii_case("for") && found.replace(value).is_some() {
            return Err(ForwardedRejection::Malformed);
        }
    }
    found.ok_or(ForwardedRejection::Obfuscated)
}

/// May an IPv6 address come without brackets? RFC 7239 section 6 says no; `X-Forwarded-For` has
/// no grammar, and most proxies write it bare there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ipv6Form {
    Bracketed,
    Either,
}

/// An address with or without a port (RFC 7239 section 6, `node`). The port is checked, not used.
fn node(text: &str, ipv6: Ipv6Form) -> Result<IpAddr, ForwardedRejection> {
    if text.eq_ignore_ascii_case("unknown") || text.strip_prefix('_').is_some_and(is_obfuscated) {
        return Err(ForwardedRejection::Obfuscated);
    }
    let address = if let Some(rest) = text.strip_prefix('[') {
        rest.split_once(']')
            .filter(|(_, port)| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
            .and_then(|(address, _)| address.parse::<Ipv6Addr>().ok())
            .map(IpAddr::V6)
    } else if let Ok(address) = text.parse::<Ipv6Addr>() {
        Some(IpAddr::V6(address)).filter(|_| ipv6 == Ipv6Form::Either)
    } else {
        let (address, port) = text.split_once(':').unwrap_or((text, "0"));
        address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
    };
    address.ok_or(ForwardedRejection::Malformed)
}

/// Digits of a port number, or an obfuscated one (RFC 7239 section 6.3).
fn is_port(text: &str) -> bool {
    let digits = (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits && text.parse::<u16>().is_ok()) || text.strip_prefix('_').is_some_and(is_obfuscated)
}

/// The characters behind the underscore of an obfuscated identifier (RFC 7239 section 6.3).
fn is_obfuscated(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.bytes().all(allowed)
}

/// A token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// Without optional white space (RFC 9110 section 5.6.3) at the ends.
fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::ForwardedHeader::{Forwarded, Ignore, XForwardedFor};
    use super::ForwardedRejection::{Empty, Malformed, Obfuscated, TooManyHops};
    use super::*;
    use crate::network::parse_network;
    use http::HeaderValue;
    use proptest::prelude::*;

    /// The proxies of these tests.
    const PROXY: &str = "10.0.0.1";

    fn trusted() -> NetworkSet {
        let networks = ["10.0.0.0/8", "fd00::/8"];
        NetworkSet::new(networks.iter().map(|net| parse_network(net).unwrap()).collect())
    }

    fn peer(text: &str) -> PeerIp {
        PeerIp::new(text.parse().unwrap())
    }

    fn headers(header: ForwardedHeader, lines: &[&[u8]]) -> HeaderMap {
        let name = match header {
            Forwarded => FORWARDED,
            Ignore | XForwardedFor => X_FORWARDED_FOR.clone(),
        };
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(&name, HeaderValue::from_bytes(line).unwrap());
        }
        map
    }

    fn walk(
        header: ForwardedHeader,
        from: &str,
        lines: &[&str],
    ) -> Result<String, ForwardedRejection> {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        let map = headers(header, &lines);
        header.client(peer(from), &map, &trusted()).map(|client| client.to_string())
    }

    #[track_caller]
    fn table(header: ForwardedHeader, cases: &[(&[&str], Result<&str, ForwardedRejection>)]) {
        for (lines, expected) in cases {
            let expected = expected.map(str::to_owned);
            assert_eq!(walk(header, PROXY, lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn an_untrusted_peer_is_the_client_whatever_it_sends() {
        for header in [Forwarded, XForwardedFor] {
            for line in ["203.0.113.9", "for=203.0.113.9", "rubbish", "", "10.0.0.1"] {
                assert_eq!(walk(header, "192.0.2.1", &[line]), Ok("192.0.2.1".to_owned()));
            }
        }
    }

    #[test]
    fn a_trusted_peer_without_the_header_is_the_client() {
        for header in [Forwarded, Ignore, XForwardedFor] {
            assert_eq!(walk(header, PROXY, &[]), Ok(PROXY.to_owned()));
        }
    }

    #[test]
    fn only_the_configured_header_is_read() {
        let mut map = headers(XForwardedFor, &[b"192.0.2.1"]);
        map.insert(FORWARDED, HeaderValue::from_static("for=192.0.2.2"));
        map.insert("x-real-ip", HeaderValue::from_static("192.0.2.3"));
        let client = |header: ForwardedHeader| {
            header.client(peer(PROXY), &map, &trusted()).unwrap().to_string()
        };
        assert_eq!(client(XForwardedFor), "192.0.2.1");
        assert_eq!(client(Forwarded), "192.0.2.2");
        assert_eq!(client(Ignore), PROXY);
    }

    #[test]
    fn the_walk_ends_at_the_first_untrusted_address_from_the_right() {
        table(
            XForwardedFor,
            &[
                (&["192.0.2.1"], Ok("192.0.2.1")),
                (&["192.0.2.1, 10.0.0.2"], Ok("192.0.2.1")),
                (&["192.0.2.1, 10.0.0.3, 10.0.0.2"], Ok("192.0.2.1")),
                (&["192.0.2.1", "10.0.0.3,10.0.0.2"], Ok("192.0.2.1")),
                // Written by the client before any proxy saw it.
                (&["127.0.0.1, 192.0.2.1"], Ok("192.0.2.1")),
                (&["10.0.0.9, 192.0.2.1, 10.0.0.2"], Ok("192.0.2.1")),
                (&["10.0.0.9", "192.0.2.1"], Ok("192.0.2.1")),
                (&["<script>, ,, unknown, 192.0.2.1"], Ok("192.0.2.1")),
                (&["\"", "192.0.2.1"], Ok("192.0.2.1")),
                // All trusted: whoever is furthest away.
                (&["10.0.0.4, 10.0.0.3, 10.0.0.2"], Ok("10.0.0.4")),
                (&["fd00::4", "10.0.0.2"], Ok("fd00::4")),
                // A mapped hop is the IPv4 hop, in the list and as a peer.
                (&["192.0.2.1, ::ffff:10.0.0.2"], Ok("192.0.2.1")),
                (&["::ffff:192.0.2.1"], Ok("192.0.2.1")),
            ],
        );
        let mapped = walk(XForwardedFor, "::ffff:10.0.0.1", &["192.0.2.1"]);
        assert_eq!(mapped, Ok("192.0.2.1".to_owned()));
    }

    #[test]
    fn forms_of_x_forwarded_for() {
        table(
            XForwardedFor,
            &[
                (&[" \t192.0.2.1\t "], Ok("192.0.2.1")),
                (&["192.0.2.1:443"], Ok("192.0.2.1")),
                (&["192.0.2.1:0"], Ok("192.0.2.1")),
                (&["2001:db8::1"], Ok("2001:db8::1")),
                (&["2001:DB8:0::1"], Ok("2001:db8::1")),
                (&["[2001:db8::1]"], Ok("2001:db8::1")),
                (&["[2001:db8::1]:65535"], Ok("2001:db8::1")),
                (&["::ffff:c000:201"], Ok("192.0.2.1")),
                (&["[::ffff:192.0.2.1]:80"], Ok("192.0.2.1")),
            ],
        );
        for malformed in [
            "010.0.0.1",
            "0x7f.0.0.1",
            "127.1",
            "2130706433",
            "192.0.2.256",
            "192.0.2.1.",
            "192.0.2.1:",
            "192.0.2.1:65536",
            "192.0.2.1:000080",
            "192.0.2.1:+80",
            "192.0.2.1:80:80",
            "192.0.2.1/32",
            "192.0.2.1 192.0.2.2",
            "192.0.2.1;10.0.0.1",
            "\"192.0.2.1\"",
            "[192.0.2.1]",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]80",
            "[2001:db8::1]:",
            "[2001:db8::1]:x",
            "[]",
            "2001:db8::1%eth0",
            "fe80::1%25eth0",
            "unix:",
            "localhost",
            "for=192.0.2.1",
            "192.0.2.1\u{a0}",
            "_",
        ] {
            assert_eq!(walk(XForwardedFor, PROXY, &[malformed]), Err(Malformed), "{malformed}");
        }
    }

    #[test]
    fn an_entry_that_names_nobody_refuses_when_it_is_reached() {
        table(
            XForwardedFor,
            &[
                (&[""], Err(Empty)),
                (&[" "], Err(Empty)),
                (&["192.0.2.1,"], Err(Empty)),
                (&["192.0.2.1", ""], Err(Empty)),
                (&["192.0.2.1,,10.0.0.2"], Err(Empty)),
                (&[",10.0.0.2"], Err(Empty)),
                (&["unknown"], Err(Obfuscated)),
                (&["192.0.2.1, Unknown, 10.0.0.2"], Err(Obfuscated)),
                (&["_hidden"], Err(Obfuscated)),
                (&["192.0.2.1, nonsense, 10.0.0.2"], Err(Malformed)),
            ],
        );
        let obs_text = headers(XForwardedFor, &[b"192.0.2.1\xff"]);
        assert_eq!(XForwardedFor.client(peer(PROXY), &obs_text, &trusted()), Err(Malformed));
    }

    #[test]
    fn forms_of_forwarded() {
        table(
            Forwarded,
            &[
                (&["for=192.0.2.1"], Ok("192.0.2.1")),
                (&["For=\"192.0.2.1\""], Ok("192.0.2.1")),
                (&["FOR=\"192.0.2.1:4711\""], Ok("192.0.2.1")),
                (&["for=\"192.0.2.1:_gazonk\""], Ok("192.0.2.1")),
                (&["for=\"[2001:db8:cafe::17]\""], Ok("2001:db8:cafe::17")),
                (&["for=\"[2001:db8:cafe::17]:4711\""], Ok("2001:db8:cafe::17")),
                (&["for=192.0.2.1;proto=http;by=203.0.113.43"], Ok("192.0.2.1")),
                (&["proto=https ; for=192.0.2.1 ;host=example.com"], Ok("192.0.2.1")),
                (&["host=\"a;for=1.1.1.1\";for=192.0.2.1;;"], Ok("192.0.2.1")),
                (&["for=192.0.2.1, for=10.0.0.3;by=\"x y\" ,for=10.0.0.2"], Ok("192.0.2.1")),
                (&["for=192.0.2.1", "for=\"10.0.0.2:80\""], Ok("192.0.2.1")),
                (&["for=10.0.0.3", "for=10.0.0.2"], Ok("10.0.0.3")),
                (&["for=unknown"], Err(Obfuscated)),
                (&["for=\"_SEVKISEK\""], Err(Obfuscated)),
                (&["for=192.0.2.1, for=_hidden, for=10.0.0.2"], Err(Obfuscated)),
                (&["proto=https"], Err(Obfuscated)),
                (&["for=192.0.2.1, by=10.0.0.1"], Err(Obfuscated)),
                (&["for=192.0.2.1, "], Err(Empty)),
                (&[""], Err(Empty)),
            ],
        );
        for malformed in [
            "192.0.2.1",
            "for",
            "for=",
            "=192.0.2.1",
            "for =192.0.2.1",
            "for= 192.0.2.1",
            "for=192.0.2.1:80",
            "for=[2001:db8::1]",
            "for=\"2001:db8::1\"",
            "for=\"\"",
            "for=\"192.0.2.1",
            "for=192.0.2.1\"",
            "for=\"192.0.2.1\"x",
            "for=\"192.0.2\\.1\"",
            "for='192.0.2.1'",
            "for=\" 192.0.2.1\"",
            "for=010.0.0.1",
            "for=192.0.2.1;for=192.0.2.2",
            "for=192.0.2.1;For=192.0.2.1",
            "for=192.0.2.1;proto",
            "for=192.0.2.1;pro to=x",
            "for=192.0.2.1 proto=http",
        ] {
            assert_eq!(walk(Forwarded, PROXY, &[malformed]), Err(Malformed), "{malformed}");
        }
    }

    #[test]
    fn a_quote_left_open_by_the_client_swallows_nothing() {
        table(
            Forwarded,
            &[
                (&["for=\"1.1.1.1, for=192.0.2.1"], Ok("192.0.2.1")),
                (&["for=\"1.1.1.1, for=\"192.0.2.1:1\""], Ok("192.0.2.1")),
                (&["for=\"1.1.1.1\\, for=\"[2001:db8::1]:1\""], Ok("2001:db8::1")),
                (&["for=\"", "for=192.0.2.1"], Ok("192.0.2.1")),
                // A trusted hop that copies the client's text into a quoted string, escaped.
                (
                    &["for=192.0.2.1;host=\"x\\\", for=6.6.6.6;host=\\\"y\", for=10.0.0.2"],
                    Err(Malformed),
                ),
            ],
        );
    }

    /// A trusted hop that copies the client's text between quotes, or a lone quote of it.
    #[test]
    fn a_quote_written_by_a_proxy_joins_nothing() {
        table(
            Forwarded,
            &[
                (&["for=6.6.6.6;x=\", for=192.0.2.1;host=a\";y=1"], Err(Malformed)),
                (&["for=192.0.2.1;host=a\";y=1"], Err(Malformed)),
                (&["for=192.0.2.1;host=\"a, for=6.6.6.6\""], Err(Malformed)),
                (&["for=192.0.2.1;host=\"a, for=6.6.6.6;y=b\""], Err(Malformed)),
                (&["for=192.0.2.1, for=10.0.0.3;by=\"x,y\" ,for=10.0.0.2"], Err(Malformed)),
            ],
        );
    }

    #[test]
    fn hops_are_bounded() {
        let hops = |count: usize| vec!["10.0.0.2"; count].join(", ");
        assert_eq!(walk(XForwardedFor, PROXY, &[&hops(MAX_HOPS)]), Ok("10.0.0.2".to_owned()));
        assert_eq!(walk(XForwardedFor, PROXY, &[&hops(MAX_HOPS + 1)]), Err(TooManyHops));
        let lines = vec!["for=10.0.0.2"; MAX_HOPS + 1];
        assert_eq!(walk(Forwarded, PROXY, &lines), Err(TooManyHops));
        let client = format!("{}, 192.0.2.1", hops(1_000));
        assert_eq!(walk(XForwardedFor, PROXY, &[&client]), Ok("192.0.2.1".to_owned()));
    }

    #[test]
    fn every_rejection_has_the_code_of_the_contract() {
        for rejection in ForwardedRejection::ALL {
            assert_eq!(rejection.code(), "client_address");
        }
    }

    /// What a header line can hold, with the characters that matter often.
    fn line() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            4 => prop::sample::select(b",;=\"\\ []:._".to_vec()),
            4 => prop::sample::select(b"for0123456789abcdef".to_vec()),
            1 => 0x20_u8..0x7f,
            1 => 0x80_u8..=0xff,
        ];
        prop::collection::vec(byte, 0..80)
    }

    /// What the proxies append: the client as they saw it, then trusted hops.
    fn appended(header: ForwardedHeader) -> impl Strategy<Value = Vec<u8>> {
        let entries = match header {
            Forwarded => [
                "for=192.0.2.1",
                "for=\"192.0.2.1:1\";by=_me",
                "host=\"a b\";for=\"192.0.2.1\"",
                "for=10.0.0.2",
                "by=\"a;b\";for=\"10.0.0.3:80\"",
                "for=\"[fd00::2]\"",
            ],
            Ignore | XForwardedFor => [
                "192.0.2.1",
                "192.0.2.1:1",
                "::ffff:192.0.2.1",
                "10.0.0.2",
                "10.0.0.3:80",
                "fd00::2",
            ],
        };
        (0_usize..3, prop::collection::vec(3_usize..6, 0..4)).prop_map(move |(client, hops)| {
            let texts: Vec<&str> =
                std::iter::once(client).chain(hops).map(|index| entries[index]).collect();
            texts.join(", ").into_bytes()
        })
    }

    fn check_prepending(
        header: ForwardedHeader,
        evil_lines: &[Vec<u8>],
        evil: Vec<u8>,
        own: &[u8],
    ) -> Result<(), TestCaseError> {
        let mut joined = evil;
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(own);
        for last in [own, &joined] {
            let mut lines: Vec<&[u8]> = evil_lines.iter().map(Vec::as_slice).collect();
            lines.push(last);
            let client = header.client(peer(PROXY), &headers(header, &lines), &trusted());
            prop_assert_eq!(client.map(|ip| ip.to_string()), Ok("192.0.2.1".to_owned()));
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn nothing_written_on_the_left_changes_x_forwarded_for(
            lines in prop::collection::vec(line(), 0..3),
            evil in line(),
            own in appended(XForwardedFor),
        ) {
            check_prepending(XForwardedFor, &lines, evil, &own)?;
        }

        #[test]
        fn nothing_written_on_the_left_changes_forwarded(
            lines in prop::collection::vec(line(), 0..3),
            evil in line(),
            own in appended(Forwarded),
        ) {
            check_prepending(Forwarded, &lines, evil, &own)?;
        }

        #[test]
        fn any_lines_give_an_address_or_a_refusal(
            lines in prop::collection::vec(line(), 0..5),
        ) {
            let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
            for header in [Forwarded, XForwardedFor] {
                let map = headers(header, &lines);
                if let Err(reason) = header.client(peer(PROXY), &map, &trusted()) {
                    prop_assert_eq!(reason.code(), "client_address");
                }
                let direct = header.client(peer("192.0.2.9"), &map, &trusted());
                prop_assert_eq!(direct, Ok(peer("192.0.2.9").as_client()));
            }
        }

        #[test]
        fn every_address_survives_every_form(address in any::<IpAddr>(), port in any::<u16>()) {
            // One that is trusted is the answer too, as it is alone.
            let forms = match address {
                IpAddr::V4(ip) => vec![format!("{ip}"), format!("{ip}:{port}")],
                IpAddr::V6(ip) => {
                    vec![format!("{ip}"), format!("[{ip}]"), format!("[{ip}]:{port}")]
                }
            };
            let expected = ClientIp::new(address).to_string();
            for form in forms {
                prop_assert_eq!(walk(XForwardedFor, PROXY, &[&form]), Ok(expected.clone()));
                if address.is_ipv4() || form.starts_with('[') {
                    let element = format!("for=\"{form}\"");
                    prop_assert_eq!(walk(Forwarded, PROXY, &[&element]), Ok(expected.clone()));
                }
            }
        }
    }
}
