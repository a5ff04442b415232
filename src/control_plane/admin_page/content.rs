//! What is known of a content: for people ("Information"), and for programs ("Advanced").

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::connector_words::GivenRow;
use super::console::Console;
use super::folder_tree::FolderTree;
use super::library::{kind_name, title_of};
use super::query::Query;
use super::refusal::Refusal;
use super::shell::{Here, InTenant, Section, Shell, Way, rendered};
use super::spelling::{Instant, Size};
use crate::catalog::{FileKind, Publication};
use crate::control_plane::record::{
    Content, ContentId, File, Scope, Version, VersionId, reading_order,
};
use crate::control_plane::service::FilesOf;

/// What each page of a content begins with.
pub(super) struct Heading {
    pub(super) title: String,
    pub(super) kind: &'static str,
    pub(super) published: Here,
    /// Where it lies, by name and address.
    pub(super) way: Vec<(Box<str>, String)>,
    pub(super) tabs: Vec<Way>,
}

/// The pages of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Information,
    Advanced,
    Protection,
    Shares,
    History,
}

#[derive(Template)]
#[template(path = "content.html", config = "src/control_plane/admin_page/askama.toml")]
struct InformationPage {
    shell: Shell,
    heading: Heading,
    content: Content,
    periods: Vec<(Option<Instant>, Option<Instant>)>,
    created: Instant,
    changed: Instant,
    /// By which connectors it has which addresses.
    connectors: Vec<Connected>,
}

/// A content as a connector has it.
struct Connected {
    name: Box<str>,
    path: String,
    row: GivenRow,
}

#[derive(Template)]
#[template(path = "content_advanced.html", config = "src/control_plane/admin_page/askama.toml")]
struct AdvancedPage {
    shell: Shell,
    heading: Heading,
    content: Content,
    versions: Vec<VersionRow>,
    /// The version whose files are shown, by number.
    shown: Option<u64>,
    files: Vec<FileRow>,
    /// Can links be made to these files, by whoever looks?
    linked: Here,
    own: String,
}

struct VersionRow {
    version: Version,
    created: Instant,
    active: Here,
    shown: Here,
    path: String,
}

pub(super) struct FileRow {
    file: File,
    kind: &'static str,
    size: Size,
}

impl Tab {
    const ALL: [Self; 5] =
        [Self::Information, Self::Advanced, Self::Protection, Self::Shares, Self::History];

    fn label(self) -> &'static str {
        match self {
            Self::Information => "Information",
            Self::Advanced => "Advanced",
            Self::Protection => "Protection",
            Self::Shares => "Shares",
            Self::History => "History",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Information => "",
            Self::Advanced => "/advanced",
            Self::Protection => "/protection",
            Self::Shares => "/shares",
            Self::History => "/history",
        }
    }

    /// The scope without which there is nothing to see.
    fn scope(self) -> Scope {
        match self {
            Self::Information | Self::Advanced => Scope::CatalogRead,
            Self::Protection => Scope::OverridesAdmin,
            Self::Shares => Scope::SharesWrite,
            Self::History => Scope::AuditRead,
        }
    }
}

impl Heading {
    pub(super) async fn of(
        console: &Console,
        at: &InTenant,
        content: &Content,
        shown: Tab,
    ) -> Result<Self, Refusal> {
        let way = match content.draft.folder {
            Some(folder) => FolderTree::read(console, at).await?.named_way_to(at, folder),
            None => Vec::new(),
        };
        let seen = Tab::ALL.into_iter().filter(|tab| at.session.has(tab.scope()));
        let tabs = seen.map(|tab| Way {
            label: tab.label(),
            path: at.path(&format!("contents/{}{}", content.id, tab.path())),
            here: Here::when(tab == shown),
        });
        Ok(Self {
            title: title_of(content),
            kind: kind_name(content.draft.kind),
            published: Here::when(content.draft.publication == Publication::Published),
            way,
            tabs: tabs.collect(),
        })
    }
}

/// The content in an address, if the caller may see it.
pub(super) async fn found(
    console: &Console,
    at: &InTenant,
    content: &str,
) -> Result<Content, Refusal> {
    let id = ContentId::parse(content).ok_or(Refusal::NotFound)?;
    Ok(console.services().content(&at.session.caller, at.number(), &id).await?)
}

/// "Information".
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let content = found(&console, &at, &content).await?;
    let heading = Heading::of(&console, &at, &content, Tab::Information).await?;
    let instants = |period: &crate::catalog::Period| {
        (period.starts_at.map(Instant), period.ends_at.map(Instant))
    };
    let page = InformationPage {
        shell: at.shell(&heading.title, Section::Library),
        heading,
        periods: content.draft.periods.iter().map(instants).collect(),
        created: Instant(content.created_at),
        changed: Instant(content.updated_at),
        connectors: connected(&console, &at, &content.id).await?,
        content,
    };
    rendered(StatusCode::OK, &page)
}

async fn connected(
    console: &Console,
    at: &InTenant,
    content: &ContentId,
) -> Result<Vec<Connected>, Refusal> {
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let site = services.connector_site(tenant);
    let found = services.connector_list_of_content(caller, tenant, content).await?;
    let connected = found.into_iter().enumerate().map(|(place, (connector, item))| {
        let path = at.path(&format!("connectors/{}", connector.id));
        let place = place.to_string();
        let row = GivenRow::of(at, site.as_deref(), &connector.draft, item, &place);
        Connected { name: connector.draft.name, path, row }
    });
    Ok(connected.collect())
}

/// "Advanced".
pub(super) async fn show_advanced(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let content = found(&console, &at, &content).await?;
    let heading = Heading::of(&console, &at, &content, Tab::Advanced).await?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let versions = console.services().version_list(caller, tenant, &content.id).await?.it;
    let asked = query.said("version").and_then(VersionId::parse);
    let shown = asked.or_else(|| content.active_version.clone());
    let files = match &shown {
        Some(version) => {
            let of = FilesOf::Version(content.id.clone(), version.clone());
            console.services().file_list(caller, tenant, &of).await?.files
        }
        None => Vec::new(),
    };
    let own = at.path(&format!("contents/{}/advanced", content.id));
    let row = |version: Version| VersionRow {
        created: Instant(version.created_at),
        active: Here::when(content.active_version.as_ref() == Some(&version.id)),
        shown: Here::when(shown.as_ref() == Some(&version.id)),
        path: format!("{own}?version={}#files", version.id),
        version,
    };
    let versions: Vec<_> = versions.into_iter().map(row).collect();
    let page = AdvancedPage {
        shell: at.shell(&heading.title, Section::Library),
        heading,
        linked: Here::when(
            at.session.has(Scope::FilesSign) && shown.is_some() && shown == content.active_version,
        ),
        own: at.path(&format!("contents/{}", content.id)),
        shown: versions.iter().find(|it| it.shown == Here::Yes).map(|it| it.version.number),
        versions,
        files: in_order(files).into_iter().map(FileRow::of).collect(),
        content,
    };
    rendered(StatusCode::OK, &page)
}

/// Files of a version, those of each kind in the order in which people look for them.
fn in_order(mut files: Vec<File>) -> Vec<File> {
    let mut kinds: Vec<FileKind> = Vec::new();
    for file in &files {
        let kind = file.draft.place.kind;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let kind = |it: &File| kinds.iter().position(|kind| *kind == it.draft.place.kind);
    files.sort_by(|one, other| {
        let places = || reading_order(&one.draft.place, &other.draft.place);
        kind(one).cmp(&kind(other)).then_with(places)
    });
    files
}

impl FileRow {
    pub(super) fn of(file: File) -> Self {
        Self { kind: file_kind_name(file.draft.place.kind), size: Size(file.draft.size), file }
    }

    /// Which of its kind it is.
    fn place(&self) -> String {
        let place = &self.file.draft.place;
        [&*place.slot, &*place.variant]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join(" / ")
    }
}

/// What people call a file of that kind.
pub(super) fn file_kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Attachment => "Attachment",
        FileKind::ChapterThumbnail => "Chapter still",
        FileKind::Format => "Rendition",
        FileKind::Source => "Original",
        FileKind::Subtitle => "Subtitles",
        FileKind::Thumbnail => "Still",
    }
}
