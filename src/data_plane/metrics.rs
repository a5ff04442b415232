//! What the data plane counts. Every label is a closed set: nothing a client sends becomes one.

use std::sync::Arc;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::claim::ClaimVerdict;
use crate::clock::UnixSeconds;
use crate::policy::{
    DenialCode, EdgeSnapshot, FraudFinding, FraudList, FraudMode, FraudRule, ListState,
};
use crate::telemetry::ProcessCollector;

use super::cache::CacheStatus;
use super::connection_collector::ConnectionCollector;
use super::connection_metrics::ConnectionMetrics;
use super::events::Lost;
use super::usage::WhenAway;

/// Buckets from a served memory page to a slow first byte; seconds.
const DURATION_BUCKETS: &[f64] = &[
    0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

/// The data plane's metrics (contract, part 6).
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Answers by outcome and code.
    pub requests: IntCounterVec,
    /// Of those, the ones that were not refused.
    allowed: IntCounter,
    /// From head to the last byte.
    pub request_duration: Histogram,
    /// What step 8 found, by rule and action.
    pub fraud: IntCounterVec,
    /// Entries of the lists of step 8.
    pub fraud_list_entries: IntGaugeVec,
    /// Seconds since they were made.
    pub fraud_list_age: IntGaugeVec,
    /// Is Redis there to count for all edges?
    pub usage_connected: IntGauge,
    /// Requests that could not be counted for all edges, by what was done.
    pub usage_away: IntCounterVec,
    /// Verifications by scheme, key and result.
    pub token_verifications: IntCounterVec,
    /// Origin requests by origin and result.
    pub origin_requests: IntCounterVec,
    /// Until the origin's head.
    pub origin_duration: Histogram,
    /// Requests by what the cache did, in the order of [`CacheStatus::CODES`].
    cache: [IntCounter; CacheStatus::CODES.len()],
    /// What the cache's disk failed at.
    pub cache_disk_failures: IntCounterVec,
    /// Bytes of bodies.
    pub bytes_sent: IntCounter,
    /// The snapshot's version.
    pub snapshot_version: IntGauge,
    /// Seconds since the snapshot was published.
    pub snapshot_age: IntGauge,
    /// Reloads that took effect.
    pub config_reloads: IntCounter,
    /// Reloads that were refused.
    pub config_reload_failures: IntCounter,
    /// Entries of the blocklists.
    pub blocklist_entries: IntGauge,
    /// Entries of the override table.
    pub override_entries: IntGauge,
    /// Contents and folders in the catalog.
    pub catalog_entries: IntGauge,
    /// Access log lines lost.
    pub log_lines_dropped: IntGauge,
    /// Downloads that are kept, and that no control plane has yet.
    pub events_spooled: IntGauge,
    /// Downloads that were lost.
    pub events_lost: IntCounterVec,
    /// Uses claimed of one-use links.
    pub link_claims: IntCounterVec,
    /// Ends of such uses that the ledger was not told yet.
    pub link_claims_untold: IntGauge,
}

impl Metrics {
    /// Makes and registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests =
            counters("requests_total", "Answers by outcome and code.", &["outcome", "code"])?;
        let cache = counters("cache_total", "Requests by what the cache did.", &["status"])?;
        registry.register(Box::new(cache.clone()))?;
        let metrics = Self {
            allowed: requests.with_label_values(&["allow", "ok"]),
            requests,
            request_duration: histogram("request_duration_seconds", "From head to last byte.")?,
            fraud: counters(
                "fraud_total",
                "What anti-fraud found, by rule and action.",
                &["rule", "action"],
            )?,
            fraud_list_entries: gauges(
                "fraud_list_entries",
                "Entries of the lists of anti-fraud.",
            )?,
            fraud_list_age: gauges(
                "fraud_list_age_seconds",
                "Since the oldest file of a list was made.",
            )?,
            usage_connected: IntGauge::new(
                name("usage_connected"),
                "Is Redis there to count the uses of links?",
            )?,
            usage_away: counters(
                "usage_away_total",
                "Uses of links not counted for all edges.",
                &["behaviour"],
            )?,
            token_verifications: counters(
                "token_verifications_total",
                "Token verifications by scheme, key and result.",
                &["scheme", "key", "result"],
            )?,
            origin_requests: counters(
                "origin_requests_total",
                "Origin requests by origin and result.",
                &["origin", "result"],
            )?,
            origin_duration: histogram("origin_duration_seconds", "Until the origin's head.")?,
            cache: CacheStatus::CODES.map(|code| cache.with_label_values(&[code])),
            cache_disk_failures: counters(
                "cache_disk_failures_total",
                "What the disk of the cache failed at.",
                &["kind"],
            )?,
            bytes_sent: IntCounter::new(name("bytes_sent_total"), "Bytes of answers' bodies.")?,
            snapshot_version: IntGauge::new(name("snapshot_version"), "Version in force.")?,
            snapshot_age: IntGauge::new(name("snapshot_age_seconds"), "Age of what is in force.")?,
            config_reloads: IntCounter::new(name("config_reloads_total"), "Reloads in force.")?,
            config_reload_failures: IntCounter::new(
                name("config_reload_failures_total"),
                "Reloads refused; the last good state stays in force.",
            )?,
            blocklist_entries: IntGauge::new(name("blocklist_entries"), "Blocklist entries.")?,
            override_entries: IntGauge::new(name("override_entries"), "Override table entries.")?,
            catalog_entries: IntGauge::new(name("catalog_entries"), "Contents and folders known.")?,
            log_lines_dropped: IntGauge::new(
                name("log_lines_dropped"),
                "Access log lines lost to a slow sink.",
            )?,
            events_spooled: IntGauge::new(
                name("events_spooled"),
                "Downloads kept that no control plane has yet.",
            )?,
            events_lost: counters("events_lost_total", "Downloads not reported.", &["at"])?,
            link_claims: counters(
                "link_claims_total",
                "Uses of one-use links asked of the ledger, by what it said.",
                &["result"],
            )?,
            link_claims_untold: IntGauge::new(
                name("link_claims_untold"),
                "Ends of uses of one-use links that the ledger was not told yet.",
            )?,
        };
        for collector in [
            Box::new(metrics.requests.clone()) as Box<dyn prometheus::core::Collector>,
            Box::new(metrics.request_duration.clone()),
            Box::new(metrics.fraud.clone()),
            Box::new(metrics.fraud_list_entries.clone()),
            Box::new(metrics.fraud_list_age.clone()),
            Box::new(metrics.usage_connected.clone()),
            Box::new(metrics.usage_away.clone()),
            Box::new(metrics.token_verifications.clone()),
            Box::new(metrics.origin_requests.clone()),
            Box::new(metrics.origin_duration.clone()),
            Box::new(metrics.cache_disk_failures.clone()),
            Box::new(metrics.bytes_sent.clone()),
            Box::new(metrics.snapshot_version.clone()),
            Box::new(metrics.snapshot_age.clone()),
            Box::new(metrics.config_reloads.clone()),
            Box::new(metrics.config_reload_failures.clone()),
            Box::new(metrics.blocklist_entries.clone()),
            Box::new(metrics.override_entries.clone()),
            Box::new(metrics.catalog_entries.clone()),
            Box::new(metrics.log_lines_dropped.clone()),
            Box::new(metrics.events_spooled.clone()),
            Box::new(metrics.events_lost.clone()),
            Box::new(metrics.link_claims.clone()),
            Box::new(metrics.link_claims_untold.clone()),
        ] {
            registry.register(collector)?;
        }
        registry.register(Box::new(ProcessCollector::new()?))?;
        // Every code has its series from the start, so that a first refusal is a change.
        for code in DenialCode::ALL {
            metrics.requests.with_label_values(&["deny", code.as_str()]);
        }
        for (rule, mode) in
            FraudRule::ALL.iter().flat_map(|rule| FraudMode::ALL.iter().map(move |it| (rule, it)))
        {
            metrics.fraud.with_label_values(&[rule.as_str(), mode.action()]);
        }
        for list in FraudList::ALL {
            metrics.fraud_list_entries.with_label_values(&[list.as_str()]);
            metrics.fraud_list_age.with_label_values(&[list.as_str()]);
        }
        for behaviour in WhenAway::ALL {
            metrics.usage_away.with_label_values(&[behaviour.wire_name()]);
        }
        for lost in Lost::ALL {
            metrics.events_lost.with_label_values(&[lost.code()]);
        }
        let verdicts = ClaimVerdict::ALL.map(ClaimVerdict::code);
        for result in verdicts.into_iter().chain(["unavailable"]) {
            metrics.link_claims.with_label_values(&[result]);
        }
        for kind in ["corrupt", "read", "write"] {
            metrics.cache_disk_failures.with_label_values(&[kind]);
        }
        Ok(metrics)
    }

    /// Shows the listeners' counts on the same page.
    pub fn watch_connections(
        &self,
        registry: &Registry,
        connections: Arc<ConnectionMetrics>,
    ) -> Result<(), prometheus::Error> {
        registry.register(Box::new(ConnectionCollector::new(connections)?))
    }

    /// Counts what the cache did.
    pub(super) fn count_cache(&self, status: CacheStatus) {
        let known = CacheStatus::CODES.iter().zip(&self.cache);
        if let Some((_, counter)) = known.into_iter().find(|(code, _)| **code == status.code()) {
            counter.inc();
        }
    }

    /// Counts what step 8 found.
    pub(super) fn count_fraud(&self, finding: FraudFinding, mode: FraudMode) {
        self.fraud.with_label_values(&[finding.rule().as_str(), mode.action()]).inc();
    }

    /// Shows how large and how old the lists of step 8 are.
    pub fn show_fraud_lists(&self, policy: &EdgeSnapshot, now: UnixSeconds) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let pushed = policy.control.as_deref().map(|control| &*control.fraud_lists);
        for ListState { list, entries, made } in policy.anti_fraud.lists.states(pushed) {
            let entries = u64::try_from(entries).unwrap_or(u64::MAX);
            self.fraud_list_entries.with_label_values(&[list.as_str()]).set(gauge(entries));
            let age = made.map_or(0, |made| now.since(made));
            self.fraud_list_age.with_label_values(&[list.as_str()]).set(gauge(age));
        }
    }

    /// Counts an answer.
    pub fn count_request(&self, denial: Option<DenialCode>) {
        match denial {
            Some(code) => self.requests.with_label_values(&["deny", code.as_str()]).inc(),
            None => self.allowed.inc(),
        }
    }
}

fn name(short: &str) -> String {
    format!("countersign_{short}")
}

fn counters(short: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, prometheus::Error> {
    IntCounterVec::new(Opts::new(name(short), help), labels)
}

fn gauges(short: &str, help: &str) -> Result<IntGaugeVec, prometheus::Error> {
    IntGaugeVec::new(Opts::new(name(short), help), &["list"])
}

fn histogram(short: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    Histogram::with_opts(HistogramOpts::new(name(short), help).buckets(DURATION_BUCKETS.to_vec()))
}
