//! The override table: which protected assets are public (requirements D18–D26, G10, G11).
//!
//! Overrides only ever open. An asset is public if its tenant is, its type is in the tenant's
//! types, its video is, its type is in the video's types, or it is an attachment of an opened
//! channel.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::asset::{AssetPath, AssetTypeSet, ChannelId, TenantId, VideoId, Visibility};

/// What is open, for every tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideTable {
    tenants: HashMap<TenantId, Arc<TenantOverrides>>,
}

/// Which assets of a tenant an override is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "level", content = "subject", rename_all = "snake_case", deny_unknown_fields)]
pub enum OverrideLevel {
    /// Everything of the tenant.
    Tenant,
    /// Everything of the tenant of some types; a level of its own, beside the tenant's (D21).
    AssetTypes,
    /// One channel.
    Channel(ChannelId),
    /// One video.
    Video(VideoId),
}

/// What an override opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Opening {
    /// Everything: `scope` is `public`.
    Everything,
    /// These types.
    Types(AssetTypeSet),
}

impl Opening {
    /// The types that are open.
    pub const fn types(self) -> AssetTypeSet {
        match self {
            Self::Everything => AssetTypeSet::EVERY,
            Self::Types(types) => types,
        }
    }
}

/// What is open of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantOverrides {
    /// Is everything open?
    pub scope: TenantScope,
    /// Types that are open everywhere.
    pub asset_types: AssetTypeSet,
    /// Types that are open of one video; every type where the video's scope is public.
    pub videos: HashMap<VideoId, AssetTypeSet>,
    /// Types that are open of one channel.
    pub channels: HashMap<ChannelId, AssetTypeSet>,
}

/// The scope of a whole tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TenantScope {
    /// What no level opens is closed.
    #[default]
    Private,
    /// Everything is open.
    Public,
}

impl TenantOverrides {
    /// Says what is open at one level, whatever was before; none closes it.
    pub fn set(&mut self, level: &OverrideLevel, opens: Option<Opening>) {
        let types = opens.map(Opening::types).filter(|types| *types != AssetTypeSet::EMPTY);
        match level {
            OverrideLevel::Tenant => {
                self.scope = match opens {
                    Some(Opening::Everything) => TenantScope::Public,
                    // No such level is ever written: a tenant is open as a whole or not at all.
                    Some(Opening::Types(_)) | None => TenantScope::Private,
                };
            }
            OverrideLevel::AssetTypes => self.asset_types = types.unwrap_or_default(),
            OverrideLevel::Channel(channel) => match types {
                Some(types) => drop(self.channels.insert(*channel, types)),
                None => drop(self.channels.remove(channel)),
            },
            OverrideLevel::Video(video) => match types {
                Some(types) => drop(self.videos.insert(video.clone(), types)),
                None => drop(self.videos.remove(video)),
            },
        }
    }
}

impl OverrideTable {
    /// A table of these tenants.
    pub fn new(tenants: HashMap<TenantId, TenantOverrides>) -> Self {
        let tenants = tenants.into_iter().map(|(tenant, it)| (tenant, Arc::new(it)));
        Self { tenants: tenants.collect() }
    }

    /// What is open of one tenant, to be changed. The table that this one was cloned from keeps
    /// its own.
    pub fn tenant_mut(&mut self, tenant: TenantId) -> &mut TenantOverrides {
        Arc::make_mut(self.tenants.entry(tenant).or_default())
    }

    /// Nothing is open of that tenant any more.
    pub fn remove_tenant(&mut self, tenant: TenantId) {
        self.tenants.remove(&tenant);
    }

    /// The visibility in force.
    pub fn effective(&self, tenant: TenantId, asset: &AssetPath) -> Visibility {
        let Some(overrides) = self.tenants.get(&tenant) else { return Visibility::Private };
        let kind = asset.asset_type();
        let of_video = || asset.video().and_then(|video| overrides.videos.get(video));
        let of_channel = || asset.channel().and_then(|channel| overrides.channels.get(&channel));
        let open = overrides.scope == TenantScope::Public
            || overrides.asset_types.contains(kind)
            || of_video().is_some_and(|kinds| kinds.contains(kind))
            || of_channel().is_some_and(|kinds| kinds.contains(kind));
        if open { Visibility::Public } else { Visibility::Private }
    }

    /// How many statements the table makes: tenants' own, videos and channels.
    pub fn entries(&self) -> usize {
        self.tenants
            .values()
            .map(|tenant| {
                usize::from(tenant.scope == TenantScope::Public)
                    + usize::from(tenant.asset_types != AssetTypeSet::EMPTY)
                    + tenant.videos.len()
                    + tenant.channels.len()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::AssetType;
    use crate::target::{PathToken, RequestTarget};

    /// G10, G11: the last word at a level counts, closing one leaves the others, and a table that
    /// was taken before does not change.
    #[test]
    fn levels_are_set_one_by_one() {
        let asset = |text: &str| {
            let target = RequestTarget::parse(text, PathToken::Absent, 8192).unwrap();
            AssetPath::parse(&target).unwrap()
        };
        let source = asset("/private/videos/-a/source");
        let format = asset("/private/videos/-a/formats/hd");
        let attachment = asset("/private/channels/7/attachments/t/n");
        let tenant = TenantId(1);
        let video = OverrideLevel::Video(VideoId::new("-a").unwrap());
        let channel = OverrideLevel::Channel(ChannelId(7));
        let types = |kind| Some(Opening::Types(AssetTypeSet::EMPTY.with(kind)));
        let mut table = OverrideTable::default();
        let before = table.clone();
        for (level, opens, expected) in [
            (&OverrideLevel::Tenant, Some(Opening::Everything), [1, 1, 1]),
            (&video, types(AssetType::VideoSource), [1, 1, 1]),
            (&OverrideLevel::Tenant, None, [1, 0, 0]),
            (&video, types(AssetType::VideoFormat), [0, 1, 0]),
            (&OverrideLevel::AssetTypes, types(AssetType::Attachment), [0, 1, 1]),
            (&channel, types(AssetType::Attachment), [0, 1, 1]),
            (&OverrideLevel::AssetTypes, None, [0, 1, 1]),
            (&channel, None, [0, 1, 0]),
            (&video, types(AssetType::Subtitle), [0, 0, 0]),
            (&video, None, [0, 0, 0]),
        ] {
            table.tenant_mut(tenant).set(level, opens);
            let open = [&source, &format, &attachment]
                .map(|asset| u8::from(table.effective(tenant, asset) == Visibility::Public));
            assert_eq!(open, expected, "{level:?} {opens:?}");
            assert_eq!(before.effective(tenant, &source), Visibility::Private);
            assert_eq!(table.effective(TenantId(2), &source), Visibility::Private);
        }
        assert_eq!(table.entries(), 0);
    }
}
