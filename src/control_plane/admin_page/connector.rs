//! Connectors: the list of them, one with the table of its addresses, the values that several of its
//! contents have, and its end (requirements B7 to B14).

use askama::Template;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::connector_words::{ConnectorRow, ExamplePart, GivenRow, why_not};
use super::console::Console;
use super::folder_tree::FolderTree;
use super::form::Posted;
use super::library::title_of;
use super::query::{Query, address, number};
use super::refusal::{Refusal, redirect};
use super::shell::{Here, InTenant, Notice, Section, Shell, rendered};
use crate::asset::ChannelId;
use crate::control_plane::record::{
    AddressedBy, Ambiguity, Connector, ConnectorId, ContentId, Scope,
};
use crate::control_plane::service::{Clash, Expected, Page, ServiceError, Standing};
use crate::control_plane::spreadsheet::ConnectorTable;

/// Connectors of a page.
const SHOWN: u16 = 50;

/// Contents of a page of the table.
const CONTENTS: u16 = 50;

/// Values of a page of those that several contents have.
const VALUES: u16 = 20;

/// Contents that are shown of each.
const NAMESAKES: usize = 10;

#[derive(Template)]
#[template(path = "connectors.html", config = "src/control_plane/admin_page/askama.toml")]
struct ConnectorsPage {
    shell: Shell,
    rows: Vec<ConnectorRow>,
    /// Where one is installed, by whoever may.
    install: Option<String>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "connector.html", config = "src/control_plane/admin_page/askama.toml")]
struct ConnectorPage {
    shell: Shell,
    list: String,
    row: ConnectorRow,
    site: Option<String>,
    example: Vec<ExamplePart>,
    items: Vec<GivenRow>,
    may_change: Here,
    /// Where values of several contents are listed, if there are any.
    clashes: Option<String>,
    first: Option<String>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "connector_clashes.html", config = "src/control_plane/admin_page/askama.toml")]
struct ClashesPage {
    shell: Shell,
    list: String,
    row: ConnectorRow,
    field: Box<str>,
    clashes: Vec<ClashRow>,
    first: Option<String>,
    next: Option<String>,
}

/// A value of several contents.
struct ClashRow {
    value: Box<str>,
    namesakes: Vec<Namesake>,
    more: usize,
}

/// A content that has the value.
struct Namesake {
    title: String,
    path: String,
    /// What becomes of it under that value.
    told: String,
    given: Here,
}

#[derive(Template)]
#[template(path = "connector_remove.html", config = "src/control_plane/admin_page/askama.toml")]
struct RemovePage {
    shell: Shell,
    list: String,
    row: ConnectorRow,
}

/// The list.
pub(super) async fn show_all(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let after = query.said("after").and_then(ConnectorId::parse);
    let is_first = after.is_none();
    let page = Page { after, limit: SHOWN };
    let listed = console.services().connector_list(&at.session.caller, at.number(), &page).await?;
    let tree = FolderTree::read(&console, &at).await?;
    let own = at.path("connectors");
    let notice = match query.text("said") {
        "removed" => {
            Notice::Done("The connector is removed. Its addresses are closed within a second.")
        }
        _ => Notice::None,
    };
    let rows = listed.items.into_iter().map(|it| ConnectorRow::of(&at, &tree, it));
    let page = ConnectorsPage {
        shell: at.shell("Connectors", Section::Connectors).saying(notice),
        rows: rows.collect(),
        install: at.session.has(Scope::SharesWrite).then(|| at.path("connectors/new")),
        first: (!is_first).then(|| own.clone()),
        next: listed.next.map(|next| address(&own, &[("after", next.as_str())])),
    };
    rendered(StatusCode::OK, &page)
}

/// One, with the table of its addresses (B12).
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let connector = found(&console, &at, &connector).await?;
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let after = query.said("after").and_then(ContentId::parse);
    let is_first = after.is_none();
    let page = Page { after, limit: CONTENTS };
    let listed = services.connector_content_list(caller, tenant, &connector.id, &page).await?;
    let clashing =
        services.connector_clash_list(caller, tenant, &connector.id, &Page::first(1)).await?;
    let may_change = services.connector_may_change(caller, tenant, connector.draft.folder).await?;
    let tree = FolderTree::read(&console, &at).await?;
    let site = services.connector_site(tenant);
    let notice = match query.text("said") {
        "installed" => {
            Notice::Done("The connector is installed. Its addresses work within a second.")
        }
        "saved" => Notice::Done("Saved. It is in force at every edge within a second."),
        _ => Notice::None,
    };
    let items = listed.items.into_iter().enumerate().map(|(place, item)| {
        GivenRow::of(&at, site.as_deref(), &connector.draft, item, &place.to_string())
    });
    let items = items.collect();
    let row = ConnectorRow::of(&at, &tree, connector);
    let page = ConnectorPage {
        shell: at.shell(&row.connector.draft.name, Section::Connectors).saying(notice),
        list: at.path("connectors"),
        example: row.example(),
        site,
        items,
        may_change: Here::when(may_change),
        clashes: (!clashing.items.is_empty()).then(|| format!("{}/clashes", row.path)),
        first: (!is_first).then(|| row.path.clone()),
        next: listed.next.map(|next| address(&row.path, &[("after", next.as_str())])),
        row,
    };
    rendered(StatusCode::OK, &page)
}

/// All of the table, for spreadsheets.
pub(super) async fn export(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let id = ConnectorId::parse(&connector).ok_or(Refusal::NotFound)?;
    let name = HeaderValue::try_from(format!("attachment; filename=\"{id}.csv\""));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(ConnectorTable::MEDIA_TYPE)),
        (CONTENT_DISPOSITION, name.map_err(|_| Refusal::NotFound)?),
    ];
    let (services, tenant) = (console.services().clone(), at.number());
    let table = ConnectorTable::begin(services, at.session.caller, tenant, id).await?;
    Ok((headers, Body::from_stream(table)).into_response())
}

/// The values that several contents have (G4).
pub(super) async fn show_clashes(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let connector = found(&console, &at, &connector).await?;
    let AddressedBy::Metadata(field) = connector.draft.addressed_by.clone() else {
        return Err(Refusal::NotFound);
    };
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let after = query.said("after").map(Box::from);
    let is_first = after.is_none();
    let page = Page { after, limit: VALUES };
    let listed = services.connector_clash_list(caller, tenant, &connector.id, &page).await?;
    let mut clashes = Vec::with_capacity(listed.items.len());
    for clash in listed.items {
        clashes.push(ClashRow::read(&console, &at, &connector, clash).await?);
    }
    let tree = FolderTree::read(&console, &at).await?;
    let row = ConnectorRow::of(&at, &tree, connector);
    let own = format!("{}/clashes", row.path);
    let page = ClashesPage {
        shell: at.shell("Shared values", Section::Connectors),
        list: at.path("connectors"),
        row,
        field,
        clashes,
        first: (!is_first).then(|| own.clone()),
        next: listed.next.map(|next| address(&own, &[("after", &*next)])),
    };
    rendered(StatusCode::OK, &page)
}

impl ClashRow {
    async fn read(
        console: &Console,
        at: &InTenant,
        connector: &Connector,
        clash: Clash,
    ) -> Result<Self, Refusal> {
        let Clash { value, contents } = clash;
        let public = contents.iter().filter(|(_, standing)| *standing == Standing::Public).count();
        let more = contents.len().saturating_sub(NAMESAKES);
        let mut namesakes = Vec::new();
        let mut first = Here::Yes;
        for (id, standing) in contents.into_iter().take(NAMESAKES) {
            let title = match console.services().content(&at.session.caller, at.number(), &id).await
            {
                Ok(content) => title_of(&content),
                // It is gone since.
                Err(ServiceError::NotFound) => id.to_string(),
                Err(error) => return Err(error.into()),
            };
            let fate = fate(connector, standing, public, first);
            if standing == Standing::Public {
                first = Here::No;
            }
            let path = at.path(&format!("contents/{id}"));
            let (given, told) = fate;
            namesakes.push(Namesake { title, path, told, given });
        }
        Ok(Self { value, namesakes, more })
    }
}

/// What becomes of a content under a value that `public` public ones have; `first`: none before it is.
fn fate(connector: &Connector, standing: Standing, public: usize, first: Here) -> (Here, String) {
    let draft = &connector.draft;
    if let Some(why) = why_not(standing, draft.state) {
        return (Here::No, format!("not public, because {why}"));
    }
    match (draft.ambiguity, first) {
        (Ambiguity::Refused, _) if public > 1 => (Here::No, "refused".to_owned()),
        (_, Here::Yes) => (Here::Yes, "given".to_owned()),
        (_, Here::No) => (Here::No, "not given: an older one is".to_owned()),
    }
}

/// Asks whether it is meant.
pub(super) async fn show_remove(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let connector = found(&console, &at, &connector).await?;
    refuse_whoever_may_not(&console, &at, connector.draft.folder).await?;
    remove_page(&console, &at, connector, StatusCode::OK, Notice::None).await
}

/// Removes it.
pub(super) async fn remove(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let connector = found(&console, &at, &connector).await?;
    let seen = number(posted.text("revision")).ok_or(Refusal::NoForm)?;
    let (caller, tenant, seen) = (&at.session.caller, at.number(), Expected::Revision(seen));
    match console.services().connector_remove(caller, tenant, &connector.id, seen).await {
        Ok(()) => Ok(redirect(&at.path("connectors?said=removed"))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            remove_page(&console, &at, connector, status, notice).await
        }
    }
}

async fn remove_page(
    console: &Console,
    at: &InTenant,
    connector: Connector,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let tree = FolderTree::read(console, at).await?;
    let page = RemovePage {
        shell: at.shell("Remove a connector", Section::Connectors).saying(notice),
        list: at.path("connectors"),
        row: ConnectorRow::of(at, &tree, connector),
    };
    rendered(status, &page)
}

/// The connector in an address, if the caller may see it.
pub(super) async fn found(
    console: &Console,
    at: &InTenant,
    connector: &str,
) -> Result<Connector, Refusal> {
    let id = ConnectorId::parse(connector).ok_or(Refusal::NotFound)?;
    Ok(console.services().connector(&at.session.caller, at.number(), &id).await?)
}

/// Refuses whoever may not change connectors of a folder: for pages of which the end is a change.
pub(super) async fn refuse_whoever_may_not(
    console: &Console,
    at: &InTenant,
    folder: ChannelId,
) -> Result<(), Refusal> {
    let (caller, tenant) = (&at.session.caller, at.number());
    if console.services().connector_may_change(caller, tenant, folder).await? {
        return Ok(());
    }
    Err(Refusal::Refused {
        status: StatusCode::FORBIDDEN,
        detail: "You may see what lies in this folder, but not hand it out. That needs the scope \
                 shares.write and, for members, the right SHARE over the folder: whoever \
                 administers accounts gives both."
            .to_owned(),
    })
}
