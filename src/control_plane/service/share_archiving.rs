//! What a share gives as a zip: some of its items, or all of them, pinned when the download is begun, so
//! that it can be gone on with (C22). It is had while the share would give each of its entries.

use std::collections::{BTreeSet, HashMap, HashSet};

use http::{Method, Response};

use super::archive_channel::{Channel, Channels};
use super::archive_handing::ArchiveAsk;
use super::archive_opening::ArchiveRight;
use super::archive_plan::{Wanted, entries};
use super::desk::Services;
use super::error::{Invalid, ServiceError, ShareRefusal};
use super::share_access::{ShareAccess, over};
use super::share_changing::issuer_of;
use super::share_giving::{begun, is_given};
use super::share_sent::CountedBody;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ArchivePlan, ArchivePlanEntry, ArchivePlanId, ContentId, ContentState, Manifest, Publication,
    ShareDownloads, ShareId,
};
use crate::control_plane::store::View;
use crate::network::ClientIp;

/// Seconds for which an archive that was begun can be gone on with.
const LIFETIME: u64 = 2 * 24 * 3_600;

/// Items of a share, to be had at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareArchiveOrder {
    /// Which, by number; none is named: all of them.
    pub items: Vec<u64>,
    /// Which of their files.
    pub form: ShareForm,
}

/// Which file of each item is had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareForm {
    /// Its best rendition, or the original of what has none.
    #[default]
    Default,
    /// The frames of what turns, in their order (G28); nothing of what does not.
    Frames,
    /// Its original.
    Original,
}

/// The right to an archive that was promised on the page of a share.
#[derive(Clone, Debug)]
pub(super) struct SharedArchive {
    share: ShareId,
    recipient: Option<u64>,
}

impl Services {
    /// Begins a download of several items: one of those that the share's limit has, however often the
    /// archive is asked for afterwards; of the same files none is kept twice. An item whose content is
    /// gone, or is not public any more, is not in it.
    pub async fn share_archive(
        &self,
        access: &ShareAccess,
        order: &ShareArchiveOrder,
        client: Option<ClientIp>,
    ) -> Result<ArchivePlanId, ServiceError> {
        let share = access.opened()?;
        if share.draft.download == ShareDownloads::Refused {
            return Err(ShareRefusal::ViewOnly.into());
        }
        access.has_originals()?;
        // Each has up to a thousand: those of one are what a page offers.
        if order.form == ShareForm::Frames && order.items.len() != 1 {
            return Err(Invalid::new("/items", "must name the one whose views are wanted").into());
        }
        self.share_marks().one(&share.id, client)?;
        let maker = self.maker_to_tell(share).await?;
        let mut wanted = self.share_entries(access, order).await?;
        if let Wanted::Unread(files) = wanted {
            self.files_read(files).await;
            wanted = self.share_entries(access, order).await?;
        }
        let entries = match wanted {
            Wanted::Known(entries) => entries,
            Wanted::Unread(files) => return Err(ServiceError::Unread { files: files.len() }),
        };
        let caller = Caller::system("share").from_address(client).within(share.tenant);
        let now = self.now();
        let longest = now.plus(LIFETIME);
        let plan = ArchivePlan {
            id: ArchivePlanId::random(now)?,
            tenant: share.tenant,
            issuer: issuer_of(share, access.recipient()).into(),
            manifest: Manifest::Omitted,
            created_at: now,
            expires_at: access.ends_at().unwrap_or(longest).min(longest),
            entries,
        };
        let until = plan.expires_at.min(now.plus(LIFETIME / 2));
        let alike = self.view(&caller).await?.archive_plan_alike(&plan, until).await?;
        if alike.is_none() {
            self.share_marks().archive(&share.id, client, plan.entries.len())?;
        }
        let id = alike.clone().unwrap_or_else(|| plan.id.clone());
        let mut begun = begun(access, client);
        begun.detail.insert("archive".to_owned(), id.as_str().into());
        begun.detail.insert("files".to_owned(), plan.entries.len().into());
        let size = plan.entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
        begun.detail.insert("size".to_owned(), size.into());
        let mut change = self.change(&caller).await?;
        if change.share_download_begin(share, access.recipient(), begun.clone()).await?.is_none() {
            drop(change);
            return Err(self.not_begun(access).await);
        }
        if alike.is_none() {
            change.archive_plan_create(&plan).await?;
        }
        self.notice(&mut change, share, maker.as_deref(), &begun).await?;
        change.commit().await?;
        self.letters_written();
        Ok(id)
    }

    /// Hands over an archive that was begun on a share's page, by the same address, or the part that
    /// is asked for.
    pub async fn share_archive_hand_over(
        &self,
        access: &ShareAccess,
        id: &ArchivePlanId,
        ask: ArchiveAsk<'_>,
        client: Option<ClientIp>,
    ) -> Result<Response<CountedBody>, ServiceError> {
        let share = access.opened()?;
        // Whatever part of it is had, the log says so: a network has so many.
        if *ask.method == Method::GET {
            self.share_marks().part_had(&share.id, client)?;
        }
        let caller = Caller::system("share").from_address(client).within(share.tenant);
        let shared =
            SharedArchive { share: share.id.clone(), recipient: access.recipient_number() };
        let right = ArchiveRight::Shared(caller, shared);
        let response = self.archive_hand_over_by(right, share.tenant, id, ask).await?;
        let mut view = self.view(&Caller::system("share")).await?;
        let begun = view.share_event_of_archive(&share.id, id).await?;
        drop(view);
        let number = begun.and_then(|it| it.download());
        Ok(self.counted(share, number, response))
    }

    /// What is to be in an archive, in the order of the items.
    async fn share_entries(
        &self,
        access: &ShareAccess,
        order: &ShareArchiveOrder,
    ) -> Result<Wanted, ServiceError> {
        let share = access.opened()?;
        let now = self.now();
        let mut view = self.view(&Caller::system("share")).await?;
        let mut items = view.share_items(&share.id).await?;
        if !order.items.is_empty() {
            let named: HashSet<u64> = order.items.iter().copied().collect();
            items.retain(|item| named.contains(&item.number));
            if items.len() != named.len() {
                return Err(ServiceError::NotFound);
            }
        }
        let contents: BTreeSet<ContentId> = items.iter().map(|it| it.content.clone()).collect();
        let states = view.content_states_of(share.tenant, contents).await?;
        let mut states: HashMap<ContentId, ContentState> =
            states.into_iter().map(|state| (state.id.clone(), state)).collect();
        let given: Vec<ContentState> = items
            .iter()
            .filter_map(|item| {
                let state = states.remove(&item.content)?;
                is_given(item, &state, now).then_some(state)
            })
            .collect();
        if given.is_empty() {
            return Err(Invalid::new("/items", "there is nothing left of them").into());
        }
        let channel = match order.form {
            ShareForm::Default => Channel::PublishedOrSource,
            ShareForm::Frames => Channel::Frames,
            ShareForm::Original => Channel::Source,
        };
        let each = || vec![channel.clone()];
        let channels = Channels { video: each(), audio: each(), image: each(), other: each() };
        let wanted = entries(&mut view, &given, &channels, now).await?;
        let Wanted::Known(mut entries) = wanted else { return Ok(wanted) };
        // What was not public when it was shared may be had whether it is or not.
        let unpublished = items.iter().filter(|it| it.publication == Publication::Unpublished);
        let unpublished: HashSet<&ContentId> = unpublished.map(|it| &it.content).collect();
        for entry in &mut entries {
            if unpublished.contains(&entry.content) {
                entry.publication = Publication::Unpublished;
            }
        }
        Ok(Wanted::Known(entries))
    }
}

impl SharedArchive {
    /// Refuses what the share does not give now: an archive that was promised to another, or before
    /// all of its links were closed, and entries that are not in it any more.
    pub(super) async fn still_gives(
        &self,
        view: &mut View,
        issuer: &str,
        entries: &[ArchivePlanEntry],
        now: UnixSeconds,
    ) -> Result<(), ServiceError> {
        let share = view.share(&self.share).await?;
        let recipient = match self.recipient {
            Some(number) => Some(view.share_recipient(&self.share, number).await?),
            None => None,
        };
        if over(&share, recipient.as_ref(), now) {
            return Err(ShareRefusal::Gone.into());
        }
        if issuer_of(&share, recipient.as_ref()) != issuer {
            return Err(ServiceError::NotFound);
        }
        if share.draft.download == ShareDownloads::Refused {
            return Err(ShareRefusal::ViewOnly.into());
        }
        if let [entry] = entries {
            let item = view.share_item_of(&self.share, &entry.content).await?;
            return item.map(drop).ok_or(ServiceError::ArchiveGone);
        }
        let left = view.share_items(&self.share).await?;
        let left: HashSet<&ContentId> = left.iter().map(|it| &it.content).collect();
        if entries.iter().all(|entry| left.contains(&entry.content)) {
            return Ok(());
        }
        Err(ServiceError::ArchiveGone)
    }
}
