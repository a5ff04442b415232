//! Uses of one-use links, from the data plane of this process to whoever has the ledger.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::claim::{ClaimDraft, ClaimEnd, ClaimRuling};
use crate::control_plane::Caller;
use crate::control_plane::service::{ServiceError, Services};
use crate::data_plane::{ClaimOrders, Claims, Ledger, LedgerError, keep_claims};

/// How long the ledger is told of what ended when the program does. What it is not told of stays
/// claimed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whoever does what is ordered.
#[derive(Debug)]
pub(super) struct ClaimKeeper {
    claims: Claims,
    task: JoinHandle<()>,
}

impl ClaimKeeper {
    /// Asks that ledger.
    pub(super) fn start(
        ledger: impl Ledger,
        claims: Claims,
        orders: ClaimOrders,
        runtime: &Handle,
    ) -> Self {
        Self { claims, task: runtime.spawn(keep_claims(ledger, orders)) }
    }

    /// Nothing follows: tells what is left to tell.
    pub(super) async fn finish(self) {
        self.claims.finish();
        if timeout(PATIENCE, self.task).await.is_err() {
            tracing::error!("the ledger was not told how the last uses of links ended");
        }
    }
}

/// The ledger of this process's own control plane.
#[derive(Debug)]
pub(super) struct OwnLedger(pub(super) Services);

impl Ledger for OwnLedger {
    async fn claim(&self, draft: &ClaimDraft) -> Result<ClaimRuling, LedgerError> {
        let caller = Caller::system("one-use links");
        self.0.link_claim_make(&caller, draft).await.map_err(away)
    }

    async fn end(&self, end: &ClaimEnd) -> Result<(), LedgerError> {
        let caller = Caller::system("one-use links");
        self.0.link_claim_end(&caller, end).await.map_err(away)
    }
}

fn away(error: ServiceError) -> LedgerError {
    if matches!(error, ServiceError::Invalid(_)) {
        LedgerError::Refused(Box::new(error))
    } else {
        LedgerError::Away(Box::new(error))
    }
}
