//! Origins that are down, silent, or say what no origin should: a 5xx with its code, soon.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use crate::support::edge::{Edge, usual_config};
use crate::support::raw_client::{answers, exchange, get};

/// An origin that says these bytes to whoever asks, and closes.
fn saying(bytes: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Ok(1) => head.push(byte[0]),
                    Ok(_) | Err(_) => break,
                }
            }
            // The edge may have closed before the end.
            let _ = stream.write_all(&bytes);
        }
    });
    address
}

/// Routes `/o0/`, `/o1/` … to these origins, open to all.
fn edge(origins: &[SocketAddr]) -> Edge {
    let mut config = usual_config("", "");
    for number in 0..origins.len() {
        let _ = write!(
            config,
            "\n  [[site.route]]\n  prefix = \"/o{number}/\"\n  access = \"open\"\n  origin = \"o{number}\"\n"
        );
    }
    for (number, address) in origins.iter().enumerate() {
        let _ = write!(
            config,
            "\n[[origin]]\nname = \"o{number}\"\nkind = \"http\"\nurl = \"http://{address}\"\n\
             connect_timeout = \"300ms\"\nheader_timeout = \"300ms\"\nidle_timeout = \"300ms\"\n"
        );
    }
    Edge::builder(config).file("media/open/a.txt", "open file\n").start()
}

#[test]
fn an_origin_that_is_down_or_silent_is_said_to_be() {
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    // Takes connections, for the kernel does, and never reads.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let edge = edge(&[down, silent.local_addr().unwrap()]);
    for (target, status, code) in
        [("/o0/a", 502, "origin_unreachable"), ("/o1/a", 504, "origin_timeout")]
    {
        let answer = get(edge.address(), target);
        assert_eq!((answer.status, answer.code()), (status, Some(code)), "{target}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{target}");
    }
    assert_eq!(get(edge.address(), "/open/a.txt").status, 200);
}

#[test]
fn an_answer_in_doubt_is_no_answer() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nhello").into_bytes();
    let said = [
        b"garbage\r\n\r\n".to_vec(),
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_vec(),
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/9\r\nContent-Length: 5\r\n\r\nhello".to_vec(),
        b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(),
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_vec(),
        head("Content-Length: 5\r\nContent-Length: 6"),
        head("Content-Length: -5"),
        head("Content-Length: 5\r\n folded: 1"),
        head(&format!("Content-Length: 5\r\nX: {}", "x".repeat(200_000))),
        Vec::new(),
    ];
    let origins: Vec<_> = said.iter().cloned().map(saying).collect();
    let edge = edge(&origins);
    for (number, said) in said.iter().enumerate() {
        let answer = get(edge.address(), &format!("/o{number}/a"));
        let said = String::from_utf8_lossy(said);
        let code = answer.code().unwrap_or("ok");
        assert_eq!(answer.status, 502, "{code} for {said:.100}");
        assert!(matches!(code, "origin_invalid" | "origin_unreachable"), "{code} for {said:.100}");
    }
}

/// What a client was promised and did not get it must not take for the whole.
#[test]
fn a_body_that_breaks_off_is_cut_off() {
    let origins = [
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".to_vec()),
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".to_vec()),
        saying(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n".to_vec(),
        ),
    ];
    let edge = edge(&origins);
    for number in 0..origins.len() {
        let bytes = exchange(
            edge.address(),
            format!(
                "GET /o{number}/a HTTP/1.1\r\nHost: a\r\n\r\nGET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n"
            ),
        );
        let answers = answers(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(answers.len(), 1, "{number}: {text}");
        // Refused outright, or begun and never ended.
        let whole = answers[0].status == 200
            && (text.ends_with("0\r\n\r\n") || answers[0].header("content-length") == Some("5"));
        assert!(!whole, "{number}: {text}");
    }
    let (_, log) = edge.stop();
    assert_eq!(log.len(), origins.len());
    for line in log {
        let refused = line["status"].as_u64() >= Some(500);
        assert!(refused || line["complete"] == "aborted", "{line}");
    }
}

/// More than an answer is not the answer to the next request.
#[test]
fn what_an_origin_adds_reaches_nobody() {
    let extra = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let edge = edge(&[saying(extra.to_vec())]);
    for _ in 0..20 {
        assert_eq!(get(edge.address(), "/o0/a").body, b"hello");
    }
}
