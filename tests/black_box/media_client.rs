//! A client that was written for Xvid MediaHub and knows nothing of us: with another host it
//! authenticates, has links made by its token and by its signature, downloads, and uploads
//! (requirements E1 to E15).

use std::process::Command;

use countersign::catalog::{FileKind, Publication};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::catalog::{Shelf, ShelfFile, source};
use crate::support::command::{Said, said};
use crate::support::control::{
    ApiClient, Records, application, folder_of, say_where_the_site_is, with_master_key,
    with_uploads,
};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::process::Process;
use crate::support::raw_client::Connection;
use crate::support::tools::tool;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/mediahub/client.py");

/// The film's bytes are its key.
const FILM: &str = "films/film.mp4";
const SMALL: &str = "films/small.mp4";

/// A program with a film in two forms and an archive of both, whose site says where it is; an
/// administrator, and the archive's id.
fn running(records: &Records) -> (Process, ApiClient, String) {
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
    let folder = folder_of(&config, records, &[(FILM, FILM), (SMALL, SMALL)]);
    let folder = with_uploads(with_master_key(folder));
    let scopes = "accounts.admin,audit.read,catalog.read,catalog.write,files.read,files.sign,\
                  links.revoke";
    let credentials = application(folder.path(), scopes);
    // What a client signs ends by the clock on the wall.
    let process = Process::start(folder, &[]);
    let shelf = Shelf::open(records, &process.path(""));
    let pipeline = shelf.pipeline("media", "");
    let small =
        ShelfFile { kind: FileKind::Format, slot: "small", ..source(pipeline, SMALL, SMALL) };
    shelf.add("film", Publication::Published, &[source(pipeline, FILM, FILM), small]);
    let api = ApiClient::log_in(process.control(), &credentials);
    let files = api.call("GET", "/v1/files/?sort=name", "").body;
    let number = |key: &str| {
        let files = files["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["object_key"] == key).unwrap();
        file["id"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let elements = [FILM, SMALL].map(|key| json!({"file": number(key), "name": key}));
    let body = json!({"pipeline": pipeline, "key": "all.zip", "name": "all", "elements": elements});
    let archive = api.call("POST", "/api/v1/tenants/1/archives", &body.to_string());
    let archive = archive.body["id"].as_str().unwrap().to_owned();

    say_where_the_site_is(&process);
    // What was written beside the program is in force a moment later.
    let order = format!("/v1/files/downloads/?file_id={}", number(SMALL));
    let link = api.call("GET", &order, "").body["download"]["url"].as_str().unwrap().to_owned();
    let here = format!("http://{}", process.address());
    let target = link.strip_prefix(&here).unwrap();
    let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
    while Connection::open(process.address()).ask(&head).status != 200 {
        std::thread::yield_now();
    }
    (process, api, archive)
}

/// An application as the vendor's customer has one: its id and its secret.
fn signer(api: &ApiClient) -> (String, String) {
    let body = json!({
        "tenant": 1, "name": "customer", "signing": true,
        "scopes": ["catalog.read", "catalog.write", "files.read", "files.sign"],
    });
    let made = api.call("POST", "/api/v1/applications", &body.to_string()).body;
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("id"), text("client_secret"));
    keep_secret(&secret);
    (id, secret)
}

fn run(host: &str, signer: &(String, String), archive: &str) -> Said {
    let mut client = Command::new(tool("COUNTERSIGN_TEST_PYTHON", "python"));
    client.args([CLIENT, host, &signer.0, &signer.1, archive]);
    said(&mut client, b"")
}

fn customer(records: &Records) {
    let (process, api, archive) = running(records);
    let signer = signer(&api);
    let client = run(&format!("http://{}", process.control()), &signer, &archive);
    assert_eq!(client.status, 0, "{}\n{}", client.out, client.err);
    assert!(client.out.ends_with("# done\n"), "{}", client.out);
    let of = |key: &str| {
        let digest = hex::encode(Sha256::digest(key));
        client.out.lines().filter(|line| line.starts_with(&digest)).count()
    };
    // Both files have one name, and the first of that name is the film.
    assert_eq!((of(FILM), of(SMALL)), (8, 1), "{}", client.out);
    let brought = "what a customer brings, ".repeat(1000);
    assert_eq!(of(&brought), 2, "{}", client.out);
    assert_eq!(std::fs::read_to_string(process.path("media/brought/one.mp4")).unwrap(), brought);
    // Its object goes a moment after it.
    while process.path("media/brought/three.mp4").exists() {
        std::thread::yield_now();
    }
    let saved = client.out.lines().filter(|line| line.contains(" attachment; ")).count();
    let shown = client.out.lines().filter(|line| line.contains(" inline; ")).count();
    assert_eq!((saved, shown), (10, 1), "{}", client.out);
}

#[test]
fn a_customers_client_runs_with_another_host_on_sqlite() {
    customer(&Records::Sqlite);
}

#[test]
fn a_customers_client_runs_with_another_host_on_postgresql() {
    customer(&Records::on_postgres("media_client"));
}

/// It would be seen: with a secret that is not the application's it ends with a failure.
#[test]
fn the_client_fails_where_something_is_wrong() {
    let (process, api, archive) = running(&Records::Sqlite);
    let (id, _) = signer(&api);
    let wrong = (id, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned());
    let client = run(&format!("http://{}", process.control()), &wrong, &archive);
    assert_ne!(client.status, 0, "{}", client.out);
    assert!(client.out.contains("FAIL") && !client.out.contains("# done"), "{}", client.out);
}

/// What a link was used for is at the link, and whoever takes it back closes it; all of an
/// application's, too.
#[test]
fn a_link_shows_its_downloads_and_is_taken_back() {
    let (process, api, _) = running(&Records::Sqlite);
    let files = api.call("GET", "/v1/files/", "").body;
    let file = files["files"][0]["id"].as_str().unwrap().to_owned();
    let order = || {
        let answer = api.call("GET", &format!("/v1/files/downloads/?file_id={file}"), "");
        let link = answer.body["download"].clone();
        let here = format!("http://{}", process.address());
        let target = link["url"].as_str().unwrap().strip_prefix(&here).unwrap().to_owned();
        (link["link_id"].as_str().unwrap().to_owned(), target)
    };
    let get = |target: &str| {
        let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n");
        Connection::open(process.address()).ask(&head).status
    };
    let until = |target: &str, expected: u16| {
        while get(target) != expected {
            std::thread::yield_now();
        }
    };
    let (id, target) = order();
    assert_eq!(get(&target), 200);
    let shown = loop {
        let shown = api.call("GET", &format!("/api/v1/links/{id}"), "").body;
        if shown["downloads"] != json!([]) {
            break shown;
        }
        std::thread::yield_now();
    };
    let download = &shown["downloads"][0];
    let expected = (&json!(200), &json!("complete"), &json!("127.0.0.1"));
    assert_eq!((&download["status"], &download["end"], &download["client"]), expected, "{shown}");
    assert_eq!(download["sent"], json!(FILM.len()), "{shown}");
    assert_eq!(api.call("DELETE", &format!("/api/v1/links/{id}"), "").status, 204);
    until(&target, 403);

    let (_, first) = order();
    let (_, second) = order();
    assert_eq!((get(&first), get(&second)), (200, 200));
    let revoke = json!({"links": {"by": "issuer", "subject": shown["issuer"]}, "reason": "lost"});
    let made = api.call("POST", "/api/v1/tenants/1/revocations", &revoke.to_string());
    assert_eq!(made.status, 201, "{:?}", made.body);
    until(&first, 403);
    until(&second, 403);
    assert_eq!(made.body["links"]["by"], Value::from("issuer"));
}

/// `multi_use=false`: the link is used by the first that gets its bytes, and by looking at it never.
#[test]
fn a_link_for_one_use_opens_once() {
    let (process, api, _) = running(&Records::Sqlite);
    let files = api.call("GET", "/v1/files/", "").body;
    let file = files["files"][0]["id"].as_str().unwrap();
    let ordered = format!("/v1/files/downloads/?file_id={file}&multi_use=false");
    let link = api.call("GET", &ordered, "").body["download"].clone();
    let here = format!("http://{}", process.address());
    let target = link["url"].as_str().unwrap().strip_prefix(&here).unwrap();
    let ask = |method: &str, agent: &str| {
        let mut connection = Connection::open(process.address());
        connection.send(format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\nUser-Agent: {agent}\r\n\r\n"
        ));
        connection.head_answer().unwrap()
    };
    assert_eq!(ask("HEAD", "preview").status, 200);
    assert_eq!(ask("GET", "browser").status, 200);
    for agent in ["preview", "browser"] {
        let answer = ask("GET", agent);
        assert_eq!((answer.status, answer.code()), (403, Some("link_used")), "{agent}");
    }
}
