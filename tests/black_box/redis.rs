//! Three edges that count in one Redis, which is stopped, killed and frozen.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use countersign::token::{LinkTerms, Sharing};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::edge::{Edge, NOW, usual_config};
use crate::support::links::{own_link, with_own_key};
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client::Connection;
use crate::support::redis::RedisServer;
use crate::support::tls::Authority;

/// More than sockets hold: it is under way until somebody reads it.
const LARGE: u64 = 64 << 20;

const HOME: [u8; 4] = [127, 0, 0, 1];

fn at_most(downloads: u16) -> LinkTerms {
    LinkTerms { parallel: NonZeroU16::new(downloads), ..LinkTerms::default() }
}

fn folder_of(url: &str, usage: &str) -> TempDir {
    let config = format!(
        "{}\n[usage]\nredis = {url:?}\nlease = \"1s\"\n{usage}",
        with_own_key(&usual_config("", "")),
    );
    Edge::builder(config).file("media/vod/a", "film").zeros("media/vod/large", LARGE).write()
}

fn start(redis: &RedisServer, usage: &str) -> Process {
    let folder = folder_of(&redis.url(), usage);
    let edge = Process::start(folder, &["--clock", &NOW.to_string()]);
    until_connected(&edge, 1);
    edge
}

fn until_connected(edge: &Process, expected: u64) {
    wait_until("the connection is so", || edge.metric("countersign_usage_connected") == expected);
}

/// A download that has begun and does not go on, or the code of its refusal.
fn hold(edge: SocketAddr, from: [u8; 4], target: &str) -> (Connection, u16, Option<String>) {
    let mut connection = Connection::open_from(from, edge);
    connection.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
    let answer = connection.head_answer().unwrap();
    (connection, answer.status, answer.header("x-countersign-reason").map(str::to_owned))
}

fn status(edge: &Process, from: [u8; 4], target: &str) -> u16 {
    hold(edge.address(), from, target).1
}

#[test]
fn three_edges_agree_on_downloads_and_places() {
    let redis = RedisServer::start();
    let edges = [(); 3].map(|()| start(&redis, ""));
    let [one, two, three] = &edges;

    let link = own_link("/vod/large", "lnk_1", at_most(2));
    let first = hold(one.address(), HOME, &link);
    let second = hold(two.address(), HOME, &link);
    assert_eq!((first.1, second.1), (200, 200));
    for edge in &edges {
        let refused = hold(edge.address(), HOME, &link);
        assert_eq!((refused.1, refused.2.as_deref()), (429, Some("limit_parallel")));
    }
    // The one that was let in stays for as long as it takes.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2500) {
        assert_eq!(status(three, HOME, &link), 429, "leases of one second are renewed");
    }
    drop(first);
    wait_until("the first has ended", || status(three, HOME, &link) == 200);
    drop(second);

    let terms = LinkTerms { sharing: Sharing::Watched, ..LinkTerms::default() };
    let link = own_link("/vod/a", "lnk_2", terms);
    assert_eq!(status(one, HOME, &link), 200);
    assert_eq!(status(two, [127, 0, 1, 1], &link), 200);
    for edge in &edges {
        let refused = hold(edge.address(), [127, 0, 2, 1], &link);
        assert_eq!((refused.1, refused.2.as_deref()), (403, Some("fraud_sharing")));
        assert_eq!(status(edge, HOME, &link), 200);
    }
    let keys = redis.keys();
    assert!(keys.contains("countersign:places:{") && !keys.contains("lnk_"), "{keys}");
}

#[test]
fn an_edge_that_is_killed_takes_no_download_with_it() {
    let redis = RedisServer::start();
    let (one, two) = (start(&redis, ""), start(&redis, ""));
    let link = own_link("/vod/large", "lnk_1", at_most(1));
    let held = hold(one.address(), HOME, &link);
    assert_eq!(held.1, 200);
    assert_eq!(status(&two, HOME, &link), 429);
    one.kill();
    wait_until("its lease is over", || status(&two, HOME, &link) == 200);
    drop(held);
}

#[test]
fn each_edge_counts_for_itself_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let (one, two) = (start(&redis, ""), start(&redis, ""));
    let link = own_link("/vod/large", "lnk_1", at_most(1));
    let held = hold(one.address(), HOME, &link);
    assert_eq!(held.1, 200);
    redis.kill();
    // What it had under way it knows itself; of the other's it hears nothing.
    assert_eq!(status(&one, HOME, &link), 429);
    assert_eq!(status(&two, HOME, &link), 200);
    until_connected(&one, 0);
    until_connected(&two, 0);
    assert!(one.metric("countersign_usage_away_total{behaviour=\"count_locally\"}") > 0);
    assert_eq!(status(&one, HOME, &link), 429);
    // Back, and empty: the download that went on all the time is entered again.
    redis.resume();
    until_connected(&one, 1);
    until_connected(&two, 1);
    wait_until("it is known again", || status(&two, HOME, &link) == 429);
    drop(held);
    wait_until("it has ended", || status(&two, HOME, &link) == 200);
}

#[test]
fn the_operator_says_what_is_done_while_redis_is_away() {
    let mut redis = RedisServer::start();
    let allowing = start(&redis, "when_away = \"allow\"\n");
    let denying = start(&redis, "when_away = \"deny\"\n");
    let link = own_link("/vod/large", "lnk_1", at_most(1));
    let held = hold(allowing.address(), HOME, &link);
    assert_eq!(held.1, 200);
    assert_eq!((status(&allowing, HOME, &link), status(&denying, HOME, &link)), (429, 429));
    redis.kill();
    assert_eq!(status(&allowing, HOME, &link), 200);
    let refused = hold(denying.address(), HOME, &link);
    assert_eq!((refused.1, refused.2.as_deref()), (503, Some("usage_unavailable")));
    // What needs no counting goes on.
    let plain = own_link("/vod/a", "lnk_2", LinkTerms::default());
    assert_eq!(status(&denying, HOME, &plain), 200);
}

#[test]
fn a_redis_that_says_nothing_holds_nobody_up() {
    let redis = RedisServer::start();
    let edge = start(&redis, "timeout = \"50ms\"\n");
    redis.freeze();
    let began = Instant::now();
    for number in 0..20 {
        let link = own_link("/vod/a", &format!("lnk_{number}"), at_most(1));
        assert_eq!(status(&edge, HOME, &link), 200);
    }
    // One or two wait for the time-out; then it is known to be away.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    redis.thaw();
    until_connected(&edge, 1);
}

/// `rediss://`, with an authority that nobody else knows.
#[test]
fn edges_agree_over_tls_and_believe_only_the_authority_they_are_told_of() {
    let authority = Authority::new();
    let redis = RedisServer::start_tls(&authority.sign(&["127.0.0.1"]));
    let with_ca = |ca: &str| {
        let folder = folder_of(&redis.tls_url(), "ca = \"redis-ca.pem\"\n");
        std::fs::write(folder.path().join("redis-ca.pem"), ca).unwrap();
        Process::start(folder, &["--clock", &NOW.to_string()])
    };
    let edges = [(); 2].map(|()| with_ca(&authority.pem()));
    for edge in &edges {
        until_connected(edge, 1);
    }
    let [one, two] = &edges;
    let link = own_link("/vod/large", "lnk_1", at_most(1));
    let held = hold(one.address(), HOME, &link);
    assert_eq!(held.1, 200);
    let refused = hold(two.address(), HOME, &link);
    assert_eq!((refused.1, refused.2.as_deref()), (429, Some("limit_parallel")));

    // Another authority's word is none, and neither is anybody's without TLS: each counts for itself.
    let stranger = with_ca(&Authority::new().pem());
    let bare = redis.tls_url().replace("rediss://", "redis://");
    let open = Process::start(folder_of(&bare, ""), &["--clock", &NOW.to_string()]);
    let public = Process::start(folder_of(&redis.tls_url(), ""), &["--clock", &NOW.to_string()]);
    for edge in [stranger, open, public] {
        let away = "countersign_usage_away_total{behaviour=\"count_locally\"}";
        let own = hold(edge.address(), HOME, &link);
        assert_eq!(own.1, 200);
        assert_eq!(status(&edge, HOME, &link), 429);
        assert_eq!(edge.metric("countersign_usage_connected"), 0);
        assert_eq!(edge.metric(away), 2);
    }
    drop(held);
    wait_until("the first has ended", || status(two, HOME, &link) == 200);
}
