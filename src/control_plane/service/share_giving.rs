//! What a share gives: links to its items' files, to be looked at or to be saved. Each is an ordinary
//! link, bounded by the share: it ends with it, and dies with what let it be handed out.

use super::archive_plan::publication;
use super::desk::Services;
use super::error::{ServiceError, ShareRefusal};
use super::share::sites_of;
use super::share_access::{ShareAccess, network};
use super::share_changing::{issuer_of, item_mark};
use crate::asset::TenantId;
use crate::catalog::FileKind;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::LinkRequest;
use crate::control_plane::record::{
    ContentState, FileState, Publication, Share, ShareDownloads, ShareEventKind, ShareItem,
};
use crate::control_plane::store::{Happened, ShareBegun, View};
use crate::network::ClientIp;
use crate::token::{Delivers, IssuerMark, LinkOpens, LinkTerms, TagMark, Uses};

/// A download that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareTicket {
    /// Where the bytes are had.
    pub url: String,
    /// Which of the share's downloads it is, from 1.
    pub download: u64,
    /// How many are left; none: any number.
    pub left: Option<u64>,
}

/// What may be done with a file of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileUse {
    /// It may be saved.
    Had,
    /// It may be looked at, where its kind can be.
    Seen,
    /// Both.
    SeenAndHad,
}

/// A file of an item that is given.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) item: ShareItem,
    pub(super) state: ContentState,
    pub(super) file: FileState,
}

impl Services {
    /// A link to look at a file of an item: not counted, and never to what is only to be saved. None
    /// of it is written down.
    pub async fn share_view_link(
        &self,
        access: &ShareAccess,
        item: u64,
        file: u64,
    ) -> Result<String, ServiceError> {
        let share = access.opened()?;
        let given = self.share_file(access, item, file).await?;
        match file_use(share, given.file.place.kind) {
            Some(FileUse::Seen | FileUse::SeenAndHad) => {}
            Some(FileUse::Had) | None => return Err(ShareRefusal::ViewOnly.into()),
        }
        let link = Link { id: link_id(access, item, None), named: false, uses: Uses::Any };
        self.share_link(access, &given, &link)
    }

    /// Begins a download of a file of an item: one of those that the share's limit has, however often
    /// its link is asked afterwards.
    pub async fn share_ticket(
        &self,
        access: &ShareAccess,
        item: u64,
        file: u64,
        client: Option<ClientIp>,
    ) -> Result<ShareTicket, ServiceError> {
        let share = access.opened()?;
        let given = self.share_file(access, item, file).await?;
        match file_use(share, given.file.place.kind) {
            Some(FileUse::Had | FileUse::SeenAndHad) => {}
            Some(FileUse::Seen) | None => return Err(ShareRefusal::ViewOnly.into()),
        }
        match delivers(given.file.place.kind) {
            Delivers::Original => access.has_originals()?,
            Delivers::AsEver => {}
        }
        self.share_marks().one(&share.id, client)?;
        let maker = self.maker_to_tell(share).await?;
        let caller = Caller::system("share").from_address(client);
        let mut change = self.change(&caller).await?;
        let mut begun = begun(access, client);
        begun.item = Some(item);
        begun.detail.insert("content".to_owned(), given.state.id.as_str().into());
        begun.detail.insert("file".to_owned(), given.file.name.as_ref().into());
        begun.detail.insert("kind".to_owned(), given.file.place.kind.wire_name().into());
        begun.detail.insert("size".to_owned(), given.file.size.into());
        let Some(ShareBegun { download, .. }) =
            change.share_download_begin(share, access.recipient(), begun.clone()).await?
        else {
            drop(change);
            return Err(self.not_begun(access).await);
        };
        let uses = match share.draft.download_limit {
            Some(_) => Uses::One,
            None => Uses::Any,
        };
        let link = Link { id: link_id(access, item, Some(download)), named: true, uses };
        // What cannot be linked to was not begun.
        let url = self.share_link(access, &given, &link)?;
        self.notice(&mut change, share, maker.as_deref(), &begun).await?;
        change.commit().await?;
        self.letters_written();
        let limit = share.draft.download_limit;
        let left = limit.map(|limit| u64::from(limit.get()).saturating_sub(download));
        Ok(ShareTicket { url, download, left })
    }

    /// Why a download was not begun: none is left, or the share is another by now.
    pub(super) async fn not_begun(&self, access: &ShareAccess) -> ServiceError {
        let seen = access.share();
        let now = async {
            let mut view = self.view(&Caller::system("share")).await?;
            if let Some(before) = access.recipient() {
                let recipient = view.share_recipient(&seen.id, before.number).await?;
                if recipient.is_over(self.now()) {
                    return Err(ShareRefusal::Gone.into());
                }
                if recipient.link_epoch != before.link_epoch {
                    return Err(ShareRefusal::Locked.into());
                }
            }
            Ok::<_, ServiceError>(view.share(&seen.id).await?)
        };
        match now.await {
            Ok(share) if share.is_over(self.now()) => ShareRefusal::Gone.into(),
            Ok(share) if share.draft.download == ShareDownloads::Refused => {
                ShareRefusal::ViewOnly.into()
            }
            Ok(share) if share.link_epoch != seen.link_epoch => ShareRefusal::Locked.into(),
            Ok(_) => ShareRefusal::UsedUp.into(),
            Err(ServiceError::NotFound) => ShareRefusal::Gone.into(),
            Err(error) => error,
        }
    }

    /// A file of the active version of an item that is left, as it may be given now.
    async fn share_file(
        &self,
        access: &ShareAccess,
        item: u64,
        file: u64,
    ) -> Result<Given, ServiceError> {
        let share = access.opened()?;
        let mut view = self.view(&Caller::system("share")).await?;
        let item = view.share_item(&share.id, item).await?;
        let state = self.item_state(&mut view, share.tenant, &item).await?;
        let state = state.ok_or(ServiceError::NotFound)?;
        let found = state.files.iter().find(|it| it.number == file).cloned();
        let file = found.ok_or(ServiceError::NotFound)?;
        Ok(Given { item, state, file })
    }

    /// What an item is now; none where it is not to be shown any more.
    pub(super) async fn item_state(
        &self,
        view: &mut View,
        tenant: TenantId,
        item: &ShareItem,
    ) -> Result<Option<ContentState>, ServiceError> {
        let states = view.content_states_of(tenant, [item.content.clone()].into()).await?;
        Ok(states.into_iter().find(|state| is_given(item, state, self.now())))
    }

    fn share_link(
        &self,
        access: &ShareAccess,
        given: &Given,
        link: &Link,
    ) -> Result<String, ServiceError> {
        let share = access.opened()?;
        let Given { item, state, file } = given;
        let asset = file.place.of_content(&state.id).ok_or(ServiceError::NotHandedOut)?;
        let tenant = share.tenant;
        let issuer = issuer_of(share, access.recipient());
        let terms = LinkTerms {
            uses: link.uses,
            delivers: delivers(file.place.kind),
            issuer: Some(IssuerMark::of(tenant.0, &issuer)),
            tag: Some(TagMark::of(tenant.0, &item_mark(&share.id, item.number))),
            ..LinkTerms::default()
        };
        let named = link.named && !file.name.is_empty();
        let request = LinkRequest {
            tenant,
            delivery: sites_of(share.draft.delivery),
            asset: &asset,
            opens: match item.publication {
                Publication::Published => LinkOpens::Published,
                Publication::Unpublished => LinkOpens::Everything,
            },
            terms,
            expiry: access.until(),
            ip: None,
            file_name: named.then_some(&*file.name),
            id: Some(&link.id),
        };
        Ok(self.link_signer()?.link(&request, self.now())?.url)
    }
}

/// How a link is made.
struct Link {
    id: String,
    named: bool,
    uses: Uses,
}

/// How a file of that kind is handed over.
const fn delivers(kind: FileKind) -> Delivers {
    match kind {
        FileKind::Attachment | FileKind::Source => Delivers::Original,
        FileKind::ChapterThumbnail
        | FileKind::Format
        | FileKind::Subtitle
        | FileKind::Thumbnail => Delivers::AsEver,
    }
}

/// What may be done with a file of that kind. An original is looked at where it may be saved any number
/// of times: who looks at it has it.
pub(super) fn file_use(share: &Share, kind: FileKind) -> Option<FileUse> {
    let had = share.draft.download == ShareDownloads::Allowed;
    match (kind, had) {
        (FileKind::Attachment | FileKind::Source, false) => None,
        (FileKind::Attachment, true) => Some(FileUse::Had),
        (FileKind::Source, true) => match share.draft.download_limit {
            None => Some(FileUse::SeenAndHad),
            Some(_) => Some(FileUse::Had),
        },
        (FileKind::Format | FileKind::Subtitle, true) => Some(FileUse::SeenAndHad),
        (FileKind::ChapterThumbnail | FileKind::Thumbnail, _)
        | (FileKind::Format | FileKind::Subtitle, false) => Some(FileUse::Seen),
    }
}

/// Is an item given, as its content is at that time? What was public when it was shared is to be public
/// still.
pub(super) fn is_given(item: &ShareItem, state: &ContentState, now: UnixSeconds) -> bool {
    match item.publication {
        Publication::Published => publication(state, now) == Publication::Published,
        Publication::Unpublished => true,
    }
}

/// The id of a link: whose it is, and of what. A download's own is in it.
pub(super) fn link_id(access: &ShareAccess, item: u64, download: Option<u64>) -> String {
    let share = &access.share().id;
    let recipient = access.recipient_number().unwrap_or(0);
    match download {
        None => format!("{share}.{item}.{recipient}"),
        Some(download) => format!("{share}.{item}.{recipient}.{download}"),
    }
}

/// A download that somebody begins.
pub(super) fn begun(access: &ShareAccess, client: Option<ClientIp>) -> Happened {
    let mut begun = Happened::of(ShareEventKind::Downloaded);
    begun.recipient = access.recipient_number();
    begun.network = client.map(network);
    begun
}
