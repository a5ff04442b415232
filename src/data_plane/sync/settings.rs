//! What an operator sets of the way to control planes.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;

use crate::secret::Secret;

/// `[edge.sync]`, resolved. All of it changes at a restart only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncConfig {
    /// The control planes, the first choice first.
    pub urls: Vec<ControlUrl>,
    /// What an enrolment code was exchanged for.
    pub token: Arc<Secret<String>>,
    /// The roots that are believed; none: the system's.
    pub ca: Option<PathBuf>,
    /// Where what was said is kept.
    pub state: PathBuf,
    /// How long private files are served without a word from a control plane.
    pub max_age: Duration,
}

/// Where a control plane is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlUrl {
    pub(super) security: Security,
    pub(super) host: Box<str>,
    pub(super) port: u16,
}

/// Who could listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Nobody off this machine: plain, to a loopback address.
    Loopback,
    /// Nobody: TLS.
    Tls,
}

/// Why a text is no control plane's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlUrlRejection {
    /// No `https://host[:port]`.
    #[error("a control plane is given as https://host[:port]")]
    Malformed,
    /// Plain, and not on this machine.
    #[error("a control plane is followed over https; http is for loopback addresses")]
    Plain,
}

impl ControlUrl {
    /// Reads `https://host[:port]`, or `http://` with a loopback address.
    pub fn parse(text: &str) -> Result<Self, ControlUrlRejection> {
        let malformed = ControlUrlRejection::Malformed;
        let uri: Uri = text.parse().map_err(|_| malformed)?;
        let authority = uri.authority().ok_or(malformed)?;
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains(['@', '#']) {
            return Err(malformed);
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let (security, standard) = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => (Security::Tls, 443),
            Some(scheme) if *scheme == Scheme::HTTP && is_loopback => (Security::Loopback, 80),
            Some(scheme) if *scheme == Scheme::HTTP => return Err(ControlUrlRejection::Plain),
            Some(_) | None => return Err(malformed),
        };
        let port = match authority.port_u16() {
            Some(port) => port,
            None if authority.as_str() == authority.host() => standard,
            None => return Err(malformed),
        };
        Ok(Self { security, host: host.into(), port })
    }

    /// For the `Host` of requests.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for ControlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.security {
            Security::Loopback => "http",
            Security::Tls => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_planes_are_reached_over_tls_or_not_off_this_machine() {
        for (text, expected) in [
            ("https://control-1.internal:8081", "https://control-1.internal:8081"),
            ("https://control/", "https://control:443"),
            ("https://[2001:db8::1]:1", "https://[2001:db8::1]:1"),
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
            ("http://[::1]:8081", "http://[::1]:8081"),
        ] {
            assert_eq!(ControlUrl::parse(text).unwrap().to_string(), expected);
        }
        for (text, expected) in [
            ("http://control:8081", ControlUrlRejection::Plain),
            ("http://localhost:8081", ControlUrlRejection::Plain),
            ("http://10.0.0.1", ControlUrlRejection::Plain),
            ("ftp://control", ControlUrlRejection::Malformed),
            ("control:8081", ControlUrlRejection::Malformed),
            ("https://control/api", ControlUrlRejection::Malformed),
            ("https://control?a", ControlUrlRejection::Malformed),
            ("https://me@control", ControlUrlRejection::Malformed),
            ("https://control:99999", ControlUrlRejection::Malformed),
            ("", ControlUrlRejection::Malformed),
        ] {
            assert_eq!(ControlUrl::parse(text), Err(expected), "{text}");
        }
    }
}
