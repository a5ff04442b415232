//! Versions of a content. Their entity tag is the content's.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content_body::ContentBody;
use super::patch::Patched;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, content_path, version_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::Version;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(version_list, version_create))
        .routes(routes!(version_update, version_remove))
        .routes(routes!(version_activate))
}

/// A version.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Version)]
struct VersionBody {
    /// Its id: THRON's versionId.
    id: String,
    /// Counts the content's versions, from 1.
    number: u64,
    /// What people call it.
    label: String,
    /// The slot of the thumbnail that `active` means.
    active_thumbnail: Option<String>,
    /// Since when it exists.
    created_at: Timestamp,
}

/// A version to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewVersion {
    /// What people call it.
    #[serde(default)]
    label: String,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VersionPatch {
    /// The slot of another thumbnail of the version that `active` is to mean; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    active_thumbnail: Patched<String>,
}

/// A content's versions, the first first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}/versions", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page", body = Listing<VersionBody>,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn version_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let list = format!("/api/v1/tenants/{tenant}/contents/{content}/versions");
    let found = api.services.version_list(&caller, tenant, &content).await?;
    let page = api.listing_of_all(&list, &query, found.it, |version| version.number, wire)?;
    Ok(tagged(found.revision, page))
}

/// Makes another version of a content, with no files yet; the active one stays it.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contents/{content}/versions", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewVersion,
    responses(
        (status = 201, description = "The version", body = VersionBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn version_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    Json(body): Json<NewVersion>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let made = api.services.version_create(&caller, tenant, &content, &body.label).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made.it))))
}

/// Says which of a version's thumbnails `active` means.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = VersionPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The version", body = VersionBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read", "catalog.write"]))
)]
async fn version_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Json(body): Json<VersionPatch>,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let listed = api.services.version_list(&caller, tenant, &content).await?;
    let now = listed.it.into_iter().find(|it| it.id == version);
    let now = now.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let seen = expected.or_revision(listed.revision);
    let slot = body.active_thumbnail.or(now.active_thumbnail.map(Into::into));
    let services = &api.services;
    let made = services
        .version_thumbnail_set(&caller, tenant, &content, &version, seen, slot.as_deref())
        .await?;
    Ok(tagged(made.revision, body::ok(&wire(made.it))))
}

/// Makes a version the one that is handed out.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/activate", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    responses(
        (status = 200, description = "The content", body = ContentBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn version_activate(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let services = &api.services;
    let made = services.version_activate(&caller, tenant, &content, &version, expected).await?;
    Ok(tagged(made.revision, body::ok(&ContentBody::from(made))))
}

/// Removes a version that is not the one that is handed out.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    responses(
        (status = 204, description = "It is gone"),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn version_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    api.services.version_remove(&caller, tenant, &content, &version, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(version: Version) -> VersionBody {
    let Version { id, content: _, number, label, active_thumbnail, created_at } = version;
    VersionBody {
        id: id.to_string(),
        number,
        label: label.into(),
        active_thumbnail: active_thumbnail.map(Into::into),
        created_at: Timestamp(created_at),
    }
}
