//! Applications and their secrets.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Expected, Listed, Page};
use super::statement::{Row, Statement};
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    Application, ApplicationDraft, ApplicationId, ApplicationSecret, SealedKey, SecretHash,
    SecretId,
};

/// Secrets of one application that are valid at a time: one in use, and its successor.
const MOST_SECRETS: u64 = 2;

fn read(row: &Row) -> Result<Application, StoreError> {
    Ok(Application {
        id: row.text("id")?,
        tenant: row.number_opt("tenant")?,
        name: row.text("name")?,
        scopes: row.text("scopes")?,
        created_at: row.number("created_at")?,
        disabled_at: row.number_opt("disabled_at")?,
        revision: row.number("revision")?,
    })
}

fn read_secret(row: &Row) -> Result<ApplicationSecret, StoreError> {
    let sealed = row
        .text_opt::<Box<str>>("sealed")?
        .map(|text| hex::decode(text.as_bytes()).map(Into::into))
        .transpose()
        .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))?;
    Ok(ApplicationSecret {
        id: row.text("id")?,
        application: row.text("application")?,
        hash: row.text("hash")?,
        sealed,
        created_at: row.number("created_at")?,
        expires_at: row.number_opt("expires_at")?,
        last_used_at: row.number_opt("last_used_at")?,
    })
}

impl View {
    /// The application of that id.
    pub async fn application(&mut self, id: &ApplicationId) -> Result<Application, StoreError> {
        let statement = Statement::new(
            "SELECT id, tenant, name, scopes, created_at, disabled_at, revision \
             FROM application WHERE id = $1",
        );
        let application = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(application.tenant)?;
        Ok(application)
    }

    /// Applications, the oldest first.
    pub async fn application_list(
        &mut self,
        page: &Page<ApplicationId>,
    ) -> Result<Listed<Application, ApplicationId>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT id, tenant, name, scopes, created_at, disabled_at, revision FROM application \
             WHERE id > $1 AND ($2 IS NULL OR tenant = $2) ORDER BY id LIMIT $3",
        );
        let after = page.after.as_ref().map_or("", ApplicationId::as_str);
        let statement = statement.bind(after).bind(only).bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let applications = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(applications, page, |application: &Application| application.id.clone()))
    }

    /// An application's secrets, the oldest first, those that have ended included.
    pub async fn application_secret_list(
        &mut self,
        id: &ApplicationId,
    ) -> Result<Vec<ApplicationSecret>, StoreError> {
        self.application(id).await?;
        let statement = Statement::new(
            "SELECT id, application, hash, sealed, created_at, expires_at, last_used_at \
             FROM application_secret WHERE application = $1 ORDER BY id",
        );
        let rows = self.connection().rows(statement.bind(id.as_str())).await?;
        rows.iter().map(read_secret).collect()
    }
}

impl View {
    /// Every secret that is kept sealed, the oldest first. There are few.
    pub async fn application_secret_list_sealed(
        &mut self,
    ) -> Result<Vec<ApplicationSecret>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, application, hash, sealed, created_at, expires_at, last_used_at \
             FROM application_secret WHERE sealed IS NOT NULL ORDER BY id",
        );
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read_secret).collect()
    }
}

impl Change {
    /// Makes an application, without a secret yet.
    pub async fn application_create(
        &mut self,
        draft: ApplicationDraft,
    ) -> Result<Application, StoreError> {
        self.view().reach(draft.tenant)?;
        let ApplicationDraft { tenant, name, scopes, disabled_at } = draft;
        let created_at = self.now();
        let id = ApplicationId::random(created_at)?;
        let made = Application { id, tenant, name, scopes, created_at, disabled_at, revision: 1 };
        let statement = Statement::new(
            "INSERT INTO application (id, tenant, name, scopes, created_at, disabled_at, revision) \
             VALUES ($1, $2, $3, $4, $5, $6, 1)",
        )
        .bind(made.id.as_str())
        .bind(made.tenant)
        .bind(&made.name)
        .bind(made.scopes.to_string())
        .bind(made.created_at)
        .bind(made.disabled_at);
        self.view().connection().execute(statement).await?;
        self.note("application.create", tenant, made.id.as_str(), None, Some(&made));
        Ok(made)
    }

    /// Says something else about an application. What its tokens may do shrinks with it: whoever
    /// accepts one looks here.
    pub async fn application_update(
        &mut self,
        id: &ApplicationId,
        expected: Expected,
        draft: ApplicationDraft,
    ) -> Result<Application, StoreError> {
        self.view().reach(draft.tenant)?;
        let before = self.application_lock(id).await?;
        expected.meet(before.revision)?;
        let ApplicationDraft { tenant, name, scopes, disabled_at } = draft;
        let statement = Statement::new(
            "UPDATE application SET tenant = $2, name = $3, scopes = $4, disabled_at = $5, \
             revision = revision + 1 WHERE id = $1 \
             RETURNING id, tenant, name, scopes, created_at, disabled_at, revision",
        )
        .bind(id.as_str())
        .bind(tenant)
        .bind(&name)
        .bind(scopes.to_string())
        .bind(disabled_at);
        let after = read(&self.view().found(statement).await?)?;
        self.note("application.update", tenant, id.as_str(), Some(&before), Some(&after));
        Ok(after)
    }

    /// Keeps a secret under another seal. It is the same secret.
    pub async fn application_secret_reseal(
        &mut self,
        id: &SecretId,
        sealed: &SealedKey,
    ) -> Result<(), StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new("UPDATE application_secret SET sealed = $2 WHERE id = $1");
        let statement = statement.bind(id.as_str()).bind(hex::encode(sealed.as_bytes()));
        self.view().connection().execute(statement).await?;
        self.note("application_secret.reseal", None, id.as_str(), None, None::<&()>);
        Ok(())
    }

    /// Removes an application, with its secrets and tokens.
    pub async fn application_remove(
        &mut self,
        id: &ApplicationId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.application_lock(id).await?;
        expected.meet(before.revision)?;
        let rights = Statement::new("DELETE FROM folder_right WHERE grantee = $1");
        self.view().connection().execute(rights.bind(id.as_str())).await?;
        let statement = Statement::new("DELETE FROM application WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.note("application.remove", before.tenant, id.as_str(), Some(&before), None);
        Ok(())
    }

    /// Gives an application a secret, of which the store sees a hash, and what is sealed for
    /// somebody else to open. A third that would be valid at once is
    /// [`StoreErrorKind::Conflict`].
    pub async fn application_secret_create(
        &mut self,
        application: &ApplicationId,
        hash: SecretHash,
        sealed: Option<&[u8]>,
        expires_at: Option<UnixSeconds>,
    ) -> Result<ApplicationSecret, StoreError> {
        let owner = self.application_lock(application).await?;
        let created_at = self.now();
        let active = Statement::new(
            "SELECT COUNT(*) AS active FROM application_secret \
             WHERE application = $1 AND (expires_at IS NULL OR expires_at > $2)",
        );
        let active = active.bind(application.as_str()).bind(created_at);
        if self.view().found(active).await?.number::<u64>("active")? >= MOST_SECRETS {
            return Err(StoreErrorKind::Conflict.into());
        }
        let secret = ApplicationSecret {
            id: SecretId::random(created_at)?,
            application: application.clone(),
            hash,
            sealed: sealed.map(Into::into),
            created_at,
            expires_at,
            last_used_at: None,
        };
        let statement = Statement::new(
            "INSERT INTO application_secret (id, application, hash, sealed, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(secret.id.as_str())
        .bind(application.as_str())
        .bind(secret.hash.as_str())
        .bind(sealed.map(hex::encode).as_deref())
        .bind(created_at)
        .bind(expires_at);
        self.view().connection().execute(statement).await?;
        let object = secret.id.as_str();
        self.note("application_secret.create", owner.tenant, object, None, Some(&secret));
        Ok(secret)
    }

    /// Ends one of an application's secrets now.
    pub async fn application_secret_remove(
        &mut self,
        application: &ApplicationId,
        id: &SecretId,
    ) -> Result<(), StoreError> {
        let owner = self.application_lock(application).await?;
        let statement = Statement::new(
            "DELETE FROM application_secret WHERE id = $1 AND application = $2 \
             RETURNING id, application, hash, sealed, created_at, expires_at, last_used_at",
        );
        let statement = statement.bind(id.as_str()).bind(application.as_str());
        let before = read_secret(&self.view().found(statement).await?)?;
        let object = before.id.as_str();
        self.note("application_secret.remove", owner.tenant, object, Some(&before), None);
        Ok(())
    }

    /// Remembers when a secret last opened something. Not audited: what it opened is.
    pub async fn application_secret_used(&mut self, id: &SecretId) -> Result<(), StoreError> {
        let statement =
            Statement::new("UPDATE application_secret SET last_used_at = $2 WHERE id = $1");
        let statement = statement.bind(id.as_str()).bind(self.now());
        self.view().connection().execute(statement).await.map(drop)
    }

    async fn application_lock(&mut self, id: &ApplicationId) -> Result<Application, StoreError> {
        let statement = Statement::new(
            "UPDATE application SET revision = revision WHERE id = $1 \
             RETURNING id, tenant, name, scopes, created_at, disabled_at, revision",
        );
        let application = read(&self.view().found(statement.bind(id.as_str())).await?)?;
        self.view().reach(application.tenant)?;
        Ok(application)
    }
}
