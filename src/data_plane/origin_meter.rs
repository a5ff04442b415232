//! Counts questions to one origin.

use std::sync::Arc;

use tokio::time::Instant;

use crate::delivery::OriginError;
use crate::policy::OriginName;

use super::metrics::Metrics;

/// Counts for one origin, also after the request that began is over.
#[derive(Clone, Debug)]
pub(super) struct OriginMeter {
    metrics: Arc<Metrics>,
    origin: OriginName,
}

impl OriginMeter {
    pub(super) fn new(metrics: &Arc<Metrics>, origin: &OriginName) -> Self {
        Self { metrics: Arc::clone(metrics), origin: origin.clone() }
    }

    /// Where else a request counts.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Counts a question put at `asked`, whose answer's head, or none, came now.
    pub(super) fn count(&self, asked: Instant, result: Result<(), &OriginError>) {
        self.metrics.origin_duration.observe(asked.elapsed().as_secs_f64());
        let result = match result {
            Ok(()) => "ok",
            Err(error) => error.kind().code(),
        };
        self.metrics.origin_requests.with_label_values(&[self.origin.as_str(), result]).inc();
    }
}
