//! Many contents at a time: what is wrong with one keeps none of the others out.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Answer, Stage, on_both_databases};
use crate::control_plane::caller::Caller;

on_both_databases! {
    a_bad_line_keeps_no_other_out
    what_only_the_database_knows_is_told_of_its_line
    hundreds_are_one_version_of_the_feed
    an_import_stops_where_it_is_hopeless
    what_came_before_the_end_is_kept
    a_member_imports_into_their_folders
}

const PATH: &str = "/api/v1/tenants/1/contents/import";

async fn import(stage: &Stage, token: &str, lines: &str) -> Answer {
    let bearer = format!("Authorization: Bearer {token}");
    let media_type = "Content-Type: application/x-ndjson";
    stage.call(&format!("POST {PATH}"), &[&bearer, media_type], lines).await
}

fn lines(values: &[Value]) -> String {
    values.iter().flat_map(|value| [value.to_string(), "\n".to_owned()]).collect()
}

fn refused(report: &Value) -> Vec<(u64, &str, &str)> {
    let refusals = report["refusals"].as_array().unwrap();
    refusals
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap();
            (it["line"].as_u64().unwrap(), text("code"), text("pointer"))
        })
        .collect()
}

async fn a_bad_line_keeps_no_other_out(stage: Stage) {
    let sample = stage.catalog(1).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let file = json!({"kind": "source", "pipeline": sample.pipeline, "key": "b.mp4", "size": 1});
    let escaping = json!({"kind": "source", "pipeline": sample.pipeline, "key": "../b", "size": 1});
    let mut text = lines(&[
        json!({"id": "one", "kind": "VIDEO", "folder": stage.folder, "files": [file]}),
        json!({"kind": "AUDIO"}),
        json!({"kind": "FILM"}),
        json!({"kind": "VIDEO", "files": [escaping]}),
    ]);
    text.push_str("\n{\"kind\": \"VIDEO\"\n[]\nnull\n{\"kind\":\"VIDEO\"} x\n");
    text += &lines(&[json!({"kind": "VIDEO", "tags": ["x".repeat(300_000)]})]);
    text.push_str("{\"id\":\"two\",\"kind\":\"IMAGE\"}");
    let answer = import(&stage, &token, &text).await.expect(200);
    let report = answer.json();
    assert_eq!((&report["lines"], &report["created"]), (&json!(11), &json!(3)), "{report}");
    assert_eq!((&report["known"], &report["stopped"]), (&json!(0), &Value::Null));
    assert_eq!(
        refused(&report),
        [
            (3, "invalid", "/kind"),
            (4, "invalid", "/files/0/key"),
            (6, "invalid", ""),
            (7, "invalid", ""),
            (8, "invalid", ""),
            (9, "invalid", ""),
            (10, "body_too_large", ""),
        ]
    );
    assert_eq!(report["refused"], 7);
    assert_eq!(report["made"].as_array().unwrap().len(), 1);
    assert_eq!(report["made"][0]["line"], 2);
    for id in ["one", "two", report["made"][0]["id"].as_str().unwrap()] {
        stage.ask(&format!("GET /api/v1/tenants/1/contents/{id}"), &token).await.expect(200);
    }
    let one = stage.ask("GET /api/v1/tenants/1/contents/one", &token).await.json();
    assert!(one["active_version"].is_string());

    // Once more: what has an id is there, and stays as it is.
    let again = lines(&[
        json!({"id": "one", "kind": "AUDIO"}),
        json!({"id": "three", "kind": "AUDIO"}),
        json!({"id": "three", "kind": "AUDIO"}),
    ]);
    let report = import(&stage, &token, &again).await.expect(200).json();
    assert_eq!((&report["created"], &report["known"]), (&json!(1), &json!(2)));
    let one = stage.ask("GET /api/v1/tenants/1/contents/one", &token).await.json();
    assert_eq!(one["kind"], "VIDEO");

    let bearer = format!("Authorization: Bearer {token}");
    let json_type = [&*bearer, "Content-Type: application/json"];
    stage.call(&format!("POST {PATH}"), &json_type, &again).await.expect(415);
    let report = import(&stage, &token, "").await.expect(200).json();
    assert_eq!(report["lines"], 0);
}

async fn what_only_the_database_knows_is_told_of_its_line(stage: Stage) {
    stage.catalog(1).await;
    let theirs = stage.catalog(2).await;
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let named = |pretty: &str| {
        json!({"kind": "VIDEO", "texts": [
            {"language": "en", "title": "x", "pretty_id": pretty}
        ]})
    };
    let file = |pipeline: u64| {
        json!({"kind": "VIDEO", "files": [
            {"kind": "source", "pipeline": pipeline, "key": "x", "size": 1}
        ]})
    };
    let good = json!({"kind": "VIDEO"});
    let report = import(
        &stage,
        &token,
        &lines(&[
            good.clone(),
            // A name that is taken, and one that is taken within the import.
            named("a-film"),
            named("other"),
            good.clone(),
            named("other"),
            json!({"kind": "VIDEO", "classifications": ["none"]}),
            json!({"kind": "VIDEO", "classifications": ["confidential"]}),
            json!({"kind": "VIDEO", "folder": 99}),
            // What is another tenant's: a pipeline, and an id.
            file(theirs.pipeline),
            json!({"id": theirs.content, "kind": "VIDEO"}),
            good,
        ]),
    )
    .await
    .expect(200)
    .json();
    assert_eq!(report["created"], 5, "{report}");
    assert_eq!(
        refused(&report),
        [
            (2, "conflict", ""),
            (5, "conflict", ""),
            (6, "referenced", ""),
            (8, "not_found", ""),
            (9, "referenced", ""),
            (10, "conflict", ""),
        ]
    );
    let untouched = format!("GET /api/v1/tenants/2/contents/{}", theirs.content);
    stage.ask(&untouched, &stage.admin().await).await.expect(200);
}

async fn hundreds_are_one_version_of_the_feed(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let version = async || {
        let mut view = stage.store.view(&Caller::system("test")).await.unwrap();
        view.feed_head().await.unwrap().version.0
    };
    let before = version().await;
    let all: Vec<_> =
        (0..1_200).map(|it| json!({"id": format!("c{it}"), "kind": "OTHER"})).collect();
    let report = import(&stage, &token, &lines(&all)).await.expect(200).json();
    assert_eq!(report["created"], 1_200);
    assert_eq!(version().await - before, 3);
    let report = import(&stage, &token, &lines(&all)).await.expect(200).json();
    assert_eq!((&report["created"], &report["known"]), (&json!(0), &json!(1_200)));
    assert_eq!(version().await - before, 3);
}

async fn an_import_stops_where_it_is_hopeless(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let mut all = vec![json!({"id": "first", "kind": "VIDEO"})];
    all.extend((0..1_500).map(|_| json!({"kind": "FILM"})));
    let report = import(&stage, &token, &lines(&all)).await.expect(200).json();
    assert_eq!((&report["created"], &report["refused"]), (&json!(1), &json!(1_000)));
    assert_eq!(report["stopped"]["code"], "too_many_refusals");
    assert_eq!(report["stopped"]["line"], 1_002);
}

/// A client that goes away in the middle of a line.
async fn what_came_before_the_end_is_kept(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read catalog.write").await;
    let mut stream = TcpStream::connect(stage.address).await.unwrap();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: c\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n\
         1e\r\n{{\"id\":\"whole\",\"kind\":\"VIDEO\"}}\n{{\r\nff\r\n\"id\":\"half"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.contains("\"created\":1"), "{answer}");
    assert!(answer.contains("the body was broken off"), "{answer}");
    stage.ask("GET /api/v1/tenants/1/contents/whole", &token).await.expect(200);
    stage.ask("GET /api/v1/tenants/1/contents/half", &token).await.expect(404);
}

async fn a_member_imports_into_their_folders(stage: Stage) {
    let sample = stage.catalog(1).await;
    let (id, ann) = stage.member("ann", &["catalog.read", "catalog.write"]).await;
    let right = format!("PUT /api/v1/tenants/1/folders/{}/rights/{id}", stage.folder);
    let admin = stage.admin().await;
    stage.send(&right, &admin, &json!({"right": "MODIFY"})).await.expect(204);
    let file = json!({"kind": "source", "pipeline": sample.pipeline, "key": "x", "size": 1});
    let report = import(
        &stage,
        &ann,
        &lines(&[
            json!({"kind": "VIDEO"}),
            json!({"kind": "VIDEO", "folder": stage.folder}),
            json!({"kind": "VIDEO", "folder": stage.folder, "files": [file]}),
            json!({"kind": "VIDEO", "folder": stage.folder, "classifications": ["confidential"]}),
        ]),
    )
    .await
    .expect(200)
    .json();
    assert_eq!(report["created"], 1);
    let refusals = refused(&report);
    assert_eq!(refusals.iter().map(|it| it.0).collect::<Vec<_>>(), [1, 3, 4]);
    assert!(refusals.iter().all(|it| it.1 == "scope_missing"), "{refusals:?}");
}
