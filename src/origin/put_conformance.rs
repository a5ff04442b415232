//! What every kind of origin that can be written must do. Each kind's tests build a [`Subject`] and
//! run this suite; what is left behind is looked at by them, for each keeps it elsewhere.

use std::fs::File;
use std::io::Write;

use bytes::Bytes;

use super::conformance::{Subject, read};
use super::*;

/// More than one part of an upload in parts, and not a whole number of them.
pub(super) fn large() -> Bytes {
    (0..5_000_001_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>().into()
}

pub(super) fn file(content: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    file
}

/// A put of bytes that are as many as it says.
pub(super) fn put_of<'a>(key: &'a str, content: &[u8]) -> Put<'a> {
    Put { key, file: file(content), length: content.len() as u64, content_type: None }
}

impl Subject {
    pub(super) async fn begin(&self, key: &str, content: &[u8]) -> PutHandle {
        let begun = self.origin.begin_put(key, content.len() as u64, None).await;
        // As it comes back from where it is kept.
        begun.unwrap_or_else(|error| panic!("{key}: {error:?}")).to_string().parse().unwrap()
    }

    pub(super) async fn put(
        &self,
        handle: &PutHandle,
        key: &str,
        content: &[u8],
    ) -> Result<(), PutError> {
        self.origin.put(handle, put_of(key, content)).await
    }

    pub(super) async fn has(&self, key: &str, content: &[u8]) {
        let object = self.find(key, &[]).await;
        assert_eq!(object.meta().complete_length, Some(content.len() as u64), "{key}");
        assert!(read(object.into_whole()).await == content, "{key}");
    }

    pub(super) async fn has_none(&self, key: &str) {
        let answer = self.ask(key, AskMethod::Get).await;
        assert!(matches!(answer, Answer::NotFound(_)), "{key}: {answer:?}");
    }
}

/// The suite, but for what only an origin can do that does one thing at a time.
pub(super) async fn behaves(subject: &Subject) {
    gives_what_was_put(subject).await;
    replaces_nothing(subject).await;
    knows_its_own_puts(subject).await;
    forgets_what_is_aborted(subject).await;
    forgets_what_was_dropped(subject).await;
    takes_away(subject).await;
    refuses_odd_keys_and_types(subject).await;
    refuses_files_of_another_length(subject).await;
}

async fn gives_what_was_put(subject: &Subject) {
    for (key, content, content_type) in [
        ("put.txt", Bytes::from_static(b"0123456789"), "text/plain"),
        ("put/into/new folders/ü & ä~(1).txt", Bytes::from_static(b"named"), "text/plain"),
        ("put/empty.pdf", Bytes::new(), "application/pdf"),
        ("put/large.mp4", large(), "video/mp4"),
    ] {
        let (length, content_type) = (content.len() as u64, Some(content_type));
        let handle = subject.origin.begin_put(key, length, content_type).await.unwrap();
        subject.has_none(key).await;
        let put = Put { key, file: file(&content), length, content_type };
        subject.origin.put(&handle, put).await.unwrap();
        subject.has(key, &content).await;
        let found = subject.find(key, &[]).await;
        assert_eq!(found.meta().content_type, content_type.unwrap(), "{key}");
    }
}

async fn replaces_nothing(subject: &Subject) {
    for (key, second) in
        [("replaced/small", Bytes::from_static(b"other")), ("replaced/large", large())]
    {
        let mine = subject.begin(key, b"first").await;
        let others = subject.begin(key, &second).await;
        subject.put(&mine, key, b"first").await.unwrap();
        let error = subject.put(&others, key, &second).await.unwrap_err();
        assert!(matches!(error, PutError::Exists), "{key}: {error:?}");
        let error = subject.origin.begin_put(key, 5, None).await.unwrap_err();
        assert!(matches!(error, PutError::Exists), "{key}: {error:?}");
        subject.origin.abort_put(key, &others).await.unwrap();
        subject.has(key, b"first").await;
    }
}

/// Of a put whose answer was lost, the next call is told.
async fn knows_its_own_puts(subject: &Subject) {
    for (key, content) in [("own/small", Bytes::from_static(b"small")), ("own/large", large())] {
        let handle = subject.begin(key, &content).await;
        for _ in 0..2 {
            subject.put(&handle, key, &content).await.unwrap();
        }
        subject.has(key, &content).await;
    }
}

async fn forgets_what_is_aborted(subject: &Subject) {
    for (key, content) in
        [("aborted/small", Bytes::from_static(b"small")), ("aborted/large", large())]
    {
        let handle = subject.begin(key, &content).await;
        for _ in 0..2 {
            subject.origin.abort_put(key, &handle).await.unwrap();
            subject.has_none(key).await;
        }
        // One that got through without anybody knowing.
        let handle = subject.begin(key, &content).await;
        subject.put(&handle, key, &content).await.unwrap();
        subject.origin.abort_put(key, &handle).await.unwrap();
        subject.has_none(key).await;
    }
}

/// However far it came.
async fn forgets_what_was_dropped(subject: &Subject) {
    let key = "dropped";
    for content in [Bytes::from_static(b"small"), large()] {
        for polls in [0, 1, 2, 3, 8, 40, 200] {
            let handle = subject.begin(key, &content).await;
            let outcome = tokio::select! {
                biased;
                outcome = subject.put(&handle, key, &content) => Some(outcome),
                () = yields(polls) => None,
            };
            assert!(matches!(outcome, None | Some(Ok(()))), "{outcome:?}");
            subject.origin.abort_put(key, &handle).await.unwrap();
            subject.has_none(key).await;
        }
    }
}

async fn yields(times: usize) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

async fn takes_away(subject: &Subject) {
    let (kept, key) = ("taken/kept", "taken/away");
    for key in [kept, key] {
        let handle = subject.begin(key, b"x").await;
        subject.put(&handle, key, b"x").await.unwrap();
    }
    for key in [key, key, "taken", "taken/away/below", "taken/absent/deeper"] {
        subject.origin.delete(key).await.unwrap_or_else(|error| panic!("{key}: {error:?}"));
    }
    subject.has_none(key).await;
    subject.has(kept, b"x").await;
}

async fn refuses_odd_keys_and_types(subject: &Subject) {
    let handle = subject.begin("even", b"x").await;
    for key in ["", "/", "/etc/x", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b", "a\nb"] {
        let errors = [
            subject.origin.begin_put(key, 1, None).await.map(drop),
            subject.put(&handle, key, b"x").await,
            subject.origin.abort_put(key, &handle).await,
            subject.origin.delete(key).await,
        ];
        for error in errors {
            assert!(matches!(error, Err(PutError::KeyForm)), "{key:?}: {error:?}");
        }
    }
    for content_type in ["", "text/plain\r\nx: y", "text/\u{fc}"] {
        let content_type = Some(content_type);
        let error = subject.origin.begin_put("even", 1, content_type).await.unwrap_err();
        assert!(matches!(error, PutError::ContentType), "{error:?}");
        let put = Put { content_type, ..put_of("even", b"x") };
        let error = subject.origin.put(&handle, put).await.unwrap_err();
        assert!(matches!(error, PutError::ContentType), "{error:?}");
    }
    subject.has_none("even").await;
    subject.origin.abort_put("even", &handle).await.unwrap();
}

async fn refuses_files_of_another_length(subject: &Subject) {
    let large = large();
    let key = "other length";
    for (promised, content) in [
        (5, Bytes::from_static(b"1234")),
        (3, Bytes::from_static(b"1234")),
        (1, Bytes::new()),
        (0, Bytes::from_static(b"1234")),
        (large.len() as u64, large.slice(1..)),
        (large.len() as u64 - 1, large.clone()),
    ] {
        let handle = subject.origin.begin_put(key, promised, None).await.unwrap();
        let put = Put { length: promised, ..put_of(key, &content) };
        let error = subject.origin.put(&handle, put).await.unwrap_err();
        assert!(matches!(error, PutError::Changed), "{promised}: {error:?}");
        subject.has_none(key).await;
        subject.origin.abort_put(key, &handle).await.unwrap();
    }
}

/// Two puts of one key at once: exactly one gets through, and the other is told so.
pub(super) async fn lets_one_of_two_win(subject: &Subject) {
    let mut reversed = large().to_vec();
    reversed.reverse();
    for (key, contents) in [
        ("race/small", [Bytes::from_static(b"one"), Bytes::from_static(b"another")]),
        ("race/large", [large(), reversed.into()]),
    ] {
        let [one, another] = &contents;
        let handles = [subject.begin(key, one).await, subject.begin(key, another).await];
        let (first, second) = tokio::join!(
            subject.put(&handles[0], key, one),
            subject.put(&handles[1], key, another)
        );
        let winner = match (first, second) {
            (Ok(()), Err(PutError::Exists)) => 0,
            (Err(PutError::Exists), Ok(())) => 1,
            outcomes => panic!("{key}: {outcomes:?}"),
        };
        subject.has(key, &contents[winner]).await;
        subject.origin.abort_put(key, &handles[1 - winner]).await.unwrap();
        subject.has(key, &contents[winner]).await;
    }
}
