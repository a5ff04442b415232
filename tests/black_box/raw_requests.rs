//! Request heads as an attacker writes them (security page, part 2.1).

use crate::support::edge::{Edge, usual_config};
use crate::support::raw_client::{answers, exchange, get, request};

fn edge() -> Edge {
    Edge::builder(usual_config("", "")).file("media/open/a.txt", "open file\n").start()
}

#[test]
fn odd_heads_are_refused_with_their_code() {
    let edge = edge();
    let at = edge.address();
    for (head, status, code) in [
        ("GET /open/a.txt HTTP/1.1\r\n\r\n", 400, "host_invalid"),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "host_invalid"),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "host_invalid"),
        ("GET http://b/open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "host_invalid"),
        ("GET http://u:p@a/open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "host_invalid"),
        ("GET /open/../open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_ambiguous"),
        ("GET file://a/open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_malformed"),
        ("GET ftp://a/open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_malformed"),
        ("GET //open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_ambiguous"),
        ("GET /open/%2e%2e/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_ambiguous"),
        ("GET /open\\a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_ambiguous"),
        ("GET /open/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_malformed"),
        ("GET /open/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_malformed"),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, "target_malformed"),
        ("get /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        ("POST /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        ("OPTIONS /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413, "body_refused"),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            413,
            "body_refused",
        ),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            413,
            "body_refused",
        ),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
            417,
            "expect_refused",
        ),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
            400,
            "upgrade_refused",
        ),
        ("GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n", 404, "no_route"),
        ("GET /closed/a HTTP/1.1\r\nHost: a\r\n\r\n", 404, "no_route"),
        ("GET /open/none HTTP/1.1\r\nHost: a\r\n\r\n", 404, "not_found"),
    ] {
        let answer = request(at, head);
        assert_eq!((answer.status, answer.code()), (status, Some(code)), "{head:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{head:?}");
    }
    assert_eq!(get(at, "/open/a.txt").body, b"open file\n");
}

#[test]
fn what_follows_a_refused_body_is_never_a_request() {
    let edge = edge();
    let smuggled = "GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    for head in [
        format!(
            "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{smuggled}",
            smuggled.len()
        ),
        format!(
            "GET /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        ),
        format!(
            "GET /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n{smuggled}"
        ),
    ] {
        let bytes = exchange(edge.address(), &head);
        let answers = answers(&bytes);
        assert_eq!(answers.len(), 1, "{head:?}: {:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(answers[0].header("connection"), Some("close"), "{head:?}");
    }
}

#[test]
fn what_is_not_http_gets_no_file_and_no_second_chance() {
    let edge = edge();
    let smuggled = "GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";
    for (head, status) in [
        // Line folding (RFC 9112 section 5.2).
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n X: 1\r\n\r\n", 400),
        // Bytes that no field has.
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX\0: 1\r\n\r\n", 400),
        // Names that are none.
        ("GET /open/a.txt HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
        // Lengths that two servers would read differently.
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 0\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            400,
        ),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
            400,
        ),
        ("GET /open/a.txt HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, x\r\n\r\n", 400),
        (
            "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551614\r\n\r\n",
            431,
        ),
        // Versions and request lines.
        ("GET /open/a.txt HTTP/1.2\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/0.9\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a.txt\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a.txt http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/2.0\r\nHost: a\r\n\r\n", 400),
        ("GET  /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a.txt  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a.txt HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET\t/open/a.txt\tHTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /open/a\tb HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", 400),
    ] {
        let bytes = exchange(edge.address(), format!("{head}{smuggled}"));
        let answers = answers(&bytes);
        assert_eq!(answers.len(), 1, "{head:?}: {:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(answers[0].status, status, "{head:?}");
        assert_eq!(answers[0].body, b"", "{head:?}");
    }
    // HTTP/2 is for TLS alone.
    assert_eq!(exchange(edge.address(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), b"");
    assert_eq!(get(edge.address(), "/open/a.txt").body, b"open file\n");
}

#[test]
fn every_length_and_coding_but_none_is_a_body() {
    let edge = edge();
    for fields in [
        "Content-Length: 1\r\n\r\nx",
        "Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345",
        "Content-Length: 00\r\n\r\n",
        "Content-Length: 9223372036854775807\r\n\r\n",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5;ext\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\nX: 1\r\n\r\n",
    ] {
        let bytes = exchange(
            edge.address(),
            format!(
                "GET /open/a.txt HTTP/1.1\r\nHost: a\r\n{fields}GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n"
            ),
        );
        let answers = answers(&bytes);
        assert_eq!(answers.len(), 1, "{fields:?}: {:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(
            (answers[0].status, answers[0].code()),
            (413, Some("body_refused")),
            "{fields:?}"
        );
        assert_eq!(answers[0].header("connection"), Some("close"), "{fields:?}");
    }
    for nothing in ["Content-Length: 0\r\n", "Content-Length: 0\r\nContent-Length: 0\r\n"] {
        let head = format!("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n{nothing}\r\n");
        assert_eq!(request(edge.address(), &head).status, 200);
    }
}

#[test]
fn heads_end_at_their_limits() {
    let edge = edge();
    let at = edge.address();
    let head = |target: &str, fields: &str| {
        format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n")
    };
    let fields = |count: usize| {
        let lines: Vec<_> = (0..count)
            .map(|it| {
                format!(
                    "X-{it}: 1
"
                )
            })
            .collect();
        lines.concat()
    };
    let field = |length: usize| format!("X: {}\r\n", "x".repeat(length));
    let too_large = (431, Some("headers_too_large"));
    for (fields, expected) in [
        (fields(98), (200, None)),
        (fields(99), too_large),
        (fields(120), too_large),
        (field(32_000), (200, None)),
        (field(33_000), too_large),
        (field(60_000), too_large),
    ] {
        let answer = request(at, &head("/open/a.txt", &fields));
        assert_eq!((answer.status, answer.code()), expected, "{} bytes", fields.len());
    }
    // What the library will not even buffer, it refuses itself.
    for fields in [fields(1000), field(100_000), field(1_000_000)] {
        let answers = answers(&exchange(at, head("/open/a.txt", &fields)));
        assert_eq!(answers.len(), 1, "{} bytes", fields.len());
        assert_eq!(answers[0].status, 431, "{} bytes", fields.len());
    }
    let longest = 8 * 1024 - "/open/a.txt?".len();
    let target = |length: usize| format!("/open/a.txt?{}", "x".repeat(length));
    assert_eq!(request(at, &head(&target(longest), "")).status, 200);
    for length in [longest + 1, 20_000, 60_000] {
        let answer = request(at, &head(&target(length), ""));
        assert_eq!((answer.status, answer.code()), (414, Some("target_too_long")), "{length}");
    }
    let answer = request(at, &head(&target(100_000), ""));
    assert!(matches!(answer.status, 414 | 431), "{answer:?}");
}

#[test]
fn a_host_has_one_meaning_in_all_its_spellings() {
    let config = usual_config("", "").replace("hosts = [\"*\"]", "hosts = [\"files.example\"]");
    let edge = Edge::builder(config).file("media/open/a.txt", "open file\n").start();
    for head in [
        "GET /open/a.txt HTTP/1.1\r\nHost: files.example\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nhOsT: FILES.Example:8080\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nHost: files.example.\r\n\r\n",
        "GET /open/a.txt HTTP/1.1\r\nHost: files.example:\r\n\r\n",
        "GET http://files.example/open/a.txt HTTP/1.1\r\nHost: files.example\r\n\r\n",
        "GET http://FILES.example:80/open/a.txt HTTP/1.1\r\nHost: files.example:80\r\n\r\n",
        "GET /open/a.txt#/../../etc/passwd HTTP/1.1\r\nHost: files.example\r\n\r\n",
    ] {
        assert_eq!(request(edge.address(), head).body, b"open file\n", "{head:?}");
    }
    for (host, status, code) in [
        ("elsewhere.example", 421, "no_site"),
        ("files.example.evil", 421, "no_site"),
        ("x.files.example", 421, "no_site"),
        ("127.0.0.1", 421, "no_site"),
        ("[::1]:80", 421, "no_site"),
        ("files.example..", 400, "host_invalid"),
        ("files.example:80:80", 400, "host_invalid"),
        ("files.example:65536", 400, "host_invalid"),
        ("files.example:+80", 400, "host_invalid"),
        ("files.example, b", 400, "host_invalid"),
        ("files.example b", 400, "host_invalid"),
        ("user@files.example", 400, "host_invalid"),
        ("files.example@", 400, "host_invalid"),
        ("files.example#", 400, "host_invalid"),
        ("files.example?x", 400, "host_invalid"),
        ("files%2eexample", 400, "host_invalid"),
        ("files\u{3002}example", 400, "host_invalid"),
        ("[::1", 400, "host_invalid"),
        ("", 400, "host_invalid"),
    ] {
        let answer =
            request(edge.address(), &format!("GET /open/a.txt HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!((answer.status, answer.code()), (status, Some(code)), "{host:?}");
    }
}

/// Fields that other servers let a client rewrite its request with.
#[test]
fn no_field_changes_the_target_or_the_method_or_the_client() {
    let edge = Edge::builder(usual_config("trusted_proxies = [\"127.0.0.1\"]", ""))
        .file("media/open/a.txt", "open file\n")
        .file("media/vod/b.txt", "signed file\n")
        .start();
    for field in [
        "X-Original-URL: /vod/b.txt",
        "X-Rewrite-URL: /vod/b.txt",
        "X-Accel-Redirect: /vod/b.txt",
        "X-Forwarded-Prefix: /vod",
        "X-Forwarded-Uri: /vod/b.txt",
        "X-Forwarded-Host: elsewhere.example",
        "X-Host: elsewhere.example",
        "Forwarded: for=192.0.2.1;host=elsewhere.example",
        "X-HTTP-Method-Override: DELETE",
        "X-Method-Override: HEAD",
        "X-Real-IP: 192.0.2.1",
        "X-Client-IP: 192.0.2.1",
        "True-Client-IP: 192.0.2.1",
        "CF-Connecting-IP: 192.0.2.1",
        "X_Forwarded_For: 192.0.2.1",
        "X-Forwarded_For: 192.0.2.1",
        "Content_Length: 5",
        "Transfer_Encoding: chunked",
    ] {
        for (target, expected) in [("/open/a.txt", 200), ("/vod/b.txt", 403)] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n");
            assert_eq!(request(edge.address(), &head).status, expected, "{field}");
        }
    }
    let (_, log) = edge.stop();
    assert_eq!(log.len(), 36);
    for line in log {
        assert_eq!(line["client"], "127.0.0.1", "{line}");
    }
}
