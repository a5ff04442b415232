//! Applications, and the secrets with which they get tokens.

use std::fmt;

use super::desk::Services;
use super::error::{Invalid, ServiceError, text};
use crate::clock::UnixSeconds;
use crate::control_plane::account::{SecretKind, SecretText};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Application, ApplicationDraft, ApplicationId, ApplicationSecret, Grantee, Scope, ScopeSet,
    SealedKey, SecretId,
};
use crate::control_plane::store::{Change, Expected, Listed, Page};
use crate::keyring::KeyMaterial;
use crate::secret::Secret;

/// What is asked for in a new secret.
#[derive(Clone, Copy, Debug)]
pub struct NewSecret {
    /// When it ends.
    pub expires_at: Option<UnixSeconds>,
    /// What it is good for.
    pub form: SecretForm,
}

/// What a secret is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretForm {
    /// Getting tokens. Only its hash is kept.
    Password,
    /// Signing requests as well, as MediaHub's clients do (requirement E2). It is kept sealed under
    /// the master key.
    Signing,
}

/// A secret that was just made: the one time that it is seen.
pub struct IssuedSecret {
    /// What is kept of it.
    pub record: ApplicationSecret,
    /// The secret.
    pub secret: SecretText,
}

impl fmt::Debug for IssuedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedSecret").field("record", &self.record).finish_non_exhaustive()
    }
}

impl Services {
    /// The application of that id.
    pub async fn application(
        &self,
        caller: &Caller,
        id: &ApplicationId,
    ) -> Result<Application, ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        Ok(self.view(caller).await?.application(id).await?)
    }

    /// Applications, the oldest first.
    pub async fn application_list(
        &self,
        caller: &Caller,
        page: &Page<ApplicationId>,
    ) -> Result<Listed<Application, ApplicationId>, ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        Ok(self.view(caller).await?.application_list(page).await?)
    }

    /// Makes an application with a first secret of that form.
    pub async fn application_create(
        &self,
        caller: &Caller,
        draft: ApplicationDraft,
        form: SecretForm,
    ) -> Result<(Application, IssuedSecret), ServiceError> {
        accept(caller, &draft)?;
        let mut change = self.change(caller).await?;
        let application = change.application_create(draft).await?;
        let new = NewSecret { expires_at: None, form };
        let issued = self.secret_create(&mut change, &application.id, new).await?;
        change.commit().await?;
        Ok((application, issued))
    }

    /// Says something else about an application. One that is disabled loses its tokens.
    pub async fn application_update(
        &self,
        caller: &Caller,
        id: &ApplicationId,
        expected: Expected,
        draft: ApplicationDraft,
    ) -> Result<Application, ServiceError> {
        accept(caller, &draft)?;
        let disables = draft.disabled_at.is_some();
        let mut change = self.change(caller).await?;
        let before = change.view().application(id).await?;
        within(caller, before.scopes)?;
        let application = change.application_update(id, expected, draft).await?;
        if disables && before.disabled_at.is_none() {
            change.access_token_revoke_all(&Grantee::Application(id.clone())).await?;
        }
        change.commit().await?;
        Ok(application)
    }

    /// Removes an application, with its secrets and tokens.
    pub async fn application_remove(
        &self,
        caller: &Caller,
        id: &ApplicationId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        let mut change = self.change(caller).await?;
        let before = change.view().application(id).await?;
        within(caller, before.scopes)?;
        change.application_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// An application's secrets, the oldest first: what is kept of them.
    pub async fn application_secret_list(
        &self,
        caller: &Caller,
        id: &ApplicationId,
    ) -> Result<Vec<ApplicationSecret>, ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        Ok(self.view(caller).await?.application_secret_list(id).await?)
    }

    /// Gives an application another secret; a third that is valid at once is a conflict.
    pub async fn application_secret_create(
        &self,
        caller: &Caller,
        id: &ApplicationId,
        new: NewSecret,
    ) -> Result<IssuedSecret, ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        if new.expires_at.is_some_and(|end| end <= self.now()) {
            return Err(Invalid::new("/expires_at", "must be in the future").into());
        }
        let mut change = self.change(caller).await?;
        let owner = change.view().application(id).await?;
        within(caller, owner.scopes)?;
        let issued = self.secret_create(&mut change, id, new).await?;
        change.commit().await?;
        Ok(issued)
    }

    async fn secret_create(
        &self,
        change: &mut Change,
        owner: &ApplicationId,
        NewSecret { expires_at, form }: NewSecret,
    ) -> Result<IssuedSecret, ServiceError> {
        let (secret, sealed) = match form {
            SecretForm::Password => (SecretText::random(SecretKind::Client)?, None),
            SecretForm::Signing => {
                let master_key = self.master_key().ok_or(ServiceError::NoMasterKey)?;
                let secret = SecretText::random(SecretKind::Signing)?;
                // Into the seal, and no further.
                let text = Secret::new(secret.reveal().as_bytes().to_vec());
                let material = KeyMaterial::new(text)
                    .map_err(|error| ServiceError::Failed(Box::new(error)))?;
                let sealed = master_key.seal(owner.as_str(), &material)?;
                (secret, Some(sealed))
            }
        };
        let kept = sealed.as_ref().map(SealedKey::as_bytes);
        let hash = secret.hash();
        let record = change.application_secret_create(owner, hash, kept, expires_at).await?;
        Ok(IssuedSecret { record, secret })
    }

    /// Ends one of an application's secrets now, and its sessions that would go on for as long as
    /// they are used. Tokens it was exchanged for live on until they end or are revoked.
    pub async fn application_secret_remove(
        &self,
        caller: &Caller,
        application: &ApplicationId,
        id: &SecretId,
    ) -> Result<(), ServiceError> {
        caller.require(Scope::AccountsAdmin)?;
        let mut change = self.change(caller).await?;
        let owner = change.view().application(application).await?;
        within(caller, owner.scopes)?;
        change.application_secret_remove(application, id).await?;
        change.session_revoke_all(&Grantee::Application(application.clone())).await?;
        change.commit().await?;
        Ok(())
    }
}

fn accept(caller: &Caller, draft: &ApplicationDraft) -> Result<(), ServiceError> {
    caller.require(Scope::AccountsAdmin)?;
    text("/name", &draft.name, 128)?;
    within(caller, draft.scopes)
}

/// Refuses scopes that the caller does not have: neither can they be given, nor may an account
/// that has them be taken over.
pub(super) fn within(caller: &Caller, scopes: ScopeSet) -> Result<(), ServiceError> {
    match scopes.iter().find(|scope| !caller.scopes().contains(*scope)) {
        Some(scope) => Err(ServiceError::MoreThanOwn(scope)),
        None => Ok(()),
    }
}
