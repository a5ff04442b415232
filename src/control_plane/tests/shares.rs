//! Shares as they are made and managed: of what, by whom, and what a change closes.

use std::slice;
use std::time::Duration;

use tokio::time::Instant;

use super::mail_scene::site_in_force;
use super::share_scene::*;
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::clock::Clock;
use crate::control_plane::caller::{Actor, Caller, Reach};
use crate::control_plane::record::{
    ContentDraft, ContentId, ContentImport, ContentKind, ContentLinkDraft, ContextDraft, FileKind,
    FolderDraft, LinkRelation, MOST_CHOSEN, MOST_SHARED, Publication, RecipientDraft, Right,
    ScopeSet, Share, ShareDelivery, ShareDownloads, ShareDraft, ShareEventKind, ShareRecipient,
};
use crate::control_plane::retention;
use crate::control_plane::service::{
    Expected, FolderDepth, OnForbidden, Page, PasswordChange, ServiceError, Services, ShareExpiry,
    ShareFilter, ShareOf, ShareOrder, ShareRefusal, ShareRevision, ShareState,
};
use crate::policy::DenialCode;

on_both_databases! {
    contents_are_shared_as_they_are
    what_is_no_share_is_refused
    a_folder_is_shared_as_it_is_at_that_moment
    ten_thousand_contents_are_shared_and_no_more
    whoever_shares_may_share_all_of_it
    shares_are_managed_by_whoever_made_them
    an_end_is_moved_either_way
    what_a_change_closes_is_closed_at_the_edge
    a_recipients_own_end_is_moved
    an_item_and_a_recipient_are_taken_out
    whoever_may_not_share_any_more_opens_nothing_more
    shares_that_ended_a_month_ago_are_removed
}

const DAY: u64 = 24 * 3_600;

async fn items(stage: &Stage, share: &Share) -> Vec<ContentId> {
    let page = Page::first(1_000);
    let listed = stage.services.share_item_list(&system(), TENANT, &share.id, &page).await;
    listed.unwrap().items.into_iter().map(|item| item.content).collect()
}

/// C1, C2, C3, C11, C12, C13, C14, C15, C17.
async fn contents_are_shared_as_they_are(stage: Stage) {
    let contents = contents(&stage).await;
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    change.context_create(TENANT, "press", ContextDraft::default()).await.unwrap();
    let list = ContentImport {
        id: None,
        draft: ContentDraft::new(ContentKind::Playlist),
        files: Vec::new(),
        active_thumbnail: None,
    };
    let list = change.content_import(TENANT, vec![list]).await.unwrap()[0].id.clone();
    let inside =
        ContentLinkDraft { relation: LinkRelation::Enclosed, target: contents.document.clone() };
    change.content_link_replace(&list, vec![inside]).await.unwrap();
    change.commit().await.unwrap();
    let of = [contents.film.clone(), list.clone(), contents.picture.clone()];
    let draft = ShareDraft {
        context: Some("press".into()),
        delivery: ShareDelivery::China,
        terms: Some("Be kind".into()),
        download: ShareDownloads::Refused,
        ..draft()
    };
    let asked = ShareOrder { password: Some(typed("1234")), ..order(&of, draft.clone()) };
    let share = shared(&stage, asked).await;
    assert_eq!((&share.draft, share.items, share.folder), (&draft, 3, None));
    assert_eq!(share.expires_at, Some(NOW.plus(30 * DAY)), "the preset of who says nothing");
    assert!(share.password.is_some());
    // What the list has in it is not shared by it.
    assert_eq!(items(&stage, &share).await, of);
    let page = Page::first(9);
    let kept = stage.services.share_item_list(&system(), TENANT, &share.id, &page).await.unwrap();
    let was: Vec<_> = kept.items.iter().map(|it| it.publication).collect();
    let (public, not) = (Publication::Published, Publication::Unpublished);
    assert_eq!(was, [public, not, not]);
    let first = history(&stage, &share).await.remove(0);
    assert_eq!(
        (first.kind, first.actor.as_deref()),
        (ShareEventKind::Created, Some("system:test"))
    );
    assert_eq!(first.detail["items"], 3);
    for (expiry, end) in [
        (ShareExpiry::Never, None),
        (ShareExpiry::Days(1), Some(NOW.plus(DAY))),
        (ShareExpiry::At(NOW.plus(7)), Some(NOW.plus(7))),
    ] {
        let asked = ShareOrder { expiry, ..order(&of, draft.clone()) };
        assert_eq!(shared(&stage, asked).await.expires_at, end);
    }
    // Nothing of a content is another for it.
    let mut view = stage.store.view(&system()).await.unwrap();
    assert_eq!(view.content(&contents.film).await.unwrap().revision, 1);
}

/// C4, C12, C14.
async fn what_is_no_share_is_refused(stage: Stage) {
    let contents = contents(&stage).await;
    let film = slice::from_ref(&contents.film);
    let names: Vec<ContentId> =
        (0..=MOST_CHOSEN).map(|at| ContentId::parse(&format!("c{at}")).unwrap()).collect();
    let title = |title: &str| ShareDraft { title: title.into(), ..draft() };
    let recipients = |name: &str, email: &str| {
        vec![RecipientDraft { name: name.into(), email: Some(email.into()), expires_at: None }]
    };
    let twice = [contents.film.clone(), contents.film.clone()];
    let context = ShareDraft { context: Some("none".into()), ..draft() };
    let language = ShareDraft { language: Some("!".into()), ..draft() };
    for (asked, pointer) in [
        (order(&[], draft()), "/contents"),
        (order(&twice, draft()), "/contents"),
        (order(film, title("")), "/title"),
        (order(film, title("a\nb")), "/title"),
        (order(film, context), "/context"),
        (order(film, language), "/language"),
        (order(film, with_terms(" ")), "/terms"),
        (ShareOrder { password: Some(typed("123")), ..order(film, draft()) }, "/password"),
        (
            ShareOrder { password: Some(typed(&"x".repeat(129))), ..order(film, draft()) },
            "/password",
        ),
        (ShareOrder { expiry: ShareExpiry::At(NOW), ..order(film, draft()) }, "/expires_at"),
        (ShareOrder { expiry: ShareExpiry::Days(0), ..order(film, draft()) }, "/expires_at"),
        (ShareOrder { expiry: ShareExpiry::Now, ..order(film, draft()) }, "/expires_at"),
        (
            ShareOrder { recipients: recipients("", "a@b"), ..order(film, draft()) },
            "/recipients/0/name",
        ),
        (
            ShareOrder { recipients: recipients("a", "a"), ..order(film, draft()) },
            "/recipients/0/email",
        ),
    ] {
        let refused = stage.services.share_create(&system(), TENANT, asked).await.unwrap_err();
        let ServiceError::Invalid(invalid) = refused else { panic!("{pointer}: {refused:?}") };
        assert_eq!(invalid.pointer, pointer);
    }
    let refused = stage.services.share_create(&system(), TENANT, order(&names, draft())).await;
    let too_large = |refused: Result<Share, ServiceError>, limit| matches!(refused, Err(ServiceError::Share(ShareRefusal::TooLarge { most, .. })) if most == limit);
    assert!(too_large(refused, MOST_CHOSEN));
    // A hundred are not too many; of these there are none.
    let unknown = order(&names[1..], draft());
    let refused = stage.services.share_create(&system(), TENANT, unknown).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound), "{refused:?}");
    let everybody = system();
    let other = stage.services.share_create(&everybody, TenantId(2), order(film, draft()));
    assert!(matches!(other.await, Err(ServiceError::NotFound)));
    // What has four characters in one form of writing has four in every one (G24).
    let composed = ShareOrder { password: Some(typed("e\u{301}234")), ..order(film, draft()) };
    let share = shared(&stage, composed).await;
    let address = share.address.expose();
    stage.services.share_unlock(address, typed("\u{e9}234"), client("192.0.2.1")).await.unwrap();
    let page = Page::first(9);
    let made = stage.services.share_list(&system(), TENANT, &ShareFilter::default(), &page).await;
    assert_eq!(made.unwrap().items.len(), 1, "nothing of what was refused is there");
}

/// C6, C8, G6.
async fn a_folder_is_shared_as_it_is_at_that_moment(stage: Stage) {
    let contents = contents(&stage).await;
    let top = ChannelId(stage.folder);
    let of = |depth| ShareOrder { of: ShareOf::Folder(top, depth), ..order(&[], draft()) };
    let whole = shared(&stage, of(FolderDepth::WithBelow)).await;
    assert_eq!((whole.items, whole.folder), (3, Some(top)));
    let flat = shared(&stage, of(FolderDepth::Itself)).await;
    assert_eq!(flat.items, 2);
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let draft = ContentDraft { folder: Some(top), ..ContentDraft::new(ContentKind::Playlist) };
    let late = change.content_create(TENANT, draft).await.unwrap().id;
    let moved = change.view().content(&contents.film).await.unwrap().draft;
    let moved = ContentDraft { folder: None, ..moved };
    change.content_replace(&contents.film, Expected::Any, moved).await.unwrap();
    change.commit().await.unwrap();
    let now = items(&stage, &whole).await;
    assert!(now.contains(&contents.film) && !now.contains(&late), "{now:?}");
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let empty = FolderDraft { parent: None, name: "empty".into() };
    let empty = change.folder_create(TENANT, empty).await.unwrap().number;
    change.commit().await.unwrap();
    let nothing = ShareOrder {
        of: ShareOf::Folder(empty, FolderDepth::WithBelow),
        ..order(&[], super::share_scene::draft())
    };
    let refused = stage.services.share_create(&system(), TENANT, nothing).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
}

/// C5.
async fn ten_thousand_contents_are_shared_and_no_more(stage: Stage) {
    let top = ChannelId(stage.folder);
    let import = |at: usize| ContentImport {
        id: ContentId::parse(&format!("c{at}")),
        draft: ContentDraft { folder: Some(top), ..ContentDraft::new(ContentKind::Playlist) },
        files: Vec::new(),
        active_thumbnail: None,
    };
    let all =
        || ShareOrder { of: ShareOf::Folder(top, FolderDepth::WithBelow), ..order(&[], draft()) };
    let put = async |from: usize, to: usize| {
        let mut change = stage.store.change(&system(), NOW).await.unwrap();
        change.content_import(TENANT, (from..to).map(import).collect()).await.unwrap();
        change.commit().await.unwrap();
    };
    put(0, MOST_SHARED).await;
    let began = Instant::now();
    let share = shared(&stage, all()).await;
    let took = began.elapsed();
    assert_eq!(share.items, MOST_SHARED as u64);
    assert!(took < Duration::from_secs(2), "{took:?}");
    put(MOST_SHARED, MOST_SHARED + 1).await;
    let refused = stage.services.share_create(&system(), TENANT, all()).await.unwrap_err();
    let ServiceError::Share(ShareRefusal::TooLarge { most, .. }) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(most, MOST_SHARED);
    let page = Page::first(9);
    let made = stage.services.share_list(&system(), TENANT, &ShareFilter::default(), &page).await;
    assert_eq!(made.unwrap().items.len(), 1);
}

/// C7.
async fn whoever_shares_may_share_all_of_it(stage: Stage) {
    let contents = contents(&stage).await;
    let top = ChannelId(stage.folder);
    let ann = member(&stage, "ann", &[(contents.below, Right::Share)]).await;
    let services = &stage.services;
    let film = order(&[contents.film.clone(), contents.picture.clone()], draft());
    let refused = services.share_create(&ann, TENANT, film).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound), "what they do not see: {refused:?}");
    let bob = member(&stage, "bob", &[(top, Right::See), (contents.below, Right::Share)]).await;
    let of_all = || order(&contents.all(), draft());
    let of_folder =
        || ShareOrder { of: ShareOf::Folder(top, FolderDepth::WithBelow), ..order(&[], draft()) };
    for asked in [of_all(), of_folder()] {
        let refused = services.share_create(&bob, TENANT, asked).await.unwrap_err();
        let ServiceError::Share(ShareRefusal::Forbidden { contents: mut theirs }) = refused else {
            panic!("{refused:?}")
        };
        theirs.sort();
        let mut expected = vec![contents.film.clone(), contents.document.clone()];
        expected.sort();
        assert_eq!(theirs, expected);
    }
    for asked in [of_all(), of_folder()] {
        let asked = ShareOrder { on_forbidden: OnForbidden::Skip, ..asked };
        let share = services.share_create(&bob, TENANT, asked).await.unwrap();
        assert_eq!(items(&stage, &share).await, slice::from_ref(&contents.picture));
        assert_eq!((&*share.creator_name, share.classifications), ("bob", Some(vec![])));
    }
    let none = ShareOrder {
        on_forbidden: OnForbidden::Skip,
        ..order(slice::from_ref(&contents.film), draft())
    };
    let refused = services.share_create(&bob, TENANT, none).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
}

/// C24, C26, C28, C29.
async fn shares_are_managed_by_whoever_made_them(stage: Stage) {
    let contents = contents(&stage).await;
    let top = ChannelId(stage.folder);
    let ann = member(&stage, "ann", &[(top, Right::Share)]).await;
    let bob = member(&stage, "bob", &[(top, Right::See), (contents.below, Right::Share)]).await;
    let services = &stage.services;
    let hers = services.share_create(&ann, TENANT, order(&contents.all(), draft())).await.unwrap();
    let picture = slice::from_ref(&contents.picture);
    let his = services.share_create(&bob, TENANT, order(picture, draft())).await.unwrap();
    let (page, all) = (Page::first(9), ShareFilter::default());
    let list = async |caller| services.share_list(caller, TENANT, &all, &page).await.unwrap().items;
    assert_eq!(list(&ann).await, slice::from_ref(&hers));
    assert_eq!(list(&bob).await, slice::from_ref(&his));
    assert_eq!(list(&system()).await.len(), 2);
    let filter = ShareFilter { creator: Some(hers.creator.clone()), ..all.clone() };
    assert!(services.share_list(&bob, TENANT, &filter, &page).await.unwrap().items.is_empty());
    let over = (ShareState::Over, NOW.plus(31 * DAY));
    let filter = ShareFilter { state: Some(over), ..all.clone() };
    assert_eq!(services.share_list(&ann, TENANT, &filter, &page).await.unwrap().items.len(), 1);
    // Of another's there is nothing for them.
    let number = Expected::Any;
    for refused in [
        services.share(&bob, TENANT, &hers.id).await.map(drop),
        services.share_item_list(&bob, TENANT, &hers.id, &Page::first(9)).await.map(drop),
        services.share_event_list(&bob, TENANT, &hers.id, &Page::first(9)).await.map(drop),
        services.share_recipient_list(&bob, TENANT, &hers.id).await.map(drop),
        services.share_remove(&bob, TENANT, &hers.id, number).await,
        services.share_change(&bob, TENANT, &hers.id, number, revision(draft())).await.map(drop),
        services.share_recipient_revoke(&bob, TENANT, &hers.id, 1).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ServiceError::NotFound)), "{refused:?}");
    }
    // Whoever reads what happened sees it, without what opens it.
    let scopes = ScopeSet::parse("audit.read shares.write").unwrap();
    let reads = Caller::authenticated(bob.actor().clone(), scopes, Reach::Tenant(TENANT));
    site_in_force(&stage);
    assert!(services.share(&reads, TENANT, &hers.id).await.is_ok());
    for (caller, gives) in [(&reads, false), (&bob, false), (&ann, true), (&system(), true)] {
        let keys = services.share_keys(caller).await.unwrap();
        assert_eq!(services.share_url_for(&keys, &hers, &hers.address).is_some(), gives);
        assert_eq!(services.share_qr(caller, TENANT, &hers.id, None).await.is_ok(), gives);
    }
    // But who may share a content sees what it is in, and takes it out of it.
    let of_picture = async |caller| {
        services.share_list_of_content(caller, TENANT, &contents.picture, &page).await
    };
    assert_eq!(of_picture(&bob).await.unwrap().items.len(), 2);
    let of_film = services.share_list_of_content(&bob, TENANT, &contents.film, &page).await;
    assert!(matches!(of_film, Err(ServiceError::MissingScope(_))), "{of_film:?}");
    let film = services.share_item_remove(&bob, TENANT, &hers.id, 0).await;
    assert!(matches!(film, Err(ServiceError::MissingScope(_))), "{film:?}");
    services.share_item_remove(&bob, TENANT, &hers.id, 1).await.unwrap();
    assert_eq!(of_picture(&bob).await.unwrap().items, slice::from_ref(&his));
    assert_eq!(items(&stage, &hers).await.len(), 2);
    let removed = history(&stage, &hers).await.remove(0);
    let who = removed.actor.as_deref().map(str::to_owned);
    assert_eq!((removed.kind, removed.item), (ShareEventKind::ItemRemoved, Some(1)));
    assert_eq!(who, Some(his.creator.to_string()));
    services.share_remove(&ann, TENANT, &hers.id, Expected::Revision(2)).await.unwrap();
    assert!(matches!(access(&stage, &hers).await, Err(ServiceError::NotFound)));
}

/// C26, G7: an end is put off and brought forward, and what is over opens again.
async fn an_end_is_moved_either_way(stage: Stage) {
    let contents = contents(&stage).await;
    let share = shared(&stage, order(&contents.all(), draft())).await;
    let to = |expiry| ShareRevision { expiry: Some(expiry), ..revision(draft()) };
    let open = async |at: u64| {
        let services = stage.services.clone().at(NOW.plus(at));
        services.share_access(share.address.expose(), None).await
    };
    let later = changed(&stage, &share, NOW, to(ShareExpiry::Days(60))).await;
    assert!(open(60 * DAY).await.is_ok() && open(60 * DAY + 1).await.is_err());
    let earlier = changed(&stage, &later, NOW, to(ShareExpiry::At(NOW.plus(60)))).await;
    assert!(open(60).await.is_ok());
    let gone = open(61).await.unwrap_err();
    assert!(matches!(gone, ServiceError::Share(ShareRefusal::Gone)), "{gone:?}");
    let revived = changed(&stage, &earlier, NOW.plus(DAY), to(ShareExpiry::Never)).await;
    assert_eq!((revived.expires_at, revived.revision), (None, 4));
    assert!(open(9_999 * DAY).await.is_ok());
    let ended = changed(&stage, &revived, NOW.plus(DAY), to(ShareExpiry::Now)).await;
    assert!(open(DAY).await.is_err() && open(DAY - 1).await.is_ok());
    changed(&stage, &ended, NOW, to(ShareExpiry::Never)).await;
    let told = history(&stage, &share).await;
    assert_eq!(told[0].detail["expires_at"][1], serde_json::Value::Null);
    assert_eq!(told[4].detail["expires_at"][1], NOW.plus(60 * DAY).get());
    assert!(told[..5].iter().all(|it| it.detail.len() == 1), "{told:?}");
    let past = to(ShareExpiry::At(NOW));
    let everybody = system();
    let refused = stage.services.share_change(&everybody, TENANT, &share.id, Expected::Any, past);
    assert!(matches!(refused.await, Err(ServiceError::Invalid(_))));
    let stale = Expected::Revision(1);
    let refused =
        stage.services.share_change(&system(), TENANT, &share.id, stale, revision(draft())).await;
    assert!(matches!(refused, Err(ServiceError::Stale)), "{refused:?}");
}

/// C25, C26: links that were handed out die with what let them be, and with nothing else.
async fn what_a_change_closes_is_closed_at_the_edge(stage: Stage) {
    let contents = contents(&stage).await;
    let still = file_of(&stage, &contents.film, FileKind::Thumbnail).await;
    let set = |text: &str| ShareRevision {
        password: PasswordChange::Set(typed(text)),
        ..revision(draft())
    };
    let expiry = |expiry| ShareRevision { expiry: Some(expiry), ..revision(draft()) };
    let refused = ShareDraft { download: ShareDownloads::Refused, ..draft() };
    let china = ShareDraft { delivery: ShareDelivery::China, ..draft() };
    let title = ShareDraft { title: "Other".into(), ..draft() };
    for (what, change, closes) in [
        ("title", revision(title), false),
        ("later", expiry(ShareExpiry::Never), false),
        ("earlier", expiry(ShareExpiry::Days(1)), true),
        ("password", set("12345"), true),
        ("no downloads", revision(refused), true),
        ("a limit", revision(limited(5)), true),
        ("terms", revision(with_terms("Be kind")), true),
        ("other sites", revision(china), true),
    ] {
        let recipients = vec![RecipientDraft { name: "Bob".into(), email: None, expires_at: None }];
        let asked = ShareOrder { recipients, ..order(&contents.all(), draft()) };
        let share = shared(&stage, asked).await;
        let recipients = stage.services.share_recipient_list(&system(), TENANT, &share.id).await;
        let bob = recipients.unwrap().remove(0);
        let other = shared(&stage, order(&contents.all(), draft())).await;
        let mut links = Vec::new();
        let mut visits = Vec::new();
        for address in [share.address.expose(), bob.address.expose(), other.address.expose()] {
            let access = stage.services.share_access(address, None).await.unwrap();
            links.push(stage.services.share_view_link(&access, 0, still).await.unwrap());
            visits.push(access);
        }
        let after = NOW.plus(5);
        let made = changed(&stage, &share, after, change).await;
        assert_eq!(made.link_epoch, if closes { 2 } else { 1 }, "{what}");
        let expected = if closes { Err(DenialCode::TokenRevoked) } else { Ok(()) };
        for link in &links[..2] {
            assert_eq!(at_the_edge(&stage, link, after).await, expected, "{what}");
        }
        assert_eq!(at_the_edge(&stage, &links[2], after).await, Ok(()), "{what}");
        // So is what is handed out now of what was so before.
        let late = stage.services.clone().at(after.plus(60));
        for visit in &visits[..2] {
            let link = late.share_view_link(visit, 0, still).await.unwrap();
            assert_eq!(at_the_edge(&stage, &link, after.plus(60)).await, expected, "{what}");
        }
        // What is handed out afterwards opens, in the same second.
        let services = stage.services.clone().at(after);
        let access = services.share_access(share.address.expose(), None).await.unwrap();
        if let Ok(link) = services.share_view_link(&access, 0, still).await {
            assert_eq!(at_the_edge(&stage, &link, after).await, Ok(()), "{what}");
        }
        services.share_remove(&system(), TENANT, &share.id, Expected::Any).await.unwrap();
        for link in &links[..2] {
            let gone = at_the_edge(&stage, link, after).await;
            assert_eq!(gone, Err(DenialCode::TokenRevoked), "{what}");
        }
    }
}

/// C29, and H: one link per recipient, each closed by itself.
async fn an_item_and_a_recipient_are_taken_out(stage: Stage) {
    let contents = contents(&stage).await;
    let still = file_of(&stage, &contents.film, FileKind::Thumbnail).await;
    let picture = file_of(&stage, &contents.picture, FileKind::Format).await;
    let recipient =
        |name: &str| RecipientDraft { name: name.into(), email: None, expires_at: None };
    let recipients = vec![recipient("Bob"), recipient("Eve")];
    let share = shared(&stage, ShareOrder { recipients, ..order(&contents.all(), draft()) }).await;
    let services = &stage.services;
    let recipients = services.share_recipient_list(&system(), TENANT, &share.id).await.unwrap();
    let addresses = [&share.address, &recipients[0].address, &recipients[1].address];
    let mut links = Vec::new();
    for address in addresses {
        let access = services.share_access(address.expose(), None).await.unwrap();
        let film = services.share_view_link(&access, 0, still).await.unwrap();
        let picture = services.share_view_link(&access, 1, picture).await.unwrap();
        let ticket = services.share_ticket(&access, 0, still, None).await;
        assert!(ticket.is_err(), "a still is no download");
        links.push((film, picture));
    }
    services.share_item_remove(&system(), TENANT, &share.id, 0).await.unwrap();
    for ((film, picture), address) in links.iter().zip(addresses) {
        assert_eq!(at_the_edge(&stage, film, NOW).await, Err(DenialCode::TokenRevoked));
        assert_eq!(at_the_edge(&stage, picture, NOW).await, Ok(()));
        let access = services.share_access(address.expose(), None).await.unwrap();
        let refused = services.share_view_link(&access, 0, still).await.unwrap_err();
        assert!(matches!(refused, ServiceError::NotFound), "{refused:?}");
    }
    let twice = services.share_item_remove(&system(), TENANT, &share.id, 0).await;
    assert!(matches!(twice, Err(ServiceError::NotFound)), "{twice:?}");
    let revoked = services.share_recipient_revoke(&system(), TENANT, &share.id, 1).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW));
    services.share_recipient_revoke(&system(), TENANT, &share.id, 1).await.unwrap();
    let gone = services.share_access(recipients[0].address.expose(), None).await.unwrap_err();
    assert!(matches!(gone, ServiceError::Share(ShareRefusal::Gone)), "{gone:?}");
    for (at, expected) in [Ok(()), Err(DenialCode::TokenRevoked), Ok(())].into_iter().enumerate() {
        assert_eq!(at_the_edge(&stage, &links[at].1, NOW).await, expected, "{at}");
    }
    let told = kinds(&stage, &share).await;
    let (created, removed, revoked) =
        (ShareEventKind::Created, ShareEventKind::ItemRemoved, ShareEventKind::Revoked);
    assert_eq!(told, [revoked, removed, created]);
}

/// H: a recipient's own end is moved either way, never past the share's; an earlier one closes what they
/// were given, and no other's.
async fn a_recipients_own_end_is_moved(stage: Stage) {
    let contents = contents(&stage).await;
    let still = file_of(&stage, &contents.film, FileKind::Thumbnail).await;
    let recipient =
        |name: &str| RecipientDraft { name: name.into(), email: None, expires_at: None };
    let asked = ShareOrder {
        recipients: vec![recipient("Bob"), recipient("Eve")],
        expiry: ShareExpiry::Days(7),
        ..order(&contents.all(), draft())
    };
    let share = shared(&stage, asked).await;
    let services = stage.services.clone();
    let everybody = system();
    let list = services.share_recipient_list(&everybody, TENANT, &share.id).await.unwrap();
    let [bob, eve] = [&list[0], &list[1]];
    let link = async |services: &Services, whose: &ShareRecipient| {
        let access = services.share_access(whose.address.expose(), None).await.unwrap();
        services.share_view_link(&access, 0, still).await.unwrap()
    };
    let (bobs, eves) = (link(&services, bob).await, link(&services, eve).await);
    let before = services.share_access(bob.address.expose(), None).await.unwrap();
    let moved = async |services: &Services, to: Option<u64>| {
        let to = to.map(|after| NOW.plus(after));
        services.share_recipient_move(&everybody, TENANT, &share.id, bob.number, to).await
    };
    let made = moved(&services, Some(3_600)).await.unwrap();
    assert_eq!((made.expires_at, made.link_epoch), (Some(NOW.plus(3_600)), 2));
    assert_eq!(at_the_edge(&stage, &bobs, NOW).await, Err(DenialCode::TokenRevoked));
    assert_eq!(at_the_edge(&stage, &eves, NOW).await, Ok(()));
    // So is what is handed out now of what was so before.
    let minute = NOW.plus(60);
    let late = services.clone().at(minute).share_view_link(&before, 0, still).await.unwrap();
    assert_eq!(at_the_edge(&stage, &late, minute).await, Err(DenialCode::TokenRevoked));
    // What he is given now ends with his end.
    let access = services.share_access(bob.address.expose(), None).await.unwrap();
    assert_eq!(access.until(), NOW.plus(3_600));
    let again = link(&services, bob).await;
    assert_eq!(at_the_edge(&stage, &again, NOW).await, Ok(()));
    let late = NOW.plus(3_601);
    assert_eq!(at_the_edge(&stage, &again, late).await, Err(DenialCode::TokenExpired));
    let then = services.clone().at(late);
    let gone = then.share_access(bob.address.expose(), None).await.unwrap_err();
    assert!(matches!(gone, ServiceError::Share(ShareRefusal::Gone)), "{gone:?}");
    // A later one opens again, and closes nothing.
    let made = moved(&then, Some(7_200)).await.unwrap();
    assert_eq!(made.link_epoch, 2);
    assert_eq!(at_the_edge(&stage, &link(&then, bob).await, late).await, Ok(()));
    let week = 7 * 24 * 3_600;
    for (wrong, at) in [(week + 1, &services), (3_600, &then)] {
        let refused = moved(at, Some(wrong)).await.unwrap_err();
        assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
    }
    // As long as the share is, however that is said.
    let made = moved(&services, Some(week)).await.unwrap();
    assert_eq!(made.link_epoch, 2);
    let made = moved(&services, None).await.unwrap();
    assert_eq!((made.expires_at, made.link_epoch), (None, 2));
    let before = kinds(&stage, &share).await.len();
    moved(&services, None).await.unwrap();
    assert_eq!(kinds(&stage, &share).await.len(), before, "nothing was changed");
    // Closing it closes what came after, and it stays closed.
    let last = link(&services, bob).await;
    services.share_recipient_revoke(&everybody, TENANT, &share.id, 1).await.unwrap();
    assert_eq!(at_the_edge(&stage, &last, NOW).await, Err(DenialCode::TokenRevoked));
    let refused = moved(&services, Some(60)).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
    let event = history(&stage, &share).await.into_iter().nth(1).unwrap();
    assert_eq!((event.kind, event.recipient), (ShareEventKind::Changed, Some(1)));
    // Nobody moves another's, nor opens more of what is not theirs to share.
    let top = ChannelId(stage.folder);
    let ann = member(&stage, "ann", &[(top, Right::Share)]).await;
    let other = services.share_recipient_move(&ann, TENANT, &share.id, 2, Some(NOW.plus(9)));
    assert!(matches!(other.await, Err(ServiceError::NotFound)));
}

/// C7, later: who lost the right closes what they shared, and opens nothing more of it.
async fn whoever_may_not_share_any_more_opens_nothing_more(stage: Stage) {
    let contents = contents(&stage).await;
    let top = ChannelId(stage.folder);
    let ann = member(&stage, "ann", &[(top, Right::Share)]).await;
    let services = &stage.services;
    let share = services.share_create(&ann, TENANT, order(&contents.all(), draft())).await.unwrap();
    let Actor::Person(person) = ann.actor().clone() else { unreachable!() };
    give(&stage, &person, top, Some(Right::See)).await;
    let change = async |revision| {
        services.share_change(&ann, TENANT, &share.id, Expected::Any, revision).await
    };
    let expiry = |expiry| ShareRevision { expiry: Some(expiry), ..revision(draft()) };
    let refused = change(expiry(ShareExpiry::Never)).await;
    assert!(matches!(refused, Err(ServiceError::MissingScope(_))), "{refused:?}");
    change(expiry(ShareExpiry::Days(1))).await.unwrap();
    let shown = ShareDraft { download: ShareDownloads::Refused, ..draft() };
    change(revision(shown)).await.unwrap();
    let refused = change(revision(draft())).await;
    assert!(matches!(refused, Err(ServiceError::MissingScope(_))), "{refused:?}");
}

/// C25, G7.
async fn shares_that_ended_a_month_ago_are_removed(stage: Stage) {
    let contents = contents(&stage).await;
    let asked = |expiry| ShareOrder { expiry, ..order(&contents.all(), draft()) };
    let ended = shared(&stage, asked(ShareExpiry::Days(1))).await;
    let never = shared(&stage, asked(ShareExpiry::Never)).await;
    let forget = async |days: u64, seconds: u64| {
        let clock = Clock::Fixed(NOW.plus(days * DAY + seconds));
        retention::forget(&stage.store, clock).await.unwrap();
    };
    let open = async |share: &Share| stage.services.share(&system(), TENANT, &share.id).await;
    forget(31, 0).await;
    assert!(open(&ended).await.is_ok(), "it can still be opened again");
    forget(31, 1).await;
    assert!(matches!(open(&ended).await, Err(ServiceError::NotFound)));
    forget(9_999, 0).await;
    assert!(open(&never).await.is_ok());
    let mut view = stage.store.view(&system()).await.unwrap();
    let log = view.audit_list(&Page::first(999)).await.unwrap().items;
    let removed = log.iter().filter(|it| &*it.action == "share.remove").count();
    assert_eq!(removed, 1);
}
