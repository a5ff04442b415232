//! The HTTP cache test suite of cache-tests.fyi against an edge: each result is as written down, so
//! that any change shows. `tests/cache_tests/README.md` says what the results mean.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use countersign::app::{ServeOptions, Service};
use countersign::clock::Clock;

use crate::support::tools::tool;

/// Ends the suite's own server with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_http_cache_tests_have_the_expected_results() {
    let node = tool("COUNTERSIGN_TEST_NODE", "node");
    let modules = std::env::var_os("COUNTERSIGN_TEST_CACHE_TESTS")
        .expect("the suite is not installed: run the tests by tests/run");
    let folder = Path::new("tests/cache_tests");
    let mut server = Command::new(&node)
        .arg("--no-warnings")
        .arg(folder.join("origin.mjs"))
        .env("COUNTERSIGN_TEST_CACHE_TESTS", &modules)
        .stdout(Stdio::piped())
        .spawn()
        .map(Server)
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let origin = line.trim();

    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("countersign.toml");
    let text = std::fs::read_to_string(folder.join("countersign.toml")).unwrap();
    std::fs::write(&config, text.replace("http://127.0.0.1:1", origin)).unwrap();
    let options =
        ServeOptions { config, clock: Clock::System, access_log: Box::new(std::io::sink()) };
    let edge = Service::start(options).unwrap_or_else(|error| panic!("{error}"));
    let address = edge.edge_addresses()[0];

    let run = Command::new(&node)
        .arg("--no-warnings")
        .arg(folder.join("run.mjs"))
        .args([&format!("http://{address}"), origin])
        .arg(folder.join("expected.txt"))
        .env("COUNTERSIGN_TEST_CACHE_TESTS", &modules)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    println!("{said}");
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    let _ = edge.stop();
}
