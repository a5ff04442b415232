//! A tenant's folders, and what lies in them.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::folder_tree::{Branch, Extent, FolderTree};
use super::query::{Query, address, number};
use super::refusal::Refusal;
use super::shell::{Here, InTenant, Section, Shell, rendered};
use super::spelling::Instant;
use crate::asset::ChannelId;
use crate::catalog::{ContentKind, Publication};
use crate::control_plane::record::{ConnectorId, Content, ContentId, Folder, Scope};
use crate::control_plane::service::{ContentFilter, FolderFilter, Page};

/// Contents of a page.
const SHOWN: u16 = 50;

/// Connectors that are named on a folder's page.
const CONNECTORS: u16 = 20;

/// Longest title that is looked for, in bytes.
const LONGEST: usize = 256;

#[derive(Template)]
#[template(path = "library.html", config = "src/control_plane/admin_page/askama.toml")]
struct LibraryPage {
    shell: Shell,
    heading: String,
    /// The folder that is shown; none shows every content.
    folder: Option<Folder>,
    /// The folders above it, by name and address.
    way: Vec<(Box<str>, String)>,
    everything: String,
    branches: Vec<Branch>,
    extent: Extent,
    /// Where the filter is sent.
    own: String,
    title: String,
    below: Here,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
    /// Where the folder's own files are switched, for whoever may.
    protection: Option<String>,
    /// The connectors of the folder, by name and address.
    connectors: Vec<(Box<str>, String)>,
    /// Where one is installed on it, by whoever may.
    install: Option<String>,
    /// Where shares are made, by whoever may.
    share: Option<String>,
}

struct Row {
    id: ContentId,
    title: String,
    path: String,
    kind: &'static str,
    publication: Publication,
    changed: Instant,
}

/// Every content of the tenant.
pub(super) async fn show_all(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    show(&console, &at, None, &query).await
}

/// What lies in a folder.
pub(super) async fn show_folder(
    State(console): State<Console>,
    at: InTenant,
    Path((_, folder)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let folder = ChannelId(number(&folder).ok_or(Refusal::NotFound)?);
    let folder = console.services().folder(&at.session.caller, at.number(), folder).await?;
    show(&console, &at, Some(folder), &query).await
}

async fn show(
    console: &Console,
    at: &InTenant,
    folder: Option<Folder>,
    query: &Query,
) -> Result<Response, Refusal> {
    let title = query.text("title");
    if title.len() > LONGEST {
        let detail = format!("A title has at most {LONGEST} bytes.");
        return Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail });
    }
    let below = Here::when(query.said("below").is_some());
    let inside = folder.as_ref().map(|folder| match below {
        Here::Yes => FolderFilter::WithBelow(folder.number),
        Here::No => FolderFilter::Itself(folder.number),
    });
    let filter = ContentFilter {
        folder: inside,
        title: query.said("title").map(Into::into),
        ..ContentFilter::default()
    };
    let after = query.said("after").and_then(ContentId::parse);
    let is_first = after.is_none();
    let page = Page { after, limit: SHOWN };
    let (caller, tenant) = (&at.session.caller, at.number());
    let listed = console.services().content_list(caller, tenant, &filter, &page).await?;
    let tree = FolderTree::read(console, at).await?;

    let number = folder.as_ref().map(|folder| folder.number);
    let (connectors, install) = match number {
        Some(folder) => connectors_of(console, at, folder).await?,
        None => (Vec::new(), None),
    };
    let everything = at.path("contents");
    let own = number.map_or_else(|| everything.clone(), |it| at.path(&format!("folders/{it}")));
    let ticked = if below == Here::Yes { "1" } else { "" };
    let page_behind =
        |after: &str| address(&own, &[("title", title), ("below", ticked), ("after", after)]);
    let mut way = number.map(|it| tree.named_way_to(at, it)).unwrap_or_default();
    way.pop();
    let heading = folder.as_ref().map_or_else(|| "All contents".into(), |it| it.name.to_string());
    let page = LibraryPage {
        shell: at.shell(&heading, Section::Library),
        heading,
        way,
        branches: tree.branches(at, number),
        extent: tree.extent,
        title: title.to_owned(),
        below,
        rows: listed.items.iter().map(|content| Row::of(at, content)).collect(),
        first: (!is_first).then(|| page_behind("")),
        protection: number
            .filter(|_| at.session.has(Scope::OverridesAdmin))
            .map(|it| at.path(&format!("folders/{it}/protection"))),
        next: listed.next.map(|next| page_behind(next.as_str())),
        connectors,
        // Of a folder that is shown: whoever may hand out what lies there.
        share: Some(at.path("shares/new")).filter(|_| match number {
            Some(_) => install.is_some(),
            None => at.session.has(Scope::SharesWrite),
        }),
        install,
        folder,
        everything,
        own,
    };
    rendered(StatusCode::OK, &page)
}

/// The connectors of a folder, by name and address, and where another is installed by whoever may.
async fn connectors_of(
    console: &Console,
    at: &InTenant,
    folder: ChannelId,
) -> Result<(Vec<(Box<str>, String)>, Option<String>), Refusal> {
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let page = Page::first(CONNECTORS);
    let listed = services.connector_list_of_folder(caller, tenant, folder, &page).await?;
    let path = |id: &ConnectorId| at.path(&format!("connectors/{id}"));
    let connectors = listed.items.into_iter().map(|it| (it.draft.name, path(&it.id)));
    let may = services.connector_may_change(caller, tenant, folder).await?;
    let install = may.then(|| at.path(&format!("connectors/new?folder={folder}")));
    Ok((connectors.collect(), install))
}

impl Row {
    fn of(at: &InTenant, content: &Content) -> Self {
        Self {
            id: content.id.clone(),
            title: title_of(content),
            path: at.path(&format!("contents/{}", content.id)),
            kind: kind_name(content.draft.kind),
            publication: content.draft.publication,
            changed: Instant(content.updated_at),
        }
    }
}

/// What a content is called: by its English title, as the console is in English; else by its first,
/// else by its id.
pub(super) fn title_of(content: &Content) -> String {
    let texts = &content.draft.texts;
    let is_english = |language: &str| language == "en" || language.starts_with("en-");
    let english = texts.iter().filter(|text| is_english(&text.language));
    let mut titles = english.chain(texts).map(|text| text.title.trim());
    let title = titles.find(|title| !title.is_empty());
    title.map_or_else(|| content.id.to_string(), str::to_owned)
}

/// What people call a kind.
pub(super) fn kind_name(kind: ContentKind) -> &'static str {
    match kind {
        ContentKind::Audio => "Audio",
        ContentKind::Image => "Image",
        ContentKind::Image360 => "360° image",
        ContentKind::Other => "Document",
        ContentKind::Playlist => "Playlist",
        ContentKind::Video => "Video",
        ContentKind::Url => "Link",
    }
}
