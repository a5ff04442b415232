//! Targets for what is chosen by a request and shown to its sender: the form of a refusal, and
//! the name of a file.

use std::borrow::Cow;

use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap,
    HeaderValue,
};
use percent_encoding::percent_decode_str;

use super::input::{Input, chosen};
use crate::data_plane::Reasons;
use crate::data_plane::response::{DenialContext, REASON_HEADER, denial};
use crate::policy::{DenialCode, ResourcePolicy};
use crate::response::{CacheControl, Disposition, FileName, OriginsWord, Presentation, status};

/// The names of the request in the answers; what is not in them may not be in the answer.
const REQUEST_ID: &str = "00000000000000000000000000000001";

/// The code of a refusal, whether it is shown, then the value of `Accept`.
pub fn accept(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let code = chosen(DenialCode::ALL, input.byte());
    let reasons = chosen(&[Reasons::Exposed, Reasons::Hidden], input.byte());
    let Ok(accept) = HeaderValue::from_bytes(input.rest()) else { return };
    let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
    let context = DenialContext {
        reasons,
        request_id: REQUEST_ID,
        headers: &headers,
        site: None,
        complete_length: None,
        location: None,
    };
    let answer = denial(code, context);
    assert_eq!(answer.status(), status(code));
    let field = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let Ok(body) = str::from_utf8(answer.body()) else { panic!("the answer is no text") };
    assert_eq!(field(CACHE_CONTROL), Some("no-store"));
    assert_eq!(field(CONTENT_LENGTH), Some(body.len().to_string().as_str()));
    assert_eq!(field(REASON_HEADER), (reasons == Reasons::Exposed).then_some(code.as_str()));
    assert!(body.contains(REQUEST_ID), "{body}");
    let shows = body.contains(code.meaning());
    assert_eq!(shows, reasons == Reasons::Exposed, "{body}");

    let bare = DenialContext { headers: &HeaderMap::new(), ..context };
    let usual = denial(code, bare);
    match field(CONTENT_TYPE) {
        Some("application/problem+json") => {
            assert_eq!(body, usual.body(), "the sender's header is in the answer");
            let Ok(problem) = serde_json::from_str::<serde_json::Value>(body) else {
                panic!("no JSON: {body}")
            };
            let number = problem.get("status").and_then(serde_json::Value::as_u64);
            assert_eq!(number, Some(status(code).as_u16().into()));
        }
        // Wanted only where it was named.
        Some("text/plain; charset=utf-8") => assert!(names(&headers, "text/")),
        Some("text/html; charset=utf-8") => {
            assert!(names(&headers, "text/html"));
            assert!(!body.contains("<script") && body.starts_with("<!doctype html>"), "{body}");
        }
        other => panic!("an answer of type {other:?}"),
    }
}

fn names(headers: &HeaderMap, kind: &str) -> bool {
    headers
        .get(ACCEPT)
        .is_some_and(|value| value.as_bytes().windows(kind.len()).any(|at| at == kind.as_bytes()))
}

/// The whole input is the name a link gives a file.
pub fn file_name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let name = FileName::sanitise(&text);
    let plain = name.as_str();
    assert!((1..=255).contains(&plain.len()), "{} bytes", plain.len());
    assert!(!plain.contains(['/', '\\', '"', ':']), "{plain:?}");
    assert!(!plain.contains(char::is_control), "{plain:?}");
    assert!(!plain.starts_with(['.', ' ']) && !plain.ends_with(['.', ' ']), "{plain:?}");
    assert_eq!(FileName::sanitise(plain), name, "a safe name is not left alone");

    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("video/mp4"));
    let disposition = Disposition::Attachment(name.clone());
    let resource_policy = ResourcePolicy::SameSite;
    Presentation { cache: CacheControl::NoStore, disposition, resource_policy }
        .apply(&mut headers, OriginsWord::Dropped);
    let value = headers.get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok());
    let Some(value) = value else { panic!("no header for {plain:?}") };
    assert_eq!(suggested(value).as_deref(), Some(plain), "{value}");
}

/// The name a recipient takes from the header (RFC 6266 section 4.3): the extended one, if any.
fn suggested(value: &str) -> Option<Cow<'_, str>> {
    let parameters = value.strip_prefix("attachment; filename=\"")?;
    let (plain, rest) = parameters.split_once('"')?;
    match rest.strip_prefix("; filename*=UTF-8''") {
        Some(exact) => percent_decode_str(exact).decode_utf8().ok(),
        None if rest.is_empty() => Some(plain.into()),
        None => None,
    }
}
