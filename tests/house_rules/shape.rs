//! What a file may hold: its head, its length, the emptiness of `mod.rs` and `main.rs`.

use std::collections::BTreeSet;

use syn::spanned::Spanned;

use super::source::{self, Source};
use super::{INLINE_IN_LIB, MOST_LINES};

/// Files that do not begin by saying what they are.
fn missing_heads(sources: &[&Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//!"))
        .map(|source| source.offence(1, "does not begin with `//!`"))
        .collect()
}

/// Files of `src` too long to be one noun. Tests do not count, wherever in the file they stand.
fn god_files(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources.iter().filter(|source| source.is_in_src()) {
        let all = source.text.lines().count();
        if all <= MOST_LINES {
            continue;
        }
        let tests: usize = source
            .syntax()
            .items
            .iter()
            .map(|item| match item {
                syn::Item::Mod(item) if source::is_for_tests(&item.attrs) => {
                    let span = item.span();
                    span.end().line + 1 - span.start().line
                }
                _ => 0,
            })
            .sum();
        let lines = all.saturating_sub(tests);
        if lines > MOST_LINES {
            let what = format!("{lines} lines without its tests; {MOST_LINES} are the most");
            offences.push(source.offence(MOST_LINES, &what));
        }
    }
    offences
}

/// `mod.rs` and `lib.rs` that hold more than docs, `mod` and `use`.
fn logic_in_roots(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources {
        let in_lib = source.file == "src/lib.rs";
        if !in_lib && !source.file.ends_with("/mod.rs") {
            continue;
        }
        for item in &source.syntax().items {
            let (line, kind) = match item {
                syn::Item::Use(_) => continue,
                syn::Item::Mod(item) => {
                    let tolerated = in_lib && INLINE_IN_LIB.iter().any(|name| item.ident == name);
                    if item.content.is_none() || tolerated {
                        continue;
                    }
                    (item.ident.span().start().line, "an inline module")
                }
                syn::Item::Fn(item) => (item.sig.ident.span().start().line, "a function"),
                syn::Item::Impl(item) => (item.impl_token.span.start().line, "an impl"),
                syn::Item::Struct(item) => (item.ident.span().start().line, "a type"),
                syn::Item::Enum(item) => (item.ident.span().start().line, "a type"),
                syn::Item::Trait(item) => (item.ident.span().start().line, "a trait"),
                _ => (1, "an item"),
            };
            let what = format!("{kind} in a file of docs, `mod` and `use`: give it its own");
            offences.push(source.offence(line, &what));
        }
    }
    offences
}

/// A `src/main.rs` that does more than call the library.
fn main_body_faults(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources.iter().filter(|source| source.file == "src/main.rs") {
        for item in &source.syntax().items {
            let trivial = match item {
                syn::Item::Use(_) => true,
                syn::Item::Fn(item) => item.sig.ident == "main" && item.block.stmts.len() == 1,
                // Which allocator a program has is said where the program is.
                syn::Item::Static(item) => {
                    item.attrs.iter().any(|attribute| attribute.path().is_ident("global_allocator"))
                }
                _ => false,
            };
            if !trivial {
                offences.push(source.offence(1, "`main` calls `cli::run` and nothing else"));
            }
        }
    }
    offences
}

/// `name.rs` beside `name/`: one module in two places.
fn split_modules(sources: &[&Source]) -> Vec<String> {
    let directories: BTreeSet<&str> =
        sources.iter().filter_map(|source| Some(source.file.rsplit_once('/')?.0)).collect();
    sources
        .iter()
        .filter(|source| directories.contains(source.file.trim_end_matches(".rs")))
        .map(|source| source.offence(1, "has a directory of the same name: move it to `mod.rs`"))
        .collect()
}

/// Files where the ban on `unsafe` is lifted, beyond the one that may, and bans lifted by `allow`,
/// which outlives its reason. Code and tests count apart: a counting allocator is unsafe too.
fn unsafe_files(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    let mut product = Vec::new();
    let mut tests = Vec::new();
    for source in sources {
        let mut lifted = false;
        // By word, so that `cfg_attr(…, allow(unsafe_code))` counts as well.
        for attribute in
            source.attributes.iter().filter(|a| a.name != "doc" && a.mentions("unsafe_code"))
        {
            lifted = true;
            if attribute.name != "expect" {
                offences
                    .push(source.offence(attribute.line, "`unsafe_code` may only be `expect`ed"));
            }
        }
        if lifted && source.is_in_src() {
            product.push(source.file.as_str());
        } else if lifted {
            tests.push(source.file.as_str());
        }
    }
    for files in [product, tests] {
        if files.len() > 1 {
            offences.push(format!("unsafe code in {} files, one is the most", files.join(", ")));
        }
    }
    offences
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
fn every_file_says_what_it_is() {
    assert_none(&missing_heads(&all()));
}

#[test]
fn a_file_without_a_head_is_caught() {
    assert_eq!(caught(missing_heads, "src/clock.rs", "// Time.\n"), 1);
    assert_eq!(caught(missing_heads, "src/clock.rs", "/// Time.\nstruct S;"), 1);
    assert_eq!(caught(missing_heads, "src/clock.rs", "//! Time.\n"), 0);
}

#[test]
fn no_file_is_a_god() {
    assert_none(&god_files(&all()));
}

#[test]
fn a_god_file_is_caught() {
    let longest = "//\n".repeat(MOST_LINES);
    let tests = "#[cfg(test)]\nmod tests {\n    use super::*;\n}\n";
    let count = |text: &str| caught(god_files, "src/clock.rs", text);
    assert_eq!(count(&longest), 0);
    assert_eq!(count(&format!("{longest}//\n")), 1);
    assert_eq!(count(&format!("{longest}{tests}")), 0);
    assert_eq!(count(&format!("use a;\n{longest}{tests}")), 1);
    assert_eq!(
        count(&format!("#[cfg(test)]\nuse a;\n{longest}")),
        1,
        "a test import hides nothing"
    );
}

#[test]
fn module_roots_hold_no_logic() {
    assert_none(&logic_in_roots(&all()));
}

#[test]
fn logic_in_a_module_root_is_caught() {
    for text in [
        "fn f() {}",
        "struct S;",
        "enum E {}",
        "trait T {}",
        "impl S {}",
        "mod inline {}",
        "const N: u8 = 1;",
        "macro_rules! m { () => {} }",
        "#[cfg(test)] mod tests { fn f() {} }",
    ] {
        assert_eq!(caught(logic_in_roots, "src/policy/mod.rs", text), 1, "{text}");
        assert_eq!(caught(logic_in_roots, "src/lib.rs", text), 1, "{text}");
    }
    let fit = "//! Docs.\nmod a;\npub mod b;\npub use a::S;\n#[cfg(test)] mod tests;";
    assert_eq!(caught(logic_in_roots, "src/policy/mod.rs", fit), 0);
    assert_eq!(caught(logic_in_roots, "src/policy/decide.rs", "fn f() {}"), 0);
}

#[test]
fn main_is_trivial() {
    assert!(all().iter().any(|source| source.file == "src/main.rs"), "src/main.rs is gone");
    assert_none(&main_body_faults(&all()));
}

#[test]
fn a_main_body_faults_is_caught() {
    assert_eq!(caught(main_body_faults, "src/main.rs", "fn main() { a(); b() }"), 1);
    assert_eq!(caught(main_body_faults, "src/main.rs", "fn main() { a() } fn a() {}"), 1);
    assert_eq!(caught(main_body_faults, "src/main.rs", "use a::b; fn main() -> C { b() }"), 0);
    assert_eq!(caught(main_body_faults, "src/main.rs", "static A: B = B;"), 1);
    let allocator = "#[global_allocator] static A: B = B; fn main() { a() }";
    assert_eq!(caught(main_body_faults, "src/main.rs", allocator), 0);
}

#[test]
fn no_module_stands_in_two_places() {
    assert_none(&split_modules(&all()));
}

#[test]
fn a_module_in_two_places_is_caught() {
    let beside = Source::parse("src/policy.rs", "//! x");
    let inside = Source::parse("src/policy/decide.rs", "//! x");
    assert_eq!(split_modules(&[&beside, &inside]).len(), 1);
    assert_eq!(split_modules(&[&inside]).len(), 0);
}

#[test]
fn unsafe_code_has_one_home() {
    assert_none(&unsafe_files(&all()));
}

#[test]
fn a_second_home_of_unsafe_code_is_caught() {
    let text = "#[expect(unsafe_code, reason = \"x\")] fn f() {}";
    let one = Source::parse("src/origin/disk.rs", text);
    let two = Source::parse("src/origin/http.rs", text);
    let counting = Source::parse("tests/allocations.rs", text);
    assert_eq!(unsafe_files(&[&one, &two]).len(), 1);
    assert_eq!(unsafe_files(&[&one, &counting]).len(), 0);
    assert_eq!(caught(unsafe_files, "src/a.rs", "#![allow(unsafe_code)]"), 1);
    assert_eq!(caught(unsafe_files, "src/a.rs", "#[cfg_attr(x, allow(unsafe_code))] fn f() {}"), 1);
}
