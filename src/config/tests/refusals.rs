//! Bad and doubtful configurations: what is said, where, and what is not shown.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::super::finding;
use super::super::{Colour, Severity, Surroundings, load};
use super::world::{KEY, SMALLEST, errors, load_with, many, messages, world};

/// The fixtures' first lines say what must be in the message: `# expect: …`. A later test feeds
/// the same files to a running edge.
#[test]
fn every_kind_of_bad_configuration_is_said_with_its_place() {
    let folder = Path::new("tests/fixtures/bad-config");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "toml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 30, "{}", paths.len());
    let mut shown = String::new();
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy();
        let errors = match load(&path, &Surroundings::Machine) {
            Ok(_) => panic!("{name} is accepted"),
            Err(errors) => errors.to_string(),
        };
        let expected: Vec<_> =
            text.lines().filter_map(|line| line.strip_prefix("# expect: ")).collect();
        assert!(!expected.is_empty(), "{name} expects nothing");
        for expected in expected {
            assert!(errors.contains(expected), "{name}: no {expected:?} in\n{errors}");
        }
        for secret in [KEY, "pepper", "horse"] {
            assert!(!errors.contains(secret), "{name} shows a secret:\n{errors}");
        }
        write!(shown, "=== {name}\n{errors}\n\n").unwrap();
    }
    insta::assert_snapshot!("bad_configurations", shown);
}

#[test]
fn a_message_says_where_and_what_would_be_right() {
    let config = format!("[edge]\nworkres = 2\n{SMALLEST}");
    assert_eq!(
        errors(&config),
        "\
error: unknown key `workres` in [edge]
 --> /etc/c/countersign.toml:2:1
  |
2 | workres = 2
  | ^^^^^^^ did you mean `workers`?
  |
  = help: the keys here are listen, workers, trusted_proxies, forwarded_header, cdn_headers, \
         expose_reasons, reveal_missing, blocklists, overrides, revocations, access_log, drain_timeout, listener, \
         limits, fraud, sync

1 error"
    );
    let coloured = load_with(&config, &[]).unwrap_err().render(Colour::Ansi);
    assert!(coloured.contains("\u{1b}["));
}

#[test]
fn what_looks_like_a_mistake_is_pointed_out() {
    let config = r#"
        [edge]
        trusted_proxies = ["0.0.0.0/0"]
        blocklists = ["none/*.netset"]
        [edge.sync]
        urls = ["https://control-1.internal:8081"]
        token = { file = "edge.token" }
        ca = "ca.pem"
        state = "edge-state"
        max_age = "24h"
        [cache]
        memory = 0
        max_object = "1MiB"
        [cache.disk]
        path = "cache"
        size = "100GiB"
        slice = "1MiB"
        [control]
        listen = "127.0.0.1:8081"
        public_url = "https://files.example.com"
        store = "sqlite:countersign.db"
        trusted_proxies = []
        compat = { query_token = true }
        [[control.listener]]
        address = "127.0.0.1:8444"
        certificates = [{ cert = "a", key = "b" }]
        [[origin]]
        name = "media"
        kind = "disk"
        root = "media"
        [[site]]
        hosts = ["a"]
        assets = { origin = "media" }
        token = { algorithm = "md5", keys = [{ id = "short", file = "keys/short.hex" }] }
        [[site]]
        hosts = ["b"]
        assets = { origin = "media" }
        token.keys = [{ id = "other", file = "keys/same.hex" }, { id = "same", env = "KEY" }]
        [[site]]
        hosts = ["c"]
        assets = { origin = "media" }
        [[site]]
        hosts = ["d"]
    "#;
    let beside: &[(&str, &[u8])] = &[
        ("keys/short.hex", b"00112233445566778899aabbccddee"),
        ("keys/same.hex", b"0011223344556677 "),
        ("edge.token", b"cse_x"),
        ("ca.pem", b""),
        ("a", b""),
        ("b", b""),
    ];
    let loaded = load_with(config, beside).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        messages(&loaded.warnings),
        [
            "every address is a trusted proxy",
            "the pattern names no file",
            "[cache.disk] has no effect where `memory` is 0",
            "HMAC-md5 is an old choice",
            "the key has only 15 bytes",
            "the key has only 8 bytes",
            "the site c takes no token",
            "the site d serves nothing",
        ]
    );
    assert!(loaded.warnings.iter().all(|it| it.severity() == Severity::Warning));

    let twice = r#"
        [[origin]]
        name = "media"
        kind = "disk"
        root = "media"
        [[site]]
        hosts = ["a"]
        assets = { origin = "media" }
        token.keys = [{ id = "1", file = "keys/a.hex" }]
        [[site]]
        hosts = ["b"]
        assets = { origin = "media" }
        token.keys = [{ id = "2", env = "KEY" }]
    "#;
    let loaded = load_with(twice, &[]).unwrap();
    assert_eq!(messages(&loaded.warnings), ["the site a has the same key"]);
    assert_eq!(loaded.warnings[0].line(), Some(13));
    let help = "give each site a key of its own";
    assert!(loaded.warnings[0].render(Colour::Plain).ends_with(help), "{:?}", loaded.warnings);

    let differing = format!("{twice}        token.ignore_query_string = false\n");
    let loaded = load_with(&differing, &[]).unwrap();
    assert_eq!(messages(&loaded.warnings), ["the site a has the same key"]);
    let shown = loaded.warnings[0].render(Colour::Plain);
    assert!(shown.contains("only one of them signs the query"), "{shown}");
}

#[test]
fn settings_that_weaken_each_other_are_pointed_out() {
    let token = |options: &str| format!("{SMALLEST}{options}\n");
    let edge = |trusted: &str, peers: &str| {
        format!(
            "[edge]\ntrusted_proxies = [\"{trusted}\"]\n[[edge.listener]]\n\
             address = \"127.0.0.1:0\"\nproxy_protocol_from = [\"{peers}\"]\n{SMALLEST}"
        )
    };
    let signed = "the decoded path is signed together with the query";
    let believed = "a trusted proxy is in `proxy_protocol_from` as well";
    for (config, expected) in [
        (token("token.url_form = \"decoded\"\ntoken.ignore_query_string = false"), vec![signed]),
        (token("token.url_form = \"decoded\""), vec![]),
        (token("token.ignore_query_string = false"), vec![]),
        (edge("10.0.0.0/8", "10.0.0.7"), vec![believed]),
        (edge("10.0.0.8", "10.0.0.7"), vec![]),
    ] {
        let loaded = load_with(&config, &[]).unwrap();
        assert_eq!(messages(&loaded.warnings), expected, "{config}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_one_error() {
    let none = load(Path::new("/none.toml"), &world("", &[])).unwrap_err();
    assert_eq!(
        none.to_string(),
        "error: cannot read /none.toml: there is no such file\n--> /none.toml\n\n1 error"
    );
    assert_eq!(none.watched().files, [Path::new("/none.toml")]);
    let mut bytes = b"[edge]\nworkers = 1\n# caf".to_vec();
    bytes.push(0xe9);
    let errors = load_with("", &[("countersign.toml", &bytes)]).unwrap_err();
    assert_eq!(errors.errors()[0].line(), Some(3));
    assert!(errors.to_string().contains("not UTF-8"), "{errors}");
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    load_with(&format!("\u{feff}{SMALLEST}"), &[]).unwrap();
}

#[test]
fn a_broken_line_does_not_bring_down_what_depends_on_it() {
    let shown = errors(&SMALLEST.replace("name = \"media\"", "name = media"));
    assert!(shown.contains("1 error") && !shown.contains("no such origin"), "{shown}");
    let shown = errors(&format!("[edge]\nlisten = [\"a:1]\nworkers = 0\n{SMALLEST}"));
    assert!(shown.contains("2 errors") && shown.contains("from 1 to 1024"), "{shown}");
    let shown = errors(&format!("[edge\nworkers = 0\n[[site]\nhosts = 1\n{SMALLEST}"));
    assert!(shown.contains("2 errors") && !shown.contains("hosts` must"), "{shown}");
    let shown = errors("[edge\n");
    assert!(shown.contains("1 error") && !shown.contains("[[site]]"), "{shown}");
}

#[test]
fn a_failed_load_says_what_to_watch() {
    let config = SMALLEST.replace("keys/a.hex", "keys/none.hex");
    let errors = load_with(&config, &[]).unwrap_err();
    let missing = PathBuf::from("/etc/c/keys/none.hex");
    assert!(errors.watched().files.contains(&missing), "{:?}", errors.watched());
}

#[test]
fn more_errors_than_anyone_reads_are_counted() {
    let config = format!("{SMALLEST}\n{}", many(150, |n| format!("[x{n}]\n")));
    let errors = load_with(&config, &[]).unwrap_err();
    assert_eq!((errors.errors().len(), errors.total()), (finding::MAX_DESCRIBED, 150));
    assert!(errors.to_string().ends_with("150 errors, of which these are the first 100"));
}

/// Everything that is wrong with a long file, broken syntax included, is said at its place.
#[test]
fn a_long_override_table_shows_all_its_errors() {
    let video = |n| format!("  {{ id = \"v{n}\", scope = \"public\" }},\n");
    let text = [
        "[[vm]]\nid = 1\nvideos = [\n",
        &many(9_000, video),
        "  { id = \"v7\" scope = \"public\" },\n  { id = \"v8\", scop = \"public\" },\n]\n\n",
        "[[vm]]\nid = two\n\n",
        "[[vm]]\nid = 1\nchannels = [{ id = 7, asset_types = [] }]\n\n",
        "[[vm]]\nvideos = [{ id = \"a\" }, 7]\nowner = 1\n",
    ]
    .concat();
    let config = format!("[edge]\noverrides = \"o.toml\"\n{SMALLEST}");
    insta::assert_snapshot!(load_with(&config, &[("o.toml", text.as_bytes())]).unwrap_err());
}
