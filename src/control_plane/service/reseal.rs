//! A master key's successor: what was sealed under those before it is sealed anew, so that they can
//! be thrown away.

use super::desk::Services;
use super::error::ServiceError;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::{MasterKey, SealedUnder};
use crate::control_plane::record::{MailServer, Scope, SealedKey};
use crate::control_plane::store::StoreError;

/// What was sealed anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Signing keys.
    pub keys: usize,
    /// Secrets of applications that sign requests, and of webhooks; passwords of mail servers.
    pub secrets: usize,
    /// What was sealed under the master key already.
    pub already: usize,
}

/// Why nothing was sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// Neither the master key nor one before it opens something.
    #[error(
        "none of the master keys opens {id}: name the one it is sealed under in \
         [control] previous_master_keys, or remove it"
    )]
    Closed {
        /// The key's id, or the secret's.
        id: Box<str>,
    },
    /// It may not be done, or the records cannot be had.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for ResealError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

impl Services {
    /// Seals under the master key what is sealed under one before it: all of it, or nothing where
    /// something stays closed. No key changes by it, and no link.
    pub async fn reseal(&self, caller: &Caller) -> Result<Resealed, ResealError> {
        caller.require(Scope::KeysAdmin).map_err(ServiceError::from)?;
        let master_key = self.master_key().ok_or(ServiceError::NoMasterKey)?;
        let mut change = self.change(caller).await?;
        let mut done = Resealed::default();
        for key in change.view().signing_key_list().await? {
            match anew(master_key, key.id.as_str(), key.id.as_str(), &key.sealed)? {
                Some(sealed) => {
                    change.signing_key_reseal(&key.id, sealed).await?;
                    done.keys += 1;
                }
                None => done.already += 1,
            }
        }
        for secret in change.view().application_secret_list_sealed().await? {
            let Some(sealed) = secret.sealed.as_deref().map(SealedKey::new) else { continue };
            let (id, owner) = (secret.id.as_str(), secret.application.as_str());
            match anew(master_key, id, owner, &sealed)? {
                Some(sealed) => {
                    change.application_secret_reseal(&secret.id, &sealed).await?;
                    done.secrets += 1;
                }
                None => done.already += 1,
            }
        }
        for secret in change.view().webhook_secret_list_sealed().await? {
            match anew(master_key, secret.id.as_str(), secret.id.as_str(), &secret.sealed)? {
                Some(sealed) => {
                    change.webhook_secret_reseal(&secret, &sealed).await?;
                    done.secrets += 1;
                }
                None => done.already += 1,
            }
        }
        for server in change.view().mail_server_list_sealed().await? {
            let Some(password) = &server.password else { continue };
            let id = MailServer::sealed_for(server.tenant);
            match anew(master_key, &id, &id, password)? {
                Some(sealed) => {
                    change.mail_server_reseal(&server, &sealed).await?;
                    done.secrets += 1;
                }
                None => done.already += 1,
            }
        }
        change.commit().await?;
        Ok(done)
    }
}

/// The same under the master key; none where it is that.
fn anew(
    master_key: &MasterKey,
    id: &str,
    sealed_for: &str,
    sealed: &SealedKey,
) -> Result<Option<SealedKey>, ResealError> {
    let closed = |_| ResealError::Closed { id: id.into() };
    let (material, under) = master_key.open_by(sealed_for, sealed).map_err(closed)?;
    match under {
        SealedUnder::Current => Ok(None),
        SealedUnder::Previous => {
            Ok(Some(master_key.seal(sealed_for, &material).map_err(ServiceError::from)?))
        }
    }
}
