//! Sessions that live on while they are used: THRON's, which its clients show as `X-TOKENID`
//! (requirements A4, A5). Sixty minutes from the last call.

use std::fmt;

use super::authenticate::{Accounts, Holder, application_holder, caller, holder};
use super::error::AccountError;
use super::grant::ClientCredentials;
use super::login::LoggedIn;
use super::secret_text::{SecretKind, SecretText};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::{Caller, Reach};
use crate::control_plane::record::{
    AccessTokenDraft, AccessTokenId, Application, Grantee, SecretHash, TokenUse,
};
use crate::control_plane::store::Change;
use crate::network::ClientIp;
use crate::secret::Secret;
use crate::telemetry::ErrorChain;

/// From the last call on, in seconds.
const LIFETIME: u64 = 60 * 60;

/// From its beginning on, in seconds: then its holder logs in again.
const LONGEST: u64 = 12 * 60 * 60;

/// A session is renewed no oftener, in seconds: whoever calls every second writes once a minute.
const RENEWED_EVERY: u64 = 60;

/// A session that just began: the one time that its token is seen.
pub struct SlidingSession {
    /// What its holder shows.
    pub token: SecretText,
    /// The holder's name.
    pub name: Box<str>,
}

impl fmt::Debug for SlidingSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlidingSession").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Accounts {
    /// A session within a tenant, for whoever knows that person's password. Whoever belongs to
    /// another tenant has none here.
    pub async fn sliding_login(
        &self,
        tenant: Option<TenantId>,
        username: &str,
        password: Secret<String>,
        address: Option<ClientIp>,
    ) -> Result<SlidingSession, AccountError> {
        let LoggedIn { mut change, grantee, holder } =
            self.log_in(username, password, address).await?;
        let session = begin(&mut change, grantee, holder, tenant).await?;
        change.commit().await?;
        Ok(session)
    }

    /// The same for an application with its secret, and what is known of it.
    pub async fn sliding_login_of_application(
        &self,
        tenant: Option<TenantId>,
        credentials: ClientCredentials,
        address: Option<ClientIp>,
    ) -> Result<(SlidingSession, Application), AccountError> {
        let application = self.client(credentials).await?;
        let grantee = Grantee::Application(application.id.clone());
        let holder = application_holder(application.clone())?;
        let calls =
            Caller::authenticated(holder.actor.clone(), holder.scopes, Reach::from(holder.tenant));
        let mut change = self.store.change(&calls.from_address(address), self.clock.now()).await?;
        let session = begin(&mut change, grantee, holder, tenant).await?;
        change.commit().await?;
        Ok((session, application))
    }

    /// Who shows that session's token. The session lives on.
    pub async fn sliding_session(
        &self,
        token: &str,
        address: Option<ClientIp>,
    ) -> Result<(Caller, Box<str>), AccountError> {
        let hash = SecretHash::of(token);
        let mut view = self.store.view(&Caller::system("authenticate")).await?;
        let token = view.access_token(&hash).await?;
        self.in_force(&token, TokenUse::Session)?;
        let holder = holder(&mut view, &token.grantee).await?;
        drop(view);
        // However often it is used: what it was begun with may be gone.
        let renewed = self.clock.now().plus(LIFETIME).min(token.created_at.plus(LONGEST));
        if renewed.since(token.expires_at) >= RENEWED_EVERY
            && let Err(error) = self.renew(&hash, renewed).await
        {
            // What it is good for now it is good for all the same.
            tracing::warn!(error = %ErrorChain(&error), "a session was not renewed");
        }
        let name = holder.name.clone();
        let caller = caller(&token, holder).with_credential(token.id.as_str());
        Ok((caller.from_address(address), name))
    }

    /// Somebody to whom a session promised something, as they stand now; nobody where the session was
    /// revoked since.
    pub async fn still(
        &self,
        session: &AccessTokenId,
        promise: &str,
        address: Option<ClientIp>,
    ) -> Result<Caller, AccountError> {
        let mut view = self.store.view(&Caller::system("authenticate")).await?;
        let token = view.access_token_of_id(session).await?;
        if token.revoked_at.is_some() {
            return Err(AccountError::NotValid);
        }
        let holder = holder(&mut view, &token.grantee).await?;
        Ok(caller(&token, holder).with_credential(promise).from_address(address))
    }

    async fn renew(&self, hash: &SecretHash, until: UnixSeconds) -> Result<(), AccountError> {
        let system = Caller::system("authenticate");
        let mut change = self.store.change(&system, self.clock.now()).await?;
        change.access_token_renew(hash, until).await?;
        change.commit().await?;
        Ok(())
    }
}

async fn begin(
    change: &mut Change,
    grantee: Grantee,
    holder: Holder,
    tenant: Option<TenantId>,
) -> Result<SlidingSession, AccountError> {
    let reached = tenant.filter(|tenant| Reach::from(holder.tenant).covers(*tenant));
    let tenant = reached.ok_or(AccountError::NotValid)?;
    change.view().tenant(tenant).await?;
    let token = SecretText::random(SecretKind::Session)?;
    let now = change.now();
    change
        .access_token_create(AccessTokenDraft {
            hash: token.hash(),
            token_use: TokenUse::Session,
            grantee,
            tenant: Some(tenant),
            scopes: holder.scopes,
            expires_at: now.plus(LIFETIME),
        })
        .await?;
    Ok(SlidingSession { token, name: holder.name })
}
