//! Whom a request is from: blocklists, forwarded headers, the PROXY protocol, and how many
//! connections anybody may hold.

use std::net::SocketAddr;

use countersign::token::edge_auth::SignRequest;

use crate::support::edge::{Edge, usual_config};
use crate::support::links::{an_hour, signed};
use crate::support::raw_client::{Connection, answers, exchange, get};

const GET: &str = "GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";

fn edge(config: &str) -> Edge {
    Edge::builder(usual_config(config, ""))
        .file("media/open/a.txt", "open file\n")
        .file("media/vod/a.txt", "signed file\n")
        .file(
            "bad.netset",
            "# known\n127.0.0.66\n127.0.1.0/24\n203.0.113.0/24\n2001:db8:bad::/48\n",
        )
        .start()
}

/// Status and code of a GET with these fields.
fn from(connection: &mut Connection, fields: &str) -> (u16, String) {
    let answer = connection.ask(&GET.replacen("\r\n\r\n", &format!("\r\n{fields}\r\n"), 1));
    (answer.status, answer.code().unwrap_or("ok").to_owned())
}

fn ok() -> (u16, String) {
    (200, "ok".to_owned())
}

fn blocked() -> (u16, String) {
    (403, "ip_blocked".to_owned())
}

fn no_client() -> (u16, String) {
    (400, "client_address".to_owned())
}

#[test]
fn a_blocked_peer_gets_nothing_whatever_it_shows() {
    let edge = edge("blocklists = [\"*.netset\"]");
    let any = signed(&an_hour());
    for (source, expected) in [
        ([127, 0, 0, 66], blocked()),
        ([127, 0, 1, 1], blocked()),
        ([127, 0, 0, 65], ok()),
        ([127, 0, 2, 0], ok()),
    ] {
        let mut connection = Connection::open_from(source, edge.address());
        assert_eq!(from(&mut connection, ""), expected, "{source:?}");
        // Nobody believes it, the proxies being none.
        assert_eq!(from(&mut connection, "X-Forwarded-For: 192.0.2.1\r\n"), expected);
        assert_eq!(from(&mut connection, "X-Forwarded-For: 203.0.113.1\r\n"), expected);
        let answer =
            connection.ask(&format!("GET /vod/a.txt?__token__={any} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(answer.code().unwrap_or("ok"), expected.1, "{source:?}");
    }
}

#[test]
fn a_trusted_proxy_is_believed_from_the_right_and_nobody_else_is() {
    let edge =
        edge("blocklists = [\"*.netset\"]\ntrusted_proxies = [\"127.0.0.2\", \"10.0.0.0/8\"]");
    let mut proxy = Connection::open_from([127, 0, 0, 2], edge.address());
    let mut other = Connection::open_from([127, 0, 0, 3], edge.address());
    for (field, expected) in [
        ("", ok()),
        ("X-Forwarded-For: 192.0.2.1\r\n", ok()),
        ("X-Forwarded-For: 203.0.113.1\r\n", blocked()),
        ("X-Forwarded-For: ::ffff:203.0.113.1\r\n", blocked()),
        ("X-Forwarded-For: [::ffff:203.0.113.1]:443\r\n", blocked()),
        ("X-Forwarded-For: ::ffff:cb00:7101\r\n", blocked()),
        ("X-Forwarded-For: 2001:db8:bad::1\r\n", blocked()),
        ("X-Forwarded-For: 2001:0DB8:0BAD:0:0:0:0:1\r\n", blocked()),
        ("X-Forwarded-For: 2001:db8:bae::1\r\n", ok()),
        // The right-most that is no proxy is the client; what it wrote itself is to the left.
        ("X-Forwarded-For: 192.0.2.1, 203.0.113.1, 10.1.1.1\r\n", blocked()),
        ("X-Forwarded-For: 203.0.113.1, 192.0.2.1, 10.1.1.1\r\n", ok()),
        ("X-Forwarded-For: 203.0.113.1\r\nX-Forwarded-For: 192.0.2.1\r\n", ok()),
        ("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 203.0.113.1\r\n", blocked()),
        ("X-Forwarded-For: garbage, 192.0.2.1\r\n", ok()),
        ("X-Forwarded-For: 192.0.2.1, garbage\r\n", no_client()),
        ("X-Forwarded-For: 192.0.2.1,\r\n", no_client()),
        ("X-Forwarded-For: unknown\r\n", no_client()),
        ("X-Forwarded-For: 192.0.2.1:99999\r\n", no_client()),
        ("X-Forwarded-For: 192.0.2.001\r\n", no_client()),
        ("X-Forwarded-For: 3221225985\r\n", no_client()),
        ("X-Forwarded-For: fe80::1%eth0\r\n", no_client()),
        ("X-Forwarded-For: \r\n", no_client()),
        // Another header than the configured one says nothing.
        ("Forwarded: for=203.0.113.1\r\n", ok()),
        ("X_Forwarded_For: 203.0.113.1\r\n", ok()),
    ] {
        assert_eq!(from(&mut proxy, field), expected, "{field}");
        assert_eq!(from(&mut other, field), ok(), "{field}");
    }
    let hops = format!("X-Forwarded-For: {}10.0.0.1\r\n", "10.0.0.1, ".repeat(200));
    assert_eq!(from(&mut proxy, &hops), no_client());
}

#[test]
fn a_token_bound_to_an_address_is_for_the_client_not_the_proxy() {
    let edge = edge("trusted_proxies = [\"127.0.0.2\"]\nforwarded_header = \"forwarded\"");
    let bound = signed(&SignRequest { ip: Some("192.0.2.1/32".parse().unwrap()), ..an_hour() });
    let ask = |source, field: &str| {
        let mut connection = Connection::open_from(source, edge.address());
        let answer = connection
            .ask(&format!("GET /vod/a.txt?__token__={bound} HTTP/1.1\r\nHost: a\r\n{field}\r\n"));
        answer.code().unwrap_or("ok").to_owned()
    };
    assert_eq!(ask([127, 0, 0, 2], "Forwarded: for=192.0.2.1;proto=https\r\n"), "ok");
    assert_eq!(ask([127, 0, 0, 2], "Forwarded: for=\"[::ffff:192.0.2.1]:80\"\r\n"), "ok");
    assert_eq!(ask([127, 0, 0, 2], "Forwarded: for=192.0.2.2\r\n"), "token_ip");
    assert_eq!(ask([127, 0, 0, 2], "X-Forwarded-For: 192.0.2.1\r\n"), "token_ip");
    assert_eq!(ask([127, 0, 0, 3], "Forwarded: for=192.0.2.1\r\n"), "token_ip");
}

/// A version 2 header (proxy-protocol.txt, section 2.2) of a TCP connection over IPv4.
fn version_2(source: [u8; 4]) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend_from_slice(&source);
    header.extend_from_slice(&[127, 0, 0, 1, 0x12, 0x34, 0, 80]);
    header
}

#[test]
fn the_proxy_protocol_is_a_duty_of_some_and_forbidden_to_others() {
    let edge = Edge::builder(
        usual_config("blocklists = [\"*.netset\"]\n[[edge.listener]]\naddress = \"127.0.0.1:0\"\nproxy_protocol_from = [\"127.0.0.2\"]", ""),
    )
    .file("media/open/a.txt", "open file\n")
    .file("bad.netset", "203.0.113.0/24\n")
    .start();
    let at = edge.addresses()[1];
    let says = |source, header: &[u8]| {
        let mut connection = Connection::open_from(source, at);
        let head = GET.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
        connection.send([header, head.as_bytes()].concat());
        let answers = answers(&connection.rest());
        let answer = answers.first()?;
        Some((answer.status, answer.code().unwrap_or("ok").to_owned()))
    };
    let proxy = [127, 0, 0, 2];
    for (header, expected) in [
        (b"PROXY TCP4 192.0.2.1 127.0.0.1 4660 80\r\n".to_vec(), Some(ok())),
        (b"PROXY TCP4 203.0.113.1 127.0.0.1 4660 80\r\n".to_vec(), Some(blocked())),
        (b"PROXY TCP6 ::ffff:203.0.113.1 ::1 4660 80\r\n".to_vec(), Some(blocked())),
        (b"PROXY UNKNOWN\r\n".to_vec(), Some(ok())),
        (version_2([192, 0, 2, 1]), Some(ok())),
        (version_2([203, 0, 113, 1]), Some(blocked())),
        // None, two, or half of one.
        (Vec::new(), None),
        (b"PROXY TCP4 192.0.2.1 127.0.0.1 4660 80\n".to_vec(), None),
        (b"PROXY TCP4 192.0.2.1\r\n".to_vec(), None),
        (b"PROXY TCP4 192.0.2.256 127.0.0.1 4660 80\r\n".to_vec(), None),
        (b"proxy TCP4 192.0.2.1 127.0.0.1 4660 80\r\n".to_vec(), None),
        ([b"PROXY TCP4 ", [b'1'; 200].as_slice(), b"\r\n"].concat(), None),
        (
            [version_2([192, 0, 2, 1]), version_2([203, 0, 113, 1])].concat(),
            Some((400, "ok".to_owned())),
        ),
        (
            b"PROXY UNKNOWN\r\nPROXY TCP4 192.0.2.1 127.0.0.1 4660 80\r\n".to_vec(),
            Some((400, "ok".to_owned())),
        ),
    ] {
        assert_eq!(says(proxy, &header), expected, "{:?}", String::from_utf8_lossy(&header));
    }
    let stranger = [127, 0, 0, 3];
    assert_eq!(says(stranger, b""), Some(ok()));
    for header in
        [b"PROXY TCP4 192.0.2.1 127.0.0.1 4660 80\r\n".to_vec(), version_2([192, 0, 2, 1])]
    {
        let status = says(stranger, &header).map(|(status, _)| status);
        assert!(matches!(status, None | Some(400)), "{status:?} for {header:?}");
    }
}

fn is_overloaded(edge: SocketAddr, source: [u8; 4]) -> bool {
    let mut connection = Connection::open_from(source, edge);
    connection.send(GET);
    let Some(answer) = connection.answer() else { return true };
    if answer.status == 503 {
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        return true;
    }
    false
}

#[test]
fn one_address_cannot_hold_every_connection() {
    let edge = edge("[edge.limits]\nmax_connections_per_address = 3");
    let mut held: Vec<_> =
        (0..3).map(|_| Connection::open_from([127, 0, 0, 4], edge.address())).collect();
    for connection in &mut held {
        assert_eq!(from(connection, ""), ok());
    }
    assert!(is_overloaded(edge.address(), [127, 0, 0, 4]));
    assert!(!is_overloaded(edge.address(), [127, 0, 0, 5]));
    for connection in &mut held {
        assert_eq!(from(connection, ""), ok());
    }
    drop(held);
    // The edge learns of it in its own time.
    while is_overloaded(edge.address(), [127, 0, 0, 4]) {}
}

#[test]
fn connections_over_the_limit_are_told_and_closed() {
    let edge = edge("[edge.limits]\nmax_connections = 2\nmax_requests_per_connection = 4");
    let mut held: Vec<_> = (0..2).map(|_| Connection::open(edge.address())).collect();
    for connection in &mut held {
        assert_eq!(from(connection, ""), ok());
    }
    let refused = answers(&exchange(edge.address(), GET));
    assert_eq!((refused.len(), refused[0].status), (1, 503));
    assert_eq!(refused[0].code(), Some("overloaded"));
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    let mut first = held.remove(0);
    for _ in 0..2 {
        assert_eq!(from(&mut first, ""), ok());
    }
    let last = first.ask(GET);
    assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    assert_eq!(first.rest(), b"");
    while is_overloaded(edge.address(), [127, 0, 0, 1]) {}
    assert_eq!(from(&mut held[0], ""), ok());
    drop(held);
    while is_overloaded(edge.address(), [127, 0, 0, 1]) {}
    assert_eq!(get(edge.admin(), "/livez").status, 200);
}
