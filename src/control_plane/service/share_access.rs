//! Who may see a share: the one place where that is decided, for its page and everything on it.
//!
//! An address opens a share until it is over. Where there is a password, or there are terms, a session
//! says that this visitor typed the one and accepted the other: of this share, by this address, and as
//! both are now. Nothing here is changed by looking.

use ipnet::{IpNet, Ipv6Net};
use serde_json::Value;

use super::desk::Services;
use super::error::{OriginalRefusal, ServiceError, ShareRefusal};
use super::person::failed;
use super::share_making::SharePassword;
use crate::clock::UnixSeconds;
use crate::control_plane::account::{Attempt, SecretKind, SecretText};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    SecretHash, Share, ShareAddress, ShareEventKind, ShareRecipient,
};
use crate::control_plane::store::{Addressed, Change, Happened, ShareSession};
use crate::network::ClientIp;
use crate::policy::{DenialCode, Way};
use crate::telemetry::ErrorChain;

/// Seconds for which a visitor's session, and every link that is handed out, lives at most.
pub(super) const LONGEST_VISIT: u64 = 12 * 3_600;

/// What a visitor stands before.
#[derive(Clone, Debug)]
pub struct ShareAccess {
    share: Share,
    recipient: Option<ShareRecipient>,
    standing: ShareStanding,
    session: Option<ShareSession>,
    until: UnixSeconds,
    way: Way,
}

/// What a visitor must do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareStanding {
    /// Type the password.
    Locked,
    /// Nothing: it is open.
    Open,
    /// Accept the terms.
    TermsWanted,
}

impl ShareAccess {
    /// The share. What is in it is for those before whom it is open.
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// The same, of a visitor who came that way.
    #[must_use]
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Refuses to begin what is not handed over where the visitor is: an original goes through no CDN
    /// (G3), and a download that cannot be had is not counted.
    pub(super) fn has_originals(&self) -> Result<(), OriginalRefusal> {
        match self.way {
            Way::Cdn => Err(DenialCode::CdnRefused.into()),
            Way::Direct => Ok(()),
        }
    }

    /// By whose address, where it is a recipient's.
    pub fn recipient(&self) -> Option<&ShareRecipient> {
        self.recipient.as_ref()
    }

    /// The last second at which this address opens it; none: there is no last.
    pub fn ends_at(&self) -> Option<UnixSeconds> {
        end(&self.share, self.recipient.as_ref())
    }

    /// What is to be done next.
    pub fn standing(&self) -> ShareStanding {
        self.standing
    }

    /// The last second for which anything that is handed out now is good.
    pub fn until(&self) -> UnixSeconds {
        self.until
    }

    pub(super) fn recipient_number(&self) -> Option<u64> {
        self.recipient.as_ref().map(|it| it.number)
    }

    /// The share, for those before whom it is open.
    pub(super) fn opened(&self) -> Result<&Share, ShareRefusal> {
        match self.standing {
            ShareStanding::Open => Ok(&self.share),
            ShareStanding::Locked | ShareStanding::TermsWanted => Err(ShareRefusal::Locked),
        }
    }
}

impl Services {
    /// What stands behind an address, for a visitor with that session. There is nothing behind an
    /// address of which nobody knows, and nothing any more ([`ShareRefusal::Gone`]) behind one that
    /// is over.
    pub async fn share_access(
        &self,
        address: &str,
        session: Option<&str>,
    ) -> Result<ShareAccess, ServiceError> {
        let address = ShareAddress::parse(address).ok_or(ServiceError::NotFound)?;
        let mut view = self.view(&Caller::system("share")).await?;
        let Addressed { share, recipient } = view.share_addressed(&address).await?;
        let now = self.now();
        if over(&share, recipient.as_ref(), now) {
            return Err(ShareRefusal::Gone.into());
        }
        let session = match session {
            Some(text) => view.share_session(&share.id, &SecretHash::of(text), now).await?,
            None => None,
        };
        Ok(access(share, recipient, session, now))
    }

    /// A session for whoever types a share's password. Wrong ones make their network wait, and nobody
    /// else's; each of them stands in the share's history.
    pub async fn share_unlock(
        &self,
        address: &str,
        password: SharePassword,
        client: Option<ClientIp>,
    ) -> Result<SecretText, ServiceError> {
        let address = ShareAddress::parse(address).ok_or(ServiceError::NotFound)?;
        let caller = Caller::system("share").from_address(client);
        let addressed = self.view(&caller).await?.share_addressed(&address).await?;
        self.share_marks().one(&addressed.share.id, client)?;
        let attempt = Attempt::to_open(&addressed.share.id, client);
        let mut change = self.change(&caller).await?;
        if let Some(wait) = attempt.begin(&mut change).await? {
            return Err(ShareRefusal::Throttled { retry_after: wait.get() }.into());
        }
        change.commit().await?;
        let (kind, refusal) = match self.unlocking(&addressed, password).await {
            Ok(Unlocking::Opened(session)) => {
                let maker = self.maker_to_tell(&addressed.share).await?;
                let mut change = self.change(&caller).await?;
                attempt.succeed(&mut change).await?;
                let text = begin(&mut change, session, None).await?;
                let viewed = visitors(ShareEventKind::Viewed, &addressed, client);
                change.share_event_add(&addressed.share.id, &viewed).await?;
                self.notice(&mut change, &addressed.share, maker.as_deref(), &viewed).await?;
                change.commit().await?;
                self.letters_written();
                return Ok(text);
            }
            Ok(Unlocking::Over) => (ShareEventKind::Expired, ShareRefusal::Gone),
            Ok(Unlocking::Wrong) => (ShareEventKind::PasswordFailed, ShareRefusal::WrongPassword),
            Err(error) => {
                if let Err(error) = self.excuse(&attempt, &caller).await {
                    let error = ErrorChain(&error);
                    tracing::warn!(%error, "a password counts as wrong that was not");
                }
                return Err(error);
            }
        };
        let mut change = self.change(&caller).await?;
        let failed = visitors(kind, &addressed, client);
        change.share_event_add(&addressed.share.id, &failed).await?;
        change.commit().await?;
        Err(refusal.into())
    }

    /// A session for whoever accepts a share's terms, in the place of the one that they have. `shown`
    /// is the digest of the text that they were shown ([`Share::terms_digest`]): of another text
    /// nothing is accepted.
    pub async fn share_accept_terms(
        &self,
        address: &str,
        session: Option<&str>,
        shown: &str,
        client: Option<ClientIp>,
    ) -> Result<SecretText, ServiceError> {
        let access = self.share_access(address, session).await?;
        if access.standing == ShareStanding::Locked {
            return Err(ShareRefusal::Locked.into());
        }
        let ShareAccess { share, recipient, session, until, .. } = access;
        self.share_marks().one(&share.id, client)?;
        let caller = Caller::system("share").from_address(client);
        let digest = share.terms_digest();
        if digest.as_ref().is_some_and(|now| **now != *shown) {
            return Err(ShareRefusal::Locked.into());
        }
        let (version, id) = (share.terms_version, share.id.clone());
        let addressed = Addressed { share, recipient };
        let next = session_of(&addressed, digest.clone(), until);
        let mut change = self.change(&caller).await?;
        let before = session.map(|it| it.hash);
        let text = begin(&mut change, next, before.as_ref()).await?;
        if let Some(digest) = digest {
            let mut accepted = visitors(ShareEventKind::TermsAccepted, &addressed, client);
            accepted.detail.insert("terms".to_owned(), Value::from(digest.as_ref()));
            accepted.detail.insert("version".to_owned(), version.into());
            change.share_event_add(&id, &accepted).await?;
        }
        change.commit().await?;
        Ok(text)
    }

    /// Writes into a share's history that somebody looks at it: for what a page's script says of
    /// itself, and never for a `GET` or `HEAD`.
    pub async fn share_viewed(
        &self,
        access: &ShareAccess,
        client: Option<ClientIp>,
    ) -> Result<(), ServiceError> {
        let share = access.opened()?;
        self.share_marks().one(&share.id, client)?;
        let maker = self.maker_to_tell(share).await?;
        let caller = Caller::system("share").from_address(client);
        let mut change = self.change(&caller).await?;
        let mut viewed = Happened::of(ShareEventKind::Viewed);
        viewed.recipient = access.recipient_number();
        viewed.network = client.map(network);
        change.share_event_add(&share.id, &viewed).await?;
        self.notice(&mut change, share, maker.as_deref(), &viewed).await?;
        change.commit().await?;
        self.letters_written();
        Ok(())
    }

    async fn unlocking(
        &self,
        addressed: &Addressed,
        password: SharePassword,
    ) -> Result<Unlocking, ServiceError> {
        let now = self.now();
        let Addressed { share, recipient } = addressed;
        if over(share, recipient.as_ref(), now) {
            return Ok(Unlocking::Over);
        }
        if let Some(kept) = &share.password {
            // What cannot be one is not worth the work.
            let can_be = password.accept().is_ok();
            let passwords = self.passwords();
            if !can_be || !passwords.opens(password.into_text(), kept).await.map_err(failed)? {
                return Ok(Unlocking::Wrong);
            }
        }
        let until = until(share, recipient.as_ref(), None, now);
        Ok(Unlocking::Opened(session_of(addressed, None, until)))
    }

    async fn excuse(&self, attempt: &Attempt, caller: &Caller) -> Result<(), ServiceError> {
        let mut change = self.change(caller).await?;
        attempt.excuse(&mut change).await?;
        change.commit().await?;
        Ok(())
    }
}

/// What came of a password.
enum Unlocking {
    Opened(ShareSession),
    Over,
    Wrong,
}

/// Is there nothing behind it any more?
pub(super) fn over(share: &Share, recipient: Option<&ShareRecipient>, now: UnixSeconds) -> bool {
    share.is_over(now) || recipient.is_some_and(|it| it.is_over(now))
}

/// The decision.
fn access(
    share: Share,
    recipient: Option<ShareRecipient>,
    session: Option<ShareSession>,
    now: UnixSeconds,
) -> ShareAccess {
    let own = recipient.as_ref().map(|it| it.number);
    let session = session.filter(|it| it.share == share.id && it.recipient == own);
    let knows_password = share.password.is_none()
        || session.as_ref().is_some_and(|it| it.password_version == share.password_version);
    let terms = share.terms_digest();
    let has_accepted =
        terms.is_none() || session.as_ref().is_some_and(|session| session.terms == terms);
    let standing = match (knows_password, has_accepted) {
        (false, _) => ShareStanding::Locked,
        (true, false) => ShareStanding::TermsWanted,
        (true, true) => ShareStanding::Open,
    };
    let known = session.as_ref().filter(|_| knows_password);
    let until = until(&share, recipient.as_ref(), known, now);
    ShareAccess { share, recipient, standing, session, until, way: Way::Direct }
}

fn until(
    share: &Share,
    recipient: Option<&ShareRecipient>,
    session: Option<&ShareSession>,
    now: UnixSeconds,
) -> UnixSeconds {
    let longest = now.plus(LONGEST_VISIT);
    let own = session.map_or(longest, |it| it.expires_at);
    longest.min(own).min(end(share, recipient).unwrap_or(longest))
}

/// The last second at which an address opens a share: whichever of both ends comes first.
pub(super) fn end(share: &Share, recipient: Option<&ShareRecipient>) -> Option<UnixSeconds> {
    let theirs = recipient.and_then(|it| it.expires_at);
    [share.expires_at, theirs].into_iter().flatten().min()
}

/// A session that knows the password as it is now.
fn session_of(
    Addressed { share, recipient }: &Addressed,
    terms: Option<Box<str>>,
    until: UnixSeconds,
) -> ShareSession {
    ShareSession {
        hash: SecretHash::of(""),
        share: share.id.clone(),
        recipient: recipient.as_ref().map(|it| it.number),
        password_version: share.password_version,
        terms,
        expires_at: until,
    }
}

/// Begins a session, under a secret that is seen this one time.
async fn begin(
    change: &mut Change,
    session: ShareSession,
    instead_of: Option<&SecretHash>,
) -> Result<SecretText, ServiceError> {
    let text = SecretText::random(SecretKind::Share)?;
    let session = ShareSession { hash: text.hash(), ..session };
    change.share_session_begin(&session, instead_of).await?;
    Ok(text)
}

fn visitors(kind: ShareEventKind, addressed: &Addressed, client: Option<ClientIp>) -> Happened {
    let mut happened = Happened::of(kind);
    happened.recipient = addressed.recipient.as_ref().map(|it| it.number);
    happened.network = client.map(network);
    happened
}

/// An IPv4 address, or the /64 of an IPv6 address: more is nobody's to keep.
pub(super) fn network(client: ClientIp) -> IpNet {
    use std::net::IpAddr;
    match client.get() {
        address @ IpAddr::V4(_) => address.into(),
        IpAddr::V6(address) => Ipv6Net::new(address, 64)
            .map_or_else(|_| IpAddr::from(address).into(), |it| it.trunc().into()),
    }
}
