//! Promise 34: what `backup` copied out, `restore` brings back, on either database; what was recorded
//! since is given up only where somebody says so. And `audit verify` names what was tampered with.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use crate::support::command::{Said, countersign, said};
use crate::support::control::{ApiClient, Records, application, folder, start};
use crate::support::planes::until_status;
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::tools::tool;

const FILM: &str = "/public/videos/film/source";
const OTHER: &str = "/public/videos/other/source";
const FILES: [(&str, &str); 2] = [("videos/film/source", "film"), ("videos/other/source", "other")];
const SCOPES: &str = "accounts.admin audit.read catalog.read catalog.write overrides.admin";

fn backup(folder: &Path, to: &str) -> Said {
    countersign(folder, ["backup", "--config", "countersign.toml", to])
}

fn restore(folder: &Path, from: &str, more: &[&str]) -> Said {
    let usual = ["restore", "--config", "countersign.toml", from];
    countersign(folder, usual.iter().chain(more))
}

fn verify(folder: &Path) -> Said {
    countersign(folder, ["audit", "verify", "--config", "countersign.toml"])
}

fn set_override(api: &ApiClient, video: &str, open: bool) {
    let path = format!("/v1/vms/1/videos/{video}/security-override");
    let (method, body) = if open { ("POST", r#"{"scope":"public"}"#) } else { ("DELETE", "") };
    api.ok(method, &path, body);
}

/// Everything that an API tells of the records.
fn told(api: &ApiClient) -> Vec<Value> {
    let lists = [
        "/api/v1/applications",
        "/api/v1/tenants/1/contents",
        "/api/v1/tenants/1/overrides",
        "/v1/vms/1/security-override",
    ];
    lists.iter().map(|list| api.ok("GET", list, "")).collect()
}

/// The log of every change, whole.
fn log(api: &ApiClient) -> Vec<Value> {
    let mut page = api.ok("GET", "/api/v1/audit?limit=1000", "");
    assert_eq!(page["next_cursor"], Value::Null);
    std::mem::take(page["items"].as_array_mut().unwrap())
}

/// What is told of the records, and the log.
struct At(Vec<Value>, Vec<Value>);

impl At {
    fn now(api: &ApiClient) -> Self {
        Self(told(api), log(api))
    }

    /// The same is told, and the log has gone on from there.
    fn assert_is_back(&self, api: &ApiClient) {
        assert_eq!(told(api), self.0);
        assert!(log(api).starts_with(&self.1), "{:?}", log(api));
    }
}

/// A program with something recorded, and a copy of that.
fn copied(records: &Records) -> (Process, ApiClient, At) {
    let folder = folder(records, &FILES);
    let credentials = application(folder.path(), SCOPES);
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    api.ok("POST", "/api/v1/tenants/1/contents", r#"{"kind":"VIDEO","tags":["a"]}"#);
    set_override(&api, "film", true);
    until_status(process.address(), FILM, 200, &[403]);
    let at = At::now(&api);
    let made = backup(&process.path(""), "copy.ndjson");
    assert_eq!((made.status, &*made.err), (0, ""), "{made:?}");
    assert!(made.out.starts_with("ok: ") && made.out.contains(" row(s), version "), "{made:?}");
    (process, api, at)
}

fn comes_back(records: &Records) {
    let (process, api, at) = copied(records);
    let home = process.path("");
    // A copy that is there is left as it is.
    let copy = std::fs::read(process.path("copy.ndjson")).unwrap();
    let refused = backup(&home, "copy.ndjson");
    assert_eq!((refused.status, &*refused.out), (1, ""));
    assert!(refused.err.contains("copy.ndjson: File exists"), "{}", refused.err);
    assert_eq!(std::fs::read(process.path("copy.ndjson")).unwrap(), copy);
    // Nothing was recorded since: nothing is given up.
    let again = restore(&home, "copy.ndjson", &[]);
    assert!(again.status == 0 && again.out.starts_with("ok: "), "{again:?}");
    at.assert_is_back(&api);

    set_override(&api, "film", false);
    set_override(&api, "other", true);
    until_status(process.address(), FILM, 403, &[200]);
    until_status(process.address(), OTHER, 200, &[403]);
    let since = At::now(&api);
    let refused = restore(&home, "copy.ndjson", &[]);
    assert_eq!((refused.status, &*refused.out), (1, ""));
    assert!(
        refused.err.contains("the store holds what the copy does not know (version "),
        "{}",
        refused.err
    );
    // Damaged, cut off, no copy at all: by force neither.
    let text = String::from_utf8(copy).unwrap();
    let whole: Vec<&str> = text.lines().collect();
    for (damaged, why) in [
        (text.replacen("security", "Security", 1), "does not fit what stands before it"),
        (whole[..whole.len() - 1].join("\n") + "\n", "the copy is cut off"),
        (text.trim_end_matches(['\n', '}']).to_owned(), "is cut off, or too long"),
        (String::new(), "the copy is empty"),
        ("{\"tables\":1}\n".to_owned(), "line 1 of the copy: is not the beginning of a copy"),
    ] {
        if damaged == text {
            continue;
        }
        std::fs::write(process.path("damaged.ndjson"), damaged).unwrap();
        let refused = restore(&home, "damaged.ndjson", &["--force"]);
        assert!(refused.status == 1 && refused.err.contains(why), "{why}: {refused:?}");
    }
    assert_eq!((told(&api), log(&api)), (since.0, since.1));
    assert_eq!(raw_client::get(process.address(), OTHER).status, 200);

    let forced = restore(&home, "copy.ndjson", &["--force"]);
    assert!(forced.status == 0 && forced.out.starts_with("ok: "), "{forced:?}");
    at.assert_is_back(&api);
    // The program that runs goes by it.
    until_status(process.address(), FILM, 200, &[403]);
    until_status(process.address(), OTHER, 403, &[200]);
    assert_eq!(verify(&home).status, 0);
}

#[test]
fn what_was_copied_out_comes_back_on_sqlite() {
    comes_back(&Records::Sqlite);
}

#[test]
fn what_was_copied_out_comes_back_on_postgresql() {
    comes_back(&Records::on_postgres("backup"));
}

#[test]
fn a_copy_of_one_database_is_the_same_in_the_other() {
    let (process, api, at) = copied(&Records::Sqlite);
    let other = folder(&Records::on_postgres("backup_other"), &FILES);
    std::fs::copy(process.path("copy.ndjson"), other.path().join("copy.ndjson")).unwrap();
    let restored = restore(other.path(), "copy.ndjson", &[]);
    assert!(restored.status == 0, "{restored:?}");
    assert_eq!(verify(other.path()).status, 0);
    let other = start(other);
    // Tokens are records, too.
    at.assert_is_back(&api.at(other.control()));
    until_status(other.address(), FILM, 200, &[403]);
    assert_eq!(raw_client::get(other.address(), OTHER).status, 403);
}

/// Does this to the records, past the program.
fn tamper(records: &Records, folder: &Path, statement: &str) {
    match records {
        Records::At(url) => {
            let mut psql = Command::new(tool("COUNTERSIGN_TEST_PSQL", "psql"));
            let done = said(psql.args(["--quiet", url, "--command", statement]), b"");
            assert_eq!(done.status, 0, "{done:?}");
        }
        Records::Sqlite => {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let options = SqliteConnectOptions::new().filename(folder.join("records.db"));
                let mut connection = options.connect().await.unwrap();
                connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
                connection.close().await.unwrap();
            });
        }
    }
}

fn names_the_first(records: &Records) {
    let (process, api, _) = copied(records);
    for number in 0..10 {
        set_override(&api, &format!("v{number}"), true);
    }
    let folder = process.stop_and_leave();
    let whole = verify(folder.path());
    assert_eq!(whole.status, 0, "{whole:?}");
    let events: u64 = whole.out.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(events > 12, "{whole:?}");
    for (statement, broken_at, why) in [
        (
            "DELETE FROM audit WHERE sequence = (SELECT max(sequence) FROM audit)",
            events,
            "an event is missing",
        ),
        (
            "UPDATE audit SET actor = 'app_nobody' WHERE sequence IN (9, 11)",
            9,
            "the event's hash is not that of its content",
        ),
        ("DELETE FROM audit WHERE sequence = 7", 7, "an event is missing"),
        (
            "UPDATE audit SET previous_hash = 'ff' WHERE sequence = 5",
            5,
            "the event's hash is not that of its content",
        ),
    ] {
        tamper(records, folder.path(), statement);
        let broken = verify(folder.path());
        assert_eq!(broken.status, 1, "{statement}: {broken:?}");
        assert_eq!(broken.out, format!("broken at event {broken_at}: {why}\n"), "{statement}");
    }
}

#[test]
fn the_first_event_that_was_tampered_with_is_named_on_sqlite() {
    names_the_first(&Records::Sqlite);
}

#[test]
fn the_first_event_that_was_tampered_with_is_named_on_postgresql() {
    names_the_first(&Records::on_postgres("tampered"));
}
