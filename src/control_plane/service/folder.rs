//! Folders: whoever has the scope works with all of a tenant's; a member with those they have a
//! right over (requirement D14).

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use super::right::Rights;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{FOLDER_DEPTH, Folder, FolderDraft, Scope};
use crate::control_plane::store::{Expected, Listed, Page, View};

impl Services {
    /// A tenant's folder.
    pub async fn folder(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: ChannelId,
    ) -> Result<Folder, ServiceError> {
        self.folder_view(caller, tenant, number).await.map(|(_, folder)| folder)
    }

    /// A folder that the caller may see, and the state it is of.
    pub(super) async fn folder_view(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: ChannelId,
    ) -> Result<(View, Folder), ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        let folder = view.folder(number).await?;
        rights.see(&mut view, Some(number)).await?;
        Ok((view, folder))
    }

    /// A tenant's folders, by number; of a member, those they may see.
    pub async fn folder_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<ChannelId>,
    ) -> Result<Listed<Folder, ChannelId>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        Ok(match rights {
            Rights::All => view.folder_list(tenant, page).await?,
            // The least of rights is the one to see.
            Rights::As(member) => view.folder_list_seen(tenant, &member, page).await?,
        })
    }

    /// Makes a folder; a member makes them in one that they may modify.
    pub async fn folder_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: FolderDraft,
    ) -> Result<Folder, ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let rights = self.rights(caller).await?;
        accept(&draft)?;
        let mut change = self.change(&caller.within(tenant)).await?;
        change.view().tenant(tenant).await?;
        rights.modify(change.view(), draft.parent).await?;
        accept_parent(change.view(), None, draft.parent).await?;
        let folder = change.folder_create(tenant, draft).await?;
        change.commit().await?;
        Ok(folder)
    }

    /// Renames or moves a folder.
    pub async fn folder_update(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: ChannelId,
        expected: Expected,
        draft: FolderDraft,
    ) -> Result<Folder, ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let rights = self.rights(caller).await?;
        accept(&draft)?;
        let mut change = self.change(&caller.within(tenant)).await?;
        change.view().tenant(tenant).await?;
        let before = change.view().folder(number).await?;
        rights.modify(change.view(), Some(number)).await?;
        if draft.parent != before.parent {
            // Whoever may modify a folder would else take it out of its owners' reach.
            rights.modify(change.view(), before.parent).await?;
            rights.modify(change.view(), draft.parent).await?;
            accept_parent(change.view(), Some(number), draft.parent).await?;
        }
        let folder = change.folder_update(number, expected, draft).await?;
        change.commit().await?;
        Ok(folder)
    }

    /// Removes a folder with nothing in it but attachments.
    pub async fn folder_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: ChannelId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let (mut change, rights) = self.change_by_right(caller, tenant).await?;
        change.view().folder(number).await?;
        rights.modify(change.view(), Some(number)).await?;
        change.folder_remove(number, expected).await?;
        change.commit().await?;
        Ok(())
    }
}

fn accept(draft: &FolderDraft) -> Result<(), Invalid> {
    text("/name", &draft.name, 256)?;
    if draft.name.trim().is_empty() {
        return Err(Invalid::new("/name", "must not be blank"));
    }
    Ok(())
}

/// Refuses a parent in which the folder cannot be put, and says why. Two that are moved into each
/// other at once are told apart by the store.
async fn accept_parent(
    view: &mut View,
    folder: Option<ChannelId>,
    parent: Option<ChannelId>,
) -> Result<(), ServiceError> {
    let Some(parent) = parent else { return Ok(()) };
    let path = view.folder_path(parent).await?;
    if path.iter().any(|above| Some(above.number) == folder) {
        let detail = "must be neither the folder itself nor one that is in it";
        return Err(Invalid::new("/parent", detail).into());
    }
    if path.len() as u64 >= FOLDER_DEPTH {
        let detail = format!("must be less deep: folders lie at most {FOLDER_DEPTH} in each other");
        return Err(Invalid::new("/parent", detail).into());
    }
    Ok(())
}
