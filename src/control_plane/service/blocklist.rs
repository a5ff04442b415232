//! The blocklist: networks that get nothing, or nothing where a link asks who it is; of any tenant.

use ipnet::IpNet;

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{BlocklistEntry, BlocklistId, BlocklistKind, Scope};
use crate::control_plane::store::{Expected, Listed, Page};

impl Services {
    /// Entries, the oldest first.
    pub async fn blocklist_list(
        &self,
        caller: &Caller,
        page: &Page<BlocklistId>,
    ) -> Result<Listed<BlocklistEntry, BlocklistId>, ServiceError> {
        caller.require(Scope::LinksRevoke)?;
        Ok(self.view(caller).await?.blocklist_list(page).await?)
    }

    /// Blocks a network. One that holds the caller is refused: it would be their last call.
    pub async fn blocklist_create(
        &self,
        caller: &Caller,
        network: IpNet,
        kind: BlocklistKind,
        reason: &str,
        expires_at: Option<UnixSeconds>,
    ) -> Result<BlocklistEntry, ServiceError> {
        caller.require(Scope::LinksRevoke)?;
        if !reason.is_empty() {
            text("/reason", reason, 512)?;
        }
        if network.prefix_len() == 0 {
            return Err(Invalid::new("/network", "everybody cannot be blocked").into());
        }
        if caller.address().is_some_and(|address| network.contains(&address.get())) {
            return Err(Invalid::new("/network", "the address of this call is in it").into());
        }
        if expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Invalid::new("/expires_at", "must be in the future").into());
        }
        let mut change = self.change(caller).await?;
        let entry = change.blocklist_create(network, kind, reason, expires_at).await?;
        change.commit().await?;
        Ok(entry)
    }

    /// Lets a network in again.
    pub async fn blocklist_remove(
        &self,
        caller: &Caller,
        id: &BlocklistId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::LinksRevoke)?;
        let mut change = self.change(caller).await?;
        change.blocklist_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }
}
