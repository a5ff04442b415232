//! The console in a browser: every page looked at for what keeps people from using it, and the way of
//! somebody from signing in to a link that opens and is revoked, with a mouse, without scripts, on a
//! narrow screen, and by keyboard alone (requirements B7, B8, D14 to D27, G11).

use std::process::Command;

use serde_json::{Value, json};

use crate::support::browser::walk;
use crate::support::command::said;
use crate::support::control::{
    ApiClient, Records, application, folder_of, say_where_the_site_is, with_master_key,
};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::planes::ControlPlane;
use crate::support::process::Process;
use crate::support::tools::tool;

const PASSWORD: &str = "right horse battery";

/// The film's bytes are its key.
const FILM: &str = "films/harbour.mp4";

const SUBTITLES: &str = "films/harbour.vtt";

/// More contents than a page has.
const SHEETS: usize = 60;

/// A program with folders, contents and somebody to sign in, whose site says where it is.
struct Scene {
    process: Process,
    folder: u64,
    content: String,
    file: u64,
}

impl Scene {
    fn start() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let files = [(FILM, FILM), (SUBTITLES, SUBTITLES)];
        let folder = with_master_key(folder_of(&config, &Records::Sqlite, &files));
        let scopes = "accounts.admin,audit.read,catalog.read,catalog.write,files.read,files.sign,\
                      links.revoke,overrides.admin";
        let credentials = application(folder.path(), scopes);
        // Browsers know no other time than the wall's.
        let process = Process::start(folder, &[]);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        keep_secret(PASSWORD);
        let person = json!({
            "tenant": 1, "username": "ann@example.com", "role": "admin", "password": PASSWORD,
            "scopes": ["audit.read", "catalog.read", "files.sign", "links.revoke", "overrides.admin"],
        });
        api.ok("POST", "/api/v1/people", &person.to_string());
        let (folder, content) = fill(&api);
        let file = api.hashed_file(&content)["number"].as_u64().unwrap();
        let content = content["id"].as_str().unwrap().to_owned();
        Self { process, folder, content, file }
    }

    /// Has a browser take these walks.
    fn walk(&self, walks: &[&str]) {
        let told = json!({
            "username": "ann@example.com", "password": PASSWORD, "folder": self.folder,
            "content": self.content, "file": self.file, "bytes": FILM,
        });
        walk(&self.process, "journey.cjs", walks, &told);
    }
}

/// Makes what is looked at: the number of the inner folder, and the content that is in it.
fn fill(api: &ApiClient) -> (u64, Value) {
    let post = |noun: &str, body: &Value| {
        api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
    };
    let number = |made: &Value| made["number"].as_u64().unwrap();
    let press = number(&post("folders", &json!({"name": "Press"})));
    let summer = number(&post("folders", &json!({"name": "Summer 2026", "parent": press})));
    for name in ["Catalogues", "Brand & logo", "Product films, long and short"] {
        post("folders", &json!({"name": name}));
    }
    let pipeline = number(&post("pipelines", &json!({"name": "media", "origin": "media"})));
    let content = post(
        "contents",
        &json!({
            "kind": "VIDEO", "publication": "published", "folder": summer,
            "texts": [
                {
                    "language": "de", "title": "Hafen im Morgengrauen",
                    "description": "Der Film zur Sommerkampagne.", "pretty_id": "hafen",
                },
                {
                    "language": "en", "title": "Harbour at dawn", "pretty_id": "harbour-at-dawn",
                    "description": "The film of the summer campaign.\nTwo minutes, no voice.",
                },
            ],
            "tags": ["summer", "harbour", "campaign 2026"],
            "metadata": [
                {"language": "", "name": "agency", "value": "Nordlicht"},
                {"language": "en", "name": "usage", "value": "Until the end of 2027, worldwide"},
            ],
            "files": [
                {
                    "kind": "source", "pipeline": pipeline, "key": FILM, "name": "harbour.mp4",
                    "size": FILM.len(), "mime": "video/mp4",
                },
                {
                    "kind": "subtitle", "slot": "de", "variant": "VTT", "pipeline": pipeline,
                    "key": SUBTITLES, "name": "harbour.vtt", "size": SUBTITLES.len(),
                    "mime": "text/vtt",
                },
            ],
        }),
    );
    for sheet in 0..SHEETS {
        let texts = json!([{"language": "en", "title": format!("Data sheet {sheet}")}]);
        post("contents", &json!({"kind": "OTHER", "texts": texts}));
    }
    (summer, content)
}

#[test]
fn a_marketing_persons_way_in_a_browser() {
    let scene = Scene::start();
    scene.walk(&["mouse", "no scripts", "narrow", "keyboard", "every page"]);
}

#[test]
fn over_tls_the_cookie_is_this_hosts_alone() {
    let control = ControlPlane::start(&Records::Sqlite);
    let listeners = control.process().controls();
    let (plain, secured) = (listeners[0], listeners[1]);
    for (version, address, begins, ends) in [
        ("--http1.1", format!("http://{plain}"), "countersign_console=", "SameSite=Lax"),
        ("--http1.1", format!("https://{secured}"), "__Host-countersign_console=", "; Secure"),
        ("--http2", format!("https://{secured}"), "__Host-countersign_console=", "; Secure"),
    ] {
        let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        curl.args(["--silent", "--show-error", "--insecure", version, "--output", "/dev/null"]);
        curl.args(["--dump-header", "-"]).arg(format!("{address}/console/login"));
        let answered = said(&mut curl, b"");
        assert_eq!(answered.status, 0, "{}", answered.err);
        let mut lines = answered.out.lines().filter_map(|line| line.split_once(": "));
        let cookie = lines.find(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let (_, cookie) = cookie.unwrap_or_else(|| panic!("{}", answered.out));
        assert!(cookie.starts_with(begins) && cookie.ends_with(ends), "{version} {cookie}");
    }
}
