//! Folders, for those who have the scope and for those who have rights.

use serde_json::json;

use super::stage::{Stage, on_both_databases};
use crate::control_plane::record::FOLDER_DEPTH;

on_both_databases! {
    folders_are_a_tree
    a_folder_lies_so_deep_at_most
    a_member_has_what_they_were_given
    a_members_list_is_of_what_they_see
}

const PATH: &str = "/api/v1/tenants/1/folders";

async fn folders_are_a_tree(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let top = stage.folder;
    let post = format!("POST {PATH}");
    let made = stage.send(&post, &token, &json!({"parent": top, "name": "in it"})).await;
    let made = made.expect(201);
    assert_eq!(made.header("etag"), Some("\"r1\""));
    let made = made.json();
    assert_eq!((&made["parent"], &made["name"]), (&json!(top), &json!("in it")));
    let within = made["number"].as_u64().unwrap();
    for wrong in [
        json!({"parent": 99, "name": "x"}),
        json!({"name": ""}),
        json!({"name": " \u{2003}"}),
        json!({}),
    ] {
        let answer = stage.send(&post, &token, &wrong).await;
        assert!([400, 404].contains(&answer.status), "{wrong} {answer:?}");
    }
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);

    // A merge patch: what it does not name stays, and null is a value.
    let patch = format!("PATCH {PATH}/{within}");
    let now = stage.send(&patch, &token, &json!({"name": "renamed"})).await.expect(200).json();
    assert_eq!((&now["parent"], &now["name"]), (&json!(top), &json!("renamed")));
    let now = stage.send(&patch, &token, &json!({"parent": null})).await.expect(200).json();
    assert_eq!((&now["parent"], &now["name"]), (&json!(null), &json!("renamed")));
    let refused = stage.send(&patch, &token, &json!({"parent": within})).await.expect(400).json();
    assert_eq!(refused["errors"][0]["pointer"], "/parent");
    assert_eq!(refused["detail"], "must be neither the folder itself nor one that is in it");
    stage.send(&patch, &token, &json!({"parent": top})).await.expect(200);
    let bearer = format!("Authorization: Bearer {token}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&patch, &stale, "{}").await.expect(412);

    stage.send(&format!("DELETE {PATH}/{top}"), &token, &json!({})).await.expect(409);
    stage.send(&format!("DELETE {PATH}/{within}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {PATH}/{within}"), &token).await.expect(404);
    let foreign = format!("GET /api/v1/tenants/2/folders/{top}");
    stage.ask(&foreign, &stage.admin().await).await.expect(404);
}

async fn a_folder_lies_so_deep_at_most(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let post = format!("POST {PATH}");
    let mut parent = stage.folder;
    for _ in 1..FOLDER_DEPTH {
        let body = json!({"parent": parent, "name": "deeper"});
        let made = stage.send(&post, &token, &body).await.expect(201).json();
        parent = made["number"].as_u64().unwrap();
    }
    let body = json!({"parent": parent, "name": "too deep"});
    let refused = stage.send(&post, &token, &body).await.expect(400).json();
    assert_eq!(refused["errors"][0]["pointer"], "/parent");
    let said = format!("folders lie at most {FOLDER_DEPTH} in each other");
    assert!(refused["detail"].as_str().unwrap().contains(&said), "{refused}");
}

/// Requirement D14.
async fn a_member_has_what_they_were_given(stage: Stage) {
    let admin = stage.admin().await;
    let body = json!({
        "tenant": 1, "username": "ann", "role": "member", "password": "right horse",
        "scopes": ["catalog.read", "catalog.write"],
    });
    let made = stage.send("POST /api/v1/people", &admin, &body).await.expect(201).json();
    let id = made["id"].as_str().unwrap();
    let login = json!({"username": "ann", "password": "right horse"});
    let session = stage.send("POST /v1/vms/auth/login", "", &login).await.expect(200).json();
    let ann = session["accessToken"].as_str().unwrap();
    let top = stage.folder;
    let inside = json!({"parent": top, "name": "in it"});
    let post = format!("POST {PATH}");
    let one = format!("{PATH}/{top}");

    // Nothing at all, then each right.
    stage.ask(&format!("GET {one}"), ann).await.expect(404);
    let list = stage.ask(&format!("GET {PATH}"), ann).await.expect(200).json();
    assert_eq!(list["items"], json!([]));
    stage.send(&post, ann, &inside).await.expect(404);
    stage.send(&format!("DELETE {one}"), ann, &json!({})).await.expect(404);
    let put = format!("PUT {one}/rights/{id}");
    stage.send(&put, &admin, &json!({"right": "SEE"})).await.expect(204);
    stage.ask(&format!("GET {one}"), ann).await.expect(200);
    stage.send(&post, ann, &inside).await.expect(403);
    stage.send(&format!("PATCH {one}"), ann, &json!({"name": "mine"})).await.expect(403);
    stage.send(&put, &admin, &json!({"right": "MODIFY"})).await.expect(204);
    let made = stage.send(&post, ann, &inside).await.expect(201).json();
    let within = made["number"].as_u64().unwrap();
    // Rights are inherited; the top is no member's, neither to put into nor to take out of.
    stage.ask(&format!("GET {PATH}/{within}"), ann).await.expect(200);
    stage.send(&post, ann, &json!({"name": "at the top"})).await.expect(403);
    let patch = format!("PATCH {PATH}/{within}");
    stage.send(&patch, ann, &json!({"parent": null})).await.expect(403);
    stage.send(&patch, ann, &json!({"name": "renamed"})).await.expect(200);
}

/// However many there are that they do not: a page is of as many as were asked for.
async fn a_members_list_is_of_what_they_see(stage: Stage) {
    let admin = stage.admin().await;
    let (member, token) = stage.member("ann", &["catalog.read"]).await;
    let post = format!("POST {PATH}");
    let mut made = Vec::new();
    let make = async |parent: Option<usize>, made: &mut Vec<u64>| {
        let parent = parent.map(|at| made[at]);
        let body = json!({"parent": parent, "name": made.len().to_string()});
        let folder = stage.send(&post, &admin, &body).await.expect(201).json();
        made.push(folder["number"].as_u64().unwrap());
    };
    // Two trees of three, in the order in which they are made: the roots first.
    for parent in [None, None, Some(0), Some(1), Some(2), Some(3)] {
        make(parent, &mut made).await;
    }
    let give = async |at: usize, right: &str| {
        let put = format!("PUT {PATH}/{}/rights/{member}", made[at]);
        stage.send(&put, &admin, &json!({"right": right})).await.expect(204);
    };
    let pages = async || {
        let mut line = format!("GET {PATH}?limit=1");
        let mut seen = Vec::new();
        loop {
            let page = stage.ask(&line, &token).await.expect(200).json();
            let items = page["items"].as_array().unwrap();
            seen.extend(items.iter().map(|it| it["number"].as_u64().unwrap()));
            let Some(cursor) = page["next_cursor"].as_str() else { return seen };
            assert_eq!(items.len(), 1, "an empty page before the last");
            line = format!("GET {PATH}?limit=1&cursor={cursor}");
        }
    };
    assert!(pages().await.is_empty());
    give(3, "SHARE").await;
    assert_eq!(pages().await, [made[3], made[5]]);
    give(5, "SEE").await;
    give(0, "SEE").await;
    assert_eq!(pages().await, [made[0], made[2], made[3], made[4], made[5]]);
}
