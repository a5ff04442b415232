//! Contexts under which contents are shown.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::patch::Patched;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Context, ContextDraft, ContextText};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(context_list, context_create)).routes(routes!(
        context_show,
        context_update,
        context_remove
    ))
}

/// A context.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Context)]
struct ContextBody {
    /// Its name; unique within the tenant.
    name: String,
    /// What people call it, by language.
    texts: Vec<TextBody>,
    /// Since when it exists.
    created_at: Timestamp,
}

/// What people call a context in one language.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContextText)]
struct TextBody {
    /// The language (BCP 47).
    language: String,
    /// Its label.
    label: String,
    /// Its description.
    #[serde(default)]
    description: String,
}

/// A context to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewContext {
    /// Its name; unique within the tenant.
    name: String,
    /// What people call it, at most one a language.
    #[serde(default)]
    texts: Vec<TextBody>,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ContextPatch {
    /// What people call it; null: nothing.
    #[serde(default)]
    #[schema(value_type = Option<Vec<TextBody>>)]
    texts: Patched<Vec<TextBody>>,
}

/// A tenant's contexts, by name.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contexts", tag = "contexts",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        PageQuery
    ),
    responses(
        (status = 200, description = "A page", body = Listing<ContextBody>),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn context_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/contexts");
    let page = api.page(&path, &query)?;
    let listed = api.services.context_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// Makes a context. For those who work with all of the tenant's catalog.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/contexts", tag = "contexts",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewContext,
    responses(
        (status = 201, description = "The context", body = ContextBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn context_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(body): Json<NewContext>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let draft = read(body.texts);
    let made = api.services.context_create(&caller, tenant, &body.name, draft).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made))))
}

/// A context.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contexts/{context}", tag = "contexts",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("context" = String, Path, description = "The context's name")
    ),
    responses(
        (status = 200, description = "The context", body = ContextBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn context_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, context)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let found = api.services.context(&caller, tenant, &context).await?;
    Ok(tagged(found.revision, body::ok(&wire(found))))
}

/// Says something else about a context.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/contexts/{context}", tag = "contexts",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("context" = String, Path, description = "The context's name"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = ContextPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The context", body = ContextBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read", "catalog.write"]))
)]
async fn context_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, context)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(body): Json<ContextPatch>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let now = api.services.context(&caller, tenant, &context).await?;
    let seen = expected.or_revision(now.revision);
    let draft = match body.texts {
        Patched::Same => now.draft,
        Patched::To(texts) => read(texts.unwrap_or_default()),
    };
    let made = api.services.context_replace(&caller, tenant, &context, seen, &draft).await?;
    Ok(tagged(made.revision, body::ok(&wire(made))))
}

/// Removes a context.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/contexts/{context}", tag = "contexts",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("context" = String, Path, description = "The context's name"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses(
        (status = 204, description = "It is gone"),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.write"]))
)]
async fn context_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, context)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    api.services.context_remove(&caller, tenant, &context, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn read(texts: Vec<TextBody>) -> ContextDraft {
    let texts = texts.into_iter().map(|TextBody { language, label, description }| ContextText {
        language: language.into(),
        label: label.into(),
        description: description.into(),
    });
    ContextDraft { texts: texts.collect() }
}

fn wire(context: Context) -> ContextBody {
    let Context { tenant: _, name, draft: ContextDraft { texts }, created_at, revision: _ } =
        context;
    let texts = texts.into_iter().map(|ContextText { language, label, description }| TextBody {
        language: language.into(),
        label: label.into(),
        description: description.into(),
    });
    let created_at = Timestamp(created_at);
    ContextBody { name: name.into(), texts: texts.collect(), created_at }
}
