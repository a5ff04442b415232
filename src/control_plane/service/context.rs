//! Contexts under which contents are shown (requirement C14): a tenant's own, for all of its people.

use std::collections::HashSet;

use super::desk::Services;
use super::error::{Invalid, ServiceError, at_most, language, name_in_paths, prose, text};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Context, ContextDraft, ContextText, Scope};
use crate::control_plane::store::{Expected, Listed, Page};

impl Services {
    /// A tenant's context.
    pub async fn context(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
    ) -> Result<Context, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::CatalogRead, tenant).await?;
        Ok(view.context(tenant, name).await?)
    }

    /// A tenant's contexts, by name.
    pub async fn context_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<Box<str>>,
    ) -> Result<Listed<Context, Box<str>>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::CatalogRead, tenant).await?;
        Ok(view.context_list(tenant, page).await?)
    }

    /// Makes a context.
    pub async fn context_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
        draft: ContextDraft,
    ) -> Result<Context, ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        name_in_paths("/name", name)?;
        accept(&draft)?;
        let made = change.context_create(tenant, name, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Says something else about a context.
    pub async fn context_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
        expected: Expected,
        draft: &ContextDraft,
    ) -> Result<Context, ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        accept(draft)?;
        let made = change.context_replace(tenant, name, expected, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Removes a context.
    pub async fn context_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        name: &str,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        change.context_remove(tenant, name, expected).await?;
        change.commit().await?;
        Ok(())
    }
}

fn accept(draft: &ContextDraft) -> Result<(), Invalid> {
    at_most("/texts", &draft.texts, 100)?;
    let mut seen = HashSet::new();
    for (place, said) in draft.texts.iter().enumerate() {
        let ContextText { language: tag, label, description } = said;
        language(format!("/texts/{place}/language"), tag)?;
        if !seen.insert(tag) {
            let detail = "must be another language than those before";
            return Err(Invalid::new(format!("/texts/{place}/language"), detail));
        }
        text(format!("/texts/{place}/label"), label, 256)?;
        prose(format!("/texts/{place}/description"), description, 10_000)?;
    }
    Ok(())
}
