//! What operators see of webhooks: attempts by what came of them, and how much waits.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::control_plane::store::Verdict;

/// The metrics of webhooks.
#[derive(Clone, Debug)]
pub struct WebhookMetrics {
    attempts: IntCounterVec,
    waiting: IntGauge,
    unkept: IntCounter,
}

impl WebhookMetrics {
    /// Makes and registers them.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let attempts = IntCounterVec::new(
            Opts::new(
                "countersign_webhook_attempts_total",
                "Attempts to deliver messages to webhooks, by what became of the message",
            ),
            &["outcome"],
        )?;
        let waiting = IntGauge::new(
            "countersign_webhook_messages_waiting",
            "Messages that wait for webhooks, of all control planes on the store",
        )?;
        let unkept = IntCounter::new(
            "countersign_webhook_messages_unkept_total",
            "Messages that were not kept, since too many waited for their webhook",
        )?;
        registry.register(Box::new(attempts.clone()))?;
        registry.register(Box::new(waiting.clone()))?;
        registry.register(Box::new(unkept.clone()))?;
        for outcome in ["delivered", "again", "given_up", "gone"] {
            // So that what never happened is 0.
            attempts.with_label_values(&[outcome]);
        }
        Ok(Self { attempts, waiting, unkept })
    }

    /// Counts an attempt.
    pub(super) fn count(&self, verdict: Verdict) {
        let outcome = match verdict {
            Verdict::Delivered => "delivered",
            Verdict::Again(_) => "again",
            Verdict::Dead { .. } => "given_up",
            Verdict::Gone => "gone",
        };
        self.attempts.with_label_values(&[outcome]).inc();
    }

    /// Shows how much waits, and what was not kept since the program began.
    pub(super) fn show(&self, waiting: u64, unkept: u64) {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.unkept.inc_by(unkept.saturating_sub(self.unkept.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixSeconds;

    #[test]
    fn attempts_are_counted_by_what_came_of_them() {
        let metrics = WebhookMetrics::register(&Registry::new()).unwrap();
        let at = UnixSeconds::new(1_893_456_000);
        for verdict in [
            Verdict::Delivered,
            Verdict::Again(at),
            Verdict::Again(at),
            Verdict::Dead { stops_if_since: at },
            Verdict::Gone,
        ] {
            metrics.count(verdict);
        }
        let counted = |outcome| metrics.attempts.with_label_values(&[outcome]).get();
        assert_eq!(["delivered", "again", "given_up", "gone"].map(counted), [1, 2, 1, 1]);
        metrics.show(7, 3);
        metrics.show(0, 5);
        assert_eq!((metrics.waiting.get(), metrics.unkept.get()), (0, 5));
    }
}
