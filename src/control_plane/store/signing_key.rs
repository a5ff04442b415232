//! Keys the control plane made for itself, sealed.

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::Expected;
use super::statement::{Row, Statement};
use super::view::View;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    FeedEvent, SealedKey, SigningKey, SigningKeyDraft, SigningKeyId,
};

fn read(row: &Row) -> Result<SigningKey, StoreError> {
    let sealed = SealedKey::try_from(String::from(row.text::<Box<str>>("sealed")?))
        .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))?;
    Ok(SigningKey {
        id: row.text("id")?,
        tenant: row.number_opt("tenant")?,
        key_use: row.text("key_use")?,
        sealed,
        created_at: row.number("created_at")?,
        not_before: row.number("not_before")?,
        not_after: row.number_opt("not_after")?,
        retired_at: row.number_opt("retired_at")?,
    })
}

/// A key, and how often it was changed: no edge asks for that, and so it is no part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisedKey {
    /// The key.
    pub key: SigningKey,
    /// Its revision.
    pub revision: u64,
}

fn read_revised(row: &Row) -> Result<RevisedKey, StoreError> {
    Ok(RevisedKey { key: read(row)?, revision: row.number("revision")? })
}

/// What the audit log says of a key: everything but the key.
fn audited(key: &SigningKey) -> serde_json::Value {
    let SigningKey {
        id,
        tenant,
        key_use,
        sealed: _,
        created_at,
        not_before,
        not_after,
        retired_at,
    } = key;
    serde_json::json!({
        "id": id,
        "tenant": tenant,
        "key_use": key_use,
        "created_at": created_at,
        "not_before": not_before,
        "not_after": not_after,
        "retired_at": retired_at,
    })
}

impl View {
    /// Every key, the oldest first. There are few.
    pub async fn signing_key_list(&mut self) -> Result<Vec<SigningKey>, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT id, tenant, key_use, sealed, created_at, not_before, not_after, retired_at \
             FROM signing_key WHERE ($1 IS NULL OR tenant = $1) ORDER BY id",
        );
        let rows = self.connection().rows(statement.bind(only)).await?;
        rows.iter().map(read).collect()
    }

    /// A key.
    pub async fn signing_key(&mut self, id: &SigningKeyId) -> Result<RevisedKey, StoreError> {
        let only = self.only_tenant();
        let statement = Statement::new(
            "SELECT id, tenant, key_use, sealed, created_at, not_before, not_after, retired_at, \
             revision FROM signing_key WHERE id = $1 AND ($2 IS NULL OR tenant = $2)",
        );
        read_revised(&self.found(statement.bind(id.as_str()).bind(only)).await?)
    }
}

impl Change {
    /// Keeps a new key.
    pub async fn signing_key_create(
        &mut self,
        draft: SigningKeyDraft,
    ) -> Result<SigningKey, StoreError> {
        let SigningKeyDraft { id, tenant, key_use, sealed, not_before, not_after } = draft;
        self.view().reach(tenant)?;
        let key = SigningKey {
            id,
            tenant,
            key_use,
            sealed,
            created_at: self.now(),
            not_before,
            not_after,
            retired_at: None,
        };
        let statement = Statement::new(
            "INSERT INTO signing_key (id, tenant, key_use, sealed, created_at, not_before, \
             not_after) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(key.id.as_str())
        .bind(tenant)
        .bind(key_use.wire_name())
        .bind(hex::encode(key.sealed.as_bytes()))
        .bind(key.created_at)
        .bind(not_before)
        .bind(not_after);
        self.view().connection().execute(statement).await?;
        self.note("signing_key.create", tenant, key.id.as_str(), None, Some(&audited(&key)));
        self.publish(FeedEvent::SigningKeySet(key.clone()));
        Ok(key)
    }

    /// Has a key sign nothing from now on, and verify until an instant.
    pub async fn signing_key_retire(
        &mut self,
        id: &SigningKeyId,
        not_after: UnixSeconds,
    ) -> Result<SigningKey, StoreError> {
        let RevisedKey { key: before, revision: _ } = self.signing_key_lock(id).await?;
        let statement = Statement::new(
            "UPDATE signing_key SET retired_at = $2, not_after = $3, revision = revision + 1 \
             WHERE id = $1 \
             RETURNING id, tenant, key_use, sealed, created_at, not_before, not_after, retired_at",
        );
        let statement = statement.bind(id.as_str()).bind(self.now()).bind(not_after);
        let after = read(&self.view().found(statement).await?)?;
        let (old, new) = (audited(&before), audited(&after));
        self.note("signing_key.retire", after.tenant, id.as_str(), Some(&old), Some(&new));
        self.publish(FeedEvent::SigningKeySet(after.clone()));
        Ok(after)
    }

    /// Drops a key: what it signed is worth nothing.
    pub async fn signing_key_remove(
        &mut self,
        id: &SigningKeyId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let RevisedKey { key: before, revision } = self.signing_key_lock(id).await?;
        expected.meet(revision)?;
        let statement = Statement::new("DELETE FROM signing_key WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        let old = audited(&before);
        self.note("signing_key.remove", before.tenant, id.as_str(), Some(&old), None);
        self.publish(FeedEvent::SigningKeyRemoved { id: before.id });
        Ok(())
    }

    /// Keeps a key under another seal. It is the same key.
    pub async fn signing_key_reseal(
        &mut self,
        id: &SigningKeyId,
        sealed: SealedKey,
    ) -> Result<(), StoreError> {
        let RevisedKey { key, revision: _ } = self.signing_key_lock(id).await?;
        let statement = Statement::new("UPDATE signing_key SET sealed = $2 WHERE id = $1");
        let statement = statement.bind(id.as_str()).bind(hex::encode(sealed.as_bytes()));
        self.view().connection().execute(statement).await?;
        self.note("signing_key.reseal", key.tenant, id.as_str(), None, None::<&()>);
        self.publish(FeedEvent::SigningKeySet(SigningKey { sealed, ..key }));
        Ok(())
    }

    async fn signing_key_lock(&mut self, id: &SigningKeyId) -> Result<RevisedKey, StoreError> {
        let statement = Statement::new(
            "UPDATE signing_key SET id = id WHERE id = $1 \
             RETURNING id, tenant, key_use, sealed, created_at, not_before, not_after, \
             retired_at, revision",
        );
        let locked = read_revised(&self.view().found(statement.bind(id.as_str())).await?)?;
        self.view().reach(locked.key.tenant)?;
        Ok(locked)
    }
}
