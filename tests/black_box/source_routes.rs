//! No byte of an original leaves by any route with a word that lets a shared cache keep it
//! (requirements A11, G3): every route there is is walked, in ways that a client may ask, and whatever
//! answer has bytes of the original in it is looked at.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use countersign::control_plane::api::{Document, document};
use countersign::token::{Delivers, LinkTerms};
use serde_json::{Value, json};

use crate::support::control::{
    ApiClient, Records, application, exchange, folder_of, start, thron_session, with_master_key,
};
use crate::support::edge::{KEY_HEX, NOW, usual_config};
use crate::support::links::{own_link, with_own_key};
use crate::support::raw_client::{self, Answer};
use crate::support::signing::token;

const SCOPES: &str =
    "catalog.read,catalog.write,files.read,files.sign,overrides.admin,shares.write";

/// The bytes that nothing else has. Any sixteen of them in a row tell that they are there.
fn original() -> String {
    let marks: Vec<_> = (0..4_096).map(|number| format!("[original {number:06}]")).collect();
    marks.concat()
}

fn has_bytes_of_it(answer: &Answer) -> bool {
    let mark = b"[original ";
    answer.body.windows(mark.len()).any(|window| window == mark)
        // A part may begin and end within one mark.
        || (answer.status == 206 && !answer.body.is_empty())
}

/// What may be asked, and how an answer with the original must be marked.
#[derive(Clone, Debug)]
struct Route {
    at: SocketAddr,
    line: String,
    headers: String,
    body: String,
    /// A signed link to the file: for its client alone, which may keep it for a while.
    is_link: bool,
}

/// Numbers that look like chance and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// How a client may ask: in parts, under conditions, from a page, through a cache.
const MANNERS: &[&str] = &[
    "",
    "Range: bytes=0-99\r\n",
    "Range: bytes=5-9,100-120\r\n",
    "Range: bytes=-30\r\n",
    "If-None-Match: \"x\"\r\n",
    "If-Range: \"x\"\r\nRange: bytes=0-1\r\n",
    "Accept: application/xml\r\n",
    "Accept: text/html\r\n",
    "Cache-Control: max-age=3600, only-if-cached\r\n",
    "Origin: https://elsewhere.example\r\n",
    "Accept-Encoding: gzip\r\n",
    "Via: 1.1 proxy\r\n",
];

fn ask(route: &Route, manner: &str) -> Answer {
    let Route { at, line, headers, body, is_link: _ } = route;
    let length = match body.len() {
        0 => String::new(),
        length => format!("Content-Length: {length}\r\n"),
    };
    raw_client::request(
        *at,
        &format!(
            "{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}{manner}{length}\r\n{body}"
        ),
    )
}

/// Every documented operation that reads, or that hands over by POST, with what there is filled in.
fn documented(at: SocketAddr, fill: &dyn Fn(&str) -> String, shown: &str) -> Vec<Route> {
    let mut routes = Vec::new();
    for which in [Document::Native, Document::Vmpro, Document::Mediahub, Document::Thron] {
        let described = serde_json::to_value(document(which)).unwrap();
        for (path, methods) in described["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                let line = fill(path);
                let form = "Content-Type: application/x-www-form-urlencoded\r\n";
                let (headers, body) = match &**method {
                    "get" => (shown.to_owned(), String::new()),
                    "post" if path.contains("/archive/download") => {
                        (format!("{shown}{form}"), fill("downloadId={downloadId}"))
                    }
                    "post" if path.contains("downloadSource") => {
                        (format!("{shown}{form}"), fill("tokenId={session}"))
                    }
                    _ => continue,
                };
                let line = format!("{} {line}", method.to_uppercase());
                routes.push(Route { at, line, headers, body, is_link: false });
            }
        }
    }
    routes
}

#[test]
fn no_byte_of_an_original_may_be_kept_by_a_shared_cache() {
    let original = original();
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
    let files = [("film.mp4", &*original)];
    let config = with_own_key(&config);
    let folder = with_master_key(folder_of(&config, &Records::Sqlite, &files));
    let credentials = application(folder.path(), SCOPES);
    let process = start(folder);
    let (edge, control) = (process.address(), process.control());
    let api = ApiClient::log_in(control, &credentials);
    let post = |path: &str, body: Value| api.ok("POST", path, &body.to_string());

    let shelf = post("/api/v1/tenants/1/folders", json!({"name": "Press"}))["number"].clone();
    let pipeline = json!({"name": "p", "origin": "media"});
    let pipeline = post("/api/v1/tenants/1/pipelines", pipeline)["number"].clone();
    let made = post(
        "/api/v1/tenants/1/contents",
        json!({
            "kind": "VIDEO", "folder": shelf, "publication": "published",
            "files": [{"kind": "source", "pipeline": pipeline, "key": "film.mp4",
                "size": original.len(), "mime": "video/mp4", "name": "film.mp4"}],
        }),
    );
    let content = made["id"].as_str().unwrap().to_owned();
    let file = api.hashed_file(&made)["number"].to_string();
    let connector = json!({"name": "Press", "folder": shelf, "force_https": false,
        "addressed_by": {"by": "content_id"}});
    let connector = post("/api/v1/tenants/1/connectors", connector)["id"].clone();
    let connector = connector.as_str().unwrap().to_owned();
    let session = thron_session(control, &credentials);
    let shown = format!("X-TOKENID: {session}\r\nAuthorization: Bearer {}\r\n", api.token());
    let archive = json!({"criteria": {"xcontentIds": [content]}}).to_string();
    let prepare = "/api/xcontents/resources/archive/prepare/1";
    let lines = format!("{shown}Content-Type: application/json\r\n");
    let archive = exchange(control, "POST", prepare, &lines, &archive);
    assert_eq!(archive.status, 200, "{archive:?}");
    let archive = archive.body["downloadId"].as_str().unwrap().to_owned();

    let fill = |text: &str| {
        let path = match text {
            "/api/xadmin/resources/content/downloadSource" => {
                "/api/xadmin/resources/content/downloadSource?clientId=1&xcontentId={content}"
            }
            "/api/xcontents/resources/archive/download/{clientId}" => {
                "/api/xcontents/resources/archive/download/1?downloadId={downloadId}"
            }
            "/v1/files/downloads/" => "/v1/files/downloads/?file_id={file}",
            text => text,
        };
        [
            ("tenant", "1"),
            ("videoManagerId", "1"),
            ("clientId", "1"),
            ("videoId", &content),
            ("xcontentId", &content),
            ("content", &content),
            ("file", &file),
            ("version", made["active_version"].as_str().unwrap()),
            ("connector", &connector),
            ("downloadId", &archive),
            ("session", &session),
            ("folder", &shelf.to_string()),
        ]
        .iter()
        .fold(path.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    };
    let mut routes = documented(control, &fill, &shown);
    assert!(routes.len() > 60, "{}", routes.len());
    // What an outsider asks of an edge.
    let path = format!("/private/videos/{content}/source");
    let link = format!("{path}?__token__={}", token(KEY_HEX, &path, NOW + 60));
    let terms = LinkTerms { delivers: Delivers::Original, ..LinkTerms::default() };
    let to_original = own_link(&path, "lnk_1", terms);
    for (target, is_link) in [
        (format!("/dl/{connector}/{content}"), false),
        (format!("/dl/{connector}/{content}?file-name=a.mp4"), false),
        (path.clone(), true),
        (path.replacen("private", "public", 1), true),
        (link, true),
        (to_original.clone(), false),
    ] {
        let (line, headers) = (format!("GET {target}"), String::new());
        routes.push(Route { at: edge, line, headers, body: String::new(), is_link });
    }

    let (mut chance, mut given) = (Chance(NOW), BTreeMap::<String, usize>::new());
    for route in &routes {
        // Every route plainly, those that give something in every manner, the others in some.
        let plain = ask(route, "");
        let gives = has_bytes_of_it(&plain);
        let some = if gives { MANNERS.len() } else { 2 };
        let manners = (0..some)
            .map(|place| if gives { MANNERS[place] } else { MANNERS[chance.below(MANNERS.len())] });
        for manner in std::iter::once("").chain(manners) {
            let answer = ask(route, manner);
            let about =
                format!("{} {manner:?}: {} {:?}", route.line, answer.status, answer.headers);
            let kept = answer.header("cache-control").unwrap_or_default();
            if !has_bytes_of_it(&answer) {
                continue;
            }
            let way = if *route.line == format!("GET {to_original}") {
                "a link to an original"
            } else {
                route.line.split('?').next().unwrap()
            };
            *given.entry(way.to_owned()).or_default() += 1;
            if route.is_link {
                assert!(kept.starts_with("private"), "{about}");
            } else {
                assert_eq!(kept, "private, no-store", "{about}");
                for name in ["cdn-cache-control", "surrogate-control"] {
                    assert_eq!(answer.header(name), Some("no-store"), "{name} of {about}");
                }
            }
            for word in ["public", "s-maxage"] {
                assert!(!kept.contains(word), "{about}");
            }
            assert!(answer.header("expires").is_none(), "{about}");
            assert!(
                !answer.header("cache-status").unwrap_or_default().contains("stored"),
                "{about}"
            );
        }
        // Through a CDN goes nothing of it, but what a link is for its client alone.
        if gives && !route.is_link {
            for marker in ["CDN-Loop: cdn.example\r\n", "cdn-loop: a, b\r\nRange: bytes=0-9\r\n"] {
                let answer = ask(route, marker);
                assert!(!has_bytes_of_it(&answer), "{} {marker}", route.line);
                assert_eq!(answer.status, 403, "{} {marker}", route.line);
            }
        }
    }
    // Each way by which originals are handed out did so, or this test would show nothing.
    for way in [
        format!("GET /dl/{connector}/{content}"),
        "GET /api/xadmin/resources/content/downloadSource".to_owned(),
        "POST /api/xadmin/resources/content/downloadSource".to_owned(),
        "GET /api/xcontents/resources/archive/download/1".to_owned(),
        "POST /api/xcontents/resources/archive/download/1".to_owned(),
        format!("GET {path}"),
        "a link to an original".to_owned(),
    ] {
        assert!(given.contains_key(&way), "nothing came by {way}: {given:?}");
    }
}
