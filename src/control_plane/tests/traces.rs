//! Whose copy a file is, as clients ask (requirement K.6).

use serde_json::{Value, json};

use super::stage::{Answer, CatalogSample, Stage, on_both_databases};
use crate::control_plane::caller::Caller;
use crate::control_plane::link::scenery;
use crate::control_plane::record::LinkId;
use crate::policy::OverrideTable;

on_both_databases! {
    a_file_that_is_brought_is_told_whose_it_is
    a_tenant_knows_of_its_own_copies
    a_file_comes_whole_and_is_not_too_long
}

/// A catalog with a file whose copies carry tags, and a copy of it that was issued.
pub(super) struct TracedScene {
    pub(super) stage: Stage,
    pub(super) catalog: CatalogSample,
    /// The number of the file.
    pub(super) file: u64,
    /// The link to the copy.
    pub(super) link: String,
    /// What the copy carries.
    pub(super) tag_id: String,
}

impl TracedScene {
    pub(super) async fn new(stage: Stage) -> Self {
        let sites = vec![scenery::site("files.example.com", None, 1)];
        *stage.in_force.lock().unwrap() = Some(scenery::snapshot(sites, OverrideTable::default()));
        let catalog = stage.catalog(1).await;
        let admin = stage.admin().await;
        let CatalogSample { content, version, pipeline, .. } = &catalog;
        let line = format!("POST /api/v1/tenants/1/contents/{content}/versions/{version}/files");
        let body = json!({
            "kind": "format", "slot": "hd", "pipeline": pipeline, "key": "films/a-hd.mp4",
            "size": 5, "autograph": true,
        });
        let made = stage.send(&line, &admin, &body).await.expect(201).json();
        let file = made["number"].as_u64().unwrap();
        let token = stage.token(Some(1), "files.read files.sign").await;
        let order = format!("GET /v1/files/downloads/?file_id={file}&autograph_tag=user%2042");
        let link = stage.ask(&order, &token).await.expect(200).json();
        let link = link["download"]["link_id"].as_str().unwrap().to_owned();
        let mut view = stage.store.view(&Caller::system("test")).await.unwrap();
        let issue = view.copy_issue_of_link(&LinkId::parse(&link).unwrap()).await.unwrap();
        let tag_id = issue.unwrap().tag_id.into();
        drop(view);
        Self { stage, catalog, file, link, tag_id }
    }

    /// A file that carries a tag.
    pub(super) fn file_with(tag_id: &str) -> String {
        format!("before countersign-tag:{tag_id} after")
    }

    /// The copy that was issued, or what is left of it.
    pub(super) fn copy(&self) -> String {
        Self::file_with(&self.tag_id)
    }

    /// The same with a tag that nobody here made.
    pub(super) fn forged(&self) -> String {
        let mut tag_id = self.tag_id.clone();
        let other = if tag_id.pop() == Some('0') { '1' } else { '0' };
        tag_id.push(other);
        Self::file_with(&tag_id)
    }

    async fn trace(&self, token: &str, file: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {token}");
        self.stage.call("POST /api/v1/traces", &[&bearer], file).await
    }

    /// How often somebody asked, as the audit log tells whoever has that token.
    pub(super) async fn asked(&self, token: &str) -> Vec<Value> {
        let page = self.stage.ask("GET /api/v1/audit", token).await.expect(200).json();
        let mut events = page["items"].as_array().unwrap().clone();
        events.retain(|event| event["action"] == "copy.trace");
        events
    }
}

async fn a_file_that_is_brought_is_told_whose_it_is(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let token = scene.stage.token(Some(1), "trace").await;
    let file = [scene.copy(), scene.copy(), scene.forged()].concat();
    let told = scene.trace(&token, &file).await.expect(200).json();
    assert_eq!((&told["size"], &told["more"]), (&json!(file.len()), &json!(0)));
    assert_eq!(told["sha256"].as_str().unwrap().len(), 64);
    let tags = told["tags"].as_array().unwrap();
    let verdicts: Vec<&Value> = tags.iter().map(|tag| &tag["verdict"]).collect();
    assert_eq!(verdicts, ["issued", "issued", "forged"], "{told}");
    assert_eq!((&tags[0]["layer"], &tags[0]["carrier"]), (&json!(1), &json!("elsewhere")));
    assert_eq!((&tags[0]["offset"], &tags[0]["tag_id"]), (&json!(7), &json!(scene.tag_id)));
    assert_eq!(tags[2]["issued"], Value::Null);
    let issued = tags[0]["issued"].as_object().unwrap();
    assert!(issued["issuer"].as_str().unwrap().starts_with("app_"), "{told}");
    for (name, value) in [
        ("autograph_tag", json!("user 42")),
        ("tenant", json!(1)),
        ("link", json!(scene.link)),
        ("share", Value::Null),
        ("recipient", Value::Null),
        ("file", json!(scene.file)),
        ("content", json!(scene.catalog.content)),
        ("issued_at", json!("2030-01-01T00:00:00Z")),
    ] {
        assert_eq!(issued[name], value, "{name}: {told}");
    }
    let nobodys = scene.trace(&token, "no tag").await.expect(200).json();
    assert_eq!((&nobodys["tags"], &nobodys["size"]), (&json!([]), &json!(6)));
    let empty = scene.trace(&token, "").await.expect(200).json();
    assert_eq!(empty["size"], 0);
    // It is asked about the same, though it is said to be something else.
    let bearer = format!("Authorization: Bearer {token}");
    let headers = [&*bearer, "Content-Type: application/json"];
    let again = scene.stage.call("POST /api/v1/traces", &headers, &file).await.expect(200).json();
    assert_eq!(again, told);
}

async fn a_tenant_knows_of_its_own_copies(stage: Stage) {
    let scene = TracedScene::new(stage).await;
    let [own, other] = [
        scene.stage.token(Some(1), "trace audit.read").await,
        scene.stage.token(Some(2), "trace audit.read").await,
    ];
    let everybodys = scene.stage.token(None, "trace audit.read").await;
    for (token, verdict) in [(&own, "issued"), (&everybodys, "issued"), (&other, "unlogged")] {
        let told = scene.trace(token, &scene.copy()).await.expect(200);
        assert_eq!(told.json()["tags"][0]["verdict"], verdict, "{told:?}");
        assert_eq!(told.body.contains(&scene.link), verdict == "issued", "{told:?}");
    }
    let told = scene.trace(&other, &scene.forged()).await.expect(200).json();
    assert_eq!(told["tags"][0]["verdict"], "forged");
    // Who asked is in the log of the tenant that they are of.
    for (token, asked) in [(&own, 1), (&other, 2), (&everybodys, 4)] {
        assert_eq!(scene.asked(token).await.len(), asked);
    }
    let mine = &scene.asked(&own).await[0];
    assert_eq!((&mine["tenant"], &mine["diff"]["tags"][1]), (&json!(1), &json!(1)), "{mine}");
    assert_eq!(mine["diff"]["links"][1], json!([scene.link]), "{mine}");
    let mut theirs = scene.asked(&other).await;
    assert!(theirs.iter().all(|event| event["diff"]["links"][1] == json!([])), "{theirs:?}");
    theirs.retain(|event| event["tenant"] != json!(2));
    assert_eq!(theirs, [] as [Value; 0]);
}

async fn a_file_comes_whole_and_is_not_too_long(stage: Stage) {
    let token = stage.token(Some(1), "trace").await;
    let bearer = format!("Authorization: Bearer {token}");
    let post = |headers: &str, body: &str| {
        format!("POST /api/v1/traces HTTP/1.1\r\nHost: control\r\n{headers}\r\n\r\n{body}")
    };
    let length = |bytes: u64| format!("{bearer}\r\nConnection: close\r\nContent-Length: {bytes}");
    let most = 64_u64 << 30;
    let refused = stage.raw(&post(&length(most + 1), "")).await.expect(413);
    assert_eq!(refused.json()["code"], "body_too_large");
    let chunked = format!("{bearer}\r\nConnection: close\r\nTransfer-Encoding: chunked");
    let told = stage.raw(&post(&chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")).await.expect(200);
    assert!(told.body.contains("\"size\":5"), "{told:?}");
    // What is no chunk any more.
    let broken = stage.raw(&post(&chunked, "3\r\nabc\r\nxyz")).await.expect(400);
    assert!(broken.body.contains("broken off"), "{broken:?}");
}
