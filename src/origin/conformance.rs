//! What every kind of origin must do. Each kind's tests build a [`Subject`] over the same objects
//! and run the same suite.

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::BodyExt;

use super::*;
use ::http::HeaderMap;

use crate::asset::OriginKey;
use crate::clock::UnixSeconds;

/// Long past every file's modification: all validators are strong.
pub(super) const NOW: UnixSeconds = UnixSeconds::new(4_000_000_000);

/// The objects of the suite: name, content.
pub(super) fn objects() -> Vec<(&'static str, Bytes)> {
    let long: Vec<u8> = (0_u32..300_000).flat_map(u32::to_le_bytes).collect();
    vec![
        ("digits.txt", Bytes::from_static(b"0123456789")),
        ("empty.bin", Bytes::new()),
        ("folder/long.mp4", long.into()),
        ("folder/with space & ünïcode.txt", Bytes::from_static(b"named")),
    ]
}

/// An origin that holds [`objects`].
pub(super) struct Subject {
    pub(super) origin: Origin,
    /// The origin's own form of a name.
    pub(super) key: fn(&str) -> OriginKey,
}

impl Subject {
    pub(super) async fn ask(&self, name: &str, method: AskMethod) -> Answer {
        self.ask_ranges(name, method, &[]).await
    }

    pub(super) async fn ask_ranges(
        &self,
        name: &str,
        method: AskMethod,
        ranges: &[RangeSpec],
    ) -> Answer {
        let key = (self.key)(name);
        let conditions = Conditions::default();
        let ask = Ask {
            key: &key,
            method,
            ranges,
            conditions: &conditions,
            forwarded: &HeaderMap::new(),
            now: NOW,
        };
        self.origin.ask(ask).await.unwrap_or_else(|error| panic!("{name}: {error:?}"))
    }

    pub(super) async fn find(&self, name: &str, ranges: &[RangeSpec]) -> Object {
        match self.ask_ranges(name, AskMethod::Get, ranges).await {
            Answer::Found(object) => object,
            answer @ (Answer::Described(_) | Answer::NotFound(_) | Answer::NotModified(_)) => {
                panic!("{name}: {answer:?}")
            }
        }
    }
}

pub(super) async fn read(body: Body) -> Bytes {
    let promised = body.size_hint().exact();
    let bytes = body.collect().await.unwrap().to_bytes();
    assert!(promised.is_none_or(|promised| promised == bytes.len() as u64));
    bytes
}

/// The suite.
pub(super) async fn behaves(subject: &Subject) {
    gives_whole_objects(subject).await;
    describes_what_it_would_give(subject).await;
    gives_spans(subject).await;
    misses_what_is_not_there(subject).await;
    takes_keys_of_its_own_form_only(subject).await;
    survives_readers_that_leave(subject).await;
    shares_versions_between_asks(subject).await;
}

async fn gives_whole_objects(subject: &Subject) {
    for (name, content) in objects() {
        let object = subject.find(name, &[]).await;
        assert_eq!(object.meta().complete_length, Some(content.len() as u64), "{name}");
        assert_eq!(read(object.into_whole()).await, content, "{name}");
    }
}

async fn describes_what_it_would_give(subject: &Subject) {
    for (name, _) in objects() {
        let found = subject.find(name, &[]).await;
        let Answer::Described(described) = subject.ask(name, AskMethod::Head).await else {
            panic!("{name} is not described");
        };
        assert_eq!(described.complete_length, found.meta().complete_length, "{name}");
        assert_eq!(described.content_type, found.meta().content_type, "{name}");
        assert_eq!(described.validators.etag, found.meta().validators.etag, "{name}");
        let etag = described.validators.etag.unwrap();
        assert_eq!(etag.strength(), Strength::Strong, "{name}");
        assert!(described.validators.last_modified.is_some(), "{name}");
    }
}

async fn gives_spans(subject: &Subject) {
    let (name, content) = &objects()[2];
    let end = content.len() as u64 - 1;
    let cases: &[&[RangeSpec]] = &[
        &[RangeSpec::FromTo(0, 0)],
        &[RangeSpec::From(end)],
        &[RangeSpec::From(0)],
        &[RangeSpec::Last(7)],
        &[RangeSpec::FromTo(65_535, 65_537)],
        &[RangeSpec::FromTo(0, 3), RangeSpec::FromTo(2, 90), RangeSpec::FromTo(91, 99)],
        &[RangeSpec::FromTo(1, 2), RangeSpec::FromTo(300_000, 700_000), RangeSpec::Last(1)],
        &[RangeSpec::From(u64::MAX - 1), RangeSpec::Last(3)],
    ];
    for specs in cases {
        let object = subject.find(name, specs).await;
        assert_eq!(object.divisibility(), Divisibility::Spans);
        let ranges = specs.iter().filter_map(|spec| spec.resolve(end + 1));
        let spans = Spans::coalesce(ranges).unwrap();
        let mut expected = Vec::new();
        for span in spans.as_slice() {
            let (first, end) = (span.first().try_into().unwrap(), span.end().try_into().unwrap());
            expected.extend_from_slice(&content[first..end]);
        }
        let body = object.into_spans(&spans);
        assert_eq!(body.size_hint().exact(), Some(expected.len() as u64));
        assert_eq!(read(body).await, expected, "{specs:?}");
        // Asked for a part, and wanted whole after all.
        let object = subject.find(name, specs).await;
        assert_eq!(read(object.into_whole()).await, content, "{specs:?}");
    }
}

async fn misses_what_is_not_there(subject: &Subject) {
    for name in ["absent", "folder", "folder/absent/deeper", "digits.txt/below"] {
        for method in [AskMethod::Get, AskMethod::Head] {
            let answer = subject.ask(name, method).await;
            assert!(matches!(answer, Answer::NotFound(_)), "{name} {answer:?}");
        }
    }
}

/// A request target is no name of a file or an object. To a server it is what is asked for.
async fn takes_keys_of_its_own_form_only(subject: &Subject) {
    match &subject.origin {
        Origin::Http(_) => return,
        Origin::Disk(_) | Origin::ObjectStore(_) => {}
    }
    let ask = Ask {
        key: &OriginKey::Target("/digits.txt".into()),
        method: AskMethod::Get,
        ranges: &[],
        conditions: &Conditions::default(),
        forwarded: &HeaderMap::new(),
        now: NOW,
    };
    assert_eq!(subject.origin.ask(ask).await.unwrap_err().fault(), OriginFault::KeyForm);
}

async fn survives_readers_that_leave(subject: &Subject) {
    let (name, content) = &objects()[2];
    for _ in 0..20 {
        let object = subject.find(name, &[]).await;
        let mut body = object.into_whole();
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(content.starts_with(&frame) && frame.len() < content.len());
    }
    let object = subject.find(name, &[]).await;
    assert_eq!(read(object.into_whole()).await, content);
}

async fn shares_versions_between_asks(subject: &Subject) {
    let one = subject.find("digits.txt", &[]).await;
    let other = subject.find("digits.txt", &[RangeSpec::From(3)]).await;
    let third = subject.find("folder/long.mp4", &[]).await;
    assert_eq!(one.meta().validators.etag, other.meta().validators.etag);
    assert_ne!(one.meta().validators.etag, third.meta().validators.etag);
}
