//! Classifications, and the right to manage one: to put contents under it, and to take them from
//! it. Who administers accounts gives that right, as with those over folders.

use super::desk::Services;
use super::error::{ServiceError, name_in_paths};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Classification, Grantee, Scope};
use crate::control_plane::store::{Listed, Page};

impl Services {
    /// A tenant's classifications, by name.
    pub async fn classification_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<Box<str>>,
    ) -> Result<Listed<Classification, Box<str>>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::CatalogRead, tenant).await?;
        Ok(view.classification_list(tenant, page).await?)
    }

    /// Makes a classification.
    pub async fn classification_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
    ) -> Result<Classification, ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        name_in_paths("/name", name)?;
        let made = change.classification_create(tenant, name).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Removes a classification that no content has any more.
    pub async fn classification_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
    ) -> Result<(), ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        change.classification_remove(tenant, name).await?;
        change.commit().await?;
        Ok(())
    }

    /// Who may manage a classification, besides those who work with all of the catalog.
    pub async fn classification_right_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
    ) -> Result<Vec<Grantee>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::AccountsAdmin, tenant).await?;
        Ok(view.classification_right_list(tenant, name).await?)
    }

    /// Lets somebody manage a classification.
    pub async fn classification_right_give(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
        grantee: &Grantee,
    ) -> Result<(), ServiceError> {
        let mut change = self.tenant_change(caller, Scope::AccountsAdmin, tenant).await?;
        change.classification_right_give(tenant, name, grantee).await?;
        change.commit().await?;
        Ok(())
    }

    /// Somebody manages a classification no longer.
    pub async fn classification_right_take(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
        grantee: &Grantee,
    ) -> Result<(), ServiceError> {
        let mut change = self.tenant_change(caller, Scope::AccountsAdmin, tenant).await?;
        change.classification_right_take(tenant, name, grantee).await?;
        change.commit().await?;
        Ok(())
    }
}
