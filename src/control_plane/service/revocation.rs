//! Revocations: links that shall not open any more, within a second.

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Revocation, RevocationDraft, RevocationId, RevokedLinks, Scope,
};
use crate::control_plane::store::{Expected, Listed, Page};

impl Services {
    /// A tenant's revocations, the oldest first.
    pub async fn revocation_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<RevocationId>,
    ) -> Result<Listed<Revocation, RevocationId>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::LinksRevoke, tenant).await?;
        Ok(view.revocation_list(page).await?)
    }

    /// Makes links dead.
    pub async fn revocation_create(
        &self,
        caller: &Caller,
        draft: RevocationDraft,
    ) -> Result<Revocation, ServiceError> {
        caller.require(Scope::LinksRevoke)?;
        if !draft.reason.is_empty() {
            text("/reason", &draft.reason, 512)?;
        }
        match &draft.subject {
            RevokedLinks::Asset(path) => {
                text("/subject", path, 1_024)?;
                if !path.starts_with('/') {
                    return Err(Invalid::new("/subject", "a path begins with a slash").into());
                }
            }
            RevokedLinks::Issuer(name)
            | RevokedLinks::Key(name)
            | RevokedLinks::Link(name)
            | RevokedLinks::Tag(name) => text("/subject", name, 256)?,
            RevokedLinks::TenantEpoch(_) => (),
        }
        if draft.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Invalid::new("/expires_at", "must be in the future").into());
        }
        let mut change = self.change(caller).await?;
        change.view().tenant(draft.tenant).await?;
        let revocation = change.revocation_create(draft).await?;
        change.commit().await?;
        Ok(revocation)
    }

    /// Takes a tenant's revocation back.
    pub async fn revocation_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &RevocationId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let mut change = self.tenant_change(caller, Scope::LinksRevoke, tenant).await?;
        change.revocation_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }
}
