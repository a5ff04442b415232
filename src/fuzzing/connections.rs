//! The target of the whole data plane: bytes in, bytes out, over one connection to one edge.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use prometheus::Registry;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::{self, Runtime};

use super::input::{Input, chosen};
use crate::clock::{Clock, UnixSeconds};
use crate::config::{Surroundings, load};
use crate::data_plane::{
    ConnectionMetrics, EdgeState, Metrics, Pipeline, Protocol, drain, serve_apart,
};
use crate::delivery::DeliveryDesk;
use crate::policy::{Blocklist, EdgeSnapshot, SnapshotPublisher};
use crate::telemetry::LineWriter;

/// Three hosts: one opens nothing to anybody without its key, one opens with a key that the corpus
/// knows, one opens everything. There is no origin, so that what is opened ends in 502.
const CONFIG: &str = r#"
[edge]
trusted_proxies = ["192.0.2.0/24"]
expose_reasons = true

[[origin]]
name = "media"
kind = "disk"
root = "media"

[[site]]
hosts = ["closed.test"]
tenant = 1
assets = { origin = "media" }
  [site.token]
  name = "hdntl"
  carriers = ["query", "header", "cookie", "path"]
  keys = [{ id = "a", file = "closed.hex" }]
  [[site.route]]
  prefix = "/vod/"
  access = "token"
  origin = "media"

[[site]]
hosts = ["signed.test"]
tenant = 1
assets = { origin = "media" }
  [site.token]
  name = "hdntl"
  carriers = ["query", "header", "cookie", "path"]
  keys = [{ id = "a", file = "signed.hex" }]
  [[site.route]]
  prefix = "/vod/"
  access = "token"
  origin = "media"

[[site]]
hosts = ["open.test"]
  [[site.route]]
  prefix = "/"
  access = "open"
  origin = "media"
"#;

/// Tokens of the corpus end at its last second.
const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

/// The protocol, the length of the pieces in which the rest arrives, and what the client sends;
/// over HTTP/2 behind a preface and empty settings.
pub fn connection_bytes(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let protocol = chosen(&[Protocol::Http1, Protocol::Http2], input.byte());
    let piece = usize::from(input.byte().max(1));
    let sent = match protocol {
        Protocol::Http1 => input.rest().to_vec(),
        Protocol::Http2 => [PREFACE, input.rest()].concat(),
    };
    let answers = converse(&sent, protocol, usize::MAX);
    let in_pieces = converse(&sent, protocol, piece);
    match protocol {
        Protocol::Http1 => {
            let statuses = read_answers(&answers);
            // hyper's own refusal, or only a closed connection: what is no HTTP gets either,
            // depending on how much of it was there when hyper first looked.
            assert_eq!(statuses, read_answers(&in_pieces), "the pieces changed the answers");
            let sent = String::from_utf8_lossy(&sent).to_ascii_lowercase();
            if !sent.contains("open.test") && !sent.contains("signed.test") {
                let opened = statuses.iter().any(|it| matches!(it, 200..=399 | 502));
                assert!(!opened, "opened without a key: {statuses:?}");
            }
        }
        Protocol::Http2 => {
            read_frames(&answers);
            read_frames(&in_pieces);
        }
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The edge under test: made once, without a listener.
struct Edge {
    runtime: Runtime,
    pipeline: Arc<Pipeline>,
    connections: Arc<ConnectionMetrics>,
}

static EDGE: LazyLock<Option<Edge>> = LazyLock::new(Edge::new);

impl Edge {
    fn new() -> Option<Self> {
        let files = [
            ("/edge/countersign.toml", CONFIG),
            ("/edge/closed.hex", "c105edc105edc105edc105edc105edc1"),
            ("/edge/signed.hex", "aabbccddeeff00112233445566778899"),
            ("/edge/media/hello.txt", "hello"),
        ];
        let files = files.map(|(path, text)| (path.into(), text.as_bytes().to_vec())).into();
        let surroundings = Surroundings::Fixed { files, variables: BTreeMap::new() };
        let loaded = load(Path::new("/edge/countersign.toml"), &surroundings).ok()?;
        let policy = EdgeSnapshot {
            version: 1,
            published: NOW,
            sites: Arc::new(loaded.sites),
            overrides: loaded.overrides,
            blocklist: Arc::new(Blocklist::empty()),
            revocations: Arc::new(loaded.revocations),
            anti_fraud: Arc::default(),
            control: None,
        };
        let publisher = SnapshotPublisher::new();
        publisher.publish(Arc::new(EdgeState {
            cache: None,
            policy,
            delivery: Arc::new(DeliveryDesk::default()),
            settings: Arc::new(loaded.settings),
        }));
        let metrics = Metrics::register(&Registry::new()).ok()?;
        let (log, _) =
            LineWriter::start(std::io::sink(), metrics.log_lines_dropped.clone()).ok()?;
        let pipeline = Pipeline::new(publisher.reader(), Clock::Fixed(NOW), metrics, log);
        Some(Self {
            runtime: runtime::Builder::new_current_thread().enable_time().build().ok()?,
            pipeline: Arc::new(pipeline),
            connections: Arc::new(ConnectionMetrics::new(std::iter::empty())),
        })
    }
}

/// Sends all of it, waits for what is answered, hangs up. All is in memory, so nobody ever waits
/// for time to pass: a connection that is not over then never is.
fn converse(sent: &[u8], protocol: Protocol, piece: usize) -> Vec<u8> {
    const TURNS: usize = 64;
    let Some(edge) = &*EDGE else { panic!("the edge under test does not start") };
    let line = Arc::new(Mutex::new(Line {
        to_edge: sent.to_vec(),
        taken: 0,
        piece,
        client: Client::Waits,
        to_client: Vec::new(),
    }));
    let address = SocketAddr::new(IpAddr::from([192, 0, 2, 1]), 8080);
    let (_trigger, signal) = drain();
    // Timers are made and never fire.
    let _context = edge.runtime.enter();
    let mut connection = pin!(tokio::task::unconstrained(serve_apart(
        Arc::clone(&edge.pipeline),
        Arc::clone(&edge.connections),
        Socket(Arc::clone(&line)),
        address,
        protocol,
        signal,
    )));
    let mut context = Context::from_waker(Waker::noop());
    let progress = |line: &Mutex<Line>| {
        let line = line.lock().unwrap_or_else(PoisonError::into_inner);
        (line.taken, line.to_client.len())
    };
    let mut is_over = false;
    for client in [Client::Waits, Client::HangsUp] {
        line.lock().unwrap_or_else(PoisonError::into_inner).client = client;
        let mut idle_turns = 0;
        while !is_over && idle_turns < TURNS {
            let before = progress(&line);
            is_over = connection.as_mut().poll(&mut context).is_ready();
            idle_turns = if progress(&line) == before { idle_turns + 1 } else { 0 };
        }
    }
    assert!(is_over, "the client has hung up, and the connection goes on");
    assert_eq!(edge.connections.panics.get(), 0, "a request panicked");
    let line = line.lock().unwrap_or_else(PoisonError::into_inner);
    line.to_client.clone()
}

/// A connection's two directions, in memory.
#[derive(Debug)]
struct Line {
    to_edge: Vec<u8>,
    taken: usize,
    piece: usize,
    client: Client,
    to_client: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    HangsUp,
    Waits,
}

#[derive(Debug)]
struct Socket(Arc<Mutex<Line>>);

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = line.to_edge.get(line.taken..).unwrap_or_default();
        if rest.is_empty() && line.client == Client::Waits {
            return Poll::Pending;
        }
        let (piece, _) = rest.split_at(rest.len().min(line.piece).min(buffer.remaining()));
        buffer.put_slice(piece);
        let taken = piece.len();
        line.taken += taken;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut line = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        line.to_client.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The statuses of a row of answers, hyper's own left out. A body stands behind a head where its
/// length says so, unless the next head does: to HEAD only the length is answered.
fn read_answers(bytes: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(end) = rest.windows(4).position(|at| at == b"\r\n\r\n") else {
            panic!("no head: {}", String::from_utf8_lossy(rest))
        };
        let (head, body) = rest.split_at(end + 4);
        let Ok(head) = str::from_utf8(head) else { panic!("a head that is no text: {head:?}") };
        let status = head.strip_prefix("HTTP/1.").and_then(|line| line.get(2..5)?.parse().ok());
        let Some(status) = status else { panic!("no status line: {head}") };
        let field = |name: &str| {
            head.lines().filter_map(|line| line.split_once(": ")).find(|(it, _)| *it == name)
        };
        let length = field("content-length").and_then(|(_, length)| length.parse().ok());
        if field("x-request-id").is_some() {
            let kept = field("cache-control").is_none_or(|(_, value)| value != "no-store");
            assert!(status < 400 || !kept, "a refusal that may be kept: {head}");
            statuses.push(status);
        } else {
            assert!(matches!(status, 400 | 414 | 431), "an answer that is not ours: {head}");
        }
        rest = match length {
            Some(length) if !body.starts_with(b"HTTP/1.") && !body.is_empty() => {
                let Some(after) = body.get(length..) else { panic!("a body cut off: {head}") };
                after
            }
            Some(_) | None => body,
        };
    }
    statuses
}

/// Frames (RFC 9113 section 4.1), whole ones and of known types.
fn read_frames(bytes: &[u8]) {
    let mut rest = bytes;
    while let Some(([high, middle, low, kind, ..], payload)) = rest.split_first_chunk::<9>() {
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        assert!(*kind <= 9 && length <= 16_384, "a frame of type {kind}, {length} bytes");
        let Some(after) = payload.get(length..) else { panic!("a frame cut off") };
        rest = after;
    }
    assert!(rest.is_empty(), "{} bytes behind the last frame", rest.len());
}
