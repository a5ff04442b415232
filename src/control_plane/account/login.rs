//! People: a password for two tokens, and one of these for two others.

use std::fmt;

use super::authenticate::{Accounts, Holder, holder, person_holder};
use super::error::AccountError;
use super::password::Verdict;
use super::secret_text::{SecretKind, SecretText};
use super::throttle::Attempt;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    AccessTokenDraft, Grantee, Person, SecretHash, Tenant, TokenUse,
};
use crate::control_plane::store::{Change, Ended, PAGE_LIMIT, Page, StoreError};
use crate::network::ClientIp;
use crate::secret::Secret;
use crate::telemetry::ErrorChain;

/// How long a person's token lives, in seconds (vmpro's: five minutes).
const ACCESS_LIFETIME: u64 = 5 * 60;
/// How long it can be exchanged for another, in seconds.
const REFRESH_LIFETIME: u64 = 60 * 60;

/// A session that just began: the one time that its tokens are seen.
pub struct Session {
    /// For calls.
    pub access: SecretText,
    /// To be exchanged for another session.
    pub refresh: SecretText,
    /// The tenant it is bound to; none reaches every tenant.
    pub tenant: Option<TenantId>,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Somebody whose password was right.
pub(super) struct LoggedIn {
    pub(super) change: Change,
    pub(super) grantee: Grantee,
    pub(super) holder: Holder,
}

impl Accounts {
    /// A session for whoever knows that person's password.
    pub async fn login(
        &self,
        username: &str,
        password: Secret<String>,
        address: Option<ClientIp>,
    ) -> Result<Session, AccountError> {
        let LoggedIn { mut change, grantee, holder } =
            self.log_in(username, password, address).await?;
        let session = begin(&mut change, grantee, &holder, holder.tenant).await?;
        change.commit().await?;
        Ok(session)
    }

    /// A change in the name of whoever knows that person's password, in which their session begins.
    /// Failures are counted before this returns.
    pub(super) async fn log_in(
        &self,
        username: &str,
        password: Secret<String>,
        address: Option<ClientIp>,
    ) -> Result<LoggedIn, AccountError> {
        let now = self.clock.now();
        let attempt = Attempt::to_log_in(username, address);
        self.begin(&attempt, now).await?;
        let person = match self.person_of(username, password, now).await {
            Ok(person) => person,
            Err(
                error @ (AccountError::Failed(_)
                | AccountError::Full(_)
                | AccountError::Unavailable(_)),
            ) => {
                if let Err(error) = self.excuse(&attempt, now).await {
                    tracing::warn!(error = %ErrorChain(&error), "a login counts as failed that did not");
                }
                return Err(error);
            }
            Err(
                refusal @ (AccountError::NotValid
                | AccountError::ScopeRefused
                | AccountError::Throttled { .. }),
            ) => return Err(refusal),
        };
        let grantee = Grantee::Person(person.id.clone());
        let password = person.password.clone();
        let holder = person_holder(person)?;
        let caller = session_caller(&holder, address);
        let mut change = self.store.change(&caller, now).await?;
        // The password may have been changed while it was being checked.
        let Grantee::Person(id) = &grantee else { return Err(AccountError::NotValid) };
        if change.person_lock(id).await?.password != password {
            return Err(AccountError::NotValid);
        }
        attempt.succeed(&mut change).await?;
        Ok(LoggedIn { change, grantee, holder })
    }

    /// Another session for the refresh token of one, which is spent. Bound to a tenant it reaches that
    /// one only; whoever reaches others as well may ask for one of those the next time.
    pub async fn refresh(
        &self,
        token: &str,
        bound_to: Option<TenantId>,
        address: Option<ClientIp>,
    ) -> Result<Session, AccountError> {
        let hash = SecretHash::of(token);
        let system = Caller::system("refresh");
        let mut view = self.store.view(&system).await?;
        let token = view.access_token(&hash).await?;
        let holder = holder(&mut view, &token.grantee).await?;
        if token.token_use == TokenUse::Refresh && token.revoked_at.is_some() {
            drop(view);
            // Somebody spends it twice: one of the two is not its holder (RFC 6819 section 5.2.2.3).
            let mut change =
                self.store.change(&session_caller(&holder, address), self.clock.now()).await?;
            change.access_token_revoke_all(&token.grantee).await?;
            change.commit().await?;
            return Err(AccountError::NotValid);
        }
        self.in_force(&token, TokenUse::Refresh)?;
        let tenant = match (holder.tenant, bound_to) {
            (own, None) => own,
            (None, Some(asked)) => Some(view.tenant(asked).await?.number),
            (Some(own), Some(asked)) if own == asked => Some(own),
            (Some(_), Some(_)) => return Err(AccountError::NotValid),
        };
        drop(view);
        let caller = session_caller(&holder, address).with_credential(token.id.as_str());
        let mut change = self.store.change(&caller, self.clock.now()).await?;
        match change.access_token_revoke(&hash).await? {
            Ended::Now => (),
            Ended::Before => return Err(AccountError::NotValid),
        }
        let session = begin(&mut change, token.grantee, &holder, tenant).await?;
        change.commit().await?;
        Ok(session)
    }

    /// The tenants that a session reaches, by number; the first thousand of them.
    pub async fn tenants(&self, session: &Session) -> Result<Vec<Tenant>, AccountError> {
        let mut view = self.store.view(&Caller::system("login")).await?;
        Ok(match session.tenant {
            Some(tenant) => vec![view.tenant(tenant).await?],
            None => view.tenant_list(&Page::first(PAGE_LIMIT)).await?.items,
        })
    }

    /// Begins an attempt, or says how long to wait.
    async fn begin(&self, attempt: &Attempt, now: UnixSeconds) -> Result<(), AccountError> {
        let mut change = self.store.change(&Caller::system("login"), now).await?;
        if let Some(wait) = attempt.begin(&mut change).await? {
            return Err(AccountError::Throttled { retry_after: wait.get() });
        }
        change.commit().await?;
        Ok(())
    }

    /// Takes an attempt back that failed on our side.
    async fn excuse(&self, attempt: &Attempt, now: UnixSeconds) -> Result<(), StoreError> {
        let mut change = self.store.change(&Caller::system("login"), now).await?;
        attempt.excuse(&mut change).await?;
        change.commit().await.map(drop)
    }

    async fn person_of(
        &self,
        username: &str,
        password: Secret<String>,
        now: UnixSeconds,
    ) -> Result<Person, AccountError> {
        let system = Caller::system("login");
        let person = self.store.view(&system).await?.person_by_username(username).await;
        let person = match person.map_err(AccountError::from) {
            Ok(person) => Some(person),
            Err(AccountError::NotValid) => None,
            Err(error) => return Err(error),
        };
        let kept = person.as_ref().and_then(|person| person.password.clone());
        let verdict = self.passwords.verify(password, kept.clone()).await?;
        let Some(mut person) = person.filter(|person| person.disabled_at.is_none()) else {
            return Err(AccountError::NotValid);
        };
        match (verdict, kept) {
            (Verdict::Right, Some(_)) => (),
            (Verdict::RightWithOldParameters(better), Some(kept)) => {
                let mut change = self.store.change(&system, now).await?;
                change.person_password_rehash(&person.id, &kept, &better).await?;
                change.commit().await?;
                person.password = Some(better);
            }
            (Verdict::Wrong, _) | (Verdict::Right | Verdict::RightWithOldParameters(_), None) => {
                return Err(AccountError::NotValid);
            }
        }
        Ok(person)
    }
}

pub(super) fn session_caller(holder: &Holder, address: Option<ClientIp>) -> Caller {
    let reach = holder.tenant.into();
    Caller::authenticated(holder.actor.clone(), holder.scopes, reach).from_address(address)
}

async fn begin(
    change: &mut Change,
    grantee: Grantee,
    holder: &Holder,
    tenant: Option<TenantId>,
) -> Result<Session, AccountError> {
    let access = SecretText::random(SecretKind::Access)?;
    let refresh = SecretText::random(SecretKind::Refresh)?;
    let now = change.now();
    for (token, token_use, lifetime, tenant) in [
        (&access, TokenUse::Access, ACCESS_LIFETIME, tenant),
        (&refresh, TokenUse::Refresh, REFRESH_LIFETIME, holder.tenant),
    ] {
        change
            .access_token_create(AccessTokenDraft {
                hash: token.hash(),
                token_use,
                grantee: grantee.clone(),
                tenant,
                scopes: holder.scopes,
                expires_at: now.plus(lifetime),
            })
            .await?;
    }
    Ok(Session { access, refresh, tenant })
}
