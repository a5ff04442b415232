//! Bearer tokens: 256 random bits, shown once and kept as their SHA-256.

use serde::Serialize;

use super::{AccessTokenId, Grantee, ScopeSet, SecretHash};
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;

wire_names! {
    /// What a token is good for.
    TokenUse {
        /// Calls.
        Access = "access",
        /// The pages of the console, in the browser that signed in.
        Console = "console",
        /// Being exchanged for another, once.
        Refresh = "refresh",
        /// Calls in a dialect whose tokens live on while they are used.
        Session = "session",
    }
}

/// A token that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessToken {
    /// The id under which it is listed and audited.
    pub id: AccessTokenId,
    /// What the token hashes to.
    #[serde(skip)]
    pub hash: SecretHash,
    /// What it is good for.
    pub token_use: TokenUse,
    /// Whose it is.
    pub grantee: Grantee,
    /// The tenant it is bound to; none reaches as far as its holder does.
    pub tenant: Option<TenantId>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// When it ends.
    pub expires_at: UnixSeconds,
    /// Since when it is revoked.
    pub revoked_at: Option<UnixSeconds>,
}

/// What is asked for in a new token. The caller makes the token and keeps the store from seeing it.
#[derive(Clone, Debug)]
pub struct AccessTokenDraft {
    /// What the token hashes to.
    pub hash: SecretHash,
    /// What it is good for.
    pub token_use: TokenUse,
    /// Whose it is.
    pub grantee: Grantee,
    /// The tenant it is bound to.
    pub tenant: Option<TenantId>,
    /// What it may do.
    pub scopes: ScopeSet,
    /// When it ends.
    pub expires_at: UnixSeconds,
}
