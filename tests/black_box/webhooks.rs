//! Webhooks over HTTPS, to a receiver that verifies them with the library of Standard Webhooks: good and
//! bad answers, and a program that is killed while it sends.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver as Heard, channel};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::control::{ApiClient, Records, application, folder};
use crate::support::output::keep_secret;
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::tls::Certificate;
use crate::support::tools::tool;

const SCOPES: &str = "settings.admin,audit.read,links.revoke";

/// A message whose sender was killed is another's after half a minute, and this machine may be slow.
const PATIENCE: Duration = Duration::from_mins(3);

const PATH: &str = "/api/v1/tenants/1/webhooks";

/// The receiver, and what it says of each message.
struct Receiver {
    process: Child,
    port: u16,
    heard: Heard<Value>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It is gone already, if not.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Receiver {
    fn start(folder: &Path) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/webhooks/receiver.py");
        let mut process = Command::new(tool("COUNTERSIGN_TEST_PYTHON", "python3"))
            .arg(script)
            .args(["site.pem", "site.key", "secrets"].map(|name| folder.join(name)))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let (tell, heard) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if tell.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { process, port, heard }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    /// The next message, which each secret is to have verified.
    fn next(&self) -> Value {
        let heard = self.heard.recv_timeout(PATIENCE).unwrap();
        for verdict in heard["verified"].as_array().unwrap() {
            assert!(verdict["type"].is_string(), "{heard}");
        }
        heard
    }
}

/// A folder whose control plane may speak to this machine, and believes the receiver.
fn with_receiver() -> TempDir {
    let folder = folder(&Records::Sqlite, &[]);
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let control =
        "[control]\nwebhooks = { networks = [\"127.0.0.0/8\", \"::1\"], ca = \"site.pem\" }";
    std::fs::write(path, text.replacen("[control]", control, 1)).unwrap();
    let certificate = Certificate::of(&["localhost"]);
    std::fs::write(folder.path().join("site.pem"), &certificate.pem).unwrap();
    std::fs::write(folder.path().join("site.key"), &certificate.key).unwrap();
    std::fs::write(folder.path().join("secrets"), "").unwrap();
    folder
}

/// Makes a webhook: its path in the API. The receiver knows its secret.
fn webhook(api: &ApiClient, process: &Process, url: &str) -> String {
    let made = api.call("POST", PATH, &json!({ "url": url }).to_string());
    assert_eq!(made.status, 201, "{made:?}");
    knows(process, made.body["secret"].as_str().unwrap());
    format!("{PATH}/{}", made.body["id"].as_str().unwrap())
}

fn knows(process: &Process, secret: &str) {
    keep_secret(secret);
    std::fs::write(process.path("secrets"), secret).unwrap();
}

fn told(api: &ApiClient, hook: &str) -> String {
    let told = api.call("POST", &format!("{hook}/test"), "");
    assert_eq!(told.status, 202, "{told:?}");
    format!("{hook}/messages/{}", told.body["id"].as_str().unwrap())
}

/// Waits until a message is of that state: it, then.
fn until(api: &ApiClient, message: &str, state: &str) -> Value {
    let mut shown = Value::Null;
    wait_until(state, || {
        shown = api.ok("GET", message, "");
        shown["state"] == state
    });
    shown
}

#[test]
fn the_vendors_library_verifies_what_arrives() {
    let serving = Process::start(with_receiver(), &[]);
    let api = ApiClient::log_in(serving.control(), &application(&serving.path(""), SCOPES));
    let receiver = Receiver::start(&serving.path(""));
    let hook = webhook(&api, &serving, &receiver.url("/good"));
    let message = told(&api, &hook);
    let heard = receiver.next();
    assert!(message.ends_with(heard["id"].as_str().unwrap()), "{heard}");
    assert_eq!(heard["verified"][0]["type"], "webhook.test");
    let shown = until(&api, &message, "delivered");
    assert_eq!((&shown["log"][0]["status"], &shown["attempts"]), (&json!(204), &json!(1)));

    let counted = |outcome: &str| {
        let name = format!("countersign_webhook_attempts_total{{outcome=\"{outcome}\"}}");
        serving.metric(&name)
    };
    assert_eq!(["delivered", "again", "given_up", "gone"].map(counted), [1, 0, 0, 0]);
    assert_eq!(serving.metric("countersign_webhook_messages_unkept_total"), 0);
    assert_eq!(serving.metric("countersign_webhook_messages_waiting"), 0);

    // Both secrets verify for a day.
    let first = std::fs::read_to_string(serving.path("secrets")).unwrap();
    let next = api.call("POST", &format!("{hook}/secrets"), "");
    let next = next.body["secret"].as_str().unwrap().to_owned();
    knows(&serving, &next);
    std::fs::write(serving.path("secrets"), format!("{first}\n{next}\n")).unwrap();
    told(&api, &hook);
    assert_eq!(receiver.next()["verified"].as_array().unwrap().len(), 2);

    // What happens is told.
    let links = json!({"links": {"by": "link", "subject": "lnk_1"}}).to_string();
    assert_eq!(api.call("POST", "/api/v1/tenants/1/revocations", &links).status, 201);
    let heard = receiver.next();
    assert_eq!(heard["verified"][0]["type"], "link.revoked");
    assert_eq!(heard["verified"][1]["data"]["link"], "lnk_1");
    // Neither a whole address nor a secret is in the log.
    let log = api.ok("GET", "/api/v1/audit", "").to_string();
    assert!(log.contains("webhook.create") && !log.contains("/good") && !log.contains("whsec_"));
    assert_eq!(serving.stop().0, Some(0));
}

#[test]
fn a_bad_receiver_is_tried_again_and_holds_nobody_up() {
    let serving = Process::start(with_receiver(), &[]);
    let api = ApiClient::log_in(serving.control(), &application(&serving.path(""), SCOPES));
    let receiver = Receiver::start(&serving.path(""));
    // Each with a secret of its own, so none is verified but the last one's.
    let hooks = ["/away", "/endless", "/down"].map(|path| {
        let hook = webhook(&api, &serving, &receiver.url(path));
        let message = told(&api, &hook);
        (path, receiver.next(), message)
    });
    for (path, heard, _) in &hooks {
        assert_eq!(&heard["path"], path);
    }
    let [(_, _, away), (_, _, endless), (_, _, down)] = &hooks;
    until(&api, endless, "delivered");
    // After five seconds.
    let again = receiver.heard.recv_timeout(PATIENCE).unwrap();
    assert_ne!(again["path"], "/good", "a redirection was followed");
    let shown = until(&api, down, "delivered");
    let statuses: Vec<_> =
        shown["log"].as_array().unwrap().iter().map(|it| it["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [204, 500]);
    let shown = api.ok("GET", away, "");
    assert_eq!((&shown["state"], &shown["log"][0]["status"]), (&json!("pending"), &json!(307)));

    // A certificate that nobody signed, and a port at which nobody listens.
    let other = Certificate::of(&["localhost"]);
    let elsewhere = tempfile::tempdir().unwrap();
    for (name, text) in [("site.pem", &other.pem), ("site.key", &other.key)] {
        std::fs::write(elsewhere.path().join(name), text).unwrap();
    }
    let stranger = Receiver::start(elsewhere.path());
    let closed = Receiver::start(elsewhere.path()).url("/good");
    for (url, fault) in [(stranger.url("/good"), "tls_failed"), (closed, "connect_failed")] {
        let hook = webhook(&api, &serving, &url);
        let message = told(&api, &hook);
        wait_until(fault, || api.ok("GET", &message, "")["log"][0]["fault"] == fault);
    }
    assert!(stranger.heard.try_recv().is_err());
}

#[test]
fn a_message_whose_sender_was_killed_is_sent_by_the_next() {
    let serving = Process::start(with_receiver(), &[]);
    let api = ApiClient::log_in(serving.control(), &application(&serving.path(""), SCOPES));
    let receiver = Receiver::start(&serving.path(""));
    let hook = webhook(&api, &serving, &receiver.url("/hangs"));
    let message = told(&api, &hook);
    let first = receiver.next();
    let next = Process::start(serving.kill(), &[]);
    let api = api.at(next.control());
    let second = receiver.next();
    assert_eq!(first["id"], second["id"]);
    let shown = until(&api, &message, "delivered");
    assert_eq!(shown["attempts"], 2);
    // Of the one that was cut off nothing is known.
    let numbers: Vec<_> = shown["log"].as_array().unwrap().iter().map(|it| &it["number"]).collect();
    assert_eq!(numbers, [&json!(2)]);
}
