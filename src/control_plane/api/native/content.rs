//! Contents.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::content_body::{ContentBody, ContentPatch, NewContent};
use super::wire_enum::{content_kinds, publications};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, content_path, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{ContentKind, Publication};
use crate::control_plane::service::{ContentFilter, FolderFilter, MetadataFilter};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(content_list, content_create)).routes(routes!(
        content_show,
        content_update,
        content_remove
    ))
}

/// Which contents.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ContentQuery {
    /// Those in this folder.
    folder: Option<u64>,
    /// With `folder`: those in folders below it as well.
    below: Option<bool>,
    /// Those of this kind.
    #[param(schema_with = content_kinds)]
    kind: Option<ContentKind>,
    /// Those that are published, or are not.
    #[param(schema_with = publications)]
    publication: Option<Publication>,
    /// Those with this tag.
    tag: Option<String>,
    /// Those with this classification.
    classification: Option<String>,
    /// Those with a title, in any language, that has this in it, in any case.
    title: Option<String>,
    /// Those with this field: `name=value`, or `name/language=value` with a language tag, which
    /// empty means the field of every language.
    metadata: Option<String>,
    /// Those with this name for people; with `language`, in that one.
    pretty_id: Option<String>,
    /// Those of which something is said in this language.
    language: Option<String>,
    /// Those that changed then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    updated_since: Option<Timestamp>,
}

impl ContentQuery {
    /// The list that is asked for: its address, and which contents are on it.
    fn read(self, tenant: TenantId) -> Result<(String, ContentFilter), Problem> {
        let Self {
            folder,
            below,
            kind,
            publication,
            tag,
            classification,
            title,
            metadata,
            pretty_id,
            language,
            updated_since,
        } = self;
        let path = format!("/api/v1/tenants/{tenant}/contents");
        let below = below.unwrap_or_default();
        let parameters = [
            ("folder", folder.map(|it| it.to_string())),
            ("below", below.then(|| "true".to_owned())),
            ("kind", kind.map(|it| it.to_string())),
            ("publication", publication.map(|it| it.to_string())),
            ("tag", tag.clone()),
            ("classification", classification.clone()),
            ("title", title.clone()),
            ("metadata", metadata.clone()),
            ("pretty_id", pretty_id.clone()),
            ("language", language.clone()),
            ("updated_since", updated_since.map(|it| it.to_string())),
        ];
        let list = list_address(path, parameters);
        let folder = match (folder.map(ChannelId), below) {
            (Some(folder), true) => Some(FolderFilter::WithBelow(folder)),
            (Some(folder), false) => Some(FolderFilter::Itself(folder)),
            (None, true) => return Err(Problem::invalid("", "below is of a folder")),
            (None, false) => None,
        };
        if title.as_deref().is_some_and(str::is_empty) {
            return Err(Problem::invalid("", "title is at least a character"));
        }
        let filter = ContentFilter {
            folder,
            kind,
            publication,
            tag: tag.map(Into::into),
            classification: classification.map(Into::into),
            title: title.map(Into::into),
            metadata: metadata.as_deref().map(field).transpose()?,
            pretty_id: pretty_id.map(Into::into),
            language: language.map(Into::into),
            updated_since: updated_since.map(|it| it.0),
        };
        Ok((list, filter))
    }
}

/// `name=value`, or `name/language=value`.
fn field(text: &str) -> Result<MetadataFilter, Problem> {
    let wrong = || Problem::invalid("", "metadata is name=value, or name/language=value");
    let (name, value) = text.split_once('=').ok_or_else(wrong)?;
    let (name, language) = match name.rsplit_once('/') {
        Some((name, language)) => (name, Some(language.into())),
        None => (name, None),
    };
    if name.is_empty() {
        return Err(wrong());
    }
    Ok(MetadataFilter { name: name.into(), language, value: value.into() })
}

/// A tenant's contents, by id. Of members, those in folders they may see.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"), ContentQuery, PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<ContentBody>), ReadRefusals),
    security(("bearer" = ["catalog.read"]))
)]
async fn content_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(filter): Parameters<ContentQuery>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let (list, filter) = filter.read(tenant)?;
    let page = api.page(&list, &query)?;
    let listed = api.services.content_list(&caller, tenant, &filter, &page).await?;
    Ok(api.listing(&list, &query, listed, ContentBody::from))
}

/// Makes a content, with its first version if it has files.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contents", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewContent,
    responses(
        (status = 201, description = "The content", body = ContentBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn content_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(content): Json<NewContent>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let made = api.services.content_create(&caller, tenant, content.read()?).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &ContentBody::from(made))))
}

/// A content.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id")
    ),
    responses(
        (status = 200, description = "The content", body = ContentBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn content_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let found = api.services.content(&caller, tenant, &content).await?;
    Ok(tagged(found.revision, body::ok(&ContentBody::from(found))))
}

/// Says something else about a content.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/contents/{content}", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = ContentPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The content", body = ContentBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read", "catalog.write"]))
)]
async fn content_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<ContentPatch>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let now = api.services.content(&caller, tenant, &content).await?;
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let draft = patch.over(now.draft);
    let made = api.services.content_replace(&caller, tenant, &content, seen, draft).await?;
    Ok(tagged(made.revision, body::ok(&ContentBody::from(made))))
}

/// Removes a content, with its versions and what is known of their files. The files stay where they
/// are.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/contents/{content}", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["catalog.write"]))
)]
async fn content_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    api.services.content_remove(&caller, tenant, &content, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
