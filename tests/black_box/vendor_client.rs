//! A script that was written for movingimage's API and knows nothing of us: with another host it logs
//! in, opens and closes files, and downloads (requirements D10 to D27).

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use countersign::catalog::{FileKind, Publication};
use sha2::{Digest, Sha256};

use crate::support::catalog::{Shelf, ShelfFile, source};
use crate::support::command::{Said, said};
use crate::support::control::{
    ApiClient, Records, application, folder_of, reconfigure, say_where_the_site_is, start,
    with_master_key,
};
use crate::support::edge::usual_config;
use crate::support::links::token;
use crate::support::planes::{ControlPlane, start_edge, until_ready, until_status};
use crate::support::process::Process;

/// The script, and what it takes for granted: a video, a channel, somebody's name and password.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/vmpro/client.sh");
const VIDEO: &str = "-civ9qE3JUjntKQM1HnGtU";
const CHANNEL: u64 = 1;
const PERSON: &str = r#"{"tenant":1,"username":"example@mycompany.com","role":"admin",
    "scopes":["files.read","overrides.admin"],"password":"my_password_is_long"}"#;

/// Kind, slot, variant: where each file of the video belongs. Its bytes are its key.
const FILES: [(FileKind, &str, &str, &str); 6] = [
    (FileKind::Source, "", "", "source"),
    (FileKind::Format, "aaa2356", "", "format"),
    (FileKind::Thumbnail, "78912", "360p", "still"),
    (FileKind::ChapterThumbnail, "5", "360p", "chapter"),
    (FileKind::Subtitle, "9", "VTT", "subtitle"),
    (FileKind::Attachment, "Handout", "Price list.pdf", "attachment"),
];

const OF_TEMPLATE: &str = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
const OF_CATALOG: &str = "assets = { catalog = true }";

/// Files of the origin, by their keys.
fn objects() -> Vec<(&'static str, &'static str)> {
    FILES.iter().map(|(.., key)| (*key, *key)).chain([("logo", "logo")]).collect()
}

/// A video and a channel, and a site that says where it is.
fn running(records: &Records) -> Process {
    let config = usual_config("", "").replacen(OF_TEMPLATE, OF_CATALOG, 1);
    let folder = with_master_key(folder_of(&config, records, &objects()));
    let credentials = application(folder.path(), SCOPES);
    let process = start(folder);
    fill(records, &process, &credentials);
    say_where_the_site_is(&process);
    // What was written beside the program is in force a moment later, the logo last.
    let logo = format!("/private/channels/{CHANNEL}/attachments/Logo/logo.png");
    let link = format!("{logo}?__token__={}", token("/private/*"));
    until_status(process.address(), &link, 200, &[404]);
    process
}

/// The same as two programs: a control plane, and an edge that follows it.
fn running_apart(records: &Records) -> (ControlPlane, Process) {
    let control = ControlPlane::that_signs(records);
    let credentials = application(&control.process().path(""), SCOPES);
    fill(records, control.process(), &credentials);
    let folder = control.edge_folder(&[control.url()], &control.enrol("north"), &objects());
    let path = folder.path().join("countersign.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    assert!(config.contains(OF_TEMPLATE));
    std::fs::write(path, config.replacen(OF_TEMPLATE, OF_CATALOG, 1)).unwrap();
    let edge = start_edge(folder);
    until_ready(&edge);
    let site = format!("http://{}", edge.address());
    reconfigure(control.process(), "https://files.example.com", &site);
    (control, edge)
}

const SCOPES: &str = "accounts.admin,files.read,overrides.admin";

fn fill(records: &Records, process: &Process, credentials: &(String, String)) {
    let shelf = Shelf::open(records, &process.path(""));
    let pipeline = shelf.pipeline("media", "");
    let file =
        |(kind, slot, variant, key): (FileKind, &'static str, &'static str, &'static str)| {
            ShelfFile { kind, slot, variant, ..source(pipeline, key, key) }
        };
    shelf.add(VIDEO, Publication::Published, &FILES.map(file));
    let logo = file((FileKind::Attachment, "Logo", "logo.png", "logo"));
    assert_eq!(shelf.folder("press", &[logo]).0, CHANNEL);
    let api = ApiClient::log_in(process.control(), credentials);
    api.ok("POST", "/api/v1/people", PERSON);
}

fn run(folder: &Path, arguments: [String; 2]) -> Said {
    let mut script = Command::new("bash");
    script.arg(SCRIPT).args(arguments).current_dir(folder);
    said(&mut script, b"")
}

/// With the API at one address, and the files at another.
fn script(control: SocketAddr, edge: SocketAddr) {
    let folder = tempfile::tempdir().unwrap();
    let script = run(folder.path(), [control, edge].map(|it| format!("http://{it}")));
    assert_eq!(script.status, 0, "{}\n{}", script.out, script.err);
    assert!(script.out.ends_with("# done\n"), "{}", script.out);

    // What it downloaded, under which names.
    let named = "video_version123_uploaded-20151027110400_";
    let mut expected = vec![
        line("source", "Der Film.mp4"),
        line("format", "Der Film.mp4"),
        line("source", &format!("{named}source_source_.mp4")),
        line("format", &format!("{named}aaa2356_aaa2356_.mp4")),
        line("attachment", "Der Film.mp4"),
        // By its public address.
        line("source", "Der Film.mp4"),
        line("logo", "Der Film.mp4"),
    ];
    let is_digest = |line: &&str| line.split("  ").next().is_some_and(|it| it.len() == 64);
    let mut downloaded: Vec<_> = script.out.lines().filter(is_digest).map(str::to_owned).collect();
    expected.sort();
    downloaded.sort();
    assert_eq!(downloaded, expected);

    // What the API said was in force, and how often it was in force within a second.
    let of = |wanted: &str| script.out.lines().filter(|line| line.starts_with(wanted)).count();
    assert_eq!(of("[\"private\",0,0]"), 2, "{}", script.out);
    assert_eq!(of("public"), 1, "{}", script.out);
    assert_eq!((of("200 after "), of("403 after ")), (6, 7), "{}", script.out);
    let types = r#"[{"videoId":"-civ9qE3JUjntKQM1HnGtU","scope":"private","assetTypes":["#;
    assert_eq!(of(types), 1, "{}", script.out);
    assert!(!script.out.contains("FAIL"), "{}", script.out);
    println!("{}", script.out);
}

fn line(bytes: &str, name: &str) -> String {
    format!("{}  {name}", hex::encode(Sha256::digest(bytes)))
}

#[test]
fn a_customers_script_runs_with_another_host_on_sqlite() {
    let process = running(&Records::Sqlite);
    script(process.control(), process.address());
}

#[test]
fn a_customers_script_runs_with_another_host_on_postgresql() {
    let process = running(&Records::on_postgres("vendor_client"));
    script(process.control(), process.address());
}

#[test]
fn a_customers_script_runs_at_a_control_plane_and_an_edge_of_their_own() {
    for records in [Records::Sqlite, Records::on_postgres("vendor_apart")] {
        let (control, edge) = running_apart(&records);
        script(control.address(), edge.address());
    }
}

/// It would be seen: without the rights, or at a host that is no API, it ends with a failure.
#[test]
fn the_script_fails_where_something_is_wrong() {
    let process = running(&Records::Sqlite);
    let edge = format!("http://{}", process.address());
    let refused = run(&process.path(""), [edge.clone(), edge]);
    assert_ne!(refused.status, 0, "{}", refused.out);
    assert!(!refused.out.contains("# done"), "{}", refused.out);
}
