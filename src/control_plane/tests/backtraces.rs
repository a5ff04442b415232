//! Whose copy an object is, as the vendor's clients ask (requirement K.6).

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::stage::{NOW, Stage, on_both_databases};
use super::traces::TracedScene;
use crate::control_plane::caller::Caller;
use crate::delivery::DeliveryDesk;

on_both_databases! {
    an_object_is_traced_in_the_background
    what_was_begun_is_taken_up_again
    an_object_that_ends_whoever_looks_at_it_is_given_up
    a_backtrace_is_asked_for_rightly_by_who_may
}

/// Has somebody look at what waits.
fn looking(scene: &TracedScene, later: u64) -> JoinHandle<()> {
    let desk = Arc::new(DeliveryDesk::of_folder(scene.stage.media.path()));
    let services = scene.stage.services.clone().at(NOW.plus(later));
    tokio::spawn(async move {
        services.backtraces_run(move || Some(Arc::clone(&desk))).await;
    })
}

/// An object of the pipeline, whose prefix is `1/`.
fn put(scene: &TracedScene, key: &str, bytes: &str) {
    let path = scene.stage.media.path().join("1").join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

async fn ask(scene: &TracedScene, token: &str, key: &str) -> Value {
    let pipeline = scene.catalog.pipeline.to_string();
    let body = json!({"backtrace": {"pipeline": {"id": pipeline}, "input": {"input_name": key}}});
    let line = "POST /v1/backtraces/?job_id=j%201";
    scene.stage.send(line, token, &body).await.expect(201).json()["backtrace"].clone()
}

/// The backtrace, once it is not queued any more.
async fn over(scene: &TracedScene, token: &str, asked: &Value) -> Value {
    let line = format!("GET /v1/backtraces/{}", asked["id"].as_str().unwrap());
    loop {
        let found = scene.stage.ask(&line, token).await.expect(200).json()["backtrace"].clone();
        if found["status"] != "QUEUED" {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

async fn an_object_is_traced_in_the_background(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let token = scene.stage.token(Some(1), "trace audit.read").await;
    put(&scene, "found/leak.bin", &scene.copy());
    put(&scene, "plain.bin", "nothing");
    put(&scene, "forged.bin", &scene.forged());
    let mut asked = Vec::new();
    // The vendor's keys may begin with a slash.
    for key in ["/found/leak.bin", "plain.bin", "forged.bin", "none.bin"] {
        asked.push(ask(&scene, &token, key).await);
    }
    let queued = asked[0].as_object().unwrap();
    for (name, value) in [
        ("status", json!("QUEUED")),
        ("percentage_completed", json!(0)),
        ("job", json!({"id": "j 1"})),
        ("pipeline", json!({"id": scene.catalog.pipeline.to_string()})),
        ("input", json!({"input_name": "found/leak.bin"})),
        ("created_at", json!(NOW.get() * 1_000)),
    ] {
        assert_eq!(queued[name], value, "{queued:?}");
    }
    assert!(!queued.contains_key("extracted_data") && !queued.contains_key("finished_at"));
    let looking = looking(&scene, 0);
    let found = over(&scene, &token, &asked[0]).await;
    assert_eq!(
        (&found["status"], &found["percentage_completed"]),
        (&json!("SUCCESS"), &json!(100))
    );
    assert_eq!(found["extracted_data"], json!({"autograph_tag": "user 42"}));
    assert_eq!(found["finished_at"], NOW.get() * 1_000);
    assert!(found.get("error_msg").is_none(), "{found}");
    for (asked, code, message) in [
        (&asked[1], "0x0230001", "carries no tag"),
        (&asked[2], "0x0230001", "no copy known here"),
        (&asked[3], "0x0230002", "does not exist"),
    ] {
        let failed = over(&scene, &token, asked).await;
        assert_eq!((&failed["status"], &failed["error_code"]), (&json!("FAILURE"), &json!(code)));
        assert!(failed["error_msg"].as_str().unwrap().contains(message), "{failed}");
        assert!(failed.get("extracted_data").is_none(), "{failed}");
    }
    looking.abort();

    let list = async |query: &str, token: &str| {
        let line = format!("GET /v1/backtraces/?{query}");
        let listed = scene.stage.ask(&line, token).await.expect(200).json();
        listed["backtraces"].as_array().unwrap().len()
    };
    for (query, expected) in [
        ("", 4),
        ("limit=3", 3),
        ("start=3&limit=3", 1),
        ("status=SUCCESS", 1),
        ("status=FAILURE", 3),
        ("status=QUEUED", 0),
        ("extracted_data.autograph_tag=er%204", 1),
        ("extracted_data.autograph_tag=43", 0),
    ] {
        assert_eq!(list(query, &token).await, expected, "{query}");
    }
    for wrong in ["limit=0", "limit=5001", "status=DONE", "direction=2", "start=x"] {
        scene.stage.ask(&format!("GET /v1/backtraces/?{wrong}"), &token).await.expect(400);
    }
    // Without its version, without a slash, in XML.
    let xml = scene.stage.ask("GET /backtraces?format=xml&status=SUCCESS", &token).await;
    let part = "<extracted_data><autograph_tag>user 42</autograph_tag></extracted_data>";
    assert!(xml.expect(200).body.contains(part));
    // Each that was read is in the audit log, as asked by whoever asked.
    let traces = scene.asked(&token).await;
    assert_eq!(traces.len(), 3, "{traces:?}");
    for event in &traces {
        assert!(event["actor"].as_str().unwrap().starts_with("app_"), "{event}");
        assert_eq!(event["tenant"], 1, "{event}");
    }
    let stranger = scene.stage.token(Some(2), "trace").await;
    assert_eq!(list("", &stranger).await, 0);
    let line = format!("GET /v1/backtraces/{}", asked[0]["id"].as_str().unwrap());
    let unknown = scene.stage.ask(&line, &stranger).await.expect(404).json();
    assert_eq!(unknown["error"]["error_code"], "0x0230002");
}

async fn what_was_begun_is_taken_up_again(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let token = scene.stage.token(Some(1), "trace").await;
    put(&scene, "leak.bin", &scene.copy());
    let asked = ask(&scene, &token, "leak.bin").await;
    // A program took it, and died.
    let mut change = scene.stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    change.backtrace_take(NOW.plus(60)).await.unwrap().unwrap();
    change.commit().await.unwrap();
    let looking = looking(&scene, 60);
    let found = over(&scene, &token, &asked).await;
    assert_eq!(found["extracted_data"]["autograph_tag"], "user 42", "{found}");
    looking.abort();
}

async fn an_object_that_ends_whoever_looks_at_it_is_given_up(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let token = scene.stage.token(Some(1), "trace").await;
    put(&scene, "leak.bin", &scene.copy());
    let [last, beyond] =
        [ask(&scene, &token, "leak.bin").await, ask(&scene, &token, "leak.bin").await];
    // Programs took them, and died; one of the two once more than the other.
    let take = async |later: u64| {
        let mut change =
            scene.stage.store.change(&Caller::system("test"), NOW.plus(later)).await.unwrap();
        let taken = change.backtrace_take(NOW.plus(later + 60)).await.unwrap();
        change.commit().await.unwrap();
        taken
    };
    let mut attempts = Vec::new();
    for later in [0, 60] {
        for _ in 0..2 {
            attempts.extend(take(later).await.map(|taken| taken.attempts));
        }
    }
    assert_eq!(attempts, [1, 1, 2, 2]);
    let once_more = take(120).await.unwrap();
    assert_eq!(once_more.attempts, 3);
    let [last, beyond] =
        if once_more.id.as_str() == beyond["id"] { [last, beyond] } else { [beyond, last] };
    let looking = looking(&scene, 180);
    let found = over(&scene, &token, &last).await;
    assert_eq!(found["extracted_data"]["autograph_tag"], "user 42", "{found}");
    let given_up = over(&scene, &token, &beyond).await;
    assert_eq!(
        (&given_up["status"], &given_up["error_code"]),
        (&json!("FAILURE"), &json!("0x0000001"))
    );
    looking.abort();
}

async fn a_backtrace_is_asked_for_rightly_by_who_may(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let token = scene.stage.token(Some(1), "trace").await;
    let pipeline = scene.catalog.pipeline;
    let post = async |token: &str, body: Value| {
        scene.stage.send("POST /v1/backtraces/", token, &body).await
    };
    let asking = |pipeline: Value, input: Value| json!({"backtrace": {"pipeline": {"id": pipeline}, "input": {"input_name": input}}});
    for wrong in [
        json!({}),
        json!({"backtrace": {}}),
        asking(json!("x"), json!("a")),
        asking(json!(pipeline), json!(null)),
        asking(json!(pipeline), json!("")),
        asking(json!(pipeline), json!("../a")),
        asking(json!(pipeline), json!("a/")),
    ] {
        let refused = post(&token, wrong.clone()).await;
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
        assert_eq!(refused.json()["error"]["error_code"], "0x0230001");
    }
    let long = "x".repeat(129);
    let line = format!("POST /v1/backtraces/?job_id={long}");
    let right = asking(json!(pipeline), json!("a"));
    scene.stage.send(&line, &token, &right).await.expect(400);
    // Another tenant's pipeline is none.
    let stranger = scene.stage.token(Some(2), "trace").await;
    post(&stranger, right.clone()).await.expect(404);
    post(&token, asking(json!(999), json!("a"))).await.expect(404);
    let without = scene.stage.token(Some(1), "files.read files.sign").await;
    post(&without, right.clone()).await.expect(403);
    for _ in 0..100 {
        post(&token, right.clone()).await.expect(201);
    }
    let refused = post(&token, right).await.expect(429);
    assert!(refused.body.contains("wait already"), "{refused:?}");
}
