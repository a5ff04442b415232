//! Who typed a share's password, or accepted its terms: kept by a hash, for some hours.

use super::change::Change;
use super::error::StoreError;
use super::statement::Statement;
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{SecretHash, ShareId};

/// What somebody did to open a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareSession {
    /// What their session hashes to.
    pub hash: SecretHash,
    /// Of which share.
    pub share: ShareId,
    /// By whose address, where that is a recipient's.
    pub recipient: Option<u64>,
    /// The version of the password that they typed, or of having none.
    pub password_version: u64,
    /// The digest of the terms that they accepted.
    pub terms: Option<Box<str>>,
    /// When it ends: it is good before that.
    pub expires_at: UnixSeconds,
}

impl View {
    /// The session of that hash, of that share, that has not ended at that time.
    pub async fn share_session(
        &mut self,
        share: &ShareId,
        hash: &SecretHash,
        now: UnixSeconds,
    ) -> Result<Option<ShareSession>, StoreError> {
        self.share(share).await?;
        let statement = Statement::new(
            "SELECT hash, share, recipient, password_version, terms, expires_at \
             FROM share_session WHERE hash = $1 AND share = $2 AND expires_at > $3",
        );
        let statement = statement.bind(hash.as_str()).bind(share.as_str()).bind(now);
        let Some(row) = self.connection().row(statement).await? else { return Ok(None) };
        Ok(Some(ShareSession {
            hash: row.text("hash")?,
            share: row.text("share")?,
            recipient: Some(row.number("recipient")?).filter(|it| *it > 0),
            password_version: row.number("password_version")?,
            terms: row.text_opt("terms")?,
            expires_at: row.number("expires_at")?,
        }))
    }
}

impl Change {
    /// Begins a session, in the place of another where there is one. Not audited: the share's history
    /// says it.
    pub async fn share_session_begin(
        &mut self,
        session: &ShareSession,
        instead_of: Option<&SecretHash>,
    ) -> Result<(), StoreError> {
        self.view().share(&session.share).await?;
        if let Some(hash) = instead_of {
            let statement =
                Statement::new("DELETE FROM share_session WHERE hash = $1 AND share = $2");
            let statement = statement.bind(hash.as_str()).bind(session.share.as_str());
            self.view().connection().execute(statement).await?;
        }
        let statement = Statement::new(
            "INSERT INTO share_session (hash, share, recipient, password_version, terms, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(session.hash.as_str())
        .bind(session.share.as_str())
        .bind(session.recipient.unwrap_or(0))
        .bind(session.password_version)
        .bind(session.terms.as_deref())
        .bind(session.expires_at);
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Forgets sessions that ended. Gives how many.
    pub async fn share_session_forget(&mut self, now: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new("DELETE FROM share_session WHERE expires_at <= $1");
        self.view().connection().execute(statement.bind(now)).await
    }
}
