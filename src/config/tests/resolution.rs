//! Good configurations: every key, and every default, reaches its place.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::ACCEPT_LANGUAGE;

use super::super::load_again;
use super::world::{SMALLEST, load_with, messages, only_site, template, world};
use crate::asset::{AssetTypeSet, TenantId};
use crate::control_plane::WebhookConfig;
use crate::control_plane::link::MasterKeySource;
use crate::data_plane::{CacheConfig, ForwardedHeader, Limits, Missing, Reasons};
use crate::keyring::{KeyMaterial, KeyPurpose, MacAlgorithm};
use crate::origin::{DiskConfig, Forwarding, HttpConfig, Kind, ResponseHeaders, Symlinks};
use crate::policy::{
    Access, AssetSource, CacheRules, CacheTimes, CorsCredentials, CorsOrigins, OriginName,
    OriginTakes, ResourcePolicy, Scheme, WebOrigin,
};
use crate::token::Carrier;
use crate::token::edge_auth::{EscapeUrl, IpForm, QueryRule, StartRule, UrlForm};

/// Each origin's answers are kept as if the site had named it.
#[test]
fn a_site_may_look_its_assets_up() {
    let config = format!(
        "[control]\nstore = \"sqlite:records.db\"\n\n[[origin]]\nname = \"far\"\nkind = \"http\"\n\
         url = \"http://10.0.0.7:9000\"\n{SMALLEST}"
    )
    .replace("{ origin = \"media\" }", "{ catalog = true }");
    let loaded = load_with(&config, &[]).unwrap();
    let site = only_site(&loaded);
    let Some(AssetSource::Catalog(rules)) = &site.assets else { panic!("{site:?}") };
    let cache = |name| rules.cache(&OriginName::new(name));
    assert_eq!(cache("media"), Some(CacheRules::Off));
    assert_eq!(cache("far"), Some(CacheRules::On(CacheTimes::default())));
    assert_eq!(cache("other"), None);
    assert_eq!(loaded.origins.len(), 2);
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
    assert_eq!(loaded.cache, CacheConfig { memory: 64 << 20, max_object: 1 << 20, disk: None });

    let site = only_site(&loaded);
    assert_eq!((&site.cors, site.resource_policy), (&None, None));
    // A folder is not kept unless somebody asks for it.
    assert_eq!(template(site).cache, CacheRules::Off);
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
        [cache]
        memory = "32MiB"
        max_object = "2MiB"
        disk = { path = "slices", size = "5GiB", slice = "256KiB" }
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
        forward_request_headers = ["Accept-Language", "x-a"]
        forward_response_headers = ["*"]
        [[site]]
        hosts = ["Files.example.com", "*.example.com"]
        tenant = 42
        assets = { origin = "far", key = "{visibility}/{path}" }
        cors = ["https://Player.example.com:443", "http://localhost:3000", "http://a.example"]
        cors_credentials = true
        cross_origin_resource_policy = "same-origin"
        default_ttl = "1m"
        negative_ttl = "0s"
        [site.token]
        scheme = "edge-auth"
        name = "hdnea"
        carriers = ["path", "cookie"]
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
        cache = "on"
        default_ttl = "2m"
        stale_if_error = "1d"
        [[site.route]]
        prefix = "/"
        access = "deny"
        origin = "far"
        cache = "off"
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

    assert_eq!(
        messages(&loaded.warnings),
        [
            "http://a.example is a page in the clear",
            "HMAC-sha1 is an old choice",
            "the decoded path is signed together with the query",
        ]
    );
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
    let Kind::Disk(disk) = &disk.kind else { panic!("{disk:?}") };
    let expected = DiskConfig { root: "/etc/c/media".into(), symlinks: Symlinks::Beneath };
    assert_eq!(*disk, expected);
    let Kind::Http(far) = &far.kind else { panic!("{far:?}") };
    let url = "https://far.internal:9000".parse().unwrap();
    let expected = HttpConfig {
        ca: Some("/etc/c/ca.pem".into()),
        connect_timeout: Duration::from_secs(1),
        header_timeout: Duration::from_secs(5),
        idle_timeout: Duration::from_secs(6),
        max_idle: 8,
        forwarding: Forwarding {
            requests: [ACCEPT_LANGUAGE, HeaderName::from_static("x-a")].into(),
            responses: ResponseHeaders::Every,
        },
        ..HttpConfig::new(url)
    };
    assert_eq!(*far, expected);

    let site = only_site(&loaded);
    assert_eq!((&*site.name, site.tenant), ("Files.example.com", TenantId(42)));
    assert!(loaded.sites.find("a.example.com").is_some());
    assert_eq!(template(site).origin.as_str(), "far");
    let routes: Vec<_> =
        site.routes.iter().map(|it| (&*it.prefix, it.access, it.origin_takes)).collect();
    let expected =
        [("/vod/", Access::Open, OriginTakes::Keys), ("/", Access::Deny, OriginTakes::Targets)];
    assert_eq!(routes, expected);
    let times = |default_ttl, stale_if_error| {
        CacheRules::On(CacheTimes { default_ttl, negative_ttl: 0, stale_if_error })
    };
    assert_eq!(template(site).cache, times(60, 3600));
    let rules: Vec<_> = site.routes.iter().map(|it| it.cache).collect();
    assert_eq!(rules, [times(120, 86_400), CacheRules::Off]);
    let disk = loaded.cache.disk.as_ref().unwrap();
    assert!(disk.path.ends_with("slices") && disk.path.is_absolute(), "{disk:?}");
    assert_eq!((disk.size, disk.slice), (5 << 30, 256 << 10));
    assert_eq!((loaded.cache.memory, loaded.cache.max_object), (32 << 20, 2 << 20));
    let token = site.token.as_ref().unwrap();
    assert_eq!(token.carriers.name(), "hdnea");
    let cors = site.cors.as_ref().unwrap();
    let CorsOrigins::Listed(origins) = &cors.origins else { panic!("{cors:?}") };
    let origins: Vec<_> = origins.iter().map(WebOrigin::as_str).collect();
    let expected = ["https://player.example.com", "http://localhost:3000", "http://a.example"];
    assert_eq!((&*origins, cors.credentials), (&expected[..], CorsCredentials::Allowed));
    assert_eq!(site.resource_policy, Some(ResourcePolicy::SameOrigin));
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

#[test]
fn an_http_origin_is_kept_where_nothing_is_said_and_a_small_memory_bounds_its_objects() {
    let config = format!(
        "[cache]\nmemory = \"100KiB\"\n{SMALLEST}[[site.route]]\nprefix = \"/a/\"\n\
         origin = \"far\"\n[[origin]]\nname = \"far\"\nkind = \"http\"\n\
         url = \"http://a\"\n"
    );
    let loaded = load_with(&config, &[]).unwrap_or_else(|errors| panic!("{errors}"));
    let (memory, max_object) = (100 << 10, 100 << 10);
    assert_eq!(loaded.cache, CacheConfig { memory, max_object, disk: None });
    assert_eq!(only_site(&loaded).routes[0].cache, CacheRules::On(CacheTimes::default()));
}

#[test]
fn a_public_tenant_opens_every_type() {
    let config = format!("[edge]\noverrides = \"o.toml\"\n{SMALLEST}");
    let table = b"[[vm]]\nid = 1\nscope = \"public\"\n";
    let loaded = load_with(&config, &[("o.toml", table)]).unwrap();
    let every =
        crate::policy::TenantOverrides { asset_types: AssetTypeSet::EVERY, ..Default::default() };
    let expected = crate::policy::OverrideTable::new([(TenantId(1), every)].into());
    assert_eq!(*loaded.overrides, expected);
}

/// An unchanged table is not read again; a changed one is.
#[test]
fn a_table_is_known_by_its_content() {
    let config = format!("edge.overrides = \"o.toml\"\n{SMALLEST}");
    let path = Path::new("/etc/c/countersign.toml");
    let [one, two] = ["a", "b"]
        .map(|id| format!("[[vm]]\nid = 1\nvideos = [{{ id = \"{id}\", scope = \"public\" }}]\n"));
    let first = load_with(&config, &[("o.toml", one.as_bytes())]).unwrap();
    let known = first.known_overrides.as_ref();
    let again = |table: &str| {
        load_again(path, &world(&config, &[("o.toml", table.as_bytes())]), known).unwrap()
    };
    assert!(Arc::ptr_eq(&again(&one).overrides, &first.overrides));
    let other = again(&two);
    assert_ne!(other.overrides, first.overrides);
    assert_eq!(
        other.overrides,
        load_with(&config, &[("o.toml", two.as_bytes())]).unwrap().overrides
    );
    assert!(load_with(SMALLEST, &[]).unwrap().known_overrides.is_none());
}

/// Beside SQLite its file is made; a database that is shared needs a key that is.
#[test]
fn a_master_key_is_given_or_beside_the_store_or_missed() {
    let control = |line: &str| {
        let config = format!("{SMALLEST}\n[control]\n{line}\n");
        let key = "1f".repeat(32);
        load_with(&config, &[("master.hex", key.as_bytes()), ("short.hex", b"1f1f")])
    };
    let source = |line| control(line).unwrap().control.unwrap().master_key;
    let beside = Path::new("/etc/c/records.db.master-key").to_owned();
    assert_eq!(source("store = \"sqlite:records.db\""), MasterKeySource::Beside(beside));
    let given = source("store = \"postgres://db/x\"\nmaster_key = { file = \"master.hex\" }");
    let material = KeyMaterial::from_hex(&"1f".repeat(32)).unwrap();
    assert_eq!(given, MasterKeySource::Given(material));
    let missing = control("store = \"postgres://db/x\"").unwrap();
    assert_eq!(missing.control.unwrap().master_key, MasterKeySource::Missing);
    assert_eq!(messages(&missing.warnings), ["without a master key no link can be signed here"]);
    let short = control("master_key = { file = \"short.hex\" }").unwrap_err();
    assert!(short.to_string().contains("must have 32 bytes"), "{short}");
    let inline = control("master_key = \"1f1f\"").unwrap_err().to_string();
    assert!(!inline.contains("1f1f"), "{inline}");
}

#[test]
fn master_keys_of_before_are_keys_and_have_a_successor() {
    let control = |lines: &str| {
        let config = format!("{SMALLEST}\n[control]\n{lines}\n");
        let (new, old) = ("1f".repeat(32), "2e".repeat(32));
        let files: [(&str, &[u8]); 3] =
            [("new.hex", new.as_bytes()), ("old.hex", old.as_bytes()), ("short.hex", b"1f1f")];
        load_with(&config, &files)
    };
    let store = "store = \"postgres://db/x\"";
    let key = "master_key = { file = \"new.hex\" }";
    let before = "previous_master_keys = [{ file = \"old.hex\" }]";
    let given = control(&format!("{store}\n{key}\n{before}")).unwrap().control.unwrap();
    assert_eq!(given.previous_master_keys, [KeyMaterial::from_hex(&"2e".repeat(32)).unwrap()]);
    // That of SQLite is beside it.
    assert!(control(before).is_ok());
    let none = control(&format!("{store}\n{before}")).unwrap_err().to_string();
    assert!(none.contains("there is no `master_key` that these were before"), "{none}");
    let short = control("previous_master_keys = [{ file = \"short.hex\" }]").unwrap_err();
    assert!(short.to_string().contains("must have 32 bytes"), "{short}");
    let inline = control("previous_master_keys = [\"2e2e\"]").unwrap_err().to_string();
    assert!(!inline.contains("2e2e"), "{inline}");
}

#[test]
fn webhooks_lead_to_the_internet_and_where_it_is_said() {
    let control = |line: &str| {
        let config = format!("{SMALLEST}\n[control]\n{line}\n");
        load_with(&config, &[("ca.pem", b"")])
    };
    let webhooks = |line| control(line).unwrap().control.unwrap().webhooks;
    assert_eq!(webhooks(""), WebhookConfig::default());
    let given =
        webhooks("webhooks = { networks = [\"10.0.0.0/8\"], allow_http = true, ca = \"ca.pem\" }");
    assert!(given.reach.allow_http && given.reach.networks.contains("10.1.2.3".parse().unwrap()));
    assert_eq!(given.ca.as_deref(), Some(Path::new("/etc/c/ca.pem")));
    for (line, why) in [
        ("webhooks = { allow_http = true }", "messages go in the clear within `networks` only"),
        ("webhooks = { networks = [\"10.0.0.0/33\"] }", "must list addresses and networks"),
        ("webhooks = { ca = \"none.pem\" }", "none.pem"),
        ("webhooks = { network = [] }", "unknown key `network`"),
    ] {
        let refused = control(line).unwrap_err().to_string();
        assert!(refused.contains(why), "{line}: {refused}");
    }
}

/// Mail servers are named by tenants: inside there are none, unless the operator says so.
#[test]
fn mail_servers_are_on_the_internet_and_where_it_is_said() {
    let control = |line: &str| {
        let config = format!("[control]\nstore = \"sqlite:records.db\"\n{line}\n{SMALLEST}");
        load_with(&config, &[])
    };
    let networks = |line| control(line).unwrap().control.unwrap().mail_networks;
    assert!(networks("").is_empty());
    let said = networks("mail_networks = [\"10.0.0.0/8\"]");
    assert!(said.contains("10.9.9.9".parse().unwrap()));
    assert!(!said.contains("127.0.0.1".parse().unwrap()));
    let refused = control("mail_networks = [\"mail.internal\"]").unwrap_err();
    assert!(refused.to_string().contains("must list addresses and networks"), "{refused}");
}

/// A control plane makes keys for its own links; without one, a site has a key of its own.
#[test]
fn a_site_beside_a_control_plane_needs_no_key() {
    let site = "[[site]]\nhosts = [\"*\"]\n";
    let beside = |token: &str| {
        load_with(&format!("[control]\n{site}assets = {{ catalog = true }}\n{token}"), &[])
    };
    for token in ["[site.token]\n", "[site.token]\nkeys = []\n"] {
        let loaded = beside(token).unwrap();
        let Scheme::EdgeAuth(rules) = &loaded.sites.sites()[0].token.as_ref().unwrap().scheme;
        assert!(rules.keyring.keys().is_empty());
        let alone = load_with(&format!("{site}{token}"), &[]).unwrap_err().to_string();
        assert!(alone.contains("keys"), "{alone}");
    }
}
