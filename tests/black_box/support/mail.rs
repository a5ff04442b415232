//! A mail server that others wrote (aiosmtpd, which `tests/run` installs).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::tls::Certificate;
use super::tools::tool;

/// A server that runs as long as this lives.
#[derive(Debug)]
pub(crate) struct MailHouse {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    said: Value,
}

impl MailHouse {
    /// One whose certificate, for `localhost`, is `mail.pem` of that folder.
    pub(crate) fn open(folder: &Path) -> Self {
        let certificate = Certificate::of(&["localhost"]);
        std::fs::write(folder.join("mail.pem"), &certificate.pem).unwrap();
        std::fs::write(folder.join("mail.key"), &certificate.key).unwrap();
        let mut command = Command::new(tool("COUNTERSIGN_TEST_MAIL_PYTHON", "python3"));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mail/server.py");
        command.arg(script).arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut house = Self { child, orders, answers, said: Value::Null };
        house.said = house.answer();
        house
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Where it listens: `open`, `starttls` or `tls`.
    pub(crate) fn port(&self, way: &str) -> u64 {
        self.said[way].as_u64().unwrap()
    }

    /// What a configuration says so that letters are brought there, from `[control]` on.
    pub(crate) fn settings(&self) -> String {
        let port = self.port("starttls");
        format!("[control]\nmail_ports = [{port}]\nmail_networks = [\"127.0.0.0/8\"]")
    }

    /// What it took, once that is so much.
    pub(crate) fn letters(&mut self, count: usize) -> Vec<Value> {
        let began = Instant::now();
        loop {
            writeln!(self.orders.as_ref().unwrap()).unwrap();
            let Value::Array(letters) = self.answer() else { panic!("no list") };
            if letters.len() >= count {
                return letters;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{letters:#?}");
            std::thread::yield_now();
        }
    }
}

impl Drop for MailHouse {
    fn drop(&mut self) {
        drop(self.orders.take());
        // It ends by itself, and is gone already where it failed.
        let _ = self.child.wait();
    }
}
