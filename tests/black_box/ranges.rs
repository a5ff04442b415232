//! Ranges as nobody should ask for them, from a disk and from an HTTP origin.

use crate::support::chance::Chance;
use crate::support::edge::{Edge, usual_config};
use crate::support::raw_client::{Answer, Connection};
use crate::support::recording_origin::RecordingOrigin;

const DISK: &str = "/open/object.bin";
const HTTP: &str = "/up/object.bin";

/// Bytes that are different at every place nearby, and no text.
fn object() -> Vec<u8> {
    let mut chance = Chance(3);
    (0..100_000).map(|_| chance.next().to_le_bytes()[0]).collect()
}

fn edge(object: &[u8]) -> (Edge, RecordingOrigin) {
    let origin = RecordingOrigin::serving(object.to_vec());
    let edge = Edge::builder(usual_config("", "") + &origin.config("open"))
        .file("media/open/object.bin", object)
        .start();
    // A file modified just now has a weak tag, and ranges of it with `If-Range` are not served.
    let file = std::fs::File::options().write(true).open(edge.path("media/open/object.bin"));
    file.unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    (edge, origin)
}

fn ask(connection: &mut Connection, target: &str, fields: &str) -> Answer {
    connection.ask(&format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
}

/// The parts of a `multipart/byteranges` answer: where each begins and ends, and its bytes.
fn parts(answer: &Answer) -> Vec<(usize, usize, Vec<u8>)> {
    let kind = answer.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let mut rest = &answer.body[..];
    let mut parts = Vec::new();
    loop {
        let separator = format!("{}--{boundary}", if parts.is_empty() { "" } else { "\r\n" });
        rest = rest.strip_prefix(separator.as_bytes()).expect("a boundary");
        if rest == b"--\r\n" {
            return parts;
        }
        let end = rest.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let range = head.lines().find_map(|line| line.strip_prefix("Content-Range: bytes "));
        let (range, complete) = range.unwrap().split_once('/').unwrap();
        assert_eq!(complete, "100000");
        let (first, last) = range.split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap());
        rest = &rest[end + 4..];
        let length = last - first + 1;
        parts.push((first, last, rest[..length].to_vec()));
        rest = &rest[length..];
    }
}

#[test]
fn too_many_or_disorderly_ranges_get_the_whole_file() {
    let object = object();
    let (edge, _origin) = edge(&object);
    let mut connection = Connection::open(edge.address());
    let many = |count: usize| {
        let ranges: Vec<_> = (0..count).map(|it| format!("{}-{}", it * 10, it * 10 + 1)).collect();
        format!("Range: bytes={}\r\n", ranges.join(","))
    };
    for target in [DISK, HTTP] {
        for fields in [
            many(9),
            many(1000),
            format!("Range: bytes={}\r\n", "0-,".repeat(1000)),
            "Range: bytes=500-600,0-10\r\n".to_owned(),
            "Range: bytes=-1,0-0\r\n".to_owned(),
            "Range: bytes=5-4\r\n".to_owned(),
            "Range: bytes=0-0,5-4\r\n".to_owned(),
            "Range: bytes=-18446744073709551616\r\n".to_owned(),
            "Range: bytes=0-99999999999999999999999999\r\n".to_owned(),
            "Range: bytes=0--1\r\n".to_owned(),
            "Range: bytes=--1\r\n".to_owned(),
            "Range: bytes=0x0-0x5\r\n".to_owned(),
            "Range: items=0-1\r\n".to_owned(),
            "Range: bytes=0-1, items=2-3\r\n".to_owned(),
            "Range: bytes\r\n".to_owned(),
            "Range: bytes=0-1\r\nRange: bytes=4-5\r\n".to_owned(),
            "Range: bytes=0-1;2-3\r\n".to_owned(),
            format!("Range: bytes={}\r\n", ",".repeat(8000)),
        ] {
            let answer = ask(&mut connection, target, &fields);
            let asked = fields.get(..60).unwrap_or(&fields);
            let whole = answer.body == object;
            // One range of everything is as good.
            assert!(
                whole && matches!(answer.status, 200 | 206),
                "{} {target} {asked}",
                answer.status
            );
        }
    }
}

#[test]
fn ranges_past_the_end_are_refused_and_say_how_long_it_is() {
    let (edge, _origin) = edge(&object());
    let mut connection = Connection::open(edge.address());
    for target in [DISK, HTTP] {
        for range in [
            "bytes=100000-",
            "bytes=100000-100001",
            "bytes=18446744073709551615-",
            "bytes=18446744073709551616-18446744073709551617",
            "bytes=99999999999999999999999999-",
            "bytes=-0",
            "bytes=100000-,200000-",
        ] {
            let answer = ask(&mut connection, target, &format!("Range: {range}\r\n"));
            assert_eq!(
                (answer.status, answer.code()),
                (416, Some("range_not_satisfiable")),
                "{target} {range}"
            );
            assert_eq!(answer.header("content-range"), Some("bytes */100000"), "{target} {range}");
        }
    }
}

#[test]
fn one_range_is_those_bytes() {
    let object = object();
    let (edge, _origin) = edge(&object);
    let mut connection = Connection::open(edge.address());
    for target in [DISK, HTTP] {
        for (range, first, last) in [
            ("bytes=0-0", 0, 0),
            ("bytes=99999-", 99_999, 99_999),
            ("bytes=-1", 99_999, 99_999),
            ("bytes=-18446744073709551615", 0, 99_999),
            ("bytes=70000-18446744073709551615", 70_000, 99_999),
            ("bytes=10-19,20-29,25-40", 10, 40),
            ("bytes=0-9,5-20,100000-", 0, 20),
            ("Bytes=1-2", 1, 2),
        ] {
            let answer = ask(&mut connection, target, &format!("Range: {range}\r\n"));
            let says = format!("bytes {first}-{last}/100000");
            assert_eq!(
                (answer.status, answer.header("content-range")),
                (206, Some(&*says)),
                "{target} {range}"
            );
            assert_eq!(answer.body, object[first..=last], "{target} {range}");
        }
    }
}

#[test]
fn several_ranges_are_those_bytes() {
    let object = object();
    let (edge, _origin) = edge(&object);
    let mut connection = Connection::open(edge.address());
    let mut chance = Chance(5);
    for round in 0..60 {
        // Ascending, sometimes touching or overlapping.
        let mut starts: Vec<usize> =
            (0..2 + chance.below(7)).map(|_| chance.below(99_000)).collect();
        starts.sort_unstable();
        let asked: Vec<_> = starts
            .iter()
            .map(|&first| (first, first + chance.below(20_000).min(99_999 - first)))
            .collect();
        let range: Vec<_> = asked.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        let mut expected: Vec<(usize, usize)> = Vec::new();
        for &(first, last) in &asked {
            match expected.last_mut() {
                Some((_, end)) if first <= *end + 1 => *end = last.max(*end),
                Some(_) | None => expected.push((first, last)),
            }
        }
        for target in [DISK, HTTP] {
            let answer =
                ask(&mut connection, target, &format!("Range: bytes={}\r\n", range.join(", ")));
            assert_eq!(answer.status, 206, "round {round} {target} {range:?}");
            if let [(first, last)] = *expected {
                assert_eq!(answer.body, object[first..=last], "round {round} {target}");
                continue;
            }
            let parts = parts(&answer);
            let spans: Vec<_> = parts.iter().map(|(first, last, _)| (*first, *last)).collect();
            assert_eq!(spans, expected, "round {round} {target}");
            for (first, last, bytes) in parts {
                assert!(bytes == object[first..=last], "round {round} {target} {first}-{last}");
            }
        }
    }
}

#[test]
fn conditions_decide_in_their_order() {
    let object = object();
    let (edge, _origin) = edge(&object);
    let mut connection = Connection::open(edge.address());
    let future = "Fri, 01 Jan 2100 00:00:00 GMT";
    for target in [DISK, HTTP] {
        let plain = ask(&mut connection, target, "");
        let etag = plain.header("etag").unwrap().to_owned();
        assert!(etag.starts_with('"'), "{target}: {etag}");
        let range = "Range: bytes=0-1\r\n";
        for (fields, status) in [
            (format!("{range}If-Range: {etag}\r\n"), 206),
            (format!("{range}If-Range: W/{etag}\r\n"), 200),
            (format!("{range}If-Range: \"other\"\r\n"), 200),
            (format!("{range}If-Range: {future}\r\n"), 200),
            (format!("{range}If-Range: garbage\r\n"), 200),
            (format!("{range}If-Range: {etag}\r\nIf-Range: {etag}\r\n"), 200),
            (format!("{range}If-Range: \"other\"\r\nIf-None-Match: {etag}\r\n"), 304),
            (format!("{range}If-None-Match: {etag}\r\n"), 304),
            (format!("{range}If-None-Match: W/{etag}\r\n"), 304),
            (format!("{range}If-None-Match: \"other\"\r\nIf-Modified-Since: {future}\r\n"), 206),
            (format!("{range}If-Match: \"other\"\r\n"), 412),
            (format!("{range}If-Match: W/{etag}\r\n"), 412),
            (format!("{range}If-Match: {etag}\r\n"), 206),
            (format!("If-Match: {etag}\r\nIf-None-Match: {etag}\r\n"), 304),
            (format!("If-Match: \"other\"\r\nIf-None-Match: {etag}\r\n"), 412),
            ("If-None-Match: *\r\nRange: bytes=100000-\r\n".to_owned(), 304),
            ("If-None-Match: \"other\"\r\nRange: bytes=100000-\r\n".to_owned(), 416),
            ("If-Range: \"other\"\r\nRange: bytes=100000-\r\n".to_owned(), 200),
        ] {
            let answer = ask(&mut connection, target, &fields);
            assert_eq!(answer.status, status, "{target} {fields}");
            match status {
                200 => assert!(answer.body == object, "{target} {fields}"),
                206 => assert_eq!(answer.body, object[..2], "{target} {fields}"),
                304 => assert_eq!(answer.header("etag"), Some(&*etag), "{target} {fields}"),
                _ => assert_ne!(answer.body, object, "{target} {fields}"),
            }
        }
    }
}
