//! A purge reaches what every edge keeps, in memory and on its disk, also where it was said while the
//! edge was away; and nothing is dropped twice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::control::{ApiClient, Records};
use crate::support::edge::with_server;
use crate::support::fake_origin::{Asked, FakeOrigin};
use crate::support::links::token;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::get;

const SOURCE: &str = "/private/videos/film/source";
/// Larger than what is kept in memory.
const LARGE: &str = "/private/videos/film/formats/hd";
const OTHER: &str = "/private/videos/other/source";
const PLAIN: &str = "/http/plain";
const ALL: [&str; 4] = [SOURCE, LARGE, OTHER, PLAIN];

/// An origin whose objects change while it says that they do not.
#[derive(Clone, Default)]
struct Objects(Arc<AtomicU8>);

impl Objects {
    fn change(&self) -> u8 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn answer(&self, asked: &mut Asked) {
        let length = if asked.target().ends_with("hd") { 3 << 20 } else { 100 };
        let body = vec![self.0.load(Ordering::SeqCst); length];
        let part = asked.field("range").map_or(0..length, |range| {
            let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            let end = last.parse().map_or(length, |last: usize| length.min(last + 1));
            first.parse().unwrap()..end
        });
        let status = if part.len() == length {
            "200 OK\r\n".to_owned()
        } else {
            let (first, last) = (part.start, part.end - 1);
            format!("206 Part\r\nContent-Range: bytes {first}-{last}/{length}\r\n")
        };
        let fields = "ETag: \"same\"\r\nCache-Control: max-age=600\r\n";
        let head = format!("HTTP/1.1 {status}{fields}Content-Length: {}\r\n\r\n", part.len());
        asked.send(head);
        asked.send(&body[part]);
    }
}

fn edge_folder(control: &ControlPlane, name: &str, origin: SocketAddr) -> TempDir {
    let folder = control.edge_folder(&[control.url()], &control.enrol(name), &[]);
    let path = folder.path().join("countersign.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    let template = "origin = \"media\", key = \"{path}/{quality}.{source}\"";
    assert!(config.contains(template));
    let config = config.replace(template, "origin = \"server\", key = \"{path}\"");
    let disk = "[cache.disk]\npath = \"cache\"\nsize = \"1GiB\"\n\n[admin]";
    let config = with_server(&config.replacen("[admin]", disk, 1), origin, "", "open");
    std::fs::write(path, config).unwrap();
    folder
}

/// Which of the objects it is, and whether it was kept.
fn seen(edge: &Process, path: &str) -> (u8, bool) {
    let query = if path == PLAIN { String::new() } else { format!("?__token__={}", token("/*")) };
    let answer = get(edge.address(), &format!("{path}{query}"));
    assert_eq!(answer.status, 200, "{path}");
    let first = answer.body[0];
    assert!(answer.body.iter().all(|byte| *byte == first), "{path}: mixed");
    (first, answer.header("cache-status").unwrap().contains("; hit"))
}

/// Asks until everything is kept.
fn warm(edges: &[&Process], expected: u8) {
    for edge in edges {
        for path in ALL {
            wait_until(path, || seen(edge, path) == (expected, true));
        }
    }
}

fn all_are_kept(edges: &[&Process], expected: u8) {
    for edge in edges {
        assert_eq!(ALL.map(|path| seen(edge, path)), [(expected, true); 4]);
    }
}

/// Every answer is what was kept, until there is one that was not.
fn until_asked_anew(edges: &[&Process], paths: &[&str], before: u8, expected: u8) {
    for edge in edges {
        for path in paths {
            wait_until(path, || match seen(edge, path) {
                kept @ (_, true) => {
                    assert_eq!(kept, (before, true), "{path}");
                    false
                }
                (object, false) => {
                    assert_eq!(object, expected, "{path}");
                    true
                }
            });
        }
    }
}

fn purge(api: &ApiClient, files: &str) -> u64 {
    let body = format!("{{\"files\":{files}}}");
    let made = api.ok("POST", "/api/v1/tenants/1/purges", &body);
    made["version"].as_u64().unwrap()
}

fn is_purge(line: &Value) -> bool {
    line["message"] == "purged"
}

#[test]
fn a_purge_reaches_every_cache_once_also_of_an_edge_that_was_away() {
    let objects = Objects::default();
    let origin = FakeOrigin::start({
        let objects = objects.clone();
        move |asked| objects.answer(asked)
    });
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    api.ok("POST", "/api/v1/tenants", r#"{"number":2,"name":"two"}"#);
    let [north, south] =
        ["north", "south"].map(|name| start_edge(edge_folder(&control, name, origin.address())));
    let edges = [&north, &south];
    edges.into_iter().for_each(until_ready);

    // Of one content: the others stay, and so does what is no asset.
    warm(&edges, 0);
    assert_eq!(objects.change(), 1);
    all_are_kept(&edges, 0);
    purge(&api, r#"{"by":"content","subject":"film"}"#);
    until_asked_anew(&edges, &[SOURCE, LARGE], 0, 1);
    for edge in edges {
        assert_eq!([OTHER, PLAIN].map(|path| seen(edge, path)), [(0, true); 2]);
        for path in [SOURCE, LARGE] {
            wait_until(path, || seen(edge, path) == (1, true));
        }
    }

    // Of a site, by one of its hosts; and of a tenant that has no site here.
    purge(&api, r#"{"by":"site","subject":"files.example.com"}"#);
    until_asked_anew(&edges, &[OTHER, PLAIN], 0, 1);
    warm(&edges, 1);
    assert_eq!(objects.change(), 2);
    let body = r#"{"files":{"by":"everything"}}"#;
    let version = api.ok("POST", "/api/v1/tenants/2/purges", body)["version"].as_u64().unwrap();
    for edge in edges {
        wait_until("it is heard", || edge.metric("countersign_snapshot_version") >= version);
    }
    all_are_kept(&edges, 1);

    // What is said while an edge cannot hear it is done when it can.
    control.cut();
    purge(&api, r#"{"by":"everything"}"#);
    all_are_kept(&edges, 1);
    control.mend();
    until_asked_anew(&edges, &ALL, 1, 2);
    warm(&edges, 2);

    // What is said while an edge is not there is done before it serves: its disk has what was. The
    // origin says that nothing changed, and what is on the disk would stand for it.
    let folder = south.kill();
    assert_eq!(objects.change(), 3);
    let version = purge(&api, r#"{"by":"everything"}"#);
    until_asked_anew(&[&north], &ALL, 2, 3);
    let south = start_edge(folder);
    wait_until("it is heard", || south.metric("countersign_snapshot_version") >= version);
    south.wait_for(is_purge);
    assert_eq!(seen(&south, LARGE).0, 3);
    warm(&[&north, &south], 3);

    // Whoever comes back and missed nothing drops nothing.
    let north = start_edge(north.kill());
    until_ready(&north);
    assert_eq!(seen(&north, LARGE).0, 3);
    let (exit, log) = north.stop();
    assert_eq!((exit, log.iter().any(is_purge)), (Some(0), false));

    for (body, expected) in [
        (r#"{"files":{"by":"site","subject":"*.example.com"}}"#, 400),
        (r#"{"files":{"by":"content","subject":"a/b"}}"#, 400),
        (r#"{"files":{"by":"origin","subject":"media"}}"#, 400),
        (r#"{"files":{"by":"everything"}}"#, 404),
    ] {
        let tenant = if expected == 404 { 7 } else { 1 };
        let path = format!("/api/v1/tenants/{tenant}/purges");
        assert_eq!(api.call("POST", &path, body).status, expected, "{body}");
    }
    let log = api.ok("GET", "/api/v1/audit?limit=1000", "");
    let purges: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|it| it["action"] == "cache.purge")
        .collect();
    assert_eq!(purges.len(), 5, "{log}");
    assert_eq!(purges[0]["diff"]["subject"][1], "film", "{}", purges[0]);
}
