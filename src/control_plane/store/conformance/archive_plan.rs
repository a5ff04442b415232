//! Archives that were promised: each is found again as it was, by whoever reaches its tenant.

use serde_json::json;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::claim::PositionRun;
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ArchiveDelivery, ArchivePlan, ArchivePlanEntry, ArchivePlanId, ChainState, ContentId, Manifest,
    PositionSet, Publication, RevocationDraft, RevokedLinks, SourceDelivery, SourceWay, VersionId,
};
use crate::control_plane::store::{AuditFilter, Expected, Page, StoreErrorKind};

on_both_databases! {
    a_plan_is_kept_in_its_order
    a_plan_like_another_is_found
    what_is_had_again_is_a_line_of_the_archive
    plans_that_ended_are_forgotten
}

fn plan(entries: u64, lifetime: u64) -> ArchivePlan {
    let entry = |file: u64| ArchivePlanEntry {
        content: ContentId::parse("film").unwrap(),
        version: VersionId::random(NOW).unwrap(),
        file,
        publication: Publication::Unpublished,
        channel: "SOURCE".into(),
        name: format!("日本語 ({file}).mov").into(),
        size: u64::from(u32::MAX) + file,
        sha256: "ab".repeat(32).into(),
        crc32: u32::MAX,
        modified_at: NOW,
    };
    ArchivePlan {
        id: ArchivePlanId::random(NOW).unwrap(),
        tenant: TenantId(1),
        issuer: "per_1".into(),
        manifest: Manifest::Appended,
        created_at: NOW,
        expires_at: NOW.plus(lifetime),
        entries: (0..entries).map(entry).collect(),
    }
}

async fn keep(stage: &Stage, plan: &ArchivePlan) {
    let mut change = stage.change().await;
    change.archive_plan_create(plan).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
}

async fn a_plan_is_kept_in_its_order(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    for made in [plan(0, 60), ArchivePlan { manifest: Manifest::Omitted, ..plan(1_200, 60) }] {
        keep(&stage, &made).await;
        assert_eq!(stage.view().await.archive_plan(&made.id).await.unwrap(), made);
        let mut theirs = stage.store.view(&Stage::of_tenant(2)).await.unwrap();
        let error = theirs.archive_plan(&made.id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
    }
}

async fn a_plan_like_another_is_found(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let kept = plan(3, 60);
    keep(&stage, &kept).await;
    let like = || ArchivePlan { id: ArchivePlanId::random(NOW).unwrap(), ..kept.clone() };
    let found = async |plan: ArchivePlan, until: u64| {
        stage.view().await.archive_plan_alike(&plan, NOW.plus(until)).await.unwrap()
    };
    assert_eq!(found(like(), 60).await, Some(kept.id.clone()));
    assert_eq!(found(like(), 61).await, None, "it ends before that");
    let entries = kept.entries[..2].to_vec();
    assert_eq!(found(ArchivePlan { entries, ..like() }, 60).await, None);
    assert_eq!(found(ArchivePlan { issuer: "per_2".into(), ..like() }, 60).await, None);
    let other = ArchivePlan { manifest: Manifest::Omitted, ..like() };
    assert_eq!(found(other, 60).await, None);
    assert_eq!(found(ArchivePlan { tenant: TenantId(2), ..like() }, 60).await, None);
    // One that was revoked since is had by nobody any more.
    let (id, issuer) = (Box::from(kept.id.as_str()), kept.issuer.clone());
    for (subject, before, expected) in [
        (RevokedLinks::Tag("t".into()), false, true),
        (RevokedLinks::Key("k".into()), false, true),
        (RevokedLinks::Link("other".into()), false, true),
        (RevokedLinks::Issuer("per_2".into()), false, true),
        (RevokedLinks::Asset("/a".into()), true, true),
        (RevokedLinks::Asset("/a".into()), false, false),
        (RevokedLinks::TenantEpoch(7), false, false),
        (RevokedLinks::Link(id), false, false),
        (RevokedLinks::Issuer(issuer), false, false),
    ] {
        let at = if before { UnixSeconds::new(NOW.get() - 1) } else { NOW };
        let mut change = stage.store.change(&Stage::system(), at).await.unwrap();
        let draft = RevocationDraft {
            tenant: TenantId(1),
            subject: subject.clone(),
            reason: "".into(),
            made_before: None,
            expires_at: None,
        };
        let revocation = change.revocation_create(draft).await.unwrap();
        change.commit().await.unwrap();
        assert_eq!(found(like(), 60).await.is_some(), expected, "{subject:?}");
        let mut change = stage.change().await;
        change.revocation_remove(&revocation.id, Expected::Any).await.unwrap();
        change.commit().await.unwrap();
    }
}

/// Requirement A13: each content that somebody had is in the log, and who asks again adds a line.
async fn what_is_had_again_is_a_line_of_the_archive(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let [kept, other] = [plan(5, 60), plan(5, 60)];
    keep(&stage, &kept).await;
    keep(&stage, &other).await;
    let had = async |caller: &Caller, plan: &ArchivePlan, runs: &[(u64, u64)]| {
        let runs = runs.iter().map(|&(first, last)| PositionRun { first, last });
        let entries = PositionSet::of(runs);
        let places = (1_u64..).zip(&plan.entries).filter(|(place, _)| entries.has(*place));
        let contents: Vec<_> = places
            .map(|(place, entry)| (entry.content.clone(), delivered(plan, place, entry)))
            .collect();
        let files = contents.len() as u64;
        let request_id = "r".into();
        let delivery = ArchiveDelivery { entries, files, bytes: 7, status: 206, request_id };
        let mut change = stage.store.change(caller, NOW).await.unwrap();
        change.archive_delivered(TenantId(1), &plan.id, &delivery, &contents).await?;
        change.commit().await
    };
    let lines = async |action: &str| {
        let filter = AuditFilter { action: Some(action.into()), ..AuditFilter::default() };
        let listed = stage.view().await.audit_search(&filter, &Page::first(100)).await;
        listed.unwrap().items
    };
    let [ann, bob] = ["ann", "bob"].map(Caller::system);
    for (caller, plan, runs, contents) in [
        (&ann, &kept, &[(2, 3)][..], 2),
        (&ann, &kept, &[(2, 3)], 2),
        (&ann, &kept, &[(1, 1), (3, 4)], 4),
        (&ann, &kept, &[(1, 5)], 5),
        (&ann, &kept, &[(1, 5)], 5),
        (&bob, &kept, &[(5, 5)], 6),
        (&ann, &other, &[(5, 5)], 7),
    ] {
        had(caller, plan, runs).await.unwrap();
        assert_eq!(lines("source.deliver").await.len(), contents, "{runs:?}");
    }
    let of_archive = lines("archive_plan.deliver").await;
    assert_eq!(of_archive.len(), 7);
    assert!(of_archive.iter().all(|it| it.tenant == Some(TenantId(1))), "{of_archive:?}");
    let third = &of_archive[4];
    assert_eq!((&*third.object, &*third.actor), (kept.id.as_str(), "system:ann"));
    assert_eq!(third.diff["entries"][1], json!([[1, 1], [3, 4]]));
    let entries: Vec<_> =
        lines("source.deliver").await.iter().map(|it| it.diff["entry"][1].clone()).collect();
    assert_eq!(json!(entries), json!([5, 5, 5, 4, 1, 3, 2]));
    // Nobody of another tenant says anything of it.
    let refused = had(&Stage::of_tenant(2), &kept, &[(1, 1)]).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::NotFound);
    assert!(matches!(stage.view().await.audit_verify().await.unwrap(), ChainState::Whole { .. }));
}

fn delivered(plan: &ArchivePlan, place: u64, entry: &ArchivePlanEntry) -> SourceDelivery {
    SourceDelivery {
        version: entry.version.clone(),
        file: entry.file,
        sha256: None,
        name: entry.name.clone(),
        way: SourceWay::Archive,
        promise: Some(plan.id.as_str().into()),
        entry: Some(place),
        status: 206,
        bytes: Some(1),
        request_id: "r".into(),
    }
}

async fn plans_that_ended_are_forgotten(stage: Stage) {
    stage.tenant(1).await;
    let (early, late) = (plan(2, 60), plan(2, 61));
    keep(&stage, &early).await;
    keep(&stage, &late).await;
    let mut change = stage.change().await;
    assert_eq!(change.archive_plan_forget(NOW.plus(61)).await.unwrap(), 1);
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let error = view.archive_plan(&early.id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    assert_eq!(view.archive_plan(&late.id).await.unwrap(), late);
}
