//! What the pages work with, and every route.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get, post};

use super::frame::around;
use super::refusal::{Refusal, redirect};
use super::{
    audit, connector, connector_form, content, library, link, look, mail, protection, share,
    share_form, share_qr, sharing, sign_in, tenant, trace, webhook,
};
use crate::control_plane::account::Accounts;
use crate::control_plane::service::Services;

/// What the pages work with. Clones are the same one.
#[derive(Clone, Debug)]
pub(in crate::control_plane) struct Console {
    services: Services,
    accounts: Accounts,
    public_url: Option<Arc<str>>,
}

impl Console {
    /// A console over these, which browsers find at `public_url`.
    pub(in crate::control_plane) fn new(
        services: Services,
        accounts: Accounts,
        public_url: Option<Arc<str>>,
    ) -> Self {
        Self { services, accounts, public_url }
    }

    pub(super) fn services(&self) -> &Services {
        &self.services
    }

    pub(super) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(super) fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }
}

/// The pages, to be served with an [`Arrival`](super::Arrival) in each request.
pub(in crate::control_plane) fn router<S: Clone + Send + Sync + 'static>(
    console: Console,
) -> Router<S> {
    Router::new()
        .route("/console", get(|| async { redirect("/console/") }))
        .route("/console/", get(tenant::show))
        .route("/console/login", get(sign_in::show).post(sign_in::sign_in))
        .route("/console/logout", post(sign_in::sign_out))
        .route("/console/audit", get(audit::show_all))
        .route("/console/audit.csv", get(audit::export_all_csv))
        .route("/console/audit.ndjson", get(audit::export_all_ndjson))
        .nest("/console/tenants/{tenant}", of_tenant())
        .route("/console/{*path}", any(nothing_here))
        .method_not_allowed_fallback(no_page)
        .layer(from_fn_with_state(console.clone(), around))
        .with_state(console)
        .merge(look::routes())
}

/// The pages of one tenant.
fn of_tenant() -> Router<Console> {
    let content = Router::new()
        .route("/", get(content::show))
        .route("/advanced", get(content::show_advanced))
        .route("/protection", get(protection::show_content).post(protection::switch_content))
        .route("/shares", get(share::show_of_content).post(share::remove_content))
        .route("/history", get(audit::show_history))
        .route("/files/{file}/link", get(link::show_order).post(link::order));
    let protection = Router::new()
        .route("/", get(protection::show_tenant))
        .route("/everything", post(protection::switch_everything))
        .route("/types", post(protection::switch_types))
        .route("/close", post(protection::close_one))
        .route("/close-all", post(protection::close_all));
    let connector = Router::new()
        .route("/", get(connector::show))
        .route("/urls.csv", get(connector::export))
        .route("/clashes", get(connector::show_clashes))
        .route("/edit", get(connector_form::show_edit).post(connector_form::edit))
        .route("/remove", get(connector::show_remove).post(connector::remove));
    let share = Router::new()
        .route("/", get(share::show).post(share::change))
        .route("/items", post(share::remove_item))
        .route("/qr.png", get(share_qr::png))
        .route("/qr.svg", get(share_qr::svg))
        .route("/recipients", post(share::revoke))
        .route("/recipients/end", post(share::move_end))
        .route("/recipients/mail", post(share::send_mail))
        .route("/remove", get(share::show_remove).post(share::remove));
    let webhook = Router::new()
        .route("/", get(webhook::show).post(webhook::change))
        .route("/secrets", post(webhook::rotate))
        .route("/test", post(webhook::test))
        .route("/redeliver", post(webhook::redeliver_since))
        .route("/messages/{message}", get(webhook::show_message))
        .route("/messages/{message}/redeliver", post(webhook::redeliver))
        .route("/remove", get(webhook::show_remove).post(webhook::remove));
    let settings = Router::new()
        .route("/sharing", get(sharing::show).post(sharing::save))
        .route("/sharing/colours.css", get(sharing::show_colours))
        .route("/sharing/logo", post(sharing::set_logo))
        .route("/sharing/logo.png", get(sharing::show_logo))
        .route("/sharing/logo/remove", post(sharing::remove_logo));
    Router::new()
        .route("/", get(tenant::show_one))
        .route("/connectors", get(connector::show_all))
        .route("/connectors/new", get(connector_form::show_new).post(connector_form::install))
        .nest("/connectors/{connector}", connector)
        .route("/contents", get(library::show_all))
        .nest("/contents/{content}", content)
        .route("/folders/{folder}", get(library::show_folder))
        .route(
            "/folders/{folder}/protection",
            get(protection::show_folder).post(protection::switch_folder),
        )
        .route("/shares", get(share::show_all))
        .route("/shares/new", get(share_form::show_new).post(share_form::create))
        .nest("/shares/{share}", share)
        .nest("/protection", protection)
        .nest("/settings", settings)
        .route("/links", get(link::show_all))
        .route("/links/{link}", get(link::show))
        .route("/links/{link}/revoke", post(link::revoke))
        .route("/traces", get(trace::show).post(trace::trace))
        .route("/settings/webhooks", get(webhook::show_all))
        .route("/settings/webhooks/new", get(webhook::show_new).post(webhook::create))
        .nest("/settings/webhooks/{webhook}", webhook)
        .route("/settings/mail", get(mail::show).post(mail::change))
        .route("/settings/mail/test", post(mail::try_it))
        .route("/settings/mail/remove", post(mail::remove))
        .route("/audit", get(audit::show))
        .route("/audit.csv", get(audit::export_csv))
        .route("/audit.ndjson", get(audit::export_ndjson))
}

async fn no_page() -> Result<Response, Refusal> {
    Err(Refusal::NoPage)
}

async fn nothing_here() -> Result<Response, Refusal> {
    Err(Refusal::NotFound)
}
