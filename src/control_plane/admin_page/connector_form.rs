//! Installing a connector, and changing one: the settings, what becomes public by them, and only then
//! the change (requirements B3 to B6, B9, B10, B14, G5).
//!
//! Nothing of the way is kept here between its steps: what was typed goes from page to page in the
//! forms.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::connector::{found, refuse_whoever_may_not};
use super::connector_settings::{KindBox, Typed};
use super::connector_words::GivenRow;
use super::console::Console;
use super::folder_tree::{Extent, FolderTree};
use super::form::Posted;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::shell::{InTenant, Notice, Section, Shell, rendered};
use crate::asset::ChannelId;
use crate::control_plane::record::{Connector, ConnectorDraft, ConnectorField, Folder, Scope};
use crate::control_plane::service::{AddressState, Expected, Page, ServiceError};

/// Contents of a page of those that become public.
const SHOWN: u64 = 50;

/// Contents that are looked at together.
const AT_A_TIME: u16 = 500;

/// Most contents that are looked at before it is said that there are more.
const MOST: u64 = 20_000;

#[derive(Template)]
#[template(path = "connector_folder.html", config = "src/control_plane/admin_page/askama.toml")]
struct FolderPage {
    shell: Shell,
    list: String,
    own: String,
    folders: Vec<(ChannelId, String)>,
    extent: Extent,
}

#[derive(Template)]
#[template(path = "connector_form.html", config = "src/control_plane/admin_page/askama.toml")]
struct FormPage {
    shell: Shell,
    setting: Setting,
    typed: Typed,
    boxes: Vec<KindBox>,
    fields: Vec<ConnectorField>,
}

#[derive(Template)]
#[template(path = "connector_look.html", config = "src/control_plane/admin_page/askama.toml")]
struct LookPage {
    shell: Shell,
    setting: Setting,
    typed: Typed,
    look: Look,
}

/// What is set up.
struct Setting {
    folder: Folder,
    /// Where that lies.
    place: String,
    /// The connector that is changed; none: one is made.
    connector: Option<Connector>,
    list: String,
    own: String,
    /// Where one is led who would rather not.
    back: String,
}

/// What becomes public.
#[derive(Default)]
struct Look {
    total: u64,
    /// Are there more than were counted?
    beyond: Option<u64>,
    nameless: u64,
    clashing: u64,
    unspeakable: u64,
    from: u64,
    rows: Vec<GivenRow>,
}

impl Look {
    /// Where the next page of them begins.
    fn next(&self) -> Option<u64> {
        let end = self.from + self.rows.len() as u64;
        (end < self.total).then_some(end)
    }

    fn before(&self) -> Option<u64> {
        (self.from > 0).then(|| self.from.saturating_sub(SHOWN))
    }

    fn last(&self) -> u64 {
        self.from + self.rows.len() as u64
    }
}

/// Chooses the folder, then the settings.
pub(super) async fn show_new(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let Some(folder) = query.said("folder") else { return folder_page(&console, &at).await };
    let setting = Setting::of_new(&console, &at, folder).await?;
    let typed = Typed::usual(&setting.folder);
    form_page(&console, &at, setting, typed, StatusCode::OK, Notice::None).await
}

/// Looks at what becomes public, or makes the connector.
pub(super) async fn install(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let setting = Setting::of_new(&console, &at, posted.text("folder")).await?;
    go_on(&console, &at, setting, &posted).await
}

/// The settings of one.
pub(super) async fn show_edit(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let connector = found(&console, &at, &connector).await?;
    let typed = Typed::of_connector(&connector);
    let setting = Setting::of_connector(&console, &at, connector).await?;
    form_page(&console, &at, setting, typed, StatusCode::OK, Notice::None).await
}

/// Looks at what is public then, or changes it.
pub(super) async fn edit(
    State(console): State<Console>,
    at: InTenant,
    Path((_, connector)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let connector = found(&console, &at, &connector).await?;
    let setting = Setting::of_connector(&console, &at, connector).await?;
    go_on(&console, &at, setting, &posted).await
}

async fn go_on(
    console: &Console,
    at: &InTenant,
    setting: Setting,
    posted: &Posted,
) -> Result<Response, Refusal> {
    let typed = Typed::of(posted);
    let step = posted.text("step");
    if step == "back" {
        return form_page(console, at, setting, typed, StatusCode::OK, Notice::None).await;
    }
    let draft = typed.draft(setting.folder.number);
    let draft =
        draft.map_err(|detail| Refusal::Refused { status: StatusCode::BAD_REQUEST, detail });
    let went = match draft {
        Ok(draft) if step == "save" => save(console, at, &setting, &typed, draft).await,
        Ok(draft) => {
            let from = number(posted.text("from")).unwrap_or_default();
            match look(console, at, &draft, from).await {
                Ok(look) => return look_page(at, setting, typed, look),
                Err(error) => Err(error.into()),
            }
        }
        Err(refusal) => Err(refusal),
    };
    match went {
        Ok(path) => Ok(redirect(&path)),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            form_page(console, at, setting, typed, status, notice).await
        }
    }
}

/// Says so, and where that is shown.
async fn save(
    console: &Console,
    at: &InTenant,
    setting: &Setting,
    typed: &Typed,
    draft: ConnectorDraft,
) -> Result<String, Refusal> {
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let (saved, said) = match &setting.connector {
        Some(connector) => {
            let seen = number(&typed.revision).ok_or(Refusal::NoForm)?;
            let (id, seen) = (&connector.id, Expected::Revision(seen));
            (services.connector_replace(caller, tenant, id, seen, draft).await?, "saved")
        }
        None => (services.connector_create(caller, tenant, draft).await?, "installed"),
    };
    Ok(at.path(&format!("connectors/{}?said={said}", saved.id)))
}

/// Counts what becomes public, and reads a page of it.
async fn look(
    console: &Console,
    at: &InTenant,
    draft: &ConnectorDraft,
    from: u64,
) -> Result<Look, ServiceError> {
    let (caller, tenant, services) = (&at.session.caller, at.number(), console.services());
    let mut look = Look { from, ..Look::default() };
    let mut page = Page::first(AT_A_TIME);
    let mut seen = 0;
    loop {
        let listed = services.connector_preview(caller, tenant, draft, &page).await?;
        for item in listed.items {
            let any = |state| item.addresses.iter().any(|address| address.state == state);
            look.nameless += u64::from(item.addresses.is_empty());
            look.unspeakable += u64::from(any(AddressState::Unspeakable));
            look.clashing += u64::from(item.addresses.iter().any(|address| address.others > 0));
            if look.total >= from && (look.rows.len() as u64) < SHOWN {
                let place = look.total.to_string();
                look.rows.push(GivenRow::of(at, None, draft, item, &place));
            }
            look.total += 1;
        }
        seen += u64::from(AT_A_TIME);
        match listed.next {
            None => return Ok(look),
            Some(_) if seen >= MOST => {
                look.beyond = Some(MOST);
                return Ok(look);
            }
            Some(next) => page = Page::after(next, AT_A_TIME),
        }
    }
}

async fn folder_page(console: &Console, at: &InTenant) -> Result<Response, Refusal> {
    at.session.caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let tree = FolderTree::read(console, at).await?;
    let page = FolderPage {
        shell: at.shell("Install a connector", Section::Connectors),
        list: at.path("connectors"),
        own: at.path("connectors/new"),
        folders: tree.labels(),
        extent: tree.extent,
    };
    rendered(StatusCode::OK, &page)
}

async fn form_page(
    console: &Console,
    at: &InTenant,
    setting: Setting,
    typed: Typed,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let (caller, folder) = (&at.session.caller, setting.folder.number);
    let mut fields = console.services().connector_field_list(caller, at.number(), folder).await?;
    if !typed.field.is_empty() && !fields.iter().any(|it| *it.name == *typed.field) {
        fields.push(ConnectorField { name: typed.field.as_str().into(), contents: 0 });
    }
    let page = FormPage {
        shell: at.shell(setting.heading(), Section::Connectors).saying(notice),
        boxes: typed.boxes(),
        setting,
        typed,
        fields,
    };
    rendered(status, &page)
}

fn look_page(
    at: &InTenant,
    setting: Setting,
    typed: Typed,
    look: Look,
) -> Result<Response, Refusal> {
    let shell = at.shell("What becomes public", Section::Connectors);
    rendered(StatusCode::OK, &LookPage { shell, setting, typed, look })
}

impl Setting {
    async fn of_new(console: &Console, at: &InTenant, folder: &str) -> Result<Self, Refusal> {
        let folder = ChannelId(number(folder).ok_or(Refusal::NotFound)?);
        let own = at.path("connectors/new");
        let back = at.path(&format!("folders/{folder}"));
        Self::of(console, at, folder, None, own, back).await
    }

    async fn of_connector(
        console: &Console,
        at: &InTenant,
        connector: Connector,
    ) -> Result<Self, Refusal> {
        let back = at.path(&format!("connectors/{}", connector.id));
        let (folder, own) = (connector.draft.folder, format!("{back}/edit"));
        Self::of(console, at, folder, Some(connector), own, back).await
    }

    async fn of(
        console: &Console,
        at: &InTenant,
        folder: ChannelId,
        connector: Option<Connector>,
        own: String,
        back: String,
    ) -> Result<Self, Refusal> {
        let folder = console.services().folder(&at.session.caller, at.number(), folder).await?;
        refuse_whoever_may_not(console, at, folder.number).await?;
        let tree = FolderTree::read(console, at).await?;
        let place = tree.label(folder.number).unwrap_or_else(|| folder.name.to_string());
        Ok(Self { folder, place, connector, list: at.path("connectors"), own, back })
    }

    fn heading(&self) -> &'static str {
        if self.connector.is_some() { "Change a connector" } else { "Install a connector" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_what_becomes_public_lead_on_and_back() {
        let look = Look { total: 120, from: 50, ..Look::default() };
        assert_eq!((look.next(), look.before()), (Some(50), Some(0)));
        let look = Look { total: 120, ..Look::default() };
        assert_eq!(look.before(), None);
        assert_eq!(Look::default().next(), None);
    }
}
