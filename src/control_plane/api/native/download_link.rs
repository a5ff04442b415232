//! Links that were signed for somebody: shown with what they were used for, and revoked.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::download_event::EventBody;
use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body;
use crate::control_plane::api::cursor::{Listing, PageQuery, list_address};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::ReadRefusals;
use crate::control_plane::api::segment::{Parameters, Segments, id, tenant, without_nul};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{DownloadLink, DownloadTerms, LinkId};
use crate::control_plane::service::{DownloadFilter, LinkFilter, ListOrder, Page};
use crate::token::{Sharing, Uses};

/// Downloads that are shown with a link.
const SHOWN: u16 = 100;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(link_list)).routes(routes!(link_show, link_revoke))
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DownloadLink)]
struct LinkBody {
    /// Its id, as in its token.
    id: String,
    /// Whose file it opens.
    tenant: u64,
    /// The file's number.
    file: u64,
    /// The content that the file is of, if it is of one.
    content: Option<String>,
    /// What its token covers.
    path: String,
    /// Who asked for it.
    issuer: String,
    /// The tag that it carries.
    tag: Option<String>,
    /// Is it watched for going round?
    anti_fraud: bool,
    /// Does it open more than once?
    multi_use: bool,
    /// Most downloads of it at a time.
    max_parallel_downloads: Option<u16>,
    /// The addresses that it opens for; null opens for every one.
    addresses: Option<String>,
    /// Since when it opens.
    created_at: Timestamp,
    /// The last second at which it opens.
    expires_at: Timestamp,
    /// Since when it does not any more.
    revoked_at: Option<Timestamp>,
}

/// A link, and what it was used for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsedDownloadLink)]
struct UsedLink {
    #[serde(flatten)]
    link: LinkBody,
    /// Its first downloads, by when they ended; edges report them within seconds. All of them are at
    /// the tenant's download events.
    downloads: Vec<EventBody>,
}

/// Which links.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct LinkQuery {
    /// Those to the file of this number.
    file: Option<u64>,
    /// Those that this application or person asked for.
    issuer: Option<String>,
    /// Those that carry this tag.
    tag: Option<String>,
}

impl LinkQuery {
    /// The list that is asked for: its address, and which links are on it.
    fn read(self, tenant: TenantId) -> Result<(String, LinkFilter), Problem> {
        let Self { file, issuer, tag } = self;
        let path = format!("/api/v1/tenants/{tenant}/links");
        without_nul([("issuer", issuer.as_deref()), ("tag", tag.as_deref())])?;
        if file.is_some_and(|file| i64::try_from(file).is_err()) {
            return Err(Problem::invalid("", "file is out of range"));
        }
        let parameters = [
            ("issuer", issuer.clone()),
            ("tag", tag.clone()),
            ("file", file.map(|it| it.to_string())),
        ];
        let list = list_address(path, parameters);
        let filter = LinkFilter {
            file,
            issuer: issuer.map(Into::into),
            tag: tag.map(Into::into),
            order: ListOrder::OldestFirst,
        };
        Ok((list, filter))
    }
}

/// A tenant's links that were signed for somebody, the oldest first; they are known for half a year
/// after their end.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/links", tag = "links",
    params(("tenant" = String, Path, description = "The tenant's number"), LinkQuery, PageQuery),
    responses((status = 200, description = "A page", body = Listing<LinkBody>), ReadRefusals),
    security(("bearer" = ["audit.read"]))
)]
async fn link_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(filter): Parameters<LinkQuery>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let (list, filter) = filter.read(tenant)?;
    let page = api.page(&list, &query)?;
    let listed = api.services.download_link_list(&caller, tenant, &filter, &page).await?;
    Ok(api.listing(&list, &query, listed, wire))
}

/// A link: on which terms it opens, and who redeemed it, when, from where, and how many bytes they
/// got.
#[utoipa::path(
    get, path = "/api/v1/links/{link}", tag = "links",
    params(("link" = String, Path, description = "The link's id")),
    responses((status = 200, description = "The link", body = UsedLink), ReadRefusals),
    security(("bearer" = ["audit.read"]))
)]
async fn link_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(link): Segments<String>,
) -> Result<Response, Problem> {
    let link = api.services.download_link(&caller, &id(&link, LinkId::parse)?).await?;
    let filter = DownloadFilter { link: Some(link.id.as_str().into()), ..Default::default() };
    let page = Page::first(SHOWN);
    let events = api.services.download_event_list(&caller, link.tenant, &filter, &page).await?;
    let downloads = events.items.into_iter().map(EventBody::from).collect();
    Ok(body::ok(&UsedLink { link: wire(link), downloads }))
}

/// Makes a link dead, at every edge within a second. One that is dead stays so.
#[utoipa::path(
    delete, path = "/api/v1/links/{link}", tag = "links",
    params(("link" = String, Path, description = "The link's id")),
    responses((status = 204, description = "It opens nothing any more"), ReadRefusals),
    security(("bearer" = ["links.revoke"]))
)]
async fn link_revoke(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(link): Segments<String>,
) -> Result<Response, Problem> {
    api.services.download_link_revoke(&caller, &id(&link, LinkId::parse)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn wire(link: DownloadLink) -> LinkBody {
    let DownloadLink {
        id,
        tenant,
        file,
        content,
        path,
        issuer,
        tag,
        terms: DownloadTerms { sharing, uses, parallel, addresses },
        created_at,
        expires_at,
        revoked_at,
    } = link;
    LinkBody {
        id: id.to_string(),
        tenant: tenant.0,
        file,
        content: content.map(|id| id.to_string()),
        path: path.into(),
        issuer: issuer.into(),
        tag: tag.map(Into::into),
        anti_fraud: sharing == Sharing::Watched,
        multi_use: uses == Uses::Any,
        max_parallel_downloads: parallel.map(Into::into),
        addresses: addresses.map(|it| it.to_string()),
        created_at: Timestamp(created_at),
        expires_at: Timestamp(expires_at),
        revoked_at: revoked_at.map(Timestamp),
    }
}
