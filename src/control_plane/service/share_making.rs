//! Shares that are made: what is chosen is looked at and kept once, and follows nothing afterwards
//! (C1 to C8).

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use unicode_normalization::UnicodeNormalization;

use super::archive_plan::FolderDepth;
use super::desk::Services;
use super::error::{Invalid, ServiceError, ShareRefusal, at_most, language, prose, text};
use super::person::failed;
use super::right::Rights;
use super::share::Managed;
pub use super::share_letter::ShareSending;
use super::sharing_policy;
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::{
    ContentId, MOST_CHOSEN, MOST_RECIPIENTS, MOST_SHARED, PasswordHash, RecipientDraft, Scope,
    Share, ShareAddress, ShareDraft, ShareEventKind, ShareId, ShareItem, SharePolicy,
    ShareRecipient,
};
use crate::control_plane::store::{Happened, ShareCandidate, View};
use crate::secret::Secret;

/// Characters of a password (G24), and the bytes that are hashed at most.
const PASSWORD: std::ops::RangeInclusive<usize> = 4..=128;

/// Bytes of what a sharer writes.
const TITLE: usize = 256;
const MESSAGE: usize = 8_192;
const TERMS: usize = 65_536;
const NAME: usize = 256;

/// A mail address has no more bytes (RFC 5321 section 4.5.3.1.3).
const EMAIL: usize = 254;

const DAY: u64 = 24 * 3_600;

/// A share that is asked for.
#[derive(Debug)]
pub struct ShareOrder {
    /// Of what.
    pub of: ShareOf,
    /// What becomes of contents that are not the caller's to share.
    pub on_forbidden: OnForbidden,
    /// What is said about it.
    pub draft: ShareDraft,
    /// Until when.
    pub expiry: ShareExpiry,
    /// Its password; perhaps none.
    pub password: Option<SharePassword>,
    /// Who has an address of their own.
    pub recipients: Vec<RecipientDraft>,
    /// Who brings it to them.
    pub sending: ShareSending,
}

/// What is shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShareOf {
    /// These contents, of whatever folders and kinds (C2, C4), in this order.
    Contents(Vec<ContentId>),
    /// What is in a folder at this moment (C5, C6, C8).
    Folder(ChannelId, FolderDepth),
    /// What is left in a share, and still there and the caller's to share (C30).
    Share(ShareId),
}

/// What becomes of contents that are not the caller's to share (G6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnForbidden {
    /// Nothing is shared.
    #[default]
    Refuse,
    /// They are left out.
    Skip,
}

/// When a share ends (G8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareExpiry {
    /// After that second.
    At(UnixSeconds),
    /// So many days from now.
    Days(u16),
    /// Never.
    Never,
    /// At once: for a share that is there.
    Now,
}

impl Default for ShareExpiry {
    fn default() -> Self {
        Self::Days(30)
    }
}

impl ShareExpiry {
    /// The usual one of a tenant's shares.
    pub fn usual(policy: &SharePolicy) -> Self {
        policy.default_days.map_or(Self::Never, Self::Days)
    }

    /// With a day (such as `2030-01-31`), where clocks are so many minutes ahead of UTC (G8). None
    /// where it is no day, or no such clock.
    pub fn end_of_day(day: &str, offset: i32) -> Option<Self> {
        if !(-1_440..=1_440).contains(&offset) {
            return None;
        }
        let next = day.parse::<jiff::civil::Date>().ok()?.tomorrow().ok()?;
        let midnight = jiff::tz::TimeZone::UTC.to_timestamp(next.at(0, 0, 0, 0)).ok()?;
        let last = midnight.as_second() - i64::from(offset) * 60 - 1;
        Some(Self::At(UnixSeconds::new(u64::try_from(last).ok()?)))
    }

    /// The last second; none: there is no last.
    pub(super) fn end(self, now: UnixSeconds) -> Result<Option<UnixSeconds>, Invalid> {
        let end = match self {
            Self::Never => return Ok(None),
            Self::At(end) => end,
            Self::Days(days) => now.plus(u64::from(days) * DAY),
            Self::Now => now,
        };
        if end <= now {
            return Err(Invalid::new("/expires_at", "must be in the future"));
        }
        Ok(Some(end))
    }

    /// The same, for a share that is there: it may be the last second that is past.
    pub(super) fn moved_end(self, now: UnixSeconds) -> Result<Option<UnixSeconds>, Invalid> {
        match self {
            Self::Now => Ok(Some(UnixSeconds::new(now.get().saturating_sub(1)))),
            Self::At(_) | Self::Days(_) | Self::Never => self.end(now),
        }
    }
}

/// A share's password as somebody typed it.
#[derive(Debug)]
pub struct SharePassword(Secret<String>);

impl SharePassword {
    /// That text, in the one form in which it is compared (NFC).
    pub fn typed(text: &str) -> Self {
        Self(Secret::new(text.nfc().collect()))
    }

    pub(super) fn into_text(self) -> Secret<String> {
        self.0
    }

    pub(super) fn accept(&self) -> Result<(), Invalid> {
        if PASSWORD.contains(&self.0.expose().chars().count()) {
            return Ok(());
        }
        let (least, most) = (PASSWORD.start(), PASSWORD.end());
        Err(Invalid::new("/password", format!("needs {least} to {most} characters")))
    }
}

impl Services {
    /// Makes a share. Nothing is made where something is not the caller's to share, unless they say
    /// that it is to be left out.
    pub async fn share_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        order: ShareOrder,
    ) -> Result<Share, ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let ShareOrder { of, on_forbidden, draft, expiry, password, recipients, sending } = order;
        accept(&draft)?;
        self.accept_delivery(tenant, draft.delivery)?;
        accept_recipients(&recipients)?;
        if let ShareOf::Contents(contents) = &of {
            accept_chosen(contents)?;
        }
        let password = match password {
            Some(password) => Some(self.share_password(password).await?),
            None => None,
        };
        let rights = self.rights(caller).await?;
        // Before there is a change: one that waits for a second connection holds up everybody.
        let (creator, creator_name) = self.named(caller).await?;
        let mut change = self.tenant_change(caller, Scope::SharesWrite, tenant).await?;
        let now = change.now();
        let expires_at = expiry.end(now)?;
        known_context(change.view(), tenant, &draft).await?;
        let folder = folder_of(change.view(), caller, &rights, &of).await?;
        let found = found(change.view(), &rights, tenant, &of, now).await?;
        let shared = permitted(change.view(), &rights, found, on_forbidden).await?;
        let items = items(shared)?;
        let classifications = match &rights {
            Rights::All => None,
            Rights::As(member) => {
                Some(change.view().classification_list_managed(tenant, member).await?)
            }
        };
        let share = Share {
            id: ShareId::random(now)?,
            tenant,
            address: ShareAddress::random()?,
            password_version: 1,
            terms_version: 1,
            link_epoch: 1,
            draft,
            creator,
            creator_name,
            folder,
            items: items.len() as u64,
            password,
            classifications,
            created_at: now,
            expires_at,
            downloads: 0,
            revision: 1,
        };
        accept_ends(&recipients, now, expires_at)?;
        let settings = change.view().sharing_settings(tenant).await?;
        sharing_policy::accept_made(&settings.draft.policy, &share, now)?;
        let recipients = addressed(recipients)?;
        change.share_create(&share, &items, &recipients).await?;
        let mut made = Happened::of(ShareEventKind::Created);
        made.actor = Some(share.creator.clone());
        made.detail.insert("items".to_owned(), share.items.into());
        change.share_event_add(&share.id, &made).await?;
        if sending == ShareSending::Letters {
            self.invite(&mut change, &share, &recipients).await?;
        }
        change.commit().await?;
        self.letters_written();
        Ok(share)
    }

    /// What is kept of a password.
    pub(super) async fn share_password(
        &self,
        password: SharePassword,
    ) -> Result<PasswordHash, ServiceError> {
        password.accept()?;
        self.passwords().hash(password.0).await.map_err(failed)
    }

    /// Who a caller is, and what they are called.
    async fn named(&self, caller: &Caller) -> Result<(Box<str>, Box<str>), ServiceError> {
        let mut view = self.view(&Caller::system("names")).await?;
        let name = match caller.actor() {
            Actor::Application(id) => view.application(id).await?.name,
            Actor::Person(id) => view.person(id).await?.username,
            Actor::Edge(_) | Actor::System(_) => "".into(),
        };
        Ok((caller.actor().to_string().into(), name))
    }
}

/// Refuses what cannot be said about a share.
pub(super) fn accept(draft: &ShareDraft) -> Result<(), Invalid> {
    let ShareDraft {
        title,
        message,
        context: _,
        delivery: _,
        information: _,
        download: _,
        download_limit: _,
        terms,
        language: tag,
        logo: _,
        notices: _,
    } = draft;
    text("/title", title, TITLE)?;
    prose("/message", message, MESSAGE)?;
    if let Some(terms) = terms {
        if terms.trim().is_empty() {
            return Err(Invalid::new("/terms", "must say something, or be null"));
        }
        prose("/terms", terms, TERMS)?;
    }
    tag.as_ref().map_or(Ok(()), |tag| language("/language", tag))
}

/// Refuses a context that there is not.
pub(super) async fn known_context(
    view: &mut View,
    tenant: TenantId,
    draft: &ShareDraft,
) -> Result<(), ServiceError> {
    let Some(name) = &draft.context else { return Ok(()) };
    match view.context(tenant, name).await.map_err(ServiceError::from) {
        Ok(_) => Ok(()),
        Err(ServiceError::NotFound) => {
            Err(Invalid::new("/context", "names no context that there is").into())
        }
        Err(error) => Err(error),
    }
}

fn accept_recipients(recipients: &[RecipientDraft]) -> Result<(), Invalid> {
    at_most("/recipients", recipients, MOST_RECIPIENTS)?;
    for (place, RecipientDraft { name, email, expires_at: _ }) in recipients.iter().enumerate() {
        text(format!("/recipients/{place}/name"), name, NAME)?;
        let Some(email) = email else { continue };
        let at = || format!("/recipients/{place}/email");
        text(at(), email, EMAIL)?;
        let is_one = email.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !is_one || email.contains(char::is_whitespace) {
            return Err(Invalid::new(at(), "must be a mail address"));
        }
    }
    Ok(())
}

/// Refuses addresses that would have ended, or would end after the share itself.
fn accept_ends(
    recipients: &[RecipientDraft],
    now: UnixSeconds,
    end: Option<UnixSeconds>,
) -> Result<(), Invalid> {
    for (place, recipient) in recipients.iter().enumerate() {
        let Some(own) = recipient.expires_at else { continue };
        let wrong = |detail| Invalid::new(format!("/recipients/{place}/expires_at"), detail);
        if own <= now {
            return Err(wrong("must be in the future"));
        }
        if end.is_some_and(|end| own > end) {
            return Err(wrong("must not be after the end of the share"));
        }
    }
    Ok(())
}

fn accept_chosen(contents: &[ContentId]) -> Result<(), ServiceError> {
    if contents.is_empty() {
        return Err(Invalid::new("/contents", "must name at least one content").into());
    }
    if contents.len() > MOST_CHOSEN {
        return Err(too_large(MOST_CHOSEN, "those that are chosen one by one"));
    }
    let mut named = BTreeSet::new();
    if contents.iter().all(|id| named.insert(id)) {
        return Ok(());
    }
    Err(Invalid::new("/contents", "must name each content once").into())
}

fn too_large(most: usize, of: &'static str) -> ServiceError {
    ShareRefusal::TooLarge { most, of }.into()
}

/// The folder that a share is to be of, if it is of one. A share that is another's is none.
async fn folder_of(
    view: &mut View,
    caller: &Caller,
    rights: &Rights,
    of: &ShareOf,
) -> Result<Option<ChannelId>, ServiceError> {
    match of {
        ShareOf::Contents(_) => Ok(None),
        ShareOf::Folder(folder, _) => Ok(Some(*folder)),
        ShareOf::Share(id) => {
            let share = view.share(id).await?;
            Managed::of(caller, rights).require(&share)?;
            Ok(share.folder)
        }
    }
}

/// What is to be shared, of what the caller may see.
async fn found(
    view: &mut View,
    rights: &Rights,
    tenant: TenantId,
    of: &ShareOf,
    now: UnixSeconds,
) -> Result<Vec<ShareCandidate>, ServiceError> {
    match of {
        ShareOf::Contents(ids) => {
            let found = view.share_candidates(tenant, ids, now).await?;
            let mut known: HashMap<_, _> =
                found.into_iter().map(|it| (it.content.clone(), it)).collect();
            let mut chosen = Vec::with_capacity(ids.len());
            for id in ids {
                let candidate = known.remove(id).ok_or(ServiceError::NotFound)?;
                rights.see(view, candidate.folder).await?;
                chosen.push(candidate);
            }
            Ok(chosen)
        }
        ShareOf::Folder(folder, depth) => {
            view.folder(*folder).await?;
            rights.see(view, Some(*folder)).await?;
            let probe = MOST_SHARED as u64 + 1;
            let found = match depth {
                FolderDepth::Itself => {
                    view.share_candidates_in(tenant, *folder, now, probe).await?
                }
                FolderDepth::WithBelow => {
                    view.share_candidates_below(tenant, *folder, now, probe).await?
                }
            };
            if found.len() > MOST_SHARED {
                return Err(too_large(MOST_SHARED, "a folder"));
            }
            Ok(found)
        }
        ShareOf::Share(id) => {
            let ids: Vec<_> =
                view.share_items(id).await?.into_iter().map(|it| it.content).collect();
            let found = view.share_candidates(tenant, &ids, now).await?;
            let mut known: HashMap<_, _> =
                found.into_iter().map(|it| (it.content.clone(), it)).collect();
            Ok(ids.iter().filter_map(|id| known.remove(id)).collect())
        }
    }
}

/// Those that are the caller's to share.
async fn permitted(
    view: &mut View,
    rights: &Rights,
    found: Vec<ShareCandidate>,
    on_forbidden: OnForbidden,
) -> Result<Vec<ShareCandidate>, ServiceError> {
    let mut known: HashMap<Option<ChannelId>, bool> = HashMap::new();
    let (mut shared, mut forbidden) = (Vec::with_capacity(found.len()), Vec::new());
    for candidate in found {
        let folder = candidate.folder;
        if let Entry::Vacant(unknown) = known.entry(folder) {
            unknown.insert(rights.may_share(view, folder).await?);
        }
        let may = known.get(&folder).copied().unwrap_or(false);
        if may { shared.push(candidate) } else { forbidden.push(candidate.content) }
    }
    match on_forbidden {
        OnForbidden::Refuse if !forbidden.is_empty() => {
            Err(ShareRefusal::Forbidden { contents: forbidden }.into())
        }
        OnForbidden::Refuse | OnForbidden::Skip => Ok(shared),
    }
}

fn items(shared: Vec<ShareCandidate>) -> Result<Vec<ShareItem>, ServiceError> {
    if shared.is_empty() {
        return Err(Invalid::new("", "there is nothing in it that could be shared").into());
    }
    let numbered = (0_u64..).zip(shared);
    let item = |(number, ShareCandidate { content, folder: _, publication })| ShareItem {
        number,
        content,
        publication,
        removed_at: None,
    };
    Ok(numbered.map(item).collect())
}

fn addressed(drafts: Vec<RecipientDraft>) -> Result<Vec<ShareRecipient>, ServiceError> {
    let recipient = |(number, draft)| {
        let RecipientDraft { name, email, expires_at } = draft;
        let address = ShareAddress::random()?;
        let (revoked_at, link_epoch) = (None, 1);
        Ok(ShareRecipient { number, address, name, email, expires_at, revoked_at, link_epoch })
    };
    (1_u64..).zip(drafts).map(recipient).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_where_the_sender_is() {
        let end = |date, offset| match ShareExpiry::end_of_day(date, offset)? {
            ShareExpiry::At(end) => jiff::Timestamp::from_second(i64::try_from(end.get()).unwrap())
                .ok()
                .map(|it| it.to_string()),
            other @ (ShareExpiry::Days(_) | ShareExpiry::Never | ShareExpiry::Now) => {
                panic!("{other:?}")
            }
        };
        for (date, offset, expected) in [
            ("2030-01-31", 0, Some("2030-01-31T23:59:59Z")),
            ("2030-01-31", 60, Some("2030-01-31T22:59:59Z")),
            ("2030-12-31", -330, Some("2031-01-01T05:29:59Z")),
            ("2028-02-29", 0, Some("2028-02-29T23:59:59Z")),
            ("2030-02-29", 0, None),
            ("2030-01-31", 1_441, None),
            ("1960-01-01", 0, None),
            ("tomorrow", 0, None),
        ] {
            assert_eq!(end(date, offset).as_deref(), expected, "{date} {offset}");
        }
    }
}
