//! Overrides, and the history of a table.

use super::stage::{Stage, on_both_databases};
use crate::asset::{AssetType, AssetTypeSet, ChannelId, TenantId, VideoId};
use crate::control_plane::record::{
    FeedEvent, FeedPage, FeedVersion, Opening, OverrideLevel, OverrideList,
};
use crate::control_plane::store::{Expected, Page, StoreErrorKind};

on_both_databases! {
    the_last_word_at_a_level_counts
    clearing_closes_every_level
    what_changes_nothing_is_no_version
    a_stale_table_is_refused
    any_earlier_table_can_be_had_back
    a_table_is_its_tenants_own
    a_large_table_is_one_version
}

const TENANT: TenantId = TenantId(1);

fn types(kinds: &[AssetType]) -> Opening {
    Opening::Types(kinds.iter().copied().collect())
}

fn video(id: &str) -> OverrideLevel {
    OverrideLevel::Video(VideoId::new(id).unwrap())
}

async fn set(stage: &Stage, level: &OverrideLevel, opens: Option<Opening>) -> u64 {
    let mut change = stage.change().await;
    let revision = change.override_set(TENANT, Expected::Any, level, opens).await.unwrap();
    change.commit().await.unwrap();
    revision
}

async fn list(stage: &Stage) -> OverrideList {
    stage.view().await.override_list(TENANT).await.unwrap()
}

async fn the_last_word_at_a_level_counts(stage: Stage) {
    stage.tenant(1).await;
    let some = types(&[AssetType::VideoSource, AssetType::VideoFormat]);
    assert_eq!(set(&stage, &video("-a"), Some(some)).await, 1);
    assert_eq!(set(&stage, &video("-a"), Some(Opening::Everything)).await, 2);
    assert_eq!(set(&stage, &OverrideLevel::Tenant, Some(Opening::Everything)).await, 3);
    assert_eq!(set(&stage, &OverrideLevel::AssetTypes, Some(some)).await, 4);
    let attachments = types(&[AssetType::Attachment]);
    assert_eq!(set(&stage, &OverrideLevel::Channel(ChannelId(7)), Some(attachments)).await, 5);
    let table = list(&stage).await;
    assert_eq!(table.revision, 5);
    let levels: Vec<_> = table.overrides.iter().map(|one| (one.level.clone(), one.opens)).collect();
    assert_eq!(
        levels,
        [
            (OverrideLevel::Tenant, Opening::Everything),
            (OverrideLevel::AssetTypes, some),
            (OverrideLevel::Channel(ChannelId(7)), attachments),
            (video("-a"), Opening::Everything),
        ]
    );
    let mut view = stage.view().await;
    assert_eq!(view.override_at(TENANT, &video("-a")).await.unwrap(), Some(Opening::Everything));
    assert_eq!(view.override_at(TENANT, &video("b")).await.unwrap(), None);
    assert_eq!(view.override_list_all().await.unwrap().len(), 4);
}

async fn clearing_closes_every_level(stage: Stage) {
    stage.tenant(1).await;
    for level in [OverrideLevel::Tenant, OverrideLevel::AssetTypes, video("a")] {
        set(&stage, &level, Some(Opening::Everything)).await;
    }
    let mut change = stage.change().await;
    assert_eq!(change.override_clear(TENANT, Expected::Any).await.unwrap(), 4);
    let version = change.commit().await.unwrap().unwrap();
    assert_eq!(list(&stage).await, OverrideList { revision: 4, overrides: Vec::new() });
    let mut view = stage.view().await;
    let mut reader = view.feed_head().await.unwrap();
    reader.version = FeedVersion(version.0 - 1);
    let page = view.feed_since(&reader, 10).await.unwrap();
    let FeedPage::Entries { entries, .. } = page else { panic!() };
    assert_eq!(entries.len(), 3);
    let is_removal = |event: &FeedEvent| matches!(event, FeedEvent::OverrideRemoved { .. });
    assert!(entries.iter().all(|entry| is_removal(&entry.event)));
}

async fn what_changes_nothing_is_no_version(stage: Stage) {
    stage.tenant(1).await;
    set(&stage, &video("a"), Some(Opening::Everything)).await;
    let head = stage.view().await.feed_head().await.unwrap();
    assert_eq!(set(&stage, &video("a"), Some(Opening::Everything)).await, 1);
    assert_eq!(set(&stage, &video("b"), None).await, 1);
    assert_eq!(stage.view().await.feed_head().await.unwrap(), head);
}

async fn a_stale_table_is_refused(stage: Stage) {
    stage.tenant(1).await;
    set(&stage, &video("a"), Some(Opening::Everything)).await;
    let mut change = stage.change().await;
    let stale = Expected::Revision(0);
    let error = change.override_clear(TENANT, stale).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Stale);
    drop(change);
    let mut change = stage.change().await;
    change.override_clear(TENANT, Expected::Revision(1)).await.unwrap();
    change.commit().await.unwrap();
    assert!(list(&stage).await.overrides.is_empty());
}

async fn any_earlier_table_can_be_had_back(stage: Stage) {
    stage.tenant(1).await;
    let mut tables = vec![list(&stage).await];
    for (level, opens) in [
        (video("a"), Some(Opening::Everything)),
        (video("b"), Some(types(&[AssetType::Subtitle]))),
        (video("a"), Some(types(&[AssetType::Subtitle]))),
        (video("b"), None),
        (OverrideLevel::Tenant, Some(Opening::Everything)),
    ] {
        set(&stage, &level, opens).await;
        tables.push(list(&stage).await);
    }
    for table in &tables {
        let mut view = stage.view().await;
        assert_eq!(&view.override_list_at(TENANT, table.revision).await.unwrap(), table);
    }
    let mut change = stage.change().await;
    assert_eq!(change.override_rollback(TENANT, Expected::Revision(5), 2).await.unwrap(), 6);
    change.commit().await.unwrap();
    assert_eq!(list(&stage).await.overrides, tables[2].overrides);
    let mut view = stage.view().await;
    let history = view.override_revision_list(TENANT, &Page::first(4)).await.unwrap();
    assert_eq!((history.items.len(), history.next), (4, Some(4)));
    let history = view.override_revision_list(TENANT, &Page::after(4, 4)).await.unwrap();
    assert_eq!((history.items.len(), history.next), (2, None));
    let error = view.override_list_at(TENANT, 7).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

async fn a_table_is_its_tenants_own(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    set(&stage, &video("a"), Some(Opening::Everything)).await;
    let stranger = Stage::of_tenant(2);
    let mut view = stage.store.view(&stranger).await.unwrap();
    assert_eq!(view.override_list(TENANT).await.unwrap_err().kind(), StoreErrorKind::NotFound);
    assert!(view.override_list_all().await.unwrap().is_empty());
    assert!(view.override_list(TenantId(2)).await.unwrap().overrides.is_empty());
    drop(view);
    let mut change = stage.store.change(&stranger, super::stage::NOW).await.unwrap();
    let error = change.override_clear(TENANT, Expected::Any).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    let error = change.override_set(TenantId(9), Expected::Any, &video("a"), None).await;
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::NotFound);
}

async fn a_large_table_is_one_version(stage: Stage) {
    stage.tenant(1).await;
    let subtitles = Opening::Types(AssetTypeSet::EMPTY.with(AssetType::Subtitle));
    let table: Vec<_> = (0..5_000).map(|id| (video(&id.to_string()), subtitles)).collect();
    let mut change = stage.change().await;
    assert_eq!(change.override_replace(TENANT, Expected::Any, table).await.unwrap(), 1);
    assert_eq!(change.commit().await.unwrap(), Some(FeedVersion(2)));
    assert_eq!(list(&stage).await.overrides.len(), 5_000);
    let mut view = stage.view().await;
    let mut reader = view.feed_head().await.unwrap();
    reader.version = FeedVersion(1);
    let FeedPage::Entries { entries, reached } = view.feed_since(&reader, 100).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((entries.len(), reached), (5_000, FeedVersion(2)));
}
