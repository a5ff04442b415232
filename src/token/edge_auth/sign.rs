//! Making tokens: the same text, from the other side.

use ipnet::IpNet;
use std::fmt::Write as _;

use super::escape::EscapeDialect;
use super::options::EdgeAuth;
use crate::clock::UnixSeconds;
use crate::keyring::SigningKey;

/// What a token is to say.
#[derive(Clone, Copy, Debug)]
pub struct SignRequest<'r> {
    /// What it opens.
    pub scope: SignScope<'r>,
    /// Not before.
    pub start: Option<UnixSeconds>,
    /// Last valid instant.
    pub expiry: UnixSeconds,
    /// The address it is bound to, or the network: only where the verifier takes those
    /// ([`IpForm`](super::IpForm)).
    pub ip: Option<IpNet>,
    /// The link's id.
    pub id: Option<&'r str>,
    /// The payload.
    pub payload: Option<&'r str>,
    /// `escape_early`: escape `ip`, `id`, `data` and the URL, in this dialect.
    pub escape: Option<EscapeDialect>,
}

/// What a token is to open.
#[derive(Clone, Copy, Debug)]
pub enum SignScope<'r> {
    /// Paths, by patterns.
    Acl(&'r [&'r str]),
    /// One URL: the path, with the query where the site signs it.
    Url(&'r str),
}

/// Why a token cannot be made. Each would be a token that opens something else than was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignRejection {
    /// No pattern at all.
    #[error("an ACL needs at least one pattern")]
    AclEmpty,
    /// A pattern that a verifier refuses or would read as several fields or patterns.
    #[error(
        "an ACL pattern must begin with / or *, and hold neither the field nor the ACL delimiter"
    )]
    AclPattern,
    /// An `id`, `data` or URL that holds the field delimiter would add fields of its own
    /// (tokens.md 1.9).
    #[error("the {0} holds the field delimiter; escape it or choose another")]
    Delimiter(&'static str),
    /// Expiry not after start.
    #[error("the expiry must be later than the start")]
    EmptyWindow,
}

/// Makes a token: fields in the order of the official libraries, so that it equals theirs byte
/// for byte.
pub fn sign(
    rules: &EdgeAuth,
    key: SigningKey<'_>,
    request: &SignRequest<'_>,
) -> Result<String, SignRejection> {
    if request.start.is_some_and(|start| start >= request.expiry) {
        return Err(SignRejection::EmptyWindow);
    }
    let delimiter = &*rules.field_delimiter;
    let escaped = |name, text: &str| {
        let text = request.escape.map_or_else(|| text.to_owned(), |dialect| dialect.escape(text));
        if is_cut(&text, delimiter) { Err(SignRejection::Delimiter(name)) } else { Ok(text) }
    };
    let mut body = String::new();
    let mut field = |name: &str, value: &str| {
        if !body.is_empty() {
            body.push_str(delimiter);
        }
        // Writing to a `String` cannot fail.
        let _ = write!(body, "{name}={value}");
    };
    if let Some(ip) = request.ip {
        field("ip", &escaped("ip", &written(ip))?);
    }
    if let Some(start) = request.start {
        field("st", &start.to_string());
    }
    field("exp", &request.expiry.to_string());
    let url = match request.scope {
        SignScope::Acl(patterns) => {
            field("acl", &join_patterns(rules, patterns)?);
            None
        }
        SignScope::Url(url) => Some(escaped_url(delimiter, request.escape, url)?),
    };
    if let Some(id) = request.id {
        field("id", &escaped("id", id)?);
    }
    if let Some(payload) = request.payload {
        field("data", &escaped("data", payload)?);
    }
    let tag = key.tag(rules.algorithm, |input| {
        input.write(body.as_bytes());
        if let Some(url) = &url {
            input.write(delimiter.as_bytes());
            input.write(b"url=");
            input.write(url.as_bytes());
        }
        if let Some(salt) = &rules.salt {
            input.write(delimiter.as_bytes());
            input.write(b"salt=");
            // The salt goes into a keyed hash and nowhere else.
            input.write(salt.expose());
        }
    });
    Ok(format!("{body}{delimiter}hmac={tag:x}"))
}

/// An address, canonical, as it is; a network with its prefix.
fn written(ip: IpNet) -> String {
    if ip.prefix_len() == ip.max_prefix_len() {
        ip.addr().to_canonical().to_string()
    } else {
        ip.trunc().to_string()
    }
}

fn join_patterns(rules: &EdgeAuth, patterns: &[&str]) -> Result<String, SignRejection> {
    if patterns.is_empty() {
        return Err(SignRejection::AclEmpty);
    }
    let sound = |pattern: &&str| {
        pattern.starts_with(['/', '*'])
            && !is_cut(pattern, &rules.field_delimiter)
            && !is_cut(pattern, &rules.acl_delimiter)
    };
    if !patterns.iter().all(sound) {
        return Err(SignRejection::AclPattern);
    }
    Ok(patterns.join(&rules.acl_delimiter))
}

/// Would a reader see the delimiter behind `text` begin earlier? `x|` and `||` make `x|||`, which
/// reads as `x` and a field that begins with `|`.
fn is_cut(text: &str, delimiter: &str) -> bool {
    format!("{text}{delimiter}").find(delimiter) != Some(text.len())
}

/// A URL is signed but not sent, so it may hold the delimiter, as `/~user/` does; but not what a
/// careless verifier would read as a field.
fn escaped_url(
    delimiter: &str,
    escape: Option<EscapeDialect>,
    url: &str,
) -> Result<String, SignRejection> {
    let url = escape.map_or_else(|| url.to_owned(), |dialect| dialect.escape(url));
    if url.split(delimiter).skip(1).any(|piece| piece.contains('=')) {
        return Err(SignRejection::Delimiter("url"));
    }
    Ok(url)
}
