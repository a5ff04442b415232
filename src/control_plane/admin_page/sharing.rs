//! Settings of sharing pages: what they look like, what stands on them, and what shares may be (C19 to
//! C21).

use askama::Template;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::console::Console;
use super::form::Posted;
use super::form_file::PostedFile;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::settings::{Setting, tabs};
use super::sharing_typed::{Typed, asked};
use super::shell::{InTenant, Notice, Section, Shell, Way, rendered};
use crate::control_plane::record::{Scope, SharingLogo, SharingSettings};
use crate::control_plane::service::{Expected, PagePalette, ServiceError};

#[derive(Template)]
#[template(path = "sharing.html", config = "src/control_plane/admin_page/askama.toml")]
struct SharingPage {
    shell: Shell,
    tabs: Vec<Way>,
    own: String,
    typed: Typed,
    preview: String,
    logo: Option<SharingLogo>,
}

/// The page.
pub(super) async fn show(
    State(console): State<Console>,
    at: InTenant,
    query: Query,
) -> Result<Response, Refusal> {
    let notice = match query.text("said") {
        "saved" => Notice::Done("Saved. Pages look so from now on."),
        "logo" => Notice::Done("The logo is set."),
        "logo-removed" => Notice::Done("The logo is removed."),
        _ => Notice::None,
    };
    let settings = found(&console, &at).await?;
    page(&at, Typed::of_settings(&settings), settings.logo, StatusCode::OK, notice)
}

/// Says something else, or shows what it would look like.
pub(super) async fn save(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let settings = found(&console, &at).await?;
    let typed = Typed::of(&posted);
    if posted.text("step") == "look" {
        let told = Notice::Done("This is what it would look like. Nothing is saved yet.");
        return page(&at, typed, settings.logo, StatusCode::OK, told);
    }
    match set(&console, &at, &typed).await {
        Ok(()) => Ok(redirect(&at.path("settings/sharing?said=saved"))),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            page(&at, typed, settings.logo, status, notice)
        }
    }
}

async fn set(console: &Console, at: &InTenant, typed: &Typed) -> Result<(), Refusal> {
    let wrong = |detail| Refusal::Refused { status: StatusCode::BAD_REQUEST, detail };
    let seen = Expected::Revision(number(&typed.revision).ok_or(Refusal::NoForm)?);
    let draft = typed.draft().map_err(wrong)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().sharing_replace(caller, tenant, seen, draft).await?;
    Ok(())
}

/// Takes a logo.
pub(super) async fn set_logo(
    State(console): State<Console>,
    at: InTenant,
    posted: PostedFile,
) -> Result<Response, Refusal> {
    let settings = found(&console, &at).await?;
    let seen = Expected::Revision(number(posted.text("revision")).ok_or(Refusal::NoForm)?);
    let set = if posted.bytes.is_empty() {
        let detail = "Choose a file first.".to_owned();
        Err(Refusal::Refused { status: StatusCode::BAD_REQUEST, detail })
    } else {
        let (caller, tenant) = (&at.session.caller, at.number());
        let set = console.services().sharing_logo_set(caller, tenant, seen, posted.bytes);
        set.await.map_err(Refusal::from)
    };
    match set {
        Ok(_) => Ok(redirect(&at.path("settings/sharing?said=logo"))),
        Err(refusal) => {
            let (status, notice) = refusal.for_its_page()?;
            page(&at, Typed::of_settings(&settings), settings.logo, status, notice)
        }
    }
}

/// Takes the logo away.
pub(super) async fn remove_logo(
    State(console): State<Console>,
    at: InTenant,
    posted: Posted,
) -> Result<Response, Refusal> {
    let seen = Expected::Revision(number(posted.text("revision")).ok_or(Refusal::NoForm)?);
    let (caller, tenant) = (&at.session.caller, at.number());
    console.services().sharing_logo_remove(caller, tenant, seen).await?;
    Ok(redirect(&at.path("settings/sharing?said=logo-removed")))
}

/// The logo, as it is kept.
pub(super) async fn show_logo(
    State(console): State<Console>,
    at: InTenant,
) -> Result<Response, Refusal> {
    let logo = found(&console, &at).await?.logo.ok_or(Refusal::NotFound)?;
    let bytes = console.services().sharing_logo(at.number(), &logo.digest).await?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/png"))], bytes).into_response())
}

/// What colours look like that are not set yet.
pub(super) async fn show_colours(at: InTenant, query: Query) -> Result<Response, Refusal> {
    at.session.caller.require(Scope::SettingsAdmin).map_err(ServiceError::from)?;
    let text = PagePalette::of(&asked(&query)).preview();
    let media_type = HeaderValue::from_static("text/css; charset=utf-8");
    Ok(([(CONTENT_TYPE, media_type)], text).into_response())
}

/// What is set, for whoever sets it.
async fn found(console: &Console, at: &InTenant) -> Result<SharingSettings, Refusal> {
    let caller = &at.session.caller;
    caller.require(Scope::SettingsAdmin).map_err(ServiceError::from)?;
    Ok(console.services().sharing_settings(caller, at.number()).await?)
}

fn page(
    at: &InTenant,
    typed: Typed,
    logo: Option<SharingLogo>,
    status: StatusCode,
    notice: Notice,
) -> Result<Response, Refusal> {
    let own = at.path("settings/sharing");
    let page = SharingPage {
        shell: at.shell("Sharing pages", Section::Settings).saying(notice),
        tabs: tabs(at, Setting::Sharing),
        preview: typed.preview(&format!("{own}/colours.css")),
        own,
        typed,
        logo,
    };
    rendered(status, &page)
}
