//! The one table from refusals to statuses.

use http::StatusCode;

use crate::policy::DenialCode;

/// The status of a code (contract, part 3).
pub const fn status(code: DenialCode) -> StatusCode {
    match code {
        DenialCode::HostInvalid
        | DenialCode::TargetMalformed
        | DenialCode::TargetAmbiguous
        | DenialCode::UpgradeRefused
        | DenialCode::ClientAddress => StatusCode::BAD_REQUEST,
        DenialCode::CdnRefused
        | DenialCode::FraudAnonymizer
        | DenialCode::FraudBlacklist
        | DenialCode::FraudSharing
        | DenialCode::IpBlocked
        | DenialCode::LinkUsed
        | DenialCode::TokenAmbiguous
        | DenialCode::TokenExpired
        | DenialCode::TokenIp
        | DenialCode::TokenLifetime
        | DenialCode::TokenMalformed
        | DenialCode::TokenMissing
        | DenialCode::TokenNotYetValid
        | DenialCode::TokenRevoked
        | DenialCode::TokenScope
        | DenialCode::TokenSignature => StatusCode::FORBIDDEN,
        DenialCode::HttpsRequired => StatusCode::PERMANENT_REDIRECT,
        DenialCode::ConnectorAmbiguous => StatusCode::CONFLICT,
        DenialCode::NoRoute | DenialCode::NotFound => StatusCode::NOT_FOUND,
        DenialCode::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        DenialCode::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        DenialCode::BodyRefused => StatusCode::PAYLOAD_TOO_LARGE,
        DenialCode::TargetTooLong => StatusCode::URI_TOO_LONG,
        DenialCode::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
        DenialCode::ExpectRefused => StatusCode::EXPECTATION_FAILED,
        DenialCode::NoSite => StatusCode::MISDIRECTED_REQUEST,
        DenialCode::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        DenialCode::OriginInvalid | DenialCode::OriginUnreachable => StatusCode::BAD_GATEWAY,
        DenialCode::LimitParallel => StatusCode::TOO_MANY_REQUESTS,
        DenialCode::LedgerUnavailable
        | DenialCode::NoSnapshot
        | DenialCode::Overloaded
        | DenialCode::ShareUnavailable
        | DenialCode::SnapshotStale
        | DenialCode::UsageUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        DenialCode::OriginTimeout => StatusCode::GATEWAY_TIMEOUT,
    }
}
