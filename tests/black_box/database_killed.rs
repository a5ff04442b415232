//! Promise 14: PostgreSQL is killed 20 times while clients write, each of whom makes its request again
//! with the same key until it is acknowledged: nothing acknowledged is lost, nothing is done twice,
//! and writes are answered soon after the database is there again. Files are served all the while.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::chance::Chance;
use crate::support::command::countersign;
use crate::support::control::{Answered, ApiClient, Records, application, folder, start};
use crate::support::postgres::Server;
use crate::support::raw_client;

const KILLS: u64 = 20;

const WRITERS: u64 = 3;

/// From the database's first answer to the API's.
const BACK_WITHIN: Duration = Duration::from_secs(5);

/// A write that was acknowledged: its key, which is its name, what it made, and when it was told.
struct Acknowledged {
    key: String,
    id: String,
    at: Instant,
}

/// Writers go on until it is dropped.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn make(api: &ApiClient, key: &str) -> Answered {
    let body = json!({"tenant": 1, "name": key, "scopes": []}).to_string();
    let line = format!("Idempotency-Key: {key}\r\n");
    api.call_with("POST", "/api/v1/applications", &line, &body)
}

fn id(answer: &Answered) -> String {
    answer.body["id"].as_str().unwrap().to_owned()
}

/// Makes one after the other, each again and again until it is acknowledged.
fn write(api: &ApiClient, writer: u64, done: &AtomicBool, says: &Sender<Acknowledged>) -> u64 {
    let mut again = 0;
    for number in 0.. {
        let key = format!("w{writer}-{number}");
        let id = loop {
            let answer = make(api, &key);
            match answer.status {
                201 => break id(&answer),
                // Refused and said to be: with a code, and when to come back.
                503 => {
                    let code = answer.body["code"].as_str();
                    assert!(matches!(code, Some("unavailable" | "outcome_unknown")), "{answer:?}");
                    again += 1;
                }
                _ => panic!("{answer:?}"),
            }
            if done.load(Ordering::Relaxed) {
                return again;
            }
        };
        if says.send(Acknowledged { key, id, at: Instant::now() }).is_err() {
            break;
        }
        if done.load(Ordering::Relaxed) {
            break;
        }
    }
    again
}

/// Takes what is acknowledged until that time.
fn hear_until(end: Instant, says: &Receiver<Acknowledged>, heard: &mut Vec<Acknowledged>) {
    loop {
        match says.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(acknowledged) => heard.push(acknowledged),
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => panic!("nobody writes any more"),
        }
    }
}

/// The first that is acknowledged after that time.
fn hear_after(
    since: Instant,
    says: &Receiver<Acknowledged>,
    heard: &mut Vec<Acknowledged>,
) -> Instant {
    loop {
        let acknowledged = says.recv_timeout(raw_client::PATIENCE).expect("writes do not go on");
        let at = acknowledged.at;
        heard.push(acknowledged);
        if at >= since {
            return at;
        }
    }
}

/// How often there is an application of each name.
fn count(api: &ApiClient) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut path = "/api/v1/applications?limit=1000".to_owned();
    loop {
        let page = api.ok("GET", &path, "");
        for item in page["items"].as_array().unwrap() {
            let name = item["name"].as_str().unwrap().to_owned();
            found.entry(name).or_default().push(item["id"].as_str().unwrap().to_owned());
        }
        match page["next_cursor"].as_str() {
            Some(next) => path = format!("/api/v1/applications?limit=1000&cursor={next}"),
            None => return found,
        }
    }
}

fn serves(edge: SocketAddr) {
    assert_eq!(raw_client::get(edge, "/open/a").status, 200);
}

#[test]
fn nothing_is_lost_or_done_twice_when_postgresql_is_killed() {
    let mut server = Server::start();
    let folder = folder(&Records::At(server.address()), &[("open/a", "open")]);
    let credentials = application(folder.path(), "accounts.admin");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    let done = AtomicBool::new(false);
    let mut heard = Vec::new();
    let mut chance = Chance(14);
    let mut longest = Duration::ZERO;
    let again = std::thread::scope(|scope| {
        // Also where this fails.
        let end = End(&done);
        let (sender, says) = channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (api, sender, done) = (&api, sender.clone(), &done);
                scope.spawn(move || write(api, writer, done, &sender))
            })
            .collect();
        drop(sender);
        hear_after(Instant::now(), &says, &mut heard);
        for kill in 0..KILLS {
            let moment = Duration::from_micros(chance.next() % 400_000);
            hear_until(Instant::now() + moment, &says, &mut heard);
            server.kill();
            let killed = Instant::now();
            serves(process.address());
            server.resume();
            let up = Instant::now();
            serves(process.address());
            let back = hear_after(up, &says, &mut heard) - up;
            longest = longest.max(back);
            println!(
                "kill {kill}: the database is there after {:.2?}, the API {back:.2?} later",
                up - killed
            );
            assert!(back <= BACK_WITHIN, "back after {back:?}");
        }
        drop(end);
        // What is said while they end counts as well.
        heard.extend(says.iter());
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u64>()
    });
    println!("{} acknowledged, {again} made again; back {longest:.2?} at most", heard.len());
    assert!(heard.len() > 60 && again >= KILLS, "hardly anything was written");
    let found = count(&api);
    for Acknowledged { key, id, at: _ } in &heard {
        assert_eq!(found.get(key), Some(&vec![id.clone()]), "{key}");
    }
    // What was made of the last requests, which nobody waited for, is there once or not at all.
    let twice: Vec<_> = found.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    for Acknowledged { key, id: made, at: _ } in heard.iter().rev().take(20) {
        let answer = make(&api, key);
        assert_eq!((answer.status, id(&answer)), (201, made.clone()));
        assert_eq!(answer.header("idempotency-replayed"), Some("true"));
    }
    let verified = countersign(
        process.path("").as_path(),
        ["audit", "verify", "--config", "countersign.toml"],
    );
    assert_eq!(verified.status, 0, "{verified:?}");
    let (exit, _) = process.stop();
    assert_eq!(exit, Some(0));
}
