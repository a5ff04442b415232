//! The door to shares, `/s/…`: what may come in, on one machine and through edges elsewhere, and that
//! nobody but an edge says who a visitor is.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::said;
use crate::support::control::{Records, application, folder_of, start, with_master_key};
use crate::support::edge::usual_config;
use crate::support::output::keep_secret;
use crate::support::planes::{ControlPlane, start_edge, until_ready, until_status, wait_until};
use crate::support::process::Process;
use crate::support::raw_client::{self, Answer, Connection};
use crate::support::tls::{Certificate, LISTENER};
use crate::support::tools::tool;

/// What would open a share, if there were one.
const ADDRESS: &str = "bm8gc2hhcmUgb2YgYW55";

fn with_catalog(config: &str) -> String {
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    assert!(config.contains(of_template));
    config.replacen(of_template, "assets = { catalog = true }", 1)
}

/// Both planes, whose second listener speaks TLS.
fn serving() -> Process {
    let config = with_catalog(&usual_config(LISTENER, ""));
    let folder = with_master_key(folder_of(&config, &Records::Sqlite, &[]));
    let certificate = Certificate::of(&["localhost"]);
    std::fs::create_dir(folder.path().join("tls")).unwrap();
    std::fs::write(folder.path().join("tls/site.pem"), &certificate.pem).unwrap();
    std::fs::write(folder.path().join("tls/site.key"), &certificate.key).unwrap();
    start(folder)
}

/// What an unknown share is answered with: by the pages, and not by a refusal of the edge.
fn is_of_the_pages(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (404, None), "{answer:?}");
    assert_eq!(answer.header("referrer-policy"), Some("same-origin"));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(answer.header("countersign-share-page"), None);
}

fn post(target: &str, fields: &str, body: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n{body}")
}

/// As a browser sends a form of a page of this host.
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n\
                    Sec-Fetch-Site: same-origin\r\n";

/// What everybody may send, and what nobody may.
fn only_forms_come_in(edge: SocketAddr) {
    let share = format!("/s/{ADDRESS}");
    is_of_the_pages(&raw_client::get(edge, &share));
    let whole = format!("{FORM}Content-Length: 3\r\n");
    is_of_the_pages(&raw_client::request(edge, &post(&share, &whole, "a=b")));
    let mut connection = Connection::open(edge);
    for _ in 0..2 {
        connection.send(format!("POST {share} HTTP/1.1\r\nHost: a\r\n{whole}\r\na=b"));
        is_of_the_pages(&connection.answer().unwrap());
    }
    connection.send(format!("HEAD {share} HTTP/1.1\r\nHost: a\r\n\r\n"));
    is_of_the_pages(&connection.head_answer().unwrap());
    connection.send(format!("GET {share} HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n"));
    is_of_the_pages(&connection.answer().unwrap());

    let smuggled = "GET /s/a HTTP/1.1\r\nHost: a\r\n\r\n";
    let chunked = format!("{FORM}Transfer-Encoding: chunked\r\n");
    let long = format!("{FORM}Content-Length: 65537\r\n");
    let both = format!("{FORM}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n");
    for (target, fields, body) in [
        (&*share, FORM.to_owned(), ""),
        (&share, chunked, "3\r\na=b\r\n0\r\n\r\n"),
        (&share, both, "0\r\n\r\n"),
        (&share, long, ""),
        (&share, "Content-Length: 3\r\n".to_owned(), "a=b"),
        ("/private/videos/a/source", whole.clone(), "a=b"),
        ("/dl/cnr_1/a", whole.clone(), "a=b"),
        ("/vod/a", whole.clone(), "a=b"),
        ("/", whole.clone(), "a=b"),
        ("/s", whole.clone(), "a=b"),
        ("/%73/a", whole.clone(), "a=b"),
        ("//s/a", whole.clone(), "a=b"),
    ] {
        let sent = post(target, &fields, &format!("{body}{smuggled}"));
        let sent = sent.replace("Connection: close\r\n", "");
        let bytes = raw_client::exchange(edge, &sent);
        let answers = raw_client::answers(&bytes);
        let told: Vec<_> = answers.iter().map(|it| (it.status, it.code())).collect();
        assert_eq!(told, [(413, Some("body_refused"))], "{target} {fields:?}");
        assert_eq!(answers[0].header("connection"), Some("close"), "{target} {fields:?}");
    }
    let refused = raw_client::request(
        edge,
        &format!("PUT {share} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
    );
    assert_eq!((refused.status, refused.code()), (405, Some("method_not_allowed")));
    assert_eq!(refused.header("allow"), Some("GET, HEAD, POST"));
}

/// No line of a program has a share's address; its answers have.
fn says_no_address(stopped: (Option<i32>, Vec<Value>)) {
    let (exit, lines) = stopped;
    assert_eq!(exit, Some(0));
    let visits: Vec<_> = lines.iter().filter(|it| it["path"] == "/s/…").collect();
    assert!(visits.iter().any(|it| it["status"] == 404 && it["code"] == "ok"), "{lines:#?}");
    for line in &lines {
        assert!(!line.to_string().contains(ADDRESS), "{line}");
    }
}

#[test]
fn visitors_come_in_where_both_planes_are_one_program() {
    keep_secret(ADDRESS);
    let serving = serving();
    only_forms_come_in(serving.address());
    // Over both versions of HTTP, as browsers post.
    let url = format!("https://localhost:{}/s/{ADDRESS}", serving.addresses()[1].port());
    for (protocol, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let ask = |more: &[&str]| {
            let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
            curl.args(["-sS", "--ipv4", "--max-time", "60", "-o", "/dev/null"])
                .args(["-w", "%{http_version} %{http_code} %header{x-countersign-reason}"])
                .args([protocol, "--cacert"])
                .arg(serving.path("tls/site.pem"))
                .args(more);
            said(&mut curl, b"").out
        };
        assert_eq!(ask(&[&url]), format!("{version} 404 "));
        assert_eq!(
            ask(&["-H", "Sec-Fetch-Site: same-origin", "-d", "password=x", &url]),
            format!("{version} 404 ")
        );
        assert_eq!(ask(&["-I", &url]), format!("{version} 404 "));
        let refused = format!("{version} 413 body_refused");
        assert_eq!(ask(&["-F", "password=x", &url]), refused);
        let elsewhere = url.replace("/s/", "/vod/");
        assert_eq!(ask(&["-d", "a=b", &elsewhere]), refused);
    }
    says_no_address(serving.stop());
}

#[test]
fn a_site_without_a_catalog_has_no_shares() {
    let config = usual_config("", "");
    let serving = start(folder_of(&config, &Records::Sqlite, &[]));
    let answer = raw_client::get(serving.address(), &format!("/s/{ADDRESS}"));
    assert_eq!((answer.status, answer.code()), (404, Some("no_route")));
    let form = format!("{FORM}Content-Length: 3\r\n");
    let answer = raw_client::request(serving.address(), &post("/s/a", &form, "a=b"));
    assert_eq!((answer.status, answer.code()), (413, Some("body_refused")));
}

/// A folder for an edge of a site with a catalog.
fn edge_folder(control: &ControlPlane, urls: &[String], token: &str) -> TempDir {
    let folder = control.edge_folder(urls, token, &[]);
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, with_catalog(&text)).unwrap();
    folder
}

#[test]
fn visitors_come_in_by_edges_elsewhere_and_wait_for_a_control_plane_that_is_away() {
    keep_secret(ADDRESS);
    let mut control = ControlPlane::that_signs(&Records::Sqlite);
    let token = control.enrol("north");
    // The first of them is never there.
    let urls = ["https://127.0.0.1:1".to_owned(), control.url()];
    let edge = start_edge(edge_folder(&control, &urls, &token));
    until_ready(&edge);
    only_forms_come_in(edge.address());

    let share = format!("/s/{ADDRESS}");
    for round in 0..3 {
        if round == 1 {
            control.cut();
        } else {
            control.kill();
        }
        for request in [
            format!("GET {share} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
            post(&share, &format!("{FORM}Content-Length: 3\r\n"), "a=b"),
        ] {
            let answer = raw_client::request(edge.address(), &request);
            assert_eq!((answer.status, answer.code()), (503, Some("share_unavailable")));
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        if round == 1 {
            control.mend();
        } else {
            control.resume();
        }
        until_status(edge.address(), &share, 404, &[503]);
        is_of_the_pages(&raw_client::get(edge.address(), &share));
    }
    says_no_address(edge.stop());
}

#[test]
fn nobody_but_an_edge_says_who_a_visitor_is() {
    let control = ControlPlane::that_signs(&Records::Sqlite);
    let (token, admin) = (control.enrol("north"), control.admin());
    let visitor = "Countersign-Visitor-Address: 192.0.2.1\r\nCountersign-Visitor-Scheme: https\r\n\
                   Countersign-Visitor-Host: a.example\r\nCountersign-Visitor-Tenant: 1\r\n";
    let ask = |target: &str, bearer: Option<&str>, fields: &str| {
        let bearer = bearer.map(|it| format!("Authorization: Bearer {it}\r\n")).unwrap_or_default();
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{bearer}{fields}\r\n"
        );
        let answer = raw_client::request(control.address(), &head);
        (answer.status, answer.header("countersign-share-page").is_some())
    };
    let target = "/api/v1/edge/shares/s/abc";
    assert_eq!(ask(target, Some(&token), visitor), (404, true));
    for fields in [
        "",
        &visitor.replace("192.0.2.1", "nobody"),
        &visitor.replace("https", "gopher"),
        &visitor.replace("Countersign-Visitor-Host: a.example\r\n", ""),
        &format!("{visitor}Countersign-Visitor-Address: 192.0.2.2\r\n"),
    ] {
        assert_eq!(ask(target, Some(&token), fields), (400, false), "{fields}");
    }
    assert_eq!(ask(target, None, visitor), (401, false));
    assert_eq!(ask(target, Some("none"), visitor), (401, false));
    assert_eq!(ask(target, Some(admin.token()), visitor), (404, false));
    for other in ["/api/v1/edge/shares/x/abc", "/api/v1/edge/shares/", "/s/abc"] {
        let (status, of_the_pages) = ask(other, Some(&token), visitor);
        assert!(matches!(status, 400 | 404) && !of_the_pages, "{other}: {status}");
    }
    // Not even with a scope that it could be given.
    let folder = control.process().path("");
    let credentials = application(&folder, "shares.write");
    let api = crate::support::control::ApiClient::log_in(control.address(), &credentials);
    assert_eq!(ask(target, Some(api.token()), visitor), (404, false));
    // An edge that is out is nobody.
    let edges = admin.ok("GET", "/api/v1/edges", "");
    let id = edges["items"][0]["id"].as_str().unwrap();
    admin.ok("DELETE", &format!("/api/v1/edges/{id}"), "");
    wait_until("the edge is out", || ask(target, Some(&token), visitor) == (401, false));
}
