//! What browsers are told about other origins: whose scripts may read an answer, which pages may
//! embed a file. And what they are told is never a decision on the file.

use std::net::SocketAddr;

use crate::support::edge::{Edge, usual_config};
use crate::support::links::token;
use crate::support::raw_client::{Answer, Connection, get, request};

const LISTED: &str = "cors = [\"https://player.example.com\", \"http://localhost:3000\"]";
const PLAYER: &str = "https://player.example.com";

fn edge(settings: &str, site: &str) -> Edge {
    Edge::builder(usual_config(settings, site))
        .file("media/open/a.txt", "open file\n")
        .file("media/vod/a.txt", "kept file\n")
        .start()
}

fn ask(edge: SocketAddr, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    request(edge, &format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{}\r\n", fields.concat()))
}

/// The fields that speak of origins, in their order of name.
fn cors(answer: &Answer) -> Vec<(&str, &str)> {
    let mut fields: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| name.starts_with("access-control-allow-") || name == "vary")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    fields.sort_unstable();
    fields
}

fn exposes(answer: &Answer, name: &str) -> bool {
    let exposed = answer.header("access-control-expose-headers").unwrap_or_default();
    exposed.split(", ").any(|it| it.eq_ignore_ascii_case(name))
}

#[test]
fn scripts_of_a_listed_origin_may_read_every_answer_of_the_site() {
    let edge = edge("", LISTED);
    let opened = format!("/vod/a.txt?__token__={}", token("/vod/*"));
    let etag = get(edge.address(), "/open/a.txt").header("etag").unwrap().to_owned();
    for (target, more, status) in [
        ("/open/a.txt", None, 200),
        (opened.as_str(), None, 200),
        ("/open/a.txt", Some(("Range", "bytes=0-3")), 206),
        ("/open/a.txt", Some(("Range", "bytes=99-")), 416),
        ("/open/a.txt", Some(("If-None-Match", etag.as_str())), 304),
        ("/vod/a.txt", None, 403),
        ("/open/none", None, 404),
        ("/elsewhere", None, 404),
        ("/open//a.txt", None, 400),
    ] {
        for method in ["GET", "HEAD"] {
            let fields: Vec<_> = [Some(("Origin", PLAYER)), more].into_iter().flatten().collect();
            let answer = if method == "GET" {
                ask(edge.address(), method, target, &fields)
            } else {
                let mut connection = Connection::open(edge.address());
                let more = more.map_or(String::new(), |(name, it)| format!("{name}: {it}\r\n"));
                connection.send(format!(
                    "HEAD {target} HTTP/1.1\r\nHost: a\r\nOrigin: {PLAYER}\r\n{more}\r\n"
                ));
                connection.head_answer().unwrap()
            };
            // Range is for GET alone.
            let status = if method == "HEAD" && matches!(status, 206 | 416) { 200 } else { status };
            assert_eq!(answer.status, status, "{method} {target} {more:?}");
            assert_eq!(
                cors(&answer),
                [("access-control-allow-origin", PLAYER), ("vary", "Origin")],
                "{method} {target}"
            );
            for name in ["content-range", "content-length", "etag", "x-request-id"] {
                assert!(exposes(&answer, name), "{method} {target} {name}");
            }
        }
    }
    let other = ask(edge.address(), "GET", "/open/a.txt", &[("Origin", "HTTP://LocalHost:3000")]);
    assert_eq!(other.header("access-control-allow-origin"), Some("http://localhost:3000"));
}

#[test]
fn scripts_of_other_origins_may_not() {
    let edge = edge("", LISTED);
    for fields in [
        vec![],
        vec![("Origin", "null")],
        vec![("Origin", "*")],
        vec![("Origin", "https://evil.example")],
        vec![("Origin", "http://player.example.com")],
        vec![("Origin", "https://player.example.com.evil.example")],
        vec![("Origin", "https://player.example.com:8443")],
        vec![("Origin", "https://a.player.example.com")],
        vec![("Origin", PLAYER), ("Origin", "https://evil.example")],
        vec![("Origin", "https://evil.example"), ("Origin", PLAYER)],
        vec![("Referer", "https://player.example.com/")],
    ] {
        for method in ["GET", "OPTIONS"] {
            let answer = ask(edge.address(), method, "/open/a.txt", &fields);
            assert!(matches!(answer.status, 200 | 204), "{answer:?}");
            // A cache in between must not give this answer to the player.
            assert_eq!(cors(&answer), [("vary", "Origin")], "{method} {fields:?}");
            assert_eq!(answer.header("access-control-expose-headers"), None);
        }
    }
}

#[test]
fn a_site_for_every_origin_says_so_to_all_and_never_with_credentials() {
    let edge = edge("", "cors = [\"*\"]");
    for fields in [vec![], vec![("Origin", "https://anybody.example")], vec![("Origin", "null")]] {
        for method in ["GET", "OPTIONS"] {
            let answer = ask(edge.address(), method, "/open/a.txt", &fields);
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
            assert_eq!(answer.header("access-control-allow-credentials"), None);
            assert_eq!(answer.header("vary"), None);
        }
    }
}

#[test]
fn cookies_count_for_listed_origins_where_the_operator_says_so() {
    let said = edge("", &format!("{LISTED}\ncors_credentials = true"));
    let cookie = format!("__token__={}", token("/vod/*"));
    let fields = [("Origin", PLAYER), ("Cookie", &*cookie)];
    let answer = ask(said.address(), "GET", "/vod/a.txt", &fields);
    assert_eq!((answer.status, &*answer.body), (200, &b"kept file\n"[..]));
    assert_eq!(
        cors(&answer),
        [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-origin", PLAYER),
            ("vary", "Origin")
        ]
    );
    let preflight = ask(said.address(), "OPTIONS", "/vod/a.txt", &fields[..1]);
    assert_eq!(preflight.header("access-control-allow-credentials"), Some("true"));
    let stranger = [("Origin", "https://evil.example"), fields[1]];
    let answer = ask(said.address(), "GET", "/vod/a.txt", &stranger);
    assert_eq!((answer.status, cors(&answer)), (200, vec![("vary", "Origin")]));
    // Listed alone, an origin may not read what the visitor's cookies open.
    let unsaid = edge("", LISTED);
    let answer = ask(unsaid.address(), "GET", "/vod/a.txt", &fields);
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

#[test]
fn a_preflight_needs_no_token_and_gets_nothing_else() {
    let settings = "blocklists = [\"blocked.netset\"]\ntrusted_proxies = [\"127.0.0.1\"]";
    let edge = Edge::builder(usual_config(settings, LISTED))
        .file("blocked.netset", "203.0.113.9\n")
        .file("media/vod/a.txt", "kept file\n")
        .start();
    let fields = [
        ("Origin", PLAYER),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "range"),
    ];
    let answer = ask(edge.address(), "OPTIONS", "/vod/a.txt", &fields);
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("content-length"), None);
    assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(
        cors(&answer),
        [
            (
                "access-control-allow-headers",
                "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, \
                 If-Unmodified-Since, __token__"
            ),
            ("access-control-allow-methods", "GET, HEAD"),
            ("access-control-allow-origin", PLAYER),
            ("vary", "Origin"),
        ]
    );
    assert_eq!(answer.header("access-control-max-age"), Some("7200"));
    assert!(answer.header("x-request-id").is_some());
    // It says nothing of the file: one that is not there answers the same.
    let none = ask(edge.address(), "OPTIONS", "/vod/none", &fields);
    assert_eq!((none.status, cors(&none)), (204, cors(&answer)));
    // The steps before the token hold.
    for (target, more, code) in [
        ("/elsewhere", None, "no_route"),
        ("/closed/a", None, "no_route"),
        ("/vod/../open/a.txt", None, "target_ambiguous"),
        ("*", None, "target_malformed"),
        ("/vod/a.txt", Some(("X-Forwarded-For", "nobody")), "client_address"),
        ("/vod/a.txt", Some(("X-Forwarded-For", "203.0.113.9")), "ip_blocked"),
        ("/vod/a.txt", Some(("Content-Length", "3")), "body_refused"),
    ] {
        let fields: Vec<_> = fields.iter().copied().chain(more).collect();
        assert_eq!(ask(edge.address(), "OPTIONS", target, &fields).code(), Some(code), "{target}");
    }
    let (_, log) = edge.stop();
    assert_eq!((&log[0]["method"], &log[0]["status"]), (&"OPTIONS".into(), &204.into()));
    assert_eq!((&log[0]["code"], &log[0]["origin_us"]), (&"ok".into(), &serde_json::Value::Null));
}

#[test]
fn without_cors_there_is_no_options() {
    let closed = edge("", "");
    let fields = [("Origin", PLAYER), ("Access-Control-Request-Method", "GET")];
    let answer = ask(closed.address(), "OPTIONS", "/open/a.txt", &fields);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
    assert_eq!(cors(&answer), []);
    assert_eq!(cors(&ask(closed.address(), "GET", "/open/a.txt", &fields)), []);
    let open = edge("", LISTED);
    let answer = ask(open.address(), "DELETE", "/open/a.txt", &fields[..1]);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(answer.header("access-control-allow-origin"), Some(PLAYER));
}

#[test]
fn the_carrier_header_is_named_only_where_tokens_ride_in_it() {
    let config = usual_config("", LISTED).replace(", \"header\"", "");
    let edge = Edge::builder(config).start();
    let answer = ask(edge.address(), "OPTIONS", "/open/a.txt", &[("Origin", PLAYER)]);
    let accepted = answer.header("access-control-allow-headers").unwrap();
    assert!(accepted.ends_with("If-Unmodified-Since"), "{accepted}");
}

#[test]
fn what_a_cookie_opened_is_embedded_by_its_own_site_alone_unless_said_otherwise() {
    let policy = |edge: &Edge, cookie: bool| {
        let token = token("/vod/*");
        let answer = if cookie {
            let cookie = format!("__token__={token}");
            ask(edge.address(), "GET", "/vod/a.txt", &[("Cookie", &cookie)])
        } else {
            get(edge.address(), &format!("/vod/a.txt?__token__={token}"))
        };
        assert_eq!(answer.status, 200);
        answer.header("cross-origin-resource-policy").unwrap().to_owned()
    };
    let unsaid = edge("", "");
    assert_eq!(policy(&unsaid, true), "same-site");
    assert_eq!(policy(&unsaid, false), "cross-origin");
    let open = get(unsaid.address(), "/open/a.txt");
    assert_eq!(open.header("cross-origin-resource-policy"), Some("cross-origin"));
    for said in ["same-origin", "same-site", "cross-origin"] {
        let edge = edge("", &format!("cross_origin_resource_policy = \"{said}\""));
        assert_eq!([true, false].map(|cookie| policy(&edge, cookie)), [said, said]);
    }
}
