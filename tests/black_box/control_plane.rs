//! The control plane within the program: what its APIs are told is in force at the edge, stays so
//! over a `kill -9`, and is known to every control plane of one database.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use countersign::clock::UnixSeconds;
use countersign::token::edge_auth::SignRequest;
use tokio::time::Instant;

use crate::support::command::{countersign, said};
use crate::support::control::{
    ApiClient, Records, application, exchange, folder, start, thron_session,
};
use crate::support::edge::NOW;
use crate::support::links::{an_hour, signed};
use crate::support::output::keep_secret;
use crate::support::raw_client::{self, Connection};
use crate::support::tools::tool;

const VIDEO: &str = "-civ9qE3JUjntKQM1HnGtU";

/// What is pushed must be in force within this; the promise is a second.
const PATIENCE: Duration = Duration::from_secs(10);

fn files() -> [(&'static str, &'static str); 2] {
    [("videos/-civ9qE3JUjntKQM1HnGtU/source", "film"), ("videos/other/source", "other film")]
}

fn status(edge: SocketAddr, path: &str) -> u16 {
    raw_client::get(edge, path).status
}

/// Waits until a path has that status.
fn until(edge: SocketAddr, path: &str, expected: u16) {
    let began = Instant::now();
    loop {
        let seen = status(edge, path);
        if seen == expected {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{path} is still {seen}, not {expected}");
        std::thread::yield_now();
    }
}

/// The vendor's client script (requirements D18 to D26): only the host is ours.
fn script(records: &Records) {
    let folder = folder(records, &files());
    let credentials = application(folder.path(), "overrides.admin");
    let process = start(folder);
    let (edge, api) = (process.address(), ApiClient::log_in(process.control(), &credentials));
    let (film, other) =
        (format!("/public/videos/{VIDEO}/source"), "/public/videos/other/source".to_owned());
    let both = |first: u16, second: u16| {
        until(edge, &film, first);
        until(edge, &other, second);
    };
    both(403, 403);
    let video = format!("/v1/vms/1/videos/{VIDEO}/security-override");
    api.ok("POST", &video, r#"{"scope":"public"}"#);
    both(200, 403);
    api.ok("POST", &video, r#"{"assetTypes":["SUBTITLE"]}"#);
    both(403, 403);
    api.ok("POST", &video, r#"{"assetTypes":["VIDEO_SOURCE","VIDEO_FORMAT"]}"#);
    both(200, 403);
    api.ok("POST", "/v1/vms/1/asset-type/security-override", r#"{"assetTypes":["VIDEO_SOURCE"]}"#);
    both(200, 200);
    api.ok("DELETE", &video, "");
    both(200, 200);
    api.ok("POST", "/v1/vms/1/security-override", "");
    let all = api.ok("GET", "/v1/vms/1/security-override", "");
    assert_eq!(all["scope"], "public", "{all}");
    api.ok("DELETE", "/v1/vms/1/security-override", "");
    both(403, 403);
    for (body, why) in [
        (r#"{"scope":"private"}"#, "another scope"),
        (r#"{"assetTypes":[]}"#, "no type"),
        (r#"{"scope":"public","assetTypes":["SUBTITLE"]}"#, "both"),
        (r#"{"assetTypes":["FILM"]}"#, "an unknown type"),
    ] {
        assert_eq!(api.call("POST", &video, body).status, 400, "{why}");
    }
    assert_eq!(api.call("GET", "/v1/vms/2/security-override", "").status, 404);
    let nobody = exchange(process.control(), "GET", "/v1/vms/1/security-override", "", "");
    assert_eq!(nobody.status, 401);
    both(403, 403);
    let (exit, _) = process.stop();
    assert_eq!(exit, Some(0));
}

#[test]
fn the_vendors_script_opens_and_closes_files_on_sqlite() {
    script(&Records::Sqlite);
}

#[test]
fn the_vendors_script_opens_and_closes_files_on_postgresql() {
    script(&Records::on_postgres("script"));
}

#[test]
fn a_pipeline_names_an_origin_that_there_is() {
    let folder = folder(&Records::Sqlite, &files());
    let credentials = application(folder.path(), "catalog.read catalog.write");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    let make = |origin: &str| {
        let body = serde_json::json!({"name": origin, "origin": origin}).to_string();
        api.call("POST", "/api/v1/tenants/1/pipelines", &body)
    };
    let refused = make("medla");
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["errors"][0]["pointer"], "/origin");
    let said = "must be an [[origin]] of the configuration: one of media";
    assert_eq!(refused.body["detail"], said);
    assert_eq!(make("media").status, 201);
}

#[test]
fn a_push_whose_notification_is_lost_is_found_by_looking() {
    let Records::At(url) = Records::on_postgres("deaf") else { panic!("not PostgreSQL") };
    // In the place of the server's own, which is looked for first unless the path names it.
    let records = Records::At(format!("{url},pg_catalog"));
    let [one, other] = [(); 2].map(|()| folder(&records, &files()));
    let credentials = application(one.path(), "overrides.admin");
    let psql = |command: &str| {
        let mut psql = Command::new(tool("COUNTERSIGN_TEST_PSQL", "psql"));
        let psql = psql.args(["--quiet", "--tuples-only", "--no-align", &url, "--command"]);
        let said = said(psql.arg(command), b"");
        assert_eq!(said.status, 0, "{said:?}");
        said.out.trim().to_owned()
    };
    psql(
        "CREATE TABLE lost (channel TEXT); \
         CREATE FUNCTION pg_notify(TEXT, TEXT) RETURNS VOID LANGUAGE sql \
         AS 'INSERT INTO lost VALUES ($1)'",
    );
    let [one, other] = [one, other].map(start);
    let api = ApiClient::log_in(one.control(), &credentials);
    let film = format!("/public/videos/{VIDEO}/source");
    let video = format!("/v1/vms/1/videos/{VIDEO}/security-override");
    let mut longest = Duration::ZERO;
    for round in 0..20 {
        let (method, body, expected) = match round % 2 {
            0 => ("POST", r#"{"scope":"public"}"#, 200),
            _ => ("DELETE", "", 403),
        };
        api.ok(method, &video, body);
        let pushed = Instant::now();
        until(other.address(), &film, expected);
        longest = longest.max(pushed.elapsed());
    }
    println!("in force after {longest:.2?} at most");
    assert!(longest <= Duration::from_secs(5), "{longest:?}");
    // Nobody was told of any of them.
    let lost: u64 = psql("SELECT count(*) FROM lost").parse().unwrap();
    assert!(lost >= 20, "{lost}");
}

#[test]
fn a_push_to_one_control_plane_is_in_force_at_the_edge_of_another() {
    let records = Records::on_postgres("two");
    let [one, other] = [(); 2].map(|()| folder(&records, &files()));
    let credentials = application(one.path(), "overrides.admin");
    let [one, other] = [one, other].map(start);
    let api = ApiClient::log_in(one.control(), &credentials);
    let film = format!("/public/videos/{VIDEO}/source");
    let video = format!("/v1/vms/1/videos/{VIDEO}/security-override");
    for _ in 0..20 {
        api.ok("POST", &video, r#"{"scope":"public"}"#);
        until(other.address(), &film, 200);
        until(one.address(), &film, 200);
        // A token is good at both.
        api.at(other.control()).ok("DELETE", &video, "");
        until(one.address(), &film, 403);
        until(other.address(), &film, 403);
    }
}

#[test]
fn what_was_pushed_is_in_force_after_a_kill_and_the_log_of_it_is_whole() {
    let folder = folder(&Records::Sqlite, &files());
    let credentials = application(folder.path(), "overrides.admin");
    let mut process = start(folder);
    let film = format!("/public/videos/{VIDEO}/source");
    let video = format!("/v1/vms/1/videos/{VIDEO}/security-override");
    for round in 0..4 {
        let api = ApiClient::log_in(process.control(), &credentials);
        let (method, body, expected) = match round % 2 {
            0 => ("POST", r#"{"scope":"public"}"#, 200),
            _ => ("DELETE", "", 403),
        };
        api.ok(method, &video, body);
        process = start(process.kill());
        // From its first answer on: nothing is served before.
        assert_eq!(status(process.address(), &film), expected, "{round}");
    }
    let verified = countersign(
        process.path("").as_path(),
        ["audit", "verify", "--config", "countersign.toml"],
    );
    assert_eq!(verified.status, 0, "{verified:?}");
    assert!(verified.out.starts_with("ok: "), "{verified:?}");
}

#[test]
fn links_and_networks_are_refused_as_soon_as_it_is_said() {
    let folder = folder(&Records::Sqlite, &files());
    let credentials = application(folder.path(), "links.revoke");
    let process = start(folder);
    let (edge, api) = (process.address(), ApiClient::log_in(process.control(), &credentials));
    let path = format!("/private/videos/{VIDEO}/source");
    let link = |start: Option<u64>| {
        let start = start.map(UnixSeconds::new);
        format!(
            "{path}?__token__={}",
            signed(&SignRequest { start, id: Some("lnk_7"), ..an_hour() })
        )
    };
    until(edge, &link(None), 200);
    let one = api.ok(
        "POST",
        "/api/v1/tenants/1/revocations",
        r#"{"links":{"by":"link","subject":"lnk_7"},"reason":"lost"}"#,
    );
    until(edge, &link(None), 403);
    let id = one["id"].as_str().unwrap();
    api.ok("DELETE", &format!("/api/v1/tenants/1/revocations/{id}"), "");
    until(edge, &link(None), 200);
    // Those that were signed before: a token that does not say when is one of them.
    let asset = format!(r#"{{"links":{{"by":"asset","subject":"{path}"}},"reason":"wrong file"}}"#);
    api.ok("POST", "/api/v1/tenants/1/revocations", &asset);
    until(edge, &link(None), 403);
    assert_eq!(status(edge, &link(Some(NOW - 1))), 403);
    assert_eq!(status(edge, &link(Some(NOW))), 200);

    let scraper = [127, 0, 0, 9];
    let from_there = || {
        let request = format!("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", link(Some(NOW)));
        Connection::open_from(scraper, edge).ask(&request).status
    };
    let until_there = |expected: u16| {
        let began = Instant::now();
        while from_there() != expected {
            assert!(began.elapsed() < PATIENCE, "not {expected}");
        }
    };
    until_there(200);
    let entry =
        api.ok("POST", "/api/v1/blocklist", r#"{"network":"127.0.0.9/32","reason":"a scraper"}"#);
    until_there(403);
    assert_eq!(status(edge, &link(Some(NOW))), 200);
    let id = entry["id"].as_str().unwrap();
    api.ok("DELETE", &format!("/api/v1/blocklist/{id}"), "");
    until_there(200);
}

/// Whoever is refused is told by what is in force, which is not in any file.
#[test]
fn what_was_pushed_is_explained() {
    let folder = folder(&Records::Sqlite, &files());
    let path = format!("/public/videos/{VIDEO}/source");
    let link =
        format!("{path}?__token__={}", signed(&SignRequest { id: Some("lnk_7"), ..an_hour() }));
    let explain = |folder: &std::path::Path, target: &str| {
        let now = NOW.to_string();
        let config = ["explain", "--config", "countersign.toml", "--json", "--now", &now, target];
        let said = countersign(folder, config);
        let told: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let decision = (told["decision"].as_str().unwrap(), told["code"].as_str().unwrap());
        format!("{} {} {}", decision.0, decision.1, said.status)
    };
    // Records that were never made say nothing, and are not made for the question.
    assert_eq!(explain(folder.path(), &path), "deny token_missing 1");
    assert!(!folder.path().join("records.db").exists());
    let credentials = application(folder.path(), "overrides.admin,links.revoke");
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    assert_eq!(explain(&process.path(""), &link), "allow ok 0");
    let revoked = r#"{"links":{"by":"link","subject":"lnk_7"},"reason":"lost"}"#;
    api.ok("POST", "/api/v1/tenants/1/revocations", revoked);
    assert_eq!(explain(&process.path(""), &link), "deny token_revoked 1");
    let video = format!("/v1/vms/1/videos/{VIDEO}/security-override");
    api.ok("POST", &video, r#"{"scope":"public"}"#);
    assert_eq!(explain(&process.path(""), &path), "allow ok 0");
    assert_eq!(status(process.address(), &path), 200);
}

/// A caller who asks too much waits, knows how long, and keeps nobody else from asking.
#[test]
fn a_caller_knows_how_much_is_left() {
    let folder = folder(&Records::Sqlite, &[]);
    let file = folder.path().join("countersign.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let config = config.replacen("[control]\n", "[control]\nrequests_per_minute = 3\n", 1);
    std::fs::write(&file, config).unwrap();
    let all = [(); 2].map(|()| application(folder.path(), "tenants.admin"));
    let process = start(folder);
    let [one, other] = all.map(|it| ApiClient::log_in(process.control(), &it));
    for left in ["\"caller\";r=2;t=20", "\"caller\";r=1;t=40", "\"caller\";r=0;t=60"] {
        let answer = one.call("GET", "/api/v1/tenants", "");
        assert_eq!((answer.status, answer.header("ratelimit")), (200, Some(left)));
        assert_eq!(answer.header("ratelimit-policy"), Some("\"caller\";q=3;w=60"));
    }
    let refused = one.call("GET", "/api/v1/tenants", "");
    assert_eq!((refused.status, refused.body["code"].as_str()), (429, Some("rate_limited")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(refused.header("ratelimit").unwrap(), format!("\"caller\";r=0;t={wait}"));
    assert_eq!(other.call("GET", "/api/v1/tenants", "").status, 200);
}

/// Whatever is sent to it, a control plane answers as its documents say, and never with a 5xx.
#[test]
fn schemathesis_finds_no_undocumented_answer() {
    schemathesis(&Records::Sqlite);
}

#[test]
fn schemathesis_finds_no_undocumented_answer_on_postgresql() {
    schemathesis(&Records::on_postgres("schemathesis"));
}

fn schemathesis(records: &Records) {
    let folder = folder(records, &[]);
    let credentials = application(folder.path(), EVERY_SCOPE);
    let process = start(folder);
    let api = ApiClient::log_in(process.control(), &credentials);
    keep_secret(api.token());
    let session = thron_session(process.control(), &credentials);
    for document in ["openapi.json", "openapi/vmpro.json", "openapi/thron.json"] {
        let mut schemathesis = Command::new(tool("COUNTERSIGN_TEST_SCHEMATHESIS", "schemathesis"));
        schemathesis
            .current_dir(process.path(""))
            .env("SCHEMATHESIS_HOOKS", HOOKS)
            .args(["run", &format!("http://{}/{document}", process.control())])
            .args(["--header", &format!("Authorization: Bearer {}", api.token())])
            .args(["--header", &format!("X-TOKENID: {session}")])
            .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing"])
            .args(["--max-examples", "12", "--seed", "1", "--no-color"])
            // Letters go to nobody: what they would be tried with is made up.
            .args(["--exclude-path-regex", "oauth2/revoke|mail/test"]);
        let found = said(&mut schemathesis, b"");
        assert_eq!(found.status, 0, "{document}\n{}\n{}", found.out, found.err);
    }
    let metrics = status(process.admin(), "/readyz");
    assert_eq!(metrics, 200);
}

const EVERY_SCOPE: &str = "accounts.admin,audit.read,catalog.read,catalog.write,edges.admin,\
                           files.read,files.sign,keys.admin,links.revoke,overrides.admin,\
                           settings.admin,shares.write,tenants.admin,trace";

/// How what it does not know is sent.
const HOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openapi/hooks.py");

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
