//! JSON in and out.
//!
//! A native body is read once, straight into its type: unknown and repeated fields are errors, with
//! a pointer to where they stand. A compat body may have whatever its vendor's clients send.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::error::{Problem, ProblemCode};
use super::state::Api;

/// Most bytes of a body.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How deep arrays and objects may lie within each other.
const DEPTH_LIMIT: usize = 32;

/// A native JSON body.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Api> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(ProblemCode::MediaType));
        }
        parse(&bytes(request).await?).map(Self)
    }
}

/// Reads native JSON.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    depth(bytes)?;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let pointer = pointer(error.path());
        Problem::invalid(pointer, without_value(error.inner()))
    })?;
    reader.end().map_err(|error| Problem::invalid("", without_value(&error)))?;
    Ok(value)
}

/// A compat body: JSON, or nothing at all.
pub(super) struct LooseJson(pub(super) Option<Value>);

impl FromRequest<Api> for LooseJson {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Api) -> Result<Self, Problem> {
        let bytes = bytes(request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(None));
        }
        depth(&bytes)?;
        let value = serde_json::from_slice(&bytes)
            .map_err(|error| Problem::invalid("", without_value(&error)))?;
        Ok(Self(Some(value)))
    }
}

/// A body of up to [`BODY_LIMIT`].
pub(super) async fn bytes(request: Request) -> Result<Bytes, Problem> {
    // A length that is stated is refused before anything is read.
    let stated = request.headers().get("content-length").and_then(|it| it.to_str().ok());
    if stated.and_then(|it| it.parse::<u64>().ok()).is_some_and(|it| it > BODY_LIMIT as u64) {
        return Err(Problem::new(ProblemCode::BodyTooLarge));
    }
    let body = Limited::new(request.into_body(), BODY_LIMIT).collect();
    // Nobody holds a connection by a body that never ends: anybody may log in.
    let read = timeout(PATIENCE, body).await.map_err(|_| {
        Problem::invalid("", format!("the body did not come within {} s", PATIENCE.as_secs()))
    })?;
    match read {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(ProblemCode::BodyTooLarge))
        }
        Err(_) => Err(Problem::invalid("", "the body was broken off, or is not well framed")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    is_one_of(headers, &["application/json", "application/merge-patch+json"])
}

/// Is the body of one of these types?
pub(super) fn is_one_of(headers: &HeaderMap, types: &[&str]) -> bool {
    let stated = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim();
    types.iter().any(|known| essence.eq_ignore_ascii_case(known))
}

/// Refuses what lies too deep, before anything is built of it.
fn depth(bytes: &[u8]) -> Result<(), Problem> {
    let (mut deep, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => deep += 1,
            b']' | b'}' if !in_text => deep = deep.saturating_sub(1),
            _ => (),
        }
        if deep > DEPTH_LIMIT {
            return Err(Problem::invalid("", format!("lies deeper than {DEPTH_LIMIT}")));
        }
    }
    Ok(())
}

/// The path as a JSON pointer.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => (),
        }
    }
    pointer
}

/// What `serde_json` says, without the value it says it of: that may be a secret.
fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if text.starts_with("unknown ") => "is not known here".to_owned(),
        None => text,
    }
}

/// An answer of JSON with that status.
pub(super) fn answer<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let media_type = HeaderValue::from_static("application/json");
            (status, [(CONTENT_TYPE, media_type)], body).into_response()
        }
        Err(error) => Problem {
            cause: Some(std::sync::Arc::new(error)),
            ..Problem::new(ProblemCode::Internal)
        }
        .into_response(),
    }
}

/// An answer of JSON.
pub(super) fn ok<T: Serialize>(value: &T) -> Response {
    answer(StatusCode::OK, value)
}

#[cfg(test)]
mod unit_tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::Body;
    use futures_core::Stream;

    use super::*;

    struct Never;

    impl Stream for Never {
        type Item = Result<Bytes, Infallible>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_a_body() {
        let problem = bytes(Request::new(Body::from_stream(Never))).await.unwrap_err();
        assert_eq!(problem.code.status(), StatusCode::BAD_REQUEST);
        let long = Body::from(vec![b' '; BODY_LIMIT + 1]);
        let problem = bytes(Request::new(long)).await.unwrap_err();
        assert_eq!(problem.code.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn depth_is_counted_outside_texts() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(depth(nested(DEPTH_LIMIT).as_bytes()).is_ok());
        assert!(depth(nested(DEPTH_LIMIT + 1).as_bytes()).is_err());
        assert!(depth(format!("\"{}\\\"[\"", "[".repeat(99)).as_bytes()).is_ok());
    }
}
