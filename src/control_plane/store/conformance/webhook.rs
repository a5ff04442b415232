//! Webhooks, and messages to them.

use serde_json::{Map, Value};
use tokio::task::JoinSet;

use super::super::webhook_delivery::MOST_WAITING;
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    AttemptFault, DeliveryState, MOST_WEBHOOKS, SealedKey, Webhook, WebhookAttempt,
    WebhookDelivery, WebhookDraft, WebhookEvent, WebhookId, WebhookMessageId, WebhookSecretId,
    WebhookState,
};
use crate::control_plane::store::{Expected, Forgotten, Page, StoreError, StoreErrorKind, Verdict};

on_both_databases! {
    a_webhook_is_kept_and_changed_by_whoever_saw_it
    a_secret_signs_beside_its_successor
    a_message_is_kept_with_what_it_tells_of_or_not_at_all
    two_who_take_at_once_take_each_message_once
    who_comes_to_no_end_is_followed_by_another
    a_webhook_that_fails_for_days_is_switched_off
    a_webhook_that_is_gone_is_switched_off
    what_was_given_up_is_delivered_again
    messages_of_long_ago_are_forgotten
    what_is_too_much_for_a_webhook_is_not_kept
    a_tenant_has_twenty_webhooks_whoever_makes_them
}

const ONE: TenantId = TenantId(1);

fn draft(events: Option<Vec<WebhookEvent>>) -> WebhookDraft {
    WebhookDraft {
        url: "https://hooks.example.com/secret/path".into(),
        events,
        description: "for the archive".into(),
        state: WebhookState::Enabled,
    }
}

async fn made(stage: &Stage, tenant: TenantId, events: Option<Vec<WebhookEvent>>) -> Webhook {
    let mut change = stage.change().await;
    let id = WebhookId::random(NOW).unwrap();
    let webhook = change.webhook_create(tenant, id, draft(events)).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
    webhook
}

fn viewed() -> Map<String, Value> {
    Map::from_iter([("share".to_owned(), "shr_1".into())])
}

async fn told(stage: &Stage, count: usize) {
    for _ in 0..count {
        let mut change = stage.change().await;
        change.webhook_tell(ONE, WebhookEvent::ShareViewed, &viewed()).await.unwrap();
        change.commit().await.unwrap();
    }
}

async fn listed(stage: &Stage, id: &WebhookId) -> Vec<WebhookDelivery> {
    let page = Page::first(99);
    stage.view().await.webhook_delivery_list(id, None, &page).await.unwrap().items
}

async fn taken(
    stage: &Stage,
    id: &WebhookId,
    at: UnixSeconds,
    most: usize,
) -> Vec<WebhookDelivery> {
    let mut change = stage.store.change(&Stage::system(), at).await.unwrap();
    let taken = change.webhook_claim(id, most, at.plus(30)).await.unwrap();
    change.commit().await.unwrap();
    taken
}

async fn ended(stage: &Stage, of: &WebhookDelivery, at: UnixSeconds, verdict: Verdict) {
    let attempt = WebhookAttempt {
        number: of.attempts,
        at,
        duration_ms: 12,
        status: Some(500).filter(|_| verdict != Verdict::Delivered),
        fault: None,
    };
    let mut change = stage.store.change(&Stage::system(), at).await.unwrap();
    change.webhook_attempt_end(of, &attempt, verdict).await.unwrap();
    change.commit().await.unwrap();
}

fn days_before(at: UnixSeconds) -> Verdict {
    Verdict::Dead { stops_if_since: UnixSeconds::new(at.get() - 5 * 86_400) }
}

async fn a_webhook_is_kept_and_changed_by_whoever_saw_it(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let webhook = made(&stage, ONE, Some(vec![WebhookEvent::ShareViewed])).await;
    made(&stage, TenantId(2), None).await;
    let mut view = stage.view().await;
    assert_eq!(view.webhook_list(ONE).await.unwrap(), std::slice::from_ref(&webhook));
    drop(view);
    let foreign = Stage::of_tenant(2);
    let mut view = stage.store.view(&foreign).await.unwrap();
    let nobodys = view.webhook(&webhook.id).await.unwrap_err();
    assert_eq!(nobodys.kind(), StoreErrorKind::NotFound);
    drop(view);
    let mut change = stage.change().await;
    let next =
        WebhookDraft { state: WebhookState::Disabled, events: None, ..webhook.draft.clone() };
    let changed =
        change.webhook_replace(&webhook.id, Expected::Revision(1), next.clone()).await.unwrap();
    assert_eq!((&changed.draft, changed.revision), (&next, 2));
    let stale = change.webhook_replace(&webhook.id, Expected::Revision(1), next).await;
    assert_eq!(stale.unwrap_err().kind(), StoreErrorKind::Stale);
    let stale = change.webhook_remove(&webhook.id, Expected::Revision(1)).await;
    assert_eq!(stale.unwrap_err().kind(), StoreErrorKind::Stale);
    change.webhook_remove(&webhook.id, Expected::Revision(2)).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert!(view.webhook_list(ONE).await.unwrap().is_empty());
    // The rest of an address may be a secret of its receiver's.
    let log = view.audit_list(&Page::first(99)).await.unwrap();
    let log = format!("{:?}", log.items);
    assert!(log.contains("https://hooks.example.com") && !log.contains("secret/path"), "{log}");
}

async fn a_secret_signs_beside_its_successor(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    let mut ids = Vec::new();
    for (byte, at) in [(1, 0), (2, 100), (3, 200)] {
        let now = NOW.plus(at);
        let mut change = stage.store.change(&Stage::system(), now).await.unwrap();
        let id = WebhookSecretId::random(now).unwrap();
        let sealed = SealedKey::new(&[byte]);
        let until = now.plus(86_400);
        change.webhook_secret_create(&webhook.id, id.clone(), &sealed, until).await.unwrap();
        change.commit().await.unwrap();
        ids.push(id);
    }
    let of = async |at: u64| {
        let mut view = stage.view().await;
        let listed = view.webhook_secret_list(&webhook.id, NOW.plus(at)).await.unwrap();
        listed.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert_eq!(of(200).await, [ids[2].clone(), ids[1].clone()]);
    assert_eq!(of(200 + 86_400).await, [ids[2].clone()]);
    let mut change = stage.change().await;
    let all = change.view().webhook_secret_list_sealed().await.unwrap();
    assert_eq!(all.len(), 2);
    change.webhook_secret_reseal(&all[0], &SealedKey::new(&[9])).await.unwrap();
    change.commit().await.unwrap();
    let all = stage.view().await.webhook_secret_list_sealed().await.unwrap();
    assert_eq!(all[0].sealed.as_bytes(), [9]);
}

async fn a_message_is_kept_with_what_it_tells_of_or_not_at_all(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let all = made(&stage, ONE, None).await;
    let other = made(&stage, ONE, Some(vec![WebhookEvent::ShareCreated])).await;
    let foreign = made(&stage, TenantId(2), None).await;
    let off = made(&stage, ONE, None).await;
    let mut change = stage.change().await;
    let state = WebhookState::Disabled;
    let disabled = WebhookDraft { state, ..off.draft.clone() };
    change.webhook_replace(&off.id, Expected::Any, disabled).await.unwrap();
    change.commit().await.unwrap();

    let mut change = stage.change().await;
    change.webhook_tell(ONE, WebhookEvent::ShareViewed, &viewed()).await.unwrap();
    drop(change);
    assert!(listed(&stage, &all.id).await.is_empty());

    told(&stage, 1).await;
    for quiet in [&other, &foreign, &off] {
        assert!(listed(&stage, &quiet.id).await.is_empty());
    }
    let messages = listed(&stage, &all.id).await;
    let message = &messages[0];
    assert_eq!(
        &*message.body,
        r#"{"type":"share.viewed","timestamp":"2030-01-01T00:00:00Z","data":{"share":"shr_1"}}"#
    );
    assert_eq!((message.state, message.due_at), (DeliveryState::Pending, Some(NOW)));
    // One event is one message, to whomever.
    let mut change = stage.change().await;
    change.webhook_tell(ONE, WebhookEvent::ShareCreated, &viewed()).await.unwrap();
    change.commit().await.unwrap();
    let (one, two) = (listed(&stage, &all.id).await, listed(&stage, &other.id).await);
    assert!(one.iter().any(|it| it.message == two[0].message), "{one:?} {two:?}");
}

async fn two_who_take_at_once_take_each_message_once(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    told(&stage, 20).await;
    let mut takers = JoinSet::new();
    for _ in 0..4 {
        let (store, id) = (stage.again().await.unwrap(), webhook.id.clone());
        takers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let mut change = store.change(&Stage::system(), NOW).await.unwrap();
                let claimed = match change.webhook_claim(&id, 3, NOW.plus(30)).await {
                    // Both wanted the same rows in another order.
                    Err(error) if error.kind() == StoreErrorKind::Conflict => continue,
                    claimed => claimed.unwrap(),
                };
                change.commit().await.unwrap();
                if claimed.is_empty() {
                    let mut view = store.view(&Stage::system()).await.unwrap();
                    if view.webhook_list_due(NOW).await.unwrap().is_empty() {
                        return taken;
                    }
                }
                taken.extend(claimed.into_iter().map(|it| it.message));
            }
        });
    }
    let mut taken: Vec<_> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 20);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 20, "one was taken twice");
}

async fn who_comes_to_no_end_is_followed_by_another(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    told(&stage, 1).await;
    let first = taken(&stage, &webhook.id, NOW, 9).await.remove(0);
    assert_eq!((first.tries, first.attempts), (1, 1));
    assert!(taken(&stage, &webhook.id, NOW.plus(29), 9).await.is_empty());
    assert!(stage.view().await.webhook_list_due(NOW.plus(29)).await.unwrap().is_empty());
    let second = taken(&stage, &webhook.id, NOW.plus(30), 9).await.remove(0);
    assert_eq!((&second.message, &second.body), (&first.message, &first.body));
    assert_eq!(second.attempts, 2);
    // The first comes to an end after all: what it failed at is another's now.
    ended(&stage, &first, NOW.plus(31), days_before(NOW)).await;
    let now = listed(&stage, &webhook.id).await.remove(0);
    assert_eq!((now.state, now.due_at), (DeliveryState::Pending, Some(NOW.plus(60))));
    // And what it delivered is delivered.
    ended(&stage, &second, NOW.plus(32), Verdict::Delivered).await;
    let now = listed(&stage, &webhook.id).await.remove(0);
    assert_eq!((now.state, now.due_at), (DeliveryState::Delivered, None));
    let mut view = stage.view().await;
    let attempts = view.webhook_attempt_list(&webhook.id, &first.message).await.unwrap();
    let numbers: Vec<_> = attempts.iter().map(|it| (it.number, it.status)).collect();
    assert_eq!(numbers, [(2, None), (1, Some(500))]);
    assert_eq!(view.webhook(&webhook.id).await.unwrap().failing_since, None);
}

async fn a_webhook_that_fails_for_days_is_switched_off(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    told(&stage, 3).await;
    let state = async || stage.view().await.webhook(&webhook.id).await.unwrap();
    let first = taken(&stage, &webhook.id, NOW, 1).await.remove(0);
    ended(&stage, &first, NOW, days_before(NOW)).await;
    assert_eq!(
        (state().await.draft.state, state().await.failing_since),
        (WebhookState::Enabled, Some(NOW))
    );
    let later = NOW.plus(5 * 86_400);
    let second = taken(&stage, &webhook.id, later, 1).await.remove(0);
    ended(&stage, &second, later, Verdict::Again(later.plus(5))).await;
    assert_eq!(state().await.draft.state, WebhookState::Enabled, "it is not given up yet");
    let later = later.plus(5);
    let again = taken(&stage, &webhook.id, later, 9).await;
    let second = again.iter().find(|it| it.message == second.message).unwrap();
    ended(&stage, second, later, days_before(later)).await;
    let stopped = state().await;
    assert_eq!((stopped.draft.state, stopped.revision), (WebhookState::Failing, 2));
    let states: Vec<_> = listed(&stage, &webhook.id).await.iter().map(|it| it.state).collect();
    assert_eq!(states, [DeliveryState::Dead; 3], "what waited is given up");
    let mut view = stage.view().await;
    let log = view.audit_list(&Page::first(99)).await.unwrap();
    assert_eq!(&*log.items.last().unwrap().action, "webhook.stop");
    drop(view);
    // Whoever switches it on begins anew.
    let mut change = stage.change().await;
    let on = WebhookDraft { state: WebhookState::Enabled, ..stopped.draft };
    let on = change.webhook_replace(&webhook.id, Expected::Revision(2), on).await.unwrap();
    assert_eq!(on.failing_since, None);
}

async fn a_webhook_that_is_gone_is_switched_off(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    told(&stage, 2).await;
    let first = taken(&stage, &webhook.id, NOW, 1).await.remove(0);
    ended(&stage, &first, NOW, Verdict::Gone).await;
    let mut view = stage.view().await;
    assert_eq!(view.webhook(&webhook.id).await.unwrap().draft.state, WebhookState::Gone);
    assert!(view.webhook_list_due(NOW.plus(99)).await.unwrap().is_empty());
}

async fn what_was_given_up_is_delivered_again(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    told(&stage, 3).await;
    let all = taken(&stage, &webhook.id, NOW, 9).await;
    ended(&stage, &all[0], NOW, Verdict::Delivered).await;
    for dead in &all[1..] {
        ended(&stage, dead, NOW, days_before(NOW)).await;
    }
    let page = Page::first(9);
    let dead = async || {
        let mut view = stage.view().await;
        let state = Some(DeliveryState::Dead);
        view.webhook_delivery_list(&webhook.id, state, &page).await.unwrap().items.len()
    };
    assert_eq!(dead().await, 2);
    let mut change = stage.store.change(&Stage::system(), NOW.plus(9)).await.unwrap();
    assert_eq!(change.webhook_redeliver_since(&webhook.id, NOW.plus(1)).await.unwrap(), 0);
    assert_eq!(change.webhook_redeliver_since(&webhook.id, NOW).await.unwrap(), 2);
    let again = change.webhook_redeliver(&webhook.id, &all[0].message).await.unwrap().unwrap();
    assert_eq!((again.state, again.tries, again.attempts), (DeliveryState::Pending, 0, 1));
    change.commit().await.unwrap();
    assert_eq!(dead().await, 0);
    let again = taken(&stage, &webhook.id, NOW.plus(9), 9).await;
    assert!(again.iter().all(|it| (it.tries, it.attempts) == (1, 2)), "{again:?}");
    let bodies = |of: &[WebhookDelivery]| {
        let mut bodies: Vec<_> =
            of.iter().map(|it| (it.message.clone(), it.body.clone())).collect();
        bodies.sort();
        bodies
    };
    assert_eq!(bodies(&again), bodies(&all));
}

async fn messages_of_long_ago_are_forgotten(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    told(&stage, 2).await;
    let first = taken(&stage, &webhook.id, NOW, 1).await.remove(0);
    let mut change = stage.change().await;
    let attempt = WebhookAttempt {
        number: 1,
        at: NOW,
        duration_ms: 15_000,
        status: None,
        fault: Some(AttemptFault::TimedOut),
    };
    change.webhook_attempt_end(&first, &attempt, Verdict::Again(NOW.plus(5))).await.unwrap();
    assert_eq!(change.webhook_forget(NOW).await.unwrap(), Forgotten::All);
    change.commit().await.unwrap();
    assert_eq!(listed(&stage, &webhook.id).await.len(), 2);
    let mut view = stage.view().await;
    let attempts = view.webhook_attempt_list(&webhook.id, &first.message).await.unwrap();
    assert_eq!(attempts, std::slice::from_ref(&attempt));
    drop(view);
    let mut change = stage.change().await;
    change.webhook_forget(NOW.plus(1)).await.unwrap();
    // What comes to an end later finds nothing, and does no harm.
    change.webhook_attempt_end(&first, &attempt, Verdict::Delivered).await.unwrap();
    change.commit().await.unwrap();
    assert!(listed(&stage, &webhook.id).await.is_empty());
}

/// 9,998 messages that wait.
const ALL_BUT_TWO: &str = "INSERT INTO webhook_delivery \
    WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 9998) \
    SELECT (SELECT id FROM webhook), 'msg_00000000000000000000' || (100000 + n), 'share.viewed', \
    '{}', 'pending', 0, 0, 1, 1 FROM number;";

const FIVE_GIVEN_UP: &str = "UPDATE webhook_delivery SET state = 'dead', due_at = NULL \
    WHERE message <= 'msg_00000000000000000000100005';";

async fn what_is_too_much_for_a_webhook_is_not_kept(stage: Stage) {
    stage.tenant(1).await;
    let webhook = made(&stage, ONE, None).await;
    assert_eq!(MOST_WAITING, 10_000);
    stage.tamper(ALL_BUT_TWO).await;
    let count = async |state: DeliveryState| {
        let page = Page::first(100);
        let mut view = stage.view().await;
        let listed = view.webhook_delivery_list(&webhook.id, Some(state), &page).await.unwrap();
        listed.items.iter().filter(|it| it.body.contains("shr_1")).count()
    };
    // Nobody asks for more than there is room for, and what is told goes on all the same.
    told(&stage, 5).await;
    assert_eq!((count(DeliveryState::Pending).await, count(DeliveryState::Dead).await), (2, 0));
    let mut change = stage.change().await;
    let trial = change.webhook_tell_one(&webhook.id, WebhookEvent::WebhookTest, &viewed()).await;
    assert_eq!(trial.unwrap(), None);
    change.commit().await.unwrap();
    // Once there is room, the next is kept; what was given up comes back as far as there is room.
    stage.tamper(FIVE_GIVEN_UP).await;
    let later = NOW.plus(60);
    let mut change = stage.store.change(&Stage::system(), later).await.unwrap();
    for _ in 0..3 {
        change.webhook_tell(ONE, WebhookEvent::ShareViewed, &viewed()).await.unwrap();
    }
    assert_eq!(change.webhook_redeliver_since(&webhook.id, UnixSeconds::new(0)).await.unwrap(), 2);
    // Nor does one that was given up come back where there is none; what waits already may be had
    // again at once.
    let message = |number: u32| {
        WebhookMessageId::parse(&format!("msg_00000000000000000000{number}")).unwrap()
    };
    let dead = change.webhook_redeliver(&webhook.id, &message(100_005)).await.unwrap();
    assert_eq!(dead, None);
    let waits = change.webhook_redeliver(&webhook.id, &message(100_009)).await.unwrap();
    assert_eq!(waits.unwrap().state, DeliveryState::Pending);
    change.webhook_tell(ONE, WebhookEvent::ShareViewed, &viewed()).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(count(DeliveryState::Pending).await, 5);
}

async fn a_tenant_has_twenty_webhooks_whoever_makes_them(stage: Stage) {
    stage.tenant(1).await;
    for _ in 0..MOST_WEBHOOKS - 1 {
        made(&stage, ONE, None).await;
    }
    let mut makers = JoinSet::new();
    for _ in 0..4 {
        let store = stage.store.clone();
        makers.spawn(async move {
            let mut change = store.change(&Stage::system(), NOW).await.unwrap();
            let id = WebhookId::random(NOW).unwrap();
            change.webhook_create(ONE, id, draft(None)).await?;
            change.commit().await.map(drop)
        });
    }
    let all = makers.join_all().await;
    let refused = |it: &&Result<(), StoreError>| {
        it.as_ref().is_err_and(|error| error.kind() == StoreErrorKind::Conflict)
    };
    assert_eq!(all.iter().filter(|it| it.is_ok()).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(refused).count(), 3, "{all:?}");
    let listed = stage.view().await.webhook_list(ONE).await.unwrap();
    assert_eq!(listed.len(), MOST_WEBHOOKS);
}
