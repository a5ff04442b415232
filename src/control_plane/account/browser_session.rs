//! Sessions of people with the console: a password for one token that a browser keeps in a cookie.
//!
//! It is not one of the API's: neither opens the other's doors. It ends after [`BROWSER_SESSION`],
//! when its holder signs out, and with everything else of theirs when their password changes or they
//! are disabled.

use super::authenticate::{Accounts, caller, holder};
use super::error::AccountError;
use super::login::{LoggedIn, session_caller};
use super::secret_text::{SecretKind, SecretText};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{AccessTokenDraft, SecretHash, TokenUse};
use crate::network::ClientIp;
use crate::secret::Secret;

/// How long a session lasts, in seconds: a working day.
pub const BROWSER_SESSION: u64 = 8 * 60 * 60;

/// A session that just began: the one time that its token is seen.
#[derive(Debug)]
pub struct BrowserSession {
    /// What the browser keeps.
    pub token: SecretText,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who, with what they may do now.
    pub caller: Caller,
    /// The name they sign in with.
    pub username: Box<str>,
}

impl Accounts {
    /// A session for whoever knows that person's password: always another one than before.
    pub async fn sign_in(
        &self,
        username: &str,
        password: Secret<String>,
        address: Option<ClientIp>,
    ) -> Result<BrowserSession, AccountError> {
        let LoggedIn { mut change, grantee, holder } =
            self.log_in(username, password, address).await?;
        let token = SecretText::random(SecretKind::Console)?;
        let draft = AccessTokenDraft {
            hash: token.hash(),
            token_use: TokenUse::Console,
            grantee,
            tenant: holder.tenant,
            scopes: holder.scopes,
            expires_at: change.now().plus(BROWSER_SESSION),
        };
        change.access_token_create(draft).await?;
        change.commit().await?;
        Ok(BrowserSession { token })
    }

    /// Whose session that is.
    pub async fn signed_in(
        &self,
        token: &str,
        address: Option<ClientIp>,
    ) -> Result<SignedIn, AccountError> {
        let mut view = self.store.view(&Caller::system("console")).await?;
        let token = view.access_token(&SecretHash::of(token)).await?;
        self.in_force(&token, TokenUse::Console)?;
        let holder = holder(&mut view, &token.grantee).await?;
        let username = holder.name.clone();
        let caller = caller(&token, holder).with_credential(token.id.as_str());
        Ok(SignedIn { caller: caller.from_address(address), username })
    }

    /// Ends that session. One that has ended already stays so.
    pub async fn sign_out(
        &self,
        token: &str,
        address: Option<ClientIp>,
    ) -> Result<(), AccountError> {
        let hash = SecretHash::of(token);
        let mut view = self.store.view(&Caller::system("console")).await?;
        let token = view.access_token(&hash).await?;
        self.in_force(&token, TokenUse::Console)?;
        let holder = holder(&mut view, &token.grantee).await?;
        drop(view);
        let caller = session_caller(&holder, address).with_credential(token.id.as_str());
        let mut change = self.store.change(&caller, self.clock.now()).await?;
        change.access_token_revoke(&hash).await?;
        change.commit().await?;
        Ok(())
    }
}
