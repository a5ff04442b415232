//! When a recipient's own address ends: moved either way, while the share is there.

use super::desk::Services;
use super::error::{Invalid, ServiceError};
use super::share::Managed;
use super::share_access::end;
use super::share_changing::{close, issuer_of, still_shareable};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{RevokedLinks, Share, ShareEventKind, ShareId, ShareRecipient};
use crate::control_plane::store::Happened;

impl Services {
    /// Moves the last second at which a recipient's address opens a share, which is never after the
    /// share's own; none: as long as the share is open. One that is past opens again. An earlier end
    /// closes the links that they were given.
    pub async fn share_recipient_move(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        number: u64,
        to: Option<UnixSeconds>,
    ) -> Result<ShareRecipient, ServiceError> {
        let (mut change, rights, share) = self.share_to_change(caller, tenant, id).await?;
        Managed::of(caller, &rights).require(&share)?;
        let before = change.view().share_recipient(id, number).await?;
        accept(&share, &before, to, change.now())?;
        if before.expires_at == to {
            return Ok(before);
        }
        let mut after = ShareRecipient { expires_at: to, ..before.clone() };
        let last =
            |it: &ShareRecipient| end(&share, Some(it)).unwrap_or(UnixSeconds::new(u64::MAX));
        if last(&after) > last(&before) {
            still_shareable(&mut change, &rights, id).await?;
        }
        if last(&after) < last(&before) {
            let links = RevokedLinks::Issuer(issuer_of(&share, Some(&before)).into());
            close(&mut change, tenant, links).await?;
            after.link_epoch += 1;
        }
        let after = change.share_recipient_move(&share, &before, after).await?;
        let mut changed = Happened::of(ShareEventKind::Changed);
        changed.actor = Some(caller.actor().to_string().into());
        changed.recipient = Some(number);
        let ends = serde_json::json!([before.expires_at, after.expires_at]);
        changed.detail.insert("expires_at".to_owned(), ends);
        change.share_event_add(id, &changed).await?;
        change.commit().await?;
        Ok(after)
    }
}

/// Refuses an end that cannot be: an address that was closed stays so.
fn accept(
    share: &Share,
    recipient: &ShareRecipient,
    to: Option<UnixSeconds>,
    now: UnixSeconds,
) -> Result<(), Invalid> {
    let wrong = |detail| Err(Invalid::new("/expires_at", detail));
    if recipient.revoked_at.is_some() {
        return wrong("is of an address that was closed, and stays so");
    }
    let Some(to) = to.filter(|to| recipient.expires_at != Some(*to)) else { return Ok(()) };
    if to <= now {
        return wrong("must be in the future");
    }
    if share.expires_at.is_some_and(|end| to > end) {
        return wrong("must not be after the end of the share");
    }
    Ok(())
}
