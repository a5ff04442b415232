//! A Redis of a test's own, which can be stopped and killed.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::planes::wait_until;
use super::tls::Certificate;
use super::tools::tool;

/// An empty server on a Unix socket in its folder, which keeps nothing. Dropped, it is gone.
pub(crate) struct RedisServer {
    folder: TempDir,
    process: Option<Child>,
    /// Where it speaks TLS as well, if it does.
    tls: Option<SocketAddr>,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        let mut server = Self { folder: tempfile::tempdir().unwrap(), process: None, tls: None };
        server.resume();
        server
    }

    /// The same, which speaks TLS with this certificate on a port, and asks clients for none.
    pub(crate) fn start_tls(certificate: &Certificate) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("redis.pem"), &certificate.pem).unwrap();
        std::fs::write(folder.path().join("redis.key"), &certificate.key).unwrap();
        // Redis takes 0 for none. Whoever else is given the port meanwhile, it does not start.
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut server = Self { folder, process: None, tls: Some(free) };
        server.resume();
        server
    }

    /// Where clients find it by TLS.
    pub(crate) fn tls_url(&self) -> String {
        format!("rediss://{}", self.tls.unwrap())
    }

    /// Where clients find it.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Starts it, with nothing in it, and waits until it answers.
    pub(crate) fn resume(&mut self) {
        let program = tool("COUNTERSIGN_TEST_REDIS", "redis-server");
        let mut command = Command::new(program);
        if let Some(address) = self.tls {
            command.args(["--tls-port", &address.port().to_string(), "--bind", "127.0.0.1"]);
            command.args(["--tls-cert-file", "redis.pem", "--tls-key-file", "redis.key"]);
            command.args(["--tls-auth-clients", "no"]);
        }
        let process = command
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
