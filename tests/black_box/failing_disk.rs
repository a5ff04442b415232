//! Promise 13, the half of it that a full disk does not show: a disk that says it could not write.
//!
//! Every fsync of the running program fails with EIO for a while, by strace. Meanwhile no write is
//! acknowledged and each is said to have failed; reads and files go on. When the disk is well again
//! so are writes, without a restart, and what was acknowledged is there after a `kill -9`.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::command::countersign;
use crate::support::control::{Answered, ApiClient, Records, application, folder, start};
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::tools::tool;

/// While it lives, nothing that the process writes reaches the disk, and it is told so.
struct Fault(Child);

impl Fault {
    fn begin(process: &Process) -> Self {
        let mut child = Command::new(tool("COUNTERSIGN_TEST_STRACE", "strace"))
            .args(["-f", "-e", "trace=fsync,fdatasync"])
            .args(["-e", "inject=fsync,fdatasync:error=EIO"])
            .args(["-p", &process.id().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // "strace: Process 123 attached with 9 threads"
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("attached"), "{first}");
        // It would wait for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }

    /// Lets go of the process, which goes on as before.
    fn end(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

fn make(api: &ApiClient, key: &str) -> Answered {
    let body = json!({"tenant": 1, "name": key, "scopes": []}).to_string();
    let line = format!("Idempotency-Key: {key}\r\n");
    api.call_with("POST", "/api/v1/applications", &line, &body)
}

fn names(api: &ApiClient) -> Vec<String> {
    let page = api.ok("GET", "/api/v1/applications?limit=1000", "");
    let items = page["items"].as_array().unwrap().iter();
    let mut names: Vec<_> = items.map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_disk_that_fails_refuses_writes_and_nothing_else() {
    let folder = folder(&Records::Sqlite, &[("open/a", "open")]);
    let credentials = application(folder.path(), "accounts.admin");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    let mut acknowledged = BTreeSet::from(["test".to_owned()]);
    let mut refused = 0;
    for round in 0..3 {
        for number in 0..5 {
            let key = format!("well-{round}-{number}");
            assert_eq!(make(&api, &key).status, 201);
            acknowledged.insert(key);
        }
        let before = names(&api);
        let fault = Fault::begin(&process);
        let failing = ["a", "b", "c", "d"].map(|name| format!("failing-{round}-{name}"));
        for key in &failing {
            let answer = make(&api, key);
            let code = answer.body["code"].as_str().unwrap_or_default();
            let is_said = matches!(code, "unavailable" | "outcome_unknown");
            assert!(answer.status == 503 && is_said, "{answer:?}");
            refused += 1;
            // The log in memory of what was not written is not believed either.
            assert_eq!(names(&api), before);
            assert_eq!(raw_client::get(process.address(), "/open/a").status, 200);
            assert_eq!(raw_client::get(process.admin(), "/livez").status, 200);
        }
        fault.end();
        for key in failing {
            wait_until("the disk is well, and so are writes", || make(&api, &key).status == 201);
            acknowledged.insert(key);
        }
    }
    assert_eq!(refused, 12);
    let acknowledged: Vec<_> = acknowledged.into_iter().collect();
    assert_eq!(names(&api), acknowledged);
    let process = start(process.kill());
    let api = ApiClient::log_in(process.control(), &credentials);
    assert_eq!(names(&api), acknowledged);
    let folder = process.path("");
    let verified = countersign(&folder, ["audit", "verify", "--config", "countersign.toml"]);
    assert_eq!(verified.status, 0, "{verified:?}");
}
