//! The URL grammar of connectors (requirements B6, G5), parsed from and printed to a path.
//!
//! ```text
//! connector-url = "/dl/" connector "/" content-id
//!               / "/dl/" connector "/" language "/" pretty-id
//!               / "/dl/" connector "/m/" value
//! ```
//!
//! The path is read in its decoded view. Which of the forms a connector has is the connector's to
//! say: `m` is a language like any other where contents are named by language.

use percent_encoding::utf8_percent_encode;

use super::path::SEGMENT;
use crate::target::{PathToken, RequestTarget, cut, separated};

/// What stands for a language where a value of metadata is asked for.
pub const METADATA_MARK: &str = "m";

/// Bytes of the longest name that stands in an address. A field of metadata may say a book, in
/// hundreds of languages: edges keep none of that.
pub const LONGEST_ADDRESSED_NAME: usize = 512;

/// The first segment of every address.
const FIRST: &str = "dl";

/// A path of a connector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorPath {
    /// The connector's id, as it was asked for.
    pub connector: Box<str>,
    /// What stands behind it.
    pub name: NameSegments,
}

/// What stands behind a connector's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameSegments {
    /// One segment.
    One(Box<str>),
    /// Two segments.
    Two(Box<str>, Box<str>),
}

impl ConnectorPath {
    /// Is the path under `/dl/`?
    pub fn claims(target: &RequestTarget) -> bool {
        let path = target.decoded().strip_prefix('/').unwrap_or_default();
        let (first, _) = cut(path, b'/').unwrap_or((path, ""));
        first == FIRST
    }

    /// Reads a target that [`Self::claims`]; none where it has another form.
    pub fn parse(target: &RequestTarget) -> Option<Self> {
        let mut segments = separated(target.decoded(), b'/').skip(2);
        let mut next = || segments.next().filter(|segment| !segment.is_empty());
        let (connector, first) = (next()?, next()?);
        let second = segments.next();
        if segments.next().is_some() {
            return None;
        }
        let name = match second {
            None => NameSegments::One(first.into()),
            Some("") => return None,
            Some(second) => NameSegments::Two(first.into(), second.into()),
        };
        Some(Self { connector: connector.into(), name })
    }

    /// The path as it stands in an address; none where reading it would not give it back, for its
    /// parts hold what no URL can say, and where a name is longer than [`LONGEST_ADDRESSED_NAME`].
    pub fn address(&self) -> Option<String> {
        let (NameSegments::One(name) | NameSegments::Two(_, name)) = &self.name;
        if name.len() > LONGEST_ADDRESSED_NAME {
            return None;
        }
        let segment = |text| utf8_percent_encode(text, SEGMENT).to_string();
        let connector = segment(&self.connector);
        let path = match &self.name {
            NameSegments::One(name) => format!("/{FIRST}/{connector}/{}", segment(name)),
            NameSegments::Two(first, second) => {
                format!("/{FIRST}/{connector}/{}/{}", segment(first), segment(second))
            }
        };
        let target = RequestTarget::parse(&path, PathToken::Absent, 8_192).ok()?;
        (Self::parse(&target).as_ref() == Some(self)).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(text: &str) -> RequestTarget {
        RequestTarget::parse(text, PathToken::Absent, 8192).unwrap()
    }

    fn one(connector: &str, name: &str) -> ConnectorPath {
        ConnectorPath { connector: connector.into(), name: NameSegments::One(name.into()) }
    }

    fn two(connector: &str, first: &str, second: &str) -> ConnectorPath {
        let name = NameSegments::Two(first.into(), second.into());
        ConnectorPath { connector: connector.into(), name }
    }

    #[test]
    fn the_forms_and_nothing_else() {
        for (text, expected) in [
            ("/dl/cnr_1/-abc", Some(one("cnr_1", "-abc"))),
            ("/dl/cnr_1/en/a-name", Some(two("cnr_1", "en", "a-name"))),
            ("/dl/cnr_1/m/A%20B", Some(two("cnr_1", "m", "A B"))),
            ("/dl/cnr_1/m/caf%C3%A9?x=1", Some(two("cnr_1", "m", "café"))),
            ("/dl", None),
            ("/dl/", None),
            ("/dl/cnr_1", None),
            ("/dl/cnr_1/", None),
            ("/dl/cnr_1/a/", None),
            ("/dl/cnr_1/a/b/", None),
            ("/dl/cnr_1/a/b/c", None),
        ] {
            let target = target(text);
            assert!(ConnectorPath::claims(&target), "{text}");
            assert_eq!(ConnectorPath::parse(&target), expected, "{text}");
        }
        for text in ["/dlx/cnr_1/a", "/public/dl/a", "/d/l", "/DL/cnr_1/a"] {
            assert!(!ConnectorPath::claims(&target(text)), "{text}");
        }
    }

    #[test]
    fn what_no_url_can_say_has_no_address() {
        for value in ["a/b", "..", ".", "", "a\\b", "a\nb", "%2e%2e"] {
            assert_eq!(two("cnr_1", METADATA_MARK, value).address(), None, "{value:?}");
        }
        let long = |length: usize| two("cnr_1", METADATA_MARK, &"x".repeat(length)).address();
        assert!(
            long(LONGEST_ADDRESSED_NAME).is_some() && long(LONGEST_ADDRESSED_NAME + 1).is_none()
        );
        let address = two("cnr_1", METADATA_MARK, "50 % [é]").address();
        assert_eq!(address.as_deref(), Some("/dl/cnr_1/m/50%20%25%20%5B%C3%A9%5D"));
    }

    proptest! {
        #[test]
        fn what_has_an_address_is_read_back(first in "\\PC{1,20}", second in "\\PC{0,20}") {
            for path in [one("cnr_1", &first), two("cnr_1", &first, &second)] {
                if let Some(text) = path.address() {
                    prop_assert_eq!(ConnectorPath::parse(&target(&text)), Some(path));
                }
            }
        }
    }
}
