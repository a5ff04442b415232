//! Pipelines: which objects of which origin a tenant can hand out.
//!
//! Whoever makes one decides about files that other tenants may have in the same origin. So only
//! callers who reach every tenant make, rename and remove them; those of the tenant see them.

use std::fmt;
use std::sync::Arc;

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use super::{object_key, right};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Pipeline, PipelineDraft, Scope};
use crate::control_plane::store::{Change, Expected};

/// The origins that there are, where that is known: where files are served by this program.
#[derive(Clone)]
pub struct KnownOrigins(Arc<dyn Fn() -> Vec<Box<str>> + Send + Sync>);

impl KnownOrigins {
    /// Asked each time, for configurations reload.
    pub fn new(names: impl Fn() -> Vec<Box<str>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(names))
    }

    fn accept(&self, origin: &str) -> Result<(), Invalid> {
        let mut names = (self.0)();
        if names.iter().any(|name| **name == *origin) {
            return Ok(());
        }
        names.sort();
        let detail = match &*names {
            [] => "must be an [[origin]] of the configuration, which has none".to_owned(),
            names => {
                format!("must be an [[origin]] of the configuration: one of {}", names.join(", "))
            }
        };
        Err(Invalid::new("/origin", detail))
    }
}

impl fmt::Debug for KnownOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KnownOrigins").field(&(self.0)()).finish()
    }
}

impl Services {
    /// A tenant's pipeline.
    pub async fn pipeline(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: u64,
    ) -> Result<Pipeline, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::CatalogRead, tenant).await?;
        Ok(view.pipeline(number).await?)
    }

    /// A tenant's pipelines, by number.
    pub async fn pipeline_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<Vec<Pipeline>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::CatalogRead, tenant).await?;
        Ok(view.pipeline_list(tenant).await?)
    }

    /// Makes a pipeline.
    pub async fn pipeline_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: PipelineDraft,
    ) -> Result<Pipeline, ServiceError> {
        let mut change = self.pipeline_change(caller, tenant).await?;
        let PipelineDraft { name, origin, prefix } = &draft;
        accept_name(name)?;
        text("/origin", origin, 64)?;
        if let Some(origins) = self.origins() {
            origins.accept(origin)?;
        }
        object_key::prefix("/prefix", prefix)?;
        let made = change.pipeline_create(tenant, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Gives a pipeline another name.
    pub async fn pipeline_rename(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: u64,
        expected: Expected,
        name: &str,
    ) -> Result<Pipeline, ServiceError> {
        let mut change = self.pipeline_change(caller, tenant).await?;
        accept_name(name)?;
        let made = change.pipeline_rename(number, expected, name).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Removes a pipeline of which nothing is registered any more.
    pub async fn pipeline_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: u64,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let mut change = self.pipeline_change(caller, tenant).await?;
        change.pipeline_remove(number, expected).await?;
        change.commit().await?;
        Ok(())
    }

    async fn pipeline_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<Change, ServiceError> {
        let change = self.tenant_change(caller, Scope::CatalogWrite, tenant).await?;
        right::of_every_tenant(caller)?;
        Ok(change)
    }
}

fn accept_name(name: &str) -> Result<(), Invalid> {
    text("/name", name, 256)
}
