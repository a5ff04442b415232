//! What is shown instead of a page, in words for people who know nothing of this program.

use std::sync::Arc;

use askama::Template;
use axum::http::header::{CONTENT_RANGE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::brand::Brand;
use super::frame::{Shows, rendered};
use super::gate::to;
use crate::control_plane::service::{
    OriginalRefusal, RenditionRefusal, ServiceError, ShareRefusal,
};
use crate::control_plane::words::Words;
use crate::response::status;
use crate::telemetry::ErrorChain;

/// Why there is no page.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// Too much is going on.
    Busy,
    /// It is at that address, at another site.
    Elsewhere(String),
    /// Something is wrong here.
    Failed(Arc<dyn std::error::Error + Send + Sync>),
    /// Something was to be done by a page that is none of ours.
    Foreign,
    /// The share is over.
    Gone,
    /// There is nothing at that address, or nobody is told that there is.
    Missing,
    /// It cannot be done, for what those words say.
    Not(StatusCode, &'static str),
    /// The part that is wanted is behind the end of what has so many bytes.
    Range(Option<u64>),
    /// Too many attempts came from the visitor's network: so many seconds to wait.
    TooMany(u64),
}

#[derive(Template)]
#[template(path = "refusal.html", config = "src/control_plane/share_page/askama.toml")]
struct RefusalPage {
    words: Words,
    brand: Brand,
    title: String,
    detail: String,
    way_back: Option<String>,
}

impl Refusal {
    /// Something is wrong here, and was logged nowhere yet.
    pub(super) fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed(Arc::new(error))
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Elsewhere(_) => StatusCode::SEE_OTHER,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Foreign => StatusCode::FORBIDDEN,
            Self::Gone => StatusCode::GONE,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Not(status, _) => *status,
            Self::Range(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// What is said of it.
    pub(super) fn detail(&self, words: Words, request_id: &str) -> String {
        match self {
            Self::Busy => words.say("busy-detail"),
            Self::Elsewhere(_) => String::new(),
            Self::Failed(_) => words.of_text("failed-detail", "request", request_id),
            Self::Foreign => words.say("foreign-detail"),
            Self::Gone => words.say("gone-detail"),
            Self::Missing => words.say("missing-detail"),
            Self::Not(_, name) => words.say(name),
            Self::Range(_) => words.say("refused-detail"),
            Self::TooMany(seconds) => words.of_number("too-many", "seconds", seconds),
        }
    }

    fn heading(&self) -> &'static str {
        match self {
            Self::Busy => "busy-heading",
            Self::Failed(_) => "failed-heading",
            Self::Foreign => "foreign-heading",
            Self::Gone => "gone-heading",
            Self::Elsewhere(_) | Self::Missing => "missing-heading",
            Self::Not(..) | Self::Range(_) | Self::TooMany(_) => "refused-heading",
        }
    }

    /// The page that says so.
    pub(super) fn page(
        &self,
        words: Words,
        request_id: &str,
        way_back: Option<String>,
        brand: Brand,
    ) -> Response {
        if let Self::Elsewhere(url) = self {
            return to(url).unwrap_or_else(|_| StatusCode::NOT_FOUND.into_response());
        }
        let status = self.status();
        let way_back = match self {
            // There is nothing to go back to.
            Self::Elsewhere(_) | Self::Gone | Self::Missing => None,
            Self::Failed(cause) => {
                let error = ErrorChain(cause.as_ref());
                tracing::error!(request_id, %error, "a share's page failed");
                way_back
            }
            Self::Busy | Self::Foreign | Self::Not(..) | Self::Range(_) | Self::TooMany(_) => {
                way_back
            }
        };
        let detail = self.detail(words, request_id);
        let title = words.say(self.heading());
        let page = RefusalPage { words, brand, title, detail, way_back };
        let mut response = match rendered(status, &page, Shows::default()) {
            Ok(response) => response,
            Err(_) => status.into_response(),
        };
        let wait = match self {
            Self::Busy => Some(1),
            Self::TooMany(seconds) => Some(*seconds),
            Self::Elsewhere(_)
            | Self::Failed(_)
            | Self::Foreign
            | Self::Gone
            | Self::Missing
            | Self::Not(..)
            | Self::Range(_) => None,
        };
        if let Self::Range(Some(complete)) = self
            && let Ok(value) = HeaderValue::try_from(format!("bytes */{complete}"))
        {
            response.headers_mut().insert(CONTENT_RANGE, value);
        }
        response.headers_mut().extend(wait.map(|wait| (RETRY_AFTER, HeaderValue::from(wait))));
        response
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound | ServiceError::NotHandedOut => Self::Missing,
            ServiceError::Share(refusal) => refusal.into(),
            ServiceError::ArchiveGone => Self::Gone,
            ServiceError::Invalid(_) => Self::Not(StatusCode::BAD_REQUEST, "unavailable"),
            ServiceError::ComparingBusy
            | ServiceError::TooManyTraces { .. }
            | ServiceError::Unread { .. }
            | ServiceError::Unavailable(_)
            | ServiceError::Rendition(RenditionRefusal::Busy) => Self::Busy,
            ServiceError::Original(refusal) => refusal.into(),
            ServiceError::Rendition(_) => Self::Not(StatusCode::CONFLICT, "format-refused"),
            error @ (ServiceError::Conflict
            | ServiceError::Failed(_)
            | ServiceError::Full(_)
            | ServiceError::MissingScope(_)
            | ServiceError::MoreThanOwn(_)
            | ServiceError::NoLink(_)
            | ServiceError::NoMasterKey
            | ServiceError::OneTenantOnly
            | ServiceError::OutcomeUnknown(_)
            | ServiceError::Public
            | ServiceError::Referenced
            | ServiceError::Shrinks { .. }
            | ServiceError::Stale
            | ServiceError::Upload(_)) => Self::failed(error),
        }
    }
}

impl From<OriginalRefusal> for Refusal {
    fn from(refusal: OriginalRefusal) -> Self {
        match status(refusal.code) {
            StatusCode::RANGE_NOT_SATISFIABLE => Self::Range(refusal.complete_length),
            StatusCode::NOT_FOUND => Self::Gone,
            refused if refused.is_client_error() => Self::Not(refused, "refused-detail"),
            _ => Self::failed(refusal),
        }
    }
}

impl From<ShareRefusal> for Refusal {
    fn from(refusal: ShareRefusal) -> Self {
        match refusal {
            ShareRefusal::Gone => Self::Gone,
            ShareRefusal::Locked => Self::Not(StatusCode::FORBIDDEN, "gate-heading"),
            ShareRefusal::WrongPassword => Self::Not(StatusCode::FORBIDDEN, "password-wrong"),
            ShareRefusal::Throttled { retry_after } => Self::TooMany(retry_after),
            ShareRefusal::UsedUp => Self::Not(StatusCode::FORBIDDEN, "downloads-none"),
            ShareRefusal::ViewOnly => Self::Not(StatusCode::FORBIDDEN, "view-only"),
            // What its owner is told, who is nobody here.
            refusal @ (ShareRefusal::Fixed
            | ShareRefusal::Forbidden { .. }
            | ShareRefusal::TooLarge { .. }) => Self::failed(ServiceError::Share(refusal)),
        }
    }
}
