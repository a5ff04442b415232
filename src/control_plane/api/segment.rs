//! What stands in a path or a query.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::{Problem, ProblemCode};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{ConnectorId, ContentId, ShareId, VersionId, WebhookId};

/// The parts of a path. One that is no text is nobody's.
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(found)| Self(found)).map_err(|_| Problem::new(ProblemCode::NotFound))
    }
}

/// The parameters of a query.
pub(super) struct Parameters<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = Query::<T>::from_request_parts(parts, state).await;
        let wrong = |_| Problem::invalid("", "a parameter of the query is not valid");
        found.map(|Query(found)| Self(found)).map_err(wrong)
    }
}

/// Refuses texts that no database stores.
pub(super) fn without_nul(texts: [(&str, Option<&str>); 2]) -> Result<(), Problem> {
    match texts.into_iter().find(|(_, text)| text.is_some_and(|text| text.contains('\0'))) {
        Some((name, _)) => Err(Problem::invalid("", format!("{name} has a NUL"))),
        None => Ok(()),
    }
}

/// The id in a path; what is no id names nothing.
pub(super) fn id<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, Problem> {
    parse(text).ok_or_else(|| Problem::new(ProblemCode::NotFound))
}

/// The number of a tenant in a path. Numbers that no database holds are nobody's.
pub(super) fn tenant(text: &str) -> Result<TenantId, Problem> {
    id(text, number).map(TenantId)
}

/// The tenant and the content in a path.
pub(super) fn content_path(
    tenant_number: &str,
    content: &str,
) -> Result<(TenantId, ContentId), Problem> {
    Ok((tenant(tenant_number)?, id(content, ContentId::parse)?))
}

/// The tenant, the content and the version in a path.
pub(super) fn version_path(
    tenant_number: &str,
    content: &str,
    version: &str,
) -> Result<(TenantId, ContentId, VersionId), Problem> {
    let (tenant, content) = content_path(tenant_number, content)?;
    Ok((tenant, content, id(version, VersionId::parse)?))
}

/// The tenant and the connector in a path.
pub(super) fn connector_path(
    tenant_number: &str,
    connector: &str,
) -> Result<(TenantId, ConnectorId), Problem> {
    Ok((tenant(tenant_number)?, id(connector, ConnectorId::parse)?))
}

/// The tenant and the share in a path.
pub(super) fn share_path(tenant_number: &str, share: &str) -> Result<(TenantId, ShareId), Problem> {
    Ok((tenant(tenant_number)?, id(share, ShareId::parse)?))
}

/// The tenant and the webhook in a path.
pub(super) fn webhook_path(
    tenant_number: &str,
    webhook: &str,
) -> Result<(TenantId, WebhookId), Problem> {
    Ok((tenant(tenant_number)?, id(webhook, WebhookId::parse)?))
}

/// The tenant and the folder in a path.
pub(super) fn folder_path(
    tenant_number: &str,
    folder: &str,
) -> Result<(TenantId, ChannelId), Problem> {
    Ok((tenant(tenant_number)?, ChannelId(id(folder, number)?)))
}

/// A number as every one is written: digits, without a sign or leading zeros.
pub(super) fn number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = plain && (text == "0" || !text.starts_with('0'));
    text.parse::<u64>().ok().filter(|number| plain && i64::try_from(*number).is_ok())
}
