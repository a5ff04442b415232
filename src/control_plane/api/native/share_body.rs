//! Shares on the wire.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::patch::Patched;
use super::wire_enum;
use crate::asset::ChannelId;
use crate::clock::UnixSeconds;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{
    ContentId, Publication, RecipientDraft, Share, ShareDelivery, ShareDownloads, ShareDraft,
    ShareEvent, ShareEventKind, ShareInformation, ShareItem, ShareLogo, ShareNotices,
    ShareRecipient, SharingDraft,
};
use crate::control_plane::service::{
    FolderDepth, OnForbidden, PasswordChange, ShareExpiry, ShareOf, ShareOrder, SharePassword,
    ShareRefusal, ShareRevision, ShareSending, ShareState,
};

/// A share.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Share)]
pub(super) struct ShareBody {
    /// Its id, which opens nothing.
    id: String,
    /// The address of its page, which opens it; null where the caller may not share, or where nobody
    /// said where the tenant's site is.
    url: Option<String>,
    /// What it is called.
    title: String,
    /// What its sharer writes.
    message: String,
    /// The context that it is shared in.
    context: Option<String>,
    /// Which sites its bytes come from.
    #[schema(schema_with = wire_enum::share_deliveries)]
    delivery: ShareDelivery,
    /// What is said of its contents.
    #[schema(schema_with = wire_enum::share_information)]
    information: ShareInformation,
    /// May its contents be saved, or only looked at?
    download: bool,
    /// How many downloads may be begun.
    #[schema(value_type = Option<u32>, minimum = 1)]
    download_limit: Option<NonZeroU32>,
    /// How many were begun.
    downloads: u64,
    /// How many may still be; null: any number.
    downloads_left: Option<u64>,
    /// What is to be accepted first.
    terms: Option<String>,
    /// The language of its page; null: the visitor's.
    language: Option<String>,
    /// Does its page have the tenant's logo?
    show_logo: bool,
    /// When is whoever made it told by mail of visitors?
    #[schema(schema_with = wire_enum::share_notices)]
    notices: ShareNotices,
    /// Has it a password?
    has_password: bool,
    /// The folder that it is of, if it is of one.
    folder: Option<u64>,
    /// How many items are left.
    items: u64,
    /// Who made it, by their id.
    creator: String,
    /// What they were called then.
    creator_name: String,
    /// Since when it exists.
    created_at: Timestamp,
    /// The last second at which it is open; null: it never ends.
    expires_at: Option<Timestamp>,
    /// Is it open, or has it ended?
    #[schema(schema_with = wire_enum::share_states)]
    state: &'static str,
}

/// A share that a content is in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareOfContent)]
pub(super) struct ShareBrief {
    /// Its id, which opens nothing.
    id: String,
    /// What it is called.
    title: String,
    /// Who made it, by their id.
    creator: String,
    /// What they were called then.
    creator_name: String,
    /// Since when it exists.
    created_at: Timestamp,
    /// The last second at which it is open; null: it never ends.
    expires_at: Option<Timestamp>,
    /// Is it open, or has it ended?
    #[schema(schema_with = wire_enum::share_states)]
    state: &'static str,
}

/// When a share ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Expires {
    /// So many days from now.
    Days {
        /// How many.
        #[schema(minimum = 1)]
        days: u16,
    },
    /// With a day, where the sender is.
    EndOfDay {
        /// The day.
        #[schema(value_type = String, format = Date)]
        date: String,
        /// How many minutes their clocks are ahead of UTC.
        #[serde(default)]
        #[schema(minimum = -1440, maximum = 1440)]
        utc_offset_minutes: i32,
    },
    /// After that instant.
    Instant {
        /// Its last second.
        at: Timestamp,
    },
    /// Never.
    Never,
    /// At once: for a share that is there.
    Now,
}

/// A share to be made, of contents or of a folder.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewShare {
    /// The contents, in this order: at most 100.
    contents: Option<Vec<String>>,
    /// The folder, with at most 10,000 contents.
    folder: Option<u64>,
    /// Is the folder meant with all below? It is, unless it is said.
    with_below: Option<bool>,
    /// Are contents that are not the caller's to share left out? Nothing is shared otherwise.
    skip_forbidden: Option<bool>,
    /// What it is called.
    title: String,
    /// What is to be said to whoever opens it.
    #[serde(default)]
    message: String,
    /// The context that it is shared in.
    context: Option<String>,
    /// Which sites its bytes come from; the tenant's own, unless it is said.
    #[schema(schema_with = wire_enum::share_deliveries)]
    delivery: Option<ShareDelivery>,
    /// What is said of its contents; the least, unless it is said.
    #[schema(schema_with = wire_enum::share_information)]
    information: Option<ShareInformation>,
    /// May its contents be saved? As the tenant's settings say, unless it is said; they may not, if
    /// those say nothing.
    download: Option<bool>,
    /// How many downloads may be begun; any number, unless it is said.
    #[schema(value_type = Option<u32>, minimum = 1)]
    download_limit: Option<NonZeroU32>,
    /// What is to be accepted first; the tenant's own terms, unless it is said. Null: nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    terms: Patched<String>,
    /// The language of its page; the visitor's, unless it is said.
    language: Option<String>,
    /// Does its page have the tenant's logo? It has, unless it is said.
    show_logo: Option<bool>,
    /// When is whoever makes it told by mail of visitors? Never, unless it is said; programs never are.
    #[schema(schema_with = wire_enum::share_notices)]
    notices: Option<ShareNotices>,
    /// When it ends; as the tenant's settings say, unless it is said: after 30 days, if those say nothing.
    expires: Option<Expires>,
    /// A password of 4 to 128 characters.
    password: Option<String>,
    /// Who is to have an address of their own.
    #[serde(default)]
    recipients: Vec<NewRecipient>,
    /// Is each recipient with a mail address sent a letter with their own link? None is, unless it is
    /// said. The password is never in it.
    send_mail: Option<bool>,
}

/// Somebody who is to have an address of their own.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewShareRecipient)]
pub(super) struct NewRecipient {
    /// What they are called.
    name: String,
    /// Where mail reaches them.
    email: Option<String>,
    /// The last second at which their address opens the share; as long as the share is open, unless it
    /// is said.
    expires_at: Option<Timestamp>,
}

/// What is to be different (RFC 7396). Nothing is added to a share.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SharePatch {
    /// Another title.
    title: Option<String>,
    /// Another message.
    message: Option<String>,
    /// Another context; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    context: Patched<String>,
    /// Other sites.
    #[schema(schema_with = wire_enum::share_deliveries)]
    delivery: Option<ShareDelivery>,
    /// More or less that is said of its contents.
    #[schema(schema_with = wire_enum::share_information)]
    information: Option<ShareInformation>,
    /// Whether its contents may be saved.
    download: Option<bool>,
    /// Another limit; null: none.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    download_limit: Patched<NonZeroU32>,
    /// Other terms; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    terms: Patched<String>,
    /// Another language; null: the visitor's.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    language: Patched<String>,
    /// Whether its page has the tenant's logo.
    show_logo: Option<bool>,
    /// When whoever made it is told by mail of visitors.
    #[schema(schema_with = wire_enum::share_notices)]
    notices: Option<ShareNotices>,
    /// Another end, earlier or later.
    expires: Option<Expires>,
    /// Another password; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Patched<String>,
    /// Refused: a share gets no more contents.
    #[schema(value_type = Option<Vec<String>>)]
    contents: Option<Value>,
    /// Refused: a share gets no more contents.
    #[schema(value_type = Option<u64>)]
    folder: Option<Value>,
}

/// Something that is shared.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareItem)]
pub(super) struct ItemBody {
    /// Its number within the share.
    number: u64,
    /// The content.
    content: String,
    /// Was it public when it was shared? What was and is not any more is not given.
    #[schema(schema_with = wire_enum::publications)]
    publication: Publication,
}

/// Somebody with an address of their own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareRecipient)]
pub(super) struct RecipientBody {
    /// Their number within the share.
    number: u64,
    /// What they are called.
    name: String,
    /// Where mail reaches them.
    email: Option<String>,
    /// Their address, which opens the share; null as the share's own.
    url: Option<String>,
    /// The last second at which it does; null: as long as the share is open.
    expires_at: Option<Timestamp>,
    /// Since when it does not.
    revoked_at: Option<Timestamp>,
}

/// What is to be said of a recipient instead.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ShareRecipientPatch)]
#[serde(deny_unknown_fields)]
pub(super) struct RecipientPatch {
    /// The last second at which their address opens the share, in the future and not after the
    /// share's end; null: as long as the share is open.
    #[serde(default)]
    #[schema(value_type = Option<Timestamp>)]
    pub(super) expires_at: Patched<Timestamp>,
}

/// Something that happened to a share, or on its page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareEvent)]
pub(super) struct EventBody {
    /// Its place in the share's history.
    number: u64,
    /// When.
    at: Timestamp,
    /// What.
    #[schema(schema_with = wire_enum::share_event_kinds)]
    kind: ShareEventKind,
    /// Who did it, by their id; null where it was a visitor.
    actor: Option<String>,
    /// By whose address, by their number; null where it was the share's own.
    recipient: Option<u64>,
    /// From where: an IPv4 address or an IPv6 /64.
    network: Option<String>,
    /// Of which item.
    item: Option<u64>,
    /// Of a download: how many bytes of it left so far; null where none did.
    sent: Option<u64>,
    /// What is to be said of it, by its kind.
    #[schema(value_type = Object)]
    detail: Map<String, Value>,
}

impl Expires {
    /// What it says.
    pub(super) fn expiry(self) -> Result<ShareExpiry, Problem> {
        Ok(match self {
            Self::Days { days } => ShareExpiry::Days(days),
            Self::EndOfDay { date, utc_offset_minutes } => {
                ShareExpiry::end_of_day(&date, utc_offset_minutes).ok_or_else(|| {
                    Problem::invalid("/expires", "must be a date, and minutes from UTC in a day")
                })?
            }
            Self::Instant { at } => ShareExpiry::At(at.0),
            Self::Never => ShareExpiry::Never,
            Self::Now => ShareExpiry::Now,
        })
    }
}

impl NewShare {
    /// What is to be made, where that is so of whatever is not said.
    pub(super) fn order(self, usual: SharingDraft) -> Result<ShareOrder, Problem> {
        let Self {
            contents,
            folder,
            with_below,
            skip_forbidden,
            title,
            message,
            context,
            delivery,
            information,
            download,
            download_limit,
            terms,
            language,
            show_logo,
            notices,
            expires,
            password,
            recipients,
            send_mail,
        } = self;
        let of = match (contents, folder) {
            (Some(contents), None) => ShareOf::Contents(named(&contents)?),
            (None, Some(folder)) => {
                let depth = match with_below {
                    Some(false) => FolderDepth::Itself,
                    Some(true) | None => FolderDepth::WithBelow,
                };
                ShareOf::Folder(ChannelId(folder), depth)
            }
            (Some(_), Some(_)) | (None, None) => {
                let one = "a share is of contents or of one folder (C6)";
                return Err(Problem::invalid("/contents", one));
            }
        };
        Ok(ShareOrder {
            of,
            on_forbidden: match skip_forbidden {
                Some(true) => OnForbidden::Skip,
                Some(false) | None => OnForbidden::Refuse,
            },
            draft: ShareDraft {
                title: title.into(),
                message: message.into(),
                context: context.map(Into::into),
                delivery: delivery.unwrap_or(ShareDelivery::Standard),
                information: information.unwrap_or(ShareInformation::Minimum),
                download: match download {
                    Some(allowed) => downloads(allowed),
                    None => usual.policy.download.unwrap_or(ShareDownloads::Refused),
                },
                download_limit,
                terms: match terms {
                    Patched::Same => usual.terms,
                    Patched::To(terms) => terms.map(Into::into),
                },
                language: language.map(Into::into),
                logo: show_logo.map_or(ShareLogo::Shown, logo),
                notices: notices.unwrap_or(ShareNotices::Off),
            },
            expiry: match expires {
                Some(expires) => expires.expiry()?,
                None => ShareExpiry::usual(&usual.policy),
            },
            password: password.map(|text| SharePassword::typed(&text)),
            recipients: drafts(recipients),
            sending: match send_mail {
                Some(true) => ShareSending::Letters,
                Some(false) | None => ShareSending::ByHand,
            },
        })
    }
}

impl SharePatch {
    /// What is to be said instead of that.
    pub(super) fn over(self, now: ShareDraft) -> Result<ShareRevision, Problem> {
        let Self {
            title,
            message,
            context,
            delivery,
            information,
            download,
            download_limit,
            terms,
            language,
            show_logo,
            notices,
            expires,
            password,
            contents,
            folder,
        } = self;
        if contents.is_some() || folder.is_some() {
            return Err(ShareRefusal::Fixed.into());
        }
        let text = |patched: Patched<String>, now: Option<Box<str>>| {
            patched.or(now.map(String::from)).map(Box::from)
        };
        Ok(ShareRevision {
            draft: ShareDraft {
                title: title.map_or(now.title, Into::into),
                message: message.map_or(now.message, Into::into),
                context: text(context, now.context),
                delivery: delivery.unwrap_or(now.delivery),
                information: information.unwrap_or(now.information),
                download: download.map_or(now.download, downloads),
                download_limit: download_limit.or(now.download_limit),
                terms: text(terms, now.terms),
                language: text(language, now.language),
                logo: show_logo.map_or(now.logo, logo),
                notices: notices.unwrap_or(now.notices),
            },
            expiry: expires.map(Expires::expiry).transpose()?,
            password: match password {
                Patched::Same => PasswordChange::Kept,
                Patched::To(None) => PasswordChange::Cleared,
                Patched::To(Some(text)) => PasswordChange::Set(SharePassword::typed(&text)),
            },
        })
    }
}

/// Who is to have an address of their own.
pub(super) fn drafts(recipients: Vec<NewRecipient>) -> Vec<RecipientDraft> {
    let draft = |NewRecipient { name, email, expires_at }| RecipientDraft {
        name: name.into(),
        email: email.map(Into::into),
        expires_at: expires_at.map(|it: Timestamp| it.0),
    };
    recipients.into_iter().map(draft).collect()
}

fn named(contents: &[String]) -> Result<Vec<ContentId>, Problem> {
    let content = |text: &String| {
        let wrong = || Problem::invalid("/contents", "must be ids of contents");
        ContentId::parse(text).ok_or_else(wrong)
    };
    contents.iter().map(content).collect()
}

pub(super) fn downloads(allowed: bool) -> ShareDownloads {
    if allowed { ShareDownloads::Allowed } else { ShareDownloads::Refused }
}

fn logo(shown: bool) -> ShareLogo {
    if shown { ShareLogo::Shown } else { ShareLogo::Hidden }
}

fn state(share: &Share, now: UnixSeconds) -> &'static str {
    let state = if share.is_over(now) { ShareState::Over } else { ShareState::Open };
    state.wire_name()
}

/// A share as it is at that time, at that address.
pub(super) fn wire(share: Share, url: Option<String>, now: UnixSeconds) -> ShareBody {
    let (state, downloads_left) = (state(&share, now), share.downloads_left());
    let Share { id, draft, creator, creator_name, folder, items, password, .. } = share;
    let text = |text: Option<Box<str>>| text.map(String::from);
    ShareBody {
        id: id.to_string(),
        url,
        title: draft.title.into(),
        message: draft.message.into(),
        context: text(draft.context),
        delivery: draft.delivery,
        information: draft.information,
        download: draft.download == ShareDownloads::Allowed,
        download_limit: draft.download_limit,
        downloads: share.downloads,
        downloads_left,
        terms: text(draft.terms),
        language: text(draft.language),
        show_logo: draft.logo == ShareLogo::Shown,
        notices: draft.notices,
        has_password: password.is_some(),
        folder: folder.map(|it| it.0),
        items,
        creator: creator.into(),
        creator_name: creator_name.into(),
        created_at: Timestamp(share.created_at),
        expires_at: share.expires_at.map(Timestamp),
        state,
    }
}

/// What whoever may share one of its contents is told of a share.
pub(super) fn brief(share: Share, now: UnixSeconds) -> ShareBrief {
    let state = state(&share, now);
    ShareBrief {
        id: share.id.to_string(),
        title: share.draft.title.into(),
        creator: share.creator.into(),
        creator_name: share.creator_name.into(),
        created_at: Timestamp(share.created_at),
        expires_at: share.expires_at.map(Timestamp),
        state,
    }
}

pub(super) fn item(item: ShareItem) -> ItemBody {
    let ShareItem { number, content, publication, removed_at: _ } = item;
    ItemBody { number, content: content.to_string(), publication }
}

pub(super) fn recipient(recipient: ShareRecipient, url: Option<String>) -> RecipientBody {
    let ShareRecipient { number, address: _, name, email, expires_at, revoked_at, link_epoch: _ } =
        recipient;
    RecipientBody {
        number,
        name: name.into(),
        email: email.map(Into::into),
        url,
        expires_at: expires_at.map(Timestamp),
        revoked_at: revoked_at.map(Timestamp),
    }
}

pub(super) fn event(event: ShareEvent) -> EventBody {
    let ShareEvent { number, at, kind, actor, recipient, network, item, sent, detail } = event;
    EventBody {
        number,
        at: Timestamp(at),
        kind,
        actor: actor.map(Into::into),
        recipient,
        network: network.map(|it| it.to_string()),
        item,
        sent,
        detail,
    }
}
