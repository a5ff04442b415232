//! What an HTTP origin gets to see of a client's request, and a client of an origin's answer.

use crate::support::edge::{Edge, SECRET, usual_config};
use crate::support::links::token;
use crate::support::raw_client::{get, request};
use crate::support::recording_origin::RecordingOrigin;

/// All that an origin is ever told, beside the request line.
const ALLOWED: &[&str] = &[
    "accept-encoding: identity",
    "host: ",
    "if-match: ",
    "if-modified-since: ",
    "if-none-match: ",
    "if-range: ",
    "if-unmodified-since: ",
    "range: bytes=",
    "surrogate-capability: countersign=\"surrogate/1.0\"",
];

fn edge(origin: &RecordingOrigin) -> Edge {
    Edge::builder(usual_config("", "") + &origin.config("token")).start()
}

#[test]
fn tokens_and_cookies_never_reach_an_origin() {
    let origin = RecordingOrigin::serving(b"upstream".to_vec());
    let edge = edge(&origin);
    let good = token("/up/*");
    let encoded = good.replace('~', "%7e").replace('=', "%3D").replace('/', "%2f");
    for (target, fields) in [
        (format!("/up/a%20b/c.txt?x=1&__token__={good}&y=%2f"), String::new()),
        (format!("/up/a%20b/c.txt?__token__={encoded}&x=1&y=%2f"), String::new()),
        (format!("/up/a%20b/c.txt?x=1&y=%2f&%5F_toke%6e__={good}"), String::new()),
        (format!("/up/__token__={encoded}/a%20b/c.txt?x=1&y=%2f"), String::new()),
        (format!("/__token__={encoded}/up/a%20b/c.txt?x=1&y=%2f"), String::new()),
        (format!("/up/a%20b/%5f_token__={encoded}/c.txt?x=1&y=%2f"), String::new()),
        ("/up/a%20b/c.txt?x=1&y=%2f".to_owned(), format!("__token__: {good}\r\n")),
        ("/up/a%20b/c.txt?x=1&y=%2f".to_owned(), format!("Cookie: __token__={good}\r\n")),
        (
            format!("/up/a%20b/c.txt?x=1&__token__={good}&y=%2f&__token__={encoded}"),
            format!("__token__: {good}\r\nCookie: a={SECRET}; __token__={good}\r\n"),
        ),
    ] {
        let answer = request(
            edge.address(),
            &format!(
                "GET {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SECRET}\r\n\
                 Cookie: session={SECRET}\r\nX-Forwarded-For: 192.0.2.1\r\nUser-Agent: me\r\n\
                 Referer: https://a.example/{SECRET}\r\nAccept-Encoding: gzip, br\r\n\
                 Accept: */*\r\nX-Anything: 1\r\nTE: trailers\r\nOrigin: https://a.example\r\n\
                 {fields}\r\n"
            ),
        );
        assert_eq!((answer.status, &*answer.body), (200, &b"upstream"[..]), "{target}");
    }
    let heads = origin.heads();
    assert_eq!(heads.len(), 9);
    for head in &heads {
        let mut lines = head.trim_end().lines();
        assert_eq!(lines.next(), Some("GET /base/up/a%20b/c.txt?x=1&y=%2f HTTP/1.1"));
        for line in lines.map(str::to_ascii_lowercase) {
            assert!(ALLOWED.iter().any(|start| line.starts_with(start)), "{line}");
        }
        let lower = head.to_ascii_lowercase();
        assert!(!lower.contains(SECRET) && !lower.contains("hmac"), "{head}");
    }
}

#[test]
fn a_refused_request_reaches_no_origin() {
    let origin = RecordingOrigin::serving(b"upstream".to_vec());
    let edge = edge(&origin);
    let other = token("/elsewhere/*");
    for target in [
        "/up/a".to_owned(),
        format!("/up/a?__token__={other}"),
        "/up/../up/a".to_owned(),
        "/up//a".to_owned(),
        "/up/%2e%2e/a".to_owned(),
        "/up/a%2fb".to_owned(),
        "/up/a%252fb".to_owned(),
        "/up/;/../a".to_owned(),
        "/up/..;/a".to_owned(),
        "/up/%c0%af".to_owned(),
    ] {
        assert!(matches!(get(edge.address(), &target).status, 400 | 403), "{target}");
        let signed = format!("{target}?__token__={}", token("/up/ok"));
        assert!(matches!(get(edge.address(), &signed).status, 400 | 403), "{target}");
    }
    assert_eq!(origin.heads(), Vec::<String>::new());
}

#[test]
fn conditions_and_ranges_reach_an_origin_and_its_own_fields_no_client() {
    let origin = RecordingOrigin::serving(b"upstream".to_vec());
    let edge = edge(&origin);
    let target = format!("/up/a?__token__={}", token("/up/*"));
    let date = "Sun, 06 Nov 1994 08:49:37 GMT";
    for fields in [
        "Range: bytes=0-3\r\n".to_owned(),
        "Range: bytes=0-3\r\nIf-Range: \"v1\"\r\n".to_owned(),
        "If-None-Match: \"v0\"\r\n".to_owned(),
        format!("If-Modified-Since: {date}\r\n"),
        "If-Match: \"v1\"\r\n".to_owned(),
        format!("Range: bytes=0-3\r\nIf-Range: {date}\r\n"),
    ] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let answer = request(edge.address(), &head);
        assert!(matches!(answer.status, 200 | 206), "{} for {fields}", answer.status);
        for name in ["server", "set-cookie", "x-accel-redirect"] {
            assert_eq!(answer.header(name), None, "{name}");
        }
    }
    for head in origin.heads() {
        for line in head.trim_end().lines().skip(1).map(str::to_ascii_lowercase) {
            assert!(ALLOWED.iter().any(|start| line.starts_with(start)), "{line}");
        }
    }
}
