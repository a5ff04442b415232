//! The tenants that one reaches: where one comes in.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::console::Console;
use super::query::{Query, number};
use super::refusal::{Refusal, redirect};
use super::session::Session;
use super::shell::{Shell, rendered};
use crate::asset::TenantId;
use crate::control_plane::caller::Reach;
use crate::control_plane::record::Tenant;
use crate::control_plane::service::Page;

/// Tenants of a page.
const SHOWN: u16 = 50;

#[derive(Template)]
#[template(path = "tenant.html", config = "src/control_plane/admin_page/askama.toml")]
struct TenantPage {
    shell: Shell,
    tenants: Vec<Tenant>,
    next: Option<TenantId>,
}

/// The list; whoever has one tenant is led there.
pub(super) async fn show(
    State(console): State<Console>,
    session: Session,
    query: Query,
) -> Result<Response, Refusal> {
    if let Reach::Tenant(tenant) = session.caller.reach() {
        return Ok(redirect(&format!("/console/tenants/{tenant}/contents")));
    }
    let after = query.said("after").and_then(number).map(TenantId);
    let page = Page { after, limit: SHOWN };
    let listed = console.services().tenant_reached_list(&session.caller, &page).await?;
    let shell = Shell::of_session(&session, "Tenants");
    let page = TenantPage { shell, tenants: listed.items, next: listed.next };
    rendered(StatusCode::OK, &page)
}
