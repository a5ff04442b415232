//! Connectors: public addresses of a folder's published originals, on a real edge. What is not
//! published, of another kind, or elsewhere has none; nobody keeps what they give.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::command::countersign;
use crate::support::control::{
    ApiClient, Records, application, folder_of, say_where_the_site_is, start,
};
use crate::support::edge::usual_config;
use crate::support::planes::{ControlPlane, start_edge, until_ready};
use crate::support::process::Process;
use crate::support::raw_client::{self, Answer, Connection};

/// What is pushed must be in force within this; the promise is a second.
const PATIENCE: Duration = Duration::from_secs(10);

const SCOPES: &str = "catalog.read catalog.write shares.write tenants.admin audit.read";

pub(crate) const FILES: [(&str, &str); 3] =
    [("v1/film.mp4", "the film"), ("v2/film.mp4", "the new film"), ("v1/other.mp4", "another")];

pub(crate) const FILM: &str = "-civ9qE3JUjntKQM1HnGtU";

/// The only proxy that is believed.
const PROXY: [u8; 4] = [127, 0, 0, 2];

pub(crate) fn with_catalog(config: &str) -> String {
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    assert!(config.contains(of_template), "{config}");
    config.replacen(of_template, "assets = { catalog = true }", 1)
}

pub(crate) fn running(records: &Records) -> (Process, ApiClient) {
    let config = with_catalog(&usual_config("trusted_proxies = [\"127.0.0.2/32\"]", ""));
    let folder = folder_of(&config, records, &FILES);
    let credentials = application(folder.path(), SCOPES);
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    (process, api)
}

/// What is made of a tenant's catalog in these tests.
pub(crate) struct Made {
    folder: Value,
    pipeline: Value,
}

pub(crate) fn fill(api: &ApiClient) -> Made {
    let post = |path: &str, body: Value| api.ok("POST", path, &body.to_string());
    let folder = post("/api/v1/tenants/1/folders", json!({"name": "Press"}))["number"].clone();
    let pipeline = json!({"name": "p", "origin": "media"});
    let pipeline = post("/api/v1/tenants/1/pipelines", pipeline)["number"].clone();
    Made { folder, pipeline }
}

fn source(made: &Made, key: &str, bytes: &str) -> Value {
    json!({
        "kind": "source", "pipeline": made.pipeline, "key": key, "size": bytes.len(),
        "mime": "video/mp4", "name": "Der Film.mp4",
    })
}

/// A film that is published, with a name for people and a number of stock.
pub(crate) fn film(made: &Made, id: &str, pretty_id: &str, (key, bytes): (&str, &str)) -> Value {
    json!({
        "id": id, "kind": "VIDEO", "folder": made.folder, "publication": "published",
        "texts": [{"language": "en", "title": "A film", "pretty_id": pretty_id}],
        "metadata": [{"language": "", "name": "SKU", "value": "A 1"}],
        "files": [source(made, key, bytes)],
    })
}

pub(crate) fn connector(
    api: &ApiClient,
    made: &Made,
    addressed_by: &Value,
    more: &Value,
) -> String {
    let mut body = json!({"name": "Press", "folder": made.folder, "addressed_by": addressed_by});
    for (field, value) in more.as_object().unwrap() {
        body[field] = value.clone();
    }
    let made = api.ok("POST", "/api/v1/tenants/1/connectors", &body.to_string());
    made["id"].as_str().unwrap().to_owned()
}

/// Makes a version of the film with this file the one that is handed out, and gives its id.
pub(crate) fn new_version(api: &ApiClient, made: &Made, (key, bytes): (&str, &str)) -> String {
    let versions = format!("/api/v1/tenants/1/contents/{FILM}/versions");
    let next = api.ok("POST", &versions, r#"{"label":"next"}"#);
    let next = next["id"].as_str().unwrap();
    api.ok("POST", &format!("{versions}/{next}/files"), &source(made, key, bytes).to_string());
    let activate = format!("{versions}/{next}/activate");
    let activated = api.call_with("POST", &activate, "If-Match: *\r\n", "");
    assert_eq!(activated.status / 100, 2, "{activated:?}");
    next.to_owned()
}

fn change(api: &ApiClient, id: &str, patch: &Value) {
    api.ok("PATCH", &format!("/api/v1/tenants/1/connectors/{id}"), &patch.to_string());
}

/// Asks until the answer is right, and gives it.
pub(crate) fn until(edge: SocketAddr, target: &str, is_right: impl Fn(&Answer) -> bool) -> Answer {
    let began = Instant::now();
    loop {
        let answer = raw_client::get(edge, target);
        if is_right(&answer) {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "{target} is still {answer:?}");
        std::thread::yield_now();
    }
}

pub(crate) fn until_status(edge: SocketAddr, target: &str, status: u16) -> Answer {
    until(edge, target, |answer| answer.status == status)
}

fn get_with(edge: SocketAddr, target: &str, lines: &str) -> Answer {
    raw_client::request(edge, &format!("GET {target} HTTP/1.1\r\nHost: test\r\n{lines}\r\n"))
}

/// No word by which any cache would keep it.
fn assert_nobody_keeps(answer: &Answer) {
    for (name, expected) in [
        ("cache-control", "private, no-store"),
        ("cdn-cache-control", "no-store"),
        ("surrogate-control", "no-store"),
    ] {
        assert_eq!(answer.header(name), Some(expected), "{answer:?}");
    }
    assert_eq!(answer.header("age"), None);
}

fn given(records: &Records) {
    let (process, api) = running(records);
    let edge = process.address();
    let made = fill(&api);
    let contents = "/api/v1/tenants/1/contents";
    let first = film(&made, FILM, "a-film", (FILES[0].0, FILES[0].1)).to_string();
    api.ok("POST", contents, &first);
    let open = json!({"force_https": false});
    let by_id = connector(&api, &made, &json!({"by": "content_id"}), &open);
    let by_name = connector(&api, &made, &json!({"by": "pretty_id"}), &open);
    let by_sku = connector(&api, &made, &json!({"by": "metadata", "name": "SKU"}), &open);
    let (id, name, sku) = (
        format!("/dl/{by_id}/{FILM}"),
        format!("/dl/{by_name}/en/a-film"),
        format!("/dl/{by_sku}/m/A%201"),
    );
    for target in [&id, &name, &sku] {
        let answer = until_status(edge, target, 200);
        assert_eq!(answer.body, b"the film");
        assert_nobody_keeps(&answer);
        let said = answer.header("content-disposition").unwrap();
        assert!(said.starts_with("inline; filename=\"Der Film.mp4\""), "{said}");
    }
    // A token plays no part, and a name to save it under does.
    let saved = raw_client::get(edge, &format!("{id}?__token__=rubbish&file-name=x.mp4"));
    assert_eq!(saved.header("content-disposition"), Some("attachment; filename=\"x.mp4\""));
    let part = get_with(edge, &id, "Range: bytes=4-7\r\n");
    assert_eq!((part.status, &*part.body), (206, &b"film"[..]));
    assert_nobody_keeps(&part);
    let mut connection = Connection::open(edge);
    connection.send(format!("HEAD {id} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
    let head = connection.head_answer().unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, Some("8")));
    assert_nobody_keeps(&head);
    // G3.
    let through = get_with(edge, &id, "CDN-Loop: edge.example\r\n");
    assert_eq!((through.status, through.code()), (403, Some("cdn_refused")));

    // B2: the new version at once, under the same address.
    new_version(&api, &made, FILES[1]);
    for target in [&id, &name, &sku] {
        let answer = until(edge, target, |answer| answer.body == b"the new film");
        assert_eq!(answer.status, 200);
    }

    // B5, B3: another kind, another folder, unpublished.
    change(&api, &by_id, &json!({"kinds": ["AUDIO"]}));
    let unknown = raw_client::get(edge, &format!("/dl/{by_id}/unknown"));
    let told = |answer: &Answer| (answer.status, answer.code().map(str::to_owned));
    assert_eq!(told(&until_status(edge, &id, 404)), told(&unknown));
    change(&api, &by_id, &json!({"kinds": ["VIDEO"]}));
    until_status(edge, &id, 200);
    let patch = |body: Value| {
        api.ok("PATCH", &format!("{contents}/{FILM}"), &body.to_string());
    };
    patch(json!({"folder": null}));
    for target in [&id, &name, &sku] {
        until_status(edge, target, 404);
    }
    patch(json!({"folder": made.folder, "publication": "unpublished"}));
    assert_eq!(raw_client::get(edge, &id).status, 404);
    patch(json!({"publication": "published"}));
    for target in [&id, &name, &sku] {
        until_status(edge, target, 200);
    }

    // G4: of one value the oldest; a strict connector gives none.
    let second = film(&made, "other", "another", (FILES[2].0, FILES[2].1)).to_string();
    api.ok("POST", contents, &second);
    until_status(edge, &format!("/dl/{by_id}/other"), 200);
    let table = format!("/api/v1/tenants/1/connectors/{by_sku}/urls");
    let table = api.ok("GET", &table, "");
    let served = table["items"].as_array().unwrap().iter();
    let served: Vec<_> = served.filter(|it| it["addresses"][0]["state"] == "served").collect();
    assert_eq!(served.len(), 1, "{table}");
    let expected = if served[0]["content"] == FILM { FILES[1].1 } else { FILES[2].1 };
    assert_eq!(raw_client::get(edge, &sku).body, expected.as_bytes());
    change(&api, &by_sku, &json!({"strict": true}));
    let refused = until_status(edge, &sku, 409);
    assert_eq!(refused.code(), Some("connector_ambiguous"));
    explained(&process.path(""), &id, "allow ok", FILM);
    explained(&process.path(""), &sku, "deny connector_ambiguous", "refuses");

    // Disabled, and removed.
    change(&api, &by_name, &json!({"enabled": false}));
    until_status(edge, &name, 404);
    change(&api, &by_name, &json!({"enabled": true}));
    until_status(edge, &name, 200);
    api.ok("DELETE", &format!("/api/v1/tenants/1/connectors/{by_id}"), "");
    until_status(edge, &id, 404);
}

fn explained(folder: &Path, target: &str, decision: &str, outcome: &str) {
    let said = countersign(folder, ["explain", "--config", "countersign.toml", "--json", target]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let made = format!("{} {}", told["decision"].as_str().unwrap(), told["code"].as_str().unwrap());
    assert_eq!(made, decision, "{told}");
    let steps = told["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["step"] == "connector").unwrap();
    assert!(step["outcome"].as_str().unwrap().contains(outcome), "{told}");
}

#[test]
fn what_is_published_is_given_and_nothing_else() {
    given(&Records::Sqlite);
}

#[test]
fn what_is_published_is_given_and_nothing_else_on_postgres() {
    given(&Records::on_postgres("connectors"));
}

/// B10: in the clear, behind a proxy that ends TLS, and behind one that nobody trusts.
#[test]
fn an_address_that_forces_https_sends_there_and_no_further() {
    let (process, api) = running(&Records::Sqlite);
    let edge = process.address();
    let made = fill(&api);
    let first = film(&made, FILM, "a-film", (FILES[0].0, FILES[0].1)).to_string();
    api.ok("POST", "/api/v1/tenants/1/contents", &first);
    let id = connector(&api, &made, &json!({"by": "content_id"}), &json!({}));
    let target = format!("/dl/{id}/{FILM}");
    let sent_on = until_status(edge, &target, 308);
    assert_eq!(sent_on.header("location"), Some(&*format!("https://test{target}")));
    assert_eq!(sent_on.code(), Some("https_required"));
    // The token of a link is for nobody, and the host is the one that was asked.
    let head = format!(
        "GET {target}?a=1&__token__=x&file-name=y HTTP/1.1\r\nHost: Files.Example.com:8080\r\n\r\n"
    );
    let sent_on = raw_client::request(edge, &head);
    let expected = format!("https://files.example.com{target}?a=1&file-name=y");
    assert_eq!(sent_on.header("location"), Some(&*expected));

    let from = |source: [u8; 4], proto: &str| {
        let mut connection = Connection::open_from(source, edge);
        connection.ask(&format!(
            "GET {target} HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 192.0.2.9\r\n\
             X-Forwarded-Proto: {proto}\r\n\r\n"
        ))
    };
    let through = from(PROXY, "https");
    assert_eq!((through.status, &*through.body), (200, &b"the film"[..]));
    assert_nobody_keeps(&through);
    assert_eq!(from(PROXY, "http").status, 308);
    assert_eq!(from([127, 0, 0, 3], "https").status, 308);
}

/// The table of addresses, and the warning of B4, as somebody in marketing has them.
#[test]
fn the_table_has_whole_addresses_that_open() {
    let (process, api) = running(&Records::Sqlite);
    say_where_the_site_is(&process);
    let made = fill(&api);
    let first = film(&made, FILM, "a-film", (FILES[0].0, FILES[0].1)).to_string();
    api.ok("POST", "/api/v1/tenants/1/contents", &first);
    let open = json!({"force_https": false});
    let id = connector(&api, &made, &json!({"by": "pretty_id"}), &open);
    let table = api.ok("GET", &format!("/api/v1/tenants/1/connectors/{id}/urls"), "");
    let url = table["items"][0]["addresses"][0]["url"].as_str().unwrap();
    let target = url.strip_prefix(&format!("http://{}", process.address())).unwrap();
    assert_eq!(until_status(process.address(), target, 200).body, b"the film");
    let shown = api.ok("GET", &format!("/api/v1/tenants/1/connectors/{id}"), "");
    assert_eq!(shown["example"]["site"], format!("http://{}", process.address()));
}

/// Edges that follow a control plane elsewhere: what is opened and closed is so at each of them.
#[test]
fn a_connector_is_open_and_closed_at_every_edge() {
    let control = ControlPlane::start(&Records::Sqlite);
    let api = control.admin();
    let edges: Vec<Process> = ["north", "south", "west"]
        .map(|name| {
            let token = control.enrol(name);
            start_edge(looking_up(control.edge_folder(&[control.url()], &token, &FILES)))
        })
        .into();
    api.ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let made = fill(&api);
    let first = film(&made, FILM, "a-film", (FILES[0].0, FILES[0].1)).to_string();
    api.ok("POST", "/api/v1/tenants/1/contents", &first);
    edges.iter().for_each(until_ready);
    let open = json!({"force_https": false});
    let id = connector(&api, &made, &json!({"by": "pretty_id"}), &open);
    let target = format!("/dl/{id}/en/a-film");
    for round in 0..6 {
        let (enabled, expected) = if round % 2 == 0 { (true, 200) } else { (false, 404) };
        let began = Instant::now();
        change(&api, &id, &json!({"enabled": enabled}));
        for edge in &edges {
            until_status(edge.address(), &target, expected);
        }
        println!("round {round}: {expected} at every edge after {:?}", began.elapsed());
    }
}

pub(crate) fn looking_up(folder: TempDir) -> TempDir {
    let path = folder.path().join("countersign.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, with_catalog(&text)).unwrap();
    folder
}
