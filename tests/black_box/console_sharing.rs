//! A share from the console to whoever was given its address, and back, in a browser (C1, C9, C10, C12,
//! C13, C17, C22, C24, C26, C27, C28, C29): with a mouse, on a phone, without scripts; and every page of
//! shares in the console looked at for what keeps people from using it.

use std::ffi::OsStr;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::browser::walk;
use crate::support::control::{
    ApiClient, Records, application, folder_of, say_where_the_site_is, with_master_key,
};
use crate::support::edge::usual_config;
use crate::support::mail::MailHouse;
use crate::support::output::keep_secret;
use crate::support::process::Process;

const USER: &str = "ann@example.com";
const PASSWORD: &str = "right horse battery";

/// What opens the share.
const SECRET: &str = "spring tide";

/// What lets a program into the mail server.
const MAILING: &str = "stämp 1";

const FILM: &[u8] = include_bytes!("../../src/cli/demo/samples/clip.mp4");
const PICTURE: &[u8] = include_bytes!("../../src/cli/demo/samples/still-720p.jpg");

/// Somebody to share, with a film and a picture.
struct Scene {
    process: Process,
    house: MailHouse,
    folder: Value,
    film: Value,
}

impl Scene {
    fn start() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let folder = with_master_key(folder_of(&config, &Records::Sqlite, &[("any", "")]));
        for (name, bytes) in [("film.mp4", FILM), ("picture.jpg", PICTURE)] {
            std::fs::write(folder.path().join("media").join(name), bytes).unwrap();
        }
        let scopes = "accounts.admin,audit.read,catalog.read,catalog.write,settings.admin,\
                      shares.write";
        let credentials = application(folder.path(), scopes);
        let house = MailHouse::open(folder.path());
        let path = folder.path().join("countersign.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let settings = house.settings();
        std::fs::write(&path, text.replacen("[control]", &settings, 1)).unwrap();
        let roots = folder.path().join("mail.pem");
        let environment: [(&str, &OsStr); 1] = [("SSL_CERT_FILE", roots.as_os_str())];
        // Browsers know no other time than the wall's.
        let process = Process::start_in(&environment, folder, &[]);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        keep_secret(PASSWORD);
        keep_secret(SECRET);
        keep_secret(MAILING);
        let person = json!({
            "tenant": 1, "username": USER, "role": "admin", "password": PASSWORD,
            "scopes": ["audit.read", "catalog.read", "settings.admin", "shares.write"],
        });
        api.ok("POST", "/api/v1/people", &person.to_string());
        let post = |noun: &str, body: &Value| {
            api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
        };
        let folder = post("folders", &json!({"name": "Press"}))["number"].clone();
        let pipeline = json!({"name": "media", "origin": "media"});
        let pipeline = post("pipelines", &pipeline)["number"].clone();
        let content = |kind: &str, title: &str, name: &str, size: usize| {
            let made = post(
                "contents",
                &json!({
                    "kind": kind, "publication": "published", "folder": folder,
                    "texts": [{"language": "en", "title": title}],
                    "files": [{"kind": "source", "pipeline": pipeline, "key": name, "name": name,
                        "size": size}],
                }),
            );
            api.hashed_file(&made);
            made["id"].clone()
        };
        let film = content("VIDEO", "Harbour at dawn", "film.mp4", FILM.len());
        content("IMAGE", "Lighthouse", "picture.jpg", PICTURE.len());
        Self { process, house, folder, film }
    }

    /// Has a browser take these walks; the files that it saved.
    fn walk(&self, walks: &[&str], link: &str) -> Vec<PathBuf> {
        let told = json!({
            "site": format!("http://{}", self.process.address()), "saved": self.process.path("."),
            "username": USER, "password": PASSWORD, "secret": SECRET, "film": self.film,
            "folder": self.folder, "port": self.house.port("starttls"), "mailing": MAILING,
            "link": link,
        });
        let out = walk(&self.process, "sharing.cjs", walks, &told);
        out.lines().filter_map(|line| line.strip_prefix("saved: ")).map(PathBuf::from).collect()
    }
}

#[test]
fn what_is_shared_in_the_console_is_opened_outside_until_it_is_taken_back() {
    let scene = Scene::start();
    let saved = scene.walk(&["mouse", "narrow", "no scripts"], "");
    let ends: Vec<_> = saved.iter().map(|it| it.extension().unwrap().to_owned()).collect();
    assert_eq!(ends, ["zip", "jpg", "zip", "jpg", "zip", "jpg"]);
    for files in saved.chunks(2) {
        let [all, one] = files else { panic!("{files:?}") };
        assert_eq!(std::fs::read(one).unwrap(), PICTURE);
        assert!(std::fs::metadata(all).unwrap().len() > (FILM.len() + PICTURE.len()) as u64);
    }
}

#[test]
fn every_page_of_shares_in_the_console_is_fit_for_everybody() {
    Scene::start().walk(&["every page"], "");
}

/// C9, C12: the mail server is set in the console, a letter is caught, and its link is opened.
#[test]
fn a_share_is_mailed_from_the_console_and_opened_from_the_letter() {
    let mut scene = Scene::start();
    scene.walk(&["letters"], "");
    let letter = scene.house.letters(2).pop().unwrap();
    assert_eq!(letter["to"], json!(["bob@example.com"]));
    assert!(!letter.to_string().contains(SECRET), "{letter}");
    let text = letter["text"].as_str().unwrap();
    let site = format!("http://{}/s/", scene.process.address());
    let link = text.split_whitespace().find(|it| it.starts_with(&site)).unwrap();
    keep_secret(link.rsplit('/').next().unwrap());
    let saved = scene.walk(&["letter"], link);
    assert_eq!(saved.len(), 2);
    assert_eq!(std::fs::read(&saved[1]).unwrap(), PICTURE);
}
