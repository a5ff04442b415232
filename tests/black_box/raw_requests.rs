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
