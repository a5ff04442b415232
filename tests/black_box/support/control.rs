//! A program with a control plane, and a client of its APIs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use super::command::{countersign, said};
use super::edge::{Edge, usual_config};
use super::output::keep_secret;
use super::process::Process;
use super::raw_client::Connection;
use super::tools::tool;

/// Where the records of a test are.
#[derive(Clone, Debug)]
pub(crate) enum Records {
    /// At an address of their own: a schema of the tests' server, or another server.
    At(String),
    /// A file beside the configuration.
    Sqlite,
}

impl Records {
    /// New ones on PostgreSQL.
    pub(crate) fn on_postgres(name: &str) -> Self {
        let server = std::env::var("COUNTERSIGN_TEST_POSTGRES")
            .expect("COUNTERSIGN_TEST_POSTGRES is unset: run tests/run --env-only");
        let schema = format!("black_box_{name}_{}", std::process::id());
        let mut psql = Command::new(tool("COUNTERSIGN_TEST_PSQL", "psql"));
        psql.args(["--quiet", &server, "--command"]).arg(format!("CREATE SCHEMA {schema}"));
        let made = said(&mut psql, b"");
        assert_eq!(made.status, 0, "{made:?}");
        Self::At(format!("{server}&options=-c%20search_path%3D{schema}"))
    }

    /// Where a program that runs elsewhere finds those of a folder.
    pub(crate) fn address_from_outside(&self, folder: &Path) -> String {
        match self {
            Self::At(url) => url.clone(),
            Self::Sqlite => format!("sqlite:{}", folder.join("records.db").display()),
        }
    }

    pub(crate) fn address(&self) -> &str {
        match self {
            Self::At(url) => url,
            Self::Sqlite => "sqlite:records.db",
        }
    }
}

/// A folder with a configuration that has a control plane, and these files under `media/`.
pub(crate) fn folder(records: &Records, files: &[(&str, &str)]) -> TempDir {
    folder_of(&usual_config("", ""), records, files)
}

/// The same of another configuration, which has no control plane yet.
pub(crate) fn folder_of(config: &str, records: &Records, files: &[(&str, &str)]) -> TempDir {
    let control =
        format!("[control]\nlisten = \"127.0.0.1:0\"\nstore = {:?}\n\n[admin]", records.address());
    let config = config.replacen("[admin]", &control, 1);
    let builder = Edge::builder(config);
    files.iter().fold(builder, |it, (name, text)| it.file(&format!("media/{name}"), text)).write()
}

/// The same folder, with a master key that is not the store's: a shared database has none beside it.
pub(crate) fn with_master_key(folder: TempDir) -> TempDir {
    let master_key = "5a".repeat(32);
    keep_secret(&master_key);
    std::fs::write(folder.path().join("master.hex"), master_key).unwrap();
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let control = "[control]\nmaster_key = { file = \"master.hex\" }";
    std::fs::write(path, text.replacen("[control]", control, 1)).unwrap();
    folder
}

/// The same folder, where uploads wait in `waiting`: a shared database has no place beside it.
pub(crate) fn with_uploads(folder: TempDir) -> TempDir {
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let control = "[control]\nuploads = { folder = \"waiting\" }";
    std::fs::write(path, text.replacen("[control]", control, 1)).unwrap();
    folder
}

/// Client credentials, made by `countersign app create` in that folder.
pub(crate) fn application(folder: &Path, scopes: &str) -> (String, String) {
    let made = countersign(
        folder,
        ["app", "create", "--config", "countersign.toml", "--name", "test", "--scope", scopes],
    );
    assert_eq!(made.status, 0, "{}", made.err);
    let credentials: Value = serde_json::from_str(&made.out).unwrap();
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    keep_secret(&text("client_secret"));
    (text("client_id"), text("client_secret"))
}

/// Says something else in the configuration of a program, and waits until that is in force.
pub(crate) fn reconfigure(process: &Process, before: &str, after: &str) {
    let path = process.path("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(before));
    let reloads = process.metric("countersign_config_reloads_total");
    std::fs::write(&path, text.replacen(before, after, 1)).unwrap();
    process.signal(Signal::HUP);
    while process.metric("countersign_config_reloads_total") == reloads {
        std::thread::yield_now();
    }
}

/// Gives the site the address that links to it begin with: the port is known only while it is
/// served, and addresses of sites are read again then.
pub(crate) fn say_where_the_site_is(process: &Process) {
    let site = format!("[[site]]\npublic_url = \"http://{}\"", process.address());
    reconfigure(process, "[[site]]", &site);
}

/// A client with a token.
#[derive(Clone, Debug)]
pub(crate) struct ApiClient {
    address: SocketAddr,
    token: String,
}

/// What an API answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl ApiClient {
    /// Gets a token, as any OAuth2 client does.
    pub(crate) fn log_in(address: SocketAddr, (id, secret): &(String, String)) -> Self {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = exchange(address, "POST", "/v1/oauth2/token/", kind, &form);
        assert_eq!(answer.status, 200, "{answer:?}");
        Self::with_token(address, answer.body["access_token"].as_str().unwrap())
    }

    pub(crate) fn with_token(address: SocketAddr, token: &str) -> Self {
        keep_secret(token);
        Self { address, token: token.to_owned() }
    }

    /// Where it asks.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The same token, at another control plane.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, ..self.clone() }
    }

    /// A call; `body` is JSON, or nothing.
    pub(crate) fn call(&self, method: &str, path: &str, body: &str) -> Answered {
        let changes = ["PUT", "PATCH", "DELETE"].contains(&method);
        self.call_with(method, path, if changes { "If-Match: *\r\n" } else { "" }, body)
    }

    /// The first file of a content's active version, once it was hashed in the background.
    pub(crate) fn hashed_file(&self, content: &Value) -> Value {
        let text = |name: &str| content[name].as_str().unwrap();
        let (id, version) = (text("id"), text("active_version"));
        let files = format!("/api/v1/tenants/1/contents/{id}/versions/{version}/files");
        let began = Instant::now();
        loop {
            let file = self.ok("GET", &files, "")["items"][0].clone();
            if !file["sha256"].is_null() {
                return file;
            }
            assert!(began.elapsed() < Duration::from_secs(30), "{file}");
            std::thread::yield_now();
        }
    }

    /// The same with more header lines, each with its end.
    pub(crate) fn call_with(&self, method: &str, path: &str, more: &str, body: &str) -> Answered {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        let lines = format!("Authorization: Bearer {}\r\n{kind}{more}", self.token);
        exchange(self.address, method, path, &lines, body)
    }

    /// The same, which must succeed.
    pub(crate) fn ok(&self, method: &str, path: &str, body: &str) -> Value {
        let answer = self.call(method, path, body);
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        answer.body
    }
}

/// One call without a token.
pub(crate) fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    lines: &str,
    body: &str,
) -> Answered {
    let answer = try_exchange(address, method, path, lines, body);
    answer.unwrap_or_else(|| panic!("closed without an answer to {method} {path}"))
}

/// The vendor's login, from an address of this machine.
pub(crate) fn log_in_from(
    source: [u8; 4],
    address: SocketAddr,
    username: &str,
    password: &str,
) -> Answered {
    let body = serde_json::json!({"username": username, "password": password}).to_string();
    let kind = "Content-Type: application/json\r\n";
    let connection = Connection::open_from(source, address);
    let answer = exchange_on(connection, address, "POST", "/v1/vms/auth/login", kind, &body);
    answer.expect("closed without an answer")
}

/// The same; none where nobody listens, or the connection ends before the answer.
pub(crate) fn try_exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    lines: &str,
    body: &str,
) -> Option<Answered> {
    exchange_on(Connection::open_if_heard(address)?, address, method, path, lines, body)
}

fn exchange_on(
    mut connection: Connection,
    address: SocketAddr,
    method: &str,
    path: &str,
    lines: &str,
    body: &str,
) -> Option<Answered> {
    connection.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{lines}Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = connection.answer()?;
    let body = if answer.body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&answer.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into_owned().into())
    };
    Some(Answered { status: answer.status, headers: answer.headers, body })
}

/// A session of an application in THRON's dialect, begun as its SDK begins one.
pub(crate) fn thron_session(address: SocketAddr, (id, secret): &(String, String)) -> String {
    let kind = "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n";
    let form = format!("appId={id}&appKey={secret}");
    let path = "/api/xadmin/resources/apps/loginApp/1";
    let answer = exchange(address, "POST", path, kind, &form);
    assert_eq!(answer.status, 200, "{answer:?}");
    let token = answer.body["appUserTokenId"].as_str().unwrap().to_owned();
    keep_secret(&token);
    token
}

impl Answered {
    /// A header, by its name in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| &**value)
    }
}

/// Starts it there.
pub(crate) fn start(folder: TempDir) -> Process {
    let clock = super::edge::NOW.to_string();
    Process::start(folder, &["--clock", &clock])
}
