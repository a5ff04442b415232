//! Clients that take their time: each is sent away when it is over, and others do not notice.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;

use crate::support::edge::{Edge, usual_config};
use crate::support::raw_client::{Connection, answers, connect, connect_from, get};
use crate::support::slow_client::SlowClient;

const LIMITS: &str = "[edge.limits]\nheader_timeout = \"300ms\"\nidle_timeout = \"300ms\"\n\
    write_timeout = \"500ms\"\nhandshake_timeout = \"300ms\"";

/// Slow clients at one time; each takes two descriptors of this process, which is also the edge.
const CROWD: usize = 2000;

fn edge() -> Edge {
    Edge::builder(usual_config(LIMITS, ""))
        .file("media/open/a.txt", "open file\n")
        .file("media/open/large.bin", vec![7; 64 << 20])
        .start()
}

/// Writes one byte after the other, as often as the edge takes one, and gives what it said.
fn dribble(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    // Between two bytes the client waits for an answer, which does not come before the end.
    stream.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    for byte in bytes.iter().cycle() {
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => said.extend_from_slice(&piece[..read]),
            // Nothing yet, or a signal to this process.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => break,
        }
    }
    said
}

#[test]
fn a_head_in_single_bytes_ends_with_408() {
    let edge = edge();
    let began = Instant::now();
    let said =
        dribble(connect(edge.address()), b"GET /open/a.txt HTTP/1.1\r\nHost: a\r\nX: xxxxxx");
    assert!(
        said.starts_with(b"HTTP/1.1 408 Request Timeout\r\n"),
        "{}",
        String::from_utf8_lossy(&said)
    );
    assert!(began.elapsed().as_millis() >= 250);
    assert_eq!(get(edge.address(), "/open/a.txt").status, 200);
    let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
    assert!(metrics.contains("timeout"), "{metrics}");
}

#[test]
fn connections_without_a_request_are_closed_without_a_word() {
    let edge = edge();
    let silent = Connection::open(edge.address());
    let mut idle = Connection::open(edge.address());
    assert_eq!(idle.ask("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    assert_eq!(silent.rest(), b"");
    assert_eq!(idle.rest(), b"");
    // The second head of a connection has no more time than the first.
    let mut second = Connection::open(edge.address());
    assert_eq!(second.ask("GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n").status, 200);
    second.send("GET /open/a.txt HTTP/1.1\r\nHost:");
    let answers = answers(&second.rest());
    assert_eq!((answers.len(), answers[0].status), (1, 408));
}

#[test]
fn a_client_that_never_reads_is_cut_off_and_one_that_reads_slowly_is_not() {
    let edge = edge();
    // Longer than anybody reads; nothing of it is on the disk.
    let file = std::fs::File::create(edge.path("media/open/longer.bin")).unwrap();
    file.set_len(64 << 30).unwrap();
    let ask = b"GET /open/longer.bin HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut deaf = connect(edge.address());
    deaf.write_all(ask).unwrap();
    let mut slow = connect(edge.address());
    slow.write_all(ask).unwrap();
    let mut piece = vec![0; 64 * 1024];
    let began = Instant::now();
    // The line of an answer is written when it is over.
    while edge.log().is_empty() {
        slow.read_exact(&mut piece).unwrap();
        assert_eq!(get(edge.admin(), "/livez").status, 200);
    }
    assert!(began.elapsed().as_millis() >= 450);
    let log = edge.log();
    assert_eq!((log.len(), &log[0]["complete"]), (1, &"aborted".into()));
    for _ in 0..1000 {
        slow.read_exact(&mut piece).unwrap();
    }
    drop(slow);
    drop(deaf);
}

#[test]
fn a_client_that_goes_away_in_the_middle_leaves_nothing_behind() {
    let edge = edge();
    for _ in 0..20 {
        let mut stream = connect(edge.address());
        stream.write_all(b"GET /open/large.bin HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
        stream.shutdown(Shutdown::Both).unwrap();
    }
    while edge.log().len() < 20 {
        assert_eq!(get(edge.admin(), "/livez").status, 200);
    }
    // The line is written before the connection is given up.
    let is_open = || {
        let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
        let open = metrics.lines().find(|line| line.starts_with("countersign_connections{"));
        !open.unwrap().ends_with(" 0")
    };
    while is_open() {
        std::thread::yield_now();
    }
}

/// Promise 16, to scale: 2,000 connections from ten addresses, of three kinds, all at once.
#[test]
fn a_crowd_of_slow_clients_costs_others_nothing() {
    let limits = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let descriptors = limits.current.unwrap_or(u64::MAX);
    let crowd = CROWD.min(usize::try_from(descriptors / 4).unwrap_or(CROWD));
    let edge = edge();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let good = scope.spawn(|| {
            let mut served = 0;
            while !over.load(Ordering::Relaxed) || served < 100 {
                let answer = get(edge.address(), "/open/a.txt");
                assert_eq!((answer.status, &*answer.body), (200, &b"open file\n"[..]));
                served += 1;
            }
            served
        });
        let mut slow = Vec::new();
        for number in 0..crowd {
            let source = [127, 0, 1, u8::try_from(number % 10).unwrap() + 1];
            let mut stream = connect_from(source, edge.address());
            let client = SlowClient::of_crowd(number);
            stream.write_all(client.begins_with()).unwrap();
            slow.push((client, stream));
        }
        // A deaf one's answer would be read to the end of what fits into the sockets.
        slow.retain(|(client, _)| *client != SlowClient::Deaf);
        for (client, stream) in slow {
            let rest = Connection::over(stream).rest();
            let status = answers(&rest).first().map(|answer| answer.status);
            assert_eq!(status, client.last_word(), "{client:?}");
        }
        over.store(true, Ordering::Relaxed);
        assert!(good.join().unwrap() >= 100);
    });
    assert_eq!(get(edge.address(), "/open/a.txt").status, 200);
}
