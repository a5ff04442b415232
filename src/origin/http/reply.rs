//! What the head of an answer says, as far as it can be believed.

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};

use super::super::answer::{Expires, Keeping, ObjectMeta};
use super::super::ask::AskMethod;
use super::super::error::{OriginError, OriginFault};
use super::super::range::{ByteRange, RangeSpec};
use super::super::validator::{EntityTag, HttpTime, Validators};

/// What was asked, as far as it decides what may be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) method: AskMethod,
    pub(super) range: Option<RangeSpec>,
    pub(super) conditions: Asked,
}

/// Which conditions were sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// None.
    Plainly,
    /// That this be the version we know.
    IfStill,
    /// That it be another version than the client knows.
    IfChanged,
}

/// A believable answer.
#[derive(Debug)]
pub(super) enum Reply {
    NotFound,
    NotModified(Validators),
    Part(ObjectMeta, ByteRange),
    PreconditionFailed,
    RangeRefused,
    Whole(ObjectMeta),
}

impl Reply {
    /// `body_length` is what the framing of the body says; none where it is chunked or goes on to
    /// the end of the connection.
    pub(super) fn read(
        question: Question,
        status: StatusCode,
        headers: &HeaderMap,
        body_length: Option<u64>,
    ) -> Result<Self, OriginError> {
        match (status, question.range, question.conditions) {
            (StatusCode::OK, _, _) => Self::whole(question.method, headers, body_length),
            (StatusCode::PARTIAL_CONTENT, Some(asked), _) => {
                Self::part(asked, headers, body_length)
            }
            (StatusCode::NOT_MODIFIED, _, Asked::IfChanged) => {
                Ok(Self::NotModified(validators(headers)))
            }
            (StatusCode::PRECONDITION_FAILED, _, Asked::IfStill) => Ok(Self::PreconditionFailed),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _, _) => Ok(Self::NotFound),
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(_), _) => Ok(Self::RangeRefused),
            (status, _, _) => {
                Err(OriginError::caused_by(OriginFault::StatusUnexpected, status.to_string()))
            }
        }
    }

    fn whole(
        method: AskMethod,
        headers: &HeaderMap,
        body_length: Option<u64>,
    ) -> Result<Self, OriginError> {
        let complete = match method {
            AskMethod::Get if body_length.is_none() && !is_chunked(headers) => {
                // Cut off here and complete would look the same.
                return Err(OriginFault::FramingUnbounded.into());
            }
            AskMethod::Get => body_length,
            AskMethod::Head => text(headers, &header::CONTENT_LENGTH).and_then(number),
        };
        Ok(Self::Whole(meta(headers, complete)))
    }

    fn part(
        asked: RangeSpec,
        headers: &HeaderMap,
        body_length: Option<u64>,
    ) -> Result<Self, OriginError> {
        let (stated, complete) = text(headers, &header::CONTENT_RANGE)
            .and_then(content_range)
            .ok_or(OriginFault::ContentRangeWrong)?;
        let fits = body_length.is_none_or(|length| length == stated.length());
        if asked.resolve(complete) != Some(stated) || !fits {
            return Err(OriginFault::ContentRangeWrong.into());
        }
        Ok(Self::Part(meta(headers, Some(complete)), stated))
    }
}

fn meta(headers: &HeaderMap, complete_length: Option<u64>) -> ObjectMeta {
    let copied = |name: HeaderName| headers.get(name).cloned();
    ObjectMeta {
        complete_length,
        validators: validators(headers),
        content_type: copied(header::CONTENT_TYPE)
            .unwrap_or(HeaderValue::from_static("application/octet-stream")),
        content_language: copied(header::CONTENT_LANGUAGE),
        content_encoding: copied(header::CONTENT_ENCODING)
            .filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")),
        keeping: keeping(headers),
    }
}

fn keeping(headers: &HeaderMap) -> Keeping {
    let expires = match headers.get(header::EXPIRES) {
        Some(_) => Expires::Stated,
        None => Expires::Unstated,
    };
    // A value that is no text is read as one that forbids.
    let values = headers.get_all(header::CACHE_CONTROL).iter();
    Keeping::read(values.map(|value| value.to_str().unwrap_or("no-store")), expires)
}

fn validators(headers: &HeaderMap) -> Validators {
    let date = |name: HeaderName| text(headers, &name).and_then(HttpTime::parse);
    Validators {
        etag: text(headers, &header::ETAG).and_then(EntityTag::parse),
        last_modified: date(header::LAST_MODIFIED),
        stated_at: date(header::DATE),
    }
}

/// `bytes first-last/complete` (RFC 9110 section 14.4); a length that is not told is none we can
/// tell our client.
fn content_range(value: &str) -> Option<(ByteRange, u64)> {
    let (range, complete) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let range = ByteRange::new(number(first)?, number(last)?)?;
    let complete = number(complete)?;
    (range.end() <= complete).then_some((range, complete))
}

fn is_chunked(headers: &HeaderMap) -> bool {
    text(headers, &header::TRANSFER_ENCODING)
        .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
}

/// The value of a field that occurs once.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut fields = headers.get_all(name).iter();
    match (fields.next(), fields.next()) {
        (Some(field), None) => field.to_str().ok().map(str::trim),
        (None, _) | (Some(_), Some(_)) => None,
    }
}

fn number(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        let range = |first, last| ByteRange::new(first, last).unwrap();
        assert_eq!(content_range("bytes 0-499/1234"), Some((range(0, 499), 1234)));
        assert_eq!(content_range("bytes 0-0/1"), Some((range(0, 0), 1)));
        for text in [
            "bytes 0-499/*",
            "bytes */1234",
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes +0-1/10",
            "items 0-1/10",
            "0-1/10",
            "bytes 0-1",
            "bytes 0-99999999999999999999/100000000000000000000",
            "",
        ] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }
}
