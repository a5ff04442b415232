//! The page of a share in a browser, as whoever was given its address meets it (C5, C10, C12, C13, C17 to C23):
//! its gate, what is shown and how it looks, and what is saved.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::renditions::judge;
use crate::support::browser::walk;
use crate::support::command::said;
use crate::support::control::{
    ApiClient, Records, application, exchange, folder_of, say_where_the_site_is,
};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::tools::tool;

const PASSWORD: &str = "spring tide";

/// What opens the console.
const ANNS: &str = "right horse battery";

const FILM: &[u8] = include_bytes!("../../src/cli/demo/samples/clip.mp4");
const PICTURE: &[u8] = include_bytes!("../../src/cli/demo/samples/still-720p.jpg");
const SMALL_PICTURE: &[u8] = include_bytes!("../../src/cli/demo/samples/still-360p.jpg");
const TEXTS: &[u8] = include_bytes!("../../src/cli/demo/samples/subtitles.vtt");
const PAPER: &[u8] = include_bytes!("../../src/cli/demo/samples/handout.pdf");

/// What the origin has.
const FILES: [(&str, &[u8]); 5] = [
    ("film.mp4", FILM),
    ("picture.jpg", PICTURE),
    ("small.jpg", SMALL_PICTURE),
    ("texts.vtt", TEXTS),
    ("paper.pdf", PAPER),
];

/// Contents for more pages than have their numbers in a row.
const MANY: usize = 425;

/// A program of both planes with something to share.
struct Scene {
    process: Process,
    api: ApiClient,
    contents: Vec<String>,
    pipeline: u64,
}

fn file(pipeline: u64, kind: &str, (slot, variant): (&str, &str), key: &str) -> Value {
    let (_, bytes) = FILES.iter().find(|(name, _)| *name == key).unwrap();
    json!({
        "kind": kind, "slot": slot, "variant": variant, "pipeline": pipeline, "key": key,
        "name": key, "size": bytes.len(),
    })
}

fn post(api: &ApiClient, noun: &str, body: &Value) -> Value {
    api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
}

fn text(title: &str) -> Value {
    json!([{"language": "en", "title": title, "description": "What is to be known of it."}])
}

impl Scene {
    fn start() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let folder = folder_of(&config, &Records::Sqlite, &[("texts.vtt", "")]);
        for (name, bytes) in FILES {
            std::fs::write(folder.path().join("media").join(name), bytes).unwrap();
        }
        let scopes = "accounts.admin,audit.read,catalog.read,catalog.write,settings.admin,\
                      shares.write";
        let credentials = application(folder.path(), scopes);
        // Browsers know no other time than the wall's.
        let process = Process::start(folder, &[]);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        keep_secret(PASSWORD);
        let made = post(&api, "pipelines", &json!({"name": "media", "origin": "media"}));
        let pipeline = made["number"].as_u64().unwrap();
        let small = file(pipeline, "thumbnail", ("1", "360p"), "small.jpg");
        let large = file(pipeline, "thumbnail", ("1", "720p"), "picture.jpg");
        let film = json!({
            "kind": "VIDEO", "publication": "published", "texts": text("Harbour at dawn"),
            "files": [
                file(pipeline, "source", ("", ""), "film.mp4"),
                file(pipeline, "format", ("hd", ""), "film.mp4"),
                file(pipeline, "subtitle", ("en", "VTT"), "texts.vtt"),
                small, large,
            ],
        });
        let mut original = file(pipeline, "source", ("", ""), "picture.jpg");
        (original["width"], original["height"]) = (json!(1_280), json!(720));
        let picture = json!({
            "kind": "IMAGE", "publication": "published", "texts": text("Lighthouse"),
            "files": [original],
        });
        let paper = json!({
            "kind": "OTHER", "publication": "published", "texts": text("Price list"),
            "files": [file(pipeline, "source", ("", ""), "paper.pdf")],
        });
        let made = [film, picture, paper].map(|body| post(&api, "contents", &body));
        let contents = made.iter().map(|made| made["id"].as_str().unwrap().to_owned()).collect();
        Self { process, api, contents, pipeline }
    }

    /// The address of a share of a folder with so many pictures.
    fn many(&self, count: usize) -> String {
        let folder = post(&self.api, "folders", &json!({"name": "Many"}))["number"].clone();
        let known = |kind, place| {
            let mut known = file(self.pipeline, kind, place, "small.jpg");
            known["sha256"] = json!(hex::encode(Sha256::digest(SMALL_PICTURE)));
            known["crc32"] = json!(crc32fast::hash(SMALL_PICTURE));
            known
        };
        let files = json!([known("thumbnail", ("1", "360p")), known("format", ("web", ""))]);
        let line = |number: usize| {
            let body = json!({
                "kind": "IMAGE", "publication": "published", "folder": folder, "files": files,
                "texts": text(&format!("Picture {number}")),
            });
            format!("{body}\n")
        };
        let lines: Vec<String> = (1..=count).map(line).collect();
        let token = self.api.token();
        let head =
            format!("Authorization: Bearer {token}\r\nContent-Type: application/x-ndjson\r\n");
        let path = "/api/v1/tenants/1/contents/import";
        // Some at a time: each answer is waited for only so long.
        for some in lines.chunks(1_000) {
            let report = exchange(self.api.address(), "POST", path, &head, &some.concat()).body;
            let expected = (&json!(some.len()), &Value::Null);
            assert_eq!((&report["created"], &report["stopped"]), expected);
        }
        self.share("Many", &json!({"contents": null, "folder": folder}))
    }

    /// The address of a share of a thing that turns, a list of films, and a document.
    fn kinds(&self) -> String {
        let frame = |slot, key| file(self.pipeline, "format", (slot, ""), key);
        let frames = [frame("3", "small.jpg"), frame("1", "small.jpg"), frame("2", "picture.jpg")];
        let film = || {
            json!({
                "kind": "VIDEO", "publication": "published", "texts": text("Part"),
                "files": [frame("hd", "film.mp4")],
            })
        };
        let made = [
            json!({
                "kind": "IMAGE_360", "publication": "published", "texts": text("Teapot"),
                "files": frames,
            }),
            json!({"kind": "PLAYLIST", "publication": "published", "texts": text("Show reel")}),
            film(),
            film(),
        ]
        .map(|body| post(&self.api, "contents", &body)["id"].as_str().unwrap().to_owned());
        let [ring, list, first, second] = &made;
        let inside = |content: &String| json!({"relation": "enclosed", "content": content});
        let links = json!({"items": [inside(first), inside(second)]}).to_string();
        self.api.ok("PUT", &format!("/api/v1/tenants/1/contents/{list}/links"), &links);
        let contents = [ring, list, &self.contents[2], first, second];
        self.share("All kinds", &json!({"contents": contents}))
    }

    /// The address of a share of the three contents, or of what else is said of it.
    fn share(&self, title: &str, more: &Value) -> String {
        let mut body = json!({"title": title, "contents": self.contents, "download": true});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let made = post(&self.api, "shares", &body);
        made["url"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    }

    fn gated(&self) -> String {
        let more = json!({
            "password": PASSWORD, "terms": "For editorial use only.\n\nName the photographer.",
            "message": "Here is what we talked about.",
        });
        self.share("Spring campaign", &more)
    }

    /// Has a browser take these walks; the files that it saved.
    fn walk(&self, walks: &[&str], shares: &Value) -> Vec<PathBuf> {
        let base = format!("http://{}", self.process.address());
        let told = json!({
            "base": base, "password": PASSWORD, "shares": shares, "saved": self.process.path("."),
        });
        let out = walk(&self.process, "shares.cjs", walks, &told);
        out.lines().filter_map(|line| line.strip_prefix("saved: ")).map(PathBuf::from).collect()
    }
}

/// Which of the origin's files these bytes are.
fn known(bytes: &[u8]) -> &'static str {
    FILES.iter().find(|(_, own)| *own == bytes).map_or("none", |(name, _)| name)
}

/// What is in an archive: judged by `unzip`, which also tests it.
fn unzipped(path: &Path) -> Vec<&'static str> {
    let tested = said(Command::new("unzip").arg("-tqq").arg(path), b"");
    assert_eq!(tested.status, 0, "{tested:?}");
    let names = said(Command::new("unzip").arg("-Z1").arg(path), b"");
    let bytes = |name| Command::new("unzip").arg("-p").arg(path).arg(name).output().unwrap().stdout;
    names.out.lines().map(|name| known(&bytes(name))).collect()
}

#[test]
fn a_share_is_opened_looked_at_and_saved_wherever_its_address_is_opened() {
    let scene = Scene::start();
    let shares = json!({"gated": scene.gated()});
    let saved = scene.walk(&["wide", "narrow", "no scripts"], &shares);
    assert_eq!(saved.len(), 9);
    for files in saved.chunks(3) {
        let [one, some, all] = files else { panic!("{files:?}") };
        assert_eq!(known(&std::fs::read(one).unwrap()), "picture.jpg");
        let name = some.file_name().unwrap().to_str().unwrap();
        assert!(name.ends_with("Spring campaign.zip"), "{name}");
        assert_eq!(unzipped(some), ["film.mp4", "paper.pdf"]);
        assert_eq!(unzipped(all), ["film.mp4", "picture.jpg", "paper.pdf"]);
    }
    // All of it is known, and by which share.
    let shares = scene.api.ok("GET", "/api/v1/tenants/1/shares", "");
    let share = shares["items"][0]["id"].as_str().unwrap();
    let history = format!("/api/v1/tenants/1/shares/{share}/history");
    let events = scene.api.ok("GET", &history, "");
    let kinds = events["items"].as_array().unwrap().iter();
    let count = |wanted: &str| kinds.clone().filter(|it| it["kind"] == wanted).count();
    assert_eq!(
        ["password_failed", "terms_accepted", "downloaded"].map(count),
        [3, 3, 9],
        "{events}"
    );
    let listed = || {
        let all = scene.api.ok("GET", "/api/v1/tenants/1/download-events?limit=1000", "");
        let own = |it: &&Value| it["link"].as_str().is_some_and(|it| it.starts_with(share));
        let whole = |it: &&Value| it["path"].as_str().unwrap().ends_with("/source");
        all["items"].as_array().unwrap().iter().filter(own).filter(whole).count()
    };
    wait_until("each is told by the edge", || listed() >= 3);
}

#[test]
fn a_share_is_pleasant_with_scripts_and_by_keyboard_alone() {
    let scene = Scene::start();
    let open = scene.share("For everybody", &json!({}));
    let shares = json!({"gated": scene.gated(), "open": open});
    scene.walk(&["scripts", "keyboard"], &shares);
    // The script said that somebody looked.
    let shares = scene.api.ok("GET", "/api/v1/tenants/1/shares", "");
    let shares = shares["items"].as_array().unwrap();
    let open = shares.iter().find(|it| it["title"] == "For everybody").unwrap();
    let events = format!("/api/v1/tenants/1/shares/{}/history", open["id"].as_str().unwrap());
    let events = scene.api.ok("GET", &events, "");
    let viewed = events["items"].as_array().unwrap().iter();
    assert_eq!(viewed.filter(|it| it["kind"] == "viewed").count(), 1, "{events}");
}

#[test]
fn c2_things_turn_lists_play_on_and_documents_are_shown() {
    let scene = Scene::start();
    let saved = scene.walk(&["kinds"], &json!({"kinds": scene.kinds()}));
    // G28: in the order of its frames, which are not of one size.
    assert_eq!(unzipped(&saved[0]), ["small.jpg", "picture.jpg", "small.jpg"]);
}

#[test]
fn c23_a_picture_is_saved_in_a_format_of_ones_own_in_a_browser() {
    let scene = Scene::start();
    let shares = json!({"open": scene.share("For everybody", &json!({}))});
    let saved = scene.walk(&["a format of their own"], &shares);
    assert_eq!(saved.len(), 2);
    for path in saved {
        assert!(path.to_str().unwrap().ends_with("-picture.png"), "{path:?}");
        let bytes = std::fs::read(path).unwrap();
        let (signature, rest) = bytes.split_at(16);
        assert!(signature.starts_with(b"\x89PNG"));
        assert_eq!(rest[..8], [0, 0, 0, 200, 0, 0, 0, 200]);
    }
}

#[test]
fn pages_of_very_many_are_gone_about_in() {
    let scene = Scene::start();
    scene.walk(&["pages"], &json!({"many": scene.many(MANY)}));
}

/// C5: as many as a share may have.
#[test]
fn c5_pages_of_ten_thousand_stay_small() {
    let scene = Scene::start();
    scene.walk(&["ten thousand"], &json!({"many": scene.many(10_000)}));
}

/// C23: a part that is drawn on the picture, moved by keys, or typed.
#[test]
fn c23_a_part_of_a_picture_is_saved_in_a_browser() {
    let scene = Scene::start();
    let shares = json!({"open": scene.share("For everybody", &json!({}))});
    let saved = scene.walk(&["a part of it"], &shares);
    let pngs: Vec<Vec<u8>> = saved.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let [drawn, typed] = &*pngs else { panic!("{saved:?}") };
    for png in [drawn, typed] {
        assert!(png.starts_with(b"\x89PNG"));
        assert_eq!(png[16..24], [0, 0, 2, 128, 0, 0, 1, 104], "640 by 360");
    }
    assert_ne!(drawn, typed, "of other places");
}

#[test]
fn every_page_of_a_share_is_fit_for_everybody() {
    let scene = Scene::start();
    let soon = jiff::Timestamp::now().as_second() + 2;
    let soon = jiff::Timestamp::from_second(soon).unwrap().to_string();
    let gone = scene.share("Over", &json!({"expires": {"by": "instant", "at": soon}}));
    let shares = json!({
        "gated": scene.gated(),
        "terms": scene.share("Terms", &json!({"terms": "For editorial use only."})),
        "viewOnly": scene.share("To look at", &json!({"download": false})),
        "arabic": scene.share("Spring campaign", &json!({"language": "ar", "download_limit": 3})),
        "chinese": scene.share("Spring campaign", &json!({"language": "zh"})),
        "kinds": scene.kinds(),
        "many": scene.many(MANY),
        "gone": gone,
    });
    let target = gone.split_once(&scene.process.address().to_string()).unwrap().1;
    let address = scene.process.address();
    wait_until("a share is over", || raw_client::get(address, target).status == 410);
    scene.walk(&["every page"], &shares);
}

/// Part H: as a phone reads it.
#[test]
fn the_code_of_a_share_leads_to_its_page() {
    let scene = Scene::start();
    let url = scene.share("Coded", &json!({}));
    let shares = scene.api.ok("GET", "/api/v1/tenants/1/shares", "");
    let id = shares["items"][0]["id"].as_str().unwrap();
    let made = scene.process.path("code.png");
    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    curl.args(["-sS", "--fail", "--max-time", "60", "-o"]).arg(&made);
    curl.arg("-H").arg(format!("Authorization: Bearer {}", scene.api.token()));
    let place = format!("http://{}/api/v1/tenants/1/shares/{id}", scene.api.address());
    let answer = said(curl.arg(format!("{place}/qr?format=png")), b"");
    assert_eq!(answer.status, 0, "{answer:?}");
    let line = json!({"made": made, "text": url}).to_string();
    assert_eq!(judge(&["codes"], &line), "");
}

/// C19, C20, C21: what is set in the console is what visitors see, and nobody is kept from using it.
#[test]
fn a_tenants_own_pages_are_fit_for_everybody() {
    let scene = Scene::start();
    let person = json!({
        "tenant": 1, "username": "ann@example.com", "role": "admin", "password": ANNS,
        "scopes": ["catalog.read", "settings.admin"],
    });
    keep_secret(ANNS);
    scene.api.ok("POST", "/api/v1/people", &person.to_string());
    let logo = scene.process.path("logo.png");
    std::fs::write(&logo, include_bytes!("../fixtures/images/palette.png")).unwrap();
    let shares = json!({
        "open": scene.share("For everybody", &json!({})),
        "hidden": scene.share("Whoever it is", &json!({"show_logo": false})),
        "gated": scene.share("Locked", &json!({"password": PASSWORD})),
        "arabic": scene.share("Spring campaign", &json!({"language": "ar"})),
    });
    let told = json!({
        "site": format!("http://{}", scene.process.address()), "logo": logo, "shares": shares,
        "username": "ann@example.com", "password": ANNS,
    });
    walk(&scene.process, "settings.cjs", &["settings", "pages"], &told);
}
