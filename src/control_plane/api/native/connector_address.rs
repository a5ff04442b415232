//! What a connector gives: the table of its addresses, the names of several contents, and what would
//! become public by one that is not made yet.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::connector::NewConnector;
use super::wire_enum;
use crate::asset::TenantId;
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::Json;
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, connector_path, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ConnectorId, ContentKind};
use crate::control_plane::service::{
    AddressState, Clash, ConnectorAddress, ConnectorContent, Standing,
};
use crate::control_plane::spreadsheet::ConnectorTable;

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(connector_preview))
        .routes(routes!(connector_url_list))
        .routes(routes!(connector_clash_list))
}

/// A content of a connector's folder, with its addresses.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectorContent)]
struct ContentBody {
    /// The content's id.
    content: String,
    /// Its title in the first of its languages.
    title: Option<String>,
    /// What it is.
    #[schema(schema_with = wire_enum::content_kinds)]
    kind: ContentKind,
    /// Does the connector take it? `public` if it does; why not, otherwise.
    #[schema(schema_with = wire_enum::standings)]
    standing: Standing,
    /// Its addresses: one, or one a language.
    addresses: Vec<AddressBody>,
}

/// One address of a content.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectorAddress)]
struct AddressBody {
    /// The language of the name; null where it has none.
    language: Option<String>,
    /// What stands for the content.
    name: String,
    /// The path on the tenant's site; null where no URL can say the name.
    path: Option<String>,
    /// The whole address; null where it is not known where the site is.
    url: Option<String>,
    /// What it gives: `served` the content, `shadowed` an older one of the same name; `refused`,
    /// `closed` and `unspeakable` nothing.
    #[schema(schema_with = wire_enum::address_states)]
    state: AddressState,
    /// How many other contents that the connector takes have the name.
    others: u64,
}

/// A content that would become public.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreviewedContent)]
struct PreviewBody {
    /// The content's id.
    content: String,
    /// Its title in the first of its languages.
    title: Option<String>,
    /// What it is.
    #[schema(schema_with = wire_enum::content_kinds)]
    kind: ContentKind,
    /// What would stand for it in addresses.
    names: Vec<NameBody>,
}

/// What stands for a content in an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectorName)]
struct NameBody {
    /// Its language; null where it has none.
    language: Option<String>,
    /// The name.
    name: String,
    /// How many other contents that the connector takes have it.
    others: u64,
}

/// A name that several contents have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectorClash)]
struct ClashBody {
    /// What they say in the field.
    value: String,
    /// Who they are, in the order in which they are meant; a thousand of a page's at most.
    contents: Vec<NamesakeBody>,
}

/// A content that has the name of others.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Namesake)]
struct NamesakeBody {
    /// The content's id.
    content: String,
    /// Does the connector take it? Those it does not take are in nobody's way.
    #[schema(schema_with = wire_enum::standings)]
    standing: Standing,
}

/// In which form the table is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct TableQuery {
    /// `csv` for all of it as a spreadsheet; `json` for a page. What `Accept` says, otherwise.
    #[param(inline)]
    format: Option<Form>,
}

/// The forms of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    Csv,
    Json,
}

/// What would become public by a connector that is not made yet: of a page of the folder's contents,
/// those that it would take. A page may have fewer than there are, or none, and not be the last.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/connectors/preview", tag = "connectors",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    request_body = NewConnector,
    responses(
        (status = 200, description = "A page", body = Listing<PreviewBody>),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn connector_preview(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
    Json(body): Json<NewConnector>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/connectors/preview");
    let (page, draft) = (api.page(&path, &query)?, body.draft()?);
    let listed = api.services.connector_preview(&caller, tenant, &draft, &page).await?;
    Ok(api.listing(&path, &query, listed, |item| {
        let names = item.addresses.into_iter().map(|address| {
            let ConnectorAddress { language, name, others, .. } = address;
            NameBody { language: language.map(Into::into), name: name.into(), others }
        });
        PreviewBody {
            content: item.content.id.to_string(),
            title: item.content.draft.texts.into_iter().next().map(|text| text.title.into()),
            kind: item.content.draft.kind,
            names: names.collect(),
        }
    }))
}

/// Every content of a connector's folder, by id, with its addresses and what each gives now: a page,
/// or all of it as a spreadsheet. In that, a cell that would be a formula has an apostrophe before
/// it.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/connectors/{connector}/urls", tag = "connectors",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("connector" = String, Path, description = "The connector's id"),
        PageQuery,
        TableQuery
    ),
    responses(
        (status = 200, description = "A page, or all", content(
            (Listing<ContentBody> = "application/json"),
            (String = "text/csv")
        )),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn connector_url_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, connector)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
    Parameters(TableQuery { format }): Parameters<TableQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (tenant, id) = connector_path(&tenant_number, &connector)?;
    match format.unwrap_or_else(|| asked_for(&headers)) {
        Form::Csv => spreadsheet(api, caller, tenant, id).await,
        Form::Json => {
            let path = format!("/api/v1/tenants/{tenant}/connectors/{id}/urls");
            let page = api.page(&path, &query)?;
            let listed = api.services.connector_content_list(&caller, tenant, &id, &page).await?;
            let site = api.services.connector_site(tenant);
            Ok(api.listing(&path, &query, listed, |item| wire(item, site.as_deref())))
        }
    }
}

/// The names that several contents of a connector's folder have, by name. Only what a field of
/// metadata says can be that of several; ids and names for people are each of one.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/connectors/{connector}/clashes", tag = "connectors",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("connector" = String, Path, description = "The connector's id"),
        PageQuery
    ),
    responses((status = 200, description = "A page", body = Listing<ClashBody>), ReadRefusals),
    security(("bearer" = ["catalog.read"]))
)]
async fn connector_clash_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, connector)): Segments<(String, String)>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let (tenant, id) = connector_path(&tenant_number, &connector)?;
    let path = format!("/api/v1/tenants/{tenant}/connectors/{id}/clashes");
    let page = api.page(&path, &query)?;
    let listed = api.services.connector_clash_list(&caller, tenant, &id, &page).await?;
    Ok(api.listing(&path, &query, listed, |Clash { value, contents }| {
        let contents = contents
            .into_iter()
            .map(|(content, standing)| NamesakeBody { content: content.to_string(), standing });
        ClashBody { value: value.into(), contents: contents.collect() }
    }))
}

fn asked_for(headers: &HeaderMap) -> Form {
    let accept = headers.get(ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let mut ranges = accept.split(',').map(|range| range.split(';').next().unwrap_or_default());
    let first = ranges.find(|range| {
        let range = range.trim();
        range.eq_ignore_ascii_case("text/csv") || range.eq_ignore_ascii_case("application/json")
    });
    match first {
        Some(range) if range.trim().eq_ignore_ascii_case("text/csv") => Form::Csv,
        Some(_) | None => Form::Json,
    }
}

/// All of the table.
async fn spreadsheet(
    api: Api,
    caller: Caller,
    tenant: TenantId,
    id: ConnectorId,
) -> Result<Response, Problem> {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{id}.csv\""));
    let table = ConnectorTable::begin(api.services.clone(), caller, tenant, id).await?;
    let mut response = Body::from_stream(table).into_response();
    let media_type = HeaderValue::from_static(ConnectorTable::MEDIA_TYPE);
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    if let Ok(disposition) = disposition {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

fn wire(item: ConnectorContent, site: Option<&str>) -> ContentBody {
    let ConnectorContent { content, standing, addresses } = item;
    let addresses = addresses.into_iter().map(|address| {
        let ConnectorAddress { language, name, path, state, others } = address;
        let url = site.zip(path.as_ref()).map(|(site, path)| format!("{site}{path}"));
        let (language, name) = (language.map(Into::into), name.into());
        AddressBody { language, name, path, url, state, others }
    });
    ContentBody {
        content: content.id.to_string(),
        title: content.draft.texts.into_iter().next().map(|text| text.title.into()),
        kind: content.draft.kind,
        standing,
        addresses: addresses.collect(),
    }
}
