//! Shares: all that is of one is kept, downloads are counted one by one, and what ended is forgotten.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::record::{
    ContentDraft, ContentId, ContentImport, ContentKind, FolderDraft, MOST_SHARED, PasswordHash,
    Period, Publication, SecretHash, Share, ShareAddress, ShareDelivery, ShareDownloads,
    ShareDraft, ShareEventKind, ShareId, ShareInformation, ShareItem, ShareLogo, ShareNotices,
    ShareRecipient,
};
use crate::control_plane::store::{
    Expected, Happened, Page, ShareFilter, ShareSession, ShareState, StoreErrorKind,
};

on_both_databases! {
    a_share_is_kept_with_all_that_is_of_it
    a_change_is_of_the_state_that_was_read
    downloads_are_counted_one_by_one
    ten_thousand_items_are_kept_in_two_seconds
    contents_of_a_folder_are_found_as_they_are_now
    a_history_has_its_own_order
    changes_of_a_share_are_one_after_the_other
    sessions_and_shares_that_ended_are_forgotten
}

fn share(title: &str) -> Share {
    Share {
        id: ShareId::random(NOW).unwrap(),
        tenant: TenantId(1),
        address: ShareAddress::random().unwrap(),
        draft: ShareDraft {
            title: title.into(),
            message: "Hello\n日本語".into(),
            context: Some("press".into()),
            delivery: ShareDelivery::China,
            information: ShareInformation::Complete,
            download: ShareDownloads::Allowed,
            download_limit: NonZeroU32::new(10),
            terms: Some("Be kind".into()),
            language: Some("it".into()),
            logo: ShareLogo::Shown,
            notices: ShareNotices::Off,
        },
        creator: "per_1".into(),
        creator_name: "Ann".into(),
        folder: Some(ChannelId(7)),
        items: 2,
        password: PasswordHash::parse("$argon2id$x"),
        password_version: 3,
        terms_version: 2,
        link_epoch: 4,
        classifications: Some(vec!["press".into(), "ä".into()]),
        created_at: NOW,
        expires_at: Some(NOW.plus(60)),
        downloads: 0,
        revision: 1,
    }
}

fn item(number: u64, content: &str) -> ShareItem {
    let content = ContentId::parse(content).unwrap();
    ShareItem { number, content, publication: Publication::Published, removed_at: None }
}

fn recipient(number: u64, email: Option<&str>) -> ShareRecipient {
    ShareRecipient {
        number,
        address: ShareAddress::random().unwrap(),
        name: format!("recipient {number}").into(),
        email: email.map(Into::into),
        expires_at: email.map(|_| NOW.plus(30)),
        revoked_at: None,
        link_epoch: 1,
    }
}

async fn kept(stage: &Stage, share: &Share, recipients: &[ShareRecipient]) {
    let items = [item(0, "film"), item(1, "picture")];
    let mut change = stage.change().await;
    change.share_create(share, &items, recipients).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
}

async fn listed(stage: &Stage, filter: &ShareFilter) -> Vec<Box<str>> {
    let page = Page::first(9);
    let listed = stage.view().await.share_list(TenantId(1), filter, &page).await.unwrap();
    listed.items.into_iter().map(|share| share.draft.title).collect()
}

async fn a_share_is_kept_with_all_that_is_of_it(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let bare = Share {
        draft: ShareDraft {
            context: None,
            download_limit: None,
            terms: None,
            language: None,
            ..share("bare").draft
        },
        folder: None,
        password: None,
        classifications: None,
        expires_at: None,
        creator: "app_1".into(),
        ..share("bare")
    };
    let full = share("full");
    let recipients = [recipient(1, Some("bob@example.com")), recipient(2, None)];
    kept(&stage, &bare, &[]).await;
    kept(&stage, &full, &recipients).await;
    let mut view = stage.view().await;
    for made in [&bare, &full] {
        assert_eq!(&view.share(&made.id).await.unwrap(), made);
        let found = view.share_addressed(&made.address).await.unwrap();
        assert_eq!((&found.share, found.recipient), (made, None));
    }
    assert_eq!(view.share_recipient_list(&full.id).await.unwrap(), recipients);
    let found = view.share_addressed(&recipients[1].address).await.unwrap();
    assert_eq!((found.share, found.recipient), (full.clone(), Some(recipients[1].clone())));
    let items = view.share_item_list(&full.id, &Page::first(1)).await.unwrap();
    assert_eq!((items.items, items.next), (vec![item(0, "film")], Some(0)));
    let items = view.share_item_list(&full.id, &Page::after(0, 9)).await.unwrap();
    assert_eq!((items.items, items.next), (vec![item(1, "picture")], None));
    assert_eq!(view.share_item_last(&full.id).await.unwrap(), Some(1));
    let beside = view.share_items_beside(&full.id, 0, 9).await.unwrap();
    assert_eq!(beside, (vec![], vec![item(1, "picture")]));
    let beside = view.share_items_beside(&full.id, 2, 1).await.unwrap();
    assert_eq!(beside, (vec![item(1, "picture")], vec![]));
    // Another tenant's are nobody's.
    let mut theirs = stage.store.view(&Stage::of_tenant(2)).await.unwrap();
    for error in [
        theirs.share(&full.id).await.unwrap_err(),
        theirs.share_addressed(&full.address).await.unwrap_err(),
        theirs.share_item_list(&full.id, &Page::first(9)).await.unwrap_err(),
        theirs.share_recipient_list(&full.id).await.unwrap_err(),
        theirs.share_item_last(&full.id).await.unwrap_err(),
        theirs.share_items_beside(&full.id, 0, 9).await.unwrap_err(),
        theirs.share_event(&full.id, 1).await.unwrap_err(),
        theirs.share_event_list(&full.id, &Page::first(9)).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
    }
    let all = ShareFilter::default();
    let mut names = listed(&stage, &all).await;
    names.sort_unstable();
    assert_eq!(names, ["bare", "full"].map(Box::<str>::from));
    let of = |content: &str| Some(ContentId::parse(content).unwrap());
    for (filter, expected) in [
        (ShareFilter { created_since: Some(NOW.plus(1)), ..all.clone() }, vec![]),
        (ShareFilter { creator: Some("per_1".into()), ..all.clone() }, vec!["full"]),
        (ShareFilter { content: of("none"), ..all.clone() }, vec![]),
        (
            ShareFilter { state: Some((ShareState::Over, NOW.plus(61))), ..all.clone() },
            vec!["full"],
        ),
        (ShareFilter { state: Some((ShareState::Over, NOW.plus(60))), ..all.clone() }, vec![]),
        (
            ShareFilter { state: Some((ShareState::Open, NOW.plus(61))), ..all.clone() },
            vec!["bare"],
        ),
    ] {
        let expected: Vec<Box<str>> = expected.into_iter().map(Into::into).collect();
        assert_eq!(listed(&stage, &filter).await, expected, "{filter:?}");
    }
    assert_eq!(listed(&stage, &ShareFilter { content: of("film"), ..all }).await.len(), 2);
    // Neither an address nor a hash is in the log.
    let log = stage.view().await.audit_list(&Page::first(99)).await.unwrap();
    let log = format!("{:?}", log.items);
    assert!(log.contains("share.create"), "{log}");
    for secret in [full.address.expose(), recipients[0].address.expose(), "argon2id", "bob@"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

async fn a_change_is_of_the_state_that_was_read(stage: Stage) {
    stage.tenant(1).await;
    let before = share("before");
    kept(&stage, &before, &[recipient(1, None)]).await;
    let after = Share {
        draft: ShareDraft { title: "after".into(), ..before.draft.clone() },
        password: None,
        password_version: 4,
        expires_at: None,
        ..before.clone()
    };
    let mut change = stage.change().await;
    let made = change.share_replace(&before, Expected::Revision(1), after.clone()).await.unwrap();
    assert_eq!(made, Share { revision: 2, ..after.clone() });
    change.commit().await.unwrap();
    assert_eq!(stage.view().await.share(&before.id).await.unwrap(), made);
    for (seen, expected) in [(&before, Expected::Any), (&made, Expected::Revision(1))] {
        let mut change = stage.change().await;
        let error = change.share_replace(seen, expected, after.clone()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Stale);
    }

    let mut change = stage.change().await;
    let removed = change.share_item_remove(&made, 0).await.unwrap();
    assert_eq!(removed, ShareItem { removed_at: Some(NOW), ..item(0, "film") });
    let error = change.share_item_remove(&made, 0).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    let first = change.view().share_recipient(&made.id, 1).await.unwrap();
    let earlier = ShareRecipient { expires_at: Some(NOW.plus(9)), link_epoch: 2, ..first.clone() };
    let moved = change.share_recipient_move(&made, &first, earlier.clone()).await.unwrap();
    assert_eq!(moved, earlier);
    let stale = change.share_recipient_move(&made, &first, earlier.clone()).await.unwrap_err();
    assert_eq!(stale.kind(), StoreErrorKind::Stale);
    assert_eq!(change.view().share_recipient(&made.id, 1).await.unwrap(), earlier);
    let revoked = change.share_recipient_revoke(&made, 1).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW));
    let closed = change.share_recipient_move(&made, &earlier, earlier.clone()).await.unwrap_err();
    assert_eq!(closed.kind(), StoreErrorKind::Stale);
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let now = view.share(&made.id).await.unwrap();
    assert_eq!((now.items, now.revision), (1, 3));
    assert_eq!(view.share_items(&made.id).await.unwrap(), [item(1, "picture")]);
    assert_eq!(view.share_item_of(&made.id, &item(0, "film").content).await.unwrap(), None);
    let found = view.share_addressed(&revoked.address).await.unwrap();
    assert_eq!(found.recipient, Some(revoked));
    drop(view);
    let filter = ShareFilter { content: Some(item(0, "film").content), ..Default::default() };
    assert!(listed(&stage, &filter).await.is_empty());

    let mut change = stage.change().await;
    change.share_remove(&made.id, Expected::Revision(3)).await.unwrap();
    change.commit().await.unwrap();
    let error = stage.view().await.share_addressed(&made.address).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

/// H: a limit is of downloads that were begun, and of many at once no more begin.
async fn downloads_are_counted_one_by_one(stage: Stage) {
    stage.tenant(1).await;
    let limited = Share { expires_at: None, ..share("limited") };
    kept(&stage, &limited, &[]).await;
    let mut begun = JoinSet::new();
    for _ in 0..40 {
        let (store, limited) = (stage.store.clone(), limited.clone());
        begun.spawn(async move {
            let mut change = store.change(&Stage::system(), NOW).await.unwrap();
            let happened = Happened::of(ShareEventKind::Downloaded);
            let which = change.share_download_begin(&limited, None, happened).await.unwrap();
            change.commit().await.unwrap();
            which.map(|it| it.download)
        });
    }
    let begun: Vec<u64> = begun.join_all().await.into_iter().flatten().collect();
    assert_eq!(begun.iter().copied().collect::<BTreeSet<_>>(), (1..=10).collect());
    assert_eq!(begun.len(), 10);
    let now = stage.view().await.share(&limited.id).await.unwrap();
    assert_eq!((now.downloads, now.downloads_left(), now.revision), (10, Some(0), 1));
    let history = stage.view().await.share_event_list(&limited.id, &Page::first(99)).await;
    let history = history.unwrap().items;
    assert_eq!(history.len(), 10);
    assert!(history.iter().all(|it| it.detail["download"] == it.number));

    let begin = async |share: &Share, at: u64| {
        let mut change = stage.store.change(&Stage::system(), NOW.plus(at)).await.unwrap();
        let happened = Happened::of(ShareEventKind::Downloaded);
        change.share_download_begin(share, None, happened).await.unwrap().map(|it| it.download)
    };
    let free = Share {
        draft: ShareDraft { download_limit: None, ..share("free").draft },
        ..share("free")
    };
    kept(&stage, &free, &[]).await;
    assert_eq!(begin(&free, 60).await, Some(1));
    assert_eq!(begin(&free, 61).await, None, "it is over");
    assert_eq!(begin(&Share { link_epoch: 5, ..free.clone() }, 0).await, None);
    // Of a recipient whose address is closed, or over, none begins.
    let theirs = share("theirs");
    let closed = ShareRecipient { revoked_at: Some(NOW), ..recipient(2, None) };
    let over = ShareRecipient { expires_at: Some(NOW), ..recipient(3, None) };
    kept(&stage, &theirs, &[recipient(1, None), closed, over]).await;
    for (number, at, begins) in
        [(1, 1, true), (2, 1, false), (3, 0, true), (3, 1, false), (4, 1, false)]
    {
        let mut change = stage.store.change(&Stage::system(), NOW.plus(at)).await.unwrap();
        let happened = Happened::of(ShareEventKind::Downloaded);
        let whose = recipient(number, None);
        let begun = change.share_download_begin(&theirs, Some(&whose), happened).await.unwrap();
        assert_eq!(begun.is_some(), begins, "{number} {at}");
    }
    // Nor by an address whose end was moved since: its links are closed.
    let mut change = stage.change().await;
    let happened = Happened::of(ShareEventKind::Downloaded);
    let moved = ShareRecipient { link_epoch: 2, ..recipient(1, None) };
    assert_eq!(change.share_download_begin(&theirs, Some(&moved), happened).await.unwrap(), None);
    drop(change);
    let shown = Share {
        draft: ShareDraft { download: ShareDownloads::Refused, ..share("shown").draft },
        ..share("shown")
    };
    kept(&stage, &shown, &[]).await;
    assert_eq!(begin(&Share { draft: free.draft.clone(), ..shown }, 0).await, None);
}

/// What is closed of a share is what it has when it is closed: changes of one share wait for each
/// other before they read it.
async fn changes_of_a_share_are_one_after_the_other(stage: Stage) {
    stage.tenant(1).await;
    let made = share("made");
    kept(&stage, &made, &[]).await;
    let mut changed = JoinSet::new();
    for _ in 0..8 {
        let (store, id) = (stage.store.clone(), made.id.clone());
        changed.spawn(async move {
            let mut change = store.change(&Stage::system(), NOW).await.unwrap();
            let before = change.share_lock(&id).await.unwrap();
            let after = Share { link_epoch: before.link_epoch + 1, ..before.clone() };
            let expected = Expected::Revision(before.revision);
            change.share_replace(&before, expected, after).await.unwrap();
            change.commit().await.unwrap();
        });
    }
    changed.join_all().await;
    let now = stage.view().await.share(&made.id).await.unwrap();
    assert_eq!((now.link_epoch, now.revision), (made.link_epoch + 8, 9));
    let error = stage.change().await.share_lock(&ShareId::random(NOW).unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
}

/// C5.
async fn ten_thousand_items_are_kept_in_two_seconds(stage: Stage) {
    stage.tenant(1).await;
    let items: Vec<ShareItem> =
        (0..MOST_SHARED as u64).map(|number| item(number, &format!("content-{number}"))).collect();
    let large = Share { items: items.len() as u64, ..share("large") };
    let began = Instant::now();
    let mut change = stage.change().await;
    change.share_create(&large, &items, &[]).await.unwrap();
    change.commit().await.unwrap();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    let mut view = stage.view().await;
    assert_eq!(view.share_items(&large.id).await.unwrap(), items);
}

async fn contents_of_a_folder_are_found_as_they_are_now(stage: Stage) {
    stage.tenant(1).await;
    let mut change = stage.change().await;
    let mut folders = Vec::new();
    for (name, parent) in [("top", None), ("below", Some(0)), ("beside", None)] {
        let parent = parent.map(|at: usize| folders[at]);
        let draft = FolderDraft { parent, name: name.into() };
        folders.push(change.folder_create(TenantId(1), draft).await.unwrap().number);
    }
    let period = |starts_at, ends_at| vec![Period { starts_at, ends_at }];
    let imports = [
        ("-a", 0, Publication::Published, vec![]),
        ("-b", 1, Publication::Unpublished, vec![]),
        ("-c", 1, Publication::Published, period(Some(NOW), Some(NOW.plus(1)))),
        ("-d", 1, Publication::Published, period(Some(NOW.plus(1)), None)),
        ("-e", 2, Publication::Published, period(None, Some(NOW))),
    ]
    .map(|(id, folder, publication, periods)| ContentImport {
        id: ContentId::parse(id),
        draft: ContentDraft {
            folder: Some(folders[folder]),
            publication,
            periods,
            ..ContentDraft::new(ContentKind::Url)
        },
        files: Vec::new(),
        active_thumbnail: None,
    });
    let mut imports = Vec::from(imports);
    for import in &mut imports {
        import.draft.url = Some("https://example.com/".into());
    }
    let ids: Vec<ContentId> = imports.iter().filter_map(|it| it.id.clone()).collect();
    change.content_import(TenantId(1), imports).await.unwrap();
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let tenant = TenantId(1);
    let below = view.share_candidates_below(tenant, folders[0], NOW, 9).await.unwrap();
    let told: Vec<_> = below.iter().map(|it| (it.content.as_str(), it.publication)).collect();
    let (public, not) = (Publication::Published, Publication::Unpublished);
    assert_eq!(told, [("-a", public), ("-b", not), ("-c", public), ("-d", not)]);
    assert_eq!(below[1].folder, Some(folders[1]));
    assert_eq!(view.share_candidates_below(tenant, folders[0], NOW, 3).await.unwrap().len(), 3);
    let itself = view.share_candidates_in(tenant, folders[0], NOW, 9).await.unwrap();
    assert_eq!(itself, below[..1]);
    let mut found = view.share_candidates(tenant, &ids, NOW).await.unwrap();
    found.sort_by(|one, other| one.content.cmp(&other.content));
    assert_eq!(found[..4], below);
    assert_eq!((found[4].publication, found.len()), (not, 5));
}

async fn a_history_has_its_own_order(stage: Stage) {
    stage.tenant(1).await;
    let made = share("made");
    kept(&stage, &made, &[]).await;
    let mut full = Happened::of(ShareEventKind::ItemRemoved);
    full.actor = Some("per_1".into());
    full.recipient = Some(2);
    full.network = Some("2001:db8::/64".parse().unwrap());
    full.item = Some(0);
    full.detail.insert("content".to_owned(), "film".into());
    let mut change = stage.change().await;
    for happened in [Happened::of(ShareEventKind::Created), full] {
        change.share_event_add(&made.id, &happened).await.unwrap();
    }
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    let listed = view.share_event_list(&made.id, &Page::first(1)).await.unwrap();
    assert_eq!(listed.next, Some(2));
    let event = &listed.items[0];
    assert_eq!((event.number, event.at, event.kind), (2, NOW, ShareEventKind::ItemRemoved));
    assert_eq!((event.recipient, event.item), (Some(2), Some(0)));
    assert_eq!(event.network.unwrap().to_string(), "2001:db8::/64");
    assert_eq!(event.detail["content"], "film");
    assert_eq!(&view.share_event(&made.id, 2).await.unwrap(), event);
    let error = view.share_event(&made.id, 3).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    let listed = view.share_event_list(&made.id, &Page::after(2, 9)).await.unwrap();
    let kinds: Vec<_> = listed.items.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [ShareEventKind::Created]);
}

async fn sessions_and_shares_that_ended_are_forgotten(stage: Stage) {
    stage.tenant(1).await;
    let (early, late) = (share("early"), Share { expires_at: Some(NOW.plus(61)), ..share("late") });
    let never = Share { expires_at: None, ..share("never") };
    for share in [&early, &late, &never] {
        kept(&stage, share, &[]).await;
    }
    let session = ShareSession {
        hash: SecretHash::of("one"),
        share: late.id.clone(),
        recipient: Some(3),
        password_version: 3,
        terms: Some("ab".into()),
        expires_at: NOW.plus(10),
    };
    let next = ShareSession { hash: SecretHash::of("two"), recipient: None, ..session.clone() };
    let mut change = stage.change().await;
    change.share_session_begin(&session, None).await.unwrap();
    change.commit().await.unwrap();
    let of = async |share: &Share, text: &str, at: u64| {
        let mut view = stage.view().await;
        view.share_session(&share.id, &SecretHash::of(text), NOW.plus(at)).await.unwrap()
    };
    assert_eq!(of(&late, "one", 9).await, Some(session.clone()));
    assert_eq!(of(&late, "one", 10).await, None);
    assert_eq!(of(&early, "one", 9).await, None);
    let mut change = stage.change().await;
    change.share_session_begin(&next, Some(&session.hash)).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(of(&late, "one", 9).await, None);
    assert_eq!(of(&late, "two", 9).await, Some(next));
    let mut change = stage.change().await;
    assert_eq!(change.share_session_forget(NOW.plus(9)).await.unwrap(), 0);
    assert_eq!(change.share_session_forget(NOW.plus(10)).await.unwrap(), 1);
    assert_eq!(change.share_forget(NOW.plus(61)).await.unwrap(), 1);
    change.commit().await.unwrap();
    let left: BTreeSet<Box<str>> =
        listed(&stage, &ShareFilter::default()).await.into_iter().collect();
    assert_eq!(left, BTreeSet::from(["late".into(), "never".into()]));
}
