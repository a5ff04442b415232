//! What operators see, and change, while the edge serves.

use crate::support::edge::{Edge, usual_config};
use crate::support::raw_client::get;

const OPEN_TO_ALL: &str = "[[vm]]\nid = 1\nscope = \"public\"\n";

#[test]
fn every_answer_is_a_log_line_and_a_count_and_none_shows_a_token() {
    let edge = Edge::builder(usual_config("", "")).file("media/open/a.txt", "open file\n").start();
    let token =
        "exp=1~acl=/vod/*~hmac=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    assert_eq!(get(edge.address(), "/open/a.txt?x=secret").status, 200);
    assert_eq!(
        get(edge.address(), &format!("/vod/a?__token__={token}")).code(),
        Some("token_signature")
    );
    assert_eq!(get(edge.admin(), "/livez").status, 200);
    let ready = String::from_utf8(get(edge.admin(), "/readyz").body).unwrap();
    assert_eq!(ready, "ready: version 1, 0 s old\n");
    let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
    for line in [
        "countersign_requests_total{code=\"ok\",outcome=\"allow\"} 1",
        "countersign_requests_total{code=\"token_signature\",outcome=\"deny\"} 1",
        "countersign_snapshot_version 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} in\n{metrics}");
    }
    let (_, log) = edge.stop();
    assert_eq!(log.len(), 2);
    assert_eq!((&log[0]["code"], &log[0]["bytes"]), (&"ok".into(), &10.into()));
    assert_eq!(log[0]["parameters"], serde_json::json!(["x"]));
    assert_eq!(log[1]["code"], "token_signature");
    assert_eq!(log[1]["snapshot"], 1);
    let text = serde_json::to_string(&log).unwrap();
    assert!(!text.contains("secret") && !text.contains("hmac"), "{text}");
}

#[test]
fn without_an_access_log_answers_are_only_counted() {
    let edge = Edge::builder(usual_config("access_log = false", ""))
        .file("media/open/a.txt", "open file\n")
        .start();
    assert_eq!(get(edge.address(), "/open/a.txt").status, 200);
    assert_eq!(get(edge.address(), "/closed/a.txt").status, 404);
    let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
    let counted = "countersign_requests_total{code=\"ok\",outcome=\"allow\"} 1";
    assert!(metrics.lines().any(|it| it == counted), "{metrics}");
    let (_, log) = edge.stop();
    assert!(log.is_empty(), "{log:?}");
}

#[test]
fn a_changed_override_table_is_in_force_and_a_wrong_one_is_not() {
    let edge = Edge::builder(usual_config("overrides = \"overrides.toml\"", ""))
        .file("media/videos/v/source", "a video")
        .file("overrides.toml", "")
        .start();
    let ask = || get(edge.address(), "/public/videos/v/source").status;
    let version = || {
        let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
        let value = |name: &str| {
            let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
            line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
        };
        (
            value("countersign_config_reloads_total"),
            value("countersign_config_reload_failures_total"),
        )
    };
    assert_eq!(ask(), 403);
    let write = |text: &str| {
        std::fs::write(edge.path("new.toml"), text).unwrap();
        std::fs::rename(edge.path("new.toml"), edge.path("overrides.toml")).unwrap();
    };
    write(OPEN_TO_ALL);
    while version() != (1, 0) {
        std::thread::yield_now();
    }
    assert_eq!(ask(), 200);
    write("[[vm]]\nid = \"one\"\n");
    while version() != (1, 1) {
        std::thread::yield_now();
    }
    assert_eq!(ask(), 200);
    write("");
    edge.reloads().reload();
    while version().0 < 2 {
        std::thread::yield_now();
    }
    assert_eq!(ask(), 403);
}

#[test]
fn an_operator_may_have_missing_files_told_from_protected_ones() {
    let ask = |edge: &Edge, name: &str| {
        let answer = get(edge.address(), &format!("/private/videos/{name}/source"));
        (answer.status, answer.code().unwrap().to_owned())
    };
    let start = |setting| {
        Edge::builder(usual_config(setting, "")).file("media/videos/v/source", "a video").start()
    };
    let protected = (403, "token_missing".to_owned());
    let silent = start("");
    assert_eq!(ask(&silent, "v"), protected);
    assert_eq!(ask(&silent, "none"), protected);
    let telling = start("reveal_missing = true");
    assert_eq!(ask(&telling, "v"), protected);
    assert_eq!(ask(&telling, "none"), (404, "not_found".to_owned()));
}

/// A release folder behind a symbolic link, as deployments have it.
#[test]
fn a_root_that_leads_elsewhere_is_another_folder_after_a_reload() {
    let config = usual_config("", "").replace("root = \"media\"", "root = \"current\"");
    let edge = Edge::builder(config)
        .file("releases/1/open/a.txt", "first")
        .file("releases/1/open/gone.txt", "withdrawn")
        .file("releases/2/open/a.txt", "second")
        .link("current", "releases/1")
        .start();
    assert_eq!(get(edge.address(), "/open/a.txt").body, b"first");
    std::os::unix::fs::symlink("releases/2", edge.path("next")).unwrap();
    std::fs::rename(edge.path("next"), edge.path("current")).unwrap();
    edge.reloads().reload();
    while get(edge.address(), "/open/a.txt").body != b"second" {
        std::thread::yield_now();
    }
    assert_eq!(get(edge.address(), "/open/gone.txt").status, 404);
}
