//! Revocations: links that were handed out and shall not open any more.

use serde::{Deserialize, Serialize};

use super::RevocationId;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
pub use crate::policy::RevokedLinks;

/// Links that are dead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Its id.
    pub id: RevocationId,
    /// Whose links.
    pub tenant: TenantId,
    /// Which of them.
    pub subject: RevokedLinks,
    /// Why, in the words of whoever did it.
    pub reason: Box<str>,
    /// When it was made.
    pub created_at: UnixSeconds,
    /// Links made before that time are dead; none: before it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_before: Option<UnixSeconds>,
    /// When it can be forgotten, because every link it is about has expired by itself.
    pub expires_at: Option<UnixSeconds>,
}

/// What is asked for in a new revocation.
#[derive(Clone, Debug)]
pub struct RevocationDraft {
    /// Whose links.
    pub tenant: TenantId,
    /// Which of them.
    pub subject: RevokedLinks,
    /// Why.
    pub reason: Box<str>,
    /// Links made before that time are dead; none: before now.
    pub made_before: Option<UnixSeconds>,
    /// When it can be forgotten.
    pub expires_at: Option<UnixSeconds>,
}
