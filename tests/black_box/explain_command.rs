//! `countersign explain`: the steps, and what would have opened it.

use countersign::token::{Delivers, LinkTerms};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::command::countersign;
use crate::support::edge::{Edge, KEY_HEX, NOW, usual_config};
use crate::support::links::{own_link, with_own_key};
use crate::support::signing::token;

/// A folder to ask `explain` about.
fn explained() -> TempDir {
    let config = usual_config("blocklists = [\"blocked.netset\"]", "")
        .replace("[site.token]\n", "[site.token]\n  url_form = \"raw\"\n");
    Edge::builder(config).file("blocked.netset", "203.0.113.0/24\n").write()
}

/// The decision as JSON, with the exit status.
fn explain(folder: &TempDir, target: &str, more: &[&str]) -> (i32, Value) {
    let now = NOW.to_string();
    let usual = ["explain", "--config", "countersign.toml", target, "--json", "--now", &now];
    let said = countersign(folder.path(), usual.iter().chain(more));
    assert_eq!(said.err, "", "{target}");
    assert!(!said.out.contains(KEY_HEX) && !said.out.contains("hmac="), "{}", said.out);
    (said.status, serde_json::from_str(&said.out).unwrap())
}

#[test]
fn explain_names_what_would_have_opened_it() {
    let folder = explained();
    let sign = |more: &[&str]| {
        let now = NOW.to_string();
        let usual = ["sign", "--config", "countersign.toml", "--now", &now, "--url"];
        let said = countersign(folder.path(), usual.iter().chain(more));
        assert_eq!(said.status, 0, "{}", said.err);
        said.out.trim_end().to_owned()
    };
    let other_key = token("00112233445566778899aabbccddeeff", "/vod/*", NOW + 60);
    let expired = (NOW - 12).to_string();
    let blocked = sign(&["/vod/a"]);
    for (target, more, code, near_miss) in [
        (sign(&["/vod/a", "--exp", &expired]), vec![], "token_expired", "expired 12 s ago"),
        (
            sign(&["/vod/b/x", "--acl", "/vod/a/*"]),
            vec![],
            "token_scope",
            "ACL covers /vod/a/*, asked /vod/b/x",
        ),
        (sign(&["/vod/a", "--ip", "198.51.100.7"]), vec![], "token_ip", "198.51.100.7"),
        (
            format!("/vod/a?__token__={other_key}"),
            vec![],
            "token_signature",
            "no key of the site signed this",
        ),
        (
            "/vod/a".into(),
            vec![],
            "token_missing",
            "a token named __token__, looked for in: query, header, cookie, path",
        ),
        ("/vod/a?__token__=junk".into(), vec![], "token_malformed", "malformed"),
        (
            blocked,
            vec!["--client", "203.0.113.9"],
            "ip_blocked",
            "203.0.113.0/24 covers 203.0.113.9",
        ),
        ("/elsewhere".into(), vec![], "no_route", "[[site.route]]"),
        ("/vod/%2e%2e/a".into(), vec![], "target_ambiguous", "without dot segments"),
        (sign(&["/vod/a", "--start", "1800000100"]), vec![], "token_not_yet_valid", "100 s"),
    ] {
        let (status, json) = explain(&folder, &target, &more);
        assert_eq!(
            (status, &json["decision"], &json["code"]),
            (1, &"deny".into(), &code.into()),
            "{json:#}"
        );
        let misses = json["near_misses"].to_string();
        assert!(misses.contains(near_miss), "{code}: no {near_miss:?} in {misses}");
    }
}

#[test]
fn explain_names_the_setting_that_would_have_helped() {
    let signed_by = |token_settings: &str, more: &[&str]| {
        let config = usual_config("", "")
            .replace("[site.token]\n", &format!("[site.token]\n  {token_settings}\n"));
        let folder = Edge::builder(config).write();
        let now = NOW.to_string();
        let usual = ["sign", "--config", "countersign.toml", "--now", &now, "--url"];
        countersign(folder.path(), usual.iter().chain(more)).out.trim_end().to_owned()
    };
    let folder = explained();
    for (settings, arguments, near_miss) in [
        ("algorithm = \"sha1\"", vec!["/vod/a"], "verifies with SHA-1"),
        ("algorithm = \"md5\"", vec!["/vod/a"], "verifies with MD5"),
        (
            "url_form = \"decoded\"",
            vec!["/vod/a%20b", "--url-token"],
            "verifies on the decoded path",
        ),
        (
            "ignore_query_string = false",
            vec!["/vod/a?x=1", "--url-token"],
            "verifies with the query",
        ),
    ] {
        let link = signed_by(settings, &arguments);
        let (status, json) = explain(&folder, &link, &[]);
        assert_eq!((status, &json["code"]), (1, &"token_signature".into()), "{settings}: {json:#}");
        let misses = json["near_misses"].to_string();
        assert!(misses.contains(near_miss), "{settings}: no {near_miss:?} in {misses}");
    }
}

#[test]
fn explain_tells_the_steps_in_words() {
    let folder = explained();
    let token = token(KEY_HEX, "/vod/*", NOW + 60);
    let now = NOW.to_string();
    let said = countersign(
        folder.path(),
        [
            "explain",
            "--config",
            "countersign.toml",
            "/vod/a",
            "--now",
            &now,
            "--host",
            "x",
            "-H",
            &format!("__token__: {token}"),
            "--client",
            "::ffff:198.51.100.7",
        ],
    );
    assert_eq!(
        (said.status, &*said.out, &*said.err),
        (
            0,
            "\
site      *
client    198.51.100.7, the connection's own address
target    path /vod/a (as sent)
resource  plain path under /vod/
route     /vod/ is token
blocklist the address is on no blocklist
token     from the header: verified by key k1
permit    the header token of key k1 opens it
fetch     vod/a from media
=>        allow 200 (ok)
",
            ""
        )
    );
    let (status, json) = explain(&folder, &format!("http://h/vod/a?__token__={token}"), &[]);
    assert_eq!(status, 0);
    assert_eq!(
        (&json["decision"], &json["status"], &json["effective_path"]),
        (&"allow".into(), &200.into(), &"/vod/a".into())
    );
    for usage in [
        vec!["explain", "--config", "none.toml", "/a"],
        vec!["explain", "--config", "countersign.toml", "/a", "-H", "no colon"],
        vec!["explain", "--config", "countersign.toml", "/a", "--client", "x"],
        vec!["explain", "--config", "countersign.toml", "/a", "--method", "G T"],
    ] {
        let said = countersign(folder.path(), &usage);
        assert_eq!((said.status, &*said.out), (2, ""), "{usage:?}");
    }
}

#[test]
fn explain_says_whose_scripts_may_read_the_answer() {
    let config = usual_config("", "cors = [\"https://player.example.com\"]");
    let folder = Edge::builder(config).write();
    let about = |more: &[&str]| {
        let (status, said) = explain(&folder, "/vod/a", more);
        let steps = said["steps"].as_array().unwrap();
        let cors = steps.iter().find(|step| step["step"] == "cors");
        let cors = cors.map(|step| step["outcome"].as_str().unwrap().to_owned());
        (status, said["code"].as_str().unwrap().to_owned(), said["status"].clone(), cors)
    };
    let denied = (1, "token_missing".to_owned(), Value::from(403));
    let (status, code, number, cors) = about(&[]);
    assert_eq!(((status, code, number), cors), (denied.clone(), None));
    for (origin, expected) in [
        ("https://player.example.com", "scripts of https://player.example.com may read the answer"),
        (
            "https://evil.example",
            "https://evil.example is not listed: its scripts may not read the answer",
        ),
    ] {
        let field = format!("Origin: {origin}");
        let (status, code, number, cors) = about(&["-H", &field]);
        assert_eq!(((status, code, number), cors.as_deref()), (denied.clone(), Some(expected)));
        let (status, code, number, cors) = about(&["-H", &field, "--method", "OPTIONS"]);
        assert_eq!((status, &*code, number), (0, "ok", Value::from(204)));
        assert_eq!(cors.as_deref(), Some(expected));
    }
    let (status, said) = explain(&explained(), "/vod/a", &["--method", "OPTIONS"]);
    assert_eq!((status, &said["code"]), (1, &"method_not_allowed".into()));
    assert_eq!(
        said["near_misses"],
        serde_json::json!(["GET or HEAD; OPTIONS where the site sets `cors`"])
    );
}

/// G3: a link to an original, as its client has it and as a CDN does.
#[test]
fn explain_tells_of_an_original_that_nobody_keeps() {
    let folder = Edge::builder(with_own_key(&usual_config("", ""))).write();
    let terms = LinkTerms { delivers: Delivers::Original, ..LinkTerms::default() };
    let link = own_link("/private/videos/a/source", "lnk_1", terms);
    let (status, json) = explain(&folder, &link, &[]);
    assert_eq!((status, &json["code"]), (0, &"ok".into()), "{json:#}");
    assert!(json.to_string().contains("opens it as an original, which nobody keeps"), "{json:#}");
    let (status, json) = explain(&folder, &link, &["-H", "CDN-Loop: cdn.example"]);
    assert_eq!((status, &json["code"]), (1, &"cdn_refused".into()), "{json:#}");
    assert_eq!(json["near_misses"].as_array().unwrap().len(), 1, "{json:#}");
}

/// Whether there is such a share the control plane knows; who may knock is said here.
#[test]
fn explain_tells_of_a_share_what_the_edge_knows() {
    let of_template = "assets = { origin = \"media\", key = \"{path}/{quality}.{source}\" }";
    let config = usual_config("blocklists = [\"blocked.netset\"]", "");
    let config = config.replacen(of_template, "assets = { catalog = true }", 1);
    let control = "[control]\nlisten = \"127.0.0.1:0\"\nstore = \"sqlite:control.db\"\n\n[admin]";
    let config = config.replacen("[admin]", control, 1);
    let folder = Edge::builder(config).file("blocked.netset", "203.0.113.0/24\n").write();
    let (status, json) = explain(&folder, "/s/abc", &[]);
    assert_eq!((status, &json["code"]), (0, &"ok".into()), "{json:#}");
    assert!(json["steps"].to_string().contains("a control plane answers"), "{json:#}");
    let (status, json) = explain(&folder, "/s/abc", &["--client", "203.0.113.9"]);
    assert_eq!((status, &json["code"]), (1, &"ip_blocked".into()), "{json:#}");
    assert!(json["near_misses"].to_string().contains("203.0.113.0/24 covers"), "{json:#}");
    let (status, json) = explain(&folder, "/s/abc/../x", &[]);
    assert_eq!((status, &json["code"]), (1, &"target_ambiguous".into()), "{json:#}");
}
