//! nginx behind the edge, stock clients before it.

use std::path::Path;
use std::process::Command;

use crate::support::command::said;
use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config, with_server};
use crate::support::nginx::Nginx;
use crate::support::raw_client::{Answer, request};
use crate::support::signing::token;
use crate::support::tools::tool;

fn edge(nginx: &Nginx) -> Edge {
    Edge::builder(with_server(&usual_config("", ""), nginx.address(), "", "token")).start()
}

fn write(nginx: &Nginx, name: &str, content: impl AsRef<[u8]>) {
    let path = nginx.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

fn signed(target: &str) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    format!("{target}{separator}__token__={}", token(KEY_HEX, "/http/*", NOW + 60))
}

/// One signed request with these header lines.
fn ask(edge: &Edge, method: &str, target: &str, headers: &[&str]) -> Answer {
    let headers: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
    let target = signed(target);
    request(edge.address(), &format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{headers}\r\n"))
}

#[test]
fn files_parts_and_conditions_come_through() {
    let nginx = Nginx::start();
    write(&nginx, "http/digits.txt", "0123456789");
    let edge = edge(&nginx);
    let get = |headers: &[&str]| ask(&edge, "GET", "/http/digits.txt", headers);

    let full = get(&["Accept-Encoding: gzip"]);
    assert_eq!((full.status, &*full.body), (200, &b"0123456789"[..]));
    assert_eq!(full.header("content-encoding"), None);
    assert_eq!(full.header("content-type"), Some("text/plain"));
    assert_eq!(full.header("server"), None);
    let etag = full.header("etag").unwrap().to_owned();
    let modified = full.header("last-modified").unwrap().to_owned();

    let head = ask(&edge, "HEAD", "/http/digits.txt", &[]);
    assert_eq!((head.status, head.header("content-length")), (200, Some("10")));
    assert_eq!(head.body, b"");

    for (range, body, content_range) in [
        ("0-0", &b"0"[..], "bytes 0-0/10"),
        ("2-5", b"2345", "bytes 2-5/10"),
        ("7-", b"789", "bytes 7-9/10"),
        ("-2", b"89", "bytes 8-9/10"),
        ("5-99", b"56789", "bytes 5-9/10"),
    ] {
        let part = get(&[&format!("Range: bytes={range}")]);
        assert_eq!((part.status, &*part.body), (206, body), "{range}");
        assert_eq!(part.header("content-range"), Some(content_range), "{range}");
    }
    let beyond = get(&["Range: bytes=10-"]);
    assert_eq!((beyond.status, beyond.code()), (416, Some("range_not_satisfiable")));
    assert_eq!(beyond.header("content-range"), Some("bytes */10"));

    let parts = get(&["Range: bytes=0-1,8-9"]);
    assert_eq!(parts.status, 206);
    let kind = parts.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let body = String::from_utf8(parts.body.clone()).unwrap();
    let pieces: Vec<_> = body.split(&format!("--{}", boundary.trim_matches('"'))).collect();
    assert_eq!(pieces.len(), 4, "{body}");
    assert!(pieces[1].contains("bytes 0-1/10") && pieces[1].ends_with("\r\n\r\n01\r\n"), "{body}");
    assert!(pieces[2].contains("bytes 8-9/10") && pieces[2].ends_with("\r\n\r\n89\r\n"), "{body}");

    for condition in [format!("If-None-Match: {etag}"), format!("If-Modified-Since: {modified}")] {
        let answer = get(&[&condition]);
        assert_eq!((answer.status, &*answer.body), (304, &b""[..]), "{condition}");
        assert_eq!(answer.header("etag"), Some(&*etag));
    }
    assert_eq!(get(&["If-None-Match: \"other\""]).status, 200);
    assert_eq!(get(&["If-Match: \"other\""]).status, 412);
    let whole = get(&["Range: bytes=0-1", "If-Range: \"other\""]);
    assert_eq!((whole.status, whole.body.len()), (200, 10));
    assert_eq!(ask(&edge, "GET", "/http/none.txt", &[]).code(), Some("not_found"));
    assert_eq!(ask(&edge, "GET", "/http/", &[]).code(), Some("not_found"));
    assert!(
        nginx.requests().iter().all(|line| line.ends_with(" identity")),
        "{:?}",
        nginx.requests()
    );
}

#[test]
fn the_origin_gets_what_was_authorised_byte_for_byte_and_no_token() {
    let nginx = Nginx::start();
    write(&nginx, "http/a b+.mp4", "a film");
    write(&nginx, "http/é/(x);y=1!", "another");
    let edge = edge(&nginx);
    let targets = [
        ("/http/a%20b%2B.mp4", "a film"),
        ("/http/a%20b%2b.mp4", "a film"),
        ("/http/%61%20b+.mp4?x=1&y=%2F%2e", "a film"),
        ("/http/%C3%A9/(x);y=1!", "another"),
        ("/http/%c3%a9/%28x%29%3By%3d1%21", "another"),
    ];
    for (number, (target, body)) in targets.into_iter().enumerate() {
        let answer = ask(&edge, "GET", target, &["Cookie: a=b", "Authorization: Basic eA=="]);
        assert_eq!((answer.status, &*answer.body), (200, body.as_bytes()), "{target}");
        assert_eq!(nginx.last_request(number + 1), format!("GET {target} identity"));
    }
    let token = token(KEY_HEX, "/http/*", NOW + 60);
    let between =
        format!("GET /http/a%20b+.mp4?x=1&__token__={token}&y=2 HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(request(edge.address(), &between).status, 200);
    let asked = nginx.last_request(targets.len() + 1);
    assert_eq!(asked, "GET /http/a%20b+.mp4?x=1&y=2 identity");
}

#[test]
fn a_large_file_is_the_same_also_when_it_was_broken_off_and_resumed() {
    const LENGTH: u64 = 64 << 20;
    let nginx = Nginx::start();
    write(&nginx, "http/large.bin", "");
    let file = std::fs::File::options().write(true).open(nginx.path("http/large.bin")).unwrap();
    file.set_len(LENGTH).unwrap();
    for at in [0, 1 << 20, LENGTH / 2 - 3, LENGTH - 7] {
        std::os::unix::fs::FileExt::write_all_at(&file, b"not zero", at.min(LENGTH - 8)).unwrap();
    }
    let is_whole = |path: &Path| {
        std::fs::read(path).unwrap() == std::fs::read(nginx.path("http/large.bin")).unwrap()
    };
    let edge = edge(&nginx);
    let url = format!("http://{}{}", edge.address(), signed("/http/large.bin"));
    let curl = |arguments: &[&str]| {
        let mut command = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        command.args(["-sS", "--globoff", "--fail", "--max-time", "60"]);
        said(command.args(arguments).arg(&url), b"")
    };
    let whole = edge.path("whole.bin");
    let answer = curl(&["-o", whole.to_str().unwrap()]);
    assert_eq!(answer.status, 0, "{}", answer.err);
    assert!(is_whole(&whole));

    let resumed = edge.path("resumed.bin");
    let part = curl(&["-r", "0-12345678", "-o", resumed.to_str().unwrap()]);
    assert_eq!(part.status, 0, "{}", part.err);
    assert_eq!(std::fs::metadata(&resumed).unwrap().len(), 12_345_679);
    let rest =
        curl(&["-C", "-", "-o", resumed.to_str().unwrap(), "-w", "%{http_code} %{size_download}"]);
    assert_eq!(rest.out, format!("206 {}", LENGTH - 12_345_679), "{}", rest.err);
    assert!(is_whole(&resumed));
}
