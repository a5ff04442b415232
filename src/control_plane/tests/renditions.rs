//! Renditions of a content's image: who has them, and how they are asked for (requirements C23, G26).
//! What is in them is looked at by the black-box tests.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::stage::{Answer, Stage, on_both_databases};
use crate::control_plane::link::scenery;
use crate::policy::{BlocklistBuilder, EdgeSnapshot, OverrideTable};

on_both_databases! {
    whoever_may_share_an_image_has_renditions_of_it
    nobody_else_has_a_rendition
    what_there_is_no_rendition_of_is_said
}

const SCOPES: &str = "catalog.read shares.write";

fn in_force(stage: &Stage, change: impl FnOnce(EdgeSnapshot) -> EdgeSnapshot) {
    let site = scenery::site("files.example.com", None, 1);
    let snapshot = scenery::snapshot(vec![site], OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(change(snapshot));
}

fn image() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");
    fs::read(format!("{folder}/palette.png")).unwrap()
}

/// A content with this original, in the stage's folder: where its rendition is.
async fn content(stage: &Stage, pipeline: u64, bytes: &[u8], facts: &Value) -> String {
    let admin = stage.admin().await;
    fs::create_dir_all(stage.media.path().join("1/images")).unwrap();
    fs::write(stage.media.path().join("1/images/a"), bytes).unwrap();
    let mut source = json!({
        "kind": "source", "pipeline": pipeline, "key": "images/a", "name": "the image.png",
        "size": bytes.len(), "mime": "image/png",
    });
    source.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
    let body = json!({"kind": "IMAGE", "folder": stage.folder, "files": [source]});
    let made = stage.send("POST /api/v1/tenants/1/contents", &admin, &body).await.expect(201);
    let content = made.json()["id"].as_str().unwrap().to_owned();
    format!("/api/v1/tenants/1/contents/{content}/rendition")
}

async fn pipeline(stage: &Stage) -> u64 {
    in_force(stage, |snapshot| snapshot);
    stage.catalog(1).await.pipeline
}

async fn get(stage: &Stage, token: &str, path: &str, line: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {token}");
    let lines: Vec<_> = [&*bearer, line].into_iter().filter(|line| !line.is_empty()).collect();
    stage.call(&format!("GET {path}"), &lines, "").await
}

async fn whoever_may_share_an_image_has_renditions_of_it(stage: Stage) {
    // Unpublished: the owner's side is not the public's.
    let path = content(&stage, pipeline(&stage).await, &image(), &json!({})).await;
    let token = stage.token(Some(1), SCOPES).await;
    let whole = get(&stage, &token, &path, "").await.expect(200);
    assert_eq!(whole.header("content-type"), Some("image/jpeg"));
    assert_eq!(whole.header("cache-control"), Some("private, no-store"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    let saved = whole.header("content-disposition").unwrap();
    assert!(saved.starts_with("attachment") && saved.contains("the image.jpg"), "{saved}");
    let etag = whole.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.len() == 66, "{etag}");

    let again = get(&stage, &token, &path, &format!("If-None-Match: {etag}")).await.expect(304);
    assert_eq!((again.header("etag"), &*again.body), (Some(etag), ""));
    let part = get(&stage, &token, &path, "Range: bytes=0-1").await.expect(206);
    assert_eq!(part.header("content-length"), Some("2"));
    let past = get(&stage, &token, &path, "Range: bytes=99999999-").await.expect(416);
    assert!(past.header("content-range").unwrap().starts_with("bytes */"));
    let bearer = format!("Authorization: Bearer {token}");
    let head = stage.call(&format!("HEAD {path}"), &[&bearer], "").await.expect(200);
    assert_eq!((head.header("etag"), &*head.body), (Some(etag), ""));

    for (query, media_type) in [
        ("width=8&format=png", "image/png"),
        ("height=8&format=webp", "image/webp"),
        ("width=8&height=4&fit=cover&quality=30", "image/jpeg"),
        ("crop=1,2,10,5&fit=inside&format=jpeg", "image/jpeg"),
    ] {
        let made = get(&stage, &token, &format!("{path}?{query}"), "").await.expect(200);
        assert_eq!(made.header("content-type"), Some(media_type), "{query}");
        assert_ne!(made.header("etag"), Some(etag));
    }
    for query in [
        "width=0",
        "height=-1",
        "width=4294967296",
        "fit=stretch",
        "format=gif",
        "quality=0",
        "quality=101",
        "quality=50&format=png",
        "crop=1",
        "crop=0,0,0,1",
        "crop=0,0,1,1,1",
        "crop=a,0,1,1",
        "crop=31,0,2,1",
        "crop=0,0,33,1",
    ] {
        let refused = get(&stage, &token, &format!("{path}?{query}"), "").await.expect(400);
        assert_eq!(refused.json()["code"], "invalid", "{query}");
    }
}

async fn nobody_else_has_a_rendition(stage: Stage) {
    let facts = json!({"sha256": hex::encode(Sha256::digest(image()))});
    let path = content(&stage, pipeline(&stage).await, &image(), &facts).await;
    let own = stage.token(Some(1), SCOPES).await;
    // It was made, and is kept: that opens nothing to others.
    get(&stage, &own, &path, "").await.expect(200);
    let wrong = stage.token(Some(1), "catalog.read files.read").await;
    let stranger = stage.token(Some(2), SCOPES).await;
    for (token, status) in [(&*wrong, 403), (&stranger, 404), ("csa_unknown", 401)] {
        get(&stage, token, &path, "").await.expect(status);
    }
    // A member by the right over the folder, and only as far.
    let admin = stage.admin().await;
    let (member, session) = stage.member("anna", &["catalog.read", "shares.write"]).await;
    get(&stage, &session, &path, "").await.expect(404);
    let rights = format!("PUT /api/v1/tenants/1/folders/{}/rights/{member}", stage.folder);
    for (right, status) in [("SEE", 403), ("MODIFY", 403), ("SHARE", 200)] {
        let answer = stage.send(&rights, &admin, &json!({"right": right})).await;
        assert!(answer.status < 300, "{answer:?}");
        get(&stage, &session, &path, "").await.expect(status);
    }

    // Policy is asked as for the original.
    let refused = get(&stage, &own, &path, "CDN-Loop: a-cdn").await.expect(403);
    assert_eq!(refused.json()["code"], "cdn_refused");
    in_force(&stage, |snapshot| {
        let mut builder = BlocklistBuilder::new();
        builder.add_text("test", b"127.0.0.0/8");
        EdgeSnapshot { blocklist: Arc::new(builder.build().unwrap()), ..snapshot }
    });
    let refused = get(&stage, &own, &path, "").await.expect(403);
    assert_eq!(refused.json()["code"], "ip_blocked");
    *stage.in_force.lock().unwrap() = None;
    let refused = get(&stage, &own, &path, "").await.expect(503);
    assert_eq!(refused.json()["code"], "not_handed_over");
}

async fn what_there_is_no_rendition_of_is_said(stage: Stage) {
    let token = stage.token(Some(1), SCOPES).await;
    let pipeline = pipeline(&stage).await;
    let code = async |bytes: &[u8], facts: Value, status: u16| {
        let path = content(&stage, pipeline, bytes, &facts).await;
        get(&stage, &token, &path, "").await.expect(status).json()["code"].clone()
    };
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    assert_eq!(code(svg, json!({"mime": "image/svg+xml"}), 409).await, "not_an_image");
    assert_eq!(code(&image()[..60], json!({}), 409).await, "not_an_image");
    let mut large = image();
    large[16..24].copy_from_slice(&[0, 0, 0x60, 0, 0, 0, 0x60, 0]);
    assert_eq!(code(&large, json!({}), 409).await, "image_too_large");
    // What is too long is not read.
    let long = json!({"size": 200_000_000});
    assert_eq!(code(b"short", long, 409).await, "image_too_large");
    let film = json!({"size": 200_000_000, "mime": "video/mp4"});
    assert_eq!(code(b"short", film, 409).await, "not_an_image");
    // What is not what was registered is not shown.
    assert_eq!(code(&image(), json!({"size": 7}), 502).await, "origin_failed");
    let other = json!({"sha256": "ab".repeat(32)});
    assert_eq!(code(&image(), other, 502).await, "origin_failed");

    let path = content(&stage, pipeline, &image(), &json!({})).await;
    fs::remove_file(stage.media.path().join("1/images/a")).unwrap();
    get(&stage, &token, &path, "").await.expect(404);
    // A content without a source has none.
    let admin = stage.admin().await;
    let body = json!({"kind": "IMAGE", "folder": stage.folder});
    let made = stage.send("POST /api/v1/tenants/1/contents", &admin, &body).await.expect(201);
    let path =
        format!("/api/v1/tenants/1/contents/{}/rendition", made.json()["id"].as_str().unwrap());
    get(&stage, &token, &path, "").await.expect(404);
}
