//! Cookies for people who are logged in: `Set-Cookie` for whoever asks under the site's own host,
//! and in parts for an application that sets it itself.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::clock::UnixSeconds;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::idempotency::WithoutSecret;
use crate::control_plane::api::refusal::WriteRefusals;
use crate::control_plane::api::segment::{Segments, content_path, folder_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::link::{LinkToken, SignedCookie};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(content_cookie)).routes(routes!(folder_cookie))
}

/// A cookie that was just issued. It is also in `Set-Cookie`: with `HttpOnly` and `SameSite=Lax`,
/// `Secure` where the origin is `https`, and no `Domain`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignedCookie)]
struct CookieBody {
    /// The id by which it can be revoked.
    id: String,
    /// The site that takes it: a scheme, a host and perhaps a port.
    origin: String,
    /// Its name.
    name: String,
    /// Its value; null where an idempotency key repeats the answer.
    value: Option<String>,
    /// What it is sent for: the paths that begin with this.
    path: String,
    /// Until when it opens, that second included.
    expires: Timestamp,
}

/// A cookie that opens every file of a content, for ten minutes.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contents/{content}/signed-cookie", tag = "cookies",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no value")
    ),
    responses(
        (status = 200, description = "The cookie", body = CookieBody,
            headers(("Set-Cookie" = String, description = "The same, for a browser"))),
        WriteRefusals
    ),
    security(("bearer" = ["files.read"]))
)]
async fn content_cookie(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let cookie = api.services.content_cookie(&caller, tenant, &content).await?;
    Ok(answer(cookie, api.services.now()))
}

/// A cookie that opens every attachment of a folder itself, for ten minutes.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/folders/{folder}/signed-cookie", tag = "cookies",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no value")
    ),
    responses(
        (status = 200, description = "The cookie", body = CookieBody,
            headers(("Set-Cookie" = String, description = "The same, for a browser"))),
        WriteRefusals
    ),
    security(("bearer" = ["files.read"]))
)]
async fn folder_cookie(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    let cookie = api.services.folder_cookie(&caller, tenant, folder).await?;
    Ok(answer(cookie, api.services.now()))
}

fn answer(cookie: SignedCookie, now: UnixSeconds) -> Response {
    let line = set_cookie(&cookie, now);
    let SignedCookie { name, value, path, origin, token: LinkToken { id, expiry } } = cookie;
    let mut shown = CookieBody {
        id: id.to_string(),
        origin: origin.into(),
        name: name.into(),
        value: Some(value.into()),
        path: path.into(),
        expires: Timestamp(expiry),
    };
    let mut response = body::ok(&shown);
    response.headers_mut().extend(line.map(|line| (SET_COOKIE, line)));
    shown.value = None;
    let kept = serde_json::to_string(&shown).unwrap_or_default();
    response.extensions_mut().insert(WithoutSecret(kept));
    response
}

/// As RFC 6265 section 4.1 has it. Without `Domain` it is of the very host that is asked; ports
/// are none of its business (section 8.5). None where something in it cannot stand in a header,
/// which a signer does not make.
fn set_cookie(cookie: &SignedCookie, now: UnixSeconds) -> Option<HeaderValue> {
    let SignedCookie { name, value, path, origin, token } = cookie;
    let lives = token.expiry.since(now);
    let secure = if origin.starts_with("https://") { "; Secure" } else { "" };
    let line =
        format!("{name}={value}; Path={path}; Max-Age={lives}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&line).ok()
}
