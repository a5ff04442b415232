//! Links that may be used once: one client has each, whoever asks whom at the same moment.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::claim::{
    ClaimDigest, ClaimDraft, ClaimEnd, ClaimId, ClaimOutcome, ClaimVerdict, PositionRun,
};
use crate::clock::UnixSeconds;
use crate::control_plane::record::LinkClaim;
use crate::control_plane::store::{Forgotten, KEPT_AFTER_END, Store};
use crate::network::ClientIp;

on_both_databases! {
    of_many_at_once_one_has_the_link
    parts_that_are_claimed_at_once_are_apart
    what_was_granted_is_there_after_everything
    what_was_not_committed_never_was
    what_has_ended_is_forgotten_a_day_later
}

const SIZE: u64 = 1_000;

fn id(number: u64) -> ClaimId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    ClaimId::of_bytes(bytes)
}

fn draft(number: u64, agent: &str, first: u64, last: u64) -> ClaimDraft {
    ClaimDraft {
        id: id(number),
        tenant: TenantId(1),
        link: "lnk_a".into(),
        expires_at: NOW,
        client: ClientIp::new("192.0.2.1".parse().unwrap()),
        agent: ClaimDigest::of(&[agent.as_bytes()]),
        file: ClaimDigest::of(&[b"film"]),
        size: Some(SIZE),
        positions: vec![PositionRun { first, last }],
    }
}

fn end(number: u64, sent: u64, outcome: ClaimOutcome) -> ClaimEnd {
    let (tenant, link) = (TenantId(1), "lnk_a".into());
    ClaimEnd { id: id(number), tenant, link, expires_at: NOW, sent, outcome }
}

async fn claim(store: &Store, draft: &ClaimDraft) -> ClaimVerdict {
    let mut change = store.change(&Stage::system(), NOW).await.unwrap();
    let verdict = change.link_claim_make(draft).await.unwrap().verdict;
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
    verdict
}

async fn tell(store: &Store, end: &ClaimEnd) {
    let mut change = store.change(&Stage::system(), NOW).await.unwrap();
    change.link_claim_end(end).await.unwrap();
    change.commit().await.unwrap();
}

/// Every one of them at once, at three control planes.
async fn at_once(stage: &Stage, drafts: Vec<ClaimDraft>) -> Vec<(ClaimDraft, ClaimVerdict)> {
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(stage.again().await.unwrap());
    }
    let tasks: Vec<_> = drafts
        .into_iter()
        .zip(stores.into_iter().cycle())
        .map(|(draft, store)| {
            tokio::spawn(async move {
                let verdict = claim(&store, &draft).await;
                (draft, verdict)
            })
        })
        .collect();
    let mut told = Vec::new();
    for task in tasks {
        told.push(task.await.unwrap());
    }
    told
}

async fn of_many_at_once_one_has_the_link(stage: Stage) {
    let drafts = (0..60).map(|it| draft(it, &format!("agent {it}"), 0, SIZE - 1)).collect();
    let told = at_once(&stage, drafts).await;
    let granted: Vec<_> = told.iter().filter(|(_, it)| *it == ClaimVerdict::Granted).collect();
    assert_eq!(granted.len(), 1);
    assert_eq!(told.iter().filter(|(_, it)| *it == ClaimVerdict::Used).count(), 59);
    // Whoever did not hear the answer hears it again, elsewhere.
    let other = stage.again().await.unwrap();
    assert_eq!(claim(&other, &granted[0].0).await, ClaimVerdict::Granted);
}

async fn parts_that_are_claimed_at_once_are_apart(stage: Stage) {
    // Two of each tenth.
    let part = |it: u64| draft(it, "one", it % 10 * 100, it % 10 * 100 + 99);
    let told = at_once(&stage, (0..20).map(part).collect()).await;
    for tenth in 0..10 {
        let of_tenth = told.iter().filter(|(draft, _)| draft.positions[0].first == tenth * 100);
        let had = |it: &ClaimVerdict| matches!(it, ClaimVerdict::Granted | ClaimVerdict::Resumed);
        assert_eq!(of_tenth.filter(|(_, it)| had(it)).count(), 1, "{tenth}: {told:?}");
    }
}

async fn what_was_granted_is_there_after_everything(stage: Stage) {
    let whole = draft(1, "one", 0, SIZE - 1);
    assert_eq!(claim(&stage.store, &whole).await, ClaimVerdict::Granted);
    stage.store.close().await;
    let store = stage.again().await.unwrap();
    assert_eq!(claim(&store, &draft(2, "two", 0, 9)).await, ClaimVerdict::Used);
    assert_eq!(claim(&store, &draft(3, "one", 0, 9)).await, ClaimVerdict::Busy);
    tell(&store, &end(1, 400, ClaimOutcome::Aborted)).await;
    store.close().await;
    let store = stage.again().await.unwrap();
    assert_eq!(claim(&store, &draft(4, "one", 400, SIZE - 1)).await, ClaimVerdict::Resumed);
    tell(&store, &end(4, 600, ClaimOutcome::Complete)).await;
    tell(&store, &end(4, 0, ClaimOutcome::Aborted)).await;
    assert_eq!(claim(&store, &draft(5, "one", 900, SIZE - 1)).await, ClaimVerdict::Used);
    let elsewhere = ClaimDraft { tenant: TenantId(2), ..draft(6, "two", 0, 9) };
    assert_eq!(claim(&store, &elsewhere).await, ClaimVerdict::Granted, "another tenant's link");
}

async fn what_was_not_committed_never_was(stage: Stage) {
    let mut change = stage.change().await;
    let verdict = change.link_claim_make(&draft(1, "one", 0, 9)).await.unwrap().verdict;
    assert_eq!(verdict, ClaimVerdict::Granted);
    drop(change);
    let kept = stage.view().await.link_claim(TenantId(1), "lnk_a").await.unwrap();
    assert_eq!(kept, LinkClaim::default());
    // Given up before it came.
    tell(&stage.store, &end(2, 0, ClaimOutcome::Aborted)).await;
    assert_eq!(claim(&stage.store, &draft(2, "one", 0, 9)).await, ClaimVerdict::Used);
    assert_eq!(claim(&stage.store, &draft(3, "two", 0, 9)).await, ClaimVerdict::Granted);
}

async fn what_has_ended_is_forgotten_a_day_later(stage: Stage) {
    assert_eq!(claim(&stage.store, &draft(1, "one", 0, 9)).await, ClaimVerdict::Granted);
    let later =
        ClaimDraft { link: "lnk_b".into(), expires_at: NOW.plus(1), ..draft(2, "one", 0, 9) };
    assert_eq!(claim(&stage.store, &later).await, ClaimVerdict::Granted);
    let forget = async |now: UnixSeconds| {
        let mut change = stage.change().await;
        assert_eq!(change.link_claim_forget(now).await.unwrap(), Forgotten::All);
        change.commit().await.unwrap();
    };
    forget(NOW.plus(KEPT_AFTER_END)).await;
    assert_eq!(claim(&stage.store, &draft(3, "two", 0, 9)).await, ClaimVerdict::Used);
    forget(NOW.plus(KEPT_AFTER_END + 1)).await;
    let kept = async |link: &str| stage.view().await.link_claim(TenantId(1), link).await.unwrap();
    assert_eq!(kept("lnk_a").await, LinkClaim::default());
    assert_ne!(kept("lnk_b").await, LinkClaim::default());
}
