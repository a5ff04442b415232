//! Putting into both stores behind somebody who interferes: what is put is whole, and made once.
//!
//! Requests are counted. Beginning asks whether the key has an object, and for S3, if it is large,
//! for an upload. Putting asks again whether it has one; sends it, or three parts; if parts, asks once
//! more; and has the object made of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::super::conformance::Subject;
use super::super::put_conformance::large;
use super::super::*;
use super::faults::{BUSY, Fate, KINDS, Scene};
use super::launched::Launched;
use crate::asset::OriginKey;

fn subject(scene: &Scene) -> Subject {
    Subject { origin: scene.origin.clone(), key: |name| OriginKey::Object(name.into()) }
}

const SMALL: Bytes = Bytes::from_static(b"small");
const KEY: &str = "put.mp4";

/// Begins and puts where the requests of these numbers fare so, and sees that it got through.
async fn gets_through(
    launch: fn() -> Launched,
    content: &Bytes,
    fated: &'static [usize],
    fate: Fate,
) {
    let all = fate.clone();
    let scene =
        Scene::new(
            launch,
            move |number| {
                if fated.contains(&number) { all.clone() } else { Fate::Passes }
            },
        )
        .await;
    let subject = subject(&scene);
    let handle = subject.begin(KEY, content).await;
    let done = subject.put(&handle, KEY, content).await;
    done.unwrap_or_else(|error| panic!("{fate:?} {fated:?}: {error:?}"));
    subject.has(KEY, content).await;
}

#[tokio::test]
async fn a_busy_store_is_asked_again() {
    let [moto, azurite] = KINDS;
    for launch in [moto, azurite] {
        gets_through(launch, &SMALL, &[2, 4, 5], Fate::Instead(BUSY)).await;
        gets_through(launch, &large(), &[3, 4, 5, 9], Fate::Instead(BUSY)).await;
    }
}

#[tokio::test]
async fn what_broke_off_while_it_was_sent_is_sent_again() {
    for launch in KINDS {
        gets_through(launch, &SMALL, &[3], Fate::ResetWhileSent(2)).await;
        gets_through(launch, &large(), &[4, 5], Fate::ResetWhileSent(100_000)).await;
    }
}

/// What was done is not taken for somebody else's object.
#[tokio::test]
async fn a_lost_answer_is_found_out() {
    let [moto, azurite] = KINDS;
    for launch in [moto, azurite] {
        gets_through(launch, &SMALL, &[3], Fate::AnswerLost).await;
    }
    gets_through(moto, &large(), &[8], Fate::AnswerLost).await;
    gets_through(azurite, &large(), &[7], Fate::AnswerLost).await;
}

#[tokio::test]
async fn one_that_stays_busy_is_given_up_and_keeps_nothing() {
    for content in [SMALL, large()] {
        let busy = Arc::new(AtomicBool::new(false));
        let is_busy = Arc::clone(&busy);
        let fate = move |_| {
            if is_busy.load(Ordering::Acquire) { Fate::Instead(BUSY) } else { Fate::Passes }
        };
        let mut scene = Scene::new(Launched::moto, fate).await;
        let subject = subject(&scene);
        let handle = subject.begin(KEY, &content).await;
        busy.store(true, Ordering::Release);
        let error = subject.put(&handle, KEY, &content).await.unwrap_err();
        assert!(matches!(error, PutError::Unavailable(_)), "{error:?}");
        assert_eq!(error.retry(), Retry::Later);
        busy.store(false, Ordering::Release);
        subject.origin.abort_put(KEY, &handle).await.unwrap();
        subject.has_none(KEY).await;
        assert_eq!(scene.launched.order(&json!({"uploads": true})), json!({"uploads": []}));
    }
}

#[tokio::test]
async fn a_refusal_is_not_argued_with() {
    const FULL: &str = "HTTP/1.1 507 Insufficient Storage\r\ncontent-length: 0\r\n\r\n";
    const BAD: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\nodd!";
    for launch in KINDS {
        for answer in [FULL, BAD] {
            let fate = move |number| if number == 3 { Fate::Instead(answer) } else { Fate::Passes };
            let scene = Scene::new(launch, fate).await;
            let subject = subject(&scene);
            let handle = subject.begin(KEY, &SMALL).await;
            let error = subject.put(&handle, KEY, &SMALL).await.unwrap_err();
            let expected = if answer == FULL {
                matches!(error, PutError::NoSpace)
            } else {
                matches!(error, PutError::Refused(_)) && error.retry() == Retry::Pointless
            };
            assert!(expected, "{error:?}");
            // Looked at, and once more whether there is an object after all.
            assert_eq!(scene.interference.heads().len(), 4);
        }
    }
}

/// What appears while it is sent, and after the last look, is not replaced: the looks are answered
/// wrongly here, and so only the condition stands between.
#[tokio::test]
async fn an_object_is_only_made_where_there_is_none() {
    const NONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    let [moto, azurite] = KINDS;
    for (launch, content, looks) in [
        (moto, SMALL, [2, 2]),
        (azurite, SMALL, [2, 2]),
        (moto, large(), [3, 7]),
        (azurite, large(), [2, 6]),
    ] {
        let fate = move |number| {
            if looks.contains(&number) { Fate::Instead(NONE) } else { Fate::Passes }
        };
        let mut scene = Scene::new(launch, fate).await;
        let subject = subject(&scene);
        let handle = subject.begin(KEY, &content).await;
        scene.launched.put(KEY, b"appeared");
        let error = subject.put(&handle, KEY, &content).await.unwrap_err();
        assert!(matches!(error, PutError::Exists), "{error:?}");
        let heads = scene.interference.heads();
        let conditioned = heads.iter().filter(|it| it.contains("\r\nif-none-match: *\r\n"));
        assert_eq!(conditioned.count(), 1);
        subject.origin.abort_put(KEY, &handle).await.unwrap();
        subject.has(KEY, b"appeared").await;
    }
}

/// A store that does not know the upload any more.
#[tokio::test]
async fn an_upload_that_was_forgotten_is_told() {
    const GONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    // A part, and the request that makes an object of them.
    for gone in [4, 8] {
        let fate = move |number| if number == gone { Fate::Instead(GONE) } else { Fate::Passes };
        let scene = Scene::new(Launched::moto, fate).await;
        let subject = subject(&scene);
        let handle = subject.begin(KEY, &large()).await;
        let error = subject.put(&handle, KEY, &large()).await.unwrap_err();
        assert!(matches!(error, PutError::NotBegun), "{error:?}");
        subject.origin.abort_put(KEY, &handle).await.unwrap();
        subject.has_none(KEY).await;
    }
}
