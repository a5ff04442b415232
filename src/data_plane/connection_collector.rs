//! What the listeners count, on the metrics page.

use std::sync::Arc;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

use super::connection_metrics::{ConnectionMetrics, Timeout};

/// Copies the listeners' counts when the page is asked for: serving pays for plain atomics only.
pub(super) struct ConnectionCollector {
    source: Arc<ConnectionMetrics>,
    connections: IntGaugeVec,
    accepted: IntCounterVec,
    timeouts: IntCounterVec,
    events: Vec<(IntCounterVec, Reading)>,
}

/// One count of the listeners.
type Reading = fn(&ConnectionMetrics) -> u64;

impl ConnectionCollector {
    pub(super) fn new(source: Arc<ConnectionMetrics>) -> Result<Self, prometheus::Error> {
        let event = |name: &str, help: &str, read: Reading| {
            counters(name, help, &[]).map(|counter| (counter, read))
        };
        Ok(Self {
            source,
            connections: IntGaugeVec::new(
                Opts::new("countersign_connections", "Open connections."),
                &["listener"],
            )?,
            accepted: counters(
                "connections_accepted_total",
                "Connections accepted.",
                &["listener"],
            )?,
            timeouts: counters(
                "timeouts_total",
                "Requests and connections ended by time.",
                &["kind"],
            )?,
            events: vec![
                event(
                    "accept_failures_total",
                    "Accepts that failed for want of resources.",
                    |it| it.accept_failures.get(),
                )?,
                event("h2_floods_total", "HTTP/2 connections closed for flooding.", |it| {
                    it.floods.get()
                })?,
                event(
                    "handshakes_delayed_total",
                    "TLS handshakes that waited for the breaches of their address.",
                    |it| it.handshakes_delayed.get(),
                )?,
                event(
                    "connection_rests_total",
                    "Silent connections that gave buffers back.",
                    |it| it.rests.get(),
                )?,
                event("malformed_http_total", "Bytes that were not HTTP.", |it| {
                    it.malformed_http.get()
                })?,
                event("panics_total", "Answers that ended in a panic; a bug of ours.", |it| {
                    it.panics.get()
                })?,
                event("proxy_header_refusals_total", "PROXY headers missing or wrong.", |it| {
                    it.proxy_header_refusals.get()
                })?,
                event("refused_over_limit_total", "Connections over the limit of all.", |it| {
                    it.refused_over_limit.get()
                })?,
                event(
                    "refused_over_address_limit_total",
                    "Connections over the limit of one address.",
                    |it| it.refused_over_address_limit.get(),
                )?,
                event("tls_handshake_failures_total", "TLS handshakes that failed.", |it| {
                    it.tls_handshake_failures.get()
                })?,
            ],
        })
    }
}

impl Collector for ConnectionCollector {
    fn desc(&self) -> Vec<&Desc> {
        let mut descriptions = self.connections.desc();
        descriptions.extend(self.accepted.desc());
        descriptions.extend(self.timeouts.desc());
        descriptions.extend(self.events.iter().flat_map(|(counter, _)| counter.desc()));
        descriptions
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for listener in &self.source.listeners {
            let label = [listener.address.to_string()];
            let open = i64::try_from(listener.open()).unwrap_or(i64::MAX);
            self.connections.with_label_values(&label).set(open);
            copy(&self.accepted, &label, listener.accepted.get());
        }
        for timeout in Timeout::ALL {
            let label = [timeout.as_str().to_owned()];
            copy(&self.timeouts, &label, self.source.timeouts(timeout).get());
        }
        for (counter, read) in &self.events {
            copy(counter, &[], read(&self.source));
        }
        let mut families = self.connections.collect();
        families.extend(self.accepted.collect());
        families.extend(self.timeouts.collect());
        families.extend(self.events.iter().flat_map(|(counter, _)| counter.collect()));
        families
    }
}

fn counters(short: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(format!("countersign_{short}"), help), labels)
}

/// The page's counter takes over the count, which only grows.
fn copy(counters: &IntCounterVec, label: &[String], count: u64) {
    let counter = counters.with_label_values(label);
    counter.inc_by(count.saturating_sub(counter.get()));
}
