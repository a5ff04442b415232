//! Letters that shares cause: to whom one is given (C9), and to whoever made it, when it ends soon and
//! when somebody comes. Each is written in the change that causes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;
use serde_json::Map;

use super::desk::Services;
use super::error::{Invalid, ServiceError, ShareRefusal};
use super::share::Managed;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::mail::is_address;
use crate::control_plane::record::{
    Letter, LetterId, LetterKind, LetterState, PersonId, Scope, Share, ShareEventKind, ShareId,
    ShareNotices, ShareRecipient,
};
use crate::control_plane::store::{Change, Happened, View, WARNED_BEFORE};

/// Invitations of a tenant that may wait, or be written within an hour; and those that one person or
/// program may have written within it. Notices are counted apart: neither keep the others back.
const MOST_INVITATIONS: u64 = 2_000;
const MOST_OF_ONE: u64 = 500;

/// Invitations to one mail address within an hour, of all shares of a tenant.
const MOST_TO_ONE: u64 = 10;

/// Notices of a tenant within an hour; what is more is told together, a letter for each share.
const MOST_NOTICES_OF_ALL: u64 = 2_000;

/// Seconds after which a recipient is sent another letter with their link.
const BETWEEN_INVITATIONS: u64 = 10 * 60;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// Shares that are looked at at a time for their end.
const WARNED_AT_ONCE: u64 = 50;

/// Seconds in which one visitor is told of once: as long as a visit may take.
const ONE_VISIT: u64 = 12 * HOUR;

/// Notices about one share within an hour; what is more is told together.
const MOST_NOTICES: u64 = 20;

/// Who brings a share to its recipients (C9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShareSending {
    /// Whoever makes it.
    #[default]
    ByHand,
    /// A letter to each of them who has a mail address.
    Letters,
}

impl Services {
    /// Writes a recipient another letter with their address: by whoever manages the share. One that
    /// waits already is given instead.
    pub async fn share_invitation_send(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        number: u64,
    ) -> Result<Letter, ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let rights = self.rights(caller).await?;
        let mut change = self.tenant_change(caller, Scope::SharesWrite, tenant).await?;
        let share = change.share_lock(id).await?;
        Managed::of(caller, &rights).require(&share)?;
        let recipient = change.view().share_recipient(id, number).await?;
        if recipient.is_over(change.now()) {
            return Err(Invalid::new("", "the recipient's address is closed").into());
        }
        if share.is_over(change.now()) {
            return Err(Invalid::new("", "the share is over").into());
        }
        let kind = LetterKind::Invitation;
        let waiting = change.view().letter_waiting(&share.id, kind, Some(number)).await?;
        if let Some(waiting) = waiting {
            return Ok(waiting);
        }
        let now = change.now();
        let about = number.to_string();
        if let Some(last) = change.view().letter_last_of_share(&share.id, kind, &about).await? {
            left(last, BETWEEN_INVITATIONS, now)?;
        }
        let mut written = self.invite(&mut change, &share, &[recipient]).await?;
        let letter = written.pop();
        let letter = letter.ok_or_else(|| Invalid::new("", "the recipient has no mail address"))?;
        change.letter_again(&letter)?;
        change.commit().await?;
        self.letters_written();
        Ok(letter)
    }

    /// Writes a letter to each of these recipients who has a mail address. Refuses where none could
    /// go: there is no mail server, or nobody to write to.
    pub(super) async fn invite(
        &self,
        change: &mut Change,
        share: &Share,
        recipients: &[ShareRecipient],
    ) -> Result<Vec<Letter>, ServiceError> {
        match change.view().mail_server(share.tenant).await.map_err(ServiceError::from) {
            Ok(_) => {}
            Err(ServiceError::NotFound) => {
                let none = "the tenant has no mail server yet: see the settings of mail";
                return Err(Invalid::new("/send_mail", none).into());
            }
            Err(error) => return Err(error),
        }
        // What cannot be linked to is not mailed.
        self.share_url(share.tenant, share.draft.delivery, &share.address)?;
        let reached: Vec<(&ShareRecipient, &str)> =
            recipients.iter().filter_map(|it| Some((it, it.email.as_deref()?))).collect();
        if reached.is_empty() {
            let none = "at least one must have a mail address where letters are sent";
            return Err(Invalid::new("/recipients", none).into());
        }
        for (recipient, email) in &reached {
            if !is_address(email) {
                let pointer = format!("/recipients/{}/email", recipient.number.saturating_sub(1));
                return Err(Invalid::new(pointer, "must be a mail address").into());
            }
        }
        // Of any number that write at once each sees what the others wrote.
        change.tenant_lock(share.tenant).await?;
        let now = change.now();
        let author: Box<str> = change.view().caller().actor().to_string().into();
        room_for(change.view(), share.tenant, &author, reached.len() as u64, now).await?;
        let addresses = reached.iter().map(|(_, email)| *email);
        room_at(change.view(), share.tenant, addresses, now).await?;
        let mut letters = Vec::with_capacity(reached.len());
        for (recipient, email) in reached {
            let letter = Letter {
                recipient: Some(recipient.number),
                about: recipient.number.to_string().into(),
                author: author.clone(),
                ..letter(share, LetterKind::Invitation, email, now, now)?
            };
            change.letter_create(&letter).await?;
            letters.push(letter);
        }
        Ok(letters)
    }

    /// Where whoever made a share is told of visitors; none where they are not to be, or there is
    /// nothing that brings letters. Asked before a change is begun: one that waits for a second
    /// connection to the store holds up everybody who waits for the first.
    pub(super) async fn maker_to_tell(
        &self,
        share: &Share,
    ) -> Result<Option<Box<str>>, ServiceError> {
        if share.draft.notices == ShareNotices::Off {
            return Ok(None);
        }
        let mut view = self.view(&Caller::system("mail")).await?;
        match view.mail_server(share.tenant).await.map_err(ServiceError::from) {
            Ok(_) => {}
            Err(ServiceError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        }
        makers_address(&mut view, share).await
    }

    /// Tells whoever made a share, where that is to be, that somebody opened it or began a download,
    /// as far as they want to be told.
    pub(super) async fn notice(
        &self,
        change: &mut Change,
        share: &Share,
        maker: Option<&str>,
        seen: &Happened,
    ) -> Result<(), ServiceError> {
        let Some(address) = maker else { return Ok(()) };
        let now = change.now();
        match share.draft.notices {
            ShareNotices::Off => return Ok(()),
            ShareNotices::Daily => return gather(change, share, address, DAY).await,
            ShareNotices::First => {
                if !change.share_noticed(&share.id).await? {
                    return Ok(());
                }
            }
            ShareNotices::Every => {
                let kind = LetterKind::AccessNotice;
                let ago = |seconds| UnixSeconds::new(now.get().saturating_sub(seconds));
                let visitor = visitor(seen);
                let told = change.view().letter_count_of_share(
                    &share.id,
                    kind,
                    Some(&visitor),
                    ago(ONE_VISIT),
                );
                if told.await? > 0 {
                    return Ok(());
                }
                let told =
                    change.view().letter_count_of_share(&share.id, kind, None, ago(HOUR)).await?;
                let (tenant, most) = (share.tenant, MOST_NOTICES_OF_ALL);
                let all = change.view().letter_count_written(tenant, kind, ago(HOUR), most);
                let all = all.await?;
                if told >= MOST_NOTICES || all >= most {
                    return gather(change, share, address, HOUR).await;
                }
            }
        }
        let mut detail = Map::new();
        detail.insert("event".to_owned(), seen.kind.wire_name().into());
        detail.insert("visitor".to_owned(), seen.recipient.into());
        let letter = Letter {
            about: visitor(seen).into(),
            detail,
            ..letter(share, LetterKind::AccessNotice, address, now, now)?
        };
        change.letter_create(&letter).await?;
        Ok(())
    }

    /// Warns whoever made shares that end within three days, once for each end; gives how many shares
    /// those were. A share that was made for less is not warned of.
    pub(in crate::control_plane) async fn shares_warn(&self) -> Result<usize, ServiceError> {
        let caller = Caller::system("mail");
        let now = self.now();
        let soon = now.plus(WARNED_BEFORE);
        let mut view = self.view(&caller).await?;
        let shares = view.share_list_ending(now, soon, WARNED_BEFORE, WARNED_AT_ONCE).await?;
        drop(view);
        let mut warned = 0;
        for share in shares {
            let mut view = self.view(&caller).await?;
            let address = makers_address(&mut view, &share).await?;
            drop(view);
            let mut change = self.change(&caller).await?;
            // Another control plane may have been first, or the end is another by now.
            if !change.share_warned(&share).await? {
                continue;
            }
            let mut ends = Happened::of(ShareEventKind::Expiring);
            ends.actor = Some(caller.actor().to_string().into());
            change.share_event_add(&share.id, &ends).await?;
            if let Some(address) = address {
                let end = share.expires_at.unwrap_or(now);
                let letter = Letter {
                    about: end.get().to_string().into(),
                    ..letter(&share, LetterKind::ExpiryWarning, &address, now, now)?
                };
                change.letter_create(&letter).await?;
            }
            change.commit().await?;
            warned += 1;
        }
        Ok(warned)
    }
}

/// Where mail reaches whoever made a share: the name that they log in with, where that is a mail
/// address. Programs have none, and neither has who may not log in any more, or is of another tenant by
/// now.
pub(super) async fn makers_address(
    view: &mut View,
    share: &Share,
) -> Result<Option<Box<str>>, ServiceError> {
    let Some(person) = PersonId::parse(&share.creator) else { return Ok(None) };
    match view.person(&person).await.map_err(ServiceError::from) {
        Ok(person) => {
            let is_there = person.disabled_at.is_none()
                && person.tenant.is_none_or(|tenant| tenant == share.tenant);
            let reached = is_there && is_address(&person.username);
            Ok(reached.then_some(person.username))
        }
        Err(ServiceError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses more invitations than a tenant, and whoever has them written, may have within an hour.
async fn room_for(
    view: &mut View,
    tenant: TenantId,
    author: &str,
    more: u64,
    now: UnixSeconds,
) -> Result<(), ServiceError> {
    let kind = LetterKind::Invitation;
    let since = hour_before(now);
    let own = view.letter_times(tenant, kind, Some(author), since, MOST_OF_ONE).await?;
    room(&own, more, MOST_OF_ONE, now)?;
    let written = view.letter_times(tenant, kind, None, since, MOST_INVITATIONS).await?;
    // When those go that wait for longer is not known.
    let waiting = view.letter_count_waiting(tenant, kind, since, MOST_INVITATIONS).await?;
    Ok(room(&written, more, MOST_INVITATIONS.saturating_sub(waiting), now)?)
}

/// Refuses more invitations to one address than it is to have within an hour, whichever shares they
/// are of and whoever has them written: nobody's mailbox is filled by what a tenant shares.
async fn room_at<'a>(
    view: &mut View,
    tenant: TenantId,
    addresses: impl Iterator<Item = &'a str>,
    now: UnixSeconds,
) -> Result<(), ServiceError> {
    let mut wanted = BTreeMap::<String, u64>::new();
    for address in addresses {
        *wanted.entry(address.to_ascii_lowercase()).or_default() += 1;
    }
    let named: BTreeSet<String> = wanted.keys().cloned().collect();
    let kind = LetterKind::Invitation;
    let mut times = HashMap::<Box<str>, Vec<UnixSeconds>>::new();
    for (address, at) in view.letter_times_to(tenant, kind, &named, hour_before(now)).await? {
        times.entry(address).or_default().push(at);
    }
    for (address, more) in wanted {
        if more > MOST_TO_ONE {
            let most = format!("at most {MOST_TO_ONE} of one mail address are sent letters");
            return Err(Invalid::new("/recipients", most).into());
        }
        let written = times.remove(&*address).unwrap_or_default();
        room(&written, more, MOST_TO_ONE, now)?;
    }
    Ok(())
}

/// Refuses `more` letters where there are `most` within an hour: until those are an hour old that leave
/// no room. `written` is when the last ones were, the newest first.
fn room(
    written: &[UnixSeconds],
    more: u64,
    most: u64,
    now: UnixSeconds,
) -> Result<(), ShareRefusal> {
    // Of so many there may be none more for these to have room.
    let Some(may_stay) = most.checked_sub(more) else {
        return Err(ShareRefusal::Throttled { retry_after: HOUR });
    };
    match usize::try_from(may_stay).ok().and_then(|place| written.get(place)) {
        Some(in_the_way) => left(*in_the_way, HOUR, now),
        None => Ok(()),
    }
}

/// Refuses what may be only so many seconds after that, until then.
fn left(after: UnixSeconds, seconds: u64, now: UnixSeconds) -> Result<(), ShareRefusal> {
    match after.plus(seconds).get().saturating_sub(now.get()) {
        0 => Ok(()),
        retry_after => Err(ShareRefusal::Throttled { retry_after }),
    }
}

/// What was written after it is of the last hour.
fn hour_before(now: UnixSeconds) -> UnixSeconds {
    UnixSeconds::new(now.get().saturating_sub(HOUR))
}

/// Has what happens from now on told together, after so many seconds: by the letter that waits for it,
/// or by another.
async fn gather(
    change: &mut Change,
    share: &Share,
    address: &str,
    seconds: u64,
) -> Result<(), ServiceError> {
    let kind = LetterKind::AccessDigest;
    if change.view().letter_waiting(&share.id, kind, None).await?.is_some() {
        return Ok(());
    }
    let now = change.now();
    let letter = letter(share, kind, address, now, now.plus(seconds))?;
    change.letter_create(&letter).await?;
    Ok(())
}

/// A letter to whoever made a share.
fn letter(
    share: &Share,
    kind: LetterKind,
    address: &str,
    now: UnixSeconds,
    due_at: UnixSeconds,
) -> Result<Letter, getrandom::Error> {
    Ok(Letter {
        id: LetterId::random(now)?,
        tenant: share.tenant,
        share: share.id.clone(),
        recipient: None,
        kind,
        address: address.into(),
        about: "".into(),
        author: "".into(),
        detail: Map::new(),
        state: LetterState::Waiting,
        attempts: 0,
        created_at: now,
        due_at: Some(due_at),
        ended_at: None,
        answer: None,
    })
}

/// Visitors are told apart by their address of the share, and by where they come from.
fn visitor(seen: &Happened) -> String {
    let network = seen.network.as_ref().map(IpNet::to_string).unwrap_or_default();
    format!("{}|{network}", seen.recipient.unwrap_or(0))
}
