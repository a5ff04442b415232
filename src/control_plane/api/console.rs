//! Where the console is mounted, and what it is told of each request.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::envelope::RequestId;
use super::rate_limit::Noted;
use super::state::Api;
use crate::control_plane::admin_page::{Arrival, Console, PageQuota, Transport, router};

/// The console's pages.
pub(super) fn routes(api: &Api) -> Router<Api> {
    let console = Console::new(api.services.clone(), api.accounts.clone(), api.public_url.clone());
    router(console).layer(from_fn_with_state(api.clone(), arrived))
}

async fn arrived(State(api): State<Api>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let request_id = parts.extensions.get().map(|RequestId(id)| id.clone()).unwrap_or_default();
    let address = api.client_address(&parts);
    let transport = transport(&api, &parts);
    let quota = quota(&api, &parts);
    parts.extensions.insert(Arrival { address, transport, request_id, quota });
    next.run(Request::from_parts(parts, body)).await
}

/// One and the same for a person's pages and their calls.
fn quota(api: &Api, parts: &Parts) -> PageQuota {
    let (limit, noted) = (api.rate_limit.clone(), parts.extensions.get::<Noted>().cloned());
    PageQuota::new(move |caller| {
        let taken = limit.take(caller, noted.as_ref());
        taken.map_err(|refused| refused.retry_after.unwrap_or(1))
    })
}

/// What the browser's request came on: TLS that ends here, or at a proxy whose word is believed.
fn transport(api: &Api, parts: &Parts) -> Transport {
    if parts.extensions.get() == Some(&Transport::Secured) {
        return Transport::Secured;
    }
    let Some(ConnectInfo(peer)) = parts.extensions.get::<ConnectInfo<SocketAddr>>() else {
        return Transport::Plain;
    };
    let is_trusted = api.trusted_proxies.contains(peer.ip());
    let said = parts.headers.get("x-forwarded-proto").and_then(|it| it.to_str().ok());
    match said {
        Some(scheme) if is_trusted && scheme.eq_ignore_ascii_case("https") => Transport::Secured,
        Some(_) | None => Transport::Plain,
    }
}
