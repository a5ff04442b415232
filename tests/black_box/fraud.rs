//! Links that go round, clients that hide, and more downloads at once than a link allows: as one
//! edge sees them.

use std::net::SocketAddr;
use std::num::NonZeroU16;

use countersign::token::{LinkTerms, Sharing};

use crate::support::control::{self, ApiClient, Records};
use crate::support::edge::{Edge, usual_config};
use crate::support::links::{own_link, with_own_key};
use crate::support::planes::wait_until;
use crate::support::raw_client::{self, Answer, Connection};

/// A source that goes round is noticed by its links.
const WATCHED: LinkTerms = LinkTerms {
    sharing: Sharing::Watched,
    uses: countersign::token::Uses::Any,
    delivers: countersign::token::Delivers::AsEver,
    parallel: None,
    issuer: None,
    tag: None,
    copy: None,
};

/// More than sockets hold: it is under way until somebody reads it.
const LARGE: u64 = 64 << 20;

fn at_most(downloads: u16) -> LinkTerms {
    LinkTerms { parallel: NonZeroU16::new(downloads), ..LinkTerms::default() }
}

fn start(edge: &str) -> Edge {
    Edge::builder(
        with_own_key(&usual_config("", "")).replace("[admin]", &format!("{edge}\n[admin]")),
    )
    .file("media/vod/a", "film")
    .zeros("media/vod/large", LARGE)
    .file("lists/proxies.netset", "127.0.66.0/24\n")
    .file("lists/pirates.netset", "127.0.77.7\n")
    .start()
}

/// GET or HEAD from an address of 127/8.
fn ask(edge: SocketAddr, from: [u8; 4], method: &str, target: &str, more: &str) -> Answer {
    let mut connection = Connection::open_from(from, edge);
    connection.send(format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{more}\r\n"));
    match method {
        "HEAD" => connection.head_answer().unwrap(),
        _ => connection.answer().unwrap(),
    }
}

fn get(edge: SocketAddr, from: [u8; 4], target: &str) -> Answer {
    ask(edge, from, "GET", target, "")
}

/// A download that has begun and does not go on.
fn hold(edge: SocketAddr, from: [u8; 4], target: &str, more: &str) -> (Connection, u16) {
    let mut connection = Connection::open_from(from, edge);
    connection.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n{more}\r\n"));
    let status = connection.head_answer().unwrap().status;
    (connection, status)
}

/// The value of one series.
fn series(edge: &Edge, name: &str) -> u64 {
    let page = raw_client::get(edge.admin(), "/metrics");
    let page = String::from_utf8(page.body).unwrap();
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not there")).parse().unwrap()
}

const HOME: [u8; 4] = [127, 0, 0, 1];
const WORK: [u8; 4] = [127, 0, 1, 1];
const FRIEND: [u8; 4] = [127, 0, 2, 1];

/// E11 (a), G23.
#[test]
fn a_shared_link_is_refused_at_the_third_place() {
    let edge = start("");
    let link = own_link("/vod/a", "lnk_1", WATCHED);
    let at = edge.address();
    // Looking takes no place.
    for from in [FRIEND, HOME, WORK] {
        assert_eq!(ask(at, from, "HEAD", &link, "").status, 200);
    }
    assert_eq!(get(at, HOME, &link).status, 200);
    assert_eq!(get(at, WORK, &link).status, 200);
    let refused = get(at, FRIEND, &link);
    assert_eq!((refused.status, refused.code()), (403, Some("fraud_sharing")));
    assert_eq!(ask(at, FRIEND, "HEAD", &link, "").status, 403);
    // In one network, another kind of program is another place.
    let curl = ask(at, HOME, "GET", &link, "User-Agent: curl/8.1\r\n");
    assert_eq!(curl.code(), Some("fraud_sharing"));
    // The first two go on, within their networks, and so do other links.
    assert_eq!(get(at, [127, 0, 0, 99], &link).status, 200);
    assert_eq!(get(at, WORK, &link).status, 200);
    assert_eq!(get(at, FRIEND, &own_link("/vod/a", "lnk_2", WATCHED)).status, 200);
    for from in [HOME, WORK, FRIEND] {
        let open = own_link("/vod/a", "lnk_3", LinkTerms::default());
        assert_eq!(get(at, from, &open).status, 200);
    }
    let blocked = "countersign_fraud_total{action=\"blocked\",rule=\"sharing\"}";
    assert_eq!(series(&edge, blocked), 3);
    let (_, log) = edge.stop();
    let line = log.iter().find(|line| line["code"] == "fraud_sharing").unwrap();
    assert_eq!(line["fraud_rule"], "sharing");
    assert_eq!(line["fraud_match"], "the link is in use at 2 other place(s)");
    assert_eq!(line["fraud_action"], "blocked");
}

#[test]
fn how_many_places_is_the_operators_to_say() {
    let edge = start("[edge.fraud]\nplaces = 1\nuser_agent = \"ignore\"");
    let link = own_link("/vod/a", "lnk_1", WATCHED);
    let at = edge.address();
    assert_eq!(get(at, HOME, &link).status, 200);
    assert_eq!(ask(at, HOME, "GET", &link, "User-Agent: curl/8.1\r\n").status, 200);
    assert_eq!(get(at, WORK, &link).code(), Some("fraud_sharing"));
}

/// E16.
#[test]
fn one_download_more_than_the_link_allows_waits() {
    let edge = start("");
    let at = edge.address();
    let link = own_link("/vod/large", "lnk_1", at_most(2));
    let first = hold(at, HOME, &link, "");
    let second = hold(at, HOME, &link, "");
    assert_eq!((first.1, second.1), (200, 200));
    let refused = get(at, WORK, &link);
    assert_eq!((refused.status, refused.code()), (429, Some("limit_parallel")));
    assert_eq!(refused.header("retry-after"), Some("5"));
    // What carries no bytes is no download, and neither is another link's.
    let head = ask(at, HOME, "HEAD", &link, "");
    assert_eq!(head.status, 200);
    let other = hold(at, HOME, &own_link("/vod/large", "lnk_2", at_most(2)), "");
    assert_eq!(other.1, 200);
    drop(first);
    wait_until("the first has ended", || hold(at, WORK, &link, "").1 == 200);
    drop(second);
    drop(other);
    // An answer without bytes gives its place back at once.
    let tag = head.header("etag").unwrap().to_owned();
    let condition = format!("If-None-Match: {tag}\r\n");
    let one = own_link("/vod/large", "lnk_4", at_most(1));
    for _ in 0..10 {
        assert_eq!(ask(at, HOME, "GET", &one, &condition).status, 304);
        assert_eq!(ask(at, HOME, "GET", &one, "Range: bytes=99999999-\r\n").status, 416);
    }
    assert_eq!(hold(at, HOME, &one, "").1, 200);
}

#[test]
fn the_parts_that_one_client_loads_are_one_download() {
    let edge = start("");
    let at = edge.address();
    let link = own_link("/vod/large", "lnk_1", at_most(1));
    let part = |from, range: &str| hold(at, from, &link, &format!("Range: bytes={range}\r\n"));
    let parts = ["0-", "1000-", "5000-"].map(|range| part(HOME, range));
    assert!(parts.iter().all(|(_, status)| *status == 206));
    assert_eq!(part(WORK, "0-").1, 429);
    assert_eq!(hold(at, HOME, &link, "").1, 429);
    let [first, second, third] = parts;
    drop(first);
    drop(second);
    assert_eq!(part(WORK, "0-").1, 429, "one part is still under way");
    drop(third);
    wait_until("all have ended", || part(WORK, "0-").1 == 206);
}

#[test]
fn no_download_is_counted_after_its_client_went() {
    let edge = start("");
    let at = edge.address();
    let link = own_link("/vod/large", "lnk_1", at_most(3));
    for _ in 0..100 {
        // Some break off before the head, some after it, some have all they asked for.
        let mut connection = Connection::open_from(HOME, at);
        connection.send(format!("GET {link} HTTP/1.1\r\nHost: test\r\n\r\n"));
        drop(connection);
        drop(hold(at, HOME, &link, ""));
        drop(ask(at, HOME, "GET", &link, "Range: bytes=0-99\r\n"));
    }
    let mut held = Vec::new();
    for _ in 0..3 {
        wait_until("a place is free", || {
            let (connection, status) = hold(at, HOME, &link, "");
            held.push(connection);
            status == 200
        });
    }
    assert_eq!(hold(at, HOME, &link, "").1, 429);
}

const LISTS: &str = "[edge.fraud]\nanonymizers = [\"lists/proxies.netset\"]\n\
                     blacklists = [\"lists/pirates.netset\"]\n";
const PROXY: [u8; 4] = [127, 0, 66, 6];
const PIRATE: [u8; 4] = [127, 0, 77, 7];

/// E11 (b) and (c).
#[test]
fn proxies_and_pirates_are_refused_where_the_link_or_the_site_asks() {
    let edge = start(LISTS);
    let at = edge.address();
    let link = own_link("/vod/a", "lnk_1", WATCHED);
    assert_eq!(get(at, PROXY, &link).code(), Some("fraud_anonymizer"));
    assert_eq!(get(at, PIRATE, &link).code(), Some("fraud_blacklist"));
    let via = ask(at, HOME, "GET", &link, "Via: 1.1 proxy.example.net\r\n");
    assert_eq!(via.code(), Some("fraud_anonymizer"));
    let unwatched = own_link("/vod/a", "lnk_2", LinkTerms::default());
    for from in [PROXY, PIRATE] {
        assert_eq!(get(at, from, &unwatched).status, 200);
        assert_eq!(get(at, from, "/vod/a").code(), Some("token_missing"));
    }
    let series = |rule: &str| {
        series(&edge, &format!("countersign_fraud_total{{action=\"blocked\",rule=\"{rule}\"}}"))
    };
    let rules = ["anonymizer_network", "blacklist", "anonymizer_header"];
    assert_eq!(rules.map(series), [1, 1, 1]);
}

#[test]
fn lists_are_swapped_while_serving_and_a_bad_one_changes_nothing() {
    let edge = start(LISTS);
    let at = edge.address();
    let link = own_link("/vod/a", "lnk_1", WATCHED);
    let write = |text: &str| std::fs::write(edge.path("lists/proxies.netset"), text).unwrap();
    assert_eq!(get(at, HOME, &link).status, 200);
    write("127.0.0.0/24\n127.0.66.0/24\n");
    wait_until("the new list is in force", || get(at, HOME, &link).status == 403);
    let entries = "countersign_fraud_list_entries{list=\"anonymizers\"}";
    wait_until("it is counted", || series(&edge, entries) == 2);
    // The clock of these tests is some years ahead of the file's.
    assert!(series(&edge, "countersign_fraud_list_age_seconds{list=\"anonymizers\"}") > 3600);
    let before = series(&edge, "countersign_config_reload_failures_total");
    write("nonsense\n");
    wait_until("it is refused", || {
        series(&edge, "countersign_config_reload_failures_total") > before
    });
    assert_eq!(get(at, HOME, &link).status, 403, "the last good list stays in force");
}

/// G23: "use with care".
#[test]
fn whoever_only_watches_refuses_nobody_and_is_told() {
    let edge = start(&format!("{LISTS}mode = \"monitor\"\nplaces = 1\n"));
    let at = edge.address();
    let link = own_link("/vod/a", "lnk_1", WATCHED);
    for from in [HOME, PROXY, PIRATE, WORK] {
        assert_eq!(get(at, from, &link).status, 200, "{from:?}");
    }
    let monitored = |rule: &str| {
        series(&edge, &format!("countersign_fraud_total{{action=\"monitored\",rule=\"{rule}\"}}"))
    };
    // Three of them were at another place than the first.
    let rules = ["anonymizer_network", "blacklist", "sharing"];
    assert_eq!(rules.map(monitored), [1, 1, 3]);
    let (_, log) = edge.stop();
    let told: Vec<_> = log
        .iter()
        .filter(|line| line["event"] == "request" && line["fraud_rule"].is_string())
        .map(|line| (line["code"].as_str().unwrap(), line["fraud_rule"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("ok", "anonymizer_network"), ("ok", "blacklist"), ("ok", "sharing")]);
}

/// What a control plane pushes, at the edge without a reload.
#[test]
fn entries_of_the_api_refuse_what_their_kind_says() {
    let config = with_own_key(&usual_config("", ""));
    let folder = control::folder_of(&config, &Records::Sqlite, &[("vod/a", "film")]);
    let credentials = control::application(folder.path(), "tenants.admin links.revoke");
    let serving = control::start(folder);
    let api = ApiClient::log_in(serving.control(), &credentials);
    let at = serving.address();
    let watched = own_link("/vod/a", "lnk_1", WATCHED);
    let unwatched = own_link("/vod/a", "lnk_2", LinkTerms::default());
    for (kind, code) in [("anonymizer", "fraud_anonymizer"), ("pirate", "fraud_blacklist")] {
        let draft = format!(r#"{{"network":"127.0.66.0/24","kind":"{kind}","reason":"seen"}}"#);
        let entry = api.ok("POST", "/api/v1/blocklist", &draft);
        assert_eq!(entry["kind"], kind);
        wait_until(kind, || get(at, PROXY, &watched).code() == Some(code));
        assert_eq!(get(at, PROXY, &unwatched).status, 200);
        assert_eq!(get(at, HOME, &watched).status, 200);
        let id = entry["id"].as_str().unwrap();
        api.ok("DELETE", &format!("/api/v1/blocklist/{id}"), "");
        wait_until("it is let in again", || get(at, PROXY, &watched).status == 200);
    }
    let wrong = api.call("POST", "/api/v1/blocklist", r#"{"network":"127.0.66.0/24","kind":"x"}"#);
    assert_eq!(wrong.status, 400, "{wrong:?}");
}

#[test]
fn a_site_may_look_at_every_request() {
    let config = format!("{LISTS}anti_fraud = \"always\"\n");
    let edge = start(&config);
    let at = edge.address();
    assert_eq!(get(at, PROXY, "/open/none").code(), Some("fraud_anonymizer"));
    let unwatched = own_link("/vod/a", "lnk_2", LinkTerms::default());
    assert_eq!(get(at, PIRATE, &unwatched).code(), Some("fraud_blacklist"));
    assert_eq!(get(at, HOME, "/open/none").code(), Some("not_found"));
}
