//! What edges ask of the ledger of one-use links.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::TenantId;
use crate::claim::{
    ClaimDigest, ClaimDraft, ClaimEnd, ClaimId, ClaimOutcome, ClaimRuling, ClaimVerdict,
    PositionRun,
};
use crate::clock::UnixSeconds;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::WriteRefusals;
use crate::control_plane::api::segment::{Segments, id};
use crate::control_plane::api::state::Api;
use crate::network::ClientIp;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(edge_claim_make)).routes(routes!(edge_claim_end))
}

/// A use of a link that is asked for, before the first byte leaves.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkClaim)]
struct ClaimBody {
    /// The claim's id, of the edge's choice: 32 hexadecimal digits that nobody else chooses.
    #[schema(value_type = String)]
    id: ClaimId,
    /// The number of the tenant whose link it is.
    #[schema(value_type = u64)]
    tenant: TenantId,
    /// The link's id.
    link: Box<str>,
    /// The link's last second, in seconds since 1970.
    #[schema(value_type = u64)]
    expires_at: UnixSeconds,
    /// The client's address.
    #[schema(value_type = String)]
    client: ClientIp,
    /// A digest of the client's user agent: 32 hexadecimal digits.
    #[schema(value_type = String)]
    agent: ClaimDigest,
    /// A digest of which file it is, and in which form: 32 hexadecimal digits.
    #[schema(value_type = String)]
    file: ClaimDigest,
    /// Bytes in the file; null where that is not known.
    size: Option<u64>,
    /// What of it is about to leave: 1 to 8 runs, ascending and apart.
    positions: Vec<RunBody>,
}

/// Positions of a file.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PositionRun)]
struct RunBody {
    /// The first.
    first: u64,
    /// The last.
    last: u64,
}

/// What the ledger says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LinkClaimVerdict)]
struct VerdictBody {
    /// `granted`: the link is this client's now. `resumed`: it was, and these positions they have
    /// not had. `busy`: it is, and an answer with some of these positions has not ended. `used`:
    /// by another client, for these positions, or too long ago.
    #[schema(value_type = String)]
    verdict: ClaimVerdict,
    /// A digest of client, user agent, file and size of whose link it was at that moment, so that an
    /// edge need not ask for others who asked meanwhile; null: nobody's.
    #[schema(value_type = Option<String>)]
    holder: Option<ClaimDigest>,
}

/// How a claim ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LinkClaimEnd)]
struct EndBody {
    /// The number of the tenant whose link it is.
    #[schema(value_type = u64)]
    tenant: TenantId,
    /// The link's id.
    link: Box<str>,
    /// The link's last second, in seconds since 1970.
    #[schema(value_type = u64)]
    expires_at: UnixSeconds,
    /// Bytes of the body that left, from its beginning; 0: the claim never was.
    sent: u64,
    /// `complete`, or `aborted` where not all of the body left.
    #[schema(value_type = String)]
    outcome: ClaimOutcome,
}

/// Claims a use of a link that may be used once. What is granted is on the disk. The same claim made
/// again, here or at another control plane, is the same one; it holds what it was granted until it is
/// ended, and for ever where it never is.
#[utoipa::path(
    post, path = "/api/v1/edge/claims", tag = "edges", request_body = ClaimBody,
    responses((status = 200, description = "What is said to it", body = VerdictBody), WriteRefusals),
    security(("bearer" = ["edge"]))
)]
async fn edge_claim_make(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(claim): Json<ClaimBody>,
) -> Result<Response, Problem> {
    let ClaimBody { id, tenant, link, expires_at, client, agent, file, size, positions } = claim;
    let positions =
        positions.into_iter().map(|RunBody { first, last }| PositionRun { first, last }).collect();
    let draft = ClaimDraft { id, tenant, link, expires_at, client, agent, file, size, positions };
    let ClaimRuling { verdict, holder } = api.services.link_claim_make(&caller, &draft).await?;
    Ok(body::ok(&VerdictBody { verdict, holder }))
}

/// Says how a claim ended. One that ended is left as it is, and one that was never made can not be
/// made any more.
#[utoipa::path(
    put, path = "/api/v1/edge/claims/{claim}", tag = "edges", request_body = EndBody,
    params(("claim" = String, Path, description = "The claim's id")),
    responses((status = 204, description = "It is known"), WriteRefusals),
    security(("bearer" = ["edge"]))
)]
async fn edge_claim_end(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(claim): Segments<String>,
    Json(end): Json<EndBody>,
) -> Result<Response, Problem> {
    let EndBody { tenant, link, expires_at, sent, outcome } = end;
    let id = id(&claim, ClaimId::parse)?;
    let end = ClaimEnd { id, tenant, link, expires_at, sent, outcome };
    api.services.link_claim_end(&caller, &end).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
