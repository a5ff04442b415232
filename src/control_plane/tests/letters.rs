//! Letters about shares, taken by a mail server that others wrote and read as Python's `email` reads
//! them: to recipients (C9, C12), and to whoever made a share (part H).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::mail_scene::{MailHouse, letters, send_all, site_in_force};
use super::share_scene::{
    TENANT, access, client, contents, draft, history, kinds, member, order, revision, shared,
    system,
};
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::ChannelId;
use crate::clock::{Clock, UnixSeconds};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ContentId, Letter, LetterKind, LetterState, RecipientDraft, Right, Share, ShareDelivery,
    ShareDraft, ShareEventKind, ShareNotices,
};
use crate::control_plane::retention::forget;
use crate::control_plane::service::{
    ContentFilter, Expected, Page, ServiceError, Services, ShareExpiry, ShareOrder, SharePassword,
    ShareRefusal, ShareRevision, ShareSending,
};

on_both_databases! {
    a_share_is_mailed_to_each_recipient_in_its_language
    a_letter_is_written_with_its_share_or_not_at_all
    what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not
    a_letter_is_one_senders_and_anothers_if_that_one_is_stopped
    a_letter_whose_share_is_closed_is_not_sent
    whoever_made_a_share_is_warned_once_for_each_end
    whoever_made_a_share_is_told_of_visitors_as_they_wish
}

const DAY: u64 = 24 * 3_600;

fn recipients(drafts: &[(&str, Option<&str>)]) -> Vec<RecipientDraft> {
    let draft = |(name, email): &(&str, Option<&str>)| RecipientDraft {
        expires_at: None,
        name: (*name).into(),
        email: email.map(Into::into),
    };
    drafts.iter().map(draft).collect()
}

pub(super) async fn mailed(
    stage: &Stage,
    draft: ShareDraft,
    to: &[(&str, Option<&str>)],
) -> Result<Share, ServiceError> {
    let known = contents_of(stage).await;
    let order = ShareOrder {
        recipients: recipients(to),
        sending: ShareSending::Letters,
        password: Some(SharePassword::typed("correct horse")),
        ..order(&known, draft)
    };
    stage.services.share_create(&system(), TENANT, order).await
}

pub(super) async fn contents_of(stage: &Stage) -> Vec<ContentId> {
    let mut view = stage.store.view(&system()).await.unwrap();
    let found =
        view.content_list(TENANT, &ContentFilter::default(), &Page::first(10)).await.unwrap();
    found.items.into_iter().map(|it| it.id).collect()
}

fn of(letters: &[Value], to: &str) -> Value {
    let found: Vec<&Value> = letters.iter().filter(|it| it["to"] == json!([to])).collect();
    assert_eq!(found.len(), 1, "{to}: {letters:#?}");
    found[0].clone()
}

/// C9, C12.
async fn a_share_is_mailed_to_each_recipient_in_its_language(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "starttls").await;
    contents(&stage).await;
    site_in_force(&stage);
    let services = house.services(&stage, NOW);
    for (language, hello) in [
        ("en", "Hello Bøb,"),
        ("de", "Guten Tag Bøb,"),
        ("it", "Buongiorno Bøb,"),
        ("fr", "Bonjour Bøb,"),
        ("es", "Hola, Bøb:"),
        ("zh", "Bøb，您好："),
        ("ar", "مرحبًا Bøb،"),
    ] {
        let draft = ShareDraft {
            title: "Präsentation <b>«日本語»</b>".into(),
            message: "Dear all,\n.\nFrom me & mine".into(),
            language: Some(language.into()),
            ..draft()
        };
        let (bob, eve) =
            (format!("bob.{language}@example.org"), format!("eve.{language}@example.org"));
        let to = [("Bøb", Some(&*bob)), ("Eve", Some(&*eve)), ("Nobody", None)];
        let share = mailed(&stage, draft, &to).await.unwrap();
        send_all(&services).await;
        let taken = house.letters();
        let letter = of(&taken, &bob);
        assert_eq!(letter["parts"], json!(["multipart/alternative", "text/plain", "text/html"]));
        assert_eq!((&letter["secured"], &letter["login"]), (&json!(true), &json!("post")));
        assert_eq!(letter["defects"], json!([]));
        let headers = &letter["headers"];
        assert!(headers["subject"].as_str().unwrap().contains("Präsentation <b>«日本語»</b>"));
        let from = headers["from"].as_str().unwrap();
        assert!(from.contains("Press “office”") && from.contains("<press@example.com>"), "{from}");
        assert_eq!(headers["to"], format!("Bøb <{bob}>"));
        assert_eq!(headers["reply-to"], "ann@example.com");
        assert_eq!(headers["auto-submitted"], "auto-generated");
        let own = stage.services.share_recipient_list(&system(), TENANT, &share.id).await.unwrap();
        let url =
            stage.services.share_url(TENANT, ShareDelivery::Standard, &own[0].address).unwrap();
        for (part, message) in
            [("text", "> Dear all,\n> .\n> From me & mine"), ("html", "From me &#38; mine")]
        {
            let text = letter[part].as_str().unwrap().replace("\r\n", "\n");
            assert!(text.contains(&url), "{language} {part}: {text}");
            assert!(text.contains(hello) && text.contains(message), "{language} {part}: {text}");
            assert!(!text.contains("correct horse"), "{text}");
            assert!(!text.contains(own[1].address.expose()), "{text}");
            assert!(!text.contains(share.address.expose()), "{text}");
        }
        let html = letter["html"].as_str().unwrap();
        assert_eq!(html.contains("dir=\"rtl\""), language == "ar", "{html}");
        assert!(!html.contains("<b>"), "{html}");
        assert!(of(&taken, &eve)["text"].as_str().unwrap().contains(own[1].address.expose()));
        let sent: BTreeSet<_> = history(&stage, &share)
            .await
            .into_iter()
            .filter(|it| it.kind == ShareEventKind::MailSent)
            .map(|it| it.recipient)
            .collect();
        assert_eq!(sent, [Some(1), Some(2)].into());
        let opened = stage.services.share_access(own[0].address.expose(), None).await.unwrap();
        assert_eq!(opened.share().id, share.id);
        // Another letter to one of them, with the same link, but not at once.
        for (seconds, retry_after) in [(1, 599), (10 * 60 - 1, 1)] {
            let soon = house.services(&stage, NOW.plus(seconds));
            let early = soon.share_invitation_send(&system(), TENANT, &share.id, 1).await;
            let wait = ShareRefusal::Throttled { retry_after };
            assert!(matches!(early, Err(ServiceError::Share(it)) if it == wait));
        }
        let later = house.services(&stage, NOW.plus(10 * 60 + 1));
        let again = later.share_invitation_send(&system(), TENANT, &share.id, 1).await.unwrap();
        let waits = later.share_invitation_send(&system(), TENANT, &share.id, 1).await.unwrap();
        assert_eq!(again.id, waits.id);
        send_all(&later).await;
        let to_bob = house.letters().into_iter().filter(|it| it["to"] == json!([bob]));
        let ids: Vec<_> = to_bob.map(|it| it["headers"]["message-id"].clone()).collect();
        assert!(ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
        assert_eq!(ids[1], format!("<{}@example.com>", again.id));
    }
    assert!(letters(&stage).await.iter().all(|it| it.state == LetterState::Sent));
}

async fn a_letter_is_written_with_its_share_or_not_at_all(stage: Stage) {
    contents(&stage).await;
    site_in_force(&stage);
    let to = [("Bob", Some("bob@example.org"))];
    let refusal = |made: Result<Share, ServiceError>| made.unwrap_err().to_string();
    let none = refusal(mailed(&stage, draft(), &to).await);
    assert!(none.contains("no mail server"), "{none}");
    let house = MailHouse::open();
    house.used(&stage, "open").await;
    let nobody = refusal(mailed(&stage, draft(), &[("Bob", None)]).await);
    assert!(nobody.contains("mail address"), "{nobody}");
    let odd = refusal(mailed(&stage, draft(), &[("Bob", Some("<bob@example.org>"))]).await);
    assert!(odd.contains("mail address"), "{odd}");
    *stage.in_force.lock().unwrap() = None;
    assert!(mailed(&stage, draft(), &to).await.is_err(), "there is no address to send");
    assert!(letters(&stage).await.is_empty());
    site_in_force(&stage);
    let share = mailed(&stage, draft(), &to).await.unwrap();
    assert_eq!(letters(&stage).await.len(), 1);
    for number in [7, 1] {
        let sent = stage.services.share_invitation_send(&system(), TENANT, &share.id, number).await;
        // That which waits is the one.
        assert_eq!(sent.is_ok(), number == 1);
    }
    assert_eq!(letters(&stage).await.len(), 1);
    // Whose share it is not has nobody written to.
    let ann = member(&stage, "ann", &[(ChannelId(stage.folder), Right::Share)]).await;
    let others = stage.services.share_invitation_send(&ann, TENANT, &share.id, 1).await;
    assert!(matches!(others, Err(ServiceError::NotFound)), "{others:?}");
}

async fn what_is_refused_for_now_is_tried_again_and_what_is_refused_for_good_is_not(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "tls").await;
    contents(&stage).await;
    site_in_force(&stage);
    let to = [
        ("L", Some("later@example.org")),
        ("N", Some("never@example.org")),
        ("S", Some("spam@example.org")),
        ("B", Some("bob@example.org")),
    ];
    let share = mailed(&stage, draft(), &to).await.unwrap();
    send_all(&house.services(&stage, NOW)).await;
    let state = async || {
        let mut all = letters(&stage).await;
        all.sort_by_key(|it| it.recipient);
        all
    };
    let all = state().await;
    let states: Vec<_> = all.iter().map(|it| it.state).collect();
    let (failed, sent) = (LetterState::Failed, LetterState::Sent);
    assert_eq!(states, [LetterState::Waiting, failed, failed, sent]);
    let later = &all[0];
    assert!(later.answer.as_ref().unwrap().contains("451 4.7.1 Greylisted"), "{later:?}");
    let due = later.due_at.unwrap();
    assert!((48..=72).contains(&due.since(NOW)), "{later:?}");
    assert!(all[1].answer.as_ref().unwrap().contains("550 5.1.1"), "{:?}", all[1]);
    assert!(all[2].answer.as_ref().unwrap().contains("554 5.7.1"), "{:?}", all[2]);
    assert_eq!(house.letters().len(), 1);
    let kinds = kinds(&stage, &share).await;
    let count = |kind| kinds.iter().filter(|it| **it == kind).count();
    assert_eq!((count(ShareEventKind::MailFailed), count(ShareEventKind::MailSent)), (2, 1));
    send_all(&house.services(&stage, UnixSeconds::new(due.get() - 1))).await;
    assert_eq!(house.letters().len(), 1);
    send_all(&house.services(&stage, due)).await;
    let taken = of(&house.letters(), "later@example.org");
    assert_eq!(taken["headers"]["message-id"], format!("<{}@example.com>", later.id));
    assert_eq!(state().await[0].state, sent);

    // Nobody answers: two days of that are enough.
    let waiting = mailed(&stage, draft(), &[("B", Some("bob@example.org"))]).await.unwrap();
    stage.services.mail_server_remove(&system(), TENANT, Expected::Any).await.unwrap();
    let mut tries = 0;
    let mut at = NOW;
    let last = async || {
        let all = letters(&stage).await;
        all.into_iter().find(|it| it.share == waiting.id).unwrap()
    };
    while let Some(due) = last().await.due_at {
        at = due;
        send_all(&house.services(&stage, due)).await;
        tries += 1;
        assert!(tries < 20);
    }
    assert_eq!((tries, last().await.state), (12, failed));
    assert!((36 * 3_600..60 * 3_600).contains(&at.since(NOW)), "{at:?}");
    let last = &history(&stage, &waiting).await[0];
    assert_eq!(last.kind, ShareEventKind::MailFailed);
    assert_eq!(last.detail["step"], "message");
    assert_eq!(last.detail["code"], Value::Null);
    // What became of a letter is known for a month.
    forget(&stage.store, Clock::Fixed(at.plus(30 * DAY))).await.unwrap();
    assert_eq!(letters(&stage).await.len(), 1);
    forget(&stage.store, Clock::Fixed(at.plus(30 * DAY + 1))).await.unwrap();
    assert!(letters(&stage).await.is_empty());
}

async fn a_letter_is_one_senders_and_anothers_if_that_one_is_stopped(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "starttls").await;
    contents(&stage).await;
    site_in_force(&stage);
    mailed(&stage, draft(), &[("B", Some("bob@example.org"))]).await.unwrap();
    // Whoever takes it is killed before it is sent.
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    let until = NOW.plus(900);
    let taken = change.letter_take(TENANT, until).await.unwrap().unwrap();
    change.commit().await.unwrap();
    assert_eq!((taken.attempts, taken.due_at), (1, Some(until)));
    send_all(&house.services(&stage, NOW.plus(899))).await;
    assert!(house.letters().is_empty());
    // Several control planes look for it at once then.
    let services = house.services(&stage, until);
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let services: Services = services.clone();
        all.spawn(async move { services.letter_send_next(TENANT).await.unwrap() });
    }
    let sent = all.join_all().await.into_iter().flatten().count();
    assert_eq!((sent, house.letters().len()), (1, 1));
    // The first comes back: it was not its own any more.
    let mut change = stage.store.change(&Caller::system("test"), until).await.unwrap();
    assert!(!change.letter_keep(&taken, &taken).await.unwrap());
    drop(change);
    assert_eq!(letters(&stage).await[0].state, LetterState::Sent);
}

async fn a_letter_whose_share_is_closed_is_not_sent(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "open").await;
    contents(&stage).await;
    site_in_force(&stage);
    let to = [("B", Some("bob@example.org")), ("E", Some("eve@example.org"))];
    let share = mailed(&stage, draft(), &to).await.unwrap();
    stage.services.share_recipient_revoke(&system(), TENANT, &share.id, 1).await.unwrap();
    let closed = stage.services.share_invitation_send(&system(), TENANT, &share.id, 1).await;
    assert!(closed.is_err());
    send_all(&house.services(&stage, NOW)).await;
    let all = letters(&stage).await;
    let state = |number| all.iter().find(|it| it.recipient == Some(number)).unwrap().state;
    assert_eq!((state(1), state(2)), (LetterState::Withdrawn, LetterState::Sent));
    let gone = mailed(&stage, draft(), &to).await.unwrap();
    stage.services.share_remove(&system(), TENANT, &gone.id, Expected::Any).await.unwrap();
    // They are still counted, whoever makes and removes shares.
    assert_eq!(letters(&stage).await.len(), 4);
    mailed(&stage, draft(), &to).await.unwrap();
    send_all(&house.services(&stage, NOW.plus(31 * DAY))).await;
    let withdrawn = |it: &&Letter| it.state == LetterState::Withdrawn;
    assert_eq!(letters(&stage).await.iter().filter(withdrawn).count(), 5);
    assert_eq!(house.letters().len(), 1, "what is over is not announced");
}

/// A share of somebody whom mail reaches.
pub(super) async fn anns(stage: &Stage, draft: ShareDraft, expiry: ShareExpiry) -> Share {
    let contents = contents(stage).await;
    let top = ChannelId(stage.folder);
    let ann = member(stage, "ann@example.com", &[(top, Right::Share)]).await;
    let order = ShareOrder {
        expiry,
        recipients: recipients(&[("Bob", None)]),
        ..order(&contents.all(), draft)
    };
    stage.services.share_create(&ann, TENANT, order).await.unwrap()
}

async fn whoever_made_a_share_is_warned_once_for_each_end(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "open").await;
    let share = anns(&stage, draft(), ShareExpiry::Days(30)).await;
    let nobodys = shared(&stage, order(&contents_of(&stage).await, draft())).await;
    let brief =
        ShareOrder { expiry: ShareExpiry::Days(2), ..order(&contents_of(&stage).await, draft()) };
    let brief = shared(&stage, brief).await;
    let warned = async |at: UnixSeconds| {
        let services = house.services(&stage, at);
        let warned = services.shares_warn().await.unwrap();
        send_all(&services).await;
        warned
    };
    let due = NOW.plus(27 * DAY);
    assert_eq!(warned(UnixSeconds::new(due.get() - 1)).await, 0);
    // Both ends, one of them of somebody whom no mail reaches; never that of a share of two days.
    assert_eq!(warned(due).await, 2);
    assert_eq!(warned(due.plus(60)).await, 0);
    assert_eq!(kinds(&stage, &share).await[0], ShareEventKind::Expiring);
    assert_eq!(kinds(&stage, &nobodys).await[0], ShareEventKind::Expiring);
    assert_eq!(kinds(&stage, &brief).await, [ShareEventKind::Created]);
    let end = |share: Share| share.expires_at.unwrap();
    let moved = ShareRevision {
        expiry: Some(ShareExpiry::At(end(share.clone()).plus(10 * DAY))),
        ..revision(draft())
    };
    let services = stage.services.clone().at(due);
    services.share_change(&system(), TENANT, &share.id, Expected::Any, moved).await.unwrap();
    assert_eq!(warned(due.plus(9 * DAY)).await, 0);
    assert_eq!(warned(due.plus(10 * DAY)).await, 1);
    let taken = house.letters();
    assert_eq!(taken.len(), 2, "{taken:#?}");
    for letter in &taken {
        assert_eq!(letter["to"], json!(["ann@example.com"]));
        assert_eq!(letter["headers"]["subject"], "“Press kit” ends soon");
    }
    assert!(taken[0]["text"].as_str().unwrap().contains("2030-01-31 00:00 UTC"), "{}", taken[0]);
    assert!(taken[1]["text"].as_str().unwrap().contains("2030-02-10 00:00 UTC"), "{}", taken[1]);
}

pub(super) async fn seen(stage: &Stage, share: &Share, from: &str, at: UnixSeconds) {
    let services = stage.services.clone().at(at);
    let access = services.share_access(share.address.expose(), None).await.unwrap();
    services.share_viewed(&access, client(from)).await.unwrap();
}

pub(super) async fn noticed(stage: &Stage, share: &Share, notices: ShareNotices) {
    let draft = ShareDraft { notices, ..share.draft.clone() };
    let changed = revision(draft);
    stage
        .services
        .share_change(&system(), TENANT, &share.id, Expected::Any, changed)
        .await
        .unwrap();
}

async fn whoever_made_a_share_is_told_of_visitors_as_they_wish(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "open").await;
    let share = anns(&stage, draft(), ShareExpiry::Days(30)).await;
    let subjects = |taken: &[Value]| {
        taken.iter().map(|it| it["headers"]["subject"].clone()).collect::<Vec<_>>()
    };
    // Off, as it is where nothing is said.
    seen(&stage, &share, "192.0.2.1", NOW).await;
    assert!(letters(&stage).await.is_empty());

    noticed(&stage, &share, ShareNotices::First).await;
    // To look is nothing that happens: GET and HEAD write nothing.
    access(&stage, &share).await.unwrap();
    assert!(letters(&stage).await.is_empty());
    for network in ["192.0.2.1", "192.0.2.2", "192.0.2.1"] {
        seen(&stage, &share, network, NOW).await;
    }
    send_all(&house.services(&stage, NOW)).await;
    assert_eq!(subjects(&house.letters()), ["“Press kit” was opened"]);

    noticed(&stage, &share, ShareNotices::Every).await;
    // One visitor is told of once a visit; of more than twenty an hour the rest together.
    for network in 1..=30 {
        for _ in 0..3 {
            seen(&stage, &share, &format!("198.51.100.{network}"), NOW).await;
        }
    }
    send_all(&house.services(&stage, NOW)).await;
    // The one of the first visitor counts in this hour, too.
    assert_eq!(house.letters().len(), 20);
    let digest: Vec<_> = letters(&stage)
        .await
        .into_iter()
        .filter(|it| it.kind == LetterKind::AccessDigest)
        .collect();
    assert_eq!(digest.len(), 1);
    assert_eq!(digest[0].due_at, Some(NOW.plus(3_600)));
    send_all(&house.services(&stage, NOW.plus(3_600))).await;
    let last = house.letters().pop().unwrap();
    assert_eq!(last["headers"]["subject"], "What happened to “Press kit”");
    assert_eq!(last["to"], json!(["ann@example.com"]));
    assert!(last["text"].as_str().unwrap().contains("It was opened 94 times."), "{last}");

    noticed(&stage, &share, ShareNotices::Daily).await;
    let tomorrow = NOW.plus(DAY);
    for network in ["192.0.2.7", "192.0.2.8"] {
        seen(&stage, &share, network, tomorrow).await;
    }
    let before = house.letters().len();
    send_all(&house.services(&stage, tomorrow.plus(DAY - 1))).await;
    assert_eq!(house.letters().len(), before);
    send_all(&house.services(&stage, tomorrow.plus(DAY))).await;
    let last = house.letters().pop().unwrap();
    assert!(last["text"].as_str().unwrap().contains("It was opened 2 times."), "{last}");
    assert_eq!(house.letters().len(), before + 1);

    // A program has no address, and who may not log in is told nothing.
    let programs = shared(
        &stage,
        order(&contents_of(&stage).await, ShareDraft { notices: ShareNotices::Every, ..draft() }),
    )
    .await;
    let written = letters(&stage).await.len();
    seen(&stage, &programs, "192.0.2.1", NOW).await;
    assert_eq!(letters(&stage).await.len(), written);
}
