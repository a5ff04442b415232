//! `listVersions`: which versions a content has, and what the original of each is (requirement A7).

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::ThronCaller;
use super::form::Fields;
use super::login::client_of;
use super::spelling::{LooseBody, Spelling, number, texts};
use crate::control_plane::api::body;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::ThronRefusals;
use crate::control_plane::api::segment::{Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::ContentId;
use crate::control_plane::service::SourceVersion;

/// Versions of a list, where nobody says how many, and at most.
const MOST: usize = 1_000;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_versions, list_versions_by_query))
}

/// Which versions.
#[derive(ToSchema)]
#[schema(as = MContentlistVersionsReq, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct VersionQuestion {
    /// Only these.
    criteria: Option<VersionCriteria>,
    /// How many at most.
    number_of_results: Option<u64>,
    /// How many to leave out at the beginning.
    offset: Option<u64>,
}

/// Which versions.
#[derive(ToSchema)]
#[schema(as = MVersionSearchCriteria)]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields one by one")]
struct VersionCriteria {
    /// Their ids; every one, if there is none.
    ids: Vec<String>,
}

/// Versions, the newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MResponseContentListVersions)]
struct VersionList {
    /// `OK`.
    result_code: &'static str,
    /// `OK`.
    sso_code: &'static str,
    /// The versions.
    items: Vec<VersionBody>,
    /// How many there are, listed or not.
    total_results: usize,
}

/// A version.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MVersion)]
struct VersionBody {
    /// Its id: `versionId` of a download.
    id: String,
    /// Is it the one that is handed out?
    active: bool,
    /// Since when it exists.
    created_date: Timestamp,
    /// What people call it.
    note: NoteBody,
    /// Its original.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    source: Option<SourceBody>,
}

/// What people say of a version.
#[derive(Serialize, ToSchema)]
#[schema(as = MVersionNote)]
struct NoteBody {
    /// The words.
    description: String,
}

/// An original.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MRef)]
struct SourceBody {
    /// Its number.
    id: String,
    /// The name it is saved under.
    name: String,
    /// Its media type.
    mimetype: String,
    /// Its size in bytes.
    size: u64,
    /// Since when it is registered.
    creation_date: Timestamp,
}

/// The versions of a content, for whoever may change it (`JContent.listVersions`).
#[utoipa::path(
    post, path = "/api/xadmin/resources/content/listVersions/{clientId}/{xcontentId}",
    tag = "content",
    params(
        ("clientId" = String, Path, description = "The tenant, by name or number"),
        ("xcontentId" = String, Path, description = "The content's id")
    ),
    request_body(content = VersionQuestion, content_type = "application/json"),
    responses((status = 200, description = "Versions", body = VersionList), ThronRefusals),
    security(("session" = ["catalog.read"]))
)]
async fn list_versions(
    State(api): State<Api>,
    Segments((client, content)): Segments<(String, String)>,
    caller: ThronCaller,
    spelling: Spelling,
    LooseBody(question): LooseBody,
) -> Result<Response, Problem> {
    listed(&api, caller, &client, &content, &question, spelling).await
}

/// The same, as browsers ask: `param` is the body as JSON.
#[utoipa::path(
    get, path = "/api/xadmin/resources/content/listVersions/{clientId}/{xcontentId}",
    tag = "content",
    params(
        ("clientId" = String, Path, description = "The tenant, by name or number"),
        ("xcontentId" = String, Path, description = "The content's id"),
        ("param" = Option<String>, Query, description = "Which versions, as JSON")
    ),
    responses((status = 200, description = "Versions", body = VersionList), ThronRefusals),
    security(("session" = ["catalog.read"]))
)]
async fn list_versions_by_query(
    State(api): State<Api>,
    Segments((client, content)): Segments<(String, String)>,
    caller: ThronCaller,
    spelling: Spelling,
    request: Request,
) -> Result<Response, Problem> {
    let query = Fields::of_query(request.uri().query())?;
    let question = match query.get("param")? {
        Some(text) => body::parse(text.as_bytes())?,
        None => Value::Null,
    };
    listed(&api, caller, &client, &content, &question, spelling).await
}

async fn listed(
    api: &Api,
    ThronCaller { caller, name: _ }: ThronCaller,
    client: &str,
    content: &str,
    question: &Value,
    spelling: Spelling,
) -> Result<Response, Problem> {
    let tenant = client_of(api, &caller, client).await?;
    let content = id(content, ContentId::parse)?;
    // Who may not ask learns nothing of what is wrong with the question.
    let (content, versions) = api.services.source_version_list(&caller, tenant, &content).await?;
    let criteria = question.get("criteria");
    if criteria.is_some_and(Value::is_array) {
        return Err(Problem::invalid("/criteria", "is there twice"));
    }
    let ids = texts(criteria.and_then(|it| it.get("ids")))
        .filter(|ids| ids.len() <= MOST)
        .ok_or_else(|| Problem::invalid("/criteria/ids", "must be a list of at most 1000 texts"))?;
    let count = |name: &'static str| {
        let wrong = || Problem::invalid(format!("/{name}"), "must be a number, not below 0");
        let count = number(question.get(name)).map_err(|_| wrong())?;
        Ok::<_, Problem>(count.map(|it| usize::try_from(it).unwrap_or(usize::MAX)))
    };
    let (most, offset) = (count("numberOfResults")?, count("offset")?);
    let wanted: Vec<_> = versions
        .into_iter()
        .filter(|it| ids.is_empty() || ids.contains(&it.version.id.as_str()))
        .collect();
    let total_results = wanted.len();
    let active = content.active_version.as_ref();
    let items = wanted
        .into_iter()
        .skip(offset.unwrap_or_default())
        .take(most.unwrap_or(MOST).min(MOST))
        .map(|SourceVersion { version, source }| VersionBody {
            active: active == Some(&version.id),
            id: version.id.to_string(),
            created_date: Timestamp(version.created_at),
            note: NoteBody { description: version.label.into() },
            source: source.map(|file| SourceBody {
                id: file.number.to_string(),
                name: file.draft.name.into(),
                mimetype: file.draft.mime.into(),
                size: file.draft.size,
                creation_date: Timestamp(file.created_at),
            }),
        })
        .collect();
    let body = VersionList { result_code: "OK", sso_code: "OK", items, total_results };
    Ok(spelling.answer(StatusCode::OK, "MResponseContentListVersions", &body))
}
