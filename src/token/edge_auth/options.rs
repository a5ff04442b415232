//! How one site uses the format.

use crate::keyring::{Keyring, MacAlgorithm};
use crate::secret::Secret;

/// One site's settings. What a token may not choose is here, above all the algorithm.
#[derive(Debug)]
pub struct EdgeAuth {
    /// The hash.
    pub algorithm: MacAlgorithm,
    /// The keys.
    pub keyring: Keyring,
    /// Mixed into the signed text, never sent.
    pub salt: Option<Secret<Vec<u8>>>,
    /// Of URL tokens: is the rest of the query part of what was signed?
    pub query: QueryRule,
    /// Of URL tokens: was the URL escaped before it was signed?
    pub escape_url: EscapeUrl,
    /// Of URL tokens: which view of the path was signed?
    pub url_form: UrlForm,
    /// Between fields.
    pub field_delimiter: Box<str>,
    /// Between ACL patterns.
    pub acl_delimiter: Box<str>,
    /// Seconds of grace at both ends.
    pub skew: u64,
    /// Longest life in seconds: from start to expiry, or from now where there is no start.
    pub max_lifetime: Option<u64>,
    /// Must a token have a start?
    pub start: StartRule,
    /// What may stand in `ip`.
    pub ip_form: IpForm,
}

/// Is the rest of the query part of a URL token's signed text? (Akamai: `ignoreQueryString`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryRule {
    /// Only the path was signed.
    Ignored,
    /// The path, and the query without the token.
    Signed,
}

/// Was the URL escaped before it was signed? (Akamai: `escape_early`, `escapeHmacInputs`.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapeUrl {
    /// Either; safe, because a raw URL begins with `/` and an escaped one with `%2f`.
    Auto,
    /// Never.
    Off,
    /// Always, in one of the dialects of the official libraries.
    On,
}

/// Which view of the path a URL token signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlForm {
    /// Percent-decoded once (the Akamai module for nginx).
    Decoded,
    /// As sent (Akamai).
    Raw,
}

/// Must a token have a start?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartRule {
    /// It may.
    Optional,
    /// It must.
    Required,
}

/// What may stand in `ip`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpForm {
    /// One address.
    Address,
    /// One address, or a CIDR network.
    AddressOrNetwork,
}

impl EdgeAuth {
    /// The defaults, with these keys.
    pub fn with_keys(keyring: Keyring) -> Self {
        Self {
            algorithm: MacAlgorithm::Sha256,
            keyring,
            salt: None,
            query: QueryRule::Ignored,
            escape_url: EscapeUrl::Auto,
            url_form: UrlForm::Raw,
            field_delimiter: "~".into(),
            acl_delimiter: "!".into(),
            skew: 0,
            max_lifetime: None,
            start: StartRule::Optional,
            ip_form: IpForm::Address,
        }
    }
}
