//! The override table: which protected assets are public (requirements D18–D26, G10, G11).
//!
//! Overrides only ever open. An asset is public if its tenant is, its type is in the tenant's
//! types, its video is, its type is in the video's types, or it is an attachment of an opened
//! channel.

use std::collections::HashMap;

use crate::asset::{AssetPath, AssetTypeSet, ChannelId, TenantId, VideoId, Visibility};

/// What is open, for every tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideTable {
    tenants: HashMap<TenantId, TenantOverrides>,
}

/// What is open of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantOverrides {
    /// Types that are open everywhere; every type where the tenant's scope is public.
    pub asset_types: AssetTypeSet,
    /// Types that are open of one video; every type where the video's scope is public.
    pub videos: HashMap<VideoId, AssetTypeSet>,
    /// Types that are open of one channel.
    pub channels: HashMap<ChannelId, AssetTypeSet>,
}

impl OverrideTable {
    /// A table of these tenants.
    pub fn new(tenants: HashMap<TenantId, TenantOverrides>) -> Self {
        Self { tenants }
    }

    /// The visibility in force.
    pub fn effective(&self, tenant: TenantId, asset: &AssetPath) -> Visibility {
        let Some(overrides) = self.tenants.get(&tenant) else { return Visibility::Private };
        let kind = asset.asset_type();
        let of_video = || asset.video().and_then(|video| overrides.videos.get(video));
        let of_channel = || asset.channel().and_then(|channel| overrides.channels.get(&channel));
        let open = overrides.asset_types.contains(kind)
            || of_video().is_some_and(|kinds| kinds.contains(kind))
            || of_channel().is_some_and(|kinds| kinds.contains(kind));
        if open { Visibility::Public } else { Visibility::Private }
    }

    /// How many statements the table makes: tenants' own, videos and channels.
    pub fn entries(&self) -> usize {
        self.tenants
            .values()
            .map(|tenant| {
                usize::from(tenant.asset_types != AssetTypeSet::EMPTY)
                    + tenant.videos.len()
                    + tenant.channels.len()
            })
            .sum()
    }
}
