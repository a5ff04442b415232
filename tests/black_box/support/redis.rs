//! A Redis of a test's own, which can be stopped and killed.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::planes::wait_until;
use super::tools::tool;

/// An empty server on a Unix socket in its folder, which keeps nothing. Dropped, it is gone.
pub(crate) struct RedisServer {
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().unwrap(), process: None };
        server.resume();
        server
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it, with nothing in it, and waits until it answers.
    pub(crate) fn resume(&mut self) {
        let program = tool("COUNTERSIGN_TEST_REDIS", "redis-server");
        let process = Command::new(program)
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(self.socket())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap());
        wait_until("redis answers", || self.says("PING\r\n").is_some_and(|it| it == "+PONG\r\n"));
    }

    /// `kill -9`: whatever it knew is gone.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Stops it where it stands: connections stay, and nobody answers.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// What it has, for tests that look for what should not be there.
    pub(crate) fn keys(&self) -> String {
        self.says("KEYS *\r\n").unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.process.as_ref().unwrap()), signal).unwrap();
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// The first piece of its answer.
    fn says(&self, command: &str) -> Option<String> {
        let mut stream = UnixStream::connect(self.socket()).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        stream.write_all(command.as_bytes()).ok()?;
        let mut answer = [0; 4096];
        let read = stream.read(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer[..read]).into_owned())
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
