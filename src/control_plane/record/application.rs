//! Applications: programs that call the APIs with client credentials.

use serde::{Deserialize, Serialize};

use super::{ApplicationId, ScopeSet, SecretHash, SecretId};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;

/// An application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// Its id: the `client_id`.
    pub id: ApplicationId,
    /// The tenant it is bound to; none reaches every tenant.
    pub tenant: Option<TenantId>,
    /// What people call it.
    pub name: Box<str>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Since when it may not log in any more.
    pub disabled_at: Option<UnixSeconds>,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about an application when it is made or changed.
#[derive(Clone, Debug)]
pub struct ApplicationDraft {
    /// The tenant it is bound to; none reaches every tenant.
    pub tenant: Option<TenantId>,
    /// What people call it.
    pub name: Box<str>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Since when it may not log in any more.
    pub disabled_at: Option<UnixSeconds>,
}

/// One of an application's secrets: at most two are valid at a time, so that one can be replaced
/// while the other works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApplicationSecret {
    /// Its id.
    pub id: SecretId,
    /// Whose it is.
    pub application: ApplicationId,
    /// What the secret hashes to.
    #[serde(skip)]
    pub hash: SecretHash,
    /// The secret itself, sealed under the master key, where it signs requests (MediaHub's dialect).
    #[serde(skip)]
    pub sealed: Option<Box<[u8]>>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When it ends.
    pub expires_at: Option<UnixSeconds>,
    /// When it last opened something.
    #[serde(skip)]
    pub last_used_at: Option<UnixSeconds>,
}
