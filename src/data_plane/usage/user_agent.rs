//! Families of user agents: what stays the same when a program is updated.
//!
//! A browser is told by its engine, for the names in a `User-Agent` are claims of compatibility
//! (RFC 9110 section 10.1.5): `Chrome/` makes it Chromium, `AppleWebKit/` without that `WebKit`
//! (every browser on iOS), `Gecko/` Gecko, `Trident/` or `MSIE` Trident. Anything that does not
//! begin with `Mozilla/` is told by its first product name without the version: `curl`, `vlc`,
//! `python-requests`. Versions, systems and languages play no part.
//!
//! The crates that read user agents carry tables of thousands of patterns for names, versions and
//! devices, which change from release to release; a family must not.

use std::hash::{Hash, Hasher};
use std::{fmt, mem};

use http::HeaderMap;
use http::header::USER_AGENT;

/// Characters of a product name that are told apart.
const MAX_NAME: usize = 32;

/// A family, borrowed from the header.
#[derive(Clone, Copy, Debug)]
pub(in crate::data_plane) enum UserAgentFamily<'h> {
    Chromium,
    Gecko,
    /// Says that it is a browser, and not which.
    Mozilla,
    /// The first product name of something else.
    Tool(&'h [u8]),
    Trident,
    /// No header, or no name in it.
    Unnamed,
    WebKit,
}

impl<'h> UserAgentFamily<'h> {
    /// Of the first `User-Agent`, of which there should be one.
    pub(in crate::data_plane) fn of(headers: &'h HeaderMap) -> Self {
        headers.get(USER_AGENT).map_or(Self::Unnamed, |value| Self::read(value.as_bytes()))
    }

    fn read(text: &'h [u8]) -> Self {
        let text = text.trim_ascii();
        if !text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"Mozilla/")) {
            let name = text.split(|byte| !is_name(*byte)).next().unwrap_or_default();
            return match name.get(..name.len().min(MAX_NAME)) {
                None | Some([]) => Self::Unnamed,
                Some(name) => Self::Tool(name),
            };
        }
        let says = |product: &str| memchr::memmem::find(text, product.as_bytes()).is_some();
        if says("AppleWebKit/") {
            if says("Chrome/") || says("Chromium/") { Self::Chromium } else { Self::WebKit }
        } else if says("Gecko/") {
            Self::Gecko
        } else if says("Trident/") || says("MSIE ") {
            Self::Trident
        } else {
            Self::Mozilla
        }
    }
}

/// A token's characters (RFC 9110 section 5.6.2) that product names are made of.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+')
}

impl Hash for UserAgentFamily<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        mem::discriminant(self).hash(state);
        if let Self::Tool(name) = self {
            name.iter().for_each(|byte| state.write_u8(byte.to_ascii_lowercase()));
        }
    }
}

impl fmt::Display for UserAgentFamily<'_> {
    /// In lower case: the one text of a family, in this process and in Redis.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chromium => f.write_str("engine:chromium"),
            Self::Gecko => f.write_str("engine:gecko"),
            Self::Mozilla => f.write_str("engine:other"),
            Self::Tool(name) => {
                name.iter().try_for_each(|byte| write!(f, "{}", byte.to_ascii_lowercase() as char))
            }
            Self::Trident => f.write_str("engine:trident"),
            Self::Unnamed => f.write_str("unnamed"),
            Self::WebKit => f.write_str("engine:webkit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(text: &str) -> String {
        UserAgentFamily::read(text.as_bytes()).to_string()
    }

    #[test]
    fn browsers_are_told_by_their_engine() {
        let webkit = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15";
        let blink = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
        for (text, expected) in [
            (format!("{blink} Chrome/126.0.0.0 Safari/537.36"), "engine:chromium"),
            (format!("{blink} Chrome/127.1.2.3 Safari/537.36 Edg/127.0.0.0"), "engine:chromium"),
            (format!("{blink} Chrome/99 Mobile Safari/537.36 OPR/1"), "engine:chromium"),
            (format!("{webkit} (KHTML, like Gecko) Version/17.5 Safari/604.1"), "engine:webkit"),
            (format!("{webkit} (KHTML, like Gecko) CriOS/126.0 Safari/604.1"), "engine:webkit"),
            (
                "Mozilla/5.0 (Windows NT 10.0; rv:127.0) Gecko/20100101 Firefox/127.0".to_owned(),
                "engine:gecko",
            ),
            (
                "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko".into(),
                "engine:trident",
            ),
            ("mozilla/4.0 (compatible; MSIE 8.0)".to_owned(), "engine:trident"),
            ("Mozilla/5.0 (compatible; Example/1.0)".to_owned(), "engine:other"),
        ] {
            assert_eq!(family(&text), expected, "{text}");
        }
    }

    #[test]
    fn tools_are_told_by_their_name_without_the_version() {
        for (text, expected) in [
            ("curl/7.88.1", "curl"),
            ("CURL/8.0", "curl"),
            (" Wget/1.21.3 (linux-gnu)", "wget"),
            ("VLC/3.0.20 LibVLC/3.0.20", "vlc"),
            ("python-requests/2.31.0", "python-requests"),
            ("AppleCoreMedia/1.0.0.21F90 (iPhone; U; CPU OS 17_5)", "applecoremedia"),
            ("aria2", "aria2"),
            ("engine:chromium", "engine"),
            ("", "unnamed"),
            ("(x)", "unnamed"),
            ("/1.0", "unnamed"),
        ] {
            assert_eq!(family(text), expected, "{text}");
        }
        assert_eq!(family(&"x".repeat(100)), "x".repeat(32));
        assert_eq!(UserAgentFamily::of(&HeaderMap::new()).to_string(), "unnamed");
    }
}
