//! `countersign demo`: the tour proves itself, and notices what is broken.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::command::countersign;
use crate::support::planes::wait_until;
use crate::support::raw_client::{Answer, get};
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

/// A demo that serves.
struct Demo {
    process: Child,
    /// What it printed.
    tour: String,
    /// What it wrote for scripts.
    json: Value,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(["demo", "--dir", "demo", "--edge", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .args(["--json", "demo.json"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut printed = BufReader::new(process.stdout.take().unwrap());
        let mut tour = String::new();
        while !tour.ends_with("Ctrl-C ends it.\n") {
            assert_ne!(printed.read_line(&mut tour).unwrap(), 0, "{tour}");
        }
        let text = std::fs::read_to_string(folder.join("demo.json")).unwrap();
        Self { process, tour, json: serde_json::from_str(&text).unwrap() }
    }

    fn edge(&self) -> SocketAddr {
        self.json["edge"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// What the edge has at one of its URLs.
    fn get(&self, url: &Value) -> Answer {
        let origin = format!("http://{}", self.edge());
        get(self.edge(), url.as_str().unwrap().strip_prefix(&origin).unwrap())
    }

    fn end(mut self) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0));
    }
}

#[test]
fn demo_writes_what_a_script_needs() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let (Demo { tour, json, .. }, edge) = (&demo, demo.edge());
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
    let connector = json["connector"]["id"].as_str().unwrap();
    assert!(example.starts_with(&format!("http://{edge}/dl/{connector}/")), "{example}");
    assert_eq!(demo.get(&json["connector"]["example_url"]).status, 200, "{example}");
    let page = demo.get(&json["share"]["url"]);
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("A protected video"));
    // All but two comments stand over a curl: how to get a token, and how to ask why.
    assert_eq!(tour.matches("\ncurl -s").count(), tour.matches("\n# ").count() - 2, "{tour}");
    demo.end();
}

/// Done when (forensic tags): a stranger takes any tagged file of the demo, renames it, and learns in
/// one command whose it is; and, as long as nobody changed a byte, that it is that copy as it left.
#[test]
fn any_tagged_file_of_the_demo_is_known_under_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let copies = demo.json["copies"].as_array().unwrap();
    let trace = |bytes: &[u8]| -> Value {
        std::fs::write(folder.path().join("leaked"), bytes).unwrap();
        let arguments = ["trace", "--config", "demo/countersign.toml", "--json", "leaked"];
        let said = countersign(folder.path(), arguments);
        assert_eq!(said.status, 0, "{said:?}");
        serde_json::from_str(&said.out).unwrap()
    };
    assert!(copies.len() >= 4);
    for copy in copies {
        let had = demo.get(&copy["url"]);
        assert_eq!(had.status, 200, "{copy}");
        let told = trace(&had.body);
        assert_eq!(told["tags"][0]["issued"]["autograph_tag"], copy["autograph_tag"], "{told}");
        let mut exact = Value::Null;
        wait_until("the copy was read", || {
            exact = trace(&had.body)["exact"].take();
            !exact.is_null()
        });
        assert_eq!(exact["autograph_tag"], copy["autograph_tag"], "{exact}");
        // A changed copy is known by its tag alone.
        let told = trace(&[&*had.body, b" "].concat());
        assert_eq!(told["exact"], Value::Null);
        assert_eq!(told["tags"][0]["issued"]["autograph_tag"], copy["autograph_tag"], "{told}");
    }
    demo.end();
}
