//! Object stores that others wrote: moto, which speaks S3, and Azurite.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::output::keep_secret;
use super::tools::tool;

/// A running store with a bucket `media`.
pub(crate) struct ObjectStore {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    folder: TempDir,
    said: Value,
}

impl ObjectStore {
    pub(crate) fn s3(objects: &[(&str, &[u8])]) -> Self {
        let mut command = Command::new(tool("COUNTERSIGN_TEST_S3_PYTHON", "moto's python"));
        command.arg(script("s3.py"));
        let store = Self::start(command, objects);
        store.keep("key");
        store.keep("useless");
        store
    }

    pub(crate) fn azure(objects: &[(&str, &[u8])]) -> Self {
        let mut command = Command::new(tool("COUNTERSIGN_TEST_NODE", "node"));
        let modules = tool("COUNTERSIGN_TEST_AZURITE", "Azurite");
        command.arg(script("azure.cjs")).env("NODE_PATH", modules);
        let store = Self::start(command, objects);
        keep_secret(store.said["key"].as_str().unwrap());
        store
    }

    /// Azure's over TLS with the certificate and key of these files, which takes tokens of Entra ID.
    pub(crate) fn azure_of_tokens(certificate: &Path, key: &Path) -> Self {
        let mut command = Command::new(tool("COUNTERSIGN_TEST_NODE", "node"));
        let modules = tool("COUNTERSIGN_TEST_AZURITE", "Azurite");
        command.arg(script("azure.cjs")).env("NODE_PATH", modules);
        let store = Self::start_with(command, &[], &[certificate, key]);
        keep_secret(store.said["key"].as_str().unwrap());
        store
    }

    fn start(command: Command, objects: &[(&str, &[u8])]) -> Self {
        Self::start_with(command, objects, &[])
    }

    fn start_with(mut command: Command, objects: &[(&str, &[u8])], more: &[&Path]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in objects {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        command.arg(folder.path()).args(more).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let orders = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().unwrap());
        let mut store = Self { process, orders, answers, folder, said: Value::Null };
        store.said = store.answer();
        store
    }

    fn keep(&self, name: &str) {
        keep_secret(self.said[name][1].as_str().unwrap());
    }

    fn answer(&mut self) -> Value {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn order(&mut self, order: &Value) -> Value {
        writeln!(self.orders.as_ref().unwrap(), "{order}").unwrap();
        self.answer()
    }

    pub(crate) fn put(&mut self, key: &str, content: &[u8]) {
        let path = self.folder.path().join("put");
        std::fs::write(&path, content).unwrap();
        self.order(&json!({"put": key, "file": path}));
    }

    pub(crate) fn delete(&mut self, key: &str) {
        self.order(&json!({"delete": key}));
    }

    /// From now on another access key is the right one.
    pub(crate) fn roll_key(&mut self) {
        self.said["key"] = self.order(&json!({"roll": true}))["key"].clone();
        self.keep("key");
    }

    /// What a file of credentials says: the right ones, or those of somebody without rights.
    pub(crate) fn credentials(&self, whose: &str) -> String {
        let said = &self.said[whose];
        if let Some(key) = said.as_str() {
            return format!("{key}\n");
        }
        let (id, secret) = (said[0].as_str().unwrap(), said[1].as_str().unwrap());
        format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
    }

    /// An `[[origin]]` of that name, whose credentials are in that file.
    pub(crate) fn origin(&self, name: &str, credentials: &str) -> String {
        let text = |name: &str| self.said[name].as_str().unwrap();
        let place = match self.said.get("account") {
            None => format!("kind = \"s3\"\nbucket = \"media\"\nregion = \"{}\"", text("region")),
            Some(account) => {
                format!("kind = \"azure\"\naccount = {account}\ncontainer = \"media\"")
            }
        };
        format!(
            "[[origin]]\nname = \"{name}\"\n{place}\nendpoint = \"{}\"\n\
             credentials = {{ file = \"{credentials}\" }}\n\n",
            text("endpoint")
        )
    }
}

impl Drop for ObjectStore {
    fn drop(&mut self) {
        // It ends with its input.
        self.orders = None;
        let _ = self.process.wait();
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/object_stores").join(name)
}
