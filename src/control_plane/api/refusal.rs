//! What operations can be refused with, as their documents say it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder};

use super::error::ProblemCode;

/// Refusals of an operation that reads.
pub(super) struct ReadRefusals;

/// Refusals of an operation that writes.
pub(super) struct WriteRefusals;

/// Refusals of one that makes or changes a share.
pub(super) struct ShareRefusals;

/// Refusals of an operation that writes in the vendor's dialect.
pub(super) struct VendorRefusals;

/// Refusals of an operation on an upload.
pub(super) struct UploadRefusals;

/// Refusals of one that takes a file and keeps nothing.
pub(super) struct TraceRefusals;

/// Refusals of an operation in MediaHub's dialect.
pub(super) struct MediahubRefusals;

/// Refusals of an operation in THRON's dialect.
pub(super) struct ThronRefusals;

/// Refusals of one that hands originals over.
pub(super) struct SourceRefusals;

/// Refusals of the vendor's login.
pub(super) struct LoginRefusals;

/// Refusals where the vendor's session is renewed for a VideoManager.
pub(super) struct RefreshRefusals;

/// Refusals of the OAuth2 endpoints: RFC 6749's own, and ours around them.
pub(super) struct OauthRefusals;

const OAUTH: &[ProblemCode] = &[ProblemCode::Invalid, ProblemCode::CredentialsInvalid];

const AROUND_OAUTH: &[ProblemCode] =
    &[ProblemCode::BodyTooLarge, ProblemCode::Internal, ProblemCode::Unavailable];

const READ: &[ProblemCode] = &[
    ProblemCode::Invalid,
    ProblemCode::CredentialsInvalid,
    ProblemCode::ScopeMissing,
    ProblemCode::NotFound,
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::Unavailable,
];

const WRITE: &[ProblemCode] = &[
    ProblemCode::Conflict,
    ProblemCode::PreconditionFailed,
    ProblemCode::BodyTooLarge,
    ProblemCode::MediaType,
    ProblemCode::IdempotencyMismatch,
    ProblemCode::PreconditionRequired,
];

const UPLOAD: &[ProblemCode] = &[
    ProblemCode::Conflict,
    ProblemCode::IdempotencyMismatch,
    ProblemCode::MethodNotAllowed,
    ProblemCode::PreconditionFailed,
    ProblemCode::BodyTooLarge,
    ProblemCode::MediaType,
    ProblemCode::QuotaExceeded,
    ProblemCode::UploadBusy,
    ProblemCode::UploadChecksum,
    ProblemCode::UploadElsewhere,
    ProblemCode::UploadEnded,
];

const VENDOR: &[ProblemCode] = &[ProblemCode::Conflict, ProblemCode::BodyTooLarge];

const LOGIN: &[ProblemCode] = &[
    ProblemCode::Invalid,
    ProblemCode::CredentialsInvalid,
    ProblemCode::BodyTooLarge,
    ProblemCode::Throttled,
    ProblemCode::Internal,
    ProblemCode::Unavailable,
];

type Responses = BTreeMap<String, RefOr<Response>>;

fn native(codes: impl Iterator<Item = ProblemCode>) -> Responses {
    documented(codes, &[("application/problem+json", "Problem")])
}

fn vendors(codes: impl Iterator<Item = ProblemCode>) -> Responses {
    documented(
        codes,
        &[("application/json", "VendorProblem"), ("application/problem+json", "Problem")],
    )
}

fn documented(codes: impl Iterator<Item = ProblemCode>, spelt: &[(&str, &str)]) -> Responses {
    let mut responses = Responses::new();
    for code in codes {
        let mut response = ResponseBuilder::new().description(code.title());
        for (media_type, schema) in spelt {
            let schema = Ref::from_schema_name(*schema);
            let content = ContentBuilder::new().schema(Some(schema)).build();
            response = response.content(*media_type, content);
        }
        for (header, what) in headers_of(code) {
            response =
                response.header(*header, HeaderBuilder::new().description(Some(*what)).build());
        }
        responses.insert(code.status().as_str().to_owned(), response.build().into());
    }
    responses
}

/// What a refusal of that code says in its head.
fn headers_of(code: ProblemCode) -> &'static [(&'static str, &'static str)] {
    const AFTER: (&str, &str) = ("Retry-After", "When to come back, in seconds");
    match code.status() {
        StatusCode::TOO_MANY_REQUESTS => &[
            AFTER,
            ("RateLimit-Policy", "The quota `q` of a window of `w` seconds"),
            ("RateLimit", "What is left, `r`, and for how many seconds, `t`"),
        ],
        StatusCode::SERVICE_UNAVAILABLE => &[AFTER],
        _ => &[],
    }
}

impl IntoResponses for ReadRefusals {
    fn responses() -> Responses {
        native(READ.iter().copied())
    }
}

impl IntoResponses for WriteRefusals {
    fn responses() -> Responses {
        native(READ.iter().chain(WRITE).copied())
    }
}

impl IntoResponses for ShareRefusals {
    fn responses() -> Responses {
        // Of one status the last is shown: what is the shares' own is.
        let own = [ProblemCode::ShareForbidden, ProblemCode::ShareTooLarge];
        native(READ.iter().chain(WRITE).copied().chain(own))
    }
}

impl IntoResponses for UploadRefusals {
    fn responses() -> Responses {
        native(READ.iter().chain(UPLOAD).copied())
    }
}

impl IntoResponses for TraceRefusals {
    fn responses() -> Responses {
        let own = [ProblemCode::BodyTooLarge, ProblemCode::NoMasterKey];
        native(READ.iter().copied().chain(own))
    }
}

impl IntoResponses for VendorRefusals {
    fn responses() -> Responses {
        vendors(READ.iter().chain(VENDOR).copied())
    }
}

impl IntoResponses for MediahubRefusals {
    fn responses() -> Responses {
        let codes = [
            ProblemCode::Invalid,
            ProblemCode::ScopeMissing,
            ProblemCode::NotFound,
            ProblemCode::Conflict,
            ProblemCode::BodyTooLarge,
            ProblemCode::QuotaExceeded,
            ProblemCode::UploadElsewhere,
            ProblemCode::UploadEnded,
            ProblemCode::RateLimited,
            ProblemCode::Internal,
            ProblemCode::Unavailable,
        ];
        let spelt = [
            ("application/json", "MediahubProblem"),
            ("application/xml", "MediahubProblem"),
            ("application/problem+json", "Problem"),
        ];
        documented(codes.into_iter(), &spelt)
    }
}

const THRON: &[ProblemCode] = &[
    ProblemCode::Invalid,
    ProblemCode::ScopeMissing,
    ProblemCode::NotFound,
    ProblemCode::BodyTooLarge,
    ProblemCode::MediaType,
    ProblemCode::Throttled,
    ProblemCode::Internal,
    ProblemCode::Unavailable,
];

const SOURCE: &[ProblemCode] = &[
    ProblemCode::NotHandedOut,
    ProblemCode::PreconditionFailed,
    ProblemCode::Revoked,
    ProblemCode::RangeNotSatisfiable,
    ProblemCode::OriginFailed,
    ProblemCode::OriginTimeout,
];

/// Refusals of one that makes a rendition of an original.
pub(super) struct RenditionRefusals;

const RENDITION: &[ProblemCode] =
    &[ProblemCode::ImageTooLarge, ProblemCode::NotAnImage, ProblemCode::RenditionBusy];

impl IntoResponses for RenditionRefusals {
    fn responses() -> Responses {
        native(READ.iter().chain(SOURCE).chain(RENDITION).copied())
    }
}

/// Refusals of one that takes a picture.
pub(super) struct LogoRefusals;

impl IntoResponses for LogoRefusals {
    fn responses() -> Responses {
        native(READ.iter().chain(WRITE).chain(RENDITION).copied())
    }
}

/// Refusals of one that promises an archive.
pub(super) struct PrepareRefusals;

/// Refusals of one that hands an archive over.
pub(super) struct ArchiveRefusals;

fn throns(codes: impl Iterator<Item = ProblemCode>) -> Responses {
    let spelt = [
        ("application/json", "ThronProblem"),
        ("application/xml", "ThronProblem"),
        ("application/problem+json", "Problem"),
    ];
    documented(codes, &spelt)
}

impl IntoResponses for ThronRefusals {
    fn responses() -> Responses {
        throns(THRON.iter().copied())
    }
}

impl IntoResponses for SourceRefusals {
    fn responses() -> Responses {
        throns(THRON.iter().chain(SOURCE).copied())
    }
}

impl IntoResponses for PrepareRefusals {
    fn responses() -> Responses {
        throns(THRON.iter().copied().chain([ProblemCode::FilesUnread]))
    }
}

impl IntoResponses for ArchiveRefusals {
    fn responses() -> Responses {
        throns(THRON.iter().chain(SOURCE).copied().chain([ProblemCode::ArchiveGone]))
    }
}

impl IntoResponses for LoginRefusals {
    fn responses() -> Responses {
        vendors(LOGIN.iter().copied())
    }
}

impl IntoResponses for RefreshRefusals {
    fn responses() -> Responses {
        vendors(LOGIN.iter().copied().chain([ProblemCode::NotFound]))
    }
}

impl IntoResponses for OauthRefusals {
    fn responses() -> Responses {
        let mut responses = native(AROUND_OAUTH.iter().copied());
        let own = &[("application/json", "OauthError")];
        responses.extend(documented(OAUTH.iter().copied(), own));
        responses
    }
}
