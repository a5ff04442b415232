//! The host that a request names: `Host`, `:authority`, or the authority of an absolute target.

/// A host name, lower case, without its port and without a final dot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHost {
    name: Box<str>,
    port: Option<u16>,
}

impl RequestHost {
    /// Reads `host[:port]` (RFC 9110 section 7.2). None: an empty name, user information, a
    /// character that no host name has, a port that is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (name, port) = if text.starts_with('[') {
            let end = text.find(']')?;
            (text.get(..=end)?, text.get(end + 1..)?)
        } else {
            match text.find(':') {
                Some(colon) => (text.get(..colon)?, text.get(colon..)?),
                None => (text, ""),
            }
        };
        let port = match port.strip_prefix(':') {
            // An empty port is the scheme's own (RFC 3986 section 3.2.3).
            Some("") => None,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            None if port.is_empty() => None,
            Some(_) | None => return None,
        };
        let name = name.strip_suffix('.').unwrap_or(name);
        let sound = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
            None => is_name(name),
        };
        if !sound {
            return None;
        }
        Some(Self { name: name.to_ascii_lowercase().into(), port })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The port, where one is named.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Is it this server name of a TLS handshake?
    pub fn is(&self, server_name: &str) -> bool {
        let server_name = server_name.strip_suffix('.').unwrap_or(server_name);
        self.name.eq_ignore_ascii_case(server_name)
    }
}

/// Dot-separated labels, none empty.
fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    name.len() <= 253 && name.bytes().all(known) && !name.split('.').any(str::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_case_port_and_final_dot() {
        for (text, name) in [
            ("Files.Example.COM", "files.example.com"),
            ("files.example.com:8443", "files.example.com"),
            ("files.example.com.", "files.example.com"),
            ("files.example.com:", "files.example.com"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[2001:DB8::1]:80", "[2001:db8::1]"),
            ("a_b-c", "a_b-c"),
        ] {
            assert_eq!(RequestHost::parse(text.as_bytes()).unwrap().as_str(), name, "{text}");
        }
    }

    #[test]
    fn what_is_no_host() {
        for text in [
            "",
            ":80",
            "a/b",
            "a b",
            "user@a",
            "user:pw@a",
            "a:80:90",
            "a:x",
            "a:99999",
            "a..b",
            ".",
            "[::1",
            "[::g]",
            "[::1]x",
            "a,b",
            "a?b",
            "a#b",
            "\u{e9}",
            "a%41",
        ] {
            assert_eq!(RequestHost::parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(RequestHost::parse(&[0xff]), None);
    }
}
