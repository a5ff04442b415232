//! Archives: files with elements inside, each of which is a file of its own.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Archive, ArchiveDraft, ArchiveElement, ArchiveId};
use crate::control_plane::service::ONLY_REVISION;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(archive_list, archive_create))
        .routes(routes!(archive_show, archive_remove))
}

/// An archive.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Archive)]
struct ArchiveBody {
    /// Its id.
    id: String,
    /// The pipeline that has it.
    pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    key: String,
    /// The name it is saved under.
    name: String,
    /// What is inside, in order.
    elements: Vec<ElementBody>,
    /// Since when it exists.
    created_at: Timestamp,
}

/// What is inside an archive.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ArchiveElement)]
struct ElementBody {
    /// The number of the file.
    file: u64,
    /// What it is called inside: names with a slash between.
    name: String,
}

/// An archive to be registered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewArchive {
    /// The pipeline that has it.
    pipeline: u64,
    /// Its key there, after the pipeline's prefix.
    key: String,
    /// The name it is saved under.
    name: String,
    /// What is inside, in order.
    elements: Vec<ElementBody>,
}

/// A tenant's archives, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/archives", tag = "archives",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page", body = Listing<ArchiveBody>),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn archive_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/archives");
    let page = api.page(&path, &query)?;
    let listed = api.services.archive_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// Registers an archive. For those who work with all of the tenant's catalog.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/archives", tag = "archives",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewArchive,
    responses(
        (status = 201, description = "The archive", body = ArchiveBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn archive_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(body): Json<NewArchive>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let NewArchive { pipeline, key, name, elements } = body;
    let elements = elements
        .into_iter()
        .map(|ElementBody { file, name }| ArchiveElement { file, name: name.into() })
        .collect();
    let draft = ArchiveDraft { pipeline, key: key.into(), name: name.into(), elements };
    let made = api.services.archive_create(&caller, tenant, draft).await?;
    Ok(tagged(ONLY_REVISION, body::answer(StatusCode::CREATED, &wire(made))))
}

/// An archive.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/archives/{archive}", tag = "archives",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("archive" = String, Path, description = "The archive's id")
    ),
    responses(
        (status = 200, description = "The archive", body = ArchiveBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn archive_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, archive)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, archive) = (tenant(&tenant_number)?, id(&archive, ArchiveId::parse)?);
    let found = api.services.archive(&caller, tenant, &archive).await?;
    Ok(tagged(ONLY_REVISION, body::ok(&wire(found))))
}

/// Forgets an archive; it stays where it is.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/archives/{archive}", tag = "archives",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("archive" = String, Path, description = "The archive's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses(
        (status = 204, description = "It is forgotten"),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn archive_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, archive)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, archive) = (tenant(&tenant_number)?, id(&archive, ArchiveId::parse)?);
    api.services.archive_remove(&caller, tenant, &archive, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(archive: Archive) -> ArchiveBody {
    let Archive { id, tenant: _, draft, created_at } = archive;
    let ArchiveDraft { pipeline, key, name, elements } = draft;
    let elements = elements
        .into_iter()
        .map(|ArchiveElement { file, name }| ElementBody { file, name: name.into() })
        .collect();
    let (key, name, created_at) = (key.into(), name.into(), Timestamp(created_at));
    ArchiveBody { id: id.to_string(), pipeline, key, name, elements, created_at }
}
