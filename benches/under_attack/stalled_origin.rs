//! An origin that takes questions and says nothing (promise 20): what those notice who ask another
//! one, and how soon it is left alone and asked again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::comparison::{Comparison, print_head, wait};
use crate::support::edge::{Edge, usual_config, with_server};
use crate::support::fake_origin::FakeOrigin;
use crate::support::load::Load;
use crate::support::process::Process;
use crate::support::raw_client::get;

const HEADER_TIMEOUT: Duration = Duration::from_millis(500);

/// An answer in this time was not waited for.
const AT_ONCE: Duration = Duration::from_millis(250);

/// Answers, or stalls while the switch is on.
fn origin() -> (FakeOrigin, Arc<AtomicBool>) {
    let is_stalled = Arc::new(AtomicBool::new(false));
    let origin = FakeOrigin::start({
        let is_stalled = Arc::clone(&is_stalled);
        move |asked| {
            if is_stalled.load(Ordering::SeqCst) {
                asked.stall();
            } else {
                asked.send("HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: 4\r\n\r\ngood");
            }
        }
    });
    (origin, is_stalled)
}

fn edge(origin: &FakeOrigin) -> Process {
    let timeouts = format!("header_timeout = \"{}ms\"", HEADER_TIMEOUT.as_millis());
    let config = usual_config("", "").replace("workers = 1", "workers = 2");
    Edge::builder(with_server(&config, origin.address(), &timeouts, "open"))
        .file("media/open/a", "a file")
        .spawn()
}

pub(crate) fn run() {
    let (origin, is_stalled) = origin();
    let edge = edge(&origin);
    let load = |path: &'static str, connections, per_second, expected: &'static [u16]| {
        Load::start(edge.address(), connections, per_second, move |client, _| {
            let status = client.get(path)?.status;
            if expected.contains(&status) { Ok(()) } else { Err(status.to_string()) }
        })
    };
    // Asked all the while: what differs is only whether it answers.
    let askers = load("/http/a", 32, 200, &[200, 502, 504]);
    print_head();
    let comparison = Comparison {
        name: "an origin that stalls, 32 clients, 200/s",
        rounds: 15,
        quiet: Duration::from_secs(3),
        attacked: Duration::from_secs(3),
        limit: 1.2,
    };
    comparison.run(
        &edge,
        || load("/open/a", 8, 400, &[200]),
        |round, begun| {
            is_stalled.store(true, Ordering::SeqCst);
            begun();
            while !round.is_over() {
                wait(Duration::from_millis(20));
            }
            is_stalled.store(false, Ordering::SeqCst);
            while get(edge.address(), "/http/a").status != 200 {
                wait(Duration::from_millis(20));
            }
            1
        },
    );
    askers.stop().print("who asked the stalled origin");
}

/// From the first failure to the first refusal at once, and from the origin's recovery to the first
/// answer of it.
pub(crate) fn run_breaker() {
    let (origin, is_stalled) = origin();
    let edge = edge(&origin);
    println!("| round | left alone after the first failure | asked again after recovery |  |");
    println!("|---|---|---|---|");
    for round in 1..=10 {
        is_stalled.store(true, Ordering::SeqCst);
        // One after the other: the slowest way to five failures.
        let mut first_failure = None;
        let left_alone = loop {
            let asked = Instant::now();
            let status = get(edge.address(), "/http/a").status;
            assert!(matches!(status, 502 | 504), "{status}");
            if asked.elapsed() < AT_ONCE {
                break first_failure.map(|it: Instant| it.elapsed()).unwrap_or_default();
            }
            first_failure.get_or_insert_with(Instant::now);
        };
        is_stalled.store(false, Ordering::SeqCst);
        let recovered = Instant::now();
        while get(edge.address(), "/http/a").status != 200 {
            wait(Duration::from_millis(1));
        }
        let again = recovered.elapsed();
        let limit = Duration::from_secs(5);
        let held = if left_alone.max(again) <= limit { "holds" } else { "SHORT" };
        println!("| {round} | {left_alone:.2?} | {again:.2?} | {held} |");
    }
}
