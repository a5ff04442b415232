//! Keys for links: made here, sealed, and dropped.
//!
//! Rotation without a failed link: the new key begins a moment later than it is made, when every
//! edge has it; those before it sign until then, and open their links as long as those may live.

use super::desk::Services;
use super::error::{Invalid, ServiceError};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    KeyUse, Scope, SigningKey, SigningKeyDraft, SigningKeyId, chance,
};
use crate::control_plane::store::{Expected, RevisedKey};
use crate::keyring::KeyMaterial;
use crate::secret::Secret;

/// Seconds until a successor signs: what it takes to reach every edge that is reached at all.
pub const HEAD_START: u64 = 10;

/// Seconds for which a link lives at most, where the configuration does not say it, and so for which
/// a key opens links after it signed the last one.
pub const LONGEST_LINK: u64 = 24 * 60 * 60;

/// A new key for links.
#[derive(Clone, Copy, Debug)]
pub struct NewKey {
    /// Whose links it signs; none signs those of tenants without a key of their own.
    pub tenant: Option<TenantId>,
    /// Until when those before it open links; none: as long as the longest of theirs may live.
    pub others_until: Option<UnixSeconds>,
}

impl Services {
    /// The keys for links that the caller reaches, the oldest first.
    pub async fn signing_key_list(&self, caller: &Caller) -> Result<Vec<SigningKey>, ServiceError> {
        caller.require(Scope::KeysAdmin)?;
        let mut keys = self.view(caller).await?.signing_key_list().await?;
        keys.retain(|key| key.key_use == KeyUse::Links);
        Ok(keys)
    }

    /// A key for links.
    pub async fn signing_key(
        &self,
        caller: &Caller,
        id: &SigningKeyId,
    ) -> Result<RevisedKey, ServiceError> {
        caller.require(Scope::KeysAdmin)?;
        let found = self.view(caller).await?.signing_key(id).await?;
        if found.key.key_use == KeyUse::Links { Ok(found) } else { Err(ServiceError::NotFound) }
    }

    /// Makes a key, which takes the place of those before it.
    pub async fn signing_key_create(
        &self,
        caller: &Caller,
        new: NewKey,
    ) -> Result<RevisedKey, ServiceError> {
        caller.require(Scope::KeysAdmin)?;
        let NewKey { tenant, others_until } = new;
        let master_key = self.master_key().ok_or(ServiceError::NoMasterKey)?;
        let now = self.now();
        let mut change = self.change(caller).await?;
        if let Some(tenant) = tenant {
            change.view().tenant(tenant).await?;
        }
        let mut others = change.view().signing_key_list().await?;
        others.retain(|key| {
            key.key_use == KeyUse::Links
                && key.tenant == tenant
                && key.not_after.is_none_or(|end| end > now)
        });
        let not_before = if others.is_empty() { now } else { now.plus(HEAD_START) };
        let others_until = others_until.unwrap_or(not_before.plus(self.longest_link()));
        if others_until < not_before {
            let detail = format!("must be {HEAD_START} seconds ahead: until then they sign");
            return Err(Invalid::new("/others_until", detail).into());
        }
        for key in others {
            // One that ends sooner was told so before.
            let end = key.not_after.map_or(others_until, |end| end.min(others_until));
            change.signing_key_retire(&key.id, end).await?;
        }
        let id = SigningKeyId::random(now)?;
        let bytes: [u8; 32] = chance()?;
        let material = KeyMaterial::new(Secret::new(bytes.to_vec()))
            .map_err(|error| ServiceError::Failed(Box::new(error)))?;
        let sealed = master_key.seal(id.as_str(), &material)?;
        let key_use = KeyUse::Links;
        let draft = SigningKeyDraft { id, tenant, key_use, sealed, not_before, not_after: None };
        let key = change.signing_key_create(draft).await?;
        let made = change.view().signing_key(&key.id).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Drops a key: what it signed opens nothing from now on.
    pub async fn signing_key_remove(
        &self,
        caller: &Caller,
        id: &SigningKeyId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::KeysAdmin)?;
        let mut change = self.change(caller).await?;
        change.signing_key_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// Sees to it that there is a key for the links of every tenant, where keys can be made.
    pub async fn signing_key_ensure(&self, caller: &Caller) -> Result<(), ServiceError> {
        if self.master_key().is_none() {
            return Ok(());
        }
        let keys = self.signing_key_list(caller).await?;
        if keys.iter().any(|key| key.tenant.is_none() && key.retired_at.is_none()) {
            return Ok(());
        }
        self.signing_key_create(caller, NewKey { tenant: None, others_until: None }).await?;
        Ok(())
    }
}
