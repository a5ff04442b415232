//! Akamai EdgeAuth token 2.0.
//!
//! ```text
//! token       = field *( FD field ) FD "hmac=" hex      ; FD = field delimiter, default "~"
//! field       = name "=" value                          ; ip st exp acl id data, any order
//! acl         = pattern *( AD pattern )                 ; AD = ACL delimiter, default "!"
//! hmac        = HMAC(key, signed text), lower-case hex
//! signed text = fields, joined by FD [FD "url=" url] [FD "salt=" salt]
//! ```
//!
//! Sources: `akamai/EdgeAuth-Token-Python` (edgeauth.py), `akamai/EdgeAuth-Token-Node`
//! (edgeAuth.js), `akamai/EdgeAuth-Token-Java` (EdgeAuth.java), and Akamai's live-edge tests in
//! the first. Where they are silent, the decisions are ours and stated where they are made.
//!
//! The format has two weaknesses, closed in `wire.rs`: a token that shows a `url` or `salt` field
//! is refused, because it can be made from the signature of a URL token; a field that is there
//! twice is refused, because an unescaped `id` or `data` could inject it.

mod escape;
mod near_miss;
mod options;
mod sign;
mod verify;
mod wire;

pub use escape::EscapeDialect;
pub use near_miss::near_misses;
pub use options::{EdgeAuth, EscapeUrl, IpForm, QueryRule, StartRule, UrlForm};
pub use sign::{SignRejection, SignRequest, SignScope, sign};
pub use verify::{says_copy, verify};
pub use wire::UnverifiedToken;

#[cfg(test)]
mod tests;
