//! Tests that wait for time instead of an event, and tests that do not run at all.

use super::MAY_SLEEP;
use super::source::{self, Attribute, Audience, Source};

/// Functions whose only effect is that time passes.
const SLEEPS: &[&str] = &["sleep", "sleep_ms", "sleep_until"];

/// Tests that let time pass.
fn sleeping_tests(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources.iter().filter(|source| !MAY_SLEEP.contains(&source.file.as_str())) {
        for found in &source.paths {
            let sleeps = found.segments.last().is_some_and(|name| SLEEPS.contains(&name.as_str()));
            if sleeps && found.audience == Audience::Tests {
                let what = "a test that sleeps: wait for the event, or pause tokio's clock";
                offences.push(source.offence(found.line, what));
            }
        }
    }
    offences
}

/// Tests, and examples in documentation, that are switched off.
fn ignored_tests(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources {
        for attribute in source.attributes.iter().filter(|attribute| switches_off(attribute)) {
            let what = "switched off by `ignore`: run it or delete it";
            offences.push(source.offence(attribute.line, what));
        }
    }
    offences
}

/// Whether an attribute keeps a test from running, or an example from being compiled.
fn switches_off(attribute: &Attribute) -> bool {
    match attribute.name.as_str() {
        "ignore" => true,
        "cfg_attr" => attribute.mentions("ignore"),
        "doc" => attribute.body.lines().any(|line| {
            line.trim_start().strip_prefix("```").is_some_and(|words| words.contains("ignore"))
        }),
        _ => false,
    }
}

fn all() -> Vec<&'static Source> {
    source::all().iter().collect()
}

fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

fn caught(check: fn(&[&Source]) -> Vec<String>, file: &str, text: &str) -> usize {
    check(&[&Source::parse(file, text)]).len()
}

#[test]
fn no_test_sleeps() {
    assert_none(&sleeping_tests(&all()));
}

#[test]
fn a_sleeping_test_is_caught() {
    for text in [
        "fn f() { std::thread::sleep(d); }",
        "use std::thread::sleep;",
        "use tokio::time::{self, sleep_until};",
        "use tokio::time::*; async fn f() { sleep(d).await }",
        "async fn f() { tokio::select! { () = tokio::time::sleep(d) => {} } }",
    ] {
        assert_eq!(caught(sleeping_tests, "tests/black_box/serve.rs", text), 1, "{text}");
    }
    let beside = "#[cfg(test)] mod tests { fn f() { std::thread::sleep(d); } }";
    assert_eq!(caught(sleeping_tests, "src/clock.rs", beside), 1);
    let timer = "async fn idle() { tokio::time::sleep(d).await }";
    assert_eq!(caught(sleeping_tests, "src/data_plane/connection.rs", timer), 0);
}

#[test]
fn files_that_may_sleep_exist() {
    for file in MAY_SLEEP {
        assert!(all().iter().any(|source| source.file == *file), "{file} is gone: strike it out");
    }
}

#[test]
fn no_test_is_switched_off() {
    assert_none(&ignored_tests(&all()));
}

#[test]
fn a_switched_off_test_is_caught() {
    for text in [
        "#[test] #[ignore] fn f() {}",
        "#[test] #[ignore = \"slow\"] fn f() {}",
        "#[test] #[cfg_attr(unix, ignore)] fn f() {}",
        "mod tests { #[test] #[ignore] fn f() {} }",
        "/// ```ignore\n/// x\n/// ```\nfn f() {}",
        "//! ```rust,ignore\n//! x\n//! ```",
    ] {
        assert_eq!(caught(ignored_tests, "src/clock.rs", text), 1, "{text}");
    }
    let fit = "/// ```\n/// let ignored = 1;\n/// ```\n#[test] fn ignore() {}";
    assert_eq!(caught(ignored_tests, "src/clock.rs", fit), 0);
}
