//! The end of serving (promise 26): whoever asked before it is answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::Instant;

use crate::support::edge::{Edge, usual_config};
use crate::support::keep_alive::KeepAlive;
use crate::support::load::Load;
use crate::support::process::Process;
use crate::support::raw_client::answers;

fn edge() -> Process {
    Edge::builder(usual_config("drain_timeout = \"2s\"", ""))
        .file("media/open/a", "a file")
        .zeros("media/open/large", 1 << 30)
        .spawn()
}

/// A request on a connection of its own. Nobody listens any more once the edge has stopped: that
/// is no failure; a connection that was taken and got no answer is one.
fn ask_once(edge: SocketAddr, stopping: &AtomicBool) -> Result<(), String> {
    let stopping_already = stopping.load(Ordering::SeqCst);
    let mut stream = match TcpStream::connect(edge) {
        Ok(stream) => stream,
        Err(_) if stopping_already => return Ok(()),
        Err(error) => return Err(format!("connect: {error}")),
    };
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let asked = stream
        .write_all(b"GET /open/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .and_then(|()| {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).map(|_| bytes)
        });
    match asked {
        Ok(bytes) if answers(&bytes).first().is_some_and(|it| it.body == b"a file") => Ok(()),
        // The kernel took it while the sockets were being closed, after the signal was sent.
        Err(_) | Ok(_) if stopping_already => Ok(()),
        Ok(bytes) => Err(format!("no answer but {:?}", String::from_utf8_lossy(&bytes))),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn new_connections_until_the_signal_are_all_answered() {
    for signal in [Signal::TERM, Signal::INT] {
        let edge = edge();
        let address = edge.address();
        let stopping = Arc::new(AtomicBool::new(false));
        let load = Load::start(address, 8, 500, {
            let stopping = Arc::clone(&stopping);
            move |_, _| ask_once(address, &stopping)
        });
        while edge.metric("countersign_bytes_sent_total") < 300 * 6 {
            std::thread::yield_now();
        }
        stopping.store(true, Ordering::SeqCst);
        edge.signal(signal);
        edge.wait_for(|line| line["event"] == "stopped");
        let report = load.stop();
        report.print(&format!("{signal:?} at new connections"));
        report.assert_good(300);
        assert_eq!(edge.wait().0, Some(0));
    }
}

#[test]
fn keep_alive_connections_end_with_an_answer() {
    let edge = edge();
    let address = edge.address();
    let load = Load::start(address, 8, 500, {
        move |client: &mut KeepAlive, _| {
            if client.ended() {
                return Ok(());
            }
            match client.get("/open/a")? {
                answer if answer.body == b"a file" => Ok(()),
                answer => Err(format!("{answer:?}")),
            }
        }
    });
    while edge.metric("countersign_bytes_sent_total") < 300 * 6 {
        std::thread::yield_now();
    }
    let (status, log) = edge.stop();
    let report = load.stop();
    report.print("SIGTERM at kept connections");
    report.assert_good(300);
    assert_eq!(status, Some(0));
    assert!(log.iter().any(|line| line["event"] == "draining"));
}

#[test]
fn queued_connections_are_taken_first() {
    let edge = edge();
    // More than the worker can have taken: most of them wait in the kernel's queue.
    let clients: Vec<_> = (0..400)
        .map(|_| {
            let mut stream = TcpStream::connect(edge.address()).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            stream
                .write_all(b"GET /open/a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .unwrap();
            stream
        })
        .collect();
    edge.signal(Signal::TERM);
    for (number, mut stream) in clients.into_iter().enumerate() {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap_or_else(|error| panic!("{number}: {error}"));
        assert_eq!(answers(&bytes)[0].body, b"a file", "{number}");
    }
    assert_eq!(edge.wait().0, Some(0));
}

#[test]
fn a_download_that_stands_still_is_cut_off_and_said() {
    let edge = edge();
    let mut stalled = TcpStream::connect(edge.address()).unwrap();
    stalled.write_all(b"GET /open/large HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut first = [0; 1];
    stalled.read_exact(&mut first).unwrap();
    edge.signal(Signal::TERM);
    edge.wait_for(|line| line["event"] == "draining");
    let draining = Instant::now();
    let (status, log) = edge.wait();
    let took = draining.elapsed();
    println!("cut off after {took:?}");
    assert_eq!(status, Some(1), "requests were cut off");
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
    let line = log.iter().find(|line| line["event"] == "request").unwrap();
    assert_eq!((&line["path"], &line["complete"]), (&"/open/large".into(), &"aborted".into()));
}
