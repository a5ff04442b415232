//! Why a segment is not sequenced: closed lists, each with its stable code.

/// Why a token is refused. The order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TokenRefusal {
    /// No key here is for the algorithm that it names.
    #[error("no key here is for the algorithm of the token")]
    AlgorithmNotAccepted,
    /// It is not the tag or the signature of any key that may have made it.
    #[error("the signature is not right")]
    BadSignature,
    /// A claim that this reader must understand has another type or range than the standard says.
    #[error("a claim is not as the standard says")]
    ClaimMalformed,
    /// A claim is there twice.
    #[error("a claim is there twice")]
    ClaimRepeated,
    /// It names headers that must be understood, and are not.
    #[error("a critical header is not understood")]
    CriticalHeader,
    /// The key for its encrypted pattern is not here, or is not the one.
    #[error("the pattern cannot be decrypted")]
    DecryptionFailed,
    /// Its pattern is encrypted in a way that is not supported.
    #[error("the pattern is encrypted in a way that is not supported")]
    EncryptionNotSupported,
    /// `exp` is now or past.
    #[error("the token is expired")]
    Expired,
    /// It was issued later than now.
    #[error("the token is issued in the future")]
    IssuedInFuture,
    /// It is not base64url of a COSE message with its tag.
    #[error("the token is not a tagged COSE message")]
    Malformed,
    /// There is no `exp`.
    #[error("the token has no time of expiry")]
    MissingExpiry,
    /// There is no `iat`.
    #[error("the token has no time of issue")]
    MissingIssued,
    /// It has neither a pattern nor all that one is derived from, or both.
    #[error("the token has not one pattern")]
    MissingPattern,
    /// There is no version, vendor or length of the pattern.
    #[error("the token lacks a claim of a watermark token")]
    MissingWatermarkClaim,
    /// `nbf` is later than now.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// The pattern has not the length that the token states.
    #[error("the pattern has another length than stated")]
    PatternLength,
    /// It is longer than any token.
    #[error("the token is too long")]
    TooLong,
    /// Nobody here derives patterns for its vendor, operator or version of the key.
    #[error("no pattern is derived here for this token")]
    UnknownDerivation,
    /// It names a key that is not here.
    #[error("the key of the token is not known")]
    UnknownKey,
    /// It is of another version of the standard.
    #[error("the version of the token is not supported")]
    UnknownVersion,
    /// Its key is not for its vendor, or its issuer or audience is not the one configured.
    #[error("the token is not for this place")]
    WrongContext,
}

impl TokenRefusal {
    /// Every refusal.
    pub const ALL: &'static [Self] = &[
        Self::AlgorithmNotAccepted,
        Self::BadSignature,
        Self::ClaimMalformed,
        Self::ClaimRepeated,
        Self::CriticalHeader,
        Self::DecryptionFailed,
        Self::EncryptionNotSupported,
        Self::Expired,
        Self::IssuedInFuture,
        Self::Malformed,
        Self::MissingExpiry,
        Self::MissingIssued,
        Self::MissingPattern,
        Self::MissingWatermarkClaim,
        Self::NotYetValid,
        Self::PatternLength,
        Self::TooLong,
        Self::UnknownDerivation,
        Self::UnknownKey,
        Self::UnknownVersion,
        Self::WrongContext,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::AlgorithmNotAccepted => "wm_token_algorithm",
            Self::BadSignature => "wm_token_signature",
            Self::ClaimMalformed => "wm_token_claim_malformed",
            Self::ClaimRepeated => "wm_token_claim_repeated",
            Self::CriticalHeader => "wm_token_critical_header",
            Self::DecryptionFailed => "wm_token_decryption",
            Self::EncryptionNotSupported => "wm_token_encryption",
            Self::Expired => "wm_token_expired",
            Self::IssuedInFuture => "wm_token_from_future",
            Self::Malformed => "wm_token_malformed",
            Self::MissingExpiry => "wm_token_no_expiry",
            Self::MissingIssued => "wm_token_no_issued_at",
            Self::MissingPattern => "wm_token_no_pattern",
            Self::MissingWatermarkClaim => "wm_token_claim_missing",
            Self::NotYetValid => "wm_token_not_yet_valid",
            Self::PatternLength => "wm_token_pattern_length",
            Self::TooLong => "wm_token_too_long",
            Self::UnknownDerivation => "wm_token_derivation",
            Self::UnknownKey => "wm_token_unknown_key",
            Self::UnknownVersion => "wm_token_version",
            Self::WrongContext => "wm_token_context",
        }
    }
}

/// Why what an origin says of the positions of a file is not used. The order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PaceRefusal {
    /// It tells of several segments, and not which is asked for.
    #[error("the information is of several segments")]
    Ambiguous,
    /// It contradicts itself, the standard or its encoding.
    #[error("the information is not as the standard says")]
    Malformed,
    /// It is longer, or has more segments, than anybody needs.
    #[error("the information is too long")]
    TooLong,
    /// It is of another version of the standard.
    #[error("the version of the information is not supported")]
    UnknownVersion,
}

impl PaceRefusal {
    /// Every refusal.
    pub const ALL: &'static [Self] =
        &[Self::Ambiguous, Self::Malformed, Self::TooLong, Self::UnknownVersion];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Ambiguous => "wm_pace_ambiguous",
            Self::Malformed => "wm_pace_malformed",
            Self::TooLong => "wm_pace_too_long",
            Self::UnknownVersion => "wm_pace_version",
        }
    }
}

/// Why a span of a file is not delivered. The order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RangeRefusal {
    /// It has bytes of more than one position: delivered whole, it would show one variant where
    /// the pattern asks for two.
    #[error("the range has bytes of several positions")]
    CrossesPositions,
    /// It is empty, or not within the file.
    #[error("the range is not within the file")]
    OutsideFile,
}

impl RangeRefusal {
    /// Every refusal.
    pub const ALL: &'static [Self] = &[Self::CrossesPositions, Self::OutsideFile];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::CrossesPositions => "wm_range_crosses_positions",
            Self::OutsideFile => "wm_range_outside_file",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_of_one_form_and_different() {
        let codes = TokenRefusal::ALL.iter().map(|refusal| refusal.code());
        let codes = codes.chain(PaceRefusal::ALL.iter().map(|refusal| refusal.code()));
        let codes = codes.chain(RangeRefusal::ALL.iter().map(|refusal| refusal.code()));
        let mut codes: Vec<_> = codes.collect();
        assert!(codes.iter().all(|code| code.starts_with("wm_")), "{codes:?}");
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
