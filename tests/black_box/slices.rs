//! Large objects kept on a disk in slices, seen from both sides: what clients get, byte for byte, and
//! what the origin is asked.

use std::fs;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rustix::process::Signal;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::support::edge::{Edge, EdgeBuilder, NOW, usual_config, with_server};
use crate::support::fake_origin::{Asked, FakeOrigin};
use crate::support::process::Process;
use crate::support::raw_client::{Answer, Connection, PATIENCE};

const MIB: usize = 1 << 20;

/// Ten slices and a bit.
const LENGTH: usize = 10 * MIB + 12_345;

/// One object at an origin, and how it was asked for.
#[derive(Clone)]
struct Film(Arc<Mutex<Reel>>);

struct Reel {
    tag: &'static str,
    content: Arc<Vec<u8>>,
    asked: Vec<String>,
}

/// Bytes that tell where they are, and of which version.
fn content(version: u8) -> Arc<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(version);
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..LENGTH.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(LENGTH);
    Arc::new(bytes)
}

impl Film {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Reel { tag: "\"one\"", content: content(1), asked: Vec::new() })))
    }

    fn change(&self) {
        let mut reel = self.0.lock().unwrap();
        (reel.tag, reel.content) = ("\"two\"", content(2));
    }

    /// The ranges asked for since the last look.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    fn origin(&self) -> FakeOrigin {
        let film = self.clone();
        FakeOrigin::start(move |asked| film.answer(asked))
    }

    fn answer(&self, asked: &mut Asked) {
        let range = asked.field("range").map(str::to_owned);
        let (tag, content) = {
            let mut reel = self.0.lock().unwrap();
            reel.asked.push(range.clone().unwrap_or_else(|| "all".to_owned()));
            (reel.tag, Arc::clone(&reel.content))
        };
        let fields = format!("ETag: {tag}\r\nCache-Control: max-age=600\r\n");
        if asked.field("if-match").is_some_and(|it| it != tag) {
            asked.send(format!("HTTP/1.1 412 Changed\r\n{fields}Content-Length: 0\r\n\r\n"));
            return;
        }
        let part = range.map_or(0..LENGTH, |range| {
            let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let end = last.parse().map_or(LENGTH, |last: usize| LENGTH.min(last + 1));
            first.parse().unwrap()..end
        });
        let status = if part.len() == LENGTH {
            "200 OK\r\n".to_owned()
        } else {
            let (first, last) = (part.start, part.end - 1);
            format!("206 Part\r\nContent-Range: bytes {first}-{last}/{LENGTH}\r\n")
        };
        let length = part.len();
        asked.send(format!("HTTP/1.1 {status}{fields}Content-Length: {length}\r\n\r\n"));
        asked.send(&content[part]);
    }
}

fn builder(origin: SocketAddr, disk: &str) -> EdgeBuilder {
    let config = usual_config("", "").replacen("workers = 1", "workers = 2", 1);
    let disk = format!("[cache.disk]\npath = \"cache\"\nsize = \"1GiB\"\n{disk}\n[admin]");
    Edge::builder(with_server(&config.replacen("[admin]", &disk, 1), origin, "", "open"))
}

fn ask(edge: SocketAddr, fields: &str) -> Answer {
    let head = format!("GET /http/film HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    Connection::open(edge).ask(&head)
}

fn part(edge: SocketAddr, part: &Range<usize>) -> Answer {
    ask(edge, &format!("Range: bytes={}-{}\r\n", part.start, part.end - 1))
}

fn status(answer: &Answer) -> &str {
    answer.header("cache-status").unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Asks until every slice is in its file: the last ones are still being written when their bytes
/// have been sent already.
fn until_hit(edge: SocketAddr, fields: &str) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask(edge, fields);
        if status(&answer).contains("; hit") {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", status(&answer));
    }
}

fn files(below: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(below).into_iter().flatten().map(|it| it.unwrap().path());
    entries.flat_map(|it| if it.is_dir() { files(&it) } else { vec![it] }).collect()
}

#[test]
fn a_whole_object_is_asked_for_once() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").start();
    let expected = sha256(&content(1));
    let first = ask(edge.address(), "");
    assert_eq!((first.status, sha256(&first.body)), (200, expected.clone()));
    assert_eq!(status(&first), "countersign; fwd=uri-miss; stored");
    assert_eq!(film.asked(), ["all"]);
    let second = until_hit(edge.address(), "");
    assert_eq!((second.status, sha256(&second.body)), (200, expected));
    assert!(second.header("age").is_some() && second.header("etag") == Some("\"one\""));
    // Any part of it, several, and none.
    for (fields, expected) in [
        ("Range: bytes=3000000-7000000\r\n", &content(1)[3_000_000..=7_000_000]),
        ("Range: bytes=-5\r\n", &content(1)[LENGTH - 5..]),
        ("Range: bytes=1048575-1048576\r\n", &content(1)[MIB - 1..=MIB]),
    ] {
        let answer = ask(edge.address(), fields);
        assert_eq!((answer.status, sha256(&answer.body)), (206, sha256(expected)), "{fields}");
        assert!(status(&answer).contains("; hit"), "{}", status(&answer));
    }
    let several = ask(edge.address(), "Range: bytes=0-9, 5000000-5000009\r\n");
    assert_eq!(several.status, 206);
    let has = |part: &[u8]| several.body.windows(part.len()).any(|it| it == part);
    assert!(has(&content(1)[..10]) && has(&content(1)[5_000_000..5_000_010]));
    assert_eq!(ask(edge.address(), "If-None-Match: \"one\"\r\n").status, 304);
    assert_eq!(film.asked(), [""; 0]);
    assert_eq!(files(&edge.path("cache/slices")).len(), 11);
}

#[test]
fn a_part_fetches_its_slices_and_no_more() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").start();
    let middle = 4_300_000..5_300_000;
    for expected in [&["bytes=4194304-6291455"][..], &[]] {
        let answer = part(edge.address(), &middle);
        assert_eq!((answer.status, &answer.body[..]), (206, &content(1)[middle.clone()]));
        assert_eq!(film.asked(), expected);
    }
    // The origin gave those slices, and its head.
    assert!((2 * MIB..2 * MIB + 1000).contains(&(usize::try_from(origin.written()).unwrap())));
    // What touches them asks for the others only.
    until_hit(edge.address(), "Range: bytes=4300000-5299999\r\n");
    let answer = part(edge.address(), &(3_200_000..7_000_000));
    assert_eq!(status(&answer).split("; ttl").next(), Some("countersign; fwd=partial; stored"));
    assert_eq!(answer.body, content(1)[3_200_000..7_000_000]);
    assert_eq!(film.asked(), ["bytes=3145728-4194303", "bytes=6291456-7340031"]);
    let head = "HEAD /http/film HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut connection = Connection::open(edge.address());
    connection.send(head);
    let length = connection.head_answer().unwrap().header("content-length").map(str::to_owned);
    assert_eq!(length, Some(LENGTH.to_string()));
    assert_eq!(film.asked(), [""; 0]);
    let (_, log) = edge.stop();
    let of = |status: &str| log.iter().filter(|line| line["cache"] == status).count();
    assert_eq!(of("miss"), 1);
    assert!(of("partial") >= 1 && of("hit") >= 2);
}

/// Many clients, one cold object: each slice is asked for once.
#[test]
fn slices_are_shared_while_they_are_filled() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").start();
    let address = edge.address();
    let clients: Vec<_> =
        (0..8).map(|_| std::thread::spawn(move || sha256(&ask(address, "").body))).collect();
    let expected = sha256(&content(1));
    for client in clients {
        assert_eq!(client.join().unwrap(), expected);
    }
    // A reader that is a whole slice behind may find the origin's answer taken by another.
    let asked = film.asked();
    assert_eq!(asked.iter().filter(|it| *it == "all").count(), 1, "{asked:?}");
    assert!(usize::try_from(origin.written()).unwrap() < 2 * LENGTH, "{asked:?}");
}

#[test]
fn versions_are_never_mixed() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").start();
    assert_eq!(part(edge.address(), &(0..MIB)).status, 206);
    film.change();
    let mut connection = Connection::open(edge.address());
    connection.send("GET /http/film HTTP/1.1\r\nHost: a\r\nRange: bytes=0-3145727\r\n\r\n");
    let head = connection.head_answer().unwrap();
    assert_eq!((head.status, head.header("etag")), (206, Some("\"one\"")));
    let body = connection.rest();
    assert!(body.len() <= MIB && body == content(1)[..body.len()], "{}", body.len());
    // From now on it is the other.
    let answer = part(edge.address(), &(0..3 * MIB));
    assert_eq!(answer.header("etag"), Some("\"two\""));
    assert!(answer.body == content(2)[..3 * MIB]);
    assert!(ask(edge.address(), "").body == *content(2));
}

#[test]
fn a_reload_keeps_the_slices() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").spawn();
    assert_eq!(part(edge.address(), &(0..MIB)).status, 206);
    until_hit(edge.address(), "Range: bytes=0-9\r\n");
    film.asked();
    edge.signal(Signal::HUP);
    edge.wait_for(|it| it["message"] == "configuration reloaded");
    let answer = part(edge.address(), &(5..MIB));
    assert!(status(&answer).contains("; hit") && answer.body == content(1)[5..MIB]);
    assert_eq!(film.asked(), [""; 0]);
}

/// Promise 15: killed in the middle of fills, again and again, and its files damaged meanwhile.
#[test]
fn what_was_killed_serves_right_bytes_when_it_is_back() {
    let film = Film::new();
    let origin = film.origin();
    let whole = content(1);
    let mut folder = builder(origin.address(), "slice = \"256KiB\"").write();
    for round in 0..6 {
        let edge = Process::start(folder, &["--clock", &NOW.to_string()]);
        let mut clients: Vec<_> = (0..3)
            .map(|client| {
                let first = client * 3 * MIB;
                let mut connection = Connection::open(edge.address());
                let range = format!("Range: bytes={first}-\r\n");
                connection.send(format!("GET /http/film HTTP/1.1\r\nHost: a\r\n{range}\r\n"));
                assert_eq!(connection.head_answer().unwrap().status, 206);
                (connection, first)
            })
            .collect();
        for (connection, first) in &mut clients {
            let length = MIB / 3 * (round + 1);
            let got = connection.take(length).unwrap();
            assert!(got == whole[*first..*first + length], "round {round}");
        }
        folder = edge.kill();
        let slices = files(&folder.path().join("cache/slices"));
        if let [cut, bent, .., grown] = &slices[..] {
            fs::File::options().write(true).open(cut).unwrap().set_len(1000).unwrap();
            let mut bytes = fs::read(bent).unwrap();
            // It may be the one that was cut the last time, if nobody has looked since.
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(bent, bytes).unwrap();
            fs::copy(bent, grown).unwrap();
        }
        fs::write(folder.path().join("cache/writing/99999"), "half a sl").unwrap();
        fs::write(folder.path().join("cache/slices/stray"), "no slice").unwrap();
    }
    let edge = Process::start(folder, &["--clock", &NOW.to_string()]);
    let found = edge.wait_for(|it| it["event"] == "slices_found");
    assert!(found["slices"].as_u64().unwrap() > 3, "{found}");
    let expected = sha256(&whole);
    assert_eq!(sha256(&ask(edge.address(), "").body), expected);
    film.asked();
    assert_eq!(sha256(&until_hit(edge.address(), "").body), expected);
    assert_eq!(film.asked(), [""; 0]);
    let folder = edge.kill();

    // Whole files are used again, once the origin has said that the version is theirs.
    let edge = Process::start(folder, &["--clock", &NOW.to_string()]);
    let found = edge.wait_for(|it| it["event"] == "slices_found");
    assert_eq!(found["slices"].as_u64(), Some(LENGTH.div_ceil(256 << 10) as u64));
    let answer = part(edge.address(), &(300..5000));
    assert!(status(&answer).contains("fwd=uri-miss") && answer.body == whole[300..5000]);
    assert_eq!(film.asked(), ["bytes=0-262143"]);
    let answer = ask(edge.address(), "");
    assert!(status(&answer).contains("; hit"), "{}", status(&answer));
    assert_eq!(sha256(&answer.body), expected);
    assert_eq!(film.asked(), [""; 0]);
}

/// What the origin has to say shows before an answer has begun, where its first byte is not here.
#[test]
fn an_origin_is_asked_before_an_answer_begins() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").start();
    assert!(part(edge.address(), &(0..MIB)).body == content(1)[..MIB]);
    film.change();
    let answer = part(edge.address(), &(5 * MIB..6 * MIB));
    assert_eq!((answer.status, answer.header("etag")), (206, Some("\"two\"")));
    assert!(answer.body == content(2)[5 * MIB..6 * MIB]);
    drop(origin);
    let answer = part(edge.address(), &(8 * MIB..9 * MIB));
    assert_eq!((answer.status, answer.code()), (502, Some("origin_unreachable")));
    // What is here needs no origin.
    let here = until_hit(edge.address(), "Range: bytes=5242880-6291455\r\n");
    assert!(here.body == content(2)[5 * MIB..6 * MIB]);
}

/// The folder goes bad while it runs: requests are answered from the origin, and it is counted.
#[test]
fn a_disk_that_fails_costs_only_the_cache() {
    let film = Film::new();
    let origin = film.origin();
    let edge = builder(origin.address(), "").spawn();
    fs::remove_dir(edge.path("cache/writing")).unwrap();
    fs::write(edge.path("cache/writing"), "in the way").unwrap();
    for _ in 0..2 {
        assert!(ask(edge.address(), "").body == *content(1));
    }
    edge.wait_for(|it| it["message"].as_str().is_some_and(|it| it.contains("disk of the cache")));
    assert_eq!(files(&edge.path("cache/slices")).len(), 0);
    let count = edge.metric("countersign_cache_disk_failures_total{kind=\"write\"}");
    assert!((1..=20).contains(&count), "{count}");
}
