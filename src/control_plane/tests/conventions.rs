//! What holds for every answer: ids, headers, pages, keys, documents; and the small nouns.

use serde_json::{Value, json};

use super::stage::{Stage, on_both_databases};

on_both_databases! {
    answers_have_what_every_answer_has
    a_post_with_a_key_is_done_once
    an_answer_is_told_again_to_who_may_still_ask
    tenants_come_in_pages
    links_are_revoked
    networks_are_blocked
    the_log_is_exported
    documents_are_served
}

async fn answers_have_what_every_answer_has(stage: Stage) {
    let answer = stage.call("GET /nowhere", &["X-Request-Id: abc-1"], "").await.expect(404);
    assert_eq!(answer.header("x-request-id"), Some("abc-1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        answer.json(),
        json!({
            "type": "urn:countersign:problem:not_found", "title": "There is nothing here",
            "status": 404, "detail": "There is nothing here", "instance": "/nowhere",
            "code": "not_found", "request_id": "abc-1",
        })
    );
    // What could not be logged as it is gets another id.
    let answer = stage.call("GET /nowhere", &["X-Request-Id: a b"], "").await.expect(404);
    assert_eq!(answer.header("x-request-id").map(str::len), Some(32));
    let trace = |text: &str| format!("Traceparent: {text}");
    let (id, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    for (text, is_one) in [
        (format!("00-{id}-{span}-01"), true),
        (format!("00-{id}-{span}-ff"), true),
        (format!("cc-{id}-{span}-01-what-comes-later"), true),
        (format!("00-{id}-{span}-01-x"), false),
        (format!("ff-{id}-{span}-01"), false),
        (format!("00-{}-{span}-01", "0".repeat(32)), false),
        (format!("00-{id}-{}-01", "0".repeat(16)), false),
        (format!("00-{}-{span}-01", id.to_uppercase()), false),
        ("00".to_owned(), false),
    ] {
        let answer = stage.call("GET /nowhere", &[&trace(&text)], "").await.expect(404);
        assert_eq!(answer.header("traceparent"), is_one.then_some(&*text), "{text}");
    }
    let one = trace(&format!("00-{id}-{span}-01"));
    let answer = stage.call("GET /nowhere", &[&one, &one], "").await.expect(404);
    assert_eq!(answer.header("traceparent"), None);
    let answer = stage.call("PUT /api/v1/tenants", &[], "").await.expect(405);
    assert!(answer.header("allow").unwrap().contains("POST"));
    assert_eq!(answer.json()["code"], "method_not_allowed");
    for token in ["", "x", "csa_AAAA"] {
        let answer = stage.ask("GET /api/v1/tenants", token).await.expect(401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"countersign\""));
    }
    let token = stage.admin().await;
    let bearer = format!("Authorization: Bearer {token}");
    stage.call("GET /api/v1/tenants", &[&bearer, &bearer], "").await.expect(401);
    // No credentials in addresses.
    stage.call(&format!("GET /api/v1/tenants?access_token={token}"), &[], "").await.expect(401);
}

async fn a_post_with_a_key_is_done_once(stage: Stage) {
    let admin = stage.admin().await;
    let bearer = format!("Authorization: Bearer {admin}");
    let headers = [&*bearer, "Content-Type: application/json", "Idempotency-Key: k1"];
    let body = json!({"tenant": 1, "name": "x", "scopes": []}).to_string();
    let post = "POST /api/v1/applications";
    let first = stage.call(post, &headers, &body).await.expect(201);
    let again = stage.call(post, &headers, &body).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.header("etag"), first.header("etag"));
    let mut expected = first.json();
    assert!(expected["client_secret"].is_string());
    expected["client_secret"] = Value::Null;
    assert_eq!(again.json(), expected, "a repetition shows the secret, or something else");

    let other = json!({"tenant": 1, "name": "y", "scopes": []}).to_string();
    let refused = stage.call(post, &headers, &other).await.expect(422);
    assert_eq!(refused.json()["code"], "idempotency_mismatch");
    // What was refused gives its key back; another caller's keys are their own.
    let wrong = [&*bearer, "Content-Type: application/json", "Idempotency-Key: k2"];
    stage.call(post, &wrong, "{}").await.expect(400);
    stage.call(post, &wrong, &body).await.expect(201);
    let stranger = format!("Authorization: Bearer {}", stage.admin().await);
    let theirs = [&*stranger, "Content-Type: application/json", "Idempotency-Key: k1"];
    let made = stage.call(post, &theirs, &other).await.expect(201);
    assert_eq!(made.header("idempotency-replayed"), None);
    let nobody = ["Content-Type: application/json", "Idempotency-Key: k1"];
    stage.call(post, &nobody, &body).await.expect(401);
}

async fn an_answer_is_told_again_to_who_may_still_ask(stage: Stage) {
    let admin = stage.admin().await;
    let draft = json!({"tenant": 1, "name": "x", "scopes": ["catalog.read", "catalog.write"]});
    let made = stage.send("POST /api/v1/applications", &admin, &draft).await.expect(201).json();
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("id"), text("client_secret"));
    let token = async |scope: &str| {
        let form = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}"
        );
        let got = stage.form("/v1/oauth2/token", &[], &form).await.expect(200).json();
        got["access_token"].as_str().unwrap().to_owned()
    };
    let post = async |token: String| {
        let bearer = format!("Authorization: Bearer {token}");
        let headers = [&*bearer, "Content-Type: application/json", "Idempotency-Key: k"];
        let body = json!({"kind": "VIDEO"}).to_string();
        stage.call("POST /api/v1/tenants/1/contents", &headers, &body).await
    };
    let made = post(token("catalog.read+catalog.write").await).await.expect(201).json();
    let less = post(token("catalog.read").await).await.expect(403);
    assert_eq!(less.json()["code"], "scope_missing");
    let again = post(token("catalog.write+catalog.read").await).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.json(), made);
}

async fn tenants_come_in_pages(stage: Stage) {
    let admin = stage.admin().await;
    for number in 3..=5_u64 {
        let body = json!({"number": number, "name": format!("tenant-{number}")});
        let made = stage.send("POST /api/v1/tenants", &admin, &body).await.expect(201);
        assert_eq!(made.header("etag"), Some("\"r1\""));
        assert_eq!(made.json()["created_at"], "2030-01-01T00:00:00Z");
        stage.send("POST /api/v1/tenants", &admin, &body).await.expect(409);
    }
    let mut seen = Vec::new();
    let mut line = "GET /api/v1/tenants?limit=2".to_owned();
    loop {
        let page = stage.ask(&line, &admin).await.expect(200).json();
        seen.extend(
            page["items"].as_array().unwrap().iter().map(|it| it["number"].as_u64().unwrap()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        line = format!("GET /api/v1/tenants?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    for query in ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor="] {
        stage.ask(&format!("GET /api/v1/tenants?{query}"), &admin).await.expect(400);
    }
    let own = stage.token(Some(2), "tenants.admin").await;
    let page = stage.ask("GET /api/v1/tenants", &own).await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let body = json!({"number": 9, "name": "mine"});
    stage.send("POST /api/v1/tenants", &own, &body).await.expect(404);

    let one = "/api/v1/tenants/3";
    let bearer = format!("Authorization: Bearer {admin}");
    let media_type = "Content-Type: application/merge-patch+json";
    let patch = format!("PATCH {one}");
    let name = json!({"name": "renamed"}).to_string();
    stage.call(&patch, &[&bearer, media_type], &name).await.expect(428);
    let stale = [&*bearer, media_type, "If-Match: \"r9\""];
    stage.call(&patch, &stale, &name).await.expect(412);
    let fresh = [&*bearer, media_type, "If-Match: \"r1\""];
    let made = stage.call(&patch, &fresh, &name).await.expect(200);
    assert_eq!((made.header("etag"), &made.json()["name"]), (Some("\"r2\""), &json!("renamed")));
    for wrong in ["7", "a/b", ""] {
        stage.send(&patch, &admin, &json!({"name": wrong})).await.expect(400);
    }
    stage.call(&format!("DELETE {one}"), &[&bearer], "").await.expect(428);
    stage.send(&format!("DELETE {one}"), &admin, &json!({})).await.expect(204);
    stage.ask(&format!("GET {one}"), &admin).await.expect(404);
    stage.send("DELETE /api/v1/tenants/1", &admin, &json!({})).await.expect(409);
}

async fn links_are_revoked(stage: Stage) {
    let token = stage.token(Some(1), "links.revoke").await;
    let path = "/api/v1/tenants/1/revocations";
    for (links, status) in [
        (json!({"by": "link", "subject": "lnk_1"}), 201),
        (json!({"by": "asset", "subject": "/private/videos/a/source"}), 201),
        (json!({"by": "asset", "subject": "videos/a"}), 400),
        (json!({"by": "key", "subject": "2026-11"}), 201),
        (json!({"by": "tenant_epoch", "subject": 3}), 201),
        (json!({"by": "tenant_epoch", "subject": "3"}), 400),
        (json!({"by": "weather", "subject": "x"}), 400),
        (json!({"by": "link", "subject": ""}), 400),
    ] {
        let body = json!({"links": links, "reason": "leaked"});
        let answer = stage.send(&format!("POST {path}"), &token, &body).await.expect(status);
        if status == 201 {
            assert_eq!(answer.json()["links"], links);
            assert_eq!(answer.header("etag"), Some("\"r1\""));
        }
    }
    let listed = stage.ask(&format!("GET {path}"), &token).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    let id = listed["items"][0]["id"].as_str().unwrap();
    let stranger = stage.token(Some(2), "links.revoke").await;
    for path in ["/api/v1/tenants/1/revocations", "/api/v1/tenants/2/revocations"] {
        stage.send(&format!("DELETE {path}/{id}"), &stranger, &json!({})).await.expect(404);
    }
    let admin = stage.admin().await;
    let foreign = format!("DELETE /api/v1/tenants/2/revocations/{id}");
    stage.send(&foreign, &admin, &json!({})).await.expect(404);
    is_removed_by_its_only_revision(&stage, &format!("DELETE {path}/{id}"), &token).await;
    stage.send(&format!("DELETE {path}/{id}"), &token, &json!({})).await.expect(404);
}

async fn networks_are_blocked(stage: Stage) {
    let admin = stage.admin().await;
    let path = "/api/v1/blocklist";
    for (network, status) in [
        ("192.0.2.7/24", 201),
        ("192.0.2.0/24", 409),
        ("2001:db8::/32", 201),
        ("0.0.0.0/0", 400),
        ("127.0.0.0/8", 400),
        ("somewhere", 400),
    ] {
        let body = json!({"network": network, "reason": "scraper"});
        let answer = stage.send(&format!("POST {path}"), &admin, &body).await.expect(status);
        if status == 400 {
            assert_eq!(answer.json()["errors"][0]["pointer"], "/network", "{network}");
        }
    }
    let listed = stage.ask(&format!("GET {path}"), &admin).await.expect(200).json();
    assert_eq!(listed["items"][0]["kind"], "everything");
    let networks: Vec<_> =
        listed["items"].as_array().unwrap().iter().map(|it| it["network"].clone()).collect();
    assert_eq!(networks.len(), 2);
    assert!(networks.contains(&json!("192.0.2.0/24")), "host bits are cleared: {networks:?}");
    let body = json!({"network": "203.0.113.0/24", "kind": "pirate"});
    let pirate = stage.send(&format!("POST {path}"), &admin, &body).await.expect(201);
    assert_eq!(pirate.header("etag"), Some("\"r1\""));
    assert_eq!(pirate.json()["kind"], "pirate");
    // It is nobody's: who is bound to a tenant neither sees nor changes it.
    let bound = stage.token(Some(1), "links.revoke").await;
    stage.ask(&format!("GET {path}"), &bound).await.expect(404);
    let body = json!({"network": "198.51.100.1"});
    stage.send(&format!("POST {path}"), &bound, &body).await.expect(404);
    let id = listed["items"][0]["id"].as_str().unwrap();
    stage.send(&format!("DELETE {path}/{id}"), &bound, &json!({})).await.expect(404);
    is_removed_by_its_only_revision(&stage, &format!("DELETE {path}/{id}"), &admin).await;
}

/// What is never changed has one revision, and whoever removes it says which.
async fn is_removed_by_its_only_revision(stage: &Stage, delete: &str, token: &str) {
    let bearer = format!("Authorization: Bearer {token}");
    stage.ask(delete, token).await.expect(428);
    stage.call(delete, &[&bearer, "If-Match: \"r2\""], "").await.expect(412);
    stage.call(delete, &[&bearer, "If-Match: \"r1\""], "").await.expect(204);
}

async fn the_log_is_exported(stage: Stage) {
    let admin = stage.admin().await;
    for tenant in [1, 2] {
        let line = format!("POST /v1/vms/{tenant}/security-override");
        stage.ask(&line, &admin).await.expect(200);
    }
    let own = stage.token(Some(1), "audit.read").await;
    let exported = stage.ask("GET /api/v1/audit/export", &own).await.expect(200);
    assert_eq!(exported.header("content-type"), Some("application/x-ndjson"));
    let events: Vec<Value> =
        exported.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().all(|event| event["tenant"] == 1), "{events:?}");
    let set = events.iter().find(|event| event["action"] == "override.set").unwrap();
    assert!(set["actor"].as_str().unwrap().starts_with("app_"));
    assert!(set["credential"].as_str().unwrap().starts_with("tok_"));
    assert_eq!(set["address"], "127.0.0.1");
    let everything = stage.ask("GET /api/v1/audit/export", &admin).await.expect(200);
    assert!(everything.body.lines().count() > events.len());
    let after = "GET /api/v1/audit/export?after=2";
    let rest = stage.ask(after, &admin).await.expect(200);
    assert_eq!(rest.body.lines().count() + 2, everything.body.lines().count());
    stage.ask("GET /api/v1/audit/export?after=99999999999999999999", &admin).await.expect(400);
    let page = stage.ask("GET /api/v1/audit?limit=1", &own).await.expect(200).json();
    assert_eq!(page["items"][0]["at"], "2030-01-01T00:00:00Z");
}

async fn documents_are_served(stage: Stage) {
    for (path, title) in [
        ("/openapi.json", "Countersign"),
        ("/openapi/vmpro.json", "Countersign: the vmpro dialect"),
        ("/openapi/mediahub.json", "Countersign: the MediaHub dialect"),
        ("/openapi/thron.json", "Countersign: the THRON dialect"),
    ] {
        let document = stage.call(&format!("GET {path}"), &[], "").await.expect(200).json();
        assert_eq!(document["openapi"].as_str().map(|it| it.starts_with("3.1")), Some(true));
        assert_eq!(document["info"]["title"], title);
        // Every schema that is named is there.
        let text = document.to_string();
        for named in text.split("#/components/schemas/").skip(1) {
            let name = named.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{path} names {name}");
        }
    }
    let page = stage.call("GET /docs", &[], "").await.expect(200);
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
    assert!(!page.body.contains("//"), "the page is not whole without a network");
    for part in ["/docs/page.js", "/docs/page.css"] {
        let part = stage.call(&format!("GET {part}"), &[], "").await.expect(200);
        assert!(!part.body.contains("http"), "{part:?}");
    }
}
