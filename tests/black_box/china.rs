//! A share for readers in China beside one for all others (C15, G27): two sites of a running program, of
//! which each has the page and every byte of its own shares, and nothing of the other's.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::control::{ApiClient, Records, application, folder_of};
use crate::support::edge::usual_config;
use crate::support::process::Process;
use crate::support::raw_client::{self, Answer};

const STANDARD: &str = "files.example.com";
const CHINA: &str = "files.example.cn";

const FILM: &[u8] = b"the film itself";
const PICTURE: &[u8] = include_bytes!("../../src/cli/demo/samples/still-360p.jpg");

struct Scene {
    process: Process,
    api: ApiClient,
    contents: Vec<Value>,
}

impl Scene {
    fn start() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "")
            .replacen(of_template, "assets = { catalog = true }", 1)
            .replacen("hosts = [\"*\"]", &format!("hosts = [\"{STANDARD}\"]"), 1)
            + &format!(
                "\n[[site]]\nhosts = [\"{CHINA}\"]\ntenant = 1\ndelivery = \"china\"\n\
                 assets = {{ catalog = true }}\n\n  [site.token]\n  \
                 keys = [{{ id = \"k1\", file = \"keys/k1.hex\" }}]\n"
            );
        let folder = folder_of(&config, &Records::Sqlite, &[("any", "")]);
        for (name, bytes) in [("film.mp4", FILM), ("picture.jpg", PICTURE)] {
            std::fs::write(folder.path().join("media").join(name), bytes).unwrap();
        }
        let scopes = "catalog.read,catalog.write,shares.write,settings.admin";
        let credentials = application(folder.path(), scopes);
        let process = Process::start(folder, &[]);
        let api = ApiClient::log_in(process.control(), &credentials);
        let mut scene = Self { process, api, contents: Vec::new() };
        let footers = json!({"footer": "Example AG", "china_footer": "ICP 12345678"});
        scene.api.ok("PATCH", "/api/v1/tenants/1/settings/sharing", &footers.to_string());
        let pipeline = scene.post("pipelines", &json!({"name": "p", "origin": "media"}));
        let file = |kind: &str, slot: &str, key: &str, bytes: &[u8]| {
            json!({
                "kind": kind, "slot": slot, "pipeline": pipeline["number"], "key": key, "name": key,
                "variant": if kind == "thumbnail" { "360p" } else { "" }, "size": bytes.len(),
            })
        };
        let film = json!({
            "kind": "VIDEO", "publication": "published",
            "files": [
                file("source", "", "film.mp4", FILM), file("format", "hd", "film.mp4", FILM),
                file("thumbnail", "1", "picture.jpg", PICTURE),
            ],
        });
        let picture = json!({
            "kind": "IMAGE", "publication": "published",
            "files": [file("source", "", "picture.jpg", PICTURE)],
        });
        for body in [film, picture] {
            let made = scene.post("contents", &body);
            scene.api.hashed_file(&made);
            scene.contents.push(made["id"].clone());
        }
        scene
    }

    fn post(&self, noun: &str, body: &Value) -> Value {
        self.api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
    }

    /// The address of a share that comes by those sites.
    fn share(&self, delivery: &str) -> String {
        let body = json!({
            "title": "Both", "contents": self.contents, "download": true, "delivery": delivery,
        });
        self.post("shares", &body)["url"].as_str().unwrap().to_owned()
    }

    fn ask(&self, host: &str, method: &str, target: &str, form: &str) -> Answer {
        let lines = match method {
            "POST" => format!(
                "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n\
                 Content-Length: {}\r\n",
                form.len()
            ),
            _ => String::new(),
        };
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n{form}");
        raw_client::request(self.process.address(), &head)
    }

    /// What an answer of that host leads to: all of it is there, and of that host.
    fn named(host: &str, answer: &Answer) -> BTreeSet<String> {
        let text = String::from_utf8_lossy(&answer.body);
        let quoted = ["src=\"", "href=\"", "poster=\""]
            .iter()
            .flat_map(|name| text.split(name).skip(1).filter_map(|it| it.split('"').next()));
        let named = answer.header("location").into_iter().chain(quoted);
        let target = |address: &str| {
            let address = address.replace("&#38;", "&");
            let address = address.split('#').next().unwrap().to_owned();
            match address.split_once("://") {
                Some((_, rest)) => {
                    let (of, path) = rest.split_once('/').unwrap();
                    assert_eq!(of, host, "{address}");
                    format!("/{path}")
                }
                None => address,
            }
        };
        named.map(target).filter(|it| it.starts_with('/')).collect()
    }
}

#[test]
fn c15_a_share_for_china_is_had_at_its_own_host_and_nothing_of_it_elsewhere() {
    let scene = Scene::start();
    for (delivery, host, other) in [("china", CHINA, STANDARD), ("standard", STANDARD, CHINA)] {
        let url = scene.share(delivery);
        let page = url.strip_prefix(&format!("https://{host}")).expect("of its own host");
        let mut links = BTreeSet::new();
        for path in [page.to_owned(), format!("{page}/items/0"), format!("{page}/items/1")] {
            let shown = scene.ask(host, "GET", &path, "");
            assert_eq!(shown.status, 200, "{shown:?}");
            let text = String::from_utf8_lossy(&shown.body);
            assert_eq!(text.contains("ICP 12345678"), host == CHINA, "{text}");
            let policy = shown.header("content-security-policy").unwrap();
            assert!(!policy.contains(other) && !text.contains(other), "{policy} {text}");
            links.extend(Scene::named(host, &shown));
            // At the other's host it is led to, and not shown.
            let led = scene.ask(other, "GET", &path, "");
            assert_eq!((led.status, led.header("location")), (303, Some(&*url)), "{led:?}");
            assert!(led.body.is_empty(), "{led:?}");
        }
        let downloads =
            [("/archive", "what=all&as=default"), ("/items/1/format", "width=64&format=png")];
        for (path, form) in downloads {
            let target = format!("{page}{path}");
            let begun = scene.ask(host, "POST", &target, form);
            assert_eq!(begun.status, 303, "{begun:?}");
            links.extend(Scene::named(host, &begun));
            let elsewhere = scene.ask(other, "POST", &target, form);
            assert_eq!(elsewhere.header("location"), Some(&*url), "{elsewhere:?}");
        }
        // Every byte of it is there: pictures, film, zip and format.
        let mut had = BTreeSet::new();
        for link in &links {
            let answer = scene.ask(host, "GET", link, "");
            assert_eq!(answer.status, 200, "{link}: {answer:?}");
            let kind = answer.header("content-type").unwrap_or_default();
            had.insert(kind.split(';').next().unwrap().to_owned());
            // The keys of the other's links are others.
            if link.starts_with("/private/") {
                let elsewhere = scene.ask(other, "GET", link, "");
                assert_eq!(elsewhere.status, 403, "{link}: {elsewhere:?}");
                had.insert("a link".to_owned());
            }
        }
        for kind in
            ["a link", "application/zip", "image/jpeg", "image/png", "text/html", "video/mp4"]
        {
            assert!(had.contains(kind), "{kind}: {had:?}");
        }
    }
}
