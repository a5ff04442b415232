//! The HTTP origin against honest and hostile servers.

use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt;

use super::super::conformance::{self, NOW, Subject, objects, read};
use super::super::*;
use super::scripted::{Event, Ranges, Server, Then, honest, script};
use ::http::HeaderMap;

use crate::asset::OriginKey;

pub(super) fn config(server: &Server) -> HttpConfig {
    HttpConfig::new(format!("http://{}", server.address).parse().unwrap())
}

pub(super) fn open(config: HttpConfig) -> HttpOrigin {
    match Origin::open(Config { name: "upstream".into(), kind: Kind::Http(config) }).unwrap() {
        Origin::Http(http) => http,
        Origin::Disk(_) | Origin::ObjectStore(_) => panic!("asked for another"),
    }
}

pub(super) fn subject(origin: &HttpOrigin) -> Subject {
    Subject { origin: Origin::Http(origin.clone()), key: |name| OriginKey::Object(name.into()) }
}

async fn ask(
    origin: &HttpOrigin,
    method: AskMethod,
    ranges: &[RangeSpec],
    conditions: Conditions,
) -> Result<Answer, OriginError> {
    let key = OriginKey::Target("/x".into());
    origin
        .ask(Ask {
            key: &key,
            method,
            ranges,
            conditions: &conditions,
            forwarded: &HeaderMap::new(),
            now: NOW,
        })
        .await
}

pub(super) async fn get(origin: &HttpOrigin, ranges: &[RangeSpec]) -> Result<Answer, OriginError> {
    ask(origin, AskMethod::Get, ranges, Conditions::default()).await
}

pub(super) async fn find(origin: &HttpOrigin, ranges: &[RangeSpec]) -> Object {
    match get(origin, ranges).await.unwrap() {
        Answer::Found(object) => object,
        answer @ (Answer::Described(_) | Answer::NotFound(_) | Answer::NotModified(_)) => {
            panic!("{answer:?}")
        }
    }
}

fn spans(ranges: &[(u64, u64)]) -> Spans {
    Spans::coalesce(ranges.iter().map(|&(first, last)| ByteRange::new(first, last).unwrap()))
        .unwrap()
}

pub(super) fn fault<T: std::fmt::Debug>(result: Result<T, OriginError>) -> OriginFault {
    result.unwrap_err().fault()
}

/// Waits until the connection of an answer that was read is back in the pool.
pub(super) async fn until_idle(origin: &HttpOrigin, connections: usize) {
    while origin.idle_connections() != connections {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn conforms() {
    let mut server = Server::start_with(honest(objects(), Ranges::Honoured), None).await;
    let origin = open(config(&server));
    conformance::behaves(&subject(&origin)).await;
    // A reader that left costs its connection; nothing else does.
    let asked = server.requests().len();
    assert!(server.connections() < asked, "{} for {asked}", server.connections());
}

#[tokio::test]
async fn conforms_where_the_server_ignores_ranges() {
    let server = Server::start_with(honest(objects(), Ranges::Ignored), None).await;
    conformance::behaves(&subject(&open(config(&server)))).await;
}

#[tokio::test]
async fn requests_are_built_new_and_say_only_what_is_meant() {
    let mut server =
        Server::start_with(honest(vec![("x", "0123456789".into())], Ranges::Honoured), None).await;
    let origin = open(config(&server));
    let conditions = Conditions {
        if_none_match: Some(TagMatch::parse("\"a\", W/\"b\"")),
        if_range: Some(IfRange::Tag(EntityTag::parse("\"v0\"").unwrap())),
        ..Conditions::default()
    };
    let ranges = [RangeSpec::FromTo(2, 3), RangeSpec::Last(1)];
    let answer = ask(&origin, AskMethod::Get, &ranges, conditions).await.unwrap();
    let Answer::Found(object) = answer else { panic!("{answer:?}") };
    assert_eq!(read(object.into_spans(&spans(&[(2, 3), (9, 9)]))).await, "239");
    let address = server.address;
    let requests: Vec<Vec<String>> = server
        .requests()
        .iter()
        .map(|head| {
            let mut lines: Vec<String> = head.trim_end().split("\r\n").map(str::to_owned).collect();
            lines[1..].sort();
            lines
        })
        .collect();
    let capability = "surrogate-capability: countersign=\"Surrogate/1.0\"".to_owned();
    assert_eq!(
        requests,
        [
            vec![
                "GET /x HTTP/1.1".to_owned(),
                "accept-encoding: identity".to_owned(),
                format!("host: {address}"),
                "if-none-match: \"a\", W/\"b\"".to_owned(),
                "if-range: \"v0\"".to_owned(),
                "range: bytes=2-3".to_owned(),
                capability.clone(),
            ],
            vec![
                "GET /x HTTP/1.1".to_owned(),
                "accept-encoding: identity".to_owned(),
                format!("host: {address}"),
                "if-match: \"v0\"".to_owned(),
                "range: bytes=9-9".to_owned(),
                capability,
            ],
        ]
    );
}

#[tokio::test]
async fn not_modified_is_believed_only_where_it_was_asked_for() {
    let server = Server::start_with(honest(vec![("x", "0".into())], Ranges::Honoured), None).await;
    let origin = open(config(&server));
    let known =
        Conditions { if_none_match: Some(TagMatch::parse("\"v0\"")), ..Conditions::default() };
    let answer = ask(&origin, AskMethod::Get, &[], known).await.unwrap();
    let Answer::NotModified(fresh) = answer else { panic!("{answer:?}") };
    let validators = fresh.validators;
    assert_eq!(validators.etag.unwrap().to_string(), "\"v0\"");
    let server =
        Server::start(|_, _| script("HTTP/1.1 304 Not Modified\r\n\r\n", Then::KeepOpen)).await;
    let origin = open(config(&server));
    assert_eq!(fault(get(&origin, &[]).await), OriginFault::StatusUnexpected);
}

#[tokio::test]
async fn a_refused_range_still_tells_the_length_and_gives_other_ranges() {
    let content = vec![("x", "0123456789".into())];
    let mut server = Server::start_with(honest(content, Ranges::Honoured), None).await;
    let object =
        subject(&open(config(&server))).find("x", &[RangeSpec::From(10), RangeSpec::Last(2)]).await;
    assert_eq!(object.meta().complete_length, Some(10));
    assert_eq!(object.meta().validators.etag.as_ref().unwrap().to_string(), "\"v0\"");
    assert_eq!(read(object.into_spans(&spans(&[(8, 9)]))).await, "89");
    let methods: Vec<String> =
        server.requests().iter().map(|head| head.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(methods, ["GET", "HEAD", "GET"]);
}

pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_server_that_was_down_is_asked_again() {
    let server = Server::start(|asked, _| match asked {
        1 => script("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", Then::KeepOpen),
        _ => script(ok("good"), Then::KeepOpen),
    })
    .await;
    let origin = open(config(&server));
    assert_eq!(fault(get(&origin, &[]).await), OriginFault::ServerFailed);
    assert_eq!(read(find(&origin, &[]).await.into_whole()).await, "good");
}

#[tokio::test]
async fn heads_that_cannot_be_believed() {
    use OriginFault as F;

    let range = [RangeSpec::FromTo(0, 3)];
    let none: [RangeSpec; 0] = [];
    let partial = |line: &str| format!("HTTP/1.1 206 Partial Content\r\n{line}\r\n\r\n0123");
    let oversized = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let endless = "HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".repeat(3_000);
    let cases: Vec<(String, &[RangeSpec], OriginFault)> = vec![
        ("HTTP/1.1 302 Found\r\nLocation: /y\r\n\r\n".into(), &none, F::StatusUnexpected),
        ("HTTP/1.1 403 Forbidden\r\n\r\n".into(), &none, F::StatusUnexpected),
        ("HTTP/1.1 204 No Content\r\n\r\n".into(), &none, F::StatusUnexpected),
        ("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n".into(), &none, F::StatusUnexpected),
        ("HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n".into(), &none, F::StatusUnexpected),
        (partial("Content-Length: 4\r\nContent-Range: bytes 0-3/9"), &none, F::StatusUnexpected),
        (partial("Content-Length: 4"), &range, F::ContentRangeWrong),
        (partial("Content-Length: 4\r\nContent-Range: bytes 1-4/9"), &range, F::ContentRangeWrong),
        (partial("Content-Length: 4\r\nContent-Range: bytes 0-3/*"), &range, F::ContentRangeWrong),
        (partial("Content-Length: 4\r\nContent-Range: bytes 0-3/3"), &range, F::ContentRangeWrong),
        (partial("Content-Length: 3\r\nContent-Range: bytes 0-3/9"), &range, F::ContentRangeWrong),
        (partial("Content-Type: multipart/byteranges; boundary=x"), &range, F::ContentRangeWrong),
        ("HTTP/1.1 200 OK\r\n\r\n0123".into(), &none, F::FramingUnbounded),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n0".into(), &none, F::FramingUnbounded),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n".into(), &none, F::HeadMalformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4, 4\r\n\r\n0123".into(), &none, F::HeadMalformed),
        ("HTTP/1.1 200 OK\nContent-Length: 4\n\n0123".into(), &none, F::HeadMalformed),
        (
            "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 4\r\n\r\n0123".into(),
            &none,
            F::HeadMalformed,
        ),
        (
            "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 4\r\n\r\n0123".into(),
            &none,
            F::HeadMalformed,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .into(),
            &none,
            F::HeadMalformed,
        ),
        (
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(),
            &none,
            F::HeadMalformed,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".into(),
            &none,
            F::FramingUnbounded,
        ),
        (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n".into(),
            &none,
            F::StatusUnexpected,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".into(),
            &none,
            F::HeadMalformed,
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n".into(), &none, F::HeadMalformed),
        (oversized, &none, F::HeadMalformed),
        (endless, &none, F::HeadMalformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n".into(), &none, F::HeadTimedOut),
    ];
    for (answer, ranges, expected) in cases {
        let shown: String = answer.chars().take(90).collect();
        let server = Server::start(move |_, _| script(answer.clone(), Then::Stall)).await;
        let mut config = config(&server);
        if expected == F::HeadTimedOut {
            config.header_timeout = Duration::from_millis(300);
        }
        let origin = open(config);
        assert_eq!(fault(get(&origin, ranges).await), expected, "{shown}");
        assert_eq!(origin.idle_connections(), 0, "{shown}");
    }
}

#[tokio::test]
async fn bodies_that_break_off() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n";
    let part = "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/10\r\n\r\n0123";
    let bad_chunk = format!("{chunked}zz\r\n");
    for (answer, then, ranges) in [
        (head, Then::Close, &[] as &[RangeSpec]),
        (head, Then::Reset, &[]),
        (head, Then::Stall, &[]),
        (chunked, Then::Close, &[]),
        (chunked, Then::Stall, &[]),
        (&bad_chunk, Then::Stall, &[]),
        (part, Then::Close, &[RangeSpec::From(0)]),
    ] {
        let expected = match then {
            Then::Stall if answer != bad_chunk => OriginFault::BodyStalled,
            Then::Close | Then::Endless | Then::KeepOpen | Then::Reset | Then::Stall => {
                OriginFault::BodyBroken
            }
        };
        let answer = answer.to_owned();
        let server = Server::start(move |_, _| script(answer.clone(), then)).await;
        let mut config = config(&server);
        if expected == OriginFault::BodyStalled {
            config.idle_timeout = Duration::from_millis(100);
        }
        let origin = open(config);
        let error = find(&origin, ranges).await.into_whole().collect().await.unwrap_err();
        assert_eq!(error.fault(), expected, "{then:?}");
        assert_eq!(origin.idle_connections(), 0);
    }
}

#[tokio::test]
async fn an_unstated_length_is_passed_on_to_its_end() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n0\r\n\r\n";
    let mut server = Server::start(move |_, _| script(chunked, Then::KeepOpen)).await;
    let origin = open(config(&server));
    for _ in 0..3 {
        let object = find(&origin, &[RangeSpec::FromTo(0, 1)]).await;
        assert_eq!(object.meta().complete_length, None);
        assert_eq!(object.divisibility(), Divisibility::Whole);
        assert_eq!(read(object.into_whole()).await, "0123");
        until_idle(&origin, 1).await;
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn parts_of_two_versions_are_never_joined() {
    let part = |etag: &str, range: &str, body: &str| {
        format!(
            "HTTP/1.1 206 Partial Content\r\n{etag}Content-Range: bytes {range}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let cases = [
        ("ETag: \"a\"\r\n", "ETag: \"b\"\r\n", "10"),
        ("ETag: \"a\"\r\n", "ETag: W/\"a\"\r\n", "10"),
        ("ETag: \"a\"\r\n", "", "10"),
        ("ETag: \"a\"\r\n", "ETag: \"a\"\r\n", "11"),
        (
            "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            "Last-Modified: Sun, 06 Nov 1994 08:49:38 GMT\r\n",
            "10",
        ),
    ];
    for (first, second, length) in cases {
        let first = part(first, "0-1/10", "01");
        let second = part(second, &format!("8-9/{length}"), "89");
        let server = Server::start(move |asked, _| {
            script(if asked == 1 { &*first } else { &*second }, Then::KeepOpen)
        })
        .await;
        let origin = open(config(&server));
        let object = find(&origin, &[RangeSpec::FromTo(0, 1), RangeSpec::FromTo(8, 9)]).await;
        assert_eq!(object.divisibility(), Divisibility::Spans);
        let mut body = object.into_spans(&spans(&[(0, 1), (8, 9)]));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "01");
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.fault(), OriginFault::Changed);
    }
    // Without any validator there is no telling, so there are no two parts.
    let only = part("", "0-1/10", "01");
    let server = Server::start(move |_, _| script(only.clone(), Then::KeepOpen)).await;
    let object = find(&open(config(&server)), &[RangeSpec::FromTo(0, 1)]).await;
    assert_eq!(object.divisibility(), Divisibility::OneSpan);
    assert_eq!(read(object.into_spans(&spans(&[(0, 1)]))).await, "01");
}

/// Issue 2, point 5: a client that goes away stops the origin read.
#[tokio::test]
async fn a_dropped_body_stops_the_origin() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 8589934592\r\n\r\n";
    let mut server = Server::start(move |_, _| script(head, Then::Endless)).await;
    let origin = open(config(&server));
    let mut body = find(&origin, &[]).await.into_whole();
    body.frame().await.unwrap().unwrap();
    // A reader that stops makes the origin stop, at no more than what sockets hold.
    let full = server.wait_for(|event| matches!(event, Event::Full(_))).await;
    let Event::Full(written) = full else { panic!("{full:?}") };
    assert!(written <= 16 * 1024 * 1024, "{written}");
    drop(body);
    server.wait_for(|event| *event == Event::Gone(1)).await;
    assert_eq!(origin.idle_connections(), 0);
}

#[tokio::test]
async fn a_range_out_of_an_endless_answer_stops_at_its_end() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 8589934592\r\n\r\n";
    let mut server = Server::start(move |_, _| script(head, Then::Endless)).await;
    let origin = open(config(&server));
    let object = find(&origin, &[RangeSpec::FromTo(100_000, 100_009)]).await;
    let body = object.into_spans(&spans(&[(100_000, 100_009), (200_000, 200_000)]));
    assert_eq!(body.size_hint().exact(), Some(11));
    assert_eq!(read(body).await, "xxxxxxxxxxx");
    server.wait_for(|event| *event == Event::Gone(1)).await;
    assert_eq!(server.connections(), 1);
}

/// The watch on a body runs while somebody waits for it, not while nobody does.
#[tokio::test]
async fn a_slow_reader_is_no_stalled_origin() {
    let server = Server::start_with(honest(objects(), Ranges::Honoured), None).await;
    let origin = open(config(&server));
    let (name, content) = &objects()[2];
    let mut body = subject(&origin).find(name, &[]).await.into_whole();
    let mut read = body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    tokio::time::pause();
    tokio::time::advance(Duration::from_hours(1)).await;
    tokio::time::resume();
    while let Some(frame) = body.frame().await {
        read += frame.unwrap().into_data().unwrap().len();
    }
    assert_eq!(read, content.len());
}

#[tokio::test]
async fn a_server_that_is_not_there_or_says_nothing() {
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let origin = open(HttpConfig::new(format!("http://{address}").parse().unwrap()));
    let error = get(&origin, &[]).await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::ConnectFailed);
    assert_eq!(error.kind().code(), "origin_unreachable");

    let mut server = Server::start(|_, _| script("", Then::Stall)).await;
    let mut config = config(&server);
    config.header_timeout = Duration::from_millis(100);
    let error = get(&open(config), &[]).await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::HeadTimedOut);
    assert_eq!(error.kind().code(), "origin_timeout");
    server.wait_for(|event| *event == Event::Gone(1)).await;
}

#[tokio::test]
async fn what_no_url_can_name_is_not_there() {
    let mut server = Server::start(|_, _| script(ok("good"), Then::KeepOpen)).await;
    let origin = open(config(&server));
    for key in [OriginKey::Object("../x".into()), OriginKey::Target("/a#b".into())] {
        let conditions = Conditions::default();
        let ask = Ask {
            key: &key,
            method: AskMethod::Get,
            ranges: &[],
            conditions: &conditions,
            forwarded: &HeaderMap::new(),
            now: NOW,
        };
        assert!(matches!(origin.ask(ask).await.unwrap(), Answer::NotFound(_)));
    }
    assert_eq!(server.connections(), 0);
}
