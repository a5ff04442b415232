//! `[site.token]`: how a site's tokens look, and the keys that open them.

use std::collections::HashSet;
use std::time::Duration;

use toml::value::Offset;

use super::document::{Bounds, Section, Value};
use super::finding::Finding;
use super::secret_source::{line, named_secret, secret, secret_section};
use crate::clock::UnixSeconds;
use crate::keyring::{
    KeyId, KeyPurpose, KeyWindow, Keyring, MacAlgorithm, SHORT_KEY_BYTES, SharedKey,
};
use crate::policy::{Scheme, TokenRules};
use crate::token::edge_auth::{EdgeAuth, EscapeUrl, IpForm, QueryRule, StartRule, UrlForm};
use crate::token::{Carrier, CarrierRules};

pub(super) const TOKEN_KEYS: &[&str] = &[
    "scheme",
    "name",
    "carriers",
    "algorithm",
    "keys",
    "salt",
    "ignore_query_string",
    "escape_url",
    "url_form",
    "field_delimiter",
    "acl_delimiter",
    "skew",
    "max_lifetime",
    "require_start",
    "ip_ranges",
];

pub(super) const KEY_KEYS: &[&str] = &["id", "file", "env", "not_before", "not_after", "use"];

const DEFAULT_NAME: &str = "__token__";

const DEFAULT_CARRIERS: &[Carrier] = &[Carrier::Query, Carrier::Header, Carrier::Cookie];

/// Keys of one site: a request is given at most 32 MACs, so a later key would never be tried.
pub(super) const MAX_KEYS: usize = 32;

const SKEW: Bounds<Duration> = Bounds {
    min: Duration::ZERO,
    max: Duration::from_hours(1),
    why: "skew covers clocks that differ; more than an hour keeps expired links open",
};

const LIFETIME: Bounds<Duration> = Bounds {
    min: Duration::ZERO,
    max: Duration::from_hours(24 * 3660),
    why: "\"0s\" sets no limit; a limit of more than ten years is none",
};

/// The schemes of this version.
#[derive(Clone, Copy, Debug)]
enum SchemeName {
    EdgeAuth,
}

/// A key of some site, for what is asked across sites.
#[derive(Debug)]
pub(super) struct KeyPlace<'d> {
    pub(super) value: Value<'d>,
    pub(super) index: usize,
}

/// Does a site need keys in the configuration?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnKeys {
    /// A control plane makes keys for its own links; others are for links of other signers.
    Optional,
    /// Without one, nothing opens a link.
    Required,
}

/// Reads the section; the places are those of the keyring's keys.
pub(super) fn token_rules(
    section: Section<'_>,
    own_keys: OwnKeys,
) -> Option<(TokenRules, Vec<KeyPlace<'_>>)> {
    let schemes = [("edge-auth", SchemeName::EdgeAuth)];
    let scheme =
        section.value("scheme").map_or(Some(SchemeName::EdgeAuth), |it| it.one_of(&schemes));
    let name = section.value("name").map_or(Some(DEFAULT_NAME), |it| it.name(64));
    let carriers = section.value("carriers").map_or(Some(DEFAULT_CARRIERS.to_vec()), carriers);
    let (keyring, places) = keyring(section, own_keys);
    let edge_auth = edge_auth(section, keyring);
    let carriers = CarrierRules::new(name?, &carriers?);
    match scheme? {
        SchemeName::EdgeAuth => {
            Some((TokenRules { carriers, scheme: Scheme::EdgeAuth(edge_auth) }, places))
        }
    }
}

fn carriers(value: Value<'_>) -> Option<Vec<Carrier>> {
    let choices: Vec<_> = Carrier::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    let mut carriers = Vec::new();
    for item in value.items(Carrier::ALL.len())? {
        let Some(carrier) = item.one_of(&choices) else { continue };
        if carriers.contains(&carrier) {
            item.report(Finding::error(format!("\"{carrier}\" is listed twice")));
        }
        carriers.push(carrier);
    }
    if value.is_empty_list() {
        let help = "for example carriers = [\"query\", \"header\", \"cookie\"]";
        return value.refuse(Finding::absent("no token can arrive").help(help));
    }
    Some(carriers)
}

fn edge_auth(section: Section<'_>, keyring: Keyring) -> EdgeAuth {
    let standard = EdgeAuth::with_keys(keyring);
    let algorithms: Vec<_> = MacAlgorithm::ALL.iter().map(|it| (it.wire_name(), *it)).collect();
    let algorithm = section.value("algorithm").and_then(|it| {
        let algorithm = it.one_of(&algorithms)?;
        match algorithm {
            MacAlgorithm::Md5 | MacAlgorithm::Sha1 => it.report(
                Finding::warning(format!("HMAC-{} is an old choice", algorithm.wire_name()))
                    .label("for links of signers that cannot do sha256"),
            ),
            MacAlgorithm::Sha256 => {}
        }
        Some(algorithm)
    });
    let salt = section.value("salt").and_then(|it| secret(it, "the salt"));
    let query = section
        .value("ignore_query_string")
        .and_then(|it| it.flag(QueryRule::Ignored, QueryRule::Signed));
    let escapes = [("auto", EscapeUrl::Auto), ("on", EscapeUrl::On), ("off", EscapeUrl::Off)];
    let escape_url = section.value("escape_url").and_then(|it| it.one_of(&escapes));
    let forms = [("raw", UrlForm::Raw), ("decoded", UrlForm::Decoded)];
    let url_form = section.value("url_form").and_then(|it| it.one_of(&forms));
    if let (Some(UrlForm::Decoded), Some(QueryRule::Signed)) = (url_form, query)
        && let Some(value) = section.value("ignore_query_string")
    {
        value.report(
            Finding::warning("the decoded path is signed together with the query")
                .label("no URL token opens a path with a question mark in it")
                .help(
                    "a decoded path with `?` reads as another URL; where the query is signed, \
                     write url_form = \"raw\"",
                ),
        );
    }
    let field = section.value("field_delimiter").and_then(|it| delimiter(it, "=&?/"));
    let acl = section.value("acl_delimiter").and_then(|it| delimiter(it, "=/*?"));
    let field_delimiter = field.unwrap_or(standard.field_delimiter);
    let acl_delimiter = acl.unwrap_or(standard.acl_delimiter);
    if acl_delimiter.contains(&*field_delimiter) || field_delimiter.contains(&*acl_delimiter) {
        let value = section.value("acl_delimiter").or(section.value("field_delimiter"));
        if let Some(value) = value {
            value.report(
                Finding::error("the two delimiters cannot be told apart")
                    .help("the defaults are field_delimiter = \"~\" and acl_delimiter = \"!\""),
            );
        }
    }
    let skew = section.value("skew").and_then(|it| it.seconds(SKEW));
    let max_lifetime = section.value("max_lifetime").and_then(|it| it.seconds(LIFETIME));
    let start = section
        .value("require_start")
        .and_then(|it| it.flag(StartRule::Required, StartRule::Optional));
    let ip_form = section
        .value("ip_ranges")
        .and_then(|it| it.flag(IpForm::AddressOrNetwork, IpForm::Address));
    EdgeAuth {
        algorithm: algorithm.unwrap_or(standard.algorithm),
        keyring: standard.keyring,
        salt: salt.map(|it| line(&it.content)),
        query: query.unwrap_or(standard.query),
        escape_url: escape_url.unwrap_or(standard.escape_url),
        url_form: url_form.unwrap_or(standard.url_form),
        field_delimiter,
        acl_delimiter,
        skew: skew.unwrap_or(standard.skew),
        max_lifetime: max_lifetime.filter(|it| *it > 0),
        start: start.unwrap_or(standard.start),
        ip_form: ip_form.unwrap_or(standard.ip_form),
    }
}

/// A delimiter must never be a part of what it delimits.
fn delimiter(value: Value<'_>, forbidden: &str) -> Option<Box<str>> {
    let text = value.text()?;
    let sound = (1..=4).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_punctuation())
        && !text.contains(|c| forbidden.contains(c) || c == '%');
    if sound {
        return Some(text.into());
    }
    value.refuse(Finding::error(format!(
        "`{}` must be 1 to 4 punctuation characters, without `%` and `{forbidden}`",
        value.key
    )))
}

fn keyring(section: Section<'_>, own_keys: OwnKeys) -> (Keyring, Vec<KeyPlace<'_>>) {
    let help = "make one with `countersign keygen > keys/2026-11.hex` and write \
                keys = [{ id = \"2026-11\", file = \"keys/2026-11.hex\" }]";
    let mut keys: Vec<SharedKey> = Vec::new();
    let mut places = Vec::new();
    let mut ids = HashSet::new();
    let value = match own_keys {
        OwnKeys::Optional => section.value("keys"),
        OwnKeys::Required => section.required("keys", help),
    };
    let Some(value) = value else { return (Keyring::default(), places) };
    let Some(items) = value.items(MAX_KEYS) else { return (Keyring::default(), places) };
    for item in items {
        let Some(section) = secret_section(item, "a key", KEY_KEYS) else { continue };
        let id = section.required("id", "logs and metrics name the key by it");
        if let Some((id, name)) = id.and_then(|it| Some((it, it.name(64)?)))
            && !ids.insert(name)
        {
            id.report(Finding::error(format!("there are two keys with the id \"{name}\"")));
        }
        if let Some(key) = shared_key(section) {
            places.push(KeyPlace { value: item, index: keys.len() });
            keys.push(key);
        }
    }
    if value.is_empty_list() && own_keys == OwnKeys::Required {
        value.report(Finding::absent("no key opens this site's links").help(help));
    }
    (Keyring::new(keys), places)
}

fn shared_key(section: Section<'_>) -> Option<SharedKey> {
    let purposes = [("vendor", KeyPurpose::Vendor), ("links", KeyPurpose::Links)];
    let purpose = section.value("use").map_or(Some(KeyPurpose::Vendor), |it| it.one_of(&purposes));
    let not_before = section.value("not_before").map_or(Some(None), |it| instant(it).map(Some));
    let not_after = section.value("not_after").map_or(Some(None), |it| instant(it).map(Some));
    if let (Some(Some(start)), Some(Some(end)), Some(value)) =
        (not_before, not_after, section.value("not_after"))
        && end < start
    {
        value.report(Finding::error("the key ends before it begins"));
    }
    let named = named_secret(section, "the key")?;
    let id = KeyId::new(section.value("id")?.text()?);
    let window = KeyWindow { not_before: not_before?, not_after: not_after? };
    let Ok(hex) = str::from_utf8(named.content.expose()) else {
        return named.named_by.refuse(Finding::error("the key must be hexadecimal digits only"));
    };
    match SharedKey::from_hex(id, hex, purpose?, window) {
        Ok(key) => {
            if key.len() < SHORT_KEY_BYTES {
                named.named_by.report(
                    Finding::warning(format!("the key has only {} bytes", key.len()))
                        .label(format!("fewer than {SHORT_KEY_BYTES} can be guessed"))
                        .help("`countersign keygen` makes one of 32"),
                );
            }
            Some(key)
        }
        Err(reason) => named.named_by.refuse(
            Finding::error(reason.to_string())
                .help("`countersign keygen` prints a key in the form that is read here"),
        ),
    }
}

/// A date with its offset (RFC 3339), or seconds since the epoch.
fn instant(value: Value<'_>) -> Option<UnixSeconds> {
    const EPOCH: Bounds<u64> =
        Bounds { min: 0, max: 253_402_300_799, why: "seconds since 1970-01-01T00:00:00Z" };
    if value.is_integer() {
        return value.integer(EPOCH).map(UnixSeconds::new);
    }
    let seconds = value.datetime().and_then(epoch_seconds);
    if seconds.is_none() {
        value
            .report(Finding::error(format!("`{}` must be an instant", value.key)).help(
                "write 2026-11-01T00:00:00Z, without quotes and with an offset, or an epoch",
            ));
    }
    seconds.map(UnixSeconds::new)
}

fn epoch_seconds(datetime: &toml::value::Datetime) -> Option<u64> {
    let (date, time) = (datetime.date?, datetime.time?);
    let offset = match datetime.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let (year, month, day) = (i64::from(date.year), i64::from(date.month), i64::from(date.day));
    // Days of the civil calendar, years beginning in March so that the leap day is the last
    // (Howard Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_era = year * 365 + year / 4 - year / 100 + year / 400;
    let days = day_of_era + (153 * month + 2) / 5 + day - 1 - 719_468;
    let minutes = i64::from(time.hour) * 60 + i64::from(time.minute) - offset;
    let seconds = days * 86_400 + minutes * 60 + i64::from(time.second.unwrap_or(0));
    u64::try_from(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_epochs() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2024-02-29T12:30:00Z", Some(1_709_209_800)),
            ("2026-11-01T00:00:00+02:00", Some(1_793_484_000)),
            ("2000-03-01T00:00:00-00:30", Some(951_870_600)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("1969-12-31T23:59:59Z", None),
            ("2026-11-01T00:00:00", None),
            ("2026-11-01", None),
            ("0000-01-01T00:00:00Z", None),
        ] {
            let datetime: toml::value::Datetime = text.parse().unwrap();
            assert_eq!(epoch_seconds(&datetime), expected, "{text}");
        }
    }
}
