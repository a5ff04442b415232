//! Every page of a share.

use axum::Router;

/// The pages. There are none yet: every address is unknown.
pub fn router() -> Router {
    Router::new()
}
