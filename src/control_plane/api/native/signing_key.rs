//! Keys for links. What a key is, no answer says.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{SigningKey, SigningKeyId};
use crate::control_plane::service::NewKey;

const PATH: &str = "/api/v1/keys";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(signing_key_list, signing_key_create))
        .routes(routes!(signing_key_show, signing_key_remove))
}

/// A key for links.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SigningKey)]
struct KeyBody {
    /// Its id: what a revocation by key names.
    id: String,
    /// Whose links it signs; null: those of tenants without a key of their own.
    tenant: Option<u64>,
    /// Since when it exists.
    created_at: Timestamp,
    /// From when on it signs and opens.
    not_before: Timestamp,
    /// Until when it opens.
    not_after: Option<Timestamp>,
    /// Since when it has a successor.
    retired_at: Option<Timestamp>,
}

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSigningKey {
    /// Whose links it is to sign; null: those of tenants without a key of their own.
    tenant: Option<u64>,
    /// Until when the keys before it open links; a day from now, where it is left out.
    others_until: Option<Timestamp>,
}

/// The keys for links, the oldest first.
#[utoipa::path(
    get, path = "/api/v1/keys", tag = "keys", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<KeyBody>), ReadRefusals),
    security(("bearer" = ["keys.admin"]))
)]
async fn signing_key_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let all = api.services.signing_key_list(&caller).await?;
    api.listing_of_all(PATH, &query, all, |key| key.id.to_string(), wire)
}

/// Makes a key, which takes the place of those before it a few seconds later; links that were
/// signed with them open on until `others_until`.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "keys",
    params(("Idempotency-Key" = Option<String>, Header, description = "Does it once")),
    request_body = NewSigningKey,
    responses(
        (status = 201, description = "The key", body = KeyBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["keys.admin"]))
)]
async fn signing_key_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(NewSigningKey { tenant, others_until }): Json<NewSigningKey>,
) -> Result<Response, Problem> {
    let others_until = others_until.map(|Timestamp(at)| at);
    let new = NewKey { tenant: tenant.map(TenantId), others_until };
    let made = api.services.signing_key_create(&caller, new).await?;
    Ok(tagged(made.revision, body::answer(StatusCode::CREATED, &wire(made.key))))
}

/// A key for links.
#[utoipa::path(
    get, path = "/api/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "The key's id")),
    responses(
        (status = 200, description = "The key", body = KeyBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["keys.admin"]))
)]
async fn signing_key_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(key): Segments<String>,
) -> Result<Response, Problem> {
    let key = id(&key, SigningKeyId::parse)?;
    let found = api.services.signing_key(&caller, &key).await?;
    Ok(tagged(found.revision, body::ok(&wire(found.key))))
}

/// Drops a key: what it signed opens nothing any more, at every edge within a second.
#[utoipa::path(
    delete, path = "/api/v1/keys/{key}", tag = "keys",
    params(
        ("key" = String, Path, description = "The key's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is dropped"), WriteRefusals),
    security(("bearer" = ["keys.admin"]))
)]
async fn signing_key_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(key): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let key = id(&key, SigningKeyId::parse)?;
    api.services.signing_key_remove(&caller, &key, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(key: SigningKey) -> KeyBody {
    let SigningKey {
        id,
        tenant,
        key_use: _,
        sealed: _,
        created_at,
        not_before,
        not_after,
        retired_at,
    } = key;
    KeyBody {
        id: id.to_string(),
        tenant: tenant.map(|tenant| tenant.0),
        created_at: Timestamp(created_at),
        not_before: Timestamp(not_before),
        not_after: not_after.map(Timestamp),
        retired_at: retired_at.map(Timestamp),
    }
}
