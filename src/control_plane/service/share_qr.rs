//! A share's address as a picture that phones read (part H).

use super::desk::Services;
use super::error::ServiceError;
use crate::asset::TenantId;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{Scope, ShareId};
use crate::rendition::QrPicture;

impl Services {
    /// The code of a share's own address, or of a recipient's that opens it: for whoever may share.
    pub async fn share_qr(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &ShareId,
        recipient: Option<u64>,
    ) -> Result<QrPicture, ServiceError> {
        caller.require(Scope::SharesWrite)?;
        let share = self.share(caller, tenant, id).await?;
        if !self.share_keys(caller).await?.cover(&share) {
            return Err(ServiceError::NotFound);
        }
        let delivery = share.draft.delivery;
        let address = match recipient {
            None => share.address,
            Some(number) => {
                let recipients = self.share_recipient_list(caller, tenant, id).await?;
                let theirs = recipients.into_iter().find(|it| it.number == number);
                let theirs = theirs.filter(|it| !it.is_over(self.now()));
                theirs.ok_or(ServiceError::NotFound)?.address
            }
        };
        let url = self.share_url(tenant, delivery, &address)?;
        QrPicture::of(&url).map_err(|error| ServiceError::Failed(error.into()))
    }
}
