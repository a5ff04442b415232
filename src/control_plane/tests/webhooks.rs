//! Webhooks by the API: what they are, who may make them, and what they are told.

use serde_json::{Value, json};

use super::share_scene::{
    access, changed, contents, draft, limited, order, revision, shared, system, typed,
};
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::record::{FileKind, RecipientDraft, ShareDraft};
use crate::control_plane::service::{Expected, ShareOrder};

on_both_databases! {
    a_webhook_is_made_changed_and_removed
    an_address_that_leads_inside_is_refused
    a_secret_is_seen_once_and_has_a_successor
    there_are_not_more_than_twenty
    what_happens_to_a_share_is_told_without_what_opens_it
    what_is_revoked_and_what_is_public_is_told
    a_message_is_shown_and_delivered_again
}

const PATH: &str = "/api/v1/tenants/1/webhooks";

async fn made(stage: &Stage, token: &str, body: &Value) -> Value {
    stage.send(&format!("POST {PATH}"), token, body).await.expect(201).json()
}

pub(super) async fn hook(stage: &Stage, token: &str) -> String {
    let made = made(stage, token, &json!({"url": "https://example.com/"})).await;
    made["id"].as_str().unwrap().to_owned()
}

/// Every message to a webhook, the first first: what it tells.
pub(super) async fn told(stage: &Stage, token: &str, hook: &str) -> Vec<Value> {
    let path = format!("{PATH}/{hook}/messages");
    let list = stage.ask(&format!("GET {path}?limit=1000"), token).await.expect(200).json();
    let mut told = Vec::new();
    for item in list["items"].as_array().unwrap().iter().rev() {
        let id = item["id"].as_str().unwrap();
        let whole = stage.ask(&format!("GET {path}/{id}"), token).await.expect(200).json();
        assert_eq!(whole["state"], "pending");
        let body: Value = serde_json::from_str(whole["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["type"], item["type"]);
        told.push(body);
    }
    // Those of one second have no order.
    told.sort_by_key(|body| body["type"].as_str().unwrap().to_owned());
    told
}

async fn a_webhook_is_made_changed_and_removed(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let body = json!({
        "url": "https://Example.com/hooks?a=b", "events": ["share.viewed", "share.created"],
        "description": "the archive",
    });
    let answer = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(201);
    assert_eq!(answer.header("etag"), Some("\"r1\""));
    let made = answer.json();
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("whk_"), "{id}");
    assert_eq!(made["url"], "https://example.com/hooks?a=b");
    assert_eq!(made["events"], json!(["share.created", "share.viewed"]));
    assert_eq!((&made["enabled"], &made["stopped"]), (&json!(true), &Value::Null));

    let patch = format!("PATCH {PATH}/{id}");
    let now = stage.send(&patch, &token, &json!({"enabled": false})).await.expect(200).json();
    assert_eq!((&now["enabled"], &now["description"]), (&json!(false), &json!("the archive")));
    let now = stage.send(&patch, &token, &json!({"events": null})).await.expect(200).json();
    assert_eq!((&now["enabled"], &now["events"]), (&json!(false), &Value::Null));
    for line in ["test", "redeliver"] {
        let body =
            if line == "test" { json!({}) } else { json!({"since": "2030-01-01T00:00:00Z"}) };
        stage.send(&format!("POST {PATH}/{id}/{line}"), &token, &body).await.expect(400);
    }
    for (wrong, pointer) in [
        (json!({"events": []}), "/events"),
        (json!({"events": ["share.exploded"]}), "/events/0"),
        (json!({"description": "x".repeat(513)}), "/description"),
        (json!({"url": "http://example.com/"}), "/url"),
    ] {
        let refused = stage.send(&patch, &token, &wrong).await.expect(400).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let bearer = format!("Authorization: Bearer {token}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&patch, &stale, "{}").await.expect(412);
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(list["items"][0]["id"], id);
    assert_eq!(list["items"][0]["secret"], Value::Null);
    stage
        .ask(&format!("GET /api/v1/tenants/2/webhooks/{id}"), &stage.admin().await)
        .await
        .expect(404);
    stage.send(&format!("DELETE {PATH}/{id}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {PATH}/{id}"), &token).await.expect(404);
}

async fn an_address_that_leads_inside_is_refused(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://localhost/",
        "https://example.com:25/",
        "https://ann:secret@example.com/",
        "ftp://example.com/",
        "example.com",
        "",
    ] {
        let refused = stage.send(&format!("POST {PATH}"), &token, &json!({"url": url})).await;
        let refused = refused.expect(400).json();
        assert_eq!(refused["errors"][0]["pointer"], "/url", "{url}: {refused}");
    }
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(list["items"], json!([]));
}

async fn a_secret_is_seen_once_and_has_a_successor(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let bearer = format!("Authorization: Bearer {token}");
    let once = [&*bearer, "Content-Type: application/json", "Idempotency-Key: k"];
    let body = json!({"url": "https://example.com/"}).to_string();
    let first = stage.call(&format!("POST {PATH}"), &once, &body).await.expect(201).json();
    let secret = first["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let again = stage.call(&format!("POST {PATH}"), &once, &body).await.expect(201).json();
    assert_eq!((&again["id"], &again["secret"]), (&first["id"], &Value::Null));
    let id = first["id"].as_str().unwrap();
    let rotate = format!("POST {PATH}/{id}/secrets");
    let next = stage.send(&rotate, &token, &json!({})).await.expect(201).json();
    assert_ne!(next["secret"], first["secret"]);
    assert_eq!(next["previous_expires_at"], "2030-01-02T00:00:00Z");
    stage.send(&rotate, &token, &json!({})).await.expect(201);
    let mut view = stage.store.view(&system()).await.unwrap();
    assert_eq!(view.webhook_secret_list_sealed().await.unwrap().len(), 2, "the first is over");
}

async fn there_are_not_more_than_twenty(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    for _ in 0..20 {
        hook(&stage, &token).await;
    }
    let body = json!({"url": "https://example.com/"});
    let refused = stage.send(&format!("POST {PATH}"), &token, &body).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("at most 20"), "{refused}");
    let other = stage.token(Some(2), "settings.admin").await;
    stage.send("POST /api/v1/tenants/2/webhooks", &other, &body).await.expect(201);
}

async fn what_happens_to_a_share_is_told_without_what_opens_it(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let hook = hook(&stage, &token).await;
    let all = contents(&stage).await;
    let recipient = |name: &str| RecipientDraft {
        name: name.into(),
        email: Some("eve@example.com".into()),
        expires_at: None,
    };
    let ordered = ShareOrder {
        password: Some(typed("mellow yellow")),
        recipients: vec![recipient("Eve Example")],
        ..order(&all.all(), limited(3))
    };
    let share = shared(&stage, ordered).await;
    let services = &stage.services;
    let address = share.address.expose();
    services.share_unlock(address, typed("wrong one"), None).await.unwrap_err();
    services.share_unlock(address, typed("mellow yellow"), None).await.unwrap();
    let open = shared(&stage, order(std::slice::from_ref(&all.film), draft())).await;
    let visit = access(&stage, &open).await.unwrap();
    let film = super::share_scene::file_of(&stage, &all.film, FileKind::Format).await;
    services.share_ticket(&visit, 0, film, None).await.unwrap();
    let terms = ShareDraft { title: "Another title".into(), ..draft() };
    let open = changed(&stage, &open, NOW, revision(terms)).await;
    let tenant = TenantId(1);
    services.share_item_remove(&system(), tenant, &share.id, 1).await.unwrap();
    services.share_recipient_revoke(&system(), tenant, &share.id, 1).await.unwrap();
    services.share_remove(&system(), tenant, &open.id, Expected::Any).await.unwrap();

    let told = told(&stage, &token, &hook).await;
    let types: Vec<_> = told.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "share.created",
            "share.created",
            "share.deleted",
            "share.download.started",
            "share.item_removed",
            "share.password_failed",
            "share.revoked",
            "share.updated",
            "share.viewed",
        ]
    );
    let data = |kind: &str| &told.iter().find(|it| it["type"] == kind).unwrap()["data"];
    assert_eq!(told[0]["timestamp"], "2030-01-01T00:00:00Z");
    let begun = data("share.download.started");
    assert_eq!((&begun["share"], &begun["download"]), (&json!(open.id.as_str()), &json!(1)));
    assert_eq!((&begun["content"], &begun["item"]), (&json!(all.film.as_str()), &json!(0)));
    assert_eq!(data("share.updated")["changed"], json!(["title"]));
    assert_eq!(data("share.revoked")["recipient"], 1);
    assert_eq!(data("share.deleted")["actor"], "system:test");
    let everything = format!("{told:?}");
    for hidden in [
        address,
        open.address.expose(),
        "mellow",
        "wrong one",
        "argon2",
        "Press kit",
        "Another title",
        "Eve",
        "example.com",
    ] {
        assert!(!everything.contains(hidden), "{hidden}: {everything}");
    }
}

async fn what_is_revoked_and_what_is_public_is_told(stage: Stage) {
    let admin = stage.admin().await;
    let hook = hook(&stage, &admin).await;
    let body = json!({"links": {"by": "link", "subject": "lnk_1"}, "reason": "a person's words"});
    let revoke = "POST /api/v1/tenants/1/revocations";
    stage.send(revoke, &admin, &body).await.expect(201);
    let body = json!({"links": {"by": "tag", "subject": "a person's tag"}});
    stage.send(revoke, &admin, &body).await.expect(201);
    let open = "POST /v1/vms/1/videos/-abc/security-override";
    stage.send(open, &admin, &json!({"assetTypes": ["SUBTITLE"]})).await.expect(200);
    let told = told(&stage, &admin, &hook).await;
    assert_eq!(told.len(), 3, "{told:?}");
    let revoked: Vec<_> = told.iter().filter(|it| it["type"] == "link.revoked").collect();
    let links: Vec<_> = revoked.iter().map(|it| (&it["data"]["by"], &it["data"]["link"])).collect();
    assert!(links.contains(&(&json!("link"), &json!("lnk_1"))), "{links:?}");
    assert!(links.contains(&(&json!("tag"), &Value::Null)), "{links:?}");
    assert_eq!(told[2]["type"], "override.changed");
    assert_eq!(told[2]["data"]["revision"], 1);
    assert!(!format!("{told:?}").contains("a person"), "{told:?}");
}

async fn a_message_is_shown_and_delivered_again(stage: Stage) {
    let token = stage.token(Some(1), "settings.admin").await;
    let narrow = json!({"url": "https://example.com/", "events": ["share.created"]});
    let hook = made(&stage, &token, &narrow).await["id"].as_str().unwrap().to_owned();
    let told = stage.send(&format!("POST {PATH}/{hook}/test"), &token, &json!({})).await;
    let told = told.expect(202).json();
    assert_eq!((&told["type"], &told["state"]), (&json!("webhook.test"), &json!("pending")));
    let id = told["id"].as_str().unwrap();
    let path = format!("{PATH}/{hook}/messages");
    let whole = stage.ask(&format!("GET {path}/{id}"), &token).await.expect(200).json();
    assert_eq!((&whole["attempts"], &whole["log"]), (&json!(0), &json!([])));
    assert_eq!(whole["next_attempt_at"], "2030-01-01T00:00:00Z");
    let of = async |state: &str| {
        let list = stage.ask(&format!("GET {path}?state={state}"), &token).await.expect(200).json();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!((of("pending").await, of("dead").await), (1, 0));
    stage.ask(&format!("GET {path}?state=lost"), &token).await.expect(400);
    let again = format!("POST {path}/{id}/redeliver");
    let again = stage.send(&again, &token, &json!({})).await.expect(202).json();
    assert_eq!(again["id"], id);
    let since = json!({"since": "2029-12-31T00:00:00Z"});
    let again = stage.send(&format!("POST {PATH}/{hook}/redeliver"), &token, &since).await;
    assert_eq!(again.expect(202).json(), json!({"messages": 0}));
    let other = stage.token(Some(2), "settings.admin").await;
    let foreign = format!("GET /api/v1/tenants/2/webhooks/{hook}/messages/{id}");
    stage.ask(&foreign, &other).await.expect(404);
    let nobodys = format!("GET {path}/msg_{}", "0".repeat(26));
    stage.ask(&nobodys, &token).await.expect(404);
}
