//! What a caller with the scope may do in a tenant's folders, and with what lies in them
//! (requirement D14): everything, or what their rights over folders say.

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::{Actor, Caller, MissingScope, Reach};
use crate::control_plane::record::{Grantee, Right, Role, Scope};
use crate::control_plane::store::{Change, View};

/// What a caller with the scope may do in folders.
#[derive(Debug)]
pub(super) enum Rights {
    /// Everything.
    All,
    /// What this one's rights over folders say.
    As(Grantee),
}

impl Services {
    /// What a caller may do in folders.
    pub(super) async fn rights(&self, caller: &Caller) -> Result<Rights, ServiceError> {
        match caller.actor() {
            Actor::Application(_) | Actor::Edge(_) | Actor::System(_) => Ok(Rights::All),
            // Their own record, wherever their session reaches: who belongs to no tenant may have one
            // that reaches one.
            Actor::Person(id) => {
                let mut view = self.view(&Caller::system("rights")).await?;
                match view.person(id).await?.role {
                    Role::Admin => Ok(Rights::All),
                    Role::Member => Ok(Rights::As(Grantee::Person(id.clone()))),
                }
            }
        }
    }
}

impl Services {
    /// Refuses whoever may not do any more what they might when they came: for what goes on long after
    /// their token was looked at. That the token has ended since is no matter.
    pub(super) async fn still_may(
        &self,
        caller: &Caller,
        needed: Scope,
    ) -> Result<(), ServiceError> {
        let mut view = self.view(&Caller::system("rights")).await?;
        let (scopes, disabled_at) = match caller.actor() {
            Actor::Application(id) => {
                let application = view.application(id).await?;
                (application.scopes, application.disabled_at)
            }
            Actor::Person(id) => {
                let person = view.person(id).await?;
                (person.scopes, person.disabled_at)
            }
            Actor::Edge(_) | Actor::System(_) => return Ok(()),
        };
        if disabled_at.is_some() || !scopes.contains(needed) {
            return Err(MissingScope(needed).into());
        }
        Ok(())
    }

    /// A tenant's records, for a caller with that scope, and what they may do in folders.
    pub(super) async fn view_by_right(
        &self,
        caller: &Caller,
        needed: Scope,
        tenant: TenantId,
    ) -> Result<(View, Rights), ServiceError> {
        caller.require(needed)?;
        let rights = self.rights(caller).await?;
        Ok((self.tenant_view(caller, needed, tenant).await?, rights))
    }

    /// A change of a tenant's catalog, and what its caller may do in folders.
    pub(super) async fn change_by_right(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<(Change, Rights), ServiceError> {
        caller.require(Scope::CatalogWrite)?;
        let rights = self.rights(caller).await?;
        Ok((self.tenant_change(caller, Scope::CatalogWrite, tenant).await?, rights))
    }

    /// A change of what lies in no folder of a tenant's catalog: no member's.
    pub(super) async fn change_of_all(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<Change, ServiceError> {
        let (change, rights) = self.change_by_right(caller, tenant).await?;
        rights.everything(Scope::CatalogWrite)?;
        Ok(change)
    }
}

impl Rights {
    /// May what lies in that folder be found? What lies in none is no member's.
    pub(super) async fn may_see(
        &self,
        view: &mut View,
        folder: Option<ChannelId>,
    ) -> Result<bool, ServiceError> {
        self.may(view, folder, Right::See).await
    }

    /// May what lies in that folder be handed out (THRON's SHARE)?
    pub(super) async fn may_share(
        &self,
        view: &mut View,
        folder: Option<ChannelId>,
    ) -> Result<bool, ServiceError> {
        self.may(view, folder, Right::Share).await
    }

    /// Refuses whoever may not find what lies in that folder: for them there is nothing.
    pub(super) async fn see(
        &self,
        view: &mut View,
        folder: Option<ChannelId>,
    ) -> Result<(), ServiceError> {
        if self.may_see(view, folder).await? { Ok(()) } else { Err(ServiceError::NotFound) }
    }

    /// Refuses whoever may not change what lies in that folder. Whoever may not see it is told that
    /// there is none; the top is no member's.
    pub(super) async fn modify(
        &self,
        view: &mut View,
        folder: Option<ChannelId>,
    ) -> Result<(), ServiceError> {
        if self.may(view, folder, Right::Modify).await? {
            return Ok(());
        }
        if folder.is_none() || self.may(view, folder, Right::See).await? {
            return Err(MissingScope(Scope::CatalogWrite).into());
        }
        Err(ServiceError::NotFound)
    }

    /// Refuses whoever may not hand out what lies in that folder (THRON's SHARE). Whoever may not
    /// see it is told that there is none.
    pub(super) async fn share(
        &self,
        view: &mut View,
        folder: Option<ChannelId>,
    ) -> Result<(), ServiceError> {
        if self.may_share(view, folder).await? {
            return Ok(());
        }
        self.see(view, folder).await?;
        Err(MissingScope(Scope::SharesWrite).into())
    }

    /// Refuses a member what no right over a folder permits.
    pub(super) fn everything(&self, needed: Scope) -> Result<(), MissingScope> {
        match self {
            Self::All => Ok(()),
            Self::As(_) => Err(MissingScope(needed)),
        }
    }

    async fn may(
        &self,
        view: &mut View,
        folder: Option<ChannelId>,
        needed: Right,
    ) -> Result<bool, ServiceError> {
        match (self, folder) {
            (Self::All, _) => Ok(true),
            (Self::As(_), None) => Ok(false),
            (Self::As(member), Some(folder)) => {
                let right = view.folder_right_in_force(folder, member).await?;
                Ok(right.is_some_and(|right| right >= needed))
            }
        }
    }
}

/// Refuses whoever is bound to one tenant what is the operator's to say.
pub(super) fn of_every_tenant(caller: &Caller) -> Result<(), ServiceError> {
    match caller.reach() {
        Reach::EveryTenant => Ok(()),
        Reach::Tenant(_) => Err(ServiceError::OneTenantOnly),
    }
}
