//! Bodies of every size at which the way of their bytes changes, compared by digest end to end: from
//! disk and from nginx, in the clear, over TLS and over HTTP/2, whole and in ranges.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::support::command::said;
use crate::support::edge::{Edge, EdgeBuilder, usual_config, with_server};
use crate::support::nginx::Nginx;
use crate::support::raw_client::Connection;
use crate::support::tls::{Certificate, LISTENER};
use crate::support::tools::tool;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Around each threshold: a first read with its head, what is copied of an end, a buffer, what is
/// worth passing by with and without a first read before it, a large buffer, a pipe or part.
fn sizes() -> Vec<usize> {
    let around = [4, 8, 16, 64, 128, 132, 136, 256, 1024, 1028, 2048].map(|kib| kib * KIB);
    let near = around.into_iter().flat_map(|at| [at - 1, at, at + 1]);
    [0, 1, 8 * MIB + 7].into_iter().chain(near).collect()
}

/// Bytes that differ wherever they could be mixed up.
fn content(size: usize) -> Vec<u8> {
    let mut state = size as u64 | 1;
    let mut words = Vec::with_capacity(size + 8);
    while words.len() < size {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        words.extend_from_slice(&(state >> 16).to_le_bytes());
    }
    words.truncate(size);
    words
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn name(size: usize) -> String {
    format!("b{size}.bin")
}

/// An edge that has these files on disk under `/open/` and behind nginx under `/http/`, with a
/// second listener for TLS.
fn builder(nginx: &Nginx, certificate: &Certificate, sizes: &[usize]) -> EdgeBuilder {
    let config = with_server(&usual_config("", ""), nginx.address(), "", "open");
    let mut builder = Edge::builder(config + "\n" + LISTENER)
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key);
    for size in sizes {
        let content = content(*size);
        let served = nginx.path(&format!("http/{}", name(*size)));
        std::fs::create_dir_all(served.parent().unwrap()).unwrap();
        std::fs::write(served, &content).unwrap();
        builder = builder.file(&format!("media/open/{}", name(*size)), &content);
    }
    builder
}

fn request(path: &str, range: &str) -> String {
    let range = if range.is_empty() { String::new() } else { format!("Range: bytes={range}\r\n") };
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{range}\r\n")
}

#[test]
fn every_size_arrives_byte_for_byte_by_every_way() {
    let (nginx, certificate, sizes) = (Nginx::start(), Certificate::of(&["localhost"]), sizes());
    let edge = builder(&nginx, &certificate, &sizes).start();
    let [plain, tls] = *edge.addresses() else { panic!("two listeners") };
    for folder in ["open", "http"] {
        let ways = [
            ("plain", Connection::open(plain)),
            ("tls", certificate.connect(tls, "localhost", "http/1.1")),
        ];
        for (way, mut connection) in ways {
            for size in &sizes {
                let path = format!("/{folder}/{}", name(*size));
                let answer = connection.ask(&request(&path, ""));
                assert_eq!(answer.status, 200, "{way} {path}");
                assert_eq!(answer.body.len(), *size, "{way} {path}");
                assert_eq!(digest(&answer.body), digest(&content(*size)), "{way} {path}");
            }
        }
    }
    // All over one connection of HTTP/2.
    let got = edge.path("got");
    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    curl.args(["-sS", "--http2", "--max-time", "120", "-w", "%{http_version}\n", "--create-dirs"]);
    curl.arg("--cacert").arg(edge.path("tls/site.pem"));
    for folder in ["open", "http"] {
        for size in &sizes {
            curl.arg("-o").arg(got.join(folder).join(name(*size)));
            curl.arg(format!("https://localhost:{}/{folder}/{}", tls.port(), name(*size)));
        }
    }
    let answer = said(&mut curl, b"");
    assert_eq!(answer.status, 0, "{}", answer.err);
    assert_eq!(answer.out, "2\n".repeat(2 * sizes.len()));
    for folder in ["open", "http"] {
        for size in &sizes {
            let bytes = std::fs::read(got.join(folder).join(name(*size))).unwrap_or_default();
            assert_eq!(digest(&bytes), digest(&content(*size)), "h2 {folder} {size}");
        }
    }
    let (_, log) = edge.stop();
    assert_eq!(log.len(), 6 * sizes.len());
    for line in log {
        let path = line["path"].as_str().unwrap();
        let size = path.rsplit('b').nth(1).and_then(|it| it.strip_suffix('.')).unwrap();
        assert_eq!(line["bytes"].to_string(), size, "{line}");
        assert_eq!(line["complete"], "complete", "{line}");
    }
}

#[test]
fn ranges_of_large_files_arrive_byte_for_byte() {
    let (nginx, certificate, size) = (Nginx::start(), Certificate::of(&["localhost"]), 5 * MIB + 3);
    let edge = builder(&nginx, &certificate, &[size]).start();
    let content = content(size);
    for folder in ["open", "http"] {
        let mut connection = Connection::open(edge.addresses()[0]);
        for (first, last) in [
            (0, 0),
            (0, 128 * KIB - 1),
            (0, 128 * KIB),
            (5, 5 + 144 * KIB),
            (1, size - 1),
            (MIB - 1, 3 * MIB + 1),
            (size - 200 * KIB, size - 1),
        ] {
            let answer = connection
                .ask(&request(&format!("/{folder}/{}", name(size)), &format!("{first}-{last}")));
            assert_eq!(answer.status, 206);
            assert_eq!(
                digest(&answer.body),
                digest(&content[first..=last]),
                "{folder} {first}-{last}"
            );
        }
        let answer = connection
            .ask(&request(&format!("/{folder}/{}", name(size)), "0-299999,1000000-2999999"));
        let at = |part: &[u8]| answer.body.windows(part.len()).any(|it| it == part);
        assert!(at(&content[..=299_999]) && at(&content[1_000_000..=2_999_999]), "{folder}");
    }
}

/// Descriptors of a process, and how many of them are pipes.
fn descriptors(process: u32) -> (usize, usize) {
    let links: Vec<_> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .map(|link| link.to_string_lossy().into_owned())
        .collect();
    (links.len(), links.iter().filter(|link| link.starts_with("pipe:")).count())
}

/// Waits until the process has no more descriptors than that.
fn settle(process: u32, most: usize) -> bool {
    let began = tokio::time::Instant::now();
    while descriptors(process).0 > most {
        if began.elapsed() > std::time::Duration::from_secs(20) {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

#[test]
fn downloads_that_are_broken_off_leave_no_descriptor_behind() {
    let (nginx, certificate, size) = (Nginx::start(), Certificate::of(&["localhost"]), 64 * MIB);
    let edge = builder(&nginx, &certificate, &[size]).spawn();
    let plain: SocketAddr = edge.addresses()[0];
    let begin = |folder: &str| {
        let mut connection = Connection::open(plain);
        connection.send(request(&format!("/{folder}/{}", name(size)), ""));
        assert!(connection.take(300 * KIB).is_some());
        connection
    };
    let (_, pipes_before) = descriptors(edge.id());
    // Held open unread, what the server sends is in a pipe: else this test would show nothing.
    let held = ["open", "http"].map(begin);
    let began = tokio::time::Instant::now();
    while descriptors(edge.id()).1 < pipes_before + 2 {
        assert!(began.elapsed() < std::time::Duration::from_secs(20), "no pipes");
        std::thread::yield_now();
    }
    drop(held);
    for folder in ["open", "http"] {
        for _ in 0..50 {
            drop(begin(folder));
        }
    }
    // Those at rest: pipes that wait for their next use, idle connections to the origin.
    let rest = descriptors(edge.id()).0 + 16;
    assert!(settle(edge.id(), rest));
    for _ in 0..1500 {
        drop(begin("open"));
        drop(begin("http"));
    }
    assert!(settle(edge.id(), rest), "{:?} descriptors, {rest} before", descriptors(edge.id()));
    let (status, _) = edge.stop();
    assert_eq!(status, Some(0));
}

#[test]
fn a_file_that_is_shortened_under_its_download_cuts_it_off_and_leaves_nothing_behind() {
    let (nginx, certificate, size) = (Nginx::start(), Certificate::of(&["localhost"]), 64 * MIB);
    let edge = builder(&nginx, &certificate, &[size]).spawn();
    let before = descriptors(edge.id()).0;
    let mut connection = Connection::open(edge.addresses()[0]);
    connection.send(request(&format!("/open/{}", name(size)), ""));
    assert!(connection.take(300 * KIB).is_some());
    let file = edge.path(&format!("media/open/{}", name(size)));
    std::fs::File::options().write(true).open(file).unwrap().set_len(KIB as u64).unwrap();
    // Whatever was on its way by then arrives.
    let rest = connection.rest();
    assert!(rest.len() < size - 300 * KIB, "{} bytes", rest.len());
    assert!(settle(edge.id(), before), "{:?} descriptors, {before} before", descriptors(edge.id()));
    let (status, log) = edge.stop();
    assert_eq!(status, Some(0));
    let line = log.iter().find(|line| line["event"] == "request").unwrap();
    assert_eq!(line["complete"], "aborted", "{line}");
    let error = line["error"].as_str().unwrap();
    assert!(error.contains("the file has become shorter"), "{error}");
}

#[test]
fn more_large_downloads_than_pipes_are_served_all_the_same() {
    let (nginx, certificate, size) = (Nginx::start(), Certificate::of(&["localhost"]), 32 * MIB);
    let edge = builder(&nginx, &certificate, &[size]).spawn();
    let begin = |folder: &str| {
        let mut connection = Connection::open(edge.addresses()[0]);
        connection.send(request(&format!("/{folder}/{}", name(size)), ""));
        assert!(connection.take(300 * KIB).is_some());
        connection
    };
    let held: Vec<Connection> =
        (0..countersign::splice::MOST_PIPES + 8).map(|_| begin("http")).collect();
    let began = tokio::time::Instant::now();
    while descriptors(edge.id()).1 < 2 * countersign::splice::MOST_PIPES {
        assert!(
            began.elapsed() < std::time::Duration::from_secs(20),
            "{:?}",
            descriptors(edge.id())
        );
        std::thread::yield_now();
    }
    for folder in ["open", "http"] {
        let mut connection = Connection::open(edge.addresses()[0]);
        let answer = connection.ask(&request(&format!("/{folder}/{}", name(size)), ""));
        assert_eq!(digest(&answer.body), digest(&content(size)), "{folder}");
    }
    // One more than the pipes is of the runtime's own.
    assert!(descriptors(edge.id()).1 <= 2 * countersign::splice::MOST_PIPES + 2);
    drop(held);
}
