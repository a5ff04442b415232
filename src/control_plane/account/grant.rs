//! Tokens for applications: OAuth2's client credentials (RFC 6749 section 4.4), revocation
//! (RFC 7009) and introspection (RFC 7662).

use std::fmt;

use super::authenticate::{Accounts, application_holder, caller, holder};
use super::error::AccountError;
use super::secret_text::{SecretKind, SecretText};
use crate::control_plane::caller::{Actor, Caller};
use crate::control_plane::record::{
    AccessToken, AccessTokenDraft, Application, ApplicationId, Grantee, Scope, ScopeSet,
    SecretHash, TokenUse,
};
use crate::network::ClientIp;
use crate::secret::Secret;

/// How long an application's token lives, in seconds.
const LIFETIME: u64 = 60 * 60;
/// Only so often is it written down that a secret was used, in seconds.
const USE_NOTED_EVERY: u64 = 60;

/// An application's id and secret, as somebody showed them.
#[derive(Debug)]
pub struct ClientCredentials {
    /// The `client_id`.
    pub id: String,
    /// The `client_secret`.
    pub secret: Secret<String>,
}

/// A token that was just issued: the one time that it is seen.
pub struct Grant {
    /// The token.
    pub token: SecretText,
    /// What it may do.
    pub scopes: ScopeSet,
    /// For how long, in seconds.
    pub expires_in: u64,
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// What a token is.
#[derive(Clone, Debug)]
pub enum Introspection {
    /// In force.
    Active {
        /// What is kept of it.
        token: Box<AccessToken>,
        /// What it may do now.
        scopes: ScopeSet,
        /// Its holder's id.
        subject: Box<str>,
        /// Its holder's name.
        name: Box<str>,
    },
    /// Unknown, ended, or not for the caller to ask about.
    Inactive,
}

impl Accounts {
    /// A token for an application, with the scopes asked for, or all that it may have; for an hour,
    /// or fewer seconds.
    pub async fn client_credentials(
        &self,
        credentials: ClientCredentials,
        scopes: Option<&str>,
        lifetime: Option<u64>,
        address: Option<ClientIp>,
    ) -> Result<Grant, AccountError> {
        let lifetime = lifetime.unwrap_or(LIFETIME).clamp(1, LIFETIME);
        let application = self.client(credentials).await?;
        let id = application.id.clone();
        let tenant = application.tenant;
        let holder = application_holder(application)?;
        let scopes = match scopes {
            None => holder.scopes,
            Some(text) => asked(text, holder.scopes).ok_or(AccountError::ScopeRefused)?,
        };
        let token = SecretText::random(SecretKind::Access)?;
        let now = self.clock.now();
        let actor =
            Caller::authenticated(holder.actor, scopes, tenant.into()).from_address(address);
        let mut change = self.store.change(&actor, now).await?;
        change
            .access_token_create(AccessTokenDraft {
                hash: token.hash(),
                token_use: TokenUse::Access,
                grantee: Grantee::Application(id),
                tenant,
                scopes,
                expires_at: now.plus(lifetime),
            })
            .await?;
        change.commit().await?;
        Ok(Grant { token, scopes, expires_in: lifetime })
    }

    /// The application of those credentials. Wrong ones cost no delay: 256 random bits are not
    /// guessed, and the many programs behind one address are not to wait for each other.
    pub async fn client(&self, shown: ClientCredentials) -> Result<Application, AccountError> {
        let ClientCredentials { id, secret } = shown;
        let id = ApplicationId::parse(&id).ok_or(AccountError::NotValid)?;
        let now = self.clock.now();
        let system = Caller::system("client credentials");
        let mut view = self.store.view(&system).await?;
        let application = view.application(&id).await?;
        let secrets = view.application_secret_list(&id).await?;
        drop(view);
        if application.disabled_at.is_some() {
            return Err(AccountError::NotValid);
        }
        // What is compared are hashes: how far one agrees says nothing about the secret.
        let hash = SecretHash::of(secret.expose());
        let kept = secrets
            .into_iter()
            .find(|kept| kept.hash == hash && kept.expires_at.is_none_or(|end| end > now))
            .ok_or(AccountError::NotValid)?;
        if kept.last_used_at.is_none_or(|last| now.since(last) >= USE_NOTED_EVERY) {
            let mut change = self.store.change(&system, now).await?;
            change.application_secret_used(&kept.id).await?;
            change.commit().await?;
        }
        Ok(application)
    }

    /// Ends a token of that application's, or any other in reach if the application administers
    /// accounts. One that is not there, or not theirs, is nobody's business (RFC 7009 section 2.2).
    pub async fn revoke(&self, client: &Application, token: &str) -> Result<(), AccountError> {
        let hash = SecretHash::of(token);
        let actor = Actor::Application(client.id.clone());
        let caller = Caller::authenticated(actor, client.scopes, client.tenant.into());
        let mut change = self.store.change(&caller, self.clock.now()).await?;
        let token = match change.view().access_token(&hash).await.map_err(AccountError::from) {
            Ok(token) => token,
            Err(AccountError::NotValid) => return Ok(()),
            Err(error) => return Err(error),
        };
        if may_see(client, &token) {
            change.access_token_revoke(&hash).await?;
            change.commit().await?;
        }
        Ok(())
    }

    /// What a token is, for an application that may know.
    pub async fn introspect(
        &self,
        client: &Application,
        token: &str,
    ) -> Result<Introspection, AccountError> {
        let actor = Actor::Application(client.id.clone());
        let asking = Caller::authenticated(actor, client.scopes, client.tenant.into());
        let found = async {
            let mut view = self.store.view(&asking).await?;
            let token = view.access_token(&SecretHash::of(token)).await?;
            // A session is no bearer token: it is worth nothing where one is asked for.
            if token.token_use == TokenUse::Session {
                return Err(AccountError::NotValid);
            }
            self.in_force(&token, token.token_use)?;
            let holder = holder(&mut view, &token.grantee).await?;
            Ok::<_, AccountError>((token, holder))
        };
        match found.await {
            Ok((token, holder)) if may_see(client, &token) => {
                let subject = holder.actor.to_string().into();
                let name = holder.name.clone();
                let scopes = caller(&token, holder).scopes();
                Ok(Introspection::Active { token: Box::new(token), scopes, subject, name })
            }
            Ok(_) | Err(AccountError::NotValid) => Ok(Introspection::Inactive),
            Err(error) => Err(error),
        }
    }
}

/// The scopes that are asked for, if they may be had. Our own names must all be the holder's; what
/// MediaHub's stand for is cut to it, as they are wider than most are given.
fn asked(text: &str, held: ScopeSet) -> Option<ScopeSet> {
    let mut scopes = ScopeSet::EMPTY;
    for name in text.split([' ', ',']).filter(|name| !name.is_empty()) {
        let meant = match ScopeSet::parse(name) {
            Some(own) => Some(own).filter(|own| own.is_within(held)),
            None => mediahubs(name).map(|theirs| theirs.intersection(held)),
        };
        scopes = scopes.iter().chain(meant?.iter()).collect();
    }
    Some(scopes)
}

/// What a scope of MediaHub's permits here (the vendor's manual, OAuth2 scopes).
fn mediahubs(name: &str) -> Option<ScopeSet> {
    const DOWNLOAD: ScopeSet = ScopeSet::EMPTY.with(Scope::FilesRead).with(Scope::FilesSign);
    const READ: ScopeSet = ScopeSet::EMPTY.with(Scope::FilesRead).with(Scope::CatalogRead);
    const WRITE: ScopeSet = ScopeSet::EMPTY.with(Scope::CatalogWrite);
    Some(match name {
        "me" | "mediahub_submit_jobs" => ScopeSet::EMPTY,
        "mediahub" => READ.with(Scope::CatalogWrite).with(Scope::FilesSign),
        "mediahub_read" => READ,
        "mediahub_write" => WRITE,
        "mediahub_download_files" => DOWNLOAD,
        "autograph" => ScopeSet::EMPTY.with(Scope::Trace),
        _ => return None,
    })
}

fn may_see(client: &Application, token: &AccessToken) -> bool {
    token.grantee == Grantee::Application(client.id.clone())
        || client.scopes.contains(Scope::AccountsAdmin)
}
