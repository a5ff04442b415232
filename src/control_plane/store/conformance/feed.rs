//! The feed: whole versions, in order, until a reader is too old.

use super::stage::{Stage, on_both_databases};
use crate::asset::{AssetType, AssetTypeSet, TenantId, VideoId};
use crate::control_plane::record::{
    FeedEntry, FeedEvent, FeedHead, FeedPage, FeedVersion, Opening, OverrideLevel,
};
use crate::control_plane::store::{Expected, StoreErrorKind};

on_both_databases! {
    pages_end_where_versions_end
    a_reader_of_the_head_gets_nothing_and_stays
    what_is_compacted_needs_a_snapshot
    another_history_needs_a_snapshot
    an_unknown_kind_is_an_error
    only_whoever_reaches_everybody_follows
    a_change_wakes_whoever_waits
}

/// A version with one entry, one with three, one with one.
async fn three_versions(stage: &Stage) -> FeedHead {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    let types = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Subtitle));
    let table = ["a", "b", "c"].map(|id| (OverrideLevel::Video(VideoId::new(id).unwrap()), types));
    change.override_replace(TenantId(1), Expected::Any, table.into()).await.unwrap();
    change.commit().await.unwrap();
    stage.tenant(2).await;
    stage.view().await.feed_head().await.unwrap()
}

async fn since(stage: &Stage, head: &FeedHead, version: u64, limit: u16) -> FeedPage {
    let reader = FeedHead { version: FeedVersion(version), ..head.clone() };
    stage.view().await.feed_since(&reader, limit).await.unwrap()
}

fn entries(page: FeedPage) -> (Vec<FeedEntry>, u64) {
    match page {
        FeedPage::Entries { entries, reached } => (entries, reached.0),
        FeedPage::SnapshotNeeded => panic!("a snapshot is needed"),
    }
}

async fn pages_end_where_versions_end(stage: Stage) {
    let head = three_versions(&stage).await;
    for (from, limit, expected, end) in [
        (0, 1, vec![(1, 0)], 1),
        (0, 2, vec![(1, 0), (2, 0), (2, 1), (2, 2)], 2),
        (1, 1, vec![(2, 0), (2, 1), (2, 2)], 2),
        (1, 4, vec![(2, 0), (2, 1), (2, 2), (3, 0)], 3),
        (0, 100, vec![(1, 0), (2, 0), (2, 1), (2, 2), (3, 0)], 3),
    ] {
        let (found, reached) = entries(since(&stage, &head, from, limit).await);
        let places: Vec<_> = found.iter().map(|entry| (entry.version.0, entry.sequence)).collect();
        assert_eq!((places, reached), (expected, end), "from {from}, {limit}");
    }
}

async fn a_reader_of_the_head_gets_nothing_and_stays(stage: Stage) {
    let head = three_versions(&stage).await;
    assert_eq!(entries(since(&stage, &head, 3, 10).await), (Vec::new(), 3));
}

async fn what_is_compacted_needs_a_snapshot(stage: Stage) {
    let head = three_versions(&stage).await;
    let mut change = stage.change().await;
    assert_eq!(change.feed_compact(1).await.unwrap(), 4);
    // Nothing that edges need to know of.
    assert_eq!(change.commit().await.unwrap(), None);
    assert_eq!(since(&stage, &head, 1, 10).await, FeedPage::SnapshotNeeded);
    let (left, reached) = entries(since(&stage, &head, 2, 10).await);
    assert_eq!((left.len(), reached), (1, 3));
    let mut change = stage.change().await;
    assert_eq!(change.feed_compact(1).await.unwrap(), 0);
    assert_eq!(change.feed_compact(100).await.unwrap(), 0);
    change.commit().await.unwrap();
    // The next version follows on, although nothing is left before it.
    let mut change = stage.change().await;
    change.feed_compact(0).await.unwrap();
    change.commit().await.unwrap();
    stage.tenant(3).await;
    let (left, reached) = entries(since(&stage, &head, 3, 10).await);
    assert_eq!((left.len(), reached), (1, 4));
}

async fn another_history_needs_a_snapshot(stage: Stage) {
    let head = three_versions(&stage).await;
    assert_eq!(since(&stage, &head, 4, 10).await, FeedPage::SnapshotNeeded);
    let mut change = stage.change().await;
    let restarted = change.feed_restart().await.unwrap();
    change.commit().await.unwrap();
    assert_ne!(restarted.lineage, head.lineage);
    assert_eq!(since(&stage, &head, 3, 10).await, FeedPage::SnapshotNeeded);
    assert_eq!(entries(since(&stage, &restarted, 3, 10).await), (Vec::new(), 3));
}

async fn an_unknown_kind_is_an_error(stage: Stage) {
    let head = three_versions(&stage).await;
    stage
        .tamper("UPDATE feed SET payload = '{\"kind\":\"x\",\"state\":1}' WHERE version = 3")
        .await;
    let reader = FeedHead { version: FeedVersion(2), ..head };
    let error = stage.view().await.feed_since(&reader, 10).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
}

async fn only_whoever_reaches_everybody_follows(stage: Stage) {
    let head = three_versions(&stage).await;
    let mut view = stage.store.view(&Stage::of_tenant(1)).await.unwrap();
    assert_eq!(view.feed_since(&head, 10).await.unwrap_err().kind(), StoreErrorKind::NotFound);
}

async fn a_change_wakes_whoever_waits(stage: Stage) {
    // Another control plane where there can be one, this one where there is one writer.
    let other = stage.again().await.unwrap();
    let follower = if stage.address.file().is_some() { stage.store.clone() } else { other };
    let mut changed = follower.subscribe();
    let hearing = tokio::spawn(async move { follower.hear().await });
    // Whoever listens from now on may have missed one: the feed is read now and then as well. Here
    // it is written until it is heard.
    let mut number = 1;
    loop {
        stage.tenant(number).await;
        number += 1;
        let patience = std::time::Duration::from_millis(200);
        if tokio::time::timeout(patience, changed.changed()).await.is_ok() {
            break;
        }
        assert!(!hearing.is_finished() && number < 100);
    }
    hearing.abort();
    let head = stage.view().await.feed_head().await.unwrap();
    let (found, _) = entries(since(&stage, &head, 0, 1).await);
    assert!(matches!(found[0].event, FeedEvent::TenantSet(_)));
}
