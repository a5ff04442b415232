//! What the head of an answer says, as far as it can be believed.

use http::header::{self, HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};

use super::super::answer::{Freshening, ObjectMeta};
use super::super::ask::AskMethod;
use super::super::caching::{Caching, Storing};
use super::super::error::{OriginError, OriginFault};
use super::super::forwarding::Forwarding;
use super::super::range::{ByteRange, RangeSpec};
use super::super::validator::{EntityTag, HttpTime, Validators};
use super::head::Framing;
use crate::clock::UnixSeconds;

/// What was asked, as far as it decides what may be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) method: AskMethod,
    pub(super) range: Option<RangeSpec>,
    pub(super) conditions: Asked,
    pub(super) now: UnixSeconds,
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

/// The head of an answer as it came, and what it takes to read it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReplyHead<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    pub(super) framing: Framing,
    pub(super) forwarding: &'a Forwarding,
    pub(super) now: UnixSeconds,
}

/// A believable answer.
#[derive(Debug)]
pub(super) enum Reply {
    NotFound(Box<Caching>),
    NotModified(Box<Freshening>),
    Part(ObjectMeta, ByteRange),
    PreconditionFailed,
    RangeRefused,
    Whole(ObjectMeta),
}

impl Reply {
    pub(super) fn read(question: Question, head: ReplyHead<'_>) -> Result<Self, OriginError> {
        match (head.status, question.range, question.conditions) {
            (StatusCode::OK, _, _) => head.whole(question.method),
            (StatusCode::PARTIAL_CONTENT, Some(asked), _) => head.part(asked),
            (StatusCode::NOT_MODIFIED, _, Asked::IfChanged) => {
                Ok(Self::NotModified(Box::new(head.freshening())))
            }
            (StatusCode::PRECONDITION_FAILED, _, Asked::IfStill) => Ok(Self::PreconditionFailed),
            (StatusCode::NOT_FOUND | StatusCode::GONE, _, _) => {
                Ok(Self::NotFound(Box::new(Caching::read(head.headers, head.now))))
            }
            (StatusCode::RANGE_NOT_SATISFIABLE, Some(_), _) => Ok(Self::RangeRefused),
            (status, _, _) => {
                let fault = if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
                    OriginFault::ServerFailed
                } else {
                    OriginFault::StatusUnexpected
                };
                Err(OriginError::caused_by(fault, status.to_string()))
            }
        }
    }
}

impl ReplyHead<'_> {
    fn whole(&self, method: AskMethod) -> Result<Reply, OriginError> {
        let complete = match (method, self.framing) {
            // Cut off and complete would look the same.
            (AskMethod::Get, Framing::UntilClose) => {
                return Err(OriginFault::FramingUnbounded.into());
            }
            (AskMethod::Get, Framing::Length(length)) => Some(length),
            (AskMethod::Get, Framing::Chunked) => None,
            (AskMethod::Head, _) => text(self.headers, &header::CONTENT_LENGTH).and_then(number),
        };
        let mut meta = self.meta(complete);
        if self.headers.contains_key(header::CONTENT_RANGE) {
            meta.caching.storing = Storing::Doubtful;
        }
        Ok(Reply::Whole(meta))
    }

    fn part(&self, asked: RangeSpec) -> Result<Reply, OriginError> {
        let (stated, complete) = text(self.headers, &header::CONTENT_RANGE)
            .and_then(content_range)
            .ok_or(OriginFault::ContentRangeWrong)?;
        let fits = match self.framing {
            Framing::Length(length) => length == stated.length(),
            Framing::Chunked | Framing::UntilClose => true,
        };
        if asked.resolve(complete) != Some(stated) || !fits {
            return Err(OriginFault::ContentRangeWrong.into());
        }
        Ok(Reply::Part(self.meta(Some(complete)), stated))
    }

    fn meta(&self, complete_length: Option<u64>) -> ObjectMeta {
        let copied = |name: HeaderName| self.headers.get(name).cloned();
        ObjectMeta {
            complete_length,
            validators: validators(self.headers),
            content_type: copied(header::CONTENT_TYPE)
                .unwrap_or(HeaderValue::from_static("application/octet-stream")),
            content_language: copied(header::CONTENT_LANGUAGE),
            content_encoding: copied(header::CONTENT_ENCODING)
                .filter(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")),
            caching: Caching::read(self.headers, self.now),
            forwarded: self.forwarding.of_response(self.headers),
        }
    }

    fn freshening(&self) -> Freshening {
        Freshening {
            validators: validators(self.headers),
            content_type: self.headers.get(header::CONTENT_TYPE).cloned(),
            caching: Caching::restated(self.headers, self.now),
            forwarded: self.forwarding.of_response(self.headers),
        }
    }
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
