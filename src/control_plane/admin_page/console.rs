//! What the pages work with, and every route.

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get, post};

use super::frame::around;
use super::refusal::{Refusal, redirect};
use super::{content, library, look, sign_in, tenant};
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
        .route("/console/tenants/{tenant}/contents", get(library::show_all))
        .route("/console/tenants/{tenant}/folders/{folder}", get(library::show_folder))
        .route("/console/tenants/{tenant}/contents/{content}", get(content::show))
        .route("/console/tenants/{tenant}/contents/{content}/advanced", get(content::show_advanced))
        .route("/console/{*path}", any(nothing_here))
        .layer(from_fn_with_state(console.clone(), around))
        .with_state(console)
        .merge(look::routes())
}

async fn nothing_here() -> Result<Response, Refusal> {
    Err(Refusal::NotFound)
}
