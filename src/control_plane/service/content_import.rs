//! Many contents at a time: what is wrong with one keeps none of the others out.
//!
//! Some hundreds are made in one change, and so are one version of the feed. Where a change is
//! refused for something that only the database knows (a name that is taken, a classification that
//! is missing), it is made again in two halves, down to the one content that is the reason. A
//! content whose id the tenant has already stays as it is: an import that was cut off is sent
//! again.

use std::collections::{HashMap, HashSet};

use super::content::{accept, may_import};
use super::desk::Services;
use super::error::ServiceError;
use super::right::Rights;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ContentId, ContentImport, Scope};

/// What became of one content.
#[derive(Debug)]
pub enum Imported {
    /// It was made.
    Created(ContentId),
    /// It was there, and stays as it is.
    Known,
    /// It was not made.
    Refused(ServiceError),
}

/// An import under way.
#[derive(Debug)]
pub struct ContentImports {
    services: Services,
    caller: Caller,
    tenant: TenantId,
    rights: Rights,
}

impl Services {
    /// Begins an import, for whoever may make contents in the tenant.
    pub async fn content_import(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<ContentImports, ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let rights = self.rights(caller).await?;
        let caller = caller.within(tenant);
        self.view(&caller).await?.tenant(tenant).await?;
        Ok(ContentImports { services: self.clone(), caller, tenant, rights })
    }
}

impl ContentImports {
    /// Makes contents, and says of each, by its place, what became of it. An error is one of all:
    /// the database is away, and whether something was made is as it says.
    pub async fn take(&self, imports: Vec<ContentImport>) -> Result<Vec<Imported>, ServiceError> {
        let mut outcomes: HashMap<usize, Imported> = HashMap::with_capacity(imports.len());
        let places = imports.len();
        let fresh = self.look(imports, &mut outcomes).await?;
        // The next in order is at the end.
        let mut waiting = vec![fresh];
        while let Some(mut batch) = waiting.pop() {
            if batch.is_empty() {
                continue;
            }
            match self.make(&batch).await {
                Ok(made) => {
                    let made = made.into_iter().map(Imported::Created);
                    outcomes.extend(batch.into_iter().map(|(place, _)| place).zip(made));
                }
                Err(error) if !is_of_one(&error) => return Err(error),
                Err(error) => {
                    if let [(place, _)] = &*batch {
                        outcomes.insert(*place, Imported::Refused(error));
                    } else {
                        let second = batch.split_off(batch.len() / 2);
                        waiting.extend([second, batch]);
                    }
                }
            }
        }
        // Each place has its outcome by now.
        Ok((0..places).filter_map(|place| outcomes.remove(&place)).collect())
    }

    /// What can be said before anything is written. Gives what is to be made, by place.
    async fn look(
        &self,
        imports: Vec<ContentImport>,
        outcomes: &mut HashMap<usize, Imported>,
    ) -> Result<Vec<(usize, ContentImport)>, ServiceError> {
        let mut view = self.services.view(&self.caller).await?;
        let ids: Vec<_> = imports.iter().filter_map(|import| import.id.clone()).collect();
        let known: HashSet<_> =
            view.content_folders(self.tenant, &ids).await?.into_keys().collect();
        let mut own = HashSet::new();
        let mut fresh = Vec::with_capacity(imports.len());
        for (place, import) in imports.into_iter().enumerate() {
            if let Err(invalid) = accept(&import) {
                outcomes.insert(place, Imported::Refused(invalid.into()));
                continue;
            }
            // First: whoever may not make it is not told that it is there.
            match may_import(&mut view, &self.rights, self.tenant, &import).await {
                Ok(()) => {}
                Err(error) if is_of_one(&error) => {
                    outcomes.insert(place, Imported::Refused(error));
                    continue;
                }
                Err(error) => return Err(error),
            }
            let twice = import.id.as_ref().is_some_and(|id| !own.insert(id.clone()));
            if twice || import.id.as_ref().is_some_and(|id| known.contains(id)) {
                outcomes.insert(place, Imported::Known);
            } else {
                fresh.push((place, import));
            }
        }
        Ok(fresh)
    }

    async fn make(&self, batch: &[(usize, ContentImport)]) -> Result<Vec<ContentId>, ServiceError> {
        // Many changes of many contents, some of which are refused: never one transaction.
        let store = self.services.store();
        let mut change = store.change_apart(&self.caller, self.services.now()).await?;
        let imports = batch.iter().map(|(_, import)| import.clone()).collect();
        let made = change.content_import(self.tenant, imports).await?;
        change.commit().await?;
        Ok(made.into_iter().map(|content| content.id).collect())
    }
}

/// Is it a content that is wrong, and not the database?
fn is_of_one(error: &ServiceError) -> bool {
    match error {
        ServiceError::ArchiveGone
        | ServiceError::Conflict
        | ServiceError::Invalid(_)
        | ServiceError::MissingScope(_)
        | ServiceError::MoreThanOwn(_)
        | ServiceError::NotFound
        | ServiceError::NotHandedOut
        | ServiceError::OneTenantOnly
        | ServiceError::Public
        | ServiceError::Referenced
        | ServiceError::Share(_)
        | ServiceError::Shrinks { .. }
        | ServiceError::Stale
        | ServiceError::TooManyTraces { .. }
        | ServiceError::Unread { .. }
        | ServiceError::Upload(_) => true,
        ServiceError::ComparingBusy
        | ServiceError::Failed(_)
        | ServiceError::NoLink(_)
        | ServiceError::NoMasterKey
        | ServiceError::Original(_)
        | ServiceError::OutcomeUnknown(_)
        | ServiceError::Full(_)
        | ServiceError::Rendition(_)
        | ServiceError::Unavailable(_) => false,
    }
}
