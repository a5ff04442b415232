//! Promise 13: disks that are full, of a control plane and of an edge. Writes are refused and said,
//! files go on being served, and room is all it takes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::control::{Answered, ApiClient, Records, folder};
use crate::support::edge::NOW;
use crate::support::links::{an_hour, signed};
use crate::support::output::keep_secret;
use crate::support::planes::{ControlPlane, until_ready, until_status, wait_until};
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::small_disk::SmallDisk;

fn make(api: &ApiClient, key: &str) -> Answered {
    // A page of the database each.
    let body = json!({"kind": "OTHER", "tags": [key], "texts": [
        {"language": "en", "title": key, "description": "x".repeat(4_000)}
    ]});
    let line = format!("Idempotency-Key: {key}\r\n");
    api.call_with("POST", "/api/v1/tenants/1/contents", &line, &body.to_string())
}

/// The keys of everything that is there.
fn made(api: &ApiClient) -> BTreeSet<String> {
    let page = api.ok("GET", "/api/v1/tenants/1/contents?limit=1000", "");
    assert_eq!(page["next_cursor"], Value::Null);
    let items = page["items"].as_array().unwrap();
    let keys: BTreeSet<_> =
        items.iter().map(|it| it["tags"][0].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys.len(), items.len(), "something is there twice");
    keys
}

fn start(disk: &SmallDisk, command: &str, folder: tempfile::TempDir) -> Process {
    Process::start_within(&disk.within(), command, folder, &["--clock", &NOW.to_string()])
}

#[test]
fn a_control_plane_on_a_full_disk_refuses_writes_and_loses_nothing() {
    let folder = folder(&Records::At("sqlite:disk/records.db".to_owned()), &[("open/a", "open")]);
    let at = folder.path().join("disk");
    std::fs::create_dir(&at).unwrap();
    let disk = SmallDisk::mount(&at, 4);
    let config = folder.path().join("countersign.toml").display().to_string();
    let scopes = "catalog.read catalog.write";
    let made_application = disk
        .countersign(&["app", "create", "--config", &config, "--name", "test", "--scope", scopes]);
    assert_eq!(made_application.status, 0, "{}", made_application.err);
    let credentials: Value = serde_json::from_str(&made_application.out).unwrap();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let credentials = (text("client_id"), text("client_secret"));
    keep_secret(&credentials.1);

    let mut process = start(&disk, "serve", folder);
    let mut api = ApiClient::log_in(process.control(), &credentials);
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let key = format!("{round}-well");
        assert_eq!(make(&api, &key).status, 201);
        acknowledged.insert(key);
        disk.fill();
        // What the files have room for already may still be written.
        let mut refused = Vec::new();
        for number in 0.. {
            let key = format!("{round}-full-{number}");
            let answer = make(&api, &key);
            if answer.status == 201 {
                acknowledged.insert(key);
            } else {
                assert_eq!((answer.status, &answer.body["code"]), (503, &json!("store_full")));
                assert_eq!(answer.header("retry-after"), Some("1"));
                refused.push(key);
            }
            assert!(number < 2_000, "the disk is not full");
            if refused.len() == 5 {
                break;
            }
        }
        assert_eq!(made(&api), acknowledged);
        assert_eq!(raw_client::get(process.address(), "/open/a").status, 200);
        assert_eq!(raw_client::get(process.admin(), "/livez").status, 200);
        process.wait_for(|it| it["code"] == "store_full" && it["event"] != "request");
        if round == 1 {
            // Killed meanwhile: room is what it needs to start again, too.
            let folder = process.kill();
            disk.make_room();
            process = start(&disk, "serve", folder);
            api = api.at(process.control());
        } else {
            disk.make_room();
        }
        assert_eq!(made(&api), acknowledged);
        for key in refused {
            assert_eq!(make(&api, &key).status, 201);
            acknowledged.insert(key);
        }
    }
    let process = start(&disk, "serve", process.kill());
    assert_eq!(made(&api.at(process.control())), acknowledged);
    let verified = disk.countersign(&["audit", "verify", "--config", &config]);
    assert_eq!(verified.status, 0, "{verified:?}");
}

#[test]
fn an_edge_on_a_full_disk_serves_on_by_what_it_is_told() {
    const FILM: &str = "/public/videos/film/source";
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let files = [("videos/film/source", "film"), ("vod/a", "private"), ("open/a", "open")];
    let folder = control.edge_folder(&[control.url()], &control.enrol("north"), &files);
    let at = folder.path().join("edge-state");
    std::fs::create_dir(&at).unwrap();
    let disk = SmallDisk::mount(&at, 1);
    let edge = start(&disk, "edge", folder);
    until_ready(&edge);
    let link = format!("/vod/a?__token__={}", signed(&an_hour()));
    let video = "/v1/vms/1/videos/film/security-override";

    disk.fill();
    // A batch is as long as its room in the last page lets it be: some fit.
    for round in 0..200 {
        let (method, body, expected, before) = match round % 2 {
            0 => ("POST", r#"{"scope":"public"}"#, 200, 403),
            _ => ("DELETE", "", 403, 200),
        };
        api.ok(method, video, body);
        until_status(edge.address(), FILM, expected, &[before]);
        assert_eq!(raw_client::get(edge.address(), &link).status, 200);
        assert_eq!(raw_client::get(edge.address(), "/open/a").status, 200);
    }
    let full = edge.wait_for(|it| it["message"] == "what is in force is not kept on the disk");
    assert!(full["error"].as_str().unwrap().contains("No space left"), "{full}");
    assert_eq!(raw_client::get(edge.admin(), "/readyz").status, 200);

    disk.make_room();
    api.ok("POST", video, r#"{"scope":"public"}"#);
    until_status(edge.address(), FILM, 200, &[403]);
    edge.wait_for(|it| it["message"] == "what is in force is kept on the disk again");
    // By the disk alone.
    control.cut();
    let edge = start(&disk, "edge", edge.kill());
    assert_eq!(raw_client::get(edge.address(), FILM).status, 200);
    wait_until("it is ready", || raw_client::get(edge.admin(), "/readyz").status == 200);
}
