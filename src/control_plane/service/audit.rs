//! The audit log, for whoever may read it: of their own tenant, or all of it.

use super::desk::Services;
use super::error::ServiceError;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{AuditEvent, Scope};
use crate::control_plane::store::{Listed, Page};

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
}
