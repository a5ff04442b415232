//! Shares by the API: what a client sends and gets, from the making of one to its end.

use serde_json::{Value, json};

use super::share_scene::{Contents, client, contents, draft, order, shared, system, typed};
use super::stage::{Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::record::ContentId;
use crate::control_plane::service::{Expected, ShareExpiry};

on_both_databases! {
    a_share_is_made_changed_and_removed
    shares_are_found
    what_is_no_share_says_why
    keys_are_for_those_who_may_share
}

const PATH: &str = "/api/v1/tenants/1/shares";

async fn made(stage: &Stage, token: &str, body: &Value) -> Value {
    stage.send(&format!("POST {PATH}"), token, body).await.expect(201).json()
}

fn of(contents: &Contents) -> Value {
    let ids: Vec<&str> =
        [&contents.film, &contents.picture].into_iter().map(ContentId::as_str).collect();
    json!({"title": "Press kit", "contents": ids})
}

/// C1, C9, C11, C12, C13, C24, C26, C27, C29, C30.
async fn a_share_is_made_changed_and_removed(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let mut body = of(&contents);
    body["password"] = json!("1234");
    body["download"] = json!(true);
    body["expires"] = json!({"by": "end_of_day", "date": "2030-01-31", "utc_offset_minutes": 60});
    body["recipients"] = json!([{"name": "Bob", "email": "bob@example.com"}, {"name": "Eve"}]);
    let answer = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201);
    assert_eq!(answer.header("etag"), Some("\"r1\""));
    let share = answer.json();
    let id = share["id"].as_str().unwrap();
    assert!(id.starts_with("shr_"), "{share}");
    assert_eq!(
        (&share["has_password"], &share["download"], &share["items"], &share["state"]),
        (&json!(true), &json!(true), &json!(2), &json!("open"))
    );
    assert_eq!(share["expires_at"], "2030-01-31T22:59:59Z");
    assert_eq!(
        (&share["delivery"], &share["information"]),
        (&json!("standard"), &json!("minimum"))
    );
    assert!(!answer.body.contains("1234") && !answer.body.contains("argon2"), "{answer:?}");
    let one = format!("{PATH}/{id}");
    let get = async |what: &str| {
        stage.ask(&format!("GET {one}{what}"), &token).await.expect(200).json()["items"].clone()
    };
    let items = get("/items").await;
    assert_eq!(items[1]["content"], contents.picture.as_str());
    assert_eq!(items[1]["publication"], "unpublished");
    let recipients = get("/recipients").await;
    assert_eq!(
        (&recipients[0]["email"], &recipients[1]["email"]),
        (&json!("bob@example.com"), &Value::Null)
    );

    let patch = format!("PATCH {one}");
    let change =
        json!({"title": "Other", "password": null, "expires": {"by": "never"}, "terms": "T"});
    let now = stage.send(&patch, &token, &change).await.expect(200).json();
    assert_eq!((&now["title"], &now["has_password"]), (&json!("Other"), &json!(false)));
    assert_eq!((&now["expires_at"], &now["terms"]), (&Value::Null, &json!("T")));
    assert_eq!(now["download"], json!(true), "what is not said stays");
    let end = json!({"expires": {"by": "now"}});
    let ended = stage.send(&patch, &token, &end).await.expect(200).json();
    assert!(ended["expires_at"].is_string());
    let open = json!({"expires": {"by": "never"}});
    stage.send(&patch, &token, &open).await.expect(200);
    let now = stage.send(&patch, &token, &json!({"terms": null})).await.expect(200).json();
    assert_eq!((&now["terms"], &now["title"]), (&Value::Null, &json!("Other")));
    let bearer = format!("Authorization: Bearer {token}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&patch, &stale, "{}").await.expect(412);
    stage.call(&patch, &stale[..2], "{}").await.expect(428);
    for add in [json!({"contents": [contents.document.as_str()]}), json!({"folder": stage.folder})]
    {
        let refused = stage.send(&patch, &token, &add).await.expect(422).json();
        assert_eq!(refused["code"], "share_fixed");
    }
    stage.send(&format!("DELETE {one}/items/0"), &token, &json!({})).await.expect(204);
    stage.send(&format!("DELETE {one}/items/0"), &token, &json!({})).await.expect(404);
    let theirs = format!("PATCH {one}/recipients/2");
    let end = json!({"expires_at": "2030-01-31T00:00:00Z"});
    let moved = stage.send(&theirs, &token, &end).await.expect(200).json();
    assert_eq!((&moved["expires_at"], &moved["url"]), (&end["expires_at"], &recipients[1]["url"]));
    let same = stage.send(&theirs, &token, &json!({})).await.expect(200).json();
    assert_eq!(same["expires_at"], end["expires_at"]);
    for (wrong, status) in [
        (json!({"expires_at": "2001-01-01T00:00:00Z"}), 400),
        (json!({"expires_at": "soon"}), 400),
        (json!({"name": "Eva"}), 400),
    ] {
        stage.send(&theirs, &token, &wrong).await.expect(status);
    }
    stage.send(&format!("PATCH {one}/recipients/9"), &token, &end).await.expect(404);
    stage.send(&format!("DELETE {one}/recipients/2"), &token, &json!({})).await.expect(204);
    stage.send(&theirs, &token, &end).await.expect(400);
    assert_eq!(get("/items").await.as_array().unwrap().len(), 1);
    assert!(get("/recipients").await[1]["revoked_at"].is_string());
    let history = get("/history").await;
    let kinds: Vec<_> =
        history.as_array().unwrap().iter().map(|it| it["kind"].as_str().unwrap()).collect();
    let changed = "changed";
    let expected =
        ["revoked", changed, "item_removed", changed, changed, changed, changed, "created"];
    assert_eq!(kinds, expected);
    assert_eq!(history[1]["recipient"], 2);
    assert_eq!(history[6]["detail"]["password"], json!(["set", "none"]));
    assert_eq!(history[6]["detail"]["title"], json!(["Press kit", "Other"]));
    assert!(history[7]["actor"].as_str().unwrap().starts_with("app_"), "{history}");
    let first = stage.ask(&format!("GET {one}/history?limit=2"), &token).await.expect(200).json();
    let next = first["next_cursor"].as_str().unwrap();
    let rest = format!("GET {one}/history?limit=9&cursor={next}");
    let rest = stage.ask(&rest, &token).await.expect(200).json();
    assert_eq!(rest["items"].as_array().unwrap().len(), 6);

    let path = format!("/api/v1/tenants/1/contents/{}/shares", contents.picture);
    let in_it = stage.ask(&format!("GET {path}"), &token).await.expect(200).json();
    assert_eq!(in_it["items"][0]["id"], id);
    assert_eq!(in_it["items"][0]["created_at"], share["created_at"]);
    stage.send(&format!("DELETE {path}/{id}"), &token, &json!({})).await.expect(204);
    stage.send(&format!("DELETE {path}/{id}"), &token, &json!({})).await.expect(404);
    let in_it = stage.ask(&format!("GET {path}"), &token).await.expect(200).json();
    assert_eq!(in_it["items"], json!([]));

    let stale = [&*bearer, "If-Match: \"r1\""];
    stage.call(&format!("DELETE {one}"), &stale, "").await.expect(412);
    stage.send(&format!("DELETE {one}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {one}"), &token).await.expect(404);
    // The audit log tells of it, and of no key.
    let audit = stage.token(Some(1), "audit.read").await;
    let log = stage.ask("GET /api/v1/audit?limit=1000", &audit).await.expect(200);
    for action in
        ["create", "update", "item_remove", "recipient_update", "recipient_revoke", "remove"]
    {
        assert!(log.body.contains(&format!("share.{action}")), "{action}");
    }
    assert!(!log.body.contains("argon2") && !log.body.contains("bob@"), "{}", log.body);
}

/// C24, C28, G7.
async fn shares_are_found(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let new = made(&stage, &token, &of(&contents)).await;
    let mut folder = of(&contents);
    folder.as_object_mut().unwrap().remove("contents");
    folder["folder"] = json!(stage.folder);
    let mut flat = folder.clone();
    flat["with_below"] = json!(false);
    let folder = made(&stage, &token, &folder).await;
    assert_eq!((&folder["items"], &folder["folder"]), (&json!(3), &json!(stage.folder)));
    let flat = made(&stage, &token, &flat).await;
    assert_eq!(flat["items"], json!(2));
    let found = async |query: &str| {
        let list = stage.ask(&format!("GET {PATH}?{query}"), &token).await.expect(200).json();
        let ids = list["items"].as_array().unwrap().iter().map(|it| it["id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(found("").await.len(), 3);
    assert_eq!(found("all=1").await.len(), 3);
    assert_eq!(found("created_since=2030-01-02T00:00:00Z").await.len(), 0);
    assert_eq!(found("state=over").await.len(), 0);
    assert_eq!(found("state=open&limit=2").await.len(), 2);
    let of_picture = found(&format!("content={}", contents.picture)).await;
    assert!(of_picture.contains(&new["id"]) && of_picture.contains(&folder["id"]));
    assert_eq!(of_picture.len(), 2);
    let creator = new["creator"].as_str().unwrap();
    assert_eq!(found(&format!("creator={creator}")).await.len(), 3);
    assert_eq!(found("creator=app_none").await.len(), 0);
    let first = stage.ask(&format!("GET {PATH}?state=open&limit=2"), &token).await;
    let link = first.header("link").unwrap().to_owned();
    assert!(link.contains("state=open&limit=2&cursor="), "{link}");
    let next = first.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(found(&format!("state=open&cursor={next}")).await.len(), 1);
    for wrong in ["all=2", "state=none", "content=..", "created_since=x", "creator=%00"] {
        stage.ask(&format!("GET {PATH}?{wrong}"), &token).await.expect(400);
    }
}

/// C4, C6, C12, G6.
async fn what_is_no_share_says_why(stage: Stage) {
    let contents = contents(&stage).await;
    let token = stage.token(Some(1), "shares.write").await;
    let post = format!("POST {PATH}");
    let many: Vec<String> = (0..101).map(|at| format!("c{at}")).collect();
    for (changed, status, told) in [
        (json!({"contents": many}), 422, "share_too_large"),
        (json!({"folder": stage.folder}), 400, "/contents"),
        (json!({"contents": []}), 400, "/contents"),
        (json!({"contents": [".."]}), 400, "/contents"),
        (json!({"contents": ["none"]}), 404, "not_found"),
        (json!({"password": "123"}), 400, "/password"),
        (json!({"title": ""}), 400, "/title"),
        (json!({"expires": {"by": "end_of_day", "date": "2030-02-30"}}), 400, "/expires"),
        (json!({"expires": {"by": "instant", "at": "2029-01-01T00:00:00Z"}}), 400, "/expires_at"),
        (json!({"download_limit": 0}), 400, "invalid"),
        (json!({"unknown": 1}), 400, "invalid"),
    ] {
        let mut body = of(&contents);
        for (field, value) in changed.as_object().unwrap() {
            body[field] = value.clone();
        }
        let refused = stage.send(&post, &token, &body).await.expect(status).json();
        let pointer = refused["errors"][0]["pointer"].as_str();
        assert!(refused["code"] == told || pointer == Some(told), "{changed}: {refused}");
    }
    let (member, hers) = stage.member("ann", &["shares.write"]).await;
    let admin = stage.admin().await;
    let right = format!("PUT /api/v1/tenants/1/folders/{}/rights/{member}", stage.folder);
    stage.send(&right, &admin, &json!({"right": "SEE"})).await.expect(204);
    let refused = stage.send(&post, &hers, &of(&contents)).await.expect(403).json();
    assert_eq!(refused["code"], "share_forbidden");
    let named: Vec<_> =
        refused["errors"].as_array().unwrap().iter().map(|it| it["detail"].clone()).collect();
    assert_eq!(named, [json!(contents.film.as_str()), json!(contents.picture.as_str())]);
    let mut skipped = of(&contents);
    skipped["skip_forbidden"] = json!(true);
    stage.send(&post, &hers, &skipped).await.expect(400);
    stage.send(&right, &admin, &json!({"right": "SHARE"})).await.expect(204);
    // Asked again with the same key, it is the same share.
    let bearer = format!("Authorization: Bearer {hers}");
    let headers = [&*bearer, "Content-Type: application/json", "Idempotency-Key: one"];
    let body = of(&contents).to_string();
    let one = stage.call(&post, &headers, &body).await.expect(201).json();
    let again = stage.call(&post, &headers, &body).await.expect(201).json();
    assert_eq!(one["id"], again["id"]);
    let other = json!({"title": "x", "contents": [contents.film.as_str()]}).to_string();
    stage.call(&post, &headers, &other).await.expect(422);
}

/// An address is a key: who reads what happened gets none, and who shares a content none of another's.
async fn keys_are_for_those_who_may_share(stage: Stage) {
    let contents = contents(&stage).await;
    let mut asked = order(&contents.all(), draft());
    asked.expiry = ShareExpiry::Never;
    asked.password = Some(typed("1234"));
    let share = shared(&stage, asked).await;
    let address = share.address.expose();
    stage.services.share_unlock(address, typed("1234"), client("192.0.2.1")).await.unwrap();
    let reads = stage.token(Some(1), "audit.read").await;
    let id = &share.id;
    for path in ["", "/items", "/recipients", "/history"] {
        let line = format!("GET {PATH}/{id}{path}");
        let answer = stage.ask(&line, &reads).await.expect(200);
        assert!(!answer.body.contains(address), "{answer:?}");
    }
    let shown = stage.ask(&format!("GET {PATH}/{id}"), &reads).await.expect(200).json();
    assert_eq!(shown["url"], Value::Null);
    for line in [format!("PATCH {PATH}/{id}"), format!("DELETE {PATH}/{id}")] {
        stage.send(&line, &reads, &json!({})).await.expect(403);
    }
    let foreign = stage.services.share_remove(&system(), TenantId(2), id, Expected::Any).await;
    assert!(foreign.is_err());
    let other = format!("GET /api/v1/tenants/2/shares/{id}");
    stage.ask(&other, &stage.admin().await).await.expect(404);
}
