//! Promise 12: the power is cut while a control plane writes; nothing that it acknowledged is lost.
//!
//! `cargo bench --bench power_cut -- [sqlite] [postgres] [control]`, as root: it mounts. The store is
//! on an ext4 file system in a file, on a loop device. At a cut, the programs are stopped with
//! SIGSTOP, the file is copied as it is, and everything goes on from the copy, as a machine does when
//! the power is back. The copy has what had been handed to the device; what is only in the memory of
//! the mounted file system is not in it. `COUNTERSIGN_POWER_CUTS` says how many, 100. The figures
//! that are claimed are in `benches/runs/`.
//!
//! `control` shows that the method sees losses: the same with a store that does not wait for the disk.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench that cannot go on says so; its result is what it prints"
)]

#[expect(dead_code, reason = "the suite's; a bench needs some of it")]
#[path = "../../tests/black_box/support/mod.rs"]
mod support;

mod disk;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};

use disk::Disk;
use support::chance::Chance;
use support::command::countersign;
use support::control::{ApiClient, Records, application, folder, start, try_exchange};
use support::postgres::Server;
use support::process::Process;

const WRITERS: u64 = 3;

/// Until the next cut, at most.
const LONGEST: u64 = 400_000;

/// Cuts so often.
type Scenario = fn(usize);

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let cuts = std::env::var("COUNTERSIGN_POWER_CUTS").map_or(100, |it| it.parse().unwrap());
    let scenarios: [(&str, Scenario); 3] =
        [("control", control), ("postgres", postgres), ("sqlite", sqlite)];
    let unknown = chosen.iter().find(|it| scenarios.iter().all(|(name, _)| name != it));
    assert!(unknown.is_none(), "no scenario {unknown:?}");
    for (name, run) in scenarios {
        if chosen.is_empty() || chosen.iter().any(|it| it == name) {
            println!("\n## {name}, {cuts} cuts");
            run(cuts);
        }
    }
}

fn sqlite(cuts: usize) {
    let mut disk = Disk::new(64 << 20);
    let records = Records::At(format!("sqlite:{}", disk.path("records.db").display()));
    cut_repeatedly(cuts, &mut disk, &records, None);
}

fn postgres(cuts: usize) {
    let mut disk = Disk::new(320 << 20);
    let server = Server::start_in(&disk.path(""));
    // An empty cluster is made without waiting for the disk.
    disk.settle();
    let records = Records::At(server.address());
    cut_repeatedly(cuts, &mut disk, &records, Some(server));
}

/// Cuts, and looks each time whether everything acknowledged so far is there, once.
fn cut_repeatedly(cuts: usize, disk: &mut Disk, records: &Records, mut server: Option<Server>) {
    let mut program = folder(records, &[]);
    let credentials = application(program.path(), "accounts.admin");
    let mut acknowledged = BTreeSet::from(["test".to_owned()]);
    let mut chance = Chance(12);
    let (mut lost, mut twice, mut unasked) = (0, 0, 0);
    for cut in 0..cuts {
        let process = start(program);
        let before = acknowledged.len();
        let told = write_until_cut(&process, &credentials, cut, &mut chance, || {
            process.signal(Signal::STOP);
            if let Some(server) = &server {
                server.freeze();
            }
            disk.copy();
        });
        acknowledged.extend(told);
        program = process.kill();
        if let Some(server) = &mut server {
            server.kill();
        }
        disk.go_on_from_copy();
        if let Some(server) = &mut server {
            server.resume();
        }
        let process = start(program);
        let found = count(&ApiClient::log_in(process.control(), &credentials));
        lost += acknowledged.iter().filter(|key| !found.contains_key(*key)).count();
        twice += found.values().filter(|count| **count > 1).count();
        unasked = found.keys().filter(|key| !acknowledged.contains(*key)).count();
        println!("cut {cut}: {} acknowledged since the last", acknowledged.len() - before);
        program = process.kill();
        let verified =
            countersign(program.path(), ["audit", "verify", "--config", "countersign.toml"]);
        assert_eq!(verified.status, 0, "{verified:?}");
    }
    println!(
        "{} acknowledged: {lost} lost, {twice} there twice; {unasked} made whose answer was cut off",
        acknowledged.len()
    );
    assert_eq!((lost, twice), (0, 0));
}

/// Writes until some moment; gives what had been acknowledged before the cut began.
fn write_until_cut(
    process: &Process,
    credentials: &(String, String),
    round: usize,
    chance: &mut Chance,
    cut: impl FnOnce(),
) -> Vec<String> {
    let acknowledged = Mutex::new(Vec::new());
    let end = AtomicBool::new(false);
    let api = ApiClient::log_in(process.control(), credentials);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (api, acknowledged, end) = (&api, &acknowledged, &end);
            scope.spawn(move || {
                for number in 0.. {
                    let key = format!("c{round}-w{writer}-{number}");
                    if end.load(Ordering::Relaxed) || !make(process.control(), api, &key) {
                        break;
                    }
                    acknowledged.lock().unwrap().push(key);
                }
            });
        }
        let moment = Duration::from_micros(chance.next() % LONGEST);
        let (_open, nothing) = std::sync::mpsc::channel::<()>();
        let _ = nothing.recv_timeout(moment);
        let told = acknowledged.lock().unwrap().clone();
        cut();
        end.store(true, Ordering::Relaxed);
        // Whoever waits for an answer is let go.
        process.signal(Signal::KILL);
        told
    })
}

/// Was it acknowledged?
fn make(address: SocketAddr, api: &ApiClient, key: &str) -> bool {
    let body = json!({"tenant": 1, "name": key, "scopes": []}).to_string();
    let lines = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\nIdempotency-Key: {key}\r\n",
        api.token()
    );
    let answer = try_exchange(address, "POST", "/api/v1/applications", &lines, &body);
    answer.is_some_and(|answer| answer.status == 201)
}

/// How often there is an application of each name.
fn count(api: &ApiClient) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let first = "/api/v1/applications?limit=1000".to_owned();
    let mut path = first.clone();
    loop {
        let page = api.ok("GET", &path, "");
        for item in page["items"].as_array().unwrap() {
            *found.entry(item["name"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("{first}&cursor={next}"),
            None => return found,
        }
    }
}

/// A table written with `synchronous = NORMAL`, which acknowledges what only the memory has.
fn control(cuts: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut disk = Disk::new(64 << 20);
    let mut chance = Chance(12);
    let mut with_losses = 0;
    for cut in 0..cuts {
        let name = format!("{cut}.db");
        let rows = 1 + chance.below(200);
        let kept: i64 = runtime.block_on(async {
            let mut writer = open(&disk.path(&name)).await;
            let create = "CREATE TABLE IF NOT EXISTS made (number INTEGER)";
            sqlx::query(create).execute(&mut writer).await.unwrap();
            for _ in 0..rows {
                sqlx::query("INSERT INTO made VALUES (1)").execute(&mut writer).await.unwrap();
            }
            disk.copy();
            writer.close().await.unwrap();
            disk.go_on_from_copy();
            let mut reader = open(&disk.path(&name)).await;
            let count = sqlx::query_scalar("SELECT count(*) FROM made").fetch_one(&mut reader);
            let kept = count.await.unwrap_or(0);
            reader.close().await.unwrap();
            kept
        });
        with_losses += usize::from(usize::try_from(kept).unwrap() < rows);
        disk.forget(&name);
    }
    println!("{with_losses} of {cuts} cuts lost rows");
    assert!(with_losses > 0, "the method does not see losses");
}

async fn open(file: &Path) -> sqlx::SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .connect()
        .await
        .unwrap()
}
