//! Odd clocks (promise 23): nothing panics, and what has expired stays shut.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use countersign::clock::Clock;
use rustix::process::Signal;
use tokio::time::Instant;

use crate::support::command::countersign;
use crate::support::edge::{Edge, KEY_HEX, usual_config};
use crate::support::files::replace;
use crate::support::keep_alive::{KeepAlive, dial};
use crate::support::process::Process;
use crate::support::raw_client::{Connection, get};
use crate::support::signing::token;

/// 1970, a day before and after 32 bits end, the year 9999, and the end of the numbers.
const INSTANTS: &[u64] =
    &[0, 1, 2_147_483_647, 2_147_483_648, 253_402_300_799, u64::MAX - 1, u64::MAX];

#[test]
fn no_instant_opens_what_has_expired_or_stops_the_edge() {
    for &now in INSTANTS {
        let folder = Edge::builder(usual_config("", "")).file("media/vod/a", "a file").write();
        let edge = Process::start(folder, &["--clock", &now.to_string()]);
        let ask = |expiry| {
            let link = format!("/vod/a?__token__={}", token(KEY_HEX, "/vod/*", expiry));
            let answer = get(edge.address(), &link);
            (answer.status, answer.code().map(str::to_owned))
        };
        let expired = || (403, Some("token_expired".to_owned()));
        // The last second of a link is a good one.
        let (last_second, later) = (ask(now), ask(now.saturating_add(3600)));
        // Zero and numbers past 9999 are no expiry that anybody meant; never is either open late.
        for (answer, expiry) in [(last_second, now), (later, now.saturating_add(3600))] {
            let meant = answer.1.as_deref() == Some("token_malformed");
            assert!(answer == (200, None) || meant, "{expiry} at {now}: {answer:?}");
        }
        if now > 1 {
            let answer = ask(now - 1);
            let meant = answer.1.as_deref() == Some("token_malformed");
            assert!(answer == expired() || meant, "{answer:?} at {now}");
            assert_eq!(ask(1), expired(), "at {now}");
        }
        assert_eq!(get(edge.admin(), "/livez").status, 200);
        let metrics = String::from_utf8(get(edge.admin(), "/metrics").body).unwrap();
        assert!(!metrics.lines().any(|it| it.contains("panic") && it.ends_with(" 1")), "{metrics}");
        let (status, log) = edge.stop();
        assert_eq!(status, Some(0), "{now}");
        assert!(log.iter().any(|line| line["level"] == "WARN" && line["now"] == now), "{now}");
    }
}

#[test]
fn a_fixed_clock_is_for_loopback_only() {
    let open = usual_config("", "").replacen("127.0.0.1:0", "0.0.0.0:0", 1);
    let folder = Edge::builder(open).write();
    let said =
        countersign(folder.path(), ["serve", "--config", "countersign.toml", "--clock", "1"]);
    assert_eq!((said.status, &*said.out), (1, ""));
    let line: serde_json::Value = serde_json::from_str(said.err.lines().last().unwrap()).unwrap();
    assert_eq!(
        line["error"],
        "a fixed clock is for loopback listeners only, and 0.0.0.0:0 is none"
    );
    for clock in ["-1", "soon", "18446744073709551616"] {
        let arguments = ["serve", "--config", "countersign.toml", "--clock", clock];
        assert_eq!(countersign(folder.path(), arguments).status, 2, "{clock}");
    }
}

/// How long a head may take here; a timer that jumped with the clock would end it at once or never.
const HEADER_TIMEOUT: Duration = Duration::from_millis(700);

/// Seconds since 1970 on this machine's own clock.
fn real_now() -> i64 {
    i64::try_from(Clock::System.now().get()).unwrap()
}

/// The edge's clock as `libfaketime` shows it: so many seconds ahead of the real one.
struct FakeClock(PathBuf);

impl FakeClock {
    fn jump(&self, ahead: i64) {
        replace(&self.0, &format!("{ahead:+}\n"));
    }
}

/// An edge whose wall clock is faked and whose monotonic clock is not: the kernel's does not jump
/// either when somebody sets the time.
fn edge_with_a_fake_clock() -> (Process, FakeClock) {
    let limits = format!(
        "[edge.limits]\nheader_timeout = \"{}ms\"\nidle_timeout = \"60s\"",
        HEADER_TIMEOUT.as_millis()
    );
    let folder = Edge::builder(usual_config(&limits, ""))
        .file("media/vod/a", "a file")
        .file("clock", "+0\n")
        .write();
    let clock = FakeClock(folder.path().join("clock"));
    let library = std::env::var_os("COUNTERSIGN_TEST_FAKETIME")
        .unwrap_or_else(|| panic!("libfaketime is not known: run the tests by tests/run"));
    let environment = [
        ("LD_PRELOAD", library.as_os_str()),
        ("FAKETIME_TIMESTAMP_FILE", clock.0.as_os_str()),
        ("FAKETIME_NO_CACHE", OsStr::new("1")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", OsStr::new("1")),
        // Time stamps of files stay what they are.
        ("NO_FAKE_STAT", OsStr::new("1")),
        ("TZ", OsStr::new("UTC")),
    ];
    (Process::start_in(&environment, folder, &[]), clock)
}

#[test]
fn a_clock_that_jumps_opens_nothing_that_has_expired_and_moves_no_timer() {
    let (edge, clock) = edge_with_a_fake_clock();
    let mut kept = KeepAlive::new(dial(edge.address()));
    let mut ask = |expiry: i64| {
        let expiry = u64::try_from(expiry).unwrap();
        let link = format!("/vod/a?__token__={}", token(KEY_HEX, "/vod/*", expiry));
        let answer = kept.get(&link).unwrap();
        assert_eq!(kept.connections, 1, "the connection was closed");
        (answer.status, answer.code().map(str::to_owned))
    };
    let (good, expired) = ((200, None), (403, Some("token_expired".to_owned())));
    let begun = real_now();
    let half_an_hour = begun + 1800;
    // Where the clock jumps to, and what is to be seen of it in the log.
    let until_2038 = 2_147_483_647 - begun;
    let jumps = [
        (0, "20", true),
        (3600, "20", false),
        (-3600, "20", true),
        // Late enough for an expiry of a day before.
        (2 * 86_400 - begun, "1970-01-03T", true),
        // Passes the end of 32 bits while it is looked at.
        (until_2038 - 1, "2038-01-19T", false),
        (until_2038 + 3600, "2038-01-19T", false),
        (-2 * 86_400 - begun, "1970-01-01T", true),
        (0, "20", true),
    ];
    let mut loaded = edge.metric("countersign_config_reloads_total");
    for (ahead, _, is_good) in jumps {
        let began = Instant::now();
        let mut late = Connection::open(edge.address());
        late.send("GET /vod/a HTTP/1.1\r\nHost: a\r\nX:");
        clock.jump(ahead);
        let now = (real_now() + ahead).max(0);
        assert_eq!(ask(half_an_hour), if is_good { good.clone() } else { expired.clone() });
        assert_eq!(ask(now + 60), good, "{ahead}");
        if now > 86_400 {
            assert_eq!(ask(now - 2), expired, "{ahead}");
            assert_eq!(ask(now - 86_400), expired, "{ahead}");
        }
        // A reload works at any time.
        edge.signal(Signal::HUP);
        loaded += 1;
        // What is in force by the one before it may be counted a moment later.
        while edge.metric("countersign_config_reloads_total") < loaded
            || edge.metric("countersign_snapshot_age_seconds") >= 60
        {
            std::thread::yield_now();
        }
        assert_eq!(late.answer().map(|it| it.status), Some(408), "{ahead}");
        let waited = began.elapsed();
        assert!(waited >= HEADER_TIMEOUT, "{ahead}: {waited:?}");
        assert!(waited < Duration::from_secs(10), "{ahead}: {waited:?}");
        assert_eq!(get(edge.admin(), "/readyz").status, 200);
    }
    assert_eq!(edge.metric("countersign_panics_total"), 0);
    let (status, log) = edge.stop();
    assert_eq!(status, Some(0));
    let times: Vec<_> = log.iter().filter_map(|line| line["time"].as_str()).collect();
    for (_, seen, _) in jumps {
        assert!(times.iter().any(|time| time.starts_with(seen)), "no {seen} in {times:?}");
    }
    for line in log.iter().filter(|line| line["event"] == "request") {
        assert!(line["total_us"].as_u64().unwrap() < 5_000_000, "{line}");
    }
}
