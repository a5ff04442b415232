//! The address of a share as a picture that phones read.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::console::Console;
use super::refusal::Refusal;
use super::shell::InTenant;
use crate::control_plane::record::ShareId;
use crate::control_plane::service::ServiceError;
use crate::rendition::QrPicture;

async fn found(console: &Console, at: &InTenant, share: &str) -> Result<QrPicture, Refusal> {
    let id = ShareId::parse(share).ok_or(Refusal::NotFound)?;
    let (caller, tenant) = (&at.session.caller, at.number());
    Ok(console.services().share_qr(caller, tenant, &id, None).await?)
}

/// As SVG.
pub(super) async fn svg(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let picture = found(&console, &at, &share).await?.svg();
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/svg+xml"))], picture).into_response())
}

/// As PNG.
pub(super) async fn png(
    State(console): State<Console>,
    at: InTenant,
    Path((_, share)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let picture = found(&console, &at, &share).await?.png();
    let picture = picture.map_err(|error| ServiceError::Failed(error.into()))?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/png"))], picture).into_response())
}
