//! Links that may be used once: edges claim a use before bytes leave, and say how it ended.

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::asset::TenantId;
use crate::claim::{
    ClaimDraft, ClaimEnd, ClaimRuling, ClaimVerdict, LAST_POSITION, MOST_RUNS, PositionRun,
};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::Scope;
use crate::control_plane::store::KEPT_AFTER_END;

impl Services {
    /// Claims a use of a link, for the edge that calls or for this process. What was granted is on
    /// the disk.
    pub async fn link_claim_make(
        &self,
        caller: &Caller,
        draft: &ClaimDraft,
    ) -> Result<ClaimRuling, ServiceError> {
        of_an_edge(caller)?;
        check_link(draft.tenant, &draft.link, draft.expires_at)?;
        check_positions(draft)?;
        if self.now() > draft.expires_at.plus(KEPT_AFTER_END) {
            // Its uses may be forgotten.
            return Ok(ClaimRuling { verdict: ClaimVerdict::Used, holder: None });
        }
        let ledger = Caller::system("one-use links");
        // Most that come to a used link are refused without waiting for one another.
        let mut view = self.view(&ledger).await?;
        let mut seen = view.link_claim(draft.tenant, &draft.link).await?;
        drop(view);
        let verdict = seen.claim(draft, self.now());
        match verdict {
            ClaimVerdict::Busy | ClaimVerdict::Used => {
                return Ok(ClaimRuling { verdict, holder: seen.holder() });
            }
            ClaimVerdict::Granted | ClaimVerdict::Resumed => {}
        }
        let mut change = self.change(&ledger).await?;
        let ruling = change.link_claim_make(draft).await?;
        match ruling.verdict {
            // Nothing was changed that must last.
            ClaimVerdict::Busy | ClaimVerdict::Used => {}
            ClaimVerdict::Granted | ClaimVerdict::Resumed => {
                change.commit().await?;
            }
        }
        Ok(ruling)
    }

    /// Says how a claim ended.
    pub async fn link_claim_end(
        &self,
        caller: &Caller,
        end: &ClaimEnd,
    ) -> Result<(), ServiceError> {
        of_an_edge(caller)?;
        check_link(end.tenant, &end.link, end.expires_at)?;
        if i64::try_from(end.sent).is_err() {
            return Err(Invalid::new("/sent", "is out of range").into());
        }
        let mut change = self.change(&Caller::system("one-use links")).await?;
        change.link_claim_end(end).await?;
        change.commit().await?;
        Ok(())
    }
}

fn of_an_edge(caller: &Caller) -> Result<(), ServiceError> {
    caller.require(Scope::Edge)?;
    match caller.actor() {
        Actor::Edge(_) | Actor::System(_) => Ok(()),
        Actor::Application(_) | Actor::Person(_) => Err(ServiceError::NotFound),
    }
}

fn check_link(tenant: TenantId, link: &str, expires_at: UnixSeconds) -> Result<(), Invalid> {
    if i64::try_from(tenant.0).is_err() {
        return Err(Invalid::new("/tenant", "is out of range"));
    }
    if i64::try_from(expires_at.get()).is_err() {
        return Err(Invalid::new("/expires_at", "is out of range"));
    }
    text("/link", link, 256)
}

fn check_positions(draft: &ClaimDraft) -> Result<(), Invalid> {
    let ClaimDraft { size, positions, .. } = draft;
    if size.is_some_and(|size| size > LAST_POSITION) {
        return Err(Invalid::new("/size", "is out of range"));
    }
    if positions.is_empty() || positions.len() > MOST_RUNS {
        return Err(Invalid::new("/positions", format!("must have 1 to {MOST_RUNS} items")));
    }
    let mut free = 0;
    for (place, &PositionRun { first, last }) in positions.iter().enumerate() {
        let is_inside = size.is_none_or(|size| last < size);
        if first < free || last < first || last > LAST_POSITION || !is_inside {
            let wrong = "must be positions of the file, in ascending order";
            return Err(Invalid::new(format!("/positions/{place}"), wrong));
        }
        free = last.saturating_add(1);
    }
    Ok(())
}
