//! Webhooks, and what their messages are signed with. Neither a secret nor a receiver's whole address
//! is in the audit log.

use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::change::Change;
use super::error::{StoreError, StoreErrorKind};
use super::page::Expected;
use super::statement::{Row, Statement, Value};
use super::view::View;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    MOST_WEBHOOKS, SealedKey, Webhook, WebhookDraft, WebhookId, WebhookSecret, WebhookSecretId,
    WebhookState,
};

/// A webhook, and what comes behind its columns.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, tenant, url, events, description, state, failing_since, created_at, \
             revision FROM webhook ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<Webhook, StoreError> {
    let events = match row.text_opt::<Box<str>>("events")? {
        Some(_) => Some(row.json("events")?),
        None => None,
    };
    Ok(Webhook {
        id: row.text("id")?,
        tenant: row.number("tenant")?,
        draft: WebhookDraft {
            url: row.text("url")?,
            events,
            description: row.text("description")?,
            state: row.text("state")?,
        },
        failing_since: row.number_opt("failing_since")?,
        created_at: row.number("created_at")?,
        revision: row.number("revision")?,
    })
}

fn read_secret(row: &Row) -> Result<WebhookSecret, StoreError> {
    let sealed = SealedKey::try_from(String::from(row.text::<Box<str>>("sealed")?))
        .map_err(|error| StoreError::caused_by(StoreErrorKind::Corrupt, error))?;
    Ok(WebhookSecret {
        id: row.text("id")?,
        webhook: row.text("webhook")?,
        sealed,
        created_at: row.number("created_at")?,
        expires_at: row.number_opt("expires_at")?,
    })
}

/// What the audit log says of a webhook: of its address the origin, and by a hash whether the rest of
/// it is another. What stands there may be a secret.
fn audited(webhook: &Webhook) -> Json {
    let Webhook { id, tenant, draft, failing_since: _, created_at, revision: _ } = webhook;
    let WebhookDraft { url, events, description, state } = draft;
    let origin = url.match_indices('/').nth(2).and_then(|(end, _)| url.get(..end));
    let digest = hex::encode(Sha256::digest(url.as_bytes()));
    serde_json::json!({
        "id": id,
        "tenant": tenant,
        "origin": origin.unwrap_or(url),
        "url_digest": digest.get(..16),
        "events": events,
        "description": description,
        "state": state,
        "created_at": created_at,
    })
}

fn events_column(draft: &WebhookDraft) -> Result<Value, StoreError> {
    draft.events.as_ref().map_or(Ok(Value::from(None::<&str>)), Value::json)
}

impl View {
    /// The webhook of that id.
    pub async fn webhook(&mut self, id: &WebhookId) -> Result<Webhook, StoreError> {
        let statement = Statement::new(select!("WHERE id = $1"));
        let webhook = read(&self.found(statement.bind(id.as_str())).await?)?;
        self.reach(Some(webhook.tenant))?;
        Ok(webhook)
    }

    /// A tenant's webhooks, the oldest first. There are few.
    pub async fn webhook_list(&mut self, tenant: TenantId) -> Result<Vec<Webhook>, StoreError> {
        self.reach(Some(tenant))?;
        let statement = Statement::new(select!("WHERE tenant = $1 ORDER BY id"));
        let rows = self.connection().rows(statement.bind(tenant)).await?;
        rows.iter().map(read).collect()
    }

    /// What messages to a webhook are signed with at that time, the newest first.
    pub async fn webhook_secret_list(
        &mut self,
        id: &WebhookId,
        now: UnixSeconds,
    ) -> Result<Vec<WebhookSecret>, StoreError> {
        self.webhook(id).await?;
        let statement = Statement::new(
            "SELECT id, webhook, sealed, created_at, expires_at FROM webhook_secret \
             WHERE webhook = $1 AND (expires_at IS NULL OR expires_at > $2) \
             ORDER BY expires_at IS NULL DESC, id DESC",
        );
        let rows = self.connection().rows(statement.bind(id.as_str()).bind(now)).await?;
        rows.iter().map(read_secret).collect()
    }

    /// Every secret, for a master key's successor.
    pub async fn webhook_secret_list_sealed(&mut self) -> Result<Vec<WebhookSecret>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id, webhook, sealed, created_at, expires_at FROM webhook_secret ORDER BY id",
        );
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read_secret).collect()
    }
}

impl Change {
    /// Makes a webhook. Of one too many is said [`StoreErrorKind::Conflict`].
    pub async fn webhook_create(
        &mut self,
        tenant: TenantId,
        id: WebhookId,
        draft: WebhookDraft,
    ) -> Result<Webhook, StoreError> {
        self.view().tenant(tenant).await?;
        // Of two control planes one waits here for the other, and counts what that one made.
        let locked = Statement::new("UPDATE tenant SET revision = revision WHERE number = $1");
        self.view().connection().execute(locked.bind(tenant)).await?;
        let created_at = self.now();
        let webhook = Webhook { id, tenant, draft, failing_since: None, created_at, revision: 1 };
        let events = events_column(&webhook.draft)?;
        let statement = Statement::new(
            "INSERT INTO webhook (id, tenant, url, events, description, state, created_at, \
             revision) VALUES ($1, $2, $3, $4, $5, $6, $7, 1)",
        )
        .bind(webhook.id.as_str())
        .bind(tenant)
        .bind(&webhook.draft.url)
        .bind(events)
        .bind(&webhook.draft.description)
        .bind(webhook.draft.state.wire_name())
        .bind(created_at);
        if self.view().webhook_list(tenant).await?.len() >= MOST_WEBHOOKS {
            return Err(StoreErrorKind::Conflict.into());
        }
        self.view().connection().execute(statement).await?;
        self.note(
            "webhook.create",
            Some(tenant),
            webhook.id.as_str(),
            None,
            Some(&audited(&webhook)),
        );
        Ok(webhook)
    }

    /// Says something else about a webhook. One that is switched on begins without failures; what waits
    /// for one that is switched off is given up.
    pub async fn webhook_replace(
        &mut self,
        id: &WebhookId,
        expected: Expected,
        draft: WebhookDraft,
    ) -> Result<Webhook, StoreError> {
        let before = self.webhook_lock(id).await?;
        expected.meet(before.revision)?;
        let is_switched = draft.state != before.draft.state;
        let statement = Statement::new(
            "UPDATE webhook SET url = $2, events = $3, description = $4, state = $5, \
             failing_since = $6, revision = revision + 1 WHERE id = $1",
        )
        .bind(id.as_str())
        .bind(&draft.url)
        .bind(events_column(&draft)?)
        .bind(&draft.description)
        .bind(draft.state.wire_name())
        .bind(before.failing_since.filter(|_| !is_switched));
        self.view().connection().execute(statement).await?;
        if draft.state != WebhookState::Enabled {
            self.webhook_give_up(id).await?;
        }
        let after = self.view().webhook(id).await?;
        let (old, new) = (audited(&before), audited(&after));
        self.note("webhook.update", Some(after.tenant), id.as_str(), Some(&old), Some(&new));
        Ok(after)
    }

    /// Switches a webhook off, and gives up what waits for it.
    pub(super) async fn webhook_stop(
        &mut self,
        before: &Webhook,
        state: WebhookState,
    ) -> Result<(), StoreError> {
        let id = &before.id;
        let statement =
            Statement::new("UPDATE webhook SET state = $2, revision = revision + 1 WHERE id = $1");
        let statement = statement.bind(id.as_str()).bind(state.wire_name());
        self.view().connection().execute(statement).await?;
        self.webhook_give_up(id).await?;
        let after = self.view().webhook(id).await?;
        let (old, new) = (audited(before), audited(&after));
        self.note("webhook.stop", Some(after.tenant), id.as_str(), Some(&old), Some(&new));
        Ok(())
    }

    /// Removes a webhook, with its secrets and with what waits for it.
    pub async fn webhook_remove(
        &mut self,
        id: &WebhookId,
        expected: Expected,
    ) -> Result<(), StoreError> {
        let before = self.webhook_lock(id).await?;
        expected.meet(before.revision)?;
        let statement = Statement::new("DELETE FROM webhook WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.note(
            "webhook.remove",
            Some(before.tenant),
            id.as_str(),
            Some(&audited(&before)),
            None,
        );
        Ok(())
    }

    /// Keeps what messages to a webhook are signed with from now on. The secret before it signs beside
    /// it until that time; those before that sign no more.
    pub async fn webhook_secret_create(
        &mut self,
        id: &WebhookId,
        secret: WebhookSecretId,
        sealed: &SealedKey,
        before_until: UnixSeconds,
    ) -> Result<WebhookSecret, StoreError> {
        let webhook = self.webhook_lock(id).await?;
        let ended = Statement::new(
            "DELETE FROM webhook_secret WHERE webhook = $1 AND expires_at IS NOT NULL",
        );
        self.view().connection().execute(ended.bind(id.as_str())).await?;
        let succeeded =
            Statement::new("UPDATE webhook_secret SET expires_at = $2 WHERE webhook = $1");
        let succeeded = succeeded.bind(id.as_str()).bind(before_until);
        self.view().connection().execute(succeeded).await?;
        let created_at = self.now();
        let statement = Statement::new(
            "INSERT INTO webhook_secret (id, webhook, sealed, created_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(secret.as_str())
        .bind(id.as_str())
        .bind(hex::encode(sealed.as_bytes()))
        .bind(created_at);
        self.view().connection().execute(statement).await?;
        let said = serde_json::json!({ "webhook": id, "created_at": created_at });
        let tenant = Some(webhook.tenant);
        self.note("webhook_secret.create", tenant, secret.as_str(), None, Some(&said));
        let (webhook, sealed) = (id.clone(), sealed.clone());
        Ok(WebhookSecret { id: secret, webhook, sealed, created_at, expires_at: None })
    }

    /// Keeps a secret under another seal. It is the same secret.
    pub async fn webhook_secret_reseal(
        &mut self,
        secret: &WebhookSecret,
        sealed: &SealedKey,
    ) -> Result<(), StoreError> {
        let webhook = self.webhook_lock(&secret.webhook).await?;
        let statement = Statement::new("UPDATE webhook_secret SET sealed = $2 WHERE id = $1");
        let statement = statement.bind(secret.id.as_str()).bind(hex::encode(sealed.as_bytes()));
        self.view().connection().execute(statement).await?;
        let tenant = Some(webhook.tenant);
        self.note("webhook_secret.reseal", tenant, secret.id.as_str(), None, None::<&()>);
        Ok(())
    }

    /// The webhook, which nobody else changes until this change ends.
    pub(super) async fn webhook_lock(&mut self, id: &WebhookId) -> Result<Webhook, StoreError> {
        let statement = Statement::new("UPDATE webhook SET revision = revision WHERE id = $1");
        self.view().connection().execute(statement.bind(id.as_str())).await?;
        self.view().webhook(id).await
    }
}
