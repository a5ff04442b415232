//! Who calls: by a bearer token, or by the request's own signature (requirement E2).

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::clock::UnixSeconds;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::state::Api;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::RequestDigest;
use crate::token::SignedRequest;

/// The caller. A handler that takes this cannot be reached without a valid token or signature.
pub(super) struct MediaCaller {
    pub(super) caller: Caller,
    /// Of a signed request: until when it counts, and what marks it.
    pub(super) signed: Option<(UnixSeconds, RequestDigest)>,
}

impl FromRequestParts<Api> for MediaCaller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        if parts.headers.contains_key(AUTHORIZATION) {
            let Authenticated(caller) = Authenticated::from_request_parts(parts, api).await?;
            return Ok(Self { caller, signed: None });
        }
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let request = SignedRequest::parse(target)
            .map_err(|error| Problem::invalid("", error.to_string()))?
            .ok_or_else(|| Problem::new(ProblemCode::CredentialsMissing))?;
        // A signature does not say for which method it was made.
        if !matches!(parts.method, Method::GET | Method::HEAD) {
            return Err(Problem::invalid("", "only GET can be asked for by a signature"));
        }
        let signer = api.accounts.signer(&request, api.client_address(parts)).await?;
        if signer.expiry < api.services.now() {
            return Err(Problem::invalid("/expiry_time", "is over: sign the request anew"));
        }
        api.rate_limit.take(&signer.caller, parts.extensions.get())?;
        Ok(Self { caller: signer.caller, signed: Some((signer.expiry, signer.digest)) })
    }
}
