//! Revocations: links that shall not open any more, within a second.

use serde_json::Map;

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Revocation, RevocationDraft, RevocationId, RevokedLinks, Scope, WebhookEvent,
};
use crate::control_plane::store::{Change, Expected, Listed, Page};

/// Tells webhooks of a revocation. What is revoked is named where it is a link: other names are of
/// people's own making.
pub(super) async fn tell(change: &mut Change, revocation: &Revocation) -> Result<(), ServiceError> {
    let Revocation { id, tenant, subject, .. } = revocation;
    let (by, link) = match subject {
        RevokedLinks::Asset(_) => ("asset", None),
        RevokedLinks::Issuer(_) => ("issuer", None),
        RevokedLinks::Key(_) => ("key", None),
        RevokedLinks::Link(link) => ("link", Some(&**link)),
        RevokedLinks::Tag(_) => ("tag", None),
        RevokedLinks::TenantEpoch(_) => ("tenant_epoch", None),
    };
    let data = Map::from_iter([
        ("tenant".to_owned(), tenant.0.into()),
        ("revocation".to_owned(), id.as_str().into()),
        ("by".to_owned(), by.into()),
        ("link".to_owned(), link.into()),
        ("actor".to_owned(), change.view().caller().actor().to_string().into()),
    ]);
    change.webhook_tell(*tenant, WebhookEvent::LinkRevoked, &data).await?;
    Ok(())
}

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
        // Links that are made while it waits for others were made before it.
        change.wait_for_turn().await?;
        change.happens_at(self.now());
        let revocation = change.revocation_create(draft).await?;
        tell(&mut change, &revocation).await?;
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
