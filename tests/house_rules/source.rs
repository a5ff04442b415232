//! The Rust files of this repository, parsed once for all checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use syn::visit::{self, Visit};

use super::paths::{self, Found};

/// One Rust file, and what the parser found in it. The syntax tree itself is not kept: it cannot
/// be shared between the threads of the tests.
pub(crate) struct Source {
    /// Its path from the root of the repository, with `/`.
    pub(crate) file: String,
    pub(crate) text: String,
    /// Where `src` puts it: `src/policy/decide.rs` is `["policy", "decide"]`. Empty elsewhere.
    pub(crate) module: Vec<String>,
    pub(crate) paths: Vec<Found>,
    pub(crate) attributes: Vec<Attribute>,
    /// Files that this one declares for tests only: `#[cfg(test)] mod name;`.
    test_modules: Vec<Vec<String>>,
}

/// Who a piece of code is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Product,
    Tests,
}

/// An attribute, a doc comment among them, wherever in a file it stands.
pub(crate) struct Attribute {
    pub(crate) line: usize,
    /// `cfg` in `#[cfg(test)]`.
    pub(crate) name: String,
    /// `test` in `#[cfg(test)]`, the text in `#[doc = "text"]`.
    pub(crate) body: String,
}

impl Attribute {
    /// Whether a word stands in the body.
    pub(crate) fn mentions(&self, word: &str) -> bool {
        self.body.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == word)
    }
}

impl From<&syn::Attribute> for Attribute {
    fn from(attribute: &syn::Attribute) -> Self {
        let body = match &attribute.meta {
            syn::Meta::List(list) => list.tokens.to_string(),
            syn::Meta::NameValue(pair) => match &pair.value {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => text.value(),
                _ => String::new(),
            },
            syn::Meta::Path(_) => String::new(),
        };
        let name = attribute.path().segments.last().map(|segment| segment.ident.to_string());
        let line = attribute.pound_token.span.start().line;
        Self { line, name: name.unwrap_or_default(), body }
    }
}

impl Source {
    /// Reads `text` as if it were `file`.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        let module = module_of(file);
        let mut source = Self {
            file: file.to_owned(),
            text: text.to_owned(),
            test_modules: Vec::new(),
            paths: Vec::new(),
            attributes: Vec::new(),
            module,
        };
        let syntax = source.syntax();
        let audience = if source.is_in_src() { Audience::Product } else { Audience::Tests };
        source.paths = paths::all(&syntax, audience);
        source.attributes = attributes(&syntax);
        source.test_modules = test_modules(&syntax, &source.module);
        source
    }

    /// The syntax tree.
    pub(crate) fn syntax(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.file))
    }

    /// Says where in this file something is wrong.
    pub(crate) fn offence(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.file)
    }

    /// Whether the file belongs to the library or the program.
    pub(crate) fn is_in_src(&self) -> bool {
        self.file.starts_with("src/")
    }
}

/// All Rust files of the repository: `src`, `tests`, `benches`, `fuzz`.
pub(crate) fn all() -> &'static [Source] {
    static ALL: LazyLock<Vec<Source>> = LazyLock::new(|| {
        let mut sources: Vec<Source> = super::repository::files()
            .iter()
            .filter(|file| has_extension(file, "rs"))
            .map(|file| Source::parse(file, &read(file)))
            .collect();
        // A module of the tests may have the name of one of the product.
        let of_product = sources.iter().filter(|source| source.is_in_src());
        let for_tests: Vec<Vec<String>> =
            of_product.flat_map(|source| source.test_modules.clone()).collect();
        for source in &mut sources {
            if for_tests.iter().any(|module| source.module.starts_with(module)) {
                source.paths.iter_mut().for_each(|found| found.audience = Audience::Tests);
            }
        }
        let in_src = sources.iter().filter(|source| source.is_in_src()).count();
        assert!(in_src > 10, "only {in_src} files found under src: the scan is broken");
        sources
    });
    &ALL
}

/// The files of `src` alone.
pub(crate) fn product() -> impl Iterator<Item = &'static Source> {
    all().iter().filter(|source| source.is_in_src())
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file, given its path from the root.
pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

pub(crate) fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found == extension)
}

/// `src/a/b.rs` is `a::b`, `src/a/mod.rs` is `a`, `src/lib.rs` and `src/main.rs` are the root.
fn module_of(file: &str) -> Vec<String> {
    let Some(inside) = file.strip_prefix("src/").and_then(|path| path.strip_suffix(".rs")) else {
        return Vec::new();
    };
    let mut module: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if module == ["lib"] || module == ["main"] || module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    module
}

/// The modules declared by `#[cfg(test)] mod name;`, whose files are for tests.
fn test_modules(syntax: &syn::File, within: &[String]) -> Vec<Vec<String>> {
    syntax
        .items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(item) if item.content.is_none() && is_for_tests(&item.attrs) => {
                Some([within, &[item.ident.to_string()]].concat())
            }
            _ => None,
        })
        .collect()
}

/// Whether the attributes keep an item out of the product: `#[test]`, `#[cfg(test)]`, or a `cfg`
/// that demands `test` among other things.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().map(Attribute::from).any(|attribute| match attribute.name.as_str() {
        "test" => true,
        "cfg" => {
            attribute.mentions("test") && !attribute.mentions("not") && !attribute.mentions("any")
        }
        _ => false,
    })
}

fn attributes(syntax: &syn::File) -> Vec<Attribute> {
    struct Attributes(Vec<Attribute>);
    impl<'ast> Visit<'ast> for Attributes {
        fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
            self.0.push(Attribute::from(attribute));
            visit::visit_attribute(self, attribute);
        }
    }
    let mut found = Attributes(Vec::new());
    found.visit_file(syntax);
    found.0
}
