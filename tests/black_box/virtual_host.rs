//! A bucket that is named in the host, at a server that reads it from there (moto). The name is in a
//! list of hosts that only the programs under test see.

use std::path::Path;
use std::process::Command;

use crate::support::command::said;
use crate::support::control::{ApiClient, Records, application, folder_of};
use crate::support::edge::{KEY_HEX, NOW, usual_config};
use crate::support::files::replace;
use crate::support::object_stores::ObjectStore;
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client::{Answer, request};
use crate::support::signing::token;

/// What a program's command line begins with for it to find the bucket's host on this machine. It keeps
/// its process. Whoever may make no such namespace cannot run this test.
fn within(folder: &Path) -> Vec<String> {
    let hosts = folder.join("hosts");
    std::fs::write(&hosts, "127.0.0.1 media.localhost\n").unwrap();
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, hosts.to_str().unwrap()]
        .map(str::to_owned)
        .into()
}

fn get(edge: &Process, path: &str, lines: &str) -> Answer {
    let token = token(KEY_HEX, "/*", NOW + 60);
    let head = format!("GET {path}?__token__={token} HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    request(edge.address(), &head)
}

#[test]
fn a_bucket_in_the_hosts_name_is_read_and_listed_with_signatures_that_fit() {
    let film = vec![b'f'; 3 << 20];
    let mut store = ObjectStore::s3(&[("beside.txt", b"x")]);
    store.put("films/film.mp4", &film);
    store.put("films/a b!+(1)*.txt", b"0123456789");
    let origin = store
        .origin("bucket", "store.ini")
        .replace("http://127.0.0.1", "http://localhost")
        .replace("bucket = \"media\"", "bucket = \"media\"\naddressing = \"virtual-host\"");
    let config = usual_config("", "").replacen("[[site]]", &(origin + "[[site]]"), 1)
        + "\n[[site.route]]\nprefix = \"/films/\"\naccess = \"token\"\norigin = \"bucket\"\n";
    let folder = folder_of(&config, &Records::Sqlite, &[]);
    std::fs::write(folder.path().join("store.ini"), store.credentials("key")).unwrap();
    let credentials = application(folder.path(), "catalog.read,catalog.write");
    let wrapper = within(folder.path());
    let clock = NOW.to_string();
    let edge = Process::start_within(&wrapper, "serve", folder, &["--clock", &clock]);

    let whole = get(&edge, "/films/film.mp4", "");
    assert_eq!((whole.status, whole.body == film), (200, true), "{:?}", whole.headers);
    let part = get(&edge, "/films/film.mp4", "Range: bytes=1000-1999\r\n");
    assert_eq!((part.status, part.body.len()), (206, 1_000));
    let odd = get(&edge, "/films/a%20b!+(1)*.txt", "");
    assert_eq!((odd.status, &*odd.body), (200, &b"0123456789"[..]));
    assert_eq!(get(&edge, "/films/none", "").code(), Some("not_found"));

    let api = ApiClient::log_in(edge.control(), &credentials);
    let pipeline = r#"{"name":"films","origin":"bucket","prefix":"films/"}"#;
    api.ok("POST", "/api/v1/tenants/1/pipelines", pipeline);
    let mut scan = Command::new(&wrapper[0]);
    scan.args(&wrapper[1..]).arg(env!("CARGO_BIN_EXE_countersign")).current_dir(edge.path(""));
    scan.args(["catalog", "scan", "--config", "countersign.toml", "--tenant", "1"]);
    let scanned = said(scan.args(["--pipeline", "films"]), b"");
    let expected = "registered 2 of 2 file(s); 0 known, 0 refused, 0 passed over\n";
    assert_eq!(scanned.out, expected, "{scanned:?}");

    // Whoever may not is refused: the signature was looked at.
    replace(&edge.path("store.ini"), &store.credentials("useless"));
    let mut number = 0;
    wait_until("the useless key is used", || {
        number += 1;
        let answer = get(&edge, &format!("/films/none-{number}"), "");
        assert!(matches!(answer.code(), Some("not_found" | "origin_invalid")), "{answer:?}");
        answer.code() == Some("origin_invalid")
    });
}
