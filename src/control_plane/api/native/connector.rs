//! Connectors: what makes the published contents of a folder public, under short addresses.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::wire_enum;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, connector_path, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{
    AddressedBy, Ambiguity, Connector, ConnectorDraft, ConnectorKinds, ConnectorState, ContentKind,
    HttpsRule,
};
use crate::control_plane::service::{AddressPart, example_address};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(connector_list, connector_create)).routes(routes!(
        connector_show,
        connector_update,
        connector_remove
    ))
}

/// What stands for a content in a connector's addresses.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AddressedByBody {
    /// Its id: `/dl/{connector}/{content}`.
    ContentId,
    /// What a field of its metadata says, in whatever language: `/dl/{connector}/m/{value}`.
    Metadata {
        /// The field.
        name: String,
    },
    /// Its name for people, by language: `/dl/{connector}/{language}/{pretty_id}`.
    PrettyId,
}

/// What makes the published contents of a folder public.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Connector)]
struct ConnectorBody {
    /// Its id, which stands in its addresses.
    id: String,
    /// What people call it.
    name: String,
    /// The folder of its contents; those of folders below it are not.
    folder: u64,
    /// What it takes of them; all, if there is none.
    #[schema(schema_with = kinds)]
    kinds: Vec<ContentKind>,
    /// What stands for a content in its addresses.
    addressed_by: AddressedByBody,
    /// Do its addresses send to HTTPS?
    force_https: bool,
    /// Are names that several contents have refused? The oldest of them is given otherwise.
    strict: bool,
    /// Do its addresses work?
    enabled: bool,
    /// An address as its addresses are.
    example: ExampleBody,
    /// What whoever makes it is to know; of a connector that was just made or changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<Warning>,
    /// Since when it exists.
    created_at: Timestamp,
}

/// An address to show to people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExampleAddress)]
struct ExampleBody {
    /// Where the tenant's site is; null where nobody said so.
    site: Option<String>,
    /// The parts of the path, one behind the other.
    parts: Vec<PartBody>,
}

/// A part of an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AddressPart)]
struct PartBody {
    /// Its text.
    text: String,
    /// What stands there, where it is another in each address: `content_id`, `language`,
    /// `pretty_id` or `value`; null where it is the same in all of them.
    variable: Option<String>,
}

/// What whoever makes something is to know.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Warning {
    /// A code that does not change.
    code: &'static str,
    /// What it means.
    detail: &'static str,
}

/// A connector to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConnector {
    /// What people call it.
    name: String,
    /// The folder of its contents; those of folders below it are not.
    folder: u64,
    /// What it takes of them; all, if there is none.
    #[serde(default)]
    #[schema(schema_with = kinds)]
    kinds: Vec<ContentKind>,
    /// What stands for a content in its addresses.
    addressed_by: AddressedByBody,
    /// Do its addresses send to HTTPS? They do, unless it is said.
    force_https: Option<bool>,
    /// Are names that several contents have refused? They are not, unless it is said.
    strict: Option<bool>,
    /// Do its addresses work? They do, unless it is said.
    enabled: Option<bool>,
}

/// What is to be different (RFC 7396).
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ConnectorPatch {
    /// Another name.
    name: Option<String>,
    /// Another folder.
    folder: Option<u64>,
    /// Other kinds; all, if there is none.
    #[schema(schema_with = kinds)]
    kinds: Option<Vec<ContentKind>>,
    /// Another form of addresses: those of before are closed.
    addressed_by: Option<AddressedByBody>,
    /// Whether its addresses send to HTTPS.
    force_https: Option<bool>,
    /// Whether names that several contents have are refused.
    strict: Option<bool>,
    /// Whether its addresses work.
    enabled: Option<bool>,
}

/// A tenant's connectors, the oldest first; of a member, those of folders they may see.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/connectors", tag = "connectors",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<ConnectorBody>), ReadRefusals),
    security(("bearer" = ["catalog.read"]))
)]
async fn connector_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let path = format!("/api/v1/tenants/{tenant}/connectors");
    let page = api.page(&path, &query)?;
    let listed = api.services.connector_list(&caller, tenant, &page).await?;
    let site = api.services.connector_site(tenant);
    Ok(api.listing(&path, &query, listed, |it| wire(it, site.clone(), Vec::new())))
}

/// Makes a connector: whatever of the kinds it takes is published in the folder becomes public. For
/// members who have the right SHARE over the folder.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/connectors", tag = "connectors",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = NewConnector,
    responses(
        (status = 201, description = "The connector", body = ConnectorBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["shares.write"]))
)]
async fn connector_create(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(tenant_number): Segments<String>,
    Json(body): Json<NewConnector>,
) -> Result<Response, Problem> {
    let tenant = tenant(&tenant_number)?;
    let made = api.services.connector_create(&caller, tenant, body.draft()?).await?;
    let revision = made.revision;
    let body = wire(made, api.services.connector_site(tenant), warnings());
    Ok(tagged(revision, body::answer(StatusCode::CREATED, &body)))
}

/// A connector.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/connectors/{connector}", tag = "connectors",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("connector" = String, Path, description = "The connector's id")
    ),
    responses(
        (status = 200, description = "The connector", body = ConnectorBody,
            headers(("ETag" = String, description = "Its revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["catalog.read"]))
)]
async fn connector_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, connector)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    let (tenant, connector) = connector_path(&tenant_number, &connector)?;
    let found = api.services.connector(&caller, tenant, &connector).await?;
    Ok(shown(&api, tenant, found, Vec::new()))
}

/// Says something else about a connector, at every edge within a second. For members who have the
/// right SHARE over the folder, and over the one that it is moved to.
#[utoipa::path(
    patch, path = "/api/v1/tenants/{tenant}/connectors/{connector}", tag = "connectors",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("connector" = String, Path, description = "The connector's id"),
        ("If-Match" = String, Header, description = "The revision that is changed, or `*`")
    ),
    request_body(content = ConnectorPatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The connector", body = ConnectorBody,
            headers(("ETag" = String, description = "Its revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["catalog.read", "shares.write"]))
)]
async fn connector_update(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, connector)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
    Json(patch): Json<ConnectorPatch>,
) -> Result<Response, Problem> {
    let (tenant, id) = connector_path(&tenant_number, &connector)?;
    let now = api.services.connector(&caller, tenant, &id).await?;
    // What the patch leaves as it was must still be that when it is written.
    let seen = expected.or_revision(now.revision);
    let draft = patch.over(now.draft)?;
    let made = api.services.connector_replace(&caller, tenant, &id, seen, draft).await?;
    Ok(shown(&api, tenant, made, warnings()))
}

/// Removes a connector: its addresses are closed at every edge within a second. For members who have
/// the right SHARE over the folder.
#[utoipa::path(
    delete, path = "/api/v1/tenants/{tenant}/connectors/{connector}", tag = "connectors",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("connector" = String, Path, description = "The connector's id"),
        ("If-Match" = String, Header, description = "The revision that is removed, or `*`")
    ),
    responses((status = 204, description = "It is gone"), WriteRefusals),
    security(("bearer" = ["shares.write"]))
)]
async fn connector_remove(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((tenant_number, connector)): Segments<(String, String)>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let (tenant, connector) = connector_path(&tenant_number, &connector)?;
    api.services.connector_remove(&caller, tenant, &connector, expected).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl NewConnector {
    /// What is to be said.
    pub(super) fn draft(self) -> Result<ConnectorDraft, Problem> {
        let Self { name, folder, kinds, addressed_by, force_https, strict, enabled } = self;
        Ok(ConnectorDraft {
            name: name.into(),
            folder: ChannelId(folder),
            kinds: chosen(&kinds)?,
            addressed_by: addressed_by.into(),
            https: force_https.map_or(HttpsRule::Forced, https),
            ambiguity: strict.map_or(Ambiguity::First, ambiguity),
            state: enabled.map_or(ConnectorState::Enabled, state),
        })
    }
}

impl ConnectorPatch {
    fn over(self, now: ConnectorDraft) -> Result<ConnectorDraft, Problem> {
        let Self { name, folder, kinds, addressed_by, force_https, strict, enabled } = self;
        Ok(ConnectorDraft {
            name: name.map_or(now.name, Into::into),
            folder: folder.map_or(now.folder, ChannelId),
            kinds: kinds.map_or(Ok(now.kinds), |kinds| chosen(&kinds))?,
            addressed_by: addressed_by.map_or(now.addressed_by, Into::into),
            https: force_https.map_or(now.https, https),
            ambiguity: strict.map_or(now.ambiguity, ambiguity),
            state: enabled.map_or(now.state, state),
        })
    }
}

impl From<AddressedByBody> for AddressedBy {
    fn from(body: AddressedByBody) -> Self {
        match body {
            AddressedByBody::ContentId => Self::ContentId,
            AddressedByBody::Metadata { name } => Self::Metadata(name.into()),
            AddressedByBody::PrettyId => Self::PrettyId,
        }
    }
}

impl From<AddressedBy> for AddressedByBody {
    fn from(addressed_by: AddressedBy) -> Self {
        match addressed_by {
            AddressedBy::ContentId => Self::ContentId,
            AddressedBy::Metadata(name) => Self::Metadata { name: name.into() },
            AddressedBy::PrettyId => Self::PrettyId,
        }
    }
}

/// B4.
pub(super) fn warnings() -> Vec<Warning> {
    vec![Warning {
        code: "public_contents",
        detail: "What is published in the folder is public: whoever has an address gets the file, \
                 without a login and without a limit. This is for public contents only; hand out \
                 those that need access control by signed links, or by the APIs of download, which \
                 ask who it is",
    }]
}

fn kinds() -> utoipa::openapi::schema::Schema {
    wire_enum::list_of(wire_enum::connector_kinds())
}

fn chosen(kinds: &[ContentKind]) -> Result<ConnectorKinds, Problem> {
    ConnectorKinds::of(kinds)
        .ok_or_else(|| Problem::invalid("/kinds", "must be of AUDIO, IMAGE, OTHER and VIDEO"))
}

fn https(forced: bool) -> HttpsRule {
    if forced { HttpsRule::Forced } else { HttpsRule::Optional }
}

fn ambiguity(strict: bool) -> Ambiguity {
    if strict { Ambiguity::Refused } else { Ambiguity::First }
}

fn state(enabled: bool) -> ConnectorState {
    if enabled { ConnectorState::Enabled } else { ConnectorState::Disabled }
}

fn shown(api: &Api, tenant: TenantId, connector: Connector, warnings: Vec<Warning>) -> Response {
    let (revision, site) = (connector.revision, api.services.connector_site(tenant));
    tagged(revision, body::ok(&wire(connector, site, warnings)))
}

fn wire(connector: Connector, site: Option<String>, warnings: Vec<Warning>) -> ConnectorBody {
    let parts = example_address(&connector).into_iter().map(|AddressPart { text, variable }| {
        PartBody { text: text.into(), variable: variable.map(str::to_owned) }
    });
    let example = ExampleBody { site, parts: parts.collect() };
    let Connector { id, tenant: _, draft, created_at, revision: _ } = connector;
    let ConnectorDraft { name, folder, kinds, addressed_by, https, ambiguity, state } = draft;
    ConnectorBody {
        id: id.to_string(),
        name: name.into(),
        folder: folder.0,
        kinds: kinds.chosen(),
        addressed_by: addressed_by.into(),
        force_https: https == HttpsRule::Forced,
        strict: ambiguity == Ambiguity::Refused,
        enabled: state == ConnectorState::Enabled,
        example,
        warnings,
        created_at: Timestamp(created_at),
    }
}
