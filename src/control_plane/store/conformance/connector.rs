//! Connectors: what they are, what edges are told of them, and which names of contents they need.

use std::collections::BTreeSet;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    AddressedBy, Ambiguity, Connector, ConnectorDraft, ConnectorKinds, ConnectorState, Content,
    ContentDraft, ContentImport, ContentKind, ContentName, ContentNames, ContentText, FeedEvent,
    FeedHead, FeedPage, FeedVersion, FolderDraft, HttpsRule, Metadata,
};
use crate::control_plane::store::{Expected, Naming, Page, StoreErrorKind};

on_both_databases! {
    a_connector_is_what_was_said_of_it
    edges_are_told_the_names_that_connectors_need
    names_that_edges_know_are_not_told_again
    names_of_many_contents_are_told_some_at_a_time
    one_that_begins_beside_an_import_misses_nothing
    namesakes_are_in_the_order_in_which_they_are_meant
}

const TENANT: TenantId = TenantId(1);

async fn folder(stage: &Stage, tenant: u64, name: &str) -> ChannelId {
    let mut change = stage.change().await;
    let draft = FolderDraft { parent: None, name: name.into() };
    let made = change.folder_create(TenantId(tenant), draft).await.unwrap();
    change.commit().await.unwrap();
    made.number
}

fn draft(folder: ChannelId, addressed_by: AddressedBy) -> ConnectorDraft {
    ConnectorDraft {
        name: "press".into(),
        folder,
        kinds: ConnectorKinds::of(&[ContentKind::Video, ContentKind::Image]).unwrap(),
        addressed_by,
        https: HttpsRule::Forced,
        ambiguity: Ambiguity::Refused,
        state: ConnectorState::Enabled,
    }
}

async fn connector(stage: &Stage, draft: ConnectorDraft) -> Connector {
    let mut change = stage.change().await;
    let made = change.connector_create(TENANT, draft).await.unwrap();
    change.commit().await.unwrap();
    made
}

fn said(folder: ChannelId, pretty_id: &str, skus: &[(&str, &str)]) -> ContentDraft {
    let sku = |(language, value): &(&str, &str)| Metadata {
        language: (*language).into(),
        name: "SKU".into(),
        value: (*value).into(),
    };
    ContentDraft {
        folder: Some(folder),
        texts: vec![ContentText {
            language: "en".into(),
            title: pretty_id.into(),
            description: "".into(),
            pretty_id: Some(pretty_id.into()),
        }],
        metadata: skus.iter().map(sku).collect(),
        ..ContentDraft::new(ContentKind::Video)
    }
}

async fn content(stage: &Stage, draft: ContentDraft) -> Content {
    let mut change = stage.change().await;
    let made = change.content_create(TENANT, draft).await.unwrap();
    change.commit().await.unwrap();
    made
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

/// The names in the last change of the feed, of each content in it.
async fn last_names(stage: &Stage) -> Vec<Option<ContentNames>> {
    let events = last_events(stage).await.into_iter();
    let names = events.filter_map(|event| {
        if let FeedEvent::ContentSet(state) = event { Some(state.names) } else { None }
    });
    names.collect()
}

fn pretty(id: &str) -> ContentName {
    ContentName::PrettyId { language: "en".into(), id: id.into() }
}

fn sku(value: &str) -> ContentName {
    ContentName::Metadata { name: "SKU".into(), value: value.into() }
}

fn named(names: &[ContentName]) -> ContentNames {
    ContentNames { created_at: NOW, names: names.to_vec() }
}

async fn a_connector_is_what_was_said_of_it(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let place = folder(&stage, 1, "press").await;
    let foreign = folder(&stage, 2, "press").await;
    let other = folder(&stage, 1, "other").await;
    let mut made = Vec::new();
    for addressed_by in
        [AddressedBy::ContentId, AddressedBy::PrettyId, AddressedBy::Metadata("SKU".into())]
    {
        made.push(connector(&stage, draft(place, addressed_by)).await);
        let told = last_events(&stage).await;
        assert_eq!(told, [FeedEvent::ConnectorSet(made.last().unwrap().clone())]);
    }
    made.sort_by(|one, other| one.id.cmp(&other.id));
    let mut view = stage.view().await;
    assert_eq!(view.connector_list(TENANT, &Page::first(9)).await.unwrap().items, made);
    assert_eq!(view.connector_list_all(&Page::first(9)).await.unwrap().items, made);
    assert!(view.connector_list(TenantId(2), &Page::first(9)).await.unwrap().items.is_empty());
    let first = view.connector_list(TENANT, &Page::first(1)).await.unwrap();
    assert_eq!((first.items.len(), first.next.as_ref()), (1, Some(&made[0].id)));
    for (folder, expected) in [(place, &*made), (other, &[]), (foreign, &[])] {
        let listed = view.connector_list_of_folder(folder, &Page::first(9)).await.unwrap();
        assert_eq!(listed.items, expected);
    }
    let behind = Page::after(made[0].id.clone(), 1);
    let second = view.connector_list_of_folder(place, &behind).await.unwrap();
    assert_eq!((&*second.items, second.next.as_ref()), (&made[1..2], Some(&made[1].id)));
    drop(view);
    let mut view = stage.store.view(&Stage::of_tenant(2)).await.unwrap();
    let error = view.connector(&made[0].id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    drop(view);

    for tenant in [foreign, ChannelId(999)] {
        let mut change = stage.change().await;
        let wrong = draft(tenant, AddressedBy::ContentId);
        let error = change.connector_create(TENANT, wrong).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Referenced);
    }
    let mut change = stage.change().await;
    let id = &made[0].id;
    let closed = ConnectorDraft {
        kinds: ConnectorKinds::All,
        state: ConnectorState::Disabled,
        ..draft(place, AddressedBy::ContentId)
    };
    let error = change.connector_replace(id, Expected::Revision(9), closed.clone()).await;
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Stale);
    let after = change.connector_replace(id, Expected::Revision(1), closed.clone()).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!((&after.draft, after.revision), (&closed, 2));
    assert_eq!(stage.view().await.connector(id).await.unwrap(), after);
    assert_eq!(last_events(&stage).await, [FeedEvent::ConnectorSet(after)]);

    // A folder with a connector is not removed.
    let mut change = stage.change().await;
    let error = change.folder_remove(place, Expected::Any).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Referenced);
    drop(change);
    let mut change = stage.change().await;
    change.connector_remove(id, Expected::Revision(2)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(last_events(&stage).await, [FeedEvent::ConnectorRemoved { id: id.clone() }]);
    let error = stage.view().await.connector(id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

async fn edges_are_told_the_names_that_connectors_need(stage: Stage) {
    stage.tenant(1).await;
    let place = folder(&stage, 1, "press").await;
    let other = folder(&stage, 1, "other").await;
    let there = said(place, "a-film", &[("en", "x1"), ("de", "x1"), ("", "x2")]);
    let film = content(&stage, there.clone()).await;
    assert_eq!(last_names(&stage).await, [None], "no connector, no names");
    connector(&stage, draft(place, AddressedBy::ContentId)).await;
    assert_eq!(last_names(&stage).await, [], "an id needs none");
    connector(&stage, draft(place, AddressedBy::PrettyId)).await;
    assert_eq!(last_names(&stage).await, [Some(named(&[pretty("a-film")]))]);
    connector(&stage, draft(place, AddressedBy::Metadata("sku".into()))).await;
    assert_eq!(
        last_names(&stage).await,
        [Some(named(&[pretty("a-film")]))],
        "names are case-sensitive"
    );
    let by_sku = connector(&stage, draft(place, AddressedBy::Metadata("SKU".into()))).await;
    let all = [sku("x1"), sku("x2"), pretty("a-film")];
    assert_eq!(last_names(&stage).await, [Some(named(&all))]);
    // Whoever says something else of the content says its names with it.
    let mut change = stage.change().await;
    let renamed = said(place, "the-film", &[("", "x2")]);
    change.content_replace(&film.id, Expected::Any, renamed).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(last_names(&stage).await, [Some(named(&[sku("x2"), pretty("the-film")]))]);
    content(&stage, said(other, "elsewhere", &[("", "x2")])).await;
    assert_eq!(last_names(&stage).await, [None]);
    // And so does a snapshot.
    let mut view = stage.view().await;
    let states = view.content_state_list(&Page::first(9)).await.unwrap().items;
    let told: Vec<_> = states.into_iter().filter_map(|state| state.names).collect();
    assert_eq!(told, [named(&[sku("x2"), pretty("the-film")])]);
    drop(view);
    // A connector that is put elsewhere needs those of there.
    let mut change = stage.change().await;
    let elsewhere = draft(other, AddressedBy::Metadata("SKU".into()));
    change.connector_replace(&by_sku.id, Expected::Any, elsewhere).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(last_names(&stage).await, [Some(named(&[sku("x2")]))]);
}

async fn names_of_many_contents_are_told_some_at_a_time(stage: Stage) {
    stage.tenant(1).await;
    let place = folder(&stage, 1, "press").await;
    let import = |at: u32| ContentImport {
        id: None,
        draft: said(place, &format!("c{at}"), &[]),
        files: Vec::new(),
        active_thumbnail: None,
    };
    let mut change = stage.change().await;
    change.content_import(TENANT, (0..1_100).map(import).collect()).await.unwrap();
    change.commit().await.unwrap();
    let made = connector(&stage, draft(place, AddressedBy::PrettyId)).await;
    let mut told = last_names(&stage).await;
    assert_eq!(told.len(), 500);
    assert_eq!(
        stage.view().await.connector_list_unnamed().await.unwrap(),
        std::slice::from_ref(&made.id)
    );
    let mut steps = Vec::new();
    loop {
        // Each could be the last before somebody else goes on.
        let store = stage.again().await.unwrap();
        let mut change = store.change(&Caller::system("test"), NOW).await.unwrap();
        let step = change.connector_name_more(&made.id).await.unwrap();
        change.commit().await.unwrap();
        steps.push(step);
        told.extend(last_names(&stage).await);
        if step == Naming::Done {
            break;
        }
    }
    assert_eq!(steps, [Naming::More, Naming::Done]);
    assert!(stage.view().await.connector_list_unnamed().await.unwrap().is_empty());
    let distinct: BTreeSet<_> =
        told.iter().flatten().flat_map(|names| names.names.clone()).collect();
    assert_eq!((told.len(), distinct.len()), (1_100, 1_100));
}

/// A folder may have thousands of contents, and whoever calls a connector otherwise changes none.
async fn names_that_edges_know_are_not_told_again(stage: Stage) {
    stage.tenant(1).await;
    let place = folder(&stage, 1, "press").await;
    content(&stage, said(place, "one", &[("", "1")])).await;
    let by_sku = || draft(place, AddressedBy::Metadata("SKU".into()));
    let id = connector(&stage, by_sku()).await.id;
    assert_eq!(last_events(&stage).await.len(), 2);
    let replace = async |draft: ConnectorDraft| {
        let mut change = stage.change().await;
        change.connector_replace(&id, Expected::Any, draft).await.unwrap();
        change.commit().await.unwrap();
        last_events(&stage).await.len()
    };
    let disabled = ConnectorDraft { state: ConnectorState::Disabled, ..by_sku() };
    assert_eq!(replace(disabled).await, 1);
    assert_eq!(replace(ConnectorDraft { name: "other".into(), ..by_sku() }).await, 1);
    assert_eq!(replace(draft(place, AddressedBy::PrettyId)).await, 2);
    assert_eq!(last_names(&stage).await, [Some(named(&[pretty("one")]))]);
    assert_eq!(replace(draft(place, AddressedBy::ContentId)).await, 1);
    assert_eq!(replace(by_sku()).await, 2);
}

/// The import began before there was a connector, and ends behind it.
async fn one_that_begins_beside_an_import_misses_nothing(stage: Stage) {
    stage.tenant(1).await;
    let place = folder(&stage, 1, "press").await;
    let mut change = stage.change().await;
    change.content_create(TENANT, said(place, "late", &[])).await.unwrap();
    let beside = connector(&stage, draft(place, AddressedBy::PrettyId));
    let import = async {
        // The other one is under way, and waits.
        tokio::task::yield_now().await;
        change.commit().await.unwrap();
    };
    tokio::join!(beside, import);
    assert_eq!(last_names(&stage).await, [Some(named(&[pretty("late")]))]);
}

async fn namesakes_are_in_the_order_in_which_they_are_meant(stage: Stage) {
    stage.tenant(1).await;
    let place = folder(&stage, 1, "press").await;
    let other = folder(&stage, 1, "other").await;
    let mut made = Vec::new();
    for at in [20, 10, 20] {
        let mut change = stage.store.change(&Stage::system(), NOW.plus(at)).await.unwrap();
        let name = format!("p{}", made.len());
        let draft = said(place, &name, &[("en", "x"), ("de", "x"), ("", "alone")]);
        made.push(change.content_create(TENANT, draft).await.unwrap());
        change.commit().await.unwrap();
    }
    content(&stage, said(place, "other-value", &[("", "y"), ("en", "y")])).await;
    content(&stage, said(other, "elsewhere", &[("", "y")])).await;
    made.sort_by_key(|content| (content.created_at, content.id.clone()));
    let mut view = stage.view().await;
    let values = BTreeSet::from(["x".into(), "y".into(), "z".into()]);
    let namesakes = view.connector_namesakes(place, "SKU", &values, 100).await.unwrap();
    let of_x: Vec<_> =
        namesakes.iter().filter(|(value, _)| &**value == "x").map(|(_, id)| id.clone()).collect();
    assert_eq!(of_x, made.iter().map(|content| content.id.clone()).collect::<Vec<_>>());
    assert_eq!(namesakes.len(), 4);
    let first = view.connector_namesakes(place, "SKU", &values, 1).await.unwrap();
    assert_eq!(first.len(), 2);
    assert!(first.contains(&("x".into(), made[0].id.clone())));
    let clashes = view.connector_clash_list(place, "SKU", &Page::first(9)).await.unwrap().items;
    let clashes: Vec<_> = clashes.iter().map(|clash| (&*clash.value, clash.contents)).collect();
    assert_eq!(clashes, [("alone", 3), ("x", 3)]);
    drop(view);
    let mut fields = said(place, "fields", &[("", "z")]);
    fields.metadata.push(Metadata { language: "en".into(), name: "Use".into(), value: "A".into() });
    content(&stage, fields).await;
    let mut view = stage.view().await;
    let fields = view.connector_field_list(place, 9).await.unwrap();
    let fields: Vec<_> = fields.iter().map(|field| (&*field.name, field.contents)).collect();
    assert_eq!(fields, [("SKU", 5), ("Use", 1)]);
    assert_eq!(view.connector_field_list(place, 1).await.unwrap().len(), 1);
    let behind = Page::after("alone".into(), 9);
    assert_eq!(view.connector_clash_list(place, "SKU", &behind).await.unwrap().items.len(), 1);
}
