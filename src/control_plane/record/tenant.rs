//! Tenants: whose the records are.

use serde::{Deserialize, Serialize};

use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// A tenant, by number (movingimage's videoManagerId) and name (THRON's clientId).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its number.
    pub number: TenantId,
    /// Its name, unique as well.
    pub name: Box<str>,
    /// Links of an epoch before this one are dead.
    pub link_epoch: u64,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}
