//! The round: messages that are due are taken, sent, and what came of it is kept.
//!
//! Several control planes do it at once: the store gives each message to one of them, for half a minute.
//! Who dies meanwhile is followed by another.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep};

use super::metrics::WebhookMetrics;
use super::sending::{Answer, Sender};
use super::signing::signature;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::caller::Caller;
use crate::control_plane::link::MasterKey;
use crate::control_plane::record::{
    AttemptFault, WebhookAttempt, WebhookDelivery, WebhookId, chance,
};
use crate::control_plane::store::{Store, StoreError, Verdict};
use crate::telemetry::ErrorChain;

/// Between two looks for messages that are due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Between two counts of what waits.
const SHOW_EVERY: Duration = Duration::from_mins(1);

/// Messages that are sent at once, and those of them to one webhook: a receiver that does not answer
/// holds nobody else's up.
const AT_ONCE: usize = 32;
const AT_ONCE_EACH: usize = 4;

/// Seconds for which a message is somebody's: longer than an attempt takes, with what is kept of it.
const HELD: u64 = 30;

/// Seconds between an attempt and the next: as Standard Webhooks has it in its beginning, 39 hours and
/// 35 minutes in all.
const SCHEDULE: [u64; 8] =
    [5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 8 * 3_600, 10 * 3_600, 14 * 3_600];

/// The longest that a receiver has anybody wait, in seconds.
const LONGEST_WAIT: u64 = 24 * 3_600;

/// Seconds of nothing but failures after which a webhook is switched off, when a message is given up:
/// five days.
const FAILING_FOR: u64 = 5 * 24 * 3_600;

/// Delivers messages for ever.
pub async fn deliver(
    store: Store,
    clock: Clock,
    master_key: Option<MasterKey>,
    sender: Sender,
    metrics: WebhookMetrics,
) -> Infallible {
    let caller = Caller::system("webhooks");
    let desk = Arc::new(Desk { store, clock, master_key, sender, caller, metrics });
    let mut round = Round::default();
    let mut shown: Option<Instant> = None;
    loop {
        if shown.is_none_or(|at| at.elapsed() >= SHOW_EVERY) {
            shown = Some(Instant::now());
            if let Err(error) = desk.show().await {
                tracing::warn!(error = %ErrorChain(&error), "what waits for webhooks is not known");
            }
        }
        if let Err(error) = round.begin(&desk).await {
            tracing::warn!(error = %ErrorChain(&error), "messages to webhooks are sent later");
        }
        tokio::select! {
            Some(ended) = round.under_way.join_next_with_id() => {
                round.of.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            () = sleep(LOOK_EVERY) => {}
        }
    }
}

/// What is under way.
#[derive(Default)]
struct Round {
    under_way: JoinSet<()>,
    of: HashMap<Id, WebhookId>,
    /// The webhook whose messages were taken last: those behind it come first then.
    last: Option<WebhookId>,
}

/// What messages are delivered with.
struct Desk {
    store: Store,
    clock: Clock,
    master_key: Option<MasterKey>,
    sender: Sender,
    caller: Caller,
    metrics: WebhookMetrics,
}

impl Round {
    /// Takes what is due, as much as may be under way, and begins to send it.
    async fn begin(&mut self, desk: &Arc<Desk>) -> Result<(), StoreError> {
        if self.under_way.len() >= AT_ONCE {
            return Ok(());
        }
        let now = desk.clock.now();
        let mut due = desk.store.view(&desk.caller).await?.webhook_list_due(now).await?;
        due.retain(|id| self.free(id) > 0);
        let behind = due.partition_point(|id| self.last.as_ref().is_some_and(|last| id <= last));
        due.rotate_left(behind);
        for id in due {
            let most = self.free(&id);
            if most == 0 {
                break;
            }
            // One that cannot be read holds nobody else's up.
            self.last = Some(id.clone());
            let taken = match desk.take(&id, most).await {
                Ok(taken) => taken,
                Err(error) => {
                    let error = ErrorChain(&error);
                    tracing::warn!(webhook = %id, %error, "messages to a webhook are sent later");
                    continue;
                }
            };
            for taken in taken {
                let desk = Arc::clone(desk);
                let task = self.under_way.spawn(async move { desk.attempt(&taken).await });
                self.of.insert(task.id(), id.clone());
            }
        }
        Ok(())
    }

    /// Messages that may be begun to that webhook now.
    fn free(&self, id: &WebhookId) -> usize {
        let own = self.of.values().filter(|of| *of == id).count();
        let all = AT_ONCE.saturating_sub(self.under_way.len());
        AT_ONCE_EACH.saturating_sub(own).min(all)
    }
}

impl Desk {
    /// Shows operators how much waits.
    async fn show(&self) -> Result<(), StoreError> {
        let waiting = self.store.view(&self.caller).await?.webhook_count_waiting().await?;
        self.metrics.show(waiting, self.store.webhook_unkept());
        Ok(())
    }

    async fn take(&self, id: &WebhookId, most: usize) -> Result<Vec<WebhookDelivery>, StoreError> {
        let now = self.clock.now();
        let mut change = self.store.change_apart(&self.caller, now).await?;
        let taken = change.webhook_claim(id, most, now.plus(HELD)).await?;
        change.commit().await?;
        Ok(taken)
    }

    /// One attempt, and what becomes of the message.
    async fn attempt(&self, taken: &WebhookDelivery) {
        let (at, begun) = (self.clock.now(), Instant::now());
        let outcome = match self.send(taken, at).await {
            Ok(outcome) => outcome,
            Err(error) => return left(taken, &error),
        };
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let attempt = WebhookAttempt {
            number: taken.attempts,
            at,
            duration_ms,
            status: outcome.ok().map(|answer| answer.status),
            fault: outcome.err(),
        };
        let now = self.clock.now();
        let verdict = verdict(outcome, taken.tries, now, lot());
        self.metrics.count(verdict);
        let kept = async {
            let mut change = self.store.change_apart(&self.caller, now).await?;
            change.webhook_attempt_end(taken, &attempt, verdict).await?;
            change.commit().await
        };
        if let Err(error) = kept.await {
            left(taken, &error);
        }
    }

    async fn send(
        &self,
        taken: &WebhookDelivery,
        at: UnixSeconds,
    ) -> Result<Result<Answer, AttemptFault>, StoreError> {
        let mut view = self.store.view(&self.caller).await?;
        let webhook = view.webhook(&taken.webhook).await?;
        let secrets = view.webhook_secret_list(&taken.webhook, at).await?;
        drop(view);
        let Some(master_key) = &self.master_key else { return Ok(Err(AttemptFault::SecretClosed)) };
        let opened = secrets.iter().map(|it| master_key.open(it.id.as_str(), &it.sealed));
        let Ok(keys) = opened.collect::<Result<Vec<_>, _>>() else {
            return Ok(Err(AttemptFault::SecretClosed));
        };
        if keys.is_empty() {
            return Ok(Err(AttemptFault::SecretClosed));
        }
        let WebhookDelivery { message, body, .. } = taken;
        let signature = signature(&keys, message, at, body);
        let mut fields = HeaderMap::new();
        for (name, text) in [
            ("webhook-id", message.as_str()),
            ("webhook-timestamp", &at.to_string()),
            ("webhook-signature", &signature),
        ] {
            // Each is of letters, digits and Base64.
            if let Ok(text) = HeaderValue::from_str(text) {
                fields.insert(name, text);
            }
        }
        Ok(self.sender.send(&webhook.draft.url, &fields, body, at).await)
    }
}

fn left(taken: &WebhookDelivery, error: &StoreError) {
    let WebhookDelivery { webhook, message, .. } = taken;
    let error = ErrorChain(error);
    tracing::warn!(%webhook, %message, %error, "a message to a webhook is sent again");
}

/// What becomes of a message after so many attempts. `lot` is from 0 to 1000: receivers that were down
/// together are not asked together again.
fn verdict(
    outcome: Result<Answer, AttemptFault>,
    tries: u64,
    now: UnixSeconds,
    lot: u64,
) -> Verdict {
    let asked = match outcome {
        Ok(Answer { status: 200..=299, .. }) => return Verdict::Delivered,
        Ok(Answer { status: 410, .. }) => return Verdict::Gone,
        Ok(Answer { retry_after, .. }) => retry_after.unwrap_or(0),
        Err(_) => 0,
    };
    let place = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(wait) = SCHEDULE.get(place) else {
        let since = now.get().saturating_sub(FAILING_FOR);
        return Verdict::Dead { stops_if_since: UnixSeconds::new(since) };
    };
    // A tenth more or less.
    let wait = wait * (900 + lot.min(1_000) / 5) / 1_000;
    Verdict::Again(now.plus(wait.max(asked.min(LONGEST_WAIT)).max(1)))
}

/// Without random numbers, none.
fn lot() -> u64 {
    chance::<2>().map_or(500, |bytes| u64::from(u16::from_be_bytes(bytes)) % 1_001)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

    fn after(status: u16, retry_after: Option<u64>, tries: u64) -> Verdict {
        verdict(Ok(Answer { status, retry_after }), tries, NOW, 500)
    }

    #[test]
    fn a_message_is_tried_for_forty_hours_and_given_up() {
        let total: u64 = SCHEDULE.iter().sum();
        assert_eq!(total, 39 * 3_600 + 35 * 60 + 5);
        for status in [100, 199, 300, 301, 307, 400, 404, 429, 500, 503] {
            for (tries, wait) in (1..).zip(SCHEDULE) {
                let Verdict::Again(at) = after(status, None, tries) else {
                    panic!("{status} {tries}");
                };
                assert_eq!(at.since(NOW), wait.max(1), "{status} {tries}");
            }
            let last = after(status, None, 9);
            let stops_if_since = UnixSeconds::new(NOW.get() - FAILING_FOR);
            assert_eq!(last, Verdict::Dead { stops_if_since }, "{status}");
        }
        assert_eq!(after(204, None, 9), Verdict::Delivered);
        assert_eq!(after(410, None, 1), Verdict::Gone);
        for lot in [0, 500, 1_000, u64::MAX] {
            let later = verdict(Err(AttemptFault::TimedOut), 2, NOW, lot);
            let Verdict::Again(at) = later else { panic!("{later:?}") };
            assert!((270..=330).contains(&at.since(NOW)), "{lot}");
        }
    }

    #[test]
    fn a_receiver_has_others_wait_for_a_day_at_most() {
        for (asked, wait) in [(60, 60), (3, 5), (u64::MAX, LONGEST_WAIT)] {
            let later = after(503, Some(asked), 1);
            assert_eq!(later, Verdict::Again(NOW.plus(wait)), "{asked}");
        }
    }
}
