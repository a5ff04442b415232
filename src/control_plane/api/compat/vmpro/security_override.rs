//! Security overrides (requirements D18 to D27; G10 to G14 say what the vendor's page leaves open).

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::asset::{AssetType, AssetTypeSet, ChannelId, TenantId, VideoId};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, LooseJson};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::VendorRefusals;
use crate::control_plane::api::segment::{Segments, id, number, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{Opening, OverrideLevel, OverrideList};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(tenant_show, tenant_open, tenant_close))
        .routes(routes!(asset_types_show, asset_types_open, asset_types_close))
        .routes(routes!(channel_show, channel_open, channel_close))
        .routes(routes!(video_show, video_open, video_close))
}

/// What is to be public: everything, or some types.
#[derive(ToSchema)]
#[schema(as = SecurityOverrideDto, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler reads it field by field")]
struct SecurityOverride {
    /// Types of assets; at least one.
    #[schema(value_type = Option<Vec<AssetTypeName>>)]
    asset_types: Option<Vec<String>>,
    /// `public`, for everything; not together with `assetTypes`.
    scope: Option<String>,
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

/// What is public of a VideoManager.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VideoManagerOverrides)]
struct TenantOverrides {
    /// The VideoManager.
    video_manager_id: u64,
    /// `public` where everything is.
    scope: &'static str,
    /// Types that are public everywhere.
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: AssetTypeSet,
    /// Videos with an override of their own.
    videos: Vec<VideoEntry>,
    /// Channels with an override of their own.
    channels: Vec<ChannelEntry>,
}

/// What is public of a video.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct VideoEntry {
    /// The video.
    video_id: String,
    /// `public` where everything is.
    scope: &'static str,
    /// Types that are public.
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: AssetTypeSet,
}

/// What is public of a channel.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChannelEntry {
    /// The channel.
    channel_id: u64,
    /// Types that are public.
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: AssetTypeSet,
}

/// One level's override, and what is public with those above it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LevelOverride {
    /// The VideoManager.
    video_manager_id: u64,
    /// The video, at that level.
    #[serde(skip_serializing_if = "Option::is_none")]
    video_id: Option<String>,
    /// The channel, at that level.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<u64>,
    /// `public` where this level makes everything public.
    scope: &'static str,
    /// Types that this level makes public.
    #[schema(value_type = Vec<AssetTypeName>)]
    asset_types: AssetTypeSet,
    /// `public` where everything is, by whichever level.
    effective_scope: &'static str,
    /// Types that are public, by whichever level.
    #[schema(value_type = Vec<AssetTypeName>)]
    effective_asset_types: AssetTypeSet,
}

/// What is public of a VideoManager, level by level.
#[utoipa::path(
    get, path = "/v1/vms/{videoManagerId}/security-override", tag = "security-override",
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    responses((status = 200, description = "What is public", body = TenantOverrides), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn tenant_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(manager): Segments<String>,
) -> Result<Response, Problem> {
    let tenant = tenant(&manager)?;
    let list = api.services.override_list(&caller, tenant).await?;
    Ok(body::ok(&overrides_of(tenant, list)))
}

/// Makes all assets of a VideoManager public.
#[utoipa::path(
    post, path = "/v1/vms/{videoManagerId}/security-override", tag = "security-override",
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    responses((status = 200, description = "What is public now", body = TenantOverrides), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn tenant_open(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(manager): Segments<String>,
) -> Result<Response, Problem> {
    let tenant = tenant(&manager)?;
    let (level, opens) = (OverrideLevel::Tenant, Some(Opening::Everything));
    let list = api.services.override_set(&caller, tenant, &level, opens).await?;
    Ok(body::ok(&overrides_of(tenant, list)))
}

/// Makes all assets of a VideoManager private again, those of its channels and videos included.
#[utoipa::path(
    delete, path = "/v1/vms/{videoManagerId}/security-override", tag = "security-override",
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    responses((status = 200, description = "What is public now", body = TenantOverrides), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn tenant_close(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(manager): Segments<String>,
) -> Result<Response, Problem> {
    let tenant = tenant(&manager)?;
    let list = api.services.override_clear(&caller, tenant).await?;
    Ok(body::ok(&overrides_of(tenant, list)))
}

/// Which types are public for the whole VideoManager. An extension of the vendor's API.
#[utoipa::path(
    get, path = "/v1/vms/{videoManagerId}/asset-type/security-override", tag = "security-override",
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    responses((status = 200, description = "What is public", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn asset_types_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(manager): Segments<String>,
) -> Result<Response, Problem> {
    show(&api, &caller, tenant(&manager)?, &OverrideLevel::AssetTypes).await
}

/// Makes types of assets public for the whole VideoManager, and no others.
#[utoipa::path(
    post, path = "/v1/vms/{videoManagerId}/asset-type/security-override", tag = "security-override",
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    request_body = SecurityOverride,
    responses((status = 200, description = "What is public now", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn asset_types_open(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(manager): Segments<String>,
    LooseJson(body): LooseJson,
) -> Result<Response, Problem> {
    let tenant = tenant(&manager)?;
    let opens = types_only(body.as_ref())?;
    set(&api, &caller, tenant, &OverrideLevel::AssetTypes, Some(opens)).await
}

/// Takes types back that are public for the whole VideoManager. An extension of the vendor's API.
#[utoipa::path(
    delete, path = "/v1/vms/{videoManagerId}/asset-type/security-override", tag = "security-override",
    params(("videoManagerId" = String, Path, description = "The VideoManager's number")),
    responses((status = 200, description = "What is public now", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn asset_types_close(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments(manager): Segments<String>,
) -> Result<Response, Problem> {
    set(&api, &caller, tenant(&manager)?, &OverrideLevel::AssetTypes, None).await
}

/// What is public of a channel. An extension of the vendor's API.
#[utoipa::path(
    get, path = "/v1/vms/{videoManagerId}/channels/{channelId}/security-override",
    tag = "security-override",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("channelId" = String, Path, description = "The channel's number")
    ),
    responses((status = 200, description = "What is public", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn channel_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, channel)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    show(&api, &caller, tenant(&manager)?, &channel_level(&channel)?).await
}

/// Makes a channel's attachments public.
#[utoipa::path(
    post, path = "/v1/vms/{videoManagerId}/channels/{channelId}/security-override",
    tag = "security-override",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("channelId" = String, Path, description = "The channel's number")
    ),
    request_body(content = Option<SecurityOverride>, description = "Nothing, or `ATTACHMENT`"),
    responses((status = 200, description = "What is public now", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn channel_open(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, channel)): Segments<(String, String)>,
    LooseJson(body): LooseJson,
) -> Result<Response, Problem> {
    let (tenant, level) = (tenant(&manager)?, channel_level(&channel)?);
    // G13: no body means the one type there is.
    let opens = match body {
        None => Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Attachment)),
        Some(body) => types_only(Some(&body))?,
    };
    set(&api, &caller, tenant, &level, Some(opens)).await
}

/// Makes all assets of a channel private again.
#[utoipa::path(
    delete, path = "/v1/vms/{videoManagerId}/channels/{channelId}/security-override",
    tag = "security-override",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("channelId" = String, Path, description = "The channel's number")
    ),
    responses((status = 200, description = "What is public now", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn channel_close(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, channel)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    set(&api, &caller, tenant(&manager)?, &channel_level(&channel)?, None).await
}

/// What is public of a video. An extension of the vendor's API.
#[utoipa::path(
    get, path = "/v1/vms/{videoManagerId}/videos/{videoId}/security-override",
    tag = "security-override",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("videoId" = String, Path, description = "The video's id; it may begin with `-`")
    ),
    responses((status = 200, description = "What is public", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn video_show(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, video)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    show(&api, &caller, tenant(&manager)?, &video_level(&video)?).await
}

/// Makes all assets of a video public, or those of some types and no others.
#[utoipa::path(
    post, path = "/v1/vms/{videoManagerId}/videos/{videoId}/security-override",
    tag = "security-override",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("videoId" = String, Path, description = "The video's id; it may begin with `-`")
    ),
    request_body = SecurityOverride,
    responses((status = 200, description = "What is public now", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn video_open(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, video)): Segments<(String, String)>,
    LooseJson(body): LooseJson,
) -> Result<Response, Problem> {
    let (tenant, level) = (tenant(&manager)?, video_level(&video)?);
    let opens = opening(body.as_ref())?;
    set(&api, &caller, tenant, &level, Some(opens)).await
}

/// Removes a video's override.
#[utoipa::path(
    delete, path = "/v1/vms/{videoManagerId}/videos/{videoId}/security-override",
    tag = "security-override",
    params(
        ("videoManagerId" = String, Path, description = "The VideoManager's number"),
        ("videoId" = String, Path, description = "The video's id; it may begin with `-`")
    ),
    responses((status = 200, description = "What is public now", body = LevelOverride), VendorRefusals),
    security(("bearer" = ["overrides.admin"]))
)]
async fn video_close(
    State(api): State<Api>,
    Authenticated(caller): Authenticated,
    Segments((manager, video)): Segments<(String, String)>,
) -> Result<Response, Problem> {
    set(&api, &caller, tenant(&manager)?, &video_level(&video)?, None).await
}

type Caller = crate::control_plane::caller::Caller;

async fn show(
    api: &Api,
    caller: &Caller,
    tenant: TenantId,
    level: &OverrideLevel,
) -> Result<Response, Problem> {
    let list = api.services.override_list(caller, tenant).await?;
    Ok(body::ok(&level_of(tenant, level, &list)))
}

async fn set(
    api: &Api,
    caller: &Caller,
    tenant: TenantId,
    level: &OverrideLevel,
    opens: Option<Opening>,
) -> Result<Response, Problem> {
    let list = api.services.override_set(caller, tenant, level, opens).await?;
    Ok(body::ok(&level_of(tenant, level, &list)))
}

fn channel_level(text: &str) -> Result<OverrideLevel, Problem> {
    id(text, number).map(|number| OverrideLevel::Channel(ChannelId(number)))
}

fn video_level(text: &str) -> Result<OverrideLevel, Problem> {
    id(text, VideoId::new).map(OverrideLevel::Video)
}

/// What a body opens: `scope` or `assetTypes`, and not both (G10).
fn opening(body: Option<&Value>) -> Result<Opening, Problem> {
    let body = body.and_then(Value::as_object);
    let body = body.ok_or_else(|| Problem::invalid("", "scope or assetTypes is needed"))?;
    let given = |name| body.get(name).filter(|value| !value.is_null());
    match (given("scope"), given("assetTypes")) {
        (Some(_), Some(_)) => Err(Problem::invalid("", "scope and assetTypes exclude each other")),
        (Some(Value::String(scope)), None) if scope == "public" => Ok(Opening::Everything),
        (Some(_), None) => Err(Problem::invalid("/scope", "public is the only scope to set")),
        (None, Some(types)) => asset_types(types).map(Opening::Types),
        (None, None) => Err(Problem::invalid("", "scope or assetTypes is needed")),
    }
}

/// What a body opens where only types can be opened.
fn types_only(body: Option<&Value>) -> Result<Opening, Problem> {
    match opening(body)? {
        Opening::Everything => Err(Problem::invalid("/scope", "assetTypes is needed here")),
        types @ Opening::Types(_) => Ok(types),
    }
}

fn asset_types(value: &Value) -> Result<AssetTypeSet, Problem> {
    let names = value.as_array().filter(|names| !names.is_empty()).ok_or_else(|| {
        Problem::invalid("/assetTypes", "a list of at least one asset type is needed")
    })?;
    let mut types = AssetTypeSet::EMPTY;
    for (place, name) in names.iter().enumerate() {
        let kind = name.as_str().and_then(AssetType::from_wire_name).ok_or_else(|| {
            Problem::invalid(format!("/assetTypes/{place}"), "is not an asset type")
        })?;
        types = types.with(kind);
    }
    Ok(types)
}

const fn scope(opens: Option<Opening>) -> &'static str {
    match opens {
        Some(Opening::Everything) => "public",
        Some(Opening::Types(_)) | None => "private",
    }
}

const fn types(opens: Option<Opening>) -> AssetTypeSet {
    match opens {
        Some(Opening::Types(types)) => types,
        Some(Opening::Everything) | None => AssetTypeSet::EMPTY,
    }
}

fn at(list: &OverrideList, level: &OverrideLevel) -> Option<Opening> {
    list.overrides.iter().find(|it| it.level == *level).map(|it| it.opens)
}

fn overrides_of(tenant: TenantId, list: OverrideList) -> TenantOverrides {
    let mut body = TenantOverrides {
        video_manager_id: tenant.0,
        scope: scope(at(&list, &OverrideLevel::Tenant)),
        asset_types: types(at(&list, &OverrideLevel::AssetTypes)),
        videos: Vec::new(),
        channels: Vec::new(),
    };
    for entry in list.overrides {
        let opens = Some(entry.opens);
        match entry.level {
            OverrideLevel::Tenant | OverrideLevel::AssetTypes => (),
            OverrideLevel::Channel(channel) => body
                .channels
                .push(ChannelEntry { channel_id: channel.0, asset_types: types(opens) }),
            OverrideLevel::Video(video) => body.videos.push(VideoEntry {
                video_id: video.as_str().to_owned(),
                scope: scope(opens),
                asset_types: types(opens),
            }),
        }
    }
    body
}

/// One level, and what is public of it with the levels above (G11).
fn level_of(tenant: TenantId, level: &OverrideLevel, list: &OverrideList) -> LevelOverride {
    let own = at(list, level);
    let above = [at(list, &OverrideLevel::Tenant), at(list, &OverrideLevel::AssetTypes)];
    // A channel has attachments and nothing else: those being public is all of it being public.
    let has = match level {
        OverrideLevel::Channel(_) => AssetTypeSet::EMPTY.with(AssetType::Attachment),
        OverrideLevel::Tenant | OverrideLevel::AssetTypes | OverrideLevel::Video(_) => {
            AssetTypeSet::EVERY
        }
    };
    let open = [own].into_iter().chain(above).flatten();
    let effective: AssetTypeSet = open
        .flat_map(|opens| match opens {
            Opening::Everything => AssetTypeSet::EVERY.iter().collect::<Vec<_>>(),
            Opening::Types(types) => types.iter().collect(),
        })
        .filter(|kind| has.contains(*kind))
        .collect();
    LevelOverride {
        video_manager_id: tenant.0,
        video_id: match level {
            OverrideLevel::Video(video) => Some(video.as_str().to_owned()),
            OverrideLevel::Tenant | OverrideLevel::AssetTypes | OverrideLevel::Channel(_) => None,
        },
        channel_id: match level {
            OverrideLevel::Channel(channel) => Some(channel.0),
            OverrideLevel::Tenant | OverrideLevel::AssetTypes | OverrideLevel::Video(_) => None,
        },
        scope: scope(own),
        asset_types: types(own),
        effective_scope: if effective == has { "public" } else { "private" },
        effective_asset_types: effective,
    }
}
