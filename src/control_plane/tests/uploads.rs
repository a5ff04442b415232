//! Uploads: the vendor's three steps, and tus, by what becomes of them.

use std::fs;

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::stage::{Answer, CatalogSample, NOW, Stage, on_both_databases};
use crate::asset::ChannelId;
use crate::control_plane::caller::Caller;
use crate::control_plane::link::scenery;
use crate::control_plane::service::{BrokenOff, ByteSource};
use crate::control_plane::store::Expected;
use crate::policy::OverrideTable;

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

/// Who uploads, and where to.
struct Scene {
    stage: Stage,
    catalog: CatalogSample,
    token: String,
}

impl Scene {
    async fn new(stage: Stage) -> Self {
        let sites = vec![scenery::site("files.example.com", None, 1)];
        let snapshot = scenery::snapshot(sites, OverrideTable::default());
        *stage.in_force.lock().unwrap() = Some(snapshot);
        let catalog = stage.catalog(1).await;
        let token = stage.token(Some(1), "catalog.write files.read files.sign").await;
        Self { stage, catalog, token }
    }

    /// The vendor's first step.
    async fn begin(&self, key: &str, more: &str) -> Value {
        let pipeline = self.catalog.pipeline;
        let line = format!("POST /v1/files/uploads/?object_key={key}&pipeline_id={pipeline}{more}");
        self.stage.ask(&line, &self.token).await.expect(200).json()["upload"].clone()
    }

    /// The vendor's second step.
    async fn post(&self, upload: &Value, more: &[(&str, &str)], bytes: &str) -> Answer {
        let mut fields: Vec<(&str, &str)> = upload["form_post_params"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (&**name, value.as_str().unwrap()))
            .filter(|(name, _)| !more.iter().any(|(other, _)| name == other))
            .collect();
        fields.extend(more);
        self.form(upload, &fields, bytes).await
    }

    async fn form(&self, upload: &Value, fields: &[(&str, &str)], bytes: &str) -> Answer {
        let mut form = String::new();
        for (name, value) in fields {
            form.push_str("--limit\r\nContent-Disposition: form-data; name=\"");
            form.extend([*name, "\"\r\n\r\n", value, "\r\n"]);
        }
        form.push_str(
            "--limit\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
        );
        form.extend([bytes, "\r\n--limit--\r\n"]);
        let line = format!("POST {}", path(upload["form_post_url"].as_str().unwrap()));
        self.stage.call(&line, &["Content-Type: multipart/form-data; boundary=limit"], &form).await
    }

    /// The vendor's third step.
    async fn finish(&self, upload: &Value, chunks: u64) -> Answer {
        let line = format!("PUT /v1/files/uploads/{}", upload["id"].as_str().unwrap());
        self.stage.send(&line, &self.token, &json!({"upload": {"nb_chunks": chunks}})).await
    }

    /// Begins an upload as tus does, and gives where it is.
    async fn create(&self, key: &str, headers: &[&str]) -> String {
        let answer = self.try_create(key, headers).await.expect(201);
        answer.header("Location").unwrap().to_owned()
    }

    async fn try_create(&self, key: &str, headers: &[&str]) -> Answer {
        let pipeline = self.catalog.pipeline.to_string();
        let metadata = metadata(&[("pipeline", &pipeline), ("key", key)]);
        self.tus("POST /api/v1/tenants/1/uploads", &[&[&*metadata], headers].concat(), "").await
    }

    async fn append(&self, place: &str, at: u64, headers: &[&str], bytes: &str) -> Answer {
        let offset = format!("Upload-Offset: {at}");
        let headers = [&["Content-Type: application/offset+octet-stream", &*offset], headers];
        self.tus(&format!("PATCH {place}"), &headers.concat(), bytes).await
    }

    async fn offset(&self, place: &str) -> u64 {
        let answer = self.tus(&format!("HEAD {place}"), &[], "").await.expect(200);
        answer.header("Upload-Offset").unwrap().parse().unwrap()
    }

    async fn tus(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {}", self.token);
        let own = [&*bearer, "Tus-Resumable: 1.0.0"];
        let answer = self.stage.call(line, &[&own[..], headers].concat(), body).await;
        assert_eq!(answer.header("Tus-Resumable"), Some("1.0.0"), "{answer:?}");
        answer
    }

    /// What became of an upload when it was complete.
    async fn settled(&self, number: &str) -> Value {
        let line = format!("GET /api/v1/tenants/1/uploads/{number}");
        loop {
            let shown = self.stage.ask(&line, &self.token).await.expect(200).json();
            match shown["state"].as_str().unwrap() {
                "completed" | "failed" => return shown,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    async fn file(&self, number: &str) -> Value {
        let answer = self.stage.ask(&format!("GET /v1/files/{number}"), &self.token).await;
        answer.expect(200).json()["file"].clone()
    }

    /// What is under a key of the pipeline.
    fn object(&self, key: &str) -> Option<Vec<u8>> {
        fs::read(self.stage.media.path().join("1").join(key)).ok()
    }

    /// Comes back when so many parts of files wait: they go just after it is said what became of them.
    async fn waits(&self, parts: usize) {
        while self.waiting().len() != parts {
            tokio::task::yield_now().await;
        }
    }

    /// The parts of files that wait.
    fn waiting(&self) -> Vec<String> {
        let entries = fs::read_dir(self.stage.uploads.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "place").collect()
    }
}

fn path(url: &str) -> &str {
    url.strip_prefix("http://control").unwrap_or(url)
}

fn number_of(place: &str) -> &str {
    place.rsplit('/').next().unwrap()
}

fn metadata(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        pairs.iter().map(|(name, value)| format!("{name} {}", STANDARD.encode(value))).collect();
    format!("Upload-Metadata: {}", pairs.join(","))
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
