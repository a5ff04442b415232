//! Overrides: which protected assets are public (requirements D18 to D26, G10, G11).

use serde::{Deserialize, Serialize};

use crate::asset::{AssetTypeSet, ChannelId, TenantId, VideoId};
use crate::clock::UnixSeconds;

/// What is opened at one level. A level that opens nothing has no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathOverride {
    /// Whose assets.
    pub tenant: TenantId,
    /// Which of them.
    pub level: OverrideLevel,
    /// What of them is public.
    pub opens: Opening,
}

/// Which assets an override is about.
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

/// One level's state before and after a change of the table; none is private.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideStep {
    /// Which level.
    pub level: OverrideLevel,
    /// What was open.
    pub before: Option<Opening>,
    /// What is open since.
    pub after: Option<Opening>,
}

/// One change of a tenant's table. Together, backwards, they give any earlier table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverrideRevision {
    /// Whose table.
    pub tenant: TenantId,
    /// Counts the table's changes, from 1: the table's `ETag`.
    pub revision: u64,
    /// When.
    pub at: UnixSeconds,
    /// Who, as in the audit log.
    pub actor: Box<str>,
    /// What changed.
    pub steps: Vec<OverrideStep>,
}

/// A tenant's table, all of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverrideList {
    /// The revision; 0 where nothing was ever opened.
    pub revision: u64,
    /// What is open, ordered by level.
    pub overrides: Vec<PathOverride>,
}
