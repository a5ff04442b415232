//! Uploads as clients make them: tus by the protocol's own client, which goes on through kills of the
//! control plane, into a folder, a bucket and a container.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::control::{
    ApiClient, Records, application, folder, folder_of, with_master_key, with_uploads,
};
use crate::support::edge::{KEY_HEX, NOW, usual_config};
use crate::support::object_stores::ObjectStore;
use crate::support::process::Process;
use crate::support::raw_client::request;
use crate::support::relay::Relay;
use crate::support::signing::token;
use crate::support::tools::tool;

const SCOPES: &str = "catalog.read,catalog.write,files.read,files.sign";

/// Bytes of a request of the client.
const CHUNK: usize = 512 * 1024;

/// Some megabytes that tell where they are.
fn film(megabytes: u32) -> Vec<u8> {
    let numbers = 0..megabytes * 256 * 1024;
    numbers.flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// An uploading client.
pub(crate) struct Uploader {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Uploader {
    pub(crate) fn start(
        address: std::net::SocketAddr,
        api: &ApiClient,
        file: &Path,
        said: &Value,
    ) -> Self {
        let endpoint = format!("http://{address}/api/v1/tenants/1/uploads");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/uploads/tus.cjs");
        let mut process = Command::new(tool("COUNTERSIGN_TEST_NODE", "node"))
            .args([script, &endpoint, api.token()])
            .arg(file)
            .args([said.to_string(), CHUNK.to_string()])
            .env("NODE_PATH", tool("COUNTERSIGN_TEST_TUS", "a client of tus"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// Waits until so many bytes were acknowledged.
    fn accepted(&mut self, bytes: usize) {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            let number = line.strip_prefix("accepted ").unwrap_or_else(|| panic!("{line}"));
            if number.parse::<usize>().unwrap() >= bytes {
                return;
            }
        }
        panic!("it ended before {bytes}");
    }

    /// The number of the upload, when all of it was taken.
    pub(crate) fn finish(mut self) -> u64 {
        let url = self
            .lines
            .by_ref()
            .find_map(|line| line.unwrap().strip_prefix("url ").map(str::to_owned));
        assert!(self.process.wait().unwrap().success());
        let url = url.expect("it ended without success");
        url.rsplit('/').next().unwrap().parse().unwrap()
    }
}

fn pipeline(api: &ApiClient, origin: &str, prefix: &str) -> u64 {
    let body = json!({"name": origin, "origin": origin, "prefix": prefix}).to_string();
    let made = api.call("POST", "/api/v1/tenants/1/pipelines", &body);
    assert_eq!(made.status, 201, "{made:?}");
    made.body["number"].as_u64().unwrap()
}

/// What became of an upload.
pub(crate) fn settled(api: &ApiClient, number: u64) -> Value {
    loop {
        let shown = api.ok("GET", &format!("/api/v1/tenants/1/uploads/{number}"), "");
        match shown["state"].as_str().unwrap() {
            "completed" | "failed" => return shown,
            _ => std::thread::yield_now(),
        }
    }
}

/// What waits in the upload folder.
fn waiting(process: &Process, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(process.path(name)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "place").collect()
}

fn survives(records: &Records) {
    let folder = with_uploads(with_master_key(folder(records, &[])));
    let credentials = application(folder.path(), SCOPES);
    let film = film(12);
    std::fs::write(folder.path().join("film.mp4"), &film).unwrap();

    let relay = Relay::start();
    let start = |folder| {
        let process = Process::start(folder, &["--clock", &NOW.to_string()]);
        relay.lead_to(process.control());
        process
    };
    let mut process = start(folder);
    let mut api = ApiClient::log_in(process.control(), &credentials);
    let pipeline = pipeline(&api, "media", "new/").to_string();
    let sha256 = hex::encode(Sha256::digest(&film));
    let said = json!({
        "pipeline": pipeline, "key": "films/film.mp4", "filename": "The Film.mp4", "sha256": sha256,
    });
    let mut uploader = Uploader::start(relay.address(), &api, &process.path("film.mp4"), &said);
    for megabytes in [2, 5, 6, 9, 12] {
        // Whatever is on its way then, and at last while it goes to its origin.
        uploader.accepted(megabytes << 20);
        process = start(process.kill());
        api = api.at(process.control());
    }
    let number = uploader.finish();
    let settled = settled(&api, number);
    assert_eq!(settled["state"], "completed", "{settled}");
    let object = std::fs::read(process.path("media/new/films/film.mp4")).unwrap();
    assert!(object == film, "{} bytes", object.len());
    let file = api.ok("GET", &format!("/v1/files/{number}"), "")["file"].clone();
    assert_eq!(file["sha256_checksum"], sha256.as_str());
    assert_eq!((&file["name"], &file["size"]), (&json!("The Film.mp4"), &json!(film.len())));
    // Nothing is left: the next look removes what a kill left behind.
    while waiting(&process, "waiting") != [""; 0] {
        std::thread::yield_now();
    }
    let names = |path: &str| std::fs::read_dir(process.path(path)).unwrap().count();
    assert_eq!((names("media/new"), names("media/new/films")), (1, 1));
}

#[test]
fn an_upload_goes_on_through_kills_on_sqlite() {
    survives(&Records::Sqlite);
}

#[test]
fn an_upload_goes_on_through_kills_on_postgresql() {
    survives(&Records::on_postgres("uploads"));
}

/// Into a store that others wrote; an edge serves it from there.
fn goes_into(store: &ObjectStore) {
    let route =
        "\n[[site.route]]\nprefix = \"/bucket/\"\naccess = \"token\"\norigin = \"bucket\"\n";
    let origins = store.origin("bucket", "keys/store") + "[[site]]";
    let config = usual_config("", "").replacen("[[site]]", &origins, 1) + route;
    let folder = folder_of(&config, &Records::Sqlite, &[]);
    std::fs::create_dir_all(folder.path().join("keys")).unwrap();
    std::fs::write(folder.path().join("keys/store"), store.credentials("key")).unwrap();
    let credentials = application(folder.path(), SCOPES);
    // Several parts of it.
    let film = film(20);
    std::fs::write(folder.path().join("film.mp4"), &film).unwrap();
    std::fs::write(folder.path().join("empty"), "").unwrap();
    let process = Process::start(folder, &["--clock", &NOW.to_string()]);
    let api = ApiClient::log_in(process.control(), &credentials);
    let pipeline = pipeline(&api, "bucket", "bucket/new/").to_string();
    let upload = |file: &str, key: &str| {
        let said = json!({"pipeline": pipeline, "key": key});
        let uploader = Uploader::start(process.control(), &api, &process.path(file), &said);
        settled(&api, uploader.finish())
    };
    assert_eq!(upload("film.mp4", "a b/film.mp4")["state"], "completed");
    assert_eq!(upload("empty", "empty.bin")["state"], "completed");
    let get = |path: &str| {
        let token = token(KEY_HEX, "/*", NOW + 60);
        let head = format!("GET {path}?__token__={token} HTTP/1.1\r\nHost: a\r\n\r\n");
        request(process.address(), &head)
    };
    let whole = get("/bucket/new/a%20b/film.mp4");
    assert_eq!((whole.status, whole.header("content-type")), (200, Some("video/mp4")));
    assert!(whole.body == film, "{} bytes", whole.body.len());
    assert_eq!((get("/bucket/new/empty.bin").status, get("/bucket/new/none").status), (200, 404));
    // What is there is not written over, and that is told before anything is sent.
    let more = "Tus-Resumable: 1.0.0\r\nUpload-Length: 1\r\nUpload-Metadata: pipeline MQ==,\
                key ZW1wdHkuYmlu\r\n";
    let refused = api.call_with("POST", "/api/v1/tenants/1/uploads", more, "");
    assert_eq!((refused.status, &refused.body["code"]), (409, &json!("conflict")), "{refused:?}");
}

#[test]
fn an_upload_goes_into_a_bucket() {
    goes_into(&ObjectStore::s3(&[]));
}

#[test]
fn an_upload_goes_into_a_container() {
    goes_into(&ObjectStore::azure(&[]));
}
