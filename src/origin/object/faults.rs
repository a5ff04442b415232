//! Both stores behind somebody who interferes: whatever happens to an answer, no byte is wrong.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::HeaderMap;
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::conformance::{NOW, objects, read};
use super::super::*;
use super::launched::Launched;
use crate::asset::OriginKey;

/// What becomes of an answer.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It passes.
    Passes,
    /// The server does what it was asked for, and the connection is reset instead of an answer.
    AnswerLost,
    /// The server is never asked; this is said.
    Instead(&'static str),
    /// So many bytes of its body pass, and then the connection is reset.
    ResetAfter(usize),
    /// So many bytes of what is sent are taken, and then the connection is reset; the server is
    /// never asked.
    ResetWhileSent(usize),
    /// Nothing of it passes, nor does the connection end.
    Silence,
    /// So many bytes of its body pass, and then none, nor does the connection end.
    StallAfter(usize),
    /// The head promises this much more than comes.
    Promises(u64),
    /// The server is asked without `Range`.
    WithoutRange,
    /// The head states another part than the one that comes.
    WrongPart,
}

/// Between an origin and its server.
pub(super) struct Interference {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<(Instant, String)>>>,
    accepting: JoinHandle<()>,
}

impl Interference {
    /// `fate` of the request of that number, from 1.
    async fn start(server: &str, fate: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        let server = server.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, fate) = (heads.clone(), Arc::new(fate));
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                tokio::spawn(interfere(client, server.clone(), seen.clone(), fate.clone()));
            }
        });
        Self { address, heads, accepting }
    }

    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().iter().map(|(_, head)| head.to_ascii_lowercase()).collect()
    }

    fn times(&self) -> Vec<Instant> {
        self.heads.lock().unwrap().iter().map(|(time, _)| *time).collect()
    }
}

impl Drop for Interference {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn interfere(
    mut client: TcpStream,
    server: String,
    heads: Arc<Mutex<Vec<(Instant, String)>>>,
    fate: Arc<impl Fn(usize) -> Fate>,
) {
    let Some(mut head) = read_head(&mut client).await else { return };
    let number = {
        let mut heads = heads.lock().unwrap();
        heads.push((Instant::now(), head.clone()));
        heads.len()
    };
    let fate = fate(number);
    if let Fate::ResetWhileSent(length) = fate {
        let _ = client.read_exact(&mut vec![0; length]).await;
        client.set_zero_linger().unwrap();
        return;
    }
    let length = field(&head, "content-length: ").parse().unwrap_or_default();
    let mut sent = vec![0; length];
    if client.read_exact(&mut sent).await.is_err() {
        return;
    }
    if let Fate::Instead(answer) = fate {
        let _ = client.write_all(answer.as_bytes()).await;
        return;
    }
    if matches!(fate, Fate::WithoutRange) {
        head = head.split_inclusive("\r\n").filter(|line| !line.starts_with("range:")).collect();
    }
    let mut upstream = TcpStream::connect(&*server).await.unwrap();
    // Its end then shows by the connection's.
    let head = head.replacen("\r\n", "\r\nconnection: close\r\n", 1);
    upstream.write_all(head.as_bytes()).await.unwrap();
    upstream.write_all(&sent).await.unwrap();
    let mut answer = read_head(&mut upstream).await.unwrap();
    let mut body = Vec::new();
    upstream.read_to_end(&mut body).await.unwrap();
    let mut passes = body.len();
    match fate {
        Fate::AnswerLost
        | Fate::Passes
        | Fate::WithoutRange
        | Fate::Instead(_)
        | Fate::ResetWhileSent(_)
        | Fate::Silence => {}
        Fate::ResetAfter(length) | Fate::StallAfter(length) => passes = passes.min(length),
        Fate::Promises(more) => {
            let promised: u64 = field(&answer, "content-length: ").parse().unwrap();
            let lines = answer.split_inclusive("\r\n");
            let others =
                lines.filter(|line| !line.to_ascii_lowercase().starts_with("content-length"));
            answer = others.collect();
            let line = format!("\r\ncontent-length: {}\r\n", promised + more);
            answer = answer.replacen("\r\n", &line, 1);
        }
        Fate::WrongPart => {
            assert!(answer.contains("bytes 0-"), "{answer}");
            answer = answer.replacen("bytes 0-", "bytes 1-", 1);
        }
    }
    if !matches!(fate, Fate::AnswerLost | Fate::Silence) {
        let _ = client.write_all(answer.as_bytes()).await;
        let _ = client.write_all(&body[..passes]).await;
        let _ = client.flush().await;
    }
    match fate {
        Fate::AnswerLost | Fate::ResetAfter(_) => {
            // A reset throws away what has not been read yet: all but what the test may lose.
            client.set_zero_linger().unwrap();
        }
        Fate::Silence | Fate::StallAfter(_) => {
            // Until the other side has enough.
            let _ = client.read(&mut [0]).await;
        }
        Fate::Passes
        | Fate::Instead(_)
        | Fate::Promises(_)
        | Fate::ResetWhileSent(_)
        | Fate::WithoutRange
        | Fate::WrongPart => {}
    }
}

/// The value of a header field.
fn field(head: &str, name: &str) -> String {
    let lines = head.to_ascii_lowercase();
    let value = lines.lines().find_map(|line| line.strip_prefix(name).map(str::to_owned));
    value.unwrap_or_default()
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).ok()
}

/// A store and an origin of it that is interfered with.
pub(super) struct Scene {
    pub(super) launched: Launched,
    pub(super) interference: Interference,
    pub(super) origin: Origin,
}

pub(super) const KINDS: [fn() -> Launched; 2] = [Launched::moto, Launched::azurite];

impl Scene {
    pub(super) async fn new(
        launch: fn() -> Launched,
        fate: impl Fn(usize) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let launched = launch();
        let interference = Interference::start(launched.text("endpoint"), fate).await;
        let at = format!("http://{}", interference.address);
        let mut config = match launched.said.get("account") {
            None => launched.s3_at(&at, "", launched.access_key("key")),
            Some(account) => {
                let at = format!("{at}/{}", account.as_str().unwrap());
                launched.azure_at(&at, launched.account_key())
            }
        };
        config.server.header_timeout = Duration::from_millis(700);
        config.server.idle_timeout = Duration::from_millis(300);
        let kind = Kind::ObjectStore(Box::new(config));
        let origin = Origin::open(Config { name: "x".into(), kind }).unwrap();
        Self { launched, interference, origin }
    }

    async fn ask(&self, ranges: &[RangeSpec]) -> Result<Answer, OriginError> {
        let (key, conditions) = (OriginKey::Object(LONG.into()), Conditions::default());
        let ask = Ask {
            key: &key,
            method: AskMethod::Get,
            ranges,
            conditions: &conditions,
            forwarded: &HeaderMap::new(),
            now: NOW,
        };
        self.origin.ask(ask).await
    }

    async fn find(&self, ranges: &[RangeSpec]) -> Object {
        match self.ask(ranges).await.unwrap() {
            Answer::Found(object) => object,
            answer @ (Answer::Described(_) | Answer::NotFound(_) | Answer::NotModified(_)) => {
                panic!("{answer:?}")
            }
        }
    }
}

const LONG: &str = "folder/long.mp4";

fn long() -> Bytes {
    objects()[2].1.clone()
}

/// The first is what is said, the others pass.
fn first(fate: Fate) -> impl Fn(usize) -> Fate + Send + Sync + 'static {
    move |number| if number == 1 { fate.clone() } else { Fate::Passes }
}

pub(super) const BUSY: &str =
    "HTTP/1.1 503 Slow Down\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn a_busy_store_is_asked_again_after_a_pause() {
    for launch in KINDS {
        let scene =
            Scene::new(
                launch,
                |number| {
                    if number <= 2 { Fate::Instead(BUSY) } else { Fate::Passes }
                },
            )
            .await;
        assert_eq!(read(scene.find(&[]).await.into_whole()).await, long());
        let times = scene.interference.times();
        assert_eq!(times.len(), 3);
        assert!(times[1] - times[0] >= Duration::from_millis(100), "{times:?}");
        assert!(times[2] - times[1] >= Duration::from_millis(200), "{times:?}");
    }
}

#[tokio::test]
async fn one_that_stays_busy_is_given_up() {
    let scene = Scene::new(Launched::moto, |_| Fate::Instead(BUSY)).await;
    let error = scene.ask(&[]).await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::ServerFailed);
    assert_eq!(error.kind().code(), "origin_invalid");
    assert_eq!(scene.interference.heads().len(), 4);
}

#[tokio::test]
async fn silence_is_waited_for_once() {
    for launch in KINDS {
        let scene = Scene::new(launch, |_| Fate::Silence).await;
        let error = scene.ask(&[]).await.unwrap_err();
        assert_eq!(error.fault(), OriginFault::HeadTimedOut);
        assert_eq!(error.kind().code(), "origin_timeout");
        assert_eq!(scene.interference.heads().len(), 1);
    }
}

#[tokio::test]
async fn a_store_that_is_not_there_is_left_alone() {
    let scene = Scene::new(Launched::moto, |_| Fate::Instead("")).await;
    let fault = scene.ask(&[]).await.unwrap_err();
    assert_eq!(fault.fault(), OriginFault::ConnectionLost);
    assert_eq!(fault.kind().code(), "origin_unreachable");
    // Four failed already.
    let fault = scene.ask(&[]).await.unwrap_err();
    assert_eq!(fault.fault(), OriginFault::LeftAlone);
    assert_eq!(scene.interference.heads().len(), 5);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_continued_where_it_did() {
    for launch in KINDS {
        for fate in [Fate::ResetAfter(500_000), Fate::StallAfter(500_000)] {
            let scene = Scene::new(launch, first(fate.clone())).await;
            let object = scene.find(&[]).await;
            let tag = object.meta().validators.etag.as_ref().unwrap().to_string();
            assert_eq!(read(object.into_whole()).await, long(), "{fate:?}");
            let heads = scene.interference.heads();
            assert_eq!(heads.len(), 2, "{fate:?}");
            let pinned = format!("if-match: {}\r\n", tag.to_ascii_lowercase());
            assert!(heads[1].contains(&pinned), "{}", heads[1]);
            assert!(heads[1].contains("range: bytes="), "{}", heads[1]);
            assert!(!heads[1].contains("range: bytes=0-"), "{}", heads[1]);
        }
    }
}

#[tokio::test]
async fn a_part_that_breaks_off_is_continued_as_well() {
    for launch in KINDS {
        let scene = Scene::new(launch, first(Fate::ResetAfter(100_000))).await;
        let span = ByteRange::new(300_000, 899_999).unwrap();
        let object = scene.find(&[RangeSpec::FromTo(300_000, 899_999)]).await;
        assert_eq!(read(object.into_spans(&span.into())).await, long()[300_000..900_000]);
    }
}

#[tokio::test]
async fn one_that_always_breaks_off_is_given_up() {
    let scene = Scene::new(Launched::moto, |_| Fate::ResetAfter(0)).await;
    let body = scene.find(&[]).await.into_whole();
    let error = body.collect().await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::BodyBroken);
    assert_eq!(scene.interference.heads().len(), 4);
}

#[tokio::test]
async fn another_version_is_never_mixed_in() {
    for launch in KINDS {
        let mut scene = Scene::new(launch, first(Fate::ResetAfter(500_000))).await;
        let mut body = scene.find(&[]).await.into_whole();
        let mut got = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
        let mut other = long().to_vec();
        other.reverse();
        scene.launched.put(LONG, &other);
        let error = loop {
            match body.frame().await.unwrap() {
                Ok(frame) => got.extend_from_slice(&frame.into_data().unwrap()),
                Err(error) => break error,
            }
        };
        assert_eq!(error.fault(), OriginFault::Changed);
        assert!(long().starts_with(&got) && got.len() <= 500_000, "{}", got.len());
        assert!(body.frame().await.is_none_or(|frame| frame.is_err()));
    }
}

#[tokio::test]
async fn a_promise_that_is_not_kept_breaks_off() {
    let scene = Scene::new(Launched::moto, first(Fate::Promises(10))).await;
    let object = scene.find(&[]).await;
    assert_eq!(object.meta().complete_length, Some(long().len() as u64 + 10));
    assert!(object.into_whole().collect().await.is_err());
}

#[tokio::test]
async fn a_range_that_is_ignored_costs_bytes_and_nothing_else() {
    let scene = Scene::new(Launched::moto, |_| Fate::WithoutRange).await;
    let span = ByteRange::new(700_000, 700_009).unwrap();
    let object = scene.find(&[RangeSpec::FromTo(700_000, 700_009)]).await;
    assert_eq!(read(object.into_spans(&span.into())).await, long()[700_000..700_010]);
}

#[tokio::test]
async fn a_part_that_is_not_the_one_asked_for_is_refused() {
    for launch in KINDS {
        let scene = Scene::new(launch, |_| Fate::WrongPart).await;
        let error = scene.ask(&[RangeSpec::FromTo(0, 9)]).await.unwrap_err();
        assert_eq!(error.fault(), OriginFault::ContentRangeWrong);
        assert_eq!(error.kind().code(), "origin_invalid");
    }
}

#[tokio::test]
async fn a_reader_that_takes_an_hour_is_no_stalled_store() {
    for launch in KINDS {
        let scene = Scene::new(launch, |_| Fate::Passes).await;
        let mut body = scene.find(&[]).await.into_whole();
        let mut got = body.frame().await.unwrap().unwrap().into_data().unwrap().to_vec();
        tokio::time::pause();
        tokio::time::advance(Duration::from_hours(1)).await;
        tokio::time::resume();
        while let Some(frame) = body.frame().await {
            got.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        assert_eq!(got, long());
        assert_eq!(scene.interference.heads().len(), 1);
    }
}
