//! Connectors: for whoever may hand out to strangers what lies in their folder.

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use super::right::Rights;
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    AddressedBy, Connector, ConnectorDraft, ConnectorField, ConnectorId, LONGEST_FIELD, Scope,
};
use crate::control_plane::store::{Change, Expected, Listed, Page, View};

/// Connectors of one tenant: every edge has all of them.
const MOST_CONNECTORS: u16 = 1_000;

/// Fields that people choose from.
const MOST_FIELDS: u16 = 200;

impl Services {
    /// A tenant's connector.
    pub async fn connector(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ConnectorId,
    ) -> Result<Connector, ServiceError> {
        self.connector_view(caller, tenant, id).await.map(|(_, connector)| connector)
    }

    /// A tenant's connectors, the oldest first; of a member, those of folders that they may see: a
    /// page may have fewer then.
    pub async fn connector_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: &Page<ConnectorId>,
    ) -> Result<Listed<Connector, ConnectorId>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        let mut listed = view.connector_list(tenant, page).await?;
        let mut seen = Vec::with_capacity(listed.items.len());
        for connector in listed.items {
            if rights.may_see(&mut view, Some(connector.draft.folder)).await? {
                seen.push(connector);
            }
        }
        listed.items = seen;
        Ok(listed)
    }

    /// The connectors of a folder, the oldest first.
    pub async fn connector_list_of_folder(
        &self,
        caller: &Caller,
        tenant: TenantId,
        folder: ChannelId,
        page: &Page<ConnectorId>,
    ) -> Result<Listed<Connector, ConnectorId>, ServiceError> {
        let mut view = self.connected_folder(caller, tenant, folder).await?.0;
        Ok(view.connector_list_of_folder(folder, page).await?)
    }

    /// The fields of metadata of which a folder's connectors can make addresses (B9), by name; of very
    /// many the first.
    pub async fn connector_field_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        folder: ChannelId,
    ) -> Result<Vec<ConnectorField>, ServiceError> {
        let mut view = self.connected_folder(caller, tenant, folder).await?.0;
        let mut fields = view.connector_field_list(folder, MOST_FIELDS).await?;
        fields.retain(|field| field.name.len() <= LONGEST_FIELD);
        Ok(fields)
    }

    /// May the caller make, change and remove connectors of a folder that they see?
    pub async fn connector_may_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
        folder: ChannelId,
    ) -> Result<bool, ServiceError> {
        let (mut view, rights) = self.connected_folder(caller, tenant, folder).await?;
        let has_scope = caller.scopes().contains(Scope::SharesWrite);
        Ok(has_scope && rights.may_share(&mut view, Some(folder)).await?)
    }

    /// Makes a connector.
    pub async fn connector_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: ConnectorDraft,
    ) -> Result<Connector, ServiceError> {
        let (mut change, rights) = self.change_to_share(caller, tenant).await?;
        accept(&draft)?;
        rights.share(change.view(), Some(draft.folder)).await?;
        let all = change.view().connector_list(tenant, &Page::first(MOST_CONNECTORS)).await?;
        if all.items.len() >= usize::from(MOST_CONNECTORS) {
            let detail = format!("a tenant has at most {MOST_CONNECTORS} connectors");
            return Err(Invalid::new("", detail).into());
        }
        let made = change.connector_create(tenant, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Says something else about a connector. Whoever moves it must be able to share what lies where
    /// it was and where it comes to be.
    pub async fn connector_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ConnectorId,
        expected: Expected,
        draft: ConnectorDraft,
    ) -> Result<Connector, ServiceError> {
        let (mut change, rights) = self.change_to_share(caller, tenant).await?;
        accept(&draft)?;
        let before = change.view().connector(id).await?;
        rights.share(change.view(), Some(before.draft.folder)).await?;
        rights.share(change.view(), Some(draft.folder)).await?;
        let made = change.connector_replace(id, expected, draft).await?;
        change.commit().await?;
        Ok(made)
    }

    /// Removes a connector: its addresses are closed at every edge within a second.
    pub async fn connector_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ConnectorId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let (mut change, rights) = self.change_to_share(caller, tenant).await?;
        let before = change.view().connector(id).await?;
        rights.share(change.view(), Some(before.draft.folder)).await?;
        change.connector_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// A connector that the caller may see, and the state of everything in which it is so.
    pub(super) async fn connector_view(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ConnectorId,
    ) -> Result<(View, Connector), ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        let connector = view.connector(id).await?;
        rights.see(&mut view, Some(connector.draft.folder)).await?;
        Ok((view, connector))
    }

    /// A folder that the caller may see, and what they may do in it.
    async fn connected_folder(
        &self,
        caller: &Caller,
        tenant: TenantId,
        folder: ChannelId,
    ) -> Result<(View, Rights), ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::CatalogRead, tenant).await?;
        view.folder(folder).await?;
        rights.see(&mut view, Some(folder)).await?;
        Ok((view, rights))
    }

    async fn change_to_share(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<(Change, Rights), ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let rights = self.rights(caller).await?;
        Ok((self.tenant_change(caller, Scope::SharesWrite, tenant).await?, rights))
    }
}

pub(super) fn accept(draft: &ConnectorDraft) -> Result<(), Invalid> {
    let ConnectorDraft {
        name,
        folder: _,
        kinds: _,
        addressed_by,
        https: _,
        ambiguity: _,
        state: _,
    } = draft;
    text("/name", name, 256)?;
    match addressed_by {
        AddressedBy::ContentId | AddressedBy::PrettyId => Ok(()),
        AddressedBy::Metadata(field) => text("/addressed_by/name", field, LONGEST_FIELD),
    }
}
