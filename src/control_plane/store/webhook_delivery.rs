//! Messages to webhooks: kept in the change that they tell of, taken by whoever delivers them, and what
//! came of each attempt.
//!
//! Whoever takes a message has it until a time: if they never come to an end, somebody else takes it
//! then. So a message may arrive twice, and none is lost.

use serde_json::{Map, Value as Json};

use super::change::Change;
use super::download_event::Forgotten;
use super::error::{StoreError, StoreErrorKind};
use super::page::{Listed, Page};
use super::statement::{Row, Statement, Value};
use super::view::View;
use super::webhook_room::Place;
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    AttemptFault, DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEvent, WebhookId,
    WebhookMessageId, WebhookPayload, WebhookState,
};

/// Messages that wait for one webhook. Those beyond are not kept.
pub(super) const MOST_WAITING: u64 = 10_000;

/// Webhooks that are looked at in one go.
const LOOKED_AT: u64 = 1_000;

/// Messages that are forgotten at a time.
const FORGOTTEN_AT_ONCE: u64 = 1_000;

/// What is to become of a message after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is tried again, then.
    Again(UnixSeconds),
    /// It is given up. A webhook at which nothing arrived since before that time is switched off.
    Dead {
        /// That time.
        stops_if_since: UnixSeconds,
    },
    /// It arrived.
    Delivered,
    /// Nobody wants any more of them.
    Gone,
}

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            " webhook, message, event, body, state, tries, attempts, due_at, created_at ",
            $after
        )
    };
}

fn read(row: &Row) -> Result<WebhookDelivery, StoreError> {
    Ok(WebhookDelivery {
        webhook: row.text("webhook")?,
        message: row.text("message")?,
        event: row.text("event")?,
        body: row.text("body")?,
        state: row.text("state")?,
        tries: row.number("tries")?,
        attempts: row.number("attempts")?,
        due_at: row.number_opt("due_at")?,
        created_at: row.number("created_at")?,
    })
}

fn read_attempt(row: &Row) -> Result<WebhookAttempt, StoreError> {
    Ok(WebhookAttempt {
        number: row.number("number")?,
        at: row.number("at")?,
        duration_ms: row.number("duration_ms")?,
        status: row.number_opt("status")?,
        fault: row.text_opt("fault")?,
    })
}

impl View {
    /// Messages to a webhook, the newest first; of one state, or of every one.
    pub async fn webhook_delivery_list(
        &mut self,
        id: &WebhookId,
        state: Option<DeliveryState>,
        page: &Page<WebhookMessageId>,
    ) -> Result<Listed<WebhookDelivery, WebhookMessageId>, StoreError> {
        self.webhook(id).await?;
        let statement = Statement::new(columns!(
            "SELECT",
            "FROM webhook_delivery WHERE webhook = $1 AND ($2 IS NULL OR state = $2) \
             AND ($3 IS NULL OR message < $3) ORDER BY message DESC LIMIT $4"
        ))
        .bind(id.as_str())
        .bind(state.map(DeliveryState::wire_name))
        .bind(page.after.as_ref().map(WebhookMessageId::as_str))
        .bind(page.probe());
        let rows = self.connection().rows(statement).await?;
        let deliveries = rows.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Listed::cut(deliveries, page, |it: &WebhookDelivery| it.message.clone()))
    }

    /// A message to a webhook.
    pub async fn webhook_delivery(
        &mut self,
        id: &WebhookId,
        message: &WebhookMessageId,
    ) -> Result<WebhookDelivery, StoreError> {
        self.webhook(id).await?;
        let statement = Statement::new(columns!(
            "SELECT",
            "FROM webhook_delivery WHERE webhook = $1 AND message = $2"
        ));
        read(&self.found(statement.bind(id.as_str()).bind(message.as_str())).await?)
    }

    /// What came of the attempts to deliver a message, the last first: a hundred of them at most.
    pub async fn webhook_attempt_list(
        &mut self,
        id: &WebhookId,
        message: &WebhookMessageId,
    ) -> Result<Vec<WebhookAttempt>, StoreError> {
        self.webhook(id).await?;
        let statement = Statement::new(
            "SELECT number, at, duration_ms, status, fault FROM webhook_attempt \
             WHERE webhook = $1 AND message = $2 ORDER BY number DESC LIMIT 100",
        );
        let statement = statement.bind(id.as_str()).bind(message.as_str());
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(read_attempt).collect()
    }

    /// Webhooks for which a message waits that may be tried at that time, by id.
    pub async fn webhook_list_due(
        &mut self,
        now: UnixSeconds,
    ) -> Result<Vec<WebhookId>, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT id FROM webhook WHERE state = $1 AND EXISTS (SELECT 1 FROM webhook_delivery \
             WHERE webhook_delivery.webhook = webhook.id AND webhook_delivery.due_at <= $2) \
             ORDER BY id LIMIT $3",
        );
        let enabled = WebhookState::Enabled.wire_name();
        let statement = statement.bind(enabled).bind(now).bind(LOOKED_AT);
        let rows = self.connection().rows(statement).await?;
        rows.iter().map(|row| row.text("id")).collect()
    }

    /// How many messages wait for webhooks, of all tenants.
    pub async fn webhook_count_waiting(&mut self) -> Result<u64, StoreError> {
        self.reach(None)?;
        let statement = Statement::new(
            "SELECT COUNT(*) AS waiting FROM webhook_delivery WHERE due_at IS NOT NULL",
        );
        self.found(statement).await?.number("waiting")
    }

    /// How many more messages may wait for a webhook.
    async fn webhook_room(&mut self, id: &WebhookId) -> Result<u64, StoreError> {
        let statement = Statement::new(
            "SELECT COUNT(*) AS waiting FROM (SELECT 1 AS one FROM webhook_delivery \
             WHERE webhook = $1 AND due_at IS NOT NULL LIMIT $2) AS waits",
        );
        let row = self.found(statement.bind(id.as_str()).bind(MOST_WAITING)).await?;
        Ok(MOST_WAITING.saturating_sub(row.number("waiting")?))
    }
}

impl Change {
    /// Has every webhook of a tenant that wants it told of something, when this change is made.
    pub async fn webhook_tell(
        &mut self,
        tenant: TenantId,
        event: WebhookEvent,
        data: &Map<String, Json>,
    ) -> Result<(), StoreError> {
        let mut message = None;
        for webhook in self.view().webhook_list(tenant).await? {
            if !webhook.is_told(event) {
                continue;
            }
            let id = match message.clone() {
                Some(id) => id,
                None => WebhookMessageId::random(self.now())?,
            };
            self.webhook_post(&webhook.id, &id, event, data).await?;
            message = Some(id);
        }
        Ok(())
    }

    /// Has one webhook told of something, whatever it wants. None where too much waits for it.
    pub async fn webhook_tell_one(
        &mut self,
        id: &WebhookId,
        event: WebhookEvent,
        data: &Map<String, Json>,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        let tenant = self.webhook_lock(id).await?.tenant;
        let message = WebhookMessageId::random(self.now())?;
        if !self.webhook_post(id, &message, event, data).await? {
            return Ok(None);
        }
        let said = serde_json::json!({ "message": message, "event": event });
        self.note("webhook.tell", Some(tenant), id.as_str(), None, Some(&said));
        self.view().webhook_delivery(id, &message).await.map(Some)
    }

    /// Keeps a message. Gives whether there was room for it.
    async fn webhook_post(
        &mut self,
        id: &WebhookId,
        message: &WebhookMessageId,
        event: WebhookEvent,
        data: &Map<String, Json>,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let place = match self.rooms().take(id, now) {
            Place::Unknown => {
                let left = self.view().webhook_room(id).await?;
                self.rooms().counted(id, now, left)
            }
            known @ (Place::Taken | Place::None) => known,
        };
        if place != Place::Taken {
            return Ok(false);
        }
        let statement = Statement::new(
            "INSERT INTO webhook_delivery (webhook, message, event, body, state, tries, attempts, \
             due_at, created_at) VALUES ($1, $2, $3, $4, $5, 0, 0, $6, $7)",
        )
        .bind(id.as_str())
        .bind(message.as_str())
        .bind(event.wire_name())
        .bind(Value::json(&WebhookPayload::new(event, now, data))?)
        .bind(DeliveryState::Pending.wire_name())
        .bind(now)
        .bind(now);
        self.view().connection().execute(statement).await?;
        Ok(true)
    }

    /// Takes messages to a webhook that may be tried now, the longest due first. Nobody else takes them
    /// before that time.
    pub async fn webhook_claim(
        &mut self,
        id: &WebhookId,
        most: usize,
        until: UnixSeconds,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        self.view().reach(None)?;
        let now = self.now();
        // The outer condition is asked again of a row that somebody else took meanwhile.
        let statement = Statement::new(columns!(
            "UPDATE webhook_delivery SET due_at = $1, tries = tries + 1, attempts = attempts + 1 \
             WHERE webhook = $2 AND due_at <= $3 AND message IN \
             (SELECT message FROM webhook_delivery WHERE webhook = $2 AND due_at <= $3 \
             ORDER BY due_at, message LIMIT $4) RETURNING",
            ""
        ))
        .bind(until)
        .bind(id.as_str())
        .bind(now)
        .bind(most as u64);
        let rows = self.view().connection().rows(statement).await?;
        rows.iter().map(read).collect()
    }

    /// Keeps what came of an attempt, and what is to become of the message. What somebody else took
    /// since is theirs, but for what arrived.
    pub async fn webhook_attempt_end(
        &mut self,
        taken: &WebhookDelivery,
        attempt: &WebhookAttempt,
        verdict: Verdict,
    ) -> Result<(), StoreError> {
        let webhook = match self.webhook_lock(&taken.webhook).await {
            // Somebody removed it.
            Err(error) if error.kind() == StoreErrorKind::NotFound => return Ok(()),
            webhook => webhook?,
        };
        let (state, due_at) = match verdict {
            Verdict::Again(at) => (DeliveryState::Pending, Some(at)),
            Verdict::Dead { .. } | Verdict::Gone => (DeliveryState::Dead, None),
            Verdict::Delivered => (DeliveryState::Delivered, None),
        };
        let arrived = u64::from(verdict == Verdict::Delivered);
        let statement = Statement::new(
            "UPDATE webhook_delivery SET state = $1, due_at = $2 WHERE webhook = $3 \
             AND message = $4 AND ($5 = 1 OR (attempts = $6 AND due_at IS NOT NULL))",
        )
        .bind(state.wire_name())
        .bind(due_at)
        .bind(taken.webhook.as_str())
        .bind(taken.message.as_str())
        .bind(arrived)
        .bind(taken.attempts);
        self.view().connection().execute(statement).await?;
        self.webhook_attempt_keep(taken, attempt).await?;
        let failing_since = match verdict {
            Verdict::Delivered => None,
            Verdict::Again(_) | Verdict::Dead { .. } | Verdict::Gone => {
                webhook.failing_since.or(Some(attempt.at))
            }
        };
        if failing_since != webhook.failing_since {
            let statement = Statement::new("UPDATE webhook SET failing_since = $2 WHERE id = $1");
            let statement = statement.bind(webhook.id.as_str()).bind(failing_since);
            self.view().connection().execute(statement).await?;
        }
        let stops = match verdict {
            Verdict::Gone => Some(WebhookState::Gone),
            Verdict::Dead { stops_if_since } => failing_since
                .filter(|since| *since <= stops_if_since)
                .map(|_| WebhookState::Failing),
            Verdict::Again(_) | Verdict::Delivered => None,
        };
        match stops.filter(|_| webhook.draft.state == WebhookState::Enabled) {
            Some(state) => self.webhook_stop(&webhook, state).await,
            None => Ok(()),
        }
    }

    async fn webhook_attempt_keep(
        &mut self,
        taken: &WebhookDelivery,
        attempt: &WebhookAttempt,
    ) -> Result<(), StoreError> {
        // A message that is forgotten meanwhile has no attempts either.
        let statement = Statement::new(
            "INSERT INTO webhook_attempt (webhook, message, number, at, duration_ms, status, fault) \
             SELECT webhook, message, $3, $4, $5, $6, $7 FROM webhook_delivery \
             WHERE webhook = $1 AND message = $2",
        )
        .bind(taken.webhook.as_str())
        .bind(taken.message.as_str())
        .bind(attempt.number)
        .bind(attempt.at)
        .bind(attempt.duration_ms)
        .bind(attempt.status)
        .bind(attempt.fault.map(AttemptFault::wire_name));
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Has a message delivered again, whatever became of it. None where it waits for nothing, and too
    /// much else does.
    pub async fn webhook_redeliver(
        &mut self,
        id: &WebhookId,
        message: &WebhookMessageId,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        let tenant = self.webhook_lock(id).await?.tenant;
        let before = self.view().webhook_delivery(id, message).await?;
        if before.due_at.is_none() && self.view().webhook_room(id).await? == 0 {
            return Ok(None);
        }
        let statement = Statement::new(columns!(
            "UPDATE webhook_delivery SET state = $3, tries = 0, due_at = $4 \
             WHERE webhook = $1 AND message = $2 RETURNING",
            ""
        ))
        .bind(id.as_str())
        .bind(message.as_str())
        .bind(DeliveryState::Pending.wire_name())
        .bind(self.now());
        let again = read(&self.view().found(statement).await?)?;
        self.rooms().forget(id);
        let said = serde_json::json!({ "message": message });
        self.note("webhook.redeliver", Some(tenant), id.as_str(), None, Some(&said));
        Ok(Some(again))
    }

    /// Has messages delivered again that were given up, of that time and later: the oldest of them, as
    /// many as may wait. Gives how many.
    pub async fn webhook_redeliver_since(
        &mut self,
        id: &WebhookId,
        since: UnixSeconds,
    ) -> Result<u64, StoreError> {
        let tenant = self.webhook_lock(id).await?.tenant;
        let room = self.view().webhook_room(id).await?;
        let statement = Statement::new(
            "UPDATE webhook_delivery SET state = $2, tries = 0, due_at = $3 \
             WHERE webhook = $1 AND message IN (SELECT message FROM webhook_delivery \
             WHERE webhook = $1 AND state = $4 AND created_at >= $5 ORDER BY message LIMIT $6)",
        )
        .bind(id.as_str())
        .bind(DeliveryState::Pending.wire_name())
        .bind(self.now())
        .bind(DeliveryState::Dead.wire_name())
        .bind(since)
        .bind(room);
        let count = self.view().connection().execute(statement).await?;
        self.rooms().forget(id);
        let said = serde_json::json!({ "since": since, "messages": count });
        self.note("webhook.redeliver", Some(tenant), id.as_str(), None, Some(&said));
        Ok(count)
    }

    /// Gives up what waits for a webhook.
    pub(super) async fn webhook_give_up(&mut self, id: &WebhookId) -> Result<(), StoreError> {
        let statement = Statement::new(
            "UPDATE webhook_delivery SET state = $2, due_at = NULL \
             WHERE webhook = $1 AND due_at IS NOT NULL",
        );
        let statement = statement.bind(id.as_str()).bind(DeliveryState::Dead.wire_name());
        self.view().connection().execute(statement).await.map(drop)
    }

    /// Forgets messages of before that, some at a time, with their attempts.
    pub async fn webhook_forget(&mut self, before: UnixSeconds) -> Result<Forgotten, StoreError> {
        self.view().reach(None)?;
        let statement = Statement::new(
            "DELETE FROM webhook_delivery WHERE (webhook, message) IN \
             (SELECT webhook, message FROM webhook_delivery WHERE created_at < $1 \
             ORDER BY created_at LIMIT $2)",
        );
        let statement = statement.bind(before).bind(FORGOTTEN_AT_ONCE);
        let gone = self.view().connection().execute(statement).await?;
        Ok(if gone < FORGOTTEN_AT_ONCE { Forgotten::All } else { Forgotten::Some })
    }
}
