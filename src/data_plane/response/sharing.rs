//! What an answer tells browsers about other origins: CORS (the Fetch standard, section 3.3).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    ORIGIN, VARY,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::policy::{CorsCredentials, CorsGrant, Site};
use crate::response::{AnswerBody, harden};
use crate::token::Carrier;

/// What scripts may read beyond what they always may: what players seek, resume and cache by, and
/// what a report of a failure needs.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Range, Date, \
     ETag, Last-Modified, Retry-After, X-Countersign-Reason, X-Request-Id",
);

/// What scripts may send beyond what they always may: parts and conditions.
const ACCEPTED: &str =
    "Range, If-Range, If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since";

/// Seconds for which a browser need not ask again: as long as any of them remembers it.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The methods of a site.
pub(super) fn methods(site: Option<&Site>) -> HeaderValue {
    HeaderValue::from_static(match site.and_then(|site| site.cors.as_ref()) {
        Some(_) => "GET, HEAD, OPTIONS",
        None => "GET, HEAD",
    })
}

/// Adds to any answer of a site, refusals too, whether the origin that asked may read it.
pub fn share(headers: &mut HeaderMap, site: &Site, request: &Parts) {
    let Some(cors) = &site.cors else { return };
    let allowed = match cors.grant(origin(&request.headers)) {
        CorsGrant::Any => HeaderValue::from_static("*"),
        CorsGrant::None => {
            headers.append(VARY, HeaderValue::from_static("Origin"));
            return;
        }
        CorsGrant::Origin(origin) => {
            headers.append(VARY, HeaderValue::from_static("Origin"));
            // An origin is a scheme, a host and a port: printable ASCII.
            let Ok(allowed) = HeaderValue::from_str(origin.as_str()) else { return };
            if cors.credentials == CorsCredentials::Allowed {
                let yes = HeaderValue::from_static("true");
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, yes);
            }
            allowed
        }
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if request.method != Method::OPTIONS {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// The answer to OPTIONS: what may be asked, and for an origin that may ask, how.
pub fn preflight(site: &Site, headers: &HeaderMap) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    harden(answer);
    answer.insert(ALLOW, methods(Some(site)));
    let granted = site.cors.as_ref().map(|cors| cors.grant(origin(headers)));
    if matches!(granted, Some(CorsGrant::Any | CorsGrant::Origin(_))) {
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD"));
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, accepted(site));
        answer.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

fn accepted(site: &Site) -> HeaderValue {
    let carrier = site.token.as_ref().map(|token| &token.carriers);
    carrier
        .filter(|carriers| carriers.allows(Carrier::Header))
        .and_then(|carriers| HeaderValue::try_from(format!("{ACCEPTED}, {}", carriers.name())).ok())
        .unwrap_or(HeaderValue::from_static(ACCEPTED))
}

/// The one origin of a request; several are none.
pub fn origin(headers: &HeaderMap) -> Option<&[u8]> {
    let mut fields = headers.get_all(ORIGIN).iter();
    match (fields.next(), fields.next()) {
        (Some(origin), None) => Some(origin.as_bytes()),
        (None, _) | (Some(_), Some(_)) => None,
    }
}
