//! What one connection carries: several requests, HEAD, HTTP/1.0, and where it ends.

use std::collections::BTreeSet;

use crate::support::edge::{Edge, usual_config};
use crate::support::links::token;
use crate::support::raw_client::{Connection, answers, exchange, get};

fn edge() -> Edge {
    Edge::builder(usual_config("", ""))
        .file("media/open/a.txt", "open file\n")
        .file("media/open/b.txt", "another\n")
        .start()
}

#[test]
fn requests_sent_at_once_are_answered_in_order() {
    let edge = edge();
    let mut connection = Connection::open(edge.address());
    let targets = ["/open/a.txt", "/open/none", "/open/b.txt", "/vod/x", "/open/a.txt"];
    let heads: String =
        targets.map(|target| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).concat();
    connection.send(heads.repeat(20));
    for _ in 0..20 {
        let answers = targets.map(|_| connection.answer().unwrap());
        assert_eq!(answers.each_ref().map(|it| it.status), [200, 404, 200, 403, 200]);
        assert_eq!(answers[0].body, b"open file\n");
        assert_eq!(answers[2].body, b"another\n");
    }
    // A request in as many pieces as it has bytes, the next one in the same write as its end.
    let head = "GET /open/b.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    for byte in head.bytes().take(head.len() - 1) {
        connection.send([byte]);
    }
    connection.send(format!("\n{head}"));
    assert_eq!(connection.answer().unwrap().body, b"another\n");
    assert_eq!(connection.answer().unwrap().body, b"another\n");
}

#[test]
fn nothing_is_served_behind_a_head_in_doubt() {
    let edge = edge();
    let good = "GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    for bad in [
        "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
        "BROKEN\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /open/a.txt HTTP/1.0\r\nHost: a\r\n\r\n",
    ] {
        let bytes = exchange(edge.address(), format!("{good}{good}{bad}{good}{good}"));
        let answers = answers(&bytes);
        assert_eq!(answers.len(), 3, "{bad:?}: {:?}", String::from_utf8_lossy(&bytes));
        assert_eq!((answers[0].status, answers[1].status), (200, 200), "{bad:?}");
    }
}

#[test]
fn an_answer_that_is_no_file_leaves_the_connection_open() {
    let edge = edge();
    let mut connection = Connection::open(edge.address());
    let etag = connection.ask("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    let etag = etag.header("etag").unwrap().to_owned();
    for (target, fields, status) in [
        ("/open/none", String::new(), 404),
        ("/vod/x", String::new(), 403),
        ("/open/a.txt", "Range: bytes=100-\r\n".to_owned(), 416),
        ("/open/a.txt", format!("If-None-Match: {etag}\r\n"), 304),
        ("/open/a.txt", "If-Match: \"other\"\r\n".to_owned(), 412),
        ("/open//a.txt", String::new(), 400),
        ("/open/%zz", String::new(), 400),
        ("/elsewhere", String::new(), 404),
        ("/open/a.txt", String::new(), 200),
    ] {
        let answer = connection.ask(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(answer.status, status, "{target} {fields}");
        assert_eq!(answer.header("connection"), None, "{target} {fields}");
    }
    assert_eq!(connection.ask("POST / HTTP/1.1\r\nHost: a\r\n\r\n").status, 405);
    assert_eq!(connection.ask("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
}

#[test]
fn head_says_what_get_says_without_the_body() {
    let edge = edge();
    let etag = get(edge.address(), "/open/a.txt").header("etag").unwrap().to_owned();
    let mut connection = Connection::open(edge.address());
    for (target, fields, status) in [
        ("/open/a.txt".to_owned(), String::new(), 200),
        ("/open/none".to_owned(), String::new(), 404),
        ("/elsewhere".to_owned(), String::new(), 404),
        ("/vod/x".to_owned(), String::new(), 403),
        (format!("/vod/x?__token__={}", token("/vod/*")), String::new(), 404),
        ("/open//a.txt".to_owned(), String::new(), 400),
        ("/open/a.txt".to_owned(), format!("If-None-Match: {etag}\r\n"), 304),
        ("/open/a.txt".to_owned(), "If-Match: \"x\"\r\n".to_owned(), 412),
        // Range is for GET alone (RFC 9110 section 14.2), so that these two answer differently.
        ("/open/a.txt".to_owned(), "X: 1\r\nAccept: text/html\r\n".to_owned(), 200),
    ] {
        let ask = |method| format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let full = connection.ask(&ask("GET"));
        connection.send(ask("HEAD"));
        let head = connection.head_answer().unwrap();
        let fields = |headers: &[(String, String)]| {
            let varies = ["x-request-id", "date"];
            let kept = headers.iter().filter(|(name, _)| !varies.contains(&name.as_str()));
            kept.cloned().collect::<BTreeSet<_>>()
        };
        assert_eq!((full.status, head.status), (status, status), "{target}");
        assert_eq!(fields(&full.headers), fields(&head.headers), "{target}");
        // A length would be that of the file (RFC 9110 section 8.6), which 304 does not know of.
        assert!(status != 304 || full.header("content-length").is_none(), "{full:?}");
    }
    for range in ["bytes=0-1", "bytes=100-", "bytes=0-0,2-2"] {
        connection.send(format!("HEAD /open/a.txt HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n"));
        let head = connection.head_answer().unwrap();
        assert_eq!((head.status, head.header("content-length")), (200, Some("10")), "{range}");
    }
}

#[test]
fn http_1_0_ends_after_one_answer_unless_asked_otherwise() {
    let edge = edge();
    let one = answers(&exchange(edge.address(), "GET /open/a.txt HTTP/1.0\r\nHost: a\r\n\r\n"));
    assert_eq!((one.len(), one[0].status), (1, 200));
    assert_eq!(one[0].body, b"open file\n");
    assert_eq!(one[0].header("transfer-encoding"), None);
    let hostless = answers(&exchange(edge.address(), "GET /open/a.txt HTTP/1.0\r\n\r\n"));
    assert_eq!(hostless[0].code(), Some("host_invalid"));
    let mut kept = Connection::open(edge.address());
    for _ in 0..2 {
        let answer =
            kept.ask("GET /open/a.txt HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
        assert_eq!((answer.status, answer.header("connection")), (200, Some("keep-alive")));
    }
}
