//! The page of a share in a browser, as whoever was given its address meets it (C10, C12, C13, C17, C18,
//! C22, C23): its gate, what is shown, and what is saved.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::browser::walk;
use crate::support::command::said;
use crate::support::control::{ApiClient, Records, application, folder_of, say_where_the_site_is};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client;

const PASSWORD: &str = "spring tide";

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

/// More contents than a page has cards.
const MANY: usize = 75;

/// A program of both planes with something to share.
struct Scene {
    process: Process,
    api: ApiClient,
    contents: Vec<String>,
    many: u64,
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

impl Scene {
    fn start() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let folder = folder_of(&config, &Records::Sqlite, &[("texts.vtt", "")]);
        for (name, bytes) in FILES {
            std::fs::write(folder.path().join("media").join(name), bytes).unwrap();
        }
        let scopes = "audit.read,catalog.read,catalog.write,shares.write";
        let credentials = application(folder.path(), scopes);
        // Browsers know no other time than the wall's.
        let process = Process::start(folder, &[]);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        keep_secret(PASSWORD);
        let number = |made: Value| made["number"].as_u64().unwrap();
        let many = number(post(&api, "folders", &json!({"name": "Many"})));
        let pipeline =
            number(post(&api, "pipelines", &json!({"name": "media", "origin": "media"})));
        let text = |title: &str| json!([{"language": "en", "title": title, "description": "What is to be known of it."}]);
        let thumbnails = || {
            [
                file(pipeline, "thumbnail", ("1", "360p"), "small.jpg"),
                file(pipeline, "thumbnail", ("1", "720p"), "picture.jpg"),
            ]
        };
        let [small, large] = thumbnails();
        let film = json!({
            "kind": "VIDEO", "publication": "published", "texts": text("Harbour at dawn"),
            "files": [
                file(pipeline, "source", ("", ""), "film.mp4"),
                file(pipeline, "format", ("hd", ""), "film.mp4"),
                file(pipeline, "subtitle", ("en", "VTT"), "texts.vtt"),
                small, large,
            ],
        });
        let picture = json!({
            "kind": "IMAGE", "publication": "published", "texts": text("Lighthouse"),
            "files": [file(pipeline, "source", ("", ""), "picture.jpg")],
        });
        let paper = json!({
            "kind": "OTHER", "publication": "published", "texts": text("Price list"),
            "files": [file(pipeline, "source", ("", ""), "paper.pdf")],
        });
        let made = [film, picture, paper].map(|body| post(&api, "contents", &body));
        let contents = made.iter().map(|made| made["id"].as_str().unwrap().to_owned()).collect();
        for number in 1..=MANY {
            let [small, _] = thumbnails();
            let body = json!({
                "kind": "IMAGE", "publication": "published", "folder": many,
                "texts": text(&format!("Picture {number}")), "files": [small],
            });
            post(&api, "contents", &body);
        }
        Self { process, api, contents, many }
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
fn every_page_of_a_share_is_fit_for_everybody() {
    let scene = Scene::start();
    let soon = jiff::Timestamp::now().as_second() + 2;
    let soon = jiff::Timestamp::from_second(soon).unwrap().to_string();
    let gone = scene.share("Over", &json!({"expires": {"by": "instant", "at": soon}}));
    let many = json!({"contents": null, "folder": scene.many});
    let shares = json!({
        "gated": scene.gated(),
        "terms": scene.share("Terms", &json!({"terms": "For editorial use only."})),
        "viewOnly": scene.share("To look at", &json!({"download": false})),
        "arabic": scene.share("Spring campaign", &json!({"language": "ar", "download_limit": 3})),
        "chinese": scene.share("Spring campaign", &json!({"language": "zh"})),
        "many": scene.share("Many", &many),
        "gone": gone,
    });
    let target = gone.split_once(&scene.process.address().to_string()).unwrap().1;
    let address = scene.process.address();
    wait_until("a share is over", || raw_client::get(address, target).status == 410);
    scene.walk(&["every page"], &shares);
}
