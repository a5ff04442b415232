//! Archives: for those who work with all of a tenant's catalog, as files are registered by them.

use super::desk::Services;
use super::error::{Invalid, ServiceError, at_most, text};
use super::object_key;
use super::right::Rights;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Archive, ArchiveDraft, ArchiveElement, ArchiveId, Scope};
use crate::control_plane::store::{Expected, Listed, ONLY_REVISION, Page};

/// Most elements of one archive.
const MOST: usize = 10_000;

impl Services {
    /// A tenant's archive.
    pub async fn archive(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ArchiveId,
    ) -> Result<Archive, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        match rights {
            Rights::All => Ok(view.archive(id).await?),
            Rights::As(_) => Err(ServiceError::NotFound),
        }
    }

    /// A tenant's archives, the oldest first; none of them is a member's.
    pub async fn archive_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<ArchiveId>,
    ) -> Result<Listed<Archive, ArchiveId>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        match rights {
            Rights::All => Ok(view.archive_list(tenant, page).await?),
            Rights::As(_) => Ok(Listed { items: Vec::new(), next: None }),
        }
    }

    /// The archive of that id; none is a member's.
    pub async fn archive_show(
        &self,
        caller: &Caller,
        id: &ArchiveId,
    ) -> Result<Archive, ServiceError> {
        caller.require(Scope::FilesRead)?;
        match self.rights(caller).await? {
            Rights::All => Ok(self.view(caller).await?.archive(id).await?),
            Rights::As(_) => Err(ServiceError::NotFound),
        }
    }

    /// Forgets the archive of that id; it stays where it is.
    pub async fn archive_forget(
        &self,
        caller: &Caller,
        id: &ArchiveId,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let tenant = self.view(caller).await?.archive(id).await?.tenant;
        self.archive_remove(caller, tenant, id, Expected::Any).await
    }

    /// Registers an archive.
    pub async fn archive_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: ArchiveDraft,
    ) -> Result<Archive, ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        accept(&draft)?;
        let made = change.archive_create(tenant, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Forgets an archive; it stays where it is.
    pub async fn archive_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ArchiveId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let mut change = self.change_of_all(caller, tenant).await?;
        change.view().archive(id).await?;
        expected.meet(ONLY_REVISION)?;
        change.archive_remove(id).await?;
        change.commit().await?;
        Ok(())
    }
}

fn accept(draft: &ArchiveDraft) -> Result<(), Invalid> {
    let ArchiveDraft { pipeline: _, key, name, elements } = draft;
    object_key::key("/key", key)?;
    text("/name", name, 255)?;
    at_most("/elements", elements, MOST)?;
    for (place, ArchiveElement { file: _, name }) in elements.iter().enumerate() {
        // What a reader of the archive will write to a disk.
        object_key::key(&format!("/elements/{place}/name"), name)?;
    }
    Ok(())
}
