//! Requests at a steady pace while something else happens.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::time::Instant;

use super::keep_alive::{Dial, KeepAlive, dial};

/// Running clients.
pub(crate) struct Load {
    /// Each with what ends it: once it has made so many requests.
    clients: Vec<(Sender<usize>, JoinHandle<Report>)>,
}

/// What became of the requests.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) requests: usize,
    pub(crate) connections: usize,
    pub(crate) failures: Vec<String>,
    /// Of all requests, in ascending order.
    pub(crate) latencies: Vec<Duration>,
}

impl Load {
    /// Starts so many connections which make so many requests a second together. `ask` makes one
    /// request, by its number on the connection, and says what is wrong with the answer.
    pub(crate) fn start(
        edge: SocketAddr,
        connections: u32,
        per_second: u32,
        ask: impl Fn(&mut KeepAlive, usize) -> Result<(), String> + Clone + Send + 'static,
    ) -> Self {
        Self::over(&dial(edge), connections, per_second, ask)
    }

    /// The same, on connections that are made like this.
    pub(crate) fn over(
        dial: &Dial,
        connections: u32,
        per_second: u32,
        ask: impl Fn(&mut KeepAlive, usize) -> Result<(), String> + Clone + Send + 'static,
    ) -> Self {
        let pace = Duration::from_secs(1) * connections / per_second;
        let clients = (0..connections).map(|_| {
            let (stop, stopped) = channel();
            let (ask, client) = (ask.clone(), KeepAlive::new(Arc::clone(dial)));
            (stop, std::thread::spawn(move || run(client, pace, &stopped, &ask)))
        });
        Self { clients: clients.collect() }
    }

    /// Ends it.
    pub(crate) fn stop(self) -> Report {
        self.stop_after(0)
    }

    /// Ends it once so many requests were made, however soon everything else was over; one client after
    /// the other.
    pub(crate) fn stop_after(self, least: usize) -> Report {
        let mut all = Report::default();
        let share = least.div_ceil(self.clients.len());
        for (stop, client) in self.clients {
            stop.send(share).unwrap();
            let report = client.join().unwrap();
            all.requests += report.requests;
            all.connections += report.connections;
            all.failures.extend(report.failures);
            all.latencies.extend(report.latencies);
        }
        all.latencies.sort_unstable();
        all
    }
}

impl Report {
    /// The latency that so many of a hundred requests did not exceed.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let at = self.latencies.len().saturating_sub(1) * percent / 100;
        self.latencies.get(at).copied().unwrap_or_default()
    }

    /// Requests there were, and none of them failed.
    pub(crate) fn assert_good(&self, least: usize) {
        let first = &self.failures[..self.failures.len().min(5)];
        assert!(
            first.is_empty(),
            "{} of {} failed: {first:#?}",
            self.failures.len(),
            self.requests
        );
        assert!(self.requests >= least, "only {} requests", self.requests);
    }

    /// For the run files.
    pub(crate) fn print(&self, what: &str) {
        println!(
            "{what}: {} requests on {} connections, {} failed, p50 {:?} p99 {:?} worst {:?}",
            self.requests,
            self.connections,
            self.failures.len(),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100)
        );
    }
}

fn run(
    mut client: KeepAlive,
    pace: Duration,
    stopped: &Receiver<usize>,
    ask: &impl Fn(&mut KeepAlive, usize) -> Result<(), String>,
) -> Report {
    let mut report = Report::default();
    let mut due = Instant::now();
    let mut least = usize::MAX;
    while report.requests < least {
        // An edge that stalls is not asked less: what is overdue is asked at once.
        due += pace;
        let wait = due.saturating_duration_since(Instant::now());
        match stopped.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(share) => {
                least = share;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let began = Instant::now();
        let asked = ask(&mut client, report.requests);
        report.latencies.push(began.elapsed());
        report.requests += 1;
        report.failures.extend(asked.err());
    }
    report.connections = client.connections;
    report
}
