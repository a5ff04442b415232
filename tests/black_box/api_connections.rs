//! Connections to a control plane's APIs: one address cannot hold them all.

use std::net::SocketAddr;

use tempfile::TempDir;

use crate::support::control::{Records, folder, start};
use crate::support::planes::wait_until;
use crate::support::raw_client::{Connection, PATIENCE};

const ASK: &str = "GET /api/v1/applications HTTP/1.1\r\nHost: a\r\n\r\n";

/// With more in `[control]`.
fn with(more: &str) -> TempDir {
    let folder = folder(&Records::Sqlite, &[]);
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, text.replacen("[control]", &format!("[control]\n{more}"), 1)).unwrap();
    folder
}

/// A connection that is open, and has been answered: without a token, that is 401.
fn answered(from: [u8; 4], control: SocketAddr) -> Option<Connection> {
    let mut connection = Connection::open_from(from, control);
    connection.send(ASK);
    let answer = connection.answer()?;
    assert_eq!(answer.status, 401);
    Some(connection)
}

#[test]
fn one_address_holds_as_many_connections_as_it_may_and_no_more() {
    let process = start(with("max_connections_per_address = 8"));
    let control = process.control();
    let mut held: Vec<_> = (0..8).map(|_| answered([127, 0, 0, 1], control).unwrap()).collect();
    for _ in 0..20 {
        assert!(answered([127, 0, 0, 1], control).is_none(), "a ninth was answered");
    }
    // Others are not kept out, and those that were there go on.
    assert!(answered([127, 0, 0, 2], control).is_some());
    held[7].send(ASK);
    assert_eq!(held[7].answer().unwrap().status, 401);
    let said = process.wait_for(|it| it["address"] == "127.0.0.1");
    assert!(said["message"].as_str().unwrap().contains("max_connections_per_address"), "{said}");
    held.pop();
    wait_until("a place is free", || answered([127, 0, 0, 1], control).is_some());
}

#[test]
fn a_trusted_proxy_speaks_for_many_clients() {
    let settings = "max_connections_per_address = 2\ntrusted_proxies = [\"127.0.0.3\"]";
    let process = start(with(settings));
    let control = process.control();
    let held: Vec<_> = (0..30).map(|_| answered([127, 0, 0, 3], control).unwrap()).collect();
    assert!(answered([127, 0, 0, 1], control).is_some());
    assert_eq!(held.len(), 30);
}

/// Whoever waits to be accepted is, as soon as somebody else is gone: also where that one says
/// nothing.
#[test]
fn more_than_all_wait_until_a_silent_one_is_cut_off() {
    let process = start(with("max_connections = 4"));
    let control = process.control();
    let silent: Vec<_> = (0..4).map(|_| Connection::open(control)).collect();
    let began = tokio::time::Instant::now();
    assert!(answered([127, 0, 0, 1], control).is_some());
    assert!(began.elapsed() < PATIENCE);
    drop(silent);
}
