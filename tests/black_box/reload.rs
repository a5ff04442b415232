//! Reloads under load (promises 6, 7 and 25): nothing fails, nothing is decided by half a change.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::edge::{Edge, NOW, usual_config};
use crate::support::files::replace;
use crate::support::keep_alive::KeepAlive;
use crate::support::load::{Load, Report};
use crate::support::planes::wait_until;
use crate::support::process::Process;
use crate::support::raw_client::get;
use crate::support::signing::token;

const KEYS: [&str; 2] = ["aabbccddeeff00112233445566778899", "00112233445566778899aabbccddeeff"];

/// The swap of this many states is what the promise says.
const RELOADS: u64 = 200;

/// In state 0 key 0 is in force and the video `v0` is open, in state 1 key 1 and `v1`. A token of
/// the other state's key for each video is good in both states, for the video is open or the key
/// is in force, and is refused when the key of one state meets the overrides of the other.
fn state_files(state: usize) -> [(String, String); 2] {
    let open = format!("[[vm]]\nid = 1\nvideos = [{{ id = \"v{state}\", scope = \"public\" }}]\n");
    [("key.hex".into(), KEYS[state].into()), ("overrides.toml".into(), open)]
}

fn links() -> [String; 2] {
    [(0, 1), (1, 0)].map(|(video, key)| {
        let acl = format!("/private/videos/v{video}/source");
        format!("/public/videos/v{video}/source?__token__={}", token(KEYS[key], &acl, NOW + 60))
    })
}

/// Asks for both videos in turn.
fn start_load(edge: std::net::SocketAddr) -> Load {
    let links = links();
    Load::start(edge, 8, 500, move |client, number| {
        let answer = client.get(&links[number % 2])?;
        match (answer.status, answer.body.as_slice()) {
            (200, b"a video") => Ok(()),
            (status, body) => Err(format!("{status} {}", String::from_utf8_lossy(body))),
        }
    })
}

/// Changes the state again and again, and waits for each to be in force; then all that was asked
/// meanwhile was answered, by one state each time.
fn stays_whole(edge: Process, change: impl Fn(&Process, usize)) {
    let load = start_load(edge.address());
    for number in 0..RELOADS {
        let reloads = edge.metric("countersign_config_reloads_total");
        change(&edge, usize::from(number % 2 == 0));
        edge.signal(Signal::HUP);
        while edge.metric("countersign_config_reloads_total") == reloads {
            std::thread::yield_now();
        }
    }
    let report = load.stop();
    report.print("200 reloads");
    report.assert_good(300);
    assert_eq!(report.connections, 8, "a connection was lost");
    assert!(edge.metric("countersign_config_reloads_total") >= RELOADS);
    assert_eq!(edge.metric("countersign_config_reload_failures_total"), 0);
    let (status, log) = edge.stop();
    assert_eq!(status, Some(0));
    assert_decided_by_whole_states(&log, &report);
}

fn assert_decided_by_whole_states(log: &[Value], report: &Report) {
    let mut decisions = BTreeMap::new();
    let mut requests = 0;
    for line in log.iter().filter(|line| line["event"] == "request") {
        requests += 1;
        let decided_on = (line["snapshot"].as_u64().unwrap(), line["path"].to_string());
        let decision = (line["basis"].to_string(), line["key"].to_string());
        let known = decisions.entry(decided_on).or_insert_with(|| decision.clone());
        assert_eq!(*known, decision, "{line}");
    }
    assert_eq!(requests, report.requests, "a line for every request");
    let both = ["\"public\"", "\"token\""]
        .map(|basis| decisions.values().filter(|(it, _)| it == basis).count());
    assert!(both.iter().all(|count| *count > 20), "{both:?}: not all states were asked");
}

#[test]
fn a_swapped_link_changes_key_and_override_together() {
    let config = usual_config("overrides = \"live/overrides.toml\"", "")
        .replace("keys/k1.hex", "live/key.hex");
    // As Kubernetes mounts a ConfigMap: the files are links through `..data`, which is swapped.
    let mut edge = Edge::builder(config)
        .file("media/videos/v0/source", "a video")
        .file("media/videos/v1/source", "a video")
        .link("live/..data", "..state0")
        .link("live/key.hex", "..data/key.hex")
        .link("live/overrides.toml", "..data/overrides.toml");
    for state in [0, 1] {
        for (name, text) in state_files(state) {
            edge = edge.file(&format!("live/..state{state}/{name}"), text);
        }
    }
    stays_whole(edge.spawn(), |edge, state| swap(&edge.path("live/..data"), state));
}

fn swap(link: &Path, state: usize) {
    let next = link.with_file_name("..next");
    symlink(format!("..state{state}"), &next).unwrap();
    std::fs::rename(next, link).unwrap();
}

#[test]
fn a_renamed_configuration_changes_key_and_override_together() {
    let config = |state| {
        usual_config(&format!("overrides = \"state{state}/overrides.toml\""), "")
            .replace("keys/k1.hex", &format!("state{state}/key.hex"))
    };
    let mut edge = Edge::builder(config(0))
        .file("media/videos/v0/source", "a video")
        .file("media/videos/v1/source", "a video");
    for state in [0, 1] {
        for (name, text) in state_files(state) {
            edge = edge.file(&format!("state{state}/{name}"), text);
        }
    }
    stays_whole(edge.spawn(), |edge, state| {
        replace(&edge.path("countersign.toml"), &config(state));
    });
}

/// A link that is swapped there and back while the files behind it are read looks at the end as it
/// did at the beginning: it must be noticed all the same.
#[test]
fn swaps_that_nobody_waits_for_are_never_taken_half() {
    let config = usual_config("overrides = \"live/overrides.toml\"", "")
        .replace("keys/k1.hex", "live/key.hex");
    let mut edge = Edge::builder(config)
        .file("media/videos/v0/source", "a video")
        .file("media/videos/v1/source", "a video")
        .link("live", "..state0");
    for state in [0, 1] {
        for (name, text) in state_files(state) {
            edge = edge.file(&format!("..state{state}/{name}"), text);
        }
    }
    let edge = edge.start();
    let load = start_load(edge.address());
    let reloads = edge.reloads();
    let began = Instant::now();
    let mut swaps = 0;
    while began.elapsed() < Duration::from_secs(4) {
        swap(&edge.path("live"), swaps % 2);
        reloads.reload();
        swaps += 1;
        std::thread::yield_now();
    }
    // Half-changes may be refused as long as they go on, but not afterwards.
    let reloads = || {
        let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
        let line = metrics.lines().find(|it| it.starts_with("countersign_config_reloads_total"));
        line.unwrap().rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    let before = reloads();
    edge.reloads().reload();
    while reloads() == before {
        std::thread::yield_now();
    }
    let report = load.stop();
    report.print(&format!("{swaps} swaps"));
    report.assert_good(200);
}

#[test]
fn keys_rotate_under_load_and_a_dropped_one_is_dead() {
    let config = |keys: &[usize]| {
        let keys: Vec<_> = keys
            .iter()
            .map(|key| format!("{{ id = \"k{key}\", file = \"k{key}.hex\" }}"))
            .collect();
        usual_config("", "").replace("{ id = \"k1\", file = \"keys/k1.hex\" }", &keys.join(", "))
    };
    let edge = Edge::builder(config(&[0]))
        .file("media/vod/a", "a video")
        .file("k0.hex", KEYS[0])
        .file("k1.hex", KEYS[1])
        .spawn();
    let links = KEYS.map(|key| format!("/vod/a?__token__={}", token(key, "/vod/*", NOW + 60)));
    let signers_moved = Arc::new(AtomicBool::new(false));
    let load = Load::start(edge.address(), 4, 300, {
        let (links, signers_moved) = (links.clone(), Arc::clone(&signers_moved));
        move |client: &mut KeepAlive, _| {
            let key = usize::from(signers_moved.load(Ordering::SeqCst));
            match client.get(&links[key])?.status {
                200 => Ok(()),
                status => Err(format!("{status} with key {key}")),
            }
        }
    });
    let in_force = |keys: &[usize], reloads: u64| {
        replace(&edge.path("countersign.toml"), &config(keys));
        while edge.metric("countersign_config_reloads_total") < reloads {
            std::thread::yield_now();
        }
    };
    in_force(&[0, 1], 1);
    in_force(&[1, 0], 2);
    signers_moved.store(true, Ordering::SeqCst);
    // Whoever took key 0 before is answered before it is dropped.
    let asked = edge.metric("countersign_config_reloads_total");
    assert_eq!((asked, get(edge.address(), &links[0]).status), (2, 200));
    replace(&edge.path("countersign.toml"), &config(&[1]));
    let dropped = Instant::now();
    while get(edge.address(), &links[0]).status == 200 {
        std::thread::yield_now();
    }
    let lived = dropped.elapsed();
    println!("a dropped key lived for {lived:?}");
    assert!(lived < Duration::from_secs(5), "{lived:?}");
    assert_eq!(get(edge.address(), &links[0]).code(), Some("token_signature"));
    let report = load.stop();
    report.print("rotation");
    report.assert_good(50);
}

#[test]
fn a_list_that_lost_most_of_itself_is_taken_when_somebody_says_so() {
    let networks = |count: usize| {
        (0..count).fold(String::new(), |mut text, number| {
            writeln!(text, "203.0.113.{number}").unwrap();
            text
        })
    };
    let edge = Edge::builder(usual_config("blocklists = [\"blocked.netset\"]", ""))
        .file("blocked.netset", networks(40))
        .spawn();
    let entries = || edge.metric("countersign_blocklist_entries");
    let refused = || edge.metric("countersign_config_reload_failures_total");
    let write = |count| {
        std::fs::write(edge.path("new"), networks(count)).unwrap();
        std::fs::rename(edge.path("new"), edge.path("blocked.netset")).unwrap();
    };
    assert_eq!(entries(), 40);
    write(19);
    wait_until("the change is refused", || refused() == 1);
    assert_eq!(entries(), 40);
    // Half of it is much, and may be.
    write(20);
    wait_until("half is taken", || entries() == 20);
    write(0);
    wait_until("the change is refused", || refused() == 2);
    assert_eq!(entries(), 20);
    edge.signal(Signal::HUP);
    wait_until("what was said is done", || entries() == 0);
    assert_eq!(refused(), 2);
    let (status, log) = edge.stop();
    assert_eq!(status, Some(0));
    let said: Vec<_> = log.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(
        said,
        [
            "blocklists would have 19 of 40 entries: send SIGHUP if that is meant",
            "blocklists would have 0 of 20 entries: send SIGHUP if that is meant",
        ]
    );
}

#[test]
fn large_tables_are_swapped_under_load() {
    let overrides = |state: u64| {
        let mut text = String::from("[[vm]]\nid = 1\nvideos = [\n");
        for number in 0..100_000 {
            writeln!(text, "  {{ id = \"x{state}-{number}\", scope = \"public\" }},").unwrap();
        }
        text + "]\n"
    };
    let blocklist = |state: u32| {
        let mut text = String::new();
        for number in 0..1_000_000_u32 {
            // Scattered, so that no two merge.
            let address = std::net::Ipv4Addr::from_bits(0x0b00_0000 + number * 16 + state);
            writeln!(text, "{address}").unwrap();
        }
        text
    };
    let config = usual_config("overrides = \"overrides.toml\"\nblocklists = [\"many.netset\"]", "");
    let edge = Edge::builder(config)
        .file("media/open/a", "a file")
        .file("overrides.toml", overrides(0))
        .file("many.netset", blocklist(0))
        .spawn();
    let before = edge.resident();
    assert_eq!(edge.metric("countersign_blocklist_entries"), 1_000_000);
    assert_eq!(edge.metric("countersign_override_entries"), 100_000);
    let load =
        Load::start(edge.address(), 8, 500, |client, _| match client.get("/open/a")?.status {
            200 => Ok(()),
            status => Err(status.to_string()),
        });
    let most_until_reload = |reloads| {
        let mut most = 0;
        while edge.metric("countersign_config_reloads_total") < reloads {
            most = most.max(edge.resident());
        }
        most
    };
    replace(&edge.path("overrides.toml"), &overrides(1));
    let with_overrides = most_until_reload(1);
    replace(&edge.path("many.netset"), &blocklist(1));
    let with_blocklist = most_until_reload(2);
    let report = load.stop();
    report.print("large tables");
    println!(
        "resident: {} KiB before, at most {} KiB while overrides come into force, {} KiB while a \
         blocklist does",
        before / 1024,
        with_overrides / 1024,
        with_blocklist / 1024
    );
    report.assert_good(200);
    let most = with_overrides.max(with_blocklist);
    assert!(most * 10 <= before * 22, "{most} bytes are more than 2.2 times {before}");
}
