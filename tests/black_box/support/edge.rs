//! An edge on a folder of its own, started the way `serve` starts it.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use countersign::app::{Finish, ReloadHandle, ServeOptions, Service};
use countersign::clock::{Clock, UnixSeconds};
use tempfile::TempDir;

use super::output::{keep, keep_secret};
use super::process::Process;

/// The key of every test edge.
pub(crate) const KEY_HEX: &str = "aabbccddeeff00112233445566778899";

/// "Now" of every test edge that does not say otherwise.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A running edge. Dropped, it stops.
pub(crate) struct Edge {
    folder: TempDir,
    service: Option<Service>,
    log: SharedLog,
}

/// How an edge is to be.
pub(crate) struct EdgeBuilder {
    folder: TempDir,
    config: String,
}

/// A configuration with a disk origin `media`, assets, a token and routes `/vod/` (token),
/// `/open/` (open) and `/closed/` (deny). `edge` goes into `[edge]`, `site` into the site.
pub(crate) fn usual_config(edge: &str, site: &str) -> String {
    format!(
        r#"
[edge]
listen = ["127.0.0.1:0"]
workers = 1
expose_reasons = true
{edge}

[admin]
listen = "127.0.0.1:0"

[[origin]]
name = "media"
kind = "disk"
root = "media"

[[site]]
hosts = ["*"]
tenant = 1
assets = {{ origin = "media", key = "{{path}}/{{quality}}.{{source}}" }}
{site}

  [site.token]
  keys = [{{ id = "k1", file = "keys/k1.hex" }}]
  carriers = ["query", "header", "cookie", "path"]

  [[site.route]]
  prefix = "/vod/"
  access = "token"
  origin = "media"

  [[site.route]]
  prefix = "/open/"
  access = "open"
  origin = "media"

  [[site.route]]
  prefix = "/closed/"
  access = "deny"
  origin = "media"
"#
    )
}

/// That configuration with an HTTP origin and its route `/http/`, which comes last.
pub(crate) fn with_server(
    config: &str,
    origin: SocketAddr,
    settings: &str,
    access: &str,
) -> String {
    let server = format!(
        "[[origin]]\nname = \"server\"\nkind = \"http\"\nurl = \"http://{origin}\"\n{settings}\n\n"
    );
    let route = format!(
        "\n  [[site.route]]\n  prefix = \"/http/\"\n  access = \"{access}\"\n  origin = \"server\"\n"
    );
    config.replacen("[[site]]", &(server + "[[site]]"), 1) + &route
}

impl Edge {
    /// An edge of this configuration, with a key at `keys/k1.hex` and an empty `media` folder.
    pub(crate) fn builder(config: impl Into<String>) -> EdgeBuilder {
        keep_secret(KEY_HEX);
        keep_secret(SECRET);
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("media")).unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        let builder = EdgeBuilder { folder, config: config.into() };
        builder.file("keys/k1.hex", KEY_HEX)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.service().edge_addresses()[0]
    }

    /// Every address it listens on, in the order of the configuration.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        self.service().edge_addresses()
    }

    /// Where metrics and health are.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.service().admin_address().unwrap()
    }

    /// A file of its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Asks for reloads.
    pub(crate) fn reloads(&self) -> ReloadHandle {
        self.service().reloads()
    }

    /// The access log so far, one JSON value a line.
    pub(crate) fn log(&self) -> Vec<serde_json::Value> {
        let text = self.log.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Stops and says how it ended; the log is whole from then on.
    pub(crate) fn stop(mut self) -> (Finish, Vec<serde_json::Value>) {
        let finish = self.service.take().unwrap().stop();
        (finish, self.log())
    }

    fn service(&self) -> &Service {
        self.service.as_ref().unwrap()
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        if let Some(service) = self.service.take() {
            let _ = service.stop();
        }
        let text = self.log.0.lock().unwrap();
        keep(&format!("access-{}.log", std::process::id()), &text);
        if !std::thread::panicking() {
            assert_clean(&text);
        }
    }
}

impl EdgeBuilder {
    /// A file in the edge's folder.
    pub(crate) fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    /// A symbolic link in the edge's folder.
    pub(crate) fn link(self, name: &str, to: &str) -> Self {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(to, path).unwrap();
        self
    }

    /// A file of the edge's folder that reads as so many zeros and takes no room.
    pub(crate) fn zeros(self, name: &str, length: u64) -> Self {
        let builder = self.file(name, "");
        let file = std::fs::File::create(builder.folder.path().join(name)).unwrap();
        file.set_len(length).unwrap();
        builder
    }

    /// Only writes its files, for commands that read them.
    pub(crate) fn write(self) -> TempDir {
        std::fs::write(self.folder.path().join("countersign.toml"), &self.config).unwrap();
        self.folder
    }

    /// Starts the program itself on it, at the usual time.
    pub(crate) fn spawn(self) -> Process {
        Process::start(self.write(), &["--clock", &NOW.to_string()])
    }

    /// Starts it.
    pub(crate) fn start(self) -> Edge {
        let path = self.folder.path().join("countersign.toml");
        std::fs::write(&path, &self.config).unwrap();
        let log = SharedLog::default();
        let options = ServeOptions {
            config: path,
            clock: Clock::Fixed(UnixSeconds::new(NOW)),
            access_log: Box::new(log.clone()),
        };
        let service = Service::start(options).unwrap_or_else(|error| panic!("{error}"));
        Edge { folder: self.folder, service: Some(service), log }
    }
}

/// Where the access log goes in tests.
#[derive(Clone, Default)]
struct SharedLog(Arc<Mutex<Vec<u8>>>);

impl Write for SharedLog {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Part of every secret that the suite sends: a token's signature, cookies, `Authorization`, values
/// in queries.
pub(crate) const SECRET: &str = "swordfish";

/// Whatever a test did to an edge: each line of its log is JSON, and none holds a secret.
fn assert_clean(log: &[u8]) {
    let text = std::str::from_utf8(log).unwrap();
    for line in text.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "no JSON: {line}");
        let lower = line.to_ascii_lowercase();
        let signed = ["hmac=", "hmac%3d"].iter().any(|name| {
            let mut values = lower.split(name).skip(1);
            values.any(|value| value.starts_with(|first: char| first.is_ascii_hexdigit()))
        });
        assert!(!lower.contains(SECRET) && !signed, "a secret: {line}");
    }
}
