//! A PostgreSQL server of a test's own, which can be killed.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::command::said;
use super::planes::wait_until;

/// A server with an empty cluster, on a Unix socket in its folder. Dropped, it is gone.
pub(crate) struct Server {
    programs: PathBuf,
    folder: PathBuf,
    first: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_in(Path::new("/tmp"))
    }

    /// The same with its folder in another.
    pub(crate) fn start_in(folder: &Path) -> Self {
        let mut programs: Vec<PathBuf> =
            glob::glob("/usr/lib/postgresql/*/bin").unwrap().map(Result::unwrap).collect();
        programs.sort();
        let programs = programs.pop().expect("no PostgreSQL: run tests/run --env-only");
        let mut mktemp = Command::new("mktemp");
        let made = said(mktemp.arg("-d").arg(folder.join("postgres.XXXXXX")), b"");
        assert_eq!(made.status, 0, "{made:?}");
        let mut server = Self { programs, folder: made.out.trim().into(), first: None };
        if geteuid().is_root() {
            let owned = Command::new("chown").arg("postgres").arg(&server.folder).status();
            assert!(owned.unwrap().success());
        }
        let cluster = server.cluster();
        let options = ["--username=countersign", "--auth=trust", "--encoding=UTF8", "--no-sync"];
        let mut initdb = unprivileged(server.programs.join("initdb"), options);
        let made = said(initdb.args(["--locale=C.UTF-8", &cluster]), b"");
        assert_eq!(made.status, 0, "{made:?}");
        server.resume();
        server
    }

    /// Where clients find it.
    pub(crate) fn address(&self) -> String {
        format!("postgres://countersign@localhost/postgres?host={}", self.folder.display())
    }

    /// Stops every process of it where it stands, and gives those that the first one started.
    pub(crate) fn freeze(&self) -> Vec<i32> {
        // The first one first: it starts no others meanwhile.
        let first = Pid::from_child(self.first.as_ref().unwrap());
        kill_process(first, Signal::STOP).unwrap();
        let others = children(first.as_raw_nonzero().get());
        for process in &others {
            // One of them may have ended by itself.
            let _ = kill_process(Pid::from_raw(*process).unwrap(), Signal::STOP);
        }
        others
    }

    /// `kill -9` to every process of it at once, the first one first: none gets to clean up.
    pub(crate) fn kill(&mut self) {
        let others = self.freeze();
        let mut first = self.first.take().unwrap();
        first.kill().unwrap();
        for process in &others {
            // One of them may have ended by itself.
            let _ = kill_process(Pid::from_raw(*process).unwrap(), Signal::KILL);
        }
        // A process that nobody waited for would still hold the cluster.
        first.wait().unwrap();
        wait_until("the server is gone", || others.iter().all(|it| parent(*it).is_none()));
    }

    /// Starts it again, and waits until it answers.
    pub(crate) fn resume(&mut self) {
        let folder = self.folder.display().to_string();
        let log = self.folder.join("log");
        let socket = format!("unix_socket_directories={folder}");
        let options = ["-D", &self.cluster(), "-c", "listen_addresses=", "-c", &socket];
        let first = unprivileged(self.programs.join("postgres"), options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(OpenOptions::new().create(true).append(true).open(&log).unwrap())
            .spawn();
        self.first = Some(first.unwrap());
        let is_ready = self.programs.join("pg_isready");
        wait_until("the server answers", || {
            said(&mut unprivileged(&is_ready, ["-q", "-h", &folder]), b"").status == 0
        });
    }

    fn cluster(&self) -> String {
        self.folder.join("cluster").display().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut first) = self.first.take() {
            // Not killed: it clears its shared memory away. It may stand still, or be gone.
            for signal in [Signal::QUIT, Signal::CONT] {
                let _ = kill_process(Pid::from_child(&first), signal);
            }
            let _ = first.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// PostgreSQL refuses to run as root.
fn unprivileged<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = if geteuid().is_root() {
        // In place of this process, which is the one that is waited for.
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir("/");
    command
}

/// The processes that one has started.
fn children(of: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let processes = entries.filter_map(|it| it.file_name().to_str()?.parse().ok());
    processes.filter(|process| parent(*process) == Some(of)).collect()
}

/// Who started a process; none where it has ended.
fn parent(process: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // proc(5): state and parent come after a name in brackets.
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    (state != "Z" && state != "X").then_some(parent)
}
