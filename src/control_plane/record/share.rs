//! Shares: what somebody outside is shown of a tenant's contents, for a while, on a page of its own
//! (requirements C).
//!
//! A share holds references, never bytes: its items name contents as they were chosen, and follow no
//! folder afterwards. Its addresses are its only keys, so they stand in no log, no feed and no JSON of
//! these records; what stands there is its id, which opens nothing.

use std::fmt;
use std::num::NonZeroU32;

use ipnet::IpNet;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{ContentId, PasswordHash, Publication, ShareId, identifier};
use crate::asset::{ChannelId, TenantId, wire_names};
use crate::clock::UnixSeconds;

/// Contents that are chosen one by one for a share (C4).
pub const MOST_CHOSEN: usize = 100;

/// Contents of a share of a folder (C5).
pub const MOST_SHARED: usize = 10_000;

/// Recipients with an address of their own.
pub const MOST_RECIPIENTS: usize = 100;

/// What opens a share's page, or is the first thing that does: 128 random bits, as 22 characters of
/// base64url. A secret: it is neither printed nor written as JSON.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ShareAddress(Box<str>);

impl ShareAddress {
    /// A new one. Fails only where the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        Ok(Self(URL_SAFE_NO_PAD.encode(identifier::chance::<16>()?).into()))
    }

    /// The address of that text, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (text.len() == 22 && text.bytes().all(is_sign)).then(|| Self(text.into()))
    }

    /// The text, for whoever may open the share with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ShareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

wire_names! {
    /// Which sites a share's bytes come from (C15).
    ShareDelivery {
        /// The tenant's sites for China.
        China = "china",
        /// The tenant's sites.
        Standard = "standard",
    }
}

wire_names! {
    /// What is said of a share's contents (C16).
    ShareInformation {
        /// Also tags and metadata, as far as classifications that the sharer manages reach.
        Complete = "complete",
        /// Title and description.
        Minimum = "minimum",
    }
}

wire_names! {
    /// May a share's contents be saved (C13)?
    ShareDownloads {
        /// They may, their originals and attachments included.
        Allowed = "allowed",
        /// They may be looked at only: originals and attachments are given to nobody.
        Refused = "refused",
    }
}

wire_names! {
    /// Does the page have the tenant's logo (C19)?
    ShareLogo {
        /// It does not.
        Hidden = "hidden",
        /// It does.
        Shown = "shown",
    }
}

wire_names! {
    /// When is whoever made a share told that somebody opened it, or began a download (part H)?
    ShareNotices {
        /// Once a day, of all of them.
        Daily = "daily",
        /// Each time that somebody comes; of very many, together.
        Every = "every",
        /// The first time.
        First = "first",
        /// Never.
        Off = "off",
    }
}

/// A share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Its id, which opens nothing.
    pub id: ShareId,
    /// Whose contents.
    pub tenant: TenantId,
    /// Its own address, beside those of its recipients.
    #[serde(skip)]
    pub address: ShareAddress,
    /// What can be said about it, then and later.
    #[serde(flatten)]
    pub draft: ShareDraft,
    /// Who made it, by their id.
    pub creator: Box<str>,
    /// What they were called then.
    #[serde(skip)]
    pub creator_name: Box<str>,
    /// The folder that it is of, if it is of one (C6).
    pub folder: Option<ChannelId>,
    /// How many items are left.
    pub items: u64,
    /// Its password, if it has one.
    #[serde(skip)]
    pub password: Option<PasswordHash>,
    /// Counts its passwords, having none included. What an earlier one opened is closed.
    pub password_version: u64,
    /// Counts the texts of its terms, having none included.
    pub terms_version: u64,
    /// Counts how often all links that it had handed out were closed at once.
    pub link_epoch: u64,
    /// The only classifications whose contents' tags and metadata may be shown; none: every one.
    pub classifications: Option<Vec<Box<str>>>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// The last second at which it is open; none: for ever.
    pub expires_at: Option<UnixSeconds>,
    /// How many downloads were begun.
    #[serde(skip)]
    pub downloads: u64,
    /// Counts its changes, from 1. A download is none.
    pub revision: u64,
}

/// What can be said about a share, apart from what is in it, its password and its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShareDraft {
    /// What it is called.
    pub title: Box<str>,
    /// What its sharer writes; perhaps nothing.
    pub message: Box<str>,
    /// The context that it is shared in, by name (C14).
    pub context: Option<Box<str>>,
    /// Which sites its bytes come from.
    pub delivery: ShareDelivery,
    /// What is said of its contents.
    pub information: ShareInformation,
    /// May they be saved?
    pub download: ShareDownloads,
    /// How many downloads may be begun, of whatever, by whomever.
    pub download_limit: Option<NonZeroU32>,
    /// What is to be accepted before anything is seen (C17).
    pub terms: Option<Box<str>>,
    /// The language of its page (BCP 47); none: the visitor's.
    pub language: Option<Box<str>>,
    /// Does the page have the tenant's logo?
    pub logo: ShareLogo,
    /// When is whoever made it told of visitors?
    pub notices: ShareNotices,
}

impl Share {
    /// Is it over at that time?
    pub fn is_over(&self, now: UnixSeconds) -> bool {
        self.expires_at.is_some_and(|end| end < now)
    }

    /// The downloads that may still be begun; none: any number.
    pub fn downloads_left(&self) -> Option<u64> {
        self.draft.download_limit.map(|limit| u64::from(limit.get()).saturating_sub(self.downloads))
    }

    /// The digest of its terms, as hex.
    pub fn terms_digest(&self) -> Option<Box<str>> {
        let terms = self.draft.terms.as_ref()?;
        Some(hex::encode(Sha256::digest(terms.as_bytes())).into())
    }
}

/// Something that is shared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ShareItem {
    /// Its number within the share, from 0; what was removed keeps its own.
    pub number: u64,
    /// The content.
    pub content: ContentId,
    /// Was it public when it was shared? What was and is not any more is not given.
    pub publication: Publication,
    /// Since when it is not shared any more.
    pub removed_at: Option<UnixSeconds>,
}

/// Somebody with an address of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRecipient {
    /// Their number within the share, from 1.
    pub number: u64,
    /// Their address.
    pub address: ShareAddress,
    /// What they are called.
    pub name: Box<str>,
    /// Where mail reaches them.
    pub email: Option<Box<str>>,
    /// The last second at which their address opens the share, if that is before the share's own.
    pub expires_at: Option<UnixSeconds>,
    /// Since when their address opens nothing.
    pub revoked_at: Option<UnixSeconds>,
    /// Counts how often all links that they had been given were closed at once, from 1.
    pub link_epoch: u64,
}

impl ShareRecipient {
    /// Does their address open nothing at that time, whatever the share is?
    pub fn is_over(&self, now: UnixSeconds) -> bool {
        self.revoked_at.is_some() || self.expires_at.is_some_and(|end| end < now)
    }
}

/// Somebody who is to have an address of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientDraft {
    /// What they are called.
    pub name: Box<str>,
    /// Where mail reaches them.
    pub email: Option<Box<str>>,
    /// The last second at which their address is to open the share; none: as long as it is open.
    pub expires_at: Option<UnixSeconds>,
}

wire_names! {
    /// What happened to a share, or on its page (C27).
    ShareEventKind {
        /// Something else was said about it.
        Changed = "changed",
        /// It was made.
        Created = "created",
        /// A download was begun.
        Downloaded = "downloaded",
        /// Somebody asked for it after its end.
        Expired = "expired",
        /// It ends soon.
        Expiring = "expiring",
        /// An item was taken out.
        ItemRemoved = "item_removed",
        /// A letter could not be sent.
        MailFailed = "mail_failed",
        /// A recipient was sent a letter.
        MailSent = "mail_sent",
        /// Somebody typed another password.
        PasswordFailed = "password_failed",
        /// A recipient's address was closed.
        Revoked = "revoked",
        /// The terms were accepted.
        TermsAccepted = "terms_accepted",
        /// Somebody looked at it.
        Viewed = "viewed",
    }
}

/// Something that happened to a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareEvent {
    /// Its place in the share's history, from 1.
    pub number: u64,
    /// When.
    pub at: UnixSeconds,
    /// What.
    pub kind: ShareEventKind,
    /// Who did it, by their id; none where it was a visitor.
    pub actor: Option<Box<str>>,
    /// By whose address, where that is a recipient's.
    pub recipient: Option<u64>,
    /// From where: an IPv4 address or an IPv6 /64.
    pub network: Option<IpNet>,
    /// Of which item.
    pub item: Option<u64>,
    /// Of a download: the bytes of it that left, where some did.
    pub sent: Option<u64>,
    /// What is to be said of it beyond that, by its kind.
    pub detail: Map<String, Value>,
}

impl ShareEvent {
    /// Which of the share's downloads it is the beginning of.
    pub fn download(&self) -> Option<u64> {
        let number = self.detail.get("download").and_then(Value::as_u64);
        number.filter(|_| self.kind == ShareEventKind::Downloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_long_and_not_printed() {
        let address = ShareAddress::random().unwrap();
        assert_eq!(address.expose().len(), 22);
        assert_eq!(ShareAddress::parse(address.expose()).as_ref(), Some(&address));
        assert_eq!(format!("{address:?}"), "[redacted]");
        assert_ne!(address, ShareAddress::random().unwrap());
        for text in ["", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA/", "ÄAAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(ShareAddress::parse(text), None, "{text}");
        }
    }
}
