//! The audit log: a page of it, or all of it as NDJSON.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::line_export::LineExport;
use crate::control_plane::api::refusal::ReadRefusals;
use crate::control_plane::api::segment::Parameters;
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::AuditEvent;
use crate::control_plane::service::Page;

const PATH: &str = "/api/v1/audit";
/// Events read at a time while all are exported.
const AT_A_TIME: u16 = 500;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(audit_list)).routes(routes!(audit_export))
}

/// Who changed what.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
struct Event {
    /// Its place in the log.
    sequence: u64,
    /// When.
    at: Timestamp,
    /// Who: an id, or `system:` and why.
    actor: String,
    /// The id of the token that proved it.
    credential: Option<String>,
    /// Where they called from.
    address: Option<String>,
    /// Whose records.
    tenant: Option<u64>,
    /// What was done.
    action: String,
    /// To what.
    object: String,
    /// Field by field, before and after.
    #[schema(value_type = Object)]
    diff: Map<String, Value>,
    /// The hash of this event, over everything in it and the event before.
    hash: String,
}

/// Where an export begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// Events behind this place in the log.
    after: Option<u64>,
}

/// Events in the order in which they happened, of the caller's own tenant or all.
#[utoipa::path(
    get, path = "/api/v1/audit", tag = "audit", params(PageQuery),
    responses((status = 200, description = "A page", body = Listing<Event>), ReadRefusals),
    security(("bearer" = ["audit.read"]))
)]
async fn audit_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let page = api.page(PATH, &query)?;
    let listed = api.services.audit_list(&caller, &page).await?;
    Ok(api.listing(PATH, &query, listed, |event: AuditEvent| Event {
        sequence: event.sequence,
        at: Timestamp(event.at),
        actor: event.actor.into(),
        credential: event.credential.map(Into::into),
        address: event.address.map(Into::into),
        tenant: event.tenant.map(|tenant| tenant.0),
        action: event.action.into(),
        object: event.object.into(),
        diff: event.diff,
        hash: event.hash.into(),
    }))
}

/// Every event, one JSON object a line, with all that its hash is over. An export that could not
/// be finished breaks off: it never ends as if it were whole.
#[utoipa::path(
    get, path = "/api/v1/audit/export", tag = "audit", params(ExportQuery),
    responses(
        (status = 200, description = "Events", body = String, content_type = "application/x-ndjson"),
        ReadRefusals
    ),
    security(("bearer" = ["audit.read"]))
)]
async fn audit_export(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Parameters(query): Parameters<ExportQuery>,
) -> Result<Response, Problem> {
    let after = query.after.filter(|after| i64::try_from(*after).is_ok());
    if after != query.after {
        return Err(Problem::invalid("", "after is out of range"));
    }
    let page = Page { after, limit: AT_A_TIME };
    let first = api.services.audit_list(&caller, &page).await?;
    let lines = LineExport::begin(
        first,
        |event: AuditEvent| event,
        move |after| {
            let (api, caller) = (api.clone(), caller.clone());
            let page = Page { after: Some(after), limit: AT_A_TIME };
            async move { api.services.audit_list(&caller, &page).await }
        },
    );
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    Ok((media_type, Body::from_stream(lines)).into_response())
}
