//! Buckets behind the edge: S3 and Azure, as others wrote them, with signatures that are looked at.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::support::command::countersign;
use crate::support::control::{ApiClient, Records, application, folder_of, start};
use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::files::replace;
use crate::support::object_stores::ObjectStore;
use crate::support::raw_client::{Answer, request};
use crate::support::signing::token;

/// Three megabytes that tell where they are.
fn film() -> Vec<u8> {
    (0_u32..800_000).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// The usual configuration with these origins, and routes `/NAME/` to them. What is kept stays fresh:
/// the stores' clocks are the machine's, which is long before the edge's.
fn config(origins: &[String], names: &[&str]) -> String {
    let route = |name: &&str| {
        format!(
            "\n[[site.route]]\nprefix = \"/{name}/\"\naccess = \"token\"\norigin = \"{name}\"\n\
             default_ttl = \"300d\"\n"
        )
    };
    let routes: Vec<_> = names.iter().map(route).collect();
    let origins = origins.concat() + "[[site]]";
    usual_config("", "").replacen("[[site]]", &origins, 1) + &routes.concat()
}

fn ask(edge: &Edge, method: &str, path: &str, headers: &[&str]) -> Answer {
    let headers: String = headers.iter().flat_map(|line| [line, "\r\n"]).collect();
    let token = token(KEY_HEX, "/*", NOW + 60);
    let head = format!("{method} {path}?__token__={token} HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
    request(edge.address(), &head)
}

fn is_kept(answer: &Answer) -> bool {
    answer.header("cache-status").is_some_and(|status| status.contains("; hit"))
}

fn serves(mut store: ObjectStore) {
    let film = film();
    store.put("bucket/film.mp4", &film);
    store.put("bucket/a b!+.txt", b"0123456789");
    let cache = "[cache]\nmemory = \"1MiB\"\nmax_object = \"64KiB\"\n\
                 [cache.disk]\npath = \"cache\"\nsize = \"64MiB\"\nslice = \"64KiB\"\n\n";
    let bucket = store.origin("bucket", "keys/store");
    let edge = Edge::builder(cache.to_owned() + &config(&[bucket], &["bucket"]))
        .file("keys/store", store.credentials("key"))
        .start();

    let bare = "GET /bucket/film.mp4 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(request(edge.address(), bare).code(), Some("token_missing"));
    let part = ask(&edge, "GET", "/bucket/film.mp4", &["Range: bytes=1000000-1999999"]);
    assert_eq!((part.status, part.body.len()), (206, 1_000_000));
    assert!(part.body == film[1_000_000..2_000_000]);
    let end = ask(&edge, "GET", "/bucket/film.mp4", &["Range: bytes=-7"]);
    assert_eq!((end.status, &*end.body), (206, &film[film.len() - 7..]));
    let whole = ask(&edge, "GET", "/bucket/film.mp4", &[]);
    assert_eq!((whole.status, whole.body.len()), (200, film.len()));
    assert_eq!(Sha256::digest(&whole.body), Sha256::digest(&film));
    assert_eq!(whole.header("x-amz-request-id"), None);
    assert_eq!(whole.header("x-ms-request-id"), None);

    let small = "/bucket/a%20b!+.txt";
    let first = ask(&edge, "GET", small, &[]);
    assert_eq!((first.status, &*first.body), (200, &b"0123456789"[..]));
    assert_eq!(first.header("content-type"), Some("text/plain"));
    let tag = first.header("etag").unwrap().to_owned();
    let head = ask(&edge, "HEAD", "/bucket/film.mp4", &[]);
    let length = film.len().to_string();
    assert_eq!((head.status, head.header("content-length")), (200, Some(&*length)));
    assert_eq!(head.body, b"");
    let same = ask(&edge, "GET", small, &[&format!("If-None-Match: {tag}")]);
    assert_eq!((same.status, &*same.body), (304, &b""[..]));
    assert_eq!(ask(&edge, "GET", small, &["If-Match: \"other\""]).status, 412);
    assert_eq!(ask(&edge, "GET", "/bucket/none", &[]).code(), Some("not_found"));
    let beyond = ask(&edge, "GET", small, &["Range: bytes=10-"]);
    assert_eq!((beyond.status, beyond.code()), (416, Some("range_not_satisfiable")));

    // What is kept needs no bucket: the small one in memory, the film in slices once all are written.
    let began = Instant::now();
    while !is_kept(&ask(&edge, "GET", "/bucket/film.mp4", &[])) {
        assert!(began.elapsed() < Duration::from_secs(30));
    }
    store.delete("bucket/a b!+.txt");
    store.delete("bucket/film.mp4");
    let kept = ask(&edge, "GET", small, &[]);
    assert!(is_kept(&kept), "{:?}", kept.header("cache-status"));
    assert_eq!((kept.status, &*kept.body), (200, &b"0123456789"[..]));
    let kept = ask(&edge, "GET", "/bucket/film.mp4", &[]);
    assert!(is_kept(&kept), "{:?}", kept.header("cache-status"));
    assert_eq!(Sha256::digest(&kept.body), Sha256::digest(&film));
}

#[test]
fn a_link_opens_what_is_in_a_bucket() {
    serves(ObjectStore::s3(&[]));
}

#[test]
fn a_link_opens_what_is_in_a_container() {
    serves(ObjectStore::azure(&[]));
}

#[test]
fn who_may_not_read_the_bucket_is_told_apart_from_who_cannot_reach_it() {
    let store = ObjectStore::s3(&[("wrong/x", b"x"), ("gone/x", b"x")]);
    let wrong = store.origin("wrong", "keys/useless");
    let endpoint = wrong.lines().find(|line| line.starts_with("endpoint")).unwrap();
    let gone = store.origin("gone", "keys/useless").replacen(
        endpoint,
        "endpoint = \"http://127.0.0.1:1\"",
        1,
    );
    let edge = Edge::builder(config(&[wrong, gone], &["wrong", "gone"]))
        .file("keys/useless", store.credentials("useless"))
        .start();
    let refused = ask(&edge, "GET", "/wrong/x", &[]);
    assert_eq!((refused.status, refused.code()), (502, Some("origin_invalid")));
    let refused = ask(&edge, "GET", "/gone/x", &[]);
    assert_eq!((refused.status, refused.code()), (502, Some("origin_unreachable")));
}

/// A key is renewed: the file is replaced, and the next requests are signed with what it says.
#[test]
fn renewed_credentials_are_taken_up() {
    let mut store = ObjectStore::s3(&[("bucket/kept.txt", b"kept")]);
    let bucket = store.origin("bucket", "keys/store");
    let edge = Edge::builder(config(&[bucket], &["bucket"]))
        .file("keys/store", store.credentials("key"))
        .start();
    assert_eq!(ask(&edge, "GET", "/bucket/kept.txt", &[]).status, 200);
    assert_eq!(ask(&edge, "GET", "/bucket/none-0", &[]).status, 404);
    store.roll_key();
    assert_eq!(ask(&edge, "GET", "/bucket/none-1", &[]).code(), Some("origin_invalid"));
    replace(&edge.path("keys/store"), &store.credentials("key"));
    let began = Instant::now();
    let mut number = 2;
    while ask(&edge, "GET", &format!("/bucket/none-{number}"), &[]).status != 404 {
        assert!(began.elapsed() < Duration::from_secs(30), "{number} requests");
        number += 1;
    }
    // It is the same bucket, and what was kept of it stays.
    assert!(is_kept(&ask(&edge, "GET", "/bucket/kept.txt", &[])));
}

#[test]
fn a_bucket_is_registered_and_hashed() {
    let store = ObjectStore::s3(&[
        ("films/a.mp4", b"film"),
        ("films/deep/b c.jpg", b"still"),
        ("beside.mp4", b"x"),
    ]);
    let config = config(&[store.origin("bucket", "keys/store")], &[]);
    let folder = folder_of(&config, &Records::Sqlite, &[]);
    std::fs::write(folder.path().join("keys/store"), store.credentials("key")).unwrap();
    let credentials = application(folder.path(), "catalog.read,catalog.write");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    let pipeline = r#"{"name":"films","origin":"bucket","prefix":"films/"}"#;
    api.ok("POST", "/api/v1/tenants/1/pipelines", pipeline);
    let place = process.path("");
    let scan = || {
        let arguments = ["catalog", "scan", "--config", "countersign.toml", "--tenant", "1"];
        countersign(&place, arguments.into_iter().chain(["--pipeline", "films"]))
    };
    let said = scan();
    assert_eq!(
        said.out, "registered 2 of 2 file(s); 0 known, 0 refused, 0 passed over\n",
        "{said:?}"
    );
    let said = scan();
    assert_eq!(
        said.out, "registered 0 of 2 file(s); 2 known, 0 refused, 0 passed over\n",
        "{said:?}"
    );

    let list = api.ok("GET", "/api/v1/tenants/1/contents", "");
    let contents = list["items"].as_array().unwrap();
    let is_film = |content: &&Value| content["kind"] == "VIDEO";
    let content = contents.iter().find(is_film).unwrap_or_else(|| panic!("{list}"));
    let file = api.hashed_file(content);
    assert_eq!(file["sha256"], hex::encode(Sha256::digest(b"film")));
}
