//! Promise 11: a control plane is killed at 200 points amid writes through its API, on each database;
//! nothing that it acknowledged is lost, and it is back within two seconds. Promise 9: an edge that is
//! killed while its control plane is away is ready within two seconds.
//!
//! `cargo bench --bench control_killed -- [sqlite] [postgres] [edge]`, after `tests/run --env-only`.
//! `COUNTERSIGN_KILLS` says how many, 200. `support/control_kills.rs` and `support/edge_restarts.rs` of
//! the suite are what it does. The figures that are claimed are in `benches/runs/`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that cannot go on says so; its result is what it prints"
)]

#[expect(dead_code, reason = "the suite's; a bench needs some of it")]
#[path = "../tests/black_box/support/mod.rs"]
mod support;

use std::time::Duration;

use support::control::Records;
use support::control_kills::{Kills, kill_repeatedly};
use support::edge_restarts::restart_without_control;

/// After so many the next begins with an empty store.
const KILLS_OF_ONE_STORE: usize = 20;

const BACK_WITHIN: Duration = Duration::from_secs(2);

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let kills = std::env::var("COUNTERSIGN_KILLS").map_or(200, |it| it.parse().unwrap());
    for database in ["sqlite", "postgres"] {
        if chosen.is_empty() || chosen.iter().any(|it| it == database) {
            kill_all(database, kills);
        }
    }
    if chosen.is_empty() || chosen.iter().any(|it| it == "edge") {
        kill_an_edge();
    }
}

fn kill_an_edge() {
    for contents in [1_000, 100_000] {
        let restarts = restart_without_control(contents, 20);
        let longest = restarts.iter().map(|(wall, _)| *wall).max().unwrap();
        println!("edge, {contents} contents: ready after {restarts:.2?}; {longest:.2?} at most");
        assert!(longest <= BACK_WITHIN, "ready after {longest:?}");
    }
}

fn kill_all(database: &str, kills: usize) {
    let mut all = Kills::default();
    for store in 0..kills.div_ceil(KILLS_OF_ONE_STORE) {
        let records = match database {
            "sqlite" => Records::Sqlite,
            _ => Records::on_postgres(&format!("control_kills_{store}")),
        };
        let some = KILLS_OF_ONE_STORE.min(kills - store * KILLS_OF_ONE_STORE);
        let seed = store as u64;
        let Kills { acknowledged, unheard, back, worked } = kill_repeatedly(&records, some, seed);
        println!(
            "{database}, store {store}: {acknowledged} acknowledged, {unheard} unheard; back after \
             {back:.2?}"
        );
        all.acknowledged += acknowledged;
        all.unheard += unheard;
        all.back.extend(back);
        all.worked.extend(worked);
    }
    all.back.sort();
    let (middle, longest) = (all.back[all.back.len() / 2], *all.back.last().unwrap());
    println!(
        "{database}: {} kills, {} acknowledged, none lost, none by halves or twice; {} there that \
         nobody had been told of; back after {middle:.2?} in the middle, {longest:.2?} at most, \
         {:.2?} of processor at most",
        all.back.len(),
        all.acknowledged,
        all.unheard,
        all.worked.iter().max().unwrap()
    );
    assert!(longest <= BACK_WITHIN, "back after {longest:?}");
}
