//! Folders: whoever has the scope works with all of a tenant's; a member with those they have a
//! right over (requirement D14).

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::{Actor, Caller, MissingScope};
use crate::control_plane::record::{Folder, FolderDraft, Grantee, Right, Role, Scope};
use crate::control_plane::store::{Expected, Listed, Page, View};

impl Services {
    /// A tenant's folder.
    pub async fn folder(
        &self,
        caller: &Caller,
        tenant: TenantId,
        number: ChannelId,
    ) -> Result<Folder, ServiceError> {
        caller.require(Scope::CatalogRead)?;
        let rights = self.folder_rights(caller).await?;
        let mut view = self.view(&caller.within(tenant)).await?;
        view.tenant(tenant).await?;
        let folder = view.folder(number).await?;
        match rights {
            Rights::All => Ok(folder),
            Rights::As(member) if member.may(&mut view, number, Right::See).await? => Ok(folder),
            // What they may not see is not there.
            Rights::As(_) => Err(ServiceError::NotFound),
        }
    }

    /// A tenant's folders, by number; of a member, those they may see: a page may have fewer then.
    pub async fn folder_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<ChannelId>,
    ) -> Result<Listed<Folder, ChannelId>, ServiceError> {
        caller.require(Scope::CatalogRead)?;
        let rights = self.folder_rights(caller).await?;
        let mut view = self.view(&caller.within(tenant)).await?;
        view.tenant(tenant).await?;
        let mut listed = view.folder_list(tenant, page).await?;
        if let Rights::As(member) = rights {
            let mut seen = Vec::new();
            for folder in listed.items {
                if member.may(&mut view, folder.number, Right::See).await? {
                    seen.push(folder);
                }
            }
            listed.items = seen;
        }
        Ok(listed)
    }

    /// Makes a folder; a member makes them in one that they may modify.
    pub async fn folder_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: FolderDraft,
    ) -> Result<Folder, ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let rights = self.folder_rights(caller).await?;
        accept(&draft)?;
        let mut change = self.change(&caller.within(tenant)).await?;
        change.view().tenant(tenant).await?;
        may_put(change.view(), &rights, draft.parent).await?;
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
        let rights = self.folder_rights(caller).await?;
        accept(&draft)?;
        let mut change = self.change(&caller.within(tenant)).await?;
        change.view().tenant(tenant).await?;
        let before = change.view().folder(number).await?;
        may_modify(change.view(), &rights, number).await?;
        if draft.parent != before.parent {
            // Whoever may modify a folder would else take it out of its owners' reach.
            may_put(change.view(), &rights, before.parent).await?;
            may_put(change.view(), &rights, draft.parent).await?;
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
        caller.require(Scope::CatalogWrite)?;
        let rights = self.folder_rights(caller).await?;
        let mut change = self.change(&caller.within(tenant)).await?;
        change.view().tenant(tenant).await?;
        change.view().folder(number).await?;
        may_modify(change.view(), &rights, number).await?;
        change.folder_remove(number, expected).await?;
        change.commit().await?;
        Ok(())
    }
}

impl Services {
    /// What a caller may do with folders. Looked up as they see the store: a person who belongs to
    /// no tenant is not within one.
    async fn folder_rights(&self, caller: &Caller) -> Result<Rights, ServiceError> {
        match caller.actor() {
            Actor::Application(_) | Actor::Edge(_) | Actor::System(_) => Ok(Rights::All),
            Actor::Person(id) => match self.view(caller).await?.person(id).await?.role {
                Role::Admin => Ok(Rights::All),
                Role::Member => Ok(Rights::As(Member(Grantee::Person(id.clone())))),
            },
        }
    }
}

/// What a caller with the scope may do with folders.
enum Rights {
    /// Everything.
    All,
    /// What their rights over folders say.
    As(Member),
}

struct Member(Grantee);

impl Member {
    async fn may(
        &self,
        view: &mut View,
        folder: ChannelId,
        needed: Right,
    ) -> Result<bool, ServiceError> {
        Ok(view.folder_right_in_force(folder, &self.0).await?.is_some_and(|it| it >= needed))
    }
}

/// Refuses whoever may not modify a folder; whoever may not see it is told that there is none.
async fn may_modify(
    view: &mut View,
    rights: &Rights,
    folder: ChannelId,
) -> Result<(), ServiceError> {
    let Rights::As(member) = rights else { return Ok(()) };
    if member.may(view, folder, Right::Modify).await? {
        return Ok(());
    }
    if member.may(view, folder, Right::See).await? {
        return Err(MissingScope(Scope::CatalogWrite).into());
    }
    Err(ServiceError::NotFound)
}

/// Refuses whoever may not put a folder there; the top is no member's.
async fn may_put(
    view: &mut View,
    rights: &Rights,
    parent: Option<ChannelId>,
) -> Result<(), ServiceError> {
    match parent {
        Some(parent) => may_modify(view, rights, parent).await,
        None => match rights {
            Rights::All => Ok(()),
            Rights::As(_) => Err(MissingScope(Scope::CatalogWrite).into()),
        },
    }
}

fn accept(draft: &FolderDraft) -> Result<(), Invalid> {
    text("/name", &draft.name, 256)
}
