//! Idempotency keys: one request, one answer, for a day; and one transaction with what it changed.

use std::future::pending;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{IDEMPOTENCY_LIFETIME, IdempotencyFound, KeptAnswer};
use crate::control_plane::store::{Once, Store, StoreErrorKind};

on_both_databases! {
    a_request_is_answered_once_and_then_again_the_same
    a_key_is_one_requests_own
    what_was_refused_leaves_nothing
    what_was_given_up_leaves_nothing
    of_two_at_once_one_is_done
    what_one_request_changes_is_one_transaction
    what_is_apart_stays_apart
    an_answer_is_kept_of_what_changes_nothing
    what_is_old_is_forgotten
    a_key_is_its_callers_own
}

fn created() -> KeptAnswer {
    KeptAnswer { status: 201, body: r#"{"id":1}"#.into() }
}

/// Makes a tenant, as a request with the key does.
async fn make(store: &Store, caller: &Caller, now: UnixSeconds, number: u64) -> Once<bool> {
    let work = async {
        let Ok(mut change) = store.change(caller, now).await else { return (None, false) };
        change.tenant_create(TenantId(number), &format!("tenant-{number}")).await.unwrap();
        change.commit().await.unwrap();
        (Some(created()), true)
    };
    store.once(caller, now, "key", &format!("post {number}"), work).await.unwrap()
}

async fn found(stage: &Stage, now: UnixSeconds, request: &str) -> IdempotencyFound {
    stage.view().await.idempotency_find(now, "key", request).await.unwrap()
}

async fn has(stage: &Stage, number: u64) -> bool {
    stage.view().await.tenant(TenantId(number)).await.is_ok()
}

async fn a_request_is_answered_once_and_then_again_the_same(stage: Stage) {
    let system = Stage::system();
    let woken = stage.store.subscribe();
    assert_eq!(found(&stage, NOW, "post 1").await, IdempotencyFound::Nothing);
    assert!(matches!(make(&stage.store, &system, NOW, 1).await, Once::Done(true)));
    let head = stage.view().await.feed_head().await.unwrap();
    assert_eq!(woken.has_changed().unwrap(), head.version.0 > 0);
    assert_eq!(found(&stage, NOW, "post 1").await, IdempotencyFound::Answered(created()));
    assert!(matches!(make(&stage.store, &system, NOW.plus(1), 1).await, Once::Forestalled));
    assert_eq!(found(&stage, NOW, "post 1").await, IdempotencyFound::Answered(created()));
}

async fn a_key_is_one_requests_own(stage: Stage) {
    make(&stage.store, &Stage::system(), NOW, 1).await;
    assert_eq!(found(&stage, NOW, "post 2").await, IdempotencyFound::OtherRequest);
    assert!(matches!(make(&stage.store, &Stage::system(), NOW, 2).await, Once::Forestalled));
    assert!(!has(&stage, 2).await);
}

async fn what_was_refused_leaves_nothing(stage: Stage) {
    let work = async {
        let mut change = stage.change().await;
        change.tenant_create(TenantId(1), "one").await.unwrap();
        change.commit().await.unwrap();
        (None, ())
    };
    stage.store.once(&Stage::system(), NOW, "key", "post 1", work).await.unwrap();
    assert!(!has(&stage, 1).await);
    assert_eq!(found(&stage, NOW, "post 1").await, IdempotencyFound::Nothing);
    assert!(matches!(make(&stage.store, &Stage::system(), NOW, 1).await, Once::Done(true)));
    assert!(has(&stage, 1).await);
}

/// As by a crash after the commit and before the answer.
async fn what_was_given_up_leaves_nothing(stage: Stage) {
    let committed = tokio::sync::Notify::new();
    let system = Stage::system();
    let work = async {
        let mut change = stage.change().await;
        change.tenant_create(TenantId(1), "one").await.unwrap();
        change.commit().await.unwrap();
        committed.notify_one();
        pending::<(Option<KeptAnswer>, ())>().await
    };
    tokio::select! {
        _ = stage.store.once(&system, NOW, "key", "post 1", work) => panic!(),
        () = committed.notified() => {}
    }
    assert!(!has(&stage, 1).await);
    assert!(matches!(make(&stage.store, &system, NOW, 1).await, Once::Done(true)));
}

async fn of_two_at_once_one_is_done(stage: Stage) {
    let system = Stage::system();
    let (one, other) =
        tokio::join!(make(&stage.store, &system, NOW, 1), make(&stage.store, &system, NOW, 1));
    let is_done = |once: &Once<bool>| matches!(once, Once::Done(true));
    assert!(is_done(&one) != is_done(&other), "{one:?} {other:?}");
    assert_eq!(found(&stage, NOW, "post 1").await, IdempotencyFound::Answered(created()));
}

async fn what_one_request_changes_is_one_transaction(stage: Stage) {
    let system = Stage::system();
    let two = |second_is_committed: bool| {
        let store = &stage.store;
        let system = &system;
        async move {
            let mut change = store.change(system, NOW).await.unwrap();
            change.tenant_create(TenantId(1), "one").await.unwrap();
            change.commit().await.unwrap();
            let mut change = store.change(system, NOW).await.unwrap();
            assert!(change.view().tenant(TenantId(1)).await.is_ok());
            change.tenant_create(TenantId(2), "two").await.unwrap();
            if second_is_committed {
                change.commit().await.unwrap();
            }
            (Some(created()), ())
        }
    };
    let refused = stage.store.once(&system, NOW, "key", "post", two(false)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(!has(&stage, 1).await);
    stage.store.once(&system, NOW, "key", "post", two(true)).await.unwrap();
    assert!(has(&stage, 1).await && has(&stage, 2).await);
}

async fn what_is_apart_stays_apart(stage: Stage) {
    let system = Stage::system();
    let work = async {
        let mut change = stage.store.change_apart(&system, NOW).await.unwrap();
        change.tenant_create(TenantId(1), "one").await.unwrap();
        change.commit().await.unwrap();
        (None, ())
    };
    stage.store.once(&system, NOW, "key", "post", work).await.unwrap();
    assert!(has(&stage, 1).await);
}

async fn an_answer_is_kept_of_what_changes_nothing(stage: Stage) {
    let nothing = async || {
        let work = async { (Some(created()), ()) };
        stage.store.once(&Stage::system(), NOW, "key", "post", work).await.unwrap()
    };
    assert!(matches!(nothing().await, Once::Done(())));
    assert_eq!(found(&stage, NOW, "post").await, IdempotencyFound::Answered(created()));
    assert!(matches!(nothing().await, Once::Forestalled));
}

async fn what_is_old_is_forgotten(stage: Stage) {
    make(&stage.store, &Stage::system(), NOW, 1).await;
    let last = NOW.plus(IDEMPOTENCY_LIFETIME - 1);
    assert_eq!(found(&stage, last, "post 1").await, IdempotencyFound::Answered(created()));
    let later = last.plus(1);
    assert_eq!(found(&stage, later, "post 2").await, IdempotencyFound::Nothing);
    assert!(matches!(make(&stage.store, &Stage::system(), later, 2).await, Once::Done(true)));
    let later = later.plus(IDEMPOTENCY_LIFETIME);
    let mut change = stage.store.change(&Stage::system(), later).await.unwrap();
    assert_eq!(change.idempotency_forget().await.unwrap(), 1);
    change.commit().await.unwrap();
}

async fn a_key_is_its_callers_own(stage: Stage) {
    stage.tenant(7).await;
    make(&stage.store, &Stage::system(), NOW, 1).await;
    let other = Stage::of_tenant(7);
    let work = async { (Some(created()), ()) };
    let done = stage.store.once(&other, NOW, "key", "post 2", work).await.unwrap();
    assert!(matches!(done, Once::Done(())));
}
