//! One JSON line an answer, written when its last byte left or its client did.
//!
//! What may stand in a line is listed here and nothing else: no token, no query values, no cookie.
//! A token is shown as a fingerprint under a key of this process, good for finding the other
//! requests with it and for nothing else.

use std::collections::hash_map::RandomState;
use std::fmt::Display;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use http::HeaderValue;
use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::event::FraudEvent;
use crate::network::{ClientIp, PeerIp};
use crate::policy::{FraudFinding, FraudMode};
use crate::telemetry::LineWriter;

use super::events::Download;
use super::usage::{Claimed, Slot};

/// Bytes of a client's own text (user agent, referring origin) that are kept.
const MAX_CLIENT_TEXT: usize = 256;

/// The line.
#[derive(Debug, Default, Serialize)]
pub(super) struct AccessRecord {
    /// Will it be a line? What costs something to say is not found out else.
    #[serde(skip)]
    pub(super) wanted: Wanted,
    /// What is reported to a control plane as well, where a link of our own decided.
    #[serde(skip)]
    pub(super) download: Option<Box<Download>>,
    /// What anti-fraud found, which is reported as well.
    #[serde(skip)]
    pub(super) findings: Vec<FraudEvent>,
    /// What is told to the ledger at the end, where the link may be used once.
    #[serde(skip)]
    pub(super) claimed: Option<Box<Claimed>>,
    /// Of a link with a limit, its share of what may be under way at once: until the body ends.
    #[serde(skip)]
    pub(super) slot: Option<Slot>,
    /// Always `request`.
    pub(super) event: &'static str,
    /// When the head had arrived, or was given up, since the epoch; shown as RFC 3339.
    #[serde(serialize_with = "in_rfc_3339")]
    pub(super) time: Duration,
    /// As in `X-Request-Id`.
    #[serde(serialize_with = "as_text")]
    pub(super) request_id: Option<HeaderValue>,
    /// Who asked.
    #[serde(serialize_with = "displayed")]
    pub(super) client: Option<ClientIp>,
    /// The other end of the connection.
    #[serde(serialize_with = "displayed")]
    pub(super) peer: Option<PeerIp>,
    /// The address that was connected to, as bound.
    #[serde(serialize_with = "displayed")]
    pub(super) listener: Option<SocketAddr>,
    /// The site's name.
    pub(super) site: Option<Box<str>>,
    /// The method; none where no request was read.
    pub(super) method: Option<String>,
    /// The path as sent, tokens taken out; none where the target was refused.
    pub(super) path: Option<String>,
    /// The names of the query's parameters.
    pub(super) parameters: Vec<String>,
    /// HTTP version; none where no request was read.
    pub(super) protocol: Option<&'static str>,
    /// The answer's status.
    pub(super) status: u16,
    /// `ok`, or the refusal's code.
    pub(super) code: &'static str,
    /// The refusal's reason, in words.
    pub(super) reason: Option<String>,
    /// The origin's failure with its causes.
    pub(super) error: Option<String>,
    /// `public`, `token`.
    pub(super) basis: Option<&'static str>,
    /// The key that verified the token.
    pub(super) key: Option<String>,
    /// The token's fingerprint.
    pub(super) token: Option<String>,
    /// The rule of step 8 that was broken.
    pub(super) fraud_rule: Option<&'static str>,
    /// What matched it.
    pub(super) fraud_match: Option<String>,
    /// `blocked`, or `monitored`: served all the same.
    pub(super) fraud_action: Option<&'static str>,
    /// The version of the snapshot that decided.
    pub(super) snapshot: Option<u64>,
    /// Bytes of the body that left.
    pub(super) bytes: u64,
    /// Did the whole body leave?
    pub(super) complete: Completion,
    /// What the cache did; none where it was not asked.
    pub(super) cache: Option<&'static str>,
    /// Until the decision.
    pub(super) decide_us: u64,
    /// Until the origin's head; none without one.
    pub(super) origin_us: Option<u64>,
    /// Until the end.
    pub(super) total_us: u64,
    /// The client's word on itself, shortened.
    pub(super) user_agent: Option<String>,
    /// The origin of the page that linked here.
    pub(super) referrer: Option<String>,
}

/// Will a record be a line?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wanted {
    #[default]
    No,
    Yes,
}

/// Did the whole body leave?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Completion {
    /// The client went away, or the origin broke off.
    #[default]
    Aborted,
    /// It did.
    Complete,
}

impl AccessRecord {
    /// The decision was made now.
    pub(super) fn decided(&mut self, began: Instant) {
        if self.wanted == Wanted::Yes {
            self.decide_us = micros(began.elapsed());
        }
    }

    /// What speaks against the request, and what was done. The first finding is told.
    pub(super) fn suspected(&mut self, finding: FraudFinding, mode: FraudMode) {
        if self.fraud_rule.is_none() {
            self.fraud_rule = Some(finding.rule().as_str());
            self.fraud_match = Some(finding.to_string());
            self.fraud_action = Some(mode.action());
        }
    }

    /// Writes the line.
    pub(super) fn write(&self, log: &LineWriter) {
        let mut line = Vec::with_capacity(512);
        // Every field is a plain value: serialising cannot fail.
        if serde_json::to_writer(&mut line, self).is_ok() {
            line.push(b'\n');
            log.write(&line);
        }
    }
}

fn in_rfc_3339<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let time = i64::try_from(time.as_micros()).ok();
    let time = time.and_then(|micros| jiff::Timestamp::from_microsecond(micros).ok());
    match time {
        Some(time) => serializer.collect_str(&time),
        None => serializer.serialize_str(""),
    }
}

#[expect(clippy::ref_option, reason = "what serde calls")]
fn as_text<S: Serializer>(value: &Option<HeaderValue>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = value.as_ref().and_then(|value| value.to_str().ok());
    serializer.serialize_str(text.unwrap_or_default())
}

#[expect(clippy::ref_option, reason = "what serde calls")]
fn displayed<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// In whole microseconds.
pub(super) fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}

/// The names of a query's parameters, in order.
///
/// Each ends where no usual name goes on: a value whose `=` was encoded is part of the name
/// otherwise, and a token is such a value.
pub(super) fn parameter_names(query: &str) -> Vec<String> {
    let beyond = |byte: char| !(byte.is_ascii_alphanumeric() || "_-.[]".contains(byte));
    crate::target::parameters(query)
        .take(32)
        .map(|(name, _)| shorten(name.split(beyond).next().unwrap_or_default()).to_owned())
        .collect()
}

/// A client's text with the signatures of tokens blotted out. The path is logged without the tokens
/// that are one; what is left of one whose slashes were not encoded is not to open anything.
pub(super) fn without_signatures(text: &str) -> String {
    if !text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"hmac")) {
        return text.to_owned();
    }
    let lower = text.to_ascii_lowercase();
    let from = |at: usize| lower.get(at..).unwrap_or_default();
    let mut shown = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = from(at).find("hmac") {
        let name = at + found + "hmac".len();
        let equals = ["=", "%3d"].into_iter().find(|it| from(name).starts_with(it)).unwrap_or("");
        let value = name + equals.len();
        let digits = from(value).bytes().take_while(u8::is_ascii_hexdigit).count();
        shown.push_str(text.get(at..value).unwrap_or_default());
        at = value;
        if !equals.is_empty() && digits > 0 {
            shown.push_str("redacted");
            at += digits;
        }
    }
    shown.push_str(text.get(at..).unwrap_or_default());
    shown
}

/// A client's text, cut to length on a character boundary.
pub(super) fn shorten(text: &str) -> &str {
    shorten_to(MAX_CLIENT_TEXT, text)
}

/// A text, cut to at most so many bytes on a character boundary.
pub(super) fn shorten_to(most: usize, text: &str) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Scheme and host of a referring page: its path and query may hold a token.
pub(super) fn referring_origin(referer: &str) -> Option<String> {
    let uri: http::Uri = referer.parse().ok()?;
    let host = uri.host()?;
    Some(shorten(&format!("{}://{host}", uri.scheme_str()?)).to_owned())
}

/// Eight bytes that tell one token from another within this process.
pub(super) fn fingerprint(token: &str) -> String {
    static KEY: OnceLock<RandomState> = OnceLock::new();
    format!("{:016x}", KEY.get_or_init(RandomState::new).hash_one(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_on_a_boundary() {
        let text = "é".repeat(200);
        assert_eq!(shorten(&text).len(), 256);
        assert_eq!(shorten("short"), "short");
    }

    #[test]
    fn a_name_of_a_parameter_holds_no_value() {
        let query = "a=1&b%3Dsecret&__token__%3Dexp%3D1~hmac%3D00&x[]=2&__token__=x";
        assert_eq!(parameter_names(query), ["a", "b", "__token__", "x[]", "__token__"]);
    }

    #[test]
    fn signatures_are_blotted_out() {
        for (text, shown) in [
            ("/a/b", "/a/b"),
            ("/vod/*~hmac=00ffAB/a", "/vod/*~hmac=redacted/a"),
            ("/HMAC%3D0f~hmac=1/hmac=/hmac=x", "/HMAC%3Dredacted~hmac=redacted/hmac=/hmac=x"),
            ("é~hmac=00é", "é~hmac=redactedé"),
        ] {
            assert_eq!(without_signatures(text), shown);
        }
    }

    #[test]
    fn a_referrer_keeps_no_path() {
        let referer = "https://user:pw@example.com/s/secret?__token__=x";
        assert_eq!(referring_origin(referer).as_deref(), Some("https://example.com"));
        assert_eq!(referring_origin("not a url"), None);
    }

    #[test]
    fn fingerprints_tell_tokens_apart_and_hold_nothing_of_them() {
        assert_eq!(fingerprint("exp=1~hmac=00"), fingerprint("exp=1~hmac=00"));
        assert_ne!(fingerprint("exp=1~hmac=00"), fingerprint("exp=1~hmac=01"));
        assert_eq!(fingerprint("x").len(), 16);
    }
}
