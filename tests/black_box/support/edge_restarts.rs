//! An edge that is killed while its control plane is away, and starts from what it kept.

use std::fmt::Write;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::control::{Records, exchange};
use super::planes::{ControlPlane, start_edge, until_ready, until_status, wait_until};
use super::raw_client;

const FILM: &str = "/public/videos/film/source";

/// Most lines of an import.
const LINES: usize = 50_000;

/// For each kill: how long until the edge was ready again, and how much processor time that took. It
/// knows so many contents.
pub(crate) fn restart_without_control(contents: usize, kills: usize) -> Vec<(Duration, Duration)> {
    let mut control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    api.ok("POST", "/v1/vms/1/videos/film/security-override", r#"{"scope":"public"}"#);
    let files = [("videos/film/source", "film")];
    let folder = control.edge_folder(&[control.url()], &control.enrol("north"), &files);
    let mut edge = start_edge(folder);
    until_ready(&edge);
    until_status(edge.address(), FILM, 200, &[403]);
    // The last that it is told: what that opens is open after a restart, too.
    for first in (0..contents).step_by(LINES) {
        let mut lines = String::new();
        for number in first..contents.min(first + LINES) {
            let id = format!("content-{number}");
            let line = json!({"id": id, "kind": "VIDEO", "publication": "published"});
            writeln!(lines, "{line}").unwrap();
        }
        let head = format!(
            "Authorization: Bearer {}\r\nContent-Type: application/x-ndjson\r\n",
            api.token()
        );
        let path = "/api/v1/tenants/1/contents/import";
        let made = exchange(control.address(), "POST", path, &head, &lines);
        assert_eq!(made.status, 200, "{made:?}");
    }
    let known = u64::try_from(contents).unwrap();
    wait_until("it knows all", || edge.metric("countersign_catalog_entries") == known);
    control.kill();
    let mut restarts = Vec::new();
    for _ in 0..kills {
        let killed = Instant::now();
        edge = start_edge(edge.kill());
        until_ready(&edge);
        restarts.push((killed.elapsed(), edge.processor_time()));
        // From the first answer on what was so.
        assert_eq!(raw_client::get(edge.address(), FILM).status, 200);
        wait_until("it knows all", || edge.metric("countersign_catalog_entries") == known);
    }
    restarts
}
