//! Contents that belong to others: linked ones stand beside, enclosed ones inside.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire_enum::relations;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Segments, content_path};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{ContentId, ContentLink, ContentLinkDraft, LinkRelation};
use crate::control_plane::service::OfContent;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(content_link_list, content_link_replace))
}

/// A content that belongs to another.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContentLink)]
struct LinkBody {
    /// The link's id.
    id: String,
    /// How it belongs.
    #[schema(schema_with = relations)]
    relation: LinkRelation,
    /// The content that belongs.
    content: String,
}

/// What belongs to a content.
#[derive(Debug, Serialize, ToSchema)]
struct ContentLinks {
    /// In its order.
    items: Vec<LinkBody>,
}

/// A content that is to belong to another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewContentLink {
    /// How it belongs.
    #[schema(schema_with = relations)]
    relation: LinkRelation,
    /// The content that belongs.
    content: String,
}

/// What is to belong to a content instead of what does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewContentLinks {
    /// In its order.
    items: Vec<NewContentLink>,
}

/// What belongs to a content. Of members, what they may see.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}/links", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id")
    ),
    responses(
        (status = 200, description = "The links", body = ContentLinks,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn content_link_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let found = api.services.content_link_list(&caller, tenant, &content).await?;
    Ok(answer(found))
}

/// Puts links in place of a content's, each to one that the caller may see.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/contents/{content}/links", tag = "contents",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body = NewContentLinks,
    responses(
        (status = 200, description = "The links", body = ContentLinks,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn content_link_replace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(body): Json<NewContentLinks>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let drafts = body.items.into_iter().map(read).collect::<Result<_, _>>()?;
    let made = api.services.content_link_replace(&caller, tenant, &content, expected, drafts);
    Ok(answer(made.await?))
}

fn read(NewContentLink { relation, content }: NewContentLink) -> Result<ContentLinkDraft, Problem> {
    let target = ContentId::parse(&content)
        .ok_or_else(|| Problem::invalid("/items", "content must be the id of one"))?;
    Ok(ContentLinkDraft { relation, target })
}

fn answer(OfContent { it, revision }: OfContent<Vec<ContentLink>>) -> Response {
    let items = it.into_iter().map(|ContentLink { id, draft }| {
        let ContentLinkDraft { relation, target } = draft;
        LinkBody { id: id.to_string(), relation, content: target.to_string() }
    });
    tagged(revision, body::ok(&ContentLinks { items: items.collect() }))
}
