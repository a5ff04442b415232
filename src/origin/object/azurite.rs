//! The suite, and what is Azure's own, against Azurite, which checks signatures as Azure does.

use ::http::HeaderMap;

use super::super::conformance::{self, NOW, Subject, read};
use super::super::*;
use super::launched::Launched;
use super::*;
use crate::asset::OriginKey;
use crate::secret::Secret;

fn subject(config: ObjectStoreConfig) -> Subject {
    let kind = Kind::ObjectStore(Box::new(config));
    let origin = Origin::open(Config { name: "container".into(), kind }).unwrap();
    Subject { origin, key: |name| OriginKey::Object(name.into()) }
}

async fn ask(subject: &Subject, conditions: &Conditions) -> Result<Answer, OriginError> {
    let key = OriginKey::Object("digits.txt".into());
    let ask = Ask {
        key: &key,
        method: AskMethod::Get,
        ranges: &[RangeSpec::FromTo(2, 3)],
        conditions,
        forwarded: &HeaderMap::new(),
        now: NOW,
    };
    subject.origin.ask(ask).await
}

#[tokio::test]
async fn conforms_and_lists() {
    let mut azurite = Launched::azurite();
    let odd = "a!b(c)'d'*e;f=g+h@i:j,k&l$m~n 100%25#.txt";
    azurite.put(odd, b"odd");
    let signature = AzureCredentials::Signature(Secret::new(azurite.text("sas").to_owned()));
    for credentials in [azurite.account_key(), signature] {
        let config = azurite.azure_at(azurite.text("endpoint"), credentials);
        let subject = subject(config.clone());
        conformance::behaves(&subject).await;
        assert_eq!(read(subject.find(odd, &[]).await.into_whole()).await, "odd");

        let found = subject.find("digits.txt", &[]).await;
        assert_eq!(found.meta().content_type, "text/plain");
        let tag = found.meta().validators.etag.as_ref().unwrap().to_string();
        let conditions =
            Conditions { if_none_match: Some(TagMatch::parse(&tag)), ..Conditions::default() };
        let answer = ask(&subject, &conditions).await.unwrap();
        assert!(matches!(answer, Answer::NotModified(_)), "{answer:?}");

        let mut listing = config.list("folder/").unwrap();
        let mut files = Vec::new();
        while let Some(entry) = listing.next().await {
            match entry.unwrap() {
                Listed::File { key, size } => files.push((key, size)),
                entry @ Listed::PassedOver { .. } => panic!("{entry:?}"),
            }
        }
        let expected = [("long.mp4", 1_200_000), ("with space & \u{fc}n\u{ef}code.txt", 5)];
        assert_eq!(files, expected.map(|(key, size)| (key.to_owned(), size)));
    }
}

#[tokio::test]
async fn signatures_are_looked_at() {
    let azurite = Launched::azurite();
    let wrong = Secret::new("Z3Vlc3NlZA==".to_owned());
    let subject = subject(azurite.azure_at(azurite.text("endpoint"), AzureCredentials::Key(wrong)));
    let error = ask(&subject, &Conditions::default()).await.unwrap_err();
    assert_eq!(error.fault(), OriginFault::StatusUnexpected);
}
