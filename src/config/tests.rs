//! Whole configurations, good and bad, as an operator would write them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::asset::{AssetTypeSet, TenantId};
use crate::data_plane::{ForwardedHeader, Limits, Missing, Reasons};
use crate::keyring::{KeyPurpose, MacAlgorithm};
use crate::policy::{Access, OriginTakes, Scheme};
use crate::token::Carrier;
use crate::token::edge_auth::{EscapeUrl, IpForm, QueryRule, StartRule, UrlForm};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A world of `/etc/c/countersign.toml` and some files beside it.
fn world(config: &str, beside: &[(&str, &[u8])]) -> Surroundings {
    let mut files = BTreeMap::from([
        (PathBuf::from("/etc/c/countersign.toml"), config.as_bytes().to_vec()),
        (PathBuf::from("/etc/c/media/hello.txt"), b"hello".to_vec()),
        (PathBuf::from("/etc/c/keys/a.hex"), KEY.as_bytes().to_vec()),
        (PathBuf::from("/etc/c/keys/b.hex"), format!("ff{KEY}\n").into_bytes()),
    ]);
    for (name, content) in beside {
        files.insert(Path::new("/etc/c").join(name), content.to_vec());
    }
    Surroundings::Fixed { files, variables: BTreeMap::from([("KEY".into(), KEY.into())]) }
}

fn load_with(config: &str, beside: &[(&str, &[u8])]) -> Result<Loaded, ConfigErrors> {
    load(Path::new("/etc/c/countersign.toml"), &world(config, beside))
}

fn errors(config: &str) -> String {
    load_with(config, &[]).unwrap_err().to_string()
}

const SMALLEST: &str = r#"
[[origin]]
name = "media"
kind = "disk"
root = "media"

[[site]]
assets = { origin = "media" }
token.keys = [{ id = "a", file = "keys/a.hex" }]
"#;

fn only_site(loaded: &Loaded) -> &crate::policy::Site {
    assert_eq!(loaded.sites.sites().len(), 1);
    &loaded.sites.sites()[0]
}

fn messages(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(Diagnostic::message).collect()
}

#[test]
fn the_smallest_configuration_has_the_defaults_of_the_contract() {
    let loaded = load_with(SMALLEST, &[]).unwrap();
    assert_eq!(messages(&loaded.warnings), Vec::<&str>::new());
    assert_eq!(loaded.edge.listeners.len(), 1);
    assert_eq!(loaded.edge.listeners[0].address, SocketAddr::from(([127, 0, 0, 1], 8080)));
    assert!(loaded.edge.listeners[0].certificates.is_empty());
    assert!(loaded.edge.workers >= 1);
    assert_eq!(loaded.edge.drain_timeout, Duration::from_secs(30));
    assert!(loaded.settings.trusted_proxies.is_empty());
    assert_eq!(loaded.settings.forwarded_header, ForwardedHeader::XForwardedFor);
    assert_eq!(loaded.settings.reasons, Reasons::Hidden);
    assert_eq!(loaded.settings.missing, Missing::Hidden);
    assert_eq!(loaded.settings.limits, Limits::default());
    assert_eq!(loaded.admin, Some(SocketAddr::from(([127, 0, 0, 1], 9100))));
    assert_eq!(loaded.blocklist_files, Vec::<PathBuf>::new());
    assert!(loaded.revocations.is_empty());
    assert_eq!(loaded.overrides.entries(), 0);

    let site = only_site(&loaded);
    assert_eq!((&*site.name, site.tenant), ("*", TenantId(1)));
    let token = site.token.as_ref().unwrap();
    assert_eq!(token.carriers.name(), "__token__");
    let allowed: Vec<_> = Carrier::ALL.iter().filter(|it| token.carriers.allows(**it)).collect();
    assert_eq!(allowed, [&Carrier::Query, &Carrier::Header, &Carrier::Cookie]);
    let Scheme::EdgeAuth(rules) = &token.scheme;
    assert_eq!(rules.algorithm, MacAlgorithm::Sha256);
    assert_eq!(rules.keyring.keys()[0].purpose(), KeyPurpose::Vendor);
    assert_eq!((rules.skew, rules.max_lifetime), (0, None));
    assert_eq!((&*rules.field_delimiter, &*rules.acl_delimiter), ("~", "!"));
    assert_eq!(rules.query, QueryRule::Ignored);
    assert_eq!((rules.escape_url, rules.url_form), (EscapeUrl::Auto, UrlForm::Raw));
    assert_eq!((rules.start, rules.ip_form), (StartRule::Optional, IpForm::Address));
    assert!(rules.salt.is_none());

    let watched = ["countersign.toml", "keys/a.hex"].map(|it| Path::new("/etc/c").join(it));
    assert_eq!(loaded.watched.files, watched);
}

#[test]
fn every_key_reaches_its_place() {
    let config = r#"
        [edge]
        listen = ["127.0.0.1:0", "[::1]:0"]
        workers = 3
        trusted_proxies = ["10.0.0.1/8"]
        forwarded_header = "forwarded"
        expose_reasons = true
        reveal_missing = true
        blocklists = ["lists/*.netset", "lists/a.netset"]
        overrides = "overrides.toml"
        revocations = ["revoked.txt"]
        drain_timeout = "1m"
        [[edge.listener]]
        address = "127.0.0.1:0"
        certificates = [{ cert = "tls/a.pem", key = "tls/a.key" }]
        proxy_protocol_from = ["192.0.2.0/24"]
        [edge.limits]
        handshake_timeout = "1s"
        header_timeout = "2s"
        idle_timeout = "3s"
        write_timeout = "4s"
        max_connections = 5
        max_connections_per_address = 6
        max_requests_per_connection = 7
        max_header_bytes = "16KiB"
        max_headers = 64
        max_target_bytes = 4096
        [[origin]]
        name = "media"
        kind = "disk"
        root = "media"
        symlinks = "beneath"
        [[origin]]
        name = "far"
        kind = "http"
        url = "https://far.internal:9000"
        ca = "ca.pem"
        connect_timeout = "1s"
        header_timeout = "5s"
        idle_timeout = "6s"
        max_idle = 8
        [[site]]
        hosts = ["Files.example.com", "*.example.com"]
        tenant = 42
        assets = { origin = "far", key = "{visibility}/{path}" }
        [site.token]
        scheme = "edge-auth"
        name = "hdnea"
        carriers = ["path"]
        algorithm = "sha1"
        keys = [
            { id = "a", env = "KEY", use = "links", not_before = 2026-11-01T00:00:00Z },
            { id = "b", file = "keys/b.hex", not_after = 1_800_000_000 },
        ]
        salt = { file = "salt" }
        ignore_query_string = false
        escape_url = "on"
        url_form = "decoded"
        field_delimiter = "^"
        acl_delimiter = "|"
        skew = "5s"
        max_lifetime = "2h"
        require_start = true
        ip_ranges = true
        [[site.route]]
        prefix = "/vod/"
        access = "open"
        origin = "media"
        [[site.route]]
        prefix = "/"
        access = "deny"
        origin = "far"
        [admin]
        listen = ""
    "#;
    let overrides = br#"
        [[vm]]
        id = 42
        asset_types = ["SUBTITLE"]
        videos = [{ id = "-civ9", scope = "public" }, { id = "b", asset_types = ["VIDEO_SOURCE"] }]
        channels = [{ id = 7, asset_types = ["ATTACHMENT"] }]
        [[vm]]
        id = 43
        scope = "public"
    "#;
    let loaded = load_with(
        config,
        &[
            ("lists/a.netset", b""),
            ("lists/b.netset", b""),
            ("overrides.toml", overrides),
            ("revoked.txt", b"# lost\nlnk_1\n"),
            ("tls/a.pem", b""),
            ("tls/a.key", b""),
            ("ca.pem", b""),
            ("salt", b"pepper\n"),
        ],
    )
    .unwrap_or_else(|errors| panic!("{errors}"));

    assert_eq!(messages(&loaded.warnings), ["HMAC-sha1 is an old choice"]);
    assert_eq!(loaded.edge.listeners.len(), 3);
    let tls = &loaded.edge.listeners[2];
    assert_eq!(tls.certificates[0].key, Path::new("/etc/c/tls/a.key"));
    assert!(tls.proxy_protocol_from.contains("192.0.2.9".parse().unwrap()));
    assert_eq!((loaded.edge.workers, loaded.edge.drain_timeout), (3, Duration::from_mins(1)));
    let settings = &loaded.settings;
    assert!(settings.trusted_proxies.contains("10.9.9.9".parse().unwrap()));
    assert_eq!(settings.forwarded_header, ForwardedHeader::Forwarded);
    assert_eq!((settings.reasons, settings.missing), (Reasons::Exposed, Missing::Revealed));
    assert_eq!(
        settings.limits,
        Limits {
            handshake_timeout: Duration::from_secs(1),
            header_timeout: Duration::from_secs(2),
            idle_timeout: Duration::from_secs(3),
            write_timeout: Duration::from_secs(4),
            max_connections: Some(5),
            max_connections_per_address: Some(6),
            max_requests_per_connection: Some(7),
            max_header_bytes: 16 * 1024,
            max_headers: 64,
            max_target_bytes: 4096,
        }
    );
    let lists = ["lists/a.netset", "lists/b.netset"].map(|it| Path::new("/etc/c").join(it));
    assert_eq!(loaded.blocklist_files, lists);
    assert_eq!(loaded.watched.patterns, [Path::new("/etc/c/lists/*.netset")]);
    assert!(loaded.revocations.contains("lnk_1"));
    assert_eq!(loaded.overrides.entries(), 5);
    assert_eq!(loaded.admin, None);

    let [disk, far] = &loaded.origins[..] else { panic!("{:?}", loaded.origins) };
    assert_eq!(
        disk.kind,
        OriginKind::Disk { root: "/etc/c/media".into(), symlinks: Symlinks::Beneath }
    );
    assert_eq!(
        far.kind,
        OriginKind::Http {
            url: "https://far.internal:9000".parse().unwrap(),
            ca: Some("/etc/c/ca.pem".into()),
            connect_timeout: Duration::from_secs(1),
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(6),
            max_idle: 8,
        }
    );

    let site = only_site(&loaded);
    assert_eq!((&*site.name, site.tenant), ("Files.example.com", TenantId(42)));
    assert!(loaded.sites.find("a.example.com").is_some());
    assert_eq!(site.assets.as_ref().unwrap().origin.as_str(), "far");
    let routes: Vec<_> =
        site.routes.iter().map(|it| (&*it.prefix, it.access, it.origin_takes)).collect();
    let expected =
        [("/vod/", Access::Open, OriginTakes::Keys), ("/", Access::Deny, OriginTakes::Targets)];
    assert_eq!(routes, expected);
    let token = site.token.as_ref().unwrap();
    assert_eq!(token.carriers.name(), "hdnea");
    assert!(token.carriers.allows(Carrier::Path) && !token.carriers.allows(Carrier::Query));
    let Scheme::EdgeAuth(rules) = &token.scheme;
    assert_eq!(rules.algorithm, MacAlgorithm::Sha1);
    let [first, second] = rules.keyring.keys() else { panic!("{rules:?}") };
    assert_eq!((first.id().as_str(), first.purpose()), ("a", KeyPurpose::Links));
    assert_eq!(first.window().not_before.unwrap().get(), 1_793_491_200);
    assert_eq!((second.len(), second.window().not_after.unwrap().get()), (33, 1_800_000_000));
    assert_eq!(rules.salt.as_ref().unwrap().expose(), b"pepper");
    assert_eq!((rules.skew, rules.max_lifetime), (5, Some(7200)));
    assert_eq!((&*rules.field_delimiter, &*rules.acl_delimiter), ("^", "|"));
    assert_eq!(rules.query, QueryRule::Signed);
    assert_eq!((rules.escape_url, rules.url_form), (EscapeUrl::On, UrlForm::Decoded));
    assert_eq!((rules.start, rules.ip_form), (StartRule::Required, IpForm::AddressOrNetwork));
}

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
  = help: the keys here are listen, workers, trusted_proxies, forwarded_header, expose_reasons, \
         reveal_missing, blocklists, overrides, revocations, drain_timeout, listener, limits, sync

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
    ];
    let loaded = load_with(config, beside).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(
        messages(&loaded.warnings),
        [
            "every address is a trusted proxy",
            "the pattern names no file",
            "[edge.sync] has no effect in this version",
            "[cache] has no effect in this version",
            "[control] has no effect in this version",
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

/// `count` copies of what `one` makes of a number.
fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}

/// A configuration with so many of something.
type Copies = Box<dyn Fn(usize) -> String>;

#[test]
fn counts_are_accepted_at_the_limit_and_refused_beyond() {
    let origin = |n| format!("[[origin]]\nname = \"o{n}\"\nkind = \"disk\"\nroot = \"media\"\n");
    let site = |n| format!("[[site]]\nhosts = [\"h{n}\"]\n");
    let route =
        |n| format!("[[site.route]]\nprefix = \"/{n}/\"\naccess = \"deny\"\norigin = \"o0\"\n");
    let key = |n| format!("{{ id = \"{n}\", env = \"KEY\" }},");
    let listener = |n: usize| format!("\"127.0.0.1:{}\",", 1000 + n);
    let kinds: [(&str, usize, Copies); 5] = [
        ("`origin` has", origins::MAX_ORIGINS, Box::new(move |n| many(n, origin) + &site(0))),
        ("`site` has", sites::MAX_SITES, Box::new(move |n| many(n, site))),
        (
            "`route` has",
            sites::MAX_ROUTES,
            Box::new(move |n| origin(0) + &site(0) + &many(n, route)),
        ),
        (
            "`keys` has",
            tokens::MAX_KEYS,
            Box::new(move |n| format!("{}{}token.keys = [{}]\n", origin(0), site(0), many(n, key))),
        ),
        (
            "`listen` has",
            edge::MAX_LISTENERS,
            Box::new(move |n| format!("[edge]\nlisten = [{}]\n{}", many(n, listener), site(0))),
        ),
    ];
    for (message, limit, config) in kinds {
        if let Err(errors) = load_with(&config(limit), &[]) {
            panic!("{message}: {errors}");
        }
        let shown = errors(&config(limit + 1));
        assert!(shown.contains(message), "{shown}");
        assert!(shown.contains("1 error") || message == "`origin` has", "{shown}");
    }
}

#[test]
fn files_are_accepted_at_the_limit_and_refused_beyond() {
    let limit = usize::try_from(load::MAX_CONFIG_BYTES).unwrap();
    let mut config = SMALLEST.to_owned();
    config.push('#');
    config.push_str(&"x".repeat(limit - config.len()));
    load_with(&config, &[]).unwrap();
    config.push('x');
    assert!(errors(&config).contains("larger than 16777216 bytes"));

    let limit = usize::try_from(secret_source::MAX_SECRET_BYTES).unwrap();
    let key = "00".repeat(limit / 2);
    load_with(SMALLEST, &[("keys/a.hex", key.as_bytes())]).unwrap();
    let longer = format!("{key}0");
    let errors = load_with(SMALLEST, &[("keys/a.hex", longer.as_bytes())]).unwrap_err();
    assert!(errors.to_string().contains("larger than 16384 bytes"), "{errors}");

    let with_lists = format!("[edge]\nrevocations = [\"ids\"]\n{SMALLEST}");
    let ids = "a\n".repeat(lists::MAX_REVOCATIONS);
    load_with(&with_lists, &[("ids", ids.as_bytes())]).unwrap();
    let errors = load_with(&with_lists, &[("ids", (ids + "b").as_bytes())]).unwrap_err();
    assert!(errors.to_string().contains("more than 1000000 revoked ids"), "{errors}");
}

fn override_file(videos: usize) -> String {
    let video = |n| format!("  {{ id = \"video-{n:016}\", asset_types = [\"VIDEO_SOURCE\"] }},\n");
    format!("[[vm]]\nid = 1\nvideos = [\n{}]\n", many(videos, video))
}

#[test]
fn overrides_are_accepted_at_the_limit_and_refused_beyond() {
    let config = format!("[edge]\noverrides = \"o.toml\"\n{SMALLEST}");
    let file = override_file(overrides::MAX_OVERRIDES);
    let loaded = load_with(&config, &[("o.toml", file.as_bytes())]).unwrap();
    assert_eq!(loaded.overrides.entries(), overrides::MAX_OVERRIDES);
    let file = format!(
        "{file}[[vm]]\nid = 2\nchannels = [{{ id = 1, asset_types = [\"ATTACHMENT\"] }}]\n"
    );
    let errors = load_with(&config, &[("o.toml", file.as_bytes())]).unwrap_err();
    assert!(errors.to_string().contains("at most 250000"), "{errors}");
}

#[test]
fn a_public_tenant_opens_every_type() {
    let config = format!("[edge]\noverrides = \"o.toml\"\n{SMALLEST}");
    let table = b"[[vm]]\nid = 1\nscope = \"public\"\n";
    let loaded = load_with(&config, &[("o.toml", table)]).unwrap();
    let every =
        crate::policy::TenantOverrides { asset_types: AssetTypeSet::EVERY, ..Default::default() };
    let expected = crate::policy::OverrideTable::new([(TenantId(1), every)].into());
    assert_eq!(loaded.overrides, expected);
}

#[test]
fn more_errors_than_anyone_reads_are_counted() {
    let config = format!("{SMALLEST}\n{}", many(150, |n| format!("[x{n}]\n")));
    let errors = load_with(&config, &[]).unwrap_err();
    assert_eq!((errors.errors().len(), errors.total()), (finding::MAX_DESCRIBED, 150));
    assert!(errors.to_string().ends_with("150 errors, of which these are the first 100"));
}

proptest! {
    /// Neither noise nor a good file with a hole in it may panic, and whatever is refused shows.
    #[test]
    fn no_text_panics(text in "[\\[\\]a-z{}=\"'#., \n0-9:/*~!é-]{0,200}") {
        if let Err(errors) = load_with(&text, &[]) {
            prop_assert!(!errors.errors().is_empty());
            prop_assert!(!errors.render(Colour::Ansi).is_empty());
        }
    }

    #[test]
    fn no_damaged_file_panics(
        at in 0_usize..4000,
        length in 0_usize..40,
        with in "[\\[\\]a-z{}=\"'\n0-9]{0,8}",
    ) {
        let config = include_str!("../../config/countersign.toml");
        let (from, to) = (at.min(config.len()), (at + length).min(config.len()));
        let damaged = [&config.as_bytes()[..from], with.as_bytes(), &config.as_bytes()[to..]].concat();
        if let Err(errors) = load_with("", &[("countersign.toml", &damaged)]) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}

/// Every file in `config/` is loaded as it is, beside the files that its comments ask for.
#[test]
fn every_example_is_a_good_configuration() {
    let folder = tempfile::tempdir().unwrap();
    for place in ["keys", "media", "tls"] {
        fs::create_dir(folder.path().join(place)).unwrap();
    }
    for name in ["keys/2026-11.hex", "keys/akamai.hex"] {
        fs::write(folder.path().join(name), KEY).unwrap();
    }
    fs::write(folder.path().join("keys/2026-12.hex"), KEY.replace('0', "1")).unwrap();
    for name in ["tls/files.pem", "tls/files.key", "tls/other.pem", "tls/other.key"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let mut seen = 0;
    let copied = ["config", "config/examples"].map(|from| {
        let files = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|it| it.is_file()) {
            fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
            seen += 1;
        }
    });
    assert_eq!((copied.len(), seen), (2, 5), "a new example is new in this test, too");
    let environment = BTreeMap::from([("COUNTERSIGN_KEY".to_owned(), KEY.to_owned())]);
    for name in ["countersign.toml", "akamai.toml", "tls.toml", "behind-proxy.toml"] {
        let path = folder.path().join(name);
        let surroundings = if name == "behind-proxy.toml" {
            let files = BTreeMap::from([(path.clone(), fs::read(&path).unwrap())]);
            Surroundings::Fixed { files, variables: environment.clone() }
        } else {
            Surroundings::Machine
        };
        let loaded = load(&path, &surroundings).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(messages(&loaded.warnings), Vec::<&str>::new(), "{name}");
    }
}

/// What `config/countersign.toml` writes out as defaults are the defaults, and no key is missing.
#[test]
fn the_commented_configuration_is_complete_and_true() {
    let text = include_str!("../../config/countersign.toml");
    let written = load_with(text, &[("keys/2026-11.hex", KEY.as_bytes())]).unwrap();
    let default = load_with(SMALLEST, &[]).unwrap();
    assert_eq!(written.edge.listeners, default.edge.listeners);
    assert_eq!(written.edge.workers, default.edge.workers);
    assert_eq!(written.edge.drain_timeout, default.edge.drain_timeout);
    assert_eq!(format!("{:?}", written.settings), format!("{:?}", default.settings));
    assert_eq!(written.admin, default.admin);
    assert_eq!(written.origins, default.origins);
    let rules = |loaded: &Loaded| format!("{:?}", only_site(loaded).token).replace("2026-11", "a");
    assert_eq!(rules(&written), rules(&default));

    // Uncommented, the examples of an HTTP origin and of the later sections are right as well.
    let later: String = text
        .lines()
        .skip_while(|line| !line.contains("name = \"far\""))
        .take_while(|line| !line.is_empty())
        .chain(text.lines().skip_while(|line| *line != "# [cache]"))
        .map(|line| line.strip_prefix("# ").unwrap_or_default().to_owned() + "\n")
        .collect();
    let config = format!("{SMALLEST}\n[[origin]]\n{later}");
    let loaded = load_with(&config, &[("ca.pem", b"")]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(loaded.warnings.len(), 3);
    let OriginKind::Http { url: _, ca: _, connect_timeout, header_timeout, idle_timeout, max_idle } =
        &loaded.origins[1].kind
    else {
        panic!("{:?}", loaded.origins)
    };
    let plain = "[[origin]]\nname = \"far\"\nkind = \"http\"\nurl = \"http://a\"\n[[site]]\n";
    let plain = load_with(plain, &[]).unwrap();
    let expected = OriginKind::Http {
        url: "http://a".parse().unwrap(),
        ca: None,
        connect_timeout: *connect_timeout,
        header_timeout: *header_timeout,
        idle_timeout: *idle_timeout,
        max_idle: *max_idle,
    };
    assert_eq!(plain.origins[0].kind, expected);

    let lists = [
        load::ROOT_KEYS,
        load::ADMIN_KEYS,
        edge::EDGE_KEYS,
        edge::LISTENER_KEYS,
        edge::CERTIFICATE_KEYS,
        edge::LIMIT_KEYS,
        origins::ORIGIN_KEYS,
        sites::SITE_KEYS,
        sites::ASSET_KEYS,
        sites::ROUTE_KEYS,
        tokens::TOKEN_KEYS,
        tokens::KEY_KEYS,
        without_effect::CACHE_KEYS,
        without_effect::DISK_KEYS,
        without_effect::CONTROL_KEYS,
        without_effect::COMPAT_KEYS,
        without_effect::SYNC_KEYS,
    ];
    for key in lists.concat() {
        let named =
            [format!("{key} = "), format!(".{key}]"), format!("[{key}"), format!("{key} (")];
        let named =
            named.iter().any(|it| text.contains(&**it)) || text.contains(&format!("{key} and"));
        assert!(named || key == "not_after", "{key} is not in config/countersign.toml");
    }
}
