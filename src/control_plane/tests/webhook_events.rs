//! What webhooks are told of what nobody asked a control plane for: downloads that left edges as a whole,
//! what anti-fraud refused, and shares that ended.

use serde_json::{Value, json};

use super::share_scene::{
    TENANT, access, contents, draft, file_of, order, revision, shared, system,
};
use super::stage::{NOW, Stage, on_both_databases};
use super::webhooks::{hook, told};
use crate::clock::Clock;
use crate::control_plane::record::FileKind;
use crate::control_plane::retention;
use crate::control_plane::service::{Expected, ShareExpiry, ShareOrder, ShareRevision};

on_both_databases! {
    a_download_that_left_as_a_whole_is_told_once
    what_anti_fraud_refused_is_told_together_and_not_too_often
    the_end_of_a_share_is_told_once
}

async fn edge(stage: &Stage) -> String {
    let admin = stage.admin().await;
    let body = json!({"edge_name": "north"});
    let made = stage.send("POST /api/v1/enrolment-codes", &admin, &body).await.expect(201).json();
    let edge = stage.enrol(made["code"].as_str().unwrap()).await.expect(201).json();
    edge["token"].as_str().unwrap().to_owned()
}

/// Takes these events, each under the number that it has.
async fn take(stage: &Stage, edge: &str, events: &[Value]) {
    let batch = json!({"spool": "0123456789abcdef01234567", "events": events});
    stage.send("POST /api/v1/edge/events", edge, &batch).await.expect(200);
}

fn of(messages: &[Value], kind: &str) -> Vec<Value> {
    let own = messages.iter().filter(|it| it["type"] == kind);
    own.map(|it| it["data"].clone()).collect()
}

async fn a_download_that_left_as_a_whole_is_told_once(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let hook = hook(&stage, &token).await;
    let edge = edge(&stage).await;
    let all = contents(&stage).await;
    let share = shared(&stage, order(&all.all(), draft())).await;
    let film = file_of(&stage, &all.film, FileKind::Format).await;
    let visit = access(&stage, &share).await.unwrap();
    stage.services.share_ticket(&visit, 0, film, None).await.unwrap();
    let id = share.id.as_str();
    let event = |number: u64, link: String, change: &[(&str, Value)]| {
        let mut event = json!({
            "at": NOW.get() - 9, "took_ms": 7, "tenant": 1, "link": link, "key": "key_1",
            "content": "film", "path": "/private/videos/film/formats/hd", "client": "192.0.2.1",
            "method": "GET", "extent": "whole", "status": 200, "sent": 9, "promised": 9,
            "end": "complete", "request_id": "r1", "snapshot": 3,
        });
        for (name, value) in change {
            event[*name] = value.clone();
        }
        json!({"number": number, "event": event})
    };
    let own = || format!("{id}.0.0.1");
    let completed = async || of(&told(&stage, &token, &hook).await, "share.download.completed");
    // A part, a head, what broke off, what was only looked at, and another's link are no whole of it.
    let parts = [
        event(1, own(), &[("extent", json!("ranges")), ("status", json!(206))]),
        event(2, own(), &[("method", json!("HEAD")), ("sent", json!(0))]),
        event(3, own(), &[("end", json!("aborted"))]),
        event(4, own(), &[("status", json!(206))]),
        event(5, format!("{id}.0.0"), &[]),
        event(6, "lnk_a".to_owned(), &[]),
        event(7, "shr_none.0.0.1".to_owned(), &[]),
    ];
    take(&stage, &edge, &parts).await;
    assert_eq!(completed().await, Vec::<Value>::new());
    take(&stage, &edge, &[event(8, own(), &[]), event(9, own(), &[])]).await;
    let expected = json!({"tenant": 1, "share": id, "download": 1});
    assert_eq!(completed().await, std::slice::from_ref(&expected));
    take(&stage, &edge, &[event(10, own(), &[])]).await;
    assert_eq!(completed().await, [expected]);
}

async fn what_anti_fraud_refused_is_told_together_and_not_too_often(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let hook = hook(&stage, &token).await;
    let edge = edge(&stage).await;
    let finding = |number: u64, link: Value, rule: &str, action: &str| {
        json!({"number": number, "event": {
            "at": NOW.get() - 9, "since": NOW.get() - 100, "requests": 3, "tenant": 1,
            "link": link, "key": "key_1", "content": "film", "path": "/private/videos/film/source",
            "client": "192.0.2.1", "method": "GET", "rule": rule, "reason": "seen",
            "action": action, "request_id": "r1", "snapshot": 3,
        }})
    };
    let first = [
        finding(1, json!("lnk_a"), "sharing", "blocked"),
        finding(2, json!("lnk_b"), "sharing", "blocked"),
        finding(3, Value::Null, "blacklist", "blocked"),
        finding(4, json!("lnk_c"), "bots", "monitored"),
    ];
    take(&stage, &edge, &first).await;
    let blocked = async || of(&told(&stage, &token, &hook).await, "fraud.blocked");
    let expected = json!({
        "tenant": 1, "findings": 3, "requests": 9, "rules": ["blacklist", "sharing"],
        "links": ["lnk_a", "lnk_b"],
    });
    assert_eq!(blocked().await, [expected]);
    // What is only watched is not told.
    take(&stage, &edge, &[finding(5, json!("lnk_c"), "bots", "monitored")]).await;
    assert_eq!(blocked().await.len(), 1);
    for number in 6..30 {
        take(&stage, &edge, &[finding(number, json!("lnk_a"), "sharing", "blocked")]).await;
    }
    assert_eq!(blocked().await.len(), 10, "in one minute");
    // Each of them is listed all the same.
    let reader = stage.token(Some(1), "audit.read").await;
    let list = "GET /api/v1/tenants/1/fraud-events?limit=1000";
    let listed = stage.ask(list, &reader).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 29);
}

async fn the_end_of_a_share_is_told_once(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let hook = hook(&stage, &token).await;
    let all = contents(&stage).await;
    let asked = |expiry| ShareOrder { expiry, ..order(&all.all(), draft()) };
    let share = shared(&stage, asked(ShareExpiry::Days(1))).await;
    shared(&stage, asked(ShareExpiry::Never)).await;
    let day = 24 * 3_600;
    let ended = async || {
        // The rounds forget tokens, too.
        let token = stage.token(Some(1), "settings.admin").await;
        of(&told(&stage, &token, &hook).await, "share.expired")
    };
    let round = async |at: u64| {
        retention::forget(&stage.store, Clock::Fixed(NOW.plus(at))).await.unwrap();
    };
    round(day).await;
    assert_eq!(ended().await, Vec::<Value>::new(), "at its last second it is open");
    let expected = json!({"tenant": 1, "share": share.id.as_str()});
    for at in [day + 1, day + 3_600] {
        round(at).await;
        assert_eq!(ended().await, std::slice::from_ref(&expected));
    }
    // One that opens again ends again.
    let then = stage.services.clone().at(NOW.plus(day + 3_600));
    let later = ShareRevision { expiry: Some(ShareExpiry::Days(2)), ..revision(draft()) };
    then.share_change(&system(), TENANT, &share.id, Expected::Any, later).await.unwrap();
    round(2 * day).await;
    assert_eq!(ended().await.len(), 1);
    round(4 * day).await;
    assert_eq!(ended().await, [expected.clone(), expected]);
}
