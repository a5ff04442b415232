//! The README and the manual, held to the program: what is listed there exists, what exists is
//! listed there, and the commands print what is shown.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so"
)]

mod console;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use countersign::policy::DenialCode;
use countersign::response;

use text::{code_words, readme, repository, section};

#[test]
fn every_code_has_a_row_with_its_status() {
    let rows = section(readme(), "## When a request is refused").rows("code");
    let listed: BTreeSet<(String, String)> =
        rows.iter().map(|row| (code_words(&row[0]).concat(), row[1].clone())).collect();
    let exist: BTreeSet<(String, String)> = DenialCode::ALL
        .iter()
        .map(|code| (code.to_string(), response::status(*code).as_u16().to_string()))
        .collect();
    assert_eq!(listed, exist);
    assert_eq!(rows.len(), exist.len(), "a code has two rows");
    for row in rows {
        assert!(row[2..].iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

#[test]
fn a_server_counts_and_logs_what_is_listed() {
    let pages = console::pages();
    let mut exist: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in pages.metrics.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            exist.insert(family.split(' ').next().unwrap().to_owned(), BTreeSet::new());
        } else if let Some((series, _)) = line.split_once("} ") {
            let (name, labels) = series.split_once('{').unwrap();
            let name = name.strip_suffix("_bucket").unwrap_or(name);
            let labels = labels.split(',').map(|label| label.split('=').next().unwrap().to_owned());
            // A bucket's own.
            exist.get_mut(name).unwrap().extend(labels.filter(|label| label != "le"));
        }
    }
    let mut listed = BTreeMap::new();
    for row in section(readme(), "## Metrics").rows("metric") {
        // `outcome` (`allow`, `deny`): what stands in brackets are values.
        let outside: String =
            row[1].split('(').map(|it| it.split(')').next_back().unwrap()).collect();
        listed.insert(code_words(&row[0]).concat(), code_words(&outside).into_iter().collect());
    }
    assert_eq!(listed, exist);

    let line: serde_json::Value = serde_json::from_str(&pages.log_line).unwrap();
    let exist: BTreeSet<String> = line.as_object().unwrap().keys().cloned().collect();
    let rows = section(readme(), "## Access log").rows("field");
    let listed: BTreeSet<String> = rows.iter().flat_map(|row| code_words(&row[0])).collect();
    assert_eq!(listed, exist);
}

/// Every key of the complete configuration, also of what is commented out there.
#[test]
fn every_key_of_the_configuration_is_described() {
    let text = fs::read_to_string(repository().join("config/countersign.toml")).unwrap();
    let described: BTreeSet<String> =
        code_words(section(readme(), "## Configuration").text()).into_iter().collect();
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        let line = line.trim().trim_start_matches(['#', ' ']);
        let Some((key, _)) = line.split_once(" = ") else { continue };
        if key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') {
            keys.insert(key.to_owned());
        }
    }
    assert!(keys.len() > 40, "the file lost its keys: {keys:?}");
    let missing: Vec<_> = keys.difference(&described).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");
}

#[test]
fn every_test_that_is_named_exists() {
    let mut sources = String::new();
    for folder in ["src", "tests"] {
        read_sources(&repository().join(folder), &mut sources);
    }
    let mut named = Vec::new();
    for row in section(readme(), "## Attacks studied").rows("class") {
        let tests = code_words(&row[3]);
        assert!(!tests.is_empty(), "{} names no test", row[0]);
        named.extend(tests);
    }
    for row in section(readme(), "## Promises and their evidence").rows("promise") {
        let evidence = code_words(&row[2]);
        let (places, tests): (Vec<_>, Vec<_>) =
            evidence.into_iter().partition(|it| it.contains(['/', '.']));
        for place in places {
            assert!(repository().join(&place).exists(), "{}: {place} is not there", row[0]);
        }
        named.extend(tests);
    }
    for chapter in chapters() {
        let text = fs::read_to_string(chapter).unwrap();
        // "Test: `name`", or "are the test `name`".
        for rest in text.split("est: `").skip(1).chain(text.split("the test `").skip(1)) {
            named.push(rest.split('`').next().unwrap().to_owned());
        }
    }
    let requirements = fs::read_to_string(repository().join("src/manual/requirements.md")).unwrap();
    for part in ["## A. Handing out source files", "## B. The download connector (THRON)"] {
        let heading = requirements.lines().find(|line| line.starts_with(part)).unwrap();
        for row in section(&requirements, heading).rows("id") {
            let (_, tests) = row[2].split_once("est: `").or(row[2].split_once("ests: `")).unzip();
            let tests = tests.unwrap_or_else(|| panic!("{} names no test", row[0]));
            named.extend(code_words(&format!("`{tests}")));
        }
    }
    assert!(named.len() > 30, "{named:?}");
    named.retain(|test| !sources.contains(&format!("fn {test}(")));
    assert!(named.is_empty(), "no such tests: {named:?}");
}

#[test]
fn the_code_map_is_the_code() {
    let map = section(readme(), "### Code map").rows("place");
    let places: BTreeSet<String> = map.iter().flat_map(|row| code_words(&row[0])).collect();
    for place in &places {
        assert!(repository().join(place).exists(), "{place} is not there");
    }
    let crate_text = fs::read_to_string(repository().join("src/lib.rs")).unwrap();
    let modules: Vec<&str> = crate_text
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in modules {
        let listed = places.contains(&format!("src/{module}/"))
            || places.contains(&format!("src/{module}.rs"));
        assert!(listed, "{module} is not in the README's code map");
        assert!(
            crate_text.lines().any(|line| {
                line.strip_prefix("//! | `")
                    .is_some_and(|row| row.starts_with(&format!("{module}`")))
            }),
            "{module} is not in the crate's code map"
        );
    }
}

#[test]
fn chapters_begin_with_their_title() {
    assert!(chapters().len() >= 3);
    for chapter in chapters() {
        let text = fs::read_to_string(&chapter).unwrap();
        assert!(text.starts_with("# "), "{}", chapter.display());
        // An untagged block is Rust to rustdoc, should a chapter be included in documentation.
        let mut open = false;
        for line in text.lines().map(str::trim).filter(|line| line.starts_with("```")) {
            assert!(open || line.len() > 3, "{}: a block without a language", chapter.display());
            open = !open;
        }
    }
}

#[test]
fn the_commands_print_what_is_shown() {
    console::play(readme());
}

#[test]
fn the_commands_of_the_way_to_many_machines_print_what_is_shown() {
    let server = std::env::var("COUNTERSIGN_TEST_POSTGRES")
        .expect("COUNTERSIGN_TEST_POSTGRES is unset: run tests/run --env-only");
    let schema = format!("machines_{}", std::process::id());
    let psql = std::env::var("COUNTERSIGN_TEST_PSQL").unwrap_or("psql".to_owned());
    let create = format!("CREATE SCHEMA {schema}");
    let made =
        std::process::Command::new(psql).args(["--quiet", &server, "--command", &create]).status();
    assert!(made.unwrap().success());
    let store = format!("{server}&options=-c%20search_path%3D{schema}");
    let names = [("postgres://countersign@db.internal/countersign", &*store)];
    console::play_with(include_str!("../../src/manual/machines.md"), &names);
}

#[test]
fn the_commands_for_another_master_key_print_what_is_shown() {
    console::play(include_str!("../../src/manual/master-key.md"));
}

#[test]
fn the_commands_for_download_links_print_what_is_shown() {
    console::play(include_str!("../../src/manual/downloads.md"));
}

#[test]
fn the_commands_for_the_console_print_what_is_shown() {
    console::play(include_str!("../../src/manual/console.md"));
}

#[test]
fn the_commands_for_originals_print_what_is_shown() {
    console::play(include_str!("../../src/manual/originals.md"));
}

#[test]
fn the_commands_for_shares_print_what_is_shown() {
    console::play(include_str!("../../src/manual/shares.md"));
}

#[test]
fn the_commands_for_forensic_tags_print_what_is_shown() {
    console::play(include_str!("../../src/manual/tags.md"));
}

#[test]
fn the_commands_for_uploads_print_what_is_shown() {
    console::play(include_str!("../../src/manual/uploads.md"));
}

#[test]
fn the_commands_for_people_who_are_logged_in_print_what_is_shown() {
    console::play(include_str!("../../src/manual/people.md"));
}

#[test]
fn the_commands_for_webhooks_print_what_is_shown() {
    console::play(include_str!("../../src/manual/webhooks.md"));
}

fn chapters() -> Vec<std::path::PathBuf> {
    let folder = fs::read_dir(repository().join("src/manual")).unwrap();
    folder
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "md"))
        .collect()
}

fn read_sources(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}
