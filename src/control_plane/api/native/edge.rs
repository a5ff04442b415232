//! Edges that are programs of their own: letting them in, watching them, sending them away.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::idempotency::WithoutSecret;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, id};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{Edge, EdgeId, EnrolmentCode, EnrolmentId};
use crate::control_plane::service::Issued;

const EDGES: &str = "/api/v1/edges";

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(edge_list))
        .routes(routes!(edge_revoke))
        .routes(routes!(edge_enrol))
        .routes(routes!(enrolment_code_list, enrolment_code_create))
        .routes(routes!(enrolment_code_remove))
}

/// An edge that was let in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Edge)]
struct EdgeBody {
    /// Its id.
    id: String,
    /// What people call it.
    name: String,
    /// The version of the change feed that is in force there, as far as it said.
    version: u64,
    /// Since when it is in.
    enrolled_at: Timestamp,
    /// When it was last heard of.
    last_seen_at: Option<Timestamp>,
    /// Since when its token is worth nothing.
    revoked_at: Option<Timestamp>,
}

/// A code by which one edge gets a token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EnrolmentCode)]
struct CodeBody {
    /// The id under which it is listed.
    id: String,
    /// The name of the edge it lets in.
    edge_name: String,
    /// Since when it exists.
    created_at: Timestamp,
    /// When it ends.
    expires_at: Timestamp,
    /// When it was used.
    used_at: Option<Timestamp>,
}

/// Every code.
#[derive(Debug, Serialize, ToSchema)]
struct EnrolmentCodes {
    /// The codes, the oldest first.
    items: Vec<CodeBody>,
}

/// A code that was just made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NewEnrolmentCode)]
struct NewCodeBody {
    #[serde(flatten)]
    record: CodeBody,
    /// The code: seen this once.
    code: Option<String>,
}

/// A code to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EnrolmentCodeDraft {
    /// The name of the edge it lets in. One of that name that was in before is out when the code is
    /// used.
    edge_name: String,
    /// When it ends; an hour from now where nothing is said.
    expires_at: Option<Timestamp>,
}

/// A code, to be exchanged.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Enrolment {
    /// The code.
    code: String,
}

/// An edge that was just let in.
#[derive(Debug, Serialize, ToSchema)]
struct EnrolledEdge {
    #[serde(flatten)]
    edge: EdgeBody,
    /// Its token: seen this once.
    token: String,
}

/// Edges, by name, with the version in force there; for whoever reaches every tenant.
#[utoipa::path(
    get, path = "/api/v1/edges", tag = "edges", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<EdgeBody>), ReadRefusals),
    security(("bearer" = ["edges.admin"]))
)]
async fn edge_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let all = api.services.edge_list(&caller).await?;
    let key = |edge: &Edge| (edge.name.to_string(), edge.id.to_string());
    api.listing_of_all(EDGES, &query, all, key, wire)
}

/// Makes an edge's token worth nothing. It stays in the list.
#[utoipa::path(
    delete, path = "/api/v1/edges/{edge}", tag = "edges",
    params(("edge" = String, Path, description = "The edge's id")),
    responses((status = 204, description = "It is out"), ReadRefusals),
    security(("bearer" = ["edges.admin"]))
)]
async fn edge_revoke(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(edge): Segments<String>,
) -> Result<Response, Problem> {
    let edge = id(&edge, EdgeId::parse)?;
    api.services.edge_revoke(&caller, &edge).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Exchanges a code for a token, once. A code that is unknown, spent or over is not there.
#[utoipa::path(
    post, path = "/api/v1/edges/enrol", tag = "edges", request_body = Enrolment,
    responses((status = 201, description = "The edge", body = EnrolledEdge), WriteRefusals)
)]
async fn edge_enrol(
    State(api): State<Api>,
    parts: Parts,
    Json(Enrolment { code }): Json<Enrolment>,
) -> Result<Response, Problem> {
    let Issued { record, secret } =
        api.services.edge_enrol(&code, api.client_address(&parts)).await?;
    let shown = EnrolledEdge { edge: wire(record), token: secret.reveal().to_owned() };
    Ok(body::answer(StatusCode::CREATED, &shown))
}

/// Enrolment codes, the oldest first; for whoever reaches every tenant.
#[utoipa::path(
    get, path = "/api/v1/enrolment-codes", tag = "edges",
    responses((status = 200, description = "The codes", body = EnrolmentCodes), ReadRefusals),
    security(("bearer" = ["edges.admin"]))
)]
async fn enrolment_code_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
) -> Result<Response, Problem> {
    let codes = api.services.enrolment_code_list(&caller).await?;
    Ok(body::ok(&EnrolmentCodes { items: codes.into_iter().map(wire_code).collect() }))
}

/// Makes a code by which one edge gets a token, once.
#[utoipa::path(
    post, path = "/api/v1/enrolment-codes", tag = "edges",
    params(("Idempotency-Key" = Option<String>, Header, description = "Does it once; a repetition shows no code")),
    request_body = EnrolmentCodeDraft,
    responses((status = 201, description = "The code", body = NewCodeBody), WriteRefusals),
    security(("bearer" = ["edges.admin"]))
)]
async fn enrolment_code_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(EnrolmentCodeDraft { edge_name, expires_at }): Json<EnrolmentCodeDraft>,
) -> Result<Response, Problem> {
    let expires_at = expires_at.map(|Timestamp(at)| at);
    let Issued { record, secret } =
        api.services.enrolment_code_create(&caller, &edge_name, expires_at).await?;
    let code = Some(secret.reveal().to_owned());
    let mut shown = NewCodeBody { record: wire_code(record), code };
    let mut response = body::answer(StatusCode::CREATED, &shown);
    shown.code = None;
    let kept = serde_json::to_string(&shown).unwrap_or_default();
    response.extensions_mut().insert(WithoutSecret(kept));
    Ok(response)
}

/// Takes a code back.
#[utoipa::path(
    delete, path = "/api/v1/enrolment-codes/{code}", tag = "edges",
    params(("code" = String, Path, description = "The code's id")),
    responses((status = 204, description = "It is worth nothing"), ReadRefusals),
    security(("bearer" = ["edges.admin"]))
)]
async fn enrolment_code_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(code): Segments<String>,
) -> Result<Response, Problem> {
    let code = id(&code, EnrolmentId::parse)?;
    api.services.enrolment_code_remove(&caller, &code).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(edge: Edge) -> EdgeBody {
    let Edge { id, name, token: _, enrolled_at, applied, last_seen_at, revoked_at } = edge;
    EdgeBody {
        id: id.to_string(),
        name: name.into(),
        version: applied.0,
        enrolled_at: Timestamp(enrolled_at),
        last_seen_at: last_seen_at.map(Timestamp),
        revoked_at: revoked_at.map(Timestamp),
    }
}

fn wire_code(code: EnrolmentCode) -> CodeBody {
    let EnrolmentCode { id, hash: _, edge_name, created_at, expires_at, used_at } = code;
    CodeBody {
        id: id.to_string(),
        edge_name: edge_name.into(),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(expires_at),
        used_at: used_at.map(Timestamp),
    }
}
