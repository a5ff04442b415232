//! Every way by which a share gives bytes asks the one decision (C10, C12, C13, C17, C29, G3): all
//! routes of the page are walked, with all that a page, a form or a link names, as whoever has the
//! address of a share in each of its states; and what comes is told from the bytes themselves.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::control::{
    ApiClient, Records, application, folder_of, say_where_the_site_is, start, with_master_key,
};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::{self, Answer};

const PASSWORD: &str = "spring tide";

/// Each route of the page, and what is asked of it: a method, and the form that is posted.
const ROUTES: [(&str, &[(&str, &str)]); 12] = [
    ("/s/-/{file}", &[("GET", "")]),
    ("/s/{address}", &[("GET", "")]),
    ("/s/{address}/password", &[("POST", "password=guess")]),
    ("/s/{address}/terms", &[("POST", "digest=ff")]),
    ("/s/{address}/viewed", &[("POST", "a=b")]),
    ("/s/{address}/items/{item}", &[("GET", "")]),
    ("/s/{address}/items/{item}/download", &[("POST", "file={file}")]),
    (
        "/s/{address}/items/{item}/format",
        &[("POST", "width=16&fit=inside&format=png"), ("POST", "width=9&height=9&fit=cover")],
    ),
    ("/s/{address}/items/{item}/format/{ticket}", &[("GET", "")]),
    ("/s/{address}/items/{item}/preview/{size}", &[("GET", "")]),
    (
        "/s/{address}/archive",
        &[
            ("POST", "what=all&as=default"),
            ("POST", "what=all&as=original"),
            ("POST", "what=selected&as=frames&item={item}"),
            ("POST", "what=selected&as=original&item={item}"),
        ],
    ),
    ("/s/{address}/archive/{archive}", &[("GET", "")]),
];

/// Files of a content: kind, slot, variant. Each holds a mark with its kind and its content's place.
const FILES: [(&str, &str, &str); 5] = [
    ("source", "", ""),
    ("format", "hd", ""),
    ("thumbnail", "1", "360p"),
    ("subtitle", "en", "VTT"),
    ("attachment", "Handout", "paper.txt"),
];

fn mark(kind: &str, content: usize) -> String {
    format!("[{kind} of {content}]")
}

/// The one file of the last content: a picture, of which others can be made.
const PICTURE: &[u8] = include_bytes!("../../src/cli/demo/samples/still-360p.jpg");

/// What pictures begin with, as JPEG and as PNG.
const PICTURES: [&[u8]; 2] = [b"\xff\xd8\xff", b"\x89PNG"];

/// The origin's files, which hold nothing but their marks.
fn objects() -> Vec<(String, Vec<u8>)> {
    let of = |content| {
        FILES.map(|(kind, ..)| (format!("{content}-{kind}"), mark(kind, content).into_bytes()))
    };
    let picture = ("picture.jpg".to_owned(), PICTURE.to_vec());
    [of(0).to_vec(), of(1).to_vec(), vec![picture]].concat()
}

/// What came to a visitor: the marks, and the addresses by which they can be asked for again.
#[derive(Clone, Debug, Default)]
struct Gained {
    marks: BTreeSet<String>,
    links: BTreeSet<String>,
    archives: BTreeSet<String>,
    tickets: BTreeSet<String>,
}

/// A tenant's contents, an edge of its site, and whoever shares.
struct Scene {
    edge: SocketAddr,
    api: ApiClient,
    contents: Vec<String>,
    files: Vec<u64>,
    _running: Vec<Process>,
    control: Option<ControlPlane>,
}

/// A share, with the cookie of whoever was let in.
struct Visit {
    address: String,
    cookie: String,
    /// Lines that somebody on the way adds to each request.
    added: &'static str,
}

/// What a CDN is known by, beside `CDN-Loop`.
const MARKER: &str = "[edge]\ncdn_headers = [\"x-edge-hop\"]";

fn write(folder: &std::path::Path) {
    for (name, text) in objects() {
        std::fs::write(folder.join("media").join(name), text).unwrap();
    }
}

impl Scene {
    /// Both planes in one program.
    fn serving() -> Self {
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = usual_config("", "").replacen(of_template, "assets = { catalog = true }", 1);
        let config = config.replacen("[edge]", MARKER, 1);
        let folder = with_master_key(folder_of(&config, &Records::Sqlite, &[("any", "")]));
        write(folder.path());
        let credentials =
            application(folder.path(), "catalog.read,catalog.write,shares.write,audit.read");
        let process = start(folder);
        say_where_the_site_is(&process);
        let api = ApiClient::log_in(process.control(), &credentials);
        Self::with(process.address(), api, vec![process], None)
    }

    /// An edge that brings visitors to a control plane elsewhere. What the control plane hands over
    /// itself is of an origin that only the edge has: nothing.
    fn apart() -> Self {
        let control = ControlPlane::that_signs(&Records::Sqlite);
        let folder = control.edge_folder(&[control.url()], &control.enrol("north"), &[("any", "")]);
        let path = folder.path().join("countersign.toml");
        let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
        let config = std::fs::read_to_string(&path).unwrap();
        let config = config.replacen(of_template, "assets = { catalog = true }", 1);
        let config = config.replacen("[edge]", MARKER, 1);
        assert!(config.contains(MARKER));
        std::fs::write(&path, config).unwrap();
        write(folder.path());
        let edge = start_edge(folder);
        until_ready(&edge);
        let api = control.admin();
        Self::with(edge.address(), api, vec![edge], Some(control))
    }

    fn with(
        edge: SocketAddr,
        api: ApiClient,
        running: Vec<Process>,
        control: Option<ControlPlane>,
    ) -> Self {
        keep_secret(PASSWORD);
        let mut scene =
            Self { edge, api, contents: Vec::new(), files: Vec::new(), _running: running, control };
        let pipeline = json!({"name": "p", "origin": "media"});
        let pipeline = scene.post("pipelines", &pipeline)["number"].clone();
        for (place, kind) in ["VIDEO", "IMAGE"].into_iter().enumerate() {
            let file = |(kind, slot, variant): (&str, &str, &str)| {
                let key = format!("{place}-{kind}");
                let picture = matches!(kind, "thumbnail") || place == 1;
                json!({
                    "kind": kind, "slot": slot, "variant": variant, "pipeline": pipeline,
                    "mime": if picture { "image/jpeg" } else { "video/mp4" },
                    "size": mark(kind, place).len(), "name": key, "key": key,
                })
            };
            let body = json!({
                "kind": kind, "publication": "published", "files": FILES.map(file),
            });
            scene.keep(&body);
        }
        let picture = json!({
            "kind": "IMAGE", "publication": "published",
            "files": [{"kind": "source", "pipeline": pipeline, "key": "picture.jpg",
                "name": "picture.jpg", "mime": "image/jpeg", "size": PICTURE.len()}],
        });
        scene.keep(&picture);
        assert_eq!(scene.files.len(), 2 * FILES.len() + 1);
        scene
    }

    /// Makes that content.
    fn keep(&mut self, body: &Value) {
        let made = self.post("contents", body);
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let (id, version) = (text("id"), text("active_version"));
        if self.control.is_none() {
            self.api.hashed_file(&made);
        }
        let files = format!("/api/v1/tenants/1/contents/{id}/versions/{version}/files");
        let files = self.api.ok("GET", &files, "");
        let files = files["items"].as_array().unwrap().iter();
        self.files.extend(files.map(|file| file["number"].as_u64().unwrap()));
        self.contents.push(id);
    }

    fn post(&self, noun: &str, body: &Value) -> Value {
        self.api.ok("POST", &format!("/api/v1/tenants/1/{noun}"), &body.to_string())
    }

    /// A share of both contents of which more is said.
    fn share(&self, more: &Value) -> Value {
        let mut body = json!({"title": "Both", "contents": self.contents, "download": true});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.post("shares", &body)
    }

    fn ask(&self, method: &str, target: &str, visit: &Visit, form: &str) -> Answer {
        let cookie = match &*visit.cookie {
            "" => String::new(),
            cookie => format!("Cookie: {cookie}\r\n"),
        };
        let form_lines = match method {
            "POST" => format!(
                "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n\
                 Content-Length: {}\r\n",
                form.len()
            ),
            _ => String::new(),
        };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: test\r\n{}{cookie}{form_lines}\r\n{form}",
            visit.added
        );
        raw_client::request(self.edge, &head)
    }

    /// Posts a form, and goes on with the cookie that came.
    fn enter(&self, visit: &mut Visit, target: &str, form: &str) {
        let answer = self.ask("POST", target, visit, form);
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookie = answer.header("set-cookie").unwrap();
        cookie.split(';').next().unwrap().clone_into(&mut visit.cookie);
    }

    fn accept(&self, visit: &mut Visit) {
        let target = format!("/s/{}", visit.address);
        let page = String::from_utf8(self.ask("GET", &target, visit, "").body).unwrap();
        let (_, digest) = page.split_once("name=\"digest\" value=\"").unwrap();
        let digest = digest.split('"').next().unwrap();
        self.enter(visit, &format!("{target}/terms"), &format!("digest={digest}"));
    }

    /// Walks every route, and everything that an answer leads to; also what others were given.
    fn walk(&self, visit: &Visit, of_others: &Gained) -> Gained {
        let mut gained = Gained::default();
        let archives = of_others.archives.iter().cloned().chain(["dla_none".to_owned()]);
        let tickets = of_others.tickets.iter().cloned().chain(["1-none".to_owned()]);
        let names = [
            ("size", ["card", "page", "none"].map(str::to_owned).to_vec()),
            ("ticket", tickets.collect()),
            ("item", (0..4).map(|it| it.to_string()).collect::<Vec<_>>()),
            ("file", self.files.iter().map(u64::to_string).collect()),
            ("archive", archives.collect()),
        ];
        for (route, asked) in ROUTES {
            for (method, form) in asked {
                let mut all =
                    vec![(route.replace("{address}", &visit.address), (*form).to_owned())];
                for (name, values) in &names {
                    let hole = format!("{{{name}}}");
                    let filled = |(target, form): (String, String)| {
                        if !target.contains(&hole) && !form.contains(&hole) {
                            return vec![(target, form)];
                        }
                        let fill = |value: &String| {
                            (target.replace(&hole, value), form.replace(&hole, value))
                        };
                        values.iter().map(fill).collect()
                    };
                    all = all.into_iter().flat_map(filled).collect();
                }
                for (target, form) in all {
                    let answer = self.ask(method, &target, visit, &form);
                    self.follow(&answer, visit, &mut gained);
                }
            }
        }
        for link in &of_others.links {
            let answer = self.ask("GET", link, visit, "");
            self.follow(&answer, visit, &mut gained);
        }
        gained
    }

    /// What an answer holds, and what is at the addresses that it names.
    fn follow(&self, answer: &Answer, visit: &Visit, gained: &mut Gained) {
        let text = String::from_utf8_lossy(&answer.body);
        for (place, kind) in (0..2).flat_map(|place| FILES.map(|(kind, ..)| (place, kind))) {
            if text.contains(&mark(kind, place)) {
                gained.marks.insert(format!("{kind} {place}"));
            }
        }
        let quoted = ["src=\"", "href=\"", "poster=\""]
            .iter()
            .flat_map(|name| text.split(name).skip(1).filter_map(|it| it.split('"').next()));
        if answer.body == PICTURE {
            gained.marks.insert("source 2".to_owned());
        } else if PICTURES.iter().any(|start| answer.body.starts_with(start)) {
            gained.marks.insert("made 2".to_owned());
        }
        let named = answer.header("location").into_iter().chain(quoted);
        let named: Vec<String> = named.map(|it| it.replace("&#38;", "&")).collect();
        for address in named {
            let path = address.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
            let target = path.map_or_else(|| address.clone(), |(_, path)| format!("/{path}"));
            let target = &*target;
            if target.starts_with("/private/") || target.starts_with("/public/") {
                if gained.links.insert(target.to_owned()) {
                    let answer = self.ask("GET", target, visit, "");
                    self.follow(&answer, visit, gained);
                }
            } else if let Some((_, archive)) = target.split_once("/archive/")
                && gained.archives.insert(archive.to_owned())
            {
                let answer = self.ask("GET", target, visit, "");
                self.follow(&answer, visit, gained);
            } else if let Some((_, ticket)) = target.split_once("/format/")
                && gained.tickets.insert(ticket.to_owned())
            {
                let answer = self.ask("GET", target, visit, "");
                self.follow(&answer, visit, gained);
            }
        }
    }

    /// The share's page, for whoever has its address and nothing else.
    fn visit(share: &Value) -> Visit {
        let url = share["url"].as_str().unwrap();
        let address = url.rsplit_once("/s/").unwrap().1.to_owned();
        Visit { address, cookie: String::new(), added: "" }
    }

    /// Waits until nothing comes any more by what was given before.
    fn until_closed(&self, visit: &Visit, before: &Gained, left: &[&str]) {
        let left: BTreeSet<String> = left.iter().map(|it| (*it).to_owned()).collect();
        wait_until("what was given is closed", || {
            let mut now = Gained::default();
            for link in &before.links {
                self.follow(&self.ask("GET", link, visit, ""), visit, &mut now);
            }
            now.marks.is_subset(&left)
        });
        let mut now = Gained::default();
        for archive in &before.archives {
            let target = format!("/s/{}/archive/{archive}", visit.address);
            self.follow(&self.ask("GET", &target, visit, ""), visit, &mut now);
        }
        for ticket in &before.tickets {
            let target = format!("/s/{}/items/2/format/{ticket}", visit.address);
            self.follow(&self.ask("GET", &target, visit, ""), visit, &mut now);
        }
        assert!(now.marks.is_subset(&left), "{:?}", now.marks);
    }

    fn change(&self, share: &Value, patch: &Value) {
        let path = format!("/api/v1/tenants/1/shares/{}", share["id"].as_str().unwrap());
        let now = self.api.call("GET", &path, "");
        let tag = format!("If-Match: {}\r\n", now.header("etag").unwrap());
        let changed = self.api.call_with("PATCH", &path, &tag, &patch.to_string());
        assert_eq!(changed.status, 200, "{changed:?}");
    }

    fn delete(&self, share: &Value, part: &str) {
        let path = format!("/api/v1/tenants/1/shares/{}{part}", share["id"].as_str().unwrap());
        let now = self.api.call("GET", &path, "");
        let tag = now.header("etag").map(|tag| format!("If-Match: {tag}\r\n"));
        let removed = self.api.call_with("DELETE", &path, &tag.unwrap_or_default(), "");
        assert!((200..300).contains(&removed.status), "{path}: {removed:?}");
    }
}

/// What comes where all may be had, of these contents.
fn all_of(contents: &[usize]) -> BTreeSet<String> {
    let of = |place: &usize| match place {
        2 => vec!["made 2".to_owned(), "source 2".to_owned()],
        place => FILES.map(|(kind, ..)| format!("{kind} {place}")).to_vec(),
    };
    contents.iter().flat_map(of).collect()
}

/// What comes where things may only be looked at.
fn looked_at(contents: &[usize]) -> BTreeSet<String> {
    let mut all = all_of(contents);
    all.retain(|it| !it.starts_with("source") && !it.starts_with("attachment"));
    all
}

/// Subtitles are had with a film or on their own, and never looked at without one.
fn is_looked_at(gained: &Gained, most: &BTreeSet<String>) {
    assert!(gained.marks.is_subset(most), "{:?}", gained.marks);
    let least = most.iter().filter(|it| !it.starts_with("subtitle"));
    for mark in least {
        assert!(gained.marks.contains(mark), "{mark}: {:?}", gained.marks);
    }
}

fn every_state_gives_what_it_may(scene: &Scene) {
    let nothing = BTreeSet::new();
    let hands_over = scene.control.is_none();
    // Pictures are made where archives are: by what reads origins.
    let made = |mut all: BTreeSet<String>| {
        all.retain(|it| hands_over || it != "made 2");
        all
    };
    let everything = || made(all_of(&[0, 1, 2]));
    let to_look_at = made(looked_at(&[0, 1, 2]));
    // Open: all of it, by every way.
    let open = scene.share(&json!({}));
    let visitor = Scene::visit(&open);
    keep_secret(&visitor.address);
    let given = scene.walk(&visitor, &Gained::default());
    assert_eq!(given.marks, everything());
    assert_eq!(given.archives.len() >= 3, hands_over, "{:?}", given.archives);

    // Through a CDN: nothing of an original, in no form.
    for added in ["CDN-Loop: a-cdn\r\n", "X-Edge-Hop: 1\r\n"] {
        let through = Visit { added, ..Scene::visit(&open) };
        let mut of_none = scene.walk(&through, &given);
        of_none.marks.retain(|it| it.starts_with("source") || it.starts_with("made"));
        assert_eq!(of_none.marks, nothing, "{added}");
    }

    // Behind a gate: nothing, whatever another was given of another share, or said of this one.
    let gated = scene.share(&json!({"password": PASSWORD, "terms": "Be kind"}));
    let mut guest = Scene::visit(&gated);
    let strangers = Gained { links: BTreeSet::new(), marks: BTreeSet::new(), ..given.clone() };
    for cookie in ["", "share_0123456789abcdef=csv_0"] {
        cookie.clone_into(&mut guest.cookie);
        assert_eq!(scene.walk(&guest, &strangers).marks, nothing);
    }
    guest.cookie.clear();
    let form = format!("password={}", PASSWORD.replace(' ', "+"));
    let gate = format!("/s/{}/password", guest.address);
    scene.enter(&mut guest, &gate, &form);
    assert_eq!(scene.walk(&guest, &strangers).marks, nothing, "before the terms are accepted");
    scene.accept(&mut guest);
    let behind = scene.walk(&guest, &strangers);
    assert_eq!(behind.marks, everything());
    // What one was let in to does not open another's, and an archive stays with its share.
    let other = scene.share(&json!({"password": PASSWORD}));
    let stranger = Visit { cookie: guest.cookie.clone(), ..Scene::visit(&other) };
    let taken_along = Gained { links: BTreeSet::new(), ..behind.clone() };
    assert_eq!(scene.walk(&stranger, &taken_along).marks, nothing);

    // To look at: no original and no attachment, by any way.
    let shown = scene.share(&json!({"download": false}));
    is_looked_at(&scene.walk(&Scene::visit(&shown), &strangers), &to_look_at);

    // Of few downloads: those, and then what may be looked at.
    let few = scene.share(&json!({"download_limit": 1}));
    let visitor_of_few = Scene::visit(&few);
    let downloaded = scene.walk(&visitor_of_few, &Gained::default());
    let beyond: BTreeSet<_> = downloaded.marks.difference(&to_look_at).cloned().collect();
    assert_eq!(beyond, BTreeSet::from(["source 0".to_owned()]), "the first that was asked for");
    is_looked_at(&scene.walk(&visitor_of_few, &Gained::default()), &to_look_at);

    // Each end closes what was given before.
    scene.change(&gated, &json!({"password": "another one"}));
    scene.until_closed(&guest, &behind, &[]);
    assert_eq!(scene.walk(&guest, &behind).marks, nothing);

    scene.delete(&open, "/items/1");
    let rest = made(all_of(&[0, 2]));
    let rest_of: Vec<&str> = rest.iter().map(String::as_str).collect();
    scene.until_closed(&visitor, &given, &rest_of);
    let left = scene.walk(&visitor, &given);
    assert_eq!(left.marks, rest);
    scene.change(&open, &json!({"download": false}));
    scene.until_closed(&visitor, &left, &[]);
    is_looked_at(&scene.walk(&visitor, &left), &made(looked_at(&[0, 2])));
    scene.change(&open, &json!({"download": true}));
    let again = scene.walk(&visitor, &left);
    assert_eq!(again.marks, rest);
    scene.delete(&open, "");
    scene.until_closed(&visitor, &again, &[]);
    assert_eq!(scene.walk(&visitor, &again).marks, nothing);
}

#[test]
fn every_way_to_a_shares_bytes_asks_the_one_decision() {
    every_state_gives_what_it_may(&Scene::serving());
}

#[test]
fn every_way_to_a_shares_bytes_asks_the_one_decision_through_an_edge_elsewhere() {
    every_state_gives_what_it_may(&Scene::apart());
}

/// None is missing above, of those that the page has.
#[test]
fn every_route_of_the_page_is_walked() {
    let source = include_str!("../../src/control_plane/share_page/pages.rs");
    let routes: BTreeSet<&str> =
        source.split(".route(\"").skip(1).map(|it| it.split('"').next().unwrap()).collect();
    let walked: BTreeSet<&str> = ROUTES.iter().map(|(route, _)| *route).collect();
    assert_eq!(routes, walked);
}
