//! What anti-fraud found at edges.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::ReadRefusals;
use crate::control_plane::api::segment::{Parameters, Segments, tenant, without_nul};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::KeptFinding;
use crate::control_plane::service::FraudFilter;
use crate::event::{DownloadMethod, FraudAction, FraudEvent};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(fraud_event_list))
}

/// Requests that anti-fraud refused, or would have: by one rule, of one link, from one network, or from
/// many where many came. The first is told at once, those within a minute of it as one. What stands here
/// of a request is of the last of them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FraudEvent)]
struct FindingBody {
    /// Its id.
    id: String,
    /// When the last request came.
    at: Timestamp,
    /// When the first did.
    since: Timestamp,
    /// How many they are.
    requests: u64,
    /// The rule, as in the access log's `fraud_rule`, or `limit_parallel`.
    rule: String,
    /// What broke it, in words.
    reason: String,
    /// `blocked`, or `monitored` where it was served all the same.
    #[schema(value_type = String)]
    action: FraudAction,
    /// The link's id; null where it is none of ours.
    link: Option<String>,
    /// The key that verified it; null where a site looks at requests without a link, too.
    key: Option<String>,
    /// The content that the file is of, where it is of one.
    content: Option<String>,
    /// The file: its asset path, or the path that was asked for.
    path: String,
    /// Who asked.
    client: String,
    /// `GET` or `HEAD`.
    #[schema(value_type = String)]
    method: DownloadMethod,
    /// The name of the edge; null where the control plane's own process is it.
    edge: Option<String>,
    /// As in `X-Request-Id`, and in the edge's access log.
    request_id: String,
    /// The version of what was in force at the edge.
    snapshot: u64,
}

/// Which findings.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct FindingQuery {
    /// Those of requests by the link of this id.
    link: Option<String>,
    /// Those by this rule.
    rule: Option<String>,
    /// Those of which the last request came then or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Those of which it came before.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
}

impl FindingQuery {
    /// The list that is asked for: its address, and which findings are on it.
    fn read(self, tenant: TenantId) -> Result<(String, FraudFilter), Problem> {
        let Self { link, rule, since, until } = self;
        without_nul([("link", link.as_deref()), ("rule", rule.as_deref())])?;
        let path = format!("/api/v1/tenants/{tenant}/fraud-events");
        let parameters = [
            ("link", link.clone()),
            ("rule", rule.clone()),
            ("since", since.map(|it| it.to_string())),
            ("until", until.map(|it| it.to_string())),
        ];
        let list = list_address(path, parameters);
        let filter = FraudFilter {
            link: link.map(Into::into),
            rule: rule.map(Into::into),
            since: since.map(|it| it.0),
            until: until.map(|it| it.0),
        };
        Ok((list, filter))
    }
}

/// What anti-fraud found of a tenant's links and files, by when it was last. Edges tell it as they
/// tell downloads: within seconds, or later.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/fraud-events", tag = "audit",
    params(("tenant" = String, Path, description = "The tenant's number"), FindingQuery, PageQuery),
    responses((status = 200, description = "A page", body = Listing<FindingBody>), ReadRefusals),
    security(("bearer" = ["audit.read"]))
)]
async fn fraud_event_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(filter): Parameters<FindingQuery>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let (list, filter) = filter.read(tenant)?;
    let page = api.page(&list, &query)?;
    let listed = api.services.fraud_event_list(&caller, tenant, &filter, &page).await?;
    Ok(api.listing(&list, &query, listed, FindingBody::from))
}

impl From<KeptFinding> for FindingBody {
    fn from(KeptFinding { id, edge, event }: KeptFinding) -> Self {
        let FraudEvent {
            at,
            since,
            requests,
            tenant: _,
            link,
            key,
            content,
            path,
            client,
            method,
            rule,
            reason,
            action,
            request_id,
            snapshot,
        } = event;
        Self {
            id: id.to_string(),
            at: Timestamp(at),
            since: Timestamp(since),
            requests,
            rule: rule.into(),
            reason: reason.into(),
            action,
            link: link.map(Into::into),
            key: key.map(Into::into),
            content: content.map(|id| id.to_string()),
            path: path.into(),
            client: client.to_string(),
            method,
            edge: edge.map(Into::into),
            request_id: request_id.into(),
            snapshot,
        }
    }
}
