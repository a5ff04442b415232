//! The suite, and what is S3's own, against moto, which checks signatures with Amazon's code.

use ::http::HeaderMap;
use serde_json::json;

use super::super::conformance::{self, NOW, Subject, read};
use super::super::*;
use super::launched::{Launched, access_key};
use super::*;
use crate::asset::OriginKey;

fn subject(config: ObjectStoreConfig) -> Subject {
    let kind = Kind::ObjectStore(Box::new(config));
    let origin = Origin::open(Config { name: "bucket".into(), kind }).unwrap();
    Subject { origin, key: |name| OriginKey::Object(name.into()) }
}

async fn ask(subject: &Subject, key: &str, conditions: Conditions) -> Result<Answer, OriginError> {
    let key = OriginKey::Object(key.into());
    let ask = Ask {
        key: &key,
        method: AskMethod::Get,
        ranges: &[],
        conditions: &conditions,
        forwarded: &HeaderMap::new(),
        now: NOW,
    };
    subject.origin.ask(ask).await
}

#[tokio::test]
async fn conforms() {
    let moto = Launched::moto();
    let subject = subject(moto.s3(moto.access_key("key")));
    conformance::behaves(&subject).await;

    let found = subject.find("digits.txt", &[]).await;
    assert_eq!(found.meta().content_type, "text/plain");
    let tag = found.meta().validators.etag.as_ref().unwrap().to_string();
    let conditions =
        Conditions { if_none_match: Some(TagMatch::parse(&tag)), ..Conditions::default() };
    let answer = ask(&subject, "digits.txt", conditions).await.unwrap();
    assert!(matches!(answer, Answer::NotModified(_)), "{answer:?}");
}

#[tokio::test]
async fn conforms_with_keys_that_were_given_for_a_token() {
    let moto = Launched::moto();
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "eyJhbGciOiJub25lIn0.e30.").unwrap();
    let identity = WebIdentity {
        role: moto.text("role").into(),
        token_file: token.path().to_owned(),
        session: "countersign".into(),
        sts: Some(moto.text("endpoint").into()),
    };
    conformance::behaves(&subject(moto.s3(S3Credentials::WebIdentity(identity.clone())))).await;
    let gone = WebIdentity { token_file: "/nonexistent".into(), ..identity };
    let gone = subject(moto.s3(S3Credentials::WebIdentity(gone)));
    let error = ask(&gone, "digits.txt", Conditions::default()).await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::CredentialsUnavailable);
    assert_eq!(error.kind().code(), "origin_unreachable");
}

#[tokio::test]
async fn signatures_are_looked_at_and_so_are_rights() {
    let moto = Launched::moto();
    let wrong = access_key(&json!([moto.said["key"][0], "guessed"]));
    for credentials in [wrong, moto.access_key("useless")] {
        let subject = subject(moto.s3(credentials));
        let error = ask(&subject, "digits.txt", Conditions::default()).await.unwrap_err();
        assert_eq!(error.fault(), OriginFault::StatusUnexpected);
        assert_eq!(error.kind().code(), "origin_invalid");
    }
}

#[tokio::test]
async fn odd_names_are_signed_as_they_are_sent() {
    let mut moto = Launched::moto();
    let keys = [
        "a!b(c)'d'*e;f=g+h@i:j,k&l$m~n.txt",
        "100%25?#x.txt",
        "below/\u{e4}\u{1f600} \"q\" <x>|y`z^[w]{v}.txt",
    ];
    for key in keys {
        moto.put(key, key.as_bytes());
    }
    let subject = subject(moto.s3(moto.access_key("key")));
    for key in keys {
        assert_eq!(read(subject.find(key, &[]).await.into_whole()).await, key);
    }
    let error = ask(&subject, "below//x", Conditions::default()).await;
    assert!(matches!(error, Ok(Answer::NotFound(_))));
}

#[tokio::test]
async fn a_bucket_is_listed_page_by_page_below_its_prefix() {
    let mut moto = Launched::moto();
    // A page has a thousand.
    moto.order(&json!({"fill": "films/many/", "count": 1_050}));
    moto.put("films/", b"");
    moto.put("films/deep/", b"");
    moto.put("films/deep/a b.mp4", b"film");
    moto.put("films/none.bin", b"");
    moto.put("filmsong.txt", b"another");
    let endpoint = moto.text("endpoint");
    let config = moto.s3_at(endpoint, "films/", moto.access_key("key"));
    let (mut files, mut others) = (Vec::new(), 0);
    let mut listing = config.list("").unwrap();
    while let Some(entry) = listing.next().await {
        match entry.unwrap() {
            Listed::File { key, size } => files.push((key, size)),
            Listed::PassedOver { why, .. } => {
                assert!(matches!(why, PassedOver::Marker), "{why}");
                others += 1;
            }
        }
    }
    assert_eq!((files.len(), others), (1_052, 2));
    assert!(files.is_sorted());
    assert_eq!(files[0], ("deep/a b.mp4".to_owned(), 4));
    assert_eq!(files[1_050], ("many/01049.txt".to_owned(), 1));
    assert_eq!(files[1_051], ("none.bin".to_owned(), 0));

    let mut deep = config.list("deep/").unwrap();
    let mut keys = Vec::new();
    while let Some(entry) = deep.next().await {
        if let Listed::File { key, .. } = entry.unwrap() {
            keys.push(key);
        }
    }
    assert_eq!(keys, ["a b.mp4"]);
    let subject = subject(config);
    assert_eq!(read(subject.find("deep/a b.mp4", &[]).await.into_whole()).await, "film");

    let useless = moto.s3(moto.access_key("useless"));
    let error = useless.list("").unwrap().next().await.unwrap().unwrap_err();
    assert!(matches!(error, ListingError::Store { .. }), "{error}");
}
