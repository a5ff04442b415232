//! nginx as an origin.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;
use tokio::time::{Duration, Instant};

use super::tools::tool;

/// A running nginx with a folder of files.
pub(crate) struct Nginx {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// nginx takes no port 0: a free one is looked for, and another if somebody was faster.
    pub(crate) fn start() -> Self {
        (0..20).find_map(|_| Self::try_start()).expect("nginx starts on some port")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// A file that it serves.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("root").join(name)
    }

    /// What it was asked so far: request line, Accept-Encoding.
    pub(crate) fn requests(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.folder.path().join("access")).unwrap();
        log.lines().map(str::to_owned).collect()
    }

    /// The request of that number, from 1, and nothing after it. nginx writes its log when the
    /// answer has left, so whoever has the answer may still have to wait for the line.
    pub(crate) fn last_request(&self, number: usize) -> String {
        let begun = Instant::now();
        loop {
            let mut requests = self.requests();
            if requests.len() >= number {
                assert_eq!(requests.len(), number, "{requests:?}");
                return requests.pop().unwrap();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{requests:?}");
            std::thread::yield_now();
        }
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("root")).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), address)).unwrap();
        let mut process = Command::new(tool("COUNTERSIGN_TEST_NGINX", "nginx"))
            .args(["-e", "stderr", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // At level `notice` the master says when its worker is there; the port is open before.
        let said = BufReader::new(process.stderr.take().unwrap());
        let ready = said.lines().map_while(Result::ok).any(|line| line.contains("start worker"));
        let nginx = Self { process, address, folder };
        ready.then_some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // TERM, so that the master takes its worker with it.
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    let folder = folder.display();
    // The worker may have to be another user, who cannot enter the temporary folder.
    let user = if geteuid().is_root() { "user root;" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off; pid {folder}/pid; error_log stderr notice; worker_processes 1; {user}
         events {{}}
         http {{
           log_format asked '$request_method $request_uri $http_accept_encoding';
           access_log {folder}/access asked; {temporary}
           types {{ text/plain txt; video/mp4 mp4; }}
           gzip on; gzip_min_length 1; gzip_types *;
           server {{
             listen {address};
             location / {{ root {folder}/root; try_files $uri =404; }}
           }}
         }}"
    )
}
