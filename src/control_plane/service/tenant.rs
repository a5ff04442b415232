//! Tenants: whoever reaches one sees it, and who administers tenants changes them.

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Scope, Tenant};
use crate::control_plane::store::{Expected, Listed, Page};

impl Services {
    /// The tenant of that number.
    pub async fn tenant(&self, caller: &Caller, number: TenantId) -> Result<Tenant, ServiceError> {
        caller.require(Scope::TenantsAdmin)?;
        Ok(self.view(caller).await?.tenant(number).await?)
    }

    /// Tenants, by number.
    pub async fn tenant_list(
        &self,
        caller: &Caller,
        page: &Page<TenantId>,
    ) -> Result<Listed<Tenant, TenantId>, ServiceError> {
        caller.require(Scope::TenantsAdmin)?;
        Ok(self.view(caller).await?.tenant_list(page).await?)
    }

    /// A tenant that the caller reaches, whatever they may do there.
    pub async fn tenant_reached(
        &self,
        caller: &Caller,
        number: TenantId,
    ) -> Result<Tenant, ServiceError> {
        Ok(self.view(caller).await?.tenant(number).await?)
    }

    /// The tenants that the caller reaches, by number.
    pub async fn tenant_reached_list(
        &self,
        caller: &Caller,
        page: &Page<TenantId>,
    ) -> Result<Listed<Tenant, TenantId>, ServiceError> {
        Ok(self.view(caller).await?.tenant_list(page).await?)
    }

    /// Makes a tenant.
    pub async fn tenant_create(
        &self,
        caller: &Caller,
        number: TenantId,
        name: &str,
    ) -> Result<Tenant, ServiceError> {
        caller.require(Scope::TenantsAdmin)?;
        accept_name(name)?;
        if i64::try_from(number.0).is_err() {
            return Err(Invalid::new("/number", "is out of range").into());
        }
        let mut change = self.change(caller).await?;
        let tenant = change.tenant_create(number, name).await?;
        change.commit().await?;
        Ok(tenant)
    }

    /// Gives a tenant another name.
    pub async fn tenant_rename(
        &self,
        caller: &Caller,
        number: TenantId,
        expected: Expected,
        name: &str,
    ) -> Result<Tenant, ServiceError> {
        caller.require(Scope::TenantsAdmin)?;
        accept_name(name)?;
        let mut change = self.change(caller).await?;
        let tenant = change.tenant_rename(number, expected, name).await?;
        change.commit().await?;
        Ok(tenant)
    }

    /// Removes a tenant that owns nothing any more.
    pub async fn tenant_remove(
        &self,
        caller: &Caller,
        number: TenantId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::TenantsAdmin)?;
        let mut change = self.change(caller).await?;
        change.tenant_remove(number, expected).await?;
        change.commit().await?;
        Ok(())
    }
}

/// A name is a path segment in APIs (THRON's `clientId`), and no number, for those are names too.
fn accept_name(name: &str) -> Result<(), Invalid> {
    text("/name", name, 128)?;
    if name.contains(['/', '\\']) {
        return Err(Invalid::new("/name", "must have no slashes"));
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Invalid::new("/name", "must not be a number"));
    }
    Ok(())
}
