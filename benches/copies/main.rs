//! What a download with a forensic tag costs beside the same download without one:
//! processor time of the edge, in alternating rounds of one run, and memory of it for each download
//! that stalls.
//!
//! `cargo bench --bench copies [-- SCENARIO…]`, scenarios being `processor` and `memory` (which needs
//! `ulimit -n 4096`); `COUNTERSIGN_ROUNDS` says how many rounds, 7. The edge and its control plane are
//! processes of their own, and so is nginx, the second origin; clients are this one. Other programs on
//! the machine make it last longer, and disturb processor time less than that. The figures that are
//! claimed are in `benches/runs/`.

#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that cannot go on says so; its result is what it prints"
)]

#[expect(dead_code, reason = "the suite's; a bench needs some of it")]
#[path = "../../tests/black_box/support/mod.rs"]
mod support;

mod client;
mod files;
mod memory;
mod processor;
mod scene;

use std::sync::mpsc::channel;
use std::time::Duration;

fn main() {
    let scenarios: [(&str, fn()); 2] = [("processor", processor::run), ("memory", memory::run)];
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let unknown = chosen.iter().find(|it| scenarios.iter().all(|(name, _)| name != it));
    assert!(unknown.is_none(), "no scenario {unknown:?}");
    for (name, run) in scenarios {
        if chosen.is_empty() || chosen.iter().any(|it| it == name) {
            println!("\n## {name}; load average {}\n", load_average());
            run();
            println!("\nload average afterwards: {}", load_average());
        }
    }
}

/// Of one, five and fifteen minutes.
fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// Lets time pass for the others.
fn wait(time: Duration) {
    let (_open, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(time);
}

/// The value in the middle.
fn median(values: &[f64]) -> f64 {
    let sorted = ascending(values);
    sorted[sorted.len() / 2]
}

fn ascending(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}
