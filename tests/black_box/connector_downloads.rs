//! Who fetched what through a connector is listed (A13): by which connector, of which content and
//! version, from which address, whichever program gave it and whoever was away meanwhile.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use crate::connectors::{
    FILES, FILM, Made, connector, fill, film, looking_up, new_version, running, until, until_status,
};
use crate::support::command::{countersign, said};
use crate::support::control::{ApiClient, Records, start};
use crate::support::edge;
use crate::support::planes::{ControlPlane, start_edge, until_ready, wait_until};
use crate::support::process::Process;
use crate::support::raw_client;
use crate::support::tools::tool;

const LIST: &str = "/api/v1/tenants/1/download-events";

/// What is public in these tests.
struct Scene {
    connector: String,
    /// Its film's address.
    target: String,
    version: String,
    made: Made,
}

fn made(api: &ApiClient) -> Scene {
    let made = fill(api);
    let first = film(&made, FILM, "a-film", (FILES[0].0, FILES[0].1)).to_string();
    let content = api.ok("POST", "/api/v1/tenants/1/contents", &first);
    let open = json!({"force_https": false});
    let connector = connector(api, &made, &json!({"by": "content_id"}), &open);
    let target = format!("/dl/{connector}/{FILM}");
    let version = content["active_version"].as_str().unwrap().to_owned();
    Scene { connector, target, version, made }
}

/// What is listed of these tests' requests: whoever waits for an address asks for it, too.
fn listed(api: &ApiClient, query: &str, agent: &str) -> Vec<Value> {
    let page = api.ok("GET", &format!("{LIST}?limit=1000{query}"), "");
    assert_eq!(page["next_cursor"], Value::Null);
    let items = page["items"].as_array().unwrap().iter();
    items.filter(|it| it["user_agent"] == agent).cloned().collect()
}

fn ask(
    edge: SocketAddr,
    method: &str,
    target: &str,
    agent: &str,
    more: &str,
) -> raw_client::Answer {
    let head =
        format!("{method} {target} HTTP/1.1\r\nHost: test\r\nUser-Agent: {agent}\r\n{more}\r\n");
    let mut connection = raw_client::Connection::open(edge);
    connection.send(head);
    let answer = if method == "HEAD" { connection.head_answer() } else { connection.answer() };
    answer.unwrap()
}

fn lost(edge: &Process) -> u64 {
    ["connected", "queue", "refused", "spool"]
        .map(|at| edge.metric(&format!("countersign_events_lost_total{{at=\"{at}\"}}")))
        .iter()
        .sum()
}

#[test]
fn who_fetched_what_through_a_connector_is_listed_though_nobody_was_there_to_tell() {
    let mut control = ControlPlane::start(&Records::Sqlite);
    control.admin().ok("POST", "/api/v1/tenants", r#"{"number":1,"name":"one"}"#);
    let scene = made(&control.admin());
    let token = control.enrol("north");
    let edge = start_edge(looking_up(control.edge_folder(&[control.url()], &token, &FILES)));
    until_ready(&edge);
    let Scene { connector, target, version, made: _ } = &scene;
    until_status(edge.address(), target, 200);

    let get = |edge: &Process, agent: &str, more: &str| {
        ask(edge.address(), "GET", target, agent, more).status
    };
    assert_eq!(get(&edge, "Mailer/1", "X-Request-Id: theirs\r\n"), 200);
    // Nobody is there to be told of these, and the edge is stopped and started again meanwhile.
    control.kill();
    assert_eq!(get(&edge, "Mailer/1", "Range: bytes=4-7\r\n"), 206);
    assert_eq!(ask(edge.address(), "HEAD", target, "Mailer/1", "").status, 200);
    for _ in 0..40 {
        assert_eq!(get(&edge, "Crawler/2", ""), 200);
    }
    assert_eq!(lost(&edge), 0);
    let edge = start_edge(edge.stop_and_leave());
    control.resume();
    until_ready(&edge);
    wait_until("everything is told", || edge.metric("countersign_events_spooled") == 0);

    let api = control.admin();
    let fetched = listed(&api, &format!("&connector={connector}"), "Mailer/1");
    let told = |event: &Value| {
        ["method", "extent", "status", "sent", "promised", "requests"].map(|it| event[it].clone())
    };
    let told: Vec<_> = fetched.iter().map(|it| json!(told(it)).to_string()).collect();
    let expected = [
        json!(["GET", "whole", 200, 8, 8, 1]),
        json!(["GET", "ranges", 206, 4, 4, 1]),
        json!(["HEAD", "whole", 200, 0, 0, 1]),
    ];
    let once: BTreeSet<String> = told.iter().cloned().collect();
    assert_eq!(once, expected.map(|it| it.to_string()).into(), "{told:?}");
    assert_eq!(told.len(), 3);
    for event in &fetched {
        for (name, expected) in [
            ("connector", &**connector),
            ("content", FILM),
            ("version", version),
            ("path", target),
            ("client", "127.0.0.1"),
            ("edge", "north"),
            ("end", "complete"),
        ] {
            assert_eq!(event[name], *expected, "{name}");
        }
        assert_eq!((&event["link"], &event["key"]), (&Value::Null, &Value::Null));
    }
    // What is alike is counted with what came first.
    let many = listed(&api, &format!("&content={FILM}"), "Crawler/2");
    let requests = many.iter().map(|it| it["requests"].as_u64().unwrap());
    assert_eq!((many.len() <= 4, requests.sum::<u64>()), (true, 40), "{many:?}");
    for event in &many {
        assert_eq!(event["sent"], 8 * event["requests"].as_u64().unwrap());
    }
    assert_eq!(edge.stop().0, Some(0));
}

fn in_one_process(records: &Records) {
    let (process, api) = running(records);
    let scene = made(&api);
    let Scene { connector, target, version, made } = &scene;
    until_status(process.address(), target, 200);
    let next = new_version(&api, made, FILES[1]);
    until(process.address(), target, |answer| answer.body == b"the new film");
    // What is stopped in order tells what it had counted.
    let folder = process.stop_and_leave();
    let process = start(folder);
    let address = process.control();
    let api = ApiClient::with_token(address, api.token());
    let all = api.ok("GET", &format!("{LIST}?content={FILM}"), "");
    let items = all["items"].as_array().unwrap();
    let versions: BTreeSet<&str> = items.iter().filter_map(|it| it["version"].as_str()).collect();
    assert_eq!(versions, [&**version, &*next].into(), "{all}");
    assert!(items.iter().all(|it| it["connector"] == **connector && it["edge"].is_null()), "{all}");

    // The same as a file, all of it.
    let lines = exported(address, &api, &format!("{LIST}/export?connector={connector}"));
    assert_eq!(&lines, items);

    // And in the audit log's, each that gave something, by the event's id.
    let mut audited = exported(address, &api, "/api/v1/audit/export");
    audited.retain(|it| it["action"] == "connector.deliver");
    assert!(audited.iter().all(|it| it["object"] == FILM), "{audited:?}");
    let network = |it: &Value| it["diff"]["network"][1].clone();
    assert!(audited.iter().all(|it| network(it) == "127.0.0.0/24"), "{audited:?}");
    let told = |it: &Value| (it["id"].clone(), it["version"].clone());
    let gives = |it: &&Value| it["sent"] != 0 && [json!(200), json!(206)].contains(&it["status"]);
    let gave = items.iter().filter(gives).map(|it| json!(told(it)).to_string());
    let said = |it: &Value| (it["diff"]["event"][1].clone(), it["diff"]["version"][1].clone());
    let audited = audited.iter().map(|it| json!(said(it)).to_string());
    assert_eq!(audited.collect::<BTreeSet<_>>(), gave.collect());
}

/// A13: what, of which version, to whom, when and how, for two downloads by curl; in the log as the
/// command writes it and as the API gives it.
fn in_the_log(records: &Records) {
    let (process, api) = running(records);
    let Scene { connector, target, version, made: _ } = made(&api);
    until_status(process.address(), &target, 200);
    let url = format!("http://{}{target}", process.address());
    for (more, expected) in [
        (&["-r", "4-7"][..], "206"),
        (&[], "200"),
        // Neither gives anything of the file.
        (&["-r", "99-"], "416"),
        (&["--head"], "200"),
    ] {
        let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
        curl.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "-A", "Mailer/1"]);
        let fetched = said(curl.args(["-H", "Host: test", &url]).args(more), b"");
        assert_eq!((fetched.status, &*fetched.out), (0, expected), "{}", fetched.err);
    }
    // What is stopped in order tells what it had counted.
    let folder = process.stop_and_leave();
    let audit =
        |does: &str| countersign(folder.path(), ["audit", does, "--config", "countersign.toml"]);
    let verified = audit("verify");
    assert!(verified.status == 0 && verified.out.starts_with("ok: "), "{verified:?}");
    let written = audit("export");
    assert_eq!((written.status, &*written.err), (0, ""));
    let written: Vec<Value> =
        written.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();

    let process = start(folder);
    let api = ApiClient::with_token(process.control(), api.token());
    let log = exported(process.control(), &api, "/api/v1/audit/export");
    assert!(written.len() > 2 && log.starts_with(&written), "{log:?}\n{written:?}");
    let told = listed(&api, "", "Mailer/1");
    assert_eq!(told.len(), 4, "{told:?}");
    for (status, extent, bytes) in [(200, "whole", 8), (206, "ranges", 4)] {
        let event = told.iter().find(|it| it["status"] == status && it["sent"] != 0).unwrap();
        assert_eq!(event["extent"], extent);
        let of_event = |it: &&Value| it["diff"]["event"][1] == event["id"];
        let line = written.iter().find(of_event).unwrap_or_else(|| panic!("{event}: {written:?}"));
        assert_eq!(line["action"], "connector.deliver");
        assert_eq!((&line["object"], &line["tenant"]), (&json!(FILM), &json!(1)));
        let said =
            ["connector", "version", "network", "status", "bytes", "requests", "since", "at"]
                .map(|field| line["diff"][field][1].clone());
        let expected =
            json!([connector, version, "127.0.0.0/24", status, bytes, 1, edge::NOW, edge::NOW]);
        assert_eq!(json!(said), expected);
    }
    // No line of those that gave nothing.
    let ids: Vec<&Value> = told.iter().map(|it| &it["id"]).collect();
    let lines = written.iter().filter(|it| ids.contains(&&it["diff"]["event"][1])).count();
    assert_eq!(lines, 2, "{written:?}");
}

#[test]
fn the_log_says_who_fetched_what_through_a_connector() {
    in_the_log(&Records::Sqlite);
}

#[test]
fn the_log_says_who_fetched_what_through_a_connector_on_postgres() {
    in_the_log(&Records::on_postgres("connector_log"));
}

/// The lines of an export.
fn exported(address: SocketAddr, api: &ApiClient, path: &str) -> Vec<Value> {
    let mut curl = Command::new(tool("COUNTERSIGN_TEST_CURL", "curl"));
    let bearer = format!("Authorization: Bearer {}", api.token());
    let url = format!("http://{address}{path}");
    let exported = said(curl.args(["-sS", "--fail", "-H", &bearer, &url]), b"");
    assert_eq!(exported.status, 0, "{}", exported.err);
    exported.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_program_of_both_planes_lists_who_fetched_what_through_a_connector() {
    in_one_process(&Records::Sqlite);
}

#[test]
fn a_program_of_both_planes_lists_who_fetched_what_through_a_connector_on_postgres() {
    in_one_process(&Records::on_postgres("connector_downloads"));
}
