//! Asks the ledger what workers want to know, and tells it what they have to say.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::claim::{ClaimDraft, ClaimEnd, ClaimRuling};
use crate::telemetry::ErrorChain;

use super::claims::{Asked, ClaimOrders, Ended};
use super::crowds::Crowds;
use super::ledger::{Ledger, LedgerError};

/// What the ledger is asked and told at once.
const MOST_AT_ONCE: usize = 16;

/// Ends that may wait for a ledger that is away. More are not told: what those claims hold stays
/// claimed.
const MOST_UNTOLD: usize = 64 * 1024;

/// Before a ledger that was away is told again.
const LEFT_ALONE: Duration = Duration::from_millis(500);

/// Does what is ordered until everything has ended, and is told.
pub async fn keep_claims<L: Ledger>(ledger: L, orders: ClaimOrders) {
    let ClaimOrders { mut asked, mut ended, metrics } = orders;
    let ledger = Arc::new(ledger);
    let room = Arc::new(Semaphore::new(MOST_AT_ONCE));
    let (mut asking, mut telling) = (JoinSet::new(), JoinSet::new());
    let mut crowds = Crowds::default();
    loop {
        let ready = tokio::select! {
            Some(order) = asked.recv() => crowds.join(order).into_iter().collect(),
            Some(ruled) = asking.join_next() => {
                // None of these tasks panics.
                ruled.map(|ruled| crowds.ruled(ruled)).unwrap_or_default()
            }
            Some(order) = ended.recv() => match order {
                Ended::Claim(end) => {
                    if telling.len() < MOST_UNTOLD {
                        telling.spawn(tell(Arc::clone(&ledger), Arc::clone(&room), end));
                    } else {
                        tracing::error!("the ledger is away too long: a link stays as claimed");
                    }
                    Vec::new()
                }
                Ended::Everything => break,
            },
            Some(_) = telling.join_next() => Vec::new(),
            else => break,
        };
        for order in ready {
            asking.spawn(ask(Arc::clone(&ledger), Arc::clone(&room), order));
        }
        metrics.link_claims_untold.set(i64::try_from(telling.len()).unwrap_or(i64::MAX));
    }
    while telling.join_next().await.is_some() {}
    metrics.link_claims_untold.set(0);
}

/// What came of a claim.
pub(super) struct Ruled {
    pub(super) draft: ClaimDraft,
    /// None where nobody waited for it any more, or the ledger was away.
    pub(super) ruling: Option<ClaimRuling>,
}

async fn ask<L: Ledger>(ledger: Arc<L>, room: Arc<Semaphore>, order: Asked) -> Ruled {
    let Asked { draft, begun, mut answer } = order;
    let place = room.acquire().await;
    begun.store(true, Ordering::SeqCst);
    if answer.is_closed() {
        // Given up meanwhile.
        return Ruled { draft, ruling: None };
    }
    let ruling = tokio::select! {
        ruling = ledger.claim(&draft) => ruling,
        // Whoever gave up says so.
        () = answer.closed() => return Ruled { draft, ruling: None },
    };
    drop(place);
    if let Err(error) = &ruling {
        tracing::warn!(link = %draft.link, error = %ErrorChain(error), "a use was not claimed");
    }
    let known = ruling.as_ref().ok().cloned();
    // Whoever gave up says so.
    let _ = answer.send(ruling.map(|ruling| ruling.verdict));
    Ruled { draft, ruling: known }
}

async fn tell<L: Ledger>(ledger: Arc<L>, room: Arc<Semaphore>, end: ClaimEnd) {
    loop {
        let place = room.acquire().await;
        let told = ledger.end(&end).await;
        drop(place);
        match told {
            Ok(()) => return,
            Err(error @ LedgerError::Refused(_)) => {
                tracing::error!(link = %end.link, error = %ErrorChain(&error), "an end is not taken");
                return;
            }
            Err(error @ LedgerError::Away(_)) => {
                tracing::debug!(link = %end.link, error = %ErrorChain(&error), "an end is not told");
                sleep(LEFT_ALONE).await;
            }
        }
    }
}
