//! A configuration that is reloaded every 100 ms with large tables and the access log on: what a
//! request costs beside one without tables, log and reloads, and whether any fails.
//!
//! Three settings take turns in every round. The cost of a request is the processor time of the
//! threads that serve; that of a reload, the time of the others.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::load::{Load, Report};
use crate::support::process::Process;
use crate::support::signing::token;
use crate::wait;

const ROUNDS: usize = 7;

const WINDOW: Duration = Duration::from_secs(6);

const EVERY: Duration = Duration::from_millis(100);

/// One window.
struct Window {
    report: Report,
    /// Microseconds of processor time a request, of the threads that serve.
    cost: f64,
    /// Seconds of processor time of the other threads.
    others: f64,
    reloads: u64,
}

pub(crate) fn run() {
    let bare = edge("", "", "access_log = false");
    let tables = "overrides = \"overrides.toml\"\nblocklists = [\"many.netset\"]";
    let (mut overrides, mut blocked) =
        (String::from("[[vm]]\nid = 1\nvideos = [\n"), String::new());
    for number in 0..100_000 {
        writeln!(overrides, "  {{ id = \"x{number}\", scope = \"public\" }},").unwrap();
    }
    overrides.push_str("]\n");
    for number in 0..1_000_000_u32 {
        let address = Ipv4Addr::from_bits(0x0b00_0000 + number * 16);
        writeln!(blocked, "{address}").unwrap();
    }
    let full = edge(&overrides, &blocked, tables);
    let mut all: [Vec<Window>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        all[0].push(window(&bare, false));
        all[1].push(window(&full, false));
        all[2].push(window(&full, true));
    }
    println!(
        "round\tsetting\trequests\tfailed\tµs a request\tp50 µs\tp99 µs\tworst µs\treloads\tms a reload"
    );
    let names = ["bare", "everything", "everything, reloaded"];
    for round in 0..ROUNDS {
        for (name, windows) in names.iter().zip(&all) {
            let it = &windows[round];
            let micros = |percent| it.report.percentile(percent).as_micros();
            println!(
                "{round}\t{name}\t{}\t{}\t{:.2}\t{}\t{}\t{}\t{}\t{:.1}",
                it.report.requests,
                it.report.failures.len(),
                it.cost,
                micros(50),
                micros(99),
                micros(100),
                it.reloads,
                it.others * 1000.0 / it.reloads.max(1) as f64,
            );
        }
    }
    println!("\n| cost of a request | median of ratios (least–most) |\n|---|--:|");
    for (what, of, to) in [
        ("everything, against bare", 1, 0),
        ("everything reloaded every 100 ms, against bare", 2, 0),
        ("everything reloaded every 100 ms, against everything", 2, 1),
    ] {
        let mut ratios: Vec<f64> =
            all[of].iter().zip(&all[to]).map(|(of, to)| of.cost / to.cost).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios[0], ratios[ROUNDS - 1]);
        println!("| {what} | {:.2} ({least:.2}–{most:.2}) |", ratios[ROUNDS / 2]);
    }
    println!(
        "resident afterwards: bare {} MiB, everything {} MiB",
        bare.resident() >> 20,
        full.resident() >> 20
    );
    for edge in [bare, full] {
        assert_eq!(edge.stop().0, Some(0));
    }
}

fn edge(overrides: &str, blocked: &str, settings: &str) -> Process {
    Edge::builder(usual_config(settings, ""))
        .file("media/vod/a", vec![b'a'; 1024])
        .file("overrides.toml", overrides)
        .file("many.netset", blocked)
        .spawn()
}

fn window(edge: &Process, reloading: bool) -> Window {
    let link = format!("/vod/a?__token__={}", token(KEY_HEX, "/vod/*", NOW + 3600));
    let reloads = edge.metric("countersign_config_reloads_total");
    let (serving, others) = times(edge.id());
    let load =
        Load::start(edge.address(), 8, 3_000, move |client, _| match client.get(&link)?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
    let over = AtomicBool::new(false);
    let report = std::thread::scope(|scope| {
        scope.spawn(|| {
            while reloading && !over.load(Ordering::Acquire) {
                edge.signal(Signal::HUP);
                wait(EVERY);
            }
        });
        wait(WINDOW);
        let report = load.stop();
        over.store(true, Ordering::Release);
        report
    });
    let (served, did) = times(edge.id());
    Window {
        cost: (served - serving) * 1e6 / report.requests as f64,
        others: did - others,
        reloads: edge.metric("countersign_config_reloads_total") - reloads,
        report,
    }
}

/// Seconds of processor time of the threads that serve, and of the others.
fn times(process: u32) -> (f64, f64) {
    let (mut serving, mut others) = (0.0, 0.0);
    for task in std::fs::read_dir(format!("/proc/{process}/task")).unwrap() {
        let task = task.unwrap().path();
        let read = |name| std::fs::read_to_string(task.join(name)).unwrap_or_default();
        let nanos: f64 = read("schedstat").split(' ').next().unwrap().parse().unwrap_or(0.0);
        let name = read("comm");
        let serves = !name.starts_with("reload") && !name.starts_with("control");
        *(if serves { &mut serving } else { &mut others }) += nanos / 1e9;
    }
    (serving, others)
}
