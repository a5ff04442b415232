//! The PROXY protocol, versions 1 and 2: who stands behind a peer that speaks it.
//!
//! `haproxy.org/download/3.0/doc/proxy-protocol.txt`; sections cited are of that text. The header
//! is read from the accepted stream and nothing behind it: the next byte read is the first of TLS
//! or HTTP. It is read in steps no longer than the header must still be, on any stream, rather
//! than peeked at: a peek at a half-arrived header returns at once again and again, and only
//! sockets have it.
//!
//! Invariants: bounded in bytes here, in time by the caller's timeout; a header that states an
//! address we cannot use is refused, never read as the connection's own address.
//!
//! Not here: who must speak it. Peers in `proxy_protocol_from` always do; from others the first
//! bytes are left to TLS or HTTP, which refuse a PROXY header.

use std::io;
use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::network::PeerIp;
use crate::policy::ClientScheme;

/// The longest version 1 header, with CRLF (section 2.1).
const MAX_V1_BYTES: usize = 107;

/// Bytes of a version 2 header before its payload (section 2.2).
const V2_PREFIX_BYTES: usize = 16;

/// The longest payload of a version 2 header that is read. The addresses take 36 bytes; what
/// follows are notes of the proxy (TLS version and names, ids of cloud endpoints), some hundred
/// bytes in practice. The format would allow 64 KiB a connection before anything is known of it.
pub const MAX_V2_PAYLOAD: usize = 4096;

/// In the first byte of a note of type `PP2_TYPE_SSL`: the client connected over TLS (section 2.2.5).
const CLIENT_SSL: u8 = 0x01;

/// Whom a PROXY header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxiedPeer {
    /// Nobody else: the proxy speaks for itself (`LOCAL`, as health checks do) or does not know
    /// (`UNKNOWN`, unspecified family). The address of the connection stands.
    Connection,
    /// The source the proxy states.
    Stated(SocketAddr),
    /// The same, of a client that reached the proxy over TLS, which ends there.
    StatedOverTls(SocketAddr),
}

impl ProxiedPeer {
    /// The stated source, if there is one.
    pub fn source(self) -> Option<SocketAddr> {
        match self {
            Self::Connection => None,
            Self::Stated(source) | Self::StatedOverTls(source) => Some(source),
        }
    }

    /// What the client speaks, where the connection itself speaks `own`.
    pub fn scheme(self, own: ClientScheme) -> ClientScheme {
        match self {
            Self::Connection | Self::Stated(_) => own,
            Self::StatedOverTls(_) => ClientScheme::Https,
        }
    }

    /// The peer of a connection from this address.
    pub fn peer(self, connection: IpAddr) -> PeerIp {
        PeerIp::new(self.source().map_or(connection, |source| source.ip()))
    }
}

/// Reads one header, and no byte behind it.
pub async fn read_proxy_header<S>(stream: &mut S) -> Result<ProxiedPeer, ProxyProtocolRejection>
where
    S: AsyncRead + Unpin,
{
    // The signature of version 2, and less than the shortest header of either version.
    let mut start = [0; v2::PROTOCOL_PREFIX.len()];
    read_whole(stream, &mut start).await?;
    if start == v2::PROTOCOL_PREFIX {
        read_v2(stream).await
    } else if start.starts_with(b"PROXY ") {
        read_v1(stream, &start).await
    } else {
        Err(ProxyProtocolRejection::Absent)
    }
}

/// Version 1: a line.
async fn read_v1<S>(stream: &mut S, start: &[u8]) -> Result<ProxiedPeer, ProxyProtocolRejection>
where
    S: AsyncRead + Unpin,
{
    let mut line = Vec::with_capacity(MAX_V1_BYTES);
    line.extend_from_slice(start);
    while !line.ends_with(b"\r\n") {
        // A line that has not ended lacks two bytes at least, or one behind its CR.
        let mut next = [0; 2];
        let missing = if line.ends_with(b"\r") { 1 } else { 2 };
        let (next, _) = next.split_at_mut(missing);
        if line.len() + missing > MAX_V1_BYTES {
            return Err(ProxyProtocolRejection::TooLong);
        }
        read_whole(stream, next).await?;
        line.extend_from_slice(next);
    }
    // Whatever follows `UNKNOWN` is to be ignored (section 2.1).
    if line.starts_with(b"PROXY UNKNOWN ") || line == b"PROXY UNKNOWN\r\n" {
        return Ok(ProxiedPeer::Connection);
    }
    // `ppp` reads a port as Rust does, which allows a sign.
    if line.contains(&b'+') {
        return Err(ProxyProtocolRejection::Malformed);
    }
    let header =
        v1::Header::try_from(line.as_slice()).map_err(|_| ProxyProtocolRejection::Malformed)?;
    if header.header.len() != line.len() {
        return Err(ProxyProtocolRejection::Malformed);
    }
    match header.addresses {
        v1::Addresses::Unknown => Err(ProxyProtocolRejection::Malformed),
        v1::Addresses::Tcp4(ends) => Ok(stated(ends.source_address, ends.source_port)),
        v1::Addresses::Tcp6(ends) => Ok(stated(ends.source_address, ends.source_port)),
    }
}

/// Version 2: four bytes more, the last two the length of the payload, then the payload.
async fn read_v2<S>(stream: &mut S) -> Result<ProxiedPeer, ProxyProtocolRejection>
where
    S: AsyncRead + Unpin,
{
    let mut fixed = [0; V2_PREFIX_BYTES - v2::PROTOCOL_PREFIX.len()];
    read_whole(stream, &mut fixed).await?;
    let [version_and_command, _, length @ ..] = fixed;
    let length = usize::from(u16::from_be_bytes(length));
    if length > MAX_V2_PAYLOAD {
        return Err(ProxyProtocolRejection::TooLong);
    }
    let mut header = Vec::with_capacity(V2_PREFIX_BYTES + length);
    header.extend_from_slice(v2::PROTOCOL_PREFIX);
    header.extend_from_slice(&fixed);
    header.resize(V2_PREFIX_BYTES + length, 0);
    let (_, payload) = header.split_at_mut(V2_PREFIX_BYTES);
    read_whole(stream, payload).await?;
    // `LOCAL` stands whatever family and payload it brings (section 2.2).
    if version_and_command == 0x20 {
        return Ok(ProxiedPeer::Connection);
    }
    let header =
        v2::Header::try_from(header.as_slice()).map_err(|_| ProxyProtocolRejection::Malformed)?;
    match (header.protocol, header.addresses) {
        (
            v2::Protocol::Unspecified | v2::Protocol::Stream | v2::Protocol::Datagram,
            v2::Addresses::Unspecified,
        ) => Ok(ProxiedPeer::Connection),
        (v2::Protocol::Stream, v2::Addresses::IPv4(ends)) => {
            Ok(noted(&header, ends.source_address, ends.source_port))
        }
        (v2::Protocol::Stream, v2::Addresses::IPv6(ends)) => {
            Ok(noted(&header, ends.source_address, ends.source_port))
        }
        (_, v2::Addresses::IPv4(_) | v2::Addresses::IPv6(_) | v2::Addresses::Unix(_)) => {
            Err(ProxyProtocolRejection::UnsupportedFamily)
        }
    }
}

/// A source, with what the proxy notes of TLS (section 2.2.5): its first byte has a bit for that. Notes
/// that cannot be read say nothing.
fn noted(header: &v2::Header<'_>, address: impl Into<IpAddr>, port: u16) -> ProxiedPeer {
    let source = SocketAddr::new(address.into(), port);
    let is_tls = |note: v2::TypeLengthValue<'_>| {
        let client = note.value.first().copied().unwrap_or_default();
        note.kind == v2::Type::SSL as u8 && client & CLIENT_SSL != 0
    };
    if header.tlvs().map_while(Result::ok).any(is_tls) {
        ProxiedPeer::StatedOverTls(source)
    } else {
        ProxiedPeer::Stated(source)
    }
}

fn stated(address: impl Into<IpAddr>, port: u16) -> ProxiedPeer {
    ProxiedPeer::Stated(SocketAddr::new(address.into(), port))
}

async fn read_whole<S>(stream: &mut S, buffer: &mut [u8]) -> Result<(), ProxyProtocolRejection>
where
    S: AsyncRead + Unpin,
{
    match stream.read_exact(buffer).await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ProxyProtocolRejection::Truncated)
        }
        Err(error) => Err(ProxyProtocolRejection::Read(error)),
    }
}

/// Why a connection is closed before its first request. No answer is sent: the peer does not
/// speak what it must, so nothing we could say is sure to be understood.
#[derive(Debug, thiserror::Error)]
pub enum ProxyProtocolRejection {
    /// The first bytes are no PROXY header.
    #[error("no PROXY header")]
    Absent,
    /// It begins as a PROXY header and breaks its grammar.
    #[error("a malformed PROXY header")]
    Malformed,
    /// The connection failed.
    #[error("the connection failed within the PROXY header")]
    Read(#[source] io::Error),
    /// Longer than version 1 may be, or than [`MAX_V2_PAYLOAD`].
    #[error("the PROXY header is too long")]
    TooLong,
    /// The peer closed within the header.
    #[error("the connection ended within the PROXY header")]
    Truncated,
    /// A Unix socket or a datagram: the client has no address that rules could be applied to, or
    /// one that does not belong to a stream.
    #[error("a PROXY header of a Unix socket or a datagram")]
    UnsupportedFamily,
}

impl ProxyProtocolRejection {
    /// The reason as a log field.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Malformed => "malformed",
            Self::Read(_) => "read",
            Self::TooLong => "too_long",
            Self::Truncated => "truncated",
            Self::UnsupportedFamily => "unsupported_family",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    /// What follows the header and must still be there.
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n";

    /// Sends the bytes over a pipe of `pipe` bytes and closes; the outcome and what was left.
    async fn read(bytes: &[u8], pipe: usize) -> (Result<ProxiedPeer, &'static str>, Vec<u8>) {
        let (mut near, mut far) = tokio::io::duplex(pipe);
        let sending = async {
            // The reader closes first when it refuses.
            let _ = far.write_all(bytes).await;
            drop(far);
        };
        let receiving = async {
            let outcome = read_proxy_header(&mut near).await;
            let mut rest = Vec::new();
            if outcome.is_ok() {
                near.read_to_end(&mut rest).await.unwrap();
            }
            drop(near);
            (outcome.map_err(|rejection| rejection.as_str()), rest)
        };
        tokio::join!(sending, receiving).1
    }

    /// A header followed by a request, in one piece and byte by byte.
    #[track_caller]
    fn outcome(header: &[u8]) -> Result<ProxiedPeer, &'static str> {
        let mut bytes = header.to_vec();
        bytes.extend_from_slice(REQUEST);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (whole, rest) = runtime.block_on(read(&bytes, 64 * 1024));
        if whole.is_ok() {
            assert_eq!(rest, REQUEST, "{header:?}");
        }
        assert_eq!(runtime.block_on(read(&bytes, 1)), (whole, rest), "{header:?}");
        whole
    }

    fn v2(version_and_command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
        let mut header = v2::PROTOCOL_PREFIX.to_vec();
        header.extend_from_slice(&[version_and_command, family]);
        header.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        header.extend_from_slice(payload);
        header
    }

    fn stated(source: &str) -> ProxiedPeer {
        ProxiedPeer::Stated(source.parse().unwrap())
    }

    const V4: &[u8] = &[192, 0, 2, 1, 10, 0, 0, 1, 0x1f, 0x90, 0x01, 0xbb];

    #[test]
    fn version_1_headers() {
        let longest = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                       ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe 65535 65535\r\n";
        let cases = [
            ("PROXY TCP4 192.0.2.1 10.0.0.1 8080 443\r\n", Ok(stated("192.0.2.1:8080"))),
            ("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n", Ok(stated("0.0.0.0:0"))),
            ("PROXY TCP6 2001:db8::1 :: 1 2\r\n", Ok(stated("[2001:db8::1]:1"))),
            ("PROXY TCP6 :: :: 1 1\r\n", Ok(stated("[::]:1"))),
            (longest, Ok(stated("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"))),
            ("PROXY UNKNOWN\r\n", Ok(ProxiedPeer::Connection)),
            ("PROXY UNKNOWN 192.0.2.1 10.0.0.1 1 2\r\n", Ok(ProxiedPeer::Connection)),
            ("PROXY UNKNOWN a b c d e f g h\r\n", Ok(ProxiedPeer::Connection)),
        ];
        for (header, expected) in cases {
            assert_eq!(outcome(header.as_bytes()), expected, "{header}");
        }
    }

    #[test]
    fn version_1_refusals() {
        let malformed = [
            "PROXY TCP4 010.0.0.1 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 65536 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 -1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n",
            "PROXY TCP4 192.0.2.1  10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n",
            "PROXY TCP4 2001:db8::1 :: 1 2\r\n",
            "PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY TCP4 example.com 10.0.0.1 1 2\r\n",
            "PROXY tcp4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY UNKNOWNS 1 2 3 4\r\n",
            "PROXY TCP4\r192.0.2.1 10.0.0.1 1 2\r\n",
            "PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n\r\n",
            "PROXY TCP4 192.0.2.\u{7f} 10.0.0.1 1 2\r\n",
            "PROXY       \r\n",
        ];
        for header in malformed {
            assert_eq!(outcome(header.as_bytes()), Err("malformed"), "{header:?}");
        }
        let endless = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_V1_BYTES));
        assert_eq!(outcome(endless.as_bytes()), Err("too_long"));
        let at_limit = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_V1_BYTES - 16));
        assert_eq!(outcome(at_limit.as_bytes()), Ok(ProxiedPeer::Connection));
        let beyond = format!("PROXY UNKNOWN {}\r\n", "x".repeat(MAX_V1_BYTES - 15));
        assert_eq!(outcome(beyond.as_bytes()), Err("too_long"));
    }

    #[test]
    fn bytes_that_are_no_header_are_absent() {
        for bytes in [
            &b"GET /public/ HTTP/1.1\r\n"[..],
            b"proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n",
            b"PROXYTCP4 192.0.2.1 10.0.0.1 1 2\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x00",
            b"\r\n\r\n\0\r\nQUIT\r\n\x21\x11",
        ] {
            assert_eq!(outcome(bytes), Err("absent"), "{bytes:?}");
        }
    }

    #[test]
    fn version_2_headers() {
        let mut v6 = vec![0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        v6.extend_from_slice(&[0; 16]);
        v6.extend_from_slice(&[0, 80, 1, 187]);
        let with_notes = [V4, &[4, 0, 3, 0, 0, 0]].concat();
        let cases = [
            (v2(0x21, 0x11, V4), Ok(stated("192.0.2.1:8080"))),
            (v2(0x21, 0x21, &v6), Ok(stated("[2001:db8::1]:80"))),
            (v2(0x21, 0x11, &with_notes), Ok(stated("192.0.2.1:8080"))),
            (v2(0x20, 0x00, &[]), Ok(ProxiedPeer::Connection)),
            (v2(0x20, 0x11, V4), Ok(ProxiedPeer::Connection)),
            (v2(0x20, 0x11, &[1, 2]), Ok(ProxiedPeer::Connection)),
            (v2(0x21, 0x00, &[]), Ok(ProxiedPeer::Connection)),
            (v2(0x21, 0x00, &[9; 40]), Ok(ProxiedPeer::Connection)),
        ];
        for (header, expected) in cases {
            assert_eq!(outcome(&header), expected, "{header:?}");
        }
    }

    #[test]
    fn a_proxy_that_ended_tls_says_so() {
        let over_tls = |source: &str| ProxiedPeer::StatedOverTls(source.parse().unwrap());
        let with = |notes: &[&[u8]]| v2(0x21, 0x11, &[V4, &notes.concat()].concat());
        // PP2_TYPE_SSL: a byte about the client, and whether its certificate was verified.
        let (tls, plain) = ([0x20, 0, 5, 1, 0, 0, 0, 0], [0x20, 0, 5, 0, 0, 0, 0, 0]);
        let certified = [0x20, 0, 5, 7, 0, 0, 0, 0];
        let nothing = [4, 0, 1, 1];
        for (header, expected) in [
            (with(&[&tls]), over_tls("192.0.2.1:8080")),
            (with(&[&nothing, &certified]), over_tls("192.0.2.1:8080")),
            (with(&[&plain]), stated("192.0.2.1:8080")),
            (with(&[&nothing]), stated("192.0.2.1:8080")),
            // Cut off, empty, and behind what cannot be read.
            (with(&[&tls[..6]]), stated("192.0.2.1:8080")),
            (with(&[&[0x20, 0, 0]]), stated("192.0.2.1:8080")),
            (with(&[&[4, 0, 9, 0], &tls]), stated("192.0.2.1:8080")),
            // The proxy's own.
            (v2(0x20, 0x11, &[V4, &tls].concat()), ProxiedPeer::Connection),
        ] {
            assert_eq!(outcome(&header), Ok(expected), "{header:?}");
        }
        let plain = ClientScheme::Http;
        assert_eq!(over_tls("192.0.2.1:1").scheme(plain), ClientScheme::Https);
        assert_eq!(stated("192.0.2.1:1").scheme(plain), plain);
        assert_eq!(over_tls("192.0.2.1:1").source(), stated("192.0.2.1:1").source());
    }

    #[test]
    fn version_2_refusals() {
        let malformed = [
            v2(0x11, 0x11, V4),
            v2(0x31, 0x11, V4),
            v2(0x22, 0x11, V4),
            v2(0x10, 0x11, V4),
            v2(0x21, 0x41, V4),
            v2(0x21, 0x13, V4),
            v2(0x21, 0x11, &V4[..11]),
            v2(0x21, 0x21, V4),
            v2(0x21, 0x31, &[0; 215]),
        ];
        for header in malformed {
            assert_eq!(outcome(&header), Err("malformed"), "{header:?}");
        }
        for header in [v2(0x21, 0x31, &[0; 216]), v2(0x21, 0x12, V4), v2(0x21, 0x10, V4)] {
            assert_eq!(outcome(&header), Err("unsupported_family"), "{header:?}");
        }
        let notes = |length: usize| [V4, &vec![0; length - V4.len()]].concat();
        assert_eq!(outcome(&v2(0x21, 0x11, &notes(MAX_V2_PAYLOAD))), Ok(stated("192.0.2.1:8080")));
        assert_eq!(outcome(&v2(0x21, 0x11, &notes(MAX_V2_PAYLOAD + 1))), Err("too_long"));
        assert_eq!(outcome(&v2(0x20, 0x00, &vec![0; 65_535])), Err("too_long"));
    }

    #[tokio::test]
    async fn a_header_that_ends_early_is_truncated_wherever_it_is_cut() {
        let text = b"PROXY TCP4 192.0.2.1 10.0.0.1 8080 443\r\n".to_vec();
        for header in [text, v2(0x21, 0x11, V4)] {
            for length in 0..header.len() {
                let (outcome, _) = read(&header[..length], 64).await;
                assert_eq!(outcome, Err("truncated"), "{length}");
            }
        }
    }

    #[tokio::test]
    async fn a_failed_connection_keeps_its_cause() {
        let mut failing = failing_stream(io::ErrorKind::ConnectionReset);
        let rejection = read_proxy_header(&mut failing).await.unwrap_err();
        let source = std::error::Error::source(&rejection).unwrap();
        let cause = source.downcast_ref::<io::Error>().unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn the_peer_is_the_stated_source_folded_or_the_connection() {
        let connection: IpAddr = "10.0.0.1".parse().unwrap();
        assert_eq!(stated("[::ffff:192.0.2.1]:80").peer(connection).to_string(), "192.0.2.1");
        assert_eq!(ProxiedPeer::Connection.peer(connection).to_string(), "10.0.0.1");
        assert_eq!(ProxiedPeer::Connection.source(), None);
    }

    /// A stream whose first read fails.
    fn failing_stream(kind: io::ErrorKind) -> impl AsyncRead + Unpin {
        struct Failing(io::ErrorKind);
        impl AsyncRead for Failing {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                _: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<io::Result<()>> {
                std::task::Poll::Ready(Err(self.0.into()))
            }
        }
        Failing(kind)
    }

    /// The beginnings of both versions, then anything.
    fn first_bytes() -> impl Strategy<Value = Vec<u8>> {
        let starts = vec![
            b"PROXY ".to_vec(),
            b"PROXY TCP4 ".to_vec(),
            b"PROXY TCP6 ".to_vec(),
            v2(0x21, 0x11, &[])[..14].to_vec(),
            v2(0x21, 0x21, &[])[..13].to_vec(),
            v2::PROTOCOL_PREFIX.to_vec(),
            Vec::new(),
        ];
        let byte =
            prop_oneof![prop::sample::select(b"0123456789abcdef:. \r\n".to_vec()), any::<u8>(),];
        (prop::sample::select(starts), prop::collection::vec(byte, 0..200))
            .prop_map(|(start, rest)| [start, rest].concat())
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_alike_however_they_arrive(bytes in first_bytes()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let whole = runtime.block_on(read(&bytes, 64 * 1024));
            let (_, rest) = &whole;
            prop_assert!(bytes.ends_with(rest));
            let bytewise = runtime.block_on(read(&bytes, 1));
            prop_assert_eq!(whole, bytewise);
        }

        #[test]
        fn a_source_written_is_the_source_read(source in any::<SocketAddr>()) {
            let (name, family, local) = match source.ip() {
                IpAddr::V4(_) => ("TCP4", 0x11, "127.0.0.1"),
                IpAddr::V6(_) => ("TCP6", 0x21, "::1"),
            };
            let expected = SocketAddr::new(source.ip(), source.port());
            let line = format!("PROXY {name} {} {local} {} 443\r\n", source.ip(), source.port());
            prop_assert_eq!(outcome(line.as_bytes()), Ok(ProxiedPeer::Stated(expected)));
            let payload = match source.ip() {
                IpAddr::V4(ip) => [&ip.octets()[..], &[0; 4], &source.port().to_be_bytes(), &[0; 2]].concat(),
                IpAddr::V6(ip) => [&ip.octets()[..], &[0; 16], &source.port().to_be_bytes(), &[0; 2]].concat(),
            };
            let binary = v2(0x21, family, &payload);
            prop_assert_eq!(outcome(&binary), Ok(ProxiedPeer::Stated(expected)));
        }
    }
}
