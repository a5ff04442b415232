//! Targets for what of a file is sent: ranges and conditions, from header fields to the bytes.

use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body as _;

use super::input::{Input, chosen};
use crate::delivery::{
    Answer, AskMethod, EntityTag, HttpTime, Object, ObjectMeta, TagMatch, Validators,
};
use crate::response::{AnswerBody, FileAnswer, FileRequest};

/// Lengths that matter: none, one, a few, more than a chunk of anything.
const LENGTHS: &[usize] = &[0, 1, 2, 20, 100, 70_000];

const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const STATED: &str = "Sun, 06 Nov 1994 09:49:37 GMT";

/// The length of the file, then the value of `Range`.
pub fn range_header(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let content = content(chosen(LENGTHS, input.byte()));
    let Ok(range) = HeaderValue::from_bytes(input.rest()) else { return };
    let wanted = range.to_str().ok().and_then(|text| wanted(text, content.len()));
    let headers = HeaderMap::from_iter([(header::RANGE, range)]);
    let answer = answer(AskMethod::Get, &headers, &content, validators("\"v1\""));
    let asked_nothing = wanted.is_none();
    let wanted: Vec<(usize, usize)> = wanted.unwrap_or_default();
    let response = match answer {
        FileAnswer::RangeNotSatisfiable { complete } => {
            assert!(!asked_nothing && wanted.is_empty(), "satisfiable: {wanted:?}");
            assert_eq!(usize::try_from(complete), Ok(content.len()));
            return;
        }
        FileAnswer::NotFound => panic!("the file is there"),
        FileAnswer::Response(response) => response,
    };
    let sent = read(response, &content);
    if sent.status == StatusCode::OK {
        assert_eq!(sent.body, content);
        // The whole is a right answer where nothing usable was asked for, the ranges descend, or
        // there is nothing to take a part of.
        let ascending = wanted.is_sorted_by_key(|(first, _)| *first);
        assert!(asked_nothing || !ascending || content.is_empty(), "ignored: {wanted:?}");
        return;
    }
    assert_eq!(sent.status, StatusCode::PARTIAL_CONTENT);
    assert!((1..=8).contains(&sent.parts.len()));
    for (one, next) in sent.parts.iter().zip(sent.parts.iter().skip(1)) {
        assert!(one.1 + 1 < next.0, "not apart: {:?}", sent.parts);
    }
    for at in 0..content.len() {
        let within = |spans: &[(usize, usize)]| spans.iter().any(|it| it.0 <= at && at <= it.1);
        assert_eq!(within(&sent.parts), within(&wanted), "byte {at}");
    }
}

/// What a `Range` means in a file of that length, read naively: `None` where it is to be ignored,
/// else its satisfiable ranges.
fn wanted(value: &str, length: usize) -> Option<Vec<(usize, usize)>> {
    let (unit, set) = value.split_once('=')?;
    let elements: Vec<&str> =
        set.split(',').map(|it| it.trim_matches([' ', '\t'])).filter(|it| !it.is_empty()).collect();
    if !unit.eq_ignore_ascii_case("bytes") || elements.is_empty() || elements.len() > 8 {
        return None;
    }
    let number = |digits: &str| {
        let sound = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        // Two positions past every length there is need not be told apart.
        sound.then(|| digits.parse::<u64>().unwrap_or(u64::MAX))
    };
    let length = length as u64;
    let mut ranges = Vec::new();
    for element in elements {
        let (first, last) = element.split_once('-')?;
        let (first, last) = match (first, last) {
            ("", suffix) => (length.saturating_sub(number(suffix)?), length),
            (first, "") => (number(first)?, u64::MAX),
            (first, last) => (number(first)?, number(last)?),
        };
        if first > last {
            return None;
        }
        if first < length {
            let index = |position: u64| usize::try_from(position).ok();
            ranges.push((index(first)?, index(last.min(length - 1))?));
        }
    }
    Some(ranges)
}

/// The method and the file's validators, then header fields, one a line.
pub fn conditional(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let tag = chosen(&["\"v1\"", "W/\"v1\"", "\"\"", "none"], choice);
    let validators = validators(tag);
    let content = content(20);
    let mut headers = HeaderMap::new();
    while let Some(line) = (!input.is_empty()).then(|| input.line()) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let name = HeaderName::from_bytes(name).ok();
        let value = value.get(1..).map(<[u8]>::trim_ascii).map(HeaderValue::from_bytes);
        if let (Some(name), Some(Ok(value))) = (name, value) {
            headers.append(name, value);
        }
    }
    let get = response(answer(AskMethod::Get, &headers, &content, validators.clone()));
    let head = response(answer(AskMethod::Head, &headers, &content, validators.clone()));
    let Some(head) = head else { panic!("HEAD has no ranges, and is told of one") };
    assert!(head.body().is_end_stream(), "HEAD has a body");
    let Some(get) = get else {
        assert!(headers.contains_key(header::RANGE), "not satisfiable without a range");
        return;
    };
    match get.status() {
        StatusCode::PARTIAL_CONTENT => {
            assert!(headers.contains_key(header::RANGE));
            assert_eq!(head.status(), StatusCode::OK);
        }
        same => {
            assert_eq!(head.status(), same);
            assert_eq!(head.headers(), get.headers());
        }
    }
    conditions_hold(&headers, &validators, get.status());
    print_and_parse(&headers);
    let sent = read(get, &content);
    match sent.status {
        StatusCode::OK => assert_eq!(sent.body, content),
        StatusCode::PARTIAL_CONTENT => assert!(sent.parts.len() <= 8),
        StatusCode::NOT_MODIFIED | StatusCode::PRECONDITION_FAILED => {
            assert_eq!(sent.body, Bytes::new());
        }
        other => panic!("status {other}"),
    }
}

/// What RFC 9110 section 13.2.2 says of requests whose fields are simple enough to say it plainly.
fn conditions_hold(headers: &HeaderMap, validators: &Validators, status: StatusCode) {
    let has = |name| headers.contains_key(name);
    let is = |name, value: &str| {
        let mut fields = headers.get_all(name).iter();
        fields.next().is_some_and(|field| field == value) && fields.next().is_none()
    };
    let precondition = has(header::IF_MATCH) || has(header::IF_UNMODIFIED_SINCE);
    let freshness = has(header::IF_NONE_MATCH) || has(header::IF_MODIFIED_SINCE);
    if !precondition {
        assert_ne!(status, StatusCode::PRECONDITION_FAILED);
    }
    if !freshness {
        assert_ne!(status, StatusCode::NOT_MODIFIED);
    }
    if !precondition && is(header::IF_NONE_MATCH, "*") {
        assert_eq!(status, StatusCode::NOT_MODIFIED);
    }
    if is(header::IF_MATCH, "*") {
        assert_ne!(status, StatusCode::PRECONDITION_FAILED);
    }
    if !precondition && !has(header::IF_NONE_MATCH) && is(header::IF_MODIFIED_SINCE, MODIFIED) {
        assert_eq!(status, StatusCode::NOT_MODIFIED);
    }
    let Some(etag) = &validators.etag else { return };
    if is(header::IF_MATCH, &etag.to_string()) {
        let strong = etag.matches_strongly(etag);
        assert_eq!(status == StatusCode::PRECONDITION_FAILED, !strong);
    }
    if !precondition && is(header::IF_NONE_MATCH, &etag.to_string()) {
        assert_eq!(status, StatusCode::NOT_MODIFIED);
    }
}

/// Tags and dates that were read print to a text that reads the same.
fn print_and_parse(headers: &HeaderMap) {
    for value in headers.values().filter_map(|value| value.to_str().ok()) {
        let tags = TagMatch::parse(value);
        assert_eq!(TagMatch::parse(&tags.to_string()), tags);
        if let Some(tag) = EntityTag::parse(value) {
            assert_eq!(tag.to_string(), value);
        }
        if let Some(time) = HttpTime::parse(value) {
            assert_eq!(HttpTime::parse(&time.to_string()), Some(time));
        }
    }
}

fn validators(tag: &str) -> Validators {
    Validators {
        etag: EntityTag::parse(tag),
        last_modified: HttpTime::parse(MODIFIED),
        stated_at: HttpTime::parse(STATED),
    }
}

/// A file of that length; no two neighbourhoods of its bytes are alike.
fn content(length: usize) -> Bytes {
    static LONGEST: LazyLock<Bytes> = LazyLock::new(|| {
        (0..70_000_usize).map(|at| u8::try_from(at * 7 % 251).unwrap_or_default()).collect()
    });
    LONGEST.slice(..length)
}

fn answer(
    method: AskMethod,
    headers: &HeaderMap,
    content: &Bytes,
    validators: Validators,
) -> FileAnswer {
    let meta = ObjectMeta {
        complete_length: u64::try_from(content.len()).ok(),
        validators,
        content_type: HeaderValue::from_static("video/mp4"),
        content_language: None,
        content_encoding: None,
        caching: crate::delivery::Caching::UNSTATED,
        forwarded: HeaderMap::new(),
    };
    let found = match method {
        AskMethod::Get => Answer::Found(Object::from_memory(meta, content.clone())),
        AskMethod::Head => Answer::Described(meta),
    };
    FileRequest::new(method, headers).answer(found, None)
}

fn response(answer: FileAnswer) -> Option<Response<AnswerBody>> {
    match answer {
        FileAnswer::Response(response) => Some(response),
        FileAnswer::RangeNotSatisfiable { .. } => None,
        FileAnswer::NotFound => panic!("the file is there"),
    }
}

/// An answer as a client has it in the end.
#[derive(Debug)]
struct Sent {
    status: StatusCode,
    body: Bytes,
    /// First and last byte of each part; none in a whole.
    parts: Vec<(usize, usize)>,
}

/// Reads an answer to its end; its length and its parts are what its fields say.
fn read(mut response: Response<AnswerBody>, content: &[u8]) -> Sent {
    let status = response.status();
    let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let length = field(header::CONTENT_LENGTH).map(str::to_owned);
    let range = field(header::CONTENT_RANGE).map(str::to_owned);
    let kind = field(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let mut body = Vec::new();
    let mut context = Context::from_waker(Waker::noop());
    let promised = response.body().size_hint().exact();
    loop {
        match Pin::new(response.body_mut()).poll_frame(&mut context) {
            Poll::Ready(Some(Ok(frame))) => body.extend(frame.into_data().unwrap_or_default()),
            Poll::Ready(None) => break,
            Poll::Ready(Some(Err(error))) => panic!("the body broke: {error:?}"),
            Poll::Pending => panic!("it waits, though all bytes are there"),
        }
    }
    assert_eq!(promised, Some(body.len() as u64));
    if status != StatusCode::NOT_MODIFIED {
        assert_eq!(length, Some(body.len().to_string()));
    }
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
    let parts = match (status, range, boundary) {
        (StatusCode::PARTIAL_CONTENT, Some(range), None) => {
            vec![checked_part(&range, &body, content)]
        }
        (StatusCode::PARTIAL_CONTENT, None, Some(boundary)) => {
            checked_parts(&body, boundary, content)
        }
        (_, None, None) => Vec::new(),
        (status, range, boundary) => panic!("{status} with {range:?} and {boundary:?}"),
    };
    Sent { status, body: body.into(), parts }
}

/// The parts of a multipart body, taken apart by their stated lengths.
fn checked_parts(body: &[u8], boundary: &str, content: &[u8]) -> Vec<(usize, usize)> {
    let mut parts = Vec::new();
    let mut rest = body;
    let mut delimiter = format!("--{boundary}\r\n");
    while let Some(part) = rest.strip_prefix(delimiter.as_bytes()) {
        let Some(end) = part.windows(4).position(|at| at == b"\r\n\r\n") else {
            panic!("a part without a head")
        };
        let (head, bytes) = part.split_at(end);
        let head = String::from_utf8_lossy(head);
        let range = head.lines().find_map(|line| line.strip_prefix("Content-Range: "));
        let range = range.unwrap_or_default();
        let bytes = bytes.get(4..).unwrap_or_default();
        let (first, last) = bounds(range, content);
        let (bytes, after) = bytes.split_at(last + 1 - first);
        parts.push(checked_part(range, bytes, content));
        rest = after;
        delimiter = format!("\r\n--{boundary}\r\n");
    }
    assert_eq!(rest, format!("\r\n--{boundary}--\r\n").as_bytes());
    assert!(parts.len() > 1, "several parts in name only");
    parts
}

fn checked_part(range: &str, bytes: &[u8], content: &[u8]) -> (usize, usize) {
    let (first, last) = bounds(range, content);
    assert_eq!(content.get(first..=last), Some(bytes), "{range}");
    (first, last)
}

fn bounds(range: &str, content: &[u8]) -> (usize, usize) {
    let bounds = range.strip_prefix("bytes ").and_then(|range| {
        let (span, complete) = range.split_once('/')?;
        assert_eq!(complete.parse(), Ok(content.len()), "{range}");
        let (first, last) = span.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()?))
    });
    let Some((first, last)) = bounds else { panic!("Content-Range: {range}") };
    assert!(first <= last && last < content.len(), "{range}");
    (first, last)
}
