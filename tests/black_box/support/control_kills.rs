//! A control plane that is killed, again and again, while clients write through its API.
//!
//! The clients are another process than the one that is killed, and note what was acknowledged. After
//! each restart everything is read back, through the API too: what was acknowledged is there, what is
//! there is there as a whole and once, and the audit log has each change once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use super::chance::Chance;
use super::command::countersign;
use super::control::{Answered, ApiClient, Records, application, try_exchange, with_master_key};
use super::edge::NOW;
use super::process::Process;

const WRITERS: u64 = 3;

/// The latest moment of a kill, in microseconds after the first answer, or of the start.
const LONGEST: u64 = 250_000;

/// One of so many is a kill while the program starts.
const STARTING: usize = 5;

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Kills {
    /// Writes that were acknowledged.
    pub(crate) acknowledged: usize,
    /// Writes that are there, and whose acknowledgement nobody got before the kill.
    pub(crate) unheard: usize,
    /// From each kill to the first write that was acknowledged after it.
    pub(crate) back: Vec<Duration>,
    /// Processor time that the program took until then: a busy machine does not change it.
    pub(crate) worked: Vec<Duration>,
}

/// What a client asks to be written. Several tables each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Write {
    Application(String),
    Content(String),
    Override(String),
}

/// Kills a control plane with these records so many times. The seed says at which moments.
pub(crate) fn kill_repeatedly(records: &Records, kills: usize, seed: u64) -> Kills {
    let (folder, credentials) = prepare(records);
    let mut chance = Chance(seed);
    let mut seen = Kills::default();
    let mut acknowledged = BTreeSet::new();
    let mut process = start(folder);
    let mut api = ApiClient::log_in(process.control(), &credentials);
    for kill in 0..kills {
        let writing = write_until_killed(process, &api, kill, &mut chance);
        acknowledged.extend(writing.acknowledged);
        let (folder, mut killed) = (writing.folder, writing.killed);
        if kill % STARTING == STARTING - 1 {
            kill_while_it_starts(&folder, &mut chance);
            killed = Instant::now();
        }
        process = start(folder);
        // Tokens are records, too.
        api = api.at(process.control());
        let first = Write::Application(format!("first-{kill}"));
        assert!(is_acknowledged(&api, &first), "{first:?}");
        seen.back.push(killed.elapsed());
        seen.worked.push(process.processor_time());
        acknowledged.insert(first);
        seen.unheard += compare(&api, &acknowledged);
        for write in writing.unanswered {
            assert!(is_acknowledged(&api, &write), "{write:?}");
            acknowledged.insert(write);
        }
        assert_eq!(compare(&api, &acknowledged), 0, "there and never asked for");
        let verify = ["audit", "verify", "--config", "countersign.toml"];
        let verified = countersign(&process.path(""), verify);
        assert_eq!(verified.status, 0, "{verified:?}");
    }
    seen.acknowledged = acknowledged.len();
    seen
}

fn prepare(records: &Records) -> (TempDir, (String, String)) {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[control]\nlisten = \"127.0.0.1:0\"\nstore = {:?}\nrequests_per_minute = 0\n\n\
         [admin]\nlisten = \"127.0.0.1:0\"\n",
        records.address()
    );
    std::fs::write(folder.path().join("countersign.toml"), config).unwrap();
    let folder = with_master_key(folder);
    let scopes = "accounts.admin audit.read catalog.read catalog.write overrides.admin \
                  tenants.admin";
    let credentials = application(folder.path(), scopes);
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    (process.kill(), credentials)
}

fn start(folder: TempDir) -> Process {
    Process::start_as("control", &[], folder, &["--clock", &NOW.to_string()])
}

/// Any moment of a start: also of the first one, which makes the store.
fn kill_while_it_starts(folder: &TempDir, chance: &mut Chance) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["control", "--config", "countersign.toml"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let_pass(chance);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Any time up to the longest.
fn let_pass(chance: &mut Chance) {
    let (_open, nothing) = channel::<()>();
    let _ = nothing.recv_timeout(Duration::from_micros(chance.next() % LONGEST));
}

/// What was there when the program was killed.
struct Writing {
    acknowledged: Vec<Write>,
    /// At most one of each client.
    unanswered: Vec<Write>,
    killed: Instant,
    folder: TempDir,
}

fn write_until_killed(
    process: Process,
    api: &ApiClient,
    round: usize,
    chance: &mut Chance,
) -> Writing {
    std::thread::scope(|scope| {
        let (acknowledges, acknowledged) = channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let acknowledges = acknowledges.clone();
                scope.spawn(move || write(api, round, writer, &acknowledges))
            })
            .collect();
        drop(acknowledges);
        let mut heard = vec![acknowledged.recv().expect("no write was acknowledged")];
        let_pass(chance);
        let folder = process.kill();
        let killed = Instant::now();
        heard.extend(acknowledged);
        let unanswered = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        Writing { acknowledged: heard, unanswered, killed, folder }
    })
}

/// One after the other, each said when it is acknowledged; gives the one that was not answered.
fn write(api: &ApiClient, round: usize, writer: u64, acknowledges: &Sender<Write>) -> Write {
    for number in 0.. {
        let name = format!("k{round}-w{writer}-{number}");
        let write = match number % 3 {
            0 => Write::Content(name),
            1 => Write::Override(name),
            _ => Write::Application(name),
        };
        if !is_acknowledged(api, &write) || acknowledges.send(write.clone()).is_err() {
            return write;
        }
    }
    unreachable!("numbers do not end")
}

fn is_acknowledged(api: &ApiClient, write: &Write) -> bool {
    let (path, name, expected, body) = match write {
        Write::Application(name) => {
            let scopes = ["catalog.read", "catalog.write"];
            let body = json!({"tenant": 1, "name": name, "scopes": scopes});
            ("/api/v1/applications".to_owned(), name, 201, body)
        }
        Write::Content(name) => ("/api/v1/tenants/1/contents".to_owned(), name, 201, content(name)),
        Write::Override(name) => {
            let body = json!({"assetTypes": ["SUBTITLE", "VIDEO_SOURCE"]});
            (format!("/v1/vms/1/videos/{name}/security-override"), name, 200, body)
        }
    };
    let lines = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nIdempotency-Key: {name}\r\n",
        api.token()
    );
    match try_exchange(api.address(), "POST", &path, &lines, &body.to_string()) {
        Some(Answered { status, .. }) if status == expected => true,
        None => false,
        Some(answer) => panic!("{write:?}: {answer:?}"),
    }
}

/// A content with rows in five tables.
fn content(name: &str) -> Value {
    json!({
        "id": name, "kind": "VIDEO", "publication": "published",
        "texts": [
            {"language": "de", "title": name, "description": "d", "pretty_id": null},
            {"language": "en", "title": name, "description": "e", "pretty_id": name},
        ],
        "metadata": [{"language": "", "name": "sku", "value": name}],
        "tags": ["a", name],
        "periods": [{"starts_at": "2030-01-01T00:00:00Z", "ends_at": null}],
    })
}

/// Everything acknowledged is there; what is there is there as a whole, once, and once in the audit
/// log. Gives how many are there that nobody was told of.
fn compare(api: &ApiClient, acknowledged: &BTreeSet<Write>) -> usize {
    let mut found = BTreeSet::new();
    for it in everything(api, "/api/v1/applications") {
        let name = it["name"].as_str().unwrap().to_owned();
        if name != "test" {
            assert_eq!(it["scopes"], json!(["catalog.read", "catalog.write"]));
            assert!(found.insert(Write::Application(name)), "there twice: {it}");
        }
    }
    for it in everything(api, "/api/v1/tenants/1/contents") {
        let name = it["id"].as_str().unwrap().to_owned();
        for (field, expected) in content(&name).as_object().unwrap() {
            assert_eq!(&it[field], expected, "{name} is there by halves");
        }
        assert!(found.insert(Write::Content(name)), "there twice: {it}");
    }
    let table = api.ok("GET", "/api/v1/tenants/1/overrides", "");
    for it in table["videos"].as_array().unwrap() {
        let name = it["id"].as_str().unwrap().to_owned();
        assert_eq!(it["asset_types"], json!(["SUBTITLE", "VIDEO_SOURCE"]));
        assert!(found.insert(Write::Override(name)), "there twice: {it}");
    }
    let lost: Vec<_> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");

    let mut actions: BTreeMap<String, usize> = BTreeMap::new();
    for event in everything(api, "/api/v1/audit") {
        *actions.entry(event["action"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let of = |is_it: fn(&Write) -> bool| found.iter().filter(|write| is_it(write)).count();
    for (action, expected) in [
        // The one that asks was made, too.
        ("application.create", 1 + of(|it| matches!(it, Write::Application(_)))),
        ("content.create", of(|it| matches!(it, Write::Content(_)))),
        ("override.set", of(|it| matches!(it, Write::Override(_)))),
    ] {
        assert_eq!(actions.get(action).copied().unwrap_or(0), expected, "{action}: {actions:?}");
    }
    found.difference(acknowledged).count()
}

/// Every page of a list.
fn everything(api: &ApiClient, list: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut path = format!("{list}?limit=1000");
    loop {
        let mut page = api.ok("GET", &path, "");
        items.append(page["items"].as_array_mut().unwrap());
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("{list}?limit=1000&cursor={next}"),
            None => return items,
        }
    }
}
