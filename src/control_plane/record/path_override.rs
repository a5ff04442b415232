//! Overrides: which protected assets are public (requirements D18 to D26, G10, G11).

use serde::{Deserialize, Serialize};

use crate::asset::TenantId;
use crate::clock::UnixSeconds;
pub use crate::policy::{Opening, OverrideLevel};

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
