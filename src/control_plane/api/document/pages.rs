//! Where the documents are served, and a page that shows them without a network.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::description::{Document, document};
use crate::control_plane::api::body;
use crate::control_plane::api::state::Api;

pub(in crate::control_plane::api) fn routes() -> Router<Api> {
    Router::new()
        .route("/openapi.json", get(|| async { body::ok(&document(Document::Native)) }))
        .route("/openapi/mediahub.json", get(|| async { body::ok(&document(Document::Mediahub)) }))
        .route("/openapi/thron.json", get(|| async { body::ok(&document(Document::Thron)) }))
        .route("/openapi/vmpro.json", get(|| async { body::ok(&document(Document::Vmpro)) }))
        .route("/docs", get(page))
        .route("/docs/page.js", get(script))
        .route("/docs/page.css", get(style))
}

async fn page() -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                  base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    let policy = [(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy))];
    (policy, file("text/html; charset=utf-8", include_str!("page.html"))).into_response()
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page.js"))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("page.css"))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
}
