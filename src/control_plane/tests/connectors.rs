//! Connectors: what they are, who may make them, and what they say they will give.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::{ChannelId, TenantId};
use crate::control_plane::caller::Caller;
use crate::control_plane::record::{
    ConnectorId, ContentDraft, ContentId, ContentImport, ContentKind, Metadata, Publication,
};

on_both_databases! {
    a_connector_is_made_changed_and_removed
    whoever_makes_one_may_share_the_folder
    there_are_not_more_than_a_thousand
    a_preview_says_what_would_become_public
    the_table_says_what_each_address_gives
    names_of_several_are_reported
    names_of_very_many_hide_no_others
    a_name_that_no_address_holds_is_no_edges_to_keep
    the_table_is_a_spreadsheet
}

const PATH: &str = "/api/v1/tenants/1/connectors";

pub(super) fn body(stage: &Stage, addressed_by: &Value) -> Value {
    json!({"name": "Press", "folder": stage.folder, "addressed_by": addressed_by})
}

pub(super) async fn connector(stage: &Stage, admin: &str, body: &Value) -> String {
    let made = stage.send(&format!("POST {PATH}"), admin, body).await.expect(201).json();
    made["id"].as_str().unwrap().to_owned()
}

/// Contents of the stage's folder, each with what is said of it; their ids.
pub(super) async fn contents(stage: &Stage, admin: &str, said: &[Value]) -> Vec<String> {
    let body = json!({"name": "p", "origin": "media"});
    let made = stage.send("POST /api/v1/tenants/1/pipelines", admin, &body).await.expect(201);
    let pipeline = made.json()["number"].clone();
    let mut ids = Vec::new();
    for (at, said) in said.iter().enumerate() {
        let mut body = json!({
            "kind": "VIDEO", "folder": stage.folder, "publication": "published",
            "files": [{"kind": "source", "pipeline": pipeline, "key": at.to_string(), "size": 7}],
        });
        for (field, value) in said.as_object().unwrap() {
            body[field] = value.clone();
        }
        let made = stage.send("POST /api/v1/tenants/1/contents", admin, &body).await.expect(201);
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    ids
}

pub(super) fn sku(value: &str) -> Value {
    json!([{"language": "", "name": "SKU", "value": value}])
}

async fn a_connector_is_made_changed_and_removed(stage: Stage) {
    let token = stage.token(Some(1), "catalog.read shares.write").await;
    let post = format!("POST {PATH}");
    let by_id = body(&stage, &json!({"by": "content_id"}));
    let made = stage.send(&post, &token, &by_id).await.expect(201);
    assert_eq!(made.header("etag"), Some("\"r1\""));
    let made = made.json();
    let id = made["id"].as_str().unwrap();
    assert!(id.starts_with("cnr_"), "{id}");
    assert_eq!(
        (&made["force_https"], &made["strict"], &made["enabled"], &made["kinds"]),
        (&json!(true), &json!(false), &json!(true), &json!([]))
    );
    // B4, B11.
    assert_eq!(made["warnings"][0]["code"], "public_contents");
    let parts = made["example"]["parts"].as_array().unwrap();
    assert_eq!(parts[0], json!({"text": format!("/dl/{id}/"), "variable": null}));
    assert_eq!(parts[1]["variable"], "content_id");
    for (addressed_by, variables) in [
        (json!({"by": "pretty_id"}), vec!["language", "pretty_id"]),
        (json!({"by": "metadata", "name": "SKU"}), vec!["value"]),
    ] {
        let made = stage.send(&post, &token, &body(&stage, &addressed_by)).await.expect(201);
        let made = made.json();
        assert_eq!(made["addressed_by"], addressed_by);
        let parts = made["example"]["parts"].as_array().unwrap();
        let named: Vec<_> = parts.iter().filter_map(|it| it["variable"].as_str()).collect();
        assert_eq!(named, variables);
    }
    for (wrong, pointer) in [
        (json!({"kinds": ["PLAYLIST"]}), "/kinds"),
        (json!({"addressed_by": {"by": "metadata", "name": "x".repeat(51)}}), "/addressed_by/name"),
        (json!({"name": ""}), "/name"),
    ] {
        let mut draft = by_id.clone();
        for (field, value) in wrong.as_object().unwrap() {
            draft[field] = value.clone();
        }
        let refused = stage.send(&post, &token, &draft).await.expect(400).json();
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let nowhere = json!({"name": "x", "folder": 99, "addressed_by": {"by": "content_id"}});
    stage.send(&post, &token, &nowhere).await.expect(409);

    let patch = format!("PATCH {PATH}/{id}");
    let kinds = json!({"kinds": ["VIDEO", "IMAGE"], "force_https": false});
    let now = stage.send(&patch, &token, &kinds).await.expect(200).json();
    assert_eq!((&now["kinds"], &now["name"]), (&json!(["IMAGE", "VIDEO"]), &json!("Press")));
    assert_eq!((&now["force_https"], &now["enabled"]), (&json!(false), &json!(true)));
    let now = stage.send(&patch, &token, &json!({"enabled": false})).await.expect(200).json();
    assert_eq!((&now["enabled"], &now["kinds"]), (&json!(false), &json!(["IMAGE", "VIDEO"])));
    let bearer = format!("Authorization: Bearer {token}");
    let stale = [&*bearer, "Content-Type: application/json", "If-Match: \"r1\""];
    stage.call(&patch, &stale, "{}").await.expect(412);
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    assert_eq!(list["items"][0]["warnings"], Value::Null);

    stage.send(&format!("DELETE {PATH}/{id}"), &token, &json!({})).await.expect(204);
    stage.ask(&format!("GET {PATH}/{id}"), &token).await.expect(404);
    let foreign = format!("GET /api/v1/tenants/2/connectors/{id}");
    stage.ask(&foreign, &stage.admin().await).await.expect(404);
}

/// The vendor's rule SHARE.
async fn whoever_makes_one_may_share_the_folder(stage: Stage) {
    let admin = stage.admin().await;
    let scopes = ["catalog.read", "shares.write"];
    let (member, token) = stage.member("ann", &scopes).await;
    let rights = format!("PUT /api/v1/tenants/1/folders/{}/rights/{member}", stage.folder);
    let by_id = body(&stage, &json!({"by": "content_id"}));
    let post = format!("POST {PATH}");
    stage.send(&post, &token, &by_id).await.expect(404);
    for (right, status) in [("SEE", 403), ("MODIFY", 403), ("SHARE", 201)] {
        stage.send(&rights, &admin, &json!({"right": right})).await.expect(204);
        stage.send(&post, &token, &by_id).await.expect(status);
    }
    let body = json!({"name": "elsewhere"});
    let made = stage.send("POST /api/v1/tenants/1/folders", &admin, &body).await.expect(201);
    let other = made.json()["number"].clone();
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    let id = list["items"][0]["id"].as_str().unwrap();
    let patch = format!("PATCH {PATH}/{id}");
    stage.send(&patch, &token, &json!({"folder": other})).await.expect(404);
    stage.send(&patch, &token, &json!({"name": "Ours"})).await.expect(200);
    stage.send(&rights, &admin, &json!({"right": "SEE"})).await.expect(204);
    stage.ask(&format!("GET {PATH}/{id}"), &token).await.expect(200);
    stage.send(&format!("DELETE {PATH}/{id}"), &token, &json!({})).await.expect(403);
    // What lies in a folder that they may not see is not shown by a connector either.
    let by_id = json!({"name": "x", "folder": other, "addressed_by": {"by": "content_id"}});
    let hidden = connector(&stage, &admin, &by_id).await;
    stage.ask(&format!("GET {PATH}/{hidden}/urls"), &token).await.expect(404);
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}

/// Each is at every edge, for all tenants' requests.
async fn there_are_not_more_than_a_thousand(stage: Stage) {
    let admin = stage.admin().await;
    let post = format!("POST {PATH}");
    let by_id = body(&stage, &json!({"by": "content_id"}));
    let first = connector(&stage, &admin, &by_id).await;
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    let id = ConnectorId::parse(&first).unwrap();
    let draft = change.view().connector(&id).await.unwrap().draft;
    for _ in 1..1_000 {
        change.connector_create(TenantId(1), draft.clone()).await.unwrap();
    }
    change.commit().await.unwrap();
    let refused = stage.send(&post, &admin, &by_id).await.expect(400).json();
    assert!(refused["detail"].as_str().unwrap().contains("at most 1000"), "{refused}");
    stage.send(&format!("DELETE {PATH}/{first}"), &admin, &json!({})).await.expect(204);
    stage.send(&post, &admin, &by_id).await.expect(201);
}

async fn a_preview_says_what_would_become_public(stage: Stage) {
    let admin = stage.admin().await;
    let said = [
        json!({"texts": [{"language": "en", "title": "A film", "pretty_id": "a-film"}]}),
        json!({"publication": "unpublished"}),
        json!({"kind": "AUDIO"}),
        json!({"periods": [{"starts_at": null, "ends_at": "2020-01-01T00:00:00Z"}]}),
        json!({"files": []}),
    ];
    let ids = contents(&stage, &admin, &said).await;
    let preview = format!("POST {PATH}/preview");
    let mut draft = body(&stage, &json!({"by": "pretty_id"}));
    draft["kinds"] = json!(["VIDEO"]);
    let token = stage.token(Some(1), "catalog.read").await;
    let shown = stage.send(&preview, &token, &draft).await.expect(200).json();
    let name = json!({"language": "en", "name": "a-film", "others": 0});
    let expected = json!([{
        "content": ids[0], "title": "A film", "kind": "VIDEO", "names": [name],
    }]);
    assert_eq!(shown["items"], expected);
    draft["kinds"] = json!([]);
    let shown = stage.send(&preview, &token, &draft).await.expect(200).json();
    assert_eq!(shown["items"].as_array().unwrap().len(), 2);
    // Nothing was made.
    let list = stage.ask(&format!("GET {PATH}"), &token).await.expect(200).json();
    assert_eq!(list["items"], json!([]));
}

/// The states of each content's addresses, and whether it is taken.
async fn table(stage: &Stage, admin: &str, id: &str) -> Vec<(String, String, Vec<String>)> {
    let shown = stage.ask(&format!("GET {PATH}/{id}/urls"), admin).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = shown["items"].as_array().unwrap().iter().map(|item| {
        let states = item["addresses"].as_array().unwrap().iter().map(|it| text(&it["state"]));
        (text(&item["content"]), text(&item["standing"]), states.collect())
    });
    rows.collect()
}

async fn the_table_says_what_each_address_gives(stage: Stage) {
    let admin = stage.admin().await;
    let said = [
        json!({"metadata": sku("x"), "texts": [
            {"language": "de", "title": "Film", "pretty_id": "ein-film"},
            {"language": "en", "title": "Film", "pretty_id": "a-film"},
        ]}),
        json!({"metadata": sku("x")}),
        json!({"metadata": sku("x"), "publication": "unpublished"}),
        json!({"metadata": sku("a/b")}),
        json!({"metadata": sku("alone"), "kind": "AUDIO"}),
    ];
    let ids = contents(&stage, &admin, &said).await;
    let by_name = connector(&stage, &admin, &body(&stage, &json!({"by": "pretty_id"}))).await;
    let shown = stage.ask(&format!("GET {PATH}/{by_name}/urls"), &admin).await.expect(200).json();
    let first = shown["items"].as_array().unwrap().iter().find(|it| it["content"] == ids[0]);
    let path = format!("/dl/{by_name}/de/ein-film");
    let expected = json!({
        "language": "de", "name": "ein-film", "path": path, "url": null, "state": "served",
        "others": 0,
    });
    assert_eq!(first.unwrap()["addresses"][0], expected);
    assert_eq!(first.unwrap()["addresses"][1]["language"], "en");

    let mut draft = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    draft["kinds"] = json!(["VIDEO"]);
    let by_sku = connector(&stage, &admin, &draft).await;
    let expect = async |of: [(&str, &str); 5]| {
        let rows = table(&stage, &admin, &by_sku).await;
        for (id, (standing, state)) in ids.iter().zip(of) {
            let row = rows.iter().find(|row| row.0 == *id).unwrap();
            assert_eq!((&*row.1, &*row.2), (standing, &[state.to_owned()][..]), "{rows:?}");
        }
    };
    // Made in one second: the one of the lesser id is meant.
    let (first, second) =
        if ids[0] < ids[1] { ("served", "shadowed") } else { ("shadowed", "served") };
    let others = [("unpublished", "closed"), ("public", "unspeakable"), ("other_kind", "closed")];
    let with =
        |first, second| [("public", first), ("public", second), others[0], others[1], others[2]];
    expect(with(first, second)).await;
    let patch = format!("PATCH {PATH}/{by_sku}");
    stage.send(&patch, &admin, &json!({"strict": true})).await.expect(200);
    expect(with("refused", "refused")).await;
    stage.send(&patch, &admin, &json!({"enabled": false})).await.expect(200);
    expect(with("closed", "closed")).await;
    // Page by page.
    let mut line = format!("GET {PATH}/{by_sku}/urls?limit=2");
    let mut seen = 0;
    loop {
        let page = stage.ask(&line, &admin).await.expect(200).json();
        seen += page["items"].as_array().unwrap().len();
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        line = format!("GET {PATH}/{by_sku}/urls?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, 5);
}

async fn names_of_several_are_reported(stage: Stage) {
    let admin = stage.admin().await;
    let said = [
        json!({"metadata": sku("x")}),
        json!({"metadata": sku("x"), "publication": "unpublished"}),
        json!({"metadata": sku("y")}),
    ];
    let ids = contents(&stage, &admin, &said).await;
    let by_sku = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    let id = connector(&stage, &admin, &by_sku).await;
    let clashes = stage.ask(&format!("GET {PATH}/{id}/clashes"), &admin).await.expect(200).json();
    let clashes = clashes["items"].as_array().unwrap();
    assert_eq!((clashes.len(), &clashes[0]["value"]), (1, &json!("x")));
    let mut expected = vec![
        json!({"content": ids[0], "standing": "public"}),
        json!({"content": ids[1], "standing": "unpublished"}),
    ];
    expected.sort_by_key(|it| it["content"].as_str().unwrap().to_owned());
    assert_eq!(clashes[0]["contents"], json!(expected));
    let by_id = connector(&stage, &admin, &body(&stage, &json!({"by": "content_id"}))).await;
    let none = stage.ask(&format!("GET {PATH}/{by_id}/clashes"), &admin).await.expect(200).json();
    assert_eq!(none["items"], json!([]));
}

/// Contents that are not published, each of which has all of these numbers of stock.
async fn unpublished(stage: &Stage, count: usize, values: &[(&str, &str)]) {
    let metadata = values.iter().map(|(language, value)| Metadata {
        language: (*language).into(),
        name: "SKU".into(),
        value: (*value).into(),
    });
    let draft = ContentDraft {
        folder: Some(ChannelId(stage.folder)),
        publication: Publication::Unpublished,
        metadata: metadata.collect(),
        ..ContentDraft::new(ContentKind::Video)
    };
    let import = ContentImport { id: None, draft, files: Vec::new(), active_thumbnail: None };
    let mut change = stage.store.change(&Caller::system("test"), NOW).await.unwrap();
    change.content_import(TenantId(1), vec![import; count]).await.unwrap();
    change.commit().await.unwrap();
}

/// G4: the report is of every name, however many have another.
async fn names_of_very_many_hide_no_others(stage: Stage) {
    let admin = stage.admin().await;
    unpublished(&stage, 700, &[("de", "a"), ("en", "a0")]).await;
    let both = json!([
        {"language": "de", "name": "SKU", "value": "a"},
        {"language": "en", "name": "SKU", "value": "a0"},
    ]);
    let said =
        [json!({"metadata": both}), json!({"metadata": sku("b")}), json!({"metadata": sku("b")})];
    let ids = contents(&stage, &admin, &said).await;
    let by_sku = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    let id = connector(&stage, &admin, &by_sku).await;
    let urls = format!("GET {PATH}/{id}/urls?limit=1000");
    let shown = stage.ask(&urls, &admin).await.expect(200).json();
    let states = |id: &String| {
        let item = shown["items"].as_array().unwrap().iter().find(|it| it["content"] == **id);
        let addresses = item.unwrap()["addresses"].as_array().unwrap().clone();
        let of = |it: &Value| (it["state"].as_str().unwrap().to_owned(), it["others"].clone());
        addresses.iter().map(of).collect::<Vec<_>>()
    };
    let state = |text: &str, others: u64| (text.to_owned(), json!(others));
    // Whoever is not published is in nobody's way.
    assert_eq!(states(&ids[0]), [state("served", 0), state("served", 0)]);
    let mut of_two = [states(&ids[1]), states(&ids[2])].concat();
    of_two.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(of_two, [state("served", 1), state("shadowed", 1)]);

    let clashes = format!("GET {PATH}/{id}/clashes?limit=1000");
    let clashes = stage.ask(&clashes, &admin).await.expect(200).json();
    let clashes = clashes["items"].as_array().unwrap();
    let values: Vec<_> = clashes.iter().map(|it| it["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["a", "a0", "b"]);
    let counts: Vec<_> =
        clashes.iter().map(|it| it["contents"].as_array().unwrap().len()).collect();
    assert!(counts[0] > 100 && counts[1] > 100 && counts[2] == 2, "{counts:?}");
}

/// What a field says may be as long as a book, in every language; each edge would have it all.
async fn a_name_that_no_address_holds_is_no_edges_to_keep(stage: Stage) {
    let admin = stage.admin().await;
    let of = |length: usize| json!({"metadata": sku(&"x".repeat(length))});
    let ids = contents(&stage, &admin, &[of(512), of(513), of(10_000)]).await;
    let by_sku = body(&stage, &json!({"by": "metadata", "name": "SKU"}));
    let id = connector(&stage, &admin, &by_sku).await;
    let of_ids: BTreeSet<_> = ids.iter().map(|id| ContentId::parse(id).unwrap()).collect();
    let mut view = stage.store.view(&Caller::system("test")).await.unwrap();
    let told = view.content_states(of_ids).await.unwrap();
    let names = |id: &String| {
        let state = told.iter().find(|it| it.id.as_str() == id).unwrap();
        state.names.as_ref().map_or(0, |names| names.names.len())
    };
    assert_eq!([names(&ids[0]), names(&ids[1]), names(&ids[2])], [1, 0, 0]);
    let rows = table(&stage, &admin, &id).await;
    let state = |id: &String| rows.iter().find(|row| row.0 == *id).unwrap().2.clone();
    assert_eq!(state(&ids[0]), ["served"]);
    for long in &ids[1..] {
        assert_eq!(state(long), ["unspeakable"]);
    }
}

async fn the_table_is_a_spreadsheet(stage: Stage) {
    let admin = stage.admin().await;
    let said = [json!({
        "texts": [{"language": "en", "title": "=1+1, \"really\"", "pretty_id": "a-film"}],
    })];
    let ids = contents(&stage, &admin, &said).await;
    let id = connector(&stage, &admin, &body(&stage, &json!({"by": "pretty_id"}))).await;
    let expected = format!(
        "content,title,kind,standing,language,name,url,state,others\r\n\
         \"{}\",\"'=1+1, \"\"really\"\"\",\"VIDEO\",\"public\",\"en\",\"a-film\",\
         \"/dl/{id}/en/a-film\",\"served\",\"0\"\r\n",
        ids[0].strip_prefix('-').map_or_else(|| ids[0].clone(), |rest| format!("'-{rest}")),
    );
    let bearer = format!("Authorization: Bearer {admin}");
    let line = format!("GET {PATH}/{id}/urls");
    for (line, accept) in [
        (format!("{line}?format=csv"), "Accept: application/json"),
        (line.clone(), "Accept: text/csv, application/json;q=0.5"),
    ] {
        let table = stage.call(&line, &[&bearer, accept], "").await.expect(200);
        let media_type = table.header("content-type").unwrap();
        assert!(media_type.starts_with("text/csv"), "{media_type}");
        assert_eq!(table.body, expected);
    }
    let page = stage.call(&line, &[&bearer, "Accept: application/json, text/csv"], "").await;
    assert_eq!(page.expect(200).json()["items"].as_array().unwrap().len(), 1);
}
