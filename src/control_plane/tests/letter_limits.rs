//! What letters are kept from: being too many, going to who is gone, telling what is not for everybody,
//! and saying to a server what nobody meant.

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::letters::{anns, contents_of, mailed, noticed, seen};
use super::mail_scene::{MailHouse, letters, send_all, site_in_force};
use super::mail_servers::audited;
use super::share_scene::{TENANT, contents, draft, history, member, order, system};
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::clock::UnixSeconds;
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    Letter, LetterId, LetterKind, LetterState, PersonDraft, RecipientDraft, Right, Share,
    ShareDraft, ShareNotices,
};
use crate::control_plane::service::{
    Expected, LetterFilter, Page, ServiceError, Services, ShareExpiry, ShareOrder, ShareRefusal,
    ShareSending,
};

on_both_databases! {
    invitations_are_counted_by_tenant_and_by_author_and_apart_from_notices
    one_address_is_invited_so_often_whichever_shares_they_are
    a_letter_that_went_while_its_share_was_removed_went
    whoever_has_a_letter_sent_again_is_named
    a_letter_goes_to_where_mail_reaches_its_maker_now
    a_history_has_where_a_letter_stopped_and_not_what_was_said
    what_is_written_to_somebody_is_no_command_to_the_server
    many_who_share_at_once_do_not_wait_for_each_other
}

/// As many letters as that one, by that author, that were written or wait since then.
async fn filled(stage: &Stage, like: &Letter, author: &str, count: usize, state: LetterState) {
    let at = if state == LetterState::Waiting { UnixSeconds::new(NOW.get() - 7_200) } else { NOW };
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    for _ in 0..count {
        let id = LetterId::random(NOW).unwrap();
        let letter = Letter {
            address: format!("{id}@example.org").into(),
            id,
            author: author.into(),
            state,
            created_at: at,
            due_at: (state == LetterState::Waiting).then_some(NOW.plus(99)),
            ended_at: (state != LetterState::Waiting).then_some(NOW),
            ..like.clone()
        };
        change.letter_create(&letter).await.unwrap();
    }
    change.commit().await.unwrap();
}

async fn of_share(stage: &Stage, share: &Share) -> Vec<Letter> {
    let filter = LetterFilter { share: Some(share.id.clone()), ..LetterFilter::default() };
    let listed = stage.services.letter_list(&system(), TENANT, &filter, &Page::first(100)).await;
    listed.unwrap().items
}

async fn mailed_by(services: &Services, stage: &Stage, caller: &Caller) -> Option<ServiceError> {
    mailed_to(services, stage, caller, &["bob@example.org"]).await
}

async fn mailed_to(
    services: &Services,
    stage: &Stage,
    caller: &Caller,
    addresses: &[&str],
) -> Option<ServiceError> {
    let recipients = addresses.iter().map(|email| RecipientDraft {
        expires_at: None,
        name: "Bob".into(),
        email: Some((*email).into()),
    });
    let order = ShareOrder {
        recipients: recipients.collect(),
        sending: ShareSending::Letters,
        ..order(&contents_of(stage).await, draft())
    };
    services.share_create(caller, TENANT, order).await.err()
}

fn is_throttled(refused: Option<ServiceError>) -> bool {
    let wait = ShareRefusal::Throttled { retry_after: 3_600 };
    matches!(refused, Some(ServiceError::Share(it)) if it == wait)
}

async fn invitations_are_counted_by_tenant_and_by_author_and_apart_from_notices(stage: Stage) {
    let house = MailHouse::open();
    house.used(&stage, "open").await;
    let share = anns(&stage, draft(), ShareExpiry::Days(30)).await;
    site_in_force(&stage);
    let ann = member(&stage, "ben", &[(ChannelId(stage.folder), Right::Share)]).await;
    let (services, by) = (&stage.services, system());
    assert!(mailed_by(services, &stage, &by).await.is_none());
    let like = letters(&stage).await.remove(0);
    assert_eq!(*like.author, *by.actor().to_string());
    filled(&stage, &like, &like.author, 498, LetterState::Sent).await;
    assert!(mailed_by(services, &stage, &by).await.is_none(), "the five hundredth");
    assert!(is_throttled(mailed_by(services, &stage, &by).await));
    // Nobody else is kept from it by that, until all of the tenant's are too many.
    assert!(mailed_by(services, &stage, &ann).await.is_none());
    filled(&stage, &like, "app_other", 1_499, LetterState::Sent).await;
    assert!(is_throttled(mailed_by(services, &stage, &ann).await));
    let token = stage.token(Some(1), "catalog.read shares.write").await;
    let order = json!({
        "title": "A", "contents": contents_of(&stage).await, "send_mail": true,
        "recipients": [{"name": "Bob", "email": "bob@example.org"}],
    });
    let refused = stage.send("POST /api/v1/tenants/1/shares", &token, &order).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("3600"));
    let refused = refused.json();
    assert_eq!(refused["code"], "throttled");
    let title = "Too many attempts, or too much at once: come again later";
    assert_eq!(refused["title"], title);
    assert_eq!(refused["detail"], "too much at once: try again in 3600 seconds");
    // Whoever made a share is told of visitors all the same.
    noticed(&stage, &share, ShareNotices::Every).await;
    seen(&stage, &share, "192.0.2.1", NOW).await;
    let notice = of_share(&stage, &share).await.remove(0);
    assert_eq!(notice.kind, LetterKind::AccessNotice);
    // And no notice keeps an invitation back.
    filled(&stage, &notice, "", 2_000, LetterState::Sent).await;
    let later = services.clone().at(NOW.plus(3_601));
    assert!(mailed_by(&later, &stage, &ann).await.is_none());
    // Those that wait count for as long as they do.
    filled(&stage, &like, "app_other", 2_000, LetterState::Waiting).await;
    assert!(is_throttled(mailed_by(&later, &stage, &ann).await));
}

fn wait_of(refused: Option<ServiceError>) -> Option<u64> {
    match refused {
        Some(ServiceError::Share(ShareRefusal::Throttled { retry_after })) => Some(retry_after),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

/// Nobody's mailbox is filled by many small shares, whoever makes them and however they spell it.
async fn one_address_is_invited_so_often_whichever_shares_they_are(stage: Stage) {
    let house = MailHouse::open();
    house.used(&stage, "open").await;
    contents(&stage).await;
    site_in_force(&stage);
    let ben = member(&stage, "ben", &[(ChannelId(stage.folder), Right::Share)]).await;
    let by = [system(), ben];
    let at = |seconds| stage.services.clone().at(NOW.plus(seconds));
    let bob = ["bob@example.org"];
    for minute in 0..9 {
        let by = &by[usize::try_from(minute % 2).unwrap()];
        assert_eq!(wait_of(mailed_to(&at(minute * 60), &stage, by, &bob).await), None);
    }
    // Two of one share are two: there is room for one, when the first is an hour old for two.
    let two = ["BOB@example.org", "Bob@Example.Org"];
    assert_eq!(wait_of(mailed_to(&at(600), &stage, &by[0], &two).await), Some(3_000));
    assert_eq!(wait_of(mailed_to(&at(600), &stage, &by[0], &two[..1]).await), None);
    // One who has had enough keeps the letters of that share back, and nobody else's.
    let both = ["eve@example.org", "bob@example.org"];
    assert_eq!(wait_of(mailed_to(&at(900), &stage, &by[1], &both).await), Some(2_700));
    assert_eq!(wait_of(mailed_to(&at(900), &stage, &by[1], &both[..1]).await), None);
    assert_eq!(letters(&stage).await.len(), 11);
    for (seconds, expected) in [(3_599, Some(1)), (3_600, None), (3_600, Some(60)), (3_660, None)] {
        assert_eq!(wait_of(mailed_to(&at(seconds), &stage, &by[0], &bob).await), expected);
    }
    // More at once than there may be at all.
    let many = ["carl@example.org"; 11];
    let refused = mailed_to(&at(9_000), &stage, &by[0], &many).await;
    assert!(matches!(&refused, Some(ServiceError::Invalid(_))), "{refused:?}");
    assert_eq!(wait_of(mailed_to(&at(9_000), &stage, &by[0], &many[..10]).await), None);
}

async fn a_letter_that_went_while_its_share_was_removed_went(stage: Stage) {
    let house = MailHouse::open();
    house.used(&stage, "open").await;
    contents(&stage).await;
    site_in_force(&stage);
    for outcome in [Some(Ok("250 taken".to_owned())), None] {
        let went = outcome.is_some();
        let to = [("Bob", Some("bob@example.org"))];
        let share = mailed(&stage, draft(), &to).await.unwrap();
        let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
        let letter = change.letter_take(TENANT, NOW.plus(900)).await.unwrap().unwrap();
        change.commit().await.unwrap();
        stage.services.share_remove(&system(), TENANT, &share.id, Expected::Any).await.unwrap();
        let state = stage.services.letter_tried(&letter, outcome).await.unwrap();
        let expected = if went { LetterState::Sent } else { LetterState::Withdrawn };
        let kept = of_share(&stage, &share).await.remove(0);
        assert_eq!((state, kept.state, kept.due_at), (expected, expected, None));
    }
}

async fn whoever_has_a_letter_sent_again_is_named(stage: Stage) {
    let house = MailHouse::open();
    house.used(&stage, "open").await;
    contents(&stage).await;
    site_in_force(&stage);
    let share = mailed(&stage, draft(), &[("B", Some("bob@example.org"))]).await.unwrap();
    send_all(&house.services(&stage, NOW)).await;
    let token = stage.token(Some(1), "catalog.read shares.write").await;
    let later = house.services(&stage, NOW.plus(601));
    let again = later.share_invitation_send(&system(), TENANT, &share.id, 1).await.unwrap();
    // One that waits is no other.
    let path = format!("POST /api/v1/tenants/1/shares/{}/recipients/1/mail", share.id);
    let waits = stage.send(&path, &token, &json!({})).await.expect(202).json();
    assert_eq!(waits["id"], again.id.as_str());
    let noted = audited(&stage, "share.mail").await;
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0]["actor"], system().actor().to_string());
    assert_eq!(noted[0]["object"], share.id.as_str());
    assert!(noted[0].to_string().contains(again.id.as_str()), "{noted:?}");
}

async fn a_letter_goes_to_where_mail_reaches_its_maker_now(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "open").await;
    let share = anns(&stage, draft(), ShareExpiry::Days(30)).await;
    noticed(&stage, &share, ShareNotices::Every).await;
    let ann = async |name: &str, username: &str, disabled_at, tenant| {
        let mut change = stage.store.change(&system(), NOW).await.unwrap();
        let person = change.view().person_by_username(name).await.unwrap();
        let draft = PersonDraft {
            tenant: Some(TenantId(tenant)),
            username: username.into(),
            role: person.role,
            scopes: person.scopes,
            disabled_at,
        };
        change.person_update(&person.id, Expected::Any, draft).await.unwrap();
        change.commit().await.unwrap();
    };
    seen(&stage, &share, "192.0.2.1", NOW).await;
    assert_eq!(&*letters(&stage).await[0].address, "ann@example.com");
    ann("ann@example.com", "ann@example.net", None, 1).await;
    send_all(&house.services(&stage, NOW)).await;
    assert_eq!(house.letters()[0]["to"], json!(["ann@example.net"]));
    assert_eq!(&*letters(&stage).await[0].address, "ann@example.net");
    // Who may not log in any more is told nothing, nor is who went elsewhere, or whom no mail reaches.
    for (network, username, disabled_at, tenant, withdrawn) in [
        ("192.0.2.2", "ann@example.net", Some(NOW), 1, 1),
        ("192.0.2.3", "ann@example.net", None, 2, 2),
        ("192.0.2.4", "ann", None, 1, 3),
    ] {
        ann("ann@example.net", "ann@example.net", None, 1).await;
        seen(&stage, &share, network, NOW).await;
        ann("ann@example.net", username, disabled_at, tenant).await;
        send_all(&house.services(&stage, NOW)).await;
        let all = letters(&stage).await;
        let gone = all.iter().filter(|it| it.state == LetterState::Withdrawn).count();
        assert_eq!((all.len(), gone), (withdrawn + 1, withdrawn), "{network}");
    }
    assert_eq!(house.letters().len(), 1);
}

async fn a_history_has_where_a_letter_stopped_and_not_what_was_said(stage: Stage) {
    let house = MailHouse::open();
    house.used(&stage, "tls").await;
    contents(&stage).await;
    site_in_force(&stage);
    let share = mailed(&stage, draft(), &[("N", Some("never@example.org"))]).await.unwrap();
    send_all(&house.services(&stage, NOW)).await;
    let failed = history(&stage, &share).await.remove(0);
    let known = json!({"letter": "invitation", "step": "recipient", "code": 550});
    assert_eq!(Value::Object(failed.detail), known);
    let answer = letters(&stage).await.remove(0).answer.unwrap();
    assert_eq!(&*answer, "recipient: 550 5.1.1 There is nobody of that name");
}

async fn what_is_written_to_somebody_is_no_command_to_the_server(stage: Stage) {
    let mut house = MailHouse::open();
    house.used(&stage, "open").await;
    contents(&stage).await;
    site_in_force(&stage);
    let to = [("Bob", Some("bob@example.org"))];
    for end in ["\r", "\n", "\0", "\r\n"] {
        let title = format!("A{end}Bcc: eve@example.com");
        let titled = mailed(&stage, ShareDraft { title: title.into(), ..draft() }, &to).await;
        assert!(titled.is_err(), "{end:?}");
        let name = format!("Bob{end}RCPT TO:<eve@example.com>");
        assert!(mailed(&stage, draft(), &[(&*name, Some("bob@example.org"))]).await.is_err());
        let email = format!("bob@example.org>{end}RCPT TO:<eve@example.com");
        assert!(mailed(&stage, draft(), &[("Bob", Some(&*email))]).await.is_err(), "{end:?}");
        let said = format!(
            "Dear Bob,{end}.{end}MAIL FROM:<bob@example.org>{end}RCPT TO:<eve@example.com>{end}DATA{end}You won{end}.{end}"
        );
        let made: Result<Share, ServiceError> =
            mailed(&stage, ShareDraft { message: said.into(), ..draft() }, &to).await;
        assert_eq!(made.is_ok(), end != "\0", "{end:?}");
    }
    send_all(&house.services(&stage, NOW)).await;
    let taken = house.letters();
    assert_eq!(taken.len(), 3, "{taken:#?}");
    for letter in taken {
        assert_eq!(letter["to"], json!(["bob@example.org"]));
        let headers = letter["headers"].as_object().unwrap();
        assert!(!headers.contains_key("bcc"), "{headers:?}");
        let raw = letter["raw"].as_str().unwrap().replace("\r\n", "");
        assert!(!raw.contains(['\r', '\n', '\0']), "{raw:?}");
        assert!(letter["text"].as_str().unwrap().contains("RCPT TO:<eve@example.com>"));
    }
}

/// Three times as many as there are connections to the database: nobody who has one waits for another.
async fn many_who_share_at_once_do_not_wait_for_each_other(stage: Stage) {
    let contents = contents(&stage).await;
    let ann = member(&stage, "ann", &[(ChannelId(stage.folder), Right::Share)]).await;
    let mut makers = JoinSet::new();
    for _ in 0..48 {
        let (services, ann) = (stage.services.clone(), ann.clone());
        let order = order(&contents.all(), draft());
        makers.spawn(async move { services.share_create(&ann, TENANT, order).await.map(drop) });
    }
    for made in makers.join_all().await {
        assert!(made.is_ok(), "{made:?}");
    }
}
