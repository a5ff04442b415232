//! What pages look like, and the script that makes them pleasanter: files of this program.

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// The routes, for whoever asks.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/console/console.css", get(style))
        .route("/console/console.js", get(script))
        .route("/console/mark.svg", get(mark))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("console.css"))
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("console.js"))
}

async fn mark() -> Response {
    file("image/svg+xml", include_str!("mark.svg"))
}

fn file(media_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(media_type))], text).into_response()
}
