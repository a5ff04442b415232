//! What may not be a name: words that say nothing of what is inside.

use syn::visit::{self, Visit};

use super::source::{self, Source};

/// Words that name nothing, wherever they stand in a name.
const NEVER: &[&str] =
    &["helper", "helpers", "manager", "managers", "misc", "util", "utils", "utility", "utilities"];

/// Words that name nothing as the noun of a name: `common_prefix` is a prefix, `handler_main` is
/// nothing.
const NEVER_LAST: &[&str] = &["common", "main"];

/// Words that name nothing alone: `data_plane` is a plane, `is_global` a question.
const NEVER_ALONE: &[&str] = &["data", "global", "globals", "info"];

/// The word that spoils a name, if any.
fn spoiled_by(name: &str) -> Option<String> {
    let words = words(name);
    let last = words.last()?;
    words
        .iter()
        .find(|word| NEVER.contains(&word.as_str()))
        .or_else(|| NEVER_LAST.contains(&last.as_str()).then_some(last))
        .or_else(|| (words.len() == 1 && NEVER_ALONE.contains(&last.as_str())).then_some(last))
        .cloned()
}

/// The words of `a_name` or of `AName`, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.trim_start_matches("r#").chars() {
        if letter == '_' || (letter.is_uppercase() && !before.is_uppercase()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (letter != '_', words.last_mut()) {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Names of modules (files and inline), types and functions that a rule of names forbids. What a
/// foreign trait demands of its implementors is not ours to name.
fn bad_names(sources: &[&Source]) -> Vec<String> {
    let mut offences = Vec::new();
    for source in sources {
        let mut names = Names { found: Vec::new(), program: source.file.clone() };
        for part in source.file.split('/').map(|part| part.trim_end_matches(".rs")) {
            if !matches!(part, "main" | "src" | "tests" | "benches") {
                names.found.push((1, part.to_owned()));
            }
        }
        names.visit_file(&source.syntax());
        for (line, name) in names.found {
            if let Some(word) = spoiled_by(&name) {
                let what = format!("`{name}`: `{word}` names nothing; say what it is");
                offences.push(source.offence(line, &what));
            }
        }
    }
    offences
}

struct Names {
    found: Vec<(usize, String)>,
    program: String,
}

impl Names {
    fn push(&mut self, name: &syn::Ident) {
        self.found.push((name.span().start().line, name.to_string()));
    }

    /// Whether this file is where a program starts, and must have a `main`.
    fn is_program(&self) -> bool {
        self.program == "src/main.rs" || !self.program.starts_with("src/")
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            syn::Item::Enum(item) => self.push(&item.ident),
            syn::Item::Fn(item) if item.sig.ident == "main" && self.is_program() => {}
            syn::Item::Fn(item) => self.push(&item.sig.ident),
            syn::Item::Mod(item) => self.push(&item.ident),
            syn::Item::Struct(item) => self.push(&item.ident),
            syn::Item::Trait(item) => self.push(&item.ident),
            syn::Item::Type(item) => self.push(&item.ident),
            syn::Item::Union(item) => self.push(&item.ident),
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if item.trait_.is_none() {
            for inner in &item.items {
                if let syn::ImplItem::Fn(method) = inner {
                    self.push(&method.sig.ident);
                }
            }
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_trait_item_fn(&mut self, method: &'ast syn::TraitItemFn) {
        self.push(&method.sig.ident);
        visit::visit_trait_item_fn(self, method);
    }
}

#[test]
fn names_say_what_they_name() {
    let offences = bad_names(&source::all().iter().collect::<Vec<_>>());
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn a_name_that_names_nothing_is_caught() {
    let count = |file: &str, text: &str| bad_names(&[&Source::parse(file, text)]).len();
    for text in [
        "mod helpers {}",
        "struct SessionManager;",
        "enum Misc {}",
        "trait TokenHelper {}",
        "type Info = u8;",
        "fn data() {}",
        "fn handler_main() {}",
        "fn main() {}",
        "fn string_utils() {}",
        "mod a { mod b { fn common() {} } }",
        "struct S; impl S { fn info(&self) {} }",
        "trait T { fn global(); }",
    ] {
        assert_eq!(count("src/policy/decide.rs", text), 1, "{text}");
    }
    assert_eq!(count("src/policy/utils.rs", "//! x"), 1);
    assert_eq!(count("src/common/decide.rs", "//! x"), 1);
    assert_eq!(count("tests/black_box/helpers/mod.rs", "//! x"), 1);
    for text in [
        "mod data_plane {}",
        "fn common_prefix() {}",
        "fn is_global() {}",
        "struct S { data: u8 }",
        "struct S; impl Frame for S { fn data(&self) {} }",
        "struct Domain;",
    ] {
        assert_eq!(count("src/policy/decide.rs", text), 0, "{text}");
    }
    assert_eq!(count("src/main.rs", "fn main() {}"), 0);
    assert_eq!(count("benches/decide.rs", "fn main() {}"), 0);
}
