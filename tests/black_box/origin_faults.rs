//! Origins that fail (promises 19 and 20), and clients that do not read.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::edge::{Edge, EdgeBuilder, usual_config, with_server};
use crate::support::fake_origin::{Asked, FakeOrigin};
use crate::support::keep_alive::{KeepAlive, dial};
use crate::support::load::Load;
use crate::support::raw_client::{Answer, get};

/// An edge with this origin under `/http/`, whose timeouts are short.
fn edge(origin: SocketAddr) -> EdgeBuilder {
    edge_with(origin, "")
}

/// The same with another section.
fn edge_with(origin: SocketAddr, section: &str) -> EdgeBuilder {
    let timeouts = "connect_timeout = \"1s\"\nheader_timeout = \"500ms\"\nidle_timeout = \"1s\"";
    let usual = format!("{section}\n{}", usual_config("", ""));
    Edge::builder(with_server(&usual, origin, timeouts, "open"))
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nETag: \"1\"\r\n";

/// What the origin does, by the last segment of the path.
fn faults(asked: &mut Asked) {
    let name = asked.target().rsplit('/').next().unwrap().to_owned();
    let full = format!("{HEAD}Content-Length: 1000000\r\n\r\n");
    match name.as_str() {
        "good" => {
            asked.send(format!("{HEAD}Content-Length: 4\r\n\r\ngood"));
        }
        "silent" => asked.stall(),
        "half-head" => {
            asked.send("HTTP/1.1 200 OK\r\nContent-Le");
            asked.stall();
        }
        "closed" => {}
        "no-http" => {
            asked.send("220 mail.example ESMTP\r\n\r\n");
        }
        "reset" => {
            asked.send(full + &"x".repeat(1000));
            asked.reset();
        }
        "short" => {
            asked.send(full + &"x".repeat(1000));
        }
        "stalled" => {
            asked.send(full + &"x".repeat(1000));
            asked.stall();
        }
        "chunk" => {
            asked.send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n"));
        }
        "chunks-end" => {
            asked.send(format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
        }
        "redirect" => {
            asked.send(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            );
        }
        status => {
            asked.send(format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno"));
        }
    }
}

/// What may be kept is read as a whole before its answer begins: a body that breaks off is refused
/// in words, and nothing of it is kept.
#[test]
fn a_body_that_would_be_kept_and_breaks_off_is_a_refusal() {
    let origin = FakeOrigin::start(faults);
    let edge = edge(origin.address()).spawn();
    for (name, status, code) in [
        ("reset", 502, "origin_invalid"),
        ("short", 502, "origin_invalid"),
        ("stalled", 504, "origin_timeout"),
        ("chunk", 502, "origin_invalid"),
        ("chunks-end", 502, "origin_invalid"),
        ("short", 502, "origin_invalid"),
    ] {
        let answer = get(edge.address(), &format!("/http/{name}"));
        assert_eq!((answer.status, answer.code()), (status, Some(code)), "{name}");
    }
}

/// An answer that is whole, or how much of it there was.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Refused(u16, String),
    Whole(u16),
    BrokenOff,
}

fn outcome(answer: &Answer) -> Outcome {
    if let Some(code) = answer.code() {
        return Outcome::Refused(answer.status, code.to_owned());
    }
    let promised = answer.header("content-length").and_then(|it| it.parse::<usize>().ok());
    let chunked = answer.header("transfer-encoding").is_some();
    let whole = if chunked {
        answer.body.ends_with(b"0\r\n\r\n")
    } else {
        promised == Some(answer.body.len())
    };
    if whole { Outcome::Whole(answer.status) } else { Outcome::BrokenOff }
}

#[test]
fn every_fault_has_its_code_and_no_broken_body_looks_whole() {
    let origin = FakeOrigin::start(faults);
    // Nothing is kept, so that every body is streamed as it comes.
    let edge = edge_with(origin.address(), "[cache]\nmemory = 0").spawn();
    let refused = |status, code: &str| Outcome::Refused(status, code.into());
    for (name, expected) in [
        ("good", Outcome::Whole(200)),
        ("silent", refused(504, "origin_timeout")),
        ("half-head", refused(504, "origin_timeout")),
        ("closed", refused(502, "origin_unreachable")),
        ("no-http", refused(502, "origin_invalid")),
        ("reset", Outcome::BrokenOff),
        ("short", Outcome::BrokenOff),
        ("stalled", Outcome::BrokenOff),
        ("chunk", Outcome::BrokenOff),
        ("chunks-end", Outcome::BrokenOff),
        ("redirect", refused(502, "origin_invalid")),
        ("401", refused(502, "origin_invalid")),
        ("404", refused(404, "not_found")),
        ("418", refused(502, "origin_invalid")),
        ("500", refused(502, "origin_invalid")),
        ("503", refused(502, "origin_invalid")),
        ("good", Outcome::Whole(200)),
    ] {
        let began = Instant::now();
        let answer = get(edge.address(), &format!("/http/{name}"));
        assert_eq!(outcome(&answer), expected, "{name}: {answer:?}");
        assert!(began.elapsed() < Duration::from_secs(4), "{name}: {:?}", began.elapsed());
    }
    let (_, log) = edge.stop();
    let line = |name: &str| {
        let path = format!("/http/{name}");
        log.iter().find(|line| line["path"] == path.as_str()).unwrap().clone()
    };
    assert_eq!(line("good")["complete"], "complete");
    for broken in ["reset", "short", "stalled", "chunk", "chunks-end"] {
        assert_eq!(line(broken)["complete"], "aborted", "{broken}");
    }
    assert!(line("silent")["error"].is_string(), "{}", line("silent"));
}

#[test]
fn a_refused_connection_is_said_at_once_and_recovers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let edge = edge(address).start();
    let began = Instant::now();
    let answer = get(edge.address(), "/http/good");
    assert_eq!((answer.status, answer.code()), (502, Some("origin_unreachable")));
    println!("a refused origin is said after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let listener = TcpListener::bind(address).unwrap();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1024];
        let _ = stream.read(&mut head).unwrap();
        stream.write_all(format!("{HEAD}Content-Length: 4\r\n\r\ngood").as_bytes()).unwrap();
    });
    assert_eq!(get(edge.address(), "/http/good").body, b"good");
    served.join().unwrap();
}

/// Sends zeros until the other end has had enough, and says so.
fn endless(ended: mpsc::Sender<()>) -> impl Fn(&mut Asked) + Send + Sync {
    move |asked| {
        let length: u64 = 8 << 30;
        let piece = vec![0; 64 * 1024];
        if asked.send(format!("{HEAD}Content-Length: {length}\r\n\r\n")) {
            while asked.send(&piece) {}
        }
        let _ = ended.send(());
    }
}

#[test]
fn a_client_that_goes_away_ends_the_reading() {
    let (ended, end) = mpsc::channel();
    let origin = FakeOrigin::start(endless(ended));
    let edge = edge(origin.address()).start();
    let mut client = TcpStream::connect(edge.address()).unwrap();
    client.write_all(b"GET /http/large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut some = vec![0; 1 << 20];
    client.read_exact(&mut some).unwrap();
    drop(client);
    let gone = Instant::now();
    end.recv_timeout(Duration::from_secs(10)).unwrap();
    println!("reading ended {:?} after the client, {} bytes", gone.elapsed(), origin.written());
    assert!(origin.written() < 64 << 20, "{}", origin.written());
}

#[test]
fn a_client_that_does_not_read_costs_little_memory() {
    let (ended, end) = mpsc::channel();
    let origin = FakeOrigin::start(endless(ended));
    let edge = edge(origin.address()).zeros("media/open/large", 8 << 30).spawn();
    // What is loaded and allocated once is not the stalled reader's.
    assert_eq!(get(edge.address(), "/open/none").status, 404);
    for target in ["/open/large", "/http/large"] {
        let before = edge.resident();
        let mut client = TcpStream::connect(edge.address()).unwrap();
        client.write_all(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
        let mut some = vec![0; 32 << 20];
        client.read_exact(&mut some).unwrap();
        // It stands still from here; everybody else is served on.
        for _ in 0..200 {
            assert_eq!(get(edge.address(), "/open/none").status, 404);
        }
        let grown = edge.resident().saturating_sub(before);
        println!("{target}: {} KiB more", grown / 1024);
        assert!(grown <= 8 << 20, "{target}: {grown}");
    }
    end.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(origin.written() < 96 << 20, "{}", origin.written());
}

#[test]
fn an_origin_that_stalls_slows_no_other() {
    let stalled = Arc::new(AtomicUsize::new(0));
    let recovered = Arc::new(AtomicBool::new(false));
    let origin = FakeOrigin::start({
        let (stalled, recovered) = (Arc::clone(&stalled), Arc::clone(&recovered));
        move |asked| {
            if recovered.load(Ordering::SeqCst) {
                asked.send(format!("{HEAD}Content-Length: 4\r\n\r\ngood"));
                return;
            }
            stalled.fetch_add(1, Ordering::SeqCst);
            asked.stall();
        }
    });
    let edge = edge(origin.address()).file("media/open/a", "a file").spawn();
    let good = || {
        Load::start(edge.address(), 4, 200, |client, _| match client.get("/open/a")?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        })
    };
    let until = |requests: u64| {
        while edge.metric("countersign_bytes_sent_total") < requests * 6 {
            std::thread::yield_now();
        }
    };
    let load = good();
    until(300);
    let alone = load.stop();
    let load = good();
    let stalls =
        Load::start(edge.address(), 32, 200, |client, _| match client.get("/http/good")?.status {
            // It is waited for, until enough were let down: then it is left alone.
            502 | 504 => Ok(()),
            status => Err(status.to_string()),
        });
    until(900);
    while stalled.load(Ordering::SeqCst) < 5 {
        std::thread::yield_now();
    }
    let (beside, stalls) = (load.stop(), stalls.stop());
    alone.print("alone");
    beside.print("beside a stalled origin");
    stalls.print("the stalled origin");
    beside.assert_good(100);
    stalls.assert_good(32);
    let saved = stalls.requests.saturating_sub(stalled.load(Ordering::SeqCst));
    recovered.store(true, Ordering::SeqCst);
    let began = Instant::now();
    while get(edge.address(), "/http/good").body != b"good" {
        std::thread::yield_now();
    }
    println!("{saved} requests did not wait for it; asked again after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

/// An origin that answers the first request of each connection and hangs up on the second: every
/// question on a kept connection is one that may be asked again.
fn hangs_up_on_the_second(heads: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, heads) = (stream.unwrap(), Arc::clone(&heads));
            std::thread::spawn(move || {
                let mut piece = [0; 4096];
                // The edge sends a head in one piece.
                for number in 0..2 {
                    if !matches!(stream.read(&mut piece), Ok(1..)) {
                        return;
                    }
                    heads.fetch_add(1, Ordering::SeqCst);
                    if number == 0 {
                        let answer = format!("{HEAD}Content-Length: 4\r\n\r\ngood");
                        stream.write_all(answer.as_bytes()).unwrap();
                    }
                }
            });
        }
    });
    address
}

#[test]
fn an_origin_in_trouble_is_asked_a_tenth_more_at_most() {
    let heads = Arc::new(AtomicUsize::new(0));
    // Nothing is kept: what is stale would stand in, and the origin be asked hardly ever.
    let origin = hangs_up_on_the_second(Arc::clone(&heads));
    let edge = edge_with(origin, "[cache]\nmemory = 0").start();
    let mut client = KeepAlive::new(dial(edge.address()));
    let (mut asked, mut good) = (0, 0);
    while asked < 1000 || heads.load(Ordering::SeqCst) < 1000 {
        asked += 1;
        match client.get("/http/good").unwrap().status {
            200 => good += 1,
            // Those that the budget did not cover, and those that came while it was left alone.
            502 => {}
            status => panic!("{status}"),
        }
    }
    let heads = heads.load(Ordering::SeqCst);
    println!("{asked} requests, {good} answered, the origin was asked {heads} times");
    // Ten are saved up at the start.
    assert!(heads <= asked + asked / 10 + 10, "{heads} questions for {asked} requests");
    assert!(good * 3 >= heads, "{good} answers to {heads} questions");
}
