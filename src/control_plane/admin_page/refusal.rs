//! What is shown instead of a page: refusals and failures, in words for people.

use askama::Template;
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

use super::session::Visit;
use super::shell::{Notice, Shell, rendered};
use super::sign_in::own_path;
use crate::control_plane::account::AccountError;
use crate::control_plane::service::{ServiceError, ShareRefusal};
use crate::telemetry::ErrorChain;

/// Why there is no page.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// Something is wrong here.
    Failed(Arc<dyn std::error::Error + Send + Sync>),
    /// Something was to be changed by a page that is none of this console's.
    Foreign,
    /// The form was made for another session.
    FormExpired,
    /// What came is no form.
    NoForm,
    /// Forms are sent there and no page is, or the other way round.
    NoPage,
    /// It is not there, or not the caller's to see.
    NotFound,
    /// What was asked is refused, and why.
    Refused { status: StatusCode, detail: String },
    /// Nobody is signed in, and what they asked for.
    SignedOut { asked: String },
    /// The store does not answer.
    Unavailable(Arc<dyn std::error::Error + Send + Sync>),
}

#[derive(Template)]
#[template(path = "refusal.html", config = "src/control_plane/admin_page/askama.toml")]
struct RefusalPage {
    shell: Shell,
    heading: &'static str,
    detail: String,
    request_id: String,
    way_out: (&'static str, &'static str),
}

impl Refusal {
    /// Whoever asks has asked for too much, and is to wait so many seconds.
    pub(super) fn too_many(wait: u64) -> Self {
        let detail =
            format!("You asked for too much in a minute. Wait {wait} seconds, then try again.");
        Self::Refused { status: StatusCode::TOO_MANY_REQUESTS, detail }
    }

    /// Its status.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Foreign | Self::FormExpired => StatusCode::FORBIDDEN,
            Self::NoForm => StatusCode::BAD_REQUEST,
            Self::NoPage => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Refused { status, .. } => *status,
            Self::SignedOut { .. } => StatusCode::SEE_OTHER,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What it says to whoever asked: for a page that shows what was typed once more.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Failed(_) => {
                "The fault is here, not with what you did. It has been logged.".into()
            }
            Self::Foreign => "The request did not come from a page of this console. Nothing was \
                              changed."
                .into(),
            Self::FormExpired => "The form belongs to another session: you signed in or out since \
                                  it was shown, or cookies are switched off. Nothing was changed; \
                                  go back, reload the page, and send it again."
                .into(),
            Self::NoForm => "What was sent is no form that is read here.".into(),
            Self::NoPage => {
                "There is no page at this address that is asked for in this way.".into()
            }
            Self::NotFound => "There is nothing at this address, or it is not yours to see.".into(),
            Self::Refused { detail, .. } => detail.clone(),
            Self::SignedOut { .. } => "Your session has ended. Sign in to go on.".into(),
            Self::Unavailable(_) => "The database does not answer. Try again in a moment.".into(),
        }
    }

    /// What the page that was asked for something says of its refusal, if it is one that whoever asked
    /// can do something about there.
    pub(super) fn for_its_page(self) -> Result<(StatusCode, Notice), Self> {
        match self {
            Self::Refused { status, detail } if status != StatusCode::FORBIDDEN => {
                Ok((status, Notice::Refused(detail)))
            }
            Self::Failed(_)
            | Self::Foreign
            | Self::FormExpired
            | Self::NoForm
            | Self::NoPage
            | Self::NotFound
            | Self::Refused { .. }
            | Self::SignedOut { .. }
            | Self::Unavailable(_) => Err(self),
        }
    }

    fn heading(&self) -> &'static str {
        match self {
            Self::Failed(_) => "Something went wrong",
            Self::Foreign | Self::FormExpired | Self::NoForm => "The form was not accepted",
            Self::NoPage | Self::NotFound => "Nothing here",
            Self::Refused { .. } => "That was refused",
            Self::SignedOut { .. } => "Sign in",
            Self::Unavailable(_) => "Not available at the moment",
        }
    }

    /// The page that says so.
    pub(super) fn page(&self, visit: &Visit) -> Response {
        let request_id = visit.arrival.request_id.clone();
        match self {
            Self::Failed(cause) | Self::Unavailable(cause) => {
                let error = ErrorChain(cause.as_ref());
                let status = self.status().as_u16();
                tracing::error!(status, request_id, %error, "console request failed");
            }
            Self::SignedOut { asked } => return to_sign_in(asked),
            Self::Foreign
            | Self::FormExpired
            | Self::NoForm
            | Self::NoPage
            | Self::NotFound
            | Self::Refused { .. } => {}
        }
        let heading = self.heading();
        let way_out = match visit.signed_in {
            Some(_) => ("/console/", "Back to the start"),
            None => ("/console/login", "Sign in"),
        };
        let page = RefusalPage {
            shell: Shell::of_visit(visit, heading),
            heading,
            detail: self.detail(),
            request_id,
            way_out,
        };
        let status = self.status();
        let mut response = match rendered(status, &page) {
            Ok(response) => response,
            Err(_) => status.into_response(),
        };
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// To the sign-in page, and from there back to what was asked for.
fn to_sign_in(asked: &str) -> Response {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", own_path(asked));
    redirect(&format!("/console/login?{}", query.finish()))
}

/// To another page, which is asked for by `GET`.
pub(super) fn redirect(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response(),
        Err(_) => Refusal::NotFound.into_response(),
    }
}

impl From<AccountError> for Refusal {
    fn from(error: AccountError) -> Self {
        let refused = |status, detail: String| Self::Refused { status, detail };
        match error {
            AccountError::Failed(_) => Self::Failed(Arc::new(error)),
            AccountError::Full(_) | AccountError::Unavailable(_) => {
                Self::Unavailable(Arc::new(error))
            }
            AccountError::NotValid => refused(
                StatusCode::FORBIDDEN,
                "The user name or the password is not right, or the account is disabled.".into(),
            ),
            AccountError::ScopeRefused => refused(StatusCode::FORBIDDEN, error.to_string()),
            AccountError::Throttled { retry_after } => refused(
                StatusCode::TOO_MANY_REQUESTS,
                format!(
                    "There were too many failed attempts from your network. Wait {retry_after} \
                     seconds, then try again."
                ),
            ),
        }
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let refused = |status| Self::Refused { status, detail: sentence(&error.to_string()) };
        match &error {
            ServiceError::ArchiveGone
            | ServiceError::ComparingBusy
            | ServiceError::Conflict
            | ServiceError::NoLink(_)
            | ServiceError::NoMasterKey
            | ServiceError::NotHandedOut
            | ServiceError::Original(_)
            | ServiceError::Public
            | ServiceError::Referenced
            | ServiceError::Rendition(_)
            | ServiceError::Shrinks { .. }
            | ServiceError::Stale
            | ServiceError::TooManyTraces { .. }
            | ServiceError::Unread { .. }
            | ServiceError::Upload(_) => refused(StatusCode::CONFLICT),
            ServiceError::Invalid(invalid) => {
                let field = invalid.pointer.trim_start_matches('/').replace(['/', '_'], " ");
                let detail = format!("{field} {}", invalid.detail);
                Self::Refused { status: StatusCode::BAD_REQUEST, detail: sentence(detail.trim()) }
            }
            ServiceError::MissingScope(_)
            | ServiceError::MoreThanOwn(_)
            | ServiceError::OneTenantOnly => refused(StatusCode::FORBIDDEN),
            ServiceError::Share(refusal) => refused(match refusal {
                ShareRefusal::Fixed | ShareRefusal::TooLarge { .. } => {
                    StatusCode::UNPROCESSABLE_ENTITY
                }
                ShareRefusal::Gone => StatusCode::GONE,
                ShareRefusal::Throttled { .. } => StatusCode::TOO_MANY_REQUESTS,
                ShareRefusal::Forbidden { .. }
                | ShareRefusal::Locked
                | ShareRefusal::UsedUp
                | ShareRefusal::ViewOnly
                | ShareRefusal::WrongPassword => StatusCode::FORBIDDEN,
            }),
            ServiceError::NotFound => Self::NotFound,
            ServiceError::Failed(_) => Self::Failed(Arc::new(error)),
            ServiceError::Full(_)
            | ServiceError::OutcomeUnknown(_)
            | ServiceError::Unavailable(_) => Self::Unavailable(Arc::new(error)),
        }
    }
}

/// The same text as a sentence: errors of programs are none.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(letters).collect();
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control_plane::service::Invalid;

    #[test]
    fn a_refusal_is_a_sentence_with_the_field() {
        let invalid = Invalid::new("/expiry_time", "must be in the future");
        let refusal = Refusal::from(ServiceError::from(invalid));
        assert_eq!(refusal.detail(), "Expiry time must be in the future.");
        assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
        assert_eq!(Refusal::from(ServiceError::NotFound).status(), StatusCode::NOT_FOUND);
        assert_eq!(Refusal::from(ServiceError::Stale).detail(), "It has been changed since.");
    }
}
