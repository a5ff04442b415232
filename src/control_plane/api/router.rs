//! Every route, and what goes around all of them.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use utoipa_axum::router::OpenApiRouter;

use super::compat::{mediahub, thron, vmpro};
use super::envelope::envelope;
use super::error::{Problem, ProblemCode};
use super::idempotency::once;
use super::state::Api;
use super::{console, document, native, oauth2, share};

/// The API, to be served with the peer's address as `ConnectInfo<SocketAddr>` on each connection.
pub fn router(api: Api) -> Router {
    let pages = api.share_pages();
    let (native, _) = native_routes().split_for_parts();
    let (vmpro, _) = vmpro_routes().split_for_parts();
    let (mediahub, _) = mediahub_routes().split_for_parts();
    let (thron, _) = thron_routes().split_for_parts();
    native
        .layer(from_fn_with_state(api.clone(), once))
        .merge(vmpro)
        .merge(mediahub)
        .merge(thron)
        .merge(document::routes())
        .merge(console::routes(&api))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(nothing_here)
        .layer(from_fn(envelope))
        .merge(share::routes(pages))
        .with_state(api)
}

/// The native API and the tokens for it.
pub(super) fn native_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(oauth2::routes())
        .merge(native::path_override::routes())
        .merge(native::revocation::routes())
        .merge(native::blocklist::routes())
        .merge(native::purge::routes())
        .merge(native::edge::routes())
        .merge(native::edge_feed::routes())
        .merge(native::edge_claim::routes())
        .merge(native::tenant::routes())
        .merge(native::application::routes())
        .merge(native::person::routes())
        .merge(native::folder::routes())
        .merge(native::folder_right::routes())
        .merge(native::signing_key::routes())
        .merge(native::pipeline::routes())
        .merge(native::connector::routes())
        .merge(native::connector_address::routes())
        .merge(native::content::routes())
        .merge(native::content_import::routes())
        .merge(native::content_link::routes())
        .merge(native::rendition::routes())
        .merge(native::version::routes())
        .merge(native::file::routes())
        .merge(native::attachment::routes())
        .merge(native::signed_cookie::routes())
        .merge(native::chapter::routes())
        .merge(native::archive::routes())
        .merge(native::context::routes())
        .merge(native::classification::routes())
        .merge(native::audit::routes())
        .merge(native::download_event::routes())
        .merge(native::fraud_event::routes())
        .merge(native::download_link::routes())
        .merge(native::trace::routes())
        .merge(native::upload::routes())
        .merge(native::share::routes())
        .merge(native::share_copy::routes())
        .merge(native::share_part::routes())
        .merge(native::webhook::routes())
        .merge(native::webhook_delivery::routes())
        .merge(native::sharing::routes())
        .merge(native::mail_server::routes())
        .merge(native::letter::routes())
}

/// `MediaHub`'s API.
pub(super) fn mediahub_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(mediahub::backtrace::routes())
        .merge(mediahub::download::routes())
        .merge(mediahub::file::routes())
        .merge(mediahub::upload::routes())
}

/// THRON's API.
pub(super) fn thron_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(thron::login::routes())
        .merge(thron::version::routes())
        .merge(thron::source::routes())
        .merge(thron::archive::routes())
}

/// movingimage's API.
pub(super) fn vmpro_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(vmpro::login::routes())
        .merge(vmpro::security_override::routes())
        .merge(vmpro::download::routes())
}

async fn nothing_here(_: Request) -> Problem {
    Problem::new(ProblemCode::NotFound)
}

async fn method_not_allowed(_: Request) -> Problem {
    Problem::new(ProblemCode::MethodNotAllowed)
}
