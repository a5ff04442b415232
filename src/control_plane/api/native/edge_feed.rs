//! What an edge follows, and what it says of itself.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::Parameters;
use crate::control_plane::api::state::Api;
use crate::control_plane::record::FeedVersion;
use crate::event::{EventBatch, NumberedEvent, SpoolId};
use crate::feed::Position;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(edge_feed))
        .routes(routes!(edge_acknowledge))
        .routes(routes!(edge_events))
}

/// Where an edge is; without it, it gets a snapshot.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Reader {
    /// Which history its version counts.
    lineage: Option<String>,
    /// The version it has applied.
    version: Option<u64>,
}

/// What is in force at an edge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acknowledgement {
    /// The version of the change feed.
    version: u64,
}

/// Downloads that an edge reports, under the numbers of one spool.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventBatch)]
struct Batch {
    /// What numbers them.
    #[schema(value_type = String)]
    spool: SpoolId,
    /// The events, their numbers rising; at most 500.
    #[schema(value_type = Vec<Object>)]
    events: Vec<NumberedEvent>,
}

/// How far a spool was taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TakenEvents)]
struct TakenBody {
    /// The number of the last event that need not be sent again.
    taken: u64,
}

/// The change feed from where an edge is on, one JSON object a line. It goes on until the
/// connection or the edge's token ends.
#[utoipa::path(
    get, path = "/api/v1/edge/feed", tag = "edges", params(Reader),
    responses(
        (status = 200, description = "Lines", body = String, content_type = "application/x-ndjson"),
        ReadRefusals
    ),
    security(("bearer" = ["edge"]))
)]
async fn edge_feed(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(reader): Parameters<Reader>,
) -> Result<Response, Problem> {
    let reader = match (reader.lineage, reader.version) {
        (Some(lineage), Some(version)) if i64::try_from(version).is_ok() => {
            Some(Position { lineage: lineage.into(), version })
        }
        (None, None) => None,
        (Some(_) | None, Some(_) | None) => {
            return Err(Problem::invalid("", "lineage and version belong together"));
        }
    };
    let lines = api.edges.follow(&caller, reader).await?;
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    Ok((media_type, Body::from_stream(lines)).into_response())
}

/// Says what is in force at the edge that calls.
#[utoipa::path(
    post, path = "/api/v1/edge/acks", tag = "edges", request_body = Acknowledgement,
    responses((status = 204, description = "It is known"), WriteRefusals),
    security(("bearer" = ["edge"]))
)]
async fn edge_acknowledge(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(Acknowledgement { version }): Json<Acknowledgement>,
) -> Result<Response, Problem> {
    if i64::try_from(version).is_err() {
        return Err(Problem::invalid("/version", "is out of range"));
    }
    api.edges.acknowledge(&caller, FeedVersion(version))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes downloads from the edge that calls. What was taken before is taken again without effect, so
/// that an edge which did not hear the answer repeats itself.
#[utoipa::path(
    post, path = "/api/v1/edge/events", tag = "edges", request_body = Batch,
    responses((status = 200, description = "They are kept", body = TakenBody), WriteRefusals),
    security(("bearer" = ["edge"]))
)]
async fn edge_events(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Json(Batch { spool, events }): Json<Batch>,
) -> Result<Response, Problem> {
    let batch = EventBatch { spool, events };
    let taken = api.services.download_event_take(&caller, batch).await?.taken;
    Ok(body::ok(&TakenBody { taken }))
}
