//! Which addresses are spoken to. A webhook's address is typed by a tenant, and the control plane stands
//! where its operator's own machines are: what is not of the public internet is not spoken to, unless
//! the configuration names it.

use std::net::IpAddr;

use url::{Host, Url};

use crate::network::{NetworkSet, is_public};

/// Bytes of an address.
const LONGEST: usize = 2_048;

/// Ports that are spoken to on the internet: those of HTTPS, and nobody's mail or database.
const PORTS: [u16; 2] = [443, 8443];

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// In the clear.
    Plain,
    /// Within TLS.
    Tls,
}

/// Where messages may go beyond the public internet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// May they go in the clear, within these networks?
    pub allow_http: bool,
    /// Networks that are spoken to whatever they are, at every port.
    pub networks: NetworkSet,
}

/// Why an address is none of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlRejection {
    /// It is of a network that is not spoken to.
    #[error("must not be of a private or special network")]
    Address,
    /// It has a fragment.
    #[error("must have no fragment: nobody is told it")]
    Fragment,
    /// It is none.
    #[error("must be a whole address such as https://example.com/hooks")]
    Malformed,
    /// It has another port.
    #[error("must have the port 443 or 8443")]
    Port,
    /// It is not of HTTPS.
    #[error("must begin with https://")]
    Scheme,
    /// It is too long.
    #[error("must have at most 2048 bytes")]
    TooLong,
    /// It has a user's name or a password.
    #[error("must have no user name and no password: messages are signed")]
    UserInfo,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) security: Security,
    pub(super) host: Host<String>,
    pub(super) port: u16,
    /// As the header `Host` has it.
    pub(super) authority: String,
    /// Path and query.
    pub(super) target: String,
}

impl Place {
    /// Reads what [`Reach::accept`] took.
    pub(super) fn parse(text: &str) -> Result<Self, UrlRejection> {
        let url = Url::parse(text).map_err(|_| UrlRejection::Malformed)?;
        let security = match url.scheme() {
            "https" => Security::Tls,
            "http" => Security::Plain,
            _ => return Err(UrlRejection::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRejection::UserInfo);
        }
        if url.fragment().is_some() {
            return Err(UrlRejection::Fragment);
        }
        let host = url.host().ok_or(UrlRejection::Malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or(UrlRejection::Malformed)?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Ok(Self { security, host, port, authority, target })
    }
}

impl Reach {
    /// The address, as it is kept: in the one spelling of its kind. Whether a name leads where it may is
    /// looked at in each attempt.
    pub fn accept(&self, text: &str) -> Result<Box<str>, UrlRejection> {
        if text.len() > LONGEST {
            return Err(UrlRejection::TooLong);
        }
        // What browsers pass over in an address is in none of ours.
        if text.chars().any(|it| it.is_control() || it.is_whitespace() || it == '\\') {
            return Err(UrlRejection::Malformed);
        }
        let place = Place::parse(text)?;
        if place.security == Security::Plain && !self.allow_http {
            return Err(UrlRejection::Scheme);
        }
        match &place.host {
            Host::Domain(name) => self.accept_name(name, place.port)?,
            Host::Ipv4(address) => self.accept_address(IpAddr::V4(*address), &place)?,
            Host::Ipv6(address) => self.accept_address(IpAddr::V6(*address), &place)?,
        }
        let url = Url::parse(text).map_err(|_| UrlRejection::Malformed)?;
        Ok(url.as_str().into())
    }

    /// Names that are of no internet, and ports that are of no network that is named, need no look-up.
    fn accept_name(&self, name: &str, port: u16) -> Result<(), UrlRejection> {
        if !self.networks.is_empty() {
            return Ok(());
        }
        let name = name.trim_end_matches('.');
        let is_local = !name.contains('.')
            || [".localhost", ".local", ".internal", ".home.arpa"]
                .iter()
                .any(|end| name.ends_with(end));
        if is_local {
            return Err(UrlRejection::Address);
        }
        if PORTS.contains(&port) { Ok(()) } else { Err(UrlRejection::Port) }
    }

    fn accept_address(&self, address: IpAddr, place: &Place) -> Result<(), UrlRejection> {
        if self.covers(address, place.port, place.security) {
            return Ok(());
        }
        Err(match place.security {
            Security::Tls if is_public(address) => UrlRejection::Port,
            Security::Plain | Security::Tls => UrlRejection::Address,
        })
    }

    /// May a connection go there?
    pub(super) fn covers(&self, address: IpAddr, port: u16, security: Security) -> bool {
        let is_listed = self.networks.contains(address);
        match security {
            Security::Plain => self.allow_http && is_listed,
            Security::Tls => is_listed || (is_public(address) && PORTS.contains(&port)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::parse_network;

    #[test]
    fn odd_spellings_of_an_address_are_the_address() {
        let reach = Reach::default();
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[0:0:0:0:0:ffff:7f00:1]",
            "169.254.169.254",
            "0xa9fea9fe",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "printer",
            "metadata.google.internal",
        ] {
            let url = format!("https://{host}/");
            assert_eq!(reach.accept(&url), Err(UrlRejection::Address), "{url}");
        }
    }

    #[test]
    fn an_address_is_of_https_and_nothing_more() {
        let reach = Reach::default();
        for (text, expected) in [
            ("https://example.com", Ok("https://example.com/")),
            ("https://EXAMPLE.com:443/a?b=c", Ok("https://example.com/a?b=c")),
            ("https://bücher.example:8443/", Ok("https://xn--bcher-kva.example:8443/")),
            ("http://example.com/", Err(UrlRejection::Scheme)),
            ("ftp://example.com/", Err(UrlRejection::Scheme)),
            ("file:///etc/passwd", Err(UrlRejection::Scheme)),
            ("https://ann@example.com/", Err(UrlRejection::UserInfo)),
            ("https://:secret@example.com/", Err(UrlRejection::UserInfo)),
            ("https://example.com/#a", Err(UrlRejection::Fragment)),
            ("https://example.com:25/", Err(UrlRejection::Port)),
            ("https://1.1.1.1:22/", Err(UrlRejection::Port)),
            ("https://", Err(UrlRejection::Malformed)),
            ("https:\\\\example.com", Err(UrlRejection::Malformed)),
            ("https://example.com/a b", Err(UrlRejection::Malformed)),
            ("https://exa\tmple.com/", Err(UrlRejection::Malformed)),
            ("example.com", Err(UrlRejection::Malformed)),
        ] {
            assert_eq!(reach.accept(text).as_deref(), expected.as_deref(), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2_048));
        assert_eq!(reach.accept(&long), Err(UrlRejection::TooLong));
    }

    #[test]
    fn networks_that_are_named_are_spoken_to_and_no_others() {
        let networks = NetworkSet::new(vec![parse_network("10.1.0.0/16").unwrap()]);
        let within = Reach { allow_http: false, networks };
        assert!(within.accept("https://10.1.2.3:9000/").is_ok());
        assert!(within.accept("https://hooks.internal:9000/").is_ok());
        assert_eq!(within.accept("https://10.2.2.3/"), Err(UrlRejection::Address));
        assert_eq!(within.accept("http://10.1.2.3/"), Err(UrlRejection::Scheme));
        let clear = Reach { allow_http: true, ..within };
        assert!(clear.accept("http://10.1.2.3/").is_ok());
        assert_eq!(clear.accept("http://1.1.1.1/"), Err(UrlRejection::Address));
        let public = "1.1.1.1".parse().unwrap();
        assert!(clear.covers(public, 443, Security::Tls));
        assert!(!clear.covers(public, 9000, Security::Tls));
        assert!(!clear.covers(public, 80, Security::Plain));
    }
}
