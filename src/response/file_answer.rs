//! From a permitted request and an origin's answer to the answer for the client.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::body::{AnswerBody, Portion};
use super::conditional::{self, RangeVerdict, Verdict};
use super::headers;
use super::multipart::MultipartFrame;
use super::range::{self, Selection};
use crate::delivery::{
    Answer, AskMethod, Conditions, Divisibility, Object, ObjectMeta, RangeSpec, Spans, Validators,
};

/// What a client wants of a file, apart from which.
#[derive(Clone, Debug)]
pub struct FileRequest {
    method: AskMethod,
    ranges: Vec<RangeSpec>,
    conditions: Conditions,
}

/// What comes of it.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "almost always the large one, and moved twice")]
pub enum FileAnswer {
    /// There is no such file: refusal `not_found`.
    NotFound,
    /// None of the ranges lies in the file: refusal `range_not_satisfiable`, whose answer carries
    /// `Content-Range: bytes */` and this length (RFC 9110 section 15.5.17).
    RangeNotSatisfiable {
        /// Bytes in the file.
        complete: u64,
    },
    /// 200, 206, 304 or 412.
    Response(Response<AnswerBody>),
}

impl FileRequest {
    /// Reads the headers that say which version and which parts are wanted. All others are
    /// somebody else's business. `Range` means something with GET only (RFC 9110 section 14.2).
    pub fn new(method: AskMethod, headers: &HeaderMap) -> Self {
        let ranges = match method {
            AskMethod::Get => range::requested(headers),
            AskMethod::Head => Vec::new(),
        };
        Self { method, ranges, conditions: conditional::requested(headers) }
    }

    /// The method.
    pub fn method(&self) -> AskMethod {
        self.method
    }

    /// The parts that are wanted; none: the whole.
    pub fn ranges(&self) -> &[RangeSpec] {
        &self.ranges
    }

    /// The conditions under which less is wanted.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The answer, where the conditions alone decide it: the version is known, and is not wanted.
    pub fn settled(&self, current: &Validators) -> Option<FileAnswer> {
        match conditional::evaluate(&self.conditions, current) {
            Verdict::NotModified => Some(not_modified(current, &HeaderMap::new())),
            Verdict::PreconditionFailed => Some(precondition_failed(current)),
            Verdict::Proceed => None,
        }
    }

    /// What to answer the client.
    ///
    /// Headers that depend on who asks (`Cache-Control`, `Content-Disposition`) are added by
    /// [`Presentation`](super::Presentation). `head` is [`head_of`] the answer's object, where
    /// somebody has it at hand.
    pub fn answer(&self, answer: Answer, head: Option<HeaderMap>) -> FileAnswer {
        match answer {
            Answer::Described(meta) => self.describe(&meta, head),
            Answer::Found(object) => self.serve(object, head),
            Answer::NotFound(_) => FileAnswer::NotFound,
            Answer::NotModified(fresh) => not_modified(&fresh.validators, &fresh.forwarded),
        }
    }

    fn describe(&self, meta: &ObjectMeta, head: Option<HeaderMap>) -> FileAnswer {
        match conditional::evaluate(&self.conditions, &meta.validators) {
            Verdict::NotModified => not_modified(&meta.validators, &meta.forwarded),
            Verdict::PreconditionFailed => precondition_failed(&meta.validators),
            Verdict::Proceed => {
                let mut response = described(StatusCode::OK, meta, head);
                set_length(response.headers_mut(), meta.complete_length);
                FileAnswer::Response(response)
            }
        }
    }

    fn serve(&self, object: Object, head: Option<HeaderMap>) -> FileAnswer {
        let meta = object.meta();
        match conditional::evaluate(&self.conditions, &meta.validators) {
            Verdict::NotModified => not_modified(&meta.validators, &meta.forwarded),
            Verdict::PreconditionFailed => precondition_failed(&meta.validators),
            Verdict::Proceed => match (meta.complete_length, self.select(&object)) {
                (Some(complete), Selection::Unsatisfiable) => {
                    FileAnswer::RangeNotSatisfiable { complete }
                }
                (Some(complete), Selection::Spans(spans)) => partial(object, head, spans, complete),
                (None, _) | (Some(_), Selection::Whole) => whole(object, head),
            },
        }
    }

    /// The part to send. Where the origin cannot give several parts of one version, or any part,
    /// the client gets the whole, which is always a right answer to a range.
    fn select(&self, object: &Object) -> Selection {
        let meta = object.meta();
        let Some(complete) = meta.complete_length else { return Selection::Whole };
        match conditional::evaluate_if_range(&self.conditions, &meta.validators) {
            RangeVerdict::Honour => {}
            RangeVerdict::Ignore => return Selection::Whole,
        }
        let selection = range::select(&self.ranges, complete);
        match (&selection, object.divisibility()) {
            (Selection::Spans(spans), Divisibility::OneSpan) if spans.as_slice().len() > 1 => {
                Selection::Whole
            }
            (Selection::Spans(_), Divisibility::Whole) => Selection::Whole,
            (
                Selection::Spans(_) | Selection::Unsatisfiable | Selection::Whole,
                Divisibility::OneSpan | Divisibility::Spans | Divisibility::Whole,
            ) => selection,
        }
    }
}

fn whole(object: Object, head: Option<HeaderMap>) -> FileAnswer {
    let mut response = described(StatusCode::OK, object.meta(), head);
    set_length(response.headers_mut(), object.meta().complete_length);
    let portion = Portion::Whole { complete: object.meta().complete_length };
    *response.body_mut() = AnswerBody::plain(object.into_whole(), portion);
    FileAnswer::Response(response)
}

fn partial(object: Object, head: Option<HeaderMap>, spans: Spans, complete: u64) -> FileAnswer {
    let mut response = described(StatusCode::PARTIAL_CONTENT, object.meta(), head);
    let headers = response.headers_mut();
    let body = if let [span] = spans.as_slice() {
        set_text(headers, header::CONTENT_RANGE, format!("bytes {span}/{complete}"));
        set_length(headers, Some(span.length()));
        let body = object.into_spans(&spans);
        AnswerBody::plain(body, Portion::Spans { spans, complete })
    } else {
        let frame = MultipartFrame::new(&spans, complete, &object.meta().content_type);
        // The parts say what type they are; the message is of the type of the frame.
        set_text(headers, header::CONTENT_TYPE, frame.content_type());
        set_length(headers, frame.length());
        let content = object.into_spans(&spans);
        AnswerBody::multipart(frame, content, Portion::Spans { spans, complete })
    };
    *response.body_mut() = body;
    FileAnswer::Response(response)
}

/// RFC 9110 section 15.4.5: the validators, and nothing that describes a body.
fn not_modified(validators: &Validators, forwarded: &HeaderMap) -> FileAnswer {
    FileAnswer::Response(bare(StatusCode::NOT_MODIFIED, validated(validators, forwarded)))
}

fn precondition_failed(validators: &Validators) -> FileAnswer {
    let head = validated(validators, &HeaderMap::new());
    let mut response = bare(StatusCode::PRECONDITION_FAILED, head);
    set_length(response.headers_mut(), Some(0));
    FileAnswer::Response(response)
}

fn described(
    status: StatusCode,
    meta: &ObjectMeta,
    head: Option<HeaderMap>,
) -> Response<AnswerBody> {
    bare(status, head.unwrap_or_else(|| head_of(meta)))
}

fn bare(status: StatusCode, head: HeaderMap) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::empty());
    *response.status_mut() = status;
    *response.headers_mut() = head;
    response
}

/// What every answer with an object's bytes says of them; all but their length.
pub fn head_of(meta: &ObjectMeta) -> HeaderMap {
    let mut headers = validated(&meta.validators, &meta.forwarded);
    headers.insert(header::CONTENT_TYPE, meta.content_type.clone());
    headers::restrain(&mut headers, &meta.content_type);
    for (name, value) in [
        (header::CONTENT_ENCODING, &meta.content_encoding),
        (header::CONTENT_LANGUAGE, &meta.content_language),
    ] {
        if let Some(value) = value {
            headers.insert(name, value.clone());
        }
    }
    let unit = if meta.complete_length.is_some() { "bytes" } else { "none" };
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static(unit));
    headers
}

/// Fields of an answer with a file: a map that grows by itself is hashed anew three times on the way.
const USUAL_FIELDS: usize = 16;

/// What the operator lets travel comes first: what we say ourselves takes its place.
fn validated(validators: &Validators, forwarded: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(USUAL_FIELDS);
    for (name, value) in forwarded {
        headers.append(name.clone(), value.clone());
    }
    headers::harden(&mut headers);
    if let Some(etag) = &validators.etag {
        set_text(&mut headers, header::ETAG, etag.to_text());
    }
    if let Some(modified) = validators.last_modified {
        set_text(&mut headers, header::LAST_MODIFIED, modified.to_text());
    }
    headers
}

fn set_length(headers: &mut HeaderMap, length: Option<u64>) {
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
}

/// For texts that are visible ASCII by construction; another would simply not be sent.
fn set_text(headers: &mut HeaderMap, name: header::HeaderName, text: String) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}
