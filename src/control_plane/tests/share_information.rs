//! What a share's page says of its contents.

use super::share_scene::*;
use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::ChannelId;
use crate::control_plane::caller::Actor;
use crate::control_plane::record::{
    ContentDraft, ContentText, Grantee, Metadata, Right, Share, ShareDraft, ShareInformation,
};
use crate::control_plane::service::{Expected, Page};

on_both_databases! {
    what_is_said_is_in_the_pages_language
    tags_are_of_classifications_that_the_sharer_manages
}

/// C16.
async fn what_is_said_is_in_the_pages_language(stage: Stage) {
    let contents = contents(&stage).await;
    let text = |language: &str, title: &str| ContentText {
        language: language.into(),
        title: title.into(),
        description: format!("about {title}").into(),
        pretty_id: None,
    };
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    let draft_now = change.view().content(&contents.film).await.unwrap().draft;
    let texts = vec![text("de", "Ein Film"), text("en-GB", "A film"), text("it", "")];
    let draft_now = ContentDraft { texts, tags: vec!["harbour".into()], ..draft_now };
    change.content_replace(&contents.film, Expected::Any, draft_now).await.unwrap();
    change.commit().await.unwrap();
    let share = shared(&stage, order(&contents.all(), draft())).await;
    let open = access(&stage, &share).await.unwrap();
    for (language, title) in [
        (Some("en-GB"), "A film"),
        (Some("en-US"), "A film"),
        (Some("DE"), "Ein Film"),
        (Some("it"), "Ein Film"),
        (None, "Ein Film"),
    ] {
        let shown = stage.services.share_shown(&open, language, &Page::first(9)).await.unwrap();
        assert_eq!(&*shown.items[0].title, title, "{language:?}");
        assert_eq!(*shown.items[0].description, *format!("about {title}"));
        assert_eq!(shown.items[0].complete, None, "the least is title and description");
        assert_eq!(*shown.items[1].title, *contents.picture.as_str());
    }
    let shown = stage.services.share_shown(&open, None, &Page::first(2)).await.unwrap();
    assert_eq!((shown.items.len(), shown.next), (2, Some(1)));
}

/// C16, G25.
async fn tags_are_of_classifications_that_the_sharer_manages(stage: Stage) {
    let contents = contents(&stage).await;
    let ann = member(&stage, "ann", &[(ChannelId(stage.folder), Right::Share)]).await;
    let Actor::Person(person) = ann.actor().clone() else { unreachable!() };
    let grantee = Grantee::Person(person);
    let manages = async |name: &str, does: bool| {
        let mut change = stage.store.change(&system(), NOW).await.unwrap();
        if does {
            change.classification_right_give(TENANT, name, &grantee).await.unwrap();
        } else {
            change.classification_right_take(TENANT, name, &grantee).await.unwrap();
        }
        change.commit().await.unwrap();
    };
    let mut change = stage.store.change(&system(), NOW).await.unwrap();
    for name in ["press", "secret"] {
        change.classification_create(TENANT, name).await.unwrap();
    }
    let field = |language: &str| Metadata {
        language: language.into(),
        name: format!("of {language}").into(),
        value: "value".into(),
    };
    for (content, under) in [
        (&contents.film, vec!["press"]),
        (&contents.picture, vec!["press", "secret"]),
        (&contents.document, vec![]),
    ] {
        let now = change.view().content(content).await.unwrap().draft;
        let now = ContentDraft {
            tags: vec!["tag".into()],
            metadata: vec![field(""), field("de")],
            classifications: under.into_iter().map(Into::into).collect(),
            ..now
        };
        change.content_replace(content, Expected::Any, now).await.unwrap();
    }
    change.commit().await.unwrap();
    manages("press", true).await;
    let complete = || ShareDraft { information: ShareInformation::Complete, ..draft() };
    let services = &stage.services;
    let asked = order(&contents.all(), complete());
    let hers = services.share_create(&ann, TENANT, asked).await.unwrap();
    assert_eq!(hers.classifications, Some(vec!["press".into()]));
    let tagged = async |share: &Share| {
        let open = access(&stage, share).await.unwrap();
        let shown = services.share_shown(&open, Some("en"), &Page::first(9)).await.unwrap();
        for complete in shown.items.iter().filter_map(|it| it.complete.as_ref()) {
            assert_eq!(complete.tags, [Box::<str>::from("tag")]);
            assert_eq!(complete.metadata, [field("")], "in the page's language");
        }
        shown.items.iter().map(|it| it.complete.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(tagged(&hers).await, [true, false, false]);
    // What she came to manage later was not hers to show, and what she does not manage now is not.
    manages("secret", true).await;
    assert_eq!(tagged(&hers).await, [true, false, false]);
    manages("press", false).await;
    assert_eq!(tagged(&hers).await, [false, false, false]);
    let all = shared(&stage, order(&contents.all(), complete())).await;
    assert_eq!(tagged(&all).await, [true, true, true]);
    let least = shared(&stage, order(&contents.all(), draft())).await;
    assert_eq!(tagged(&least).await, [false, false, false]);
}
