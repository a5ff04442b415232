//! Why a request has no valid token.

use crate::clock::UnixSeconds;

/// A refused token. The order of the variants is alphabetical; how far a candidate got is
/// [`TokenRejection::stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejection {
    /// Two different tokens where only one may stand.
    #[error("two different tokens in the query, header or path")]
    Ambiguous,
    /// Past its expiry.
    #[error("expired at {expiry}")]
    Expired {
        /// The `exp` field.
        expiry: UnixSeconds,
    },
    /// Bound to another address.
    #[error("bound to another address")]
    Ip,
    /// Lives longer than the site allows, or has no start where the site wants one.
    #[error("lives longer than the site allows")]
    Lifetime,
    /// Not of the grammar.
    #[error("malformed: {0}")]
    Malformed(MalformedToken),
    /// None in any of the site's carriers.
    #[error("no token")]
    Missing,
    /// Before its start.
    #[error("not valid before {start}")]
    NotYetValid {
        /// The `st` field.
        start: UnixSeconds,
    },
    /// Its id is on the revocation list.
    #[error("revoked")]
    Revoked,
    /// Covers other paths.
    #[error("its scope does not cover the path")]
    Scope,
    /// No key of the site verifies it.
    #[error("no key verifies it")]
    Signature,
    /// The site has more keys, or the request more candidates, than one request may cost checks.
    #[error("more keys, forms and candidates than the 32 checks of a request")]
    TooManyChecks,
}

impl TokenRejection {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ambiguous => "token_ambiguous",
            Self::Expired { .. } => "token_expired",
            Self::Ip => "token_ip",
            Self::Lifetime => "token_lifetime",
            Self::Malformed(_) => "token_malformed",
            Self::Missing => "token_missing",
            Self::NotYetValid { .. } => "token_not_yet_valid",
            Self::Revoked => "token_revoked",
            Self::Scope => "token_scope",
            Self::Signature | Self::TooManyChecks => "token_signature",
        }
    }

    /// How many checks the candidate passed; the candidate that got furthest is reported.
    pub const fn stage(self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Ambiguous => 1,
            // A payload is read once the signature is right.
            Self::Malformed(MalformedToken::Payload) | Self::Scope => 7,
            Self::Malformed(_) => 2,
            Self::Signature | Self::TooManyChecks => 3,
            Self::NotYetValid { .. } => 4,
            Self::Expired { .. } => 5,
            Self::Lifetime => 6,
            Self::Ip => 8,
            Self::Revoked => 9,
        }
    }
}

/// What is wrong with the text of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedToken {
    /// An ACL pattern that begins with neither `/` nor `*`, or is empty.
    #[error("an ACL pattern must begin with / or *")]
    AclPattern,
    /// More ACL patterns, or longer ones, than a verifier looks at.
    #[error("more than 16 ACL patterns or more than 1 KiB of them")]
    AclTooLarge,
    /// A field twice: whoever could inject one would choose which counts.
    #[error("a field is there twice")]
    DuplicateField,
    /// Two delimiters in a row, or one at an end.
    #[error("an empty field")]
    EmptyField,
    /// A field after the hmac.
    #[error("a field after the hmac")]
    FieldAfterMac,
    /// A field without `=`.
    #[error("a field without an equals sign")]
    FieldWithoutValue,
    /// `url` or `salt`, which belong to the signed text and never into a token: a token that
    /// shows one was made from the signature of another (tokens.md 1.9).
    #[error("a url or salt field, which no signer puts into a token")]
    ForbiddenField,
    /// `ip` is no address.
    #[error("the ip field is not an address")]
    Ip,
    /// `hmac` is not an even number of hexadecimal digits, at most 64.
    #[error("the hmac is not hexadecimal")]
    Mac,
    /// No `exp`: a token without an end is refused.
    #[error("no exp field")]
    MissingExpiry,
    /// No `hmac`.
    #[error("no hmac field")]
    MissingMac,
    /// `exp` or `st` is not a decimal number of seconds.
    #[error("exp or st is not a decimal number")]
    Number,
    /// `data` under a key of our own is no payload of ours.
    #[error("the data field is no payload of ours")]
    Payload,
}
