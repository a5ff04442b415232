//! Versions of a content, their files and chapters; attachments of folders; archives.

use serde_json::{Value, json};

use super::stage::{Stage, on_both_databases};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{FeedEvent, FeedHead, FeedPage, FeedVersion};

on_both_databases! {
    one_version_is_handed_out
    files_are_registered_where_addresses_find_them
    an_object_key_leads_nowhere_else
    chapters_are_of_a_version
    a_folder_has_attachments
    an_archive_has_elements
}

const PATH: &str = "/api/v1/tenants/1";

async fn last_events(stage: &Stage) -> Vec<FeedEvent> {
    let mut view = stage.store.view(&Caller::system("test")).await.unwrap();
    let head = view.feed_head().await.unwrap();
    let before = FeedHead { version: FeedVersion(head.version.0 - 1), ..head };
    match view.feed_since(&before, 1).await.unwrap() {
        FeedPage::Entries { entries, .. } => entries.into_iter().map(|entry| entry.event).collect(),
        FeedPage::SnapshotNeeded => panic!("a snapshot is needed"),
    }
}

async fn one_version_is_handed_out(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let versions = format!("{PATH}/contents/{}/versions", sample.content);
    let post = format!("POST {versions}");
    let made = stage.send(&post, &token, &json!({"label": "cut"})).await.expect(201);
    assert_eq!(made.header("etag"), Some("\"r2\""));
    let made = made.json();
    assert_eq!((&made["number"], &made["label"]), (&json!(2), &json!("cut")));
    let second = format!("{versions}/{}", made["id"].as_str().unwrap());
    let thumbnail = json!({
        "kind": "thumbnail", "slot": "7", "variant": "360p", "pipeline": sample.pipeline,
        "key": "stills/7.jpg", "size": 3,
    });
    stage.send(&format!("POST {second}/files"), &token, &thumbnail).await.expect(201);
    let patch = format!("PATCH {second}");
    stage.send(&patch, &token, &json!({"active_thumbnail": "8"})).await.expect(400);
    let now = stage.send(&patch, &token, &json!({"active_thumbnail": "7"})).await.expect(200);
    assert_eq!(now.json()["active_thumbnail"], "7");

    let activate = format!("POST {second}/activate");
    let bearer = format!("Authorization: Bearer {token}");
    stage.call(&activate, &[&bearer], "").await.expect(428);
    stage.call(&activate, &[&bearer, "If-Match: \"r1\""], "").await.expect(412);
    let content = stage.call(&activate, &[&bearer, "If-Match: \"r4\""], "").await.expect(200);
    assert_eq!(content.json()["active_version"], made["id"]);
    // Edges are told of the files of the version that is handed out.
    let [FeedEvent::ContentSet(state)] = &last_events(&stage).await[..] else { panic!() };
    assert_eq!(state.version.as_deref(), made["id"].as_str());
    assert_eq!(&*state.files[0].key, "1/stills/7.jpg");
    assert_eq!(state.active_thumbnail.as_deref(), Some("7"));

    stage.send(&format!("DELETE {second}"), &token, &json!({})).await.expect(409);
    let first = format!("{versions}/{}", sample.version);
    stage.send(&format!("DELETE {first}"), &token, &json!({})).await.expect(204);
    let listed = stage.ask(&format!("GET {versions}"), &token).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

async fn files_are_registered_where_addresses_find_them(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let files = format!("{PATH}/contents/{}/versions/{}/files", sample.content, sample.version);
    let file = |kind: &str, slot: &str, variant: &str, key: &str| {
        json!({
            "kind": kind, "slot": slot, "variant": variant, "pipeline": sample.pipeline,
            "key": key, "size": 1,
        })
    };
    let listed = stage.ask(&format!("GET {files}"), &token).await.expect(200).json();
    let source = &listed["items"][0];
    // What was not said: the name is the key's last, the type that of its extension.
    assert_eq!((&source["name"], &source["mime"]), (&json!("a.mp4"), &json!("video/mp4")));
    assert_eq!((&source["sha256"], &source["crc32"]), (&Value::Null, &Value::Null));

    let mut format = file("format", "hd720", "", "films/hd.mp4");
    format["sha256"] = json!("ab".repeat(32));
    let made = stage.send(&format!("POST {files}"), &token, &format).await.expect(201).json();
    assert_eq!(made["sha256"], "ab".repeat(32));
    stage.send(&format!("POST {files}"), &token, &format).await.expect(409);
    // All at once: what is the same keeps its number, what is not named is gone.
    let subtitle = file("subtitle", "9", "VTT", "subs/9.vtt");
    let put = format!("PUT {files}");
    let all = json!({"items": [format, subtitle]});
    let now = stage.send(&put, &token, &all).await.expect(200).json();
    assert_eq!(now["items"][0], made);
    assert_eq!(now["items"].as_array().unwrap().len(), 2);
    let [FeedEvent::ContentSet(state)] = &last_events(&stage).await[..] else { panic!() };
    assert_eq!(state.files.len(), 2);
    let again = stage.send(&put, &token, &all).await.expect(200).json();
    assert_eq!(again, now);
    for (wrong, pointer) in [
        (json!([format, format]), "/items/1"),
        (json!([file("source", "x", "", "a")]), "/items/0/slot"),
        (json!([file("thumbnail", "active", "360p", "a")]), "/items/0/slot"),
        (json!([file("attachment", "t", "a/b", "a")]), "/items/0/variant"),
    ] {
        let refused = stage.send(&put, &token, &json!({"items": wrong})).await.expect(400).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let one = format!("DELETE {files}/{}", made["number"]);
    stage.send(&one, &token, &json!({})).await.expect(204);
    stage.send(&one, &token, &json!({})).await.expect(404);
}

/// What a tenant could reach with a key that means something else to a disk than to us.
async fn an_object_key_leads_nowhere_else(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let version = format!("{PATH}/contents/{}/versions/{}", sample.content, sample.version);
    for key in [
        "",
        "/etc/passwd",
        "../2/films/a.mp4",
        "a/../../2/b",
        "a/./b",
        "a//b",
        "a/",
        ".",
        "..",
        "a\\..\\b",
        "a\u{0}b",
        "a\nb",
        "%2e%2e/2/b",
        "..;/2/b",
        "a%2f..%2fb",
    ] {
        let format = json!({
            "kind": "format", "slot": "hd", "pipeline": sample.pipeline, "key": key, "size": 1,
        });
        let refused = stage.send(&format!("POST {version}/files"), &token, &format).await;
        assert_eq!(refused.expect(400).json()["errors"][0]["pointer"], "/key", "{key:?}");
        let content = json!({"kind": "VIDEO", "files": [format]});
        let refused = stage.send(&format!("POST {PATH}/contents"), &token, &content).await;
        assert_eq!(refused.expect(400).json()["errors"][0]["pointer"], "/files/0/key", "{key:?}");
        let archive = json!({"pipeline": sample.pipeline, "key": key, "name": "a", "elements": []});
        stage.send(&format!("POST {PATH}/archives"), &token, &archive).await.expect(400);
    }
}

async fn chapters_are_of_a_version(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let chapters =
        format!("{PATH}/contents/{}/versions/{}/chapters", sample.content, sample.version);
    let items = json!([
        {"slot": "2", "title": "End", "starts_ms": 60_000},
        {"slot": "1", "title": "Start", "starts_ms": 0},
    ]);
    let put = format!("PUT {chapters}");
    let made = stage.send(&put, &token, &json!({"items": items})).await.expect(200);
    assert_eq!(made.header("etag"), Some("\"r2\""));
    let made = made.json();
    assert_eq!(made["items"], json!([items[1], items[0]]));
    assert_eq!(stage.ask(&format!("GET {chapters}"), &token).await.expect(200).json(), made);
    for wrong in [
        json!([{"slot": "a/b", "starts_ms": 0}]),
        json!([{"slot": "1", "starts_ms": 0}, {"slot": "1", "starts_ms": 1}]),
        json!([{"slot": "1", "starts_ms": -1}]),
    ] {
        stage.send(&put, &token, &json!({"items": wrong})).await.expect(400);
    }
}

async fn a_folder_has_attachments(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let folder = format!("{PATH}/folders/{}", stage.folder);
    let path = format!("{folder}/attachments");
    let logo = json!({
        "kind": "attachment", "slot": "Logo", "variant": "logo.png",
        "pipeline": sample.pipeline, "key": "logo.png", "size": 5,
    });
    let made = stage.send(&format!("POST {path}"), &token, &logo).await.expect(201);
    assert_eq!(made.header("etag"), Some("\"r2\""));
    let made = made.json();
    let shown = stage.ask(&format!("GET {folder}"), &token).await.expect(200);
    assert_eq!(shown.header("etag"), Some("\"r2\""));
    let [FeedEvent::FolderSet(state)] = &last_events(&stage).await[..] else { panic!() };
    assert_eq!((state.number.0, &*state.files[0].key), (stage.folder, "1/logo.png"));
    let source = json!({"items": [
        {"kind": "source", "pipeline": sample.pipeline, "key": "a", "size": 1}
    ]});
    stage.send(&format!("PUT {path}"), &token, &source).await.expect(400);
    let bearer = format!("Authorization: Bearer {token}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&format!("PUT {path}"), &stale, "{\"items\":[]}").await.expect(412);
    let one = format!("DELETE {path}/{}", made["number"]);
    // A file of a version is none of the folder's.
    let other = format!("DELETE {path}/{}", sample.file);
    stage.send(&other, &token, &json!({})).await.expect(404);
    stage.send(&one, &token, &json!({})).await.expect(204);
    let listed = stage.ask(&format!("GET {path}"), &token).await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
}

async fn an_archive_has_elements(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let path = format!("{PATH}/archives");
    let body = json!({
        "pipeline": sample.pipeline, "key": "b.zip", "name": "b.zip",
        "elements": [{"file": sample.file, "name": "films/a.mp4"}],
    });
    let made = stage.send(&format!("POST {path}"), &token, &body).await.expect(201).json();
    assert_eq!(made["elements"], body["elements"]);
    // An object is one archive.
    stage.send(&format!("POST {path}"), &token, &body).await.expect(409);
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    assert_eq!(stage.ask(&format!("GET {one}"), &token).await.expect(200).json(), made);
    let listed = stage.ask(&format!("GET {path}"), &token).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    let slipping = json!({
        "pipeline": sample.pipeline, "key": "c.zip", "name": "c.zip",
        "elements": [{"file": sample.file, "name": "../../a.mp4"}],
    });
    stage.send(&format!("POST {path}"), &token, &slipping).await.expect(400);
    stage.send(&format!("DELETE {one}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {one}"), &token).await.expect(404);
}
