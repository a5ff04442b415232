//! Links that nobody signed, in every carrier.

use countersign::clock::UnixSeconds;
use countersign::token::edge_auth::{SignRequest, SignScope};

use crate::support::chance::Chance;
use crate::support::edge::{Edge, NOW, SECRET, usual_config};
use crate::support::links::{an_hour, signed, token};
use crate::support::raw_client::{Connection, get, request};

/// Changed links, sent over connections that are kept.
const FORGERIES: usize = 20_000;

/// Requests sent before their answers are read.
const AT_ONCE: usize = 40;

/// What a change writes: nothing that ends a token in its carrier, and no percent sign, which could
/// spell the same token in another way.
const LETTERS: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ~!*=.-_:@$'()";

fn edge() -> Edge {
    Edge::builder(usual_config("", "")).file("media/vod/a/b.txt", "signed file\n").start()
}

/// The token with one thing changed that the signature is to notice.
fn changed(token: &str, chance: &mut Chance) -> String {
    loop {
        let mut text = token.as_bytes().to_vec();
        let at = chance.below(text.len());
        match chance.below(7) {
            0 | 1 => text[at] = chance.pick(LETTERS),
            2 => text.insert(at, chance.pick(LETTERS)),
            3 => drop(text.remove(at)),
            4 => text.truncate(at),
            5 => {
                let other = chance.below(text.len());
                text.swap(at, other);
            }
            _ => {
                // A whole field gone, doubled, or with another value.
                let text_now = String::from_utf8(text.clone()).unwrap();
                let mut fields: Vec<String> = text_now.split('~').map(str::to_owned).collect();
                let at = chance.below(fields.len());
                match chance.below(4) {
                    0 => drop(fields.remove(at)),
                    1 => fields.insert(at, fields[at].clone()),
                    2 => fields[at].push('0'),
                    _ => fields.swap(at, 0),
                }
                text = fields.join("~").into_bytes();
            }
        }
        let text = String::from_utf8(text).unwrap();
        // The digits of a signature are the same in either case.
        if text != token && !text.eq_ignore_ascii_case(token) {
            return text;
        }
    }
}

/// As a segment holds it.
fn in_path(token: &str) -> String {
    token.replace('/', "%2F")
}

/// A request with this token in one of the places that a token may be in.
fn carried(token: &str, chance: &mut Chance) -> String {
    let (target, field) = match chance.below(5) {
        0 => (format!("/vod/a/b.txt?__token__={token}"), String::new()),
        1 => (format!("/vod/a/b.txt?x=1&__token__={token}&y=2"), String::new()),
        2 => ("/vod/a/b.txt".to_owned(), format!("__token__: {token}\r\n")),
        3 => ("/vod/a/b.txt".to_owned(), format!("Cookie: a=b; __token__={token}; c=d\r\n")),
        // A slash would end the segment.
        _ => (format!("/vod/__token__={}/a/b.txt", in_path(token)), String::new()),
    };
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n")
}

#[test]
fn of_twenty_thousand_changed_links_none_opens() {
    let edge = edge();
    let mut chance = Chance(16);
    let good = [
        token("/vod/*"),
        signed(&SignRequest { scope: SignScope::Acl(&["/vod/a/*", "/x/*"]), ..an_hour() }),
        signed(&SignRequest { scope: SignScope::Url("/vod/a/b.txt"), ..an_hour() }),
        signed(&SignRequest {
            start: Some(UnixSeconds::new(NOW - 1)),
            ip: Some("127.0.0.1/32".parse().unwrap()),
            id: Some("lnk_1"),
            payload: Some("payload"),
            ..an_hour()
        }),
    ];
    let good = good.each_ref().map(String::as_str);
    let mut opened = 0;
    for _ in 0..FORGERIES / AT_ONCE / 10 {
        let mut connection = Connection::open(edge.address());
        for _ in 0..10 {
            let real = carried(chance.pick(&good), &mut chance);
            let mut heads = real.clone();
            let mut sent = Vec::new();
            for _ in 0..AT_ONCE {
                let forged = changed(chance.pick(&good), &mut chance);
                let head = carried(&forged, &mut chance);
                heads.push_str(&head);
                sent.push(head);
            }
            connection.send(heads);
            let answer = connection.answer().expect("closed");
            assert_eq!((answer.status, &*answer.body), (200, &b"signed file\n"[..]), "{real}");
            opened += 1;
            for head in sent {
                let answer = connection.answer().unwrap_or_else(|| panic!("closed on {head}"));
                assert!(matches!(answer.status, 400 | 403 | 404), "{} for {head}", answer.status);
                assert!(answer.code().is_some(), "{head}");
            }
        }
    }
    assert_eq!(opened * AT_ONCE, FORGERIES);
}

#[test]
fn each_way_in_which_a_token_fails_has_its_code() {
    let edge = Edge::builder(
        usual_config("revocations = [\"revoked.txt\"]", "")
            .replace("keys = [", "max_lifetime = \"2h\"\n  keys = ["),
    )
    .file("media/vod/a/b.txt", "signed file\n")
    .file("revoked.txt", "lnk_dead\n")
    .start();
    let ask = |token: &str| {
        let answer = get(edge.address(), &format!("/vod/a/b.txt?__token__={token}"));
        assert_ne!(answer.body, b"signed file\n");
        (answer.status, answer.code().unwrap().to_owned())
    };
    let at = UnixSeconds::new;
    let good = token("/vod/*");
    let cases = [
        (good.replace("acl=/vod/*", "acl=/*"), "token_signature"),
        (good.replace('~', "&"), "token_malformed"),
        ("exp=never".to_owned(), "token_malformed"),
        (good.replace("~hmac=", "~mac="), "token_malformed"),
        (format!("{good}&__token__={}", token("/*")), "token_ambiguous"),
        (signed(&SignRequest { expiry: at(NOW - 1), ..an_hour() }), "token_expired"),
        (signed(&SignRequest { start: Some(at(NOW + 1)), ..an_hour() }), "token_not_yet_valid"),
        (signed(&SignRequest { expiry: at(NOW + 7201), ..an_hour() }), "token_lifetime"),
        (token("/elsewhere/*"), "token_scope"),
        (
            signed(&SignRequest { ip: Some("192.0.2.1/32".parse().unwrap()), ..an_hour() }),
            "token_ip",
        ),
        (signed(&SignRequest { id: Some("lnk_dead"), ..an_hour() }), "token_revoked"),
    ];
    for (token, code) in cases {
        assert_eq!(ask(&token), (403, code.to_owned()), "{token}");
    }
    assert_eq!(get(edge.address(), "/vod/a/b.txt").code(), Some("token_missing"));
    let answer = get(edge.address(), &format!("/vod/a/b.txt?__token__={good}"));
    assert_eq!(answer.body, b"signed file\n");
}

#[test]
fn a_token_in_any_carrier_and_spelling_opens_and_two_do_not() {
    let edge = edge();
    let at = edge.address();
    let good = token("/vod/*");
    let encoded =
        good.replace('~', "%7E").replace('=', "%3d").replace('/', "%2F").replace('*', "%2a");
    let in_path = in_path(&good);
    let other = token("/vod/a/*");
    let head = |target: &str, fields: &str| {
        let text = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let answer = request(at, &text);
        (answer.status, answer.code().unwrap_or("ok").to_owned())
    };
    for (target, fields) in [
        (format!("/vod/a/b.txt?__token__={good}"), String::new()),
        (format!("/vod/a/b.txt?__token__={encoded}"), String::new()),
        (format!("/vod/a/b.txt?%5f_token__={encoded}"), String::new()),
        (format!("/__token__={in_path}/vod/a/b.txt"), String::new()),
        (format!("/vod/__token__={in_path}/a/b.txt"), String::new()),
        (format!("/vod/a/__token__={encoded}/b.txt"), String::new()),
        (format!("/vod/a/%5F_token__={encoded}/b.txt"), String::new()),
        ("/vod/a/b.txt".to_owned(), format!("__TOKEN__: {good}\r\n")),
        ("/vod/a/b.txt".to_owned(), format!("__token__: {encoded}\r\n")),
        ("/vod/a/b.txt".to_owned(), format!("Cookie: __token__={good}\r\n")),
        ("/vod/a/b.txt".to_owned(), format!("Cookie: x=y\r\nCookie: __token__=\"{good}\"\r\n")),
        (
            "/vod/a/b.txt".to_owned(),
            format!("Cookie: {}__token__={good}\r\n", "__token__=x; ".repeat(3)),
        ),
        (format!("/vod/a/b.txt?__token__={good}"), format!("__token__: {encoded}\r\n")),
    ] {
        assert_eq!(head(&target, &fields), (200, "ok".to_owned()), "{target} {fields}");
    }
    for (target, fields, status, code) in [
        (
            format!("/vod/a/b.txt?__token__={good}&__token__={other}"),
            String::new(),
            403,
            "token_ambiguous",
        ),
        (
            format!("/vod/a/b.txt?__token__={good}"),
            format!("__token__: {other}\r\n"),
            403,
            "token_ambiguous",
        ),
        (
            format!("/vod/__token__={in_path}/a/b.txt?__token__={other}"),
            String::new(),
            403,
            "token_ambiguous",
        ),
        (
            format!("/vod/__token__={in_path}/__token__={in_path}/a/b.txt"),
            String::new(),
            400,
            "target_ambiguous",
        ),
        (
            "/vod/a/b.txt".to_owned(),
            format!("Cookie: {}__token__={good}\r\n", "__token__=x; ".repeat(4)),
            403,
            "token_malformed",
        ),
        (
            "/vod/a/b.txt".to_owned(),
            format!("Authorization: Bearer {good}\r\n"),
            403,
            "token_missing",
        ),
        (format!("/vod/a/b.txt?token={good}"), String::new(), 403, "token_missing"),
        // Decoded once, never twice.
        (
            format!("/vod/a/b.txt?__token__={}", encoded.replace('%', "%25")),
            String::new(),
            403,
            "token_malformed",
        ),
    ] {
        assert_eq!(head(&target, &fields), (status, code.to_owned()), "{target} {fields}");
    }
}

/// Wherever a client puts a secret, the log does not show it: the edge's own check at its end.
#[test]
fn secrets_in_any_place_stay_out_of_the_log() {
    let edge = edge();
    let good = token("/vod/*");
    let encoded = good.replace('~', "%7E").replace('=', "%3D");
    for target in [
        format!("/vod/a/b.txt?__token__={good}&x={SECRET}"),
        format!("/vod/a/b.txt?__token__%3D{encoded}"),
        format!("/vod/a/b.txt?{encoded}"),
        format!("/vod/a/b.txt?{good}"),
        format!("/vod/%5F_token__={encoded}/a/b.txt"),
        // Unencoded, its slashes end the segment, and the rest looks like a path.
        format!("/vod/__token__={good}/a/b.txt"),
        format!("/vod/{good}/a/b.txt"),
        format!("/vod/a/b.txt?x={SECRET}&x={SECRET}"),
    ] {
        for fields in [
            format!("Cookie: session={SECRET}\r\n"),
            format!("Authorization: Basic {SECRET}\r\n"),
            format!("Referer: https://{SECRET}:{SECRET}@a.example/{SECRET}?__token__={good}\r\n"),
            format!("__token__: {SECRET}\r\n"),
        ] {
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
            assert!(request(edge.address(), &head).status < 500);
        }
    }
    let (_, log) = edge.stop();
    assert_eq!(log.len(), 32);
    assert_eq!(log[0]["parameters"], serde_json::json!(["__token__", "x"]));
}
