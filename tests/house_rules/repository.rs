//! What lies in the repository: its top level, and text that belongs to one machine.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::LazyLock;

use super::TOP_LEVEL;
use super::source::{self, has_extension};

/// Parts of the top level that may be missing while the house is being built. The rest must exist.
const NOT_YET: &[&str] = &["README.md", "benches", "config", "fuzz"];

/// Every file git tracks or would track, from the root, with `/`.
pub(crate) fn files() -> &'static [String] {
    static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
        // A checkout owned by someone else (a container's volume) is read all the same.
        let listed = Command::new("git")
            .args(["-c", "safe.directory=*", "ls-files", "-z"])
            .args(["--cached", "--others", "--exclude-standard"])
            .current_dir(source::root())
            .output()
            .unwrap_or_else(|error| panic!("the house rules need git: {error}"));
        let refusal = String::from_utf8_lossy(&listed.stderr);
        assert!(listed.status.success(), "the house rules need a git checkout: {refusal}");
        let names = String::from_utf8_lossy(&listed.stdout);
        names
            .split('\0')
            .filter(|name| !name.is_empty() && source::root().join(name).is_file())
            .map(str::to_owned)
            .collect()
    });
    &FILES
}

/// What stands at the top and should not, or should and does not.
fn top_level_faults(files: &[&str]) -> Vec<String> {
    let found: BTreeSet<&str> = files.iter().filter_map(|file| file.split('/').next()).collect();
    let strangers = found
        .iter()
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(name))
        .map(|name| format!("{name}: not at the top level; it has four folders to choose from"));
    let missing = TOP_LEVEL
        .iter()
        .filter(|name| !found.contains(**name) && !NOT_YET.contains(name))
        .map(|name| format!("{name}: missing"));
    strangers.chain(missing).collect()
}

/// Text that only means something on one machine, or names where packages come from. Put together
/// here from halves, so that this file does not hold it.
fn private_words() -> Vec<String> {
    [
        // Directories of one machine.
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("/opt/whe", "els"),
        ("/Us", "ers/"),
        // Hosts of registries: which one to ask is the builder's business, not the project's.
        ("index.crates", ".io"),
        ("static.crates", ".io"),
        ("registry.npmjs", ".org"),
        ("registry.yarnpkg", ".com"),
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("deb.debian", ".org"),
        ("proxy.golang", ".org"),
        ("--index", "-url"),
        ("--extra-index", "-url"),
    ]
    .iter()
    .map(|(one, other)| format!("{one}{other}"))
    .collect()
}

/// Lines of a text that hold such words. A directory counts only where a path could begin: in
/// `/vod/work/film.mp4` it is part of somebody's path.
fn private_lines(file: &str, text: &str) -> Vec<String> {
    let words = private_words();
    let mut offences = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for word in &words {
            let begins = line.match_indices(word.as_str()).any(|(at, _)| {
                !word.starts_with('/')
                    || !line
                        .get(..at)
                        .and_then(|before| before.chars().next_back())
                        .is_some_and(|c| c.is_alphanumeric() || "/_.-*{}%".contains(c))
            });
            if begins {
                offences.push(format!("{file}:{number}: `{word}` belongs to one machine"));
            }
        }
    }
    offences
}

/// Packages that a lock file takes from a place it names itself.
fn lock_offences(file: &str, text: &str) -> Vec<String> {
    let usual = format!("\"registry+https://github.com/rust-lang/crates{}\"", ".io-index");
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| match line.trim().strip_prefix("source = ") {
            Some(from) => has_extension(file, "lock") && from != usual,
            None => has_extension(file, "json") && line.contains("\"resolved\""),
        })
        .map(|(number, _)| format!("{file}:{number}: names the place a package comes from"))
        .collect()
}

/// Version floors written so that cargo-deny reads them as one exact version: in `name@<1.2` it
/// takes the operator for `=`, in `name:<1.2` it does not.
fn blunt_floors(text: &str) -> Vec<String> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| line.contains("@<") && !line.trim_start().starts_with('#'))
        .map(|(number, line)| format!(".deny.toml:{number}: write `:` for `@` in {}", line.trim()))
        .collect()
}

/// Whether a file is one that lists locked packages.
fn is_lock(file: &str) -> bool {
    file.ends_with("Cargo.lock") || file.ends_with("package-lock.json")
}

fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn the_top_level_is_as_agreed() {
    assert_none(&top_level_faults(&files().iter().map(String::as_str).collect::<Vec<_>>()));
}

#[test]
fn a_stranger_or_a_gap_at_the_top_level_is_caught() {
    let agreed: Vec<&str> =
        vec![".gitignore", "Cargo.lock", "Cargo.toml", "LICENSE", "src/lib.rs", "tests/run"];
    assert_eq!(top_level_faults(&agreed).len(), 0);
    assert_eq!(top_level_faults(&[&agreed[..], &["docs/a.md"]].concat()).len(), 1);
    assert_eq!(top_level_faults(&[&agreed[..], &["notes.txt"]].concat()).len(), 1);
    assert_eq!(top_level_faults(&agreed[1..5]).len(), 1);
}

#[test]
fn no_file_holds_what_belongs_to_one_machine() {
    let mut offences = Vec::new();
    for file in files() {
        let Ok(bytes) = std::fs::read(source::root().join(file)) else { continue };
        offences.extend(private_lines(file, &String::from_utf8_lossy(&bytes)));
        offences.extend(private_lines(file, file));
    }
    assert_none(&offences);
}

#[test]
fn a_word_of_one_machine_is_caught() {
    for word in private_words() {
        assert_eq!(private_lines("README.md", &format!("see {word}x")).len(), 1, "{word}");
        assert_eq!(private_lines("README.md", &format!("\n\"{word}\"")).len(), 1, "{word}");
    }
    let path = format!("/vod{}film.mp4", private_words()[0]);
    assert_eq!(private_lines("README.md", &path).len(), 0);
}

#[test]
fn lock_files_name_no_registry_of_their_own() {
    let mut offences = Vec::new();
    for file in files().iter().filter(|file| is_lock(file)) {
        offences.extend(lock_offences(file, &source::read(file)));
    }
    assert!(files().iter().any(|file| is_lock(file)), "no lock file found");
    assert_none(&offences);
}

#[test]
fn a_registry_in_a_lock_file_is_caught() {
    let elsewhere = "name = \"a\"\nsource = \"registry+https://mirror.example/index\"";
    assert_eq!(lock_offences("Cargo.lock", elsewhere).len(), 1);
    let resolved = "{\n  \"resolved\": \"https://mirror.example/a.tgz\"\n}";
    assert_eq!(lock_offences("tests/a/package-lock.json", resolved).len(), 1);
    let usual = source::read("Cargo.lock");
    assert!(usual.contains("source = "), "Cargo.lock has no sources");
    assert_eq!(lock_offences("Cargo.lock", &usual).len(), 0);
}

#[test]
fn version_floors_are_floors() {
    let text = source::read(".deny.toml");
    assert!(text.contains(":<"), "no floors found in .deny.toml");
    assert_none(&blunt_floors(&text));
}

#[test]
fn a_floor_that_is_none_is_caught() {
    assert_eq!(blunt_floors("    { crate = \"hyper@<1.12.0\" },").len(), 1);
    assert_eq!(blunt_floors("    { crate = \"hyper:<1.12.0\" },").len(), 0);
}
