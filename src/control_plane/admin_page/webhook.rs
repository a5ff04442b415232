//! Webhooks: which there are, adding one, one with its messages, and its end.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::form::Posted;
use super::query::{Query, address, number};
use super::refusal::{Refusal, redirect};
use super::settings::{Setting, tabs};
use super::shell::{Here, InTenant, Notice, Section, Shell, Way, rendered};
use super::webhook_words::{AttemptRow, MessageRow, Row, Typed, state_name};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    DeliveryState, Webhook, WebhookId, WebhookMessageId, WebhookState,
};
use crate::control_plane::service::{Expected, NewWebhook, Page, WebhookMessage};
use crate::secret::Secret;

/// Messages of a page.
const MESSAGES: u16 = 50;

#[derive(Template)]
#[template(path = "webhooks.html", config = "src/control_plane/admin_page/askama.toml")]
struct WebhooksPage {
    shell: Shell,
    tabs: Vec<Way>,
    webhooks: String,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "webhook_form.html", config = "src/control_plane/admin_page/askama.toml")]
struct FormPage {
    shell: Shell,
    webhooks: String,
    typed: Typed,
}

#[derive(Template)]
#[template(path = "webhook.html", config = "src/control_plane/admin_page/askama.toml")]
struct WebhookPage {
    shell: Shell,
    webhooks: String,
    row: Row,
    /// The one time that it is seen.
    secret: Option<String>,
    typed: Typed,
    filters: Vec<Way>,
    narrowed: Here,
    messages: Vec<MessageRow>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "webhook_message.html", config = "src/control_plane/admin_page/askama.toml")]
struct MessagePage {
    shell: Shell,
    webhooks: String,
    row: Row,
    message: MessageRow,
    attempts: Vec<AttemptRow>,
}

#[derive(Template)]
#[template(path = "webhook_remove.html", config = "src/control_plane/admin_page/askama.toml")]
struct RemovePage {
    shell: Shell,
    webhooks: String,
    row: Row,
}

/// What a webhook's page shows beside it.
struct Shown<'s> {
    secret: Option<&'s Secret<String>>,
    typed: Option<Typed>,
    state: Option<DeliveryState>,
    after: Option<WebhookMessageId>,
    status: StatusCode,
    notice: Notice,
}

impl Shown<'_> {
    fn saying(notice: Notice) -> Self {
        let status = StatusCode::OK;
        Self { secret: None, typed: None, state: None, after: None, status, notice }
    }
}

fn list(at: &InTenant) -> String {
    at.path("settings/webhooks")
}

/// The list.
pub(super) async fn show_all(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let all = console.services().webhook_list(&at.session.caller, at.number()).await?;
    let notice = match query.text("said") {
        "removed" => Notice::Done("The webhook is removed."),
        _ => Notice::None,
    };
    let page = WebhooksPage {
        shell: at.shell("Webhooks", Section::Settings).saying(notice),
        tabs: tabs(&at, Setting::Webhooks),
        webhooks: list(&at),
        rows: all.into_iter().map(|it| Row::of(&at, it)).collect(),
    };
    rendered(StatusCode::OK, &page)
}

/// The form for a new one.
pub(super) async fn show_new(
    State(console): State<Console>,
    at: InTenant,
) -> Result<Response, Refusal> {
    // Whoever may not list them may not add one.
    console.services().webhook_list(&at.session.caller, at.number()).await?;
    form_page(&at, Typed::usual(), StatusCode::OK, Notice::None)
}

/// Adds one, and shows its secret.
pub(super) async fn create(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let mut typed = Typed::of(&posted);
    typed.enabled = Here::Yes;
    let draft = typed.draft(WebhookState::Enabled);
    match console.services().webhook_create(&at.session.caller, at.number(), draft).await {
        Ok(NewWebhook { webhook, secret }) => {
            let notice = Notice::Done("The webhook is added.");
            let shown = Shown { secret: Some(&secret.reveal()), ..Shown::saying(notice) };
            webhook_page(&console, &at, webhook, shown).await
        }
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            form_page(&at, typed, status, notice)
        }
    }
}

fn form_page(
    at: &InTenant,
    typed: Typed,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let shell = at.shell("Add a webhook", Section::Settings).saying(notice);
    rendered(status, &FormPage { shell, webhooks: list(at), typed })
}

/// One, with its messages.
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let notice = match query.text("said") {
        "saved" => Notice::Done("Saved."),
        "again" => Notice::Done("What was given up since then is sent again."),
        _ => Notice::None,
    };
    let shown = Shown {
        state: query.said("state").and_then(DeliveryState::from_wire_name),
        after: query.said("after").and_then(WebhookMessageId::parse),
        ..Shown::saying(notice)
    };
    webhook_page(&console, &at, webhook, shown).await
}

/// Says something else about one.
pub(super) async fn change(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let typed = Typed::of(&posted);
    let seen = Expected::Revision(number(posted.text("revision")).ok_or(Refusal::NoForm)?);
    let (caller, tenant) = (&at.session.caller, at.number());
    let draft = typed.draft(webhook.draft.state);
    match console.services().webhook_replace(caller, tenant, &webhook.id, seen, draft).await {
        Ok(_) => Ok(redirect(&format!("{}/{}?said=saved", list(&at), webhook.id))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            let shown = Shown { typed: Some(typed), status, ..Shown::saying(notice) };
            webhook_page(&console, &at, webhook, shown).await
        }
    }
}

/// Gives one another secret, and shows it.
pub(super) async fn rotate(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let made = console.services().webhook_secret_create(caller, tenant, &webhook.id).await?;
    let notice = Notice::Done("The secret is made. The one before it signs beside it for a day.");
    let shown = Shown { secret: Some(&made.secret.reveal()), ..Shown::saying(notice) };
    webhook_page(&console, &at, webhook, shown).await
}

/// Sends a test message, and shows what comes of it.
pub(super) async fn test(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
    _: Posted,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let told = console.services().webhook_test(caller, tenant, &webhook.id).await?;
    Ok(redirect(&format!("{}/{}/messages/{}", list(&at), webhook.id, told.message)))
}

/// Sends again what was given up since a day.
pub(super) async fn redeliver_since(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let since = day(posted.text("since")).ok_or_else(|| Refusal::Refused {
        status: StatusCode::BAD_REQUEST,
        detail: "Since when is a day, such as 2030-01-31.".to_owned(),
    })?;
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().webhook_redeliver_since(caller, tenant, &webhook.id, since).await?;
    Ok(redirect(&format!("{}/{}?said=again", list(&at), webhook.id)))
}

/// The beginning of a day, in UTC.
fn day(text: &str) -> Option<UnixSeconds> {
    let day: jiff::civil::Date = text.parse().ok()?;
    let begins = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?;
    u64::try_from(begins.as_second()).ok().map(UnixSeconds::new)
}

async fn webhook_page(
    console: &Console,
    at: &InTenant,
    webhook: Webhook,
    shown: Shown<'_>,
) -> Result<Response, Refusal> {
    let Shown { secret, typed, state, after, status, notice } = shown;
    let is_first = after.is_none();
    let (caller, tenant) = (&at.session.caller, at.number());
    let page = Page { after, limit: MESSAGES };
    let services = console.services();
    let listed = services.webhook_delivery_list(caller, tenant, &webhook.id, state, &page).await?;
    let typed = typed.unwrap_or_else(|| Typed::of_webhook(&webhook));
    let row = Row::of(at, webhook);
    let named = state.map_or("", DeliveryState::wire_name);
    let behind = |after: &str| address(&row.path, &[("state", named), ("after", after)]);
    let page = WebhookPage {
        shell: at.shell("Webhook", Section::Settings).saying(notice),
        webhooks: list(at),
        // For this one page.
        secret: secret.map(|it| it.expose().clone()),
        typed,
        filters: filters(&row, state),
        narrowed: Here::when(state.is_some()),
        messages: listed.items.into_iter().map(|it| MessageRow::of(&row, it)).collect(),
        first: (!is_first).then(|| behind("")),
        next: listed.next.map(|next| behind(next.as_str())),
        row,
    };
    rendered(status, &page)
}

fn filters(row: &Row, shown: Option<DeliveryState>) -> Vec<Way> {
    let every = Way { label: "All", path: row.path.clone(), here: Here::when(shown.is_none()) };
    let of = |state: &DeliveryState| Way {
        label: state_name(*state),
        path: address(&row.path, &[("state", state.wire_name())]),
        here: Here::when(shown == Some(*state)),
    };
    std::iter::once(every).chain(DeliveryState::ALL.iter().map(of)).collect()
}

/// A message, with what came of it.
pub(super) async fn show_message(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook, message)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let message = WebhookMessageId::parse(&message).ok_or(Refusal::NotFound)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let services = console.services();
    let found = services.webhook_message(caller, tenant, &webhook.id, &message).await?;
    let WebhookMessage { delivery, attempts } = found;
    let row = Row::of(&at, webhook);
    let page = MessagePage {
        shell: at.shell("Message", Section::Settings),
        webhooks: list(&at),
        message: MessageRow::of(&row, delivery),
        attempts: attempts.into_iter().map(AttemptRow::from).collect(),
        row,
    };
    rendered(StatusCode::OK, &page)
}

/// Sends one again.
pub(super) async fn redeliver(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook, message)): Path<(String, String, String)>,
    _: Posted,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let message = WebhookMessageId::parse(&message).ok_or(Refusal::NotFound)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().webhook_redeliver(caller, tenant, &webhook.id, &message).await?;
    Ok(redirect(&format!("{}/{}/messages/{message}", list(&at), webhook.id)))
}

/// Asks whether it is meant.
pub(super) async fn show_remove(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    remove_page(&at, webhook, StatusCode::OK, Notice::None)
}

/// Removes it.
pub(super) async fn remove(
    State(console): State<Console>,
    at: InTenant,
    Path((_, webhook)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let webhook = found(&console, &at, &webhook).await?;
    let seen = Expected::Revision(number(posted.text("revision")).ok_or(Refusal::NoForm)?);
    let (caller, tenant) = (&at.session.caller, at.number());
    match console.services().webhook_remove(caller, tenant, &webhook.id, seen).await {
        Ok(()) => Ok(redirect(&format!("{}?said=removed", list(&at)))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            remove_page(&at, webhook, status, notice)
        }
    }
}

fn remove_page(
    at: &InTenant,
    webhook: Webhook,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let shell = at.shell("Remove a webhook", Section::Settings).saying(notice);
    rendered(status, &RemovePage { shell, webhooks: list(at), row: Row::of(at, webhook) })
}

async fn found(console: &Console, at: &InTenant, webhook: &str) -> Result<Webhook, Refusal> {
    let id = WebhookId::parse(webhook).ok_or(Refusal::NotFound)?;
    Ok(console.services().webhook(&at.session.caller, at.number(), &id).await?)
}
