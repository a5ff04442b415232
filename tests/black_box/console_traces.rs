//! A copy with a tag turns up somewhere, under another name: whoever may ask is told whose it is, over the
//! API and in the console, in a browser (K.6).

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::browser::walk;
use crate::support::control::{
    ApiClient, Records, application, folder_of, say_where_the_site_is, with_master_key,
};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client::{Connection, get, request};

const USER: &str = "ann@example.com";
const PASSWORD: &str = "right horse battery";
const TAG: &str = "Müller & Söhne, Nr. 42";

const PICTURE: &[u8] = include_bytes!("../../src/cli/demo/samples/still-720p.jpg");

/// A picture, and a copy of it that somebody had.
struct Scene {
    process: Process,
    api: ApiClient,
    link: String,
    copy: PathBuf,
}

impl Scene {
    fn start(records: &Records) -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let folder = with_master_key(folder_of(&config, records, &[("any", "")]));
        std::fs::write(folder.path().join("media").join("picture.jpg"), PICTURE).unwrap();
        let scopes =
            "accounts.admin,audit.read,catalog.read,catalog.write,files.read,files.sign,trace";
        let credentials = application(folder.path(), scopes);
        // Browsers know no other time than the wall's.
        let process = Process::start(folder, &[]);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        keep_secret(PASSWORD);
        let person = json!({
            "tenant": 1, "username": USER, "role": "admin", "password": PASSWORD,
            "scopes": ["audit.read", "catalog.read", "trace"],
        });
        api.ok("POST", "/api/v1/people", &person.to_string());
        let post = |noun: &str, body: &Value| {
            api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
        };
        let pipeline = post("pipelines", &json!({"name": "media", "origin": "media"}));
        let content = json!({
            "kind": "IMAGE", "publication": "published",
            "texts": [{"language": "en", "title": "Lighthouse"}],
            "files": [{"kind": "source", "pipeline": pipeline["number"], "key": "picture.jpg",
                "name": "picture.jpg", "size": PICTURE.len(), "mime": "image/jpeg",
                "autograph": true}],
        });
        let file = api.hashed_file(&post("contents", &content))["number"].clone();
        let order = format!(
            "/v1/files/downloads/?file_id={file}&autograph_tag={}",
            "M%C3%BCller%20%26%20S%C3%B6hne%2C%20Nr.%2042"
        );
        let link = api.ok("GET", &order, "")["download"].clone();
        let edge = process.address();
        let target = link["url"].as_str().unwrap().strip_prefix(&format!("http://{edge}")).unwrap();
        wait_until("the link opens", || {
            let head = format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n");
            request(edge, &head).status == 200
        });
        let had = get(edge, target).body;
        assert!(had != PICTURE && had.len() > PICTURE.len());
        // Nothing of its name is left.
        let copy = process.path("found-in-a-forum.bin");
        std::fs::write(&copy, had).unwrap();
        let link = link["link_id"].as_str().unwrap().to_owned();
        Self { process, api, link, copy }
    }

    /// What the API says of a file.
    fn posted(&self, file: &[u8]) -> Value {
        let mut connection = Connection::open(self.api.address());
        let head = format!(
            "POST /api/v1/traces HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {}\r\n\
             Content-Length: {}\r\n\r\n",
            self.api.token(),
            file.len()
        );
        connection.send([head.as_bytes(), file].concat());
        let answer = connection.answer().unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    fn told_whose_it_is(&self) {
        let copy = std::fs::read(&self.copy).unwrap();
        let told = self.posted(&copy);
        let tags = told["tags"].as_array().unwrap();
        assert!(tags.len() > 1, "{told}");
        for tag in tags {
            assert_eq!((&tag["verdict"], &tag["layer"]), (&json!("issued"), &json!(1)), "{told}");
            assert_eq!(tag["issued"]["autograph_tag"], TAG, "{told}");
            assert_eq!(tag["issued"]["link"], self.link, "{told}");
        }
        // It is there still when a longer file has it, far from where it was.
        let hidden = [&vec![b'x'; 3 << 20][..], &copy, &vec![b'y'; 1 << 20][..]].concat();
        let told = self.posted(&hidden);
        assert_eq!(told["size"], hidden.len());
        assert_eq!(told["tags"].as_array().unwrap().len(), tags.len(), "{told}");
        assert_eq!(self.posted(PICTURE)["tags"], json!([]));
    }
}

#[test]
fn a_renamed_copy_that_is_posted_is_told_whose_it_is() {
    Scene::start(&Records::Sqlite).told_whose_it_is();
}

#[test]
fn a_renamed_copy_that_is_posted_is_told_whose_it_is_on_postgresql() {
    Scene::start(&Records::on_postgres("console_traces")).told_whose_it_is();
}

#[test]
fn a_copy_that_is_dropped_in_the_console_is_told_whose_it_is() {
    let scene = Scene::start(&Records::Sqlite);
    let plain = scene.process.path("plain.jpg");
    std::fs::write(&plain, PICTURE).unwrap();
    let told = json!({
        "username": USER, "password": PASSWORD, "copy": scene.copy, "plain": plain, "tag": TAG,
        "link": scene.link,
    });
    walk(&scene.process, "traces.cjs", &["drop", "no scripts", "keyboard", "every page"], &told);
}
