//! A disk of a few megabytes that fills up, for programs that are started within it.
//!
//! A tmpfs in a mount namespace that a process of its own holds: it outlives programs that are
//! killed. Whoever may make no such namespace cannot run these tests, and is told.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::command::{Said, said};

const BALLAST: &str = "ballast";

/// Dropped, it is gone with what is on it.
pub(crate) struct SmallDisk {
    holder: Child,
    at: PathBuf,
}

impl SmallDisk {
    /// An empty one of so many megabytes at this folder, which exists.
    pub(crate) fn mount(at: &Path, megabytes: u32) -> Self {
        let script = "mount -t tmpfs -o size=\"$1m\" tmpfs \"$2\" && echo mounted && exec cat";
        let mut holder = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
            .arg(megabytes.to_string())
            .arg(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "mounted\n", "user and mount namespaces are needed: unshare --help");
        Self { holder, at: at.to_owned() }
    }

    /// What a program's command line begins with for it to run there. It keeps its process.
    pub(crate) fn within(&self) -> [String; 5] {
        let target = format!("--target={}", self.holder.id());
        ["nsenter", "--user", "--mount", "--preserve-credentials", &target].map(str::to_owned)
    }

    /// The program under test, to its end. Paths are absolute ones.
    pub(crate) fn countersign(&self, arguments: &[&str]) -> Said {
        let [first, rest @ ..] = self.within();
        let program = env!("CARGO_BIN_EXE_countersign");
        said(Command::new(first).args(rest).arg(program).args(arguments), b"")
    }

    /// Leaves not a byte of room.
    pub(crate) fn fill(&self) {
        let mut ballast =
            File::options().create(true).append(true).open(self.path(BALLAST)).unwrap();
        for piece in [1 << 16, 1 << 12, 1] {
            let piece = vec![b'x'; piece];
            let end = loop {
                if let Err(error) = ballast.write_all(&piece) {
                    break error;
                }
            };
            assert_eq!(end.kind(), ErrorKind::StorageFull, "{end}");
        }
    }

    /// Takes away what it was filled with.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.path(BALLAST)).unwrap();
    }

    /// A file of it, as this process finds it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let at = self.at.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(at).join(name)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
