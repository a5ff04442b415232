//! What is made of a share: a new one of the same, and a picture of its address.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::share::shown;
use super::share_body::{Expires, NewRecipient, ShareBody, drafts};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::Json;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, ShareRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, share_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::service::{ServiceError, ShareCopy, ShareExpiry, SharePassword};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(share_copy)).routes(routes!(share_qr))
}

/// What a copy of a share does not take from it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewShareCopy)]
struct NewCopy {
    /// What it is called; as the other, unless it is said.
    title: Option<String>,
    /// When it ends; after 30 days, unless it is said.
    expires: Option<Expires>,
    /// A password of 4 to 128 characters.
    password: Option<String>,
    /// Who is to have an address of their own.
    #[serde(default)]
    recipients: Vec<NewRecipient>,
}

/// Makes a share of what is left in another and still the caller's to share, with the same said about
/// it. It has no password and no recipients but those that are said here.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/shares/{share}/copies", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The other share's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewCopy,
    responses(
        (status = 201, description = "The share", body = ShareBody,
            headers(("ETag" = String, description = "Its revision"))),
        ShareRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn share_copy(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    Json(body): Json<NewCopy>,
) -> Result<Response, Problem> {
    let (tenant, id) = share_path(&tenant_number, &share)?;
    let NewCopy { title, expires, password, recipients } = body;
    let copy = ShareCopy {
        title: title.map(Into::into),
        expiry: expires.map_or(Ok(ShareExpiry::default()), Expires::expiry)?,
        password: password.map(|text| SharePassword::typed(&text)),
        recipients: drafts(recipients),
    };
    let keys = api.services.share_keys(&caller).await?;
    let made = api.services.share_copy(&caller, tenant, &id, copy).await?;
    Ok(shown(&api, &keys, made, StatusCode::CREATED))
}

/// How a picture is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum QrFormat {
    /// PNG, eight pixels to a module.
    Png,
    /// SVG.
    #[default]
    Svg,
}

/// Which picture.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct QrQuery {
    /// How it is written: `svg`, unless it is said.
    #[param(inline)]
    format: Option<QrFormat>,
    /// Whose address: a recipient's number; the share's own, unless it is said.
    #[param(minimum = 1)]
    recipient: Option<u64>,
}

/// The address of a share's page as a QR code (ISO/IEC 18004). It is a key, as the address is.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/shares/{share}/qr", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"), QrQuery
    ),
    responses(
        (status = 200, description = "The picture", content(("image/svg+xml"), ("image/png"))),
        ReadRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn share_qr(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    Parameters(query): Parameters<QrQuery>,
) -> Result<Response, Problem> {
    let (tenant, id) = share_path(&tenant_number, &share)?;
    let QrQuery { format, recipient } = query;
    let qr = api.services.share_qr(&caller, tenant, &id, recipient).await?;
    let (media_type, bytes) = match format.unwrap_or_default() {
        QrFormat::Png => {
            let drawn = qr.png().map_err(|error| ServiceError::Failed(error.into()));
            ("image/png", drawn?)
        }
        QrFormat::Svg => ("image/svg+xml", qr.svg().into()),
    };
    let fields = [
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
    ];
    Ok((fields, bytes).into_response())
}
