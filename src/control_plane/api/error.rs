//! From a cause to an answer: the one table of statuses, and RFC 9457.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::control_plane::account::AccountError;
use crate::control_plane::link::LinkRefusal;
use crate::control_plane::record::ContentId;
use crate::control_plane::rendering::COME_AGAIN;
use crate::control_plane::service::{
    Invalid, NotInspected, RenditionRefusal, ServiceError, ShareRefusal, UploadRefusal,
};
use crate::policy::DenialCode;

/// What went wrong, before a dialect spells it.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) code: ProblemCode,
    pub(super) detail: Cow<'static, str>,
    pub(super) errors: Vec<Fault>,
    pub(super) retry_after: Option<u64>,
    /// For the log; never in the answer.
    pub(super) cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// One thing that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Fault {
    /// Where, as a JSON pointer (RFC 6901) into the body.
    pub(super) pointer: Cow<'static, str>,
    /// What.
    pub(super) detail: Cow<'static, str>,
}

impl Problem {
    pub(super) fn new(code: ProblemCode) -> Self {
        let detail = Cow::Borrowed(code.title());
        Self { code, detail, errors: Vec::new(), retry_after: None, cause: None }
    }

    /// What is wrong with a request, and where.
    pub(super) fn invalid(
        pointer: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        let (pointer, detail) = (pointer.into(), detail.into());
        let fault = Fault { pointer, detail: detail.clone() };
        Self { detail, errors: vec![fault], ..Self::new(ProblemCode::Invalid) }
    }

    fn because(self, cause: impl Error + Send + Sync + 'static) -> Self {
        Self { cause: Some(Arc::new(cause)), ..self }
    }
}

/// The answer is written by `envelope`, which knows the request's id and dialect.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Invalid> for Problem {
    fn from(Invalid { pointer, detail }: Invalid) -> Self {
        Self::invalid(pointer, detail)
    }
}

impl From<NotInspected> for Problem {
    fn from(error: NotInspected) -> Self {
        let detail = error.to_string();
        match error {
            NotInspected::BrokenOff | NotInspected::TooSlow => Self::invalid("", detail),
            NotInspected::TooLong { .. } => {
                Self { detail: detail.into(), ..Self::new(ProblemCode::BodyTooLarge) }
            }
        }
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::ArchiveGone => Self::new(ProblemCode::ArchiveGone),
            ServiceError::Conflict => Self::new(ProblemCode::Conflict),
            ServiceError::Failed(_) => Self::new(ProblemCode::Internal).because(error),
            ServiceError::Full(_) => {
                Self { retry_after: Some(1), ..Self::new(ProblemCode::StoreFull).because(error) }
            }
            ServiceError::Invalid(invalid) => invalid.into(),
            ServiceError::MissingScope(missing) => {
                Self { detail: missing.to_string().into(), ..Self::new(ProblemCode::ScopeMissing) }
            }
            ServiceError::MoreThanOwn(_) => {
                Self { detail: error.to_string().into(), ..Self::new(ProblemCode::ScopeExceeded) }
            }
            ServiceError::NoLink(refusal) => {
                let code = match refusal {
                    LinkRefusal::NoCookie => ProblemCode::NoCookie,
                    LinkRefusal::AddressUnknown
                    | LinkRefusal::Chance(_)
                    | LinkRefusal::NoChina
                    | LinkRefusal::NoKey
                    | LinkRefusal::NoSite
                    | LinkRefusal::NothingInForce
                    | LinkRefusal::Path => ProblemCode::NoLink,
                };
                Self { detail: refusal.to_string().into(), ..Self::new(code) }
            }
            ServiceError::NoMasterKey => Self::new(ProblemCode::NoMasterKey),
            ServiceError::NotFound => Self::new(ProblemCode::NotFound),
            ServiceError::NotHandedOut => {
                Self { detail: error.to_string().into(), ..Self::new(ProblemCode::NotHandedOut) }
            }
            ServiceError::OneTenantOnly => Self::new(ProblemCode::OneTenantOnly),
            ServiceError::Original(ref refusal) => {
                let code = original(refusal.code);
                let detail = refusal.code.meaning().into();
                let retry_after = (code.status() == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
                let told = Self { detail, retry_after, ..Self::new(code) };
                // A refusal is no failure of ours.
                if refusal.error.is_some() { told.because(error) } else { told }
            }
            ServiceError::OutcomeUnknown(_) => {
                Self::new(ProblemCode::OutcomeUnknown).because(error)
            }
            ServiceError::Share(refusal) => refusal.into(),
            ServiceError::Shrinks { .. } => {
                Self { detail: error.to_string().into(), ..Self::new(ProblemCode::TableShrinks) }
            }
            ServiceError::Public => {
                Self { detail: error.to_string().into(), ..Self::new(ProblemCode::PublicFile) }
            }
            ServiceError::Referenced => Self::new(ProblemCode::Referenced),
            ServiceError::Rendition(refusal) => {
                let code = match refusal {
                    RenditionRefusal::Busy => ProblemCode::RenditionBusy,
                    RenditionRefusal::NotAnImage => ProblemCode::NotAnImage,
                    RenditionRefusal::Outside { .. } => ProblemCode::Invalid,
                    RenditionRefusal::TooLarge { .. } | RenditionRefusal::TooLong { .. } => {
                        ProblemCode::ImageTooLarge
                    }
                };
                let retry_after = (code == ProblemCode::RenditionBusy).then_some(COME_AGAIN);
                Self { detail: refusal.to_string().into(), retry_after, ..Self::new(code) }
            }
            ServiceError::Stale => Self::new(ProblemCode::PreconditionFailed),
            ServiceError::Unavailable(_) => {
                Self { retry_after: Some(1), ..Self::new(ProblemCode::Unavailable).because(error) }
            }
            ServiceError::ComparingBusy => Self {
                detail: error.to_string().into(),
                retry_after: Some(COME_AGAIN),
                ..Self::new(ProblemCode::Unavailable)
            },
            ServiceError::TooManyTraces { .. } => {
                Self { detail: error.to_string().into(), ..Self::new(ProblemCode::Throttled) }
            }
            ServiceError::Unread { .. } => {
                Self { detail: error.to_string().into(), ..Self::new(ProblemCode::FilesUnread) }
            }
            ServiceError::Upload(refusal) => {
                let code = match refusal {
                    UploadRefusal::Checksum => ProblemCode::UploadChecksum,
                    UploadRefusal::Elsewhere => ProblemCode::UploadElsewhere,
                    UploadRefusal::Ended => ProblemCode::UploadEnded,
                    UploadRefusal::NoFolder | UploadRefusal::NoOrigin | UploadRefusal::ReadOnly => {
                        ProblemCode::NoUploads
                    }
                    UploadRefusal::NoRoom => ProblemCode::UploadRoom,
                    UploadRefusal::NoFile { .. } | UploadRefusal::OtherKind { .. } => {
                        ProblemCode::UploadKind
                    }
                    UploadRefusal::Offset { .. } => ProblemCode::UploadOffset,
                    UploadRefusal::OverQuota { .. } => ProblemCode::QuotaExceeded,
                    UploadRefusal::Overtaken => ProblemCode::UploadBusy,
                    UploadRefusal::TooLong { .. } => ProblemCode::BodyTooLarge,
                    UploadRefusal::TooMany { .. } => ProblemCode::TooManyUploads,
                };
                Self { detail: refusal.to_string().into(), ..Self::new(code) }
            }
        }
    }
}

impl From<ShareRefusal> for Problem {
    fn from(refusal: ShareRefusal) -> Self {
        let detail = refusal.to_string().into();
        let told = |code| Self { detail, ..Self::new(code) };
        match refusal {
            ShareRefusal::Fixed => told(ProblemCode::ShareFixed),
            ShareRefusal::Forbidden { contents } => {
                let fault = |content: &ContentId| Fault {
                    pointer: "/contents".into(),
                    detail: content.to_string().into(),
                };
                let errors = contents.iter().map(fault).collect();
                Self { errors, ..told(ProblemCode::ShareForbidden) }
            }
            ShareRefusal::Gone => told(ProblemCode::ShareGone),
            ShareRefusal::Locked => told(ProblemCode::ShareLocked),
            ShareRefusal::Throttled { retry_after } => {
                Self { retry_after: Some(retry_after), ..told(ProblemCode::Throttled) }
            }
            ShareRefusal::TooLarge { .. } => told(ProblemCode::ShareTooLarge),
            ShareRefusal::UsedUp => told(ProblemCode::ShareUsedUp),
            ShareRefusal::ViewOnly => told(ProblemCode::ShareViewOnly),
            ShareRefusal::WrongPassword => told(ProblemCode::SharePassword),
        }
    }
}

/// What this API says of what edges refuse an original with.
const fn original(code: DenialCode) -> ProblemCode {
    match code {
        DenialCode::CdnRefused => ProblemCode::CdnRefused,
        DenialCode::ClientAddress => ProblemCode::ClientAddress,
        DenialCode::FraudAnonymizer
        | DenialCode::FraudBlacklist
        | DenialCode::FraudSharing
        | DenialCode::IpBlocked => ProblemCode::IpBlocked,
        DenialCode::NotFound => ProblemCode::NotFound,
        DenialCode::OriginInvalid | DenialCode::OriginUnreachable => ProblemCode::OriginFailed,
        DenialCode::OriginTimeout => ProblemCode::OriginTimeout,
        DenialCode::RangeNotSatisfiable => ProblemCode::RangeNotSatisfiable,
        DenialCode::TokenRevoked => ProblemCode::Revoked,
        DenialCode::BodyRefused
        | DenialCode::ConnectorAmbiguous
        | DenialCode::ExpectRefused
        | DenialCode::HeadersTooLarge
        | DenialCode::HostInvalid
        | DenialCode::HttpsRequired
        | DenialCode::LedgerUnavailable
        | DenialCode::LimitParallel
        | DenialCode::LinkUsed
        | DenialCode::MethodNotAllowed
        | DenialCode::NoRoute
        | DenialCode::NoSite
        | DenialCode::NoSnapshot
        | DenialCode::Overloaded
        | DenialCode::RequestTimeout
        | DenialCode::ShareUnavailable
        | DenialCode::SnapshotStale
        | DenialCode::TargetAmbiguous
        | DenialCode::TargetMalformed
        | DenialCode::TargetTooLong
        | DenialCode::TokenAmbiguous
        | DenialCode::TokenExpired
        | DenialCode::TokenIp
        | DenialCode::TokenLifetime
        | DenialCode::TokenMalformed
        | DenialCode::TokenMissing
        | DenialCode::TokenNotYetValid
        | DenialCode::TokenScope
        | DenialCode::TokenSignature
        | DenialCode::UpgradeRefused
        | DenialCode::UsageUnavailable => ProblemCode::NotHandedOver,
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Failed(_) => Self::new(ProblemCode::Internal).because(error),
            AccountError::NotValid => Self::new(ProblemCode::CredentialsInvalid),
            AccountError::ScopeRefused => Self::new(ProblemCode::Invalid),
            AccountError::Throttled { retry_after } => {
                Self { retry_after: Some(retry_after), ..Self::new(ProblemCode::Throttled) }
            }
            AccountError::Full(_) => {
                Self { retry_after: Some(1), ..Self::new(ProblemCode::StoreFull).because(error) }
            }
            AccountError::Unavailable(_) => {
                Self { retry_after: Some(1), ..Self::new(ProblemCode::Unavailable).because(error) }
            }
        }
    }
}

macro_rules! problem_codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident $code:literal $title:literal;)*) => {
        /// The kinds of problem. Their codes are never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum ProblemCode { $($(#[$doc])* $name,)* }

        impl ProblemCode {
            /// Every one.
            #[cfg(test)]
            pub(super) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code in answers and logs.
            pub(super) const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it is called.
            pub(super) const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Its status.
            pub(super) fn status(self) -> StatusCode {
                let registered = match self { $(Self::$name => StatusCode::$status,)* };
                if self == Self::UploadChecksum {
                    // tus has a status of its own for it, of which HTTP knows nothing.
                    return StatusCode::from_u16(460).unwrap_or(registered);
                }
                registered
            }
        }
    };
}

problem_codes! {
    /// The archive is over, or something in it changed.
    ArchiveGone = GONE "archive_gone" "The archive is not to be had any more: it is over, or something in it changed";
    /// The body is over the limit.
    BodyTooLarge = PAYLOAD_TOO_LARGE "body_too_large" "The body is too large";
    /// The request came through a CDN.
    CdnRefused = FORBIDDEN "cdn_refused" "Originals are not handed out through a CDN";
    /// A trusted proxy does not say who asks.
    ClientAddress = BAD_REQUEST "client_address" "The client's address could not be told from a trusted proxy's header";
    /// Something of that name is there.
    Conflict = CONFLICT "conflict" "Something of that name is there already, or was changed at that moment";
    /// A token that is unknown, ended or revoked; or a wrong password.
    CredentialsInvalid = UNAUTHORIZED "credentials_invalid" "The credentials are not valid";
    /// No token.
    CredentialsMissing = UNAUTHORIZED "credentials_missing" "A bearer token is needed";
    /// Some files were not read yet.
    FilesUnread = CONFLICT "files_unread" "The checksums of some files are not known yet";
    /// Another request had that idempotency key.
    IdempotencyMismatch = UNPROCESSABLE_ENTITY "idempotency_mismatch" "Another request was made with this idempotency key";
    /// Its pixels or its bytes are too many.
    ImageTooLarge = CONFLICT "image_too_large" "The image is too large for renditions to be made of it";
    /// Something is wrong here.
    Internal = INTERNAL_SERVER_ERROR "internal" "The request could not be worked on";
    /// The client's address is blocked.
    IpBlocked = FORBIDDEN "ip_blocked" "The address is blocked";
    /// The request is not what it should be.
    Invalid = BAD_REQUEST "invalid" "The request is not valid";
    /// The body has a type that is not read here.
    MediaType = UNSUPPORTED_MEDIA_TYPE "media_type" "The body must be JSON";
    /// The path has no such method.
    MethodNotAllowed = METHOD_NOT_ALLOWED "method_not_allowed" "The method is not allowed here";
    /// The site's carriers have no cookie.
    NoCookie = CONFLICT "no_cookie" "The tenant's site takes no cookies";
    /// There are no renditions of it.
    NotAnImage = CONFLICT "not_an_image" "The file is no image that renditions are made of";
    /// The configuration, or the keys, do not say how.
    NoLink = CONFLICT "no_link" "Links to this tenant's files cannot be made";
    /// There is nothing to seal keys under.
    NoMasterKey = CONFLICT "no_master_key" "No master key is configured here: [control] master_key";
    /// Nothing of that id, or not the caller's to see.
    NotFound = NOT_FOUND "not_found" "There is nothing here";
    /// There is nowhere to keep what comes.
    NoUploads = CONFLICT "no_uploads" "Uploads are not taken here";
    /// What is in force does not let it be handed over now.
    NotHandedOver = SERVICE_UNAVAILABLE "not_handed_over" "The file cannot be handed over now";
    /// No address names it now.
    NotHandedOut = CONFLICT "not_handed_out" "The file is not handed out";
    /// The caller is bound to a tenant.
    OneTenantOnly = FORBIDDEN "one_tenant_only" "Only whoever reaches every tenant may do this";
    /// What has the bytes does not give them.
    OriginFailed = BAD_GATEWAY "origin_failed" "The file's origin does not give it";
    /// What has the bytes does not answer.
    OriginTimeout = GATEWAY_TIMEOUT "origin_timeout" "The file's origin does not answer";
    /// The database went away at the commit.
    OutcomeUnknown = SERVICE_UNAVAILABLE "outcome_unknown" "Whether the change was made is not known: look before trying again";
    /// `If-Match` names another revision.
    PreconditionFailed = PRECONDITION_FAILED "precondition_failed" "It has been changed since";
    /// `If-Match` is missing.
    PreconditionRequired = PRECONDITION_REQUIRED "precondition_required" "If-Match is needed";
    /// Everybody may have it.
    PublicFile = CONFLICT "public_file" "The file is public: a link to it cannot be bound, limited or tagged";
    TableShrinks = CONFLICT "table_shrinks" "Most of what the table has would be gone, and nobody said that this is meant";
    /// The tenant would have more than it may.
    QuotaExceeded = INSUFFICIENT_STORAGE "quota_exceeded" "The tenant would have more than its quota";
    /// None of the ranges lies in the file.
    RangeNotSatisfiable = RANGE_NOT_SATISFIABLE "range_not_satisfiable" "The range lies past the end of the file";
    /// The caller asks more than they may.
    RateLimited = TOO_MANY_REQUESTS "rate_limited" "Too many requests of this caller";
    /// Something names it, or it names nothing.
    Referenced = CONFLICT "referenced" "Something it names is missing, or something names it";
    /// Too many are being made.
    RenditionBusy = SERVICE_UNAVAILABLE "rendition_busy" "Too many renditions are being made: come again";
    /// What was promised was taken back.
    Revoked = GONE "revoked" "It was revoked";
    /// The caller would give more than they have.
    ScopeExceeded = FORBIDDEN "scope_exceeded" "Nobody can give a scope they do not have";
    /// The caller may not do this.
    ScopeMissing = FORBIDDEN "scope_missing" "A scope is missing";
    /// Nothing is added to a share.
    ShareFixed = UNPROCESSABLE_ENTITY "share_fixed" "Nothing is added to a share: make a new one";
    /// Contents that are not the caller's to share.
    ShareForbidden = FORBIDDEN "share_forbidden" "Some of the contents are not yours to share";
    /// The share is over, or the address is closed.
    ShareGone = GONE "share_gone" "The share is over";
    /// A password or an acceptance is wanted.
    ShareLocked = FORBIDDEN "share_locked" "The share is not open";
    /// The password is another one.
    SharePassword = FORBIDDEN "share_password" "The password is not right";
    /// More than a share may have.
    ShareTooLarge = UNPROCESSABLE_ENTITY "share_too_large" "A share does not have so many contents";
    /// The download limit is reached.
    ShareUsedUp = FORBIDDEN "share_used_up" "The share has no download left";
    /// The download flag is off.
    ShareViewOnly = FORBIDDEN "share_view_only" "What is shared can be looked at, and not be saved";
    /// The database's disk has no room.
    StoreFull = SERVICE_UNAVAILABLE "store_full" "The control plane's database has no room: nothing was changed";
    /// Too many failures, or letters, or too much of a share at once; the detail says which.
    Throttled = TOO_MANY_REQUESTS "throttled" "Too many attempts, or too much at once: come again later";
    /// The tenant has begun too many.
    TooManyUploads = CONFLICT "too_many_uploads" "The tenant has too many uploads under way";
    /// The database does not answer.
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "The control plane cannot reach its database";
    /// Another request goes on with it.
    UploadBusy = LOCKED "upload_busy" "Another request goes on with the upload";
    /// Its bytes are not what was said.
    UploadChecksum = BAD_REQUEST "upload_checksum" "The bytes are not those of the checksum";
    /// Another control plane has what came of it.
    UploadElsewhere = MISDIRECTED_REQUEST "upload_elsewhere" "The upload is at another control plane";
    /// Nothing more is awaited for it.
    UploadEnded = GONE "upload_ended" "Nothing more is awaited for the upload";
    /// The content that it is to be a version of is something else.
    UploadKind = CONFLICT "upload_kind" "The file is of another kind than the content";
    /// The client goes on elsewhere than where it is.
    UploadOffset = CONFLICT "upload_offset" "The upload is elsewhere";
    /// The disk for uploads is full.
    UploadRoom = INSUFFICIENT_STORAGE "upload_room" "There is no room for uploads";
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn who_is_refused_a_rendition_knows_whether_to_come_again() {
        let of = |refusal: RenditionRefusal| Problem::from(ServiceError::from(refusal));
        let busy = of(RenditionRefusal::Busy);
        assert_eq!((busy.code.code(), busy.code.status().as_u16()), ("rendition_busy", 503));
        assert_eq!(busy.retry_after, Some(COME_AGAIN));
        for refusal in [
            RenditionRefusal::NotAnImage,
            RenditionRefusal::TooLarge { width: 1, height: 1 },
            RenditionRefusal::TooLong { most: 1 },
            RenditionRefusal::Outside { width: 1, height: 1 },
        ] {
            let problem = of(refusal);
            assert!(problem.code.status().is_client_error());
            assert_eq!(problem.retry_after, None);
        }
    }

    #[test]
    fn codes_are_of_errors_and_unique() {
        let mut codes: Vec<_> = ProblemCode::ALL.iter().map(|code| code.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ProblemCode::ALL.len());
        assert!(ProblemCode::ALL.iter().all(|code| code.status().as_u16() >= 400));
    }
}
