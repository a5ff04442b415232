//! What pages look like, and the script that makes them pleasanter: files of this program.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// They change with the program only.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=600");

/// The routes, for whoever asks.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/s/-/page.css", get(style)).route("/s/-/page.js", get(script))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("page.css"))
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page.js"))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    let media_type = HeaderValue::from_static(media_type);
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, KEPT)], text).into_response()
}
