//! Bodies of every size at which the way of their bytes changes, compared by digest end to end: from
//! disk, from nginx, from the memory and the slices of the cache; in the clear, over TLS and over
//! HTTP/2; whole, in ranges, to clients that stall and after clients that leave.
//!
//! `COUNTERSIGN_TEST_LARGEST`, in MiB, adds bodies up to that size: 16 in `tests/run`; the run with
//! 1024 is kept in `benches/runs/`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use tokio::time::Instant;

use crate::support::bodies::{self, Sum};
use crate::support::chance::Chance;
use crate::support::descriptors::Descriptors;
use crate::support::edge::{Edge, usual_config};
use crate::support::nginx::Nginx;
use crate::support::process::Process;
use crate::support::raw_client::{Connection, PATIENCE};
use crate::support::tls::{Certificate, LISTENER};
use crate::support::tools::tool;

pub(crate) const KIB: usize = 1024;
pub(crate) const MIB: usize = 1024 * KIB;

/// The largest that the cache keeps in memory; larger ones are in slices of 1 MiB.
const MAX_OBJECT: usize = 512 * KIB;

/// Where an object of a size comes from: the disk, the origin each time, the cache.
pub(crate) const FOLDERS: [&str; 3] = ["open", "pass", "http"];

/// Around each threshold: a first read with its head, what is copied of an end, a buffer, what is
/// worth passing by with and without a first read before it, a large buffer, what the memory keeps,
/// a pipe or part, a slice.
fn sizes() -> Vec<usize> {
    let largest = std::env::var("COUNTERSIGN_TEST_LARGEST").map_or(16, |it| it.parse().unwrap());
    let around =
        [4, 8, 16, 64, 128, 132, 136, 256, 512, 1024, 1028, 1040, 2048].map(|kib| kib * KIB);
    let near = around.into_iter().flat_map(|at| [at - 1, at, at + 1]);
    let large = [8 * MIB + 7, 16 * MIB, 64 * MIB + 1, 256 * MIB, 1024 * MIB];
    [0, 1]
        .into_iter()
        .chain(near)
        .chain(large.into_iter().filter(|it| it / MIB <= largest))
        .collect()
}

/// An edge, the origin behind it, and the files that both serve.
pub(crate) struct Stage {
    edge: Process,
    certificate: Certificate,
    nginx: Nginx,
}

impl Stage {
    pub(crate) fn of(sizes: &[usize]) -> Self {
        Self::with(sizes, "size = \"32GiB\"", &[])
    }

    /// With these settings of the cache's disk, and these blocklists.
    pub(crate) fn with(sizes: &[usize], disk: &str, blocklists: &[(&str, &str)]) -> Self {
        let (nginx, certificate) = (Nginx::start(), Certificate::of(&["localhost"]));
        for folder in FOLDERS {
            fs::create_dir_all(nginx.path(folder)).unwrap();
        }
        for size in sizes {
            let [first, others @ ..] =
                FOLDERS.map(|folder| nginx.path(folder).join(format!("b{size}.bin")));
            bodies::write(*size, fs::File::create(&first).unwrap());
            for other in others {
                fs::hard_link(&first, other).unwrap();
            }
        }
        let lists: Vec<_> = blocklists.iter().map(|(name, _)| format!("{name:?}")).collect();
        let lists = format!("blocklists = [{}]", lists.join(", "));
        let config = usual_config(&lists, "default_ttl = \"1h\"")
            .replace("root = \"media\"", &format!("root = \"{}\"", nginx.path("").display()))
            .replacen(
                "[admin]",
                &format!(
                    "[cache]\nmax_object = \"512KiB\"\n[cache.disk]\npath = \"cache\"\n\
                     {disk}\n[admin]"
                ),
                1,
            )
            .replacen(
                "[[site]]",
                &format!(
                    "[[origin]]\nname = \"server\"\nkind = \"http\"\nurl = \"http://{}\"\n[[site]]",
                    nginx.address()
                ),
                1,
            );
        let route = |prefix: &str, more: &str| {
            format!(
                "\n  [[site.route]]\n  prefix = \"/{prefix}/\"\n  access = \"open\"\n  \
                 origin = \"server\"\n{more}"
            )
        };
        let config =
            config + &route("http", "") + &route("pass", "  cache = \"off\"\n") + "\n" + LISTENER;
        let builder = Edge::builder(config)
            .file("tls/site.pem", &certificate.pem)
            .file("tls/site.key", &certificate.key);
        let folder =
            blocklists.iter().fold(builder, |it, (name, text)| it.file(name, text)).write();
        // By the real clock, as nginx: what is kept is fresh.
        Self { edge: Process::start(folder, &[]), certificate, nginx }
    }

    /// Kills the edge as the system would, and starts it again as it was left.
    pub(crate) fn kill_and_start(self) -> Self {
        Self { edge: Process::start(self.edge.kill(), &[]), ..self }
    }

    pub(crate) fn plain(&self) -> SocketAddr {
        self.edge.addresses()[0]
    }

    pub(crate) fn tls(&self) -> SocketAddr {
        self.edge.addresses()[1]
    }

    pub(crate) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    pub(crate) fn edge(&self) -> &Process {
        &self.edge
    }

    /// Stops the edge, and gives its exit status.
    pub(crate) fn stop(self) -> Option<i32> {
        self.edge.stop().0
    }

    /// Begins to ask for these in turn, by this way.
    fn begin(&self, way: Way, asks: &[Ask]) -> Asking {
        match way {
            Way::Plain => Asking::One(Connection::open(self.plain())),
            Way::Tls => Asking::One(self.certificate.connect(self.tls(), "localhost", "http/1.1")),
            Way::Http2 => Asking::Curl(Curl::start(self, asks)),
        }
    }

    /// Asks for these in turn on one connection. Each must come as it is; what the cache did is
    /// told.
    fn fetch(&self, way: Way, asks: &[Ask], sums: &mut Sums) -> Vec<String> {
        let mut asking = self.begin(way, asks);
        for ask in asks {
            asking.head(ask);
            let sum = bodies::sum_of(ask.count, |most| asking.take(most));
            assert!(sum == Some(sums.of(ask)), "{way:?} {ask:?}");
        }
        asking.end(asks)
    }

    /// The same until all of it comes from the cache: slices are still being written when their
    /// bytes have been sent.
    fn fetch_hits(&self, way: Way, asks: &[Ask], sums: &mut Sums) {
        let began = Instant::now();
        loop {
            let statuses = self.fetch(way, asks, sums);
            if statuses.iter().all(|it| it.contains("; hit")) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{statuses:?}");
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Plain,
    Tls,
    Http2,
}

const WAYS: [Way; 3] = [Way::Plain, Way::Tls, Way::Http2];

/// So many bytes of an object, from that one on.
#[derive(Clone, Debug)]
struct Ask {
    path: String,
    size: usize,
    first: usize,
    count: usize,
}

impl Ask {
    /// `apart` keeps objects apart that would be one to the cache.
    fn whole(folder: &str, size: usize, apart: &str) -> Self {
        Self { path: format!("/{folder}/b{size}.bin?{apart}"), size, first: 0, count: size }
    }

    fn part(&self, first: usize, last: usize) -> Self {
        Self { first, count: last + 1 - first, ..self.clone() }
    }

    fn range(&self) -> Option<String> {
        (self.count < self.size).then(|| format!("{}-{}", self.first, self.first + self.count - 1))
    }

    fn status(&self) -> u16 {
        if self.range().is_some() { 206 } else { 200 }
    }
}

/// The right digests, each made once.
#[derive(Default)]
struct Sums(BTreeMap<(usize, usize, usize), Sum>);

impl Sums {
    fn of(&mut self, ask: &Ask) -> Sum {
        let Ask { size, first, count, .. } = *ask;
        *self.0.entry((size, first, count)).or_insert_with(|| bodies::sum(size, first, count))
    }
}

/// A client in the middle of its downloads.
enum Asking {
    One(Connection),
    Curl(Curl),
}

impl Asking {
    /// Asks for this one, and reads the head of its answer.
    fn head(&mut self, ask: &Ask) {
        // curl has its whole list already.
        let Self::One(connection) = self else { return };
        let range = ask.range().map_or_else(String::new, |it| format!("Range: bytes={it}\r\n"));
        connection.send(format!("GET {} HTTP/1.1\r\nHost: localhost\r\n{range}\r\n", ask.path));
        let answer = connection.head_answer().unwrap();
        assert_eq!(answer.status, ask.status(), "{ask:?}");
        assert_eq!(answer.header("content-length"), Some(&*ask.count.to_string()), "{ask:?}");
        if let Some(status) = answer.header("cache-status") {
            STATUSES.with_borrow_mut(|all| all.push(status.to_owned()));
        }
    }

    /// No more bytes of the body than that, and one at least; none where it broke off.
    fn take(&mut self, most: usize) -> Option<Vec<u8>> {
        match self {
            Self::One(connection) => connection.take(most),
            Self::Curl(curl) => curl.take(most),
        }
    }

    /// Nothing more comes; what the cache did for each.
    fn end(self, asks: &[Ask]) -> Vec<String> {
        match self {
            Self::One(_) => STATUSES.take(),
            Self::Curl(curl) => curl.end(asks),
        }
    }
}

thread_local! {
    static STATUSES: std::cell::RefCell<Vec<String>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// A curl whose standard output is one body after the other. It stops reading while nobody takes.
struct Curl {
    child: Child,
    out: ChildStdout,
}

impl Curl {
    fn start(stage: &Stage, asks: &[Ask]) -> Self {
        let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        for (number, ask) in asks.iter().enumerate() {
            if number > 0 {
                curl.arg("--next");
            }
            curl.args(["-sS", "--http2", "--max-time", "300"]);
            curl.args(["-w", "%{stderr}%{http_version} %{http_code} %header{cache-status}\n"]);
            curl.arg("--cacert").arg(stage.edge.path("tls/site.pem"));
            if let Some(range) = ask.range() {
                curl.args(["-r", &range]);
            }
            curl.arg(format!("https://localhost:{}{}", stage.tls().port(), ask.path));
        }
        let mut child = curl.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        Self { child, out }
    }

    fn take(&mut self, most: usize) -> Option<Vec<u8>> {
        let mut piece = vec![0; most];
        let read = self.out.read(&mut piece).unwrap();
        piece.truncate(read);
        (read > 0).then_some(piece)
    }

    fn end(mut self, asks: &[Ask]) -> Vec<String> {
        assert_eq!(self.take(1), None, "more than was asked for");
        let said = self.child.wait_with_output().unwrap();
        let text = String::from_utf8(said.stderr).unwrap();
        assert!(said.status.success(), "{text}");
        assert_eq!(text.lines().count(), asks.len(), "{text}");
        let lines = text.lines().zip(asks).map(|(line, ask)| {
            let status = line.strip_prefix(&format!("2 {} ", ask.status()));
            status.unwrap_or_else(|| panic!("{line} {ask:?}")).to_owned()
        });
        lines.filter(|it| !it.is_empty()).collect()
    }
}

#[test]
fn every_size_arrives_byte_for_byte_by_every_way() {
    let sizes = sizes();
    let (stage, mut sums) = (Stage::of(&sizes), Sums::default());
    for way in WAYS {
        let apart = format!("{way:?}");
        let asks = |folder| sizes.iter().map(|size| Ask::whole(folder, *size, &apart)).collect();
        let [disk, pass, cached]: [Vec<Ask>; 3] = FOLDERS.map(asks);
        stage.fetch(way, &disk, &mut sums);
        let passed = stage.fetch(way, &pass, &mut sums);
        assert!(passed.iter().all(|it| !it.contains("stored")), "{passed:?}");
        let stored = stage.fetch(way, &cached, &mut sums);
        assert_eq!(stored.len(), sizes.len());
        assert!(stored.iter().all(|it| it.ends_with("fwd=uri-miss; stored")), "{stored:?}");
        stage.fetch_hits(way, &cached, &mut sums);
    }
    let slices = stage.edge.path("cache/slices");
    assert!(fs::read_dir(slices).unwrap().count() > 0, "nothing was kept in slices");
    println!("{} sizes up to {} bytes", sizes.len(), sizes.last().unwrap());
    let (status, log) = stage.edge.stop();
    assert_eq!(status, Some(0));
    let mut lines = 0;
    for line in log.iter().filter(|line| line["event"] == "request") {
        let path = line["path"].as_str().unwrap();
        let size = path.rsplit('b').nth(1).and_then(|it| it.strip_suffix('.')).unwrap();
        assert_eq!(line["bytes"].to_string(), size, "{line}");
        assert_eq!(line["complete"], "complete", "{line}");
        lines += 1;
    }
    assert!(lines >= WAYS.len() * 4 * sizes.len(), "{lines}");
}

#[test]
fn ranges_of_large_files_arrive_byte_for_byte() {
    let (size, small) = (5 * MIB + 3, MAX_OBJECT);
    let (stage, mut sums) = (Stage::of(&[size, small]), Sums::default());
    for (number, way) in WAYS.into_iter().enumerate() {
        for folder in FOLDERS {
            // Each way begins with what is not kept: slices come part by part.
            let ask = Ask::whole(folder, size, &number.to_string());
            let parts = [
                (0, 0),
                (0, 128 * KIB - 1),
                (0, 128 * KIB),
                (5, 5 + 144 * KIB),
                (MIB - 1, MIB),
                (MIB, 2 * MIB - 1),
                (MIB - 1, 3 * MIB + 1),
                (1, size - 1),
                (size - 200 * KIB, size - 1),
                (size - 1, size - 1),
            ];
            let mut asks: Vec<Ask> = parts.map(|(first, last)| ask.part(first, last)).into();
            let small = Ask::whole(folder, small, "");
            asks.extend(
                [(0, 0), (1, 300 * KIB), (MAX_OBJECT - 1, MAX_OBJECT - 1)]
                    .map(|(first, last)| small.part(first, last)),
            );
            stage.fetch(way, &asks, &mut sums);
            if folder == "http" {
                stage.fetch_hits(way, &asks, &mut sums);
            }
        }
    }
    for folder in FOLDERS {
        let mut connection = Connection::open(stage.plain());
        let answer = connection.ask(&format!(
            "GET /{folder}/b{size}.bin HTTP/1.1\r\nHost: a\r\nRange: bytes=0-299999,1000000-2999999\r\n\r\n"
        ));
        let at = |part: &[u8]| answer.body.windows(part.len()).any(|it| it == part);
        let parts = [(0, 300_000), (1_000_000, 2_000_000)];
        let parts = parts.map(|(first, count)| bodies::content(size, first, count));
        assert!(parts.iter().all(|part| at(part)), "{folder}");
    }
}

/// All are begun, none goes on until those after it are over: what is sent meanwhile waits wherever
/// there is room for it.
#[test]
fn clients_that_stall_get_every_byte_when_they_go_on() {
    let sizes = [300 * KIB, 5 * MIB + 3, 24 * MIB];
    let (stage, mut sums) = (Stage::of(&sizes), Sums::default());
    for round in ["cold", "kept"] {
        let mut stalled = Vec::new();
        for way in WAYS {
            for folder in FOLDERS {
                for size in sizes {
                    let ask = Ask::whole(folder, size, &format!("{way:?}"));
                    let mut asking = stage.begin(way, std::slice::from_ref(&ask));
                    asking.head(&ask);
                    let mut begun = Vec::new();
                    while begun.len() < 100 * KIB {
                        begun.extend(asking.take(100 * KIB - begun.len()).unwrap());
                    }
                    assert!(begun == bodies::content(size, 0, begun.len()), "{round} {ask:?}");
                    stalled.push((way, ask, asking));
                }
            }
        }
        for (way, ask, mut asking) in stalled.into_iter().rev() {
            let rest = ask.part(100 * KIB, ask.size - 1);
            let sum = bodies::sum_of(rest.count, |most| asking.take(most));
            assert!(sum == Some(sums.of(&rest)), "{round} {way:?} {ask:?}");
            asking.end(&[ask]);
        }
    }
}

#[test]
fn clients_that_leave_got_the_right_bytes_and_others_still_do() {
    let sizes = [300 * KIB, 5 * MIB + 3];
    let (stage, mut sums) = (Stage::of(&sizes), Sums::default());
    let mut chance = Chance(15);
    for way in [Way::Plain, Way::Tls] {
        for folder in FOLDERS {
            for size in sizes {
                let ask = Ask::whole(folder, size, &format!("{way:?}"));
                for leave in [0, 1, 16 * KIB, 128 * KIB + 1]
                    .into_iter()
                    .chain((0..12).map(|_| chance.below(size)))
                {
                    let mut asking = stage.begin(way, std::slice::from_ref(&ask));
                    asking.head(&ask);
                    let begun = asking.take(leave).unwrap();
                    assert!(begun == bodies::content(size, 0, leave), "{way:?} {ask:?} {leave}");
                }
                STATUSES.take();
                stage.fetch(way, &[ask], &mut sums);
            }
        }
    }
}

#[test]
fn a_file_that_is_shortened_under_its_download_cuts_it_off_and_leaves_nothing_behind() {
    let size = 64 * MIB;
    let stage = Stage::of(&[size]);
    let before = Descriptors::of(stage.edge().id());
    let mut connection = Connection::open(stage.plain());
    connection.send(format!("GET /open/b{size}.bin HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(connection.take(300 * KIB).is_some());
    let file = stage.nginx.path("open").join(format!("b{size}.bin"));
    fs::File::options().write(true).open(file).unwrap().set_len(KIB as u64).unwrap();
    // Whatever was on its way by then arrives.
    let rest = connection.rest();
    assert!(rest.len() < size - 300 * KIB, "{} bytes", rest.len());
    let began = Instant::now();
    while !Descriptors::of(stage.edge().id()).within(before) {
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "{before:?} before");
        std::thread::yield_now();
    }
    let (status, log) = stage.edge.stop();
    assert_eq!(status, Some(0));
    let line = log.iter().find(|line| line["event"] == "request").unwrap();
    assert_eq!(line["complete"], "aborted", "{line}");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("the file has become shorter"), "{error}");
}
