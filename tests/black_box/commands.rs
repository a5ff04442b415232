//! What commands really print: help, keys, the manual, a configuration's errors.

use std::path::Path;

use crate::support::command::{Said, countersign};
use crate::support::edge::{Edge, usual_config};

fn here<const N: usize>(arguments: [&str; N]) -> Said {
    countersign(Path::new("."), arguments)
}

#[test]
fn every_command_says_how_it_is_used() {
    let said = here(["--help"]);
    assert_eq!(said.status, 0);
    for command in ["check", "demo", "explain", "keygen", "manual", "serve", "sign"] {
        assert!(said.out.contains(&format!("\n  {command} ")), "{command} in\n{}", said.out);
        let help = here([command, "--help"]);
        assert_eq!((help.status, &*help.err), (0, ""), "{command}");
        let example = format!("  countersign {command}");
        assert!(help.out.contains("Example") && help.out.contains(&example), "{}", help.out);
    }
    assert!(here(["--version"]).out.starts_with("countersign "));
    for nonsense in [vec![], vec!["nonsense"], vec!["check"], vec!["sign", "--url", "/a"]] {
        let said = countersign(Path::new("."), &nonsense);
        assert_eq!((said.status, &*said.out), (2, ""), "{nonsense:?}");
        assert!(said.err.contains("Usage: countersign"), "{nonsense:?}: {}", said.err);
    }
}

#[test]
fn keygen_prints_a_new_key() {
    let keys = [here(["keygen"]), here(["keygen"]), here(["keygen", "--bits", "128"])];
    for (key, digits) in keys.iter().zip([64, 64, 32]) {
        assert_eq!(key.status, 0);
        let hex = key.out.strip_suffix('\n').unwrap();
        assert_eq!(hex.len(), digits);
        assert!(hex.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')));
    }
    assert_ne!(keys[0].out, keys[1].out);
    for bits in ["0", "64", "129", "8192", "many"] {
        assert_eq!(here(["keygen", "--bits", bits]).status, 2, "{bits}");
    }
}

#[test]
fn manual_prints_its_chapters() {
    let list = here(["manual"]).out;
    for chapter in list.lines().map(|line| line.split(' ').next().unwrap()) {
        let said = here(["manual", chapter]);
        assert!(said.status == 0 && said.out.starts_with("# "), "{chapter}");
    }
    assert!(list.lines().count() >= 3);
    let said = here(["manual", "nonsense"]);
    assert_eq!(said.status, 2);
    assert!(said.err.contains("lists them"));
}

#[test]
fn check_says_what_a_configuration_holds_or_all_that_is_wrong() {
    let good = Edge::builder(usual_config("", "")).write();
    let said = countersign(good.path(), ["check", "--config", "countersign.toml"]);
    assert_eq!(
        (said.status, &*said.out, &*said.err),
        (
            0,
            "countersign.toml: ok: 1 site(s), 1 origin(s), 1 key(s), 0 override(s), 0 blocklist entries\n",
            ""
        )
    );
    let bad = usual_config("workres = 2\nidle = \"x\"", "tenant_ = 2");
    let bad = Edge::builder(bad).write();
    let said = countersign(bad.path(), ["check", "--config", "countersign.toml"]);
    assert_eq!((said.status, &*said.out), (1, ""));
    assert!(said.err.contains(" --> countersign.toml:6:1"), "{}", said.err);
    assert!(said.err.contains("^^^^^^^ did you mean `workers`?"), "{}", said.err);
    assert!(said.err.ends_with("3 errors\n"), "{}", said.err);
    let said = countersign(bad.path(), ["check", "--config", "none.toml"]);
    assert_eq!(said.status, 1);
    assert!(said.err.contains("none.toml"), "{}", said.err);
}
