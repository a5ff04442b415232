//! What a security override looks like in the vendor's JSON, and what it means (G10, G11, G14).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::asset::{AssetType, AssetTypeSet, TenantId};
use crate::control_plane::api::error::Problem;
use crate::control_plane::record::{Opening, OverrideLevel, OverrideList};

/// What is to be public: everything, or some types.
#[derive(ToSchema)]
#[schema(as = SecurityOverrideDto, rename_all = "camelCase")]
#[expect(dead_code, reason = "the document shows it; the handler reads it field by field")]
pub(super) struct SecurityOverride {
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
pub(super) struct TenantOverrides {
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
pub(super) struct LevelOverride {
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

/// What a body opens: `scope` or `assetTypes`, and not both (G10).
pub(super) fn opening(body: Option<&Value>) -> Result<Opening, Problem> {
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
pub(super) fn types_only(body: Option<&Value>) -> Result<Opening, Problem> {
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

pub(super) fn overrides_of(tenant: TenantId, list: OverrideList) -> TenantOverrides {
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
pub(super) fn level_of(
    tenant: TenantId,
    level: &OverrideLevel,
    list: &OverrideList,
) -> LevelOverride {
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
    let effective: AssetTypeSet =
        open.flat_map(|opens| opens.types().iter()).filter(|kind| has.contains(*kind)).collect();
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
