//! Tenants.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::Tenant;

const PATH: &str = "/api/v1/tenants";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(tenant_list, tenant_create)).routes(routes!(
        tenant_show,
        tenant_update,
        tenant_remove
    ))
}

/// A tenant.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tenant)]
struct TenantBody {
    /// Its number: movingimage's videoManagerId.
    number: u64,
    /// Its name: THRON's clientId.
    name: String,
    /// Links of an epoch before this one are dead.
    link_epoch: u64,
    /// Since when it exists.
    created_at: Timestamp,
}

/// A tenant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// Its number; nobody else's.
    number: u64,
    /// Its name; nobody else's.
    name: String,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TenantPatch {
    /// Another name.
    name: Option<String>,
}

/// Tenants in reach, by number.
#[utoipa::path(
    get, path = "/api/v1/tenants", tag = "tenants", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<TenantBody>), ReadRefusals),
    security(("bearer" = ["tenants.admin"]))
)]
async fn tenant_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let page = api.page(PATH, &query)?;
    let listed = api.services.tenant_list(&caller, &page).await?;
    Ok(api.listing(PATH, &query, listed, wire))
}

/// Makes a tenant; for whoever reaches every tenant.
#[utoipa::path(
    post, path = "/api/v1/tenants", tag = "tenants",
    params(("Idempotency-Key" = Option<String>, Header, description = "Does it once")),
    request_body = NewTenant,
    responses(
        (status = 201, description = "The tenant", body = TenantBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["tenants.admin"]))
)]
async fn tenant_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(NewTenant { number, name }): Json<NewTenant>,
) -> Result<Response, Problem> {
    let made = api.services.tenant_create(&caller, TenantId(number), &name).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made))))
}

/// A tenant.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}", tag = "tenants",
    params(("tenant" = String, Path, description = "The tenant's number")),
    responses(
        (status = 200, description = "The tenant", body = TenantBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["tenants.admin"]))
)]
async fn tenant_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
) -> Result<Response, Problem> {
    let found = api.services.tenant(&caller, tenant(&number)?).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Gives a tenant another name.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = TenantPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The tenant", body = TenantBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["tenants.admin"]))
)]
async fn tenant_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    IfMatch(expected): IfMatch,
    Json(TenantPatch { name }): Json<TenantPatch>,
) -> Result<Response, Problem> {
    let number = tenant(&number)?;
    let name = match name {
        Some(name) => name,
        None => api.services.tenant(&caller, number).await?.name.into(),
    };
    let made = api.services.tenant_rename(&caller, number, expected, &name).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Removes a tenant that owns nothing any more.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}", tag = "tenants",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["tenants.admin"]))
)]
async fn tenant_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    api.services.tenant_remove(&caller, tenant(&number)?, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(tenant: Tenant) -> TenantBody {
    let Tenant { number, name, link_epoch, created_at, revision: _ } = tenant;
    let created_at = Timestamp(created_at);
    TenantBody { number: number.0, name: name.into(), link_epoch, created_at }
}
