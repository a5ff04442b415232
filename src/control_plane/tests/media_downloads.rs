//! MediaHub's files and downloads: each parameter of requirements E1 to E16 and decisions G18 to G21,
//! by what the link that comes of it opens at an edge.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::stage::{Answer, CatalogSample, NOW, Stage, on_both_databases};
use crate::clock::UnixSeconds;
use crate::control_plane::link::scenery;
use crate::policy::{DenialCode, Opening, OverrideLevel, OverrideTable};
use crate::token::RequestKey;

on_both_databases! {
    e1_e7_e14_e15_a_file_an_object_or_an_archive_has_links_that_open
    e2_a_request_may_carry_its_signature
    e3_e4_answers_are_json_or_xml_and_for_people
    e8_a_tag_is_for_files_that_take_one
    e9_a_link_may_be_the_location
    e10_g18_a_link_ends_when_it_is_said
    e11_e16_terms_are_in_the_link
    e12_a_file_is_saved_or_shown
    e13_g19_a_link_is_bound_to_an_address
    g21_there_is_one_way_to_say_which
    g22_a_request_that_counts_once_has_one_link
    g30_problems_are_in_the_vendors_words
    files_are_listed_shown_and_forgotten
    a_link_is_shown_and_revoked
    what_everybody_may_have_cannot_be_bound
    tokens_are_had_in_the_vendors_spelling
}

const PATH: &str = "/v1/files/downloads/";

/// A tenant's catalog that is in force, and who asks.
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
        let token = stage.token(Some(1), "files.read files.sign").await;
        Self { stage, catalog, token }
    }

    async fn get(&self, query: &str) -> Answer {
        self.stage.ask(&format!("GET {PATH}?{query}"), &self.token).await
    }

    async fn link(&self, query: &str) -> Value {
        let file = self.catalog.file;
        let answer = self.get(&format!("file_id={file}&{query}")).await;
        answer.expect(200).json()["download"].clone()
    }

    fn opened(&self, link: &Value, client: &str) -> Result<(), DenialCode> {
        let snapshot = self.stage.in_force.lock().unwrap().clone().unwrap();
        scenery::opened(&snapshot, link["url"].as_str().unwrap(), client)
    }

    #[track_caller]
    fn opens(&self, link: &Value) {
        assert_eq!(self.opened(link, "192.0.2.1"), Ok(()), "{link}");
    }

    /// An application that signs its requests: its id and key.
    async fn signer(&self) -> (String, RequestKey) {
        let admin = self.stage.admin().await;
        let body = json!({
            "tenant": 1, "name": "signer", "scopes": ["files.read", "files.sign"], "signing": true,
        });
        let made = self.stage.send("POST /api/v1/applications", &admin, &body).await;
        let made = made.expect(201).json();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("id"), RequestKey::of_secret(&text("client_secret")).unwrap())
    }
}

/// The payload in a link's token.
fn payload(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    let data = url.split("data=").nth(1).unwrap();
    data.split("~hmac").next().unwrap().to_owned()
}

async fn e1_e7_e14_e15_a_file_an_object_or_an_archive_has_links_that_open(stage: Stage) {
    let scene = Scene::new(stage).await;
    let CatalogSample { file, pipeline, archive, .. } = &scene.catalog;
    let expected = json!({"id": file.to_string()});
    for query in [
        format!("file_id={file}"),
        format!("object_key=films/a.mp4&pipeline_id={pipeline}"),
        format!("object_key=/films%2Fa.mp4&pipeline_id={pipeline}"),
    ] {
        let answer = scene.get(&query).await.expect(200).json();
        let link = &answer["download"];
        scene.opens(link);
        assert_eq!(link["file"], expected, "{query}");
        assert_eq!(link["expires_at"], NOW.get() + 7_200, "{query}");
    }
    // Without the version, and without the slash.
    for path in ["/files/downloads/", "/files/downloads", "/v1/files/downloads"] {
        let line = format!("GET {path}?file_id={file}");
        let answer = scene.stage.ask(&line, &scene.token).await.expect(200).json();
        scene.opens(&answer["download"]);
    }
    for query in [format!("file_id={archive}"), format!("object_key=a.zip&pipeline_id={pipeline}")]
    {
        let answer = scene.get(&query).await.expect(200).json();
        let links = answer["downloads"].as_array().unwrap();
        assert_eq!(links.len(), 1, "{answer}");
        assert_eq!((&links[0]["name"], &links[0]["file"]), (&json!("films/a.mp4"), &expected));
        scene.opens(&links[0]);
        scene.get(&format!("{query}&redirect=true")).await.expect(400);
    }
    scene.get("file_id=4711").await.expect(404);
    scene.get("file_id=nobodys").await.expect(404);
    scene.get(&format!("object_key=films/b.mp4&pipeline_id={pipeline}")).await.expect(404);
    let stranger = scene.stage.token(Some(2), "files.read files.sign").await;
    scene.stage.ask(&format!("GET {PATH}?file_id={file}"), &stranger).await.expect(404);
    // One that may read files may not have links signed.
    let reader = scene.stage.token(Some(1), "files.read").await;
    scene.stage.ask(&format!("GET {PATH}?file_id={file}"), &reader).await.expect(403);
}

async fn e2_a_request_may_carry_its_signature(stage: Stage) {
    let scene = Scene::new(stage).await;
    let (client, key) = scene.signer().await;
    let file = scene.catalog.file;
    let end = NOW.plus(180);
    let ask = async |target: &str| scene.stage.call(&format!("GET {target}"), &[], "").await;
    for path in [PATH, "/files/downloads/"] {
        let signed = key.sign(&format!("{path}?file_id={file}"), &client, end);
        let link = ask(&signed).await.expect(200).json()["download"].clone();
        scene.opens(&link);
        assert_eq!(link["expires_at"], end.get(), "one value, both uses");
    }
    let signed = key.sign(&format!("{PATH}?file_id={file}"), &client, end);
    // Another path, file, signer or time is not what was signed.
    let other = scene.signer().await.0;
    for wrong in [
        signed.replacen("/v1", "", 1),
        signed.replacen("file_id=", "file_id=1", 1),
        signed.replacen(&client, &other, 1),
        signed.replacen(&end.to_string(), &end.plus(1).to_string(), 1),
        signed.replacen(&client, "app_nobody", 1),
    ] {
        let refused = ask(&wrong).await.expect(403).json();
        assert_eq!(refused["error"]["error_code"], "0x0000003", "{wrong}");
    }
    let over = key.sign(&format!("{PATH}?file_id={file}"), &client, UnixSeconds::new(1));
    assert!(ask(&over).await.expect(400).body.contains("sign the request anew"));
    let (unsigned, _) = signed.split_once("&signature").unwrap();
    assert!(ask(unsigned).await.expect(400).body.contains("no signature"));
    ask(&format!("{signed}&streaming=true")).await.expect(400);
    ask(&format!("{PATH}?file_id={file}")).await.expect(403);
    // It does not say for which method it was made.
    let gone = key.sign(&format!("/v1/files/{file}"), &client, end);
    scene.stage.call(&format!("DELETE {gone}"), &[], "").await.expect(400);
    ask(&gone).await.expect(200);
    // Whoever is disabled signs nothing any more, and a secret that is ended neither.
    let admin = scene.stage.admin().await;
    let path = format!("/api/v1/applications/{client}");
    let secrets = scene.stage.ask(&format!("GET {path}/secrets"), &admin).await.json();
    let secret = &secrets["items"][0];
    assert_eq!(secret["signing"], true);
    let secret = secret["id"].as_str().unwrap();
    scene.stage.ask(&format!("DELETE {path}/secrets/{secret}"), &admin).await.expect(204);
    ask(&signed).await.expect(403);
}

async fn e3_e4_answers_are_json_or_xml_and_for_people(stage: Stage) {
    let scene = Scene::new(stage).await;
    let file = scene.catalog.file;
    let of = async |query: &str, accept: &str| {
        let bearer = format!("Authorization: Bearer {}", scene.token);
        let accept = format!("Accept: {accept}");
        let line = format!("GET {PATH}?file_id={file}{query}");
        let answer = scene.stage.call(&line, &[&bearer, &accept], "").await.expect(200);
        (answer.header("content-type").unwrap().to_owned(), answer.body)
    };
    for (query, accept, media_type, begins) in [
        ("", "*/*", "application/json", "{\"download\":{"),
        ("&human=true", "*/*", "application/json", "{\n  \"download\": {"),
        ("&format=xml", "application/json", "application/xml", "<?xml version=\"1.0\""),
        ("", "application/xml", "application/xml", "<?xml version=\"1.0\""),
        ("&format=json", "application/xml", "application/json", "{\"download\":{"),
    ] {
        let (said, body) = of(query, accept).await;
        assert_eq!(said, media_type, "{query} {accept}");
        assert!(body.starts_with(begins), "{body}");
    }
    let (_, body) = of("&format=xml", "*/*").await;
    assert!(body.contains(&format!("<file><id>{file}</id></file>")), "{body}");
    assert!(body.contains("&amp;"), "{body}");
    scene.get(&format!("file_id={file}&format=yaml")).await.expect(400);
    scene.get(&format!("file_id={file}&human=perhaps")).await.expect(400);
    let refused = scene.get("file_id=4711&format=xml").await.expect(404);
    assert!(refused.body.contains("<error_code>0x0230002</error_code>"), "{refused:?}");
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

async fn e8_a_tag_is_for_files_that_take_one(stage: Stage) {
    let scene = Scene::new(stage).await;
    let CatalogSample { file, pipeline, content, version, .. } = &scene.catalog;
    let refused = scene.get(&format!("file_id={file}&autograph_tag=user%2042")).await.expect(400);
    assert!(refused.body.contains("carry no tags"), "{refused:?}");
    let admin = scene.stage.admin().await;
    let line = format!("POST /api/v1/tenants/1/contents/{content}/versions/{version}/files");
    let body = json!({
        "kind": "format", "slot": "hd", "pipeline": pipeline, "key": "films/a-hd.mp4", "size": 5,
        "autograph": true,
    });
    let made = scene.stage.send(&line, &admin, &body).await.expect(201).json();
    let tagged = made["number"].as_u64().unwrap();
    // Characters, of however many bytes.
    let tag = "é".repeat(128);
    let link = scene
        .get(&format!("file_id={tagged}&autograph_tag={}", escaped(&tag)))
        .await
        .expect(200)
        .json();
    let link = &link["download"];
    scene.opens(link);
    assert!(payload(link).contains(".t"), "{link}");
    let id = link["link_id"].as_str().unwrap();
    let shown = scene.stage.ask(&format!("GET /api/v1/links/{id}"), &admin).await.json();
    assert_eq!(shown["tag"], tag);
    scene.get(&format!("file_id={tagged}&autograph_tag={}x", escaped(&tag))).await.expect(400);
}

async fn e9_a_link_may_be_the_location(stage: Stage) {
    let scene = Scene::new(stage).await;
    let file = scene.catalog.file;
    let answer = scene.get(&format!("file_id={file}&redirect=true")).await.expect(302);
    let link = json!({"url": answer.header("location").unwrap()});
    scene.opens(&link);
    assert_eq!(answer.body, "");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    scene.get(&format!("file_id={file}&redirect=false")).await.expect(200);
}

async fn e10_g18_a_link_ends_when_it_is_said(stage: Stage) {
    let scene = Scene::new(stage).await;
    let end = NOW.get() + 60;
    let link = scene.link(&format!("expiry_time={end}")).await;
    assert_eq!(link["expires_at"], end);
    assert!(link["url"].as_str().unwrap().contains(&format!("exp={end}")), "{link}");
    let file = scene.catalog.file;
    for wrong in [NOW.get().to_string(), "1".into(), "soon".into(), "-1".into(), "1e9".into()] {
        scene.get(&format!("file_id={file}&expiry_time={wrong}")).await.expect(400);
    }
    // Longer than links live here: a day.
    let far = NOW.get() + 1_000_000;
    let link = scene.link(&format!("expiry_time={far}")).await;
    assert_eq!(link["expires_at"], NOW.get() + 86_400);
    assert_eq!(link["expiry_clamped_from"], far);
}

async fn e11_e16_terms_are_in_the_link(stage: Stage) {
    let scene = Scene::new(stage).await;
    for (query, term, shown) in [
        ("anti_fraud=true", ".a.", ("anti_fraud", json!(true))),
        ("anti_fraud=false", "", ("anti_fraud", json!(false))),
        ("max_parallel_downloads=3", ".p3.", ("max_parallel_downloads", json!(3))),
        ("multi_use=false", ".o.", ("multi_use", json!(false))),
        ("multi_use=true", "", ("multi_use", json!(true))),
    ] {
        let link = scene.link(query).await;
        let said = payload(&link);
        assert!(said.contains(term), "{query}: {said}");
        assert!(
            !term.is_empty() || !said.contains(".a.") && !said.contains(".o."),
            "{query}: {said}"
        );
        let admin = scene.stage.admin().await;
        let line = format!("GET /api/v1/links/{}", link["link_id"].as_str().unwrap());
        let found = scene.stage.ask(&line, &admin).await.expect(200).json();
        assert_eq!(found[shown.0], shown.1, "{query}: {found}");
    }
    let file = scene.catalog.file;
    for wrong in ["max_parallel_downloads=0", "max_parallel_downloads=65536", "anti_fraud=2"] {
        scene.get(&format!("file_id={file}&{wrong}")).await.expect(400);
    }
}

async fn e12_a_file_is_saved_or_shown(stage: Stage) {
    let scene = Scene::new(stage).await;
    let saved = scene.link("").await;
    assert!(saved["url"].as_str().unwrap().contains("file-name=a.mp4"), "{saved}");
    let shown = scene.link("streaming=true").await;
    assert!(!shown["url"].as_str().unwrap().contains("file-name"), "{shown}");
    for link in [saved, shown] {
        scene.opens(&link);
    }
}

async fn e13_g19_a_link_is_bound_to_an_address(stage: Stage) {
    let scene = Scene::new(stage).await;
    for (ip, inside, outside) in [
        ("3232236033", "192.168.2.1", "192.168.2.2"),
        ("192.168.2.1", "::ffff:192.168.2.1", "192.168.2.2"),
        ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
        ("192.0.2.0/24", "192.0.2.255", "192.0.3.0"),
        ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
    ] {
        let link = scene.link(&format!("ip={ip}")).await;
        assert_eq!(scene.opened(&link, inside), Ok(()), "{ip}");
        assert_eq!(scene.opened(&link, outside), Err(DenialCode::TokenIp), "{ip}");
    }
    let file = scene.catalog.file;
    for wrong in ["4294967296", "1.2.3", "localhost", "192.0.2.1/33"] {
        scene.get(&format!("file_id={file}&ip={wrong}")).await.expect(400);
    }
}

async fn g21_there_is_one_way_to_say_which(stage: Stage) {
    let scene = Scene::new(stage).await;
    let CatalogSample { file, pipeline, .. } = &scene.catalog;
    for query in [
        String::new(),
        "file_id=".into(),
        "object_key=films/a.mp4".into(),
        format!("pipeline_id={pipeline}"),
        format!("file_id={file}&object_key=films/a.mp4&pipeline_id={pipeline}"),
        format!("file_id={file}&pipeline_id={pipeline}"),
        format!("file_id={file}&file_id={file}"),
        format!("file_id={file}&ip=1&ip=1"),
        format!("file_id={file}&i%70=1&ip=1"),
        format!("file_id={file}&multi_use=false&multi_use=true"),
    ] {
        let refused = scene.get(&query).await.expect(400).json();
        assert_eq!(refused["error"]["error_code"], "0x0230001", "{query}");
    }
    // What is not known is passed over.
    scene.get(&format!("file_id={file}&nonsense=1&nonsense=2")).await.expect(200);
}

async fn g22_a_request_that_counts_once_has_one_link(stage: Stage) {
    let scene = Scene::new(stage).await;
    let (client, key) = scene.signer().await;
    let file = scene.catalog.file;
    let ask = async |query: &str| {
        let signed = key.sign(&format!("{PATH}?file_id={file}&{query}"), &client, NOW.plus(180));
        scene.stage.call(&format!("GET {signed}"), &[], "").await.expect(200).json()
    };
    let first = ask("multi_use=false").await;
    assert_eq!(ask("multi_use=false").await, first, "the same request has the same link");
    scene.opens(&first["download"]);
    let other = ask("multi_use=false&human=false").await;
    assert_ne!(other["download"]["link_id"], first["download"]["link_id"]);
    let often = ask("multi_use=true").await;
    assert_ne!(ask("multi_use=true").await["download"]["link_id"], often["download"]["link_id"]);
}

async fn g30_problems_are_in_the_vendors_words(stage: Stage) {
    let scene = Scene::new(stage).await;
    let refused = scene.get("file_id=4711").await.expect(404).json();
    let error = &refused["error"];
    assert_eq!(error["error_message"], "Requested file does not exist");
    assert_eq!((&error["error_code"], &error["code"]), (&json!("0x0230002"), &json!("not_found")));
    let bearer = format!("Authorization: Bearer {}", scene.token);
    let line = format!("GET {PATH}?file_id=4711");
    let accept = "Accept: application/problem+json";
    let refused = scene.stage.call(&line, &[&bearer, accept], "").await.expect(404);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.json()["code"], "not_found");
    let nobody = scene.stage.ask("GET /files/", "csa_unknown").await.expect(403).json();
    assert_eq!(nobody["error"]["error_message"], "Invalid access token");
}

async fn files_are_listed_shown_and_forgotten(stage: Stage) {
    let scene = Scene::new(stage).await;
    let CatalogSample { file, archive, pipeline, content, version, .. } = &scene.catalog;
    let admin = scene.stage.admin().await;
    let line = format!("POST /api/v1/tenants/1/contents/{content}/versions/{version}/files");
    for (slot, size) in [("hd", 9), ("sd", 3)] {
        let key = format!("films/{slot}.mp4");
        let body = json!({
            "kind": "format", "slot": slot, "pipeline": pipeline, "key": key, "size": size,
            "md5": "d41d8cd98f00b204e9800998ecf8427e",
        });
        scene.stage.send(&line, &admin, &body).await.expect(201);
    }
    let list = async |query: &str| {
        let line = format!("GET /v1/files/?{query}");
        let files = scene.stage.ask(&line, &scene.token).await.expect(200).json();
        let files = files["files"].as_array().unwrap().clone();
        files.iter().map(|it| it["size"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(list("").await, [7, 9, 3]);
    assert_eq!(list("sort=size").await, [3, 7, 9]);
    assert_eq!(list("sort=size&direction=-1&limit=2").await, [9, 7]);
    assert_eq!(list("sort=name&start=1").await, [9, 3]);
    for wrong in ["limit=0", "limit=5001", "sort=colour", "direction=2", "start=-1"] {
        scene.stage.ask(&format!("GET /files/?{wrong}"), &scene.token).await.expect(400);
    }
    let line = format!("GET /v1/files/{file}");
    let shown = scene.stage.ask(&line, &scene.token).await.expect(200).json();
    let shown = &shown["file"];
    for (name, value) in [
        ("id", json!(file.to_string())),
        ("type", json!("file")),
        ("mime_type", json!("video/mp4")),
        ("container", json!("mp4")),
        ("autograph", json!(false)),
        ("created_at", json!(NOW.get() * 1_000)),
        ("uri", json!(format!("http://control/v1/files/downloads/?file_id={file}"))),
    ] {
        assert_eq!(shown[name], value, "{shown}");
    }
    assert!(shown.get("md5_checksum").is_none(), "{shown}");
    let line = format!("GET /files/{file}?show_null=true");
    let nulls = scene.stage.ask(&line, &scene.token).await.expect(200).json();
    assert_eq!(nulls["file"].get("md5_checksum"), Some(&Value::Null));
    let line = format!("GET /v1/files/{archive}");
    let found = scene.stage.ask(&line, &scene.token).await.expect(200).json();
    assert_eq!(found["file"]["type"], "archive");
    assert_eq!(found["file"]["elements"][0]["id"], file.to_string());

    let stranger = scene.stage.token(Some(2), "files.read catalog.write").await;
    let line = format!("/v1/files/{file}");
    scene.stage.ask(&format!("GET {line}"), &stranger).await.expect(404);
    scene.stage.ask(&format!("DELETE {line}"), &stranger).await.expect(404);
    scene.stage.ask(&format!("DELETE {line}"), &scene.token).await.expect(403);
    scene.stage.ask(&format!("DELETE {line}"), &admin).await.expect(204);
    scene.stage.ask(&format!("GET {line}"), &admin).await.expect(404);
    assert_eq!(list("").await, [9, 3]);
    scene.stage.ask(&format!("DELETE /files/{archive}"), &admin).await.expect(204);
}

async fn a_link_is_shown_and_revoked(stage: Stage) {
    let scene = Scene::new(stage).await;
    let admin = scene.stage.admin().await;
    let link = scene.link("ip=192.0.2.0/24").await;
    let id = link["link_id"].as_str().unwrap();
    let line = format!("/api/v1/links/{id}");
    let shown = scene.stage.ask(&format!("GET {line}"), &admin).await.expect(200).json();
    assert_eq!(shown["addresses"], "192.0.2.0/24");
    assert_eq!((&shown["downloads"], &shown["revoked_at"]), (&json!([]), &Value::Null));
    let issuer = shown["issuer"].as_str().unwrap();
    let lists = format!("GET /api/v1/tenants/1/links?issuer={issuer}&file={}", scene.catalog.file);
    let listed = scene.stage.ask(&lists, &admin).await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], id);
    scene.stage.ask(&format!("DELETE {line}"), &admin).await.expect(204);
    scene.stage.ask(&format!("DELETE {line}"), &admin).await.expect(204);
    let shown = scene.stage.ask(&format!("GET {line}"), &admin).await.expect(200).json();
    assert!(shown["revoked_at"].is_string(), "{shown}");
    // Once, and until every clock is past its end.
    let revoked =
        scene.stage.ask("GET /api/v1/tenants/1/revocations", &admin).await.expect(200).json();
    assert_eq!(revoked["items"].as_array().unwrap().len(), 1, "{revoked}");
    assert_eq!(revoked["items"][0]["links"], json!({"by": "link", "subject": id}));
    // All of an application's, or of a tag's, by one more.
    for (by, subject) in [("issuer", issuer), ("tag", "user 42")] {
        let body = json!({"links": {"by": by, "subject": subject}});
        let line = "POST /api/v1/tenants/1/revocations";
        scene.stage.send(line, &admin, &body).await.expect(201);
    }
}

async fn what_everybody_may_have_cannot_be_bound(stage: Stage) {
    let scene = Scene::new(stage).await;
    let mut overrides = OverrideTable::default();
    let video = crate::asset::VideoId::new(&scene.catalog.content).unwrap();
    let level = OverrideLevel::Video(video);
    overrides.tenant_mut(crate::asset::TenantId(1)).set(&level, Some(Opening::Everything));
    let sites = vec![scenery::site("files.example.com", None, 1)];
    *scene.stage.in_force.lock().unwrap() = Some(scenery::snapshot(sites, overrides));
    let link = scene.link("").await;
    assert!(link["url"].as_str().unwrap().contains("/public/"), "{link}");
    assert_eq!((&link["expires_at"], link.get("link_id")), (&Value::Null, None));
    let file = scene.catalog.file;
    for term in ["ip=192.0.2.1", "multi_use=false", "anti_fraud=true", "max_parallel_downloads=1"] {
        let refused = scene.get(&format!("file_id={file}&{term}")).await.expect(409);
        assert!(refused.body.contains("the file is public"), "{refused:?}");
    }
}

async fn tokens_are_had_in_the_vendors_spelling(stage: Stage) {
    let scene = Scene::new(stage).await;
    let admin = scene.stage.admin().await;
    let scopes = ["files.read", "files.sign"];
    let body = json!({"tenant": 1, "name": "x", "scopes": scopes, "signing": true});
    let made = scene.stage.send("POST /api/v1/applications", &admin, &body).await.expect(201);
    let made = made.json();
    let (id, secret) = (made["id"].as_str().unwrap(), made["client_secret"].as_str().unwrap());
    let token = async |scope: &str, rest: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credential")
            .append_pair("client_id", id)
            .append_pair("client_secret", secret)
            .append_pair("scope", scope)
            .finish();
        scene.stage.form("/v1/oauth2/token/", &[], &format!("{form}{rest}")).await
    };
    let got = token("me,mediahub_read,mediahub_download_files", "&expires_in=60").await;
    let got = got.expect(200).json();
    assert_eq!((&got["scope"], &got["expires_in"]), (&json!("files.read files.sign"), &json!(60)));
    let bearer = got["access_token"].as_str().unwrap();
    let line = format!("GET {PATH}?file_id={}", scene.catalog.file);
    scene.stage.ask(&line, bearer).await.expect(200);
    assert_eq!(token("mediahub", "").await.expect(200).json()["expires_in"], 3_600);
    // What is ours is given whole or not at all.
    token("files.read,audit.read", "").await.expect(400);
    token("mediahub_everything", "").await.expect(400);
    token("me", "&expires_in=soon").await.expect(400);
}
