//! Every path a file names: in `use` trees, in code, and in the tokens of macros and attributes,
//! where the parser sees no paths but the compiler will.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::source::{Audience, is_for_tests};

/// A path as written, and where.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    pub(crate) ending: Ending,
    pub(crate) place: Place,
    /// The inline modules around it, below the file's own.
    pub(crate) within: Vec<String>,
    pub(crate) audience: Audience,
}

/// How a path ends, which decides what else it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At its last segment.
    Name,
    /// `use a::*`: everything below.
    Glob,
    /// `use a as b`: everything below, under a name we do not follow.
    Rename,
}

/// Where a path stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In code or in tokens, where one lone word is as likely a variable.
    Code,
    /// In a `use` or `extern crate`, where it is not.
    Import,
}

impl Found {
    /// Whether this names the external `prefix`, something below it, or a whole that contains it.
    pub(crate) fn reaches(&self, prefix: &[&str]) -> bool {
        let shared = self.segments.len().min(prefix.len());
        let same = self.segments.iter().zip(prefix).take(shared).all(|(one, other)| one == other);
        let whole = self.segments.len() >= prefix.len() || self.ending != Ending::Name;
        same && whole && (self.segments.len() > 1 || self.place == Place::Import)
    }

    /// The path from the root of our crate, if it starts with `crate`, `self` or `super`.
    pub(crate) fn resolve(&self, file_module: &[String]) -> Option<Vec<String>> {
        let mut segments = self.segments.iter().peekable();
        let mut module: Vec<String> = match segments.peek()?.as_str() {
            "crate" => {
                segments.next();
                Vec::new()
            }
            "self" | "super" => file_module.iter().chain(&self.within).cloned().collect(),
            _ => return None,
        };
        while let Some(segment) = segments.peek() {
            match segment.as_str() {
                "self" => {}
                "super" => {
                    module.pop();
                }
                _ => break,
            }
            segments.next();
        }
        module.extend(segments.cloned());
        Some(module)
    }
}

/// All paths of a file that is compiled for `audience`.
pub(crate) fn all(syntax: &syn::File, audience: Audience) -> Vec<Found> {
    let mut visitor = Visitor { found: Vec::new(), within: Vec::new(), audience };
    visitor.visit_file(syntax);
    visitor.found
}

/// Calls `found` for each path among tokens: names joined by `::`.
fn scan_tokens(tokens: TokenStream, found: &mut dyn FnMut(Found)) {
    let mut path: Option<Found> = None;
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(name) => match &mut path {
                Some(open) if colons == 2 => open.segments.push(name.to_string()),
                _ => {
                    path.take().into_iter().for_each(&mut *found);
                    path = Some(bare(name.span().start().line, vec![name.to_string()]));
                }
            },
            TokenTree::Punct(mark) if mark.as_char() == ':' && colons < 2 && path.is_some() => {
                colons += 1;
                continue;
            }
            TokenTree::Punct(mark) if mark.as_char() == '*' && colons == 2 => {
                if let Some(mut open) = path.take() {
                    open.ending = Ending::Glob;
                    found(open);
                }
            }
            TokenTree::Group(group) => {
                if let (Some(open), 2) = (&path, colons) {
                    // `a::{b, c}`: what is inside begins with `a`.
                    let before = open.segments.clone();
                    scan_tokens(group.stream(), &mut |mut inner| {
                        inner.segments.splice(0..0, before.iter().cloned());
                        found(inner);
                    });
                    path = None;
                } else {
                    path.take().into_iter().for_each(&mut *found);
                    scan_tokens(group.stream(), found);
                }
            }
            TokenTree::Literal(literal) => {
                path.take().into_iter().for_each(&mut *found);
                // Attributes carry paths as text: `#[serde(with = "crate::clock::seconds")]`.
                let text = literal.to_string();
                let text = text.trim_matches('"');
                if text.starts_with("crate::") || text.starts_with("super::") {
                    let segments = text.split("::").map(str::to_owned).collect();
                    found(bare(literal.span().start().line, segments));
                }
            }
            TokenTree::Punct(_) => path.take().into_iter().for_each(&mut *found),
        }
        colons = 0;
    }
    path.into_iter().for_each(&mut *found);
}

fn bare(line: usize, segments: Vec<String>) -> Found {
    Found {
        line,
        segments,
        ending: Ending::Name,
        place: Place::Code,
        within: Vec::new(),
        audience: Audience::Product,
    }
}

struct Visitor {
    found: Vec<Found>,
    within: Vec<String>,
    audience: Audience,
}

impl Visitor {
    fn push(&mut self, line: usize, segments: Vec<String>, place: Place, ending: Ending) {
        let (within, audience) = (self.within.clone(), self.audience);
        self.found.push(Found { line, segments, ending, place, within, audience });
    }

    fn push_import(&mut self, line: usize, segments: Vec<String>, ending: Ending) {
        self.push(line, segments, Place::Import, ending);
    }

    fn push_tokens(&mut self, tokens: TokenStream) {
        let mut inside = Vec::new();
        scan_tokens(tokens, &mut |found| inside.push(found));
        for found in inside {
            self.push(found.line, found.segments, found.place, found.ending);
        }
    }

    fn push_use(&mut self, before: &[String], tree: &syn::UseTree) {
        let line = tree.span().start().line;
        let with = |name: &syn::Ident| {
            let mut segments = before.to_vec();
            // `use a::{self}` is `use a`.
            if segments.is_empty() || name != "self" {
                segments.push(name.to_string());
            }
            segments
        };
        match tree {
            syn::UseTree::Path(path) => self.push_use(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.push_import(line, with(&name.ident), Ending::Name),
            syn::UseTree::Rename(rename) => {
                self.push_import(line, with(&rename.ident), Ending::Rename);
            }
            syn::UseTree::Glob(_) => self.push_import(line, before.to_vec(), Ending::Glob),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.push_use(before, tree);
                }
            }
        }
    }

    /// Visits below an item, for tests if its attributes say so.
    fn below(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let outside = self.audience;
        if is_for_tests(attributes) {
            self.audience = Audience::Tests;
        }
        visit(self);
        self.audience = outside;
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let none = Vec::new();
        let attributes = match item {
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Static(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            _ => &none,
        };
        self.below(attributes, |inner| visit::visit_item(inner, item));
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.within.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.within.pop();
    }

    fn visit_impl_item_fn(&mut self, method: &'ast syn::ImplItemFn) {
        self.below(&method.attrs, |inner| visit::visit_impl_item_fn(inner, method));
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.push_use(&[], &item.tree);
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let ending = if item.rename.is_some() { Ending::Rename } else { Ending::Name };
        let name = if item.ident == "self" { "crate".to_owned() } else { item.ident.to_string() };
        self.push_import(item.ident.span().start().line, vec![name], ending);
    }

    // `pub(in crate::a)` says who may see us, not whom we see.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.push(path.span().start().line, segments, Place::Code, Ending::Name);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast syn::Macro) {
        self.push_tokens(invocation.tokens.clone());
        visit::visit_macro(self, invocation);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        match &attribute.meta {
            syn::Meta::List(list) => self.push_tokens(list.tokens.clone()),
            syn::Meta::NameValue(_) | syn::Meta::Path(_) => {}
        }
    }
}
