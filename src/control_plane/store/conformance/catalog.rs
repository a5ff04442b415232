//! The catalog: folders, contents, versions, files, and what edges are told of them.

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{
    Autograph, Content, ContentDraft, ContentId, ContentImport, ContentKind, ContentText,
    FeedEvent, FeedHead, FeedPage, FeedVersion, FileDraft, FileKind, FileOwner, FilePlace,
    FolderDraft, Grantee, Metadata, Period, PersonDraft, Pipeline, PipelineDraft, Publication,
    Right, Role, ScopeSet,
};
use crate::control_plane::store::{ContentFilter, Expected, FolderFilter, Page, StoreErrorKind};

on_both_databases! {
    folders_are_a_tree
    rights_hold_for_all_below
    a_content_is_what_was_said_of_it
    a_version_is_handed_out_when_it_is_active
    files_have_one_place_each
    an_import_is_one_version_of_the_feed
    contents_are_listed_by_what_they_are
    a_folders_attachments_are_told_to_edges
    a_catalog_is_its_tenants_own
}

const TENANT: TenantId = TenantId(1);

async fn folder(stage: &Stage, parent: Option<ChannelId>, name: &str) -> ChannelId {
    let mut change = stage.change().await;
    let draft = FolderDraft { parent, name: name.into() };
    let made = change.folder_create(TENANT, draft).await.unwrap();
    change.commit().await.unwrap();
    made.number
}

async fn pipeline(stage: &Stage) -> Pipeline {
    let mut change = stage.change().await;
    let draft = PipelineDraft { name: "p".into(), origin: "media".into(), prefix: "v1/".into() };
    let made = change.pipeline_create(TENANT, draft).await.unwrap();
    change.commit().await.unwrap();
    made
}

async fn content(stage: &Stage, draft: ContentDraft) -> Content {
    let mut change = stage.change().await;
    let made = change.content_create(TENANT, draft).await.unwrap();
    change.commit().await.unwrap();
    made
}

fn file(pipeline: u64, kind: FileKind, slot: &str, key: &str) -> FileDraft {
    FileDraft {
        place: FilePlace { kind, slot: slot.into(), variant: "".into() },
        pipeline,
        key: key.into(),
        name: "clip.mp4".into(),
        size: 1 << 40,
        mime: "video/mp4".into(),
        sha256: None,
        crc32: None,
        duration_ms: Some(61_000),
        width: Some(1920),
        height: Some(1080),
        language: None,
        md5: None,
        autograph: Autograph::Refused,
    }
}

/// What the feed says of the last change.
async fn last_events(stage: &Stage) -> Vec<FeedEvent> {
    let mut view = stage.view().await;
    let head = view.feed_head().await.unwrap();
    let before = FeedHead { version: FeedVersion(head.version.0 - 1), ..head };
    match view.feed_since(&before, 1).await.unwrap() {
        FeedPage::Entries { entries, .. } => entries.into_iter().map(|entry| entry.event).collect(),
        FeedPage::SnapshotNeeded => panic!("a snapshot is needed"),
    }
}

async fn folders_are_a_tree(stage: Stage) {
    stage.tenant(1).await;
    let top = folder(&stage, None, "top").await;
    let middle = folder(&stage, Some(top), "middle").await;
    let leaf = folder(&stage, Some(middle), "leaf").await;
    let mut view = stage.view().await;
    let path = view.folder_path(leaf).await.unwrap();
    let names: Vec<_> = path.iter().map(|folder| &*folder.name).collect();
    assert_eq!(names, ["top", "middle", "leaf"]);
    let listed = view.folder_list(TENANT, &Page::first(2)).await.unwrap();
    assert_eq!((listed.items.len(), listed.next), (2, Some(middle)));
    drop(view);
    let mut change = stage.change().await;
    for (number, parent) in [(top, leaf), (top, top), (middle, leaf)] {
        let draft = FolderDraft { parent: Some(parent), name: "x".into() };
        let error = change.folder_update(number, Expected::Any, draft).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Invalid);
    }
    let draft = FolderDraft { parent: None, name: "leaf".into() };
    let moved = change.folder_update(leaf, Expected::Revision(1), draft).await.unwrap();
    assert_eq!((moved.parent, moved.revision), (None, 2));
    change.commit().await.unwrap();
    let mut change = stage.change().await;
    let error = change.folder_remove(top, Expected::Any).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    drop(change);
    let mut change = stage.change().await;
    change.folder_remove(leaf, Expected::Revision(2)).await.unwrap();
    change.commit().await.unwrap();
    assert!(stage.view().await.folder(leaf).await.is_err());
}

async fn rights_hold_for_all_below(stage: Stage) {
    stage.tenant(1).await;
    let top = folder(&stage, None, "top").await;
    let leaf = folder(&stage, Some(top), "leaf").await;
    let beside = folder(&stage, None, "beside").await;
    let mut change = stage.change().await;
    let draft = PersonDraft {
        tenant: Some(TENANT),
        username: "ada".into(),
        role: Role::Member,
        scopes: ScopeSet::EMPTY,
        disabled_at: None,
    };
    let ada = Grantee::Person(change.person_create(draft).await.unwrap().id);
    change.folder_right_set(top, Expected::Any, &ada, Some(Right::Modify)).await.unwrap();
    change.folder_right_set(leaf, Expected::Any, &ada, Some(Right::See)).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    for (folder, expected) in
        [(top, Some(Right::Modify)), (leaf, Some(Right::Modify)), (beside, None)]
    {
        assert_eq!(view.folder_right_in_force(folder, &ada).await.unwrap(), expected);
    }
    assert_eq!(view.folder_right_list_of(&ada).await.unwrap().len(), 2);
    assert_eq!(view.folder_right_list(leaf).await.unwrap()[0].right, Right::See);
    drop(view);
    let mut change = stage.change().await;
    change.folder_right_set(top, Expected::Any, &ada, None).await.unwrap();
    change.commit().await.unwrap();
    let right = stage.view().await.folder_right_in_force(leaf, &ada).await.unwrap();
    assert_eq!(right, Some(Right::See));
}

async fn a_content_is_what_was_said_of_it(stage: Stage) {
    stage.tenant(1).await;
    let shelf = folder(&stage, None, "shelf").await;
    let draft = ContentDraft {
        folder: Some(shelf),
        publication: Publication::Published,
        periods: vec![
            Period { starts_at: Some(NOW), ends_at: None },
            Period { starts_at: None, ends_at: Some(NOW.plus(5)) },
        ],
        texts: vec![ContentText {
            language: "de".into(),
            title: "Ein Film".into(),
            description: "…".into(),
            pretty_id: Some("ein-film".into()),
        }],
        metadata: vec![Metadata { language: "".into(), name: "isan".into(), value: "1".into() }],
        tags: vec!["b".into(), "a".into(), "b".into()],
        ..ContentDraft::new(ContentKind::Video)
    };
    let made = content(&stage, draft.clone()).await;
    assert_eq!(made.draft.tags, [Box::from("a"), Box::from("b")]);
    let mut view = stage.view().await;
    assert_eq!(view.content(&made.id).await.unwrap(), made);
    assert_eq!(view.content_by_pretty_id(TENANT, "de", "ein-film").await.unwrap(), made);
    assert!(view.content_by_pretty_id(TENANT, "en", "ein-film").await.is_err());
    drop(view);
    let events = last_events(&stage).await;
    let [FeedEvent::ContentSet(state)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((&state.id, &state.periods), (&made.id, &draft.periods));
    assert_eq!((state.publication, &state.version), (Publication::Published, &None));

    let mut change = stage.change().await;
    let twice = change.content_create(TENANT, draft.clone()).await.unwrap_err();
    assert_eq!(twice.kind(), StoreErrorKind::Conflict);
    drop(change);
    let mut change = stage.change().await;
    let plain = ContentDraft::new(ContentKind::Other);
    let after = change.content_replace(&made.id, Expected::Revision(1), plain.clone()).await;
    let after = after.unwrap();
    change.commit().await.unwrap();
    assert_eq!((&after.draft, after.revision), (&plain, 2));
    let mut change = stage.change().await;
    change.content_remove(&made.id, Expected::Revision(2)).await.unwrap();
    change.commit().await.unwrap();
    let gone = FeedEvent::ContentRemoved { tenant: TENANT, id: made.id.clone() };
    assert_eq!(last_events(&stage).await, [gone]);
    assert!(stage.view().await.content(&made.id).await.is_err());
}

async fn a_version_is_handed_out_when_it_is_active(stage: Stage) {
    stage.tenant(1).await;
    let pipeline = pipeline(&stage).await.number;
    let made = content(&stage, ContentDraft::new(ContentKind::Video)).await;
    let mut change = stage.change().await;
    let first = change.version_create(&made.id, "first").await.unwrap();
    let second = change.version_create(&made.id, "second").await.unwrap();
    assert_eq!((first.number, second.number), (1, 2));
    let owner = FileOwner::Version(second.id.clone());
    let files = vec![
        file(pipeline, FileKind::Source, "", "a.mp4"),
        file(pipeline, FileKind::Format, "hd720", "b.mp4"),
    ];
    change.file_put_all(&owner, files).await.unwrap();
    change.commit().await.unwrap();
    let events = last_events(&stage).await;
    let [FeedEvent::ContentSet(state)] = &events[..] else { panic!("{events:?}") };
    assert!(state.files.is_empty() && state.version.is_none());

    let mut change = stage.change().await;
    change.version_activate(&second.id).await.unwrap();
    change.version_thumbnail_set(&second.id, Some("5")).await.unwrap();
    change.commit().await.unwrap();
    let events = last_events(&stage).await;
    let [FeedEvent::ContentSet(state)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(state.version.as_deref(), Some(second.id.as_str()));
    assert_eq!(state.active_thumbnail.as_deref(), Some("5"));
    let keys: Vec<_> = state.files.iter().map(|file| (&*file.origin, &*file.key)).collect();
    assert_eq!(keys, [("media", "v1/a.mp4"), ("media", "v1/b.mp4")]);
    let mut change = stage.change().await;
    let error = change.version_remove(&second.id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Conflict);
    change.version_remove(&first.id).await.unwrap();
    change.commit().await.unwrap();
    let left = stage.view().await.version_list(&made.id).await.unwrap();
    assert_eq!(left.len(), 1);
    let page = stage.view().await.content_state_list(&Page::first(10)).await.unwrap();
    let events = last_events(&stage).await;
    assert_eq!(events, [FeedEvent::ContentSet(Box::new(page.items[0].clone()))]);
}

async fn files_have_one_place_each(stage: Stage) {
    stage.tenant(1).await;
    let pipeline = pipeline(&stage).await.number;
    let made = content(&stage, ContentDraft::new(ContentKind::Video)).await;
    let mut change = stage.change().await;
    let version = change.version_create(&made.id, "").await.unwrap();
    let owner = FileOwner::Version(version.id);
    let old = change.file_put_all(&owner, vec![file(pipeline, FileKind::Source, "", "a")]).await;
    let old = old.unwrap().remove(0);
    let new = change.file_put_all(&owner, vec![file(pipeline, FileKind::Source, "", "b")]).await;
    let new = new.unwrap().remove(0);
    change.commit().await.unwrap();
    assert!(new.number > old.number);
    let mut view = stage.view().await;
    assert_eq!(view.file_list(&owner).await.unwrap(), std::slice::from_ref(&new));
    assert!(view.file(old.number).await.is_err());
    assert_eq!(view.file_list_by_key(pipeline, "b").await.unwrap(), std::slice::from_ref(&new));
    let unread = view.file_list_unread(&Page::first(10)).await.unwrap();
    assert_eq!(unread.items, std::slice::from_ref(&new));
    drop(view);
    let mut change = stage.change().await;
    change.file_hashed(new.number, 7, &"ab".repeat(32), u32::MAX).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let read = view.file(new.number).await.unwrap();
    assert_eq!((read.draft.size, read.draft.crc32), (7, Some(u32::MAX)));
    assert!(view.file_list_unread(&Page::first(10)).await.unwrap().items.is_empty());
    drop(view);
    let mut change = stage.change().await;
    let foreign = vec![file(pipeline + 1, FileKind::Source, "", "c")];
    let error = change.file_put_all(&owner, foreign).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    change.file_remove(new.number).await.unwrap();
    change.commit().await.unwrap();
    assert!(stage.view().await.file_list(&owner).await.unwrap().is_empty());
    let mut change = stage.change().await;
    change.pipeline_remove(pipeline, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
}

async fn an_import_is_one_version_of_the_feed(stage: Stage) {
    stage.tenant(1).await;
    let pipeline = pipeline(&stage).await.number;
    let imports = (0..2_500).map(|number| ContentImport {
        id: ContentId::parse(&format!("-content-{number}")),
        draft: ContentDraft {
            publication: Publication::Published,
            tags: vec!["imported".into()],
            ..ContentDraft::new(ContentKind::Video)
        },
        files: vec![
            file(pipeline, FileKind::Source, "", &format!("{number}/source")),
            file(pipeline, FileKind::Format, "hd720", &format!("{number}/hd720")),
        ],
        active_thumbnail: None,
    });
    let imports: Vec<_> = imports.collect();
    let mut change = stage.change().await;
    let made = change.content_import(TENANT, imports).await.unwrap();
    let version = change.commit().await.unwrap();
    assert_eq!(version, Some(FeedVersion(2)));
    assert_eq!(made.len(), 2_500);
    let events = last_events(&stage).await;
    assert_eq!(events.len(), 2_500);
    let whole = |event: &FeedEvent| {
        let FeedEvent::ContentSet(state) = event else { panic!("{event:?}") };
        state.version.is_some() && state.files.len() == 2
    };
    assert!(events.iter().all(whole));
    let mut seen = 0;
    let mut page = Page::first(1_000);
    loop {
        let listed = stage.view().await.content_state_list(&page).await.unwrap();
        assert!(listed.items.iter().all(|state| state.files.len() == 2));
        seen += listed.items.len();
        match listed.next {
            Some(next) => page = Page::after(next, 1_000),
            None => break,
        }
    }
    assert_eq!(seen, 2_500);
    let filter = ContentFilter { tag: Some("imported".into()), ..ContentFilter::default() };
    let listed = stage.view().await.content_list(TENANT, &filter, &Page::first(10)).await.unwrap();
    assert_eq!(listed.items[0], made[0]);
}

async fn contents_are_listed_by_what_they_are(stage: Stage) {
    stage.tenant(1).await;
    let shelf = folder(&stage, None, "shelf").await;
    let tagged = ContentDraft { tags: vec!["x".into()], ..ContentDraft::new(ContentKind::Audio) };
    let shelved = ContentDraft { folder: Some(shelf), ..ContentDraft::new(ContentKind::Url) };
    let open = ContentDraft {
        publication: Publication::Published,
        ..ContentDraft::new(ContentKind::Playlist)
    };
    let tagged = content(&stage, tagged).await;
    let shelved = content(&stage, shelved).await;
    let open = content(&stage, open).await;
    let mut view = stage.view().await;
    let all = ContentFilter::default();
    let listed = view.content_list(TENANT, &all, &Page::first(9)).await.unwrap();
    assert_eq!(listed.items.len(), 3);
    for (filter, expected) in [
        (ContentFilter { folder: Some(FolderFilter::Itself(shelf)), ..all.clone() }, shelved),
        (ContentFilter { tag: Some("x".into()), ..all.clone() }, tagged),
        (ContentFilter { publication: Some(Publication::Published), ..all }, open),
    ] {
        let listed = view.content_list(TENANT, &filter, &Page::first(9)).await.unwrap();
        assert_eq!(listed.items, [expected]);
    }
}

async fn a_folders_attachments_are_told_to_edges(stage: Stage) {
    stage.tenant(1).await;
    let pipeline = pipeline(&stage).await.number;
    let shelf = folder(&stage, None, "shelf").await;
    let mut change = stage.change().await;
    let mut logo = file(pipeline, FileKind::Attachment, "Logo", "logo.png");
    logo.place.variant = "logo.png".into();
    change.file_put_all(&FileOwner::Folder(shelf), vec![logo]).await.unwrap();
    change.commit().await.unwrap();
    let states = stage.view().await.folder_state_list().await.unwrap();
    assert_eq!(states[0].files[0].place.variant, Box::from("logo.png"));
    let told = FeedEvent::FolderSet(states[0].clone());
    assert_eq!(last_events(&stage).await, [told]);
    let mut change = stage.change().await;
    change.folder_remove(shelf, Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    let gone = FeedEvent::FolderRemoved { tenant: TENANT, number: shelf };
    assert_eq!(last_events(&stage).await, [gone]);
    assert!(stage.view().await.folder_state_list().await.unwrap().is_empty());
}

async fn a_catalog_is_its_tenants_own(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let pipeline = pipeline(&stage).await.number;
    let shelf = folder(&stage, None, "shelf").await;
    let made = content(&stage, ContentDraft::new(ContentKind::Video)).await;
    let stranger = Stage::of_tenant(2);
    let mut view = stage.store.view(&stranger).await.unwrap();
    for found in [
        view.content(&made.id).await.map(drop),
        view.version_list(&made.id).await.map(drop),
        view.folder(shelf).await.map(drop),
        view.pipeline(pipeline).await.map(drop),
        view.content_state_list(&Page::first(1)).await.map(drop),
        view.content_list(TENANT, &ContentFilter::default(), &Page::first(1)).await.map(drop),
    ] {
        assert_eq!(found.unwrap_err().kind(), StoreErrorKind::NotFound);
    }
    drop(view);
    let mut change = stage.change().await;
    let foreign = ContentDraft { folder: Some(shelf), ..ContentDraft::new(ContentKind::Video) };
    let error = change.content_create(TenantId(2), foreign).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    let draft = FolderDraft { parent: Some(shelf), name: "x".into() };
    let error = change.folder_create(TenantId(2), draft).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
    let import = ContentImport {
        id: None,
        draft: ContentDraft::new(ContentKind::Video),
        files: vec![file(pipeline, FileKind::Source, "", "a")],
        active_thumbnail: None,
    };
    let error = change.content_import(TenantId(2), vec![import]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    drop(change);
    let mut change = stage.store.change(&stranger, NOW).await.unwrap();
    let error = change.content_remove(&made.id, Expected::Any).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}
