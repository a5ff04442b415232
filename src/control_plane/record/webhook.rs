//! Webhooks: where a tenant is told of what happens, as Standard Webhooks has it
//! (standardwebhooks.com).
//!
//! A message is kept in the change that it tells of, and delivered afterwards: at least once, in no
//! promised order. What it says are ids, which open nothing: no address of a share, no token, no
//! password.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{SealedKey, ShareEventKind, WebhookId, WebhookMessageId, WebhookSecretId};
use crate::asset::{TenantId, wire_names};
use crate::clock::UnixSeconds;

/// Webhooks of a tenant.
pub const MOST_WEBHOOKS: usize = 20;

wire_names! {
    /// What is told.
    WebhookEvent {
        /// Anti-fraud refused requests.
        FraudBlocked = "fraud.blocked",
        /// A signed link was revoked, or all of some kind were.
        LinkRevoked = "link.revoked",
        /// What is public without a link is other than before.
        OverrideChanged = "override.changed",
        /// A share was made.
        ShareCreated = "share.created",
        /// A share was removed, by somebody or because it had ended long ago.
        ShareDeleted = "share.deleted",
        /// All of what is shared, of a download that was begun, left.
        ShareDownloadCompleted = "share.download.completed",
        /// A download of something that is shared was begun.
        ShareDownloadStarted = "share.download.started",
        /// A share ended.
        ShareExpired = "share.expired",
        /// A share ends in three days.
        ShareExpiring = "share.expiring",
        /// Something was taken out of a share.
        ShareItemRemoved = "share.item_removed",
        /// Somebody typed a wrong password.
        SharePasswordFailed = "share.password_failed",
        /// A recipient's address was closed.
        ShareRevoked = "share.revoked",
        /// A visitor accepted a share's terms.
        ShareTermsAccepted = "share.terms_accepted",
        /// Something else was said about a share.
        ShareUpdated = "share.updated",
        /// A visitor looked at a share.
        ShareViewed = "share.viewed",
        /// Nothing happened: somebody tries a webhook.
        WebhookTest = "webhook.test",
    }
}

impl WebhookEvent {
    /// What of a share's history is told.
    pub fn of_share(kind: ShareEventKind) -> Option<Self> {
        match kind {
            ShareEventKind::Changed => Some(Self::ShareUpdated),
            ShareEventKind::Created => Some(Self::ShareCreated),
            ShareEventKind::Downloaded => Some(Self::ShareDownloadStarted),
            // That a visitor came too late is not the end itself; letters are between two people.
            ShareEventKind::Expired | ShareEventKind::MailFailed | ShareEventKind::MailSent => None,
            ShareEventKind::Expiring => Some(Self::ShareExpiring),
            ShareEventKind::ItemRemoved => Some(Self::ShareItemRemoved),
            ShareEventKind::PasswordFailed => Some(Self::SharePasswordFailed),
            ShareEventKind::Revoked => Some(Self::ShareRevoked),
            ShareEventKind::TermsAccepted => Some(Self::ShareTermsAccepted),
            ShareEventKind::Viewed => Some(Self::ShareViewed),
        }
    }
}

wire_names! {
    /// Is a webhook told of anything?
    WebhookState {
        /// Somebody switched it off.
        Disabled = "disabled",
        /// It is.
        Enabled = "enabled",
        /// It was switched off because nothing arrived for days.
        Failing = "failing",
        /// It was switched off because its receiver said so (410 Gone).
        Gone = "gone",
    }
}

/// Where a tenant is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose.
    pub tenant: TenantId,
    /// What can be said about it.
    pub draft: WebhookDraft,
    /// Since when nothing but failures came back.
    pub failing_since: Option<UnixSeconds>,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Counts its changes, from 1.
    pub revision: u64,
}

/// What can be said about a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDraft {
    /// Where messages go. Receivers put secrets into it: it is in no log.
    pub url: Box<str>,
    /// What is told; none: everything.
    pub events: Option<Vec<WebhookEvent>>,
    /// What it is for, for people.
    pub description: Box<str>,
    /// Is it told?
    pub state: WebhookState,
}

impl Webhook {
    /// Is that told here now?
    pub fn is_told(&self, event: WebhookEvent) -> bool {
        self.draft.state == WebhookState::Enabled && self.draft.wants(event)
    }
}

impl WebhookDraft {
    /// Is that told here?
    pub fn wants(&self, event: WebhookEvent) -> bool {
        self.events.as_ref().is_none_or(|events| events.contains(&event))
    }
}

/// What messages to a webhook are signed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSecret {
    /// Its id, for which it is sealed.
    pub id: WebhookSecretId,
    /// Whose messages it signs.
    pub webhook: WebhookId,
    /// The key, sealed under the master key.
    pub sealed: SealedKey,
    /// Since when it exists.
    pub created_at: UnixSeconds,
    /// Until when it signs beside its successor; none: it has none.
    pub expires_at: Option<UnixSeconds>,
}

wire_names! {
    /// What became of a message to a webhook.
    DeliveryState {
        /// It was given up.
        Dead = "dead",
        /// It arrived.
        Delivered = "delivered",
        /// It is on its way.
        Pending = "pending",
    }
}

/// A message to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// To which.
    pub webhook: WebhookId,
    /// The message's id, the same in each attempt: receivers know a repetition by it.
    pub message: WebhookMessageId,
    /// What is told.
    pub event: WebhookEvent,
    /// The text that is sent and signed, byte for byte.
    pub body: Box<str>,
    /// What became of it.
    pub state: DeliveryState,
    /// Attempts since it was first to be delivered, or to be delivered again.
    pub tries: u64,
    /// Attempts that were begun.
    pub attempts: u64,
    /// When it is tried next, if it is on its way.
    pub due_at: Option<UnixSeconds>,
    /// Since when it waits.
    pub created_at: UnixSeconds,
}

wire_names! {
    /// Why there was no answer to a message.
    AttemptFault {
        /// There is no such name, or its address is of a network that is not spoken to: which of them
        /// is not told, for it would tell which names there are inside.
        AddressRefused = "address_refused",
        /// What came is no HTTP.
        AnswerInvalid = "answer_invalid",
        /// Nobody listens there.
        ConnectFailed = "connect_failed",
        /// No secret that signs it can be opened.
        SecretClosed = "secret_closed",
        /// It took too long.
        TimedOut = "timed_out",
        /// TLS failed: the certificate, most likely.
        TlsFailed = "tls_failed",
    }
}

impl AttemptFault {
    /// The same for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AddressRefused => {
                "the name leads nowhere, or to an address that is not spoken to: a private or a \
                 special network, or a port other than 443 and 8443"
            }
            Self::AnswerInvalid => "what came back is no HTTP answer, or the connection broke",
            Self::ConnectFailed => "nobody listens there",
            Self::SecretClosed => "the secret cannot be opened here: the master key is another",
            Self::TimedOut => "there was no answer within 15 seconds",
            Self::TlsFailed => {
                "TLS failed: the certificate has expired, is for another name, or is of nobody who is \
                 known"
            }
        }
    }
}

/// An attempt to deliver a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAttempt {
    /// Which, from 1.
    pub number: u64,
    /// When it was begun.
    pub at: UnixSeconds,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub fault: Option<AttemptFault>,
}

/// The text of a message (standardwebhooks.com, "Payload structure").
#[derive(Debug, Serialize)]
pub struct WebhookPayload<'p> {
    /// What is told.
    #[serde(rename = "type")]
    pub event: WebhookEvent,
    /// When it happened, as RFC 3339 has it.
    pub timestamp: String,
    /// What is said of it.
    pub data: &'p Map<String, Value>,
}

impl<'p> WebhookPayload<'p> {
    /// That, at that time.
    pub fn new(event: WebhookEvent, at: UnixSeconds, data: &'p Map<String, Value>) -> Self {
        let seconds = i64::try_from(at.get()).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        Self { event, timestamp: at.to_string(), data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_has_its_fields_in_the_order_of_the_specification() {
        let data = Map::from_iter([("share".to_owned(), "shr_1".into())]);
        let at = UnixSeconds::new(1_893_456_000);
        let payload = WebhookPayload::new(WebhookEvent::ShareViewed, at, &data);
        assert_eq!(
            serde_json::to_string(&payload).unwrap(),
            r#"{"type":"share.viewed","timestamp":"2030-01-01T00:00:00Z","data":{"share":"shr_1"}}"#
        );
    }

    #[test]
    fn a_webhook_is_told_what_it_wants() {
        let of = |events| WebhookDraft {
            url: "https://example.com".into(),
            events,
            description: "".into(),
            state: WebhookState::Enabled,
        };
        assert!(of(None).wants(WebhookEvent::ShareViewed));
        let one = of(Some(vec![WebhookEvent::ShareCreated]));
        assert!(one.wants(WebhookEvent::ShareCreated) && !one.wants(WebhookEvent::ShareViewed));
    }
}
