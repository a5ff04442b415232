//! What edges report is taken once, and shown to whoever may read the audit log.

use serde_json::{Value, json};

use super::console::Browser;
use super::console_pages;
use super::stage::{NOW, Stage, on_both_databases};
use crate::control_plane::api::{Document, document};

on_both_databases! {
    an_edge_reports_and_a_reader_lists
    what_connectors_gave_is_listed_with_what_links_did
    what_is_no_batch_is_refused
}

const TAKE: &str = "POST /api/v1/edge/events";
const LIST: &str = "GET /api/v1/tenants/1/download-events";

async fn edge(stage: &Stage) -> String {
    let admin = stage.admin().await;
    let body = json!({"edge_name": "north"});
    let made = stage.send("POST /api/v1/enrolment-codes", &admin, &body).await.expect(201).json();
    let edge = stage.enrol(made["code"].as_str().unwrap()).await.expect(201).json();
    edge["token"].as_str().unwrap().to_owned()
}

fn event(number: u64, link: &str) -> Value {
    json!({"number": number, "event": {
        "at": NOW.get() - 100 + number.min(900), "took_ms": 7, "tenant": 1, "link": link, "key": "key_1",
        "content": "film", "path": "/private/videos/film/source", "client": "192.0.2.1",
        "method": "GET", "extent": "whole", "status": 200, "sent": 9, "promised": 9,
        "end": "complete", "request_id": "r1", "snapshot": 3, "of_a_newer_edge": true,
    }})
}

fn batch(events: &[Value]) -> Value {
    json!({"spool": "0123456789abcdef01234567", "events": events})
}

async fn an_edge_reports_and_a_reader_lists(stage: Stage) {
    let edge = edge(&stage).await;
    let reader = stage.token(Some(1), "audit.read").await;
    for (numbers, taken) in [(1..=3, 3), (1..=3, 3), (2..=5, 5)] {
        let events: Vec<_> =
            numbers.map(|it| event(it, if it % 2 == 1 { "lnk_b" } else { "lnk_a" })).collect();
        let said = stage.send(TAKE, &edge, &batch(&events)).await.expect(200).json();
        assert_eq!(said, json!({"taken": taken}));
    }
    let all = stage.ask(LIST, &reader).await.expect(200).json();
    let items = all["items"].as_array().unwrap();
    assert_eq!((items.len(), &all["next_cursor"]), (5, &Value::Null));
    let mut first = items[0].clone();
    let id = first["id"].take();
    assert!(id.as_str().unwrap().starts_with("evt_"), "{id}");
    let expected = json!({
        "id": null, "at": "2029-12-31T23:58:21Z", "took_ms": 7, "link": "lnk_b", "key": "key_1",
        "connector": null, "version": null, "user_agent": null, "since": "2029-12-31T23:58:21Z",
        "requests": 1, "content": "film", "path": "/private/videos/film/source", "client": "192.0.2.1",
        "method": "GET", "extent": "whole", "status": 200, "sent": 9, "promised": 9,
        "end": "complete", "edge": "north", "request_id": "r1", "snapshot": 3,
    });
    assert_eq!(first, expected);

    // Page after page, of one link.
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let line = format!("{LIST}?link=lnk_b&limit=2{cursor}");
        let page = stage.ask(&line, &reader).await.expect(200).json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected = [0, 2, 4].map(|place: usize| items[place]["id"].clone());
    assert_eq!(ids, expected);
    for (query, expected) in [
        ("content=film&since=2029-12-31T23:58:24Z", 2),
        ("content=other", 0),
        ("until=2029-12-31T23:58:22Z", 1),
    ] {
        let page = stage.ask(&format!("{LIST}?{query}"), &reader).await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), expected, "{query}");
    }
    // All of them at once, as many as there are.
    for (query, expected) in
        [("", &items[..]), ("?link=lnk_a", &[items[1].clone(), items[3].clone()])]
    {
        let export = stage.ask(&format!("{LIST}/export{query}"), &reader).await.expect(200);
        let lines: Vec<Value> =
            export.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, expected);
    }
    stage.ask(&format!("{LIST}/export?link=%00"), &reader).await.expect(400);
    let other = stage.token(Some(2), "audit.read").await;
    stage.ask(&format!("{LIST}/export"), &other).await.expect(404);
    stage.ask(LIST, &other).await.expect(404);
}

fn connected(number: u64, more: &Value) -> Value {
    let mut event = event(number, "");
    let of = event["event"].as_object_mut().unwrap();
    of.remove("link");
    of.remove("key");
    let by = json!({"connector": "cnr_a", "file": 3, "user_agent": "a <b>/1", "since": NOW.get() - 200,
                    "requests": 4});
    for (name, value) in by.as_object().unwrap().iter().chain(more.as_object().unwrap()) {
        of.insert(name.clone(), value.clone());
    }
    event
}

async fn what_connectors_gave_is_listed_with_what_links_did(stage: Stage) {
    let edge = edge(&stage).await;
    let reader = stage.token(Some(1), "audit.read").await;
    let events =
        [event(1, "lnk_a"), connected(2, &json!({"user_agent": null})), connected(3, &json!({}))];
    let said = stage.send(TAKE, &edge, &batch(&events)).await.expect(200).json();
    assert_eq!(said, json!({"taken": 3}));
    for refused in [
        json!({"connector": ""}),
        json!({"connector": "x".repeat(257)}),
        json!({"user_agent": "x".repeat(257)}),
        json!({"file": -1}),
    ] {
        let body = batch(&[connected(4, &refused)]);
        stage.send(TAKE, &edge, &body).await.expect(400);
    }
    let by = stage.ask(&format!("{LIST}?connector=cnr_a"), &reader).await.expect(200).json();
    let all = stage.ask(&format!("{LIST}?content=film"), &reader).await.expect(200).json();
    let (by, all) = (by["items"].as_array().unwrap(), all["items"].as_array().unwrap());
    assert_eq!((all.len(), &all[1..]), (3, &by[..]));
    let told = ["connector", "link", "key", "version", "user_agent", "since", "requests", "sent"];
    assert_eq!(
        json!(told.map(|name| by[1][name].clone())),
        json!(["cnr_a", null, null, null, "a <b>/1", "2029-12-31T23:56:40Z", 4, 9])
    );
    assert_eq!(by[0]["user_agent"], Value::Null);

    // The audit log has them, for whoever reads that of their tenant.
    for (tenant, expected) in [(Some(1), 2), (Some(2), 0), (None, 2)] {
        let reader = stage.token(tenant, "audit.read").await;
        let log = stage.ask("GET /api/v1/audit/export", &reader).await.expect(200).body;
        assert_eq!(log.matches("\"connector.deliver\"").count(), expected, "{tenant:?}");
    }

    // Of a content that there is: with its version, and on its page.
    let sample = stage.catalog(1).await;
    let of = json!({"content": sample.content, "file": sample.file});
    stage.send(TAKE, &edge, &batch(&[connected(4, &of)])).await.expect(200);
    let list = format!("{LIST}?content={}", sample.content);
    let listed = stage.ask(&list, &reader).await.expect(200).json();
    assert_eq!(listed["items"][0]["version"], *sample.version);
    let mut browser = Browser::of_person(&stage, Some(1), "admin", &console_pages::SCOPES).await;
    let page = format!("/console/tenants/1/contents/{}/history", sample.content);
    let page = browser.get(&page).await.expect(200).body;
    for text in ["connector <code>cnr_a</code>", "4 times, 9 bytes (200)", "192.0.2.1", "north"] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert!(!page.contains("a <b>/1"), "{page}");
}

async fn what_is_no_batch_is_refused(stage: Stage) {
    let edge = edge(&stage).await;
    let many: Vec<_> = (1..=501).map(|it| event(it, "lnk_a")).collect();
    let mut late = event(1, "lnk_a");
    late["event"]["link"] = "".into();
    for body in [
        json!({}),
        json!({"spool": "x", "events": []}),
        batch(&[event(0, "lnk_a")]),
        batch(&[event(2, "lnk_a"), event(2, "lnk_a")]),
        batch(&[event(u64::MAX, "lnk_a")]),
        batch(&[late]),
        batch(&many),
    ] {
        stage.send(TAKE, &edge, &body).await.expect(400);
    }
    let admin = stage.admin().await;
    stage.send(TAKE, &admin, &batch(&[])).await.expect(404);
    let all = stage.ask(LIST, &admin).await.expect(200).json();
    assert_eq!(all["items"], json!([]));
    let said = serde_json::to_value(document(Document::Native)).unwrap();
    assert!(said["paths"]["/api/v1/edge/events"]["post"].is_object());
}
