//! From the workers to whoever has the ledger, and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use crate::claim::{ClaimDraft, ClaimEnd, ClaimOutcome, ClaimVerdict};

use super::super::metrics::Metrics;
use super::ledger::LedgerError;

/// For a claim, with every control plane that is asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Claims that may wait at once.
const MOST_WAITING: usize = 4_096;

/// A client that was cut off and comes back may be faster than the word of how its answer ended. For
/// so long it is asked again whether that came.
const ASKED_AGAIN_AFTER: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Where claims are made. Clones are the same.
#[derive(Clone, Debug)]
pub struct Claims {
    asked: mpsc::Sender<Asked>,
    ended: mpsc::UnboundedSender<Ended>,
    metrics: Metrics,
}

/// What is asked through [`Claims`], for [`keep_claims`](super::keep_claims).
#[derive(Debug)]
pub struct ClaimOrders {
    pub(super) asked: mpsc::Receiver<Asked>,
    pub(super) ended: mpsc::UnboundedReceiver<Ended>,
    pub(super) metrics: Metrics,
}

/// A claim, and where its verdict goes.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) draft: ClaimDraft,
    /// Set before the ledger is asked, and before it is looked whether anybody still waits.
    pub(super) begun: Arc<AtomicBool>,
    pub(super) answer: oneshot::Sender<Result<ClaimVerdict, LedgerError>>,
}

/// What is told.
#[derive(Debug)]
pub(super) enum Ended {
    Claim(ClaimEnd),
    /// Nothing follows.
    Everything,
}

/// The ledger did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ledger of one-use links is away")]
pub(super) struct LedgerAway;

impl Claims {
    /// Both ends.
    pub fn new(metrics: Metrics) -> (Self, ClaimOrders) {
        let (asked, to_ask) = mpsc::channel(MOST_WAITING);
        let (ended, to_tell) = mpsc::unbounded_channel();
        let orders = ClaimOrders { asked: to_ask, ended: to_tell, metrics: metrics.clone() };
        (Self { asked, ended, metrics }, orders)
    }

    /// Claims a use. Whoever asks and does not wait for the verdict gives up.
    pub(super) async fn claim(&self, draft: &ClaimDraft) -> Result<ClaimVerdict, LedgerAway> {
        let mut asking = Asking { claims: self, draft, begun: Arc::default(), stage: Stage::Open };
        let begun = Arc::clone(&asking.begun);
        let verdict = timeout(PATIENCE, self.claim_patiently(draft, &begun)).await;
        let verdict = verdict.unwrap_or(Err(LedgerAway));
        if verdict.is_ok() {
            asking.stage = Stage::Answered;
        }
        let result = verdict.map_or("unavailable", ClaimVerdict::code);
        self.metrics.link_claims.with_label_values(&[result]).inc();
        verdict
    }

    async fn claim_patiently(
        &self,
        draft: &ClaimDraft,
        begun: &Arc<AtomicBool>,
    ) -> Result<ClaimVerdict, LedgerAway> {
        let goes_on = draft.positions.first().is_some_and(|run| run.first > 0);
        let mut pauses = ASKED_AGAIN_AFTER.into_iter().filter(|_| goes_on);
        loop {
            match (self.claim_once(draft, begun).await?, pauses.next()) {
                (ClaimVerdict::Busy, Some(pause)) => sleep(pause).await,
                (verdict, _) => return Ok(verdict),
            }
        }
    }

    async fn claim_once(
        &self,
        draft: &ClaimDraft,
        begun: &Arc<AtomicBool>,
    ) -> Result<ClaimVerdict, LedgerAway> {
        let (answer, verdict) = oneshot::channel();
        let asked = Asked { draft: draft.clone(), begun: Arc::clone(begun), answer };
        // Not waited for room: a ledger that is so far behind is as good as away.
        self.asked.try_send(asked).map_err(|_| LedgerAway)?;
        // Why is logged where the ledger was asked.
        verdict.await.map_err(|_| LedgerAway)?.map_err(|_| LedgerAway)
    }

    /// Says how a claim ended.
    pub(super) fn end(&self, end: ClaimEnd) {
        // Where nobody takes it any more the program is ending, and what was claimed stays so.
        let _ = self.ended.send(Ended::Claim(end));
    }

    /// No more come.
    pub fn finish(&self) {
        let _ = self.ended.send(Ended::Everything);
    }
}

/// A claim whose verdict is not known.
struct Asking<'c> {
    claims: &'c Claims,
    draft: &'c ClaimDraft,
    begun: Arc<AtomicBool>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Answered,
    Open,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // It may have been granted, or be. Whoever does not wait any more has said so before: what was
        // not begun by now is not begun.
        if self.stage == Stage::Open && self.begun.load(Ordering::SeqCst) {
            self.claims.end(nothing_left(self.draft));
        }
    }
}

/// The end of a claim of which nothing left.
pub(super) fn nothing_left(draft: &ClaimDraft) -> ClaimEnd {
    ClaimEnd {
        id: draft.id.clone(),
        tenant: draft.tenant,
        link: draft.link.clone(),
        expires_at: draft.expires_at,
        sent: 0,
        outcome: ClaimOutcome::Aborted,
    }
}
