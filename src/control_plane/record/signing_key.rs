//! Keys the control plane made for itself, sealed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::SigningKeyId;
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;

wire_names! {
    /// What a key signs.
    KeyUse {
        /// Cursors and answers of the API.
        Api = "api",
        /// Links of ours, with a payload of ours.
        Links = "links",
        /// The sessions of pages.
        Sessions = "sessions",
        /// The ids of forensic tags.
        Tags = "tags",
    }
}

/// A key and its dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKey {
    /// The id that tokens name.
    pub id: SigningKeyId,
    /// Whose links it signs; none signs everybody's.
    pub tenant: Option<TenantId>,
    /// What it signs.
    pub key_use: KeyUse,
    /// The key, sealed under the master key.
    pub sealed: SealedKey,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// From when on it signs and verifies.
    pub not_before: UnixSeconds,
    /// Until when it verifies.
    pub not_after: Option<UnixSeconds>,
    /// Since when it only verifies.
    pub retired_at: Option<UnixSeconds>,
}

/// Key material under a master key that is kept elsewhere. As text, hex. Not printed, although it
/// opens nothing by itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SealedKey(Box<[u8]>);

impl SealedKey {
    /// Takes sealed bytes.
    pub fn new(sealed: &[u8]) -> Self {
        Self(sealed.into())
    }

    /// The sealed bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for SealedKey {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, hex::FromHexError> {
        Ok(Self(hex::decode(text)?.into()))
    }
}

impl From<SealedKey> for String {
    fn from(key: SealedKey) -> Self {
        hex::encode(key.0)
    }
}

impl fmt::Debug for SealedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

/// What is asked for in a new key.
#[derive(Clone, Debug)]
pub struct SigningKeyDraft {
    /// The id, which the sealed bytes may be bound to.
    pub id: SigningKeyId,
    /// Whose links it signs.
    pub tenant: Option<TenantId>,
    /// What it signs.
    pub key_use: KeyUse,
    /// The key, sealed.
    pub sealed: SealedKey,
    /// From when on.
    pub not_before: UnixSeconds,
    /// Until when.
    pub not_after: Option<UnixSeconds>,
}
