//! The target of `config`: a configuration and its override table, in a world of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::config::{Colour, ConfigErrors, Loaded, Severity, Surroundings, load};

/// Between the two files of an input.
const CUT: &str = "\n=== overrides.toml\n";

const PATH: &str = "/etc/countersign/countersign.toml";

/// What no message may show.
const KEY: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75e";

/// A configuration, and behind a line that says so `overrides.toml`, which it may name.
pub fn config_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (config, overrides) = text.split_once(CUT).unwrap_or((&text, ""));
    match read(config.as_bytes(), overrides) {
        Ok(loaded) => {
            assert!(!loaded.sites.sites().is_empty(), "a configuration that serves nothing");
            assert!(loaded.warnings.iter().all(|it| it.severity() == Severity::Warning));
            let listed = overrides.contains("id") || loaded.overrides.entries() == 0;
            assert!(listed, "overrides out of nowhere");
            hides_the_key(&format!("{loaded:?}"), &text);
            unmoved_by_what_means_nothing(&loaded, config, overrides);
        }
        Err(errors) => {
            assert!(errors.total() >= errors.errors().len() && !errors.errors().is_empty());
            for error in errors.errors() {
                assert_eq!(error.severity(), Severity::Error);
                assert!(!error.message().is_empty() && error.path().starts_with("/etc"));
            }
            let plain = errors.render(Colour::Plain);
            assert!(!plain.contains('\u{1b}'), "an escape sequence in {plain:?}");
            hides_the_key(&plain, &text);
            hides_the_key(&errors.render(Colour::Ansi), &text);
            let again = read(config.as_bytes(), overrides).map(|_| ());
            assert_eq!(again.map_err(|errors| errors.render(Colour::Plain)), Err(plain));
        }
    }
}

/// A comment changes nothing; a key that nobody knows is an error, wherever it stands.
fn unmoved_by_what_means_nothing(loaded: &Loaded, config: &str, overrides: &str) {
    let commented = format!("# a comment\n{config}\n# a comment\n");
    let Ok(same) = read(commented.as_bytes(), overrides) else {
        panic!("a comment made it an error")
    };
    assert_eq!(format!("{:?}", same.settings), format!("{:?}", loaded.settings));
    assert_eq!(same.overrides, loaded.overrides);
    assert_eq!(same.sites.sites().len(), loaded.sites.sites().len());
    let unknown = format!("{config}\nnobody-knows-this = 1\n");
    assert!(read(unknown.as_bytes(), overrides).is_err(), "an unknown key was accepted");
}

fn hides_the_key(shown: &str, written: &str) {
    assert!(written.contains(KEY) || !shown.contains(KEY), "a key is shown: {shown}");
}

fn read(config: &[u8], overrides: &str) -> Result<Loaded, ConfigErrors> {
    let beside: [(&str, &[u8]); 8] = [
        ("countersign.toml", config),
        ("overrides.toml", overrides.as_bytes()),
        ("keys/good.hex", KEY.as_bytes()),
        ("keys/odd.hex", b"5ec"),
        ("media/hello.txt", b"hello"),
        ("tls/site.pem", b""),
        ("tls/site.key", b""),
        ("revoked.txt", b"link-1\nlink-2\n"),
    ];
    let folder = Path::new(PATH).parent().unwrap_or(Path::new("/"));
    let files: BTreeMap<PathBuf, Vec<u8>> =
        beside.iter().map(|(name, content)| (folder.join(name), content.to_vec())).collect();
    let variables = BTreeMap::from([("KEY".to_owned(), KEY.to_owned())]);
    load(Path::new(PATH), &Surroundings::Fixed { files, variables })
}
