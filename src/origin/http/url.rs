//! The base URL of an origin.

use std::str::FromStr;

use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use percent_encoding::{AsciiSet, utf8_percent_encode};

use crate::asset::OriginKey;

/// `http://host[:port][/prefix]` or `https://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamUrl {
    security: Security,
    /// Without the brackets of an IPv6 address.
    host: Box<str>,
    port: u16,
    /// As in the URL.
    host_header: HeaderValue,
    /// Empty, or begins with `/` and does not end with one.
    prefix: Box<str>,
}

/// Plain or TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    Tls,
}

/// Why a text is not the base URL of an origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamUrlRejection {
    /// User names and passwords do not belong in a URL.
    #[error("a user name or password in the URL")]
    Credentials,
    /// Not `scheme://host[:port][/path]`.
    #[error("not a URL of the form http://host[:port][/path]")]
    Malformed,
    /// A query or fragment, to which no path can be appended.
    #[error("a query or fragment, to which no path can be appended")]
    Query,
    /// Another scheme than `http` or `https`.
    #[error("the scheme is neither http nor https")]
    Scheme,
}

impl UpstreamUrl {
    pub(super) fn security(&self) -> Security {
        self.security
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(in super::super) fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// The request target of an object; none where no URL can name it.
    ///
    /// A target that was authorised goes out byte for byte or not at all.
    pub(in super::super) fn target(
        &self,
        key: &OriginKey,
        escapes: &'static AsciiSet,
    ) -> Option<PathAndQuery> {
        let text = match key {
            OriginKey::Object(key) => {
                let odd = |segment: &str| matches!(segment, "" | "." | "..");
                if key.split('/').any(odd) {
                    return None;
                }
                format!("{}/{}", self.prefix, utf8_percent_encode(key, escapes))
            }
            OriginKey::Target(target) => format!("{}{target}", self.prefix),
        };
        let target = PathAndQuery::try_from(text.as_str()).ok()?;
        (text.starts_with('/') && target.as_str() == text).then_some(target)
    }
}

impl FromStr for UpstreamUrl {
    type Err = UpstreamUrlRejection;

    fn from_str(text: &str) -> Result<Self, UpstreamUrlRejection> {
        if text.contains(['?', '#']) {
            return Err(UpstreamUrlRejection::Query);
        }
        let uri: Uri = text.parse().map_err(|_| UpstreamUrlRejection::Malformed)?;
        let scheme = uri.scheme().ok_or(UpstreamUrlRejection::Malformed)?;
        let (security, default_port) = if *scheme == Scheme::HTTP {
            (Security::Plain, 80)
        } else if *scheme == Scheme::HTTPS {
            (Security::Tls, 443)
        } else {
            return Err(UpstreamUrlRejection::Scheme);
        };
        let authority = uri.authority().ok_or(UpstreamUrlRejection::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(UpstreamUrlRejection::Credentials);
        }
        let host = authority.host();
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let has_port = authority.as_str().len() > host.len();
        let port = match (has_port, authority.port_u16()) {
            (false, _) => default_port,
            (true, Some(port)) if port != 0 => port,
            (true, Some(_) | None) => return Err(UpstreamUrlRejection::Malformed),
        };
        if bare.is_empty() {
            return Err(UpstreamUrlRejection::Malformed);
        }
        let host_header = HeaderValue::from_str(authority.as_str())
            .map_err(|_| UpstreamUrlRejection::Malformed)?;
        Ok(Self {
            security,
            host: bare.into(),
            port,
            host_header,
            prefix: uri.path().trim_end_matches('/').into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::PATH_ESCAPES;

    #[test]
    fn urls() {
        for (text, security, host, port, prefix) in [
            ("http://10.0.0.7:9000", Security::Plain, "10.0.0.7", 9000, ""),
            ("http://media.internal/", Security::Plain, "media.internal", 80, ""),
            ("https://media.internal/a/b/", Security::Tls, "media.internal", 443, "/a/b"),
            ("https://[::1]:8443/x", Security::Tls, "::1", 8443, "/x"),
            ("http://[::1]", Security::Plain, "::1", 80, ""),
        ] {
            let url: UpstreamUrl = text.parse().unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(
                (url.security, &*url.host, url.port, &*url.prefix),
                (security, host, port, prefix)
            );
        }
        for (text, expected) in [
            ("ftp://x/", UpstreamUrlRejection::Scheme),
            ("http://u:p@x/", UpstreamUrlRejection::Credentials),
            ("http://x/?a", UpstreamUrlRejection::Query),
            ("http://x/#a", UpstreamUrlRejection::Query),
            ("http://", UpstreamUrlRejection::Malformed),
            ("http://x:0/", UpstreamUrlRejection::Malformed),
            ("http://x:/", UpstreamUrlRejection::Malformed),
            ("http://x:99999/", UpstreamUrlRejection::Malformed),
            ("/path", UpstreamUrlRejection::Malformed),
            ("host", UpstreamUrlRejection::Malformed),
            ("", UpstreamUrlRejection::Malformed),
        ] {
            assert_eq!(text.parse::<UpstreamUrl>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn targets_go_out_byte_for_byte() {
        let url: UpstreamUrl = "http://x/base/".parse().unwrap();
        for text in ["/", "/a/b", "/a%2Fb", "/a;b!c(d)+e?x=%zz&y", "/a%20b?", "/~a/'b'*"] {
            let target = url.target(&OriginKey::Target(text.into()), PATH_ESCAPES).unwrap();
            assert_eq!(target.as_str(), format!("/base{text}"));
        }
        for text in ["/a#b", "/a b", "/\u{e9}\u{0}"] {
            assert_eq!(url.target(&OriginKey::Target(text.into()), PATH_ESCAPES), None, "{text}");
        }
    }

    #[test]
    fn keys_are_encoded_and_cannot_climb() {
        let url: UpstreamUrl = "http://x".parse().unwrap();
        for (key, expected) in [
            ("a/b.mp4", "/a/b.mp4"),
            ("a b/100%?#.txt", "/a%20b/100%25%3F%23.txt"),
            ("\u{e4}.vtt", "/%C3%A4.vtt"),
        ] {
            let target = url.target(&OriginKey::Object(key.into()), PATH_ESCAPES).unwrap();
            assert_eq!(target.as_str(), expected);
        }
        for key in ["", "..", "a/../b", "a//b", "/a", "a/", "./a"] {
            assert_eq!(url.target(&OriginKey::Object(key.into()), PATH_ESCAPES), None, "{key}");
        }
    }
}
