//! Chapters of a version. Their entity tag is the content's.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Segments, version_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::Chapter;
use crate::control_plane::service::OfContent;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(chapter_list, chapter_replace))
}

/// A chapter. Its stills are files of kind `chapter_thumbnail` in its slot.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Chapter)]
struct ChapterBody {
    /// Which: the chapter id of asset URLs.
    slot: String,
    /// Its title.
    #[serde(default)]
    title: String,
    /// When it starts, in milliseconds from the beginning.
    starts_ms: u64,
}

/// Chapters.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Chapters {
    /// The first first.
    items: Vec<ChapterBody>,
}

/// A version's chapters.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/chapters", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id")
    ),
    responses(
        (status = 200, description = "The chapters", body = Chapters,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn chapter_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let found = api.services.chapter_list(&caller, tenant, &content, &version).await?;
    Ok(answer(found))
}

/// Puts chapters in place of a version's.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/contents/{content}/versions/{version}/chapters", tag = "versions",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("version" = String, Path, description = "The version's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body = Chapters,
    responses(
        (status = 200, description = "The chapters", body = Chapters,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn chapter_replace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, version)): Segments<(String, String, String)>,
    IfMatch(expected): IfMatch,
    Json(body): Json<Chapters>,
) -> Result<Response, Problem> {
    let (tenant, content, version) = version_path(&tenant_number, &content, &version)?;
    let chapters = body.items.into_iter().map(|ChapterBody { slot, title, starts_ms }| Chapter {
        slot: slot.into(),
        title: title.into(),
        starts_ms,
    });
    let (services, chapters) = (&api.services, chapters.collect());
    let made =
        services.chapter_replace(&caller, tenant, &content, &version, expected, chapters).await?;
    Ok(answer(made))
}

fn answer(OfContent { it, revision }: OfContent<Vec<Chapter>>) -> Response {
    let items = it.into_iter().map(|Chapter { slot, title, starts_ms }| ChapterBody {
        slot: slot.into(),
        title: title.into(),
        starts_ms,
    });
    tagged(revision, body::ok(&Chapters { items: items.collect() }))
}
