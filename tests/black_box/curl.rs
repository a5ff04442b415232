//! Links that other people's signers made, opened by curl over every protocol and carrier.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::command::said;
use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::tools::tool;

const SIGNERS: [(&str, &str); 2] = [
    ("COUNTERSIGN_TEST_PYTHON", "tests/signers/sign.py"),
    ("COUNTERSIGN_TEST_NODE", "tests/signers/sign.cjs"),
];

/// The tokens of one library for these cases.
fn tokens((program, script): (&str, &str), cases: &Value) -> Vec<String> {
    let program = std::env::var_os(program)
        .unwrap_or_else(|| panic!("{program} is not set: run the tests by tests/run"));
    let answer = said(Command::new(program).arg(script), cases.to_string().as_bytes());
    assert_eq!(answer.status, 0, "{script}: {}", answer.err);
    serde_json::from_str(&answer.out).unwrap_or_else(|error| panic!("{error}: {}", answer.out))
}

fn edge() -> Edge {
    let listener = "\n[[edge.listener]]\naddress = \"127.0.0.1:0\"\n\
                    certificates = [{ cert = \"tls.pem\", key = \"tls.key\" }]\n";
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = certificate.self_signed(&key).unwrap();
    Edge::builder(usual_config("", "") + listener)
        .file("media/vod/a.mp4", "0123456789")
        .file("tls.pem", certificate.pem())
        .file("tls.key", key.serialize_pem())
        .start()
}

/// curl with these arguments: what it got, and the protocol's version with the status.
fn curl(edge: &Edge, arguments: &[&str]) -> (String, String) {
    let got = edge.path("got");
    let _ = std::fs::remove_file(&got);
    let mut command = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    command
        .args([
            "-sS",
            "--globoff",
            "--ipv4",
            "--max-time",
            "30",
            "-w",
            "%{http_version} %{http_code}",
        ])
        .arg("--cacert")
        .arg(edge.path("tls.pem"))
        .arg("-o")
        .arg(&got);
    let answer = said(command.args(arguments), b"");
    assert_eq!(answer.status, 0, "{arguments:?}: {}", answer.err);
    (std::fs::read_to_string(got).unwrap_or_default(), answer.out)
}

#[test]
fn links_of_other_signers_open_by_every_carrier_over_every_protocol() {
    let edge = edge();
    let now = NOW;
    let cases = json!([
        { "key": KEY_HEX, "acl": "/vod/*", "end": now + 60 },
        { "key": KEY_HEX, "acls": ["/none/*", "/vod/a.mp?"], "start": now, "window": 60 },
        { "key": KEY_HEX, "url": "/vod/a.mp4", "end": now + 60, "ip": "127.0.0.1" },
        { "key": KEY_HEX, "acl": "/*", "end": now + 60, "id": "user-1", "data": "x", "escape_early": true },
    ]);
    let plain = format!("http://localhost:{}", edge.address().port());
    let tls = format!("https://localhost:{}", edge.addresses()[1].port());
    let mut opened = 0;
    for signer in SIGNERS {
        for token in tokens(signer, &cases) {
            let escaped = token.replace('/', "%2F").replace('?', "%3F");
            let cookie = format!("other=1; __token__={token}");
            let header = format!("__token__: {token}");
            for (origin, protocol, version) in
                [(&plain, "--http1.1", "1.1"), (&tls, "--http1.1", "1.1"), (&tls, "--http2", "2")]
            {
                let bare = format!("{origin}/vod/a.mp4");
                let query = format!("{bare}?__token__={token}");
                let path = format!("{origin}/vod/__token__={escaped}/a.mp4");
                for carrier in [
                    vec![&*query],
                    vec![&*path],
                    vec!["-H", &header, &bare],
                    vec!["-b", &cookie, &bare],
                ] {
                    let mut arguments = vec![protocol];
                    arguments.extend(&carrier);
                    let (body, code) = curl(&edge, &arguments);
                    assert_eq!(
                        (&*body, &*code),
                        ("0123456789", &*format!("{version} 200")),
                        "{arguments:?}"
                    );
                    opened += 1;
                }
                let (body, code) = curl(&edge, &[protocol, "-r", "2-4", &query]);
                assert_eq!((&*body, &*code), ("234", &*format!("{version} 206")));
                let (_, code) = curl(&edge, &[protocol, &bare]);
                assert_eq!(code, format!("{version} 403"));
            }
        }
    }
    assert_eq!(opened, 2 * 4 * 3 * 4);
}

#[test]
fn a_download_is_resumed_over_every_protocol() {
    let edge = edge();
    let cases = json!([{ "key": KEY_HEX, "acl": "/vod/*", "end": NOW + 60 }]);
    let token = tokens(SIGNERS[0], &cases).remove(0);
    let plain = format!("http://localhost:{}", edge.address().port());
    let tls = format!("https://localhost:{}", edge.addresses()[1].port());
    for (origin, protocol) in [(&plain, "--http1.1"), (&tls, "--http1.1"), (&tls, "--http2")] {
        let kept = edge.path("kept");
        std::fs::write(&kept, "0123").unwrap();
        let url = format!("{origin}/vod/a.mp4?__token__={token}");
        let mut command = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        command.args(["-sS", "--globoff", "--ipv4", protocol, "-C", "-", "--cacert"]);
        let answer = said(command.arg(edge.path("tls.pem")).arg("-o").arg(&kept).arg(&url), b"");
        assert_eq!(answer.status, 0, "{protocol}: {}", answer.err);
        assert_eq!(std::fs::read_to_string(Path::new(&kept)).unwrap(), "0123456789");
    }
}
