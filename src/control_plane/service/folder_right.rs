//! Rights over folders, given by those who administer accounts, or own the folder.

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::{FolderRight, Grantee, Right, Scope};
use crate::control_plane::store::{Expected, StoreErrorKind, View};

/// The rights given over a folder itself, which are of the folder's revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderRights {
    /// By grantee.
    pub rights: Vec<FolderRight>,
    /// The folder's revision.
    pub revision: u64,
}

impl Services {
    /// The rights given over a folder itself.
    pub async fn folder_right_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        folder: ChannelId,
    ) -> Result<FolderRights, ServiceError> {
        let mut view = self.view(&caller.within(tenant)).await?;
        accept(caller, &mut view, folder).await?;
        view.tenant(tenant).await?;
        let revision = view.folder(folder).await?.revision;
        Ok(FolderRights { rights: view.folder_right_list(folder).await?, revision })
    }

    /// Says what somebody may do in a folder and all below; none takes that back. Gives the
    /// revision that has it so.
    pub async fn folder_right_set(
        &self,
        caller: &Caller,
        tenant: TenantId,
        folder: ChannelId,
        expected: Expected,
        grantee: &Grantee,
        right: Option<Right>,
    ) -> Result<u64, ServiceError> {
        let mut change = self.change(&caller.within(tenant)).await?;
        accept(caller, change.view(), folder).await?;
        change.view().tenant(tenant).await?;
        let revision = change.folder_right_set(folder, expected, grantee, right).await?;
        change.commit().await?;
        Ok(revision)
    }
}

async fn accept(caller: &Caller, view: &mut View, folder: ChannelId) -> Result<(), ServiceError> {
    let Err(missing) = caller.require(Scope::AccountsAdmin) else { return Ok(()) };
    let own = match caller.actor() {
        Actor::Application(id) => Grantee::Application(id.clone()),
        Actor::Person(id) => Grantee::Person(id.clone()),
        Actor::Edge(_) | Actor::System(_) => return Err(missing.into()),
    };
    match view.folder_right_in_force(folder, &own).await {
        Ok(Some(Right::Own)) => Ok(()),
        // Who may not ask is not told whether there is such a folder.
        Ok(Some(Right::See | Right::Modify | Right::Share) | None) => Err(missing.into()),
        Err(error) if error.kind() == StoreErrorKind::NotFound => Err(missing.into()),
        Err(error) => Err(error.into()),
    }
}
