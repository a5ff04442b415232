//! What anti-fraud found, for whoever may read the audit log.

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{DownloadEventId, KeptFinding, Scope};
use crate::control_plane::store::{FraudFilter, Listed, Page};

impl Services {
    /// What was found of a tenant's links and files, by when it was last.
    pub async fn fraud_event_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        filter: &FraudFilter,
        page: &Page<DownloadEventId>,
    ) -> Result<Listed<KeptFinding, DownloadEventId>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::AuditRead, tenant).await?;
        Ok(view.fraud_event_list(tenant, filter, page).await?)
    }
}
