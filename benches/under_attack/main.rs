//! What good clients notice while an edge is attacked (promises 16, 17 and 20): their median and
//! 99th percentile without the attack and with it, in alternating rounds of one run.
//!
//! `cargo bench --bench under_attack [-- SCENARIO…]`, scenarios being `http2`, `stalls`, `origin`,
//! `breaker` and `slow` (which needs `ulimit -n 20000`). The edge is a process of its own; attackers and good
//! clients share this one, the attackers at the lowest priority, for a real attack brings processors
//! of its own. The figures that are claimed are in `benches/runs/`.
//!
//! The attacks are those of `tests/black_box`, which asserts what does not depend on time.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that cannot go on says so; its result is what it prints"
)]

#[expect(dead_code, reason = "the suite's; a bench needs some of it")]
#[path = "../../tests/black_box/support/mod.rs"]
mod support;

mod comparison;
mod floods;
mod slow_crowd;
mod stalled_origin;

fn main() {
    let scenarios: [(&str, fn()); 5] = [
        ("http2", floods::run),
        ("stalls", floods::run_stalls),
        ("origin", stalled_origin::run),
        ("breaker", stalled_origin::run_breaker),
        ("slow", slow_crowd::run),
    ];
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
