//! A wrong configuration under load (promise 8): the last good one stays, nobody is failed by it,
//! and it is said and counted.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::load::Load;
use crate::support::signing::token;

const FIXTURES: &str = "tests/fixtures/bad-config";

/// Every fixture, by name.
fn fixtures() -> Vec<(String, String)> {
    let mut fixtures: Vec<_> = std::fs::read_dir(FIXTURES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    fixtures.sort();
    fixtures
}

/// The files that fixtures name, beside the configuration.
fn copy_beside(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy_beside(&entry.path(), &to);
        } else if entry.path().extension().is_none_or(|it| it != "toml")
            || from != Path::new(FIXTURES)
        {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn every_kind_is_refused_counted_and_said_while_the_last_good_one_serves() {
    let good = usual_config("", "");
    let edge = Edge::builder(good.clone()).file("media/vod/a", "a file").spawn();
    copy_beside(Path::new(FIXTURES), &edge.path(""));
    let link = format!("/vod/a?__token__={}", token(KEY_HEX, "/vod/*", NOW + 60));
    let load = Load::start(edge.address(), 8, 500, move |client, number| {
        let (target, expected) = if number % 2 == 0 { (&*link, 200) } else { ("/vod/a", 403) };
        match client.get(target)?.status {
            status if status == expected => Ok(()),
            status => Err(format!("{status} for {target}")),
        }
    });
    let fixtures = fixtures();
    assert!(fixtures.len() >= 30);
    let mut slowest = Duration::ZERO;
    for (number, (name, text)) in fixtures.iter().enumerate() {
        std::fs::write(edge.path("new"), text).unwrap();
        std::fs::rename(edge.path("new"), edge.path("countersign.toml")).unwrap();
        let wrong = Instant::now();
        while edge.metric("countersign_config_reload_failures_total") <= number as u64 {
            std::thread::yield_now();
        }
        slowest = slowest.max(wrong.elapsed());
        assert_eq!(
            edge.metric("countersign_config_reload_failures_total"),
            number as u64 + 1,
            "{name}"
        );
        assert!(wrong.elapsed() < Duration::from_secs(5), "{name}: {:?}", wrong.elapsed());
    }
    assert_eq!(edge.metric("countersign_config_reloads_total"), 0);
    std::fs::write(edge.path("new"), &good).unwrap();
    std::fs::rename(edge.path("new"), edge.path("countersign.toml")).unwrap();
    while edge.metric("countersign_config_reloads_total") == 0 {
        std::thread::yield_now();
    }
    let report = load.stop();
    report
        .print(&format!("{} bad configurations, each said in {slowest:?} at most", fixtures.len()));
    report.assert_good(500);

    let (status, log) = edge.stop();
    assert_eq!(status, Some(0));
    let refusals: Vec<_> = log.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(refusals.len(), fixtures.len());
    for ((name, text), said) in fixtures.iter().zip(refusals) {
        for expected in text.lines().filter_map(|line| line.strip_prefix("# expect: ")) {
            assert!(said.contains(expected), "{name}: no {expected:?} in\n{said}");
        }
    }
}
