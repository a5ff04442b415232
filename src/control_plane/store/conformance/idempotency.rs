//! Idempotency keys: one request, one answer, for a day.

use super::stage::{NOW, Stage, on_both_databases};
use crate::clock::UnixSeconds;
use crate::control_plane::record::{IDEMPOTENCY_LIFETIME, IdempotencyClaim, KeptAnswer};
use crate::control_plane::store::StoreErrorKind;

on_both_databases! {
    a_request_is_answered_once_and_then_again_the_same
    a_key_is_one_requests_own
    what_died_is_taken_over_and_what_is_old_is_forgotten
    a_key_is_its_callers_own
}

async fn claim(stage: &Stage, now: UnixSeconds, request: &str) -> IdempotencyClaim {
    let mut change = stage.store.change(&Stage::system(), now).await.unwrap();
    let claim = change.idempotency_claim("key", request).await.unwrap();
    change.commit().await.unwrap();
    claim
}

async fn keep(stage: &Stage) -> KeptAnswer {
    let answer = KeptAnswer { status: 201, body: r#"{"id":1}"#.into() };
    let mut change = stage.change().await;
    change.idempotency_keep("key", &answer).await.unwrap();
    change.commit().await.unwrap();
    answer
}

async fn a_request_is_answered_once_and_then_again_the_same(stage: Stage) {
    assert_eq!(claim(&stage, NOW, "post a").await, IdempotencyClaim::Claimed);
    let in_flight = IdempotencyClaim::InFlight { since: NOW };
    assert_eq!(claim(&stage, NOW.plus(1), "post a").await, in_flight);
    let answer = keep(&stage).await;
    assert_eq!(claim(&stage, NOW.plus(2), "post a").await, IdempotencyClaim::Answered(answer));
    let mut change = stage.change().await;
    let twice = KeptAnswer { status: 500, body: "".into() };
    let error = change.idempotency_keep("key", &twice).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

async fn a_key_is_one_requests_own(stage: Stage) {
    assert_eq!(claim(&stage, NOW, "post a").await, IdempotencyClaim::Claimed);
    assert_eq!(claim(&stage, NOW, "post b").await, IdempotencyClaim::OtherRequest);
    assert_eq!(claim(&stage, NOW.plus(3600), "post b").await, IdempotencyClaim::OtherRequest);
    let mut change = stage.change().await;
    change.idempotency_release("key").await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(claim(&stage, NOW, "post b").await, IdempotencyClaim::Claimed);
}

async fn what_died_is_taken_over_and_what_is_old_is_forgotten(stage: Stage) {
    assert_eq!(claim(&stage, NOW, "post a").await, IdempotencyClaim::Claimed);
    assert_eq!(claim(&stage, NOW.plus(60), "post a").await, IdempotencyClaim::Claimed);
    keep(&stage).await;
    let last = NOW.plus(60 + IDEMPOTENCY_LIFETIME - 1);
    assert!(matches!(claim(&stage, last, "post a").await, IdempotencyClaim::Answered(_)));
    assert_eq!(claim(&stage, last.plus(1), "post b").await, IdempotencyClaim::Claimed);
    let later = last.plus(1 + IDEMPOTENCY_LIFETIME);
    let mut change = stage.store.change(&Stage::system(), later).await.unwrap();
    assert_eq!(change.idempotency_forget().await.unwrap(), 1);
    change.commit().await.unwrap();
}

async fn a_key_is_its_callers_own(stage: Stage) {
    assert_eq!(claim(&stage, NOW, "post a").await, IdempotencyClaim::Claimed);
    let mut change = stage.store.change(&Stage::of_tenant(1), NOW).await.unwrap();
    let other = change.idempotency_claim("key", "post b").await.unwrap();
    assert_eq!(other, IdempotencyClaim::Claimed);
}
