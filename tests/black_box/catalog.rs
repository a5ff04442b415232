//! A site whose files are those of its catalog: what is published opens, versions are switched under
//! one URL, and what is hidden looks as if it had never been.

use std::net::SocketAddr;

use countersign::catalog::{FileKind, Publication};
use countersign::policy::Opening;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::catalog::{Hashed, Shelf, ShelfFile, source, tag};
use crate::support::command::countersign;
use crate::support::control::{ApiClient, Records, application, folder_of, start};
use crate::support::edge::{NOW, usual_config};
use crate::support::links::token;
use crate::support::load::Load;
use crate::support::process::Process;
use crate::support::raw_client::{self, Answer};
use crate::support::recording_origin::RecordingOrigin;

/// What is pushed must be in force within this; the promise is a second.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

const FILM: &str = "-civ9qE3JUjntKQM1HnGtU";

/// The usual configuration, whose site has a catalog. `site` goes into the site.
fn config(site: &str) -> String {
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    let config = usual_config("", site);
    assert!(config.contains(of_template), "{config}");
    config.replacen(of_template, "assets = { catalog = true }", 1)
}

fn running(folder: TempDir, records: &Records) -> (Process, Shelf) {
    let process = start(folder);
    let shelf = Shelf::open(records, &process.path(""));
    (process, shelf)
}

fn with_token(path: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{path}{separator}__token__={}", token("/private/*"))
}

/// A GET with these header lines, each with its end.
fn get_with(edge: SocketAddr, target: &str, lines: &str) -> Answer {
    let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\n{lines}\r\n");
    raw_client::request(edge, &head)
}

/// Asks until the answer is right, and gives it.
fn until(edge: SocketAddr, target: &str, is_right: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = raw_client::get(edge, target);
        if is_right(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{target} is still {answer:?}");
        std::thread::yield_now();
    }
}

fn until_status(edge: SocketAddr, target: &str, status: u16) -> Answer {
    until(edge, target, |answer| answer.status == status)
}

fn path() -> String {
    format!("/private/videos/{FILM}/source")
}

fn publishing(records: &Records) {
    let folder = folder_of(&config(""), records, &[("v1/film.mp4", "the film")]);
    let credentials = application(folder.path(), "overrides.admin");
    let (process, shelf) = running(folder, records);
    let (edge, api) = (process.address(), ApiClient::log_in(process.control(), &credentials));
    let (public, link) = (format!("/public/videos/{FILM}/source"), with_token(&path()));
    assert_eq!(raw_client::get(edge, &public).status, 403);
    assert_eq!(raw_client::get(edge, &link).status, 404);

    let pipeline = shelf.pipeline("media", "v1/");
    shelf.add(FILM, Publication::Published, &[source(pipeline, "film.mp4", "the film")]);
    let answer = until_status(edge, &link, 200);
    assert_eq!(answer.body, b"the film");
    for (name, expected) in [
        ("etag", Some(tag("the film").as_str())),
        ("content-type", Some("video/mp4")),
        ("content-disposition", Some("inline; filename=\"Der Film.mp4\"")),
        ("accept-ranges", Some("bytes")),
        ("last-modified", None),
    ] {
        assert_eq!(answer.header(name), expected, "{name}");
    }
    assert_eq!(raw_client::get(edge, &public).status, 403);

    // Open to everybody while it is published, and by the override.
    let video = format!("/v1/vms/1/videos/{FILM}/security-override");
    api.ok("POST", &video, r#"{"scope":"public"}"#);
    until_status(edge, &public, 200);
    shelf.publish(FILM, Publication::Unpublished);
    until_status(edge, &public, 403);
    assert_eq!(raw_client::get(edge, &link).status, 404);
    assert_eq!(raw_client::get(edge, &path()).status, 403);
    shelf.publish(FILM, Publication::Published);
    until_status(edge, &public, 200);
    // There is no such format, and whoever may have the content may know it.
    assert_eq!(raw_client::get(edge, &format!("/public/videos/{FILM}/formats/hd")).status, 404);
    shelf.remove(FILM);
    until_status(edge, &public, 403);
    assert_eq!(raw_client::get(edge, &link).status, 404);
    let (exit, _) = process.stop();
    assert_eq!(exit, Some(0));
}

#[test]
fn what_is_published_opens_on_sqlite() {
    publishing(&Records::Sqlite);
}

#[test]
fn what_is_published_opens_on_postgresql() {
    publishing(&Records::on_postgres("catalog"));
}

/// The same URL serves the new version under a new tag, though everything of the old one is kept,
/// and nobody who resumes gets half of each.
#[test]
fn a_version_is_switched_under_its_url() {
    let files = [("v1/film.mp4", "version one"), ("v2/film.mp4", "version two")];
    let kept = "cache = \"on\"\ndefault_ttl = \"1h\"";
    let folder = folder_of(&config(kept), &Records::Sqlite, &files);
    let (process, shelf) = running(folder, &Records::Sqlite);
    let (edge, link) = (process.address(), with_token(&path()));
    let (one, two) = (tag("version one"), tag("version two"));
    let first = shelf.pipeline("media", "v1/");
    shelf.add(FILM, Publication::Published, &[source(first, "film.mp4", "version one")]);
    until_status(edge, &link, 200);
    until(edge, &link, |answer| answer.header("cache-status").unwrap().contains("hit"));
    let same = get_with(edge, &link, &format!("If-None-Match: {one}\r\n"));
    assert_eq!((same.status, same.header("etag")), (304, Some(one.as_str())));
    let rest = get_with(edge, &link, &format!("Range: bytes=8-\r\nIf-Range: {one}\r\n"));
    assert_eq!((rest.status, rest.body), (206, b"one".to_vec()));

    let second = shelf.pipeline("media", "v2/");
    shelf.switch(FILM, &[source(second, "film.mp4", "version two")]);
    let answer = until(edge, &link, |answer| answer.header("etag") == Some(&two));
    assert_eq!(answer.body, b"version two");
    for (lines, status, body) in [
        (format!("If-None-Match: {one}\r\n"), 200, "version two"),
        (format!("If-None-Match: {two}\r\n"), 304, ""),
        (format!("If-Match: {one}\r\n"), 412, ""),
        (format!("Range: bytes=8-\r\nIf-Range: {one}\r\n"), 200, "version two"),
        (format!("Range: bytes=8-\r\nIf-Range: {two}\r\n"), 206, "two"),
        // An older file may be the newer version: dates decide nothing.
        ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n".to_owned(), 200, "version two"),
    ] {
        let answer = get_with(edge, &link, &lines);
        assert_eq!(answer.status, status, "{lines:?}");
        assert_eq!(String::from_utf8_lossy(&answer.body), body, "{lines:?}");
    }

    // Written over in its place, and registered anew: what is kept is of other bytes.
    std::fs::write(process.path("media/v2/film.mp4"), "version 333").unwrap();
    shelf.switch(FILM, &[source(second, "film.mp4", "version 333")]);
    let three = tag("version 333");
    let answer = until(edge, &link, |answer| answer.header("etag") == Some(&three));
    assert_eq!(answer.body, b"version 333");
}

/// Two files that nobody has read yet, of an origin that calls both the same.
#[test]
fn versions_without_a_digest_have_tags_of_their_own() {
    let origin = RecordingOrigin::serving(b"eleven byte".to_vec());
    let config = config("") + &origin.config("deny");
    let folder = folder_of(&config, &Records::Sqlite, &[]);
    let (process, shelf) = running(folder, &Records::Sqlite);
    let (edge, link) = (process.address(), with_token(&path()));
    let pipeline = shelf.pipeline("up", "");
    let unread = |key| [ShelfFile { hashed: Hashed::No, ..source(pipeline, key, "eleven byte") }];
    shelf.add(FILM, Publication::Published, &unread("one"));
    let first = until_status(edge, &link, 200).header("etag").unwrap().to_owned();
    assert!(first.ends_with("-v1\""), "{first}");
    let lines = format!("If-None-Match: {first}\r\n");
    assert_eq!(get_with(edge, &link, &lines).status, 304);
    let lines = format!("Range: bytes=7-\r\nIf-Range: {first}\r\n");
    assert_eq!(get_with(edge, &link, &lines).body, b"byte");
    shelf.switch(FILM, &unread("two"));
    let next = until(edge, &link, |answer| answer.header("etag") != Some(&first));
    // Where it was read in the background meanwhile, it has its digest for a tag.
    let next = next.header("etag").unwrap();
    assert!(next.ends_with("-v1\"") || next == tag("eleven byte"), "{next}");
    let lines = format!("Range: bytes=7-\r\nIf-Range: {first}\r\n");
    let answer = get_with(edge, &link, &lines);
    assert_eq!((answer.status, answer.body), (200, b"eleven byte".to_vec()));
    for head in origin.heads() {
        assert!(!head.contains(first.trim_matches('"')), "{head}");
    }
}

/// Bytes that were exchanged behind the catalog's back are not sent under its name.
#[test]
fn an_object_that_is_another_is_not_served() {
    for site in ["", "cache = \"on\"\ndefault_ttl = \"1h\""] {
        let folder = folder_of(&config(site), &Records::Sqlite, &[("film.mp4", "another film")]);
        let (process, shelf) = running(folder, &Records::Sqlite);
        let (edge, link) = (process.address(), with_token(&path()));
        let pipeline = shelf.pipeline("media", "");
        let elsewhere = shelf.pipeline("gone", "");
        shelf.add(FILM, Publication::Published, &[source(pipeline, "film.mp4", "the film")]);
        shelf.add("lost", Publication::Published, &[source(elsewhere, "film.mp4", "the film")]);
        let refused = until_status(edge, &link, 502);
        assert_eq!(refused.code(), Some("origin_invalid"));
        let said = process.wait_for(|line| line["code"] == "origin_invalid");
        let error = said["error"].as_str().unwrap();
        assert!(error.contains("it has 12 bytes, and was registered with 8"), "{error}");

        // Put back, it is served at once: what was wrong is not kept.
        std::fs::write(process.path("media/film.mp4"), "the film").unwrap();
        assert_eq!(raw_client::get(edge, &link).body, b"the film", "{site}");

        let lost = raw_client::get(edge, &with_token("/private/videos/lost/source"));
        assert_eq!((lost.status, lost.code()), (502, Some("origin_invalid")));
        let said = process.wait_for(|line| {
            let error = line["error"].as_str().unwrap_or_default();
            error.contains("the configuration has no such origin")
        });
        assert!(said["error"].as_str().unwrap().contains("\"gone\""), "{said}");
    }
}

/// All that an answer says, without what is different in every answer.
fn comparable(answer: &Answer) -> String {
    let id = answer.header("x-request-id").unwrap().to_owned();
    // The length of the body, which is compared itself, grows with the id's count.
    let own = |name: &str| ["x-request-id", "date", "content-length"].contains(&name);
    let headers = answer.headers.iter().filter(|(name, _)| !own(name));
    let head: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(body.contains(&id), "{body}");
    format!("{}\n{}\n\n{}", answer.status, head.join("\n"), body.replace(&id, "ID"))
}

/// G15, G16: protected, not published, over, removed and never there are one answer, byte for byte,
/// and the origin hears of none of them.
#[test]
fn what_is_hidden_is_never_told() {
    let origin = RecordingOrigin::serving(b"the film".to_vec());
    let config = config("") + &origin.config("deny");
    let folder = folder_of(&config, &Records::Sqlite, &[]);
    let credentials = application(folder.path(), "overrides.admin");
    let (process, shelf) = running(folder, &Records::Sqlite);
    let (edge, api) = (process.address(), ApiClient::log_in(process.control(), &credentials));
    let pipeline = shelf.pipeline("up", "");
    let file = [source(pipeline, "film", "the film")];
    for (id, publication) in [
        ("hidden-and-opened", Publication::Unpublished),
        ("hidden", Publication::Unpublished),
        ("removed", Publication::Published),
        ("shown", Publication::Published),
    ] {
        shelf.add(id, publication, &file);
    }
    let folder = shelf.folder(
        "press",
        &[ShelfFile { kind: FileKind::Attachment, slot: "Logo", variant: "a.png", ..file[0] }],
    );
    api.ok("POST", "/v1/vms/1/videos/hidden-and-opened/security-override", r#"{"scope":"public"}"#);
    shelf.remove("removed");
    shelf.add("last", Publication::Published, &file);
    until_status(edge, &with_token("/private/videos/last/source"), 200);
    let asked_before = origin.heads().len();

    let ids = ["hidden", "hidden-and-opened", "removed", "never"];
    for (shown, prefix, more) in [
        ("shown", "public", ""),
        ("shown", "private", ""),
        ("shown", "private", "&__token__=nonsense"),
        ("shown", "public", &*format!("&__token__={}", token("/private/videos/other/*"))),
        ("shown", "private", &*format!("&__token__={}", token("/private/videos/other/*"))),
    ] {
        let ask = |id: &str| {
            let link = format!("/{prefix}/videos/{id}/source?cache-buster=1{more}");
            comparable(&raw_client::get(edge, &link))
        };
        let protected = ask(shown);
        assert!(protected.starts_with("403"), "{protected}");
        for id in ids {
            assert_eq!(ask(id), protected, "{id} {prefix} {more}");
        }
    }
    let unknown = comparable(&raw_client::get(edge, &with_token("/private/videos/never/source")));
    assert!(unknown.starts_with("404"), "{unknown}");
    for path in [
        "/private/videos/hidden/source",
        "/private/videos/hidden-and-opened/source",
        "/private/videos/removed/source",
        "/private/videos/shown/formats/hd",
        "/private/videos/shown/thumbnails/1?quality=..%2Fsource",
        &format!("/private/channels/{folder}/attachments/Logo/b.png"),
        "/private/channels/99/attachments/Logo/a.png",
    ] {
        assert_eq!(comparable(&raw_client::get(edge, &with_token(path))), unknown, "{path}");
    }
    assert_eq!(origin.heads().len(), asked_before, "the origin was asked");

    let attachment = with_token(&format!("/private/channels/{folder}/attachments/Logo/a.png"));
    assert_eq!(raw_client::get(edge, &attachment).body, b"the film");
    assert_eq!(raw_client::get(edge, &with_token("/private/videos/shown/source")).status, 200);
    assert_eq!(origin.heads().len(), asked_before + 2);
}

/// A version that publishes a content takes back what opened it, and the reverse: it is never open.
/// Beside it versions of another content are switched: each answer is one of them, whole.
#[test]
fn nothing_is_open_and_nothing_is_missing_between_two_versions() {
    let records = Records::on_postgres("between");
    let folder = folder_of(&config(""), &records, &[("one", "version one"), ("two", "version 2")]);
    let (process, shelf) = running(folder, &records);
    let edge = process.address();
    let pipeline = shelf.pipeline("media", "");
    let versions = [source(pipeline, "one", "version one"), source(pipeline, "two", "version 2")];
    shelf.add("seesaw", Publication::Unpublished, &versions[..1]);
    shelf.add("switched", Publication::Published, &versions[..1]);
    let seesaw = "/public/videos/seesaw/source";
    let switched = with_token("/private/videos/switched/source");
    until_status(edge, &switched, 200);
    let load = Load::start(edge, 4, 2_000, move |client, number| {
        let answer = client.get(if number % 2 == 0 { seesaw } else { &switched })?;
        let body = String::from_utf8_lossy(&answer.body);
        match (number % 2, answer.status) {
            (0, 403) => Ok(()),
            (1, 200) if answer.header("etag") == Some(&tag(&body)) => Ok(()),
            _ => Err(format!("{number}: {answer:?}")),
        }
    });
    for round in 0..60 {
        let (publication, opens) = match round % 2 {
            0 => (Publication::Unpublished, Some(Opening::Everything)),
            _ => (Publication::Published, None),
        };
        shelf.publish_and_open("seesaw", publication, opens);
        shelf.switch("switched", &[versions[(round + 1) % 2]]);
    }
    until(edge, &with_token("/private/videos/switched/source"), |answer| {
        answer.body == b"version one"
    });
    let report = load.stop();
    report.print("between versions");
    report.assert_good(200);
}

/// Whoever is refused is told by the catalog that is in force; and a restart begins with it.
#[test]
fn a_catalog_is_explained_and_survives_a_kill() {
    let folder = folder_of(&config(""), &Records::Sqlite, &[("film.mp4", "the film")]);
    let (process, shelf) = running(folder, &Records::Sqlite);
    let pipeline = shelf.pipeline("media", "");
    let file = [source(pipeline, "film.mp4", "the film")];
    shelf.add(FILM, Publication::Published, &file);
    shelf.add("draft", Publication::Unpublished, &file);
    until_status(process.address(), &with_token(&path()), 200);
    drop(shelf);
    let process = start(process.kill());
    let link = with_token(&path());
    // From its first answer on: nothing is served before.
    assert_eq!(raw_client::get(process.address(), &link).status, 200);

    let explain = |target: &str| {
        let now = NOW.to_string();
        let said = countersign(
            process.path("").as_path(),
            ["explain", "--config", "countersign.toml", "--json", "--now", &now, target],
        );
        let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let steps = told["steps"].as_array().unwrap().iter();
        let catalog = steps.filter(|step| step["step"] == "catalog").map(|it| &it["outcome"]);
        let catalog: Vec<_> = catalog.map(|it| it.as_str().unwrap()).collect();
        let near = told["near_misses"].to_string();
        (format!("{} {}", told["code"].as_str().unwrap(), told["status"]), catalog.join(" "), near)
    };
    let nothing = "[]".to_owned();
    let of = |text: &str| text.to_owned();
    assert_eq!(explain(&link), (of("ok 200"), of("it is published"), nothing.clone()));
    let (code, catalog, near) = explain(&with_token("/private/videos/draft/source"));
    assert_eq!((code.as_str(), catalog.as_str()), ("not_found 404", "it is not published"));
    assert!(near.contains("published and in a period of its publication"), "{near}");
    let (code, catalog, near) = explain(&with_token("/private/videos/x/source"));
    assert_eq!((code.as_str(), catalog.as_str()), ("not_found 404", "the catalog has no such id"));
    assert!(near.contains("a content or folder of tenant 1 with this id"), "{near}");
    let (code, catalog, _) = explain("/public/videos/draft/source");
    assert_eq!((code.as_str(), catalog.as_str()), ("token_missing 403", "it is not published"));
    let (code, catalog, _) = explain(&with_token(&format!("/private/videos/{FILM}/formats/hd")));
    let expected = ("not_found 404", "the catalog has no such file of it");
    assert_eq!((code.as_str(), catalog.as_str()), expected);
}
