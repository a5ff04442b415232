//! Folders, in a tree.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::ChannelId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, folder_path, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Folder, FolderDraft};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(folder_list, folder_create)).routes(routes!(
        folder_show,
        folder_update,
        folder_remove
    ))
}

/// A folder.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Folder)]
struct FolderBody {
    /// Its number: movingimage's channelId.
    number: u64,
    /// The folder it is in; null at the top.
    parent: Option<u64>,
    /// What people call it.
    name: String,
    /// Since when it exists.
    created_at: Timestamp,
}

/// A folder to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFolder {
    /// The folder it is in; null at the top.
    parent: Option<u64>,
    /// What people call it.
    name: String,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FolderPatch {
    /// Another folder to be in; null moves it to the top.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    parent: Place,
    /// Another name.
    name: Option<String>,
}

/// Where a patch puts a folder.
#[derive(Clone, Copy, Debug, Default)]
enum Place {
    /// Into that one, or to the top.
    In(Option<u64>),
    /// Where it is.
    #[default]
    Same,
}

/// A field that is there, null included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    Option::<u64>::deserialize(deserializer).map(Place::In)
}

/// A tenant's folders, by number. Of members, those they may see.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/folders", tag = "folders",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<FolderBody>), ReadRefusals),
    security(("bearer" = ["catalog.read"]))
)]
async fn folder_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/folders");
    let page = api.page(&path, &query)?;
    let listed = api.services.folder_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// Makes a folder.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/folders", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewFolder,
    responses(
        (status = 201, description = "The folder", body = FolderBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn folder_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(NewFolder { parent, name }): Json<NewFolder>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let draft = FolderDraft { parent: parent.map(ChannelId), name: name.into() };
    let made = api.services.folder_create(&caller, tenant, draft).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made))))
}

/// A folder.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/folders/{folder}", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number")
    ),
    responses(
        (status = 200, description = "The folder", body = FolderBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn folder_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    let found = api.services.folder(&caller, tenant, folder).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Renames or moves a folder.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/folders/{folder}", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = FolderPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The folder", body = FolderBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read", "catalog.write"]))
)]
async fn folder_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(FolderPatch { parent, name }): Json<FolderPatch>,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    let now = api.services.folder(&caller, tenant, folder).await?;
    let draft = FolderDraft {
        parent: match parent {
            Place::In(parent) => parent.map(ChannelId),
            Place::Same => now.parent,
        },
        name: name.map_or(now.name, Into::into),
    };
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let made = api.services.folder_update(&caller, tenant, folder, seen, draft).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Removes a folder with nothing in it but attachments.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/folders/{folder}", tag = "folders",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("folder" = String, Path, description = "The folder's number"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn folder_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, folder)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, folder) = folder_path(&tenant_number, &folder)?;
    api.services.folder_remove(&caller, tenant, folder, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(folder: Folder) -> FolderBody {
    let Folder { number, tenant: _, parent, name, created_at, revision: _ } = folder;
    let parent = parent.map(|parent| parent.0);
    FolderBody { number: number.0, parent, name: name.into(), created_at: Timestamp(created_at) }
}
