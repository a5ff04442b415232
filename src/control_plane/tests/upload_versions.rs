//! Uploads that become versions of contents that there are: who may, what becomes of them, and what is
//! refused.

use std::fs;

use serde_json::{Value, json};

use super::stage::{Answer, Stage, on_both_databases};
use super::upload_scene::{Scene, metadata, number_of};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{FeedEvent, FeedHead, FeedPage, FeedVersion};

on_both_databases! {
    an_upload_becomes_the_version_that_is_handed_out
    a_version_may_wait
    a_member_needs_the_right_to_change_the_content
    a_right_that_was_withdrawn_makes_no_version
    what_can_be_no_version_is_refused
    what_comes_to_be_no_version_fails
    a_version_is_deleted_without_its_content
}

const UPLOADS: &str = "POST /api/v1/tenants/1/uploads";

/// Bytes by which a picture is known.
const PICTURE: &str = "GIF89a of a harbour";

/// Begins an upload of so many bytes of which this is said.
async fn begin(scene: &Scene, token: &str, said: &[(&str, &str)], length: usize) -> Answer {
    let bearer = format!("Authorization: Bearer {token}");
    let length = format!("Upload-Length: {length}");
    let headers = [&*bearer, "Tus-Resumable: 1.0.0", &metadata(said), &length];
    scene.stage.call(UPLOADS, &headers, "").await
}

async fn append(scene: &Scene, token: &str, place: &str, bytes: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {token}");
    let headers = [
        &*bearer,
        "Tus-Resumable: 1.0.0",
        "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
    ];
    scene.stage.call(&format!("PATCH {place}"), &headers, bytes).await
}

/// Uploads all of it, and gives what became of it.
async fn upload(scene: &Scene, said: &[(&str, &str)], bytes: &str) -> Value {
    let begun = begin(scene, &scene.token, said, bytes.len()).await.expect(201);
    let place = begun.header("Location").unwrap();
    append(scene, &scene.token, place, bytes).await.expect(204);
    scene.settled(number_of(place)).await
}

async fn versions(scene: &Scene) -> Vec<Value> {
    let admin = scene.stage.admin().await;
    let line = format!("GET /api/v1/tenants/1/contents/{}/versions", scene.catalog.content);
    let listed = scene.stage.ask(&line, &admin).await.expect(200).json();
    listed["items"].as_array().unwrap().clone()
}

async fn active(scene: &Scene) -> String {
    let admin = scene.stage.admin().await;
    let line = format!("GET /api/v1/tenants/1/contents/{}", scene.catalog.content);
    let content = scene.stage.ask(&line, &admin).await.expect(200).json();
    content["active_version"].as_str().unwrap().to_owned()
}

/// What edges were told by the last change.
async fn last_events(stage: &Stage) -> Vec<FeedEvent> {
    let mut view = stage.store.view(&Caller::system("test")).await.unwrap();
    let head = view.feed_head().await.unwrap();
    let before = FeedHead { version: FeedVersion(head.version.0 - 1), ..head };
    match view.feed_since(&before, 1).await.unwrap() {
        FeedPage::Entries { entries, .. } => entries.into_iter().map(|entry| entry.event).collect(),
        FeedPage::SnapshotNeeded => panic!("a snapshot is needed"),
    }
}

async fn an_upload_becomes_the_version_that_is_handed_out(stage: Stage) {
    let scene = Scene::new(stage).await;
    let content = &*scene.catalog.content;
    let settled = upload(&scene, &[("content", content)], "new film").await;
    assert_eq!((&settled["state"], &settled["problem"]), (&json!("completed"), &Value::Null));
    assert_eq!((&settled["content"], &settled["version_of"]), (&json!(content), &json!(content)));
    assert_eq!(settled["activate"], true);
    let version = settled["version"].as_str().unwrap();
    assert_eq!(active(&scene).await, version);
    let all = versions(&scene).await;
    let ids: Vec<_> = all.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&*scene.catalog.version, version]);

    // Beside what was there, under a key that nobody chose, and named as that was.
    let key = settled["key"].as_str().unwrap();
    let chosen = key.strip_prefix(&format!("versions/{content}/")).unwrap();
    assert_eq!(chosen.rsplit_once('.').map(|(_, ending)| ending), Some("mp4"), "{key}");
    assert_eq!(settled["pipeline"], scene.catalog.pipeline);
    assert_eq!(scene.object(key).as_deref(), Some(&b"new film"[..]));
    let number = settled["number"].to_string();
    let file = scene.file(&number).await;
    assert_eq!((&file["name"], &file["mime_type"]), (&json!("a.mp4"), &json!("video/mp4")));

    // In one change: the audit log has all of it under one version of the feed, and edges have the file.
    let [FeedEvent::ContentSet(state)] = &last_events(&scene.stage).await[..] else { panic!() };
    assert_eq!(state.version.as_deref(), Some(version));
    assert_eq!((state.files.len(), &*state.files[0].key), (1, &*format!("1/{key}")));
    let admin = scene.stage.admin().await;
    let exported = scene.stage.ask("GET /api/v1/audit/export", &admin).await.expect(200);
    let events = exported.body.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = events.collect();
    let done = events.iter().find(|it| it["action"] == "upload.complete").unwrap();
    let together = events.iter().filter(|it| it["version"] == done["version"]);
    let together: Vec<_> = together.map(|it| it["action"].as_str().unwrap()).collect();
    let expected = ["version.create", "file.create", "version.activate", "upload.complete"];
    assert!(together.starts_with(&expected), "{together:?}");

    // And again, where somebody who may says where.
    let pipeline = scene.catalog.pipeline.to_string();
    let said =
        [("content", content), ("pipeline", &pipeline), ("key", "chosen"), ("filename", "b.mp4")];
    let settled = upload(&scene, &said, "newer").await;
    assert_eq!((&settled["key"], &settled["name"]), (&json!("chosen"), &json!("b.mp4")));
    assert_eq!(active(&scene).await, settled["version"].as_str().unwrap());
    begin(&scene, &scene.token, &said, 1).await.expect(409);
}

async fn a_version_may_wait(stage: Stage) {
    let scene = Scene::new(stage).await;
    let content = &*scene.catalog.content;
    let said = [("content", content), ("activate", "false")];
    let settled = upload(&scene, &said, "new film").await;
    assert_eq!((&settled["state"], &settled["activate"]), (&json!("completed"), &json!(false)));
    let version = settled["version"].as_str().unwrap();
    assert_eq!(
        (active(&scene).await, versions(&scene).await.len()),
        (scene.catalog.version.clone(), 2)
    );
    let admin = scene.stage.admin().await;
    let line = format!("POST /api/v1/tenants/1/contents/{content}/versions/{version}/activate");
    let bearer = format!("Authorization: Bearer {admin}");
    scene.stage.call(&line, &[&bearer, "If-Match: *"], "").await.expect(200);
    assert_eq!(active(&scene).await, version);
}

/// Puts the film into a folder, and gives what says who may do what there.
async fn in_folder(scene: &Scene) -> String {
    let admin = scene.stage.admin().await;
    let made = json!({"name": "films"});
    let made = scene.stage.send("POST /api/v1/tenants/1/folders", &admin, &made).await.expect(201);
    let folder = made.json()["number"].clone();
    let line = format!("PATCH /api/v1/tenants/1/contents/{}", scene.catalog.content);
    scene.stage.send(&line, &admin, &json!({"folder": folder})).await.expect(200);
    format!("/api/v1/tenants/1/folders/{folder}/rights")
}

async fn a_member_needs_the_right_to_change_the_content(stage: Stage) {
    let scene = Scene::new(stage).await;
    let rights = in_folder(&scene).await;
    let admin = scene.stage.admin().await;
    let scopes = ["catalog.read", "catalog.write"];
    let (ann, hers) = scene.stage.member("ann", &scopes).await;
    let (ben, his) = scene.stage.member("ben", &scopes).await;
    let may = async |who: &str, right: &str| {
        let put = format!("PUT {rights}/{who}");
        scene.stage.send(&put, &admin, &json!({"right": right})).await.expect(204);
    };
    let content = &*scene.catalog.content;
    let said = [("content", content)];
    begin(&scene, &hers, &said, 8).await.expect(404);
    may(&ann, "SEE").await;
    begin(&scene, &hers, &said, 8).await.expect(403);
    may(&ann, "MODIFY").await;
    may(&ben, "MODIFY").await;
    // Not where nothing is said of a content, nor under a key of their own.
    let pipeline = scene.catalog.pipeline.to_string();
    begin(&scene, &hers, &[("pipeline", &*pipeline), ("key", "a")], 8).await.expect(403);
    begin(&scene, &hers, &[("content", content), ("key", "a")], 8).await.expect(403);
    begin(&scene, &hers, &[("content", content), ("pipeline", &pipeline)], 8).await.expect(403);
    let begun = begin(&scene, &hers, &said, 8).await.expect(201);
    let place = begun.header("Location").unwrap();
    // Nobody else's upload is a member's to go on with, or to see.
    let others = begin(&scene, &scene.token, &said, 8).await.expect(201);
    let others = others.header("Location").unwrap();
    for (token, place) in [(&his, place), (&hers, others), (&hers, "/api/v1/tenants/1/uploads/999")]
    {
        append(&scene, token, place, "new film").await.expect(403);
        scene.stage.ask(&format!("GET {place}"), token).await.expect(403);
    }
    append(&scene, &hers, place, "new film").await.expect(204);
    let settled = scene.settled(number_of(place)).await;
    assert_eq!((&settled["state"], &settled["issuer"]), (&json!("completed"), &json!(ann)));
    assert_eq!(active(&scene).await, settled["version"].as_str().unwrap());
    let shown = scene.stage.ask(&format!("GET {place}"), &hers).await.expect(200).json();
    assert_eq!(shown, settled);
}

async fn a_right_that_was_withdrawn_makes_no_version(stage: Stage) {
    let scene = Scene::new(stage).await;
    let rights = in_folder(&scene).await;
    let admin = scene.stage.admin().await;
    let (ann, hers) = scene.stage.member("ann", &["catalog.read", "catalog.write"]).await;
    let put = format!("PUT {rights}/{ann}");
    scene.stage.send(&put, &admin, &json!({"right": "MODIFY"})).await.expect(204);
    let said = [("content", &*scene.catalog.content)];
    let mut places = Vec::new();
    for _ in 0..2 {
        let begun = begin(&scene, &hers, &said, 8).await.expect(201);
        places.push(begun.header("Location").unwrap().to_owned());
    }
    // All of one is here, and nobody has noted it, as after a kill.
    let part = format!("{}.part", number_of(&places[1]));
    fs::write(scene.stage.uploads.path().join(part), "new film").unwrap();
    scene.stage.send(&put, &admin, &json!({"right": "SEE"})).await.expect(204);
    append(&scene, &hers, &places[0], "new film").await.expect(403);
    assert_eq!(scene.offset(&places[1]).await, 8);
    let settled = scene.settled(number_of(&places[1])).await;
    assert_eq!(settled["state"], "failed");
    let why = "its uploader may not change the content any more";
    assert_eq!((&settled["problem"], &settled["version"]), (&json!(why), &Value::Null));
    assert_eq!(
        (active(&scene).await, versions(&scene).await.len()),
        (scene.catalog.version.clone(), 1)
    );
    assert_eq!(scene.object(settled["key"].as_str().unwrap()), None);
}

async fn what_can_be_no_version_is_refused(stage: Stage) {
    let scene = Scene::new(stage).await;
    let other = scene.stage.catalog(2).await;
    let content = &*scene.catalog.content;
    let begin =
        async |said: &[(&str, &str)], length| begin(&scene, &scene.token, said, length).await;
    // Another tenant's is as if there were none, and so is what no content can be called.
    let unknown = begin(&[("content", "no-such")], 8).await.expect(404).json();
    for id in [&*other.content, "a/b"] {
        let refused = begin(&[("content", id)], 8).await.expect(404).json();
        assert_eq!((&refused["code"], &refused["detail"]), (&unknown["code"], &unknown["detail"]));
    }
    for mime in ["image/png", "application/pdf", "audio/mpeg"] {
        let refused =
            begin(&[("content", content), ("filetype", mime)], 8).await.expect(409).json();
        assert_eq!(refused["code"], "upload_kind");
        assert!(refused["detail"].as_str().unwrap().contains("VIDEO"), "{refused}");
    }
    let admin = scene.stage.admin().await;
    for (kind, more) in [("PLAYLIST", json!({})), ("URL", json!({"url": "https://a.example"}))] {
        let mut body = json!({"kind": kind});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let line = "POST /api/v1/tenants/1/contents";
        let made = scene.stage.send(line, &admin, &body).await.expect(201).json();
        let refused = begin(&[("content", made["id"].as_str().unwrap())], 8).await.expect(409);
        assert_eq!(refused.json()["code"], "upload_kind");
    }
    begin(&[("content", content), ("folder", "1")], 8).await.expect(400);
    begin(&[("content", content), ("activate", "perhaps")], 8).await.expect(400);
    // What has no file yet does not say where one would go.
    let line = "POST /api/v1/tenants/1/contents";
    let made = scene.stage.send(line, &admin, &json!({"kind": "VIDEO"})).await.expect(201).json();
    let empty = made["id"].as_str().unwrap();
    let refused = begin(&[("content", empty)], 8).await.expect(400).json();
    assert_eq!(refused["errors"][0]["pointer"], "/pipeline");
    let pipeline = scene.catalog.pipeline.to_string();
    let said = [("content", empty), ("pipeline", &pipeline), ("filename", "first.mp4")];
    let settled = upload(&scene, &said, "first").await;
    assert_eq!((&settled["state"], &settled["content"]), (&json!("completed"), &json!(empty)));
    // The quota is of versions, too.
    begin(&[("content", content)], 1 << 30).await.expect(201);
    let refused = begin(&[("content", content)], 1 << 30).await.expect(507).json();
    assert_eq!(refused["code"], "quota_exceeded");
}

async fn what_comes_to_be_no_version_fails(stage: Stage) {
    let scene = Scene::new(stage).await;
    let content = &*scene.catalog.content;
    let failed = |settled: &Value, why: &str| {
        assert_eq!((&settled["state"], &settled["version"]), (&json!("failed"), &Value::Null));
        assert!(settled["problem"].as_str().unwrap().contains(why), "{settled}");
    };
    // A picture that was called a film.
    let settled = upload(&scene, &[("content", content), ("filename", "a.mp4")], PICTURE).await;
    failed(&settled, "the file is of the kind IMAGE");
    assert_eq!(scene.object(settled["key"].as_str().unwrap()), None);
    assert_eq!(
        (active(&scene).await, versions(&scene).await.len()),
        (scene.catalog.version.clone(), 1)
    );
    // A content that goes meanwhile.
    let begun = begin(&scene, &scene.token, &[("content", content)], 8).await.expect(201);
    let place = begun.header("Location").unwrap();
    let admin = scene.stage.admin().await;
    let bearer = format!("Authorization: Bearer {admin}");
    let line = format!("DELETE /api/v1/tenants/1/archives/{}", scene.catalog.archive);
    scene.stage.call(&line, &[&bearer, "If-Match: *"], "").await.expect(204);
    let line = format!("DELETE /api/v1/tenants/1/contents/{content}");
    scene.stage.call(&line, &[&bearer, "If-Match: *"], "").await.expect(204);
    append(&scene, &scene.token, place, "new film").await.expect(204);
    let settled = scene.settled(number_of(place)).await;
    failed(&settled, "the content it was for is gone");
    assert_eq!(scene.object(settled["key"].as_str().unwrap()), None);
    scene.waits(0).await;
}

async fn a_version_is_deleted_without_its_content(stage: Stage) {
    let scene = Scene::new(stage).await;
    let content = &*scene.catalog.content;
    let settled = upload(&scene, &[("content", content)], "new film").await;
    // The version before goes: what is left is one version of one file, as of an upload's own content.
    let admin = scene.stage.admin().await;
    let bearer = format!("Authorization: Bearer {admin}");
    let line = format!("DELETE /api/v1/tenants/1/archives/{}", scene.catalog.archive);
    scene.stage.call(&line, &[&bearer, "If-Match: *"], "").await.expect(204);
    let before = &scene.catalog.version;
    let line = format!("DELETE /api/v1/tenants/1/contents/{content}/versions/{before}");
    scene.stage.call(&line, &[&bearer, "If-Match: *"], "").await.expect(204);
    let line = format!("DELETE /v1/files/{}", settled["number"]);
    scene.stage.ask(&line, &scene.token).await.expect(204);
    while scene.object(settled["key"].as_str().unwrap()).is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(active(&scene).await, settled["version"].as_str().unwrap());
}
