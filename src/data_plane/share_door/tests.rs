//! The door with a desk of its own behind it, on pipes and with the clock stopped.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, COOKIE, ETAG, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prometheus::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout};

use super::{DeskAway, DeskBody, ShareDesk, ShareDoor};
use crate::asset::TenantId;
use crate::clock::{Clock, UnixSeconds};
use crate::data_plane::{
    ConnectionMetrics, EdgeState, ForwardedHeader, Metrics, Pipeline, Protocol, Reasons, Settings,
    drain, serve_apart,
};
use crate::delivery::DeliveryDesk;
use crate::network::{NetworkSet, parse_network};
use crate::policy::{
    AntiFraudUse, AssetRules, AssetSource, BlocklistBuilder, CacheRules, CatalogRules,
    EdgeSnapshot, HostPattern, KeyTemplate, OriginName, OverrideTable, Revocations, Site,
    SiteTable, SnapshotPublisher,
};
use crate::telemetry::{LineSink, LineWriter};
use crate::visitor::Visitor;

const CLIENT: &str = "192.0.2.1:9";
const PROXY: &str = "198.51.100.1:9";
const BLOCKED: &str = "203.0.113.66:9";
/// What no line may have.
const ADDRESS: &str = "Zm9yIG5vYm9keSBlbHNlIQ";

/// Answers by the last segment.
#[derive(Clone, Default)]
struct Desk(Arc<Behind>);

struct Behind {
    asked: Mutex<Vec<Request<Bytes>>>,
    /// A permit for each request that was given up.
    given_up: Semaphore,
    /// A permit for each request to `hang` that has come.
    hanging: Semaphore,
    /// What `stream` answers with.
    pieces: Mutex<Option<mpsc::Receiver<Piece>>>,
}

type Broken = Box<dyn std::error::Error + Send + Sync>;
type Piece = Result<Frame<Bytes>, Broken>;

impl Default for Behind {
    fn default() -> Self {
        let (given_up, hanging) = (Semaphore::new(0), Semaphore::new(0));
        Self { asked: Mutex::default(), given_up, hanging, pieces: Mutex::default() }
    }
}

/// Says that nobody waits any more, unless it is told that all is well.
struct Guard(Option<Arc<Behind>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(behind) = &self.0 {
            behind.given_up.add_permits(1);
        }
    }
}

impl ShareDesk for Desk {
    async fn answer(&self, request: Request<Bytes>) -> Result<Response<DeskBody>, DeskAway> {
        let mut guard = Guard(Some(Arc::clone(&self.0)));
        let path = request.uri().path().to_owned();
        self.0.asked.lock().unwrap().push(request);
        let whole = |text: &'static str| Full::from(text).map_err(|it| match it {}).boxed_unsync();
        let mut response = Response::new(whole("hello"));
        match path.rsplit('/').next().unwrap() {
            "away" => return Err(DeskAway("nobody is there".into())),
            "hang" => {
                self.0.hanging.add_permits(1);
                std::future::pending::<()>().await;
            }
            "panic" => panic!("a desk that panics, on purpose"),
            "same" => {
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                *response.body_mut() = Empty::new().map_err(|it| match it {}).boxed_unsync();
            }
            "stream" => {
                let mut pieces = self.0.pieces.lock().unwrap().take().unwrap();
                let guard = Guard(guard.0.take());
                let stream = async_stream(move |cx| {
                    let _ = &guard;
                    pieces.poll_recv(cx)
                });
                *response.body_mut() = StreamBody::new(stream).boxed_unsync();
            }
            "switch" => *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS,
            _ => {}
        }
        let headers = response.headers_mut();
        headers.insert(ETAG, HeaderValue::from_static("\"5\""));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        headers.append(SET_COOKIE, HeaderValue::from_static("a=1"));
        headers.append(SET_COOKIE, HeaderValue::from_static("b=2"));
        headers.insert("connection", HeaderValue::from_static("x-hop"));
        headers.insert("x-hop", HeaderValue::from_static("1"));
        guard.0 = None;
        Ok(response)
    }
}

/// A stream of what is polled.
fn async_stream<F>(poll: F) -> impl futures_core::Stream<Item = Piece>
where
    F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<Piece>> + Unpin,
{
    struct Polled<F>(F);
    impl<F> futures_core::Stream for Polled<F>
    where
        F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<Piece>> + Unpin,
    {
        type Item = Piece;

        fn poll_next(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Piece>> {
            (self.0)(cx)
        }
    }
    Polled(poll)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An edge with a site that has shares, and one that has none.
struct House {
    desk: Desk,
    pipeline: Arc<Pipeline>,
    lines: Lines,
    sink: LineSink,
}

fn site(name: &str, assets: AssetSource) -> (Vec<HostPattern>, Site) {
    let site = Site {
        name: name.into(),
        tenant: TenantId(7),
        anti_fraud: AntiFraudUse::Asked,
        cors: None,
        public_url: None,
        resource_policy: None,
        assets: Some(assets),
        token: None,
        routes: Vec::new(),
    };
    (vec![HostPattern::parse(name).unwrap()], site)
}

fn state() -> EdgeState {
    let mut blocked = BlocklistBuilder::new();
    blocked.add_text("test", b"203.0.113.66\n");
    let origin = OriginName::new("media");
    let template = AssetRules {
        origin: origin.clone(),
        key: KeyTemplate::parse("{path}").unwrap(),
        cache: CacheRules::Off,
    };
    let catalog = CatalogRules::new([(origin, CacheRules::Off)]);
    let sites = vec![
        site("a.example", AssetSource::Catalog(catalog)),
        site("plain.example", AssetSource::Template(template)),
    ];
    let policy = EdgeSnapshot {
        version: 1,
        published: UnixSeconds::new(1),
        sites: Arc::new(SiteTable::new(sites)),
        overrides: Arc::new(OverrideTable::default()),
        blocklist: Arc::new(blocked.build().unwrap()),
        revocations: Arc::new(Revocations::default()),
        anti_fraud: Arc::default(),
        control: None,
    };
    let settings = Settings {
        reasons: Reasons::Exposed,
        trusted_proxies: NetworkSet::new(vec![parse_network("198.51.100.0/24").unwrap()]),
        forwarded_header: ForwardedHeader::XForwardedFor,
        ..Settings::default()
    };
    let (delivery, settings) = (Arc::new(DeliveryDesk::default()), Arc::new(settings));
    EdgeState { policy, delivery, cache: None, settings }
}

impl House {
    fn new() -> Self {
        let publisher = SnapshotPublisher::new();
        publisher.publish(Arc::new(state()));
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let lines = Lines::default();
        let (log, sink) =
            LineWriter::start(lines.clone(), metrics.log_lines_dropped.clone()).unwrap();
        let desk = Desk::default();
        let clock = Clock::Fixed(UnixSeconds::new(1_893_456_000));
        let door = ShareDoor::new(desk.clone(), Handle::current());
        let pipeline = Pipeline::new(publisher.reader(), clock, metrics, log);
        let pipeline = Arc::new(pipeline.with_shares(Some(door)));
        Self { desk, pipeline, lines, sink }
    }

    fn connect(&self, from: &str, protocol: Protocol) -> DuplexStream {
        let (near, far) = tokio::io::duplex(1 << 16);
        let from: SocketAddr = from.parse().unwrap();
        let (pipeline, metrics) =
            (Arc::clone(&self.pipeline), Arc::new(ConnectionMetrics::new([from].into_iter())));
        let (trigger, signal) = drain();
        tokio::spawn(async move {
            serve_apart(pipeline, metrics, far, from, protocol, signal).await;
            drop(trigger);
        });
        near
    }

    /// Everything that is answered to these bytes.
    async fn say_from(&self, from: &str, bytes: &[u8]) -> Told {
        let mut client = self.connect(from, Protocol::Http1);
        client.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        Told::read(&answer)
    }

    /// What is answered to a request with these lines, and a body.
    async fn ask(&self, line: &str, fields: &str, body: &str) -> Told {
        let host = if fields.contains("Host: ") { "" } else { "Host: a.example\r\n" };
        let text = format!("{line} HTTP/1.1\r\n{host}Connection: close\r\n{fields}\r\n{body}");
        self.say_from(CLIENT, text.as_bytes()).await
    }

    fn last(&self) -> Request<Bytes> {
        self.desk.0.asked.lock().unwrap().pop().unwrap()
    }

    fn asked(&self) -> usize {
        self.desk.0.asked.lock().unwrap().len()
    }

    /// Every line of the log, at the end.
    fn told(self) -> Vec<serde_json::Value> {
        drop(self.pipeline);
        self.sink.finish();
        let lines = self.lines.0.lock().unwrap();
        let text = std::str::from_utf8(&lines).unwrap();
        assert!(!text.contains(ADDRESS), "{text}");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// An answer.
#[derive(Debug)]
struct Told {
    status: u16,
    fields: BTreeMap<String, Vec<String>>,
    body: String,
}

impl Told {
    fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text:?}"));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut fields = BTreeMap::<_, Vec<_>>::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            fields.entry(name.to_ascii_lowercase()).or_default().push(value.to_owned());
        }
        Self { status, fields, body: body.to_owned() }
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|values| &*values[0])
    }

    fn code(&self) -> (u16, Option<&str>) {
        (self.status, self.field("x-countersign-reason"))
    }
}

fn posted(length: usize) -> String {
    format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n")
}

#[tokio::test(start_paused = true)]
async fn a_visitor_has_the_desks_answer_and_the_desk_knows_the_visitor() {
    let house = House::new();
    let fields = "Cookie: a=1\r\nRange: bytes=0-1\r\nIf-None-Match: \"x\"\r\n\
                  Countersign-Visitor-Address: 192.0.2.99\r\nAuthorization: Bearer x\r\n\
                  X-Forwarded-For: 192.0.2.77\r\nX-Request-Id: theirs\r\n";
    let told = house.ask(&format!("GET /s/{ADDRESS}/x?b=%2f&c"), fields, "").await;
    assert_eq!((told.status, &*told.body), (200, "hello"));
    for (name, value) in [
        ("etag", "\"5\""),
        ("content-length", "5"),
        ("content-type", "text/html"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("connection", "close"),
    ] {
        assert_eq!(told.field(name), Some(value), "{told:?}");
    }
    assert_eq!(told.fields["set-cookie"], ["a=1", "b=2"]);
    assert_eq!(told.field("x-hop"), None);
    let request = house.last();
    assert_eq!(request.method(), Method::GET);
    assert_eq!(request.uri().to_string(), format!("/s/{ADDRESS}/x?b=%2f&c"));
    let id = told.field("x-request-id").unwrap();
    let expected = [
        ("cookie", "a=1"),
        ("range", "bytes=0-1"),
        ("if-none-match", "\"x\""),
        ("host", "a.example"),
        ("x-request-id", id),
    ];
    let expected: HeaderMap = expected
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect();
    assert_eq!(*request.headers(), expected);
    let visitor = Visitor {
        client: "192.0.2.1".parse::<std::net::IpAddr>().unwrap().into(),
        scheme: crate::policy::ClientScheme::Http,
        host: "a.example".into(),
        tenant: TenantId(7),
    };
    assert_eq!(request.extensions().get(), Some(&visitor));
    // A proxy that is trusted speaks for the client.
    let through = format!(
        "GET /s/{ADDRESS} HTTP/1.1\r\nHost: A.example:8443\r\nConnection: close\r\n\
         X-Forwarded-For: 192.0.2.66\r\nX-Forwarded-Proto: https\r\n\r\n"
    );
    assert_eq!(house.say_from(PROXY, through.as_bytes()).await.status, 200);
    let seen = Visitor {
        client: "192.0.2.66".parse::<std::net::IpAddr>().unwrap().into(),
        scheme: crate::policy::ClientScheme::Https,
        host: "a.example:8443".into(),
        ..visitor
    };
    assert_eq!(house.last().extensions().get(), Some(&seen));
    let lines = house.told();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        assert_eq!((&line["path"], &line["code"]), (&"/s/…".into(), &"ok".into()), "{line}");
        assert_eq!((&line["site"], &line["bytes"]), (&"a.example".into(), &5.into()), "{line}");
        assert_eq!((&line["complete"], &line["status"]), (&"complete".into(), &200.into()));
        assert_eq!(line["parameters"], serde_json::json!([]));
    }
    assert_eq!(lines[0]["client"], "192.0.2.1");
    assert_eq!(lines[1]["client"], "192.0.2.66");
}

#[tokio::test(start_paused = true)]
async fn head_and_unchanged_have_the_head_alone() {
    let house = House::new();
    let told = house.ask(&format!("HEAD /s/{ADDRESS}"), "", "").await;
    assert_eq!((told.status, &*told.body, told.field("content-length")), (200, "", Some("5")));
    assert_eq!(house.last().method(), Method::HEAD);
    let told = house.ask(&format!("GET /s/{ADDRESS}/same"), "", "").await;
    assert_eq!((told.status, &*told.body, told.field("etag")), (304, "", Some("\"5\"")));
    for line in house.told() {
        assert_eq!(line["complete"], "complete", "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_reaches_the_desk_and_another_request_may_follow() {
    let house = House::new();
    let mut client = house.connect(CLIENT, Protocol::Http1);
    let form = "password=a%20b";
    let post = format!(
        "POST /s/{ADDRESS}/password HTTP/1.1\r\nHost: a.example\r\n{}\r\n{form}",
        posted(form.len())
    );
    let get = "GET /s/next HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";
    client.write_all(format!("{post}{post}{get}").as_bytes()).await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3, "{answers}");
    let asked = std::mem::take(&mut *house.desk.0.asked.lock().unwrap());
    let bodies: Vec<_> = asked.iter().map(|it| (it.method().as_str(), &**it.body())).collect();
    let form = form.as_bytes();
    assert_eq!(bodies, [("POST", form), ("POST", form), ("GET", b"".as_slice())]);
    // The longest there may be.
    let longest = "x".repeat(64 * 1024);
    let told = house.ask(&format!("POST /s/{ADDRESS}"), &posted(longest.len()), &longest).await;
    assert_eq!(told.status, 200);
    assert_eq!(house.last().body().len(), 64 * 1024);
    let told = house.ask(&format!("POST /s/{ADDRESS}"), "Content-Length: 0\r\n", "").await;
    assert_eq!(told.status, 200);
}

#[tokio::test(start_paused = true)]
async fn whatever_else_has_a_body_is_refused_and_closed_unread() {
    let house = House::new();
    let share = format!("/s/{ADDRESS}");
    let (form, chunked) = (posted(3), "Transfer-Encoding: chunked\r\n");
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    for (line, fields, body) in [
        (format!("POST {share}"), kind.to_owned(), ""),
        (format!("POST {share}"), format!("{kind}{chunked}"), "3\r\na=b\r\n0\r\n\r\n"),
        (format!("POST {share}"), posted(64 * 1024 + 1), ""),
        (
            format!("POST {share}"),
            "Content-Type: text/plain\r\nContent-Length: 3\r\n".into(),
            "a=b",
        ),
        (format!("POST {share}"), "Content-Length: 3\r\n".into(), "a=b"),
        (format!("PUT {share}"), form.clone(), "a=b"),
        (format!("GET {share}"), form.clone(), "a=b"),
        (format!("HEAD {share}"), "Content-Length: 3\r\n".into(), "a=b"),
        ("POST /private/videos/a/source".into(), form.clone(), "a=b"),
        ("POST /dl/cnr_1/a".into(), form.clone(), "a=b"),
        ("POST /s".into(), form.clone(), "a=b"),
        ("POST /S/a".into(), form.clone(), "a=b"),
        ("POST //s/a".into(), form.clone(), "a=b"),
        ("POST /x/../s/a".into(), form.clone(), "a=b"),
        ("POST /%73/a".into(), form.clone(), "a=b"),
        (format!("POST {share}"), format!("Host: plain.example\r\n{form}"), "a=b"),
    ] {
        // What follows on the connection is never read as another request.
        let follows = "GET /s/follows HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let told = house.ask(&line, &fields, &format!("{body}{follows}")).await;
        assert_eq!(told.code(), (413, Some("body_refused")), "{line} {fields}");
        assert_eq!(told.field("connection"), Some("close"), "{line} {fields}");
        assert!(!told.body.contains("HTTP/1.1"), "{told:?}");
    }
    // Both lengths are hyper's to refuse, before there is a request.
    let both = house.ask(&format!("POST {share}"), &format!("{form}{form}"), "a=b").await;
    assert!(matches!(both.status, 400 | 413), "{both:?}");
    let both = format!("{form}{chunked}");
    let both = house.ask(&format!("POST {share}"), &both, "0\r\n\r\n").await;
    assert!(matches!(both.status, 400 | 413), "{both:?}");
    assert_eq!(house.asked(), 0);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_order_never_reaches_the_desk() {
    let house = House::new();
    let share = format!("/s/{ADDRESS}");
    for (line, fields, expected) in [
        (format!("DELETE {share}"), "", (405, Some("method_not_allowed"))),
        (format!("OPTIONS {share}"), "", (405, Some("method_not_allowed"))),
        (format!("GET {share}"), "Expect: 100-continue\r\n", (417, Some("expect_refused"))),
        (format!("GET {share}"), "Upgrade: h2c\r\n", (400, Some("upgrade_refused"))),
        (format!("GET {share}/../x"), "", (400, Some("target_ambiguous"))),
        (format!("GET {share}/a%2fb"), "", (400, Some("target_ambiguous"))),
        (format!("GET {share}/%zz"), "", (400, Some("target_malformed"))),
        (format!("GET {share}"), "Host: other.example\r\n", (421, Some("no_site"))),
        (format!("GET {share}"), "Host: plain.example\r\n", (404, Some("no_route"))),
        (format!("GET {share}"), "Host: a.example\r\nHost: b\r\n", (400, Some("host_invalid"))),
    ] {
        let told = house.ask(&line, fields, "").await;
        assert_eq!(told.code(), expected, "{line} {fields}");
        if expected.0 == 405 {
            assert_eq!(told.field("allow"), Some("GET, HEAD, POST"));
        }
    }
    let text = format!("{}\r\na=b", posted(3));
    let blocked = format!("POST {share} HTTP/1.1\r\nHost: a.example\r\n{text}");
    let told = house.say_from(BLOCKED, blocked.as_bytes()).await;
    assert_eq!(told.code(), (403, Some("ip_blocked")));
    assert_eq!(told.field("connection"), Some("close"));
    let unnamed = format!(
        "GET {share} HTTP/1.1\r\nHost: a.example\r\n\
                           X-Forwarded-For: x\r\nConnection: close\r\n\r\n"
    );
    let told = house.say_from(PROXY, unnamed.as_bytes()).await;
    assert_eq!(told.code(), (400, Some("client_address")));
    assert_eq!(house.asked(), 0);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn a_form_that_comes_too_slowly_is_given_up() {
    let house = House::new();
    let mut client = house.connect(CLIENT, Protocol::Http1);
    let head =
        format!("POST /s/{ADDRESS} HTTP/1.1\r\nHost: a.example\r\n{}\r\na=", posted(64 * 1024));
    client.write_all(head.as_bytes()).await.unwrap();
    let began = Instant::now();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let told = Told::read(&answer);
    assert_eq!(told.code(), (408, Some("request_timeout")));
    assert_eq!(told.field("connection"), Some("close"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(house.asked(), 0);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn nobody_at_the_desk_is_said_and_the_next_is_asked_again() {
    let house = House::new();
    for (path, error) in [
        ("away", "no control plane answers for shares: nobody is there"),
        ("panic", "no control plane answers for shares: the work on it was broken off"),
        ("hang", "no control plane answers for shares: deadline has elapsed"),
        ("switch", "no control plane answers for shares: an interim answer, and no other"),
    ] {
        let told = house.ask(&format!("GET /s/{ADDRESS}/{path}"), "", "").await;
        assert_eq!(told.code(), (503, Some("share_unavailable")), "{error}");
        assert_eq!(told.field("retry-after"), Some("1"));
    }
    assert_eq!(house.ask(&format!("GET /s/{ADDRESS}"), "", "").await.status, 200);
    let lines = house.told();
    assert_eq!(lines[0]["error"], "no control plane answers for shares: nobody is there");
    assert_eq!(lines.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn pieces_come_as_they_are_made_and_a_break_is_no_end() {
    let house = House::new();
    for ending in ["ends", "breaks", "falls silent"] {
        let (pieces, rest) = mpsc::channel(1);
        *house.desk.0.pieces.lock().unwrap() = Some(rest);
        let mut client = house.connect(CLIENT, Protocol::Http1);
        let get = format!(
            "GET /s/{ADDRESS}/stream HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
        );
        client.write_all(get.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        for piece in ["first", "second"] {
            pieces.send(Ok(Frame::data(piece.into()))).await.unwrap();
            while !String::from_utf8_lossy(&answer).contains(piece) {
                assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
            }
        }
        match ending {
            "breaks" => pieces.send(Err("it broke".into())).await.unwrap(),
            "falls silent" => tokio::time::advance(Duration::from_secs(31)).await,
            _ => drop(pieces),
        }
        client.read_to_end(&mut answer).await.unwrap();
        let is_whole = answer.ends_with(b"0\r\n\r\n");
        assert_eq!(is_whole, ending == "ends", "{ending}");
    }
    let lines = house.told();
    let ends: Vec<_> = lines.iter().map(|it| it["complete"].as_str().unwrap()).collect();
    assert_eq!(ends, ["complete", "aborted", "aborted"]);
    assert_eq!(lines[1]["error"], "a share's page broke off: it broke");
    assert_eq!(lines[2]["error"], "nothing more came of a share's page");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_ends_the_work() {
    let house = House::new();
    let get = |path: &str| format!("GET /s/{ADDRESS}/{path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let given_up = || timeout(Duration::from_mins(1), house.desk.0.given_up.acquire());
    let mut waiting = house.connect(CLIENT, Protocol::Http1);
    waiting.write_all(get("hang").as_bytes()).await.unwrap();
    house.desk.0.hanging.acquire().await.unwrap().forget();
    let began = Instant::now();
    drop(waiting);
    given_up().await.unwrap().unwrap().forget();
    assert!(began.elapsed() < Duration::from_secs(1));

    let (pieces, rest) = mpsc::channel(1);
    *house.desk.0.pieces.lock().unwrap() = Some(rest);
    let mut reading = house.connect(CLIENT, Protocol::Http1);
    reading.write_all(get("stream").as_bytes()).await.unwrap();
    pieces.send(Ok(Frame::data("first".into()))).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"first\r\n") {
        assert_ne!(reading.read_buf(&mut answer).await.unwrap(), 0);
    }
    drop(reading);
    given_up().await.unwrap().unwrap().forget();
    house.told();
}

#[tokio::test(start_paused = true)]
async fn one_client_takes_not_every_place() {
    let house = House::new();
    let get = format!("GET /s/{ADDRESS}/hang HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let mut waiting = Vec::new();
    for _ in 0..32 {
        let mut client = house.connect(CLIENT, Protocol::Http1);
        client.write_all(get.as_bytes()).await.unwrap();
        house.desk.0.hanging.acquire().await.unwrap().forget();
        waiting.push(client);
    }
    let told = house.ask(&format!("GET /s/{ADDRESS}"), "", "").await;
    assert_eq!(told.code(), (503, Some("overloaded")));
    let elsewhere = get.replace("/hang", "").replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let told = house.say_from("192.0.2.2:9", elsewhere.as_bytes()).await;
    assert_eq!(told.status, 200);
    drop(waiting);
    for _ in 0..32 {
        house.desk.0.given_up.acquire().await.unwrap().forget();
    }
    assert_eq!(house.ask(&format!("GET /s/{ADDRESS}"), "", "").await.status, 200);
    house.told();
}

#[tokio::test(start_paused = true)]
async fn over_http2_it_is_the_same() {
    let house = House::new();
    let io = TokioIo::new(house.connect(CLIENT, Protocol::Http2));
    let (mut requests, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let mut ask = async |method: Method, target: &str, kind: Option<&str>, body: &'static str| {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://a.example{target}"))
            .header(COOKIE, "a=1")
            .header(COOKIE, "b=2");
        if let Some(kind) = kind {
            request = request.header(CONTENT_TYPE, kind);
        }
        let request = request.body(Full::<Bytes>::from(body)).unwrap();
        let (head, body) = requests.send_request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head.status.as_u16(), body)
    };
    let (share, form) = (format!("/s/{ADDRESS}"), Some("application/x-www-form-urlencoded"));
    assert_eq!(ask(Method::GET, &share, None, "").await, (200, "hello".into()));
    assert_eq!(house.last().headers()[COOKIE], "a=1; b=2");
    assert_eq!(ask(Method::HEAD, &share, None, "").await, (200, "".into()));
    assert_eq!(ask(Method::POST, &share, form, "a=b").await, (200, "hello".into()));
    let posted = house.last();
    assert_eq!((posted.method(), &**posted.body()), (&Method::POST, b"a=b".as_slice()));
    let visitor: &Visitor = posted.extensions().get().unwrap();
    assert_eq!(visitor.scheme, crate::policy::ClientScheme::Https);
    let asked = house.asked();
    assert_eq!(ask(Method::POST, &share, Some("text/plain"), "a=b").await.0, 413);
    assert_eq!(ask(Method::POST, "/private/videos/a/source", form, "a=b").await.0, 413);
    assert_eq!(ask(Method::PUT, &share, form, "a=b").await.0, 413);
    assert_eq!(house.asked(), asked);
    drop(requests);
    house.told();
}
