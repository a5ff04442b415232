//! `[usage]`: where the uses of links are counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _};

use crate::secret::Secret;

/// Fixed at start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageConfig {
    /// Links whose places are remembered in this process.
    pub max_links: usize,
    /// Counters that several edges share; none: each counts for itself.
    pub redis: Option<RedisConfig>,
}

impl UsageConfig {
    /// Some 150 bytes each.
    pub const MAX_LINKS: usize = 100_000;
}

impl Default for UsageConfig {
    fn default() -> Self {
        Self { max_links: Self::MAX_LINKS, redis: None }
    }
}

/// Where Redis is, and how long it is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where.
    pub url: RedisUrl,
    /// Who the edge is there, if not everybody.
    pub username: Option<Box<str>>,
    /// Its password.
    pub password: Option<Arc<Secret<String>>>,
    /// Who signs for the other end, PEM; none: whom the system trusts.
    pub authorities: Option<Arc<[u8]>>,
    /// What is done while it is away.
    pub when_away: WhenAway,
    /// How long a request waits for it.
    pub timeout: Duration,
    /// How long a download of an edge that is gone is counted.
    pub lease: Duration,
}

impl RedisConfig {
    /// How long a request waits for Redis. It is asked before every redemption of such a link, so it
    /// is close by, or it is away.
    pub const TIMEOUT: Duration = Duration::from_millis(100);

    /// Until a killed edge's downloads are free again.
    pub const LEASE: Duration = Duration::from_secs(30);
}

/// What is done with requests that cannot be counted for all edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenAway {
    /// They are let through.
    Allow,
    /// Each edge counts for itself.
    CountLocally,
    /// They are refused.
    Deny,
}

impl WhenAway {
    /// Every behaviour.
    pub const ALL: &'static [Self] = &[Self::Allow, Self::CountLocally, Self::Deny];

    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::CountLocally => "count_locally",
            Self::Deny => "deny",
        }
    }
}

/// `redis://host:6379/0`, `rediss://` for TLS, `redis+unix:///path`.
#[derive(Clone)]
pub struct RedisUrl {
    text: Box<str>,
    pub(super) connection: ConnectionInfo,
}

/// Why a text is no place of a Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlRejection {
    /// Anybody could stand between.
    #[error("`#insecure` takes any certificate, so anybody could stand between")]
    Insecure,
    /// No such address.
    #[error("write redis://host:6379, rediss://host:6379 or redis+unix:///path/to/socket")]
    Malformed,
    /// A configuration is copied into tickets.
    #[error("the user and the password stand in `username` and `password`, not in the address")]
    Secret,
}

impl RedisUrl {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, RedisUrlRejection> {
        let connection = text.into_connection_info().map_err(|_| RedisUrlRejection::Malformed)?;
        let login = connection.redis_settings();
        if login.password().is_some() || login.username().is_some() {
            return Err(RedisUrlRejection::Secret);
        }
        match connection.addr() {
            ConnectionAddr::TcpTls { insecure: true, .. } => Err(RedisUrlRejection::Insecure),
            ConnectionAddr::Tcp(..) | ConnectionAddr::TcpTls { .. } | ConnectionAddr::Unix(_) => {
                Ok(Self { text: text.into(), connection })
            }
            // The crate's enum may grow.
            _ => Err(RedisUrlRejection::Malformed),
        }
    }

    /// Is what is said there read by nobody else?
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.connection.addr(), ConnectionAddr::TcpTls { .. })
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RedisUrl {}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_holds_no_secret_and_takes_no_stranger() {
        for text in ["redis://127.0.0.1:6379", "rediss://r.example.com/2", "redis+unix:///r.sock"] {
            assert!(RedisUrl::parse(text).is_ok(), "{text}");
        }
        for (text, rejection) in [
            ("redis://:pw@127.0.0.1", RedisUrlRejection::Secret),
            ("redis://me@127.0.0.1", RedisUrlRejection::Secret),
            ("rediss://127.0.0.1/#insecure", RedisUrlRejection::Insecure),
            ("http://127.0.0.1", RedisUrlRejection::Malformed),
            ("127.0.0.1:6379", RedisUrlRejection::Malformed),
            ("", RedisUrlRejection::Malformed),
        ] {
            assert_eq!(RedisUrl::parse(text).unwrap_err(), rejection, "{text}");
        }
    }
}
