//! Random requests against a model: whatever is kept, a request gets what its origin would have
//! given it, of a version that it may get, and only if it may have it at all.
//!
//! Two sites with their own keys, three origins that are asked for equal paths, objects that are
//! fresh for long, asked about each time, or chosen by a header; versions that change and purges
//! while several tasks ask. Each body says whose it is: origin, target, language and version.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign::asset::OriginKey;
use countersign::clock::{Clock, UnixSeconds};
use countersign::config::{Surroundings, load};
use countersign::data_plane::{
    BodyPresence, Cache, ConnectionFacts, EdgeState, Metrics, Pipeline, Protocol, PurgeScope,
    Transport,
};
use countersign::delivery::DeliveryDesk;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::network::PeerIp;
use countersign::policy::{Blocklist, EdgeSnapshot, OriginName, SnapshotPublisher};
use countersign::telemetry::LineWriter;
use countersign::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use prometheus::Registry;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const NOW: UnixSeconds = UnixSeconds::new(1_800_000_000);

/// As many as fit every run of the tests; `COUNTERSIGN_TEST_REQUESTS` asks for more.
const REQUESTS: u64 = 24_000;

const TASKS: u64 = 4;

const KEYS: [&str; 2] = ["aabbccddeeff00112233445566778899", "52a152a152a152a152a152a152a152a1"];

const ORIGINS: [&str; 3] = ["o0", "o1", "o2"];

/// Which objects there are of each kind.
const OBJECTS: u64 = 40;

/// What an origin says of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Fresh for an hour: old versions may be seen until a purge.
    Fresh,
    /// To be asked about each time: only the current version may be seen. One task's alone.
    Asked,
    /// Not to be kept: likewise.
    NotKept,
    /// Fresh, and another for each language.
    Varying,
}

const KINDS: [Kind; 4] = [Kind::Fresh, Kind::Asked, Kind::NotKept, Kind::Varying];

/// The versions of all objects, and the oldest that may still be seen.
struct World {
    current: Vec<AtomicU64>,
    oldest: Vec<AtomicU64>,
}

impl World {
    fn new() -> Self {
        let count = ORIGINS.len() * KINDS.len() * usize::try_from(OBJECTS).unwrap();
        let zeros = || (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { current: zeros(), oldest: zeros() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Object {
    origin: usize,
    kind: usize,
    number: u64,
}

impl Object {
    fn index(self) -> usize {
        let number = usize::try_from(self.number % OBJECTS).unwrap();
        (self.origin * KINDS.len() + self.kind) * usize::try_from(OBJECTS).unwrap() + number
    }

    /// The same for every origin: only the origin tells the objects apart.
    fn target(self, prefix: &str) -> String {
        format!("/{prefix}/{}/{}", self.kind, self.number)
    }
}

/// Small and not random enough for anything else.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn content(origin: usize, target: &str, language: &str, version: u64) -> String {
    // A little that is different at every place.
    format!("{origin}|{target}|{language}|{version}|{}", "0123456789abcdef".repeat(8))
}

async fn serve(listener: TcpListener, origin: usize, world: Arc<World>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer_all(stream, origin, Arc::clone(&world)));
    }
}

async fn answer_all(stream: TcpStream, origin: usize, world: Arc<World>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        let target = head[0].split(' ').nth(1).unwrap();
        let field = |name: &str| {
            let found = head.iter().find_map(|line| line.strip_prefix(name));
            found.and_then(|rest| rest.strip_prefix(": ")).unwrap_or("none")
        };
        assert_eq!((field("cookie"), field("authorization")), ("none", "none"));
        let mut segments = target.split('/').skip(2);
        let kind: usize = segments.next().unwrap().parse().unwrap();
        let number: u64 = segments.next().unwrap().parse().unwrap();
        let object = Object { origin, kind, number };
        let version = world.current[object.index()].load(Ordering::SeqCst);
        let language = field("accept-language");
        let control = match KINDS[kind] {
            Kind::Fresh => "max-age=3600",
            Kind::Asked => "no-cache",
            Kind::NotKept => "no-store",
            Kind::Varying => "max-age=3600\r\nVary: Accept-Language",
        };
        let shown = if KINDS[kind] == Kind::Varying { language } else { "none" };
        let body = content(origin, target, shown, version);
        let tag = format!("\"{version}-{shown}\"");
        let answer = if field("if-none-match") == tag {
            format!("HTTP/1.1 304 Same\r\nETag: {tag}\r\nCache-Control: {control}\r\n\r\n")
        } else {
            let body = if head[0].starts_with("HEAD") { "" } else { &body };
            let length = content(origin, target, shown, version).len();
            format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nETag: {tag}\r\n\
                 Cache-Control: {control}\r\n\r\n{body}"
            )
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

struct Scene {
    pipeline: Pipeline,
    cache: Arc<Cache>,
    desk: Arc<DeliveryDesk>,
    world: Arc<World>,
    tokens: [String; 3],
}

async fn scene() -> Scene {
    let world = Arc::new(World::new());
    let mut config =
        "[edge]\nlisten = [\"127.0.0.1:0\"]\n[cache]\nmemory = \"256KiB\"\n".to_owned();
    for (number, name) in ORIGINS.iter().enumerate() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, number, Arc::clone(&world)));
        let _ = write!(
            config,
            "[[origin]]\nname = \"{name}\"\nkind = \"http\"\nurl = \"http://{address}\"\n\
             forward_request_headers = [\"accept-language\"]\n"
        );
    }
    // The first two sites have an origin each; the third origin is both sites'.
    for site in 0..2 {
        let _ = write!(
            config,
            "[[site]]\nhosts = [\"s{site}\"]\ntoken.keys = [{{ id = \"k\", file = \"k{site}\" }}]\n\
             [[site.route]]\nprefix = \"/own/\"\norigin = \"o{site}\"\n\
             [[site.route]]\nprefix = \"/both/\"\norigin = \"o2\"\n"
        );
    }
    let files = BTreeMap::from([
        ("/e/c.toml".into(), config.into_bytes()),
        ("/e/k0".into(), KEYS[0].into()),
        ("/e/k1".into(), KEYS[1].into()),
    ]);
    let surroundings = Surroundings::Fixed { files, variables: BTreeMap::new() };
    let loaded = load(Path::new("/e/c.toml"), &surroundings).unwrap();
    let desk = Arc::new(DeliveryDesk::open(loaded.origins, None).unwrap());
    let cache = Arc::new(Cache::open(&loaded.cache, None).unwrap());
    let publisher = SnapshotPublisher::new();
    publisher.publish(Arc::new(EdgeState {
        policy: EdgeSnapshot {
            version: 1,
            published: NOW,
            sites: Arc::new(loaded.sites),
            overrides: loaded.overrides,
            blocklist: Arc::new(Blocklist::empty()),
            revocations: Arc::new(loaded.revocations),
            anti_fraud: Arc::default(),
            control: None,
        },
        delivery: Arc::clone(&desk),
        cache: Some(Arc::clone(&cache)),
        settings: Arc::new(loaded.settings),
    }));
    let metrics = Metrics::register(&Registry::new()).unwrap();
    let (log, _) = LineWriter::start(io::sink(), metrics.log_lines_dropped.clone()).unwrap();
    let pipeline = Pipeline::new(publisher.reader(), Clock::Fixed(NOW), metrics, log);
    let token = |key: &str, expiry| {
        let id = KeyId::new("k");
        let key = SharedKey::from_hex(id, key, KeyPurpose::Vendor, KeyWindow::default()).unwrap();
        let rules = EdgeAuth::with_keys(Keyring::new(vec![key]));
        let request = SignRequest {
            scope: SignScope::Acl(&["/*"]),
            start: None,
            expiry: UnixSeconds::new(expiry),
            ip: None,
            id: None,
            payload: None,
            escape: None,
        };
        sign(&rules, rules.keyring.signer(NOW).unwrap(), &request).unwrap()
    };
    let tokens = [
        token(KEYS[0], NOW.get() + 60),
        token(KEYS[1], NOW.get() + 60),
        token(KEYS[0], NOW.get() - 1),
    ];
    Scene { pipeline, cache, desk, world, tokens }
}

const LANGUAGES: [Option<&str>; 3] = [None, Some("de"), Some("en")];

struct Asking<'a> {
    scene: &'a Scene,
    chance: Chance,
    task: u64,
}

impl Asking<'_> {
    fn object(&mut self, origin: usize) -> Object {
        let kind = usize::try_from(self.chance.below(KINDS.len() as u64)).unwrap();
        let number = match KINDS[kind] {
            Kind::Fresh | Kind::Varying => self.chance.below(OBJECTS),
            // A question that another task asked a moment ago may be answered with what was
            // current then: what must be current now is one task's own.
            Kind::Asked | Kind::NotKept => self.chance.below(OBJECTS / TASKS) * TASKS + self.task,
        };
        Object { origin, kind, number }
    }

    fn change(&mut self) {
        let origin = usize::try_from(self.chance.below(3)).unwrap();
        let object = self.object(origin);
        let world = &self.scene.world;
        let version = world.current[object.index()].fetch_add(1, Ordering::SeqCst) + 1;
        match KINDS[object.kind] {
            Kind::Asked | Kind::NotKept => {
                world.oldest[object.index()].store(version, Ordering::SeqCst);
            }
            Kind::Fresh | Kind::Varying if self.chance.below(2) == 0 => {
                let identity = self.scene.desk.identity(&OriginName::new(ORIGINS[origin])).unwrap();
                let prefix = if origin == 2 { "both" } else { "own" };
                let target = object.target(prefix);
                let scope = match self.chance.below(8) {
                    0 => PurgeScope::Everything,
                    1 => PurgeScope::Origin(identity),
                    2 => PurgeScope::Prefix(identity, target.as_str().into()),
                    _ => PurgeScope::Object(identity, OriginKey::Target(target.into())),
                };
                self.scene.cache.purge(&scope);
                world.oldest[object.index()].fetch_max(version, Ordering::SeqCst);
            }
            Kind::Fresh | Kind::Varying => {}
        }
    }

    async fn ask(&mut self) {
        let site = usize::try_from(self.chance.below(2)).unwrap();
        let (origin, prefix) = if self.chance.below(2) == 0 { (site, "own") } else { (2, "both") };
        let object = self.object(origin);
        let target = object.target(prefix);
        let shown = usize::try_from(self.chance.below(8)).unwrap();
        let (token, may) = match shown {
            0 => (None, false),
            1 => (Some(&self.scene.tokens[2]), false),
            2 => (Some(&self.scene.tokens[1 - site]), false),
            _ => (Some(&self.scene.tokens[site]), true),
        };
        let uri = match token {
            Some(token) => format!("{target}?__token__={token}"),
            None => target.clone(),
        };
        let language = LANGUAGES[usize::try_from(self.chance.below(3)).unwrap()];
        let mut request = Request::get(&uri).header("host", format!("s{site}"));
        if let Some(language) = language {
            request = request.header("accept-language", language);
        }
        let mut first = None;
        match self.chance.below(6) {
            0 => request = request.method(Method::HEAD),
            1 => {
                let from = usize::try_from(self.chance.below(9)).unwrap();
                request = request.header("range", format!("bytes={from}-"));
                first = Some(from);
            }
            2 => request = request.header("cache-control", "no-cache").header("cookie", "a=b"),
            3 => request = request.header("authorization", "Basic secret"),
            _ => {}
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let index = object.index();
        let oldest = self.scene.world.oldest[index].load(Ordering::SeqCst);
        let (status, tag, body) = self.scene.answer(&parts).await;
        let newest = self.scene.world.current[index].load(Ordering::SeqCst);
        if !may {
            assert_eq!(status, StatusCode::FORBIDDEN, "{uri}");
            return;
        }
        let wanted = first.map_or(StatusCode::OK, |_| StatusCode::PARTIAL_CONTENT);
        // An origin of this test knows no ranges: a whole is a right answer as well.
        assert!(status == wanted || status == StatusCode::OK, "{status} for {uri}");
        let (version, of) = tag.trim_matches('"').split_once('-').unwrap();
        let language = match KINDS[object.kind] {
            Kind::Varying => language.unwrap_or("none"),
            Kind::Asked | Kind::Fresh | Kind::NotKept => "none",
        };
        assert_eq!(of, language, "{uri}");
        let version: u64 = version.parse().unwrap();
        assert!(oldest <= version && version <= newest, "{oldest} {version} {newest}: {uri}");
        let whole = content(origin, &target, language, version);
        let expected = match status {
            _ if parts.method == Method::HEAD => "",
            StatusCode::PARTIAL_CONTENT => whole.split_at(first.unwrap_or(0)).1,
            _ => &whole,
        };
        assert_eq!(body, expected, "{uri}");
    }
}

impl Scene {
    async fn answer(&self, parts: &Parts) -> (StatusCode, String, Bytes) {
        let connection = ConnectionFacts {
            peer: PeerIp::new("192.0.2.1".parse().unwrap()),
            listener: "192.0.2.2:80".parse().unwrap(),
            transport: Transport::Plain,
            protocol: Protocol::Http1,
            outlet: None,
        };
        let answer = self.pipeline.answer(parts, BodyPresence::Absent, &connection).await;
        let (head, body) = answer.into_parts();
        let tag = head.headers.get("etag").map_or("", |it| it.to_str().unwrap()).to_owned();
        (head.status, tag, body.collect().await.unwrap().to_bytes())
    }
}

#[test]
fn every_hit_is_what_the_origin_would_have_given_and_was_permitted() {
    let requests = std::env::var("COUNTERSIGN_TEST_REQUESTS")
        .map_or(REQUESTS, |text| text.parse().expect("a number"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let scene = Arc::new(scene().await);
        let tasks = (0..TASKS).map(|task| {
            let scene = Arc::clone(&scene);
            tokio::spawn(async move {
                let chance = Chance(0x9e37_79b9_7f4a_7c15 ^ (task + 1));
                let mut asking = Asking { scene: &scene, chance, task };
                for _ in 0..requests / TASKS {
                    if asking.chance.below(200) == 0 {
                        asking.change();
                    }
                    asking.ask().await;
                }
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
}
