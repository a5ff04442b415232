//! Pipelines: the operator's to make, the tenant's to see.

use serde_json::{Value, json};

use super::stage::{Stage, on_both_databases};

on_both_databases! {
    small_lists_come_in_pages
    pipelines_are_the_operators_to_make
    a_prefix_is_a_folder_of_the_origin
}

const PATH: &str = "/api/v1/tenants/1/pipelines";

async fn pipelines_are_the_operators_to_make(stage: Stage) {
    let admin = stage.admin().await;
    let own = stage.token(Some(1), "catalog.read catalog.write tenants.admin").await;
    let post = format!("POST {PATH}");
    let body = json!({"name": "films", "origin": "media", "prefix": "one/"});
    let refused = stage.send(&post, &own, &body).await.expect(403);
    assert_eq!(refused.json()["code"], "one_tenant_only");
    let made = stage.send(&post, &admin, &body).await.expect(201);
    assert_eq!(made.header("etag"), Some("\"r1\""));
    let made = made.json();
    let number = made["number"].as_u64().unwrap();
    assert_eq!((&made["origin"], &made["prefix"]), (&json!("media"), &json!("one/")));
    stage.send(&post, &admin, &body).await.expect(409);

    let one = format!("{PATH}/{number}");
    let seen = stage.ask(&format!("GET {one}"), &own).await.expect(200).json();
    assert_eq!(seen, made);
    let listed = stage.ask(&format!("GET {PATH}"), &own).await.expect(200).json();
    assert_eq!(listed["items"], json!([made]));
    // Another tenant's is not there, not even for whoever reaches both.
    for token in [&admin, &stage.token(Some(2), "catalog.read").await] {
        let foreign = format!("GET /api/v1/tenants/2/pipelines/{number}");
        stage.ask(&foreign, token).await.expect(404);
    }

    let patch = format!("PATCH {one}");
    stage.send(&patch, &own, &json!({"name": "x"})).await.expect(403);
    let now = stage.send(&patch, &admin, &json!({"name": "archive"})).await.expect(200);
    assert_eq!((now.header("etag"), &now.json()["name"]), (Some("\"r2\""), &json!("archive")));
    // What is registered does not move.
    stage.send(&patch, &admin, &json!({"prefix": "two/"})).await.expect(400);
    let bearer = format!("Authorization: Bearer {admin}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&patch, &stale, "{\"name\":\"x\"}").await.expect(412);
    stage.send(&format!("DELETE {one}"), &own, &json!({})).await.expect(403);
    stage.send(&format!("DELETE {one}"), &admin, &json!({})).await.expect(204);
    stage.ask(&format!("GET {one}"), &own).await.expect(404);
}

async fn a_prefix_is_a_folder_of_the_origin(stage: Stage) {
    let admin = stage.admin().await;
    let post = format!("POST {PATH}");
    for wrong in ["one", "/one/", "../", "one/../", "one//", "%2e%2e/", "a\\/"] {
        let body = json!({"name": "x", "origin": "media", "prefix": wrong});
        let refused = stage.send(&post, &admin, &body).await.expect(400);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/prefix", "{wrong}");
    }
    for wrong in [json!({"name": "x"}), json!({"name": "", "origin": "m"})] {
        stage.send(&post, &admin, &wrong).await.expect(400);
    }
    stage.send(&post, &admin, &json!({"name": "x", "origin": "media"})).await.expect(201);
}

/// Goes through a list two at a time; gives what names each item, and how many pages there were.
async fn paged(stage: &Stage, list: &str, token: &str, name: &str) -> (Vec<Value>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    let mut next = format!("{list}?limit=2");
    loop {
        let page = stage.ask(&format!("GET {next}"), token).await.expect(200).json();
        found.extend(page["items"].as_array().unwrap().iter().map(|it| it[name].clone()));
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(cursor) => next = format!("{list}?limit=2&cursor={cursor}"),
            None => return (found, pages),
        }
    }
}

async fn small_lists_come_in_pages(stage: Stage) {
    let admin = stage.admin().await;
    let sample = stage.catalog(1).await;
    let post = async |path: &str, body: Value| {
        stage.send(&format!("POST {path}"), &admin, &body).await.expect(201).json()
    };
    for number in 0..4 {
        let body = json!({"name": format!("p{number}"), "origin": "media"});
        post("/api/v1/tenants/1/pipelines", body).await;
        post("/api/v1/keys", json!({})).await;
    }
    let versions = format!("/api/v1/tenants/1/contents/{}/versions", sample.content);
    for label in ["b", "c", "d", "e"] {
        post(&versions, json!({"label": label})).await;
    }
    for name in ["a", "c", "b", "e", "d"] {
        let code = post("/api/v1/enrolment-codes", json!({"edge_name": name})).await;
        stage.enrol(code["code"].as_str().unwrap()).await.expect(201);
    }
    for (list, name) in [
        ("/api/v1/tenants/1/pipelines", "number"),
        ("/api/v1/keys", "id"),
        (&*versions, "number"),
        ("/api/v1/edges", "name"),
    ] {
        let whole = stage.ask(&format!("GET {list}"), &admin).await.expect(200).json();
        let whole: Vec<Value> =
            whole["items"].as_array().unwrap().iter().map(|it| it[name].clone()).collect();
        assert!(whole.len() >= 4, "{list}: {whole:?}");
        let pages = whole.len().div_ceil(2);
        assert_eq!(paged(&stage, list, &admin, name).await, (whole, pages), "{list}");
    }
    // The revision of the content goes with each page.
    let page = stage.ask(&format!("GET {versions}?limit=1"), &admin).await.expect(200);
    assert!(page.header("etag").is_some());
}
