//! Webhooks: where a tenant is told of what happens. For whoever has the scope `settings.admin`.

use serde_json::Map;

use super::desk::Services;
use super::error::{Invalid, ServiceError, prose};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    DeliveryState, MOST_WEBHOOKS, Scope, Webhook, WebhookAttempt, WebhookDelivery, WebhookDraft,
    WebhookEvent, WebhookId, WebhookMessageId, WebhookSecret, WebhookSecretId, WebhookState,
};
use crate::control_plane::store::{Change, Expected, Listed, Page};
use crate::control_plane::webhooks::SigningSecret;

/// Seconds for which a secret signs beside its successor: a day.
pub const SECRETS_OVERLAP: u64 = 24 * 3_600;

/// Bytes of what is said of a webhook.
const DESCRIPTION: usize = 512;

/// A webhook that was just made, and what it signs with: seen this once.
#[derive(Debug)]
pub struct NewWebhook {
    /// It.
    pub webhook: Webhook,
    /// Its secret.
    pub secret: SigningSecret,
}

/// A secret that was just made: seen this once.
#[derive(Debug)]
pub struct NewWebhookSecret {
    /// It.
    pub secret: SigningSecret,
    /// Until when the one before it signs beside it.
    pub previous_until: UnixSeconds,
}

/// A message, and what came of its attempts, the last first.
#[derive(Clone, Debug)]
pub struct WebhookMessage {
    /// The message.
    pub delivery: WebhookDelivery,
    /// The attempts.
    pub attempts: Vec<WebhookAttempt>,
}

/// There is no room for another message.
fn full() -> Invalid {
    Invalid::new("", "as many messages wait for the webhook as may: try again later")
}

impl Services {
    /// A tenant's webhooks, the oldest first.
    pub async fn webhook_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<Vec<Webhook>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        Ok(view.webhook_list(tenant).await?)
    }

    /// A webhook.
    pub async fn webhook(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
    ) -> Result<Webhook, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        Ok(view.webhook(id).await?)
    }

    /// What is known of the secrets that sign a webhook's messages now, the newest first.
    pub async fn webhook_secret_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
    ) -> Result<Vec<WebhookSecret>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        Ok(view.webhook_secret_list(id, self.now()).await?)
    }

    /// Makes a webhook, with a secret of its own.
    pub async fn webhook_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        draft: WebhookDraft,
    ) -> Result<NewWebhook, ServiceError> {
        let mut change = self.webhook_change(caller, tenant).await?;
        let draft = self.webhook_accept(draft)?;
        if change.view().webhook_list(tenant).await?.len() >= MOST_WEBHOOKS {
            let detail = format!("a tenant has at most {MOST_WEBHOOKS} webhooks");
            return Err(Invalid::new("", detail).into());
        }
        let id = WebhookId::random(change.now())?;
        let webhook = change.webhook_create(tenant, id, draft).await?;
        let (secret, _) = self.webhook_secret_made(&mut change, &webhook.id).await?;
        change.commit().await?;
        Ok(NewWebhook { webhook, secret })
    }

    /// Says something else about a webhook.
    pub async fn webhook_replace(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
        expected: Expected,
        draft: WebhookDraft,
    ) -> Result<Webhook, ServiceError> {
        let mut change = self.webhook_change(caller, tenant).await?;
        let draft = self.webhook_accept(draft)?;
        let webhook = change.webhook_replace(id, expected, draft).await?;
        change.commit().await?;
        Ok(webhook)
    }

    /// Removes a webhook, with what waits for it.
    pub async fn webhook_remove(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
        expected: Expected,
    ) -> Result<(), ServiceError> {
        let mut change = self.webhook_change(caller, tenant).await?;
        change.webhook_remove(id, expected).await?;
        change.commit().await?;
        Ok(())
    }

    /// Gives a webhook another secret. The one before it signs beside it for a day.
    pub async fn webhook_secret_create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
    ) -> Result<NewWebhookSecret, ServiceError> {
        let mut change = self.webhook_change(caller, tenant).await?;
        change.view().webhook(id).await?;
        let (secret, previous_until) = self.webhook_secret_made(&mut change, id).await?;
        change.commit().await?;
        Ok(NewWebhookSecret { secret, previous_until })
    }

    /// Has a webhook told that it is tried.
    pub async fn webhook_test(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
    ) -> Result<WebhookDelivery, ServiceError> {
        let mut change = self.webhook_told(caller, tenant, id).await?;
        let data = Map::from_iter([
            ("tenant".to_owned(), tenant.0.into()),
            ("webhook".to_owned(), id.as_str().into()),
        ]);
        let delivery = change.webhook_tell_one(id, WebhookEvent::WebhookTest, &data).await?;
        let delivery = delivery.ok_or_else(full)?;
        change.commit().await?;
        Ok(delivery)
    }

    /// Messages to a webhook, the newest first; of one state, or of every one.
    pub async fn webhook_delivery_list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
        state: Option<DeliveryState>,
        page: &Page<WebhookMessageId>,
    ) -> Result<Listed<WebhookDelivery, WebhookMessageId>, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        Ok(view.webhook_delivery_list(id, state, page).await?)
    }

    /// A message to a webhook.
    pub async fn webhook_message(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
        message: &WebhookMessageId,
    ) -> Result<WebhookMessage, ServiceError> {
        let mut view = self.tenant_view(caller, Scope::SettingsAdmin, tenant).await?;
        let delivery = view.webhook_delivery(id, message).await?;
        let attempts = view.webhook_attempt_list(id, message).await?;
        Ok(WebhookMessage { delivery, attempts })
    }

    /// Has a message delivered again, whatever became of it.
    pub async fn webhook_redeliver(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
        message: &WebhookMessageId,
    ) -> Result<WebhookDelivery, ServiceError> {
        let mut change = self.webhook_told(caller, tenant, id).await?;
        let delivery = change.webhook_redeliver(id, message).await?.ok_or_else(full)?;
        change.commit().await?;
        Ok(delivery)
    }

    /// Has messages delivered again that were given up, of that time and later: the oldest of them, as
    /// many as may wait. Gives how many.
    pub async fn webhook_redeliver_since(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
        since: UnixSeconds,
    ) -> Result<u64, ServiceError> {
        let mut change = self.webhook_told(caller, tenant, id).await?;
        let count = change.webhook_redeliver_since(id, since).await?;
        change.commit().await?;
        Ok(count)
    }

    async fn webhook_change(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<Change, ServiceError> {
        self.tenant_change(caller, Scope::SettingsAdmin, tenant).await
    }

    /// A change of what a webhook is told, which one that is switched off is not.
    async fn webhook_told(
        &self,
        caller: &Caller,
        tenant: TenantId,
        id: &WebhookId,
    ) -> Result<Change, ServiceError> {
        let mut change = self.webhook_change(caller, tenant).await?;
        if change.view().webhook(id).await?.draft.state != WebhookState::Enabled {
            return Err(Invalid::new("", "the webhook is switched off: switch it on first").into());
        }
        Ok(change)
    }

    /// A new secret of a webhook, and until when the one before it signs too.
    async fn webhook_secret_made(
        &self,
        change: &mut Change,
        id: &WebhookId,
    ) -> Result<(SigningSecret, UnixSeconds), ServiceError> {
        let master_key = self.master_key().ok_or(ServiceError::NoMasterKey)?;
        let secret = SigningSecret::random()?;
        let own = WebhookSecretId::random(change.now())?;
        let sealed = master_key.seal(own.as_str(), secret.material())?;
        let until = change.now().plus(SECRETS_OVERLAP);
        change.webhook_secret_create(id, own, &sealed, until).await?;
        Ok((secret, until))
    }

    fn webhook_accept(&self, draft: WebhookDraft) -> Result<WebhookDraft, Invalid> {
        let WebhookDraft { url, events, description, state } = draft;
        let url = self.webhook_reach().accept(&url);
        let url = url.map_err(|rejection| Invalid::new("/url", rejection.to_string()))?;
        prose("/description", &description, DESCRIPTION)?;
        let events = match events {
            Some(events) if events.is_empty() => {
                return Err(Invalid::new("/events", "must name something, or be null"));
            }
            Some(mut events) => {
                events.sort_unstable();
                events.dedup();
                Some(events)
            }
            None => None,
        };
        Ok(WebhookDraft { url, events, description, state })
    }
}
