//! Classifications, and the right to manage them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Classification, Grantee};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(classification_list, classification_create))
        .routes(routes!(classification_remove))
        .routes(routes!(classification_right_list))
        .routes(routes!(classification_right_give, classification_right_take))
}

/// A name that contents are sorted under.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Classification)]
struct ClassificationBody {
    /// Its name; unique within the tenant.
    name: String,
    /// Since when it exists.
    created_at: Timestamp,
}

/// A classification to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewClassification {
    /// Its name; unique within the tenant.
    name: String,
}

/// Who may manage a classification, besides those who work with all of the catalog.
#[derive(Debug, Serialize, ToSchema)]
struct ClassificationRights {
    /// The ids of people and applications.
    items: Vec<String>,
}

/// A tenant's classifications, by name.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/classifications", tag = "classifications",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page", body = Listing<ClassificationBody>),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn classification_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/classifications");
    let page = api.page(&path, &query)?;
    let listed = api.services.classification_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// Makes a classification. For those who work with all of the tenant's catalog.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/classifications", tag = "classifications",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewClassification,
    responses(
        (status = 201, description = "The classification", body = ClassificationBody),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn classification_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(body): Json<NewClassification>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let made = api.services.classification_create(&caller, tenant, &body.name).await?;
    Ok(body::answer(StatusCode::CREATED, &wire(made)))
}

/// Removes a classification that no content has any more.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/classifications/{classification}", tag = "classifications",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("classification" = String, Path, description = "The classification's name")
    ),
    responses(
        (status = 204, description = "It is gone"),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn classification_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, classification)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    api.services.classification_remove(&caller, tenant, &classification).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Who may manage a classification: put contents under it, and take them from it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/classifications/{classification}/rights", tag = "classifications",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("classification" = String, Path, description = "The classification's name")
    ),
    responses(
        (status = 200, description = "Who", body = ClassificationRights),
        ReadRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn classification_right_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, classification)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let rights = api.services.classification_right_list(&caller, tenant, &classification).await?;
    let items = rights.iter().map(|it| it.as_str().to_owned()).collect();
    Ok(body::ok(&ClassificationRights { items }))
}

/// Lets somebody manage a classification.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/classifications/{classification}/rights/{grantee}", tag = "classifications",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("classification" = String, Path, description = "The classification's name"),
        ("grantee" = String, Path, description = "The id of a person or an application")
    ),
    responses(
        (status = 204, description = "They may"),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn classification_right_give(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, classification, grantee)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, grantee) = (tenant(&tenant_number)?, id(&grantee, Grantee::parse)?);
    let services = &api.services;
    services.classification_right_give(&caller, tenant, &classification, &grantee).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Somebody manages a classification no longer.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/classifications/{classification}/rights/{grantee}", tag = "classifications",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("classification" = String, Path, description = "The classification's name"),
        ("grantee" = String, Path, description = "The id of a person or an application")
    ),
    responses(
        (status = 204, description = "They may not"),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn classification_right_take(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, classification, grantee)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, grantee) = (tenant(&tenant_number)?, id(&grantee, Grantee::parse)?);
    let services = &api.services;
    services.classification_right_take(&caller, tenant, &classification, &grantee).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(classification: Classification) -> ClassificationBody {
    let Classification { tenant: _, name, created_at } = classification;
    ClassificationBody { name: name.into(), created_at: Timestamp(created_at) }
}
