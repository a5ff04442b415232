//! Uploads where something goes wrong: processes and clients that die, and others that are at the same.

use std::fs;

use axum::body::Bytes;
use serde_json::json;

use super::stage::{NOW, Stage, on_both_databases};
use super::upload_scene::{Scene, metadata, number_of};
use crate::asset::ChannelId;
use crate::control_plane::caller::Caller;
use crate::control_plane::service::{BrokenOff, ByteSource};
use crate::control_plane::store::Expected;

on_both_databases! {
    what_is_all_there_is_completed_though_its_end_was_not_told
    what_another_program_completed_stays
    an_upload_whose_folder_is_gone_leaves_no_object
    a_part_that_is_late_undoes_nothing
    a_part_that_was_not_counted_is_none
    the_quota_holds_where_no_length_is_said
    what_is_used_otherwise_is_not_deleted
    an_upload_is_begun_once
    an_upload_that_is_refused_with_its_first_bytes_is_none
}

/// A part of a form, without the form.
struct Part(Option<&'static str>);

impl ByteSource for Part {
    async fn next(&mut self) -> Result<Option<Bytes>, BrokenOff> {
        Ok(self.0.take().map(Bytes::from))
    }
}

async fn what_is_all_there_is_completed_though_its_end_was_not_told(stage: Stage) {
    let scene = Scene::new(stage).await;
    // As after a kill: the bytes are on the disk, and nobody has noted that they are all.
    let dying = async |key: &str| {
        let place = scene.create(key, &["Upload-Length: 4"]).await;
        let file = format!("{}.part", number_of(&place));
        fs::write(scene.stage.uploads.path().join(file), "1234").unwrap();
        place
    };
    let asked = dying("asked").await;
    assert_eq!(scene.offset(&asked).await, 4);
    assert_eq!(scene.settled(number_of(&asked)).await["state"], "completed");
    assert_eq!(scene.object("asked").as_deref(), Some(&b"1234"[..]));
    // Nobody asked.
    let forgotten = dying("forgotten").await;
    scene.stage.uploads_at(NOW.plus(8 * 24 * 3_600)).await;
    assert_eq!(scene.settled(number_of(&forgotten)).await["state"], "completed");
    assert_eq!(scene.object("forgotten").as_deref(), Some(&b"1234"[..]));
}

async fn what_another_program_completed_stays(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("shared", &["Upload-Length: 1"]).await;
    scene.append(&place, 0, &[], "x").await.expect(204);
    let number = number_of(&place);
    scene.settled(number).await;
    scene.stage.services.upload_complete_late(number.parse().unwrap()).await.unwrap();
    assert_eq!(scene.settled(number).await["state"], "completed");
    assert_eq!(scene.object("shared").as_deref(), Some(&b"x"[..]));
    assert_eq!(scene.file(number).await["size"], 1);
}

async fn an_upload_whose_folder_is_gone_leaves_no_object(stage: Stage) {
    let scene = Scene::new(stage).await;
    let admin = scene.stage.admin().await;
    let made = json!({"name": "short-lived", "parent": null});
    let made = scene.stage.send("POST /api/v1/tenants/1/folders", &admin, &made).await.expect(201);
    let folder = made.json()["number"].to_string();
    let pipeline = scene.catalog.pipeline.to_string();
    let said = metadata(&[("pipeline", &pipeline), ("key", "in it"), ("folder", &folder)]);
    let headers = [&*said, "Upload-Length: 1"];
    let made = scene.tus("POST /api/v1/tenants/1/uploads", &headers, "").await.expect(201);
    let place = made.header("Location").unwrap().to_owned();
    let mut change = scene.stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    change.folder_remove(ChannelId(folder.parse().unwrap()), Expected::Any).await.unwrap();
    change.commit().await.unwrap();
    scene.append(&place, 0, &[], "x").await.expect(204);
    let settled = scene.settled(number_of(&place)).await;
    assert_eq!(settled["state"], "failed", "{settled}");
    assert_eq!(scene.object("in it"), None);
    scene.waits(0).await;
}

async fn a_part_that_is_late_undoes_nothing(stage: Stage) {
    let scene = Scene::new(stage).await;
    let upload = scene.begin("late-parts", "").await;
    let number = upload["id"].as_str().unwrap();
    let secret = upload["form_post_params"]["upload_token"].as_str().unwrap();
    let services = &scene.stage.services;
    // A second attempt at the first part, which was let in before the first attempt was counted.
    let before = services.upload_by_secret(number.parse().unwrap(), secret).await.unwrap();
    scene.post(&upload, &[("chunk", "0")], "one ").await.expect(201);
    scene.post(&upload, &[("chunk", "1")], "two").await.expect(201);
    services.upload_chunk(&before, 0, Part(Some("one "))).await.unwrap();
    scene.finish(&upload, 2).await.expect(200);
    scene.settled(number).await;
    assert_eq!(scene.object("late-parts").as_deref(), Some(&b"one two"[..]));
    services.upload_chunk(&before, 0, Part(Some("no more"))).await.unwrap_err();
}

async fn a_part_that_was_not_counted_is_none(stage: Stage) {
    let scene = Scene::new(stage).await;
    let upload = scene.begin("counted", "").await;
    let number = upload["id"].as_str().unwrap();
    scene.post(&upload, &[], "one").await.expect(201);
    // A process that was killed had written some of the next one.
    fs::write(scene.stage.uploads.path().join(format!("{number}.part")), "one tw").unwrap();
    scene.finish(&upload, 1).await.expect(200);
    scene.settled(number).await;
    assert_eq!(scene.object("counted").as_deref(), Some(&b"one"[..]));
    // What forms bring nobody else brings.
    let other = scene.begin("forms-only", "").await;
    let place = format!("/api/v1/tenants/1/uploads/{}", other["id"].as_str().unwrap());
    scene.append(&place, 0, &[], "x").await.expect(400);
}

async fn the_quota_holds_where_no_length_is_said(stage: Stage) {
    let scene = Scene::new(stage).await;
    // The catalog's own file has seven bytes: twenty are left.
    for length in [1 << 30, (1 << 30) - 27] {
        let key = length.to_string();
        scene.create(&key, &[&format!("Upload-Length: {length}")]).await;
    }
    let forms = [scene.begin("one", "").await, scene.begin("two", "").await];
    let places = [
        scene.create("three", &["Upload-Defer-Length: 1"]).await,
        scene.create("four", &["Upload-Defer-Length: 1"]).await,
    ];
    scene.post(&forms[0], &[], "eight of").await.expect(201);
    scene.post(&forms[1], &[], "thirteen of th").await.expect(413);
    scene.append(&places[0], 0, &[], "thirteen of th").await.expect(413);
    scene.append(&places[0], 0, &[], "six of").await.expect(204);
    scene.append(&places[1], 0, &["Upload-Length: 7"], "six of").await.expect(507);
    scene.append(&places[1], 0, &[], "six of").await.expect(204);
    scene.post(&forms[1], &[], "x").await.expect(413);
    scene.append(&places[0], 6, &["Upload-Length: 6"], "").await.expect(204);
    assert_eq!(scene.settled(number_of(&places[0])).await["state"], "completed");
}

async fn what_is_used_otherwise_is_not_deleted(stage: Stage) {
    let scene = Scene::new(stage).await;
    let soon = format!("&expires_at={}", NOW.get() + 60);
    let mut numbers = Vec::new();
    for key in ["again", "inside", "deleted"] {
        let upload = scene.begin(key, &soon).await;
        scene.post(&upload, &[], key).await.expect(201);
        scene.finish(&upload, 1).await.expect(200);
        let number = upload["id"].as_str().unwrap();
        scene.settled(number).await;
        numbers.push(number.to_owned());
    }
    let admin = scene.stage.admin().await;
    // By another name of the same object, too.
    let all = json!({"name": "all", "origin": "media", "prefix": ""});
    let all = scene.stage.send("POST /api/v1/tenants/1/pipelines", &admin, &all).await.expect(201);
    let all = all.json()["number"].as_u64().unwrap();
    let own = scene.catalog.pipeline;
    for (pipeline, key) in [(own, "again"), (all, "1/inside"), (own, "deleted")] {
        let source = json!({"kind": "source", "pipeline": pipeline, "key": key, "size": 6});
        let body = json!({
            "kind": "OTHER", "files": [source], "texts": [{"language": "en", "title": key}],
        });
        scene.stage.send("POST /api/v1/tenants/1/contents", &admin, &body).await.expect(201);
    }
    let line = format!("DELETE /v1/files/{}", numbers[2]);
    assert!(scene.stage.ask(&line, &scene.token).await.status < 300);
    scene.stage.uploads_at(NOW.plus(61)).await;
    let line = format!("GET /api/v1/tenants/1/uploads/{}", numbers[2]);
    scene.stage.ask(&line, &scene.token).await.expect(404);
    for key in ["again", "inside", "deleted"] {
        assert!(scene.object(key).is_some(), "{key}");
    }
}

async fn an_upload_is_begun_once(stage: Stage) {
    let scene = Scene::new(stage).await;
    let headers = [
        "Upload-Length: 3",
        "Idempotency-Key: once",
        "Content-Type: application/offset+octet-stream",
    ];
    let pipeline = scene.catalog.pipeline.to_string();
    let said = metadata(&[("pipeline", &pipeline), ("key", "once")]);
    let headers = [&[&*said], &headers[..]].concat();
    let mut places = Vec::new();
    for _ in 0..2 {
        let made = scene.tus("POST /api/v1/tenants/1/uploads", &headers, "all").await.expect(201);
        places.push(made.header("Location").unwrap().to_owned());
    }
    assert_eq!(places[0], places[1]);
    scene.settled(number_of(&places[0])).await;
    assert_eq!(scene.object("once").as_deref(), Some(&b"all"[..]));
}

async fn an_upload_that_is_refused_with_its_first_bytes_is_none(stage: Stage) {
    let scene = Scene::new(stage).await;
    let bytes = "Content-Type: application/offset+octet-stream";
    let wrong = "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
    let pipeline = scene.catalog.pipeline.to_string();
    let said = metadata(&[("pipeline", &pipeline), ("key", "first")]);
    let line = "POST /api/v1/tenants/1/uploads";
    scene.tus(line, &[&said, "Upload-Length: 9", bytes, wrong], "123456789").await.expect(460);
    scene.tus(line, &[&said, "Upload-Length: 3", bytes], "1234").await.expect(413);
    // Nobody was told where it is: the key is free.
    assert_eq!(scene.waiting(), [""; 0]);
    scene.tus(line, &[&said, "Upload-Length: 4", bytes], "1234").await.expect(201);
}
