//! Letters, for whoever looks after a tenant's mail.

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Letter, LetterId, Scope};
use crate::control_plane::store::{LetterFilter, Listed, Page};

impl Services {
    /// A tenant's letters, the newest first.
    pub async fn letter_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        filter: &LetterFilter,
        page: &Page<LetterId>,
    ) -> Result<Listed<Letter, LetterId>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        Ok(view.letter_list(tenant, filter, page).await?)
    }
}
