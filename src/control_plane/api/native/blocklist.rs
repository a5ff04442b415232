//! The blocklist: networks that get nothing, of any tenant.

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
use crate::control_plane::api::segment::{Parameters, Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{BlocklistEntry, BlocklistId, BlocklistKind};
use crate::control_plane::service::ONLY_REVISION;
use crate::network::parse_network;

use super::wire_enum::blocklist_kinds;

const PATH: &str = "/api/v1/blocklist";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(blocklist_list, blocklist_create))
        .routes(routes!(blocklist_remove))
}

/// A network that gets nothing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BlocklistEntry)]
struct Entry {
    /// Its id.
    id: String,
    /// The network.
    network: String,
    /// What is refused.
    #[schema(schema_with = blocklist_kinds)]
    kind: BlocklistKind,
    /// Why.
    reason: String,
    /// Since when.
    created_at: Timestamp,
    /// Until when.
    expires_at: Option<Timestamp>,
}

/// A network to be blocked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewBlocklistEntry {
    /// An address, or a network as CIDR.
    network: String,
    /// What is refused: everything, or, where a link or a site asks, a proxy that hides its clients
    /// or a known pirate.
    #[serde(default)]
    #[schema(schema_with = blocklist_kinds)]
    kind: BlocklistKind,
    /// Why.
    #[serde(default)]
    reason: String,
    /// Until when.
    expires_at: Option<Timestamp>,
}

/// Entries, the oldest first; for whoever reaches every tenant.
#[utoipa::path(
    get, path = "/api/v1/blocklist", tag = "blocklist", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<Entry>), ReadRefusals),
    security(("bearer" = ["links.revoke"]))
)]
async fn blocklist_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let page = api.page(PATH, &query)?;
    let listed = api.services.blocklist_list(&caller, &page).await?;
    Ok(api.listing(PATH, &query, listed, wire))
}

/// Blocks a network, at every edge within a second.
#[utoipa::path(
    post, path = "/api/v1/blocklist", tag = "blocklist",
    params(("Idempotency-Key" = Option<String>, Header, description = "Does it once")),
    request_body = NewBlocklistEntry,
    responses(
        (status = 201, description = "The entry", body = Entry,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["links.revoke"]))
)]
async fn blocklist_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(NewBlocklistEntry { network, kind, reason, expires_at }): Json<NewBlocklistEntry>,
) -> Result<Response, Problem> {
    let network =
        parse_network(&network).map_err(|wrong| Problem::invalid("/network", wrong.to_string()))?;
    let expires_at = expires_at.map(|Timestamp(at)| at);
    let made = api.services.blocklist_create(&caller, network, kind, &reason, expires_at).await?;
    Ok(tagged(ONLY_REVISION, body::answer(StatusCode::CREATED, &wire(made))))
}

/// Lets a network in again.
#[utoipa::path(
    delete, path = "/api/v1/blocklist/{entry}", tag = "blocklist",
    params(
        ("entry" = String, Path, description = "The entry's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is let in"), WriteRefusals),
    security(("bearer" = ["links.revoke"]))
)]
async fn blocklist_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(entry): Segments<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let entry = id(&entry, BlocklistId::parse)?;
    api.services.blocklist_remove(&caller, &entry, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(entry: BlocklistEntry) -> Entry {
    let BlocklistEntry { id, network, kind, reason, created_at, expires_at } = entry;
    Entry {
        id: id.to_string(),
        network: network.to_string(),
        kind,
        reason: reason.into(),
        created_at: Timestamp(created_at),
        expires_at: expires_at.map(Timestamp),
    }
}
