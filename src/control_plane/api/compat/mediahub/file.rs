//! `/files/`: what there is, one of it, and forgetting it.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::MediaCaller;
use super::download::file_or_archive;
use super::query::{Flag, MediaQuery, refused};
use super::spelling::Spelling;
use crate::control_plane::api::error::{Problem, ProblemCode};
use crate::control_plane::api::refusal::MediahubRefusals;
use crate::control_plane::api::segment::Segments;
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{Archive, Autograph, File};
use crate::control_plane::service::{FileChoice, FileDirection, FileOrder, FileRange};

/// Files of a list where nobody says how many, and at most.
const USUAL: u64 = 1_000;
const MOST: u64 = 5_000;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(file_list))
        .routes(routes!(file_show, file_remove))
        .route("/v1/files", get(file_list))
        .route("/files/", get(file_list))
        .route("/files", get(file_list))
        .route("/files/{file}", get(file_show).delete(file_remove))
}

/// Which files.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document shows it; the handler takes the parameters one by one")]
struct ListParameters {
    /// How many to leave out at the beginning.
    start: Option<u64>,
    /// How many at most: 1,000, if nothing is said, and no more than 5,000.
    #[param(minimum = 1, maximum = 5000)]
    limit: Option<u64>,
    /// By what they are sorted: `created_at`, which is the default, `name` or `size`.
    sort: Option<String>,
    /// 1 upwards, -1 downwards.
    direction: Option<i64>,
    /// `true` shows fields without a value.
    show_null: Option<bool>,
    /// `json` or `xml`; else as `Accept` says.
    format: Option<String>,
    /// `true` indents.
    human: Option<bool>,
}

/// The files that are registered.
#[utoipa::path(
    get, path = "/v1/files/", tag = "files", params(ListParameters),
    responses((status = 200, description = "Files", body = Object), MediahubRefusals),
    security(("bearer" = ["files.read"]), ("signature" = []))
)]
async fn file_list(
    State(api): State<Api>,
    MediaCaller { caller, .. }: MediaCaller,
    query: MediaQuery,
    spelling: Spelling,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = query.number("limit")?.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(refused("limit", "is 1 to 5000"));
    }
    let by = match query.text("sort")? {
        None | Some("created_at" | "updated_at" | "finished_at" | "id") => FileOrder::Number,
        Some("name" | "title") => FileOrder::Name,
        Some("size") => FileOrder::Size,
        Some(_) => return Err(refused("sort", "is created_at, name or size")),
    };
    let direction = match query.text("direction")? {
        None | Some("1") => FileDirection::Upwards,
        Some("-1") => FileDirection::Downwards,
        Some(_) => return Err(refused("direction", "is 1 or -1")),
    };
    let range =
        FileRange { start: query.number("start")?.unwrap_or_default(), limit, by, direction };
    let files = api.services.file_range(&caller, range).await?;
    let about = About { base: api.address(&headers), nulls: query.flag("show_null")? };
    let files: Vec<_> = files.into_iter().map(|file| about.file(file)).collect();
    Ok(spelling.answer(StatusCode::OK, &json!({"files": files})))
}

/// A file, or an archive.
#[utoipa::path(
    get, path = "/v1/files/{file}", tag = "files",
    params(("file" = String, Path, description = "The file's id")),
    responses((status = 200, description = "The file", body = Object), MediahubRefusals),
    security(("bearer" = ["files.read"]), ("signature" = []))
)]
async fn file_show(
    State(api): State<Api>,
    MediaCaller { caller, .. }: MediaCaller,
    Segments(id): Segments<String>,
    query: MediaQuery,
    spelling: Spelling,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let about = About { base: api.address(&headers), nulls: query.flag("show_null")? };
    let shown = match file_or_archive(&id)? {
        FileChoice::File(number) => about.file(api.services.file_show(&caller, number).await?),
        FileChoice::Archive(id) => about.archive(api.services.archive_show(&caller, &id).await?),
        FileChoice::Object { .. } => return Err(Problem::new(ProblemCode::NotFound)),
    };
    Ok(spelling.answer(StatusCode::OK, &json!({"file": shown})))
}

/// Forgets a file, or an archive. The object stays where it is, but of a file that was uploaded: it is
/// deleted.
#[utoipa::path(
    delete, path = "/v1/files/{file}", tag = "files",
    params(("file" = String, Path, description = "The file's id")),
    responses((status = 204, description = "It is forgotten"), MediahubRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn file_remove(
    State(api): State<Api>,
    MediaCaller { caller, .. }: MediaCaller,
    Segments(id): Segments<String>,
) -> Result<Response, Problem> {
    match file_or_archive(&id)? {
        FileChoice::File(number) => api.services.file_forget(&caller, number).await?,
        FileChoice::Archive(id) => api.services.archive_forget(&caller, &id).await?,
        FileChoice::Object { .. } => return Err(Problem::new(ProblemCode::NotFound)),
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// How files are shown.
struct About {
    base: String,
    nulls: Option<Flag>,
}

impl About {
    fn file(&self, file: File) -> Value {
        let File { number, owner: _, draft, created_at } = file;
        let container = draft.name.rsplit_once('.').map(|(_, extension)| extension.to_lowercase());
        let created_ms = created_at.get().saturating_mul(1_000);
        self.without_nulls(json!({
            "id": number.to_string(),
            "storage": "intern",
            "type": "file",
            "title": draft.name,
            "name": draft.name,
            "autograph": draft.autograph == Autograph::Allowed,
            "container": container,
            "mime_type": draft.mime,
            "md5_checksum": draft.md5,
            "sha256_checksum": draft.sha256,
            "size": draft.size,
            "duration": draft.duration_ms,
            "object_key": draft.key,
            "job": null,
            "pipeline": json!({"id": draft.pipeline.to_string()}),
            "parents": [],
            "uri": format!("{}/v1/files/downloads/?file_id={number}", self.base),
            "finished_at": created_ms,
            "expires_at": null,
            "created_at": created_ms,
            "updated_at": created_ms,
            "version": 1,
        }))
    }

    fn archive(&self, archive: Archive) -> Value {
        let Archive { id, tenant: _, draft, created_at } = archive;
        let created_ms = created_at.get().saturating_mul(1_000);
        let elements: Vec<_> = draft
            .elements
            .iter()
            .map(|element| json!({"id": element.file.to_string(), "name": element.name}))
            .collect();
        self.without_nulls(json!({
            "id": id.as_str(),
            "storage": "intern",
            "type": "archive",
            "title": draft.name,
            "name": draft.name,
            "autograph": false,
            "object_key": draft.key,
            "job": null,
            "pipeline": json!({"id": draft.pipeline.to_string()}),
            "parents": [],
            "elements": elements,
            "uri": format!("{}/v1/files/downloads/?file_id={id}", self.base),
            "finished_at": created_ms,
            "expires_at": null,
            "created_at": created_ms,
            "updated_at": created_ms,
            "version": 1,
        }))
    }

    fn without_nulls(&self, mut value: Value) -> Value {
        if self.nulls != Some(Flag::Yes)
            && let Some(members) = value.as_object_mut()
        {
            members.retain(|_, value| !value.is_null());
        }
        value
    }
}
