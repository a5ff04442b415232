//! `downloadSource`: the original of a content, for whoever may share it (requirements A1 to A9, G1,
//! G2).

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::caller::{Shown, ThronCaller, token};
use super::form::Fields;
use super::login::client_of;
use crate::control_plane::api::envelope::RequestId;
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::handing::handed_over;
use crate::control_plane::api::refusal::SourceRefusals;
use crate::control_plane::api::segment::id;
use crate::control_plane::api::state::Api;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ContentId, VersionId};
use crate::control_plane::service::{Original, ShownTicket, SourceAsk};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(download_source, download_source_by_address))
}

/// The session.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the field by name")]
struct SourceForm {
    /// The session's token; or as `X-TOKENID`.
    token_id: String,
}

/// Which original.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler takes the fields by name")]
struct SourceParameters {
    /// The tenant, by name or number.
    client_id: String,
    /// The content's id.
    xcontent_id: String,
    /// The name that the file is saved under; its own, if it is missing.
    save_as: Option<String>,
    /// The version's id, from `listVersions`; the one that is handed out, if it is missing.
    version_id: Option<String>,
}

/// The bytes of an original (`downloadSource`). Kept by no cache, and refused through a CDN.
#[utoipa::path(
    post, path = "/api/xadmin/resources/content/downloadSource", tag = "content",
    params(SourceParameters),
    request_body(content = SourceForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The ranges that were asked for",
         content_type = "application/octet-stream"),
        SourceRefusals
    ),
    security(("session" = ["shares.write"]))
)]
async fn download_source(
    State(api): State<Api>,
    request_id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let form = Fields::of_body(Request::from_parts(parts.clone(), body)).await?;
    let (token, _) = token(&api, &parts, Some(&form))?;
    let ThronCaller { caller, .. } = ThronCaller::of(&api, &parts, &token).await?;
    let original = find(&api, &caller, &parts).await?;
    hand_over(&api, Found { caller, original, ticket: None }, &parts, &request_id).await
}

/// The same, pasted into a browser. A token in the address is exchanged for a ticket: one download
/// within a minute, at an address that can be logged.
#[utoipa::path(
    get, path = "/api/xadmin/resources/content/downloadSource", tag = "content",
    params(
        SourceParameters,
        ("ticket" = Option<String>, Query, description = "A ticket, in place of everything else")
    ),
    responses(
        (status = 200, description = "The file", content_type = "application/octet-stream"),
        (status = 206, description = "The ranges that were asked for",
         content_type = "application/octet-stream"),
        (status = 303, description = "Where it is had with the ticket"),
        (status = 304, description = "The version that the client has"),
        SourceRefusals
    ),
    security(("session" = ["shares.write"]))
)]
async fn download_source_by_address(
    State(api): State<Api>,
    request_id: RequestId,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let query = Fields::of_query(parts.uri.query())?;
    if let Some(ticket) = query.get("ticket")? {
        let found = by_ticket(&api, &parts, ticket).await?;
        return hand_over(&api, found, &parts, &request_id).await;
    }
    let (token, shown) = token(&api, &parts, None)?;
    let ThronCaller { caller, .. } = ThronCaller::of(&api, &parts, &token).await?;
    let original = find(&api, &caller, &parts).await?;
    if shown == Shown::Aside || parts.method == Method::HEAD {
        return hand_over(&api, Found { caller, original, ticket: None }, &parts, &request_id)
            .await;
    }
    let save_as = query.get("saveAs")?;
    let ticket = api.services.source_ticket_create(&caller, &original, save_as).await?;
    let ticket = utf8_percent_encode(ticket.text.reveal(), NON_ALPHANUMERIC);
    let mut response = StatusCode::SEE_OTHER.into_response();
    // Relative: wherever this is reached, so is that.
    if let Ok(location) = HeaderValue::try_from(format!("?ticket={ticket}")) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// An original, for whom, and by what.
struct Found {
    caller: Caller,
    original: Original,
    ticket: Option<ShownTicket>,
}

async fn find(api: &Api, caller: &Caller, parts: &Parts) -> Result<Original, Problem> {
    let query = Fields::of_query(parts.uri.query())?;
    let tenant = client_of(api, caller, query.need("clientId")?).await?;
    let content = id(query.need("xcontentId")?, ContentId::parse)?;
    let version = query.get("versionId")?.map(|text| id(text, VersionId::parse)).transpose()?;
    let save_as = query.get("saveAs")?;
    let services = &api.services;
    Ok(services.source_find(caller, tenant, &content, version.as_ref(), save_as).await?)
}

/// What a ticket is for, as its holder stands now: a right that was taken back is gone, and so is a
/// session that was revoked.
async fn by_ticket(api: &Api, parts: &Parts, ticket: &str) -> Result<Found, Problem> {
    let address = api.client_address(parts);
    let shown = api.services.source_ticket(ticket, address, &parts.headers).await?;
    let ticket = &shown.ticket;
    let caller = api.accounts.still(&ticket.session, ticket.id.as_str(), address).await?;
    api.rate_limit.take(&caller, parts.extensions.get())?;
    let (version, save_as) = (Some(&ticket.version), ticket.save_as.as_deref());
    let services = &api.services;
    let original =
        services.source_find(&caller, ticket.tenant, &ticket.content, version, save_as).await?;
    Ok(Found { caller, original, ticket: Some(shown) })
}

async fn hand_over(
    api: &Api,
    found: Found,
    parts: &Parts,
    RequestId(request_id): &RequestId,
) -> Result<Response, Problem> {
    let Found { caller, original, ticket } = found;
    let (method, headers) = (&parts.method, &parts.headers);
    let ask = SourceAsk { ticket: ticket.as_ref(), method, headers, request_id };
    let outcome = api.services.source_hand_over(&caller, original, ask).await;
    handed_over(outcome.map(|response| response.map(Body::new)))
}
