//! Overrides as one table a tenant: read, replaced, compared, rolled back.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::{AssetType, AssetTypeSet, ChannelId, VideoId};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, Json};
use crate::control_plane::api::condition::{IfMatch, tagged};
use crate::control_plane::api::cursor::{Listing, PageQuery};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::{ReadRefusals, WriteRefusals};
use crate::control_plane::api::segment::{Parameters, Segments, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::api::timestamp::Timestamp;
use crate::control_plane::record::{
    Opening, OverrideLevel, OverrideList, OverrideRevision, OverrideStep,
};
use crate::control_plane::service::{OverrideProposal, Shrinking};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(override_list, override_replace))
        .routes(routes!(override_revision_list))
        .routes(routes!(override_rollback))
}

/// Is everything public, or what the lists say?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = OverrideScope)]
enum OpenScope {
    /// What the lists say.
    #[default]
    Private,
    /// Everything.
    Public,
}

/// A type of assets.
#[derive(ToSchema)]
#[schema(as = AssetType, rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(dead_code, reason = "the document shows it; `asset::AssetType` is what is used")]
enum AssetTypeName {
    Attachment,
    StillResolution,
    StillSource,
    Subtitle,
    VideoFormat,
    VideoSource,
}

/// A tenant's table, with the meaning of `overrides.toml`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverrideTable)]
struct Table {
    /// `public` where everything of the tenant is.
    #[serde(default)]
    scope: OpenScope,
    /// Types that are public everywhere.
    #[serde(default)]
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: Vec<AssetType>,
    /// Videos with an override of their own.
    #[serde(default)]
    videos: Vec<VideoRow>,
    /// Channels with an override of their own.
    #[serde(default)]
    channels: Vec<ChannelRow>,
}

/// What is public of a video: everything, or some types.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverrideOfVideo)]
struct VideoRow {
    /// The video.
    #[schema(value_type = String)]
    id: VideoId,
    /// `public` where everything is; without types then.
    #[serde(default)]
    scope: OpenScope,
    /// Types that are public.
    #[serde(default)]
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: Vec<AssetType>,
}

/// What is public of a channel.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverrideOfChannel)]
struct ChannelRow {
    /// The channel.
    #[schema(value_type = u64)]
    id: ChannelId,
    /// Types that are public: `ATTACHMENT`, the one there is.
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: Vec<AssetType>,
}

/// A tenant's table, of one revision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverrideTableState)]
struct TableState {
    /// Counts the table's changes; 0 where nothing was ever opened.
    revision: u64,
    #[serde(flatten)]
    table: Table,
}

/// What a table would change.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverrideDifference)]
struct Difference {
    /// The revision of the table as it is.
    revision: u64,
    /// What would change.
    steps: Vec<Step>,
}

/// One change of a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverrideRevision)]
struct Revised {
    /// The table's revision after it.
    revision: u64,
    /// When.
    at: Timestamp,
    /// Who.
    actor: String,
    /// What changed.
    steps: Vec<Step>,
}

/// A level of a table before and after.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverrideStep)]
struct Step {
    /// `tenant`, `asset_types`, `channel` or `video`.
    level: &'static str,
    /// Which channel or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// What was public; null for nothing.
    before: Option<Opened>,
    /// What is public since; null for nothing.
    after: Option<Opened>,
}

/// What is public at a level.
#[derive(Debug, Serialize, ToSchema)]
struct Opened {
    /// `public` for everything.
    scope: OpenScope,
    /// Types that are public.
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: AssetTypeSet,
}

/// Is it done, or only compared?
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct ReplaceQuery {
    /// `1` answers with what would change, and changes nothing.
    #[param(minimum = 0, maximum = 1)]
    dry_run: Option<u8>,
    /// `1` if a table of 20 entries or more is meant to lose more than half of them.
    #[param(minimum = 0, maximum = 1)]
    force: Option<u8>,
}

/// Which revision to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OverrideRollback)]
struct Rollback {
    /// The revision; 0 is before the first.
    revision: u64,
}

/// A tenant's whole table.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/overrides", tag = "overrides",
    params(("tenant" = String, Path, description = "The tenant's number")),
    responses(
        (status = 200, description = "The table", body = TableState,
            headers(("ETag" = String, description = "The table's revision"))),
        ReadRefusals
    ),
    security(("bearer" = ["overrides.admin"]))
)]
async fn override_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
) -> Result<Response, Problem> {
    let list = api.services.override_list(&caller, tenant(&number)?).await?;
    Ok(state_of(list))
}

/// Puts a table in place of a tenant's, or says what that would change.
#[utoipa::path(
    put, path = "/api/v1/tenants/{tenant}/overrides", tag = "overrides",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is replaced, or `*`"),
        ReplaceQuery
    ),
    request_body = Table,
    responses(
        (status = 200, description = "The table now; with `dry_run=1`, an OverrideDifference",
            body = TableState, headers(("ETag" = String, description = "The table's revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["overrides.admin"]))
)]
async fn override_replace(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(query): Parameters<ReplaceQuery>,
    IfMatch(expected): IfMatch,
    Json(table): Json<Table>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let proposal = proposal(table)?;
    let shrinking = match query.force {
        Some(1) => Shrinking::Meant,
        None | Some(0) => Shrinking::Refused,
        Some(_) => return Err(Problem::invalid("", "force is 0 or 1")),
    };
    match query.dry_run {
        Some(1) => {
            let found =
                api.services.override_difference(&caller, tenant, expected, proposal).await?;
            let steps = found.steps.into_iter().map(step).collect();
            let answer = body::ok(&Difference { revision: found.revision, steps });
            Ok(tagged(found.revision, answer))
        }
        None | Some(0) => {
            let list = api
                .services
                .override_replace(&caller, tenant, expected, proposal, shrinking)
                .await?;
            Ok(state_of(list))
        }
        Some(_) => Err(Problem::invalid("", "dry_run is 0 or 1")),
    }
}

/// Changes of a tenant's table, the first first.
#[utoipa::path(
    get, path = "/api/v1/tenants/{tenant}/overrides/revisions", tag = "overrides",
    params(("tenant" = String, Path, description = "The tenant's number"), PageQuery),
    responses((status = 200, description = "A page", body = Listing<Revised>), ReadRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn override_revision_list(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    Parameters(query): Parameters<PageQuery>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let path = format!("/api/v1/tenants/{tenant}/overrides/revisions");
    let page = api.page(&path, &query)?;
    let listed = api.services.override_revision_list(&caller, tenant, &page).await?;
    Ok(api.listing(&path, &query, listed, |revision: OverrideRevision| {
        let OverrideRevision { tenant: _, revision, at, actor, steps } = revision;
        let steps = steps.into_iter().map(step).collect();
        Revised { revision, at: Timestamp(at), actor: actor.into(), steps }
    }))
}

/// Brings a tenant's table back to what it was at a revision, as a new one.
#[utoipa::path(
    post, path = "/api/v1/tenants/{tenant}/overrides/rollback", tag = "overrides",
    params(
        ("tenant" = String, Path, description = "The tenant's number"),
        ("If-Match" = String, Header, description = "The revision that is replaced, or `*`"),
        ("Idempotency-Key" = Option<String>, Header, description = "Does it once")
    ),
    request_body = Rollback,
    responses(
        (status = 200, description = "The table now", body = TableState,
            headers(("ETag" = String, description = "The table's revision"))),
        WriteRefusals
    ),
    security(("bearer" = ["overrides.admin"]))
)]
async fn override_rollback(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(number): Segments<String>,
    IfMatch(expected): IfMatch,
    Json(Rollback { revision }): Json<Rollback>,
) -> Result<Response, Problem> {
    let tenant = tenant(&number)?;
    let list = api.services.override_rollback(&caller, tenant, expected, revision).await?;
    Ok(state_of(list))
}

/// The proposal that a table is; a level said twice is refused, for one of the two is not meant.
fn proposal(table: Table) -> Result<OverrideProposal, Problem> {
    let Table { scope, asset_types, videos, channels } = table;
    let mut entries = Vec::with_capacity(2 + videos.len() + channels.len());
    if scope == OpenScope::Public {
        entries.push((OverrideLevel::Tenant, Opening::Everything));
    }
    if !asset_types.is_empty() {
        let types = asset_types.into_iter().collect();
        entries.push((OverrideLevel::AssetTypes, Opening::Types(types)));
    }
    for (place, VideoRow { id, scope, asset_types }) in videos.into_iter().enumerate() {
        let opens = match (scope, asset_types.is_empty()) {
            (OpenScope::Public, true) => Opening::Everything,
            (OpenScope::Private, false) => Opening::Types(asset_types.into_iter().collect()),
            (OpenScope::Public, false) | (OpenScope::Private, true) => {
                let detail = "scope public or asset_types is needed, and not both";
                return Err(Problem::invalid(format!("/videos/{place}"), detail));
            }
        };
        entries.push((OverrideLevel::Video(id), opens));
    }
    for ChannelRow { id, asset_types } in channels {
        let types = asset_types.into_iter().collect();
        entries.push((OverrideLevel::Channel(id), Opening::Types(types)));
    }
    let mut levels: Vec<_> = entries.iter().map(|(level, _)| level).collect();
    levels.sort_unstable();
    if levels.windows(2).any(|pair| pair.first() == pair.last()) {
        return Err(Problem::invalid("", "a video or a channel is there twice"));
    }
    Ok(OverrideProposal(entries))
}

fn state_of(list: OverrideList) -> Response {
    let mut table = Table {
        scope: OpenScope::Private,
        asset_types: Vec::new(),
        videos: Vec::new(),
        channels: Vec::new(),
    };
    for entry in list.overrides {
        let (scope, types) = opened(entry.opens);
        let asset_types = types.iter().collect();
        match entry.level {
            OverrideLevel::Tenant => table.scope = scope,
            OverrideLevel::AssetTypes => table.asset_types = asset_types,
            OverrideLevel::Channel(id) => table.channels.push(ChannelRow { id, asset_types }),
            OverrideLevel::Video(id) => table.videos.push(VideoRow { id, scope, asset_types }),
        }
    }
    tagged(list.revision, body::ok(&TableState { revision: list.revision, table }))
}

fn opened(opens: Opening) -> (OpenScope, AssetTypeSet) {
    match opens {
        Opening::Everything => (OpenScope::Public, AssetTypeSet::EMPTY),
        Opening::Types(types) => (OpenScope::Private, types),
    }
}

fn step(step: OverrideStep) -> Step {
    let OverrideStep { level, before, after } = step;
    let (level, id) = match level {
        OverrideLevel::Tenant => ("tenant", None),
        OverrideLevel::AssetTypes => ("asset_types", None),
        OverrideLevel::Channel(id) => ("channel", Some(id.to_string())),
        OverrideLevel::Video(id) => ("video", Some(id.as_str().to_owned())),
    };
    let wire = |opens: Option<Opening>| {
        opens.map(opened).map(|(scope, asset_types)| Opened { scope, asset_types })
    };
    Step { level, id, before: wire(before), after: wire(after) }
}
