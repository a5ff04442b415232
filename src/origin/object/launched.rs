//! Object stores that others wrote, for tests: moto and Azurite, which `tests/run` installs.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::super::conformance::objects;
use super::*;
use crate::origin::HttpConfig;
use crate::secret::Secret;

/// A server that runs as long as this lives, with the objects of the suite.
pub(super) struct Launched {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: TempDir,
    /// How it is reached.
    pub(super) said: Value,
}

fn environment(name: &str) -> OsString {
    std::env::var_os(name).unwrap_or_else(|| {
        panic!("{name} is not set: bash tests/run --env-only; . target/test-env/env")
    })
}

impl Launched {
    /// A server that speaks S3.
    pub(super) fn moto() -> Self {
        let mut command = Command::new(environment("COUNTERSIGN_TEST_S3_PYTHON"));
        command.arg(script("s3.py"));
        Self::start(command)
    }

    /// Azure's.
    pub(super) fn azurite() -> Self {
        let mut command = Command::new(environment("COUNTERSIGN_TEST_NODE"));
        command.arg(script("azure.cjs")).env("NODE_PATH", environment("COUNTERSIGN_TEST_AZURITE"));
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in objects() {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        command.arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().unwrap());
        let mut launched = Self { child, orders, answers, folder, said: Value::Null };
        launched.said = launched.answer();
        launched
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Has it do something.
    pub(super) fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders.as_ref().unwrap(), "{order}").unwrap();
        self.answer()
    }

    /// Makes or replaces an object.
    pub(super) fn put(&mut self, key: &str, content: &[u8]) {
        let path = self.folder.path().join("put");
        std::fs::write(&path, content).unwrap();
        self.order(&json!({"put": key, "file": path}));
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.said))
    }

    /// The access key that it says by this name.
    pub(super) fn access_key(&self, name: &str) -> S3Credentials {
        access_key(&self.said[name])
    }

    /// An origin at this server that speaks S3.
    pub(super) fn s3(&self, credentials: S3Credentials) -> ObjectStoreConfig {
        self.s3_at(self.text("endpoint"), "", credentials)
    }

    /// One that is reached elsewhere.
    pub(super) fn s3_at(
        &self,
        endpoint: &str,
        prefix: &str,
        credentials: S3Credentials,
    ) -> ObjectStoreConfig {
        let region = self.text("region");
        let location = S3Location::new(self.text("bucket"), region, Some(endpoint), None).unwrap();
        let prefix: KeyPrefix = prefix.parse().unwrap();
        let server = HttpConfig::new(location.url(&prefix).unwrap());
        ObjectStoreConfig { server, prefix, service: StoreService::S3(location, credentials) }
    }

    /// An origin at this server that is Azure's.
    pub(super) fn azure_at(
        &self,
        endpoint: &str,
        credentials: AzureCredentials,
    ) -> ObjectStoreConfig {
        let (account, container) = (self.text("account"), self.text("container"));
        let location = AzureLocation::new(account, container, Some(endpoint)).unwrap();
        let prefix = KeyPrefix::default();
        let server = HttpConfig::new(location.url(&prefix).unwrap());
        ObjectStoreConfig { server, prefix, service: StoreService::Azure(location, credentials) }
    }

    /// The account's key.
    pub(super) fn account_key(&self) -> AzureCredentials {
        AzureCredentials::Key(Secret::new(self.text("key").to_owned()))
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        // It ends with its input.
        self.orders = None;
        let _ = self.child.wait();
    }
}

pub(super) fn access_key(key: &Value) -> S3Credentials {
    S3Credentials::Keys(AccessKey {
        id: key[0].as_str().unwrap().into(),
        secret: Secret::new(key[1].as_str().unwrap().to_owned()),
        session_token: None,
    })
}

fn script(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/object_stores").join(name)
}
