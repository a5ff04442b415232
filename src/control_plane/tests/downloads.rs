//! Download URLs: a script that was written for the vendor has them, and they open what they say.

use serde_json::{Value, json};

use super::stage::{Stage, on_both_databases};
use crate::control_plane::link::scenery;
use crate::policy::OverrideTable;

on_both_databases! {
    a_vendors_script_has_urls_that_open
    an_unpublished_video_has_urls_with_a_flag
    whoever_may_not_see_a_video_has_no_urls
    what_cannot_be_linked_to_is_said
}

fn put_in_force(stage: &Stage) {
    let sites = vec![scenery::site("files.example.com", None, 1)];
    *stage.in_force.lock().unwrap() = Some(scenery::snapshot(sites, OverrideTable::default()));
}

async fn with_files(stage: &Stage, token: &str, publication: &str) -> String {
    let pipeline = json!({"name": "p", "origin": "media"});
    let made = stage.send("POST /api/v1/tenants/1/pipelines", token, &pipeline).await.expect(201);
    let pipeline = made.json()["number"].as_u64().unwrap();
    let file = |place: Value, key: &str| {
        let mut file = json!({"pipeline": pipeline, "key": key, "size": 7});
        file.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        file
    };
    let content = json!({
        "kind": "VIDEO", "publication": publication, "folder": stage.folder,
        "files": [
            file(json!({"kind": "source"}), "a.mov"),
            file(json!({"kind": "format", "slot": "hd", "height": 720}), "a-hd.mp4"),
            file(json!({"kind": "thumbnail", "slot": "5", "variant": "360p"}), "5.jpg"),
            file(json!({"kind": "attachment", "slot": "Price list", "variant": "a b.pdf"}), "a.pdf"),
        ],
    });
    let made = stage.send("POST /api/v1/tenants/1/contents", token, &content).await.expect(201);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn opens(stage: &Stage, url: &Value) {
    let snapshot = stage.in_force.lock().unwrap().clone().unwrap();
    let url = url.as_str().unwrap();
    assert_eq!(scenery::opened(&snapshot, url, "192.0.2.1"), Ok(()), "{url}");
}

async fn a_vendors_script_has_urls_that_open(stage: Stage) {
    put_in_force(&stage);
    let admin = stage.admin().await;
    let video = with_files(&stage, &admin, "published").await;
    let reader = stage.token(Some(1), "files.read").await;
    let path = format!("/v1/vms/1/videos/{video}");
    let urls = stage.ask(&format!("GET {path}/download-urls"), &reader).await.expect(200).json();
    let of = |urls: &Value, key: &str| {
        let found = urls.as_array().unwrap().iter().find(|it| it["profileKey"] == key);
        found.unwrap().clone()
    };
    assert_eq!(urls.as_array().unwrap().len(), 2, "{urls}");
    let hd = of(&urls, "hd");
    let expected = json!({
        "quality": "720p", "profileKey": "hd", "fileExtension": "mp4", "fileSize": 7,
        "md5": null, "url": hd["url"],
    });
    assert_eq!(hd, expected);
    assert_eq!(of(&urls, "source")["fileExtension"], "mov");
    for url in urls.as_array().unwrap() {
        opens(&stage, &url["url"]);
        assert!(!url["url"].as_str().unwrap().contains(".u."), "{url}");
    }

    let template = "download_file_name_template=film-%25%7BQUALITY%7D.%25%7BFILE_EXTENSION%7D";
    let line = format!("GET {path}/download-urls?{template}");
    let named = of(&stage.ask(&line, &reader).await.expect(200).json(), "hd");
    opens(&stage, &named["url"]);
    assert!(named["url"].as_str().unwrap().contains("file-name=film-720p.mp4"), "{named}");

    let attached = stage.ask(&format!("GET {path}/attachments"), &reader).await.expect(200).json();
    assert_eq!(attached[0]["type"]["name"], "Price list");
    assert_eq!(attached[0]["data"]["fileName"], "a b.pdf");
    opens(&stage, &attached[0]["data"]["downloadUrl"]);
}

async fn an_unpublished_video_has_urls_with_a_flag(stage: Stage) {
    put_in_force(&stage);
    let admin = stage.admin().await;
    let video = with_files(&stage, &admin, "unpublished").await;
    let line = format!("GET /v1/vms/1/videos/{video}/download-urls");
    let urls = stage.ask(&line, &admin).await.expect(200).json();
    assert!(urls[0]["url"].as_str().unwrap().contains(".u.i"), "{urls}");
}

async fn whoever_may_not_see_a_video_has_no_urls(stage: Stage) {
    put_in_force(&stage);
    let admin = stage.admin().await;
    let video = with_files(&stage, &admin, "published").await;
    let line = format!("GET /v1/vms/1/videos/{video}/download-urls");
    let stranger = stage.token(Some(2), "files.read").await;
    stage.ask(&line, &stranger).await.expect(404);
    let other = stage.token(Some(1), "catalog.read").await;
    stage.ask(&line, &other).await.expect(403);
    let body = json!({
        "tenant": 1, "username": "ann", "role": "member", "scopes": ["files.read"],
        "password": "a password of some length",
    });
    let person = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let login = json!({"username": "ann", "password": "a password of some length"});
    let session = stage.send("POST /v1/vms/auth/login", "", &login).await.expect(200).json();
    let ann = session["accessToken"].as_str().unwrap();
    stage.ask(&line, ann).await.expect(404);
    let right = format!(
        "PUT /api/v1/tenants/1/folders/{}/rights/{}",
        stage.folder,
        person["id"].as_str().unwrap()
    );
    stage.send(&right, &admin, &json!({"right": "SEE"})).await;
    stage.ask(&line, ann).await.expect(200);
}

async fn what_cannot_be_linked_to_is_said(stage: Stage) {
    let admin = stage.admin().await;
    let video = with_files(&stage, &admin, "published").await;
    let line = format!("GET /v1/vms/1/videos/{video}/download-urls");
    let accept = [&*format!("Authorization: Bearer {admin}"), "Accept: application/problem+json"];
    let refused = stage.call(&line, &accept, "").await.expect(409).json();
    assert_eq!(refused["code"], "no_link");
    assert_eq!(refused["detail"], "nothing is in force yet");
}
