//! The audit log, for whoever may read it: of their own tenant, or all of it.

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{AuditEvent, Scope};
use crate::control_plane::store::{AuditFilter, Listed, Page};

impl Services {
    /// Events in the order in which they happened.
    pub async fn audit_list(
        &self,
        caller: &Caller,
        page: &Page<u64>,
    ) -> Result<Listed<AuditEvent, u64>, ServiceError> {
        caller.require(Scope::AuditRead)?;
        Ok(self.view(caller).await?.audit_list(page).await?)
    }

    /// Some events, what happened last first: of one tenant, or of all in reach and of nobody's
    /// records.
    pub async fn audit_search(
        &self,
        caller: &Caller,
        tenant: Option<TenantId>,
        filter: &AuditFilter,
        page: &Page<u64>,
    ) -> Result<Listed<AuditEvent, u64>, ServiceError> {
        caller.require(Scope::AuditRead)?;
        let bound = tenant.map(|tenant| caller.within(tenant));
        let mut view = self.view(bound.as_ref().unwrap_or(caller)).await?;
        if let Some(tenant) = tenant {
            view.tenant(tenant).await?;
        }
        Ok(view.audit_search(filter, page).await?)
    }
}
