//! How webhooks are shown, and what is typed of one.

use super::form::Posted;
use super::shell::{Here, InTenant};
use super::spelling::Instant;
use crate::control_plane::record::{
    DeliveryState, Webhook, WebhookAttempt, WebhookDelivery, WebhookDraft, WebhookEvent,
    WebhookState,
};

/// A webhook in a list.
pub(super) struct Row {
    pub(super) webhook: Webhook,
    pub(super) path: String,
    pub(super) failing_since: Option<Instant>,
}

/// A message in a list.
pub(super) struct MessageRow {
    pub(super) delivery: WebhookDelivery,
    pub(super) path: String,
    pub(super) made: Instant,
    pub(super) next: Option<Instant>,
}

/// What came of an attempt.
pub(super) struct AttemptRow {
    pub(super) at: Instant,
    pub(super) answer: String,
    pub(super) took: u64,
}

/// What was typed into the form: kept, so that a refusal loses nothing of it.
pub(super) struct Typed {
    pub(super) url: String,
    pub(super) description: String,
    pub(super) everything: Here,
    pub(super) enabled: Here,
    events: Vec<WebhookEvent>,
}

/// An event that may be ticked.
pub(super) struct EventBox {
    pub(super) event: WebhookEvent,
    pub(super) ticked: Here,
}

impl Row {
    pub(super) fn of(at: &InTenant, webhook: Webhook) -> Self {
        Self {
            path: at.path(&format!("settings/webhooks/{}", webhook.id)),
            failing_since: webhook.failing_since.map(Instant),
            webhook,
        }
    }

    pub(super) fn works(&self) -> bool {
        self.webhook.draft.state == WebhookState::Enabled
    }

    /// Why it is off, where nobody switched it off.
    pub(super) fn why_off(&self) -> Option<&'static str> {
        match self.webhook.draft.state {
            WebhookState::Disabled | WebhookState::Enabled => None,
            WebhookState::Failing => Some("nothing arrived for five days"),
            WebhookState::Gone => Some("its receiver said that it is gone"),
        }
    }

    pub(super) fn told_of(&self) -> String {
        match &self.webhook.draft.events {
            None => "everything".to_owned(),
            Some(events) => {
                let names: Vec<_> = events.iter().map(|it| it.wire_name()).collect();
                names.join(", ")
            }
        }
    }
}

impl MessageRow {
    pub(super) fn of(row: &Row, delivery: WebhookDelivery) -> Self {
        Self {
            path: format!("{}/messages/{}", row.path, delivery.message),
            made: Instant(delivery.created_at),
            next: delivery.due_at.map(Instant),
            delivery,
        }
    }

    pub(super) fn state(&self) -> &'static str {
        state_name(self.delivery.state)
    }
}

pub(super) fn state_name(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Dead => "Given up",
        DeliveryState::Delivered => "Arrived",
        DeliveryState::Pending => "On its way",
    }
}

impl From<WebhookAttempt> for AttemptRow {
    fn from(attempt: WebhookAttempt) -> Self {
        let WebhookAttempt { number: _, at, duration_ms, status, fault } = attempt;
        let answer = match (status, fault) {
            (Some(status @ 300..=399), _) => {
                format!("status {status}: redirections are not followed")
            }
            (Some(status), _) => format!("status {status}"),
            (None, Some(fault)) => fault.meaning().to_owned(),
            (None, None) => String::new(),
        };
        Self { at: Instant(at), answer, took: duration_ms }
    }
}

impl Typed {
    /// What the form begins with.
    pub(super) fn usual() -> Self {
        Self {
            url: String::new(),
            description: String::new(),
            everything: Here::Yes,
            enabled: Here::Yes,
            events: Vec::new(),
        }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        Self {
            url: posted.text("url").to_owned(),
            description: posted.text("description").to_owned(),
            everything: Here::when(posted.text("which") != "some"),
            enabled: Here::when(!posted.text("enabled").is_empty()),
            events: posted.texts("event").filter_map(WebhookEvent::from_wire_name).collect(),
        }
    }

    pub(super) fn of_webhook(webhook: &Webhook) -> Self {
        let WebhookDraft { url, events, description, state } = &webhook.draft;
        Self {
            url: url.to_string(),
            description: description.to_string(),
            everything: Here::when(events.is_none()),
            enabled: Here::when(*state == WebhookState::Enabled),
            events: events.clone().unwrap_or_default(),
        }
    }

    pub(super) fn boxes(&self) -> Vec<EventBox> {
        let chosen = WebhookEvent::ALL.iter().filter(|it| **it != WebhookEvent::WebhookTest);
        let boxed = |event: &WebhookEvent| EventBox {
            event: *event,
            ticked: Here::when(self.events.contains(event)),
        };
        chosen.map(boxed).collect()
    }

    /// What is to be said, of one that is in that state.
    pub(super) fn draft(&self, state: WebhookState) -> WebhookDraft {
        let state = match (self.enabled, state) {
            (Here::Yes, _) => WebhookState::Enabled,
            (Here::No, WebhookState::Enabled) => WebhookState::Disabled,
            (Here::No, off) => off,
        };
        WebhookDraft {
            url: self.url.as_str().into(),
            events: (!self.everything.holds()).then(|| self.events.clone()),
            description: self.description.as_str().into(),
            state,
        }
    }
}
