//! HTTP/2 as no library speaks it, over TLS.

use std::process::Command;

use tokio::time::Instant;

use crate::support::command::said;
use crate::support::edge::{Edge, EdgeBuilder, SECRET, usual_config, with_server};
use crate::support::fake_origin::FakeOrigin;
use crate::support::floods::{Flood, fields, floods};
use crate::support::http2::{
    DATA, END_STREAM, Fields, Outcome, PING, frame, get, head, hello, outcome,
};
use crate::support::links::token;
use crate::support::process::Process;
use crate::support::raw_client::{Connection, PATIENCE};
use crate::support::stalls::Stall;
use crate::support::tls::{Certificate, LISTENER};
use crate::support::tools::tool;

/// The window every client has from the start.
const WINDOW: u32 = 65_535;

/// What a flood may add to the memory of the process (security page, promise 17).
const MOST_MEMORY: u64 = 32 << 20;

/// What a stalled stream of an origin across the network may add: with what a request takes before it is
/// answered, as this program is compiled here, and its part of what the connections cost.
const MOST_OF_STREAM: u64 = 64 << 10;

fn edge(certificate: &Certificate, limits: &str) -> Edge {
    builder(certificate, limits).start()
}

fn builder(certificate: &Certificate, limits: &str) -> EdgeBuilder {
    Edge::builder(usual_config(&format!("{LISTENER}\n{limits}"), ""))
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key)
        .file("media/open/a.txt", "open file\n")
        .file("media/vod/a.txt", "signed file\n")
        .file("media/open/large.bin", vec![7; 4 << 20])
}

fn open(edge: &Edge, certificate: &Certificate) -> Connection {
    let mut connection = certificate.connect(edge.addresses()[1], "a.example", "h2");
    connection.send(hello(WINDOW));
    connection
}

#[test]
fn heads_that_contradict_themselves_are_refused_with_their_code() {
    let certificate = Certificate::of(&["a.example", "b.example"]);
    let edge = edge(&certificate, "");
    let long = "x".repeat(9000);
    let cases: &[(Fields<'_>, u16, &str)] = &[
        (&[], 200, "ok"),
        (&[("host", "a.example")], 200, "ok"),
        (&[(":authority", "-"), ("host", "a.example")], 200, "ok"),
        (&[(":authority", "A.example:443")], 200, "ok"),
        (&[("te", "trailers")], 200, "ok"),
        (&[("host", "b.example")], 400, "host_invalid"),
        (&[(":authority", "-")], 400, "host_invalid"),
        (&[("host", "a.example"), ("host", "a.example")], 400, "host_invalid"),
        (&[(":authority", "user@a.example")], 400, "host_invalid"),
        (&[(":authority", "user:pw@a.example")], 400, "host_invalid"),
        (&[(":authority", "b.example")], 421, "no_site"),
        (&[(":authority", "127.0.0.1")], 421, "no_site"),
        (&[(":authority", "-"), ("host", "b.example")], 421, "no_site"),
        (&[(":scheme", "file")], 400, "target_malformed"),
        (&[(":scheme", "ftp")], 400, "target_malformed"),
        (&[(":path", "*")], 400, "target_malformed"),
        (&[(":path", "/open/../open/a.txt")], 400, "target_ambiguous"),
        (&[(":path", "//open/a.txt")], 400, "target_ambiguous"),
        (&[(":path", "/open/%zz")], 400, "target_malformed"),
        (&[(":path", "/vod/a.txt"), ("x-original-url", "/open/a.txt")], 403, "token_missing"),
        (&[(":path", &long)], 414, "target_too_long"),
        (&[(":method", "POST")], 405, "method_not_allowed"),
        (&[(":method", "get")], 405, "method_not_allowed"),
        (&[("expect", "100-continue")], 417, "expect_refused"),
    ];
    let mut expected = Vec::new();
    for (others, status, code) in cases {
        let mut others = others.to_vec();
        let target = format!("/{long}");
        for (_, value) in &mut others {
            if *value == long {
                *value = &target;
            }
        }
        let mut connection = open(&edge, &certificate);
        connection.send(head(1, END_STREAM, &fields(&others)));
        assert_eq!(
            outcome(&mut connection, 1),
            Outcome::Status(*status),
            "{code}: {:.200}",
            format!("{others:?}")
        );
        expected.push((*status, (*code).to_owned()));
    }
    // A body, with and without being told of.
    for others in [&[] as Fields<'_>, &[("content-length", "5")]] {
        let mut connection = open(&edge, &certificate);
        connection.send(head(1, 0, &fields(others)));
        connection.send(frame(DATA, END_STREAM, 1, b"hello"));
        assert_eq!(outcome(&mut connection, 1), Outcome::Status(413), "{others:?}");
        expected.push((413, "body_refused".to_owned()));
    }
    let (_, log) = edge.stop();
    let logged: Vec<_> = log
        .iter()
        .map(|line| {
            assert_eq!(line["protocol"], "HTTP/2");
            let status = u16::try_from(line["status"].as_u64().unwrap()).unwrap();
            (status, line["code"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(logged, expected);
}

#[test]
fn what_http_2_forbids_is_never_a_request() {
    let certificate = Certificate::of(&["a.example"]);
    let edge = edge(&certificate, "");
    for others in [
        &[(":method", "CONNECT")] as Fields<'_>,
        &[(":method", "CONNECT"), (":scheme", "-"), (":path", "-")],
        &[(":method", "CONNECT"), (":protocol", "websocket")],
        &[(":method", "-")],
        &[(":scheme", "-")],
        &[(":path", "-")],
        &[(":path", "")],
        &[(":path", "open/a.txt")],
        &[(":authority", "a b")],
        &[("x", "1"), (":path2", "/")],
        &[(":unknown", "1")],
        &[("connection", "close")],
        &[("upgrade", "h2c")],
        &[("keep-alive", "1")],
        &[("transfer-encoding", "chunked")],
        &[("te", "gzip")],
        &[("X-Upper", "1")],
        &[("x", "1\r\ny: 2")],
        &[("x", "1\0")],
        &[("x y", "1")],
        &[("", "1")],
        &[("content-length", "5")],
        &[("content-length", "-1")],
        &[("content-length", "0"), ("content-length", "5")],
    ] {
        let mut connection = open(&edge, &certificate);
        connection.send(head(1, END_STREAM, &fields(others)));
        let outcome = outcome(&mut connection, 1);
        assert!(
            matches!(outcome, Outcome::Cut | Outcome::Status(400 | 405 | 413)),
            "{outcome:?} for {others:?}"
        );
    }
    let mut connection = open(&edge, &certificate);
    connection.send(get(1, "a.example", "/open/a.txt"));
    assert_eq!(outcome(&mut connection, 1), Outcome::Status(200));
}

#[test]
fn cookies_in_crumbs_are_cookies_and_too_many_fields_too_many() {
    let certificate = Certificate::of(&["a.example"]);
    let edge = edge(&certificate, "");
    let cookie = format!("__token__={}", token("/vod/*"));
    let crumb = format!("session={SECRET}");
    let path = (":path", "/vod/a.txt");
    let ask = |crumbs: usize, cookie: &str| {
        let mut others = vec![path];
        others.resize(crumbs + 1, ("cookie", crumb.as_str()));
        others.push(("cookie", cookie));
        let mut connection = open(&edge, &certificate);
        connection.send(head(1, END_STREAM, &fields(&others)));
        outcome(&mut connection, 1)
    };
    assert_eq!(ask(0, &cookie), Outcome::Status(200));
    assert_eq!(ask(90, &cookie), Outcome::Status(200));
    assert_eq!(ask(101, &cookie), Outcome::Status(431));
    // More than the library puts up with.
    assert!(matches!(ask(10_000, &cookie), Outcome::Cut | Outcome::Status(431)));
    assert_eq!(ask(3, "__token__=x; __token__=y"), Outcome::Status(403));
}

#[test]
fn a_handshake_names_the_host_or_nobody() {
    let certificate = Certificate::of(&["a.example", "b.example"]);
    let edge = edge(&certificate, "");
    let at = edge.addresses()[1];
    for (name, host, status) in [
        ("a.example", "a.example", 200),
        ("a.example", "A.EXAMPLE:8443", 200),
        ("a.example", "b.example", 421),
        ("a.example", "127.0.0.1", 421),
        // No name: any host that there is.
        ("127.0.0.1", "a.example", 200),
        ("127.0.0.1", "anything.example", 200),
    ] {
        let mut http1 = certificate.connect(at, name, "http/1.1");
        let head = format!("GET /open/a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = http1.ask(&head);
        let code = (status == 421).then_some("no_site");
        assert_eq!((answer.status, answer.code()), (status, code), "{name} {host}");
        let mut http2 = certificate.connect(at, name, "h2");
        http2.send(hello(WINDOW));
        http2.send(get(1, host, "/open/a.txt"));
        assert_eq!(outcome(&mut http2, 1), Outcome::Status(status), "{name} {host}");
    }
}

/// Promise 17: the connection is closed, others are served, and memory stays where it was.
#[test]
fn floods_end_with_the_connection_and_leave_no_memory() {
    let certificate = Certificate::of(&["a.example"]);
    let process = builder(&certificate, "[edge.limits]\nwrite_timeout = \"1s\"").spawn();
    let at = process.addresses()[1];
    let serves = |what: &str| {
        let mut good = certificate.connect(at, "a.example", "h2");
        good.send(hello(1 << 24));
        good.send(get(1, "a.example", "/open/a.txt"));
        assert_eq!(outcome(&mut good, 1), Outcome::Status(200), "after {what}");
    };
    serves("the start");
    let before = process.resident();
    for (number, Flood { name, begin, again }) in (1..).zip(floods()) {
        // From an address of its own, whose next connection nobody waits for.
        let mut connection = certificate.connect_from([127, 0, 1, number], at, "a.example");
        connection.send(hello(WINDOW));
        connection.send(begin);
        connection.flood(&again, 20_000);
        serves(name);
        let grown = process.resident().saturating_sub(before);
        assert!(grown <= MOST_MEMORY, "{name}: {grown} bytes more");
    }
}

/// Promise 17: an attacker does not have as many handshakes as it likes, and nobody else waits.
#[test]
fn who_floods_waits_before_its_next_handshake_and_is_served() {
    let certificate = Certificate::of(&["a.example"]);
    let process = builder(&certificate, "").spawn();
    let at = process.addresses()[1];
    let serves = |source| {
        let mut connection = certificate.connect_from(source, at, "a.example");
        connection.send(hello(WINDOW));
        connection.send(get(1, "a.example", "/open/a.txt"));
        assert_eq!(outcome(&mut connection, 1), Outcome::Status(200), "{source:?}");
        process.metric("countersign_handshakes_delayed_total")
    };
    let (attacker, other) = ([127, 0, 1, 1], [127, 0, 1, 2]);
    assert_eq!(serves(attacker), 0);
    let mut connection = certificate.connect_from(attacker, at, "a.example");
    connection.send(hello(WINDOW));
    connection.flood(&frame(PING, 0, 0, b"12345678").repeat(100), 20_000);
    assert_eq!(serves(other), 0);
    assert_eq!(serves(attacker), 1);
}

/// What is allowed of frames that no request explains is for the likes of these: two window updates
/// for each half of a window that is read.
#[test]
fn clients_with_small_windows_are_no_flood() {
    let certificate = Certificate::of(&["a.example"]);
    let edge = edge(&certificate, "");
    let url = format!("https://{}/open/large.bin", edge.addresses()[1]);
    for bits in ["10", "12", "16"] {
        let windows = ["-w", bits, "-W", bits];
        let mut nghttp = Command::new(tool("COUNTERSIGN_TEST_NGHTTP", "nghttp"));
        let answer =
            said(nghttp.args(["--no-verify-peer", "-n", "-v"]).args(windows).arg(&url), b"");
        assert_eq!(answer.status, 0, "{bits} bits: {}", answer.err);
        assert!(answer.out.contains("; END_STREAM"), "{bits} bits: {}", answer.out);
        let mut h2load = Command::new(tool("COUNTERSIGN_TEST_H2LOAD", "h2load"));
        let many = ["-c", "1", "-m", "10", "-n", "20"];
        let answer = said(h2load.args(many).args(windows).arg(&url), b"");
        assert_eq!(answer.status, 0, "{bits} bits: {}", answer.err);
        assert!(answer.out.contains(" 20 succeeded, 0 failed, 0 errored,"), "{}", answer.out);
    }
}

#[test]
fn streams_without_window_cost_their_own_connection_alone() {
    let certificate = Certificate::of(&["a.example"]);
    for stall in Stall::ALL {
        let process = builder(&certificate, "[edge.limits]\nwrite_timeout = \"3s\"").spawn();
        let at = process.addresses()[1];
        let mut good = certificate.connect(at, "a.example", "h2");
        good.send(hello(1 << 24));
        good.send(get(1, "a.example", "/open/a.txt"));
        assert_eq!(outcome(&mut good, 1), Outcome::Status(200));
        let before = process.resident();
        let stalled: Vec<_> = (0..20)
            .map(|_| {
                let mut connection = certificate.connect(at, "a.example", "h2");
                stall.begin(&mut connection, "a.example", "/open/large.bin");
                connection
            })
            .collect();
        good.send(get(3, "a.example", "/open/a.txt"));
        assert_eq!(outcome(&mut good, 3), Outcome::Status(200));
        let grown = process.resident().saturating_sub(before);
        // 2,000 answers, each with a piece of its file waiting.
        assert!(grown <= MOST_MEMORY, "{stall:?}: {grown} bytes more");
        // Who has all the window there is would go on as soon as it reads.
        if stall != Stall::Unread {
            for connection in stalled {
                // Closed, or this never ends.
                let _ = connection.rest();
            }
        }
    }
}

#[test]
fn streams_without_window_keep_small_pieces_of_every_origin() {
    let certificate = Certificate::of(&["a.example"]);
    let content = vec![7; 4 << 20];
    let origin = FakeOrigin::start(move |asked| {
        let length = content.len();
        asked.send(format!(
            "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nCache-Control: max-age=600\r\n\
             Content-Length: {length}\r\n\r\n"
        ));
        asked.send(&content);
    });
    let disk = "[cache.disk]\npath = \"cache\"\nsize = \"1GiB\"\n";
    // Files that are not at hand are opened by threads, some dozens of which keep memory of their own.
    for (cache, most) in [("", MOST_OF_STREAM), (disk, 2 * MOST_OF_STREAM)] {
        let config = usual_config(LISTENER, "").replacen("[admin]", &format!("{cache}[admin]"), 1);
        let process = Edge::builder(with_server(&config, origin.address(), "", "open"))
            .file("tls/site.pem", &certificate.pem)
            .file("tls/site.key", &certificate.key)
            .spawn();
        if !cache.is_empty() {
            until_kept(&process);
        }
        let before = process.resident();
        let _stalled: Vec<_> = (0..3)
            .map(|_| {
                let at = process.addresses()[1];
                let mut connection = certificate.connect(at, "a.example", "h2");
                Stall::WindowUsedUp.begin(&mut connection, "a.example", "/http/large.bin");
                connection
            })
            .collect();
        let grown = process.resident().saturating_sub(before);
        println!("cache {cache:?}: {grown} bytes more");
        // 300 answers. What else they cost, and a whole read of the origin for each, would be more.
        assert!(grown <= 300 * most, "{cache:?}: {grown} bytes more");
    }
}

/// Asks until all of it is in its files.
fn until_kept(process: &Process) {
    let begun = Instant::now();
    let head = "GET /http/large.bin HTTP/1.1\r\nHost: a\r\n\r\n";
    while !Connection::open(process.address())
        .ask(head)
        .header("cache-status")
        .unwrap()
        .contains("; hit")
    {
        assert!(begun.elapsed() < PATIENCE, "it is never kept");
    }
}
