//! `countersign catalog scan`: what a folder holds becomes contents, once.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::Value;

use crate::support::command::{Said, countersign};
use crate::support::control::{ApiClient, Records, application, folder, start};

const PIPELINE: &str = r#"{"name":"films","origin":"media","prefix":"films/"}"#;

fn scan(folder: &Path, more: &[&str]) -> Said {
    let mut arguments = vec!["catalog", "scan", "--config", "countersign.toml", "--tenant", "1"];
    arguments.extend(more);
    countersign(folder, arguments)
}

fn titles(api: &ApiClient) -> Vec<(String, String)> {
    let list = api.ok("GET", "/api/v1/tenants/1/contents", "");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let contents = list["items"].as_array().unwrap();
    let mut titles: Vec<_> =
        contents.iter().map(|it| (text(&it["kind"]), text(&it["texts"][0]["title"]))).collect();
    titles.sort();
    titles
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(kind, title)| ((*kind).to_owned(), (*title).to_owned())).collect()
}

fn registers(records: &Records) {
    let films = [("films/a.mp4", "film"), ("films/deep/b c.jpg", "still"), ("beside.mp4", "x")];
    let folder = folder(records, &films);
    let credentials = application(folder.path(), "catalog.read,catalog.write");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    let place = process.path("");
    let films = ["--pipeline", "films"];
    let missing = scan(&place, &films);
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.err.contains("tenant 1 has no pipeline \"films\""), "{missing:?}");
    api.ok("POST", "/api/v1/tenants/1/pipelines", PIPELINE);
    symlink("/etc", place.join("media/films/etc")).unwrap();
    std::fs::write(place.join("media/films/back\\slash.mp4"), "x").unwrap();

    let tried = scan(&place, &["--pipeline", "films", "--dry-run"]);
    assert_eq!(
        tried.out, "would register 2 of 3 file(s); 0 known, 1 refused, 1 passed over\n",
        "{tried:?}"
    );
    assert_eq!(titles(&api), []);
    let first = scan(&place, &films);
    assert_eq!(first.status, 1, "{first:?}");
    assert_eq!(
        first.out, "registered 2 of 3 file(s); 0 known, 1 refused, 1 passed over\n",
        "{first:?}"
    );
    assert!(first.err.contains("not registered: back\\slash.mp4: "), "{first:?}");
    assert!(first.err.contains("media/films/etc: a symbolic link"), "{first:?}");
    // No bar where nobody looks.
    assert!(!first.err.contains("files,"), "{first:?}");
    assert_eq!(titles(&api), pairs(&[("IMAGE", "b c"), ("VIDEO", "a")]));

    // What is there stays, what is new comes to it.
    std::fs::remove_file(place.join("media/films/back\\slash.mp4")).unwrap();
    std::fs::write(place.join("media/films/deep/c.unknown"), "x").unwrap();
    let again = scan(&place, &["--pipeline", "films", "--publish", "--language", "en"]);
    assert_eq!(again.status, 0, "{again:?}");
    assert_eq!(again.out, "registered 1 of 3 file(s); 2 known, 0 refused, 1 passed over\n");
    let published = api.ok("GET", "/api/v1/tenants/1/contents?publication=published", "");
    let [content] = &published["items"].as_array().unwrap()[..] else { panic!("{published}") };
    assert_eq!(
        (&content["kind"], &content["texts"][0]["language"]),
        (&"OTHER".into(), &"en".into())
    );
    let (id, version) =
        (content["id"].as_str().unwrap(), content["active_version"].as_str().unwrap());
    let files = format!("/api/v1/tenants/1/contents/{id}/versions/{version}/files");
    let file = &api.ok("GET", &files, "")["items"][0];
    assert_eq!(
        (&file["key"], &file["size"], &file["kind"]),
        (&"deep/c.unknown".into(), &1.into(), &"source".into())
    );
}

/// What a scan registers is read by the program that runs, and what it is comes to be known; also
/// what was registered while it was down.
#[test]
fn what_is_registered_is_hashed_in_the_background() {
    let folder = folder(&Records::Sqlite, &[("films/a.mp4", "film")]);
    let credentials = application(folder.path(), "catalog.read,catalog.write");
    let mut process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    api.ok("POST", "/api/v1/tenants/1/pipelines", PIPELINE);
    let folder = process.kill();
    let said = scan(folder.path(), &["--pipeline", "films"]);
    assert_eq!(said.out, "registered 1 of 1 file(s); 0 known, 0 refused, 0 passed over\n");
    process = start(folder);
    let api = api.at(process.control());
    let list = api.ok("GET", "/api/v1/tenants/1/contents", "");
    let content = &list["items"][0];
    let file = api.hashed_file(content);
    let film = "d0607f7ad2628b2af9158dfba06ce87166e66b15bf68f8f358f9aa27ccb7c321";
    assert_eq!((&file["sha256"], &file["crc32"]), (&film.into(), &2_185_543_202_u32.into()));
}

#[test]
fn a_folder_is_registered_once_on_sqlite() {
    registers(&Records::Sqlite);
}

#[test]
fn a_folder_is_registered_once_on_postgresql() {
    registers(&Records::on_postgres("scan"));
}

#[test]
fn what_cannot_be_scanned_is_said() {
    let folder = folder(&Records::Sqlite, &[("a.mp4", "film")]);
    let config = folder.path().join("countersign.toml");
    let mut text = std::fs::read_to_string(&config).unwrap();
    for name in ["far", "once"] {
        let origin = format!("\n[[origin]]\nname = \"{name}\"\nkind = \"http\"\n");
        text.push_str(&origin);
        text.push_str("url = \"http://127.0.0.1:9\"\n");
    }
    std::fs::write(&config, text).unwrap();
    let credentials = application(folder.path(), "catalog.read,catalog.write");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    let place = process.path("");
    for (name, origin, prefix) in
        [("far", "far", ""), ("unknown", "once", ""), ("gone", "media", "gone/")]
    {
        let body = format!(r#"{{"name":"{name}","origin":"{origin}","prefix":"{prefix}"}}"#);
        api.ok("POST", "/api/v1/tenants/1/pipelines", &body);
    }
    let config = process.path("countersign.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replacen("name = \"once\"", "name = \"now\"", 1)).unwrap();
    for (name, why) in [
        ("far", "a server cannot be listed"),
        ("unknown", "the configuration has no origin once"),
        ("gone", "gone/ cannot be listed"),
    ] {
        let said = scan(&place, &["--pipeline", name]);
        assert_eq!((said.status, &*said.out), (1, ""), "{said:?}");
        assert!(said.err.contains(why), "{said:?}");
    }
    let said = scan(&place, &["--pipeline", "gone", "--folder", "99"]);
    assert!(said.err.contains("or not that folder"), "{said:?}");
}
