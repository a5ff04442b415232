//! Overrides, in movingimage's dialect and natively.

use serde_json::json;

use super::stage::{Stage, on_both_databases};

on_both_databases! {
    the_vendors_examples
    what_the_vendors_page_leaves_open
    a_table_is_replaced_compared_and_rolled_back
    a_large_table_is_not_halved_by_mistake
    a_table_says_what_it_means
}

/// Requirements D18 to D26 with G10 to G14.
async fn the_vendors_examples(stage: Stage) {
    let token = stage.token(Some(1), "overrides.admin").await;
    let vm = "/v1/vms/1";
    let table = format!("GET {vm}/security-override");
    let nothing = json!({
        "videoManagerId": 1, "scope": "private", "assetTypes": [], "videos": [], "channels": [],
    });
    assert_eq!(stage.ask(&table, &token).await.expect(200).json(), nothing);

    let video = format!("{vm}/videos/-civ9qE3JUjntKQM1HnGtU/security-override");
    let types = json!({"assetTypes": ["VIDEO_SOURCE", "VIDEO_FORMAT"]});
    let answer = stage.send(&format!("POST {video}"), &token, &types).await.expect(200).json();
    assert_eq!(
        answer,
        json!({
            "videoManagerId": 1, "videoId": "-civ9qE3JUjntKQM1HnGtU", "scope": "private",
            "assetTypes": ["VIDEO_FORMAT", "VIDEO_SOURCE"], "effectiveScope": "private",
            "effectiveAssetTypes": ["VIDEO_FORMAT", "VIDEO_SOURCE"],
        })
    );
    let channel = format!("{vm}/channels/7/security-override");
    let attachment = json!({"assetTypes": ["ATTACHMENT"]});
    let answer = stage.send(&format!("POST {channel}"), &token, &attachment).await.expect(200);
    assert_eq!(answer.json()["effectiveScope"], "public");
    assert_eq!(
        stage.ask(&table, &token).await.expect(200).json(),
        json!({
            "videoManagerId": 1, "scope": "private", "assetTypes": [],
            "videos": [{
                "videoId": "-civ9qE3JUjntKQM1HnGtU", "scope": "private",
                "assetTypes": ["VIDEO_FORMAT", "VIDEO_SOURCE"],
            }],
            "channels": [{"channelId": 7, "assetTypes": ["ATTACHMENT"]}],
        })
    );

    // D21, and D19 beside it.
    let all_types = format!("POST {vm}/asset-type/security-override");
    let subtitles = json!({"assetTypes": ["SUBTITLE"]});
    let answer = stage.send(&all_types, &token, &subtitles).await.expect(200).json();
    assert_eq!(answer["assetTypes"], json!(["SUBTITLE"]));
    let answer = stage.ask(&format!("GET {video}"), &token).await.expect(200).json();
    assert_eq!(answer["effectiveAssetTypes"], json!(["SUBTITLE", "VIDEO_FORMAT", "VIDEO_SOURCE"]));
    let open = format!("POST {vm}/security-override");
    let answer = stage.ask(&open, &token).await.expect(200).json();
    assert_eq!((&answer["scope"], &answer["assetTypes"]), (&json!("public"), &json!(["SUBTITLE"])));

    // G11: what is still public through the VideoManager is seen in the answer.
    let answer = stage.ask(&format!("DELETE {video}"), &token).await.expect(200).json();
    assert_eq!(
        (&answer["scope"], &answer["effectiveScope"]),
        (&json!("private"), &json!("public"))
    );
    let answer = stage.ask(&format!("DELETE {channel}"), &token).await.expect(200).json();
    assert_eq!(answer["effectiveScope"], "public");

    // D24, and D20: everything is private again.
    let everything = json!({"scope": "public"});
    let answer = stage.send(&format!("POST {video}"), &token, &everything).await.expect(200).json();
    assert_eq!((&answer["scope"], &answer["assetTypes"]), (&json!("public"), &json!([])));
    let close = format!("DELETE {vm}/security-override");
    assert_eq!(stage.ask(&close, &token).await.expect(200).json(), nothing);
    assert_eq!(stage.ask(&table, &token).await.expect(200).json(), nothing);
}

async fn what_the_vendors_page_leaves_open(stage: Stage) {
    let token = stage.token(Some(1), "overrides.admin").await;
    let video = "POST /v1/vms/1/videos/abc/security-override";
    // G10: the last POST defines the level.
    for types in [json!(["SUBTITLE", "ATTACHMENT"]), json!(["VIDEO_FORMAT"])] {
        let answer = stage.send(video, &token, &json!({"assetTypes": types})).await.expect(200);
        assert_eq!(
            answer.json()["assetTypes"].as_array().unwrap().len(),
            types.as_array().unwrap().len()
        );
    }
    // G10: what is refused, and changes nothing.
    let types = "POST /v1/vms/1/asset-type/security-override";
    for (line, body) in [
        (video, json!({"scope": "public", "assetTypes": ["SUBTITLE"]})),
        (video, json!({"assetTypes": []})),
        (video, json!({"assetTypes": ["video_source"]})),
        (video, json!({"assetTypes": "SUBTITLE"})),
        (video, json!({"assetTypes": [7]})),
        (video, json!({"scope": "private"})),
        (video, json!({"scope": 7})),
        (video, json!({})),
        (video, json!([])),
        (types, json!({"scope": "public"})),
        (types, json!({"assetTypes": []})),
        ("POST /v1/vms/1/channels/7/security-override", json!({"assetTypes": ["SUBTITLE"]})),
        ("POST /v1/vms/1/channels/7/security-override", json!({"scope": "public"})),
        ("POST /v1/vms/1/channels/7/security-override", json!({})),
    ] {
        let answer = stage.send(line, &token, &body).await.expect(400);
        let problem = answer.json();
        assert_eq!((&problem["status"], &problem["error"]), (&json!(400), &json!("Bad Request")));
        assert_eq!(problem["code"], "invalid", "{line} {body}");
    }
    for line in [video, types] {
        stage.ask(line, &token).await.expect(400);
    }
    stage.call(video, &[&format!("Authorization: Bearer {token}")], "{").await.expect(400);
    let shown = stage.ask("GET /v1/vms/1/videos/abc/security-override", &token).await.expect(200);
    assert_eq!(shown.json()["assetTypes"], json!(["VIDEO_FORMAT"]));
    // G13: a channel without a body, and G12: GET and DELETE everywhere. Unknown fields are the
    // vendor's own business, and so is the media type.
    let channel = "/v1/vms/1/channels/7/security-override";
    stage.ask(&format!("POST {channel}"), &token).await.expect(200);
    let shown = stage.ask(&format!("GET {channel}"), &token).await.expect(200).json();
    assert_eq!(shown["assetTypes"], json!(["ATTACHMENT"]));
    let body = json!({"assetTypes": ["SUBTITLE"], "note": [1], "scope": null});
    stage.send(types, &token, &body).await.expect(200);
    let level = "/v1/vms/1/asset-type/security-override";
    let shown = stage.ask(&format!("GET {level}"), &token).await.expect(200).json();
    assert_eq!(shown["assetTypes"], json!(["SUBTITLE"]));
    let shown = stage.ask(&format!("DELETE {level}"), &token).await.expect(200).json();
    assert_eq!(shown["assetTypes"], json!([]));
    // Another tenant's, an unknown one's and no number at all are the same nothing.
    for vm in ["2", "3", "x", "-1", "99999999999999999999"] {
        let line = format!("POST /v1/vms/{vm}/security-override");
        stage.ask(&line, &token).await.expect(404);
    }
    // G30: RFC 9457 where it is asked for.
    let headers = [
        &*format!("Authorization: Bearer {token}"),
        "Accept: application/json, application/problem+json",
    ];
    let answer = stage.call(video, &headers, "{}").await.expect(400);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["type"], "urn:countersign:problem:invalid");
}

async fn a_table_is_replaced_compared_and_rolled_back(stage: Stage) {
    let token = stage.token(Some(1), "overrides.admin").await;
    let path = "/api/v1/tenants/1/overrides";
    let bearer = format!("Authorization: Bearer {token}");
    let json_type = "Content-Type: application/json";
    let empty = stage.ask(&format!("GET {path}"), &token).await.expect(200);
    assert_eq!(empty.header("etag"), Some("\"r0\""));
    let table = json!({
        "scope": "private", "asset_types": ["SUBTITLE"],
        "videos": [{"id": "-a", "scope": "private", "asset_types": ["VIDEO_SOURCE"]}],
        "channels": [{"id": 7, "asset_types": ["ATTACHMENT"]}],
    });
    let text = table.to_string();
    let put = format!("PUT {path}");
    stage.call(&put, &[&bearer, json_type], &text).await.expect(428);
    stage.call(&put, &[&bearer, json_type, "If-Match: \"r7\""], &text).await.expect(412);
    stage.call(&put, &[&bearer, json_type, "If-Match: W/\"r0\""], &text).await.expect(412);

    let dry = format!("PUT {path}?dry_run=1");
    let answer =
        stage.call(&dry, &[&bearer, json_type, "If-Match: \"r0\""], &text).await.expect(200);
    let steps = answer.json()["steps"].clone();
    assert_eq!(steps.as_array().unwrap().len(), 3);
    let of_video = steps.as_array().unwrap().iter().find(|step| step["level"] == "video").unwrap();
    assert_eq!(
        *of_video,
        json!({
            "level": "video", "id": "-a", "before": null,
            "after": {"scope": "private", "asset_types": ["VIDEO_SOURCE"]},
        })
    );
    stage.call(&dry, &[&bearer, json_type, "If-Match: \"r9\""], &text).await.expect(412);
    let still = stage.ask(&format!("GET {path}"), &token).await.expect(200);
    assert_eq!(still.json()["revision"], 0, "a comparison changed the table");

    let done = stage.call(&put, &[&bearer, json_type, "If-Match: \"r0\""], &text).await.expect(200);
    assert_eq!(done.header("etag"), Some("\"r1\""));
    let mut expected = table.clone();
    expected["revision"] = json!(1);
    assert_eq!(done.json(), expected);
    let nothing = json!({}).to_string();
    stage.call(&put, &[&bearer, json_type, "If-Match: \"r1\""], &nothing).await.expect(200);

    let revisions = format!("{path}/revisions");
    let first = stage.ask(&format!("GET {revisions}?limit=1"), &token).await.expect(200);
    let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
    let link = format!("<{revisions}?limit=1&cursor={cursor}>; rel=\"next\"");
    assert_eq!(first.header("link"), Some(&*link));
    let second =
        stage.ask(&format!("GET {revisions}?limit=1&cursor={cursor}"), &token).await.expect(200);
    assert_eq!(second.json()["items"][0]["revision"], 2);
    assert_eq!(second.json()["next_cursor"], json!(null));

    let back = stage.send(&format!("POST {path}/rollback"), &token, &json!({"revision": 1})).await;
    let back = back.expect(200).json();
    expected["revision"] = json!(3);
    assert_eq!(back, expected);
    let unknown = json!({"revision": 99});
    stage.send(&format!("POST {path}/rollback"), &token, &unknown).await.expect(404);
}

/// A list that was cut off on its way closes nothing (`security`, configuration and snapshots).
async fn a_large_table_is_not_halved_by_mistake(stage: Stage) {
    let token = stage.token(Some(1), "overrides.admin").await;
    let bearer = format!("Authorization: Bearer {token}");
    let put = async |query: &str, matching: &str, ids: std::ops::Range<u32>| {
        let row = |id| json!({"id": format!("v{id}"), "scope": "public"});
        let table = json!({"videos": ids.map(row).collect::<Vec<_>>()}).to_string();
        let line = format!("PUT /api/v1/tenants/1/overrides{query}");
        let matching = format!("If-Match: {matching}");
        stage.call(&line, &[&bearer, "Content-Type: application/json", &matching], &table).await
    };
    put("", "*", 0..19).await.expect(200);
    // A small one is whoever's.
    put("", "*", 0..0).await.expect(200);
    put("", "*", 0..20).await.expect(200);
    for ids in [0..9, 0..0, 11..40] {
        let refused = put("", "\"r3\"", ids).await.expect(409).json();
        assert_eq!(refused["code"], "table_shrinks");
        assert!(refused["detail"].as_str().unwrap().contains("force=1"), "{refused}");
    }
    put("?force=2", "*", 0..9).await.expect(400);
    put("", "\"r2\"", 0..9).await.expect(412);
    put("?dry_run=1", "*", 0..0).await.expect(200);
    put("", "*", 0..10).await.expect(200);
    put("", "*", 0..20).await.expect(200);
    put("?force=1", "*", 0..1).await.expect(200);
}

async fn a_table_says_what_it_means(stage: Stage) {
    let token = stage.token(Some(1), "overrides.admin").await;
    let put = "PUT /api/v1/tenants/1/overrides";
    for (body, pointer) in [
        (json!({"scope": "open"}), "/scope"),
        (json!({"asset_types": ["SUBTITLE", "X"]}), "/asset_types/1"),
        (json!({"videos": [{"id": "a"}]}), "/videos/0"),
        (
            json!({"videos": [{"id": "a", "scope": "public", "asset_types": ["SUBTITLE"]}]}),
            "/videos/0",
        ),
        (json!({"videos": [{"id": "a", "scope": "public"}, {"id": "a", "scope": "public"}]}), ""),
        (json!({"videos": [{"id": "a/b", "scope": "public"}]}), "/videos/0/id"),
        (json!({"channels": [{"id": 7, "asset_types": ["SUBTITLE"]}]}), ""),
        (json!({"videos": [], "surprise": 1}), "/surprise"),
    ] {
        let answer = stage.send(put, &token, &body).await.expect(400).json();
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{body} {answer}");
    }
    let bearer = format!("Authorization: Bearer {token}");
    let headers = [&*bearer, "Content-Type: application/json", "If-Match: *"];
    let twice = "{\"scope\":\"private\",\"scope\":\"public\"}";
    stage.call(put, &headers, twice).await.expect(400);
    stage.call(put, &headers, "{} {}").await.expect(400);
    stage.call(put, &headers, &"[".repeat(40)).await.expect(400);
    stage.call(put, &[&bearer, "If-Match: *"], "{}").await.expect(415);
    stage.call(put, &headers, &" ".repeat(1024 * 1024 + 1)).await.expect(413);
}
