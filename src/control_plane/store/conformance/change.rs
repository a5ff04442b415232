//! Changes: all or nothing, in the tables, the feed and the audit log.

use std::pin::pin;

use tokio::task::yield_now;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::record::{
    ChainFault, ChainState, FeedEvent, FeedPage, FeedVersion, FolderDraft, KeptPurges, PersonId,
    PurgedFiles, ScopeSet,
};
use crate::control_plane::store::{AuditFilter, Expected, Page, Store, StoreErrorKind};
use crate::network::ClientIp;

on_both_databases! {
    a_change_is_in_the_tables_the_feed_and_the_log
    a_change_that_is_dropped_never_was
    a_change_is_invisible_until_it_is_committed
    a_failed_statement_spoils_the_change
    a_refusal_does_not
    versions_are_in_the_order_of_commits_without_gaps
    the_log_says_who_from_where_and_what
    the_log_is_searched
    a_broken_chain_is_found_where_it_breaks
    a_store_that_is_opened_again_is_the_same
    a_database_of_a_newer_program_is_refused
    two_that_start_at_once_do_not_clash
    a_purge_is_in_the_feed_and_in_the_log
    a_transaction_whose_beginning_is_given_up_is_nobody_elses
}

async fn a_change_is_in_the_tables_the_feed_and_the_log(stage: Stage) {
    let mut change = stage.change().await;
    let tenant = change.tenant_create(TenantId(1), "one").await.unwrap();
    assert_eq!(change.commit().await.unwrap(), Some(FeedVersion(1)));
    let mut view = stage.view().await;
    assert_eq!(view.tenant(TenantId(1)).await.unwrap(), tenant);
    assert_eq!(view.tenant_by_name("one").await.unwrap(), tenant);
    let log = view.audit_list(&Page::first(10)).await.unwrap();
    assert_eq!(log.items.len(), 1);
    assert_eq!(*log.items[0].action, *"tenant.create");
    assert_eq!(log.items[0].version, FeedVersion(1));
    assert_eq!(view.audit_verify().await.unwrap(), ChainState::Whole { events: 1 });
    assert_eq!(view.feed_head().await.unwrap().version, FeedVersion(1));
}

async fn the_log_is_searched(stage: Stage) {
    for number in [1, 2] {
        stage.tenant(number).await;
        let mut change = stage.change().await;
        let draft = FolderDraft { parent: None, name: "a".into() };
        let folder = change.folder_create(TenantId(number), draft).await.unwrap().number;
        change.folder_remove(folder, Expected::Any).await.unwrap();
        change.commit().await.unwrap();
    }
    let text = |text: &str| Some(Box::<str>::from(text));
    let all = AuditFilter::default();
    for (filter, expected) in [
        (all.clone(), &[6_u64, 5, 4, 3, 2, 1][..]),
        (AuditFilter { action: text("folder.create"), ..all.clone() }, &[5, 2]),
        (AuditFilter { action: text("folder"), ..all.clone() }, &[6, 5, 3, 2]),
        (AuditFilter { action: text("fold"), ..all.clone() }, &[]),
        (AuditFilter { object: text("2"), action: text("tenant"), ..all.clone() }, &[4]),
        (AuditFilter { actor: text("nobody"), ..all.clone() }, &[]),
        (AuditFilter { actor: text("system:conformance"), ..all.clone() }, &[6, 5, 4, 3, 2, 1]),
    ] {
        let mut view = stage.view().await;
        let (mut page, mut seen) = (Page::first(2), Vec::new());
        loop {
            let listed = view.audit_search(&filter, &page).await.unwrap();
            seen.extend(listed.items.into_iter().map(|event| event.sequence));
            match listed.next {
                Some(next) => page = Page::after(next, 2),
                None => break,
            }
        }
        assert_eq!(seen, expected, "{filter:?}");
    }
    let bound = Caller::system("test").within(TenantId(1));
    let mut view = stage.store.view(&bound).await.unwrap();
    let own = view.audit_search(&all, &Page::first(9)).await.unwrap();
    assert!(own.items.iter().all(|event| event.tenant == Some(TenantId(1))));
    assert_eq!(own.items.len(), 3);
}

async fn a_change_that_is_dropped_never_was(stage: Stage) {
    let mut change = stage.change().await;
    change.tenant_create(TenantId(1), "one").await.unwrap();
    drop(change);
    // The next writer is not kept waiting by the one that is gone.
    stage.tenant(2).await;
    let mut view = stage.view().await;
    let kind = view.tenant(TenantId(1)).await.unwrap_err().kind();
    assert_eq!(kind, StoreErrorKind::NotFound);
    assert_eq!(view.audit_verify().await.unwrap(), ChainState::Whole { events: 1 });
}

async fn a_change_is_invisible_until_it_is_committed(stage: Stage) {
    stage.tenant(1).await;
    let mut before = stage.view().await;
    assert_eq!(before.feed_head().await.unwrap().version, FeedVersion(1));
    let mut change = stage.change().await;
    change.tenant_create(TenantId(2), "two").await.unwrap();
    assert!(change.view().tenant(TenantId(2)).await.is_ok());
    assert!(stage.view().await.tenant(TenantId(2)).await.is_err());
    change.commit().await.unwrap();
    assert!(stage.view().await.tenant(TenantId(2)).await.is_ok());
    // A view stays at the state it first saw.
    assert!(before.tenant(TenantId(2)).await.is_err());
    assert_eq!(before.feed_head().await.unwrap().version, FeedVersion(1));
}

async fn a_failed_statement_spoils_the_change(stage: Stage) {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    change.tenant_create(TenantId(2), "two").await.unwrap();
    let error = change.tenant_create(TenantId(3), "tenant-1").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    assert!(change.commit().await.is_err());
    let mut view = stage.view().await;
    assert!(view.tenant(TenantId(2)).await.is_err());
    assert_eq!(view.feed_head().await.unwrap().version, FeedVersion(1));
    stage.tenant(4).await;
}

async fn a_refusal_does_not(stage: Stage) {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    change.tenant_create(TenantId(2), "two").await.unwrap();
    let stale = Expected::Revision(9);
    let error = change.tenant_rename(TenantId(1), stale, "other").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Stale);
    let error = change.tenant_rename(TenantId(9), Expected::Any, "other").await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert!(view.tenant(TenantId(2)).await.is_ok());
    assert_eq!(*view.tenant(TenantId(1)).await.unwrap().name, *"tenant-1");
}

async fn versions_are_in_the_order_of_commits_without_gaps(stage: Stage) {
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4_u64 {
        let store = stage.store.clone();
        writers.spawn(async move {
            let mut versions = Vec::new();
            for place in 0..8 {
                let number = writer * 100 + place;
                let mut change = store.change(&Stage::system(), NOW).await.unwrap();
                let name = number.to_string();
                change.tenant_create(TenantId(number), &name).await.unwrap();
                versions.push(change.commit().await.unwrap().unwrap().0);
            }
            versions
        });
    }
    // A reader that follows meanwhile sees every version once, in order.
    let mut changed = stage.store.subscribe();
    let mut reader = stage.view().await.feed_head().await.unwrap();
    reader.version = FeedVersion(0);
    let mut seen = Vec::new();
    while seen.len() < 32 {
        let mut view = stage.view().await;
        let page = view.feed_since(&reader, 3).await.unwrap();
        let FeedPage::Entries { entries, reached } = page else {
            panic!("{page:?}");
        };
        if entries.is_empty() {
            changed.changed().await.unwrap();
        }
        seen.extend(entries.iter().map(|entry| entry.version.0));
        reader.version = reached;
    }
    assert_eq!(seen, (1..=32).collect::<Vec<_>>());
    let mut acknowledged = Vec::new();
    while let Some(versions) = writers.join_next().await {
        let versions = versions.unwrap();
        assert!(versions.is_sorted());
        acknowledged.extend(versions);
    }
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, seen);
    let chain = stage.view().await.audit_verify().await.unwrap();
    assert_eq!(chain, ChainState::Whole { events: 32 });
}

async fn the_log_says_who_from_where_and_what(stage: Stage) {
    stage.tenant(1).await;
    let person = PersonId::random(NOW).unwrap();
    let reach = Reach::Tenant(TenantId(1));
    let caller = Caller::authenticated(Actor::Person(person.clone()), ScopeSet::EMPTY, reach)
        .with_credential("tok_1")
        .from_address(Some(ClientIp::new("192.0.2.7".parse().unwrap())));
    let mut change = stage.store.change(&caller, NOW.plus(1)).await.unwrap();
    change.tenant_rename(TenantId(1), Expected::Revision(1), "uno").await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.store.view(&caller).await.unwrap();
    let log = view.audit_list(&Page::after(1, 10)).await.unwrap();
    let event = &log.items[0];
    assert_eq!(*event.actor, *person.as_str());
    assert_eq!(event.credential.as_deref(), Some("tok_1"));
    assert_eq!(event.address.as_deref(), Some("192.0.2.7"));
    assert_eq!((event.at, event.tenant), (NOW.plus(1), Some(TenantId(1))));
    let diff = serde_json::json!({"name": ["tenant-1", "uno"], "revision": [1, 2]});
    assert_eq!(serde_json::Value::Object(event.diff.clone()), diff);
    // Whoever is bound to a tenant does not see the whole chain.
    assert_eq!(view.audit_verify().await.unwrap_err().kind(), StoreErrorKind::NotFound);
}

async fn a_broken_chain_is_found_where_it_breaks(stage: Stage) {
    for number in 1..=4 {
        stage.tenant(number).await;
    }
    let verify = async || stage.view().await.audit_verify().await.unwrap();
    assert_eq!(verify().await, ChainState::Whole { events: 4 });
    stage.tamper("UPDATE audit SET actor = 'nobody' WHERE sequence = 3").await;
    let broken = ChainState::Broken { sequence: 3, fault: ChainFault::Content };
    assert_eq!(verify().await, broken);
    stage.tamper("DELETE FROM audit WHERE sequence = 3").await;
    let broken = ChainState::Broken { sequence: 3, fault: ChainFault::Missing };
    assert_eq!(verify().await, broken);
    stage.tamper("DELETE FROM audit WHERE sequence > 1").await;
    let broken = ChainState::Broken { sequence: 2, fault: ChainFault::Missing };
    assert_eq!(verify().await, broken);
    // An end that is cut off with its trace is still not the end that a change after it had.
    stage.tamper("UPDATE feed_head SET audit_sequence = 1").await;
    assert_eq!(verify().await, broken);
}

async fn a_store_that_is_opened_again_is_the_same(stage: Stage) {
    let tenant = stage.tenant(1).await;
    let head = stage.view().await.feed_head().await.unwrap();
    stage.store.close().await;
    assert!(stage.store.view(&Stage::system()).await.is_err());
    let again = stage.again().await.unwrap();
    let mut view = again.view(&Stage::system()).await.unwrap();
    assert_eq!(view.tenant(TenantId(1)).await.unwrap(), tenant);
    assert_eq!(view.feed_head().await.unwrap(), head);
    if let Some(file) = stage.address.file() {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

async fn a_database_of_a_newer_program_is_refused(stage: Stage) {
    stage.tamper("UPDATE _sqlx_migrations SET version = 9999 WHERE version = 3").await;
    let error = stage.again().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::SchemaNewer);
    stage.tamper("UPDATE _sqlx_migrations SET version = 3 WHERE version = 9999").await;
    assert!(stage.again().await.is_ok());
}

async fn two_that_start_at_once_do_not_clash(stage: Stage) {
    let address = stage.blank().await;
    let (one, two, three) =
        tokio::join!(Store::open(&address), Store::open(&address), Store::open(&address));
    let head = async |store: Store| {
        let mut view = store.view(&Stage::system()).await.unwrap();
        view.feed_head().await.unwrap()
    };
    let (one, two, three) = (one.unwrap(), two.unwrap(), three.unwrap());
    let first = head(one).await;
    assert_eq!(head(two).await, first);
    assert_eq!(head(three).await, first);
}

async fn a_purge_is_in_the_feed_and_in_the_log(stage: Stage) {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    let files = PurgedFiles::Site("files.example.com".into());
    change.cache_purge(TenantId(1), files.clone()).unwrap();
    assert_eq!(change.commit().await.unwrap(), Some(FeedVersion(2)));
    let mut view = stage.view().await;
    let mut reader = view.feed_head().await.unwrap();
    reader.version = FeedVersion(1);
    let page = view.feed_since(&reader, 10).await.unwrap();
    let FeedPage::Entries { entries, .. } = page else { panic!() };
    let purge = FeedEvent::CachePurge { tenant: TenantId(1), files: files.clone() };
    assert_eq!(entries[0].event, purge);
    let mut kept = KeptPurges {
        forgotten: FeedVersion(0),
        purges: vec![(FeedVersion(2), TenantId(1), files)],
    };
    assert_eq!(view.feed_purges().await.unwrap(), kept);
    drop(view);
    let mut change = stage.change().await;
    change.feed_compact(0).await.unwrap();
    change.commit().await.unwrap();
    (kept.forgotten, kept.purges) = (FeedVersion(2), Vec::new());
    assert_eq!(stage.view().await.feed_purges().await.unwrap(), kept);
}

/// Whoever asks for a transaction may go away before it has begun: what is begun on that connection next
/// is a transaction of its own.
async fn a_transaction_whose_beginning_is_given_up_is_nobody_elses(stage: Stage) {
    let caller = Stage::system();
    for number in 1..=40 {
        // Every connection there is, each given up a little later.
        for polls in 0..32 {
            let mut begun = pin!(stage.store.view(&caller));
            for _ in 0..polls {
                tokio::select! {
                    biased;
                    _ = &mut begun => break,
                    () = yield_now() => {}
                }
            }
        }
        stage.tenant(number).await;
    }
    let tenants = stage.view().await.tenant_list(&Page::first(100)).await.unwrap();
    assert_eq!(tenants.items.len(), 40);
}
