//! What goes around every answer: the request's id, headers, and problems spelt in the dialect of
//! the path (requirements G30).

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::compat::mediahub::spelling::Spelling;
use super::compat::thron::spelling::Spelling as ThronSpelling;
use super::error::{Fault, Problem, ProblemCode};
use super::native::upload_header::{say_version, speaks_tus};
use super::rate_limit::{Noted, Standing};
use crate::control_plane::record::chance;
use crate::telemetry::ErrorChain;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// A problem as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemBody {
    /// A stable address of the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// What the kind is called.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong this time.
    detail: String,
    /// The path that was asked for.
    instance: String,
    /// The kind of problem, for programs.
    code: String,
    /// The id under which the request is logged.
    request_id: String,
    /// Each thing that is wrong with the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
}

/// A problem as movingimage's API spells it. The vendor's pages do not show one: the shape is that
/// of the framework its API is built with.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = VendorProblem)]
pub(super) struct VendorProblemBody {
    /// The HTTP status.
    status: u16,
    /// The status in words.
    error: String,
    /// What is wrong this time.
    message: String,
    /// The path that was asked for.
    path: String,
    /// The kind of problem, for programs.
    code: String,
    /// The id under which the request is logged.
    request_id: String,
}

/// A problem as `MediaHub`'s API spells it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MediahubProblem)]
pub(super) struct MediahubProblemBody {
    /// What is wrong.
    error: MediahubError,
}

/// What is wrong, by the vendor's codes. Four of them are known: what they have no code for has that
/// of its kind.
#[derive(Debug, Serialize, ToSchema)]
struct MediahubError {
    /// The vendor's code.
    error_code: &'static str,
    /// The vendor's words for it.
    error_message: &'static str,
    /// What is wrong this time.
    detail: String,
    /// The kind of problem, for programs.
    code: &'static str,
    /// The id under which the request is logged.
    request_id: String,
}

impl MediahubError {
    fn of(code: ProblemCode, detail: &str, id: &str) -> Self {
        let (error_code, error_message) = match code.status() {
            StatusCode::UNAUTHORIZED => ("0x0000003", "Invalid access token"),
            StatusCode::NOT_FOUND => ("0x0230002", "Requested file does not exist"),
            status if status.is_server_error() => ("0x0000001", "Internal error"),
            _ => ("0x0230001", "Invalid Input"),
        };
        let (detail, code, request_id) = (detail.to_owned(), code.code(), id.to_owned());
        Self { error_code, error_message, detail, code, request_id }
    }
}

/// In whose words a problem is spelt.
#[derive(Clone, Copy, Debug)]
enum Dialect {
    Mediahub(Spelling),
    Native,
    Thron(ThronSpelling),
    Vmpro,
}

/// The id of a request, under which it is logged.
#[derive(Clone, Debug)]
pub(super) struct RequestId(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let id = parts.extensions.get::<Self>().cloned();
        Ok(id.unwrap_or_else(|| Self(String::new())))
    }
}

/// A problem as THRON's API spells it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ThronProblem)]
pub(super) struct ThronProblemBody {
    /// What it is, by the vendor's codes.
    result_code: &'static str,
    /// What is wrong this time.
    error_description: String,
    /// Whether it is the session, by the vendor's codes.
    sso_code: &'static str,
    /// The kind of problem, for programs.
    code: &'static str,
    /// The id under which the request is logged.
    request_id: String,
}

impl ThronProblemBody {
    fn of(code: ProblemCode, detail: &str, path: &str, id: &str) -> Self {
        let status = code.status();
        let result_code = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "ACCESS_DENIED",
            StatusCode::NOT_FOUND => "MEDIACONTENT_NOT_AVAILABLE",
            status if status.is_server_error() => "EXCEPTION",
            _ => "OPERATION_NOT_ALLOWED",
        };
        let is_login = path.contains("/login");
        let sso_code = match status {
            StatusCode::UNAUTHORIZED if is_login => "AUTHENTICATION_ERROR",
            StatusCode::UNAUTHORIZED => "SESSION_EXPIRED",
            StatusCode::FORBIDDEN => "ACCESS_DENIED",
            _ => "OK",
        };
        let (error_description, request_id) = (detail.to_owned(), id.to_owned());
        Self { result_code, error_description, sso_code, code: code.code(), request_id }
    }
}

/// Wraps a request: gives it an id, and its answer what every answer has.
pub(super) async fn envelope(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let trace = TraceParent::of(&request);
    let path = request.uri().path().to_owned();
    let wants_problem = request
        .headers()
        .get_all(ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .any(|line| line.contains("application/problem+json"));
    let dialect = if wants_problem {
        Dialect::Native
    } else if path.starts_with("/v1/vms/") {
        Dialect::Vmpro
    } else if is_throns(&path) {
        Dialect::Thron(ThronSpelling::of(request.headers()))
    } else if is_mediahubs(&path) {
        let query = request.uri().query().unwrap_or_default();
        Dialect::Mediahub(Spelling::of(request.headers(), query))
    } else {
        Dialect::Native
    };
    let noted = Noted::default();
    request.extensions_mut().insert(noted.clone());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        if let Some(cause) = &problem.cause {
            let error = ErrorChain(cause.as_ref());
            let code = problem.code.code();
            let trace_id = trace.as_ref().map(TraceParent::trace_id);
            tracing::error!(code, request_id = id, trace_id, %error, "api request failed");
        }
        let kept = [ALLOW, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_RANGE]
            .map(|name| response.headers_mut().remove(&name).map(|value| (name, value)));
        response = spell(&problem, &path, &id, dialect);
        response.headers_mut().extend(kept.into_iter().flatten());
        response.extensions_mut().insert(problem);
    }
    let status = response.status();
    let headers = response.headers_mut();
    if speaks_tus(&path) {
        say_version(headers, status);
    }
    noted.write(headers);
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.extend(trace.map(|trace| (TRACEPARENT, trace.0)));
    let keeps_nothing = |value: &HeaderValue| value.as_bytes().ends_with(b"no-store");
    if !headers.get(CACHE_CONTROL).is_some_and(keeps_nothing) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    response
}

/// The trace that a request is part of, as its caller says: `traceparent` of version 00 or a later
/// one, whose beginning is the same (W3C Trace Context, 3.2). What is none is as if it had not come.
struct TraceParent(HeaderValue);

impl TraceParent {
    fn of(request: &Request) -> Option<Self> {
        let mut lines = request.headers().get_all(TRACEPARENT).iter();
        let (Some(line), None) = (lines.next(), lines.next()) else { return None };
        let text = line.to_str().ok()?;
        let mut parts = text.splitn(5, '-');
        let mut hex = |digits: usize, forbidden: char| {
            let part = parts.next()?;
            let is_hex = part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
            let says = part.len() == digits && is_hex && !part.chars().all(|it| it == forbidden);
            says.then_some(part)
        };
        // No version is ff, no trace or span is 0; flags may be anything.
        let version = hex(2, 'f')?;
        hex(32, '0')?;
        hex(16, '0')?;
        hex(2, '-')?;
        let is_whole = version != "00" || parts.next().is_none();
        (is_whole && text.len() <= 256).then(|| Self(line.clone()))
    }

    fn trace_id(&self) -> &str {
        let text = self.0.to_str().unwrap_or_default();
        text.split('-').nth(1).unwrap_or_default()
    }
}

/// The id that the client gave, if it can be logged as it is, or a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (1..=128).contains(&id.len()) && id.bytes().all(fits)
    });
    match given {
        Some(id) => id.to_owned(),
        None => chance::<16>().map(hex::encode).unwrap_or_default(),
    }
}

/// Is the path one of THRON's?
fn is_throns(path: &str) -> bool {
    ["/api/xadmin/", "/api/xcontents/", "/api/xsso/"].iter().any(|it| path.starts_with(it))
}

/// Is the path one of `MediaHub`'s, with its version or without?
fn is_mediahubs(path: &str) -> bool {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    ["/files", "/backtraces"].iter().any(|root| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn spell(problem: &Problem, path: &str, id: &str, dialect: Dialect) -> Response {
    let Problem { code, detail, errors, retry_after, cause: _ } = problem;
    let mut status = code.status();
    let mut response = match dialect {
        Dialect::Native => {
            let body = ProblemBody {
                kind: format!("urn:countersign:problem:{}", code.code()),
                title: code.title().to_owned(),
                status: status.as_u16(),
                detail: detail.to_string(),
                instance: path.to_owned(),
                code: code.code().to_owned(),
                request_id: id.to_owned(),
                errors: errors.clone(),
            };
            spelt("application/problem+json", &body)
        }
        Dialect::Thron(spelling) => {
            if status == StatusCode::UNAUTHORIZED {
                // The vendor's status for a session that is not good.
                status = StatusCode::FORBIDDEN;
            }
            let body = ThronProblemBody::of(*code, detail, path, id);
            spelling.answer(status, "MResponse", &body)
        }
        Dialect::Vmpro => {
            let body = VendorProblemBody {
                status: status.as_u16(),
                error: status.canonical_reason().unwrap_or_default().to_owned(),
                message: detail.to_string(),
                path: path.to_owned(),
                code: code.code().to_owned(),
                request_id: id.to_owned(),
            };
            spelt("application/json", &body)
        }
        Dialect::Mediahub(spelling) => {
            if status == StatusCode::UNAUTHORIZED {
                // The vendor's status for a token that is not good.
                status = StatusCode::FORBIDDEN;
            }
            let error = MediahubError::of(*code, detail, id);
            spelling.answer(status, &serde_json::json!({ "error": error }))
        }
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Some(seconds) = retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
        if *code == ProblemCode::Throttled {
            Standing::of_logins(*seconds).write(headers);
        }
    }
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"countersign\"");
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn spelt(media_type: &'static str, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
