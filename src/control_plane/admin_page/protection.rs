//! Switches of what is public: of a tenant, of types, of a content, of a folder; and what is in force
//! through which of them (requirements D18 to D26, G11).

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::content::{Heading, Tab, found};
use super::folder_tree::FolderTree;
use super::form::Posted;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::shell::{Here, InTenant, Notice, Section, Shell, rendered};
use crate::asset::{AssetType, AssetTypeSet, ChannelId, VideoId};
use crate::control_plane::record::{Content, Folder, Opening, OverrideLevel, OverrideList};
use crate::control_plane::service::{OverrideStanding, ServiceError};

/// Entries of a table that are shown.
const SHOWN: usize = 200;

/// What is chosen at one level: kept, so that a refusal loses nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    opens: Opens,
    types: AssetTypeSet,
}

/// How much a level opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opens {
    Nothing,
    Everything,
    Types,
}

/// A type, with whether it is chosen.
struct TypeBox {
    wire_name: &'static str,
    label: &'static str,
    ticked: Here,
}

/// How the assets of one type stand.
struct StandingRow {
    label: &'static str,
    wire_name: &'static str,
    /// The levels that open them, for people; none protects them.
    through: Vec<&'static str>,
}

/// Something that a tenant's table opens.
struct Entry {
    level: &'static str,
    subject: String,
    path: String,
    opens: String,
}

#[derive(Template)]
#[template(path = "protection.html", config = "src/control_plane/admin_page/askama.toml")]
struct TenantPage {
    shell: Shell,
    own: String,
    everything: Here,
    boxes: Vec<TypeBox>,
    standing: Vec<StandingRow>,
    entries: Vec<Entry>,
    more: usize,
    nothing: Here,
}

#[derive(Template)]
#[template(path = "content_protection.html", config = "src/control_plane/admin_page/askama.toml")]
struct ContentPage {
    shell: Shell,
    heading: Heading,
    own: String,
    choice: Choice,
    boxes: Vec<TypeBox>,
    standing: Vec<StandingRow>,
}

#[derive(Template)]
#[template(path = "folder_protection.html", config = "src/control_plane/admin_page/askama.toml")]
struct FolderPage {
    shell: Shell,
    folder: Folder,
    way: Vec<(Box<str>, String)>,
    everything: String,
    own: String,
    open: Here,
    standing: Vec<StandingRow>,
}

impl Choice {
    /// What a form says.
    fn of(posted: &Posted) -> Self {
        let opens = match posted.text("opens") {
            "everything" => Opens::Everything,
            "types" => Opens::Types,
            _ => Opens::Nothing,
        };
        Self { opens, types: posted.texts("types").filter_map(AssetType::from_wire_name).collect() }
    }

    fn of_opening(opening: Option<Opening>) -> Self {
        let (opens, types) = match opening {
            None => (Opens::Nothing, AssetTypeSet::EMPTY),
            Some(Opening::Everything) => (Opens::Everything, AssetTypeSet::EMPTY),
            Some(Opening::Types(types)) => (Opens::Types, types),
        };
        Self { opens, types }
    }

    fn opening(self) -> Option<Opening> {
        match self.opens {
            Opens::Nothing => None,
            Opens::Everything => Some(Opening::Everything),
            Opens::Types => Some(Opening::Types(self.types)),
        }
    }

    fn boxes(self) -> Vec<TypeBox> {
        let boxes = AssetType::ALL.iter().map(|kind| TypeBox {
            wire_name: kind.wire_name(),
            label: type_name(*kind),
            ticked: Here::when(self.types.contains(*kind)),
        });
        boxes.collect()
    }
}

/// The tenant's own switches, and all that its table opens.
pub(super) async fn show_tenant(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let notice = said(&query);
    tenant_page(&console, &at, StatusCode::OK, notice).await
}

/// Switches everything of the tenant.
pub(super) async fn switch_everything(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let opens = Choice::of(&posted).opening();
    let set = set(&console, &at, &OverrideLevel::Tenant, opens).await;
    after(&console, &at, set).await
}

/// Switches types of the tenant.
pub(super) async fn switch_types(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let types = Choice::of(&posted).types;
    let opens = Some(Opening::Types(types)).filter(|_| types != AssetTypeSet::EMPTY);
    let set = set(&console, &at, &OverrideLevel::AssetTypes, opens).await;
    after(&console, &at, set).await
}

/// Closes one content or folder of the tenant's table.
pub(super) async fn close_one(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let subject = posted.text("subject");
    let level = match posted.text("level") {
        "content" => VideoId::new(subject).map(OverrideLevel::Video),
        "folder" => number(subject).map(|it| OverrideLevel::Channel(ChannelId(it))),
        _ => None,
    };
    let set = set(&console, &at, &level.ok_or(Refusal::NotFound)?, None).await;
    after(&console, &at, set).await
}

/// Closes everything, on all levels.
pub(super) async fn close_all(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    if posted.text("sure").is_empty() {
        let detail = "Tick the box to say that you mean it. Nothing was changed.".to_owned();
        let notice = Notice::Refused(detail);
        return tenant_page(&console, &at, StatusCode::BAD_REQUEST, notice).await;
    }
    let closed = console.services().override_clear(&at.session.caller, at.number()).await;
    after(&console, &at, closed.map(drop)).await
}

/// What of a content is public.
pub(super) async fn show_content(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let content = found(&console, &at, &content).await?;
    content_page(&console, &at, content, None, StatusCode::OK, said(&query)).await
}

/// Switches a content.
pub(super) async fn switch_content(
    State(console): State<Console>,
    at: InTenant,
    Path((_, content)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let content = found(&console, &at, &content).await?;
    let choice = Choice::of(&posted);
    match set(&console, &at, &level_of(&content)?, choice.opening()).await {
        Ok(()) => {
            let own = at.path(&format!("contents/{}/protection", content.id));
            Ok(redirect(&format!("{own}?said=saved")))
        }
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            content_page(&console, &at, content, Some(choice), status, notice).await
        }
    }
}

/// What of a folder is public.
pub(super) async fn show_folder(
    State(console): State<Console>,
    at: InTenant,
    Path((_, folder)): Path<(String, String)>,
    query: Query,
) -> Result<Response, Refusal> {
    let folder = folder_of(&console, &at, &folder).await?;
    folder_page(&console, &at, folder, said(&query)).await
}

/// Switches a folder.
pub(super) async fn switch_folder(
    State(console): State<Console>,
    at: InTenant,
    Path((_, folder)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let folder = folder_of(&console, &at, &folder).await?;
    let level = OverrideLevel::Channel(folder.number);
    let attachments = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Attachment));
    let opens = match Choice::of(&posted).opens {
        Opens::Nothing => None,
        Opens::Everything | Opens::Types => Some(attachments),
    };
    set(&console, &at, &level, opens).await?;
    let own = at.path(&format!("folders/{}/protection", folder.number));
    Ok(redirect(&format!("{own}?said=saved")))
}

async fn folder_of(console: &Console, at: &InTenant, folder: &str) -> Result<Folder, Refusal> {
    let folder = ChannelId(number(folder).ok_or(Refusal::NotFound)?);
    Ok(console.services().folder(&at.session.caller, at.number(), folder).await?)
}

async fn set(
    console: &Console,
    at: &InTenant,
    level: &OverrideLevel,
    opens: Option<Opening>,
) -> Result<(), ServiceError> {
    let caller = &at.session.caller;
    console.services().override_set(caller, at.number(), level, opens).await.map(drop)
}

/// The tenant's page after something was done there, or was refused.
async fn after(
    console: &Console,
    at: &InTenant,
    done: Result<(), ServiceError>,
) -> Result<Response, Refusal> {
    match done {
        Ok(()) => Ok(redirect(&at.path("protection?said=saved"))),
        Err(error) => {
            let (status, notice) = Refusal::from(error).for_its_page()?;
            tenant_page(console, at, status, notice).await
        }
    }
}

fn said(query: &Query) -> Notice {
    match query.text("said") {
        "saved" => Notice::Done("Saved. It is in force at every edge within a second."),
        _ => Notice::None,
    }
}

fn level_of(content: &Content) -> Result<OverrideLevel, Refusal> {
    VideoId::new(content.id.as_str()).map(OverrideLevel::Video).ok_or(Refusal::NotFound)
}

async fn tenant_page(
    console: &Console,
    at: &InTenant,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let (caller, tenant) = (&at.session.caller, at.number());
    let list = console.services().override_list(caller, tenant).await?;
    let standing =
        console.services().override_standing(caller, tenant, &OverrideLevel::Tenant).await?;
    let of_types = list.overrides.iter().find(|it| it.level == OverrideLevel::AssetTypes);
    let entries = entries(at, &list);
    let page = TenantPage {
        shell: at.shell("Protection", Section::Protection).saying(notice),
        own: at.path("protection"),
        everything: Here::when(standing.own == Some(Opening::Everything)),
        boxes: Choice::of_opening(of_types.map(|it| it.opens)).boxes(),
        standing: rows(&standing),
        more: entries.len().saturating_sub(SHOWN),
        entries: entries.into_iter().take(SHOWN).collect(),
        nothing: Here::when(list.overrides.is_empty()),
    };
    rendered(status, &page)
}

fn entries(at: &InTenant, list: &OverrideList) -> Vec<Entry> {
    let entry = |level: &OverrideLevel, opens: Opening| {
        let (level, subject, path) = match level {
            OverrideLevel::Tenant | OverrideLevel::AssetTypes => return None,
            OverrideLevel::Channel(folder) => {
                ("folder", folder.to_string(), at.path(&format!("folders/{folder}/protection")))
            }
            OverrideLevel::Video(id) => {
                ("content", id.to_string(), at.path(&format!("contents/{id}/protection")))
            }
        };
        let opens = match opens {
            Opening::Everything => "Everything".to_owned(),
            Opening::Types(types) => types.iter().map(type_name).collect::<Vec<_>>().join(", "),
        };
        Some(Entry { level, subject, path, opens })
    };
    list.overrides.iter().filter_map(|it| entry(&it.level, it.opens)).collect()
}

async fn content_page(
    console: &Console,
    at: &InTenant,
    content: Content,
    typed: Option<Choice>,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let level = level_of(&content)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let standing = console.services().override_standing(caller, tenant, &level).await?;
    let heading = Heading::of(console, at, &content, Tab::Protection).await?;
    let choice = typed.unwrap_or_else(|| Choice::of_opening(standing.own));
    let page = ContentPage {
        shell: at.shell(&heading.title, Section::Library).saying(notice),
        heading,
        own: at.path(&format!("contents/{}/protection", content.id)),
        boxes: choice.boxes(),
        choice,
        standing: rows(&standing),
    };
    rendered(status, &page)
}

async fn folder_page(
    console: &Console,
    at: &InTenant,
    folder: Folder,
    notice: Notice,
) -> Result<Response, Refusal> {
    let level = OverrideLevel::Channel(folder.number);
    let (caller, tenant) = (&at.session.caller, at.number());
    let standing = console.services().override_standing(caller, tenant, &level).await?;
    let tree = FolderTree::read(console, at).await?;
    let page = FolderPage {
        shell: at.shell(&folder.name, Section::Library).saying(notice),
        way: tree.named_way_to(at, folder.number),
        everything: at.path("contents"),
        own: at.path(&format!("folders/{}/protection", folder.number)),
        open: Here::when(standing.own.is_some()),
        standing: rows(&standing),
        folder,
    };
    rendered(StatusCode::OK, &page)
}

fn rows(standing: &OverrideStanding) -> Vec<StandingRow> {
    let row = |it: &crate::control_plane::service::TypeStanding| StandingRow {
        label: type_name(it.kind),
        wire_name: it.kind.wire_name(),
        through: it.through.iter().map(level_name).collect(),
    };
    standing.types.iter().map(row).collect()
}

fn level_name(level: &OverrideLevel) -> &'static str {
    match level {
        OverrideLevel::Tenant => "everything of the tenant is public",
        OverrideLevel::AssetTypes => "files of this type are public everywhere",
        OverrideLevel::Channel(_) => "this folder's attachments are public",
        OverrideLevel::Video(_) => "it is public for this content",
    }
}

/// What people call assets of that type.
fn type_name(kind: AssetType) -> &'static str {
    match kind {
        AssetType::Attachment => "Attachments",
        AssetType::StillSource => "Original stills",
        AssetType::StillResolution => "Stills",
        AssetType::Subtitle => "Subtitles",
        AssetType::VideoFormat => "Renditions",
        AssetType::VideoSource => "Originals",
    }
}
