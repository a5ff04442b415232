//! A new share of what another one has: nothing is added to a share, and this is the way to another
//! (C30).

use super::desk::Services;
use super::error::ServiceError;
use super::share_making::{
    OnForbidden, ShareExpiry, ShareOf, ShareOrder, SharePassword, ShareSending, known_context,
};
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{RecipientDraft, Scope, Share, ShareDraft, ShareId};

/// What a copy of a share does not take from it.
#[derive(Debug)]
pub struct ShareCopy {
    /// What it is called; none: as the other.
    pub title: Option<Box<str>>,
    /// Until when.
    pub expiry: ShareExpiry,
    /// Its password; perhaps none.
    pub password: Option<SharePassword>,
    /// Who has an address of their own.
    pub recipients: Vec<RecipientDraft>,
}

impl Services {
    /// Makes a share of what is left in another and still the caller's to share, with the same said
    /// about it. Its password and its recipients are its own.
    pub async fn share_copy(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        copy: ShareCopy,
    ) -> Result<Share, ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let ShareCopy { title, expiry, password, recipients } = copy;
        let mut draft = self.share_to_copy(caller, tenant, id).await?.draft;
        draft.title = title.unwrap_or(draft.title);
        let order = ShareOrder {
            of: ShareOf::Share(id.clone()),
            on_forbidden: OnForbidden::Skip,
            draft,
            expiry,
            password,
            recipients,
            sending: ShareSending::ByHand,
        };
        self.share_create(caller, tenant, order).await
    }

    /// A share, with that said about it which can be said of a new one: a context that is gone is in
    /// none.
    pub async fn share_to_copy(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
    ) -> Result<Share, ServiceError> {
        let share = self.share(caller, tenant, id).await?;
        let mut view = self.view(&Caller::system("share")).await?;
        match known_context(&mut view, tenant, &share.draft).await {
            Ok(()) => Ok(share),
            Err(ServiceError::Invalid(_)) => {
                let draft = ShareDraft { context: None, ..share.draft };
                Ok(Share { draft, ..share })
            }
            Err(error) => Err(error),
        }
    }
}
