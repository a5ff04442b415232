//! Pipelines: a named origin and a prefix, which object keys are relative to.

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
use crate::control_plane::api::segment::{Parameters, Segments, id, number, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Pipeline, PipelineDraft};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(pipeline_list, pipeline_create)).routes(routes!(
        pipeline_show,
        pipeline_update,
        pipeline_remove
    ))
}

/// Where files of a tenant are.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Pipeline)]
struct PipelineBody {
    /// Its number: `MediaHub`'s `pipeline_id`.
    number: u64,
    /// What people call it; unique within the tenant.
    name: String,
    /// The origin's name in the configuration of the edges.
    origin: String,
    /// What stands before every key: nothing, or a folder with a slash at its end.
    prefix: String,
    /// Since when it exists.
    created_at: Timestamp,
}

/// A pipeline to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPipeline {
    /// What people call it; unique within the tenant.
    name: String,
    /// The origin's name in the configuration of the edges.
    origin: String,
    /// What stands before every key: nothing, or a folder with a slash at its end.
    #[serde(default)]
    prefix: String,
}

/// What is to be different (RFC 7396). Where its files are is not: what is registered would move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PipelinePatch {
    /// Another name.
    name: Option<String>,
}

/// A tenant's pipelines, by number.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/pipelines", tag = "pipelines",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<PipelineBody>), ReadRefusals),
    security(("bearer" = ["catalog.read"]))
)]
async fn pipeline_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let list = format!("/api/v1/tenants/{tenant}/pipelines");
    let all = api.services.pipeline_list(&caller, tenant).await?;
    api.listing_of_all(&list, &query, all, |pipeline| pipeline.number, wire)
}

/// Makes a pipeline. For whoever reaches every tenant: it decides which objects of which origin the
/// tenant can hand out.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/pipelines", tag = "pipelines",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewPipeline,
    responses(
        (status = 201, description = "The pipeline", body = PipelineBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn pipeline_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(NewPipeline { name, origin, prefix }): Json<NewPipeline>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let draft = PipelineDraft { name: name.into(), origin: origin.into(), prefix: prefix.into() };
    let made = api.services.pipeline_create(&caller, tenant, draft).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made))))
}

/// A pipeline.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/pipelines/{pipeline}", tag = "pipelines",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("pipeline" = String, Path, description = "The pipeline's number")
    ),
    responses(
        (status = 200, description = "The pipeline", body = PipelineBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn pipeline_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, pipeline)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, pipeline) = (tenant(&tenant_number)?, id(&pipeline, number)?);
    let found = api.services.pipeline(&caller, tenant, pipeline).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Gives a pipeline another name. For whoever reaches every tenant.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/pipelines/{pipeline}", tag = "pipelines",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("pipeline" = String, Path, description = "The pipeline's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = PipelinePatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The pipeline", body = PipelineBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read", "catalog.write"]))
)]
async fn pipeline_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, pipeline)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(PipelinePatch { name }): Json<PipelinePatch>,
) -> Result<Response, Problem> {
    let (tenant, pipeline) = (tenant(&tenant_number)?, id(&pipeline, number)?);
    let now = api.services.pipeline(&caller, tenant, pipeline).await?;
    let seen = expected.or_revision(now.revision);
    let name = name.unwrap_or_else(|| now.name.into());
    let made = api.services.pipeline_rename(&caller, tenant, pipeline, seen, &name).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Removes a pipeline of which no file is registered any more. For whoever reaches every tenant.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/pipelines/{pipeline}", tag = "pipelines",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("pipeline" = String, Path, description = "The pipeline's number"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn pipeline_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, pipeline)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, pipeline) = (tenant(&tenant_number)?, id(&pipeline, number)?);
    api.services.pipeline_remove(&caller, tenant, pipeline, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(pipeline: Pipeline) -> PipelineBody {
    let Pipeline { number, tenant: _, name, origin, prefix, created_at, revision: _ } = pipeline;
    PipelineBody {
        number,
        name: name.into(),
        origin: origin.into(),
        prefix: prefix.into(),
        created_at: Timestamp(created_at),
    }
}
