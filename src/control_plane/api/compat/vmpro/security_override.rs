//! Security overrides (requirements D18 to D27; G10 to G14 say what the vendor's page leaves open).

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::override_body::{
    LevelOverride, SecurityOverride, TenantOverrides, level_of, opening, overrides_of, types_only,
};
use crate::asset::{AssetType, AssetTypeSet, ChannelId, TenantId, VideoId};
use crate::control_plane::api::auth::Authenticated;
use crate::control_plane::api::body::{self, LooseJson};
use crate::control_plane::api::error::Problem;
use crate::control_plane::api::refusal::VendorRefusals;
use crate::control_plane::api::segment::{Segments, id, number, tenant};
use crate::control_plane::api::state::Api;
use crate::control_plane::record::{Opening, OverrideLevel};

/// The routes, with their documents.
pub(in crate::control_plane::api) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(tenant_show, tenant_open, tenant_close))
        .routes(routes!(asset_types_show, asset_types_open, asset_types_close))
        .routes(routes!(channel_show, channel_open, channel_close))
        .routes(routes!(video_show, video_open, video_close))
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
