//! Entity tags, and `If-Match`: nobody writes over what they have not seen.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::response::Response;

use super::error::{Problem, ProblemCode};
use crate::control_plane::service::Expected;

/// The revision that the caller means: `If-Match`, which must be there (RFC 6585 section 3).
pub(super) struct IfMatch(pub(super) Expected);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut lines = parts.headers.get_all(IF_MATCH).iter();
        let Some(line) = lines.next() else {
            return Err(Problem::new(ProblemCode::PreconditionRequired));
        };
        if lines.next().is_some() {
            return Err(Problem::invalid("", "one If-Match with one entity tag is needed"));
        }
        let text = line.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(Self(Expected::Any));
        }
        let revision = text
            .strip_prefix("\"r")
            .and_then(|rest| rest.strip_suffix('"'))
            .and_then(|digits| digits.parse().ok());
        // A tag that was never ours, or a weak one, is of no revision there is (RFC 9110, 13.1.1).
        revision
            .map(|revision| Self(Expected::Revision(revision)))
            .ok_or_else(|| Problem::new(ProblemCode::PreconditionFailed))
    }
}

/// The answer with the entity tag of that revision.
pub(super) fn tagged(revision: u64, mut response: Response) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"r{revision}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
