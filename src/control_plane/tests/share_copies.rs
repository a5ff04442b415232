//! What comes of a share beside its page: new ones of the same (C30), codes of its addresses, ends of its
//! recipients' own, and how much of its downloads left (C27).

use serde_json::{Value, json};

use super::console_shares::in_force;
use super::share_scene::*;
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Actor;
use crate::control_plane::record::{ContentId, FileKind, RecipientDraft, Right};
use crate::control_plane::service::{
    Page, ServiceError, ShareCopy, ShareExpiry, ShareOrder, ShareRefusal,
};
use crate::event::{
    DownloadBy, DownloadEnd, DownloadEvent, DownloadMethod, Event, EventBatch, Extent,
    NumberedEvent, SpoolId,
};
use crate::policy::DenialCode;
use crate::rendition::QrPicture;

on_both_databases! {
    a_recipients_address_ends_before_the_share
    a_share_has_codes_of_its_addresses
    c27_a_history_says_how_much_of_a_download_left
    c30_a_new_share_has_what_is_left_of_another
    whoever_makes_a_new_share_of_one_may_share_what_is_in_it
}

const PATH: &str = "/api/v1/tenants/1/shares";

async fn c30_a_new_share_has_what_is_left_of_another(stage: Stage) {
    let contents = contents(&stage).await;
    in_force(&stage);
    let token = stage.token(Some(1), "shares.write").await;
    let ids: Vec<_> = contents.all().iter().map(ContentId::to_string).collect();
    let body = json!({
        "title": "Press kit", "contents": ids, "download": true, "download_limit": 3, "terms": "T",
        "password": "1234", "language": "de", "recipients": [{"name": "Bob"}], "show_logo": false,
    });
    let made = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201).json();
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    stage.send(&format!("DELETE {one}/items/0"), &token, &json!({})).await.expect(204);
    let copies = format!("POST {one}/copies");
    let answer = stage.send(&copies, &token, &json!({})).await.expect(201);
    assert_eq!(answer.header("etag"), Some("\"r1\""));
    let copy = answer.json();
    assert!(copy["id"] != made["id"] && copy["url"] != made["url"], "{copy}");
    for name in ["title", "message", "download", "download_limit", "terms", "language", "show_logo"]
    {
        assert_eq!(copy[name], made[name], "{name}");
    }
    let own = [&copy["has_password"], &copy["items"], &copy["downloads"]];
    assert_eq!(own, [&json!(false), &json!(2), &json!(0)]);
    let part = async |share: &Value, part: &str| {
        let line = format!("GET {PATH}/{}/{part}", share["id"].as_str().unwrap());
        stage.ask(&line, &token).await.expect(200).json()["items"].clone()
    };
    assert_eq!(part(&copy, "recipients").await, json!([]));
    let items = part(&copy, "items").await;
    assert_eq!(items[0]["content"], contents.picture.as_str());
    assert_eq!((&items[1]["content"], &items[1]["number"]), (&json!(ids[2]), &json!(1)));

    let own = json!({
        "title": "Again", "password": "5678", "recipients": [{"name": "Eve"}],
        "expires": {"by": "never"},
    });
    let copy = stage.send(&copies, &token, &own).await.expect(201).json();
    let told = [&copy["title"], &copy["has_password"], &copy["expires_at"]];
    assert_eq!(told, [&json!("Again"), &json!(true), &Value::Null]);
    assert_eq!(part(&copy, "recipients").await[0]["name"], "Eve");
    for body in [json!({"password": "123"}), json!({"contents": ids}), json!({"title": ""})] {
        stage.send(&copies, &token, &body).await.expect(400);
    }
    let stranger = stage.token(Some(2), "shares.write").await;
    stage.send(&copies, &stranger, &json!({})).await.expect(404);
    let reader = stage.token(Some(1), "audit.read").await;
    stage.send(&copies, &reader, &json!({})).await.expect(403);
}

async fn whoever_makes_a_new_share_of_one_may_share_what_is_in_it(stage: Stage) {
    let contents = contents(&stage).await;
    let (top, below) = (ChannelId(stage.folder), contents.below);
    let rights = [(top, Right::Share), (below, Right::Share)];
    let ann = member(&stage, "ann", &rights).await;
    let bob = member(&stage, "bob", &rights).await;
    let services = &stage.services;
    let share = services.share_create(&ann, TENANT, order(&contents.all(), draft())).await.unwrap();
    let copy = async |caller| {
        let copy = ShareCopy {
            title: None,
            expiry: ShareExpiry::default(),
            password: None,
            recipients: Vec::new(),
        };
        services.share_copy(caller, TENANT, &share.id, copy).await
    };
    // Another's share is none.
    let refused = copy(&bob).await.unwrap_err();
    assert!(matches!(refused, ServiceError::NotFound), "{refused:?}");
    assert_eq!(copy(&ann).await.unwrap().items, 3);
    let Actor::Person(person) = ann.actor().clone() else { unreachable!() };
    give(&stage, &person, top, None).await;
    let left = copy(&ann).await.unwrap();
    let items = services.share_item_list(&ann, TENANT, &left.id, &Page::first(9)).await.unwrap();
    let items: Vec<_> = items.items.into_iter().map(|it| it.content).collect();
    assert_eq!(items, std::slice::from_ref(&contents.picture));
    give(&stage, &person, below, None).await;
    let refused = copy(&ann).await.unwrap_err();
    assert!(matches!(refused, ServiceError::Invalid(_)), "{refused:?}");
}

async fn a_share_has_codes_of_its_addresses(stage: Stage) {
    let contents = contents(&stage).await;
    in_force(&stage);
    let token = stage.token(Some(1), "shares.write").await;
    let body = json!({
        "title": "Press kit", "contents": [contents.film.as_str()],
        "recipients": [{"name": "Bob"}, {"name": "Eve"}],
    });
    let made = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201).json();
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let get = async |query: &str| stage.ask(&format!("GET {one}/qr{query}"), &token).await;
    let drawn = get("").await.expect(200);
    assert_eq!(drawn.header("content-type"), Some("image/svg+xml"));
    assert_eq!(drawn.header("cache-control"), Some("private, no-store"));
    assert!(drawn.header("content-security-policy").unwrap().contains("sandbox"));
    let own = QrPicture::of(made["url"].as_str().unwrap()).unwrap();
    assert_eq!(drawn.body, own.svg());
    assert_eq!(get("?format=svg").await.expect(200).body, own.svg());
    let png = get("?format=png").await.expect(200);
    assert_eq!(png.header("content-type"), Some("image/png"));
    let length = own.png().unwrap().len().to_string();
    assert_eq!(png.header("content-length"), Some(&*length));
    let recipients = stage.ask(&format!("GET {one}/recipients"), &token).await.expect(200).json();
    let bobs = recipients["items"][0]["url"].as_str().unwrap();
    let bobs = QrPicture::of(bobs).unwrap().svg();
    assert_eq!(get("?recipient=1").await.expect(200).body, bobs);
    stage.send(&format!("DELETE {one}/recipients/1"), &token, &json!({})).await.expect(204);
    get("?recipient=1").await.expect(404);
    get("?recipient=3").await.expect(404);
    get("?format=gif").await.expect(400);
    let stranger = stage.token(Some(2), "shares.write").await;
    stage.ask(&format!("GET {one}/qr"), &stranger).await.expect(404);
    // It opens the share: whoever only reads what happened does not have it.
    let reader = stage.token(Some(1), "audit.read").await;
    stage.ask(&format!("GET {one}/qr"), &reader).await.expect(403);
}

async fn a_recipients_address_ends_before_the_share(stage: Stage) {
    let contents = contents(&stage).await;
    let still = file_of(&stage, &contents.film, FileKind::Thumbnail).await;
    let recipient =
        |name: &str, ends| RecipientDraft { name: name.into(), email: None, expires_at: ends };
    let asked = |expires_at| ShareOrder {
        recipients: vec![recipient("Ann", None), recipient("Bob", expires_at)],
        expiry: ShareExpiry::At(NOW.plus(600)),
        password: Some(typed("1234")),
        ..order(&contents.all(), draft())
    };
    let services = &stage.services;
    for wrong in [NOW, NOW.plus(601)] {
        let refused = services.share_create(&system(), TENANT, asked(Some(wrong))).await;
        let Err(ServiceError::Invalid(invalid)) = refused else { panic!("{refused:?}") };
        assert!(format!("{invalid:?}").contains("/recipients/1/expires_at"), "{invalid:?}");
    }
    let share = shared(&stage, asked(Some(NOW.plus(60)))).await;
    let all = services.share_recipient_list(&system(), TENANT, &share.id).await.unwrap();
    let (ann, bob) = (all[0].address.expose(), all[1].address.expose());
    let session = services.share_unlock(bob, typed("1234"), None).await.unwrap();
    let open = services.share_access(bob, Some(session.reveal())).await.unwrap();
    assert_eq!((open.until(), open.ends_at()), (NOW.plus(60), Some(NOW.plus(60))));
    // What was handed out ends with the address.
    let link = services.share_view_link(&open, 0, still).await.unwrap();
    assert_eq!(at_the_edge(&stage, &link, NOW.plus(60)).await, Ok(()));
    let late = at_the_edge(&stage, &link, NOW.plus(61)).await;
    assert_eq!(late, Err(DenialCode::TokenExpired));
    services.clone().at(NOW.plus(60)).share_access(bob, None).await.unwrap();
    let later = services.clone().at(NOW.plus(61));
    let gone = later.share_access(bob, Some(session.reveal())).await.unwrap_err();
    assert!(matches!(gone, ServiceError::Share(ShareRefusal::Gone)), "{gone:?}");
    let gone = later.share_unlock(bob, typed("1234"), None).await.unwrap_err();
    assert!(matches!(gone, ServiceError::Share(ShareRefusal::Gone)), "{gone:?}");
    for address in [ann, share.address.expose()] {
        assert_eq!(later.share_access(address, None).await.unwrap().ends_at(), share.expires_at);
    }

    let token = stage.token(Some(1), "shares.write").await;
    let path = format!("GET {PATH}/{}/recipients", share.id);
    let told = stage.ask(&path, &token).await.expect(200).json()["items"].clone();
    assert_eq!(told[0]["expires_at"], Value::Null);
    assert!(told[1]["expires_at"].is_string(), "{told}");
    let mut body = json!({"title": "t", "contents": [contents.film.as_str()]});
    body["recipients"] = json!([{"name": "Eve", "expires_at": told[1]["expires_at"]}]);
    let made = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201).json();
    let path = format!("GET {PATH}/{}/recipients", made["id"].as_str().unwrap());
    let again = stage.ask(&path, &token).await.expect(200).json()["items"].clone();
    assert_eq!(again[0]["expires_at"], told[1]["expires_at"]);
    body["recipients"][0]["expires_at"] = json!("2001-01-01T00:00:00Z");
    let refused = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(400).json();
    assert_eq!(refused["errors"][0]["pointer"], "/recipients/0/expires_at", "{refused}");
}

fn told(tenant: u64, link: &str, sent: u64) -> Event {
    Event::Download(DownloadEvent {
        at: NOW,
        took_ms: 3,
        tenant: TenantId(tenant),
        by: DownloadBy::Link { link: link.into(), key: "key_1".into() },
        content: None,
        path: "/private/videos/film/formats/hd".into(),
        client: client("192.0.2.1").unwrap(),
        method: DownloadMethod::Get,
        extent: Extent::Whole,
        status: 200,
        sent,
        promised: None,
        end: DownloadEnd::Aborted,
        request_id: "r".into(),
        snapshot: 1,
    })
}

fn refused(status: u16, told: Event) -> Event {
    let Event::Download(download) = told else { panic!("{told:?}") };
    Event::Download(DownloadEvent { status, ..download })
}

/// What an edge tells at once, as it comes from a spool of its own.
async fn take(stage: &Stage, events: Vec<Event>) {
    let mut spool = [0; 12];
    getrandom::fill(&mut spool).unwrap();
    let events = (1..).zip(events).map(|(number, event)| NumberedEvent { number, event });
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let batch = EventBatch { spool: SpoolId::of_bytes(spool), events: events.collect() };
    change.download_event_take(Some("north"), batch).await.unwrap();
    change.commit().await.unwrap();
}

async fn c27_a_history_says_how_much_of_a_download_left(stage: Stage) {
    let contents = contents(&stage).await;
    let film = file_of(&stage, &contents.film, FileKind::Format).await;
    let share = shared(&stage, order(&contents.all(), draft())).await;
    let services = &stage.services;
    let open = services.share_access(share.address.expose(), None).await.unwrap();
    for _ in 0..3 {
        services.share_ticket(&open, 0, film, None).await.unwrap();
    }
    let link = |rest: &str| format!("{}.{rest}", share.id);
    take(
        &stage,
        vec![
            told(1, &link("0.0.1"), 700),
            told(1, &link("0.0.1"), 300),
            told(1, &link("0.0.3"), 5),
            // A look, another tenant's word, and what only looks alike.
            told(1, &link("0.0"), 9_000),
            told(2, &link("0.0.2"), 9_000),
            told(1, &link("0.0.2.4"), 9_000),
            told(1, "shr_x.0.0.2", 9_000),
            told(1, "lnk_a", 9_000),
            // The text of an answer without the file.
            refused(416, told(1, &link("0.0.2"), 9_000)),
            refused(502, told(1, &link("0.0.2"), 9_000)),
        ],
    )
    .await;
    take(&stage, vec![told(1, &link("0.0.1"), 24)]).await;
    let token = stage.token(Some(1), "audit.read").await;
    let history = async || {
        let path = format!("GET {PATH}/{}/history", share.id);
        let events = stage.ask(&path, &token).await.expect(200).json()["items"].clone();
        let sent = |it: &Value| (it["kind"].clone(), it["sent"].clone());
        events.as_array().unwrap().iter().map(sent).collect::<Vec<_>>()
    };
    let saved = |sent: Value| (json!("downloaded"), sent);
    let expected =
        [saved(json!(5)), saved(Value::Null), saved(json!(1_024)), (json!("created"), Value::Null)];
    assert_eq!(history().await, expected);
    // Nonsense is counted for as long as it can be, and keeps nothing from being taken.
    for _ in 0..3 {
        take(&stage, vec![told(1, &link("0.0.2"), u64::MAX)]).await;
    }
    assert_eq!(history().await[1], saved(json!(3_u64 << 53)));
}
