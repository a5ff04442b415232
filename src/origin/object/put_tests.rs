//! The suite for writing, and what is the stores' own, against moto and Azurite.

use serde_json::json;

use super::super::conformance::Subject;
use super::super::put_conformance::{self, large, put_of};
use super::super::*;
use super::launched::Launched;
use super::*;
use crate::asset::OriginKey;
use crate::secret::Secret;

fn subject(config: ObjectStoreConfig) -> Subject {
    let kind = Kind::ObjectStore(Box::new(config));
    let origin = Origin::open(Config { name: "bucket".into(), kind }).unwrap();
    Subject { origin, key: |name| OriginKey::Object(name.into()) }
}

#[tokio::test]
async fn s3_conforms_below_a_prefix_and_leaves_no_upload_behind() {
    let mut moto = Launched::moto();
    let config = moto.s3_at(moto.text("endpoint"), "below/here", moto.access_key("key"));
    // Two puts at once are not tried: moto looks whether there is an object, and makes its own then.
    put_conformance::behaves(&subject(config)).await;
    assert_eq!(moto.order(&json!({"uploads": true})), json!({"uploads": []}));
    let whole = subject(moto.s3(moto.access_key("key")));
    whole.has("below/here/put.txt", b"0123456789").await;
    whole.has_none("put.txt").await;
}

#[tokio::test]
async fn azure_conforms() {
    let azurite = Launched::azurite();
    let config = azurite.azure_at(azurite.text("endpoint"), azurite.account_key());
    let subject = subject(config);
    put_conformance::behaves(&subject).await;
    put_conformance::lets_one_of_two_win(&subject).await;
}

/// A killed process's upload goes by its handle, and its parts with it.
#[tokio::test]
async fn an_upload_is_aborted_by_another_process() {
    let mut moto = Launched::moto();
    let handle = {
        let killed = subject(moto.s3(moto.access_key("key")));
        let handle = killed.begin("killed.mp4", &large()).await;
        let cut =
            Put { file: put_conformance::file(&large()[1..]), ..put_of("killed.mp4", &large()) };
        killed.origin.put(&handle, cut).await.unwrap_err();
        handle.to_string()
    };
    assert_eq!(moto.order(&json!({"uploads": true})), json!({"uploads": ["killed.mp4"]}));
    let next = subject(moto.s3(moto.access_key("key")));
    let handle = handle.parse().unwrap();
    for _ in 0..2 {
        next.origin.abort_put("killed.mp4", &handle).await.unwrap();
        assert_eq!(moto.order(&json!({"uploads": true})), json!({"uploads": []}));
    }
    // Begun for something small, it has no upload.
    let handle = next.begin("killed.mp4", b"small").await;
    let error = next.put(&handle, "killed.mp4", &large()).await.unwrap_err();
    assert!(matches!(error, PutError::NotBegun), "{error:?}");
}

#[tokio::test]
async fn rights_are_looked_at() {
    let moto = Launched::moto();
    let azurite = Launched::azurite();
    let reading = AzureCredentials::Signature(Secret::new(azurite.text("sas").to_owned()));
    let writing = subject(moto.s3(moto.access_key("key")));
    let handle = writing.begin("x", b"x").await;

    let useless = subject(moto.s3(moto.access_key("useless")));
    let error = useless.origin.begin_put("x", 1, None).await.unwrap_err();
    assert!(matches!(error, PutError::PermissionDenied), "{error:?}");
    let reading = subject(azurite.azure_at(azurite.text("endpoint"), reading));
    let error = reading.put(&handle, "x", b"x").await.unwrap_err();
    assert!(matches!(error, PutError::PermissionDenied), "{error:?}");
    for error in
        [useless.origin.delete("digits.txt").await, reading.origin.delete("digits.txt").await]
    {
        assert!(matches!(error, Err(PutError::PermissionDenied)), "{error:?}");
    }
    writing.has("digits.txt", b"0123456789").await;
}

#[tokio::test]
async fn keys_that_no_bucket_takes_are_refused() {
    let moto = Launched::moto();
    let subject = subject(moto.s3(moto.access_key("key")));
    let error = subject.origin.begin_put(&"x".repeat(1025), 1, None).await.unwrap_err();
    assert!(matches!(error, PutError::KeyForm), "{error:?}");
    let odd = "a!b(c)'d'*e;f=g+h@i:j,k&l$m~n 100%25?#\u{e4}\u{1f600} \"q\" <x>|y`z^[w]{v}.txt";
    let handle = subject.begin(odd, b"odd").await;
    subject.put(&handle, odd, b"odd").await.unwrap();
    subject.has(odd, b"odd").await;
    subject.origin.delete(odd).await.unwrap();
    subject.has_none(odd).await;
}
