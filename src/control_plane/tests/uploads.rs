//! Uploads: the vendor's three steps, and tus, by what becomes of them.

use std::fs;

use md5::Md5;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::stage::{NOW, Stage, on_both_databases};
use super::upload_scene::{Scene, metadata, number_of, path};
use crate::control_plane::link::scenery;

on_both_databases! {
    a_form_brings_a_file_in_three_steps
    a_form_brings_its_parts_in_order_and_each_once
    a_form_is_sent_by_whoever_knows_its_secret
    an_upload_is_gone_on_with_where_it_is
    bytes_are_those_of_their_checksum
    a_length_may_be_said_later
    a_version_of_tus_that_is_not_spoken_is_refused
    a_method_may_be_said_in_a_header
    an_upload_is_given_up
    what_was_uploaded_is_deleted_with_its_object
    nothing_is_written_over
    what_is_said_of_an_upload_has_to_make_sense
    a_file_has_the_type_of_its_bytes
    there_is_a_limit_and_a_quota
    what_is_not_what_was_said_fails
    what_nobody_uses_is_deleted
    what_came_of_no_upload_is_removed
}

async fn a_form_brings_a_file_in_three_steps(stage: Stage) {
    let scene = Scene::new(stage).await;
    let upload = scene.begin("/new/film.mp4", "&ip=3232236033").await;
    assert_eq!((&upload["status"], &upload["nb_chunks"]), (&json!("UPLOADING"), &json!(0)));
    assert_eq!(upload["object_key"], "new/film.mp4");
    assert_eq!(upload["file"]["id"], upload["id"]);
    let posted = scene.post(&upload, &[], "the film").await.expect(201);
    assert_eq!(posted.header("Access-Control-Allow-Origin"), Some("*"));
    assert!(posted.body.contains("<Key>new/film.mp4</Key>"), "{posted:?}");
    let finished = scene.finish(&upload, 1).await.expect(200).json();
    assert_eq!(finished["upload"]["nb_chunks"], 1);
    let number = upload["id"].as_str().unwrap();
    let settled = scene.settled(number).await;
    assert_eq!((&settled["state"], &settled["received"]), (&json!("completed"), &json!(8)));
    assert_eq!(scene.object("new/film.mp4").as_deref(), Some(&b"the film"[..]));
    scene.waits(0).await;
    let file = scene.file(number).await;
    assert_eq!((&file["name"], &file["size"]), (&json!("film.mp4"), &json!(8)));
    assert_eq!(file["mime_type"], "video/mp4");
    assert_eq!(file["sha256_checksum"], hex::encode(Sha256::digest("the film")));
    assert_eq!(file["md5_checksum"], hex::encode(Md5::digest("the film")));
    // And there are links to it, though nobody has published it.
    let line = format!("GET /v1/files/downloads/?file_id={number}");
    let link = scene.stage.ask(&line, &scene.token).await.expect(200).json();
    let snapshot = scene.stage.in_force.lock().unwrap().clone().unwrap();
    let url = link["download"]["url"].as_str().unwrap();
    assert_eq!(scenery::opened(&snapshot, url, "192.0.2.1"), Ok(()));
    let shown = scene.stage.ask(&format!("GET /v1/files/uploads/{number}"), &scene.token).await;
    assert_eq!(shown.expect(200).json()["upload"]["status"], "COMPLETED");
}

async fn a_form_brings_its_parts_in_order_and_each_once(stage: Stage) {
    let scene = Scene::new(stage).await;
    let upload = scene.begin("parts", "").await;
    let part = async |chunk: &str, bytes: &str| {
        scene.post(&upload, &[("chunk", chunk), ("chunks", "3")], bytes).await
    };
    part("1", "late").await.expect(400);
    part("0", "one ").await.expect(201);
    part("1", "two ").await.expect(201);
    // Its answer was lost.
    part("1", "two ").await.expect(201);
    scene.finish(&upload, 3).await.expect(400);
    part("2", "three").await.expect(201);
    scene.finish(&upload, 2).await.expect(400);
    scene.finish(&upload, 3).await.expect(200);
    scene.settled(upload["id"].as_str().unwrap()).await;
    assert_eq!(scene.object("parts").as_deref(), Some(&b"one two three"[..]));
    // Said again, it stays.
    scene.finish(&upload, 3).await.expect(200);
    part("3", "four").await.expect(410);
}

async fn a_form_is_sent_by_whoever_knows_its_secret(stage: Stage) {
    let scene = Scene::new(stage).await;
    let upload = scene.begin("secret", "").await;
    let other = scene.begin("other", "").await;
    let secret = other["form_post_params"]["upload_token"].as_str().unwrap();
    for wrong in [secret, "", "csu_x"] {
        scene.post(&upload, &[("upload_token", wrong)], "x").await.expect(404);
    }
    scene.form(&upload, &[("chunk", "0")], "x").await.expect(400);
    let line = format!("GET /v1/files/uploads/{}", upload["id"].as_str().unwrap());
    let shown = scene.stage.ask(&line, &scene.token).await.expect(200);
    // It is shown once.
    assert!(!shown.body.contains("csu_"), "{shown:?}");
    let line = format!("POST {}", path(upload["form_post_url"].as_str().unwrap()));
    scene.stage.call(&line, &["Content-Type: application/json"], "{}").await.expect(415);
    let form = "Content-Type: multipart/form-data; boundary=limit";
    scene.stage.call(&line, &[form], "--limit\r\nbroken").await.expect(400);
    scene.post(&upload, &[], "x").await.expect(201);
}

async fn an_upload_is_gone_on_with_where_it_is(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("film.bin", &["Upload-Length: 9"]).await;
    assert_eq!(scene.offset(&place).await, 0);
    let appended = scene.append(&place, 0, &[], "1234").await.expect(204);
    assert_eq!(appended.header("Upload-Offset"), Some("4"));
    assert!(appended.header("Upload-Expires").unwrap().ends_with(" GMT"), "{appended:?}");
    // One that breaks off: what came is kept.
    let bearer = format!("Authorization: Bearer {}", scene.token);
    let head = format!(
        "PATCH {place} HTTP/1.0\r\nHost: control\r\n{bearer}\r\nTus-Resumable: 1.0.0\r\n\
         Content-Type: application/offset+octet-stream\r\nUpload-Offset: 4\r\n\
         Content-Length: 5\r\n\r\n56"
    );
    scene.stage.broken_off(&head).await;
    // Whoever asks has a request stop where it is: only when its bytes are there.
    let file = scene.stage.uploads.path().join(format!("{}.part", number_of(&place)));
    while fs::metadata(&file).unwrap().len() != 6 {
        tokio::task::yield_now().await;
    }
    assert_eq!(scene.offset(&place).await, 6);
    for wrong in [0, 4, 7, 10] {
        let refused = scene.append(&place, wrong, &[], "789").await.expect(409);
        assert_eq!(refused.json()["code"], "upload_offset", "{wrong}");
    }
    scene.append(&place, 6, &[], "789 and more").await.expect(413);
    scene.append(&place, 6, &[], "789").await.expect(204);
    let settled = scene.settled(number_of(&place)).await;
    assert_eq!((&settled["state"], &settled["received"]), (&json!("completed"), &json!(9)));
    assert_eq!(scene.object("film.bin").as_deref(), Some(&b"123456789"[..]));
    assert_eq!(scene.offset(&place).await, 9);
    scene.append(&place, 9, &[], "").await.expect(410);
    // Without a body at all, and with all of it at once.
    let empty = scene.create("empty", &["Upload-Length: 0"]).await;
    scene.settled(number_of(&empty)).await;
    assert_eq!(scene.object("empty").as_deref(), Some(&b""[..]));
    let pipeline = scene.catalog.pipeline.to_string();
    let headers = [
        &*metadata(&[("pipeline", &pipeline), ("filename", "at once.txt")]),
        "Upload-Length: 3",
        "Content-Type: application/offset+octet-stream",
    ];
    let whole = scene.tus("POST /api/v1/tenants/1/uploads", &headers, "all").await.expect(201);
    assert_eq!(whole.header("Upload-Offset"), Some("3"));
    scene.settled(number_of(whole.header("Location").unwrap())).await;
    assert_eq!(scene.object("at once.txt").as_deref(), Some(&b"all"[..]));
}

async fn bytes_are_those_of_their_checksum(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("summed", &["Upload-Length: 11"]).await;
    let right = "Upload-Checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";
    let refused = scene.append(&place, 0, &[right], "hello worle").await.expect(460);
    assert_eq!(refused.json()["code"], "upload_checksum");
    scene.append(&place, 0, &["Upload-Checksum: sha512 AA=="], "hello world").await.expect(400);
    assert_eq!(scene.offset(&place).await, 0);
    scene.append(&place, 0, &[right], "hello world").await.expect(204);
    scene.settled(number_of(&place)).await;
    assert_eq!(scene.object("summed").as_deref(), Some(&b"hello world"[..]));
}

async fn a_length_may_be_said_later(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("later", &["Upload-Defer-Length: 1"]).await;
    let shown = scene.tus(&format!("HEAD {place}"), &[], "").await.expect(200);
    assert_eq!(shown.header("Upload-Defer-Length"), Some("1"));
    let pipeline = scene.catalog.pipeline.to_string();
    let said = metadata(&[("pipeline", &pipeline), ("key", "later")]);
    let said = said.strip_prefix("Upload-Metadata: ");
    assert_eq!(shown.header("Upload-Metadata"), said, "as it was said");
    scene.append(&place, 0, &[], "1234").await.expect(204);
    scene.append(&place, 4, &["Upload-Length: 9"], "56").await.expect(204);
    scene.append(&place, 6, &["Upload-Length: 8"], "7").await.expect(409);
    scene.append(&place, 6, &["Upload-Length: 9"], "789").await.expect(204);
    scene.settled(number_of(&place)).await;
    assert_eq!(scene.object("later").as_deref(), Some(&b"123456789"[..]));
    for headers in [
        &["Upload-Defer-Length: 2"][..],
        &["Upload-Length: x"],
        &[],
        &["Upload-Length: 1", "Upload-Defer-Length: 1"],
    ] {
        scene.try_create("never", headers).await.expect(400);
    }
}

async fn a_version_of_tus_that_is_not_spoken_is_refused(stage: Stage) {
    let scene = Scene::new(stage).await;
    let line = "OPTIONS /api/v1/tenants/1/uploads";
    let spoken = scene.stage.call(line, &[], "").await.expect(204);
    assert_eq!(spoken.header("Tus-Version"), Some("1.0.0"));
    assert_eq!(spoken.header("Tus-Max-Size"), Some("1073741824"));
    assert_eq!(spoken.header("Tus-Checksum-Algorithm"), Some("crc32,md5,sha1,sha256"));
    for extension in ["creation", "checksum", "expiration", "termination"] {
        let said = spoken.header("Tus-Extension").unwrap();
        assert!(said.split(',').any(|it| it == extension), "{said}");
    }
    let bearer = format!("Authorization: Bearer {}", scene.token);
    let headers = [&*bearer, "Tus-Resumable: 0.2.2", "Upload-Length: 1"];
    let refused = scene.stage.call("POST /api/v1/tenants/1/uploads", &headers, "").await;
    let refused = refused.expect(412);
    assert_eq!(refused.header("Tus-Version"), Some("1.0.0"), "{refused:?}");
    let place = scene.create("x", &["Upload-Length: 1"]).await;
    let json = "Content-Type: application/json";
    let refused = scene.tus(&format!("PATCH {place}"), &[json, "Upload-Offset: 0"], "1").await;
    refused.expect(415);
    let bytes = "Content-Type: application/offset+octet-stream";
    scene.tus(&format!("PATCH {place}"), &[bytes], "1").await.expect(400);
}

async fn a_method_may_be_said_in_a_header(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("said", &["Upload-Length: 2"]).await;
    let headers = [
        "X-HTTP-Method-Override: PATCH",
        "Content-Type: application/offset+octet-stream",
        "Upload-Offset: 0",
    ];
    let line = format!("POST {place}");
    scene.tus(&line, &headers, "1").await.expect(204);
    let shown = scene.tus(&line, &["X-HTTP-Method-Override: HEAD"], "").await.expect(200);
    assert_eq!(shown.header("Upload-Offset"), Some("1"));
    scene.tus(&line, &["X-HTTP-Method-Override: PUT"], "").await.expect(405);
    scene.tus(&line, &[], "").await.expect(405);
    scene.tus(&line, &["X-HTTP-Method-Override: DELETE"], "").await.expect(204);
    scene.tus(&format!("HEAD {place}"), &[], "").await.expect(404);
}

async fn an_upload_is_given_up(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("gone", &["Upload-Length: 2"]).await;
    scene.append(&place, 0, &[], "1").await.expect(204);
    assert_eq!(scene.waiting().len(), 1);
    scene.tus(&format!("DELETE {place}"), &[], "").await.expect(204);
    assert_eq!(scene.waiting(), [""; 0]);
    scene.append(&place, 1, &[], "2").await.expect(404);
    // Its key is free again; one that is complete is given up as a file.
    let place = scene.create("gone", &["Upload-Length: 0"]).await;
    scene.settled(number_of(&place)).await;
    scene.tus(&format!("DELETE {place}"), &[], "").await.expect(410);
    assert_eq!(scene.object("gone").as_deref(), Some(&b""[..]));
    assert_eq!(scene.file(number_of(&place)).await["size"], 0);
}

async fn what_was_uploaded_is_deleted_with_its_object(stage: Stage) {
    let scene = Scene::new(stage).await;
    let admin = scene.stage.admin().await;
    let remove = async |number: &str| {
        scene.stage.ask(&format!("DELETE /v1/files/{number}"), &scene.token).await
    };
    let mut places = Vec::new();
    for key in ["alone", "not alone"] {
        let place = scene.create(key, &["Upload-Length: 0"]).await;
        let settled = scene.settled(number_of(&place)).await;
        places.push((place, settled["content"].as_str().unwrap().to_owned()));
    }
    let [(alone, content), (shared, kept)] = &*places else { panic!("{places:?}") };
    // Months later, too.
    scene.stage.uploads_at(NOW.plus(100 * 24 * 3_600)).await;
    let contents = "/api/v1/tenants/1/contents";
    let version = json!({"label": "another"});
    let more = format!("POST {contents}/{kept}/versions");
    scene.stage.send(&more, &admin, &version).await.expect(201);
    for place in [alone, shared] {
        remove(number_of(place)).await.expect(204);
        remove(number_of(place)).await.expect(404);
    }
    while scene.object("alone").is_some() || scene.object("not alone").is_some() {
        tokio::task::yield_now().await;
    }
    scene.stage.ask(&format!("GET {contents}/{content}"), &admin).await.expect(404);
    scene.stage.ask(&format!("GET {contents}/{kept}"), &admin).await.expect(200);
    // What was only registered stays where it is.
    fs::create_dir_all(scene.stage.media.path().join("1/films")).unwrap();
    fs::write(scene.stage.media.path().join("1/films/a.mp4"), "film").unwrap();
    remove(&scene.catalog.file.to_string()).await.expect(204);
    scene.stage.uploads_at(NOW).await;
    assert!(scene.object("films/a.mp4").is_some());
    // The key is free again.
    loop {
        let again = scene.try_create("alone", &["Upload-Length: 0"]).await;
        if again.status == 201 {
            break;
        }
        assert_eq!(again.status, 409, "{again:?}");
    }
}

async fn nothing_is_written_over(stage: Stage) {
    let scene = Scene::new(stage).await;
    scene.create("taken", &["Upload-Length: 1"]).await;
    scene.try_create("taken", &["Upload-Length: 1"]).await.expect(409);
    // What is registered, and what is there and is not.
    scene.try_create("films/a.mp4", &["Upload-Length: 1"]).await.expect(409);
    scene.try_create("a.zip", &["Upload-Length: 1"]).await.expect(409);
    fs::create_dir_all(scene.stage.media.path().join("1")).unwrap();
    fs::write(scene.stage.media.path().join("1/there"), "before").unwrap();
    scene.try_create("there", &["Upload-Length: 1"]).await.expect(409);
    // What comes to be there meanwhile.
    let place = scene.create("late", &["Upload-Length: 1"]).await;
    fs::write(scene.stage.media.path().join("1/late"), "before").unwrap();
    scene.append(&place, 0, &[], "x").await.expect(204);
    let settled = scene.settled(number_of(&place)).await;
    assert_eq!(settled["state"], "failed");
    assert!(settled["problem"].as_str().unwrap().contains("has an object"), "{settled}");
    assert_eq!(scene.object("late").as_deref(), Some(&b"before"[..]));
    // Only what is taken waits.
    scene.waits(1).await;
}

async fn what_is_said_of_an_upload_has_to_make_sense(stage: Stage) {
    let scene = Scene::new(stage).await;
    let line = "POST /api/v1/tenants/1/uploads";
    let pipeline = scene.catalog.pipeline.to_string();
    let strangers = scene.stage.catalog(2).await.pipeline.to_string();
    for pairs in [
        &[("key", "a")][..],
        &[("pipeline", &pipeline)],
        &[("pipeline", &strangers), ("key", "a")],
        &[("pipeline", "4711"), ("key", "a")],
        &[("pipeline", &pipeline), ("key", "../a")],
        &[("pipeline", &pipeline), ("key", "a/")],
        &[("pipeline", &pipeline), ("key", "a%2fb")],
        &[("pipeline", &pipeline), ("key", "a"), ("filename", "b/c")],
        &[("pipeline", &pipeline), ("key", "a"), ("filetype", "no type")],
        &[("pipeline", &pipeline), ("key", "a"), ("sha256", "ab")],
    ] {
        let headers = [&*metadata(pairs), "Upload-Length: 1"];
        let refused = scene.tus(line, &headers, "").await;
        assert_eq!(refused.status, 400, "{pairs:?} {refused:?}");
    }
    let folder = [("pipeline", &*pipeline), ("key", "a"), ("folder", "4711")];
    scene.tus(line, &[&*metadata(&folder), "Upload-Length: 1"], "").await.expect(404);
    let (_, member) = scene.stage.member("m", &["catalog.write"]).await;
    scene.stage.ask("POST /api/v1/tenants/1/uploads", &member).await.expect(403);
    for query in [
        "object_key=a",
        "pipeline_id=1",
        "object_key=a&pipeline_id=x",
        "object_key=a&\
        pipeline_id=1&ip=x",
    ] {
        let line = format!("POST /v1/files/uploads/?{query}");
        let refused = scene.stage.ask(&line, &scene.token).await;
        assert_eq!(refused.status, 400, "{query}: {refused:?}");
    }
    assert_eq!(scene.waiting(), [""; 0]);
}

async fn a_file_has_the_type_of_its_bytes(stage: Stage) {
    let scene = Scene::new(stage).await;
    let pipeline = scene.catalog.pipeline.to_string();
    for (place, (name, said, bytes, expected)) in (0..).zip([
        ("page.html", "", "%PDF-1.4 and so on", "application/pdf"),
        ("photo.jpg", "image/jpeg", "<html><script>", "image/jpeg"),
        ("sound.bin", "video/mp4", "WEBVTT\n\n", "text/vtt"),
        ("notes.txt", "", "only text", "text/plain"),
        ("thing", "", "only bytes", "application/octet-stream"),
        ("thing.x", "application/x-thing", "only bytes", "application/x-thing"),
    ]) {
        let key = format!("{place}/{name}");
        let pairs = [("pipeline", &*pipeline), ("key", &key), ("filetype", said)];
        let length = format!("Upload-Length: {}", bytes.len());
        let headers =
            [&*metadata(&pairs), &length, "Content-Type: application/offset+octet-stream"];
        let made = scene.tus("POST /api/v1/tenants/1/uploads", &headers, bytes).await;
        let number = number_of(made.expect(201).header("Location").unwrap()).to_owned();
        scene.settled(&number).await;
        assert_eq!(scene.file(&number).await["mime_type"], expected, "{name}");
    }
}

async fn there_is_a_limit_and_a_quota(stage: Stage) {
    let scene = Scene::new(stage).await;
    let most = 1_u64 << 30;
    scene.try_create("large", &[&format!("Upload-Length: {}", most + 1)]).await.expect(413);
    for key in ["first", "second"] {
        // The catalog's own file has seven bytes.
        scene.create(key, &[&format!("Upload-Length: {}", most - 4)]).await;
    }
    let refused = scene.try_create("third", &["Upload-Length: 2"]).await.expect(507);
    assert_eq!(refused.json()["code"], "quota_exceeded");
    scene.create("fourth", &["Upload-Length: 1"]).await;
    scene.try_create("fifth", &["Upload-Defer-Length: 1"]).await.expect(507);
}

async fn what_is_not_what_was_said_fails(stage: Stage) {
    let scene = Scene::new(stage).await;
    let pipeline = scene.catalog.pipeline.to_string();
    let wrong = "ab".repeat(32);
    let pairs = [("pipeline", &*pipeline), ("key", "a"), ("sha256", &wrong)];
    let headers = [&*metadata(&pairs), "Upload-Length: 1"];
    let made = scene.tus("POST /api/v1/tenants/1/uploads", &headers, "").await.expect(201);
    let place = made.header("Location").unwrap().to_owned();
    scene.append(&place, 0, &[], "x").await.expect(204);
    let settled = scene.settled(number_of(&place)).await;
    assert_eq!(settled["state"], "failed");
    assert!(settled["problem"].as_str().unwrap().contains("SHA-256"), "{settled}");
    assert_eq!(scene.object("a"), None);
    scene.waits(0).await;
    scene
        .stage
        .ask(&format!("GET /v1/files/{}", number_of(&place)), &scene.token)
        .await
        .expect(404);
    // The key is free again.
    scene.create("a", &["Upload-Length: 1"]).await;
}

async fn what_nobody_uses_is_deleted(stage: Stage) {
    let scene = Scene::new(stage).await;
    let soon = format!("&expires_at={}", NOW.get() + 60);
    let mut numbers = Vec::new();
    for (key, more) in [("unused", &*soon), ("linked", &soon), ("kept", "&expires_at=0")] {
        let upload = scene.begin(key, more).await;
        scene.post(&upload, &[], key).await.expect(201);
        scene.finish(&upload, 1).await.expect(200);
        let number = upload["id"].as_str().unwrap().to_owned();
        scene.settled(&number).await;
        numbers.push(number);
    }
    let unfinished = scene.begin("unfinished", &soon).await;
    let past = format!(
        "POST /v1/files/uploads/?object_key=p&pipeline_id={}&expires_at=1",
        scene.catalog.pipeline
    );
    scene.stage.ask(&past, &scene.token).await.expect(400);
    let line = format!("GET /v1/files/downloads/?file_id={}", numbers[1]);
    scene.stage.ask(&line, &scene.token).await.expect(200);
    scene.stage.uploads_at(NOW.plus(61)).await;
    let status = async |number: &str| {
        scene.stage.ask(&format!("GET /v1/files/{number}"), &scene.token).await.status
    };
    assert_eq!((status(&numbers[0]).await, scene.object("unused")), (404, None));
    assert_eq!((status(&numbers[1]).await, status(&numbers[2]).await), (200, 200));
    assert!(scene.object("linked").is_some() && scene.object("kept").is_some());
    // One that is still under way has its week.
    assert_eq!(scene.waiting().len(), 1);
    scene.stage.uploads_at(NOW.plus(7 * 24 * 3_600 + 1)).await;
    assert_eq!(scene.waiting(), [""; 0]);
    let number = unfinished["id"].as_str().unwrap();
    scene.stage.ask(&format!("GET /v1/files/uploads/{number}"), &scene.token).await.expect(404);
    assert!(scene.object("linked").is_some() && scene.object("kept").is_some());
}

async fn what_came_of_no_upload_is_removed(stage: Stage) {
    let scene = Scene::new(stage).await;
    let place = scene.create("real", &["Upload-Length: 2"]).await;
    fs::write(scene.stage.uploads.path().join("4711.part"), "nobody's").unwrap();
    scene.stage.uploads_at(NOW).await;
    assert_eq!(scene.waiting(), [format!("{}.part", number_of(&place))]);
}
