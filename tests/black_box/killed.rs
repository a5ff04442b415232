//! Promise 15: an edge with a million blocked addresses and a cache on disk, killed under load, is
//! back soon and serves no wrong or short byte. What happens to damaged files is in `slices.rs`.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::large_bodies::{KIB, MIB, Stage};
use crate::support::bodies;
use crate::support::chance::Chance;
use crate::support::raw_client::{Connection, PATIENCE};

const SIZES: [usize; 3] = [300 * KIB, 5 * MIB + 3, 24 * MIB];

const CLIENTS: u64 = 6;

/// Until it listens: of processor time, which a busy machine does not change. Unoptimised, the list
/// takes several times as long to read.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 2 });

/// Asks for parts of objects until the edge is gone. Every byte that comes is compared; gives how
/// many came.
fn ask_until_gone(edge: SocketAddr, mut chance: Chance, together: &AtomicUsize) -> usize {
    let mut connection = Connection::open(edge);
    let mut all = 0;
    loop {
        let size = chance.pick(&SIZES);
        let first = chance.below(size);
        let count = (chance.below(3 * MIB) + 1).min(size - first);
        let path = format!("/http/b{size}.bin?{}", chance.below(3));
        let range = format!("Range: bytes={first}-{}", first + count - 1);
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n{range}\r\n\r\n"));
        let Some(head) = connection.head_answer() else { return all };
        assert_eq!(head.status, 206, "{path} {range}");
        let mut came = 0;
        while came < count {
            let most = (count - came).min(32 * KIB);
            let Some(bytes) = connection.take(most) else {
                let rest = connection.rest();
                assert!(rest == bodies::content(size, first + came, rest.len()), "{path} {range}");
                return all + came + rest.len();
            };
            assert!(bytes == bodies::content(size, first + came, most), "{path} {range} {came}");
            came += most;
            together.fetch_add(most, Ordering::Relaxed);
        }
        all += count;
    }
}

#[test]
fn what_was_killed_under_load_is_back_and_serves_no_wrong_byte() {
    let mut blocked = String::new();
    for number in 0..1_000_000_u32 {
        // Scattered, so that no two merge.
        let address = Ipv4Addr::from_bits(0x0b00_0000 + number * 16);
        writeln!(blocked, "{address}").unwrap();
    }
    let lists = [("million.netset", &*blocked)];
    let mut stage = Stage::with(&SIZES, "size = \"1GiB\"\nslice = \"256KiB\"", &lists);
    for round in 0..6 {
        let together = AtomicUsize::new(0);
        let edge = stage.plain();
        let (again, bytes) = std::thread::scope(|scope| {
            let together = &together;
            let clients: Vec<_> = (0..CLIENTS)
                .map(|client| {
                    let chance = Chance(round * CLIENTS + client);
                    scope.spawn(move || ask_until_gone(edge, chance, together))
                })
                .collect();
            // In the middle of answers and of slices that are being filled.
            let began = Instant::now();
            while together.load(Ordering::Relaxed) < 8 * MIB {
                assert!(began.elapsed() < PATIENCE, "too slow");
                std::thread::yield_now();
            }
            let killed = Instant::now();
            let again = stage.kill_and_start();
            let back = killed.elapsed();
            let time = again.edge().processor_time();
            let bytes: usize = clients.into_iter().map(|it| it.join().unwrap()).sum();
            println!(
                "round {round}: {bytes} bytes; listens after {back:.2?}, {time:?} of processor"
            );
            assert!(time <= SOON, "{time:?}");
            (again, bytes)
        });
        assert!(bytes > 8 * MIB);
        stage = again;
        assert_eq!(stage.edge().metric("countersign_blocklist_entries"), 1_000_000);
    }
    let found = stage.edge().wait_for(|it| it["event"] == "slices_found");
    println!("slices found after the last time: {}", found["slices"]);
    assert!(found["slices"].as_u64().unwrap() > 10, "{found}");
    for size in SIZES {
        let mut connection = Connection::open(stage.plain());
        connection.send(format!("GET /http/b{size}.bin?0 HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(connection.head_answer().unwrap().status, 200);
        let whole = bodies::sum_of(size, |most| connection.take(most));
        assert!(whole == Some(bodies::sum(size, 0, size)), "{size}");
    }
    assert_eq!(stage.stop(), Some(0));
}
