//! Attachments of a folder, movingimage's channel. Their entity tag is the folder's.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::file_body::{FileBody, Files, NewFile, NewFiles};
use super::file_table;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::Json;
use crate::control_plane::api::condition::IfMatch;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Segments, folder_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::service::FilesOf;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(attachment_list, attachment_replace, attachment_add))
        .routes(routes!(attachment_remove))
}

/// The attachments of a folder.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/folders/{folder}/attachments", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number")
    ),
    responses(
        (status = 200, description = "The files", body = Files,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn attachment_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    file_table::list(&api, &caller, tenant, &FilesOf::Folder(folder)).await
}

/// Puts files in place of the attachments of a folder. One that is the same keeps its number.
/// For those who work with all of the tenant's catalog.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/folders/{folder}/attachments", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body = NewFiles,
    responses(
        (status = 200, description = "The files", body = Files,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn attachment_replace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(body): Json<NewFiles>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    file_table::replace(&api, &caller, tenant, &FilesOf::Folder(folder), expected, body).await
}

/// Registers one file more, in a place that is free. For those who work with all of the
/// tenant's catalog.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/folders/{folder}/attachments", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewFile,
    responses(
        (status = 201, description = "The file", body = FileBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn attachment_add(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
    Json(body): Json<NewFile>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    file_table::add(&api, &caller, tenant, &FilesOf::Folder(folder), body).await
}

/// Forgets a file; it stays where it is. For those who work with all of the tenant's catalog.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/folders/{folder}/attachments/{file}", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("file" = String, Path, description = "The file's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    responses(
        (status = 204, description = "It is forgotten"),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn attachment_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder, file)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    file_table::remove(&api, &caller, tenant, &FilesOf::Folder(folder), expected, &file).await
}
