//! Many who ask for one link at the same moment.
//!
//! The ledger is asked for a few of them at a time. What it says tells also whose link it was at that
//! moment: whoever else was waiting then is refused without being asked for. So a crowd costs the
//! ledger little, and keeps nobody from other links.

use std::collections::{HashMap, VecDeque};

use crate::asset::TenantId;
use crate::claim::{ClaimRuling, ClaimVerdict};

use super::claims::Asked;
use super::keeper::Ruled;

/// Claims to one link that the ledger is asked for at once.
const MOST_OF_A_LINK: usize = 4;

/// Claims to one link that may wait.
const MOST_WAITING_FOR_A_LINK: usize = 1_024;

/// Claims that may wait in all.
const MOST_WAITING: usize = 4_096;

/// Every crowd there is.
#[derive(Debug, Default)]
pub(super) struct Crowds {
    of_links: HashMap<(TenantId, Box<str>), Crowd>,
    waiting: usize,
}

#[derive(Debug, Default)]
struct Crowd {
    asking: usize,
    waiting: VecDeque<Asked>,
}

impl Crowds {
    /// Takes a claim. Gives it back where the ledger is to be asked now. One too many is dropped, and
    /// so not answered, which is an answer.
    pub(super) fn join(&mut self, order: Asked) -> Option<Asked> {
        let link = (order.draft.tenant, order.draft.link.clone());
        let crowd = self.of_links.entry(link).or_default();
        if crowd.asking < MOST_OF_A_LINK {
            crowd.asking += 1;
            return Some(order);
        }
        if crowd.waiting.len() < MOST_WAITING_FOR_A_LINK && self.waiting < MOST_WAITING {
            crowd.waiting.push_back(order);
            self.waiting += 1;
        }
        None
    }

    /// What came of one of those that the ledger was asked for. Gives those that are next.
    pub(super) fn ruled(&mut self, ruled: Ruled) -> Vec<Asked> {
        let Ruled { draft, ruling } = ruled;
        let link = (draft.tenant, draft.link);
        let Some(crowd) = self.of_links.get_mut(&link) else { return Vec::new() };
        let before = crowd.waiting.len();
        crowd.asking = crowd.asking.saturating_sub(1);
        crowd.waiting.retain(|it| !it.answer.is_closed());
        if let Some(ClaimRuling { verdict: _, holder: Some(holder) }) = ruling {
            for order in std::mem::take(&mut crowd.waiting) {
                if order.draft.asker() == holder {
                    crowd.waiting.push_back(order);
                } else {
                    // It may have been given up at this moment: nothing was claimed for it.
                    let _ = order.answer.send(Ok(ClaimVerdict::Used));
                }
            }
        }
        let mut next = Vec::new();
        while crowd.asking < MOST_OF_A_LINK
            && let Some(order) = crowd.waiting.pop_front()
        {
            crowd.asking += 1;
            next.push(order);
        }
        self.waiting = self.waiting.saturating_sub(before - crowd.waiting.len());
        if crowd.asking == 0 {
            self.of_links.remove(&link);
        }
        next
    }
}
