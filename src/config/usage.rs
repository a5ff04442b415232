//! `[usage]`: where the uses of links are counted.

use std::sync::Arc;
use std::time::Duration;

use super::document::{Bounds, Section, Value};
use super::finding::{Finding, chain};
use super::secret_source::{line, secret};
use crate::data_plane::{RedisConfig, RedisUrl, UsageConfig, WhenAway};
use crate::secret::Secret;

pub(super) const USAGE_KEYS: &[&str] =
    &["max_links", "redis", "username", "password", "ca", "when_away", "timeout", "lease"];

/// Bytes of a file of authorities.
const MAX_CA_BYTES: u64 = 1 << 20;

/// Characters of a user's name.
const LONGEST_NAME: usize = 256;

const LINKS: Bounds<u64> = Bounds {
    min: 1000,
    max: 100_000_000,
    why: "so many links that are watched for going round are remembered, at some 150 bytes each",
};

const TIMEOUT: Bounds<Duration> = Bounds {
    min: Duration::from_millis(1),
    max: Duration::from_secs(5),
    why: "a request of a watched link waits so long at most before `when_away` holds",
};

const LEASE: Bounds<Duration> = Bounds {
    min: Duration::from_secs(1),
    max: Duration::from_hours(1),
    why: "so long the downloads of an edge that was killed are counted",
};

/// None where something is wrong with it.
pub(super) fn usage(section: Section<'_>) -> Option<UsageConfig> {
    let max_links = section.value("max_links").map(|it| it.count(LINKS));
    let redis = if let Some(value) = section.value("redis") {
        Some(redis(section, value)?)
    } else {
        for key in ["username", "password", "ca", "when_away", "timeout", "lease"] {
            if let Some(value) = section.value(key) {
                value.report(
                    Finding::warning(format!("`{key}` is about no Redis"))
                        .help("name one: redis = \"redis://127.0.0.1:6379\""),
                );
            }
        }
        None
    };
    Some(UsageConfig { max_links: max_links.unwrap_or(Some(UsageConfig::MAX_LINKS))?, redis })
}

fn redis(section: Section<'_>, value: Value<'_>) -> Option<RedisConfig> {
    let url = match RedisUrl::parse(value.text()?) {
        Ok(url) => url,
        Err(rejection) => {
            value.document.file.hide(value.span());
            return value.refuse(
                Finding::error("`redis` is no address of a Redis").help(rejection.to_string()),
            );
        }
    };
    let choices: Vec<_> = WhenAway::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    let username = section.value("username").map(|it| it.name(LONGEST_NAME));
    let password = section.value("password").map(password);
    let authorities = section.value("ca").map(authorities);
    let when_away = section.value("when_away").map(|it| it.one_of(&choices));
    let timeout = section.value("timeout").map(|it| it.duration(TIMEOUT));
    let lease = section.value("lease").map(|it| it.duration(LEASE));
    Some(RedisConfig {
        url,
        username: username.map_or(Some(None), |it| it.map(|it| Some(it.into())))?,
        password: password.map_or(Some(None), |it| it.map(|it| Some(Arc::new(it))))?,
        authorities: authorities.map_or(Some(None), |it| it.map(Some))?,
        when_away: when_away.unwrap_or(Some(WhenAway::CountLocally))?,
        timeout: timeout.unwrap_or(Some(RedisConfig::TIMEOUT))?,
        lease: lease.unwrap_or(Some(RedisConfig::LEASE))?,
    })
}

fn password(value: Value<'_>) -> Option<Secret<String>> {
    let named = secret(value, "the password")?;
    match String::from_utf8(line(&named.content).expose().clone()) {
        Ok(text) => Some(Secret::new(text)),
        Err(_) => named.named_by.refuse(Finding::error("the password is not UTF-8")),
    }
}

fn authorities(value: Value<'_>) -> Option<Arc<[u8]>> {
    let path = value.path()?;
    match value.document.reading.read(&path, MAX_CA_BYTES) {
        Ok(pem) => Some(pem.into()),
        Err(reason) => value.refuse(
            Finding::error(format!("cannot read {}", path.display())).label(chain(&reason)),
        ),
    }
}
