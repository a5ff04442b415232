//! What anti-fraud found at an edge is shown to whoever may read the audit log.

use serde_json::{Value, json};

use super::stage::{NOW, Stage, on_both_databases};

on_both_databases! {
    an_edge_reports_and_a_reader_lists
}

const TAKE: &str = "POST /api/v1/edge/events";
const LIST: &str = "GET /api/v1/tenants/1/fraud-events";

fn finding(number: u64, link: &Value, rule: &str) -> Value {
    json!({"number": number, "event": {
        "at": NOW.get() - 100 + number, "since": NOW.get() - 100, "requests": number, "tenant": 1,
        "link": link, "key": "key_1", "content": "film", "path": "/private/videos/film/source",
        "client": "192.0.2.1", "method": "GET", "rule": rule, "reason": "seen",
        "action": "blocked", "request_id": "r1", "snapshot": 3, "of_a_newer_edge": true,
    }})
}

async fn an_edge_reports_and_a_reader_lists(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({"edge_name": "north"});
    let made = stage.send("POST /api/v1/enrolment-codes", &admin, &body).await.expect(201).json();
    let edge = stage.enrol(made["code"].as_str().unwrap()).await.expect(201).json();
    let edge = edge["token"].as_str().unwrap();
    let batch = |events: &[Value]| json!({"spool": "0123456789abcdef01234567", "events": events});
    let [one, two] = [json!("lnk_a"), json!(null)];
    let events = [
        finding(1, &one, "sharing"),
        finding(2, &two, "blacklist"),
        finding(3, &one, "of_a_newer_edge"),
    ];
    let said = stage.send(TAKE, edge, &batch(&events)).await.expect(200).json();
    assert_eq!(said, json!({"taken": 3}));
    for (field, value) in [("rule", json!("")), ("reason", json!("x".repeat(257)))] {
        let mut wrong = finding(4, &one, "sharing");
        wrong["event"][field] = value;
        stage.send(TAKE, edge, &batch(&[wrong])).await.expect(400);
    }

    let reader = stage.token(Some(1), "audit.read").await;
    let mut all = stage.ask(LIST, &reader).await.expect(200).json();
    let id = all["items"][0]["id"].take();
    assert!(id.as_str().unwrap().starts_with("evt_"), "{id}");
    let expected = json!({
        "id": null, "at": "2029-12-31T23:58:21Z", "since": "2029-12-31T23:58:20Z", "requests": 1,
        "rule": "sharing", "reason": "seen", "action": "blocked", "link": "lnk_a", "key": "key_1",
        "content": "film", "path": "/private/videos/film/source", "client": "192.0.2.1",
        "method": "GET", "edge": "north", "request_id": "r1", "snapshot": 3,
    });
    assert_eq!(all["items"][0], expected);
    for (query, expected) in [
        ("", 3),
        ("?link=lnk_a", 2),
        ("?link=lnk_a&rule=sharing", 1),
        ("?since=2029-12-31T23:58:22Z", 2),
        ("?until=2029-12-31T23:58:22Z", 1),
    ] {
        let page = stage.ask(&format!("{LIST}{query}"), &reader).await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), expected, "{query}");
    }
    // They are no downloads.
    let downloads = stage.ask("GET /api/v1/tenants/1/download-events", &reader).await;
    assert_eq!(downloads.expect(200).json()["items"], json!([]));
    let other = stage.token(Some(2), "audit.read").await;
    stage.ask(LIST, &other).await.expect(404);
}
