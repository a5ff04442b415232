//! Edges that follow control planes elsewhere: what is pushed is in force at each, whichever of
//! them is killed meanwhile, and what is not known is never open.

use std::net::SocketAddr;
use std::time::Duration;

use countersign::clock::UnixSeconds;
use countersign::token::edge_auth::SignRequest;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::command::countersign;
use crate::support::control::{ApiClient, Records};
use crate::support::edge::NOW;
use crate::support::edge_restarts::restart_without_control;
use crate::support::keep_alive::KeepAlive;
use crate::support::links::{an_hour, signed};
use crate::support::load::Load;
use crate::support::planes::{
    ControlPlane, said, start_edge, start_edge_at, state_files, until_ready, until_status,
    wait_until,
};
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::tls::Certificate;

const FILM: &str = "/public/videos/film/source";
const FILES: [(&str, &str); 3] =
    [("videos/film/source", "film"), ("vod/a", "private"), ("open/a", "open")];

fn push(api: &ApiClient, opens: bool) {
    let path = "/v1/vms/1/videos/film/security-override";
    if opens {
        api.ok("POST", path, r#"{"scope":"public"}"#);
    } else {
        api.ok("DELETE", path, "");
    }
}

fn link() -> String {
    let expiry = UnixSeconds::new(NOW + 24 * 3600);
    format!("/vod/a?__token__={}", signed(&SignRequest { expiry, ..an_hour() }))
}

/// A file that is open, one that a link opens, and one that no edge of these tests ever opens:
/// no other answer, whatever else happens.
fn asked(edge: SocketAddr) -> Load {
    let link = link();
    Load::start(edge, 2, 100, move |client: &mut KeepAlive, number| {
        let (target, expected) = match number % 3 {
            0 => ("/open/a", 200),
            1 => (&*link, 200),
            _ => ("/private/videos/other/source", 403),
        };
        let status = client.get(target)?.status;
        if status == expected { Ok(()) } else { Err(format!("{target}: {status}")) }
    })
}

/// Three edges, let in by name, on folders of their own.
fn folders(control: &ControlPlane, urls: &[String]) -> [TempDir; 3] {
    ["north", "south", "west"].map(|name| {
        let token = control.enrol(name);
        control.edge_folder(urls, &token, &FILES)
    })
}

fn in_force_everywhere(edges: &[Process], opens: bool) {
    let (expected, before) = if opens { (200, 403) } else { (403, 200) };
    for edge in edges {
        until_status(edge.address(), FILM, expected, &[before]);
    }
}

#[test]
fn what_is_pushed_is_in_force_at_every_edge_whoever_is_killed() {
    let mut control = ControlPlane::start(&Records::Sqlite);
    let folders = folders(&control, &[control.url()]);
    control.admin().ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let mut edges: Vec<Process> = folders.into_iter().map(start_edge).collect();
    edges.iter().for_each(until_ready);
    let loads: Vec<Load> = edges[..2].iter().map(|edge| asked(edge.address())).collect();
    let api = control.admin();
    for round in 0..20 {
        push(&api, round % 2 == 0);
        in_force_everywhere(&edges, round % 2 == 0);
    }

    // One is killed, and what is pushed meanwhile is in force there when it is back.
    let killed = edges.pop().unwrap().kill();
    push(&api, true);
    in_force_everywhere(&edges, true);
    edges.push(start_edge(killed));
    until_status(edges[2].address(), FILM, 200, &[403]);

    // The control plane is killed. Edges serve on, also after a kill of their own, from the first
    // answer on what was so.
    control.kill();
    let killed = edges.pop().unwrap().kill();
    edges.push(start_edge(killed));
    for edge in &edges {
        assert_eq!(raw_client::get(edge.admin(), "/readyz").status, 200);
        assert_eq!(raw_client::get(edge.address(), FILM).status, 200);
        assert_eq!(raw_client::get(edge.address(), &link()).status, 200);
    }
    // Why is said by what the edge was told, while it runs.
    let now = NOW.to_string();
    let explain = |target: &str| {
        let arguments =
            ["explain", "--config", "countersign.toml", "--json", "--now", &now, target];
        let said = countersign(&edges[0].path(""), arguments);
        let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        format!("{} {}", told["decision"].as_str().unwrap(), told["code"].as_str().unwrap())
    };
    assert_eq!(explain(FILM), "allow ok");
    assert_eq!(explain("/private/videos/other/source"), "deny token_missing");
    control.resume();
    let api = control.admin();
    push(&api, false);
    in_force_everywhere(&edges, false);

    let version = edges[0].metric("countersign_snapshot_version");
    let told = || {
        let listed = api.ok("GET", "/api/v1/edges", "");
        let edges = listed["items"].as_array().unwrap().clone();
        assert_eq!(edges.len(), 3);
        edges.iter().all(|edge| edge["version"] == version && edge["last_seen_at"].is_string())
    };
    wait_until("every edge says how far it is", told);
    for load in loads {
        load.stop_after(100).assert_good(100);
    }
    for edge in edges {
        let (exit, _) = edge.stop();
        assert_eq!(exit, Some(0));
    }
}

#[test]
fn an_edge_is_ready_soon_after_a_kill_while_its_control_plane_is_away() {
    for (wall, processor) in restart_without_control(300, 4) {
        println!("ready after {wall:.2?}, {processor:.2?} of processor");
        // Time on the clock is the machine's as well: `benches/control_killed.rs` measures it.
        assert!(processor <= Duration::from_secs(2), "{processor:?}");
    }
}

#[test]
fn an_edge_without_a_snapshot_opens_nothing() {
    let control = ControlPlane::start(&Records::Sqlite);
    let token = control.enrol("north");
    control.cut();
    let edge = start_edge(control.edge_folder(&[control.url()], &token, &FILES));
    for path in ["/open/a", FILM, &link(), "/closed/a", "/"] {
        assert_eq!(raw_client::get(edge.address(), path).status, 503, "{path}");
    }
    assert_eq!(raw_client::get(edge.admin(), "/readyz").status, 503);
    assert_eq!(raw_client::get(edge.admin(), "/livez").status, 200);
    control.mend();
    until_ready(&edge);
    assert_eq!(raw_client::get(edge.address(), "/open/a").status, 200);
    assert_eq!(raw_client::get(edge.address(), &link()).status, 200);
    assert_eq!(raw_client::get(edge.address(), FILM).status, 403);
}

#[test]
fn private_files_are_refused_when_nobody_was_heard_for_too_long() {
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    push(&api, true);
    let token = control.enrol("north");
    let edge = start_edge(control.edge_folder(&[control.url()], &token, &FILES));
    until_ready(&edge);
    control.cut();
    // Up to the last second of an hour.
    let edge = start_edge_at(edge.kill(), NOW + 3_600);
    assert_eq!(raw_client::get(edge.address(), &link()).status, 200);
    let edge = start_edge_at(edge.kill(), NOW + 3_601);
    let stale = (503, "snapshot_stale".to_owned());
    assert_eq!(said(&raw_client::get(edge.address(), &link())), stale);
    // Whether it would have opened or not.
    assert_eq!(said(&raw_client::get(edge.address(), "/private/videos/a/source")), stale);
    assert_eq!(raw_client::get(edge.address(), FILM).status, 200);
    assert_eq!(raw_client::get(edge.address(), "/open/a").status, 200);
    assert_eq!(raw_client::get(edge.admin(), "/readyz").status, 200);
    wait_until("the metric", || edge.metric("countersign_snapshot_age_seconds") == 3_601);
    control.mend();
    until_status(edge.address(), &link(), 200, &[503]);
    wait_until("the metric", || edge.metric("countersign_snapshot_age_seconds") == 0);
}

#[test]
fn a_damaged_state_is_never_believed() {
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let token = control.enrol("north");
    let edge = start_edge(control.edge_folder(&[control.url()], &token, &FILES));
    until_ready(&edge);
    push(&api, true);
    until_status(edge.address(), FILM, 200, &[403]);
    push(&api, false);
    until_status(edge.address(), FILM, 403, &[200]);
    control.cut();
    let folder = edge.kill();
    let [file] = &state_files(folder.path())[..] else { panic!("not one file") };
    let whole = std::fs::read(file).unwrap();

    // The last push is lost: what was so before it. Then what is not even a snapshot: nothing.
    let last = whole.windows(9).rposition(|it| it == b"{\"closed\"").unwrap();
    let mut damaged = whole.clone();
    damaged[last + 3] ^= 1;
    for (kept, expected) in [
        (&whole[..], [403, 200]),
        (&damaged[..], [200, 200]),
        (&whole[..last], [200, 200]),
        (&whole[..20], [503, 503]),
        (b"", [503, 503]),
        (b"\0\0\0\0", [503, 503]),
    ] {
        let file = folder.path().join("edge-state").join(file.file_name().unwrap());
        std::fs::write(&file, kept).unwrap();
        let copy = copied(folder.path());
        let edge = start_edge(copy);
        let seen = [FILM, "/open/a"].map(|path| raw_client::get(edge.address(), path).status);
        assert_eq!(seen, expected, "{}", kept.len());
    }
    std::fs::write(file, &damaged).unwrap();
    let edge = start_edge(folder);
    assert_eq!(raw_client::get(edge.address(), FILM).status, 200);
    control.mend();
    until_status(edge.address(), FILM, 403, &[200]);
}

fn copied(folder: &std::path::Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("cp");
    command.arg("-a").arg(folder.join(".")).arg(copy.path());
    assert!(command.status().unwrap().success());
    copy
}

#[test]
fn an_edge_that_is_revoked_hears_nothing_more_and_cannot_come_back() {
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let edges: Vec<Process> =
        folders(&control, &[control.url()]).into_iter().map(start_edge).collect();
    edges.iter().for_each(until_ready);
    let listed = api.ok("GET", "/api/v1/edges", "");
    let north = listed["items"].as_array().unwrap().iter().find(|it| it["name"] == "north");
    let id = north.unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(api.call("DELETE", &format!("/api/v1/edges/{id}"), "").status, 204);
    control.process().wait_for(|it| it["message"] == "an edge is dismissed");
    push(&api, true);
    in_force_everywhere(&edges[1..], true);
    assert_eq!(raw_client::get(edges[0].address(), FILM).status, 403);
    let refused =
        |it: &serde_json::Value| it["error"].as_str().is_some_and(|error| error.contains("401"));
    let folder = start_edge_and_wait(edges.into_iter().next().unwrap(), refused);
    let edge = start_edge(folder);
    edge.wait_for(refused);
    assert_eq!(raw_client::get(edge.address(), FILM).status, 403);
}

fn start_edge_and_wait(edge: Process, line: impl Fn(&serde_json::Value) -> bool) -> TempDir {
    // It says so once, and tries on.
    let folder = edge.kill();
    let edge = start_edge(folder);
    edge.wait_for(line);
    edge.kill()
}

#[test]
fn edges_go_on_at_another_control_plane_of_the_same_database() {
    let records = Records::on_postgres("planes");
    let mut one = ControlPlane::start(&records);
    let other = ControlPlane::start(&records);
    one.admin().ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let urls = [one.url(), other.url()];
    let both = |name: &str| {
        let folder = one.edge_folder(&urls, &one.enrol(name), &FILES);
        let both = format!("{}{}", one.certificate_pem(), other.certificate_pem());
        std::fs::write(folder.path().join("ca.pem"), both).unwrap();
        folder
    };
    let edges = ["north", "south", "west"].map(both).map(start_edge);
    edges.iter().for_each(until_ready);
    let loads: Vec<Load> = edges.iter().map(|edge| asked(edge.address())).collect();
    push(&one.admin(), true);
    in_force_everywhere(&edges, true);
    // Told to one, heard by the other.
    push(&other.admin(), false);
    in_force_everywhere(&edges, false);
    one.kill();
    for round in 0..4 {
        push(&other.admin(), round % 2 == 0);
        in_force_everywhere(&edges, round % 2 == 0);
    }
    one.resume();
    other.cut();
    push(&one.admin(), true);
    in_force_everywhere(&edges, true);
    for load in loads {
        load.stop_after(100).assert_good(100);
    }
}

/// A push that is lost on the way, for the connection is dead and nobody says so, is in force some
/// seconds later.
#[test]
fn a_connection_that_went_silent_is_left() {
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let token = control.enrol("north");
    let edge = start_edge(control.edge_folder(&[control.url()], &token, &FILES));
    until_ready(&edge);
    control.freeze();
    push(&api, true);
    until_status(edge.address(), FILM, 200, &[403]);
    edge.wait_for(|it| it["error"].as_str().is_some_and(|it| it.contains("nothing for too long")));
}

#[test]
fn nobody_but_the_right_control_plane_is_believed() {
    let control = ControlPlane::start(&Records::Sqlite);
    let folder = control.edge_folder(&[control.url()], &control.enrol("north"), &FILES);
    let stranger = Certificate::of(&["control.test"]);
    std::fs::write(folder.path().join("ca.pem"), stranger.pem).unwrap();
    let edge = start_edge(folder);
    edge.wait_for(|it| it["message"] == "the control plane is not followed");
    assert_eq!(raw_client::get(edge.address(), "/open/a").status, 503);
    edge.signal(Signal::TERM);
    assert_eq!(edge.wait().0, Some(0));
}

#[test]
fn a_command_says_what_it_needs() {
    let control = ControlPlane::start(&Records::Sqlite);
    let folder = control.edge_folder(&["https://127.0.0.1:1".to_owned()], "cse_x", &FILES);
    for (command, expected) in [
        ("serve", "[edge.sync] is for `countersign edge`"),
        ("control", "countersign control needs [control]"),
    ] {
        let refused = countersign(folder.path(), [command, "--config", "countersign.toml"]);
        assert_eq!(refused.status, 1, "{command}");
        assert!(refused.err.contains(expected), "{command}: {}", refused.err);
    }
    let alone = "[control]\nstore = \"sqlite:a.db\"\n";
    std::fs::write(folder.path().join("control.toml"), alone).unwrap();
    let refused = countersign(folder.path(), ["edge", "--config", "control.toml"]);
    assert!(refused.status == 1 && refused.err.contains("needs a [[site]]"), "{}", refused.err);
    let plain = "[edge.sync]\nurls = [\"http://control:1\"]\ntoken = { env = \"T\" }\n[[site]]\n";
    std::fs::write(folder.path().join("plain.toml"), plain).unwrap();
    let refused = countersign(folder.path(), ["check", "--config", "plain.toml"]);
    assert!(refused.status == 1 && refused.err.contains("over https"), "{}", refused.err);
}
