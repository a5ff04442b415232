//! What was handed out for links and through connectors: a page of it, or all of it as NDJSON.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::line_export::LineExport;
use crate::control_plane::api::refusal::ReadRefusals;
use crate::control_plane::api::segment::{Parameters, Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{ContentId, KeptDownload};
use crate::control_plane::service::{DownloadFilter, ListOrder, Page};
use crate::event::{DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Extent};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(download_event_list)).routes(routes!(download_event_export))
}

/// Events read at a time while all are exported.
const AT_A_TIME: u16 = 500;

/// A delivery that a link or a connector decided, after its end. Deliveries through a connector that
/// are alike in all that is said here but for the client's own address, and came within a minute, are
/// one after the first: with how many they are, and the bytes of all of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DownloadEvent)]
pub(super) struct EventBody {
    /// Its id.
    id: String,
    /// When it ended.
    at: Timestamp,
    /// Milliseconds from the request's head to then.
    took_ms: u64,
    /// The link's id; null where a connector decided.
    link: Option<String>,
    /// The key that verified it.
    key: Option<String>,
    /// The connector's id; null where a link decided.
    connector: Option<String>,
    /// The content that the file is of, where it is of one.
    content: Option<String>,
    /// The version of it that a connector gave; null where a link decided, or where it was gone when
    /// the edge told of it.
    version: Option<String>,
    /// The file: its asset path, or the path that was asked for.
    path: String,
    /// Who asked.
    client: String,
    /// What they call themselves, where a connector decided.
    user_agent: Option<String>,
    /// When the first of them ended, where this is several.
    since: Timestamp,
    /// How many they are.
    requests: u64,
    /// `GET` or `HEAD`.
    #[schema(value_type = String)]
    method: DownloadMethod,
    /// `whole`, or `ranges` where only some were asked for.
    #[schema(value_type = String)]
    extent: Extent,
    /// The answer's status.
    status: u16,
    /// Bytes of the body that left.
    sent: u64,
    /// Bytes that the body was to have; null where that was not known.
    promised: Option<u64>,
    /// `complete`, or `aborted` where the client went away or the origin broke off.
    #[schema(value_type = String)]
    end: DownloadEnd,
    /// The name of the edge; null where the control plane's own process is it.
    edge: Option<String>,
    /// As in `X-Request-Id`, and in the edge's access log.
    request_id: String,
    /// The version of what was in force at the edge.
    snapshot: u64,
}

/// Which downloads.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct EventQuery {
    /// Those by the link of this id.
    link: Option<String>,
    /// Those through the connector of this id.
    connector: Option<String>,
    /// Those of this content's files.
    content: Option<String>,
    /// Those that ended then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Those that ended before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl EventQuery {
    /// The list that is asked for: its address, and which downloads are on it.
    fn read(self, tenant: TenantId) -> Result<(String, DownloadFilter), Problem> {
        let Self { link, connector, content, since, until } = self;
        let path = format!("/api/v1/tenants/{tenant}/download-events");
        let parameters = [
            ("link", link.clone()),
            ("connector", connector.clone()),
            ("content", content.clone()),
            ("since", since.map(|it| it.to_string())),
            ("until", until.map(|it| it.to_string())),
        ];
        let list = list_address(path, parameters);
        let content = content.map(|id| {
            ContentId::parse(&id).ok_or_else(|| Problem::invalid("", "content is no content's id"))
        });
        for (name, id) in [("link", &link), ("connector", &connector)] {
            if id.as_deref().is_some_and(|id| id.contains('\0')) {
                return Err(Problem::invalid("", format!("{name} is no {name}'s id")));
            }
        }
        let filter = DownloadFilter {
            link: link.map(Into::into),
            connector: connector.map(Into::into),
            content: content.transpose()?,
            since: since.map(|it| it.0),
            until: until.map(|it| it.0),
            order: ListOrder::OldestFirst,
        };
        Ok((list, filter))
    }
}

/// What was handed out for a tenant's links and through its connectors, by when it ended. An edge that could not reach a control
/// plane reports later: what it says takes its place among what was there before.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/download-events", tag = "audit",
    params(("tenant" = String, Path, description = "The tenant's number"), EventQuery, PageQuery),
    responses((status = 200, description = "A page", body = Listing<EventBody>), ReadRefusals),
    security(("bearer" = ["audit.read"]))
)]
async fn download_event_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(filter): Parameters<EventQuery>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let (list, filter) = filter.read(tenant)?;
    let page = api.page(&list, &query)?;
    let listed = api.services.download_event_list(&caller, tenant, &filter, &page).await?;
    Ok(api.listing(&list, &query, listed, EventBody::from))
}

/// The same downloads, all of them, one JSON object a line. An export that could not be finished breaks
/// off: it never ends as if it were whole.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/download-events/export", tag = "audit",
    params(("tenant" = String, Path, description = "The tenant's number"), EventQuery),
    responses(
        (status = 200, description = "Downloads", body = String, content_type = "application/x-ndjson"),
        ReadRefusals
    ),
    security(("bearer" = ["audit.read"]))
)]
async fn download_event_export(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(filter): Parameters<EventQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let (_, filter) = filter.read(tenant)?;
    let page = Page::first(AT_A_TIME);
    let first = api.services.download_event_list(&caller, tenant, &filter, &page).await?;
    let lines = LineExport::begin(first, EventBody::from, move |after| {
        let (api, caller, filter) = (api.clone(), caller.clone(), filter.clone());
        let page = Page::after(after, AT_A_TIME);
        async move { api.services.download_event_list(&caller, tenant, &filter, &page).await }
    });
    let media_type = [(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))];
    Ok((media_type, Body::from_stream(lines)).into_response())
}

impl From<KeptDownload> for EventBody {
    fn from(KeptDownload { id, edge, version, event }: KeptDownload) -> Self {
        let DownloadEvent {
            at,
            took_ms,
            tenant: _,
            by,
            content,
            path,
            client,
            method,
            extent,
            status,
            sent,
            promised,
            end,
            request_id,
            snapshot,
        } = event;
        let (link, connector) = match by {
            DownloadBy::Link { link, key } => (Some((link, key)), None),
            DownloadBy::Connector(by) => (None, Some(by)),
        };
        let (link, key) = link.unzip();
        let (since, requests) = connector.as_ref().map_or((at, 1), |by| (by.since, by.requests));
        let (connector, user_agent) = connector.map(|by| (by.connector, by.user_agent)).unzip();
        Self {
            id: id.to_string(),
            at: Timestamp(at),
            took_ms,
            link: link.map(Into::into),
            key: key.map(Into::into),
            connector: connector.map(Into::into),
            content: content.map(|id| id.to_string()),
            version: version.map(|id| id.to_string()),
            path: path.into(),
            client: client.to_string(),
            user_agent: user_agent.flatten().map(Into::into),
            since: Timestamp(since),
            requests,
            method,
            extent,
            status,
            sent,
            promised,
            end,
            edge: edge.map(Into::into),
            request_id: request_id.into(),
            snapshot,
        }
    }
}
