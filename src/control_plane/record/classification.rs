//! Classifications: names that a tenant's contents are sorted under, and who may say so.

use serde::Serialize;

use super::Grantee;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// A classification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Classification {
    /// Whose.
    pub tenant: TenantId,
    /// Its name; unique within the tenant.
    pub name: Box<str>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
}

/// Somebody who may put contents under a classification, and take them from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClassificationRight {
    /// Which classification.
    pub classification: Box<str>,
    /// Who.
    pub grantee: Grantee,
}
