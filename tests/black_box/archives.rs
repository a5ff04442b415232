//! Archives as THRON's clients ask for them: prepared at one control plane, downloaded and gone on with
//! by curl at another, gone when something in them changes.

use std::fs::File;
use std::io::{Seek, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::command::said;
use crate::support::control::{
    ApiClient, Records, application, exchange, folder, start, thron_session, with_master_key,
};
use crate::support::process::Process;
use crate::support::tools::tool;

const SCOPES: &str = "catalog.read,catalog.write,files.read,shares.write,links.revoke,audit.read";

/// Bytes that tell where they are.
fn film(kilobytes: u32) -> Vec<u8> {
    let numbers = 0..kilobytes * 256;
    numbers.flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

/// A session of THRON's at a control plane.
struct Session {
    address: SocketAddr,
    token: String,
}

impl Session {
    /// As the SDK begins one.
    fn begin(address: SocketAddr, credentials: &(String, String)) -> Self {
        Self { address, token: thron_session(address, credentials) }
    }

    /// What it is told when it asks for an archive.
    fn prepared(&self, question: &Value) -> (u16, Value) {
        let token = &self.token;
        let lines = format!(
            "X-TOKENID: {token}\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
        );
        let path = "/api/xcontents/resources/archive/prepare/1";
        let answer = exchange(self.address, "POST", path, &lines, &question.to_string());
        (answer.status, answer.body)
    }

    /// The id of an archive, once everything in it was read.
    fn prepare(&self, question: &Value) -> String {
        loop {
            let (status, said) = self.prepared(question);
            if status == 200 {
                assert_eq!(said["resultCode"], "OK");
                return said["downloadId"].as_str().unwrap().to_owned();
            }
            assert_eq!((status, &said["code"]), (409, &json!("files_unread")), "{said}");
        }
    }

    /// curl with these arguments, for this archive: the status, and the header fields.
    fn curl(&self, archive: &str, arguments: &[&str]) -> (u16, String) {
        let url = format!(
            "http://{}/api/xcontents/resources/archive/download/1?downloadId={archive}&saveAs=press",
            self.address
        );
        let mut command = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        command.args(["-sS", "--globoff", "--max-time", "120", "-D", "-"]);
        if !arguments.contains(&"-o") {
            command.args(["-o", "/dev/null"]);
        }
        command.args(arguments).arg("-H").arg(format!("X-TOKENID: {}", self.token)).arg(url);
        let answer = said(&mut command, b"");
        let status = answer.out.split(' ').nth(1).and_then(|it| it.parse().ok());
        (status.unwrap_or_else(|| panic!("{answer:?}")), answer.out)
    }

    fn status(&self, archive: &str) -> u16 {
        self.curl(archive, &["--range", "0-0"]).0
    }
}

fn field<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find(|line| {
        line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
    });
    line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
}

/// Contents with these files, as tenant 1 has them.
fn contents(api: &ApiClient, names: &[(&str, u64)]) -> Vec<String> {
    let body = json!({"name": "media", "origin": "media", "prefix": ""}).to_string();
    let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &body)["number"].clone();
    let make = |(name, size): &(&str, u64)| {
        let file = json!({
            "kind": "source", "pipeline": pipeline, "key": format!("films/{name}"), "size": size,
        });
        let body = json!({"kind": "VIDEO", "publication": "published", "files": [file]});
        let made = api.ok("POST", "/api/v1/tenants/1/contents", &body.to_string());
        made["id"].as_str().unwrap().to_owned()
    };
    names.iter().map(make).collect()
}

/// What the programs that people unpack with say of an archive.
fn assert_good(archive: &Path) {
    let mut unzip = Command::new("unzip");
    let answer = said(unzip.args(["-tqq"]).arg(archive), b"");
    assert_eq!((answer.status, &*answer.out), (0, ""), "{}", answer.err);
}

struct Scene {
    planes: [Process; 2],
    sessions: [Session; 2],
    api: ApiClient,
    contents: Vec<String>,
}

/// Two control planes of one store, each with its own copy of two films.
fn scene(name: &str) -> Scene {
    let films = [("one.mov", film(3_000)), ("Zwei – 二.mov", film(700))];
    let records = Records::on_postgres(name);
    let with_films = |folder: TempDir| {
        std::fs::create_dir_all(folder.path().join("media/films")).unwrap();
        for (name, bytes) in &films {
            std::fs::write(folder.path().join("media/films").join(name), bytes).unwrap();
        }
        folder
    };
    let first = with_films(with_master_key(folder(&records, &[])));
    let credentials = application(first.path(), SCOPES);
    let planes = [start(first), start(with_films(with_master_key(folder(&records, &[]))))];
    let sessions = planes.each_ref().map(|it| Session::begin(it.control(), &credentials));
    let api = ApiClient::log_in(planes[0].control(), &credentials);
    let names = films.each_ref().map(|(name, bytes)| (*name, bytes.len() as u64));
    let contents = contents(&api, &names);
    Scene { planes, sessions, api, contents }
}

#[test]
fn a_download_is_gone_on_with_anywhere_at_another_control_plane() {
    let Scene { planes, sessions, api, contents } = scene("archives_resumed");
    let question = json!({
        "criteria": {"xcontentIds": contents},
        "options": {"appendManifestFile": true},
    });
    let archive = sessions[0].prepare(&question);
    let whole = planes[0].path("whole.zip");
    let (status, head) = sessions[0].curl(&archive, &["-o", whole.to_str().unwrap()]);
    assert_eq!(status, 200, "{head}");
    assert_eq!(field(&head, "content-type"), "application/zip");
    assert_eq!(field(&head, "content-disposition"), "attachment; filename=\"press.zip\"");
    for (name, value) in [
        ("cache-control", "private, no-store"),
        ("cdn-cache-control", "no-store"),
        ("surrogate-control", "no-store"),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(field(&head, name), value, "{head}");
    }
    let bytes = std::fs::read(&whole).unwrap();
    assert_eq!(field(&head, "content-length"), bytes.len().to_string());
    assert_good(&whole);
    let tag = field(&head, "etag").to_owned();

    // Broken off within a header, an entry, the directory and the end; gone on with elsewhere.
    let length = bytes.len();
    for cut in [1, 17, 4_000, 3_000 * 1024 + 60, length / 3, length - 300, length - 10, length - 1]
    {
        let part = planes[1].path("part.zip");
        std::fs::write(&part, &bytes[..cut]).unwrap();
        let (status, head) = sessions[1].curl(&archive, &["-C", "-", "-o", part.to_str().unwrap()]);
        assert_eq!((status, field(&head, "etag")), (206, &*tag), "{cut}: {head}");
        assert!(std::fs::read(&part).unwrap() == bytes, "{cut}: other bytes");
    }
    let if_range =
        |tag: &str| sessions[1].curl(&archive, &["-r", "9-", "-H", &format!("If-Range: {tag}")]);
    assert_eq!(if_range(&tag).0, 206);
    assert_eq!(if_range("\"other\"").0, 200);
    let known = ["-H", &*format!("If-None-Match: {tag}")];
    assert_eq!(sessions[1].curl(&archive, &known).0, 304);
    let (status, head) = sessions[1].curl(&archive, &["-r", &format!("{length}-")]);
    assert_eq!((status, field(&head, "content-range")), (416, &*format!("bytes */{length}")));
    let (status, head) = sessions[1].curl(&archive, &["--head"]);
    assert_eq!((status, field(&head, "content-length")), (200, &*length.to_string()));
    let (status, head) = sessions[1].curl(&archive, &["-H", "CDN-Loop: somebody"]);
    assert_eq!(status, 403, "{head}");
    assert_eq!(
        sessions[0].curl(&archive, &["-X", "POST", "-d", &format!("downloadId={archive}")]).0,
        200
    );

    // Each content's history says once that it was had, and of which archive; the archive's has each
    // answer with bytes of a film, and which films they were: the second's last were by themselves.
    let events = api.ok("GET", "/api/v1/audit?limit=1000", "")["items"].clone();
    let of = |action: &str, object: &str| -> Vec<Value> {
        let is_of = |event: &&Value| event["action"] == action && event["object"] == object;
        events.as_array().unwrap().iter().filter(is_of).cloned().collect()
    };
    for (place, content) in (1..).zip(&contents) {
        let delivered = of("source.deliver", content);
        assert_eq!(delivered.len(), 1, "{events}");
        let said = |field: &str| delivered[0]["diff"][field][1].clone();
        assert_eq!((said("promise"), said("entry")), (json!(archive), json!(place)));
    }
    let answers = of("archive_plan.deliver", &archive);
    let runs: Vec<_> = answers.iter().map(|it| it["diff"]["entries"][1].to_string()).collect();
    assert!(runs.len() >= 8 && runs.contains(&"[[2,2]]".to_owned()), "{runs:?}");
    assert_eq!((&*runs[0], &answers[0]["diff"]["files"][1]), ("[[1,2]]", &json!(2)));
    drop(planes);
}

#[test]
fn what_changes_makes_the_whole_archive_gone() {
    let Scene { planes, sessions, api, contents } = scene("archives_gone");
    let question = json!({"criteria": {"xcontentIds": contents}});
    let films = planes[1].path("media/films");
    // Bytes that are others, of the same length: the answer breaks off, and is not taken for whole.
    let archive = sessions[1].prepare(&question);
    let mut other = film(700);
    other[300_000] ^= 1;
    std::fs::write(films.join("Zwei – 二.mov"), &other).unwrap();
    let url = format!(
        "http://{}/api/xcontents/resources/archive/download/1?downloadId={archive}",
        sessions[1].address
    );
    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    let token = format!("X-TOKENID: {}", sessions[1].token);
    let answer = said(curl.args(["-sS", "-o", "/dev/null", "-H", &token, &url]), b"");
    assert!([18, 56].contains(&answer.status), "{answer:?}");

    let patch = |publication: &str| {
        let path = format!("/api/v1/tenants/1/contents/{}", contents[1]);
        api.ok("PATCH", &path, &json!({"publication": publication}).to_string());
    };
    patch("unpublished");
    assert_eq!(sessions.each_ref().map(|it| it.status(&archive)), [410, 410]);
    patch("published");
    assert_eq!(sessions[0].status(&archive), 206);

    // What one was told may be taken back: this archive, and no other.
    let second = sessions[0].prepare(&question);
    let body = json!({"links": {"by": "link", "subject": archive}, "reason": "lost"}).to_string();
    api.ok("POST", "/api/v1/tenants/1/revocations", &body);
    while sessions.each_ref().map(|it| it.status(&archive)) != [410, 410] {
        std::thread::yield_now();
    }
    assert_eq!(sessions[0].status(&second), 206);
    let removed = format!("/api/v1/tenants/1/contents/{}", contents[0]);
    api.call("DELETE", &removed, "");
    assert_eq!(sessions.each_ref().map(|it| it.status(&second)), [410, 410]);
    let (status, said) = sessions[0].prepared(&question);
    assert_eq!((status, &said["resultCode"]), (404, &json!("MEDIACONTENT_NOT_AVAILABLE")));
    drop(planes);
}

/// More than 4 GiB, all of it zeros but the last bytes: parts of it on both sides of that border.
#[test]
fn a_large_archive_is_had_in_parts() {
    let size = (4 << 30) + 11;
    let records = Records::on_postgres("archives_large");
    let folder = with_master_key(folder(&records, &[]));
    std::fs::create_dir_all(folder.path().join("media/films")).unwrap();
    let mut sparse = File::create(folder.path().join("media/films/large.bin")).unwrap();
    sparse.seek(std::io::SeekFrom::Start(size - 3)).unwrap();
    sparse.write_all(b"end").unwrap();
    let credentials = application(folder.path(), SCOPES);
    let plane = start(folder);
    let session = Session::begin(plane.control(), &credentials);
    let api = ApiClient::log_in(plane.control(), &credentials);
    let body = json!({"name": "media", "origin": "media", "prefix": ""}).to_string();
    let pipeline = api.ok("POST", "/api/v1/tenants/1/pipelines", &body)["number"].clone();
    // Nobody reads 4 GiB here: what is told of it is believed, and only a whole entry is checked.
    let file = json!({
        "kind": "source", "pipeline": pipeline, "key": "films/large.bin", "size": size,
        "sha256": hex::encode(Sha256::digest("large")), "crc32": 7,
    });
    let body = json!({"kind": "OTHER", "publication": "published", "files": [file]}).to_string();
    let content = api.ok("POST", "/api/v1/tenants/1/contents", &body)["id"].clone();
    let archive = session.prepare(&json!({"criteria": {"xcontentIds": [content]}}));
    let (status, head) = session.curl(&archive, &["--head"]);
    // Local header, record in the directory, and ends, all with ZIP64 where a number needs it.
    let local = 30 + 9 + 20 + 9;
    let length = local + size + (46 + 9 + 20 + 9) + 56 + 20 + 22;
    assert_eq!((status, field(&head, "content-length")), (200, &*length.to_string()), "{head}");
    let part = plane.path("part");
    let range = |first: u64, last: u64| {
        let (status, head) = session
            .curl(&archive, &["-r", &format!("{first}-{last}"), "-o", part.to_str().unwrap()]);
        assert_eq!(status, 206, "{head}");
        std::fs::read(&part).unwrap()
    };
    let border = (4 << 30) + local;
    assert_eq!(range(border - 5, border + 2), [0; 8]);
    assert_eq!(range(local + size - 3, local + size + 3), b"endPK\x01\x02");
    assert!(range(length - 98, length - 1).starts_with(b"PK\x06\x06"));
}
