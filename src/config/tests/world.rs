//! A place for a configuration: files and variables that exist nowhere else.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::{ConfigErrors, Diagnostic, Loaded, Surroundings, load};

pub(super) const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A world of `/etc/c/countersign.toml` and some files beside it.
pub(super) fn world(config: &str, beside: &[(&str, &[u8])]) -> Surroundings {
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

pub(super) fn load_with(config: &str, beside: &[(&str, &[u8])]) -> Result<Loaded, ConfigErrors> {
    load(Path::new("/etc/c/countersign.toml"), &world(config, beside))
}

pub(super) fn errors(config: &str) -> String {
    load_with(config, &[]).unwrap_err().to_string()
}

pub(super) const SMALLEST: &str = r#"
[[origin]]
name = "media"
kind = "disk"
root = "media"

[[site]]
assets = { origin = "media" }
token.keys = [{ id = "a", file = "keys/a.hex" }]
"#;

pub(super) fn only_site(loaded: &Loaded) -> &crate::policy::Site {
    assert_eq!(loaded.sites.sites().len(), 1);
    &loaded.sites.sites()[0]
}

/// Where the assets of a site without a catalog are.
pub(super) fn template(site: &crate::policy::Site) -> &crate::policy::AssetRules {
    match site.assets.as_ref().unwrap() {
        crate::policy::AssetSource::Template(rules) => rules,
        crate::policy::AssetSource::Catalog(_) => panic!("{} has a catalog", site.name),
    }
}

pub(super) fn messages(diagnostics: &[Diagnostic]) -> Vec<&str> {
    diagnostics.iter().map(Diagnostic::message).collect()
}

/// `count` copies of what `one` makes of a number.
pub(super) fn many(count: usize, one: impl Fn(usize) -> String) -> String {
    (0..count).map(one).collect()
}
