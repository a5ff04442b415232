//! The program itself, serving, watched from outside.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::output::log_file;

/// What is not said within this time is not said.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running `countersign serve`. Dropped, it is killed.
pub(crate) struct Process {
    folder: TempDir,
    child: Child,
    said: Arc<Log>,
    reader: Option<JoinHandle<()>>,
    edge: Vec<SocketAddr>,
    admin: SocketAddr,
}

/// Standard error so far.
#[derive(Default)]
struct Log {
    state: Mutex<LogState>,
    grown: Condvar,
}

#[derive(Default)]
struct LogState {
    lines: Vec<String>,
    ended: bool,
}

impl Process {
    /// Starts it on the configuration of this folder and waits until it listens.
    pub(crate) fn start(folder: TempDir, arguments: &[&str]) -> Self {
        Self::start_in(&[], folder, arguments)
    }

    /// The same, with more in its environment.
    pub(crate) fn start_in(
        environment: &[(&str, &OsStr)],
        folder: TempDir,
        arguments: &[&str],
    ) -> Self {
        Self::start_as("serve", environment, folder, arguments)
    }

    /// The same by another command that serves.
    pub(crate) fn start_as(
        command: &str,
        environment: &[(&str, &OsStr)],
        folder: TempDir,
        arguments: &[&str],
    ) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
        program.arg(command).envs(environment.iter().copied());
        Self::spawn(program, folder, arguments)
    }

    /// The same by way of another program, which becomes this one.
    pub(crate) fn start_within(
        wrapper: &[String],
        command: &str,
        folder: TempDir,
        arguments: &[&str],
    ) -> Self {
        let mut program = Command::new(&wrapper[0]);
        program.args(&wrapper[1..]).arg(env!("CARGO_BIN_EXE_countersign")).arg(command);
        Self::spawn(program, folder, arguments)
    }

    fn spawn(mut program: Command, folder: TempDir, arguments: &[&str]) -> Self {
        let mut child = program
            .arg("--config")
            .arg(folder.path().join("countersign.toml"))
            .args(arguments)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Log::default());
        let stderr = child.stderr.take().unwrap();
        let name = format!("process-{}.log", child.id());
        let file = log_file(&name).unwrap_or_else(|| folder.path().join(name));
        let reader = std::thread::spawn({
            let said = Arc::clone(&said);
            move || follow(stderr, &said, &file)
        });
        let listening = |plane: &str| {
            let line = said.wait_for(|it| it["event"] == "listening" && it["plane"] == plane);
            line["address"].as_str().unwrap().parse().unwrap()
        };
        // The operators' listener is the last to be told.
        let admin = listening("admin");
        let edge = said.addresses_of("edge");
        Self { folder, child, said, reader: Some(reader), edge, admin }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.edge[0]
    }

    /// Every address it listens on, in the order of the configuration.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.edge
    }

    /// Where metrics and health are.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where the control plane's APIs are.
    pub(crate) fn control(&self) -> SocketAddr {
        self.said.addresses_of("control")[0]
    }

    /// Every address of them, in the order of the configuration.
    pub(crate) fn controls(&self) -> Vec<SocketAddr> {
        self.said.addresses_of("control")
    }

    /// A file of its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for a log line, also one that was said before.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.said.wait_for(is_it)
    }

    /// A metric without labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let text = super::raw_client::get(self.admin, "/metrics").body;
        let text = String::from_utf8(text).unwrap();
        let line = text.lines().find(|line| line.split(' ').next() == Some(name));
        line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of memory it holds now.
    pub(crate) fn resident(&self) -> u64 {
        let status = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// Processor time it has taken so far.
    pub(crate) fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // proc(5): the 14th and 15th field, in hundredths of a second, after a name in brackets.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = fields[11..13].iter().map(|it| it.parse::<u64>().unwrap()).sum();
        Duration::from_millis(10 * ticks)
    }

    /// Waits for its end; the log is whole then, each line a JSON object.
    pub(crate) fn wait(mut self) -> (Option<i32>, Vec<Value>) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let lines = std::mem::take(&mut self.said.state.lock().unwrap().lines);
        (status.code(), lines.iter().map(|line| value(line)).collect())
    }

    /// Kills it as the system would, and gives its folder as it left it.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Ends it by SIGTERM, which must go well, and gives its folder as it left it.
    pub(crate) fn stop_and_leave(mut self) -> TempDir {
        self.signal(Signal::TERM);
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    /// Ends it by SIGTERM and waits.
    pub(crate) fn stop(self) -> (Option<i32>, Vec<Value>) {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    /// The addresses told so far, of one plane.
    fn addresses_of(&self, plane: &str) -> Vec<SocketAddr> {
        let state = self.state.lock().unwrap();
        state
            .lines
            .iter()
            .map(|line| value(line))
            .filter(|it| it["event"] == "listening" && it["plane"] == plane)
            .map(|it| it["address"].as_str().unwrap().parse().unwrap())
            .collect()
    }

    fn wait_for(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut seen = 0;
        let mut state = self.state.lock().unwrap();
        loop {
            for line in &state.lines[seen..] {
                let value = value(line);
                if is_it(&value) {
                    return value;
                }
            }
            seen = state.lines.len();
            assert!(!state.ended, "it ended and said only\n{}", state.lines.join("\n"));
            let (grown, waited) = self.grown.wait_timeout(state, PATIENCE).unwrap();
            assert!(!waited.timed_out(), "it says nothing more than\n{}", grown.lines.join("\n"));
            state = grown;
        }
    }
}

/// A line of the log: a JSON object, whatever it is about.
fn value(line: &str) -> Value {
    let value: Value =
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
    assert!(value.is_object(), "{line:?}");
    value
}

fn follow(stderr: ChildStderr, log: &Log, file: &Path) {
    let mut file = OpenOptions::new().create(true).append(true).open(file).unwrap();
    for line in BufReader::new(stderr).lines() {
        let line = line.unwrap();
        writeln!(file, "{line}").unwrap();
        log.state.lock().unwrap().lines.push(line);
        log.grown.notify_all();
    }
    log.state.lock().unwrap().ended = true;
    log.grown.notify_all();
}
