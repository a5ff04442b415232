//! What the pages work with, and every route.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};

use super::frame::around;
use super::refusal::Refusal;
use super::{brand, download, format, gallery, gate, item, look, preview};
use crate::control_plane::service::Services;

/// Most bytes of a form.
const MOST: usize = 64 * 1024;

/// What the pages work with. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    pub(super) services: Services,
}

/// The pages, to be served with a [`Visitor`](crate::visitor::Visitor) in each request.
pub(in crate::control_plane) fn router(services: Services) -> Router {
    let pages = Pages { services };
    Router::new()
        .merge(look::routes())
        .route("/s/-/{file}", get(brand::file))
        .route("/s/{address}", get(gallery::show))
        .route("/s/{address}/password", post(gate::unlock))
        .route("/s/{address}/terms", post(gate::accept))
        .route("/s/{address}/viewed", post(gate::viewed))
        .route("/s/{address}/items/{item}", get(item::show))
        .route("/s/{address}/items/{item}/download", post(download::one))
        .route("/s/{address}/items/{item}/format", post(format::begin))
        .route("/s/{address}/items/{item}/format/{ticket}", get(format::save))
        .route("/s/{address}/items/{item}/preview/{size}", get(preview::picture))
        .route("/s/{address}/archive", post(download::several))
        .route("/s/{address}/archive/{archive}", get(download::archive))
        .method_not_allowed_fallback(|| async { Refusal::Missing })
        .fallback(|| async { Refusal::Missing })
        .layer(from_fn_with_state(pages.clone(), around))
        .layer(DefaultBodyLimit::max(MOST))
        .with_state(pages)
}
