//! Revocations of a tenant's links.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Revocation, RevocationDraft, RevocationId, RevokedLinks};
use crate::control_plane::service::ONLY_REVISION;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(revocation_list, revocation_create))
        .routes(routes!(revocation_remove))
}

/// Which links.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", content = "subject", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = RevokedLinks)]
enum Links {
    /// Those that an application or a person asked for, by their id, that were signed before.
    Issuer(String),
    /// Those to one asset, by its path, that were signed before.
    Asset(String),
    /// Those signed with one key.
    Key(String),
    /// The one of that id.
    Link(String),
    /// Those that carry a tag, by its text, that were signed before.
    Tag(String),
    /// All of the tenant's of an epoch before this one.
    TenantEpoch(u64),
}

/// Links that are dead.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revocation)]
struct RevocationBody {
    /// Its id.
    id: String,
    /// Which links.
    links: Links,
    /// Why.
    reason: String,
    /// Since when.
    created_at: Timestamp,
    /// When it can be forgotten.
    expires_at: Option<Timestamp>,
}

/// A revocation to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRevocation {
    /// Which links.
    links: Links,
    /// Why.
    #[serde(default)]
    reason: String,
    /// When it can be forgotten, because the links have expired by themselves.
    expires_at: Option<Timestamp>,
}

/// A tenant's revocations, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/revocations", tag = "revocations",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<RevocationBody>), ReadRefusals),
    security(("bearer" = ["links.revoke"]))
)]
async fn revocation_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let path = format!("/api/v1/tenants/{tenant}/revocations");
    let page = api.page(&path, &query)?;
    let listed = api.services.revocation_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, wire))
}

/// Makes links dead, at every edge within a second.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/revocations", tag = "revocations",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewRevocation,
    responses(
        (status = 201, description = "The revocation", body = RevocationBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["links.revoke"]))
)]
async fn revocation_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Json(NewRevocation { links, reason, expires_at }): Json<NewRevocation>,
) -> Result<Response, Problem> {
    let subject = match links {
        Links::Issuer(id) => RevokedLinks::Issuer(id.into()),
        Links::Asset(path) => RevokedLinks::Asset(path.into()),
        Links::Key(key) => RevokedLinks::Key(key.into()),
        Links::Link(link) => RevokedLinks::Link(link.into()),
        Links::Tag(tag) => RevokedLinks::Tag(tag.into()),
        Links::TenantEpoch(epoch) => RevokedLinks::TenantEpoch(epoch),
    };
    let tenant = tenant(&number)?;
    let expires_at = expires_at.map(|Timestamp(at)| at);
    let draft =
        RevocationDraft { tenant, subject, reason: reason.into(), made_before: None, expires_at };
    let made = api.services.revocation_create(&caller, draft).await?;
    Ok(tagged(ONLY_REVISION, body::answer(StatusCode::CREATED, &wire(made))))
}

/// Takes a revocation back.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/revocations/{revocation}", tag = "revocations",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("revocation" = String, Path, description = "The revocation's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is taken back"), WriteRefusals),
    security(("bearer" = ["links.revoke"]))
)]
async fn revocation_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((number, revocation)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let revocation = id(&revocation, RevocationId::parse)?;
    api.services.revocation_remove(&caller, tenant(&number)?, &revocation, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(revocation: Revocation) -> RevocationBody {
    let Revocation { id, tenant: _, subject, reason, created_at, expires_at, made_before: _ } =
        revocation;
    let links = match subject {
        RevokedLinks::Issuer(id) => Links::Issuer(id.into()),
        RevokedLinks::Asset(path) => Links::Asset(path.into()),
        RevokedLinks::Key(key) => Links::Key(key.into()),
        RevokedLinks::Link(link) => Links::Link(link.into()),
        RevokedLinks::Tag(tag) => Links::Tag(tag.into()),
        RevokedLinks::TenantEpoch(epoch) => Links::TenantEpoch(epoch),
    };
    RevocationBody {
        id: id.to_string(),
        links,
        reason: reason.into(),
        created_at: Timestamp(created_at),
        expires_at: expires_at.map(Timestamp),
    }
}
