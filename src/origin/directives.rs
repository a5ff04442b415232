//! The directives of the fields that speak of keeping an answer: `Cache-Control` (RFC 9111), and the
//! two that speak to an edge alone, `CDN-Cache-Control` (RFC 9213) and `Surrogate-Control` (W3C Edge
//! Architecture Specification, section 2). Each has its own grammar; what is said is the same.
//!
//! Not here: which field counts, and what follows from it.

use http::header::{self, HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

pub(super) const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

pub(super) const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");

/// What origins are told with each request: that `Surrogate-Control` is understood, and by which name
/// this edge alone is spoken to.
pub(super) const SURROGATE_CAPABILITY: &str = "countersign=\"Surrogate/1.0\"";

/// That name.
const SURROGATE: &str = "countersign";

/// The directives of one field. A number that stands twice is the smaller one; one that is none
/// is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a directive that is there or is not")]
pub(super) struct Directives {
    pub(super) max_age: Option<u64>,
    pub(super) s_maxage: Option<u64>,
    pub(super) stale_while_revalidate: Option<u64>,
    pub(super) stale_if_error: Option<u64>,
    pub(super) no_cache: bool,
    pub(super) no_store: bool,
    pub(super) private: bool,
    pub(super) public: bool,
    pub(super) must_revalidate: bool,
    pub(super) proxy_revalidate: bool,
}

impl Directives {
    /// Of `Cache-Control`.
    pub(super) fn general(headers: &HeaderMap) -> Self {
        let mut directives = Self::default();
        for value in headers.get_all(header::CACHE_CONTROL) {
            match value.to_str() {
                Ok(text) => split_outside_quotes(text).for_each(|it| directives.add(it)),
                // A value that is no text is read as one that forbids.
                Err(_) => directives.no_store = true,
            }
        }
        directives
    }

    /// Of `CDN-Cache-Control`; none where it is absent, empty, or no dictionary of structured fields
    /// (RFC 9213 section 2.1). Parameters mean nothing.
    pub(super) fn targeted(headers: &HeaderMap) -> Option<Self> {
        let lines = headers.get_all(CDN_CACHE_CONTROL);
        let lines: Vec<&[u8]> = lines.iter().map(http::HeaderValue::as_bytes).collect();
        let members: Dictionary = Parser::new(&lines.join(&b", "[..])).parse().ok()?;
        let mut directives = Self::default();
        for (name, entry) in &members {
            let (value, stands) = match entry {
                ListEntry::Item(item) => match &item.bare_item {
                    BareItem::Integer(number) => (u64::try_from(*number).unwrap_or(0), true),
                    BareItem::Boolean(stands) => (0, *stands),
                    // Of the wrong type: as strict as it can be.
                    BareItem::ByteSequence(_)
                    | BareItem::Date(_)
                    | BareItem::Decimal(_)
                    | BareItem::DisplayString(_)
                    | BareItem::String(_)
                    | BareItem::Token(_) => (0, true),
                },
                ListEntry::InnerList(_) => (0, true),
            };
            if stands {
                directives.set(name.as_str(), value);
            }
        }
        (!members.is_empty()).then_some(directives)
    }

    /// Of `Surrogate-Control`: what is meant for this edge by name, else what is meant for everybody;
    /// none where neither says anything of keeping.
    pub(super) fn surrogate(headers: &HeaderMap) -> Option<Self> {
        let (mut ours, mut everybodys) = (Self::default(), Self::default());
        for value in headers.get_all(SURROGATE_CONTROL) {
            let Ok(text) = value.to_str() else {
                everybodys.no_store = true;
                continue;
            };
            for directive in split_outside_quotes(text) {
                match directive.split_once(';') {
                    None => everybodys.add_extensible(directive),
                    Some((directive, SURROGATE)) => ours.add_extensible(directive),
                    Some((_, _somebody_else)) => {}
                }
            }
        }
        [ours, everybodys].into_iter().find(Self::speaks_of_keeping)
    }

    /// One directive as it stands in a list.
    fn add(&mut self, directive: &str) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        self.set(&name.to_ascii_lowercase(), seconds(value));
    }

    /// The same of `Surrogate-Control`, where a lifetime may have an extension: for so much longer the
    /// answer may be used before it is asked about.
    fn add_extensible(&mut self, directive: &str) {
        let (directive, extension) = match directive.split_once('+') {
            Some((directive, extension)) => (directive, Some(seconds(extension))),
            None => (directive, None),
        };
        self.add(directive);
        if let Some(extension) = extension {
            self.set("stale-while-revalidate", extension);
            self.set("stale-if-error", extension);
        }
    }

    fn set(&mut self, name: &str, value: u64) {
        let smaller = |known: &mut Option<u64>| {
            *known = Some(known.map_or(value, |known| known.min(value)));
        };
        match name {
            "max-age" => smaller(&mut self.max_age),
            "s-maxage" => smaller(&mut self.s_maxage),
            "stale-while-revalidate" => smaller(&mut self.stale_while_revalidate),
            "stale-if-error" => smaller(&mut self.stale_if_error),
            // With or without field names: without is the stricter.
            "no-cache" => self.no_cache = true,
            "private" => self.private = true,
            // The latter: by surrogates that are far from the origin.
            "no-store" | "no-store-remote" => self.no_store = true,
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            _ => {}
        }
    }

    fn speaks_of_keeping(&self) -> bool {
        self.max_age.is_some() || self.no_store || self.no_cache || self.private
    }
}

/// The pieces between commas; a comma in quotes is part of its piece.
fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |character| {
        let separates = character == ',' && !quoted;
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        separates
    })
    .map(str::trim)
}

/// Delta seconds (RFC 9111 section 1.2.2), also in quotes; 0 where it is no number.
fn seconds(value: &str) -> u64 {
    let unquoted = value.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let digits = unquoted.unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    // Digits that do not fit are more seconds than anybody counts.
    digits.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOTHING: Directives = Directives {
        max_age: None,
        s_maxage: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        no_cache: false,
        no_store: false,
        private: false,
        public: false,
        must_revalidate: false,
        proxy_revalidate: false,
    };

    fn lines(name: &HeaderName, lines: &[&str]) -> HeaderMap {
        let value = |line: &&str| HeaderValue::from_bytes(line.as_bytes()).unwrap();
        lines.iter().map(|line| (name.clone(), value(line))).collect()
    }

    fn lasting(max_age: u64) -> Directives {
        Directives { max_age: Some(max_age), ..NOTHING }
    }

    #[test]
    fn what_is_targeted_is_a_dictionary() {
        let no_store = Directives { no_store: true, ..NOTHING };
        for (values, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["max-age=60"], Some(lasting(60))),
            (&["max-age=60;x=1"], Some(lasting(60))),
            (&["max-age=60, max-age=90"], Some(lasting(90))),
            (&["max-age=60", "no-store"], Some(Directives { max_age: Some(60), ..no_store })),
            (&["no-store"], Some(no_store)),
            (&["no-store=?0"], Some(NOTHING)),
            (&["private=\"x\""], Some(Directives { private: true, ..NOTHING })),
            (&["ext=(1 2)"], Some(NOTHING)),
            // Of the wrong type.
            (&["max-age=-1"], Some(lasting(0))),
            (&["max-age=1.5"], Some(lasting(0))),
            (&["max-age=\"60\""], Some(lasting(0))),
            (&["max-age=(60)"], Some(lasting(0))),
            (&["no-store=5"], Some(no_store)),
            // No dictionaries.
            (&["max-age=60,"], None),
            (&["Max-Age=60"], None),
            (&["max-age= 60"], None),
            (&["max-age=99999999999999999"], None),
            (&["no-store", "\u{e9}"], None),
        ] {
            assert_eq!(
                Directives::targeted(&lines(&CDN_CACHE_CONTROL, values)),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn surrogates_are_spoken_to_by_name_or_all_at_once() {
        let extended = Directives {
            stale_while_revalidate: Some(30),
            stale_if_error: Some(30),
            ..lasting(60)
        };
        let no_store = Directives { no_store: true, ..NOTHING };
        for (values, expected) in [
            (&[][..], None),
            (&["content=\"ESI/1.0\""], None),
            (&["max-age=60"], Some(lasting(60))),
            (&["MAX-AGE=60, foo"], Some(lasting(60))),
            (&["max-age=60+30"], Some(extended)),
            (&["max-age=60;countersign"], Some(lasting(60))),
            (&["max-age=60;other"], None),
            (&["max-age=60;countersign2"], None),
            (&["no-store, max-age=60;countersign"], Some(lasting(60))),
            (&["max-age=60", "no-store;countersign"], Some(no_store)),
            (&["no-store, max-age=60;other"], Some(no_store)),
            (&["no-store-remote"], Some(no_store)),
            (&["\u{e9}"], Some(no_store)),
        ] {
            assert_eq!(
                Directives::surrogate(&lines(&SURROGATE_CONTROL, values)),
                expected,
                "{values:?}"
            );
        }
    }
}
