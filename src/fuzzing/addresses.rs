//! Targets for who asks: hosts, forwarded headers, PROXY headers, netset files.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::HeaderMap;
use http::header::{FORWARDED, HeaderName, HeaderValue};
use ipnet::IpNet;
use tokio::io::{AsyncRead, ReadBuf};

use super::input::{Input, chosen};
use crate::data_plane::{
    ForwardedHeader, MAX_V2_PAYLOAD, ProxiedPeer, ProxyProtocolRejection, read_proxy_header,
};
use crate::network::{ClientIp, NetworkSet, PeerIp, parse_network};
use crate::policy::{BlocklistBuilder, MAX_LINE_BYTES};
use crate::target::RequestHost;

/// The whole input is the value of `Host`.
pub fn host(bytes: &[u8]) {
    let Some(host) = RequestHost::parse(bytes) else { return };
    let name = host.as_str();
    let v6 = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(address) = v6 {
        assert!(address.parse::<Ipv6Addr>().is_ok(), "{name}");
    } else {
        let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
        assert!(name.bytes().all(known) && name.len() <= 253, "{name}");
        assert!(name.split('.').all(|label| !label.is_empty()), "{name}");
        let rooted = RequestHost::parse(format!("{name}.").as_bytes());
        assert_eq!(rooted.as_ref().map(RequestHost::as_str), Some(name));
    }
    assert!(host.is(name) && host.is(&name.to_ascii_uppercase()));
    assert!(!host.is(&format!("x{name}")) && !host.is(""));
    for text in [name.to_owned(), name.to_ascii_uppercase(), format!("{name}:443")] {
        let again = RequestHost::parse(text.as_bytes());
        assert_eq!(again.as_ref().map(RequestHost::as_str), Some(name), "{text}");
    }
    for text in
        [format!("user@{name}"), format!("{name}/"), format!("{name} "), format!("{name}:x")]
    {
        assert_eq!(RequestHost::parse(text.as_bytes()), None, "{text}");
    }
}

/// Which header is believed, what the client wrote, then the lines as they arrived: whatever the
/// client wrote to the left of the proxies' entries, the answer is the same.
pub fn forwarded(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let header = chosen(ForwardedHeader::ALL, input.byte());
    let name = match header {
        ForwardedHeader::Forwarded => FORWARDED,
        ForwardedHeader::Ignore | ForwardedHeader::XForwardedFor => {
            HeaderName::from_static("x-forwarded-for")
        }
    };
    let written = input.line();
    let mut lines = Vec::new();
    while !input.is_empty() {
        lines.push(input.line());
    }
    let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48"];
    let trusted = trusted.iter().filter_map(|text| parse_network(text).ok()).collect();
    let trusted = NetworkSet::new(trusted);
    let proxy = PeerIp::new(IpAddr::from([10, 0, 0, 1]));
    let stranger = PeerIp::new(IpAddr::from([192, 0, 2, 1]));
    let walk = |peer: PeerIp, lines: &[&[u8]]| {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&name, HeaderValue::from_bytes(line).ok()?);
        }
        Some(header.client(peer, &headers, &trusted))
    };
    let Some(answer) = walk(proxy, &lines) else { return };
    assert_eq!(walk(stranger, &lines), Some(Ok(stranger.as_client())), "a stranger was believed");
    if header == ForwardedHeader::Ignore {
        assert_eq!(answer, Ok(proxy.as_client()));
        return;
    }
    if let Ok(client) = answer
        && trusted.contains(client.get())
    {
        // Every entry is a trusted hop's: what stands left of them would count.
        return;
    }
    let Some((first, others)) = lines.split_first() else { return };
    let same_line = [written, b",", first].concat();
    let mut prefixed = vec![written];
    prefixed.extend_from_slice(&lines);
    let mut extended: Vec<&[u8]> = vec![&same_line];
    extended.extend_from_slice(others);
    for changed in [prefixed, extended] {
        if let Some(other) = walk(proxy, &changed) {
            assert_eq!(other, answer, "what the client wrote changed the answer");
        }
    }
}

/// The whole input is the beginning of a connection.
pub fn proxy_header(bytes: &[u8]) {
    let (answer, read) = read_header(bytes, usize::MAX);
    let (in_pieces, read_in_pieces) = read_header(bytes, 1);
    assert_eq!(read, read_in_pieces);
    assert_eq!(outcome(&answer), outcome(&in_pieces));
    assert!(read <= 16 + MAX_V2_PAYLOAD, "{read} bytes read");
    let (header, _) = bytes.split_at(read);
    let Ok(peer) = answer else {
        assert!(read <= 107 || header.starts_with(b"\r\n\r\n\0\r\nQUIT\n"));
        return;
    };
    let (alone, all) = read_header(header, usize::MAX);
    assert_eq!((outcome(&alone), all), (outcome(&Ok(peer)), read), "it read past the header");
    if let Some(source) = peer.source() {
        let stated = match header.strip_prefix(b"PROXY ") {
            Some(line) => stated_in_line(line),
            None => stated_in_block(header),
        };
        assert_eq!(Some((source.ip(), source.port())), stated);
    }
}

fn outcome(answer: &Result<ProxiedPeer, ProxyProtocolRejection>) -> Result<ProxiedPeer, &str> {
    answer.as_ref().copied().map_err(ProxyProtocolRejection::as_str)
}

/// The source that a header of version 1 states, behind `PROXY `.
fn stated_in_line(line: &[u8]) -> Option<(IpAddr, u16)> {
    assert!(line.len() <= 107 - 6);
    let line = str::from_utf8(line).ok()?.strip_suffix("\r\n")?;
    let fields: Vec<&str> = line.split(' ').collect();
    let [family, source, destination, source_port, destination_port] = fields[..] else {
        return None;
    };
    let (source, destination): (IpAddr, IpAddr) = (source.parse().ok()?, destination.parse().ok()?);
    let fits = if family == "TCP4" { IpAddr::is_ipv4 } else { IpAddr::is_ipv6 };
    assert!(fits(&source) && fits(&destination) && destination_port.parse::<u16>().is_ok());
    Some((source, source_port.parse().ok()?))
}

/// The source that a header of version 2 states.
fn stated_in_block(header: &[u8]) -> Option<(IpAddr, u16)> {
    let family = header.get(13)?;
    let addresses = header.get(16..)?;
    let (source, ports): (IpAddr, &[u8]) = match family >> 4 {
        1 => (Ipv4Addr::from(*addresses.first_chunk::<4>()?).into(), addresses.get(8..)?),
        _ => (Ipv6Addr::from(*addresses.first_chunk::<16>()?).into(), addresses.get(32..)?),
    };
    Some((source, u16::from_be_bytes(*ports.first_chunk()?)))
}

fn read_header(bytes: &[u8], piece: usize) -> (Result<ProxiedPeer, ProxyProtocolRejection>, usize) {
    let mut stream = Pieces { rest: bytes, piece };
    let answer = {
        let mut reading = pin!(read_proxy_header(&mut stream));
        let mut context = Context::from_waker(Waker::noop());
        match reading.as_mut().poll(&mut context) {
            Poll::Ready(answer) => answer,
            Poll::Pending => panic!("it waits, though all bytes are there"),
        }
    };
    (answer, bytes.len() - stream.rest.len())
}

/// A stream that is always ready and hands out a piece at a time.
#[derive(Debug)]
struct Pieces<'s> {
    rest: &'s [u8],
    piece: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let length = self.piece.min(buffer.remaining()).min(self.rest.len());
        let (piece, rest) = self.rest.split_at(length);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// The length of the pieces the file arrives in, then the file.
pub fn netset(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let piece = usize::from(input.byte().max(1));
    let text = input.rest();
    let mut whole = BlocklistBuilder::new();
    whole.add_text("list", text);
    let mut cut = BlocklistBuilder::new();
    let mut file = cut.file("list");
    text.chunks(piece).for_each(|chunk| file.push(chunk));
    file.finish();

    let lines = (1_u64..).zip(text.split(|byte| *byte == b'\n'));
    let entries: Vec<_> = lines.filter_map(|(number, line)| entry(number, line)).collect();
    let bad: Vec<u64> =
        entries.iter().filter(|(_, net)| net.is_none()).map(|(number, _)| *number).collect();
    match (whole.build(), cut.build()) {
        (Ok(list), Ok(same)) => {
            assert!(bad.is_empty(), "accepted: lines {bad:?}");
            assert_eq!(list.entries(), entries.len());
            assert_eq!(
                (list.entries(), list.len_v4(), list.len_v6()),
                (same.entries(), same.len_v4(), same.len_v6())
            );
            let nets: Vec<IpNet> = entries.into_iter().filter_map(|(_, net)| net).collect();
            for address in nets.iter().take(64).flat_map(probes) {
                let listed = nets.iter().any(|net| net.contains(&address.to_canonical()));
                let client = ClientIp::new(address);
                assert_eq!(list.contains(client), listed, "{address}");
                assert_eq!(list.find(client), same.find(client));
            }
        }
        (Err(errors), Err(same)) => {
            assert_eq!(errors, same, "cutting the file changed its errors");
            assert_eq!(errors.total(), u64::try_from(bad.len()).unwrap_or(u64::MAX));
            assert!(errors.first().iter().map(|error| error.line).eq(bad.into_iter().take(20)));
        }
        (whole, cut) => panic!("cutting the file changed the answer: {whole:?} {cut:?}"),
    }
}

/// The entry of a line, if there is one; `None` inside for one that is no network.
fn entry(number: u64, line: &[u8]) -> Option<(u64, Option<IpNet>)> {
    if line.len() > MAX_LINE_BYTES {
        return Some((number, None));
    }
    let line = if number == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line) } else { line };
    let end = line.iter().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
    let (entry, _) = line.split_at(end);
    let entry = entry.trim_ascii();
    let network = || str::from_utf8(entry).ok().and_then(|text| parse_network(text).ok());
    (!entry.is_empty()).then(|| (number, network()))
}

/// The ends of a network and what lies just outside.
fn probes(net: &IpNet) -> [IpAddr; 4] {
    match net {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpNet::V6(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
                .map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}
