//! Links that may be used once (requirement G22), by curl over TLS, HTTP/1.1 and HTTP/2.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use countersign::token::{LinkTerms, Uses};

use crate::support::bodies;
use crate::support::command::said;
use crate::support::control::{Records, folder_of, start};
use crate::support::edge::usual_config;
use crate::support::links::{own_link, with_own_key};
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::tls::{Certificate, LISTENER};
use crate::support::tools::tool;

const MIB: usize = 1 << 20;
const FILM_SIZE: usize = 100_000;
const LARGE_SIZE: usize = 48 * MIB;

const PROTOCOLS: [&str; 2] = ["--http1.1", "--http2"];

/// A program with both planes, whose second listener speaks TLS.
fn serving() -> Process {
    let config = with_own_key(&usual_config(LISTENER, ""));
    let folder = folder_of(&config, &Records::Sqlite, &[]);
    let certificate = Certificate::of(&["localhost"]);
    std::fs::create_dir(folder.path().join("tls")).unwrap();
    std::fs::write(folder.path().join("tls/site.pem"), &certificate.pem).unwrap();
    std::fs::write(folder.path().join("tls/site.key"), &certificate.key).unwrap();
    std::fs::create_dir_all(folder.path().join("media/vod")).unwrap();
    for (name, size) in [("film", FILM_SIZE), ("large", LARGE_SIZE)] {
        let mut file = std::fs::File::create(folder.path().join("media/vod").join(name)).unwrap();
        bodies::write(size, &mut file);
        file.flush().unwrap();
    }
    start(folder)
}

fn link(serving: &Process, path: &str, id: &str) -> String {
    let terms = LinkTerms { uses: Uses::One, ..LinkTerms::default() };
    let port = serving.addresses()[1].port();
    format!("https://localhost:{port}{}", own_link(path, id, terms))
}

/// curl, which says the version of HTTP and the status at its end.
fn curl(serving: &Process, agent: &str, protocol: &str, into: &Path, url: &str) -> Command {
    let mut command = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    command
        .args([
            "-sS",
            "--globoff",
            "--ipv4",
            "--max-time",
            "60",
            "-w",
            "%{http_version} %{http_code}",
        ])
        .args(["-A", agent, protocol, "--cacert"])
        .arg(serving.path("tls/site.pem"))
        .arg("-o")
        .args([into, Path::new(url)]);
    command
}

/// What one curl says that has the time to end.
fn told(serving: &Process, agent: &str, protocol: &str, url: &str) -> String {
    let mut command = curl(serving, agent, protocol, Path::new("/dev/null"), url);
    said(&mut command, b"").out
}

fn refused(protocol: &str) -> &str {
    if protocol == "--http2" { "2 403" } else { "1.1 403" }
}

#[test]
fn of_many_at_once_over_both_versions_one_has_the_file() {
    let serving = serving();
    for round in 0..3 {
        let url = link(&serving, "/vod/film", &format!("lnk_{round}"));
        let began: Vec<(PathBuf, Child)> = (0..16)
            .map(|number| {
                let into = serving.path(&format!("got-{round}-{number}"));
                let (agent, protocol) = (format!("client/{number}"), PROTOCOLS[number % 2]);
                let mut command = curl(&serving, &agent, protocol, &into, &url);
                let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
                (into, child.unwrap())
            })
            .collect();
        let mut whole = 0;
        for (number, (into, child)) in began.into_iter().enumerate() {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let (version, status) = said.split_once(' ').unwrap();
            assert_eq!(version, ["1.1", "2"][number % 2]);
            let got = std::fs::read(into).unwrap();
            match status {
                "200" => {
                    assert!(got == bodies::content(FILM_SIZE, 0, FILM_SIZE));
                    whole += 1;
                }
                "403" => assert!(got.len() < 1_000, "{}", got.len()),
                _ => panic!("{said}"),
            }
        }
        assert_eq!(whole, 1);
        for protocol in PROTOCOLS {
            assert_eq!(told(&serving, "client/0", protocol, &url), refused(protocol));
        }
    }
}

#[test]
fn whoever_is_cut_off_goes_on_over_either_version_and_nobody_else_does() {
    let serving = serving();
    for (first, second) in [PROTOCOLS, ["--http2", "--http1.1"]].map(|[one, two]| (one, two)) {
        let url = link(&serving, "/vod/large", &format!("lnk{first}"));
        let into = serving.path(&format!("kept{first}"));
        let mut command = curl(&serving, "one", first, &into, &url);
        let mut child =
            command.args(["--limit-rate", "16M"]).stdout(Stdio::null()).spawn().unwrap();
        let length = || std::fs::metadata(&into).map_or(0, |it| it.len());
        wait_until("a part is there", || length() > 4 << 20);
        // While it is on its way, and after it was cut off.
        assert_eq!(told(&serving, "two", second, &url), refused(second));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(length() < LARGE_SIZE as u64);
        for protocol in PROTOCOLS {
            assert_eq!(told(&serving, "two", protocol, &url), refused(protocol));
        }
        let mut command = curl(&serving, "one", second, &into, &url);
        let rest = said(command.args(["-C", "-"]), b"");
        assert_eq!(rest.status, 0, "{rest:?}");
        assert!(rest.out.ends_with(" 206"), "{rest:?}");
        let got = std::fs::read(&into).unwrap();
        assert!(got == bodies::content(LARGE_SIZE, 0, LARGE_SIZE));
        for protocol in PROTOCOLS {
            assert_eq!(told(&serving, "one", protocol, &url), refused(protocol));
        }
    }
}
