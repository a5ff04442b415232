//! What shows only after a long time or at a large size: an hour of mixed load, a configuration
//! that is reloaded all the while.
//!
//! `cargo bench --bench endurance -- SCENARIO`, where a scenario is `soak` (for
//! `COUNTERSIGN_SOAK_MINUTES`, 60) or `reload`. The edge is a process of its own and its clients are
//! this one; nginx is the origin. Tables go to standard output. The figures that are claimed are in
//! `benches/runs/`.

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

mod reload_storm;
mod soak;

fn main() {
    let scenarios: [(&str, fn()); 2] = [("reload", reload_storm::run), ("soak", soak::run)];
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let unknown = chosen.iter().find(|it| scenarios.iter().all(|(name, _)| name != it));
    assert!(unknown.is_none(), "no scenario {unknown:?}");
    for (name, run) in scenarios {
        if chosen.is_empty() || chosen.iter().any(|it| it == name) {
            println!("\n## {name}; load average {}", load_average());
            run();
            println!("load average afterwards: {}", load_average());
        }
    }
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap().trim().to_owned()
}

/// Lets time pass for the others.
fn wait(time: std::time::Duration) {
    let (_open, nothing) = std::sync::mpsc::channel::<()>();
    let _ = nothing.recv_timeout(time);
}
