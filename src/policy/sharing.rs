//! What browsers are to keep from other pages: whose scripts may read a site's answers (CORS, the
//! Fetch standard), and which pages may embed its files (`Cross-Origin-Resource-Policy`).
//!
//! Neither opens a file: a request that is refused is refused whatever page sent it.

use super::HostPattern;

/// Whose scripts may read what a site answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsRules {
    /// The origins.
    pub origins: CorsOrigins,
    /// May they read what the browser's own cookies opened?
    pub credentials: CorsCredentials,
}

/// The origins of [`CorsRules`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CorsOrigins {
    /// Every origin.
    Any,
    /// These.
    Listed(Vec<WebOrigin>),
}

/// May scripts of a listed origin read what the browser's own cookies opened?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorsCredentials {
    /// They may. Never together with [`CorsOrigins::Any`].
    Allowed,
    /// They may read what they could fetch themselves.
    Omitted,
}

/// Who is told that it may read an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorsGrant<'r> {
    /// Everybody.
    Any,
    /// Nobody: the request's origin is not listed, or it has none.
    None,
    /// The request's origin.
    Origin(&'r WebOrigin),
}

impl CorsRules {
    /// Who is told, when these bytes are the request's `Origin`.
    pub fn grant(&self, origin: Option<&[u8]>) -> CorsGrant<'_> {
        match &self.origins {
            CorsOrigins::Any => CorsGrant::Any,
            CorsOrigins::Listed(listed) => {
                let same = |it: &&WebOrigin| {
                    origin.is_some_and(|origin| origin.eq_ignore_ascii_case(it.0.as_bytes()))
                };
                listed.iter().find(same).map_or(CorsGrant::None, CorsGrant::Origin)
            }
        }
    }
}

/// Scheme, host and port as browsers write them into `Origin` (RFC 6454 section 6.2): lower case,
/// without the scheme's own port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebOrigin(Box<str>);

/// Why a text is no origin that could be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebOriginRejection {
    /// No host name or address.
    #[error("this is no host")]
    Host,
    /// What pages without an origin send, whoever made them.
    #[error("pages of anybody can send `null`")]
    Null,
    /// More than scheme, host and port.
    #[error("an origin ends after host and port, without a slash")]
    Path,
    /// Not 1 to 65535.
    #[error("this is no port")]
    Port,
    /// No scheme before `://`.
    #[error("it must begin with a scheme")]
    Scheme,
    /// `*` for a part of it.
    #[error("each host is listed by itself")]
    Wildcard,
}

impl WebOrigin {
    /// Reads an origin as configured.
    pub fn parse(text: &str) -> Result<Self, WebOriginRejection> {
        if text.eq_ignore_ascii_case("null") {
            return Err(WebOriginRejection::Null);
        }
        let (scheme, rest) = text.split_once("://").ok_or(WebOriginRejection::Scheme)?;
        if !is_scheme(scheme) {
            return Err(WebOriginRejection::Scheme);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(WebOriginRejection::Path);
        }
        let scheme = scheme.to_ascii_lowercase();
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !rest.ends_with(']') => (host, Some(read_port(port)?)),
            Some(_) | None => (rest, None),
        };
        let host = match HostPattern::parse(host) {
            Some(HostPattern::Exact(host)) => host,
            Some(HostPattern::Any | HostPattern::Below(_)) => {
                return Err(WebOriginRejection::Wildcard);
            }
            None if host.contains('*') => return Err(WebOriginRejection::Wildcard),
            None => return Err(WebOriginRejection::Host),
        };
        let own = matches!((&*scheme, port), ("http", Some(80)) | ("https", Some(443)));
        let text = match port.filter(|_| !own) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 3986 section 3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn read_port(text: &str) -> Result<u16, WebOriginRejection> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain).ok_or(WebOriginRejection::Port)
}

/// Which pages a browser lets embed a file (the Fetch standard, section 3.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcePolicy {
    /// Those of every site.
    CrossOrigin,
    /// Those of the file's own origin.
    SameOrigin,
    /// Those of its own site: `www.example.com` for `files.example.com`.
    SameSite,
}

impl ResourcePolicy {
    /// Every policy.
    pub const ALL: &'static [Self] = &[Self::SameOrigin, Self::SameSite, Self::CrossOrigin];

    /// The name in configurations and answers.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::CrossOrigin => "cross-origin",
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> WebOrigin {
        WebOrigin::parse(text).unwrap()
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        for (text, expected) in [
            ("https://player.example.com", "https://player.example.com"),
            ("HTTPS://Player.Example.COM:443", "https://player.example.com"),
            ("http://player.example.com:80", "http://player.example.com"),
            ("http://player.example.com:443", "http://player.example.com:443"),
            ("https://player.example.com:8443", "https://player.example.com:8443"),
            ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
            ("http://[2001:db8::1]", "http://[2001:db8::1]"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            assert_eq!(origin(text).as_str(), expected);
        }
        for (text, reason) in [
            ("null", WebOriginRejection::Null),
            ("player.example.com", WebOriginRejection::Scheme),
            ("//player.example.com", WebOriginRejection::Scheme),
            ("1s://player.example.com", WebOriginRejection::Scheme),
            ("https://player.example.com/", WebOriginRejection::Path),
            ("https://player.example.com?x", WebOriginRejection::Path),
            ("https://*.example.com", WebOriginRejection::Wildcard),
            ("https://*", WebOriginRejection::Wildcard),
            ("https://play*.example.com", WebOriginRejection::Wildcard),
            ("https://", WebOriginRejection::Host),
            ("https://user@player.example.com", WebOriginRejection::Host),
            ("https://spieler.exämple.com", WebOriginRejection::Host),
            ("https://a b", WebOriginRejection::Host),
            ("https://player.example.com:", WebOriginRejection::Port),
            ("https://player.example.com:0", WebOriginRejection::Port),
            ("https://player.example.com:0443", WebOriginRejection::Port),
            ("https://player.example.com:65536", WebOriginRejection::Port),
            ("https://player.example.com:+443", WebOriginRejection::Port),
        ] {
            assert_eq!(WebOrigin::parse(text), Err(reason), "{text}");
        }
    }

    /// Every near miss that programs of this kind have let through: prefixes, suffixes, unescaped
    /// dots, `null`.
    #[test]
    fn only_the_whole_origin_is_granted() {
        let listed = vec![origin("https://player.example.com"), origin("http://localhost:3000")];
        let rules = CorsRules {
            origins: CorsOrigins::Listed(listed),
            credentials: CorsCredentials::Omitted,
        };
        let granted = |text: &str| match rules.grant(Some(text.as_bytes())) {
            CorsGrant::Origin(origin) => Some(origin.as_str()),
            CorsGrant::Any | CorsGrant::None => None,
        };
        assert_eq!(granted("https://player.example.com"), Some("https://player.example.com"));
        assert_eq!(granted("HTTPS://Player.example.com"), Some("https://player.example.com"));
        assert_eq!(granted("http://localhost:3000"), Some("http://localhost:3000"));
        for text in [
            "",
            "*",
            "null",
            "http://player.example.com",
            "https://player.example.com:8443",
            "https://player.example.com.evil.example",
            "https://player.example.com/",
            "https://player.example.com https://player.example.com",
            "https://playerxexample.com",
            "https://evil-player.example.com",
            "https://a.player.example.com",
            "https://player.example.co",
            "http://localhost",
            "http://localhost:30000",
        ] {
            assert_eq!(granted(text), None, "{text:?}");
        }
        assert_eq!(rules.grant(None), CorsGrant::None);
    }
}
