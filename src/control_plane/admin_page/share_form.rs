//! Making a share: of contents that were ticked, of a folder, or of what another share has (requirements
//! C1 to C17, C30).

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::content::found as found_content;
use super::folder_tree::FolderTree;
use super::form::Posted;
use super::library::title_of;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::share_settings::{LANGUAGES, Limits, NOTICES, Typed};
use super::shell::{Here, InTenant, Notice, Section, Shell, rendered};
use crate::asset::ChannelId;
use crate::control_plane::record::{ContentId, MOST_CHOSEN, Scope, Share, ShareId, ShareLogo};
use crate::control_plane::service::{
    FolderDepth, OnForbidden, Page, ServiceError, ShareOf, ShareOrder, ShareSending,
};

/// Contexts that are offered.
const CONTEXTS: u16 = 200;

#[derive(Template)]
#[template(path = "share_form.html", config = "src/control_plane/admin_page/askama.toml")]
struct FormPage {
    shell: Shell,
    list: String,
    own: String,
    chosen: Chosen,
    typed: Typed,
    limits: Limits,
    contexts: Vec<Box<str>>,
    back: String,
}

/// What is shared.
enum Chosen {
    Contents(Vec<(ContentId, String)>),
    Folder(ChannelId, String),
    /// What is left of a share.
    Share(Box<Share>),
}

impl Chosen {
    async fn found<'t>(
        console: &Console,
        at: &InTenant,
        (like, folder): (&str, &str),
        contents: impl Iterator<Item = &'t str>,
    ) -> Result<Self, Refusal> {
        if !like.is_empty() {
            let id = ShareId::parse(like).ok_or(Refusal::NotFound)?;
            let (caller, tenant) = (&at.session.caller, at.number());
            let share = console.services().share_to_copy(caller, tenant, &id).await?;
            return Ok(Self::Share(Box::new(share)));
        }
        if !folder.is_empty() {
            let folder = ChannelId(number(folder).ok_or(Refusal::NotFound)?);
            let folder = console.services().folder(&at.session.caller, at.number(), folder).await?;
            let tree = FolderTree::read(console, at).await?;
            let place = tree.label(folder.number).unwrap_or_else(|| folder.name.to_string());
            return Ok(Self::Folder(folder.number, place));
        }
        let mut chosen = Vec::new();
        for content in contents.filter(|it| !it.is_empty()) {
            if chosen.len() == MOST_CHOSEN {
                let detail = format!(
                    "A share of chosen contents has at most {MOST_CHOSEN}. Share their folder instead."
                );
                return Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail });
            }
            let content = found_content(console, at, content).await?;
            let title = title_of(&content);
            chosen.push((content.id, title));
        }
        if chosen.is_empty() {
            let detail = "Nothing was chosen. Tick contents in the library, or open a folder.";
            let detail = detail.to_owned();
            return Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail });
        }
        Ok(Self::Contents(chosen))
    }

    fn title(&self) -> String {
        match self {
            Self::Contents(contents) => match &contents[..] {
                [(_, title)] => title.clone(),
                _ => String::new(),
            },
            Self::Folder(_, place) => place.rsplit(" / ").next().unwrap_or_default().to_owned(),
            Self::Share(share) => share.draft.title.to_string(),
        }
    }
}

/// The form.
pub(super) async fn show_new(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    at.session.caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let (of, contents) = ((query.text("like"), query.text("folder")), query.texts("content"));
    let chosen = Chosen::found(&console, &at, of, contents).await?;
    let (caller, tenant) = (&at.session.caller, at.number());
    let settings = console.services().sharing_settings(caller, tenant).await?;
    let typed = match &chosen {
        Chosen::Contents(_) | Chosen::Folder(..) => Typed::usual(chosen.title(), &settings.draft),
        Chosen::Share(share) => Typed::like(share, &settings.draft),
    };
    form_page(&console, &at, chosen, typed, StatusCode::OK, Notice::None).await
}

/// Makes it.
pub(super) async fn create(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let (of, contents) = ((posted.text("like"), posted.text("folder")), posted.texts("content"));
    let chosen = Chosen::found(&console, &at, of, contents).await?;
    let typed = Typed::of(&posted);
    let made = match order(&chosen, &typed) {
        Ok(order) => {
            let made = console.services().share_create(&at.session.caller, at.number(), order);
            made.await.map_err(Refusal::from)
        }
        Err(detail) => Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail }),
    };
    match made {
        Ok(share) => {
            let said = if typed.mailed.holds() { "mailed" } else { "made" };
            Ok(redirect(&at.path(&format!("shares/{}?said={said}", share.id))))
        }
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            form_page(&console, &at, chosen, typed, status, notice).await
        }
    }
}

fn order(chosen: &Chosen, typed: &Typed) -> Result<ShareOrder, String> {
    let of = match chosen {
        Chosen::Contents(contents) => {
            ShareOf::Contents(contents.iter().map(|(id, _)| id.clone()).collect())
        }
        Chosen::Folder(folder, _) => ShareOf::Folder(
            *folder,
            match typed.below {
                Here::Yes => FolderDepth::WithBelow,
                Here::No => FolderDepth::Itself,
            },
        ),
        Chosen::Share(share) => ShareOf::Share(share.id.clone()),
    };
    let on_forbidden = match (chosen, typed.skip) {
        (Chosen::Share(_), _) | (_, Here::Yes) => OnForbidden::Skip,
        (Chosen::Contents(_) | Chosen::Folder(..), Here::No) => OnForbidden::Refuse,
    };
    let logo = match chosen {
        Chosen::Contents(_) | Chosen::Folder(..) => ShareLogo::Shown,
        Chosen::Share(share) => share.draft.logo,
    };
    let draft = typed.draft(logo)?;
    let expiry = typed.expiry()?.ok_or("Choose when the share ends.")?;
    let (password, recipients) = (typed.password(), typed.recipient_drafts()?);
    let sending = match typed.mailed {
        Here::Yes => ShareSending::Letters,
        Here::No => ShareSending::ByHand,
    };
    Ok(ShareOrder { of, on_forbidden, draft, expiry, password, recipients, sending })
}

async fn form_page(
    console: &Console,
    at: &InTenant,
    chosen: Chosen,
    typed: Typed,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let back = match &chosen {
        Chosen::Contents(contents) => match &contents[..] {
            [(id, _)] => at.path(&format!("contents/{id}/shares")),
            _ => at.path("contents"),
        },
        Chosen::Folder(folder, _) => at.path(&format!("folders/{folder}")),
        Chosen::Share(share) => at.path(&format!("shares/{}", share.id)),
    };
    let (caller, services) = (&at.session.caller, console.services());
    let settings = services.sharing_settings(caller, at.number()).await?;
    let china = Here::when(services.delivers_to_china(at.number()));
    let page = FormPage {
        shell: at.shell("Make a share", Section::Shares).saying(notice),
        list: at.path("shares"),
        own: at.path("shares/new"),
        chosen,
        typed,
        limits: Limits::of_new(&settings.draft.policy, services.now(), china),
        contexts: contexts_of(console, at).await?,
        back,
    };
    rendered(status, &page)
}

/// The names of contexts that there are, for whoever may see them.
pub(super) async fn contexts_of(
    console: &Console,
    at: &InTenant,
) -> Result<Vec<Box<str>>, Refusal> {
    if !at.session.has(Scope::CatalogRead) {
        return Ok(Vec::new());
    }
    let (caller, page) = (&at.session.caller, Page::first(CONTEXTS));
    let listed = console.services().context_list(caller, at.number(), &page).await?;
    Ok(listed.items.into_iter().map(|it| it.name).collect())
}
