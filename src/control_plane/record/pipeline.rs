//! Pipelines: an origin of the configuration and a prefix, which object keys are relative to.

use serde::Serialize;

use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// Where files of a tenant are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pipeline {
    /// Its number (MediaHub's `pipeline_id`).
    pub number: u64,
    /// Whose.
    pub tenant: TenantId,
    /// What people call it; unique within the tenant.
    pub name: Box<str>,
    /// The origin's name in the configuration.
    pub origin: Box<str>,
    /// What stands before every key.
    pub prefix: Box<str>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a pipeline.
#[derive(Clone, Debug)]
pub struct PipelineDraft {
    /// What people call it.
    pub name: Box<str>,
    /// The origin's name in the configuration.
    pub origin: Box<str>,
    /// What stands before every key.
    pub prefix: Box<str>,
}
