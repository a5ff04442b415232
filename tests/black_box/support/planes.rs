//! Control planes and edges as programs of their own.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::control::{ApiClient, Records, application, exchange, with_master_key};
use super::edge::{Edge, NOW, usual_config};
use super::output::keep_secret;
use super::process::Process;
use super::raw_client::{self, Answer};
use super::relay::Relay;
use super::tls::Certificate;

/// A control plane behind a stable address, and an administrator of it.
pub(crate) struct ControlPlane {
    process: Option<Process>,
    folder: Option<TempDir>,
    certificate: Certificate,
    credentials: (String, String),
    relay: Relay,
}

impl ControlPlane {
    /// Starts one on these records.
    pub(crate) fn start(records: &Records) -> Self {
        Self::start_with(records, |folder| folder)
    }

    /// Starts one that knows its site, and so makes links.
    pub(crate) fn that_signs(records: &Records) -> Self {
        Self::start_with(records, |folder| {
            let folder = with_master_key(folder);
            let path = folder.path().join("countersign.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            let site = "\n[[site]]\nhosts = [\"*\"]\npublic_url = \"https://files.example.com\"\n\
                        assets = { catalog = true }\n[site.token]\n";
            std::fs::write(path, text + site).unwrap();
            folder
        })
    }

    /// Starts one that makes links to copies of pictures with marks, and has an origin of its own.
    pub(crate) fn that_marks(records: &Records) -> Self {
        Self::start_with(records, |folder| {
            let folder = with_master_key(folder);
            let path = folder.path().join("countersign.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.replacen("[control]\n", "[control]\nmark_images = true\n", 1);
            let site = "\n[[origin]]\nname = \"media\"\nkind = \"disk\"\nroot = \"media\"\n\
                        \n[[site]]\nhosts = [\"*\"]\npublic_url = \"https://files.example.com\"\n\
                        assets = { catalog = true }\n[site.token]\n";
            std::fs::write(path, text + site).unwrap();
            std::fs::create_dir(folder.path().join("media")).unwrap();
            folder
        })
    }

    fn start_with(records: &Records, complete: impl FnOnce(TempDir) -> TempDir) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certificate = Certificate::of(&["control.test"]);
        std::fs::write(folder.path().join("control.pem"), &certificate.pem).unwrap();
        std::fs::write(folder.path().join("control.key"), &certificate.key).unwrap();
        let config = format!(
            "[control]\nlisten = \"127.0.0.1:0\"\nstore = {:?}\n\n\
             [[control.listener]]\naddress = \"127.0.0.1:0\"\n\
             certificates = [{{ cert = \"control.pem\", key = \"control.key\" }}]\n\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n",
            records.address()
        );
        std::fs::write(folder.path().join("countersign.toml"), config).unwrap();
        let folder = complete(folder);
        let scopes = "overrides.admin edges.admin tenants.admin links.revoke audit.read \
                      catalog.read catalog.write files.read files.sign keys.admin shares.write";
        let credentials = application(folder.path(), scopes);
        let mut plane = Self {
            process: None,
            folder: Some(folder),
            certificate,
            credentials,
            relay: Relay::start(),
        };
        plane.resume();
        plane
    }

    /// Starts it again.
    pub(crate) fn resume(&mut self) {
        let folder = self.folder.take().unwrap();
        let clock = NOW.to_string();
        let process = Process::start_as("control", &[], folder, &["--clock", &clock]);
        self.relay.lead_to(process.controls()[1]);
        self.process = Some(process);
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.relay.cut();
        self.folder = Some(self.process.take().unwrap().kill());
    }

    /// Takes the way to it, and leaves it running.
    pub(crate) fn cut(&self) {
        self.relay.cut();
    }

    /// Lets nothing pass any more on the connections to it.
    pub(crate) fn freeze(&self) {
        self.relay.freeze();
    }

    /// Gives it back.
    pub(crate) fn mend(&self) {
        self.relay.lead_to(self.process().controls()[1]);
    }

    /// Where edges find it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.relay.address())
    }

    pub(crate) fn process(&self) -> &Process {
        self.process.as_ref().unwrap()
    }

    /// Its APIs, in the clear.
    pub(crate) fn address(&self) -> SocketAddr {
        self.process().control()
    }

    /// Somebody who may do everything that these tests do.
    pub(crate) fn admin(&self) -> ApiClient {
        ApiClient::log_in(self.address(), &self.credentials)
    }

    /// What edges must trust.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate.pem
    }

    /// A token for an edge of that name.
    pub(crate) fn enrol(&self, name: &str) -> String {
        let draft = json!({"edge_name": name}).to_string();
        let made = self.admin().ok("POST", "/api/v1/enrolment-codes", &draft);
        let code = made["code"].as_str().unwrap();
        keep_secret(code);
        let kind = "Content-Type: application/json\r\n";
        let body = json!({"code": code}).to_string();
        let edge = exchange(self.address(), "POST", "/api/v1/edges/enrol", kind, &body);
        assert_eq!(edge.status, 201, "{edge:?}");
        let token = edge.body["token"].as_str().unwrap();
        keep_secret(token);
        token.to_owned()
    }

    /// A folder for an edge with these files, which follows these control planes.
    pub(crate) fn edge_folder(
        &self,
        urls: &[String],
        token: &str,
        files: &[(&str, &str)],
    ) -> TempDir {
        let sync = format!(
            "\n[edge.sync]\nurls = {urls:?}\ntoken = {{ file = \"edge.token\" }}\n\
             ca = \"ca.pem\"\nmax_age = \"1h\"\n"
        );
        let builder = Edge::builder(usual_config(&sync, ""))
            .file("edge.token", format!("{token}\n"))
            .file("ca.pem", &self.certificate.pem);
        let named = |(name, text): &(&str, &str)| (format!("media/{name}"), (*text).to_owned());
        files.iter().map(named).fold(builder, |it, (name, text)| it.file(&name, text)).write()
    }
}

/// Starts an edge on such a folder.
pub(crate) fn start_edge(folder: TempDir) -> Process {
    start_edge_at(folder, NOW)
}

/// The same, at another time.
pub(crate) fn start_edge_at(folder: TempDir, now: u64) -> Process {
    Process::start_as("edge", &[], folder, &["--clock", &now.to_string()])
}

/// Waits until an edge is ready.
pub(crate) fn until_ready(edge: &Process) {
    wait_until("ready", || raw_client::get(edge.admin(), "/readyz").status == 200);
}

/// Waits until an answer has this status; every other one on the way must be among these.
pub(crate) fn until_status(edge: SocketAddr, path: &str, expected: u16, meanwhile: &[u16]) {
    wait_until(path, || {
        let seen = raw_client::get(edge, path).status;
        assert!(seen == expected || meanwhile.contains(&seen), "{path}: {seen}");
        seen == expected
    });
}

/// Waits for something that is seen by looking.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = tokio::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < raw_client::PATIENCE, "never: {what}");
        std::thread::yield_now();
    }
}

/// The files of an edge's state, the oldest first.
pub(crate) fn state_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder.join("edge-state")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        paths.filter(|path| path.to_string_lossy().contains("snapshot-")).collect();
    files.sort();
    files
}

/// An answer's status and code.
pub(crate) fn said(answer: &Answer) -> (u16, String) {
    (answer.status, answer.code().unwrap_or_default().to_owned())
}
