//! A parsed file as sections of known keys and values of known types.
//!
//! A [`Section`] is opened with every key it may have, so that an unknown one is reported
//! wherever it is; a [`Value`] is asked for a type, and reports when it has another. Both report
//! and answer `None`, and the reader goes on with a default.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Reading};
use super::pieces::Place;
use super::source::SourceFile;
use super::syntax::complain;
use super::units::{DurationText, SizeText, parse_duration, parse_size};
use crate::network::{NetworkSet, parse_network};

/// A file and the reading it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'d> {
    pub(super) reading: &'d Reading<'d>,
    pub(super) file: &'d Rc<SourceFile>,
    pub(super) place: Place<'d>,
}

/// The smallest and largest value, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<T> {
    pub(super) min: T,
    pub(super) max: T,
    pub(super) why: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section<'d> {
    pub(super) document: Document<'d>,
    table: &'d DeTable<'d>,
    /// Of the header, or of the inline table.
    start: usize,
    end: usize,
    /// As an operator writes it: `[edge]`, `[[site]]`.
    name: &'static str,
    keys: &'static [&'static str],
}

impl<'d> Section<'d> {
    /// Opens a table and reports the keys it may not have.
    pub(super) fn open(
        document: Document<'d>,
        table: &'d DeTable<'d>,
        span: Range<usize>,
        name: &'static str,
        keys: &'static [&'static str],
    ) -> Self {
        let section = Self { document, table, start: span.start, end: span.end, name, keys };
        for (key, _) in table {
            if !keys.contains(&&**key.get_ref()) {
                section.refuse_key(key);
            }
        }
        section
    }

    fn refuse_key(&self, key: &Spanned<toml::de::DeString<'_>>) {
        let written = key.get_ref();
        let near = |known: &&&str| strsim::damerau_levenshtein(written, known);
        let nearest = self.keys.iter().min_by_key(near).filter(|known| {
            // A word with a third of its letters wrong is another word.
            written.len() <= 64 && near(known) <= (known.len() / 3).max(1)
        });
        let shown: String = written.chars().take(64).collect();
        let mut finding = Finding::error(format!("unknown key `{shown}` in {}", self.name))
            .help(format!("the keys here are {}", self.keys.join(", ")));
        if let Some(nearest) = nearest {
            finding = finding.label(format!("did you mean `{nearest}`?"));
        }
        self.document.report(self.document.in_file(key.span()), finding);
    }

    /// The value of a key, if it is there.
    pub(super) fn value(&self, key: &'static str) -> Option<Value<'d>> {
        debug_assert!(self.keys.contains(&key), "{key} is not among the keys of {}", self.name);
        let value = self.table.get(key)?;
        Some(Value::new(self.document, key, value))
    }

    /// The value of a key that must be there.
    pub(super) fn required(&self, key: &'static str, help: &str) -> Option<Value<'d>> {
        let value = self.value(key);
        if value.is_none() {
            self.report(Finding::absent(format!("{} has no `{key}`", self.name)).help(help));
        }
        value
    }

    pub(super) fn has(&self, key: &'static str) -> bool {
        self.value(key).is_some()
    }

    /// About the section as a whole.
    pub(super) fn report(&self, finding: Finding) {
        self.document.report(self.span(), finding);
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }
}

impl Document<'_> {
    /// Of what was parsed, the place in the file.
    pub(super) fn in_file(&self, span: Range<usize>) -> Range<usize> {
        self.place.in_file(span)
    }

    /// About a place in the file.
    pub(super) fn report(&self, span: Range<usize>, finding: Finding) {
        self.reading.report(self.file, span, finding);
    }
}

/// A value somewhere in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'d> {
    pub(super) document: Document<'d>,
    /// The key it is under, for messages.
    pub(super) key: &'static str,
    inner: &'d DeValue<'d>,
    start: usize,
    end: usize,
}

impl<'d> Value<'d> {
    fn new(document: Document<'d>, key: &'static str, value: &'d Spanned<DeValue<'d>>) -> Self {
        let span = document.in_file(value.span());
        Self { document, key, inner: value.get_ref(), start: span.start, end: span.end }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    pub(super) fn report(&self, finding: Finding) {
        self.document.report(self.span(), finding);
    }

    /// Reports and answers none.
    pub(super) fn refuse<T>(&self, finding: Finding) -> Option<T> {
        self.report(finding);
        None
    }

    fn wrong_type<T>(&self, wanted: &str) -> Option<T> {
        let found = match self.inner.type_str() {
            "array" => "a list",
            "integer" => "an integer",
            "boolean" => "true or false",
            "datetime" => "a date",
            "float" => "a number with a fraction",
            "table" => "a table",
            _ => "a text",
        };
        self.refuse(Finding::error(format!("`{}` must be {wanted}, not {found}", self.key)))
    }

    pub(super) fn text(&self) -> Option<&'d str> {
        let text = self.inner.as_str();
        if text.is_none() { self.wrong_type("a text in quotes") } else { text }
    }

    /// True or false, as the one or the other of two meanings.
    pub(super) fn flag<T>(&self, when_true: T, when_false: T) -> Option<T> {
        match self.inner.as_bool() {
            Some(true) => Some(when_true),
            Some(false) => Some(when_false),
            None => self.wrong_type("true or false"),
        }
    }

    pub(super) fn is_integer(&self) -> bool {
        self.inner.is_integer()
    }

    pub(super) fn is_text(&self) -> bool {
        self.inner.is_str()
    }

    pub(super) fn datetime(&self) -> Option<&'d toml::value::Datetime> {
        self.inner.as_datetime()
    }

    pub(super) fn integer(&self, bounds: Bounds<u64>) -> Option<u64> {
        let Some(integer) = self.inner.as_integer() else { return self.wrong_type("an integer") };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        self.bounded(number, bounds, |number| number.to_string())
    }

    /// An integer, as the machine counts.
    pub(super) fn count(&self, bounds: Bounds<u64>) -> Option<usize> {
        self.integer(bounds).and_then(|count| usize::try_from(count).ok())
    }

    pub(super) fn duration(&self, bounds: Bounds<Duration>) -> Option<Duration> {
        let help = "write a number and a unit: \"500ms\", \"30s\", \"120m\", \"1h30m\", \"7d\"";
        if self.is_integer() {
            return self
                .refuse(Finding::error(format!("`{}` must say its unit", self.key)).help(help));
        }
        match parse_duration(self.text()?) {
            Ok(duration) => self.bounded(Some(duration), bounds, |it| DurationText(it).to_string()),
            Err(reason) => self.refuse(
                Finding::error(format!("`{}` is no duration", self.key))
                    .label(reason.to_string())
                    .help(help),
            ),
        }
    }

    /// A duration in whole seconds, for what tokens count in.
    pub(super) fn seconds(&self, bounds: Bounds<Duration>) -> Option<u64> {
        let duration = self.duration(bounds)?;
        if duration.subsec_nanos() != 0 {
            return self.refuse(
                Finding::error(format!("`{}` must be whole seconds", self.key))
                    .label("tokens count in seconds"),
            );
        }
        Some(duration.as_secs())
    }

    pub(super) fn size(&self, bounds: Bounds<u64>) -> Option<u64> {
        if self.is_integer() {
            return self.integer(bounds);
        }
        match parse_size(self.text()?) {
            Ok(size) => self.bounded(Some(size), bounds, |it| SizeText(it).to_string()),
            Err(reason) => self.refuse(
                Finding::error(format!("`{}` is no size", self.key))
                    .label(reason.to_string())
                    .help("write bytes, or a number with a unit: 8192, \"32KiB\", \"64MiB\""),
            ),
        }
    }

    fn bounded<T: Copy + PartialOrd>(
        &self,
        value: Option<T>,
        bounds: Bounds<T>,
        print: impl Fn(T) -> String,
    ) -> Option<T> {
        let inside = value.filter(|value| *value >= bounds.min && *value <= bounds.max);
        if inside.is_none() {
            let (min, max) = (print(bounds.min), print(bounds.max));
            self.report(
                Finding::error(format!("`{}` must be from {min} to {max}", self.key))
                    .help(bounds.why),
            );
        }
        inside
    }

    /// One of a few names.
    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
            self.report(
                Finding::error(format!("unknown value of `{}`", self.key))
                    .help(format!("this version knows {}", names.join(", "))),
            );
        }
        found
    }

    /// A table of known keys.
    pub(super) fn section(
        &self,
        name: &'static str,
        keys: &'static [&'static str],
    ) -> Option<Section<'d>> {
        let Some(table) = self.inner.as_table() else { return self.wrong_type("a table") };
        Some(Section::open(self.document, table, self.span(), name, keys))
    }

    /// Shows nothing of what a table holds under keys that are none of these: it may be what they
    /// were meant to name.
    pub(super) fn hide_other_than(&self, keys: &[&str]) {
        for (key, value) in self.inner.as_table().into_iter().flatten() {
            if !keys.contains(&&**key.get_ref()) {
                self.document.file.hide(self.document.in_file(value.span()));
            }
        }
    }

    pub(super) fn is_empty_list(&self) -> bool {
        self.inner.as_array().is_some_and(|array| array.is_empty())
    }

    /// A list of at most `limit` values.
    pub(super) fn items(&self, limit: usize) -> Option<impl Iterator<Item = Value<'d>> + use<'d>> {
        let Some(array) = self.inner.as_array() else { return self.wrong_type("a list") };
        if array.len() > limit {
            return self.refuse(self.too_many(array.len(), limit));
        }
        let (document, key) = (self.document, self.key);
        Some(array.iter().map(move |value| Value::new(document, key, value)))
    }

    /// Like [`Self::items`], for a list that may be long: of an element that was left out of its
    /// piece no more is held than `read` is given.
    pub(super) fn each(&self, limit: usize, mut read: impl FnMut(Value<'_>)) {
        let left_out = match self.document.place {
            Place::Piece(piece) if self.inner.is_array() => piece.elements(&self.span()),
            Place::Piece(_) | Place::Whole | Place::Element(_) => None,
        };
        let Some(elements) = left_out else {
            self.items(limit).into_iter().flatten().for_each(read);
            return;
        };
        if elements.len() > limit {
            return self.report(self.too_many(elements.len(), limit));
        }
        for element in elements {
            let document = Document { place: Place::Element(element.start), ..self.document };
            let text = self.document.file.text().get(element.clone()).unwrap_or_default();
            match DeValue::parse(text) {
                Ok(value) => read(Value::new(document, self.key, &value)),
                Err(error) => complain(document, &error),
            }
        }
    }

    fn too_many(&self, count: usize, limit: usize) -> Finding {
        let key = self.key;
        Finding::error(format!("`{key}` has {count} entries; at most {limit} are allowed"))
    }

    /// A path, relative to the folder of this file.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.is_empty() || text.contains('\0') {
            return self.refuse(Finding::error(format!("`{}` must be a path", self.key)));
        }
        Some(self.document.file.folder().join(text))
    }

    /// An address with its port.
    pub(super) fn socket_address(&self) -> Option<SocketAddr> {
        let text = self.text()?;
        match text.parse() {
            Ok(address) => Some(address),
            Err(_) => self.refuse(
                Finding::error(format!("`{}` must be an IP address and a port", self.key)).help(
                    "for example \"127.0.0.1:8080\", \"[::1]:8080\", or \"0.0.0.0:8080\" for every \
                     address of the machine; names are not looked up",
                ),
            ),
        }
    }

    /// A list of addresses and networks.
    pub(super) fn networks(&self) -> Option<NetworkSet> {
        // A look-up walks the set, on every request.
        let items = self.items(1000)?;
        let networks = items.filter_map(|item| {
            let network = parse_network(item.text()?);
            match network {
                Ok(network) => Some(network),
                Err(reason) => item.refuse(
                    Finding::error(format!("`{}` must list addresses and networks", self.key))
                        .label(reason.to_string())
                        .help("for example \"10.0.0.0/8\", \"192.0.2.7\", \"2001:db8::/32\""),
                ),
            }
        });
        Some(NetworkSet::new(networks.collect()))
    }

    /// A name that goes into logs, metric labels and headers.
    pub(super) fn name(&self, longest: usize) -> Option<&'d str> {
        let text = self.text()?;
        let sound = (1..=longest).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if sound {
            return Some(text);
        }
        self.refuse(Finding::error(format!(
            "`{}` must be 1 to {longest} letters, digits, `-`, `_` or `.`",
            self.key
        )))
    }
}
