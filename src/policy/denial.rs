//! Refusals: closed, with stable codes. Knows nothing of HTTP; the status of each code is one
//! table in the data plane.

use std::fmt;

use crate::asset::AssetRejection;
use crate::target::TargetRejection;
use crate::token::TokenRejection;

use super::{CatalogRejection, FraudFinding};

/// A refused request, with what its cause knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Denial {
    /// The target is under an asset prefix and names no asset.
    Asset(AssetRejection),
    /// Whoever asks may have it, and the catalog has none.
    Catalog(CatalogRejection),
    /// Whoever asks is suspected.
    Fraud(FraudFinding),
    /// Known by its code alone.
    Plain(DenialCode),
    /// What was found belongs to a newer state than the request is decided by: decide again by
    /// what is in force now. Never the last word on a request.
    Superseded,
    /// The target is refused.
    Target(TargetRejection),
    /// The token is refused.
    Token(TokenRejection),
}

impl Denial {
    /// The stable code.
    pub fn code(self) -> DenialCode {
        match self {
            Self::Asset(rejection) => match rejection {
                AssetRejection::ParameterAmbiguous => DenialCode::TargetAmbiguous,
                AssetRejection::ParameterMalformed | AssetRejection::SourceUnknown => {
                    DenialCode::TargetMalformed
                }
                AssetRejection::UnknownForm => DenialCode::NoRoute,
            },
            Self::Catalog(_) => DenialCode::NotFound,
            Self::Fraud(finding) => finding.code(),
            Self::Plain(code) => code,
            Self::Superseded => DenialCode::NoSnapshot,
            Self::Target(rejection) => DenialCode::of_target(rejection),
            Self::Token(rejection) => DenialCode::of_token(rejection),
        }
    }
}

impl From<CatalogRejection> for Denial {
    fn from(rejection: CatalogRejection) -> Self {
        Self::Catalog(rejection)
    }
}

impl From<DenialCode> for Denial {
    fn from(code: DenialCode) -> Self {
        Self::Plain(code)
    }
}

impl From<FraudFinding> for Denial {
    fn from(finding: FraudFinding) -> Self {
        Self::Fraud(finding)
    }
}

impl From<TargetRejection> for Denial {
    fn from(rejection: TargetRejection) -> Self {
        Self::Target(rejection)
    }
}

impl From<TokenRejection> for Denial {
    fn from(rejection: TokenRejection) -> Self {
        Self::Token(rejection)
    }
}

impl From<AssetRejection> for Denial {
    fn from(rejection: AssetRejection) -> Self {
        Self::Asset(rejection)
    }
}

impl fmt::Display for Denial {
    /// The reason in words, for operators.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asset(rejection) => rejection.fmt(f),
            Self::Catalog(rejection) => rejection.fmt(f),
            Self::Fraud(finding) => finding.fmt(f),
            Self::Plain(code) => f.write_str(code.meaning()),
            Self::Superseded => f.write_str("what is in force changed meanwhile"),
            Self::Target(rejection) => rejection.fmt(f),
            Self::Token(rejection) => rejection.fmt(f),
        }
    }
}

macro_rules! denial_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal,)+) => {
        /// Every code that a refusal can carry: the same text in log, metric label, answer and
        /// README. Never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DenialCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DenialCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The text of the code.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

denial_codes! {
    /// The request has a body, or announces one.
    BodyRefused = "body_refused",
    /// The request came through a CDN, and an original never goes there.
    CdnRefused = "cdn_refused",
    /// The client's address could not be told from a trusted proxy's header.
    ClientAddress = "client_address",
    /// Several contents have the name, and the connector refuses those.
    ConnectorAmbiguous = "connector_ambiguous",
    /// The request expects an interim answer.
    ExpectRefused = "expect_refused",
    /// The client comes by a proxy that hides it.
    FraudAnonymizer = "fraud_anonymizer",
    /// The client's address is that of a known pirate.
    FraudBlacklist = "fraud_blacklist",
    /// The link is used at more places than one person is.
    FraudSharing = "fraud_sharing",
    /// The request's header section is larger than the limit.
    HeadersTooLarge = "headers_too_large",
    /// Not exactly one valid host, or two that disagree.
    HostInvalid = "host_invalid",
    /// The connector works over HTTPS only: the address is there.
    HttpsRequired = "https_required",
    /// The client's address is on a blocklist.
    IpBlocked = "ip_blocked",
    /// The ledger of one-use links is away, and the link may be used once.
    LedgerUnavailable = "ledger_unavailable",
    /// The link is downloaded as often at once as it may be.
    LimitParallel = "limit_parallel",
    /// The link may be used once, and it was.
    LinkUsed = "link_used",
    /// The method is not served here.
    MethodNotAllowed = "method_not_allowed",
    /// No route of the site covers the path, or the route denies it.
    NoRoute = "no_route",
    /// No site has this host.
    NoSite = "no_site",
    /// No snapshot is in force yet.
    NoSnapshot = "no_snapshot",
    /// There is no such file.
    NotFound = "not_found",
    /// The origin's answer makes no sense.
    OriginInvalid = "origin_invalid",
    /// The origin did not answer in time.
    OriginTimeout = "origin_timeout",
    /// The origin could not be reached.
    OriginUnreachable = "origin_unreachable",
    /// The edge is at its limit of connections or files.
    Overloaded = "overloaded",
    /// No byte of the file is in the ranges asked for.
    RangeNotSatisfiable = "range_not_satisfiable",
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout",
    /// No control plane that answers for shares can be reached.
    ShareUnavailable = "share_unavailable",
    /// A control plane was not heard for longer than what it said is believed.
    SnapshotStale = "snapshot_stale",
    /// The target could be read as two different paths.
    TargetAmbiguous = "target_ambiguous",
    /// The target is not a request target.
    TargetMalformed = "target_malformed",
    /// The target is longer than the limit.
    TargetTooLong = "target_too_long",
    /// Two different tokens.
    TokenAmbiguous = "token_ambiguous",
    /// The token has expired.
    TokenExpired = "token_expired",
    /// The token is bound to another address.
    TokenIp = "token_ip",
    /// The token lives longer than the site allows.
    TokenLifetime = "token_lifetime",
    /// The token is not of the grammar.
    TokenMalformed = "token_malformed",
    /// No token where one is needed.
    TokenMissing = "token_missing",
    /// The token is not valid yet.
    TokenNotYetValid = "token_not_yet_valid",
    /// The token's id is revoked.
    TokenRevoked = "token_revoked",
    /// The token does not cover the path.
    TokenScope = "token_scope",
    /// No key of the site verifies the token.
    TokenSignature = "token_signature",
    /// The request asks to change the protocol.
    UpgradeRefused = "upgrade_refused",
    /// What counts the uses of links is away, and the operator refuses what is not counted.
    UsageUnavailable = "usage_unavailable",
}

impl DenialCode {
    const fn of_target(rejection: TargetRejection) -> Self {
        match rejection {
            TargetRejection::ControlCharacter
            | TargetRejection::MalformedEscape
            | TargetRejection::NotAbsolute
            | TargetRejection::NotUtf8
            | TargetRejection::RawByte => Self::TargetMalformed,
            TargetRejection::Backslash
            | TargetRejection::DotSegment
            | TargetRejection::DoubleEncoding
            | TargetRejection::EmptySegment
            | TargetRejection::EncodedSlash
            | TargetRejection::PathTokenCut
            | TargetRejection::SeveralPathTokens => Self::TargetAmbiguous,
            TargetRejection::TooLong => Self::TargetTooLong,
        }
    }

    const fn of_token(rejection: TokenRejection) -> Self {
        match rejection {
            TokenRejection::Ambiguous => Self::TokenAmbiguous,
            TokenRejection::Expired { .. } => Self::TokenExpired,
            TokenRejection::Ip => Self::TokenIp,
            TokenRejection::Lifetime => Self::TokenLifetime,
            TokenRejection::Malformed(_) => Self::TokenMalformed,
            TokenRejection::Missing => Self::TokenMissing,
            TokenRejection::NotYetValid { .. } => Self::TokenNotYetValid,
            TokenRejection::Revoked => Self::TokenRevoked,
            TokenRejection::Scope => Self::TokenScope,
            TokenRejection::Signature | TokenRejection::TooManyChecks => Self::TokenSignature,
        }
    }
}

impl fmt::Display for DenialCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_agree_with_the_modules_below() {
        let mut codes: Vec<_> = DenialCode::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), DenialCode::ALL.len());
        for &rejection in TargetRejection::ALL {
            assert_eq!(Denial::from(rejection).code().as_str(), rejection.code());
        }
        for rejection in [TokenRejection::Ambiguous, TokenRejection::Missing, TokenRejection::Scope]
        {
            assert_eq!(Denial::from(rejection).code().as_str(), rejection.code());
        }
    }
}
