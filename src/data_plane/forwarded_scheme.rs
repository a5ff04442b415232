//! How a client reached the first of the proxies that are trusted: in the clear or over TLS.
//!
//! A proxy that ends TLS says so in the header that goes with the one that is configured:
//! `X-Forwarded-Proto`, or `proto` of `Forwarded` (RFC 7239 section 5.4). Only a trusted peer is
//! believed. Of several values the left-most is meant, that of the proxy that met the client; a
//! client that puts one before it deceives itself alone, for nothing opens by it.

use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::network::{NetworkSet, PeerIp};
use crate::policy::ClientScheme;

use super::forwarded::ForwardedHeader;

static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What the client spoke, where the connection itself speaks `own`.
pub(super) fn client_scheme(
    header: ForwardedHeader,
    own: ClientScheme,
    peer: PeerIp,
    headers: &HeaderMap,
    trusted: &NetworkSet,
) -> ClientScheme {
    if !trusted.contains(peer.get()) {
        return own;
    }
    let stated = match header {
        ForwardedHeader::Forwarded => {
            texts(headers, &FORWARDED).flat_map(|line| line.split(',')).find_map(proto)
        }
        ForwardedHeader::Ignore => None,
        ForwardedHeader::XForwardedFor => {
            texts(headers, &X_FORWARDED_PROTO).flat_map(|line| line.split(',')).find_map(scheme)
        }
    };
    stated.unwrap_or(own)
}

fn texts<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).into_iter();
    lines.map(|line: &HeaderValue| line.to_str().unwrap_or_default())
}

/// The `proto` of one forwarded-element.
fn proto(element: &str) -> Option<ClientScheme> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        scheme(value.trim_matches('"')).filter(|_| name.eq_ignore_ascii_case("proto"))
    })
}

fn scheme(name: &str) -> Option<ClientScheme> {
    match name.trim() {
        name if name.eq_ignore_ascii_case("https") => Some(ClientScheme::Https),
        name if name.eq_ignore_ascii_case("http") => Some(ClientScheme::Http),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ForwardedHeader::{Forwarded, Ignore, XForwardedFor};
    use super::*;
    use crate::network::parse_network;
    use crate::policy::ClientScheme::{Http, Https};

    #[test]
    fn a_trusted_proxy_is_believed_and_nobody_else() {
        let trusted = NetworkSet::new(vec![parse_network("10.0.0.0/8").unwrap()]);
        for (header, own, peer, sent, expected) in [
            (XForwardedFor, Http, "10.0.0.1", ("x-forwarded-proto", "https"), Https),
            (XForwardedFor, Http, "10.0.0.1", ("x-forwarded-proto", "HTTPS, http"), Https),
            (XForwardedFor, Https, "10.0.0.1", ("x-forwarded-proto", "http"), Http),
            (XForwardedFor, Http, "10.0.0.1", ("x-forwarded-proto", "wss"), Http),
            (XForwardedFor, Http, "10.0.0.1", ("forwarded", "proto=https"), Http),
            (XForwardedFor, Http, "192.0.2.1", ("x-forwarded-proto", "https"), Http),
            (XForwardedFor, Https, "192.0.2.1", ("x-forwarded-proto", "http"), Https),
            (Forwarded, Http, "10.0.0.1", ("forwarded", "for=192.0.2.1;proto=https"), Https),
            (Forwarded, Http, "10.0.0.1", ("forwarded", "Proto=\"https\";for=a, for=b"), Https),
            (Forwarded, Http, "10.0.0.1", ("forwarded", "for=a, for=b;proto=https"), Https),
            (Forwarded, Http, "10.0.0.1", ("x-forwarded-proto", "https"), Http),
            (Forwarded, Http, "10.0.0.1", ("forwarded", "for=a;prototype=https"), Http),
            (Ignore, Http, "10.0.0.1", ("x-forwarded-proto", "https"), Http),
        ] {
            let value = HeaderValue::from_static(sent.1);
            let headers = HeaderMap::from_iter([(HeaderName::from_static(sent.0), value)]);
            let peer = PeerIp::new(peer.parse().unwrap());
            let told = client_scheme(header, own, peer, &headers, &trusted);
            assert_eq!(told, expected, "{header:?} {own:?} {peer} {sent:?}");
        }
    }
}
