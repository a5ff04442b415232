//! Shares, for whoever manages them: whoever made one, and whoever may share all that a tenant has.
//! Whoever may share a content sees every share that it is in, and takes it out of any (C28, C29).

use super::desk::Services;
use super::error::{Invalid, ServiceError};
use super::right::Rights;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::LinkRefusal;
use crate::control_plane::record::{
    ContentId, Scope, Share, ShareAddress, ShareDelivery, ShareEvent, ShareId, ShareItem,
    ShareRecipient,
};
use crate::control_plane::store::{Listed, Page, ShareFilter, View};
use crate::policy::SiteDelivery;

/// Which shares a caller manages.
#[derive(Debug)]
pub(super) enum Managed {
    /// Every one of the tenant.
    Every,
    /// Their own.
    Own(Box<str>),
}

impl Managed {
    /// What a caller with those rights manages.
    pub(super) fn of(caller: &Caller, rights: &Rights) -> Self {
        match rights {
            Rights::All => Self::Every,
            Rights::As(_) => Self::Own(caller.actor().to_string().into()),
        }
    }

    pub(super) fn covers(&self, share: &Share) -> bool {
        match self {
            Self::Every => true,
            Self::Own(id) => share.creator == *id,
        }
    }

    /// Refuses a share that is another's: for them there is none.
    pub(super) fn require(&self, share: &Share) -> Result<(), ServiceError> {
        if self.covers(share) { Ok(()) } else { Err(ServiceError::NotFound) }
    }
}

/// Which shares' addresses a caller is given: each is a key, and not everybody's who reads what happened,
/// or who shares something else.
#[derive(Debug)]
pub struct ShareKeys(Option<Managed>);

impl ShareKeys {
    /// Is this share's address the caller's to have?
    pub(super) fn cover(&self, share: &Share) -> bool {
        self.0.as_ref().is_some_and(|managed| managed.covers(share))
    }
}

/// The sites by which a share comes.
pub(super) fn sites_of(delivery: ShareDelivery) -> SiteDelivery {
    match delivery {
        ShareDelivery::China => SiteDelivery::China,
        ShareDelivery::Standard => SiteDelivery::Standard,
    }
}

impl Services {
    /// A share.
    pub async fn share(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
    ) -> Result<Share, ServiceError> {
        self.managed_share(caller, tenant, id).await.map(|(_, share)| share)
    }

    /// A tenant's shares that the caller manages, the newest first.
    pub async fn share_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        filter: &ShareFilter,
        page: &Page<ShareId>,
    ) -> Result<Listed<Share, ShareId>, ServiceError> {
        let (mut view, managed) = self.shares(caller, tenant).await?;
        let mut filter = filter.clone();
        if let Managed::Own(id) = managed {
            if filter.creator.as_ref().is_some_and(|asked| *asked != id) {
                return Ok(Listed { items: Vec::new(), next: None });
            }
            filter.creator = Some(id);
        }
        Ok(view.share_list(tenant, &filter, page).await?)
    }

    /// Every share that a content is in, by whomever, the newest first (C28).
    pub async fn share_list_of_content(
        &self,
        caller: &Caller,
        tenant: TenantId,
        content: &ContentId,
        page: &Page<ShareId>,
    ) -> Result<Listed<Share, ShareId>, ServiceError> {
        let (mut view, rights) = self.view_by_right(caller, Scope::SharesWrite, tenant).await?;
        let folder = view.content(content).await?.draft.folder;
        rights.share(&mut view, folder).await?;
        let filter = ShareFilter { content: Some(content.clone()), ..ShareFilter::default() };
        Ok(view.share_list(tenant, &filter, page).await?)
    }

    /// What is left in a share, by number.
    pub async fn share_item_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        page: &Page<u64>,
    ) -> Result<Listed<ShareItem, u64>, ServiceError> {
        let (mut view, _) = self.managed_share(caller, tenant, id).await?;
        Ok(view.share_item_list(id, page).await?)
    }

    /// Who has an address of a share's, by number.
    pub async fn share_recipient_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
    ) -> Result<Vec<ShareRecipient>, ServiceError> {
        let (mut view, _) = self.managed_share(caller, tenant, id).await?;
        Ok(view.share_recipient_list(id).await?)
    }

    /// What happened to a share and on its page, the latest first (C27).
    pub async fn share_event_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        page: &Page<u64>,
    ) -> Result<Listed<ShareEvent, u64>, ServiceError> {
        let (mut view, _) = self.managed_share(caller, tenant, id).await?;
        Ok(view.share_event_list(id, page).await?)
    }

    /// Which shares' addresses a caller is given.
    pub async fn share_keys(&self, caller: &Caller) -> Result<ShareKeys, ServiceError> {
        if !caller.scopes().contains(Scope::SharesWrite) {
            return Ok(ShareKeys(None));
        }
        let rights = self.rights(caller).await?;
        Ok(ShareKeys(Some(Managed::of(caller, &rights))))
    }

    /// Where an address of a share opens, for whoever may have it; none where there is no site.
    pub fn share_url_for(
        &self,
        keys: &ShareKeys,
        share: &Share,
        address: &ShareAddress,
    ) -> Option<String> {
        let url = || self.share_url(share.tenant, share.draft.delivery, address).ok();
        keys.cover(share).then(url).flatten()
    }

    /// Where an address of a share opens: to be pasted into a mail (C9).
    pub fn share_url(
        &self,
        tenant: TenantId,
        delivery: ShareDelivery,
        address: &ShareAddress,
    ) -> Result<String, LinkRefusal> {
        let signer = self.link_signer().map_err(|_| LinkRefusal::NothingInForce)?;
        let site = signer.catalog_site(tenant, sites_of(delivery))?;
        Ok(format!("{site}/s/{}", address.expose()))
    }

    /// Does a tenant have a site for readers in China?
    pub fn delivers_to_china(&self, tenant: TenantId) -> bool {
        let signer = self.link_signer().ok();
        signer.is_some_and(|it| it.catalog_site(tenant, SiteDelivery::China).is_ok())
    }

    /// Which shares come by the site that a visitor asks: a share is shown at no other.
    pub fn share_delivery_at(&self, host: &str) -> ShareDelivery {
        match self.link_signer().map(|signer| signer.delivery_at(host)) {
            Ok(SiteDelivery::China) => ShareDelivery::China,
            Ok(SiteDelivery::Standard) | Err(_) => ShareDelivery::Standard,
        }
    }

    /// Refuses delivery in China where there is no site for it: the page would be nowhere (C15).
    pub(super) fn accept_delivery(
        &self,
        tenant: TenantId,
        delivery: ShareDelivery,
    ) -> Result<(), Invalid> {
        match delivery {
            ShareDelivery::China if !self.delivers_to_china(tenant) => {
                let detail = "cannot be china: no [[site]] with a catalog has delivery = \"china\" \
                              for this tenant";
                Err(Invalid::new("/delivery", detail))
            }
            ShareDelivery::China | ShareDelivery::Standard => Ok(()),
        }
    }

    /// A share that the caller manages, or may at least read, and the state in which it is so.
    async fn managed_share(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
    ) -> Result<(View, Share), ServiceError> {
        let (mut view, managed) = self.shares(caller, tenant).await?;
        let share = view.share(id).await?;
        managed.require(&share)?;
        Ok((view, share))
    }

    /// What a caller may read of shares: of those they manage, or of all of them whoever reads the
    /// audit log.
    async fn shares(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<(View, Managed), ServiceError> {
        if caller.scopes().contains(Scope::AuditRead) {
            let view = self.tenant_view(caller, Scope::AuditRead, tenant).await?;
            return Ok((view, Managed::Every));
        }
        let (view, rights) = self.view_by_right(caller, Scope::SharesWrite, tenant).await?;
        let managed = Managed::of(caller, &rights);
        Ok((view, managed))
    }
}
