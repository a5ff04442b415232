//! Cookies: somebody who is logged in opens what they may see (requirements D14, G31).

use serde_json::{Value, json};

use super::stage::{NOW, Stage, on_both_databases};
use crate::control_plane::link::scenery;
use crate::policy::{DenialCode, OverrideTable, TokenRules};
use crate::token::{Carrier, CarrierRules};

on_both_databases! {
    a_member_opens_what_they_may_see_and_loses_it_with_the_right
    an_application_has_the_cookies_of_its_tenant
    a_folders_cookie_opens_its_attachments
    an_unpublished_content_has_a_cookie_that_says_so
    a_repetition_shows_no_value
    where_no_cookie_would_work_it_is_said
}

fn put_in_force(stage: &Stage, url: Option<&str>, carriers: &[Carrier]) {
    let (hosts, mut site) = scenery::site("files.example.com", url, 1);
    let token = site.token.take().unwrap();
    site.token = Some(TokenRules { carriers: CarrierRules::new("hdnts", carriers), ..token });
    let snapshot = scenery::snapshot(vec![(hosts, site)], OverrideTable::default());
    *stage.in_force.lock().unwrap() = Some(snapshot);
}

async fn content(stage: &Stage, admin: &str, publication: &str) -> String {
    let body = json!({"kind": "VIDEO", "publication": publication, "folder": stage.folder});
    let made = stage.send("POST /api/v1/tenants/1/contents", admin, &body).await.expect(201);
    made.json()["id"].as_str().unwrap().to_owned()
}

fn of_content(id: &str) -> String {
    format!("POST /api/v1/tenants/1/contents/{id}/signed-cookie")
}

fn opened(stage: &Stage, target: &str, cookie: &Value) -> Result<(), DenialCode> {
    let snapshot = stage.in_force.lock().unwrap().clone().unwrap();
    let (name, value) = (cookie["name"].as_str().unwrap(), cookie["value"].as_str().unwrap());
    scenery::opened_with(&snapshot, target, &format!("{name}={value}"), NOW)
}

async fn a_member_opens_what_they_may_see_and_loses_it_with_the_right(stage: Stage) {
    put_in_force(&stage, None, Carrier::ALL);
    let admin = stage.admin().await;
    let (video, other) =
        (content(&stage, &admin, "published").await, content(&stage, &admin, "published").await);
    let (ann, token) = stage.member("ann", &["files.read"]).await;
    let line = of_content(&video);
    // To somebody without a right there is no such content.
    stage.ask(&line, &token).await.expect(404);
    let right = format!("/api/v1/tenants/1/folders/{}/rights/{ann}", stage.folder);
    stage.send(&format!("PUT {right}"), &admin, &json!({"right": "SEE"})).await.expect(204);

    let answer = stage.ask(&line, &token).await.expect(200);
    let cookie = answer.json();
    let path = format!("/private/videos/{video}/");
    let expected = json!({
        "id": cookie["id"], "origin": "https://files.example.com", "name": "hdnts",
        "value": cookie["value"], "path": path, "expires": "2030-01-01T00:10:00Z",
    });
    assert_eq!(cookie, expected);
    let value = cookie["value"].as_str().unwrap();
    assert!(value.contains(&format!("~id={}~", cookie["id"].as_str().unwrap())), "{value}");
    let line_for_browsers =
        format!("hdnts={value}; Path={path}; Max-Age=600; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(answer.header("set-cookie"), Some(&*line_for_browsers));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for form in ["source", "formats/hd", "thumbnails/active?quality=720p", "attachments/t/a%20b"] {
        assert_eq!(opened(&stage, &format!("{path}{form}"), &cookie), Ok(()), "{form}");
    }
    let others = format!("/private/videos/{other}/source");
    assert_eq!(opened(&stage, &others, &cookie), Err(DenialCode::TokenScope));

    stage.send(&format!("DELETE {right}"), &admin, &json!({})).await.expect(204);
    stage.ask(&line, &token).await.expect(404);
    // The one that they have opens on, until it ends.
    assert_eq!(opened(&stage, &format!("{path}source"), &cookie), Ok(()));
}

async fn an_application_has_the_cookies_of_its_tenant(stage: Stage) {
    put_in_force(&stage, Some("http://files.example.com:8080"), Carrier::ALL);
    let admin = stage.admin().await;
    let video = content(&stage, &admin, "published").await;
    let line = of_content(&video);
    let portal = stage.token(Some(1), "files.read").await;
    let answer = stage.ask(&line, &portal).await.expect(200);
    assert_eq!(answer.json()["origin"], "http://files.example.com:8080");
    let for_browsers = answer.header("set-cookie").unwrap();
    assert!(for_browsers.ends_with("; HttpOnly; SameSite=Lax"), "{for_browsers}");
    let stranger = stage.token(Some(2), "files.read").await;
    stage.ask(&line, &stranger).await.expect(404);
    stage.ask(&line.replace("tenants/1", "tenants/2"), &stranger).await.expect(404);
    let without = stage.token(Some(1), "catalog.read files.sign").await;
    stage.ask(&line, &without).await.expect(403);
    stage.ask(&of_content("nothing"), &portal).await.expect(404);
}

async fn a_folders_cookie_opens_its_attachments(stage: Stage) {
    put_in_force(&stage, None, Carrier::ALL);
    let admin = stage.admin().await;
    let (ann, token) = stage.member("ann", &["files.read"]).await;
    let line = format!("POST /api/v1/tenants/1/folders/{}/signed-cookie", stage.folder);
    stage.ask(&line, &token).await.expect(404);
    let right = format!("PUT /api/v1/tenants/1/folders/{}/rights/{ann}", stage.folder);
    stage.send(&right, &admin, &json!({"right": "SEE"})).await.expect(204);
    let cookie = stage.ask(&line, &token).await.expect(200).json();
    let path = format!("/private/channels/{}/", stage.folder);
    assert_eq!(cookie["path"], path);
    assert_eq!(opened(&stage, &format!("{path}attachments/Logo/a.png"), &cookie), Ok(()));
    let other = format!("/private/channels/{}0/attachments/Logo/a.png", stage.folder);
    assert_eq!(opened(&stage, &other, &cookie), Err(DenialCode::TokenScope));
    let nobodys = "POST /api/v1/tenants/1/folders/999999/signed-cookie";
    stage.ask(nobodys, &admin).await.expect(404);
}

async fn an_unpublished_content_has_a_cookie_that_says_so(stage: Stage) {
    put_in_force(&stage, None, Carrier::ALL);
    let admin = stage.admin().await;
    for (publication, says_so) in [("published", false), ("unpublished", true)] {
        let video = content(&stage, &admin, publication).await;
        let cookie = stage.ask(&of_content(&video), &admin).await.expect(200).json();
        let value = cookie["value"].as_str().unwrap();
        assert_eq!(value.contains(".u.i"), says_so, "{value}");
    }
}

async fn a_repetition_shows_no_value(stage: Stage) {
    put_in_force(&stage, None, Carrier::ALL);
    let admin = stage.admin().await;
    let line = of_content(&content(&stage, &admin, "published").await);
    let headers = [&*format!("Authorization: Bearer {admin}"), "Idempotency-Key: once"];
    let first = stage.call(&line, &headers, "").await.expect(200);
    assert!(first.json()["value"].is_string());
    let again = stage.call(&line, &headers, "").await.expect(200);
    assert_eq!((&again.json()["value"], again.header("set-cookie")), (&Value::Null, None));
    assert_eq!(again.json()["id"], first.json()["id"]);
}

async fn where_no_cookie_would_work_it_is_said(stage: Stage) {
    let admin = stage.admin().await;
    let line = of_content(&content(&stage, &admin, "published").await);
    let refused = stage.ask(&line, &admin).await.expect(409).json();
    assert_eq!(
        (&refused["code"], &refused["detail"]),
        (&json!("no_link"), &json!("nothing is in force yet"))
    );
    put_in_force(&stage, None, &[Carrier::Query, Carrier::Header]);
    let refused = stage.ask(&line, &admin).await.expect(409);
    assert_eq!(refused.header("set-cookie"), None);
    assert_eq!(refused.json()["code"], "no_cookie");
    let detail = refused.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("\"cookie\" to carriers of its [site.token]"), "{detail}");
}
