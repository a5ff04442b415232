//! A browser that is led through the console by a script of `tests/console`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::process::Process;
use super::tools::tool;

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/console");

/// Has a browser take these walks of a script through a program's console, of which each must come to
/// its end; what was said. `told` is what the script needs beside the addresses.
pub(crate) fn walk(process: &Process, script: &str, walks: &[&str], told: &Value) -> String {
    let shots = std::env::var_os("COUNTERSIGN_TEST_SCREENSHOTS")
        .map_or_else(|| process.path("screenshots"), PathBuf::from);
    std::fs::create_dir_all(&shots).unwrap();
    let mut said = json!({
        "walks": walks, "chromium": tool("COUNTERSIGN_TEST_CHROMIUM", "chromium"),
        "base": format!("http://{}", process.control()), "shots": shots,
    });
    for (name, value) in told.as_object().unwrap() {
        said[name] = value.clone();
    }
    let mut browser = Command::new(tool("COUNTERSIGN_TEST_NODE", "node"))
        .arg(Path::new(SCRIPTS).join(script))
        .env("NODE_PATH", tool("COUNTERSIGN_TEST_BROWSER", "what drives a browser"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    browser.stdin.take().unwrap().write_all(said.to_string().as_bytes()).unwrap();
    let ended = browser.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&ended.stdout), text(&ended.stderr));
    print!("{out}");
    assert!(ended.status.success(), "{out}\n{err}");
    for walk in walks {
        assert!(out.contains(&format!("walked: {walk}\n")), "{out}");
    }
    out
}
