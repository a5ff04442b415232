//! What is done with the files of a version and with those of a folder, alike.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::file_body::{FileBody, Files, NewFile, NewFiles};
use crate::asset::TenantId;
use crate::control_plane::api::body;
use crate::control_plane::api::condition::tagged;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::segment::{id, number};
use crate::control_plane::api::state::Api;
use crate::control_plane::caller::Caller;
use crate::control_plane::service::{Expected, FilesOf};

pub(super) async fn list(
    api: &Api,
    caller: &Caller,
    tenant: TenantId,
    of: &FilesOf,
) -> Result<Response, Problem> {
    let table = api.services.file_list(caller, tenant, of).await?;
    Ok(tagged(table.revision, body::ok(&Files::from(table.files))))
}

pub(super) async fn replace(
    api: &Api,
    caller: &Caller,
    tenant: TenantId,
    of: &FilesOf,
    expected: Expected,
    files: NewFiles,
) -> Result<Response, Problem> {
    let table = api.services.file_replace(caller, tenant, of, expected, files.read()).await?;
    Ok(tagged(table.revision, body::ok(&Files::from(table.files))))
}

pub(super) async fn add(
    api: &Api,
    caller: &Caller,
    tenant: TenantId,
    of: &FilesOf,
    file: NewFile,
) -> Result<Response, Problem> {
    let (made, revision) = api.services.file_add(caller, tenant, of, file.read()).await?;
    Ok(tagged(revision, body::answer(StatusCode::CREATED, &FileBody::from(made))))
}

pub(super) async fn remove(
    api: &Api,
    caller: &Caller,
    tenant: TenantId,
    of: &FilesOf,
    expected: Expected,
    file: &str,
) -> Result<Response, Problem> {
    let file = id(file, number)?;
    api.services.file_remove(caller, tenant, of, expected, file).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
