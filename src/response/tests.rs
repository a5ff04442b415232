//! Whole answers, from an object in memory to the bytes a client would get.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use proptest::prelude::*;

use super::{AnswerBody, FileAnswer, FileRequest};
use crate::delivery::{
    Answer, AskMethod, Caching, EntityTag, Freshening, HttpTime, Object, ObjectMeta, Validators,
};

const CONTENT: &[u8] = b"0123456789abcdefghij";
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const LATER: &str = "Sun, 06 Nov 1994 09:49:37 GMT";

type Fields<'a> = &'a [(&'static str, &'a str)];

fn meta(complete_length: Option<u64>) -> ObjectMeta {
    ObjectMeta {
        complete_length,
        validators: Validators {
            etag: EntityTag::parse("\"v1\""),
            last_modified: HttpTime::parse(MODIFIED),
            stated_at: HttpTime::parse(LATER),
        },
        content_type: HeaderValue::from_static("video/mp4"),
        content_language: Some(HeaderValue::from_static("de")),
        content_encoding: None,
        caching: Caching::UNSTATED,
        forwarded: HeaderMap::new(),
    }
}

fn request(method: AskMethod, fields: Fields<'_>) -> FileRequest {
    let headers: HeaderMap = fields
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect();
    FileRequest::new(method, &headers)
}

/// As an origin of this content would answer that method.
fn answer(method: AskMethod, fields: Fields<'_>, content: &'static [u8]) -> FileAnswer {
    let meta = meta(Some(content.len() as u64));
    let answer = match method {
        AskMethod::Get => Answer::Found(Object::from_memory(meta, Bytes::from_static(content))),
        AskMethod::Head => Answer::Described(meta),
    };
    request(method, fields).answer(answer, None)
}

fn response(answer: FileAnswer) -> Response<AnswerBody> {
    match answer {
        FileAnswer::Response(response) => response,
        FileAnswer::NotFound | FileAnswer::RangeNotSatisfiable { .. } => panic!("{answer:?}"),
    }
}

fn get(fields: Fields<'_>) -> Response<AnswerBody> {
    response(answer(AskMethod::Get, fields, CONTENT))
}

fn text<'h>(response: &'h Response<AnswerBody>, name: &str) -> Option<&'h str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

async fn read(response: Response<AnswerBody>) -> Bytes {
    let length = text(&response, "content-length").map(|length| length.parse::<u64>().unwrap());
    let body = response.into_body();
    assert_eq!(body.size_hint().exact(), length);
    let bytes = body.collect().await.unwrap().to_bytes();
    assert_eq!(Some(bytes.len() as u64), length);
    bytes
}

#[tokio::test]
async fn the_whole_file() {
    let response = get(&[]);
    assert_eq!(response.status(), StatusCode::OK);
    let expected = [
        ("accept-ranges", "bytes"),
        ("content-language", "de"),
        ("content-length", "20"),
        ("content-type", "video/mp4"),
        ("etag", "\"v1\""),
        ("last-modified", MODIFIED),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ];
    let mut got: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    got.sort_unstable();
    assert_eq!(got, expected);
    assert_eq!(read(response).await, CONTENT);
}

/// HEAD sends what GET would, without a body; a range means nothing with it.
#[tokio::test]
async fn head_is_get_without_the_body() {
    for fields in [&[] as Fields<'_>, &[("range", "bytes=1-2")], &[("range", "bytes=99-")]] {
        let head = response(answer(AskMethod::Head, fields, CONTENT));
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers(), get(&[]).headers());
        assert!(head.body().is_end_stream());
    }
    for fields in [
        &[("if-none-match", "\"v1\"")] as Fields<'_>,
        &[("if-match", "\"v2\"")],
        &[("if-modified-since", MODIFIED)],
    ] {
        let head = response(answer(AskMethod::Head, fields, CONTENT));
        let get = get(fields);
        assert_eq!((head.status(), head.headers()), (get.status(), get.headers()), "{fields:?}");
    }
}

#[tokio::test]
async fn one_range() {
    for (range, content_range, expected) in [
        ("bytes=0-4", "bytes 0-4/20", "01234"),
        ("bytes=15-", "bytes 15-19/20", "fghij"),
        ("bytes=-1", "bytes 19-19/20", "j"),
        ("bytes=0-", "bytes 0-19/20", "0123456789abcdefghij"),
        ("bytes=1-2,3-4", "bytes 1-4/20", "1234"),
        ("bytes=18-99,19-", "bytes 18-19/20", "ij"),
    ] {
        let response = get(&[("range", range)]);
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(text(&response, "content-range"), Some(content_range), "{range}");
        assert_eq!(text(&response, "content-type"), Some("video/mp4"), "{range}");
        assert_eq!(text(&response, "etag"), Some("\"v1\""), "{range}");
        assert_eq!(read(response).await, expected, "{range}");
    }
}

#[tokio::test]
async fn unsatisfiable_ranges_are_the_refusal_of_the_pipeline() {
    for (content, range, complete) in
        [(CONTENT, "bytes=20-", 20), (CONTENT, "bytes=-0", 20), (b"", "bytes=0-", 0)]
    {
        match answer(AskMethod::Get, &[("range", range)], content) {
            FileAnswer::RangeNotSatisfiable { complete: said } => assert_eq!(said, complete),
            other @ (FileAnswer::NotFound | FileAnswer::Response(_)) => panic!("{other:?}"),
        }
    }
    // A failed condition comes first, and so does an If-Range that does not hold.
    let fields: Fields<'_> = &[("range", "bytes=20-"), ("if-none-match", "\"v1\"")];
    assert_eq!(get(fields).status(), StatusCode::NOT_MODIFIED);
    let fields: Fields<'_> = &[("range", "bytes=20-"), ("if-range", "\"v0\"")];
    assert_eq!(get(fields).status(), StatusCode::OK);
    let empty = response(answer(AskMethod::Get, &[("range", "bytes=-5")], b""));
    assert_eq!((empty.status(), text(&empty, "content-length")), (StatusCode::OK, Some("0")));
    assert_eq!(read(empty).await, "");
}

#[tokio::test]
async fn if_range() {
    for (if_range, status) in [
        ("\"v1\"", StatusCode::PARTIAL_CONTENT),
        ("W/\"v1\"", StatusCode::OK),
        ("\"v0\"", StatusCode::OK),
        (MODIFIED, StatusCode::PARTIAL_CONTENT),
        (LATER, StatusCode::OK),
        ("nonsense", StatusCode::OK),
    ] {
        let response = get(&[("range", "bytes=2-3"), ("if-range", if_range)]);
        assert_eq!(response.status(), status, "{if_range}");
        let expected = if status == StatusCode::OK { CONTENT } else { b"23" };
        assert_eq!(read(response).await, expected, "{if_range}");
    }
}

#[tokio::test]
async fn conditions_that_end_the_matter() {
    let response = get(&[("if-none-match", "\"v1\""), ("range", "bytes=0-1")]);
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    for absent in ["content-length", "content-type", "content-language", "content-range"] {
        assert_eq!(text(&response, absent), None, "{absent}");
    }
    assert_eq!(text(&response, "etag"), Some("\"v1\""));
    assert!(response.body().is_end_stream());

    let response = get(&[("if-match", "\"v0\"")]);
    assert_eq!(response.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(text(&response, "content-length"), Some("0"));
    assert_eq!(read(response).await, "");
}

#[tokio::test]
async fn the_origin_may_say_not_modified_itself() {
    let request = request(AskMethod::Get, &[("if-none-match", "\"v1\"")]);
    let asked = request.conditions().if_none_match.as_ref().unwrap().to_string();
    assert_eq!(asked, "\"v1\"");
    let current = Freshening {
        validators: meta(None).validators,
        content_type: None,
        caching: None,
        forwarded: HeaderMap::new(),
    };
    let response = response(request.answer(Answer::NotModified(Box::new(current)), None));
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(text(&response, "last-modified"), Some(MODIFIED));
}

#[tokio::test]
async fn a_missing_file_is_the_refusal_of_the_pipeline() {
    let answer = request(AskMethod::Get, &[("if-match", "*")])
        .answer(Answer::NotFound(Box::new(Caching::UNSTATED)), None);
    assert!(matches!(answer, FileAnswer::NotFound));
}

#[tokio::test]
async fn active_types_are_restrained_in_parts_as_well() {
    for (fields, status) in [
        (&[] as Fields<'_>, StatusCode::OK),
        (&[("range", "bytes=0-0,5-5")], StatusCode::PARTIAL_CONTENT),
    ] {
        let html = ObjectMeta { content_type: HeaderValue::from_static("text/html"), ..meta(None) };
        let object = Object::from_memory(html, Bytes::from_static(CONTENT));
        let response =
            response(request(AskMethod::Get, fields).answer(Answer::Found(object), None));
        assert_eq!(response.status(), status);
        let policy = text(&response, "content-security-policy");
        assert_eq!(policy, Some("sandbox; default-src 'none'"));
    }
}

/// What an independent reader of `multipart/byteranges` finds: content type, range, bytes.
fn parts(content_type: &str, body: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let body = body.strip_prefix(&format!("--{boundary}\r\n")).unwrap();
    let body = body.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
    body.split(&format!("\r\n--{boundary}\r\n"))
        .map(|part| {
            let (head, bytes) = part.split_once("\r\n\r\n").unwrap();
            let (content_type, range) = head.split_once("\r\n").unwrap();
            let content_type = content_type.strip_prefix("Content-Type: ").unwrap();
            let range = range.strip_prefix("Content-Range: bytes ").unwrap();
            (content_type.to_owned(), range.to_owned(), bytes.as_bytes().to_vec())
        })
        .collect()
}

#[tokio::test]
async fn several_ranges() {
    let response = get(&[("range", "bytes=0-1,4-4,5-6,-1")]);
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(text(&response, "content-range"), None);
    let content_type = text(&response, "content-type").unwrap().to_owned();
    let body = read(response).await;
    let expected = [("0-1/20", "01"), ("4-6/20", "456"), ("19-19/20", "j")]
        .map(|(range, bytes)| ("video/mp4".to_owned(), range.to_owned(), bytes.into()));
    assert_eq!(parts(&content_type, &body), expected);
    let other = get(&[("range", "bytes=0-1,4-4")]);
    assert_ne!(text(&other, "content-type"), Some(&*content_type), "boundaries are drawn anew");
}

proptest! {
    /// The bytes of whatever comes back are the bytes its headers say, and were asked for.
    #[test]
    fn an_answer_is_what_its_headers_say(
        specs in prop::collection::vec((0_usize..25, 0_usize..8), 1..10),
    ) {
        let texts: Vec<String> =
            specs.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
        let range = format!("bytes={}", texts.join(","));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let wanted = |byte: &usize| {
            specs.iter().any(|(first, more)| (*first..=first + more).contains(byte))
        };
        let wanted: Vec<u8> =
            (0..CONTENT.len()).filter(wanted).map(|byte| CONTENT[byte]).collect();
        match answer(AskMethod::Get, &[("range", &range)], CONTENT) {
            FileAnswer::NotFound => panic!("found before"),
            FileAnswer::RangeNotSatisfiable { complete } => {
                prop_assert_eq!(complete, CONTENT.len() as u64);
                prop_assert!(wanted.is_empty());
            }
            FileAnswer::Response(response) => {
                let status = response.status();
                let content_type = text(&response, "content-type").unwrap().to_owned();
                let content_range = response.headers().get(header::CONTENT_RANGE).cloned();
                let body = runtime.block_on(read(response));
                let ranges = if status == StatusCode::OK {
                    prop_assert_eq!(body, CONTENT);
                    return Ok(());
                } else if let Some(range) = content_range {
                    let range = range.to_str().unwrap().strip_prefix("bytes ").unwrap().to_owned();
                    vec![(range, body.to_vec())]
                } else {
                    parts(&content_type, &body).into_iter().map(|(_, r, b)| (r, b)).collect()
                };
                for (range, bytes) in &ranges {
                    let (range, complete) = range.split_once('/').unwrap();
                    let (first, last) = range.split_once('-').unwrap();
                    let first: usize = first.parse().unwrap();
                    let last: usize = last.parse().unwrap();
                    prop_assert_eq!(&CONTENT[first..=last], bytes.as_slice());
                    prop_assert_eq!(complete, "20");
                }
                let got: Vec<u8> = ranges.into_iter().flat_map(|(_, bytes)| bytes).collect();
                prop_assert_eq!(got, wanted);
            }
        }
    }
}
