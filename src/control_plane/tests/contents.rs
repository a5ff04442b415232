//! Contents: what is said of them, which are listed, and whose they are.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::stage::{Stage, on_both_databases};

on_both_databases! {
    a_content_is_what_was_said_of_it
    what_is_no_content_is_refused
    contents_are_listed_by_what_they_are
    contents_are_listed_by_fields_names_and_languages
    a_list_goes_on_as_it_was_narrowed
    another_tenants_catalog_is_not_there
    a_member_works_in_their_folders
    a_member_classifies_by_what_they_manage
    contents_belong_to_others
    a_context_is_a_tenants_own
}

const PATH: &str = "/api/v1/tenants/1/contents";

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect()
}

async fn a_content_is_what_was_said_of_it(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let post = format!("POST {PATH}");
    stage
        .send("POST /api/v1/tenants/1/classifications", &token, &json!({"name": "press"}))
        .await
        .expect(201);
    let said = json!({
        "id": "-civ9qE3JUjntKQM1HnGtU", "kind": "IMAGE_360", "folder": stage.folder, "url": null,
        "publication": "published",
        "periods": [{"starts_at": "2030-01-01T00:00:00Z", "ends_at": null}],
        "texts": [
            {"language": "de", "title": "Der Film", "description": "", "pretty_id": null},
            {"language": "en", "title": "The Film", "description": "long", "pretty_id": "the-film"},
        ],
        "metadata": [{"language": "", "name": "sku", "value": "7"}],
        "tags": ["a", "b"], "classifications": ["press"],
    });
    let made = stage.send(&post, &token, &said).await.expect(201);
    assert_eq!(made.header("etag"), Some("\"r1\""));
    let mut expected = said.clone();
    expected["active_version"] = Value::Null;
    expected["created_at"] = json!("2030-01-01T00:00:00Z");
    expected["updated_at"] = json!("2030-01-01T00:00:00Z");
    assert_eq!(made.json(), expected);
    stage.send(&post, &token, &said).await.expect(409);
    let one = format!("{PATH}/-civ9qE3JUjntKQM1HnGtU");
    assert_eq!(stage.ask(&format!("GET {one}"), &token).await.expect(200).json(), expected);

    // A merge patch: what it does not name stays, null takes away, a list is replaced.
    let patch = format!("PATCH {one}");
    let body = json!({"tags": ["c"], "periods": null, "publication": "unpublished"});
    let now = stage.send(&patch, &token, &body).await.expect(200);
    assert_eq!(now.header("etag"), Some("\"r2\""));
    expected["tags"] = json!(["c"]);
    expected["periods"] = json!([]);
    expected["publication"] = json!("unpublished");
    assert_eq!(now.json(), expected);
    let now = stage.send(&patch, &token, &json!({"folder": null})).await.expect(200).json();
    assert_eq!(now["folder"], Value::Null);
    let bearer = format!("Authorization: Bearer {token}");
    let media_type = "Content-Type: application/merge-patch+json";
    stage.call(&patch, &[&bearer, media_type], "{}").await.expect(428);
    stage.call(&patch, &[&bearer, media_type, "If-Match: \"r1\""], "{}").await.expect(412);

    // A name for people is one content's.
    let other = json!({"kind": "VIDEO", "texts": [
        {"language": "en", "title": "x", "pretty_id": "the-film"}
    ]});
    stage.send(&post, &token, &other).await.expect(409);
    let in_german = json!({"kind": "VIDEO", "texts": [
        {"language": "de", "title": "x", "pretty_id": "the-film"}
    ]});
    stage.send(&post, &token, &in_german).await.expect(201);
    stage
        .send("DELETE /api/v1/tenants/1/classifications/press", &token, &json!({}))
        .await
        .expect(409);
    stage.send(&format!("DELETE {one}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {one}"), &token).await.expect(404);
    stage
        .send("DELETE /api/v1/tenants/1/classifications/press", &token, &json!({}))
        .await
        .expect(204);
}

async fn what_is_no_content_is_refused(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let post = format!("POST {PATH}");
    for (body, pointer) in [
        (json!({"kind": "FILM"}), "/kind"),
        (json!({"kind": "VIDEO", "colour": "red"}), "/colour"),
        (json!({"kind": "VIDEO", "id": "a/b"}), "/id"),
        (json!({"kind": "VIDEO", "id": "import"}), "/id"),
        (json!({"kind": "URL"}), "/url"),
        (json!({"kind": "URL", "url": "javascript:alert(1)"}), "/url"),
        (json!({"kind": "VIDEO", "tags": [""]}), "/tags/0"),
        (json!({"kind": "VIDEO", "tags": ["a\nb"]}), "/tags/0"),
        (
            json!({"kind": "VIDEO", "texts": [{"language": "e n", "title": ""}]}),
            "/texts/0/language",
        ),
        (
            json!({"kind": "VIDEO", "texts": [{"language": "en", "title": "", "pretty_id": "a b"}]}),
            "/texts/0/pretty_id",
        ),
        (
            json!({"kind": "VIDEO", "periods": [
                {"starts_at": "2030-01-02T00:00:00Z", "ends_at": "2030-01-01T00:00:00Z"}
            ]}),
            "/periods/0",
        ),
        (json!({"kind": "VIDEO", "active_thumbnail": "7"}), "/active_thumbnail"),
    ] {
        let refused = stage.send(&post, &token, &body).await.expect(400).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}");
    }
    // What it names must be there, and be the tenant's.
    for body in [
        json!({"kind": "VIDEO", "folder": 99}),
        json!({"kind": "VIDEO", "classifications": ["none"]}),
        json!({"kind": "VIDEO", "files": [
            {"kind": "source", "pipeline": 99, "key": "a", "size": 1}
        ]}),
    ] {
        let refused = stage.send(&post, &token, &body).await;
        assert!([404, 409].contains(&refused.status), "{body} {refused:?}");
    }
    let listed = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
}

async fn contents_are_listed_by_what_they_are(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let post = format!("POST {PATH}");
    let top = stage.folder;
    let folder = json!({"parent": top, "name": "in it"});
    let made = stage.send("POST /api/v1/tenants/1/folders", &token, &folder).await.expect(201);
    let within = made.json()["number"].as_u64().unwrap();
    stage
        .send("POST /api/v1/tenants/1/classifications", &token, &json!({"name": "press"}))
        .await
        .expect(201);
    for body in [
        json!({"id": "a", "kind": "VIDEO", "folder": top, "tags": ["x"]}),
        json!({"id": "b", "kind": "AUDIO", "folder": within, "publication": "published"}),
        json!({"id": "c", "kind": "VIDEO", "classifications": ["press"], "texts": [
            {"language": "en", "title": "Größe 100% of IT"}
        ]}),
    ] {
        stage.send(&post, &token, &body).await.expect(201);
    }
    for (query, expected) in [
        (String::new(), vec!["a", "b", "c"]),
        (format!("folder={top}"), vec!["a"]),
        (format!("folder={within}"), vec!["b"]),
        (format!("folder={top}&below=true"), vec!["a", "b"]),
        ("kind=VIDEO".to_owned(), vec!["a", "c"]),
        ("publication=published".to_owned(), vec!["b"]),
        ("tag=x".to_owned(), vec!["a"]),
        ("tag=X".to_owned(), vec![]),
        ("classification=press".to_owned(), vec!["c"]),
        ("title=gr%C3%96sse".to_owned(), vec![]),
        ("title=GR%C3%96%C3%9FE%20100%25".to_owned(), vec!["c"]),
        ("title=of+it".to_owned(), vec!["c"]),
        ("title=1%25o".to_owned(), vec![]),
        ("title=_".to_owned(), vec![]),
        ("updated_since=2030-01-01T00:00:00Z".to_owned(), vec!["a", "b", "c"]),
        ("updated_since=2030-01-01T00:00:01Z".to_owned(), vec![]),
        (format!("kind=VIDEO&tag=x&folder={top}&below=true"), vec!["a"]),
    ] {
        let found = stage.ask(&format!("GET {PATH}?{query}"), &token).await.expect(200).json();
        assert_eq!(ids(&found), expected, "{query}");
    }
    for query in ["below=true", "kind=FILM", "title=", "folder=x", "updated_since=tomorrow"] {
        stage.ask(&format!("GET {PATH}?{query}"), &token).await.expect(400);
    }
    stage.ask(&format!("GET {PATH}?folder=99"), &token).await.expect(404);
}

async fn contents_are_listed_by_fields_names_and_languages(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let field = |language: &str, name: &str, value: &str| json!({"language": language, "name": name, "value": value});
    let text = |language: &str, pretty_id: Option<&str>| json!({"language": language, "title": "t", "description": "", "pretty_id": pretty_id});
    // Longer than an index of PostgreSQL takes, and not to be packed into one; alike for long.
    let digest = |number: u32| hex::encode(Sha256::digest(number.to_be_bytes()));
    let long: String = (0..150).map(digest).collect();
    let longer = format!("{long}!");
    let all = [
        json!({"id": "a", "kind": "VIDEO", "metadata": [field("", "sku", "7")],
            "tags": ["x"], "texts": [text("en", Some("the-film"))]}),
        json!({"id": "b", "kind": "VIDEO", "metadata": [
                field("de", "sku", "7"), field("en", "sku", "7"), field("", "sku", "8")],
            "texts": [text("de", Some("the-film")), text("en", None)]}),
        json!({"id": "c", "kind": "AUDIO", "metadata": [field("de", "sku", "8")], "tags": ["x"]}),
        json!({"id": "d", "kind": "AUDIO", "metadata": [field("", "note", &long)]}),
        json!({"id": "e", "kind": "AUDIO", "metadata": [field("", "note", &longer)],
            "texts": [text("de", None)]}),
    ];
    for body in &all {
        stage.send(&format!("POST {PATH}"), &token, body).await.expect(201);
    }
    let other = "POST /api/v1/tenants/2/contents";
    let same = json!({"id": "z", "kind": "VIDEO", "metadata": [field("", "sku", "7")],
        "tags": ["x"], "texts": [text("en", Some("the-film"))]});
    stage.send(other, &stage.admin().await, &same).await.expect(201);
    let (long, longer) = (format!("metadata=note%3D{long}"), format!("metadata=note%3D{longer}"));
    for (query, expected) in [
        ("metadata=sku%3D7", vec!["a", "b"]),
        ("metadata=sku=8", vec!["b", "c"]),
        ("metadata=sku/de%3D7", vec!["b"]),
        ("metadata=sku/%3D7", vec!["a"]),
        ("metadata=sku/fr%3D7", vec![]),
        ("metadata=sku%3D", vec![]),
        (&*long, vec!["d"]),
        (&*longer, vec!["e"]),
        ("pretty_id=the-film", vec!["a", "b"]),
        ("pretty_id=the-film&language=de", vec!["b"]),
        ("pretty_id=the-film&language=fr", vec![]),
        ("pretty_id=The-Film", vec![]),
        ("language=en", vec!["a", "b"]),
        ("language=de", vec!["b", "e"]),
        ("language=de&kind=AUDIO", vec!["e"]),
        ("metadata=sku%3D7&language=de", vec!["b"]),
        ("metadata=sku%3D8&tag=x", vec!["c"]),
        ("metadata=sku%3D7&pretty_id=the-film&tag=x", vec!["a"]),
        ("metadata=sku/de%3D7&pretty_id=the-film", vec!["b"]),
    ] {
        let found = stage.ask(&format!("GET {PATH}?{query}"), &token).await.expect(200).json();
        assert_eq!(ids(&found), expected, "{query}");
        // The same page by page.
        let mut paged = Vec::new();
        let mut next = format!("{PATH}?{query}&limit=1");
        loop {
            let page = stage.ask(&format!("GET {next}"), &token).await.expect(200).json();
            paged.extend(ids(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            next = format!("{PATH}?{query}&limit=1&cursor={cursor}");
        }
        assert_eq!(paged, expected, "{query}");
    }
    for query in ["metadata=sku", "metadata=%3D7", "metadata=/de%3D7"] {
        stage.ask(&format!("GET {PATH}?{query}"), &token).await.expect(400);
    }
}

async fn a_list_goes_on_as_it_was_narrowed(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    for number in 0..5 {
        let kind = if number % 2 == 0 { "VIDEO" } else { "AUDIO" };
        let body = json!({"id": format!("c{number}"), "kind": kind});
        stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201);
    }
    let mut line = format!("GET {PATH}?kind=VIDEO&limit=1");
    let mut seen = Vec::new();
    loop {
        let page = stage.ask(&line, &token).await.expect(200);
        seen.extend(ids(&page.json()).into_iter().map(str::to_owned));
        let Some(link) = page.header("link") else { break };
        let target = link.strip_prefix('<').and_then(|it| it.split('>').next()).unwrap();
        line = format!("GET {target}");
    }
    assert_eq!(seen, ["c0", "c2", "c4"]);
    // A cursor is of the list it came from.
    let page = stage.ask(&format!("GET {PATH}?kind=VIDEO&limit=1"), &token).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    stage.ask(&format!("GET {PATH}?limit=1&cursor={cursor}"), &token).await.expect(400);
}

/// Ids of another tenant look as if they did not exist, to its own people and to whoever reaches
/// both: in paths, and in what a body names.
async fn another_tenants_catalog_is_not_there(stage: Stage) {
    let theirs = stage.catalog(1).await;
    let own = stage.catalog(2).await;
    let stranger = stage.token(Some(2), "catalog.read catalog.write accounts.admin").await;
    let admin = stage.admin().await;
    let content = &theirs.content;
    let version = format!("contents/{content}/versions/{}", theirs.version);
    let mixed = format!("contents/{}/versions/{}", own.content, theirs.version);
    for token in [&stranger, &admin] {
        for (line, body) in [
            (format!("GET contents/{content}"), json!({})),
            (format!("PATCH contents/{content}"), json!({"tags": []})),
            (format!("DELETE contents/{content}"), json!({})),
            (format!("GET contents/{content}/links"), json!({})),
            (format!("PUT contents/{content}/links"), json!({"items": []})),
            (format!("GET contents/{content}/versions"), json!({})),
            (format!("POST contents/{content}/versions"), json!({})),
            (format!("POST {version}/activate"), json!({})),
            (format!("POST {mixed}/activate"), json!({})),
            (format!("DELETE {mixed}"), json!({})),
            (format!("GET {version}/files"), json!({})),
            (format!("GET {mixed}/files"), json!({})),
            (format!("PUT {mixed}/files"), json!({"items": []})),
            (format!("DELETE {mixed}/files/{}", theirs.file), json!({})),
            (
                format!(
                    "DELETE contents/{}/versions/{}/files/{}",
                    own.content, own.version, theirs.file
                ),
                json!({}),
            ),
            (format!("PUT {mixed}/chapters"), json!({"items": []})),
            (format!("GET archives/{}", theirs.archive), json!({})),
            (format!("DELETE archives/{}", theirs.archive), json!({})),
            (format!("GET pipelines/{}", theirs.pipeline), json!({})),
            (format!("GET folders/{}/attachments", stage.folder), json!({})),
            (format!("PUT folders/{}/attachments", stage.folder), json!({"items": []})),
            (format!("GET contents?folder={}", stage.folder), json!({})),
            ("POST contents".to_owned(), json!({"kind": "VIDEO", "folder": stage.folder})),
        ] {
            let (method, rest) = line.split_once(' ').unwrap();
            let line = format!("{method} /api/v1/tenants/2/{rest}");
            let answer = stage.send(&line, token, &body).await;
            assert_eq!(answer.status, 404, "{line}: {answer:?}");
        }
        let files = format!("contents/{}/versions/{}/files", own.content, own.version);
        let foreign = json!({
            "kind": "format", "slot": "hd", "pipeline": theirs.pipeline, "key": "a", "size": 1,
        });
        let unknown = json!({
            "kind": "format", "slot": "hd", "pipeline": 99, "key": "a", "size": 1,
        });
        for (line, foreign, unknown) in [
            (format!("POST {files}"), foreign.clone(), unknown.clone()),
            (format!("PUT {files}"), json!({"items": [foreign]}), json!({"items": [unknown]})),
            (
                "POST contents".to_owned(),
                json!({"kind": "VIDEO", "files": [foreign]}),
                json!({"kind": "VIDEO", "files": [unknown]}),
            ),
            (
                "POST archives".to_owned(),
                json!({"pipeline": theirs.pipeline, "key": "b", "name": "b", "elements": []}),
                json!({"pipeline": 99, "key": "b", "name": "b", "elements": []}),
            ),
            (
                "POST archives".to_owned(),
                json!({"pipeline": own.pipeline, "key": "b", "name": "b",
                       "elements": [{"file": theirs.file, "name": "x"}]}),
                json!({"pipeline": own.pipeline, "key": "b", "name": "b",
                       "elements": [{"file": 99, "name": "x"}]}),
            ),
            (
                format!("PUT contents/{}/links", own.content),
                json!({"items": [{"relation": "linked", "content": content}]}),
                json!({"items": [{"relation": "linked", "content": "unknown"}]}),
            ),
        ] {
            let (method, rest) = line.split_once(' ').unwrap();
            let line = format!("{method} /api/v1/tenants/2/{rest}");
            let answers = [
                stage.send(&line, token, &foreign).await.expect(409).json(),
                stage.send(&line, token, &unknown).await.expect(409).json(),
            ];
            let [foreign, unknown] = answers.map(|it| (it["code"].clone(), it["detail"].clone()));
            assert_eq!(foreign, unknown, "{line}");
        }
    }
    // The same names are free for each.
    let listed = stage.ask("GET /api/v1/tenants/2/contexts", &stranger).await.expect(200).json();
    assert_eq!(listed["items"][0]["name"], own.context);
    let listed = stage.ask("GET /api/v1/tenants/2/contents", &stranger).await.expect(200).json();
    assert_eq!(ids(&listed), [&*own.content]);
}

/// Requirement D14.
async fn a_member_works_in_their_folders(stage: Stage) {
    let sample = stage.catalog(1).await;
    let admin = stage.admin().await;
    let (id, ann) = stage.member("ann", &["catalog.read", "catalog.write"]).await;
    let ann = &*ann;
    let shelf = stage.folder;
    let content = json!({"id": "shelved", "kind": "VIDEO", "folder": shelf});
    stage.send(&format!("POST {PATH}"), &admin, &content).await.expect(201);
    let one = format!("{PATH}/shelved");
    let put = format!("PUT /api/v1/tenants/1/folders/{shelf}/rights/{id}");
    let listed = format!("GET {PATH}");

    // Nothing at all, then each right. What lies in no folder is no member's.
    assert_eq!(ids(&stage.ask(&listed, ann).await.expect(200).json()), Vec::<&str>::new());
    stage.ask(&format!("GET {one}"), ann).await.expect(404);
    stage.send(&format!("PATCH {one}"), ann, &json!({"tags": ["x"]})).await.expect(404);
    stage.ask(&format!("{listed}?folder={shelf}"), ann).await.expect(404);
    stage.send(&put, &admin, &json!({"right": "SEE"})).await.expect(204);
    assert_eq!(ids(&stage.ask(&listed, ann).await.expect(200).json()), ["shelved"]);
    stage.ask(&format!("GET {one}/versions"), ann).await.expect(200);
    stage.send(&format!("PATCH {one}"), ann, &json!({"tags": ["x"]})).await.expect(403);
    stage.send(&format!("DELETE {one}"), ann, &json!({})).await.expect(403);
    stage.send(&format!("POST {one}/versions"), ann, &json!({})).await.expect(403);
    stage.send(&put, &admin, &json!({"right": "MODIFY"})).await.expect(204);
    stage.send(&format!("PATCH {one}"), ann, &json!({"tags": ["x"]})).await.expect(200);
    let made = stage.send(&format!("POST {one}/versions"), ann, &json!({})).await.expect(201);
    let version = made.json()["id"].as_str().unwrap().to_owned();
    stage.ask(&format!("GET {PATH}/{}", sample.content), ann).await.expect(404);
    // Out of the folders that are theirs, and into others, leads nothing.
    stage.send(&format!("PATCH {one}"), ann, &json!({"folder": null})).await.expect(403);
    stage.send(&format!("POST {PATH}"), ann, &json!({"kind": "VIDEO"})).await.expect(403);
    let inside = json!({"kind": "VIDEO", "folder": shelf});
    stage.send(&format!("POST {PATH}"), ann, &inside).await.expect(201);
    // A right over a folder names no object of the origin.
    let file = json!({
        "kind": "source", "pipeline": sample.pipeline, "key": "films/a.mp4", "size": 7,
    });
    let files = format!("{one}/versions/{version}/files");
    stage.send(&format!("POST {files}"), ann, &file).await.expect(403);
    stage.send(&format!("PUT {files}"), ann, &json!({"items": [file]})).await.expect(403);
    let with = json!({"kind": "VIDEO", "folder": shelf, "files": [file]});
    stage.send(&format!("POST {PATH}"), ann, &with).await.expect(403);
    let attachment = json!({
        "kind": "attachment", "slot": "t", "variant": "a", "pipeline": sample.pipeline,
        "key": "films/a.mp4", "size": 7,
    });
    let attachments = format!("POST /api/v1/tenants/1/folders/{shelf}/attachments");
    stage.send(&attachments, ann, &attachment).await.expect(403);
    let archives = stage.ask("GET /api/v1/tenants/1/archives", ann).await.expect(200).json();
    assert_eq!(archives["items"], json!([]));
    // Nor does a link show what is not theirs.
    let link = json!({"items": [{"relation": "linked", "content": sample.content}]});
    stage.send(&format!("PUT {one}/links"), ann, &link).await.expect(409);
    stage.send(&format!("PUT {one}/links"), &admin, &link).await.expect(200);
    let seen = stage.ask(&format!("GET {one}/links"), ann).await.expect(200).json();
    assert_eq!(seen["items"], json!([]));
    // What every edge keeps is not theirs either.
    let purge = json!({"files": {"by": "content", "subject": "shelved"}});
    stage.send("POST /api/v1/tenants/1/purges", ann, &purge).await.expect(403);
    stage.send("POST /api/v1/tenants/1/purges", &admin, &purge).await.expect(201);
    // Nor is it said that something is there, where they may make nothing.
    let line = |id: &str| format!("{}\n", json!({"id": id, "kind": "VIDEO"}));
    let both = [line(&sample.content), line("unknown")].concat();
    let headers = [&*format!("Authorization: Bearer {ann}"), "Content-Type: application/x-ndjson"];
    let report = stage.call(&format!("POST {PATH}/import"), &headers, &both).await;
    let report = report.expect(200).json();
    assert_eq!((&report["known"], &report["refused"]), (&json!(0), &json!(2)), "{report}");
}

async fn a_member_classifies_by_what_they_manage(stage: Stage) {
    let admin = stage.admin().await;
    let (id, ann) = stage.member("ann", &["catalog.read", "catalog.write"]).await;
    let path = "/api/v1/tenants/1/classifications";
    for name in ["press", "secret"] {
        stage.send(&format!("POST {path}"), &admin, &json!({"name": name})).await.expect(201);
        stage.send(&format!("POST {path}"), &admin, &json!({"name": name})).await.expect(409);
    }
    stage.send(&format!("POST {path}"), &ann, &json!({"name": "mine"})).await.expect(403);
    let right = format!("PUT /api/v1/tenants/1/folders/{}/rights/{id}", stage.folder);
    stage.send(&right, &admin, &json!({"right": "MODIFY"})).await.expect(204);
    let content = json!({
        "id": "c", "kind": "VIDEO", "folder": stage.folder, "classifications": ["secret"],
    });
    stage.send(&format!("POST {PATH}"), &admin, &content).await.expect(201);
    let patch = format!("PATCH {PATH}/c");
    let both = json!({"classifications": ["press", "secret"]});
    stage.send(&patch, &ann, &both).await.expect(403);
    let right = format!("{path}/press/rights/{id}");
    stage.send(&format!("PUT {right}"), &ann, &json!({})).await.expect(403);
    stage.send(&format!("PUT {right}"), &admin, &json!({})).await.expect(204);
    let rights = stage.ask(&format!("GET {path}/press/rights"), &admin).await.expect(200);
    assert_eq!(rights.json()["items"], json!([id]));
    stage.send(&patch, &ann, &both).await.expect(200);
    // What somebody else put there stays.
    stage.send(&patch, &ann, &json!({"classifications": ["press"]})).await.expect(403);
    stage.send(&patch, &ann, &json!({"classifications": ["secret"]})).await.expect(200);
    stage.send(&format!("DELETE {right}"), &admin, &json!({})).await.expect(204);
    stage.send(&patch, &ann, &both).await.expect(403);
}

async fn contents_belong_to_others(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    for id in ["a", "b", "c"] {
        let body = json!({"id": id, "kind": "PLAYLIST"});
        stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201);
    }
    let links = format!("{PATH}/a/links");
    let items = json!([
        {"relation": "enclosed", "content": "c"}, {"relation": "linked", "content": "b"},
    ]);
    let made = stage.send(&format!("PUT {links}"), &token, &json!({"items": items})).await;
    let made = made.expect(200);
    assert_eq!(made.header("etag"), Some("\"r2\""));
    let made = made.json();
    assert_eq!(stage.ask(&format!("GET {links}"), &token).await.expect(200).json(), made);
    assert_eq!(made["items"][0]["content"], "c");
    // One that stays keeps its id.
    let fewer = json!({"items": [{"relation": "linked", "content": "b"}]});
    let now = stage.send(&format!("PUT {links}"), &token, &fewer).await.expect(200).json();
    assert_eq!(now["items"], json!([made["items"][1]]));
    for wrong in [
        json!([{"relation": "linked", "content": "a"}]),
        json!([{"relation": "beside", "content": "b"}]),
        json!([{"relation": "linked", "content": "b"}, {"relation": "linked", "content": "b"}]),
    ] {
        let body = json!({"items": wrong});
        stage.send(&format!("PUT {links}"), &token, &body).await.expect(400);
    }
    stage.send(&format!("DELETE {PATH}/b"), &token, &json!({})).await.expect(204);
    let now = stage.ask(&format!("GET {links}"), &token).await.expect(200).json();
    assert_eq!(now["items"], json!([]));
}

async fn a_context_is_a_tenants_own(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let path = "/api/v1/tenants/1/contexts";
    let texts = json!([{"language": "en", "label": "Press", "description": "for the press"}]);
    let body = json!({"name": "press kit", "texts": texts});
    let made = stage.send(&format!("POST {path}"), &token, &body).await.expect(201).json();
    stage.send(&format!("POST {path}"), &token, &body).await.expect(409);
    let one = format!("{path}/press%20kit");
    assert_eq!(stage.ask(&format!("GET {one}"), &token).await.expect(200).json(), made);
    for wrong in [json!({"name": "a/b"}), json!({"name": ".."}), json!({"name": ""})] {
        stage.send(&format!("POST {path}"), &token, &wrong).await.expect(400);
    }
    let now = stage.send(&format!("PATCH {one}"), &token, &json!({})).await.expect(200);
    assert_eq!((now.header("etag"), &now.json()["texts"]), (Some("\"r2\""), &texts));
    let now = stage.send(&format!("PATCH {one}"), &token, &json!({"texts": null})).await;
    assert_eq!(now.expect(200).json()["texts"], json!([]));
    stage.send(&format!("DELETE {one}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {one}"), &token).await.expect(404);
}
