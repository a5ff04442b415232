//! Downloads that are broken off, from every source and by every way, at any point: the edge holds
//! afterwards what it held before.
//!
//! `COUNTERSIGN_TEST_DOWNLOADS` says how many: 2,000 in `tests/run`; the run of 100,000 is kept in
//! `benches/runs/`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::large_bodies::{FOLDERS, KIB, MIB, Stage};
use crate::support::bodies;
use crate::support::chance::Chance;
use crate::support::descriptors::Descriptors;
use crate::support::http2::{RST_STREAM, frame, get, hello};
use crate::support::raw_client::Connection;

/// In memory, in a few slices, in more slices than the disk of the cache holds.
const SIZES: [usize; 3] = [300 * KIB, 5 * MIB + 3, 40 * MIB];

/// Clients at a time.
const CLIENTS: usize = 4;

/// Pipes and connections to the origin that wait for their next use.
const AT_REST: Descriptors = Descriptors { sockets: 32, pipes: 32, files: 0, others: 0 };

/// One download: asked for, read up to anywhere, left.
fn break_off(stage: &Stage, chance: &mut Chance) {
    let (folder, size) = (chance.pick(&FOLDERS), chance.pick(&SIZES));
    let path = format!("/{folder}/b{size}.bin?{}", chance.below(4));
    let within = chance.below(size.min(2 * MIB));
    let leave = chance.pick(&[0, 1, 100, 4 * KIB, 64 * KIB, 128 * KIB + 1, within, within]);
    let range = match chance.below(2) {
        0 => String::new(),
        _ => format!("Range: bytes={}-\r\n", chance.below(size - leave)),
    };
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{range}\r\n");
    match chance.below(5) {
        0..3 => {
            let mut connection = Connection::open(stage.plain());
            connection.send(head);
            let _ = connection.take(leave);
        }
        3 => {
            let mut connection = stage.certificate().connect(stage.tls(), "localhost", "http/1.1");
            connection.send(head);
            let _ = connection.take(leave);
        }
        _ => {
            let mut connection = stage.certificate().connect(stage.tls(), "localhost", "h2");
            connection.send(hello(1 << 20));
            connection.send(get(1, "localhost", &path));
            connection.send(get(3, "localhost", &path));
            let _ = connection.take(leave.min(60 * KIB));
            connection.send(frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes()));
            let _ = connection.take(leave.min(4 * KIB));
        }
    }
}

/// Waits until nothing is held beyond what was held before and what may wait.
fn settle(stage: &Stage, before: Descriptors) -> Descriptors {
    let most = before.with(AT_REST);
    let began = Instant::now();
    loop {
        let now = Descriptors::of(stage.edge().id());
        if now.within(most) {
            return now;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{now:?}, {before:?} before");
        std::thread::yield_now();
    }
}

#[test]
fn downloads_that_are_broken_off_leave_nothing_behind() {
    let downloads: usize =
        std::env::var("COUNTERSIGN_TEST_DOWNLOADS").map_or(2_000, |it| it.parse().unwrap());
    let stage = Stage::with(&SIZES, "size = \"64MiB\"", &[]);
    let before = Descriptors::of(stage.edge().id());
    let line = |done: usize, now: Descriptors, pipes: usize| {
        println!("{done}\t{now}\t{}\t{pipes}", stage.edge().resident() >> 10);
    };
    println!("broken off\tsockets\tpipes\tfiles\tothers\tresident KiB\tpipes at most meanwhile");
    line(0, before, before.pipes);
    let (mut warm, mut last) = (0, 0);
    for part in 1..=10 {
        let most = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (stage, most) = (&stage, &most);
                scope.spawn(move || {
                    let mut chance = Chance((part * CLIENTS + client) as u64);
                    for _ in 0..downloads / 10 / CLIENTS {
                        break_off(stage, &mut chance);
                        most.fetch_max(Descriptors::of(stage.edge().id()).pipes, Ordering::Relaxed);
                    }
                });
            }
        });
        let most = most.into_inner();
        assert!(most > before.pipes, "nothing was spliced");
        line(downloads / 10 * part, settle(&stage, before), most);
        last = stage.edge().resident();
        if part == 2 {
            warm = last;
        }
    }
    assert!(last < warm + (48 << 20), "{} KiB, {} after a fifth", last >> 10, warm >> 10);
    // It serves on.
    let mut connection = Connection::open(stage.plain());
    let path = format!("/pass/b{}.bin", SIZES[1]);
    let answer = connection.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(answer.body == bodies::content(SIZES[1], 0, SIZES[1]));
    drop(connection);
    assert_eq!(stage.stop(), Some(0));
}

/// Held open unread, what the origin sends is in a pipe: else the test above would show nothing. A
/// file goes by the kernel's own way.
#[test]
fn large_downloads_hold_pipes_and_give_them_back() {
    let stage = Stage::of(&[64 * MIB]);
    let before = Descriptors::of(stage.edge().id());
    let begin = |folder: &str| {
        let mut connection = Connection::open(stage.plain());
        connection.send(format!("GET /{folder}/b{}.bin HTTP/1.1\r\nHost: a\r\n\r\n", 64 * MIB));
        assert!(connection.take(300 * KIB).is_some());
        connection
    };
    let held = ["open", "pass"].map(begin);
    let began = Instant::now();
    while Descriptors::of(stage.edge().id()).pipes < before.pipes + 2 {
        assert!(began.elapsed() < Duration::from_secs(20), "no pipes");
        std::thread::yield_now();
    }
    drop(held);
    settle(&stage, before);
}

#[test]
fn more_large_downloads_than_pipes_are_served_all_the_same() {
    const MOST: usize = countersign::splice::MOST_PIPES;
    let size = 32 * MIB;
    let stage = Stage::of(&[size]);
    let request = |folder| format!("GET /{folder}/b{size}.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    let held: Vec<Connection> = (0..MOST + 8)
        .map(|_| {
            let mut connection = Connection::open(stage.plain());
            connection.send(request("pass"));
            assert!(connection.take(300 * KIB).is_some());
            connection
        })
        .collect();
    let pipes = || Descriptors::of(stage.edge().id()).pipes;
    let began = Instant::now();
    while pipes() < 2 * MOST {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", pipes());
        std::thread::yield_now();
    }
    for folder in ["open", "pass"] {
        let answer = Connection::open(stage.plain()).ask(&request(folder));
        let whole = bodies::sum_of(size, {
            let mut rest = &answer.body[..];
            move |most| rest.split_off(..most).map(<[u8]>::to_vec)
        });
        assert!(whole == Some(bodies::sum(size, 0, size)), "{folder}");
    }
    // One more than the pipes is of the runtime's own.
    assert!(pipes() <= 2 * MOST + 2);
    drop(held);
}
