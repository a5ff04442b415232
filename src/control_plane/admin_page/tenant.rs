//! The tenants that one reaches: where one comes in.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::session::Session;
use super::shell::{Here, InTenant, Shell, rendered};
use crate::asset::TenantId;
use crate::control_plane::caller::Reach;
use crate::control_plane::record::{Scope, Tenant};
use crate::control_plane::service::Page;

/// Tenants of a page.
const SHOWN: u16 = 50;

#[derive(Template)]
#[template(path = "tenant.html", config = "src/control_plane/admin_page/askama.toml")]
struct TenantPage {
    shell: Shell,
    tenants: Vec<Tenant>,
    next: Option<TenantId>,
    /// May one read what is in nobody's log?
    audit: Here,
}

/// The list; whoever has one tenant is led there.
pub(super) async fn show(
    State(console): State<Console>,
    session: Session,
    query: Query,
) -> Result<Response, Refusal> {
    if let Reach::Tenant(tenant) = session.caller.reach() {
        return Ok(redirect(&format!("/console/tenants/{tenant}")));
    }
    let after = query.said("after").and_then(number).map(TenantId);
    let page = Page { after, limit: SHOWN };
    let listed = console.services().tenant_reached_list(&session.caller, &page).await?;
    let shell = Shell::of_session(&session, "Tenants");
    let audit = Here::when(session.has(Scope::AuditRead));
    let page = TenantPage { shell, tenants: listed.items, next: listed.next, audit };
    rendered(StatusCode::OK, &page)
}

/// Into one of them: to what one may see there.
pub(super) async fn show_one(at: InTenant) -> Result<Response, Refusal> {
    match at.start() {
        Some(path) => Ok(redirect(&path)),
        None => Err(Refusal::Refused {
            status: StatusCode::FORBIDDEN,
            detail: "Your account may do nothing here yet: whoever administers accounts gives it \
                     scopes."
                .to_owned(),
        }),
    }
}
