//! The audit log: searched, shown, and given as a file; and what happened to one content.

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::audit_export::{Export, ExportFormat};
use super::console::Console;
use super::content::{Heading, Tab, found};
use super::download::{By, DownloadRow};
use super::query::{Query, address, number};
use super::refusal::Refusal;
use super::session::Session;
use super::shell::{Here, InTenant, Section, Shell, rendered};
use super::spelling::Instant;
use crate::asset::TenantId;
use crate::control_plane::record::AuditEvent;
use crate::control_plane::service::{AuditFilter, DownloadFilter, ListOrder, Page};

/// Events of a page.
const SHOWN: u16 = 50;

/// Downloads that are shown with a content.
const DOWNLOADS: u16 = 50;

/// Longest value of a field that is shown, in characters; all of it is in the export.
const LONGEST: usize = 200;

#[derive(Template)]
#[template(path = "audit.html", config = "src/control_plane/admin_page/askama.toml")]
struct AuditPage {
    shell: Shell,
    own: String,
    heading: &'static str,
    actor: String,
    action: String,
    object: String,
    narrowed: Here,
    events: Vec<EventRow>,
    exports: [(&'static str, String); 2],
    first: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "content_history.html", config = "src/control_plane/admin_page/askama.toml")]
struct HistoryPage {
    shell: Shell,
    heading: Heading,
    events: Vec<EventRow>,
    first: Option<String>,
    next: Option<String>,
    downloads: Vec<DownloadRow>,
}

/// An event of the log.
struct EventRow {
    event: AuditEvent,
    at: Instant,
    /// Field by field: before, and after.
    changes: Vec<(String, String, String)>,
}

/// Which events are asked for, and where the pages of them are.
struct Asked {
    own: String,
    tenant: Option<TenantId>,
    actor: String,
    action: String,
    object: String,
}

impl EventRow {
    fn of(event: AuditEvent) -> Self {
        let text = |value: Option<&serde_json::Value>| match value {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => shortened(text),
            Some(value) => shortened(&value.to_string()),
        };
        let sides = |(name, sides): (&String, &serde_json::Value)| {
            (name.replace('_', " "), text(sides.get(0)), text(sides.get(1)))
        };
        Self { at: Instant(event.at), changes: event.diff.iter().map(sides).collect(), event }
    }
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl Asked {
    fn of(own: String, tenant: Option<TenantId>, query: &Query) -> Self {
        let text = |name| query.text(name).to_owned();
        let (actor, action, object) = (text("actor"), text("action"), text("object"));
        Self { own, tenant, actor, action, object }
    }

    fn filter(&self) -> AuditFilter {
        let said = |text: &str| Some(text).filter(|text| !text.is_empty()).map(Into::into);
        AuditFilter {
            actor: said(&self.actor),
            action: said(&self.action),
            object: said(&self.object),
        }
    }

    fn address(&self, path: &str, before: &str) -> String {
        let Self { own: _, tenant: _, actor, action, object } = self;
        let parameters =
            [("actor", &**actor), ("action", action), ("object", object), ("before", before)];
        address(path, &parameters)
    }
}

/// A tenant's log.
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of(at.path("audit"), Some(at.number()), &query);
    let shell = at.shell("Audit", Section::Audit);
    list(&console, &at.session, &asked, &query, shell).await
}

/// All of it, as far as the caller sees: what is nobody's as well.
pub(super) async fn show_all(
    State(console): State<Console>,
    session: Session,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of("/console/audit".into(), None, &query);
    let shell = Shell::of_session(&session, "Audit");
    list(&console, &session, &asked, &query, shell).await
}

async fn list(
    console: &Console,
    session: &Session,
    asked: &Asked,
    query: &Query,
    shell: Shell,
) -> Result<Response, Refusal> {
    let page = page_of(query);
    let (caller, filter) = (&session.caller, asked.filter());
    let listed = console.services().audit_search(caller, asked.tenant, &filter, &page).await?;
    let is_first = page.after.is_none();
    let export = |format: ExportFormat| {
        let path = format!("{}.{}", asked.own, format.extension());
        (format.label(), asked.address(&path, ""))
    };
    let page = AuditPage {
        shell,
        own: asked.own.clone(),
        heading: if asked.tenant.is_some() { "Audit" } else { "Audit of everything" },
        actor: asked.actor.clone(),
        action: asked.action.clone(),
        object: asked.object.clone(),
        narrowed: Here::when(filter != AuditFilter::default()),
        events: listed.items.into_iter().map(EventRow::of).collect(),
        exports: [export(ExportFormat::Csv), export(ExportFormat::Ndjson)],
        first: (!is_first).then(|| asked.address(&asked.own, "")),
        next: listed.next.map(|next| asked.address(&asked.own, &next.to_string())),
    };
    rendered(StatusCode::OK, &page)
}

fn page_of(query: &Query) -> Page<u64> {
    Page { after: query.said("before").and_then(number), limit: SHOWN }
}

/// A tenant's log as CSV.
pub(super) async fn export_csv(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of(String::new(), Some(at.number()), &query);
    export(console, at.session, &asked, ExportFormat::Csv).await
}

/// A tenant's log as NDJSON.
pub(super) async fn export_ndjson(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of(String::new(), Some(at.number()), &query);
    export(console, at.session, &asked, ExportFormat::Ndjson).await
}

/// All of it as CSV.
pub(super) async fn export_all_csv(
    State(console): State<Console>,
    session: Session,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of(String::new(), None, &query);
    export(console, session, &asked, ExportFormat::Csv).await
}

/// All of it as NDJSON.
pub(super) async fn export_all_ndjson(
    State(console): State<Console>,
    session: Session,
    query: Query,
) -> Result<Response, Refusal> {
    let asked = Asked::of(String::new(), None, &query);
    export(console, session, &asked, ExportFormat::Ndjson).await
}

async fn export(
    console: Console,
    session: Session,
    asked: &Asked,
    format: ExportFormat,
) -> Result<Response, Refusal> {
    let services = console.services().clone();
    let export =
        Export::begin(services, session.caller, asked.tenant, asked.filter(), format).await?;
    let name = format!("attachment; filename=\"audit.{}\"", format.extension());
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(format.media_type())),
        (CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| Refusal::NotFound)?),
    ];
    Ok((headers, Body::from_stream(export)).into_response())
}

/// What happened to a content, and what was downloaded of it.
pub(super) async fn show_history(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let content = found(&console, &at, &content).await?;
    let heading = Heading::of(&console, &at, &content, Tab::History).await?;
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let filter = AuditFilter { object: Some(content.id.as_str().into()), ..Default::default() };
    let page = page_of(&query);
    let listed = services.audit_search(caller, Some(tenant), &filter, &page).await?;
    let of_content = DownloadFilter {
        content: Some(content.id.clone()),
        order: ListOrder::NewestFirst,
        ..DownloadFilter::default()
    };
    let first = Page::first(DOWNLOADS);
    let downloads = services.download_event_list(caller, tenant, &of_content, &first).await?;
    let own = at.path(&format!("contents/{}/history", content.id));
    let page = HistoryPage {
        shell: at.shell(&heading.title, Section::Library),
        heading,
        events: listed.items.into_iter().map(EventRow::of).collect(),
        first: page.after.is_some().then(|| own.clone()),
        next: listed.next.map(|next| address(&own, &[("before", &next.to_string())])),
        downloads: downloads.items.into_iter().map(|it| DownloadRow::of(&at, it)).collect(),
    };
    rendered(StatusCode::OK, &page)
}
