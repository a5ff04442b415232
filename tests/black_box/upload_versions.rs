//! What is uploaded for a content replaces it under the addresses that it has: by the protocol's own
//! client, at an edge, through a connector and by a link (requirement B2).

use serde_json::json;
use tokio::time::Instant;

use crate::connectors::{FILES, FILM, connector, fill, film, until, until_status, with_catalog};
use crate::support::control::{ApiClient, Records, application, folder_of, start, with_uploads};
use crate::support::edge::{KEY_HEX, NOW, usual_config};
use crate::support::raw_client;
use crate::support::signing::token;
use crate::uploads::{Uploader, settled};

const SCOPES: &str = "catalog.read catalog.write shares.write tenants.admin";

fn replaces(records: &Records) {
    let folder = with_uploads(folder_of(&with_catalog(&usual_config("", "")), records, &FILES));
    let credentials = application(folder.path(), SCOPES);
    let next: Vec<u8> = (0..2_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(folder.path().join("next.mp4"), &next).unwrap();
    let process = start(folder);
    let edge = process.address();
    let api = ApiClient::log_in(process.control(), &credentials);
    let made = fill(&api);
    let first = film(&made, FILM, "a-film", (FILES[0].0, FILES[0].1)).to_string();
    api.ok("POST", "/api/v1/tenants/1/contents", &first);
    let open = json!({"force_https": false});
    let id = connector(&api, &made, &json!({"by": "pretty_id"}), &open);
    let public = format!("/dl/{id}/en/a-film");
    let path = format!("/private/videos/{FILM}/source");
    let signed = format!("{path}?__token__={}", token(KEY_HEX, &path, NOW + 600));
    assert_eq!(until_status(edge, &public, 200).body, b"the film");
    assert_eq!(until_status(edge, &signed, 200).body, b"the film");
    let before = raw_client::get(edge, &public);

    let upload = |said: &serde_json::Value| {
        let file = process.path("next.mp4");
        let number = Uploader::start(process.control(), &api, &file, said).finish();
        settled(&api, number)
    };
    // One that waits changes nothing.
    let waiting = upload(&json!({"content": FILM, "activate": "false"}));
    assert_eq!(waiting["state"], "completed", "{waiting}");
    assert_eq!(raw_client::get(edge, &public).body, b"the film");

    let done = upload(&json!({"content": FILM, "filename": "The new film.mp4"}));
    let began = Instant::now();
    assert_eq!(done["state"], "completed", "{done}");
    let after = until(edge, &public, |answer| answer.body == next);
    until(edge, &signed, |answer| answer.body == next);
    println!("the new bytes at both addresses after {:?}", began.elapsed());
    assert_eq!(after.status, 200);
    assert_ne!(after.header("etag"), before.header("etag"));
    let said = after.header("content-disposition").unwrap();
    assert!(said.contains("The new film.mp4"), "{said}");
    let versions = format!("/api/v1/tenants/1/contents/{FILM}/versions");
    let versions = api.ok("GET", &versions, "");
    let ids: Vec<_> = versions["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids[1..], [&waiting["version"], &done["version"]]);
}

#[test]
fn what_is_uploaded_for_a_content_is_under_its_addresses_at_once() {
    replaces(&Records::Sqlite);
}

#[test]
fn what_is_uploaded_for_a_content_is_under_its_addresses_at_once_on_postgres() {
    replaces(&Records::on_postgres("upload_versions"));
}
