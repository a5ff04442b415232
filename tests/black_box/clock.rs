//! Odd clocks (promise 23): nothing panics, and what has expired stays shut.

use crate::support::command::countersign;
use crate::support::edge::{Edge, KEY_HEX, usual_config};
use crate::support::process::Process;
use crate::support::raw_client::get;
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
