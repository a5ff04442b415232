//! What links opened is listed, each once, whoever was killed or away meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};
use countersign::token::{LinkBinding, LinkOpens, LinkPayload, LinkTerms, QueryDigest};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::command::said;
use crate::support::control::{ApiClient, Records, application, folder_of, start};
use crate::support::edge::{KEY_HEX, NOW, usual_config};
use crate::support::keep_alive::{KeepAlive, dial};
use crate::support::links::an_hour;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::Connection;
use crate::support::tools::tool;

const FILM: &str = "/private/videos/film/source";
const FILES: [(&str, &str); 1] = [("videos/film/source", "film")];
const VENDORS: &str = "file = \"keys/k1.hex\" }";
const OURS: &str = "file = \"keys/k1.hex\", use = \"links\" }";

/// A link of our own to that path.
fn link(path: &str, id: &str) -> String {
    let key =
        SharedKey::from_hex(KeyId::new("k1"), KEY_HEX, KeyPurpose::Links, KeyWindow::default());
    let rules = EdgeAuth::with_keys(Keyring::new(vec![key.unwrap()]));
    let key = rules.keyring.signer(UnixSeconds::new(NOW)).unwrap();
    let binding = LinkBinding::Query(QueryDigest::of(1, None));
    let payload = LinkPayload { binding, opens: LinkOpens::Published, terms: LinkTerms::default() }
        .to_string();
    let scope = SignScope::Acl(&[path]);
    let request = SignRequest { scope, id: Some(id), payload: Some(&payload), ..an_hour() };
    format!("{path}?__token__={}", sign(&rules, key, &request).unwrap())
}

/// The usual configuration, whose key is ours.
fn config() -> String {
    usual_config("", "").replace(VENDORS, OURS)
}

fn edge_folder(control: &ControlPlane, urls: &[String], name: &str) -> TempDir {
    let folder = control.edge_folder(urls, &control.enrol(name), &FILES);
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(VENDORS));
    std::fs::write(path, text.replace(VENDORS, OURS)).unwrap();
    folder
}

/// Everything that is listed.
fn listed(api: &ApiClient) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/tenants/1/download-events?limit=1000{cursor}");
        let page = api.ok("GET", &path, "");
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

/// How often each link is listed, of those whose ids begin so.
fn links(all: &[Value], beginning: &str) -> BTreeMap<String, usize> {
    let mut links = BTreeMap::new();
    for event in all {
        let link = event["link"].as_str().unwrap();
        if link.starts_with(beginning) {
            *links.entry(link.to_owned()).or_default() += 1;
        }
    }
    links
}

/// Somebody who downloads with link after link, one at a time, until stopped or cut off.
struct Downloads {
    /// The links whose file came whole, in order.
    whole: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Downloads {
    fn start(edge: SocketAddr, name: &'static str) -> Self {
        let whole = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (whole, stop) = (Arc::clone(&whole), Arc::clone(&stop));
            move || {
                let mut client = KeepAlive::new(dial(edge));
                for number in 0.. {
                    let id = format!("{name}_{number:06}");
                    match client.get(&link(FILM, &id)) {
                        Ok(answer) => {
                            assert_eq!((answer.status, &*answer.body), (200, &b"film"[..]));
                        }
                        Err(_) => return,
                    }
                    whole.lock().unwrap().push(id);
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                }
            }
        });
        Self { whole, stop, thread }
    }

    fn count(&self) -> usize {
        self.whole.lock().unwrap().len()
    }

    /// Waits for so many more.
    fn go_on(&self, more: usize) {
        let enough = self.count() + more;
        wait_until("downloads", || self.count() >= enough);
    }

    fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
        Arc::try_unwrap(self.whole).unwrap().into_inner().unwrap()
    }
}

fn all_go_on(downloads: &[Downloads]) {
    for one in downloads {
        one.go_on(100);
    }
}

fn spooled(edge: &Process) -> u64 {
    edge.metric("countersign_events_spooled")
}

fn until_all_is_told(edge: &Process) {
    wait_until("everything is told", || spooled(edge) == 0);
}

fn once(ids: &[String]) -> BTreeMap<String, usize> {
    ids.iter().map(|id| (id.clone(), 1)).collect()
}

#[test]
fn every_download_is_listed_once_whoever_is_killed() {
    let mut control = ControlPlane::start(&Records::Sqlite);
    control.admin().ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let urls = [control.url()];
    let [north, south] =
        ["north", "south"].map(|name| start_edge(edge_folder(&control, &urls, name)));
    [&north, &south].into_iter().for_each(until_ready);

    // The control plane is killed and started again while downloads go on at both.
    let downloads = [
        Downloads::start(north.address(), "lnk_north"),
        Downloads::start(south.address(), "lnk_south"),
    ];
    for _ in 0..3 {
        all_go_on(&downloads);
        control.kill();
        all_go_on(&downloads);
        wait_until("something waits", || spooled(&north) > 50 && spooled(&south) > 50);
        control.resume();
    }
    all_go_on(&downloads);
    let whole = downloads.map(Downloads::stop);
    let told = || listed(&control.admin()).len() == whole[0].len() + whole[1].len();
    wait_until("everything is listed", told);
    let all = listed(&control.admin());
    assert_eq!(links(&all, "lnk_north"), once(&whole[0]));
    assert_eq!(links(&all, "lnk_south"), once(&whole[1]));
    for event in &all {
        let name = event["edge"].as_str().unwrap();
        assert!(event["link"].as_str().unwrap().starts_with(&format!("lnk_{name}_")), "{event}");
    }
    [&north, &south].into_iter().for_each(until_all_is_told);

    // One edge is killed while nobody is told: what it kept by then is kept, and nothing is
    // invented. The last of what follows may have ended in the very moment of its death.
    control.kill();
    let downloads = Downloads::start(north.address(), "lnk_killed");
    wait_until("something waits", || spooled(&north) > 200);
    let kept = usize::try_from(spooled(&north)).unwrap();
    let folder = north.kill();
    let whole = downloads.stop();
    let north = start_edge(folder);
    let waiting = usize::try_from(spooled(&north)).unwrap();
    assert!(kept <= waiting && waiting <= whole.len() + 1, "{kept} {waiting} {}", whole.len());
    let lost = north.metric("countersign_events_lost_total{at=\"damaged\"}");
    assert!(lost <= 1, "{lost}");
    control.resume();
    until_all_is_told(&north);
    let links = links(&listed(&control.admin()), "lnk_killed");
    let expected: Vec<String> =
        (0..waiting).map(|number| format!("lnk_killed_{number:06}")).collect();
    assert_eq!(links, once(&expected));
    for edge in [north, south] {
        assert_eq!(edge.stop().0, Some(0));
    }
}

#[test]
fn edges_report_to_another_control_plane_of_the_same_database() {
    let records = Records::on_postgres("reports");
    let mut one = ControlPlane::start(&records);
    let other = ControlPlane::start(&records);
    one.admin().ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let folder = edge_folder(&one, &[one.url(), other.url()], "north");
    let both = format!("{}{}", one.certificate_pem(), other.certificate_pem());
    std::fs::write(folder.path().join("ca.pem"), both).unwrap();
    let edge = start_edge(folder);
    until_ready(&edge);
    let downloads = Downloads::start(edge.address(), "lnk_a");
    for _ in 0..3 {
        downloads.go_on(100);
        one.kill();
        downloads.go_on(100);
        // Taken, and perhaps not heard to have been.
        other.freeze();
        downloads.go_on(100);
        one.resume();
        other.mend();
    }
    let whole = downloads.stop();
    let api = other.admin();
    wait_until("everything is listed", || listed(&api).len() >= whole.len());
    until_all_is_told(&edge);
    assert_eq!(links(&listed(&api), "lnk_a"), once(&whole));
}

/// Both planes in one process; how each kind of delivery is told, and that none is lost when the
/// program is stopped in order.
#[test]
fn what_is_told_of_a_download() {
    let large = 64 * 1024 * 1024;
    let folder = folder_of(&config(), &Records::Sqlite, &FILES);
    let path = folder.path().join("media/videos/large");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::File::create(path.join("source")).unwrap().set_len(large).unwrap();
    let credentials = application(folder.path(), "audit.read");
    let serving = start(folder);
    let edge = serving.address();

    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    let url = format!("http://{edge}{}", link(FILM, "lnk_curl"));
    let got = said(curl.args(["-sS", "--globoff", "--fail", &url]), b"");
    assert_eq!((got.status, &*got.out), (0, "film"), "{}", got.err);
    let ask = |method: &str, id: &str, more: &str| {
        let path = if id == "lnk_missing" { "/private/videos/none/source" } else { FILM };
        format!("{method} {} HTTP/1.1\r\nHost: test\r\n{more}\r\n", link(path, id))
    };
    let mut connection = Connection::open(edge);
    connection.send(ask("HEAD", "lnk_head", "X-Request-Id: theirs\r\n"));
    assert_eq!(connection.head_answer().unwrap().status, 200);
    let answer = connection.ask(&ask("GET", "lnk_range", "Range: bytes=1-2\r\n"));
    assert_eq!((answer.status, &*answer.body), (206, &b"il"[..]));
    let tag = answer.header("etag").unwrap().to_owned();
    let known = connection.ask(&ask("GET", "lnk_known", &format!("If-None-Match: {tag}\r\n")));
    assert_eq!(known.status, 304);
    let missing = connection.ask(&ask("GET", "lnk_missing", ""));
    assert_eq!(missing.status, 404);
    // What no link of ours opened is nobody's event: refused, or public.
    let forged = link(FILM, "lnk_forged").replace("lnk_forged", "lnk_chosen");
    let refused = connection.ask(&format!("GET {forged} HTTP/1.1\r\nHost: test\r\n\r\n"));
    assert_eq!(refused.status, 403);
    let mut aborted = Connection::open(edge);
    let path = "/private/videos/large/source";
    let target = link(path, "lnk_aborted");
    aborted.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    aborted.take(100_000).unwrap();
    drop(aborted);
    let api = ApiClient::log_in(serving.control(), &credentials);
    wait_until("the last is listed", || !links(&listed(&api), "lnk_aborted").is_empty());

    // The last before the end is kept as well.
    let mut last = KeepAlive::new(dial(edge));
    assert_eq!(last.get(&link(FILM, "lnk_last")).unwrap().status, 200);
    let folder = serving.stop_and_leave();
    let serving = start(folder);
    let api = ApiClient::log_in(serving.control(), &credentials);
    let all = listed(&api);
    let told = |id: &str| {
        let mut found = all.iter().filter(|it| it["link"] == id);
        let event = found.next().unwrap_or_else(|| panic!("{id} is not listed"));
        assert!(found.next().is_none(), "{id} is listed twice");
        let fields = ["method", "extent", "status", "sent", "promised", "end"];
        fields.map(|name| event[name].clone())
    };
    for (id, expected) in [
        ("lnk_curl", json!(["GET", "whole", 200, 4, 4, "complete"])),
        ("lnk_head", json!(["HEAD", "whole", 200, 0, 0, "complete"])),
        ("lnk_range", json!(["GET", "ranges", 206, 2, 2, "complete"])),
        ("lnk_known", json!(["GET", "whole", 304, 0, 0, "complete"])),
        ("lnk_last", json!(["GET", "whole", 200, 4, 4, "complete"])),
    ] {
        assert_eq!(json!(told(id)), expected, "{id}");
    }
    assert_eq!(told("lnk_missing")[2], 404);
    let [_, _, status, sent, promised, end] = told("lnk_aborted");
    assert_eq!((status, promised, end), (200.into(), large.into(), "aborted".into()));
    let sent = sent.as_u64().unwrap();
    assert!(sent < large, "{sent}");
    let ids: BTreeSet<_> = all.iter().map(|it| it["link"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), all.len()), (7, 7), "{ids:?}");
    let first = all.iter().find(|it| it["link"] == "lnk_curl").unwrap();
    for (name, expected) in [
        ("content", "film"),
        ("path", FILM),
        ("client", "127.0.0.1"),
        ("key", "k1"),
        ("at", "2027-01-15T08:00:00Z"),
    ] {
        assert_eq!(first[name], expected);
    }
    assert!(first["edge"].is_null() && first["request_id"].is_string(), "{first}");
}
