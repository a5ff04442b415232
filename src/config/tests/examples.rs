//! The files of `config/`.

use std::collections::BTreeMap;
use std::fs;

use super::super::{
    Loaded, Surroundings, cache, control, edge, fraud, load, object_stores, origins, sites, sync,
    tokens, usage,
};
use super::world::{KEY, SMALLEST, load_with, messages, only_site};
use crate::origin::{HttpConfig, Kind};

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
    let text = include_str!("../../../config/countersign.toml");
    let written = load_with(text, &[("keys/2026-11.hex", KEY.as_bytes())]).unwrap();
    let default = load_with(SMALLEST, &[]).unwrap();
    assert_eq!(written.edge.listeners, default.edge.listeners);
    assert_eq!(written.edge.workers, default.edge.workers);
    assert_eq!(written.edge.drain_timeout, default.edge.drain_timeout);
    assert_eq!(format!("{:?}", written.settings), format!("{:?}", default.settings));
    assert_eq!(format!("{:?}", written.fraud), format!("{:?}", default.fraud));
    assert_eq!(written.usage, default.usage);
    assert_eq!(written.cache, default.cache);
    assert_eq!(written.admin, default.admin);
    assert_eq!(format!("{:?}", written.origins), format!("{:?}", default.origins));
    let rules = |loaded: &Loaded| format!("{:?}", only_site(loaded).token).replace("2026-11", "a");
    assert_eq!(rules(&written), rules(&default));

    // Uncommented, the examples of an HTTP origin and of the later sections are right as well.
    let later: String = text
        .lines()
        .skip_while(|line| !line.contains("name = \"far\""))
        .take_while(|line| !line.is_empty())
        .chain(
            text.lines()
                .skip_while(|line| *line != "# [cache.disk]")
                .take_while(|it| !it.is_empty()),
        )
        .chain(text.lines().skip_while(|line| *line != "# [control]"))
        .map(|line| line.strip_prefix("# ").unwrap_or_default().to_owned() + "\n")
        .collect();
    let master = "1f".repeat(32);
    let config = format!("{SMALLEST}\n[[origin]]\n{later}");
    let beside: [(&str, &[u8]); 3] =
        [("ca.pem", b""), ("edge.token", b"cse_x\n"), ("master.hex", master.as_bytes())];
    let loaded = load_with(&config, &beside).unwrap_or_else(|e| panic!("{e}"));
    assert!(loaded.warnings.is_empty(), "{:?}", messages(&loaded.warnings));
    let sync = loaded.sync.as_ref().unwrap();
    assert_eq!(sync.token.expose(), "cse_x");
    assert_eq!(sync.max_age, std::time::Duration::from_hours(24));
    let disk = loaded.cache.disk.as_ref().unwrap();
    assert_eq!((disk.size, disk.slice), (100 << 30, 1 << 20));
    let Kind::Http(far) = &loaded.origins[1].kind else { panic!("{:?}", loaded.origins) };
    let url = "https://files.internal:9000".parse().unwrap();
    assert_eq!(*far, HttpConfig { ca: Some("/etc/c/ca.pem".into()), ..HttpConfig::new(url) });

    let lists = [
        load::ROOT_KEYS,
        load::ADMIN_KEYS,
        edge::EDGE_KEYS,
        edge::LISTENER_KEYS,
        edge::CERTIFICATE_KEYS,
        edge::LIMIT_KEYS,
        fraud::FRAUD_KEYS,
        usage::USAGE_KEYS,
        origins::ORIGIN_KEYS,
        object_stores::S3_CREDENTIALS_KEYS,
        object_stores::AZURE_CREDENTIALS_KEYS,
        sites::SITE_KEYS,
        sites::ASSET_KEYS,
        sites::ROUTE_KEYS,
        tokens::TOKEN_KEYS,
        tokens::KEY_KEYS,
        cache::CACHE_KEYS,
        cache::DISK_KEYS,
        control::CONTROL_KEYS,
        control::COMPAT_KEYS,
        control::WEBHOOKS_KEYS,
        sync::SYNC_KEYS,
    ];
    for key in lists.concat() {
        let named =
            [format!("{key} = "), format!(".{key}]"), format!("[{key}"), format!("{key} (")];
        let named =
            named.iter().any(|it| text.contains(&**it)) || text.contains(&format!("{key} and"));
        assert!(named || key == "not_after", "{key} is not in config/countersign.toml");
    }
}
