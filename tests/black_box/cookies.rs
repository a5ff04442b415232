//! Somebody who is logged in opens what they may see, by a cookie of a control plane under the site's
//! own host (requirements D14, G31): curl keeps it as a browser does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::command::said;
use crate::support::control::{
    Answered, ApiClient, Records, application, exchange, folder_of, start, with_master_key,
};
use crate::support::edge::{NOW, usual_config};
use crate::support::output::keep_secret;
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::tools::tool;

const FILM: &str = "-civ9qE3JUjntKQM1HnGtU";
const OTHER: &str = "Ea4G2UvHr9nL9Gx2czTbLn";
const DRAFT: &str = "draft";
const SCOPES: &str = "accounts.admin,catalog.read,catalog.write,files.read,links.revoke";

/// What is said is in force within this.
const A_SECOND: Duration = Duration::from_secs(1);

/// A site under `localhost`, with a catalog, and tokens in these carriers.
fn config(carriers: &str) -> String {
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    usual_config("", "public_url = \"http://localhost\"")
        .replacen(of_template, "assets = { catalog = true }", 1)
        .replacen("[\"query\", \"header\", \"cookie\", \"path\"]", carriers, 1)
}

/// The program, an administrator's client, a folder with three contents and an attachment in it, and
/// somebody who may see the folder.
struct Scene {
    process: Process,
    admin: ApiClient,
    folder: u64,
    /// The path of her right over the folder.
    right: String,
    /// What she is logged in with.
    bearer: String,
}

impl Scene {
    fn new(records: &Records, carriers: &str) -> Self {
        let files = [
            ("film", "the film"),
            ("film-360p", "a still"),
            ("film.srt", "subtitles"),
            ("other", "the other"),
            ("draft", "a draft"),
            ("logo", "the logo"),
        ];
        let folder = with_master_key(folder_of(&config(carriers), records, &files));
        let credentials = application(folder.path(), SCOPES);
        let process = start(folder);
        let admin = ApiClient::log_in(process.control(), &credentials);
        let post = |noun: &str, body: &Value| {
            admin.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
        };
        let folder = post("folders", &json!({"name": "press"}))["number"].as_u64().unwrap();
        let pipeline = post("pipelines", &json!({"name": "media", "origin": "media"}));
        let file = |kind: &str, slot: &str, variant: &str, key: &str, size: usize| {
            json!({
                "kind": kind, "slot": slot, "variant": variant, "pipeline": pipeline["number"],
                "key": key, "size": size,
            })
        };
        for (id, publication, files) in [
            (
                FILM,
                "published",
                vec![
                    file("source", "", "", "film", 8),
                    file("thumbnail", "5", "360p", "film-360p", 7),
                    file("subtitle", "9", "SRT", "film.srt", 9),
                ],
            ),
            (OTHER, "published", vec![file("source", "", "", "other", 9)]),
            (DRAFT, "unpublished", vec![file("source", "", "", "draft", 7)]),
        ] {
            let content = json!({
                "id": id, "kind": "VIDEO", "publication": publication, "folder": folder, "files": files,
            });
            post("contents", &content);
        }
        let logo = file("attachment", "Logo", "logo.png", "logo", 8);
        post(&format!("folders/{folder}/attachments"), &logo);

        let ann = json!({
            "tenant": 1, "username": "ann", "role": "member", "scopes": ["files.read"],
            "password": "right horse",
        });
        let ann = admin.ok("POST", "/api/v1/people", &ann.to_string());
        let right =
            format!("/api/v1/tenants/1/folders/{folder}/rights/{}", ann["id"].as_str().unwrap());
        admin.ok("PUT", &right, r#"{"right":"SEE"}"#);
        let login = json!({"username": "ann", "password": "right horse"}).to_string();
        let kind = "Content-Type: application/json\r\n";
        let session: Answered =
            exchange(process.control(), "POST", "/v1/vms/auth/login", kind, &login);
        let bearer = session.body["accessToken"].as_str().unwrap().to_owned();
        keep_secret(&bearer);
        Self { process, admin, folder, right, bearer }
    }

    fn jar(&self) -> PathBuf {
        self.process.path("jar")
    }

    /// Asks for a cookie as a browser would, and puts it into the jar.
    fn ask(&self, noun: &str) -> (u16, Value) {
        let path = format!("/api/v1/tenants/1/{noun}/signed-cookie");
        let bearer = format!("Authorization: Bearer {}", self.bearer);
        let (status, body) =
            curl(&self.jar(), self.process.control(), &path, &["-X", "POST", "-H", &bearer]);
        (status, serde_json::from_str(&body).unwrap())
    }

    /// A cookie for a content, which there must be.
    fn cookie(&self, content: &str) -> Value {
        let (status, cookie) = self.ask(&format!("contents/{content}"));
        assert_eq!(status, 200, "{cookie}");
        cookie
    }

    /// What the edge answers to somebody with the jar.
    fn get(&self, path: &str) -> (u16, String) {
        curl(&self.jar(), self.process.address(), path, &[])
    }

    fn cookies_in_jar(&self) -> usize {
        let jar = std::fs::read_to_string(self.jar()).unwrap();
        jar.lines().filter(|line| line.contains("__token__")).count()
    }
}

/// curl with a jar, under the one name that both planes have: ports are nothing to a cookie.
fn curl(jar: &Path, address: SocketAddr, path: &str, more: &[&str]) -> (u16, String) {
    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    curl.args(["-sS", "--globoff", "--ipv4", "--max-time", "30", "-w", "\n%{http_code}", "-b"])
        .arg(jar)
        .arg("-c")
        .arg(jar)
        .args(more)
        .arg(format!("http://localhost:{}{path}", address.port()));
    let answer = said(&mut curl, b"");
    assert_eq!(answer.status, 0, "{path}: {}", answer.err);
    let (body, status) = answer.out.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn source(content: &str) -> String {
    format!("/private/videos/{content}/source")
}

/// What the edge says to a path with exactly this cookie.
fn code_with(edge: SocketAddr, path: &str, cookie: &Value) -> String {
    let (name, value) = (cookie["name"].as_str().unwrap(), cookie["value"].as_str().unwrap());
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {name}={value}\r\n\r\n");
    let answer = raw_client::request(edge, &head);
    format!("{} {}", answer.status, answer.code().unwrap_or_default())
}

/// Says that links are dead, and waits until one is.
fn revoke(scene: &Scene, links: &Value, path: &str, cookie: &Value) {
    let body = json!({"links": links, "reason": "a test"}).to_string();
    scene.admin.ok("POST", "/api/v1/tenants/1/revocations", &body);
    let began = Instant::now();
    while code_with(scene.process.address(), path, cookie) != "403 token_revoked" {
        assert!(began.elapsed() < A_SECOND, "{path} is still open");
    }
}

fn opened(records: &Records) {
    let scene = Scene::new(records, "[\"query\", \"cookie\"]");
    let edge = scene.process.address();
    assert_eq!(scene.get(&source(FILM)).0, 403);

    // Every form of one content, and nothing of another.
    let film = scene.cookie(FILM);
    let expected = json!({
        "id": film["id"], "origin": "http://localhost", "name": "__token__",
        "value": film["value"], "path": format!("/private/videos/{FILM}/"),
        "expires": "2027-01-15T08:10:00Z",
    });
    assert_eq!(film, expected);
    for (form, body) in [
        ("source", "the film"),
        ("source?file-name=a.mp4", "the film"),
        ("thumbnails/5", "a still"),
        ("thumbnails/5?quality=360p&cache-buster=1", "a still"),
        ("subtitles/9?source=SRT", "subtitles"),
    ] {
        let path = format!("/private/videos/{FILM}/{form}");
        assert_eq!(scene.get(&path), (200, body.to_owned()), "{path}");
    }
    assert_eq!(scene.get(&format!("/private/videos/{FILM}/formats/hd")).0, 404);
    assert_eq!(scene.get(&source(OTHER)).0, 403);
    assert_eq!(code_with(edge, &source(OTHER), &film), "403 token_scope");
    assert_eq!(code_with(edge, &source(DRAFT), &film), "403 token_scope");
    assert_eq!(code_with(edge, &source(FILM), &film), "200 ");

    // A second one in the same jar; what is not published; a folder's attachments.
    let other = scene.cookie(OTHER);
    let (status, logo) = scene.ask(&format!("folders/{}", scene.folder));
    assert_eq!(status, 200, "{logo}");
    scene.cookie(DRAFT);
    assert_eq!(scene.cookies_in_jar(), 4);
    assert_eq!(scene.get(&source(FILM)).1, "the film");
    assert_eq!(scene.get(&source(OTHER)).1, "the other");
    assert_eq!(scene.get(&source(DRAFT)).1, "a draft");
    let attachment = format!("/private/channels/{}/attachments/Logo/logo.png", scene.folder);
    assert_eq!(scene.get(&attachment).1, "the logo");

    // Without the right there is no next one; with it again, there is.
    scene.admin.ok("DELETE", &scene.right, "");
    assert_eq!(scene.ask(&format!("contents/{FILM}")).0, 404);
    assert_eq!(scene.ask(&format!("folders/{}", scene.folder)).0, 404);
    assert_eq!(scene.get(&source(FILM)).0, 200);
    scene.admin.ok("PUT", &scene.right, r#"{"right":"SEE"}"#);
    let next = scene.cookie(FILM);
    assert_eq!(scene.cookies_in_jar(), 4);
    assert_ne!(next["id"], film["id"]);

    // One is revoked by its id, the others of its content and of others are not.
    revoke(&scene, &json!({"by": "link", "subject": film["id"]}), &source(FILM), &film);
    assert_eq!(code_with(edge, &source(FILM), &next), "200 ");
    let of_other = format!("/private/videos/{OTHER}/*");
    revoke(&scene, &json!({"by": "asset", "subject": of_other}), &source(OTHER), &other);
    assert_eq!(code_with(edge, &source(FILM), &next), "200 ");

    // The last second, and the one after it; the edge is on another port by then.
    let folder = scene.process.kill();
    let at =
        |folder, seconds: u64| Process::start(folder, &["--clock", &(NOW + seconds).to_string()]);
    let process = at(folder, 600);
    assert_eq!(curl(&process.path("jar"), process.address(), &source(FILM), &[]).0, 200);
    let process = at(process.kill(), 601);
    assert_eq!(curl(&process.path("jar"), process.address(), &source(FILM), &[]).0, 403);
    assert_eq!(code_with(process.address(), &source(FILM), &next), "403 token_expired");
}

#[test]
fn who_is_logged_in_opens_what_they_may_see_on_sqlite() {
    opened(&Records::Sqlite);
}

#[test]
fn who_is_logged_in_opens_what_they_may_see_on_postgresql() {
    opened(&Records::on_postgres("cookies"));
}

/// Every link and cookie of the tenant's ends with its epoch.
#[test]
fn an_epoch_ends_every_cookie() {
    let scene = Scene::new(&Records::Sqlite, "[\"cookie\"]");
    let film = scene.cookie(FILM);
    assert_eq!(scene.get(&source(FILM)).0, 200);
    revoke(&scene, &json!({"by": "tenant_epoch", "subject": 1}), &source(FILM), &film);
    assert_eq!(scene.get(&source(FILM)).0, 403);
}

#[test]
fn a_site_that_takes_no_cookies_has_none() {
    let scene = Scene::new(&Records::Sqlite, "[\"query\", \"header\"]");
    let (status, problem) = scene.ask(&format!("contents/{FILM}"));
    assert_eq!((status, &problem["code"]), (409, &json!("no_cookie")));
    assert_eq!(scene.cookies_in_jar(), 0);
}
