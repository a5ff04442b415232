//! Shares: the list of them, one with what is in it and what happened to it, its end, and those that a
//! content is in (requirements C24, C26 to C29).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::content::{Heading, Tab, found as found_content};
use super::form::Posted;
use super::library::title_of;
use super::query::{Query, address, number};
use super::refusal::{Refusal, redirect};
use super::share_form::contexts_of;
use super::share_history::{EventRow, Known};
use super::share_settings::{LANGUAGES, Limits, NOTICES, Typed};
use super::shell::{Here, InTenant, Notice, Section, Shell, rendered};
use super::spelling::Instant;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    Scope, Share, ShareAddress, ShareDownloads, ShareId, SharePolicy, ShareRecipient,
};
use crate::control_plane::service::{
    Expected, Page, PasswordChange, ServiceError, ShareFilter, ShareRevision,
};

/// Shares of a page.
const SHOWN: u16 = 50;

/// Items of a page.
const ITEMS: u16 = 50;

/// What happened, as much as one page shows.
const EVENTS: u16 = 100;

/// Seconds of which shares are listed first (C24): 30 days.
const RECENT: u64 = 30 * 24 * 3_600;

#[derive(Template)]
#[template(path = "shares.html", config = "src/control_plane/admin_page/askama.toml")]
struct SharesPage {
    shell: Shell,
    library: String,
    own: String,
    all: Here,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

/// A share in a list.
pub(super) struct Row {
    pub(super) share: Share,
    pub(super) path: String,
    pub(super) open: Here,
    pub(super) made: Instant,
    pub(super) ends: Option<Instant>,
}

#[derive(Template)]
#[template(path = "share.html", config = "src/control_plane/admin_page/askama.toml")]
struct SharePage {
    shell: Shell,
    list: String,
    row: Row,
    /// The address of its page, for whoever may share.
    url: Option<String>,
    recipients: Vec<RecipientRow>,
    items: Vec<ItemRow>,
    events: Vec<EventRow>,
    typed: Typed,
    limits: Limits,
    contexts: Vec<Box<str>>,
    may_change: Here,
    next: Option<String>,
    first: Option<String>,
    /// Where one like it is made.
    copy: String,
}

struct RecipientRow {
    recipient: ShareRecipient,
    url: Option<String>,
    ends: Option<Instant>,
    revoked: Option<Instant>,
}

struct ItemRow {
    number: u64,
    title: String,
    path: String,
}

#[derive(Template)]
#[template(path = "share_remove.html", config = "src/control_plane/admin_page/askama.toml")]
struct RemovePage {
    shell: Shell,
    list: String,
    row: Row,
}

#[derive(Template)]
#[template(path = "content_shares.html", config = "src/control_plane/admin_page/askama.toml")]
struct ContentPage {
    shell: Shell,
    heading: Heading,
    own: String,
    new: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

impl Row {
    fn of(at: &InTenant, share: Share, now: UnixSeconds) -> Self {
        Self {
            path: at.path(&format!("shares/{}", share.id)),
            open: Here::when(!share.is_over(now)),
            made: Instant(share.created_at),
            ends: share.expires_at.map(Instant),
            share,
        }
    }

    fn may_be_saved(&self) -> bool {
        self.share.draft.download == ShareDownloads::Allowed
    }
}

/// The list: of the last 30 days, or all (C24).
pub(super) async fn show_all(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let services = console.services();
    let now = services.now();
    let all = Here::when(query.said("all").is_some());
    let recent = UnixSeconds::new(now.get().saturating_sub(RECENT));
    let filter = ShareFilter {
        created_since: Some(recent).filter(|_| all == Here::No),
        ..ShareFilter::default()
    };
    let after = query.said("after").and_then(ShareId::parse);
    let is_first = after.is_none();
    let page = Page { after, limit: SHOWN };
    let listed = services.share_list(&at.session.caller, at.number(), &filter, &page).await?;
    let own = at.path("shares");
    let ticked = if all == Here::Yes { "1" } else { "" };
    let behind = |after: &str| address(&own, &[("all", ticked), ("after", after)]);
    let notice = match query.text("said") {
        "removed" => Notice::Done("The share is removed. Its links are dead within a second."),
        _ => Notice::None,
    };
    let page = SharesPage {
        shell: at.shell("Shares", Section::Shares).saying(notice),
        library: at.path("contents"),
        all,
        rows: listed.items.into_iter().map(|share| Row::of(&at, share, now)).collect(),
        first: (!is_first).then(|| behind("")),
        next: listed.next.map(|next| behind(next.as_str())),
        own,
    };
    rendered(StatusCode::OK, &page)
}

/// One, with what is in it and its history (C26, C27).
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let notice = match query.text("said") {
        "made" => Notice::Done("The share is made. Copy its link and send it."),
        "mailed" => Notice::Done("The share is made, and letters are on their way."),
        "letter" => Notice::Done("A letter is on its way to the recipient."),
        "saved" => Notice::Done("Saved. It is in force at every edge within a second."),
        "item-removed" => {
            Notice::Done("The item is taken out. Its links are dead within a second.")
        }
        "revoked" => Notice::Done("The recipient's address is closed."),
        _ => Notice::None,
    };
    let typed = Typed::of_share(&share);
    let after = query.said("after").and_then(number);
    share_page(&console, &at, share, typed, after, StatusCode::OK, notice).await
}

/// Says something else about one: its end, whether it may be saved, its password.
pub(super) async fn change(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let typed = Typed::of(&posted);
    match save(&console, &at, &share, &typed).await {
        Ok(()) => Ok(redirect(&at.path(&format!("shares/{}?said=saved", share.id)))),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            share_page(&console, &at, share, typed, None, status, notice).await
        }
    }
}

async fn save(
    console: &Console,
    at: &InTenant,
    share: &Share,
    typed: &Typed,
) -> Result<(), Refusal> {
    let wrong = |detail| Refusal::Refused { status: StatusCode::BAD_REQUEST, detail };
    let seen = number(&typed.revision).ok_or(Refusal::NoForm)?;
    let draft = typed.draft(share.draft.logo).map_err(wrong)?;
    let expiry = typed.expiry().map_err(wrong)?;
    let password = match (&*typed.password_change, typed.password()) {
        ("clear", _) => PasswordChange::Cleared,
        (_, Some(password)) => PasswordChange::Set(password),
        (_, None) => PasswordChange::Kept,
    };
    let revision = ShareRevision { draft, expiry, password };
    let (caller, tenant, seen) = (&at.session.caller, at.number(), Expected::Revision(seen));
    console.services().share_change(caller, tenant, &share.id, seen, revision).await?;
    Ok(())
}

async fn share_page(
    console: &Console,
    at: &InTenant,
    share: Share,
    typed: Typed,
    after: Option<u64>,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let may_share = at.session.has(Scope::SharesWrite);
    let keys = services.share_keys(caller).await?;
    let url = |address: &ShareAddress| services.share_url_for(&keys, &share, address);
    let page = Page { after, limit: ITEMS };
    let listed = services.share_item_list(caller, tenant, &share.id, &page).await?;
    let mut items = Vec::with_capacity(listed.items.len());
    for item in listed.items {
        let title = match services.content(caller, tenant, &item.content).await {
            Ok(content) => title_of(&content),
            // It is gone since, or another's.
            Err(ServiceError::NotFound) => item.content.to_string(),
            Err(error) => return Err(error.into()),
        };
        let path = at.path(&format!("contents/{}", item.content));
        items.push(ItemRow { number: item.number, title, path });
    }
    let recipients = services.share_recipient_list(caller, tenant, &share.id).await?;
    let events = services.share_event_list(caller, tenant, &share.id, &Page::first(EVENTS)).await?;
    let known = Known::of(&share, recipients.iter());
    let events = events.items.iter().map(|event| EventRow::of(event, &known)).collect();
    let recipients = recipients.into_iter().map(|recipient| RecipientRow {
        url: url(&recipient.address).filter(|_| recipient.revoked_at.is_none()),
        ends: recipient.expires_at.map(Instant),
        revoked: recipient.revoked_at.map(Instant),
        recipient,
    });
    let policy = if may_share {
        services.sharing_settings(caller, tenant).await?.draft.policy
    } else {
        SharePolicy::default()
    };
    let own = at.path(&format!("shares/{}", share.id));
    let china = Here::when(services.delivers_to_china(tenant));
    let page = SharePage {
        shell: at.shell(&share.draft.title, Section::Shares).saying(notice),
        list: at.path("shares"),
        url: url(&share.address),
        recipients: recipients.collect(),
        items,
        events,
        typed,
        limits: Limits::of_old(&policy, services.now(), china),
        contexts: contexts_of(console, at).await?,
        may_change: Here::when(may_share),
        first: after.map(|_| own.clone()),
        next: listed.next.map(|next| format!("{own}?after={next}")),
        copy: address(&at.path("shares/new"), &[("like", share.id.as_str())]),
        row: Row::of(at, share, services.now()),
    };
    rendered(status, &page)
}

/// Takes an item out (C29).
pub(super) async fn remove_item(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let item = number(posted.text("item")).ok_or(Refusal::NoForm)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().share_item_remove(caller, tenant, &share.id, item).await?;
    Ok(redirect(&at.path(&format!("shares/{}?said=item-removed", share.id))))
}

/// Closes a recipient's address.
pub(super) async fn revoke(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let recipient = number(posted.text("recipient")).ok_or(Refusal::NoForm)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().share_recipient_revoke(caller, tenant, &share.id, recipient).await?;
    Ok(redirect(&at.path(&format!("shares/{}?said=revoked", share.id))))
}

/// Moves the end of a recipient's address.
pub(super) async fn move_end(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let recipient = number(posted.text("recipient")).ok_or(Refusal::NoForm)?;
    match moved(&console, &at, &share, recipient, &Typed::of(&posted)).await {
        Ok(()) => Ok(redirect(&at.path(&format!("shares/{}?said=saved", share.id)))),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            let typed = Typed::of_share(&share);
            share_page(&console, &at, share, typed, None, status, notice).await
        }
    }
}

async fn moved(
    console: &Console,
    at: &InTenant,
    share: &Share,
    recipient: u64,
    typed: &Typed,
) -> Result<(), Refusal> {
    let wrong = |detail| Refusal::Refused { status: StatusCode::BAD_REQUEST, detail };
    let to = match (&*typed.ends, &*typed.date) {
        ("never", _) => None,
        // What was left empty opens nothing for longer.
        (_, "") => return Err(wrong("Choose the recipient's last day.".to_owned())),
        (_, day) => Some(typed.last_second(day).map_err(wrong)?),
    };
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    services.share_recipient_move(caller, tenant, &share.id, recipient, to).await?;
    Ok(())
}

/// Sends a recipient another letter with their link.
pub(super) async fn send_mail(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let recipient = number(posted.text("recipient")).ok_or(Refusal::NoForm)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let sent = console.services().share_invitation_send(caller, tenant, &share.id, recipient);
    match sent.await {
        Ok(_) => Ok(redirect(&at.path(&format!("shares/{}?said=letter", share.id)))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            let typed = Typed::of_share(&share);
            share_page(&console, &at, share, typed, None, status, notice).await
        }
    }
}

/// Asks whether it is meant.
pub(super) async fn show_remove(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    at.session.caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let share = found(&console, &at, &share).await?;
    remove_page(&console, &at, share, StatusCode::OK, Notice::None)
}

/// Removes it.
pub(super) async fn remove(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let share = found(&console, &at, &share).await?;
    let seen = number(posted.text("revision")).ok_or(Refusal::NoForm)?;
    let (caller, tenant, seen) = (&at.session.caller, at.number(), Expected::Revision(seen));
    match console.services().share_remove(caller, tenant, &share.id, seen).await {
        Ok(()) => Ok(redirect(&at.path("shares?said=removed"))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            remove_page(&console, &at, share, status, notice)
        }
    }
}

fn remove_page(
    console: &Console,
    at: &InTenant,
    share: Share,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let page = RemovePage {
        shell: at.shell("Remove a share", Section::Shares).saying(notice),
        list: at.path("shares"),
        row: Row::of(at, share, console.services().now()),
    };
    rendered(status, &page)
}

/// The shares that a content is in, by whomever (C28).
pub(super) async fn show_of_content(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let content = found_content(&console, &at, &content).await?;
    let heading = Heading::of(&console, &at, &content, Tab::Shares).await?;
    let after = query.said("after").and_then(ShareId::parse);
    let is_first = after.is_none();
    let page = Page { after, limit: SHOWN };
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let listed = services.share_list_of_content(caller, tenant, &content.id, &page).await?;
    let own = at.path(&format!("contents/{}/shares", content.id));
    let notice = match query.text("said") {
        "item-removed" => {
            Notice::Done("It is taken out of that share. Its links are dead within a second.")
        }
        _ => Notice::None,
    };
    let now = services.now();
    let page = ContentPage {
        shell: at.shell(&heading.title, Section::Library).saying(notice),
        heading,
        new: address(&at.path("shares/new"), &[("content", content.id.as_str())]),
        rows: listed.items.into_iter().map(|share| Row::of(&at, share, now)).collect(),
        first: (!is_first).then(|| own.clone()),
        next: listed.next.map(|next| address(&own, &[("after", next.as_str())])),
        own,
    };
    rendered(StatusCode::OK, &page)
}

/// Takes a content out of a share, whoever's that is (C29).
pub(super) async fn remove_content(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let content = found_content(&console, &at, &content).await?;
    let share = ShareId::parse(posted.text("share")).ok_or(Refusal::NoForm)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().share_content_remove(caller, tenant, &share, &content.id).await?;
    Ok(redirect(&at.path(&format!("contents/{}/shares?said=item-removed", content.id))))
}

async fn found(console: &Console, at: &InTenant, share: &str) -> Result<Share, Refusal> {
    let id = ShareId::parse(share).ok_or(Refusal::NotFound)?;
    Ok(console.services().share(&at.session.caller, at.number(), &id).await?)
}
