//! Refusals of clients that no request was read of: the same answer, log line and count as any.

use serde_json::Value;

use crate::support::edge::{Edge, usual_config};
use crate::support::raw_client::{Answer, Connection, answers, get};
use crate::support::tls::{Certificate, LISTENER};

const HALF: &str = "GET /open/a.txt HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nX-Request-Id: mine";

const WHOLE: &str = "GET /open/a.txt HTTP/1.1\r\nHost: a\r\n\r\n";

const LATE: &str = "[edge.limits]\nheader_timeout = \"200ms\"\n";

fn edge(settings: &str) -> Edge {
    Edge::builder(usual_config(settings, "")).file("media/open/a.txt", "open file\n").start()
}

/// The value of a series.
fn metric(edge: &Edge, series: &str) -> u64 {
    let text = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series} in\n{text}")).parse().unwrap()
}

fn denied(edge: &Edge, code: &str) -> u64 {
    metric(edge, &format!("countersign_requests_total{{code=\"{code}\",outcome=\"deny\"}}"))
}

/// Compares what the client got with the line about it.
fn assert_same(answer: &Answer, line: &Value, code: &str, status: u16) {
    assert_eq!((answer.status, answer.code()), (status, Some(code)), "{answer:?}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("connection", "close"),
        ("content-type", "application/problem+json"),
        ("x-content-type-options", "nosniff"),
        // The clock of test edges stands.
        ("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let id = answer.header("x-request-id").unwrap();
    assert_ne!(id, "mine");
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((&body["code"], &body["request_id"]), (&code.into(), &id.into()));
    assert_eq!(line["request_id"], id);
    assert_eq!((&line["code"], &line["status"]), (&code.into(), &status.into()));
    assert_eq!(line["bytes"], answer.body.len());
    assert_eq!(line["complete"], "complete");
    for unknown in ["method", "protocol", "path", "site"] {
        assert_eq!(line[unknown], Value::Null, "{unknown}");
    }
}

#[test]
fn a_late_head_is_refused_like_any_request() {
    let edge = edge(LATE);
    let mut client = Connection::open_from([127, 0, 0, 9], edge.address());
    client.send(HALF);
    let answers = answers(&client.rest());
    assert_eq!(answers.len(), 1);
    assert_eq!(denied(&edge, "request_timeout"), 1);
    assert_eq!(metric(&edge, "countersign_timeouts_total{kind=\"head\"}"), 1);
    let listener = edge.address().to_string();
    let (_, log) = edge.stop();
    assert_eq!(log.len(), 1);
    assert_same(&answers[0], &log[0], "request_timeout", 408);
    assert_eq!((&log[0]["client"], &log[0]["peer"]), (&"127.0.0.9".into(), &"127.0.0.9".into()));
    assert_eq!((&log[0]["listener"], &log[0]["snapshot"]), (&listener.into(), &1.into()));
}

/// Whom a trusted proxy speaks for stands in the head that did not come.
#[test]
fn a_proxy_whose_head_is_late_is_nobodys_client() {
    let edge = edge(&format!("trusted_proxies = [\"127.0.0.0/8\"]\n{LATE}"));
    let mut proxy = Connection::open(edge.address());
    proxy.send(HALF);
    assert_eq!(answers(&proxy.rest())[0].status, 408);
    let (_, log) = edge.stop();
    assert_eq!((&log[0]["client"], &log[0]["peer"]), (&Value::Null, &"127.0.0.1".into()));
}

#[test]
fn a_late_head_over_tls_is_told_to_stay_with_tls() {
    let certificate = Certificate::of(&["a"]);
    let edge = Edge::builder(usual_config(&format!("{LATE}{LISTENER}"), ""))
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key)
        .start();
    let mut client = certificate.connect(edge.addresses()[1], "a", "http/1.1");
    client.send(HALF);
    let answers = answers(&client.rest());
    assert_eq!(answers[0].header("strict-transport-security"), Some("max-age=31536000"));
    let (_, log) = edge.stop();
    assert_same(&answers[0], &log[0], "request_timeout", 408);
}

#[test]
fn connections_without_a_word_are_no_requests() {
    let edge = edge("[edge.limits]\nheader_timeout = \"100ms\"\nidle_timeout = \"100ms\"\n");
    let silent = Connection::open(edge.address());
    assert_eq!(silent.rest(), b"");
    let mut idle = Connection::open(edge.address());
    assert_eq!(idle.ask(WHOLE).status, 200);
    assert_eq!(idle.rest(), b"");
    assert_eq!(denied(&edge, "request_timeout"), 0);
    let (_, log) = edge.stop();
    assert_eq!(log.len(), 1, "{log:?}");
}

#[test]
fn connections_over_either_limit_are_refused_like_any_request() {
    for (limit, counted) in [
        ("max_connections = 1", "countersign_refused_over_limit_total"),
        ("max_connections_per_address = 1", "countersign_refused_over_address_limit_total"),
    ] {
        let edge = edge(&format!("[edge.limits]\n{limit}\n"));
        let mut held = Connection::open(edge.address());
        assert_eq!(held.ask(WHOLE).status, 200);
        let mut over = Connection::open(edge.address());
        over.send(WHOLE);
        let answers = answers(&over.rest());
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].header("retry-after"), Some("1"));
        assert_eq!((denied(&edge, "overloaded"), metric(&edge, counted)), (1, 1));
        drop(held);
        let (_, log) = edge.stop();
        let line = log.iter().find(|line| line["code"] == "overloaded").unwrap();
        assert_same(&answers[0], line, "overloaded", 503);
        assert_eq!((log.len(), &line["client"]), (2, &"127.0.0.1".into()));
    }
}

/// Before a handshake nobody can be told anything, and what nobody was told is no answer.
#[test]
fn a_tls_connection_over_the_limit_is_closed_and_counted_as_a_connection() {
    let certificate = Certificate::of(&["a"]);
    let limits = "[edge.limits]\nmax_connections_per_address = 1\n";
    let edge = Edge::builder(usual_config(&format!("{limits}{LISTENER}"), ""))
        .file("media/open/a.txt", "open file\n")
        .file("tls/site.pem", &certificate.pem)
        .file("tls/site.key", &certificate.key)
        .start();
    let mut held = Connection::open(edge.address());
    assert_eq!(held.ask(WHOLE).status, 200);
    assert_eq!(Connection::open(edge.addresses()[1]).rest(), b"");
    assert_eq!(metric(&edge, "countersign_refused_over_address_limit_total"), 1);
    assert_eq!(denied(&edge, "overloaded"), 0);
}
