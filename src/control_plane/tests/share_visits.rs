//! Shares as visitors meet them: what is given to whom, how long, and how often.

use std::collections::BTreeSet;

use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::task::JoinSet;

use super::share_scene::*;
use super::stage::{NOW, Stage, on_both_databases};
use crate::control_plane::record::{
    ArchivePlanId, FileKind, Publication, RecipientDraft, Share, ShareDownloads, ShareDraft,
    ShareEventKind,
};
use crate::control_plane::service::{
    ArchiveAsk, Expected, FileUse, Page, PasswordChange, ServiceError, ShareAccess,
    ShareArchiveOrder, ShareExpiry, ShareForm, ShareOrder, ShareRefusal, ShareRevision,
    ShareStanding,
};
use crate::policy::DenialCode;

on_both_databases! {
    nothing_is_given_before_it_is_open
    a_session_is_of_one_address_one_password_and_one_text
    only_what_is_in_a_share_is_given
    what_may_only_be_looked_at_is_not_saved
    a_link_lives_no_longer_than_what_gave_it
    downloads_are_counted_by_their_tickets
    an_archive_is_had_while_the_share_gives_it
    a_network_leaves_so_much_of_a_share
}

pub(super) fn refusal<T: std::fmt::Debug>(outcome: Result<T, ServiceError>) -> ShareRefusal {
    match outcome {
        Err(ServiceError::Share(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn everything(form: ShareForm) -> ShareArchiveOrder {
    ShareArchiveOrder { items: Vec::new(), form }
}

async fn hand_over(
    stage: &Stage,
    access: &ShareAccess,
    id: &ArchivePlanId,
) -> Result<u16, ServiceError> {
    let (method, headers) = (Method::HEAD, HeaderMap::new());
    let ask = ArchiveAsk { name: "all.zip", method: &method, headers: &headers, request_id: "r" };
    let answer =
        stage.services.share_archive_hand_over(access, id, ask, client("192.0.2.1")).await?;
    Ok(answer.status().as_u16())
}

/// Asks everything there is of a share that is not open: all of it is refused.
async fn assert_closed(stage: &Stage, share: &Share, session: Option<&str>, film: u64) {
    let services = &stage.services;
    let access = services.share_access(share.address.expose(), session).await.unwrap();
    assert_ne!(access.standing(), ShareStanding::Open);
    let locked = ShareRefusal::Locked;
    let plan = ArchivePlanId::random(NOW).unwrap();
    let all = everything(ShareForm::Default);
    assert_eq!(refusal(services.share_view_link(&access, 0, film).await), locked);
    assert_eq!(refusal(services.share_ticket(&access, 0, film, None).await), locked);
    assert_eq!(refusal(services.share_archive(&access, &all, None).await), locked);
    assert_eq!(refusal(hand_over(stage, &access, &plan).await), locked);
    assert_eq!(refusal(services.share_shown(&access, None, &Page::first(9)).await), locked);
    assert_eq!(refusal(services.share_viewed(&access, None).await), locked);
}

/// C10, C12, C18: the page, previews, downloads and archives ask one thing, and it says no.
async fn nothing_is_given_before_it_is_open(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let services = &stage.services;
    let of = || order(&contents.all(), with_terms("Be kind"));
    let asked = ShareOrder { password: Some(typed("1234")), ..of() };
    let share = shared(&stage, asked).await;
    let address = share.address.expose();
    assert_closed(&stage, &share, None, film).await;
    assert_closed(&stage, &share, Some("csv_guessed"), film).await;
    // Accepting does not open what a password closes.
    let digest = share.terms_digest().unwrap();
    let accepted = services.share_accept_terms(address, None, &digest, None).await;
    assert_eq!(refusal(accepted), ShareRefusal::Locked);
    let typed_it = services.share_unlock(address, typed("1234"), client("192.0.2.1")).await;
    let session = typed_it.unwrap();
    let now = services.share_access(address, Some(session.reveal())).await.unwrap();
    assert_eq!(now.standing(), ShareStanding::TermsWanted);
    assert_closed(&stage, &share, Some(session.reveal()), film).await;
    // Nor does accepting what was not shown.
    let other = services.share_accept_terms(address, Some(session.reveal()), "ff", None).await;
    assert_eq!(refusal(other), ShareRefusal::Locked);
    let both = services.share_accept_terms(address, Some(session.reveal()), &digest, None).await;
    let both = both.unwrap();
    let now = services.share_access(address, Some(both.reveal())).await.unwrap();
    assert_eq!(now.standing(), ShareStanding::Open);
    services.share_view_link(&now, 0, film).await.unwrap();
    let told = history(&stage, &share).await;
    assert_eq!(told[0].kind, ShareEventKind::TermsAccepted);
    assert_eq!(
        (&told[0].detail["terms"], &told[0].detail["version"]),
        (&(*digest).into(), &1.into())
    );
    assert_eq!(told[1].network.unwrap().to_string(), "192.0.2.1/32");

    // Nobody knows of what nobody has, and there is nothing any more where it is over.
    for nobody in ["", "AAAAAAAAAAAAAAAAAAAAAA", share.id.as_str(), "../x"] {
        let found = services.share_access(nobody, None).await.unwrap_err();
        assert!(matches!(found, ServiceError::NotFound), "{nobody}: {found:?}");
    }
    let over = services.clone().at(NOW.plus(31 * 24 * 3_600));
    let session = Some(both.reveal());
    assert_eq!(refusal(over.share_access(address, session).await), ShareRefusal::Gone);
    let typed_late = over.share_unlock(address, typed("1234"), client("192.0.2.9")).await;
    assert_eq!(refusal(typed_late.map(drop)), ShareRefusal::Gone);
    assert_eq!(history(&stage, &share).await[0].kind, ShareEventKind::Expired);
    let digest = share.terms_digest().unwrap();
    let accepted = over.share_accept_terms(address, session, &digest, None).await;
    assert_eq!(refusal(accepted.map(drop)), ShareRefusal::Gone);
    services.share_remove(&system(), TENANT, &share.id, Expected::Any).await.unwrap();
    let gone = services.share_access(address, session).await.unwrap_err();
    assert!(matches!(gone, ServiceError::NotFound), "{gone:?}");
    // Of an open one that was removed since, nothing is given either.
    for refused in [
        services.share_view_link(&now, 0, film).await.map(drop),
        services.share_ticket(&now, 0, film, None).await.map(drop),
        services.share_shown(&now, None, &Page::first(9)).await.map(drop),
        services.share_archive(&now, &everything(ShareForm::Default), None).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ServiceError::NotFound)), "{refused:?}");
    }
}

async fn a_session_is_of_one_address_one_password_and_one_text(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let services = &stage.services;
    let recipients = vec![RecipientDraft { name: "Bob".into(), email: None, expires_at: None }];
    let asked = || ShareOrder { password: Some(typed("1234")), ..order(&contents.all(), draft()) };
    let one = shared(&stage, ShareOrder { recipients, ..asked() }).await;
    let two = shared(&stage, asked()).await;
    let bob = services.share_recipient_list(&system(), TENANT, &one.id).await.unwrap().remove(0);
    let client = client("192.0.2.1");
    let unlock = async |share: &Share, password: &str| {
        services.share_unlock(share.address.expose(), typed(password), client).await
    };
    let session = unlock(&one, "1234").await.unwrap();
    let text = Some(session.reveal());
    let standing = async |address: &str, at: u64| {
        let services = services.clone().at(NOW.plus(at));
        services.share_access(address, text).await.unwrap().standing()
    };
    assert_eq!(standing(one.address.expose(), 0).await, ShareStanding::Open);
    assert_eq!(standing(two.address.expose(), 0).await, ShareStanding::Locked);
    assert_eq!(standing(bob.address.expose(), 0).await, ShareStanding::Locked);
    assert_closed(&stage, &two, text, film).await;
    // Twelve hours.
    assert_eq!(standing(one.address.expose(), 43_199).await, ShareStanding::Open);
    assert_eq!(standing(one.address.expose(), 43_200).await, ShareStanding::Locked);
    // The same password anew is another one.
    let again =
        || ShareRevision { password: PasswordChange::Set(typed("1234")), ..revision(draft()) };
    let one = changed(&stage, &one, NOW, again()).await;
    assert_eq!(standing(one.address.expose(), 0).await, ShareStanding::Locked);
    assert_closed(&stage, &one, text, film).await;
    let cleared = ShareRevision { password: PasswordChange::Cleared, ..revision(draft()) };
    let one = changed(&stage, &one, NOW, cleared).await;
    assert_eq!(standing(one.address.expose(), 0).await, ShareStanding::Open);
    let one = changed(&stage, &one, NOW, again()).await;
    assert_closed(&stage, &one, text, film).await;

    let terms = changed(
        &stage,
        &two,
        NOW,
        ShareRevision { password: PasswordChange::Cleared, ..revision(with_terms("One")) },
    );
    let two = terms.await;
    let digest = two.terms_digest().unwrap();
    let accepted = services.share_accept_terms(two.address.expose(), None, &digest, None).await;
    let accepted = accepted.unwrap();
    let open = services.share_access(two.address.expose(), Some(accepted.reveal())).await.unwrap();
    assert_eq!(open.standing(), ShareStanding::Open);
    let two = changed(&stage, &two, NOW, revision(with_terms("Two"))).await;
    assert_eq!(two.terms_version, 3);
    assert_closed(&stage, &two, Some(accepted.reveal()), film).await;
}

/// C8, C29, G16.
async fn only_what_is_in_a_share_is_given(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let picture = file_of(&stage, &contents.picture, FileKind::Format).await;
    let document = file_of(&stage, &contents.document, FileKind::Source).await;
    let services = &stage.services;
    let of = [contents.film.clone(), contents.picture.clone()];
    let share = shared(&stage, order(&of, draft())).await;
    let open = access(&stage, &share).await.unwrap();
    let link = services.share_view_link(&open, 0, film).await.unwrap();
    assert_eq!(at_the_edge(&stage, &link, NOW).await, Ok(()));
    assert!(!link.contains(".u"), "what was public is to be public still: {link}");
    let hidden = services.share_view_link(&open, 1, picture).await.unwrap();
    assert!(hidden.contains(".u"), "{hidden}");
    assert!(link.contains(&format!("id={}.0.0~", share.id)), "{link}");
    assert!(!link.contains(share.address.expose()));
    for (item, file) in [(0, picture), (1, film), (0, document), (2, document), (9, film), (0, 999)]
    {
        for refused in [
            services.share_view_link(&open, item, file).await.map(drop),
            services.share_ticket(&open, item, file, None).await.map(drop),
        ] {
            assert!(matches!(refused, Err(ServiceError::NotFound)), "{item} {file}: {refused:?}");
        }
    }
    let shown = services.share_shown(&open, None, &Page::first(9)).await.unwrap().items;
    assert_eq!(shown.len(), 2);
    // Unpublished since: what was public is not given any more, and what was not is no matter.
    publish(&stage, &contents.film, Publication::Unpublished).await;
    publish(&stage, &contents.picture, Publication::Published).await;
    publish(&stage, &contents.picture, Publication::Unpublished).await;
    for refused in [
        services.share_view_link(&open, 0, film).await.map(drop),
        services.share_ticket(&open, 0, film, None).await.map(drop),
    ] {
        assert!(matches!(refused, Err(ServiceError::NotFound)), "{refused:?}");
    }
    services.share_view_link(&open, 1, picture).await.unwrap();
    let shown = services.share_shown(&open, None, &Page::first(9)).await.unwrap().items;
    assert_eq!(shown.iter().map(|it| it.number).collect::<Vec<_>>(), [1]);
    let plan = services.share_archive(&open, &everything(ShareForm::Default), None).await.unwrap();
    let plan = stage.store.view(&system()).await.unwrap().archive_plan(&plan).await.unwrap();
    assert_eq!(plan.entries.iter().map(|it| &it.content).collect::<Vec<_>>(), [&contents.picture]);
}

/// C13: on every way that there is.
async fn what_may_only_be_looked_at_is_not_saved(stage: Stage) {
    let contents = contents(&stage).await;
    let services = &stage.services;
    let shown = ShareDraft { download: ShareDownloads::Refused, ..draft() };
    let looked = shared(&stage, order(&contents.all(), shown)).await;
    let saved = shared(&stage, order(&contents.all(), draft())).await;
    let counted = shared(&stage, order(&contents.all(), limited(99))).await;
    let (seen, had) = (FileUse::Seen, FileUse::Had);
    for (share, source, attachment, format) in [
        (&looked, None, None, Some(seen)),
        (&saved, Some(FileUse::SeenAndHad), Some(had), Some(FileUse::SeenAndHad)),
        // Whoever looks at an original has it: what is counted is not looked at.
        (&counted, Some(had), Some(had), Some(FileUse::SeenAndHad)),
    ] {
        let open = access(&stage, share).await.unwrap();
        let items = services.share_shown(&open, None, &Page::first(9)).await.unwrap().items;
        for (kind, may) in [
            (FileKind::Source, source),
            (FileKind::Attachment, attachment),
            (FileKind::Format, format),
            (FileKind::Subtitle, format),
            (FileKind::Thumbnail, Some(seen)),
        ] {
            let file = file_of(&stage, &contents.film, kind).await;
            let told = items[0].files.iter().find(|it| it.file.number == file).map(|it| it.may);
            assert_eq!(told, may, "{kind:?}");
            let view = services.share_view_link(&open, 0, file).await;
            let ticket = services.share_ticket(&open, 0, file, None).await;
            let is_original = matches!(kind, FileKind::Source | FileKind::Attachment);
            let is_its = |url: &str| {
                // Kept by nobody, and by no CDN.
                url.contains(".s.") == is_original
            };
            match may {
                Some(FileUse::Seen | FileUse::SeenAndHad) => assert!(is_its(&view.unwrap())),
                Some(FileUse::Had) | None => assert_eq!(refusal(view), ShareRefusal::ViewOnly),
            }
            match may {
                Some(FileUse::Had | FileUse::SeenAndHad) => assert!(is_its(&ticket.unwrap().url)),
                Some(FileUse::Seen) | None => assert_eq!(refusal(ticket), ShareRefusal::ViewOnly),
            }
        }
    }
    let open = access(&stage, &looked).await.unwrap();
    for form in [ShareForm::Default, ShareForm::Original] {
        let archive = services.share_archive(&open, &everything(form), None).await;
        assert_eq!(refusal(archive), ShareRefusal::ViewOnly);
    }
    assert_eq!(kinds(&stage, &looked).await, [ShareEventKind::Created]);
}

/// C10: temporised.
async fn a_link_lives_no_longer_than_what_gave_it(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let link = async |share: &Share, session: Option<&str>, at: u64| {
        let services = stage.services.clone().at(NOW.plus(at));
        let access = services.share_access(share.address.expose(), session).await.unwrap();
        services.share_view_link(&access, 0, film).await.unwrap()
    };
    let until = async |link: &str, last: u64| {
        assert_eq!(at_the_edge(&stage, link, NOW.plus(last)).await, Ok(()));
        let after = at_the_edge(&stage, link, NOW.plus(last + 1)).await;
        assert_eq!(after, Err(DenialCode::TokenExpired));
    };
    let asked = || order(&contents.all(), draft());
    let short = ShareOrder { expiry: ShareExpiry::At(NOW.plus(60)), ..asked() };
    until(&link(&shared(&stage, short).await, None, 0).await, 60).await;
    let long = ShareOrder { expiry: ShareExpiry::Never, ..asked() };
    until(&link(&shared(&stage, long).await, None, 0).await, 43_200).await;
    let locked = shared(&stage, ShareOrder { password: Some(typed("1234")), ..asked() }).await;
    let address = locked.address.expose();
    let session = stage.services.share_unlock(address, typed("1234"), None).await.unwrap();
    until(&link(&locked, Some(session.reveal()), 43_000).await, 43_200).await;
}

/// H: by presses of a button, exactly, and not by requests.
async fn downloads_are_counted_by_their_tickets(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let recipients = vec![RecipientDraft { name: "Bob".into(), email: None, expires_at: None }];
    let asked = ShareOrder { recipients, ..order(&contents.all(), limited(7)) };
    let share = shared(&stage, asked).await;
    let bob = stage.services.share_recipient_list(&system(), TENANT, &share.id).await;
    let bob = bob.unwrap().remove(0);
    let mut begun = JoinSet::new();
    for at in 0..20 {
        let services = stage.services.clone();
        let address = if at % 2 == 0 { &share.address } else { &bob.address };
        let address = address.expose().to_owned();
        begun.spawn(async move {
            let open = services.share_access(&address, None).await.unwrap();
            services.share_view_link(&open, 0, film).await.unwrap();
            services.share_ticket(&open, 0, film, client("2001:db8::1:2")).await
        });
    }
    let (given, refused): (Vec<_>, Vec<_>) =
        begun.join_all().await.into_iter().partition(Result::is_ok);
    let given: Vec<_> = given.into_iter().map(Result::unwrap).collect();
    let numbers: BTreeSet<u64> = given.iter().map(|it| it.download).collect();
    assert_eq!((numbers, given.len(), refused.len()), ((1..=7).collect(), 7, 13));
    for outcome in refused {
        assert_eq!(refusal(outcome), ShareRefusal::UsedUp);
    }
    for ticket in &given {
        assert_eq!(ticket.left, Some(7 - ticket.download));
        assert_eq!(at_the_edge(&stage, &ticket.url, NOW).await, Ok(()));
        // Its own id, used once, saved under its name.
        let own = format!(".{}~", ticket.download);
        let id = ticket.url.split("id=").nth(1).unwrap().split_once('~').unwrap().0;
        assert!(format!("{id}~").ends_with(&own), "{}", ticket.url);
        assert!(ticket.url.contains("file-name=film-hd.mp4"), "{}", ticket.url);
        assert!(ticket.url.contains(".o."), "{}", ticket.url);
    }
    let open = access(&stage, &share).await.unwrap();
    assert_eq!(open.share().downloads_left(), Some(0));
    let all = everything(ShareForm::Default);
    assert_eq!(
        refusal(stage.services.share_archive(&open, &all, None).await),
        ShareRefusal::UsedUp
    );
    stage.services.share_view_link(&open, 0, film).await.unwrap();
    let told = history(&stage, &share).await;
    let downloads: Vec<_> =
        told.iter().filter(|it| it.kind == ShareEventKind::Downloaded).collect();
    assert_eq!(downloads.len(), 7);
    for event in downloads {
        assert_eq!(event.network.unwrap().to_string(), "2001:db8::/64");
        assert_eq!(event.detail["file"], "film-hd.mp4");
        assert_eq!((event.item, &event.detail["size"]), (Some(0), &Value::from(11)));
        assert!(matches!(event.recipient, None | Some(1)));
    }
    // A limit is raised, and what was counted stays counted.
    let share = changed(&stage, &share, NOW, revision(limited(8))).await;
    let open = access(&stage, &share).await.unwrap();
    let ticket = stage.services.share_ticket(&open, 0, film, None).await.unwrap();
    assert_eq!((ticket.download, ticket.left), (8, Some(0)));
    let free = changed(&stage, &share, NOW, revision(draft())).await;
    let open = access(&stage, &free).await.unwrap();
    let ticket = stage.services.share_ticket(&open, 0, film, None).await.unwrap();
    assert_eq!((ticket.download, ticket.left), (9, None));
    assert!(!ticket.url.contains(".o."), "{}", ticket.url);
    // Of what was closed since somebody looked, nothing is begun.
    let shown = ShareDraft { download: ShareDownloads::Refused, ..draft() };
    changed(&stage, &free, NOW, revision(shown)).await;
    let late = stage.services.share_ticket(&open, 0, film, None).await;
    assert_eq!(refusal(late), ShareRefusal::ViewOnly);
    changed(&stage, &free, NOW, revision(draft())).await;
    let late = stage.services.share_ticket(&open, 0, film, None).await;
    assert_eq!(refusal(late), ShareRefusal::Locked);
}

/// C22.
async fn an_archive_is_had_while_the_share_gives_it(stage: Stage) {
    let contents = contents(&stage).await;
    let services = &stage.services;
    let recipients = vec![RecipientDraft { name: "Bob".into(), email: None, expires_at: None }];
    let asked =
        || ShareOrder { recipients: recipients.clone(), ..order(&contents.all(), limited(50)) };
    let plan = async |open: &ShareAccess, form| {
        let client = client("192.0.2.1");
        let id = services.share_archive(open, &everything(form), client).await.unwrap();
        let mut view = stage.store.view(&system()).await.unwrap();
        view.archive_plan(&id).await.unwrap()
    };
    let share = shared(&stage, asked()).await;
    let open = access(&stage, &share).await.unwrap();
    for (form, expected) in [
        (ShareForm::Default, vec!["film-hd.mp4", "picture.jpg", "document.pdf"]),
        (ShareForm::Original, vec!["Film.MOV", "document.pdf"]),
    ] {
        let made = plan(&open, form).await;
        let names: Vec<_> = made.entries.iter().map(|it| &*it.name).collect();
        assert_eq!(names, expected);
        assert_eq!(hand_over(&stage, &open, &made.id).await.unwrap(), 200);
    }
    assert_eq!(access(&stage, &share).await.unwrap().share().downloads, 2);
    let told = history(&stage, &share).await.remove(0);
    assert_eq!((told.kind, &told.detail["files"]), (ShareEventKind::Downloaded, &Value::from(2)));
    let some = ShareArchiveOrder { items: vec![2], form: ShareForm::Default };
    services.share_archive(&open, &some, None).await.unwrap();
    let none = ShareArchiveOrder { items: vec![2, 9], form: ShareForm::Default };
    let refused = services.share_archive(&open, &none, None).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound), "{refused:?}");

    // It is of whoever began it.
    let bob = services.share_recipient_list(&system(), TENANT, &share.id).await.unwrap().remove(0);
    let bobs = services.share_access(bob.address.expose(), None).await.unwrap();
    let other = access(&stage, &shared(&stage, asked()).await).await.unwrap();
    let own = plan(&open, ShareForm::Default).await.id;
    assert_eq!(plan(&open, ShareForm::Default).await.id, own, "of the same files there is one");
    let his = plan(&bobs, ShareForm::Default).await.id;
    for (open, id) in [(&bobs, &own), (&other, &own), (&open, &his)] {
        let refused = hand_over(&stage, open, id).await.unwrap_err();
        assert!(matches!(refused, ServiceError::NotFound), "{refused:?}");
    }
    services.share_recipient_revoke(&system(), TENANT, &share.id, 1).await.unwrap();
    assert_eq!(refusal(hand_over(&stage, &bobs, &his).await), ShareRefusal::Gone);
    assert_eq!(hand_over(&stage, &open, &own).await.unwrap(), 200);

    // Somebody who looked before does not have it after.
    services.share_item_remove(&system(), TENANT, &share.id, 1).await.unwrap();
    let gone = hand_over(&stage, &open, &own).await.unwrap_err();
    assert!(matches!(gone, ServiceError::ArchiveGone), "{gone:?}");
    let id = plan(&open, ShareForm::Default).await.id;
    assert_eq!(hand_over(&stage, &open, &id).await.unwrap(), 200);
    let shown = ShareDraft { download: ShareDownloads::Refused, ..limited(50) };
    changed(&stage, &share, NOW, revision(shown)).await;
    assert!(hand_over(&stage, &open, &id).await.is_err());
    changed(&stage, &share, NOW, revision(limited(50))).await;
    let refused = hand_over(&stage, &open, &id).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound), "what was closed stays so: {refused:?}");

    let share = shared(&stage, asked()).await;
    let open = access(&stage, &share).await.unwrap();
    let id = plan(&open, ShareForm::Default).await.id;
    publish(&stage, &contents.film, Publication::Unpublished).await;
    let gone = hand_over(&stage, &open, &id).await.unwrap_err();
    assert!(matches!(gone, ServiceError::ArchiveGone), "{gone:?}");
    publish(&stage, &contents.film, Publication::Published).await;
    assert_eq!(hand_over(&stage, &open, &id).await.unwrap(), 200);
    services.share_remove(&system(), TENANT, &share.id, Expected::Any).await.unwrap();
    let gone = hand_over(&stage, &open, &id).await.unwrap_err();
    assert!(matches!(gone, ServiceError::NotFound), "{gone:?}");
}

/// What anybody may leave of a share that is open is bounded, for each network: sessions, lines of its
/// history, downloads, archives.
async fn a_network_leaves_so_much_of_a_share(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let services = &stage.services;
    let share = shared(&stage, order(&contents.all(), with_terms("Be kind"))).await;
    let digest = share.terms_digest().unwrap();
    let accept = async |from: &str| {
        let address = share.address.expose();
        services.share_accept_terms(address, None, &digest, client(from)).await
    };
    let session = accept("192.0.2.2").await.unwrap();
    let open = services.share_access(share.address.expose(), Some(session.reveal())).await.unwrap();
    let mut left = 0;
    let refused = loop {
        match accept("192.0.2.1").await {
            Ok(_) => left += 1,
            refused => break refusal(refused.map(drop)),
        }
    };
    let slow = |refusal| matches!(refusal, ShareRefusal::Throttled { retry_after: 1 });
    assert!(slow(refused.clone()), "{refused:?}");
    // One a second comes back while the test runs.
    assert!((600..900).contains(&left), "{left}");
    let here = client("192.0.2.1");
    let all = everything(ShareForm::Default);
    let zip = services.share_archive(&open, &all, client("192.0.2.2")).await.unwrap();
    let headers = HeaderMap::new();
    let mut each = [false; 5];
    let mut parts = 0;
    while !each[4] {
        each[0] |= services.share_viewed(&open, here).await.is_err();
        each[1] |= services.share_ticket(&open, 0, film, here).await.is_err();
        each[2] |= services.share_archive(&open, &all, here).await.is_err();
        let address = share.address.expose();
        each[3] |= services.share_unlock(address, typed("1234"), here).await.is_err();
        let (name, method) = ("all.zip", &Method::GET);
        let ask = ArchiveAsk { name, method, headers: &headers, request_id: "r" };
        match services.share_archive_hand_over(&open, &zip, ask, here).await {
            Ok(_) => parts += 1,
            refused => each[4] = slow(refusal(refused.map(drop))),
        }
    }
    assert_eq!(each, [true; 5]);
    // Parts of what was begun are counted apart.
    assert!((600..900).contains(&parts), "{parts}");
    // Of what is only asked about nothing is left.
    assert_eq!(hand_over(&stage, &open, &zip).await.unwrap(), 200);
    services.share_viewed(&open, client("192.0.2.2")).await.unwrap();
    services.share_ticket(&open, 0, film, client("192.0.2.2")).await.unwrap();
    services.share_archive(&open, &all, client("192.0.2.2")).await.unwrap();
}
