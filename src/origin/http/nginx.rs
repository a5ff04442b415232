//! The suite against a server that others wrote: nginx, which must be installed (Debian: `nginx`).

use http::HeaderMap;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::super::conformance::{self, objects};
use super::super::{Answer, AskMethod, Conditions, HttpConfig, TagMatch};
use super::tests::{open, subject};

struct Nginx {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Nginx {
    /// nginx takes no port 0, so a free port is looked for; somebody may take it before nginx
    /// does, and then another is tried.
    fn start() -> Self {
        (0..20).find_map(|_| Self::try_start()).expect("nginx starts on some port")
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in objects() {
            let path = folder.path().join("root").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = folder.path().join("nginx.conf");
        fs::write(&file, configuration(folder.path(), port)).unwrap();
        let mut process = Command::new("nginx")
            .args(["-e", "stderr", "-p"])
            .arg(folder.path())
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()
            .expect("nginx is installed");
        // At level `notice` the master says when its worker is there; the port is open before.
        let said = BufReader::new(process.stderr.take().unwrap());
        let ready = said.lines().map_while(Result::ok).any(|line| line.contains("start worker"));
        let nginx = Self { process, port, _folder: folder };
        ready.then_some(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // TERM, so that the master takes its worker with it.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _ = self.process.wait();
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    // The worker may have to be another user, who cannot enter the temporary folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "daemon off; pid {folder}/pid; error_log stderr notice; worker_processes 1; {user}
         events {{}}
         http {{
           access_log off; {temporary}
           types {{ text/plain txt; video/mp4 mp4; }}
           server {{
             listen 127.0.0.1:{port};
             location / {{ root {folder}/root; try_files $uri =404; }}
           }}
         }}"
    )
}

#[tokio::test]
async fn conforms() {
    let nginx = Nginx::start();
    let url = format!("http://127.0.0.1:{}", nginx.port);
    let origin = open(HttpConfig::new(url.parse().unwrap()));
    let subject = subject(&origin);
    conformance::behaves(&subject).await;

    let found = subject.find("digits.txt", &[]).await;
    assert_eq!(found.meta().content_type, "text/plain");
    let etag = found.meta().validators.etag.as_ref().unwrap().to_string();
    let conditions =
        Conditions { if_none_match: Some(TagMatch::parse(&etag)), ..Conditions::default() };
    let key = (subject.key)("digits.txt");
    let ask = super::super::Ask {
        key: &key,
        method: AskMethod::Get,
        ranges: &[],
        conditions: &conditions,
        forwarded: &HeaderMap::new(),
        now: conformance::NOW,
    };
    let answer = subject.origin.ask(ask).await.unwrap();
    assert!(matches!(answer, Answer::NotModified(_)), "{answer:?}");
}
