//! An edge with a desk of its own, and connections to it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, SET_COOKIE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use prometheus::Registry;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use super::super::{DeskAway, DeskBody, ShareDesk, ShareDoor};
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
    SiteDelivery, SiteTable, SnapshotPublisher,
};
use crate::telemetry::{LineSink, LineWriter};

pub(super) const CLIENT: &str = "192.0.2.1:9";
pub(super) const PROXY: &str = "198.51.100.1:9";
pub(super) const BLOCKED: &str = "203.0.113.66:9";
/// What no line may have.
pub(super) const ADDRESS: &str = "Zm9yIG5vYm9keSBlbHNlIQ";

/// Answers by the last segment.
#[derive(Clone, Default)]
pub(super) struct Desk(pub(super) Arc<Behind>);

pub(super) struct Behind {
    pub(super) asked: Mutex<Vec<Request<Bytes>>>,
    /// A permit for each request that was given up.
    pub(super) given_up: Semaphore,
    /// A permit for each request to `hang` that has come.
    pub(super) hanging: Semaphore,
    /// What `stream` answers with.
    pub(super) pieces: Mutex<Option<mpsc::Receiver<Piece>>>,
}

type Broken = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Piece = Result<Frame<Bytes>, Broken>;

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
pub(super) struct House {
    pub(super) desk: Desk,
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
        delivery: SiteDelivery::Standard,
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
    pub(super) fn new() -> Self {
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

    pub(super) fn connect(&self, from: &str, protocol: Protocol) -> DuplexStream {
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
    pub(super) async fn say_from(&self, from: &str, bytes: &[u8]) -> Told {
        let mut client = self.connect(from, Protocol::Http1);
        client.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).await.unwrap();
        Told::read(&answer)
    }

    /// What is answered to a request with these lines, and a body.
    pub(super) async fn ask(&self, line: &str, fields: &str, body: &str) -> Told {
        let host = if fields.contains("Host: ") { "" } else { "Host: a.example\r\n" };
        let text = format!("{line} HTTP/1.1\r\n{host}Connection: close\r\n{fields}\r\n{body}");
        self.say_from(CLIENT, text.as_bytes()).await
    }

    pub(super) fn last(&self) -> Request<Bytes> {
        self.desk.0.asked.lock().unwrap().pop().unwrap()
    }

    pub(super) fn asked(&self) -> usize {
        self.desk.0.asked.lock().unwrap().len()
    }

    /// Every line of the log, at the end.
    pub(super) fn told(self) -> Vec<serde_json::Value> {
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
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) fields: BTreeMap<String, Vec<String>>,
    pub(super) body: String,
}

impl Told {
    pub(super) fn read(bytes: &[u8]) -> Self {
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

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(|values| &*values[0])
    }

    pub(super) fn code(&self) -> (u16, Option<&str>) {
        (self.status, self.field("x-countersign-reason"))
    }
}

pub(super) fn posted(length: usize) -> String {
    format!("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n")
}
