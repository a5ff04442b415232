//! Requests that carry their own signature (requirement E2): from one to its caller.
//!
//! An application's secrets are hashes, but for those that were made to sign: these are in the store
//! as well, sealed under the master key.

use super::authenticate::{Accounts, application_holder};
use super::error::AccountError;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{ApplicationId, ApplicationSecret, RequestDigest, SealedKey};
use crate::network::ClientIp;
use crate::token::{RequestKey, SignedRequest};

/// Whoever signed a request, and what marks it.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Who.
    pub caller: Caller,
    /// The last second at which the request counts.
    pub expiry: crate::clock::UnixSeconds,
    /// What marks it among all requests.
    pub digest: RequestDigest,
}

impl Accounts {
    /// Who signed a request. When it ends is the caller's to look at.
    pub async fn signer(
        &self,
        request: &SignedRequest<'_>,
        address: Option<ClientIp>,
    ) -> Result<Signer, AccountError> {
        let id = ApplicationId::parse(&request.client).ok_or(AccountError::NotValid)?;
        let now = self.clock.now();
        let mut view = self.store.view(&Caller::system("signature")).await?;
        let application = view.application(&id).await?;
        let secrets = view.application_secret_list(&id).await?;
        drop(view);
        let reach = application.tenant.into();
        let in_force = |it: &&ApplicationSecret| it.expires_at.is_none_or(|end| end > now);
        let signed = |secret: &ApplicationSecret| {
            self.signing_key(&id, secret).is_some_and(|key| request.is_of(&key))
        };
        let secret = secrets.iter().filter(in_force).find(|secret| signed(secret));
        let secret = secret.ok_or(AccountError::NotValid)?;
        let holder = application_holder(application)?;
        let caller = Caller::authenticated(holder.actor, holder.scopes, reach)
            .with_credential(secret.id.as_str())
            .from_address(address);
        let digest = RequestDigest(request.digest().into());
        Ok(Signer { caller, expiry: request.expiry, digest })
    }

    /// The key that a secret signs by, if it was made to.
    fn signing_key(&self, owner: &ApplicationId, secret: &ApplicationSecret) -> Option<RequestKey> {
        let sealed = SealedKey::new(secret.sealed.as_ref()?);
        let opened = self.master_key.as_ref()?.open(owner.as_str(), &sealed).ok()?;
        // Into the key, and no further.
        let text = std::str::from_utf8(opened.expose()).ok()?;
        RequestKey::of_secret(text).ok()
    }
}
