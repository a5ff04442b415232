//! What tells one version of an object from another: entity tags and modification dates.
//!
//! An [`EntityTag`] is never made stronger than it was given. An [`HttpTime`] is a whole second
//! that has an HTTP date (RFC 9110 section 5.6.7), so that printing one cannot fail.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::UnixSeconds;

/// An entity tag (RFC 9110 section 8.8.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityTag {
    strength: Strength,
    opaque: Box<str>,
}

/// Does an equal tag promise equal bytes?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strength {
    /// Equal bytes.
    Strong,
    /// Equal meaning at best.
    Weak,
}

impl EntityTag {
    /// A tag of this opaque text, without quotes; none when a byte is not `etagc` in ASCII.
    pub fn new(strength: Strength, opaque: &str) -> Option<Self> {
        let is_etagc = |byte: u8| matches!(byte, 0x21 | 0x23..=0x7e);
        opaque.bytes().all(is_etagc).then(|| Self { strength, opaque: opaque.into() })
    }

    /// The tag of `"opaque"` or `W/"opaque"`, nothing around it.
    pub fn parse(text: &str) -> Option<Self> {
        let (tag, rest) = Self::take(text)?;
        rest.is_empty().then_some(tag)
    }

    /// What stands between its quotes.
    pub fn opaque(&self) -> &str {
        &self.opaque
    }

    /// May equality promise equal bytes?
    pub const fn strength(&self) -> Strength {
        self.strength
    }

    /// As in a header.
    pub fn to_text(&self) -> String {
        [self.prefix(), "\"", &self.opaque, "\""].concat()
    }

    /// Equal, and neither is weak (RFC 9110 section 8.8.3.2).
    pub fn matches_strongly(&self, other: &Self) -> bool {
        self.strength == Strength::Strong && self == other
    }

    /// Equal in their opaque texts (RFC 9110 section 8.8.3.2).
    pub fn matches_weakly(&self, other: &Self) -> bool {
        self.opaque == other.opaque
    }

    const fn prefix(&self) -> &'static str {
        match self.strength {
            Strength::Strong => "",
            Strength::Weak => "W/",
        }
    }

    fn take(text: &str) -> Option<(Self, &str)> {
        let (strength, quoted) = match text.strip_prefix("W/") {
            Some(quoted) => (Strength::Weak, quoted),
            None => (Strength::Strong, text),
        };
        let (opaque, rest) = quoted.strip_prefix('"')?.split_once('"')?;
        Some((Self::new(strength, opaque)?, rest))
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", self.prefix(), self.opaque)
    }
}

/// The operand of `If-Match` and `If-None-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagMatch {
    /// `*`: any version at all.
    Any,
    /// One of these. The list is empty where the header held no well-formed tag; nothing
    /// matches it.
    OneOf(Vec<EntityTag>),
}

impl TagMatch {
    /// Reads a field value. A malformed element ends the list: what came before it still counts,
    /// and what comes after it names no version we could be sure of.
    pub fn parse(text: &str) -> Self {
        if text.trim() == "*" {
            return Self::Any;
        }
        let mut tags = Vec::new();
        let mut rest = text;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let Some((tag, after)) = EntityTag::take(rest) else { break };
            tags.push(tag);
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.starts_with(',') {
                break;
            }
        }
        Self::OneOf(tags)
    }
}

impl fmt::Display for TagMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::OneOf(tags) => {
                for (index, tag) in tags.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{tag}")?;
                }
                Ok(())
            }
        }
    }
}

/// A whole second between 1970 and the end of year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpTime(u64);

impl HttpTime {
    const LAST: u64 = 253_402_300_799;

    /// That second; none past the year 9999.
    pub fn new(time: UnixSeconds) -> Option<Self> {
        (time.get() <= Self::LAST).then(|| Self(time.get()))
    }

    /// The second of an HTTP date in any of its three forms.
    pub fn parse(text: &str) -> Option<Self> {
        let time = httpdate::parse_http_date(text).ok()?;
        let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
        Self::new(UnixSeconds::new(seconds))
    }

    /// IMF-fixdate (RFC 9110 section 5.6.7).
    pub fn to_text(self) -> String {
        httpdate::fmt_http_date(self.to_system())
    }

    fn to_system(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0)
    }

    /// Seconds since the epoch.
    pub const fn to_unix(self) -> UnixSeconds {
        UnixSeconds::new(self.0)
    }
}

impl fmt::Display for HttpTime {
    /// IMF-fixdate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        httpdate::HttpDate::from(self.to_system()).fmt(f)
    }
}

/// Both validators of a version, as far as its origin gives them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// The entity tag.
    pub etag: Option<EntityTag>,
    /// When the object last changed, by its origin's clock.
    pub last_modified: Option<HttpTime>,
    /// When the origin said so, by the same clock; none where it did not say.
    pub stated_at: Option<HttpTime>,
}

impl Validators {
    /// Is a modification date strong here: did the second it names lie back far enough, when it
    /// was stated, that no later change can bear the same date (RFC 9110 section 8.8.2.2)?
    pub fn date_is_strong(&self) -> bool {
        match (self.last_modified, self.stated_at) {
            (Some(modified), Some(stated)) => stated.0.saturating_sub(modified.0) >= SETTLED,
            (None, _) | (_, None) => false,
        }
    }
}

/// Seconds after which a modification counts as the last one of its second.
pub(super) const SETTLED: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> EntityTag {
        EntityTag::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    /// The table of RFC 9110 section 8.8.3.2.
    #[test]
    fn comparison() {
        for (one, other, strong, weak) in [
            ("W/\"1\"", "W/\"1\"", false, true),
            ("W/\"1\"", "W/\"2\"", false, false),
            ("W/\"1\"", "\"1\"", false, true),
            ("\"1\"", "\"1\"", true, true),
        ] {
            assert_eq!(tag(one).matches_strongly(&tag(other)), strong, "{one} {other}");
            assert_eq!(tag(other).matches_strongly(&tag(one)), strong, "{other} {one}");
            assert_eq!(tag(one).matches_weakly(&tag(other)), weak, "{one} {other}");
        }
    }

    #[test]
    fn tags_print_as_they_parse_and_nothing_else_parses() {
        for text in ["\"\"", "\"xyzzy\"", "W/\"xyzzy\"", "\"a,b\"", "\"a\\b\"", "\"'\""] {
            assert_eq!(tag(text).to_string(), text);
        }
        for text in ["", "x", "w/\"x\"", "\"x", "x\"", "\"a b\"", "\"a\"b", "\"é\"", "\"\u{7f}\""]
        {
            assert_eq!(EntityTag::parse(text), None, "{text}");
        }
    }

    #[test]
    fn lists() {
        for (text, printed) in [
            ("*", "*"),
            (" * ", "*"),
            ("\"a\"", "\"a\""),
            ("\"a\", W/\"b\" ,,\"c,d\"", "\"a\", W/\"b\", \"c,d\""),
            ("\"a\" \"b\"", "\"a\""),
            ("\"a\", b, \"c\"", "\"a\""),
            ("a", ""),
            ("", ""),
        ] {
            assert_eq!(TagMatch::parse(text).to_string(), printed, "{text}");
        }
    }

    #[test]
    fn dates_have_three_forms_and_bounds() {
        let expected = HttpTime::new(UnixSeconds::new(784_111_777));
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(HttpTime::parse(text), expected, "{text}");
        }
        assert_eq!(expected.unwrap().to_string(), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(HttpTime::parse("yesterday"), None);
        assert_eq!(HttpTime::new(UnixSeconds::new(u64::MAX)), None);
        let last = HttpTime::new(UnixSeconds::new(HttpTime::LAST)).unwrap();
        assert_eq!(last.to_string(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(HttpTime::new(UnixSeconds::new(HttpTime::LAST + 1)), None);
    }

    #[test]
    fn a_date_is_strong_once_its_second_has_settled() {
        let at = |seconds| HttpTime::new(UnixSeconds::new(seconds));
        let validators = |modified, stated| Validators {
            etag: None,
            last_modified: modified,
            stated_at: stated,
        };
        assert!(validators(at(100), at(102)).date_is_strong());
        assert!(!validators(at(100), at(101)).date_is_strong());
        assert!(!validators(at(100), at(99)).date_is_strong());
        assert!(!validators(at(100), None).date_is_strong());
        assert!(!validators(None, at(100)).date_is_strong());
    }
}
