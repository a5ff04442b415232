//! Shares: what somebody outside is shown of a tenant's contents.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::share_body::{NewShare, ShareBody, ShareBrief, SharePatch, brief, wire};
use super::wire_enum;
use crate::clock::UnixSeconds;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, ShareRefusals, WriteRefusals};
use crate::control_plane::api::segment::{
    Parameters, Segments, content_path, id, share_path, tenant, without_nul,
};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{ContentId, Scope, Share, ShareId};
use crate::control_plane::service::{ServiceError, ShareFilter, ShareKeys, ShareState};

/// Seconds of which the shares are listed where nobody says of which (C24): 30 days.
const RECENT: u64 = 30 * 24 * 3_600;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(share_list, share_create))
        .routes(routes!(share_show, share_update, share_remove))
        .routes(routes!(content_share_list))
        .routes(routes!(content_share_remove))
}

/// Which shares.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ShareQuery {
    /// `1`: all of them; without it, and without `created_since`, those of the last 30 days.
    #[param(minimum = 0, maximum = 1)]
    all: Option<u8>,
    /// Those that were made then or later.
    created_since: Option<Timestamp>,
    /// Those of somebody, by their id.
    creator: Option<String>,
    /// Those that a content is in, by its id.
    content: Option<String>,
    /// Those that are open, or that have ended.
    #[param(schema_with = wire_enum::share_states)]
    state: Option<ShareState>,
}

impl ShareQuery {
    /// The address of this list, and what it is of.
    fn list(self, path: String, now: UnixSeconds) -> Result<(String, ShareFilter), Problem> {
        let Self { all, created_since, creator, content, state } = self;
        without_nul([("creator", creator.as_deref()), ("content", content.as_deref())])?;
        let recent = match all {
            Some(1) => None,
            Some(0) | None => Some(UnixSeconds::new(now.get().saturating_sub(RECENT))),
            Some(_) => return Err(Problem::invalid("", "all is 0 or 1")),
        };
        let parameters = [
            ("all", all.map(|it| it.to_string())),
            ("created_since", created_since.map(|it| it.to_string())),
            ("creator", creator.clone()),
            ("content", content.clone()),
            ("state", state.map(|it| it.wire_name().to_owned())),
        ];
        let list = list_address(path, parameters);
        let content = content.map(|text| {
            ContentId::parse(&text)
                .ok_or_else(|| Problem::invalid("", "content is no content's id"))
        });
        let filter = ShareFilter {
            created_since: created_since.map(|it| it.0).or(recent),
            creator: creator.map(Into::into),
            content: content.transpose()?,
            state: state.map(|state| (state, now)),
        };
        Ok((list, filter))
    }
}

/// A tenant's shares, the newest first: those of the last 30 days, unless it is said. Of a member, their
/// own.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/shares", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"), PageQuery, ShareQuery
    ),
    responses((status = 200, description = "A page", body = Listing<ShareBody>), ReadRefusals),
    security(("bearer" = ["shares.write"]), ("bearer" = ["audit.read"]))
)]
async fn share_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
    Parameters(which): Parameters<ShareQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let now = api.services.now();
    let (path, filter) = which.list(format!("/api/v1/tenants/{tenant}/shares"), now)?;
    let page = api.page(&path, &query)?;
    let listed = api.services.share_list(&caller, tenant, &filter, &page).await?;
    let keys = api.services.share_keys(&caller).await?;
    let body = |share: Share| {
        let url = api.services.share_url_for(&keys, &share, &share.address);
        wire(share, url, now)
    };
    Ok(api.listing(&path, &query, listed, body))
}

/// Makes a share of contents, or of what is in a folder now. Nothing follows the catalog afterwards,
/// and nothing is added. For members who have the right SHARE over all of it.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/shares", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewShare,
    responses(
        (status = 201, description = "The share", body = ShareBody,
            headers(("ETag" = String, description = "Its revision"))),
        ShareRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn share_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(body): Json<NewShare>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let usual = api.services.sharing_settings(&caller, tenant).await?.draft;
    let keys = api.services.share_keys(&caller).await?;
    let made = api.services.share_create(&caller, tenant, body.order(usual)?).await?;
    Ok(shown(&api, &keys, made, StatusCode::CREATED))
}

/// A share.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/shares/{share}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id")
    ),
    responses(
        (status = 200, description = "The share", body = ShareBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["shares.write"]), ("bearer" = ["audit.read"]))
)]
async fn share_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    let keys = api.services.share_keys(&caller).await?;
    let found = api.services.share(&caller, tenant, &share).await?;
    Ok(shown(&api, &keys, found, StatusCode::OK))
}

/// Says something else about a share. Its end is moved either way, and one that has ended opens again
/// for as long as it is there. What a change closes is closed at every edge within a second, links that
/// were handed out included.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/shares/{share}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = SharePatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The share", body = ShareBody,
            headers(("ETag" = String, description = "Its revision"))),
        ShareRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn share_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<SharePatch>,
) -> Result<Response, Problem> {
    let (tenant, id) = share_path(&tenant_number, &share)?;
    caller.require(Scope::SharesWrite).map_err(ServiceError::from)?;
    let now = api.services.share(&caller, tenant, &id).await?;
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let revision = patch.over(now.draft)?;
    let keys = api.services.share_keys(&caller).await?;
    let made = api.services.share_change(&caller, tenant, &id, seen, revision).await?;
    Ok(shown(&api, &keys, made, StatusCode::OK))
}

/// Removes a share with its history: its addresses open nothing, and links that were handed out are
/// closed at every edge within a second.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/shares/{share}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("share" = String, Path, description = "The share's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn share_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, share)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, share) = share_path(&tenant_number, &share)?;
    api.services.share_remove(&caller, tenant, &share, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Every share that a content is in, by whomever, the newest first. For members who have the right SHARE
/// over its folder.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/contents/{content}/shares", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"), PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<ShareBrief>), ReadRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn content_share_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let path = format!("/api/v1/tenants/{tenant}/contents/{content}/shares");
    let page = api.page(&path, &query)?;
    let listed = api.services.share_list_of_content(&caller, tenant, &content, &page).await?;
    let now = api.services.now();
    Ok(api.listing(&path, &query, listed, |share| brief(share, now)))
}

/// Takes a content out of a share, by whomever that was made: links to it that were handed out are
/// closed at every edge within a second. For members who have the right SHARE over its folder.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/contents/{content}/shares/{share}", tag = "shares",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("content" = String, Path, description = "The content's id"),
        ("share" = String, Path, description = "The share's id")
    ),
    responses((status = 204, description = "It is not in it any more"), WriteRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn content_share_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, content, share)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (tenant, content) = content_path(&tenant_number, &content)?;
    let share = id(&share, ShareId::parse)?;
    api.services.share_content_remove(&caller, tenant, &share, &content).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A share, with its address where `keys` cover it: they are asked for before anything is made, for an
/// answer to what was made cannot fail.
pub(super) fn shown(api: &Api, keys: &ShareKeys, share: Share, status: StatusCode) -> Response {
    let url = api.services.share_url_for(keys, &share, &share.address);
    let revision = share.revision;
    tagged(revision, body::answer(status, &wire(share, url, api.services.now())))
}
