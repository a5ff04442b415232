//! Purges of what edges have cached.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::WriteRefusals;
use crate::control_plane::api::segment::{Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{ContentId, PurgedFiles};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(purge_create))
}

/// Which files.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", content = "subject", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = PurgedFiles)]
enum Files {
    /// Those of the content of that id.
    Content(String),
    /// All of the tenant's.
    Everything,
    /// Those that the site of that host hands out.
    Site(String),
}

/// A purge to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPurge {
    /// Which files.
    files: Files,
}

/// A purge.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Purge)]
struct PurgeBody {
    /// The version of the change feed that says so: an edge that is at it has dropped the files.
    version: u64,
}

/// Has every edge drop what it cached of these files, within a second; one that is away does when it
/// is back. More may go than is named, where what an edge keeps cannot be told apart.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/purges", tag = "edges",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewPurge,
    responses((status = 201, description = "It is said", body = PurgeBody), WriteRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn purge_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Json(NewPurge { files }): Json<NewPurge>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let files = match files {
        Files::Content(id) => PurgedFiles::Content(
            ContentId::parse(&id)
                .ok_or_else(|| Problem::invalid("/files/subject", "is no content's id"))?,
        ),
        Files::Everything => PurgedFiles::Everything,
        Files::Site(host) => PurgedFiles::Site(host.into()),
    };
    let version = api.services.cache_purge(&caller, tenant, files).await?.0;
    Ok(body::answer(StatusCode::CREATED, &PurgeBody { version }))
}
