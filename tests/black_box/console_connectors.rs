//! What somebody in marketing does with connectors, in a browser: looks at what becomes public before
//! it does, takes an address from the table, and whoever has it downloads with curl, also what is new
//! (requirements B1 to B8, B10 to B12, B14, G4, G5).

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::browser::walk;
use crate::support::command::said;
use crate::support::control::{ApiClient, Records, application, folder_of, say_where_the_site_is};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::process::Process;
use crate::support::tools::tool;

/// What is pushed must be in force within this; the promise is a second.
const PATIENCE: Duration = Duration::from_secs(10);

const PASSWORD: &str = "right horse battery";

const FILM: (&str, &str) = ("films/harbour.mp4", "the film");
const NEW_FILM: (&str, &str) = ("films/harbour-2.mp4", "the new film, a little longer");
const PICTURE: (&str, &str) = ("pictures/any.jpg", "a picture");

/// More contents than a page has.
const SHEETS: usize = 60;

/// A folder for the press with contents of all kinds, one of many sheets, and somebody to sign in.
struct Scene {
    process: Process,
    api: ApiClient,
    pipeline: u64,
    folder: u64,
    folder_of_many: u64,
    film: String,
}

fn post(api: &ApiClient, noun: &str, body: &Value) -> Value {
    api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
}

fn source(pipeline: u64, (key, bytes): (&str, &str)) -> Value {
    json!({"kind": "source", "pipeline": pipeline, "key": key, "size": bytes.len()})
}

impl Scene {
    fn start() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let folder = folder_of(&config, &Records::Sqlite, &[FILM, NEW_FILM, PICTURE]);
        let scopes = "accounts.admin,audit.read,catalog.read,catalog.write,shares.write";
        let credentials = application(folder.path(), scopes);
        // Browsers know no other time than the wall's.
        let process = Process::start(folder, &[]);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        keep_secret(PASSWORD);
        let person = json!({
            "tenant": 1, "username": "mia@example.com", "role": "member", "password": PASSWORD,
            "scopes": ["catalog.read", "shares.write"],
        });
        let person = api.ok("POST", "/api/v1/people", &person.to_string());
        let number = |made: Value| made["number"].as_u64().unwrap();
        let press = number(post(&api, "folders", &json!({"name": "Press"})));
        let below =
            |name: &str| number(post(&api, "folders", &json!({"name": name, "parent": press})));
        let (folder, folder_of_many) = (below("Summer 2026"), below("Product sheets"));
        let share =
            format!("/api/v1/tenants/1/folders/{press}/rights/{}", person["id"].as_str().unwrap());
        api.ok("PUT", &share, &json!({"right": "SHARE"}).to_string());
        let pipeline = json!({"name": "media", "origin": "media"});
        let pipeline = number(post(&api, "pipelines", &pipeline));
        let film = fill(&api, pipeline, folder);
        for sheet in 1..=SHEETS {
            let texts = json!([{"language": "en", "title": format!("Data sheet {sheet}")}]);
            let body = json!({
                "kind": "OTHER", "texts": texts, "folder": folder_of_many,
                "publication": "published", "files": [source(pipeline, PICTURE)],
            });
            post(&api, "contents", &body);
        }
        Self { process, api, pipeline, folder, folder_of_many, film }
    }

    /// Has a browser take these walks; what was said.
    fn walk(&self, walks: &[&str], more: &Value) -> String {
        let mut told = json!({
            "username": "mia@example.com", "password": PASSWORD, "folder": self.folder,
            "folder_of_many": self.folder_of_many, "content": self.film,
            "folder_of_exports": self.process.path("."),
        });
        for (name, value) in more.as_object().unwrap() {
            told[name] = value.clone();
        }
        walk(&self.process, "connectors.cjs", walks, &told)
    }
}

/// Puts contents of all kinds into a folder; the id of the film.
fn fill(api: &ApiClient, pipeline: u64, folder: u64) -> String {
    let text = |language: &str, title: &str, pretty_id: Option<&str>| json!({"language": language, "title": title, "pretty_id": pretty_id});
    let content = |kind: &str, texts: Value, article: &str, file: (&str, &str)| {
        let metadata = json!([{"language": "", "name": "article number", "value": article}]);
        json!({
            "kind": kind, "publication": "published", "folder": folder, "texts": texts,
            "metadata": metadata, "files": [source(pipeline, file)],
        })
    };
    let texts = json!([
        text("de", "Hafen im Morgengrauen", Some("hafen")),
        text("en", "Harbour at dawn", Some("harbour-at-dawn")),
    ]);
    let film = post(api, "contents", &content("VIDEO", texts, "A-1000", FILM));
    let texts = json!([text("en", "Lighthouse", Some("lighthouse"))]);
    post(api, "contents", &content("IMAGE", texts, "A-1001", PICTURE));
    let texts = json!([text("en", "Beach at noon", None)]);
    post(api, "contents", &content("IMAGE", texts, "A-1001", PICTURE));
    let texts = json!([text("en", "Radio spot", None)]);
    post(api, "contents", &content("AUDIO", texts, "A-1002", PICTURE));
    let texts = json!([text("en", "Price list 2027", Some("price-list"))]);
    let mut unpublished = content("OTHER", texts, "A-1003", PICTURE);
    unpublished["publication"] = json!("unpublished");
    post(api, "contents", &unpublished);
    film["id"].as_str().unwrap().to_owned()
}

/// What anybody gets with curl: the status, and the bytes.
fn curl(url: &str) -> (String, String) {
    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    curl.args(["--silent", "--show-error", "--write-out", "%{stderr}%{http_code}", url]);
    let answered = said(&mut curl, b"");
    assert_eq!(answered.status, 0, "{answered:?}");
    (answered.err, answered.out)
}

/// The same once it is right.
fn until(url: &str, is_right: impl Fn(&(String, String)) -> bool) -> (String, String) {
    let began = Instant::now();
    loop {
        let answer = curl(url);
        if is_right(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{url} is still {answer:?}");
        std::thread::yield_now();
    }
}

#[test]
fn an_address_from_the_table_gives_what_is_new_until_it_is_unpublished() {
    let scene = Scene::start();
    let out = scene.walk(&["install"], &json!({}));
    let told = |what: &str| {
        let line = out.lines().find_map(|line| line.strip_prefix(what));
        line.unwrap_or_else(|| panic!("no {what} in {out}"))
    };
    let url = told("copied: ");
    let site = format!("http://{}/dl/cnr_", scene.process.address());
    assert!(url.starts_with(&site) && url.ends_with("/en/harbour-at-dawn"), "{url}");
    assert_eq!(until(url, |(status, _)| status == "200").1, FILM.1);
    let sheet = std::fs::read_to_string(told("exported: ")).unwrap();
    let mut rows = sheet.lines();
    assert_eq!(rows.next(), Some("content,title,kind,standing,language,name,url,state,others"));
    // One with two languages; the five others have one name, or none.
    assert_eq!(rows.count(), 6, "{sheet}");
    assert!(sheet.contains(&format!("\"{url}\",\"served\",\"0\"")), "{sheet}");
    assert!(sheet.contains("\"other_kind\",\"en\",\"price-list\""), "{sheet}");

    // B2.
    let content = format!("/api/v1/tenants/1/contents/{}", scene.film);
    let versions = format!("{content}/versions");
    let next = scene.api.ok("POST", &versions, r#"{"label":"next"}"#);
    let next = format!("{versions}/{}", next["id"].as_str().unwrap());
    let file = source(scene.pipeline, NEW_FILM).to_string();
    scene.api.ok("POST", &format!("{next}/files"), &file);
    let activate = format!("{next}/activate");
    let activated = scene.api.call_with("POST", &activate, "If-Match: *\r\n", "");
    assert_eq!(activated.status / 100, 2, "{activated:?}");
    let (status, _) = until(url, |(_, bytes)| bytes == NEW_FILM.1);
    assert_eq!(status, "200");
    // B3.
    scene.api.ok("PATCH", &content, r#"{"publication":"unpublished"}"#);
    let (_, bytes) = until(url, |(status, _)| status == "404");
    assert!(!bytes.contains("film"), "{bytes}");
    scene.walk(&["unpublished"], &json!({}));
}

#[test]
fn connectors_are_installed_without_scripts_on_a_phone_and_by_keyboard() {
    let scene = Scene::start();
    scene.walk(&["no scripts", "narrow", "keyboard"], &json!({}));
    let connector = |name: &str, folder: u64, addressed_by: Value| {
        let body = json!({"name": name, "folder": folder, "addressed_by": addressed_by});
        post(&scene.api, "connectors", &body)["id"].as_str().unwrap().to_owned()
    };
    let by_article = json!({"by": "metadata", "name": "article number"});
    let shared = connector("By article number", scene.folder, by_article);
    let many = connector("Sheets", scene.folder_of_many, json!({"by": "content_id"}));
    scene.walk(&["every page"], &json!({"shared": shared, "many": many}));
}
