//! Who calls: the bearer token of a request, looked up.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use super::error::{Problem, ProblemCode};
use super::state::Api;
use crate::control_plane::caller::Caller;

/// The caller. A handler that takes this cannot be reached without a valid token.
pub(super) struct Authenticated(pub(super) Caller);

impl FromRequestParts<Api> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        if let Some(caller) = parts.extensions.get::<Caller>() {
            return Ok(Self(caller.clone()));
        }
        let token = bearer(parts)?;
        let address = api.client_address(parts);
        let caller = api.accounts.authenticate(token, address).await?;
        api.rate_limit.take(&caller, parts.extensions.get())?;
        parts.extensions.insert(caller.clone());
        Ok(Self(caller))
    }
}

/// The token of the one `Authorization: Bearer` (RFC 6750 section 2.1).
fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let mut lines = parts.headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else {
        return Err(Problem::new(ProblemCode::CredentialsMissing));
    };
    if lines.next().is_some() {
        return Err(Problem::new(ProblemCode::CredentialsInvalid));
    }
    let text = line.to_str().unwrap_or_default();
    let (scheme, token) = text.split_once(' ').unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::new(ProblemCode::CredentialsMissing));
    }
    Ok(token.trim())
}
