//! Refusals as answers: one table from code to status, one function from refusal to response.

use bytes::Bytes;
use http::header::{
    ACCEPT, ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    LOCATION, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::policy::{DenialCode, Site};
use crate::response::{harden, status};

use super::super::Reasons;

/// The header that names the code where the operator exposes it.
pub const REASON_HEADER: HeaderName = HeaderName::from_static("x-countersign-reason");

/// The header that names the request, on every answer.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// What a refusal's answer needs beside its code.
#[derive(Clone, Copy, Debug)]
pub struct DenialContext<'a> {
    /// May the client see the code?
    pub reasons: Reasons,
    /// Names the request in log and answer.
    pub request_id: &'a str,
    /// The client's header fields, for `Accept`.
    pub headers: &'a HeaderMap,
    /// Whose host was asked, where that was found out.
    pub site: Option<&'a Site>,
    /// The whole length of the file, where a range missed it.
    pub complete_length: Option<u64>,
    /// Where to ask instead, where that is the answer.
    pub location: Option<&'a HeaderValue>,
}

/// The answer of a refusal.
pub fn answer(code: DenialCode, context: DenialContext<'_>) -> Response<Bytes> {
    let status = status(code);
    let title = status.canonical_reason().unwrap_or("Refused");
    let shown = match context.reasons {
        Reasons::Exposed => Some(code),
        Reasons::Hidden => None,
    };
    let (kind, body) = match preferred(context.headers) {
        Form::Html => ("text/html; charset=utf-8", html(title, shown, context.request_id)),
        Form::Problem => {
            ("application/problem+json", problem(status, title, shown, context.request_id))
        }
        Form::Text => ("text/plain; charset=utf-8", text(title, shown, context.request_id)),
    };
    let length = body.len();
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    harden(headers);
    if let Some(code) = shown {
        headers.insert(REASON_HEADER, HeaderValue::from_static(code.as_str()));
    }
    extra_fields(code, context, headers);
    response
}

/// What single statuses owe the client (RFC 9110 sections 15.5.6, 15.5.17, 15.6.4).
fn extra_fields(code: DenialCode, context: DenialContext<'_>, headers: &mut HeaderMap) {
    if code == DenialCode::MethodNotAllowed {
        headers.insert(ALLOW, super::sharing::methods(context.site));
    }
    if let Some(length) = context.complete_length
        && let Ok(value) = HeaderValue::try_from(format!("bytes */{length}"))
    {
        headers.insert(CONTENT_RANGE, value);
    }
    if let Some(location) = context.location {
        headers.insert(LOCATION, location.clone());
    }
    match status(code) {
        StatusCode::SERVICE_UNAVAILABLE => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        // RFC 6585 section 4. When another download ends nobody knows.
        StatusCode::TOO_MANY_REQUESTS => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        _ => {}
    }
    if closes_connection(code) {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Does what may follow on the connection mean another thing to another reader?
pub const fn closes_connection(code: DenialCode) -> bool {
    matches!(
        code,
        DenialCode::BodyRefused
            | DenialCode::ExpectRefused
            | DenialCode::HeadersTooLarge
            | DenialCode::HostInvalid
            | DenialCode::RequestTimeout
            | DenialCode::UpgradeRefused
    )
}

/// The forms of a refusal's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Problem,
    Text,
}

/// The first of the forms that `Accept` names; problem details (RFC 9457) where it names none or
/// anything.
fn preferred(headers: &HeaderMap) -> Form {
    let accept = headers.get(ACCEPT).map(HeaderValue::as_bytes).unwrap_or_default();
    for range in accept.split(|&byte| byte == b',') {
        let kind = range.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        match kind {
            b"text/html" => return Form::Html,
            b"text/plain" | b"text/*" => return Form::Text,
            b"application/problem+json" | b"application/json" | b"application/*" | b"*/*" => {
                return Form::Problem;
            }
            _ => {}
        }
    }
    Form::Problem
}

fn problem(status: StatusCode, title: &str, code: Option<DenialCode>, request_id: &str) -> String {
    let mut body = serde_json::json!({
        "type": "about:blank",
        "title": title,
        "status": status.as_u16(),
        "request_id": request_id,
    });
    if let (Some(code), Some(body)) = (code, body.as_object_mut()) {
        body.insert("code".into(), code.as_str().into());
        body.insert("detail".into(), code.meaning().into());
    }
    format!("{body}\n")
}

fn text(title: &str, code: Option<DenialCode>, request_id: &str) -> String {
    match code {
        Some(code) => format!("{title}\n{code}: {}\nrequest {request_id}\n", code.meaning()),
        None => format!("{title}\nrequest {request_id}\n"),
    }
}

/// Every part is ours: titles, codes and request ids hold no character that HTML would read.
fn html(title: &str, code: Option<DenialCode>, request_id: &str) -> String {
    let reason = match code {
        Some(code) => format!("<p><code>{code}</code>: {}</p>\n", code.meaning()),
        None => String::new(),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <h1>{title}</h1>\n{reason}<p><small>request {request_id}</small></p>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer_to(
        accept: Option<&str>,
        reasons: Reasons,
        code: DenialCode,
    ) -> (String, Response<Bytes>) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        let context = DenialContext {
            reasons,
            request_id: "r1",
            headers: &headers,
            site: None,
            complete_length: None,
            location: None,
        };
        let response = answer(code, context);
        (String::from_utf8(response.body().to_vec()).unwrap(), response)
    }

    #[test]
    fn no_refusal_is_a_success_and_none_is_stored() {
        for &code in DenialCode::ALL {
            let (body, response) = answer_to(None, Reasons::Hidden, code);
            let sent_on = code == DenialCode::HttpsRequired;
            let status = response.status();
            let refused = status.is_client_error() || status.is_server_error();
            assert_eq!((refused, status.is_redirection()), (!sent_on, sent_on), "{code}");
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            assert_eq!(response.headers()[CONTENT_LENGTH], body.len().to_string());
            assert!(!body.contains(code.as_str()), "{code} is told to nobody unless exposed");
            assert!(!response.headers().contains_key(REASON_HEADER));
            let (body, response) = answer_to(None, Reasons::Exposed, code);
            assert_eq!(response.headers()[REASON_HEADER], code.as_str());
            let body: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["code"], code.as_str());
        }
    }

    #[test]
    fn the_form_follows_accept() {
        for (accept, kind) in [
            (None, "application/problem+json"),
            (Some("*/*"), "application/problem+json"),
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), "text/html; charset=utf-8"),
            (Some("text/plain"), "text/plain; charset=utf-8"),
            (Some("image/avif, image/webp"), "application/problem+json"),
        ] {
            let (_, response) = answer_to(accept, Reasons::Hidden, DenialCode::TokenMissing);
            assert_eq!(response.headers()[CONTENT_TYPE], kind, "{accept:?}");
        }
    }
}
