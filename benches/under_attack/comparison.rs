//! Rounds without and with an attack, in turn, and what came of them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::load::{Load, Report};
use crate::support::process::Process;

/// What is compared, and how long.
pub(crate) struct Comparison<'c> {
    pub(crate) name: &'c str,
    pub(crate) rounds: usize,
    pub(crate) quiet: Duration,
    pub(crate) attacked: Duration,
    /// Of the promise, for the 99th percentile.
    pub(crate) limit: f64,
}

/// Tells an attack when its round is over.
pub(crate) struct Round(AtomicBool);

impl Round {
    pub(crate) fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Prints the head of the table that [`Comparison::run`] adds rows to.
pub(crate) fn print_head() {
    println!(
        "| attack | times | p50, quiet → attacked | p99, quiet → attacked | p99 ratio: median (all, ascending) | failed | memory |  |"
    );
    println!("|---|---|---|---|---|---|---|---|");
}

impl Comparison<'_> {
    /// `attack` goes on until its round is over, and says how many attacks it made; `begun` is
    /// called by it when the attack is in full swing.
    pub(crate) fn run(
        &self,
        edge: &Process,
        good: impl Fn() -> Load,
        attack: impl Fn(&Round, &dyn Fn()) -> usize + Sync,
    ) {
        let (mut pairs, mut attacks, mut most) = (Vec::new(), 0, 0);
        // What good clients cost is no cost of the attack.
        let load = good();
        wait(self.quiet);
        load.stop();
        let before = edge.resident();
        for _ in 0..self.rounds {
            let load = good();
            wait(self.quiet);
            let quiet = load.stop();
            let round = Round(AtomicBool::new(false));
            let (begun, begins) = channel();
            let attacked = std::thread::scope(|scope| {
                let attacker = scope.spawn(|| {
                    // On Linux a thread's own.
                    rustix::process::nice(19).unwrap();
                    attack(&round, &move || begun.send(()).unwrap())
                });
                begins.recv().unwrap();
                let load = good();
                wait(self.attacked);
                most = most.max(edge.resident());
                let report = load.stop();
                round.0.store(true, Ordering::Release);
                attacks += attacker.join().unwrap();
                report
            });
            pairs.push((quiet, attacked));
        }
        self.print(&pairs, attacks, most, before);
    }

    fn print(&self, pairs: &[(Report, Report)], attacks: usize, most: u64, before: u64) {
        let ratio = |(quiet, attacked): &(Report, Report)| {
            attacked.percentile(99).as_secs_f64() / quiet.percentile(99).as_secs_f64()
        };
        let mut ratios: Vec<f64> = pairs.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let median = ratios[ratios.len() / 2];
        let of = |percent| {
            let middle = |mut all: Vec<Duration>| {
                all.sort_unstable();
                all[all.len() / 2]
            };
            format!(
                "{:.2?} → {:.2?}",
                middle(pairs.iter().map(|(it, _)| it.percentile(percent)).collect()),
                middle(pairs.iter().map(|(_, it)| it.percentile(percent)).collect())
            )
        };
        let both = pairs.iter().flat_map(|(quiet, attacked)| [quiet, attacked]);
        let (requests, failures) = both.fold((0, Vec::new()), |(requests, mut all), it| {
            all.extend(&it.failures);
            (requests + it.requests, all)
        });
        let all: Vec<_> = ratios.iter().map(|it| format!("{it:.2}")).collect();
        println!(
            "| {} | {attacks} | {} | {} | {median:.2} ({}) | {} of {requests} | {} → {} MiB | {} |",
            self.name,
            of(50),
            of(99),
            all.join(" "),
            failures.len(),
            before >> 20,
            most >> 20,
            if median <= self.limit && failures.is_empty() { "holds" } else { "SHORT" }
        );
        if let Some(first) = failures.first() {
            println!("first failure: {first}");
        }
    }
}

/// Lets time pass for the others.
pub(crate) fn wait(time: Duration) {
    let (_open, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(time);
}
