//! `countersign demo`: the tour proves itself, and notices what is broken.

use std::process::Stdio;

use serde_json::Value;

use crate::support::command::countersign;
use crate::support::raw_client::get;
use crate::support::signing::token;

#[test]
fn demo_proves_itself_and_fails_when_its_key_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    let check = || {
        let arguments = [
            "demo",
            "--check",
            "--dir",
            "demo",
            "--edge",
            "127.0.0.1:0",
            "--control",
            "127.0.0.1:0",
        ];
        countersign(folder.path(), arguments)
    };
    let said = check();
    assert_eq!((said.status, said.out.contains("FAIL")), (0, false), "{}{}", said.out, said.err);
    assert!(said.out.lines().filter(|line| line.starts_with("ok   ")).count() >= 27);
    assert!(said.out.ends_with(" passed, 0 failed\n"), "{}", said.out);
    assert!(!said.out.contains("hmac="), "{}", said.out);
    let checked = countersign(folder.path(), ["check", "--config", "demo/countersign.toml"]);
    assert_eq!(checked.status, 0, "{}", checked.err);

    let key = folder.path().join("demo/keys/demo.hex");
    std::fs::write(&key, "no key\n").unwrap();
    let said = check();
    assert_eq!((said.status, &*said.out), (1, ""));
    assert!(said.err.starts_with("error: "), "{}", said.err);
    assert!(!said.err.contains("no key\n"), "{}", said.err);
}

#[test]
fn demo_writes_what_a_script_needs() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args(["demo", "--dir", "demo", "--edge", "127.0.0.1:0", "--control", "127.0.0.1:0"])
        .args(["--json", "demo.json"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = std::io::BufReader::new(demo.stdout.take().unwrap());
    let mut tour = String::new();
    while !tour.ends_with("Ctrl-C ends it.\n") {
        assert_ne!(std::io::BufRead::read_line(&mut printed, &mut tour).unwrap(), 0, "{tour}");
    }
    let text = std::fs::read_to_string(folder.path().join("demo.json")).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let edge = json["edge"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let key = json["key"]["hex"].as_str().unwrap();
    let now = std::fs::metadata(folder.path().join("demo.json")).unwrap().modified().unwrap();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let mut files = 0;
    for content in json["contents"].as_array().unwrap() {
        for file in content["files"].as_array().unwrap() {
            files += 1;
            let path = file["url_path"].as_str().unwrap();
            let acl = path.split('?').next().unwrap();
            let separator = if path.contains('?') { '&' } else { '?' };
            let link = format!("{path}{separator}__token__={}", token(key, acl, now + 600));
            let answer = get(edge, &link);
            assert!(file["file_id"].is_u64(), "{file}");
            if content["published"] == false {
                assert_eq!(answer.status, 404, "{path}");
                continue;
            }
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.body.len() as u64, file["size"].as_u64().unwrap(), "{path}");
            let sha256 = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(&answer.body));
            assert_eq!(file["sha256"], sha256, "{path}");
        }
    }
    assert!(files >= 13);
    assert!(json["folder"]["id"].is_u64(), "{json}");
    let example = json["connector"]["example_url"].as_str().unwrap();
    let target = example.strip_prefix(&format!("http://{edge}")).unwrap();
    assert!(target.starts_with(&format!("/dl/{}/", json["connector"]["id"].as_str().unwrap())));
    assert_eq!(get(edge, target).status, 200, "{target}");
    let page = json["share"]["url"].as_str().unwrap();
    let page = get(edge, page.strip_prefix(&format!("http://{edge}")).unwrap());
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("A protected video"));
    // All but two comments stand over a curl: how to get a token, and how to ask why.
    assert_eq!(tour.matches("\ncurl -s").count(), tour.matches("\n# ").count() - 2, "{tour}");
    let process = rustix::process::Pid::from_child(&demo);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    assert_eq!(demo.wait().unwrap().code(), Some(0));
}
