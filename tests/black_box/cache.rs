//! What is kept between requests, seen from both sides: what clients get, and what the origin is
//! asked.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex};

use crate::support::edge::{Edge, NOW, usual_config, with_server};
use crate::support::fake_origin::{Asked, FakeOrigin};
use crate::support::links::{an_hour, signed};
use crate::support::raw_client::{Answer, Connection, PATIENCE, get, request};
use countersign::token::edge_auth::SignRequest;

const CONTENT: &str = "0123456789abcdefghij";

/// What the origin was asked, and gates that the test opens.
#[derive(Clone, Default)]
struct Seen(Arc<(Mutex<Events>, Condvar)>);

#[derive(Default)]
struct Events {
    asked: Vec<String>,
    open: usize,
}

impl Seen {
    /// Notes a question, and tells how many there were of it before.
    fn note(&self, asked: &Asked) -> usize {
        let (events, changed) = &*self.0;
        let mut events = events.lock().unwrap();
        let target = asked.target().to_owned();
        let before = events.asked.iter().filter(|it| **it == target).count();
        events.asked.push(target);
        changed.notify_all();
        before
    }

    /// Questions so far.
    fn count(&self) -> usize {
        self.0.0.lock().unwrap().asked.len()
    }

    /// Waits for so many questions.
    fn wait_for(&self, count: usize) {
        self.wait(|events| events.asked.len() >= count);
    }

    /// Lets one answer go on that waits at the gate.
    fn open(&self) {
        self.0.0.lock().unwrap().open += 1;
        self.0.1.notify_all();
    }

    /// Waits until so many were let go on.
    fn gate(&self, number: usize) {
        self.wait(|events| events.open >= number);
    }

    fn wait(&self, until: impl Fn(&Events) -> bool) {
        let (events, changed) = &*self.0;
        let waited = changed
            .wait_timeout_while(events.lock().unwrap(), PATIENCE, |events| !until(events))
            .unwrap();
        assert!(!waited.1.timed_out(), "waited in vain; asked: {:?}", waited.0.asked);
    }
}

fn whole(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{fields}\r\n{CONTENT}", CONTENT.len())
}

/// An edge before an origin that answers by the last segment of the path.
struct Scene {
    edge: Edge,
    seen: Seen,
    origin: Option<FakeOrigin>,
}

fn scene(access: &str, answer: impl Fn(&Seen, &mut Asked, usize) + Send + Sync + 'static) -> Scene {
    scene_with(access, "", answer)
}

fn scene_with(
    access: &str,
    settings: &str,
    answer: impl Fn(&Seen, &mut Asked, usize) + Send + Sync + 'static,
) -> Scene {
    let seen = Seen::default();
    let noting = seen.clone();
    let origin = FakeOrigin::start(move |asked| {
        let before = noting.note(asked);
        answer(&noting, asked, before);
    });
    let config = usual_config("", "").replacen("workers = 1", "workers = 2", 1);
    let config = with_server(&config, origin.address(), settings, access);
    let edge = Edge::builder(config).start();
    Scene { edge, seen, origin: Some(origin) }
}

impl Scene {
    fn get(&self, path: &str) -> Answer {
        get(self.edge.address(), path)
    }

    fn ask(&self, method: &str, path: &str, fields: &str) -> Answer {
        let mut connection = Connection::open(self.edge.address());
        connection.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let answer = if method == "HEAD" { connection.head_answer() } else { connection.answer() };
        answer.unwrap()
    }

    /// Nobody listens where the origin was.
    fn kill_origin(&mut self) {
        self.origin = None;
    }
}

fn open_connections(edge: &Edge) -> u64 {
    let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
    let line = metrics.lines().find(|line| line.starts_with("countersign_connections{"));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

fn status(answer: &Answer) -> &str {
    answer.header("cache-status").unwrap_or_default()
}

/// Promise 21: the origin answers only when every client has asked.
#[test]
fn a_stampede_asks_the_origin_once() {
    const CLIENTS: usize = 1000;
    let scene = scene("open", |seen, asked, _| {
        seen.gate(1);
        asked.send(whole("Cache-Control: max-age=60\r\n"));
    });
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let mut client = Connection::open(scene.edge.address());
            client.send("GET /http/cold HTTP/1.1\r\nHost: a\r\n\r\n");
            client
        })
        .collect();
    while open_connections(&scene.edge) < CLIENTS as u64 {
        std::thread::yield_now();
    }
    scene.seen.wait_for(1);
    scene.seen.open();
    for client in &mut clients {
        let answer = client.answer().unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, CONTENT.as_bytes()));
    }
    assert_eq!(scene.seen.count(), 1);
    let (_, log) = scene.edge.stop();
    let of = |status: &str| log.iter().filter(|line| line["cache"] == status).count();
    assert_eq!((log.len(), of("miss")), (CLIENTS, 1));
    assert_eq!(of("collapsed") + of("hit"), CLIENTS - 1);
    assert!(of("collapsed") > 0);
}

#[test]
fn a_fill_outlives_the_client_that_began_it() {
    let scene = scene("open", |seen, asked, _| {
        seen.gate(1);
        asked.send(whole("Cache-Control: max-age=60\r\n"));
    });
    let mut first = Connection::open(scene.edge.address());
    first.send("GET /http/a HTTP/1.1\r\nHost: a\r\n\r\n");
    scene.seen.wait_for(1);
    drop(first);
    while open_connections(&scene.edge) > 0 {
        std::thread::yield_now();
    }
    scene.seen.open();
    assert_eq!(scene.get("/http/a").body, CONTENT.as_bytes());
    assert_eq!(scene.seen.count(), 1);
}

/// Promise 19: what is kept stands in for an origin that is gone, where it may.
#[test]
fn an_origin_that_is_gone_is_bridged_with_what_is_stale() {
    let mut scene = scene("open", |_, asked, _| {
        let fields = match asked.target() {
            "/http/strict" => "Cache-Control: max-age=0, must-revalidate\r\nETag: \"a\"\r\n",
            _ => "Cache-Control: max-age=0\r\nETag: \"a\"\r\n",
        };
        asked.send(whole(fields));
    });
    for path in ["/http/a", "/http/strict"] {
        assert_eq!(scene.get(path).status, 200);
    }
    scene.kill_origin();
    for _ in 0..10 {
        let answer = scene.get("/http/a");
        assert_eq!((answer.status, &answer.body[..]), (200, CONTENT.as_bytes()));
        assert!(status(&answer).contains("detail=stale-if-error"), "{}", status(&answer));
        assert!(answer.header("age").is_some());
        // It may not be kept beyond what the origin said.
        assert_eq!(answer.header("cache-control"), Some("public, max-age=0"));
    }
    for path in ["/http/strict", "/http/never-seen"] {
        let answer = scene.get(path);
        assert_eq!((answer.status, answer.code()), (502, Some("origin_unreachable")), "{path}");
    }
}

#[test]
fn an_origin_that_says_it_fails_is_bridged_and_one_that_refuses_is_not() {
    let scene = scene("open", |_, asked, before| {
        let answer = match (asked.target(), before) {
            (_, 0) => whole("Cache-Control: max-age=0\r\nETag: \"a\"\r\n"),
            ("/http/failing", _) => "HTTP/1.1 503 Sorry\r\nContent-Length: 0\r\n\r\n".to_owned(),
            _ => "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        asked.send(answer);
    });
    for (path, second) in [("/http/failing", 200), ("/http/refusing", 502)] {
        assert_eq!(scene.get(path).status, 200);
        assert_eq!(scene.get(path).status, second, "{path}");
    }
}

#[test]
fn what_is_current_is_told_by_a_304_and_serves_anew() {
    let scene = scene("open", |_, asked, _| {
        let answer = match asked.field("if-none-match") {
            Some("\"a\"") => "HTTP/1.1 304 Same\r\nCache-Control: max-age=60\r\n\r\n".to_owned(),
            Some(_) | None => whole("Cache-Control: no-cache\r\nETag: \"a\"\r\n"),
        };
        asked.send(answer);
    });
    let answers = [(); 3].map(|()| scene.get("/http/a"));
    for answer in &answers {
        assert_eq!(answer.body, CONTENT.as_bytes());
        assert_eq!(answer.header("etag"), Some("\"a\""));
    }
    assert_eq!(status(&answers[0]), "countersign; fwd=uri-miss; stored");
    assert!(status(&answers[1]).starts_with("countersign; fwd=stale; fwd-status=304"));
    assert!(status(&answers[2]).starts_with("countersign; hit"), "{}", status(&answers[2]));
    assert_eq!(scene.seen.count(), 2);
}

#[test]
fn parts_conditions_and_heads_are_answered_from_what_is_kept() {
    let scene = scene("open", |_, asked, _| {
        asked.send(whole("Cache-Control: max-age=60\r\nETag: \"a\"\r\n"));
    });
    assert_eq!(scene.get("/http/a").status, 200);
    let part = scene.ask("GET", "/http/a", "Range: bytes=2-4\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &b"234"[..]));
    let parts = scene.ask("GET", "/http/a", "Range: bytes=0-0,5-6\r\n");
    assert_eq!(parts.status, 206);
    assert_eq!(scene.ask("GET", "/http/a", "Range: bytes=99-\r\n").status, 416);
    assert_eq!(scene.ask("GET", "/http/a", "If-None-Match: \"a\"\r\n").status, 304);
    assert_eq!(scene.ask("GET", "/http/a", "If-Match: \"b\"\r\n").status, 412);
    let head = scene.ask("HEAD", "/http/a", "");
    assert_eq!((head.status, head.header("content-length")), (200, Some("20")));
    // A client's wish does not reach the origin.
    assert_eq!(scene.ask("GET", "/http/a", "Cache-Control: no-cache\r\n").status, 200);
    assert_eq!(scene.seen.count(), 1);
}

#[test]
fn a_part_of_what_is_not_kept_has_the_whole_fetched_for_the_next() {
    let scene = scene("open", |_, asked, _| {
        let answer = match asked.field("range") {
            Some("bytes=2-4") => "HTTP/1.1 206 Part\r\nContent-Range: bytes 2-4/20\r\n\
                 Content-Length: 3\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\n\r\n234"
                .to_owned(),
            Some(other) => panic!("{other}"),
            None => whole("Cache-Control: max-age=60\r\nETag: \"a\"\r\n"),
        };
        asked.send(answer);
    });
    let part = scene.ask("GET", "/http/a", "Range: bytes=2-4\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &b"234"[..]));
    scene.seen.wait_for(2);
    for _ in 0..3 {
        assert_eq!(scene.get("/http/a").body, CONTENT.as_bytes());
    }
    assert_eq!(scene.seen.count(), 2);
}

#[test]
fn what_must_not_be_kept_is_asked_for_each_time() {
    let scene = scene("open", |_, asked, _| {
        let answer = match asked.target().rsplit('/').next().unwrap() {
            "no-store" => whole("Cache-Control: max-age=60, no-store\r\n"),
            "private" => whole("Cache-Control: max-age=60, private\r\n"),
            "cookie" => whole("Cache-Control: max-age=60\r\nSet-Cookie: a=b\r\n"),
            "vary" => whole("Cache-Control: max-age=60\r\nVary: *\r\n"),
            "part" => whole("Cache-Control: max-age=60\r\nContent-Range: bytes 0-19/30\r\n"),
            "unstated" => whole(""),
            "edge" => whole("Cache-Control: max-age=60\r\nCDN-Cache-Control: no-store\r\n"),
            "failing" => {
                "HTTP/1.1 500 No\r\nCache-Control: max-age=60\r\nContent-Length: 0\r\n\r\n"
                    .to_owned()
            }
            "missing" => {
                "HTTP/1.1 404 No\r\nCache-Control: no-store\r\nContent-Length: 0\r\n\r\n".to_owned()
            }
            other => panic!("{other}"),
        };
        asked.send(answer);
    });
    let mut asked = 0;
    for (path, expected) in [
        ("no-store", 200),
        ("private", 200),
        ("cookie", 200),
        ("vary", 200),
        ("part", 200),
        ("unstated", 200),
        ("edge", 200),
        ("failing", 502),
        ("missing", 404),
    ] {
        for _ in 0..3 {
            assert_eq!(scene.get(&format!("/http/{path}")).status, expected, "{path}");
            asked += 1;
            assert_eq!(scene.seen.count(), asked, "{path}");
        }
    }
}

/// A body that ends early is nobody's: not kept, and not told as a whole to those who waited.
#[test]
fn half_a_body_is_kept_for_nobody() {
    let scene = scene("open", |_, asked, before| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\nCache-Control: max-age=60\r\n\r\n";
        asked.send(if before == 0 { head.to_owned() + "0123" } else { head.to_owned() + CONTENT });
    });
    let broken = scene.get("/http/a");
    assert_eq!((broken.status, broken.code()), (502, Some("origin_invalid")));
    assert_eq!(scene.get("/http/a").body, CONTENT.as_bytes());
    assert_eq!(scene.get("/http/a").body, CONTENT.as_bytes());
    assert_eq!(scene.seen.count(), 2);
}

/// Large objects are streamed to each, and nobody waits for another's: the first body ends only
/// when the second has been asked for.
#[test]
fn what_is_too_large_holds_nobody_up() {
    const LENGTH: usize = 2 << 20;
    let scene = scene("open", |seen, asked, before| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\nCache-Control: max-age=60\r\n\r\n"
        );
        asked.send(head + &"x".repeat(LENGTH / 2));
        if before == 0 {
            seen.wait_for(2);
        }
        asked.send("x".repeat(LENGTH / 2));
    });
    let mut clients = [(); 2].map(|()| Connection::open(scene.edge.address()));
    for client in &mut clients {
        client.send("GET /http/a HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    for client in &mut clients {
        assert_eq!(client.answer().unwrap().body.len(), LENGTH);
    }
    assert_eq!(scene.seen.count(), 2);
}

/// Chunked, so that only its end tells its size.
#[test]
fn what_grows_too_large_is_streamed_all_the_same() {
    let scene = scene("open", |_, asked, _| {
        asked.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=60\r\n\r\n",
        );
        for _ in 0..40 {
            asked.send(format!("10000\r\n{}\r\n", "x".repeat(0x10000)));
        }
        asked.send("0\r\n\r\n");
    });
    for asked in 1..3 {
        let mut connection = Connection::open(scene.edge.address());
        connection.send("GET /http/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let bytes = connection.rest();
        let body = bytes.split(|byte| *byte == b'x').count() - 1;
        assert!(body >= 40 * 0x10000 && bytes.ends_with(b"\r\n0\r\n\r\n"), "{body}");
        assert_eq!(scene.seen.count(), asked);
    }
}

#[test]
fn a_missing_file_is_believed_to_be_missing_for_a_moment() {
    let scene = scene("open", |_, asked, _| {
        asked.send("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    });
    for _ in 0..3 {
        assert_eq!(scene.get("/http/a").code(), Some("not_found"));
    }
    assert_eq!(scene.seen.count(), 1);
}

#[test]
fn what_is_kept_is_only_for_those_who_may_and_no_longer_than_they_may() {
    let scene = scene("token", |_, asked, _| {
        assert!(!asked.target().contains("token"), "{}", asked.target());
        asked.send(whole("Cache-Control: max-age=600\r\n"));
    });
    let link = |expiry| {
        let token = signed(&SignRequest {
            expiry: countersign::clock::UnixSeconds::new(expiry),
            ..an_hour()
        });
        format!("/http/a?__token__={token}")
    };
    for (expiry, told) in [(NOW + 3600, 600), (NOW + 90, 90)] {
        let answer = scene.get(&link(expiry));
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = format!("private, max-age={told}");
        assert_eq!(answer.header("cache-control"), Some(&*told));
    }
    for (path, code) in [
        ("/http/a".to_owned(), "token_missing"),
        (link(NOW - 1), "token_expired"),
        (link(NOW + 3600).replace("hmac=", "hmac=00"), "token_malformed"),
    ] {
        assert_eq!(scene.get(&path).status, 403, "{code}");
    }
    assert_eq!(scene.seen.count(), 1);
}

#[test]
fn variants_are_kept_apart_and_only_what_is_listed_travels() {
    let settings = "forward_request_headers = [\"accept-language\"]\n\
                    forward_response_headers = [\"x-a\", \"cache-control\"]";
    let scene = scene_with("open", settings, |_, asked, _| {
        assert_eq!((asked.field("cookie"), asked.field("x-b")), (None, None));
        let language = asked.field("accept-language").unwrap_or("none").to_owned();
        let fields = format!(
            "Cache-Control: max-age=60, x=y\r\nVary: Accept-Language, X-B\r\nX-A: {language}\r\n\
             X-C: 1\r\n"
        );
        asked.send(whole(&fields));
    });
    for asked in [1, 2, 3, 3, 3, 3] {
        let language = ["de", "en", "none"][(asked - 1) % 3];
        let language = if scene.seen.count() < 3 { language } else { "en" };
        let field = match language {
            "none" => String::new(),
            language => format!("Accept-Language: {language}\r\n"),
        };
        let answer = scene.ask("GET", "/http/a", &format!("{field}Cookie: a=b\r\nX-B: 1\r\n"));
        assert_eq!(answer.header("x-a"), Some(language));
        assert_eq!(answer.header("x-c"), None);
        assert_eq!(answer.header("vary"), Some("Accept-Language, X-B"));
        assert_eq!(answer.header("cache-control"), Some("max-age=60, x=y"));
        assert_eq!(scene.seen.count(), asked);
    }
}

/// Both at once: nothing is kept of one server for another that has its name, and no memory means
/// that nothing is kept.
#[test]
fn a_reload_forgets_what_was_another_origins() {
    let origin = |text: &'static str| {
        FakeOrigin::start(move |asked| {
            let length = text.len();
            asked.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nCache-Control: max-age=60\r\n\r\n{text}"
            ));
        })
    };
    let (one, other) = (origin("one"), origin("other"));
    let config = |address: SocketAddr, cache: &str| {
        format!("{cache}\n{}", with_server(&usual_config("", ""), address, "", "open"))
    };
    let edge = Edge::builder(config(one.address(), "")).start();
    let body = || String::from_utf8(get(edge.address(), "/http/a").body).unwrap();
    assert_eq!(body(), "one");
    let reload = |config: String| {
        let version = || {
            let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
            let line = metrics.lines().find(|it| it.starts_with("countersign_snapshot_version "));
            line.unwrap().to_owned()
        };
        let before = version();
        std::fs::write(edge.path("new.toml"), config).unwrap();
        std::fs::rename(edge.path("new.toml"), edge.path("countersign.toml")).unwrap();
        while version() == before {
            std::thread::yield_now();
        }
    };
    reload(config(other.address(), ""));
    assert_eq!(body(), "other");
    reload(config(other.address(), "[cache]\nmemory = 0"));
    let answer = request(edge.address(), "GET /http/a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((status(&answer), &answer.body[..]), ("", &b"other"[..]));
    let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
    for (code, count) in [("miss", 2), ("off", 1), ("hit", 0)] {
        let line = format!("countersign_cache_total{{status=\"{code}\"}} {count}");
        assert!(metrics.lines().any(|it| it == line), "{line} in\n{metrics}");
    }
}

/// An origin that takes connections and says nothing holds those up who wait for it, and none of
/// those who ask for what is kept.
#[test]
fn what_is_fresh_needs_no_origin() {
    let mut scene = scene("open", |_, asked, _| {
        asked.send(whole("Cache-Control: max-age=60\r\n"));
    });
    assert_eq!(scene.get("/http/a").status, 200);
    let address = scene.origin.as_ref().unwrap().address();
    scene.kill_origin();
    let _silent = TcpListener::bind(address);
    for _ in 0..3 {
        assert_eq!(scene.get("/http/a").status, 200);
    }
}
