//! Backtraces: each is looked at by one program at a time, to its end, and taken up again where there is
//! none.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::control_plane::record::{
    Backtrace, BacktraceDraft, BacktraceProblem, BacktraceState, PipelineDraft,
};
use crate::control_plane::store::{
    BacktraceRange, Change, FileDirection, MOST_BACKTRACES_WAITING, StoreErrorKind,
};

on_both_databases! {
    one_at_a_time_has_a_backtrace_until_it_is_over
    so_many_of_a_tenant_wait
    lists_are_of_a_tenant_a_state_and_a_part_of_a_tag
    what_is_over_is_forgotten
}

async fn pipeline(stage: &Stage, tenant: u64) -> u64 {
    stage.tenant(tenant).await;
    let draft = PipelineDraft { name: "p".into(), origin: "media".into(), prefix: "".into() };
    let mut change = stage.change().await;
    let number = change.pipeline_create(TenantId(tenant), draft).await.unwrap().number;
    change.commit().await.unwrap();
    number
}

fn draft(pipeline: u64, input: &str) -> BacktraceDraft {
    BacktraceDraft { pipeline, input: input.into(), job: Some("j".into()), issuer: "app_1".into() }
}

async fn made(stage: &Stage, tenant: u64, pipeline: u64, input: &str) -> Backtrace {
    let mut change = stage.change().await;
    let made = change.backtrace_create(TenantId(tenant), draft(pipeline, input)).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
    made
}

async fn at(stage: &Stage, seconds: u64) -> Change {
    stage.store.change(&Stage::system(), NOW.plus(seconds)).await.unwrap()
}

async fn taken(stage: &Stage, seconds: u64) -> Option<Backtrace> {
    let mut change = at(stage, seconds).await;
    let taken = change.backtrace_take(NOW.plus(seconds + 60)).await.unwrap();
    change.commit().await.unwrap();
    taken
}

async fn finished(stage: &Stage, taken: &Backtrace, tag: Result<&str, BacktraceProblem>) {
    let mut change = stage.change().await;
    change.backtrace_finish(taken, tag).await.unwrap();
    change.commit().await.unwrap();
}

async fn one_at_a_time_has_a_backtrace_until_it_is_over(stage: Stage) {
    let pipeline = pipeline(&stage, 1).await;
    let first = made(&stage, 1, pipeline, "a").await;
    assert_eq!((first.state, first.attempts), (BacktraceState::Waiting, 0));
    assert_eq!(stage.view().await.backtrace(&first.id).await.unwrap(), first);
    let died = taken(&stage, 0).await.unwrap();
    assert_eq!((&died.id, died.attempts), (&first.id, 1));
    assert_eq!(taken(&stage, 59).await, None);
    let again = taken(&stage, 60).await.unwrap();
    assert_eq!((&again.id, again.attempts), (&first.id, 2));
    // Whoever had it before has nothing to say any more.
    let mut change = at(&stage, 61).await;
    for error in [
        change.backtrace_hold(&died, NOW.plus(999)).await.unwrap_err(),
        change.backtrace_finish(&died, Ok("x")).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
    }
    change.backtrace_hold(&again, NOW.plus(200)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(taken(&stage, 199).await, None);
    let mut change = at(&stage, 199).await;
    let over = change.backtrace_finish(&again, Ok("user 42")).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!((over.state, over.tag.as_deref()), (BacktraceState::Found, Some("user 42")));
    assert_eq!((over.problem, over.finished_at), (None, Some(NOW.plus(199))));
    assert_eq!(taken(&stage, 9_999).await, None);
    let mut change = stage.change().await;
    let error = change.backtrace_finish(&again, Err(BacktraceProblem::Late)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

async fn so_many_of_a_tenant_wait(stage: Stage) {
    let [one, two] = [pipeline(&stage, 1).await, pipeline(&stage, 2).await];
    let mut change = stage.change().await;
    for number in 0..MOST_BACKTRACES_WAITING {
        let draft = draft(one, &number.to_string());
        change.backtrace_create(TenantId(1), draft).await.unwrap();
    }
    let error = change.backtrace_create(TenantId(1), draft(one, "x")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    // What is another tenant's is none of its.
    let error = change.backtrace_create(TenantId(1), draft(two, "x")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    change.backtrace_create(TenantId(2), draft(two, "x")).await.unwrap();
    change.commit().await.unwrap();
    // One of them may be the other tenant's: those of one second have no order.
    for _ in 0..2 {
        let taken = taken(&stage, 0).await.unwrap();
        finished(&stage, &taken, Err(BacktraceProblem::NoTag)).await;
    }
    made(&stage, 1, one, "x").await;
}

async fn lists_are_of_a_tenant_a_state_and_a_part_of_a_tag(stage: Stage) {
    let [one, two] = [pipeline(&stage, 1).await, pipeline(&stage, 2).await];
    for (input, tag) in
        [("a", Ok("user 42")), ("b", Ok("100%_x")), ("c", Err(BacktraceProblem::NoTag))]
    {
        made(&stage, 1, one, input).await;
        let taken = taken(&stage, 0).await.unwrap();
        finished(&stage, &taken, tag).await;
    }
    made(&stage, 1, one, "d").await;
    made(&stage, 2, two, "e").await;
    let all = BacktraceRange {
        start: 0,
        limit: 9,
        direction: FileDirection::Upwards,
        state: None,
        tag: None,
    };
    let inputs = async |caller, range: &BacktraceRange| {
        let mut view = stage.store.view(&caller).await.unwrap();
        let mut found = view.backtrace_range(range).await.unwrap();
        // Ids of one second are in no order.
        found.sort_by(|a, b| a.draft.input.cmp(&b.draft.input));
        found.iter().map(|it| it.draft.input.to_string()).collect::<String>()
    };
    assert_eq!(inputs(Stage::system(), &all).await, "abcde");
    assert_eq!(inputs(Stage::of_tenant(1), &all).await, "abcd");
    assert_eq!(inputs(Stage::of_tenant(2), &all).await, "e");
    let of_state = |state| BacktraceRange { state: Some(state), ..all.clone() };
    for (state, expected) in [
        (BacktraceState::Failed, "c"),
        (BacktraceState::Found, "ab"),
        (BacktraceState::Waiting, "d"),
    ] {
        assert_eq!(inputs(Stage::of_tenant(1), &of_state(state)).await, expected);
    }
    for (tag, expected) in [
        ("user", "a"),
        ("r 4", "a"),
        ("user 42", "a"),
        ("%_", "b"),
        ("%", "b"),
        ("_4", ""),
        ("User", ""),
    ] {
        let range = BacktraceRange { tag: Some(tag.into()), ..all.clone() };
        assert_eq!(inputs(Stage::system(), &range).await, expected, "{tag}");
    }
    let part = |start, limit, direction| BacktraceRange { start, limit, direction, ..all.clone() };
    let ids = async |range: BacktraceRange| {
        let found = stage.view().await.backtrace_range(&range).await.unwrap();
        found.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let mut upwards = ids(part(0, 9, FileDirection::Upwards)).await;
    assert_eq!(ids(part(1, 2, FileDirection::Upwards)).await, upwards[1..3]);
    upwards.reverse();
    assert_eq!(ids(part(0, 9, FileDirection::Downwards)).await, upwards);
    let of_two = made(&stage, 2, two, "f").await;
    let mut theirs = stage.store.view(&Stage::of_tenant(1)).await.unwrap();
    let error = theirs.backtrace(&of_two.id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

async fn what_is_over_is_forgotten(stage: Stage) {
    let pipeline = pipeline(&stage, 1).await;
    let over = made(&stage, 1, pipeline, "a").await;
    let taken = taken(&stage, 0).await.unwrap();
    finished(&stage, &taken, Ok("t")).await;
    let waits = made(&stage, 1, pipeline, "b").await;
    let forget = async |before: UnixSeconds| {
        let mut change = stage.change().await;
        let forgotten = change.backtrace_forget(before).await.unwrap();
        change.commit().await.unwrap();
        forgotten
    };
    assert_eq!(forget(NOW).await, 0);
    assert_eq!(forget(NOW.plus(1)).await, 1);
    assert!(stage.view().await.backtrace(&over.id).await.is_err());
    stage.view().await.backtrace(&waits.id).await.unwrap();
}
