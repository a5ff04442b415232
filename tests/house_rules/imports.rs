//! Who names whom: our modules by the import table, external crates by their fences.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::Ending;
use super::source::{self, Audience, Source};
use super::{FENCES, IMPORTERS_OF, IMPORTS, INNER_BANS, RIVALS_IN};

/// Top-level modules the table does not know.
fn unknown_modules(sources: &[&Source]) -> Vec<String> {
    let known: BTreeSet<&str> = IMPORTS.iter().map(|(module, _)| *module).collect();
    sources
        .iter()
        .filter_map(|source| Some((source, source.module.first()?)))
        .filter(|(_, module)| !known.contains(module.as_str()))
        .map(|(source, module)| {
            source.offence(1, &format!("module `{module}` is not in the import table"))
        })
        .collect()
}

/// Modules named against the table.
fn forbidden_imports(sources: &[&Source]) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = IMPORTS.iter().copied().collect();
    let mut offences = Vec::new();
    for source in sources {
        let Some(from) = source.module.first() else { continue };
        let allowed = table.get(from.as_str()).copied().unwrap_or_default();
        for found in &source.paths {
            let Some(path) = found.resolve(&source.module) else { continue };
            match path.first() {
                Some(to) if to == from || allowed.contains(&to.as_str()) => {}
                Some(to) if table.contains_key(to.as_str()) => offences
                    .push(source.offence(found.line, &format!("`{from}` may not name `{to}`"))),
                Some(to) => offences.push(source.offence(
                    found.line,
                    &format!("`crate::{to}` is not a module: name things where they live"),
                )),
                None if found.ending == Ending::Name => {}
                None => offences.push(
                    source.offence(found.line, "the whole crate under one name hides who is named"),
                ),
            }
        }
    }
    offences
}

/// The table's own faults: a name it does not define, a cycle, a guarded module let in.
fn table_faults(table: &[(&str, &[&str])]) -> Vec<String> {
    let defined: BTreeSet<&str> = table.iter().map(|(module, _)| *module).collect();
    let mut faults = Vec::new();
    if defined.len() != table.len() {
        faults.push("a module has two rows".to_owned());
    }
    for (from, allowed) in table {
        for to in *allowed {
            if !defined.contains(to) {
                faults.push(format!("`{from}` may name `{to}`, which has no row"));
            }
            for (guarded, importers) in IMPORTERS_OF {
                if to == guarded && !importers.contains(from) {
                    faults.push(format!("`{from}` may not be given `{guarded}`"));
                }
            }
        }
    }
    // Kahn's sort: take away what names nothing that is left, until nothing is left.
    let mut left: BTreeMap<&str, BTreeSet<&str>> =
        table.iter().map(|(from, allowed)| (*from, allowed.iter().copied().collect())).collect();
    while let Some(ready) =
        left.iter().find(|(_, names)| !names.iter().any(|to| left.contains_key(to)))
    {
        let ready = *ready.0;
        left.remove(ready);
    }
    if !left.is_empty() {
        faults.push(format!("a cycle among {:?}", left.keys()));
    }
    faults
}

/// Steps taken the wrong way, or left out, inside one module.
fn inner_bans(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources {
        for found in &source.paths {
            let Some(path) = found.resolve(&source.module) else { continue };
            let (Some(from), Some(to)) = (source.module.get(1), path.get(1)) else { continue };
            let banned = INNER_BANS.iter().any(|(module, sources, targets)| {
                source.module.first().is_some_and(|first| first == module)
                    && path.first().is_some_and(|first| first == module)
                    && sources.contains(&from.as_str())
                    && targets.contains(&to.as_str())
            });
            if banned {
                let what = format!("`{}` may not name `{to}`", source.module.join("::"));
                offences.push(source.offence(found.line, &what));
            }
        }
    }
    offences
}

/// Directories of one module that name each other, where each must stand alone.
fn rivals(sources: &[&Source]) -> Vec<String> {
    let directories: BTreeSet<&[String]> =
        sources.iter().filter_map(|source| source.module.get(..3)?.get(..2)).collect();
    let mut offences = Vec::new();
    for source in sources {
        let Some(own) = source.module.get(..2) else { continue };
        let ruled = own.first().is_some_and(|first| RIVALS_IN.contains(&first.as_str()));
        if !ruled || !directories.contains(own) {
            continue;
        }
        for found in &source.paths {
            let Some(path) = found.resolve(&source.module) else { continue };
            if let Some(other) = path.get(..2)
                && other != own
                && directories.contains(other)
            {
                let what = format!("`{}` may not name `{}`", own.join("::"), other.join("::"));
                offences.push(source.offence(found.line, &what));
            }
        }
    }
    offences
}

/// External crates named outside their fences.
fn fences(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources {
        let own = source.module.join("::");
        for found in &source.paths {
            if found.audience == Audience::Tests {
                continue;
            }
            for (fenced, homes) in FENCES {
                let prefix: Vec<&str> = fenced.split("::").collect();
                let at_home =
                    homes.iter().any(|home| own == *home || own.starts_with(&format!("{home}::")));
                if !at_home && found.reaches(&prefix) {
                    offences.push(source.offence(
                        found.line,
                        &format!("`{fenced}` belongs to {}", homes.join(", ")),
                    ));
                }
            }
        }
    }
    offences
}

fn product() -> Vec<&'static Source> {
    source::product().collect()
}

fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

/// Runs a check on one snippet standing in `file`.
fn caught(check: fn(&[&Source]) -> Vec<String>, file: &str, text: &str) -> usize {
    check(&[&Source::parse(file, text)]).len()
}

#[test]
fn every_top_level_module_is_in_the_import_table() {
    assert_none(&unknown_modules(&product()));
}

#[test]
fn an_unknown_top_level_module_is_caught() {
    assert_eq!(caught(unknown_modules, "src/toolbox/mod.rs", "//! x"), 1);
    assert_eq!(caught(unknown_modules, "src/toolbox.rs", "//! x"), 1);
    assert_eq!(caught(unknown_modules, "src/policy/decide.rs", "//! x"), 0);
}

#[test]
fn modules_name_only_what_the_import_table_allows() {
    assert_none(&forbidden_imports(&product()));
}

#[test]
fn an_import_against_the_table_is_caught() {
    for text in [
        "use crate::policy::Permit;",
        "use crate::{clock::Clock, policy::Permit};",
        "use super::super::policy::Permit;",
        "mod tests { use super::super::super::policy; }",
        "fn f() -> crate::policy::Permit { loop {} }",
        "fn f() { assert!(matches!(x, crate::policy::Denial::Gone)); }",
        "fn f() { println!(\"{}\", [super::super::policy::decide()]); }",
        "#[serde(with = \"crate::policy::wire\")] struct S;",
        "use crate::*;",
        "use crate as everything;",
        "use crate::nowhere::Thing;",
        "macro_rules! m { () => { $crate::policy::decide() } }",
    ] {
        assert_eq!(caught(forbidden_imports, "src/token/edge_auth.rs", text), 1, "{text}");
    }
}

#[test]
fn an_import_within_the_table_passes() {
    for text in [
        "use crate::clock::UnixSeconds;",
        "use crate::token::Claims;",
        "use super::Claims;",
        "use super::super::keyring::Key;",
        "mod tests { use super::*; use super::super::claims; }",
        "pub(crate) struct S; pub(in crate::token) struct T;",
        "// use crate::policy::Permit;\nconst TEXT: &str = \"see crate::policy\";",
        "//! [`crate::policy`] decides.",
    ] {
        assert_eq!(caught(forbidden_imports, "src/token/edge_auth.rs", text), 0, "{text}");
    }
}

#[test]
fn the_scan_sees_the_imports_there_are() {
    let seen = product().iter().any(|source| {
        source.module.first().is_some_and(|module| module == "asset")
            && source.paths.iter().any(|found| {
                found
                    .resolve(&source.module)
                    .is_some_and(|path| path.starts_with(&["target".to_owned()]))
            })
    });
    assert!(seen, "`asset` names `target`, and the scan does not see it");
}

#[test]
fn the_import_table_is_acyclic_and_closed() {
    assert_none(&table_faults(IMPORTS));
}

#[test]
fn a_faulty_import_table_is_caught() {
    assert_eq!(table_faults(&[("a", &["b"]), ("b", &["a"])]).len(), 1, "cycle");
    assert_eq!(table_faults(&[("a", &["a"])]).len(), 1, "itself");
    assert_eq!(table_faults(&[("a", &["b"])]).len(), 1, "no row");
    assert_eq!(table_faults(&[("a", &[]), ("a", &[])]).len(), 1, "two rows");
    assert_eq!(table_faults(&[("config", &[]), ("policy", &["config"])]).len(), 1, "guarded");
    assert_eq!(table_faults(&[("fuzzing", &[]), ("cli", &["fuzzing"])]).len(), 1, "guarded");
    assert_eq!(table_faults(&[("a", &["b"]), ("b", &[])]).len(), 0);
}

#[test]
fn planes_keep_their_inner_order() {
    assert_none(&inner_bans(&product()));
}

#[test]
fn a_step_against_the_inner_order_is_caught() {
    let upward = "use super::super::pipeline::Stage;";
    assert_eq!(caught(inner_bans, "src/data_plane/cache/fill.rs", upward), 1);
    let skipping = "use crate::control_plane::store::Store;";
    assert_eq!(caught(inner_bans, "src/control_plane/api/native/shares.rs", skipping), 1);
    let downward = "use crate::control_plane::store::Store;";
    assert_eq!(caught(inner_bans, "src/control_plane/service/shares.rs", downward), 0);
}

#[test]
fn no_token_scheme_names_another() {
    assert_none(&rivals(&product()));
}

#[test]
fn a_scheme_that_names_another_is_caught() {
    let one = Source::parse("src/token/edge_auth/sign.rs", "use crate::token::claims::Claims;");
    let bad = Source::parse("src/token/cloud_front/sign.rs", "use super::super::edge_auth::wire;");
    assert_eq!(rivals(&[&one, &bad]).len(), 1);
    assert_eq!(rivals(&[&one]).len(), 0);
}

#[test]
fn external_crates_stay_behind_their_fences() {
    assert_none(&fences(&product()));
}

#[test]
fn a_crate_outside_its_fence_is_caught() {
    for text in [
        "use sqlx::Pool;",
        "use sqlx;",
        "use sqlx as database;",
        "use {moka::sync::Cache, std::fmt};",
        "use hyper::server::conn::http1;",
        "use hyper::{Request, server::conn::http1};",
        "use hyper as h;",
        "use hyper::*;",
        "use ring::hmac;",
        "fn f() { let t = toml::from_str(x); }",
        "fn f() { info!(a = axum::Router::new()); }",
        "type Swap = ::arc_swap::ArcSwap<u8>;",
        "#[derive(sqlx::FromRow)] struct S;",
        "#[cfg(not(test))] use sqlx::Pool;",
    ] {
        assert_eq!(caught(fences, "src/delivery/body.rs", text), 1, "{text}");
    }
}

#[test]
fn a_crate_behind_its_fence_passes() {
    assert_eq!(caught(fences, "src/control_plane/store/mod.rs", "use sqlx::Pool;"), 0);
    assert_eq!(caught(fences, "src/data_plane/connection.rs", "use hyper::server::conn;"), 0);
    for text in [
        "use hyper::client::conn::http1;",
        "use hyper::Request;",
        "use ring::digest;",
        "fn f() { let toml = 1; g(toml); }",
        "#[cfg(test)] mod tests { use hyper::server::conn::http1; }",
        "#[cfg(test)] use sqlx::Pool;",
    ] {
        assert_eq!(caught(fences, "src/origin/http.rs", text), 0, "{text}");
    }
}
