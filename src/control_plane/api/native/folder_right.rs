//! Rights over folders.

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
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Segments, folder_path, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{FolderRight, Grantee, Right};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(folder_right_list))
        .routes(routes!(folder_right_set, folder_right_remove))
}

/// What a right permits; each includes those before it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = Right)]
enum RightName {
    /// To find and open.
    See,
    /// To change.
    Modify,
    /// To hand out to strangers.
    Share,
    /// To give rights to others.
    Own,
}

/// A right that somebody has over a folder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FolderRight)]
struct RightBody {
    /// Whose it is: the id of a person or an application.
    grantee: String,
    /// What it permits.
    right: RightName,
}

/// The rights over a folder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FolderRights)]
struct Rights {
    /// By grantee.
    items: Vec<RightBody>,
}

/// A right to be given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFolderRight {
    /// What it permits.
    right: RightName,
}

/// The rights given over a folder itself, those over the folders above apart. For those who
/// administer accounts, and the folder's owners.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/folders/{folder}/rights", tag = "rights",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number")
    ),
    responses(
        (status = 200, description = "The rights", body = Rights,
            headers(("ETag" = String, description = "The folder's revision: the rights are its"))),
        ReadRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn folder_right_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    let found = api.services.folder_right_list(&caller, tenant, folder).await?;
    let items = found.rights.into_iter().map(wire).collect();
    Ok(tagged(found.revision, body::ok(&Rights { items })))
}

/// Says what somebody may do in a folder and all below.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/folders/{folder}/rights/{grantee}", tag = "rights",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("grantee" = String, Path, description = "The id of a person or an application"),
        ("If-Match" = String, Header, description = "The folder's revision, or `*`")
    ),
    request_body = NewFolderRight,
    responses(
        (status = 204, description = "It is given",
            headers(("ETag" = String, description = "The folder's revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn folder_right_set(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder, grantee)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Json(NewFolderRight { right }): Json<NewFolderRight>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    let grantee = id(&grantee, Grantee::parse)?;
    let right = match right {
        RightName::See => Right::See,
        RightName::Modify => Right::Modify,
        RightName::Share => Right::Share,
        RightName::Own => Right::Own,
    };
    let revision = api
        .services
        .folder_right_set(&caller, tenant, folder, expected, &grantee, Some(right))
        .await?;
    Ok(tagged(revision, StatusCode::NO_CONTENT.into_response()))
}

/// Takes back what somebody may do in a folder and all below.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/folders/{folder}/rights/{grantee}", tag = "rights",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("grantee" = String, Path, description = "The id of a person or an application"),
        ("If-Match" = String, Header, description = "The folder's revision, or `*`")
    ),
    responses(
        (status = 204, description = "It is taken back",
            headers(("ETag" = String, description = "The folder's revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["accounts.admin"]))
)]
async fn folder_right_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder, grantee)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    let grantee = id(&grantee, Grantee::parse)?;
    let set = api.services.folder_right_set(&caller, tenant, folder, expected, &grantee, None);
    Ok(tagged(set.await?, StatusCode::NO_CONTENT.into_response()))
}

fn wire(right: FolderRight) -> RightBody {
    let FolderRight { folder: _, grantee, right } = right;
    let right = match right {
        Right::See => RightName::See,
        Right::Modify => RightName::Modify,
        Right::Share => RightName::Share,
        Right::Own => RightName::Own,
    };
    RightBody { grantee: grantee.as_str().to_owned(), right }
}
