//! Renditions on a share's page: an image is looked at as large as a page shows it, and saved in a size
//! and a format of the visitor's own (requirements C23, G26).
//!
//! Looking is never counted, and gives no more pixels than a preview has. What is saved is a download
//! as any other: begun once, and had by its ticket as often as a browser asks for it, while the share
//! would give it.

use std::fmt;
use std::num::NonZeroU32;

use http::{HeaderMap, Method, Response};
use serde::{Deserialize, Serialize};

use super::desk::Services;
use super::error::{OriginalRefusal, ServiceError, ShareRefusal};
use super::rendition::{InTurn, MOST_BYTES, object};
use super::share_access::{LONGEST_VISIT, ShareAccess, network};
use super::share_changing::issuer_of;
use super::share_giving::{FileUse, Given, begun, file_use, link_id};
use super::share_sent::CountedBody;
use super::source::{Sources, asker};
use crate::asset::TenantId;
use crate::catalog::FileKind;
use crate::clock::UnixSeconds;
use crate::control_plane::account::{SecretKind, SecretText};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ContentKind, ContentState, FileState, SecretHash, ShareDownloads, ShareEventKind,
};
use crate::control_plane::rendering::{Line, Made};
use crate::control_plane::store::ShareBegun;
use crate::delivery::AskMethod;
use crate::network::ClientIp;
use crate::policy::{Asker, DenialCode, HandedFile, OriginName, Promise, RegisteredFile};
use crate::rendition::{Bounds, Rendition};
use crate::response::{Wanted, deliver_object};
use crate::token::IssuerMark;

/// What is read as an image.
const IMAGES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// How large an image is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewSize {
    /// On a card of a gallery.
    Card,
    /// On a page of its own.
    Page,
}

impl PreviewSize {
    /// Pixels of its longer side, at most.
    pub const fn pixels(self) -> u32 {
        match self {
            Self::Card => 480,
            Self::Page => 2_048,
        }
    }

    fn rendition(self) -> Rendition {
        let side = NonZeroU32::new(self.pixels());
        Rendition { bounds: Bounds { width: side, height: side }, ..Rendition::default() }
    }
}

/// A request of somebody who visits a share.
#[derive(Clone, Copy, Debug)]
pub struct ShareVisit<'a> {
    /// From where.
    pub client: Option<ClientIp>,
    /// Its method.
    pub method: &'a Method,
    /// Its header fields.
    pub headers: &'a HeaderMap,
}

/// What a rendition that was begun is had by: its place in the share's history, and a secret.
#[derive(Debug)]
pub struct FormatTicket {
    event: u64,
    text: Box<str>,
}

impl FormatTicket {
    /// The ticket of that text, if it can be one.
    pub fn parse(text: &str) -> Option<Self> {
        let (event, text) = text.split_once('-')?;
        Some(Self { event: event.parse().ok()?, text: text.into() })
    }
}

impl fmt::Display for FormatTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, text } = self;
        write!(f, "{event}-{text}")
    }
}

/// What the history keeps of a rendition, so that it can be made again.
#[derive(Debug, Serialize, Deserialize)]
struct Promised {
    ticket: Box<str>,
    file: u64,
    /// Whose links it is one of: once these are closed, it is.
    issuer: Box<str>,
    wish: Rendition,
}

/// Where the history keeps it.
const PROMISED: &str = "rendition";

impl Services {
    /// An item's image, to be looked at: as large as that, and nobody counts it.
    pub async fn share_preview(
        &self,
        access: &ShareAccess,
        item: u64,
        size: PreviewSize,
        visit: ShareVisit<'_>,
    ) -> Result<Made, ServiceError> {
        let given = self.share_picture(access, item).await?;
        let promised = (&*link_id(access, item, None), self.now());
        let wish = size.rendition();
        self.share_rendition(access, &given, promised, visit, (wish, Line::Joined)).await
    }

    /// Begins a download of an item's image in that size and format: one of those that the share's
    /// limit has. What cannot be made was not begun.
    pub async fn share_format(
        &self,
        access: &ShareAccess,
        item: u64,
        wish: Rendition,
        visit: ShareVisit<'_>,
    ) -> Result<FormatTicket, ServiceError> {
        let share = access.opened()?;
        if share.draft.download == ShareDownloads::Refused {
            return Err(ShareRefusal::ViewOnly.into());
        }
        if share.downloads_left() == Some(0) {
            return Err(ShareRefusal::UsedUp.into());
        }
        self.share_marks().one(&share.id, visit.client)?;
        let maker = self.maker_to_tell(share).await?;
        let given = self.share_picture(access, item).await?;
        match file_use(share, given.file.place.kind) {
            Some(FileUse::Had | FileUse::SeenAndHad) => {}
            Some(FileUse::Seen) | None => return Err(ShareRefusal::ViewOnly.into()),
        }
        let promised = (&*link_id(access, item, None), self.now());
        let wished = (wish, Line::Refused);
        let made = self.share_rendition(access, &given, promised, visit, wished).await?;
        let text = SecretText::random(SecretKind::Ticket)?;
        let promised = Promised {
            ticket: text.hash().as_str().into(),
            file: given.file.number,
            issuer: issuer_of(share, access.recipient()).into(),
            wish,
        };
        let promised =
            serde_json::to_value(&promised).map_err(|error| ServiceError::Failed(error.into()))?;
        let mut begun = begun(access, visit.client);
        begun.item = Some(item);
        let detail = &mut begun.detail;
        detail.insert("content".to_owned(), given.state.id.as_str().into());
        detail.insert("file".to_owned(), name(&given.file, wish).into());
        detail.insert("kind".to_owned(), "rendition".into());
        detail.insert("size".to_owned(), made.rendered.bytes.len().into());
        detail.insert("width".to_owned(), made.rendered.width.into());
        detail.insert("height".to_owned(), made.rendered.height.into());
        detail.insert(PROMISED.to_owned(), promised);
        let caller = Caller::system("share").from_address(visit.client);
        let mut change = self.change(&caller).await?;
        let Some(ShareBegun { event, .. }) =
            change.share_download_begin(share, access.recipient(), begun.clone()).await?
        else {
            drop(change);
            return Err(self.not_begun(access).await);
        };
        self.notice(&mut change, share, maker.as_deref(), &begun).await?;
        change.commit().await?;
        self.letters_written();
        Ok(FormatTicket { event, text: text.reveal().into() })
    }

    /// Hands over a rendition that was begun, or the part that is asked for: by the address by which
    /// it was, and while the share would give it.
    pub async fn share_format_hand_over(
        &self,
        access: &ShareAccess,
        item: u64,
        ticket: &FormatTicket,
        visit: ShareVisit<'_>,
    ) -> Result<Response<CountedBody>, ServiceError> {
        let share = access.opened()?;
        if share.draft.download == ShareDownloads::Refused {
            return Err(ShareRefusal::ViewOnly.into());
        }
        let mut view = self.view(&Caller::system("share")).await?;
        let event = view.share_event(&share.id, ticket.event).await?;
        drop(view);
        let is_theirs = event.kind == ShareEventKind::Downloaded
            && event.item == Some(item)
            && event.recipient == access.recipient_number()
            && event.at.plus(LONGEST_VISIT) > self.now();
        let promised = event.detail.get(PROMISED).filter(|_| is_theirs);
        let promised = promised.and_then(|it| serde_json::from_value::<Promised>(it.clone()).ok());
        let promised = promised.ok_or(ServiceError::NotFound)?;
        let is_right = *promised.ticket == *SecretHash::of(&ticket.text).as_str();
        if !is_right || *promised.issuer != *issuer_of(share, access.recipient()) {
            return Err(ServiceError::NotFound);
        }
        let given = self.share_picture(access, item).await?;
        if given.file.number != promised.file {
            return Err(ShareRefusal::Gone.into());
        }
        let download = event.download();
        let promise = (&*link_id(access, item, download), event.at);
        let wished = (promised.wish, Line::Refused);
        let made = self.share_rendition(access, &given, promise, visit, wished).await?;
        let method = match *visit.method {
            Method::HEAD => AskMethod::Head,
            _ => AskMethod::Get,
        };
        let name = name(&given.file, promised.wish);
        let wanted = Wanted { method, headers: visit.headers, name: &name, now: self.now() };
        let response = deliver_object(object(made), wanted).map_err(OriginalRefusal::from)?;
        Ok(self.counted(share, download, response))
    }

    /// The image of an item that is left, as it may be given now.
    async fn share_picture(&self, access: &ShareAccess, item: u64) -> Result<Given, ServiceError> {
        let share = access.opened()?;
        let mut view = self.view(&Caller::system("share")).await?;
        let item = view.share_item(&share.id, item).await?;
        let state = self.item_state(&mut view, share.tenant, &item).await?;
        let state = state.ok_or(ServiceError::NotFound)?;
        let file = pictured(&state).cloned().ok_or(ServiceError::NotFound)?;
        Ok(Given { item, state, file })
    }

    /// A rendition of an item's image, if policy lets this visitor have it.
    async fn share_rendition(
        &self,
        access: &ShareAccess,
        given: &Given,
        (id, made_at): (&str, UnixSeconds),
        visit: ShareVisit<'_>,
        (wish, line): (Rendition, Line),
    ) -> Result<Made, ServiceError> {
        let share = access.opened()?;
        let in_force = self.sources().and_then(Sources::in_force);
        let in_force = in_force.ok_or_else(|| OriginalRefusal::from(DenialCode::NoSnapshot))?;
        let client = asker(visit.client)?;
        let asker = Asker { client, way: in_force.cdn.way(visit.headers) };
        let issuer = issuer_of(share, access.recipient());
        let issuer = IssuerMark::of(share.tenant.0, &issuer);
        let promise = Promise { id: Some(id), made_at, issuer };
        let visitor = format!("{} {}", share.id, network(client));
        let turn = InTurn { visitor: &visitor, line };
        let file = handed(share.tenant, given)?;
        self.rendition_made(file, (asker, promise), &in_force, turn, wish).await
    }
}

/// The file of a content that renditions are made of: its original, or the largest picture that there
/// is of it.
pub(super) fn pictured(state: &ContentState) -> Option<&FileState> {
    match state.kind {
        ContentKind::Image | ContentKind::Image360 | ContentKind::Other => {}
        ContentKind::Audio | ContentKind::Playlist | ContentKind::Url | ContentKind::Video => {
            return None;
        }
    }
    let is_image = |it: &&FileState| {
        let own = it.mime.split(';').next().unwrap_or_default().trim();
        it.size <= MOST_BYTES && IMAGES.iter().any(|image| own.eq_ignore_ascii_case(image))
    };
    let of = |kind| state.files.iter().filter(move |it| it.place.kind == kind).filter(is_image);
    of(FileKind::Source).next().or_else(|| of(FileKind::Format).max_by_key(|it| it.size))
}

/// The name that a rendition of a file is saved under.
fn name(file: &FileState, wish: Rendition) -> String {
    let own = own_name(file);
    let stem = own.rsplit_once('.').map_or(own, |(stem, _)| stem);
    format!("{stem}.{}", wish.encoding.extension())
}

fn own_name(file: &FileState) -> &str {
    match &*file.name {
        "" => file.key.rsplit('/').next().unwrap_or_default(),
        name => name,
    }
}

fn handed(tenant: TenantId, given: &Given) -> Result<HandedFile, ServiceError> {
    let Given { state, file, .. } = given;
    let asset = file.place.of_content(&state.id).ok_or(ServiceError::NotHandedOut)?;
    let digest = file.sha256.as_deref().and_then(|hex| hex::decode(hex).ok());
    Ok(HandedFile {
        tenant,
        asset,
        origin: OriginName::new(&file.origin),
        key: file.key.clone(),
        registered: RegisteredFile {
            size: file.size,
            sha256: digest.and_then(|digest| digest.try_into().ok()),
            mime: (&*file.mime).into(),
            name: own_name(file).into(),
        },
    })
}
