//! What edges are told beside overrides and contents: keys, revocations, blocks; and the edges
//! themselves.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::record::{
    BlocklistKind, FeedEvent, FeedHead, FeedPage, FeedVersion, KeyUse, RevocationDraft,
    RevokedLinks, SealedKey, SecretHash, SigningKeyDraft, SigningKeyId,
};
use crate::control_plane::store::{Expected, Page, StoreErrorKind};

on_both_databases! {
    a_key_is_made_retired_and_dropped
    links_are_revoked_until_they_have_expired
    a_network_is_blocked_once
    an_edge_is_let_in_once_by_its_code
    an_edge_says_how_far_it_is
    a_new_epoch_kills_every_link_before
}

/// What the feed says of the last change.
async fn last_events(stage: &Stage) -> Vec<FeedEvent> {
    let mut view = stage.view().await;
    let head = view.feed_head().await.unwrap();
    let before = FeedHead { version: FeedVersion(head.version.0 - 1), ..head };
    match view.feed_since(&before, 100).await.unwrap() {
        FeedPage::Entries { entries, .. } => entries.into_iter().map(|entry| entry.event).collect(),
        FeedPage::SnapshotNeeded => panic!("a snapshot is needed"),
    }
}

async fn a_key_is_made_retired_and_dropped(stage: Stage) {
    let mut change = stage.change().await;
    let draft = SigningKeyDraft {
        id: SigningKeyId::random(NOW).unwrap(),
        tenant: None,
        key_use: KeyUse::Links,
        sealed: SealedKey::new(&[0, 255, 7]),
        not_before: NOW,
        not_after: None,
    };
    let key = change.signing_key_create(draft).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(last_events(&stage).await, [FeedEvent::SigningKeySet(key.clone())]);
    let mut change = stage.change().await;
    let retired = change.signing_key_retire(&key.id, NOW.plus(9)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!((retired.retired_at, retired.not_after), (Some(NOW), Some(NOW.plus(9))));
    let mut view = stage.view().await;
    assert_eq!(view.signing_key_list().await.unwrap(), std::slice::from_ref(&retired));
    let told = serde_json::to_string(&view.audit_list(&Page::first(9)).await.unwrap().items);
    assert!(!told.unwrap().contains("00ff07"));
    drop(view);
    let mut change = stage.change().await;
    change.signing_key_remove(&key.id, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(last_events(&stage).await, [FeedEvent::SigningKeyRemoved { id: key.id }]);
    assert!(stage.view().await.signing_key_list().await.unwrap().is_empty());
}

async fn links_are_revoked_until_they_have_expired(stage: Stage) {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    let mut made = Vec::new();
    for (subject, expires_at) in [
        (RevokedLinks::Link("lnk_1".into()), Some(NOW)),
        (RevokedLinks::Asset("/private/videos/a/source".into()), Some(NOW.plus(1))),
        (RevokedLinks::Key("2026-11".into()), None),
        (RevokedLinks::Issuer("app_1".into()), None),
        (RevokedLinks::Tag("user 42".into()), None),
        (RevokedLinks::TenantEpoch(3), None),
    ] {
        let reason = "lost".into();
        let draft =
            RevocationDraft { tenant: TenantId(1), subject, reason, made_before: None, expires_at };
        made.push(change.revocation_create(draft).await.unwrap());
    }
    change.commit().await.unwrap();
    made.sort_by(|one, other| one.id.cmp(&other.id));
    let listed = stage.view().await.revocation_list(&Page::first(10)).await.unwrap();
    assert_eq!(listed.items, made);
    let mut change = stage.change().await;
    assert_eq!(change.revocation_forget().await.unwrap(), 1);
    change.commit().await.unwrap();
    assert!(matches!(last_events(&stage).await[..], [FeedEvent::RevocationRemoved { .. }]));
    let rest = stage.view().await.revocation_list(&Page::first(10)).await.unwrap().items;
    assert_eq!(rest.len(), 5);
    let mut change = stage.store.change(&Stage::of_tenant(2), NOW).await.unwrap();
    let error = change.revocation_remove(&rest[0].id, Expected::Any).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    drop(change);
    let mut change = stage.change().await;
    change.revocation_remove(&rest[0].id, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    let left = stage.view().await.revocation_list(&Page::first(10)).await.unwrap().items;
    assert_eq!(left, &rest[1..]);
}

async fn a_network_is_blocked_once(stage: Stage) {
    let network = "192.0.2.7/24".parse().unwrap();
    let mut change = stage.change().await;
    let entry =
        change.blocklist_create(network, BlocklistKind::Pirate, "noise", None).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(
        (entry.network.to_string().as_str(), entry.kind),
        ("192.0.2.0/24", BlocklistKind::Pirate)
    );
    let listed = stage.view().await.blocklist_list(&Page::first(10)).await.unwrap();
    assert_eq!(listed.items, std::slice::from_ref(&entry));
    assert_eq!(last_events(&stage).await, [FeedEvent::BlocklistSet(entry.clone())]);
    let mut change = stage.change().await;
    let twice = change
        .blocklist_create(network.trunc(), BlocklistKind::Everything, "again", None)
        .await
        .unwrap_err();
    assert_eq!(twice.kind(), StoreErrorKind::Conflict);
    drop(change);
    let mut change = stage.change().await;
    change.blocklist_remove(&entry.id, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    let left = stage.view().await.blocklist_list(&Page::first(10)).await.unwrap();
    assert!(left.items.is_empty());
}

async fn an_edge_is_let_in_once_by_its_code(stage: Stage) {
    let code = SecretHash::of("code");
    let mut change = stage.change().await;
    change.enrolment_code_create("fra-1", code.clone(), NOW.plus(10)).await.unwrap();
    let over = SecretHash::of("over");
    change.enrolment_code_create("fra-2", over.clone(), NOW).await.unwrap();
    let taken_back = change.enrolment_code_create("fra-3", SecretHash::of("back"), NOW.plus(9));
    let taken_back = taken_back.await.unwrap();
    change.enrolment_code_remove(&taken_back.id).await.unwrap();
    change.commit().await.unwrap();

    let mut change = stage.change().await;
    for bad in [&over, &SecretHash::of("back"), &SecretHash::of("guess")] {
        let refused = change.edge_enrol(bad, SecretHash::of("token")).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::NotFound);
    }
    let edge = change.edge_enrol(&code, SecretHash::of("token")).await.unwrap();
    let twice = change.edge_enrol(&code, SecretHash::of("other")).await.unwrap_err();
    assert_eq!(twice.kind(), StoreErrorKind::NotFound);
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert_eq!(view.edge_by_token(&SecretHash::of("token")).await.unwrap(), edge);
    assert_eq!(view.edge_list().await.unwrap(), std::slice::from_ref(&edge));
    drop(view);

    // The same edge, let in again: the old token opens nothing.
    let mut change = stage.change().await;
    let again = SecretHash::of("again");
    change.enrolment_code_create("fra-1", again.clone(), NOW.plus(10)).await.unwrap();
    let renewed = change.edge_enrol(&again, SecretHash::of("new")).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(renewed.id, edge.id);
    assert!(stage.view().await.edge_by_token(&SecretHash::of("token")).await.is_err());
    let mut change = stage.change().await;
    let revoked = change.edge_revoke(&edge.id).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW));
    let codes = stage.view().await.enrolment_code_list().await.unwrap();
    assert_eq!(codes.iter().filter(|code| code.used_at == Some(NOW)).count(), 2);
}

async fn an_edge_says_how_far_it_is(stage: Stage) {
    let code = SecretHash::of("code");
    let mut change = stage.change().await;
    change.enrolment_code_create("fra-1", code.clone(), NOW.plus(10)).await.unwrap();
    let edge = change.edge_enrol(&code, SecretHash::of("token")).await.unwrap();
    change.commit().await.unwrap();
    let mut change = stage.store.change(&Stage::system(), NOW.plus(5)).await.unwrap();
    change.edge_seen(&edge.id, FeedVersion(7)).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None);
    let seen = stage.view().await.edge_list().await.unwrap().remove(0);
    assert_eq!((seen.applied, seen.last_seen_at), (FeedVersion(7), Some(NOW.plus(5))));
    let mut change = stage.change().await;
    change.edge_revoke(&edge.id).await.unwrap();
    let refused = change.edge_seen(&edge.id, FeedVersion(8)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::NotFound);
}

async fn a_new_epoch_kills_every_link_before(stage: Stage) {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    let tenant = change.tenant_new_epoch(TenantId(1)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!((tenant.link_epoch, tenant.revision), (1, 2));
    assert_eq!(last_events(&stage).await, [FeedEvent::TenantSet(tenant)]);
}
