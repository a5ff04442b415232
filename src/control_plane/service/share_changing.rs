//! Shares that are changed, and what that closes: links that were handed out die in the same change
//! as what let them be handed out (C25, C26, C29).

use std::num::NonZeroU32;

use super::desk::Services;
use super::error::ServiceError;
use super::right::Rights;
use super::share::Managed;
use super::share_access::LONGEST_VISIT;
use super::share_making::{ShareExpiry, SharePassword, accept, known_context};
use super::sharing_policy;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::{Caller, MissingScope};
use crate::control_plane::record::{
    ContentId, RevocationDraft, RevokedLinks, Scope, Share, ShareDownloads, ShareDraft,
    ShareEventKind, ShareId, ShareInformation, ShareRecipient, difference,
};
use crate::control_plane::store::{Change, Expected, Happened};

/// Seconds for which a revocation outlives the last link that it is about: an edge's clock may be
/// behind.
const AFTER_ITS_END: u64 = 3_600;

/// What is to be said of a share instead.
#[derive(Debug)]
pub struct ShareRevision {
    /// All that can be said of it.
    pub draft: ShareDraft,
    /// Another end; none: the one that it has.
    pub expiry: Option<ShareExpiry>,
    /// Another password.
    pub password: PasswordChange,
}

/// What becomes of a share's password.
#[derive(Debug)]
pub enum PasswordChange {
    /// There is none any more.
    Cleared,
    /// It stays.
    Kept,
    /// It is this one.
    Set(SharePassword),
}

impl Services {
    /// Says something else about a share: everything that can be said, at once. An end is moved either
    /// way, and a share that is over and still there opens again. What closes something closes the
    /// links to it that were handed out.
    pub async fn share_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        expected: Expected,
        revision: ShareRevision,
    ) -> Result<Share, ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let ShareRevision { draft, expiry, password } = revision;
        accept(&draft)?;
        let password = match password {
            PasswordChange::Cleared => Some(None),
            PasswordChange::Kept => None,
            PasswordChange::Set(password) => Some(Some(self.share_password(password).await?)),
        };
        let (mut change, rights, before) = self.share_to_change(caller, tenant, id).await?;
        Managed::of(caller, &rights).require(&before)?;
        expected.meet(before.revision)?;
        known_context(change.view(), tenant, &draft).await?;
        if draft.delivery != before.draft.delivery {
            self.accept_delivery(tenant, draft.delivery)?;
        }
        let mut after = Share { draft, ..before.clone() };
        if let Some(expiry) = expiry {
            after.expires_at = expiry.moved_end(change.now())?;
        }
        if let Some(password) = password {
            after.password = password;
            after.password_version += 1;
        }
        if after.draft.terms != before.draft.terms {
            after.terms_version += 1;
        }
        let opens_more = opens_more(&before, &after);
        let settings = change.view().sharing_settings(tenant).await?;
        let (policy, now) = (settings.draft.policy, change.now());
        sharing_policy::accept_changed(&policy, (&before, &after), opens_more, now)?;
        if opens_more {
            still_shareable(&mut change, &rights, id).await?;
        }
        if closes(&before, &after) {
            close_all(&mut change, &before).await?;
            after.link_epoch += 1;
        }
        let after = change.share_replace(&before, expected, after).await?;
        let changed = changed(caller, &before, &after);
        change.share_event_add(id, &changed).await?;
        change.commit().await?;
        Ok(after)
    }

    /// Takes an item out of a share: its links die with it (C29).
    pub async fn share_item_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        number: u64,
    ) -> Result<(), ServiceError> {
        let (mut change, rights, share) = self.share_to_change(caller, tenant, id).await?;
        let item = change.view().share_item(id, number).await?;
        if !Managed::of(caller, &rights).covers(&share) {
            let folder = change.view().content(&item.content).await?.draft.folder;
            rights.share(change.view(), folder).await?;
        }
        change.share_item_remove(&share, number).await?;
        let links = RevokedLinks::Tag(item_mark(&share.id, number).into());
        close(&mut change, tenant, links).await?;
        let mut removed = Happened::of(ShareEventKind::ItemRemoved);
        removed.actor = Some(caller.actor().to_string().into());
        removed.item = Some(number);
        removed.detail.insert("content".to_owned(), item.content.as_str().into());
        change.share_event_add(id, &removed).await?;
        change.commit().await?;
        Ok(())
    }

    /// Takes a content out of a share: its links die with it (C29).
    pub async fn share_content_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        content: &ContentId,
    ) -> Result<(), ServiceError> {
        let mut view = self.view_by_right(caller, Scope::SharesWrite, tenant).await?.0;
        let item = view.share_item_of(id, content).await?.ok_or(ServiceError::NotFound)?;
        drop(view);
        self.share_item_remove(caller, tenant, id, item.number).await
    }

    /// Closes a recipient's address, and the links that were handed out there.
    pub async fn share_recipient_revoke(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        number: u64,
    ) -> Result<ShareRecipient, ServiceError> {
        let (mut change, rights, share) = self.share_to_change(caller, tenant, id).await?;
        Managed::of(caller, &rights).require(&share)?;
        let before = change.view().share_recipient(id, number).await?;
        if before.revoked_at.is_some() {
            return Ok(before);
        }
        let revoked = change.share_recipient_revoke(&share, number).await?;
        let links = RevokedLinks::Issuer(issuer_of(&share, Some(&before)).into());
        close(&mut change, tenant, links).await?;
        let mut happened = Happened::of(ShareEventKind::Revoked);
        happened.actor = Some(caller.actor().to_string().into());
        happened.recipient = Some(number);
        change.share_event_add(id, &happened).await?;
        change.commit().await?;
        Ok(revoked)
    }

    /// Removes a share: its addresses are nobody's, and its links die.
    pub async fn share_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let (mut change, rights, share) = self.share_to_change(caller, tenant, id).await?;
        Managed::of(caller, &rights).require(&share)?;
        close_all(&mut change, &share).await?;
        change.share_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    pub(super) async fn share_to_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
    ) -> Result<(Change, Rights, Share), ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let rights = self.rights(caller).await?;
        let mut change = self.tenant_change(caller, Scope::SharesWrite, tenant).await?;
        let share = change.share_lock(id).await?;
        Ok((change, rights, share))
    }
}

/// Whose links a share's are: those of its own address, or of a recipient's. Another epoch's are
/// another's, of the share's and of theirs; of their first none is named.
pub(super) fn issuer_of(share: &Share, recipient: Option<&ShareRecipient>) -> String {
    let Share { id, link_epoch: epoch, .. } = share;
    match recipient {
        None => format!("{id}.{epoch}"),
        Some(ShareRecipient { number, link_epoch: 1, .. }) => format!("{id}.{epoch}.{number}"),
        Some(ShareRecipient { number, link_epoch: own, .. }) => {
            format!("{id}.{epoch}.{number}.{own}")
        }
    }
}

/// What all links to an item carry, by whomever they were handed out.
pub(super) fn item_mark(share: &ShareId, item: u64) -> String {
    format!("{share}.{item}")
}

/// Closes every link that a share handed out.
async fn close_all(change: &mut Change, share: &Share) -> Result<(), ServiceError> {
    let recipients = change.view().share_recipient_list(&share.id).await?;
    let theirs = recipients.iter().filter(|it| it.revoked_at.is_none()).map(Some);
    for recipient in std::iter::once(None).chain(theirs) {
        let links = RevokedLinks::Issuer(issuer_of(share, recipient).into());
        close(change, share.tenant, links).await?;
    }
    Ok(())
}

/// Closes links for good: also one that somebody makes now, of a share that was still open when they
/// looked. Nobody makes such links again: an epoch, of a share or of a recipient, and an item end once.
pub(super) async fn close(
    change: &mut Change,
    tenant: TenantId,
    subject: RevokedLinks,
) -> Result<(), ServiceError> {
    let expires_at = Some(change.now().plus(LONGEST_VISIT + AFTER_ITS_END));
    let made_before = expires_at;
    let draft = RevocationDraft { tenant, subject, reason: "".into(), made_before, expires_at };
    change.revocation_create(draft).await?;
    Ok(())
}

/// An end that comes after every other is none.
fn end(share: &Share) -> UnixSeconds {
    share.expires_at.unwrap_or(UnixSeconds::new(u64::MAX))
}

/// Is a state more open than the one before: could somebody have what they could not?
fn opens_more(before: &Share, after: &Share) -> bool {
    let limit = |share: &Share| share.draft.download_limit.map_or(u32::MAX, NonZeroU32::get);
    let is = |share: &Share, flag| share.draft.download == flag;
    end(after) > end(before)
        || before.password.is_some() && after.password.is_none()
        || before.draft.terms.is_some() && after.draft.terms.is_none()
        || is(before, ShareDownloads::Refused) && is(after, ShareDownloads::Allowed)
        || limit(after) > limit(before)
        || before.draft.information == ShareInformation::Minimum
            && after.draft.information == ShareInformation::Complete
}

/// Is a state less open than the one before: are links about that it would not hand out?
fn closes(before: &Share, after: &Share) -> bool {
    let limit = |share: &Share| share.draft.download_limit.map_or(u32::MAX, NonZeroU32::get);
    end(after) < end(before)
        || after.password.is_some() && after.password_version != before.password_version
        || after.draft.terms.is_some() && after.draft.terms != before.draft.terms
        || after.draft.download == ShareDownloads::Refused
            && before.draft.download != ShareDownloads::Refused
        || limit(after) < limit(before)
        || after.draft.delivery != before.draft.delivery
}

/// Refuses to open more of a share in which something is not the caller's to share any more.
pub(super) async fn still_shareable(
    change: &mut Change,
    rights: &Rights,
    id: &ShareId,
) -> Result<(), ServiceError> {
    for folder in change.view().share_folders(id).await? {
        if !rights.may_share(change.view(), folder).await? {
            return Err(MissingScope(Scope::SharesWrite).into());
        }
    }
    Ok(())
}

fn changed(caller: &Caller, before: &Share, after: &Share) -> Happened {
    let mut changed = Happened::of(ShareEventKind::Changed);
    changed.actor = Some(caller.actor().to_string().into());
    changed.detail = difference(Some(before), Some(after));
    // What is counted is no change of its own.
    for counted in ["revision", "link_epoch", "terms_version", "password_version", "items"] {
        changed.detail.remove(counted);
    }
    if before.password_version != after.password_version {
        let standing = |share: &Share| if share.password.is_some() { "set" } else { "none" };
        let password = serde_json::json!([standing(before), standing(after)]);
        changed.detail.insert("password".to_owned(), password);
    }
    changed
}
