//! Bearer tokens.

use super::change::Change;
use super::error::StoreError;
use super::page::{Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    AccessToken, AccessTokenDraft, AccessTokenId, ApplicationId, Grantee, PersonId, SecretHash,
    TokenUse,
};

fn read(row: &Row) -> Result<AccessToken, StoreError> {
    let grantee = match row.text_opt::<PersonId>("person")? {
        Some(person) => Grantee::Person(person),
        None => Grantee::Application(row.text::<ApplicationId>("application")?),
    };
    Ok(AccessToken {
        id: row.text("id")?,
        hash: row.text("hash")?,
        token_use: row.text("token_use")?,
        grantee,
        tenant: row.number_opt("tenant")?,
        scopes: row.text("scopes")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
        revoked_at: row.number_opt("revoked_at")?,
    })
}

/// Both columns of a grantee: one of them is its id.
fn columns(grantee: &Grantee) -> (Option<&str>, Option<&str>) {
    match grantee {
        Grantee::Application(id) => (None, Some(id.as_str())),
        Grantee::Person(id) => (Some(id.as_str()), None),
    }
}

impl View {
    /// The token with that hash, expired and revoked ones too: it is for whoever asks to look at
    /// its dates, its holder's state and its password's version.
    pub async fn access_token(&mut self, hash: &SecretHash) -> Result<AccessToken, StoreError> {
        let statement = Statement::new(
            "SELECT id, hash, token_use, person, application, tenant, scopes, created_at, \
             expires_at, revoked_at FROM access_token WHERE hash = $1",
        );
        let token = read(&self.found(statement.bind(hash.as_str())).await?)?;
        self.reach(token.tenant)?;
        Ok(token)
    }

    /// The token of that id, ended or not.
    pub async fn access_token_of_id(
        &mut self,
        id: &AccessTokenId,
    ) -> Result<AccessToken, StoreError> {
        let statement = Statement::new(
            "SELECT id, hash, token_use, person, application, tenant, scopes, created_at, \
             expires_at, revoked_at FROM access_token WHERE id = $1",
        );
        let token = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(token.tenant)?;
        Ok(token)
    }

    /// The tokens of somebody, the oldest first.
    pub async fn access_token_list(
        &mut self,
        grantee: &Grantee,
        page: &Page<AccessTokenId>,
    ) -> Result<Listed<AccessToken, AccessTokenId>, StoreError> {
        let only = self.only_tenant();
        let (person, application) = columns(grantee);
        let statement = Statement::new(
            "SELECT id, hash, token_use, person, application, tenant, scopes, created_at, \
             expires_at, revoked_at FROM access_token WHERE (person = $1 OR application = $2) \
             AND id > $3 AND ($4 IS NULL OR tenant = $4) ORDER BY id LIMIT $5",
        )
        .bind(person)
        .bind(application)
        .bind(page.after.as_ref().map_or("", AccessTokenId::as_str))
        .bind(only)
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let tokens = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(tokens, page, |token: &AccessToken| token.id.clone()))
    }
}

impl Change {
    /// Issues a token.
    pub async fn access_token_create(
        &mut self,
        draft: AccessTokenDraft,
    ) -> Result<AccessToken, StoreError> {
        self.view().reach(draft.tenant)?;
        let AccessTokenDraft { hash, token_use, grantee, tenant, scopes, expires_at } = draft;
        let created_at = self.now();
        let token = AccessToken {
            id: AccessTokenId::random(created_at)?,
            hash,
            token_use,
            grantee,
            tenant,
            scopes,
            created_at,
            expires_at,
            revoked_at: None,
        };
        let (person, application) = columns(&token.grantee);
        let statement = Statement::new(
            "INSERT INTO access_token (id, hash, token_use, person, application, tenant, scopes, \
             created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(token.id.as_str())
        .bind(token.hash.as_str())
        .bind(token_use.wire_name())
        .bind(person)
        .bind(application)
        .bind(tenant)
        .bind(scopes.to_string())
        .bind(created_at)
        .bind(expires_at);
        self.view().connection().execute(statement).await?;
        self.note("access_token.create", tenant, token.id.as_str(), None, Some(&token));
        Ok(token)
    }

    /// Has a token that was not ended live until then. Not audited: it is used, and no more.
    pub async fn access_token_renew(
        &mut self,
        hash: &SecretHash,
        expires_at: UnixSeconds,
    ) -> Result<(), StoreError> {
        self.view().access_token(hash).await?;
        let statement = Statement::new(
            "UPDATE access_token SET expires_at = $2 \
             WHERE hash = $1 AND revoked_at IS NULL AND expires_at < $2",
        );
        let statement = statement.bind(hash.as_str()).bind(expires_at);
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Ends a token now. One that has ended already stays as it is; of two that end one at once,
    /// one is told so: a refresh token is exchanged once.
    pub async fn access_token_revoke(&mut self, hash: &SecretHash) -> Result<Ended, StoreError> {
        let before = self.view().access_token(hash).await?;
        let statement = Statement::new(
            "UPDATE access_token SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL \
             RETURNING id, hash, token_use, person, application, tenant, scopes, created_at, \
             expires_at, revoked_at",
        );
        let statement = statement.bind(hash.as_str()).bind(self.now());
        let Some(row) = self.view().connection().row(statement).await? else {
            return Ok(Ended::Before);
        };
        let after = read(&row)?;
        let object = after.id.as_str();
        self.note("access_token.revoke", after.tenant, object, Some(&before), Some(&after));
        Ok(Ended::Now)
    }

    /// Ends every token of somebody now. Gives how many those were.
    pub async fn access_token_revoke_all(&mut self, grantee: &Grantee) -> Result<u64, StoreError> {
        let tenant = match grantee {
            Grantee::Application(id) => self.view().application(id).await?.tenant,
            Grantee::Person(id) => self.view().person(id).await?.tenant,
        };
        let (person, application) = columns(grantee);
        let statement = Statement::new(
            "UPDATE access_token SET revoked_at = $3 \
             WHERE (person = $1 OR application = $2) AND revoked_at IS NULL",
        );
        let statement = statement.bind(person).bind(application).bind(self.now());
        let ended = self.view().connection().execute(statement).await?;
        if ended > 0 {
            let after = serde_json::json!({ "revoked": ended });
            self.note("access_token.revoke_all", tenant, grantee.as_str(), None, Some(&after));
        }
        Ok(ended)
    }

    /// Ends every session of somebody now. Gives how many those were.
    pub async fn session_revoke_all(&mut self, grantee: &Grantee) -> Result<u64, StoreError> {
        let tenant = match grantee {
            Grantee::Application(id) => self.view().application(id).await?.tenant,
            Grantee::Person(id) => self.view().person(id).await?.tenant,
        };
        let (person, application) = columns(grantee);
        let statement = Statement::new(
            "UPDATE access_token SET revoked_at = $3 WHERE (person = $1 OR application = $2) \
             AND revoked_at IS NULL AND token_use = $4",
        );
        let session = TokenUse::Session.wire_name();
        let statement = statement.bind(person).bind(application).bind(self.now()).bind(session);
        let ended = self.view().connection().execute(statement).await?;
        if ended > 0 {
            let after = serde_json::json!({ "revoked": ended });
            self.note("session.revoke_all", tenant, grantee.as_str(), None, Some(&after));
        }
        Ok(ended)
    }

    /// Forgets tokens that ended before an instant. Not audited: they opened nothing any more.
    pub async fn access_token_forget(&mut self, before: UnixSeconds) -> Result<u64, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new("DELETE FROM access_token WHERE expires_at < $1");
        self.view().connection().execute(statement.bind(before)).await
    }
}

/// When something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By an earlier call.
    Before,
    /// By this one.
    Now,
}
