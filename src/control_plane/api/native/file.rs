//! Files of a version. Their entity tag is the content's.

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
use crate::control_plane::api::segment::{Segments, version_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::service::FilesOf;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(file_list, file_replace, file_add))
        .routes(routes!(file_remove))
}

/// The files of a version.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/files", tag = "files",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id")
    ),
    responses(
        (status = 200, description = "The files", body = Files,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn file_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    file_table::list(&api, &caller, tenant, &FilesOf::Version(content, version)).await
}

/// Puts files in place of the files of a version. One that is the same keeps its number.
/// For those who work with all of the tenant's catalog.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/files", tag = "files",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
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
async fn file_replace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Json(body): Json<NewFiles>,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let of = FilesOf::Version(content, version);
    file_table::replace(&api, &caller, tenant, &of, expected, body).await
}

/// Registers one file more, in a place that is free. For those who work with all of the
/// tenant's catalog.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/files", tag = "files",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
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
async fn file_add(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
    Json(body): Json<NewFile>,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let of = FilesOf::Version(content, version);
    file_table::add(&api, &caller, tenant, &of, body).await
}

/// Forgets a file; it stays where it is. For those who work with all of the tenant's catalog.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/files/{file}", tag = "files",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
        ("file" = String, Path, description = "The file's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    responses(
        (status = 204, description = "It is forgotten"),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn file_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version, file)): Segments<(String, String, String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let of = FilesOf::Version(content, version);
    file_table::remove(&api, &caller, tenant, &of, expected, &file).await
}
