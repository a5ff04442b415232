//! Links that were signed: each is found again, and a request that may be made once makes one.

use std::num::NonZeroU16;

use super::stage::{NOW, Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::record::{ContentId, DownloadLink, DownloadTerms, LinkId, RequestDigest};
use crate::control_plane::store::{LinkFilter, ListOrder, Page, StoreErrorKind};
use crate::token::{Sharing, Uses};

on_both_databases! {
    a_link_is_kept_found_and_revoked
    a_request_that_may_be_made_once_makes_one_link
    lists_are_of_a_file_an_issuer_and_a_tag
    links_that_ended_are_forgotten
}

fn link(file: u64, issuer: &str, tag: Option<&str>) -> DownloadLink {
    DownloadLink {
        id: LinkId::random(NOW).unwrap(),
        tenant: TenantId(1),
        file,
        content: ContentId::parse("film"),
        path: "/private/videos/film/source".into(),
        issuer: issuer.into(),
        tag: tag.map(Into::into),
        terms: DownloadTerms {
            sharing: Sharing::Watched,
            uses: Uses::One,
            parallel: NonZeroU16::new(3),
            addresses: Some("192.0.2.0/24".parse().unwrap()),
        },
        created_at: NOW,
        expires_at: NOW.plus(60),
        revoked_at: None,
    }
}

async fn keep(stage: &Stage, link: DownloadLink, request: Option<&str>) -> DownloadLink {
    let request = request.map(|digest| RequestDigest(digest.into()));
    let mut change = stage.change().await;
    let kept = change.download_link_create(link, request.as_ref()).await.unwrap();
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
    kept
}

async fn a_link_is_kept_found_and_revoked(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let made = keep(&stage, link(7, "app_a", Some("user 42")), None).await;
    assert_eq!(stage.view().await.download_link(&made.id).await.unwrap(), made);
    let mut theirs = stage.store.view(&Stage::of_tenant(2)).await.unwrap();
    let error = theirs.download_link(&made.id).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    drop(theirs);
    let mut change = stage.change().await;
    let revoked = change.download_link_revoked(&made.id).await.unwrap();
    assert_eq!(revoked, DownloadLink { revoked_at: Some(NOW), ..made.clone() });
    assert_eq!(change.download_link_revoked(&made.id).await.unwrap(), revoked);
    change.commit().await.unwrap();
    assert_eq!(stage.view().await.download_link(&made.id).await.unwrap(), revoked);
}

async fn a_request_that_may_be_made_once_makes_one_link(stage: Stage) {
    stage.tenant(1).await;
    let first = keep(&stage, link(7, "app_a", None), Some("d1")).await;
    assert_eq!(keep(&stage, link(7, "app_a", None), Some("d1")).await, first);
    // Another request, another file of an archive, or one that may be made often.
    for (file, request) in [(7, Some("d2")), (8, Some("d1")), (7, None), (7, None)] {
        assert_ne!(keep(&stage, link(file, "app_a", None), request).await.id, first.id);
    }
    let together = [(); 8].map(|()| {
        let store = stage.store.clone();
        tokio::spawn(async move {
            let mut change = store.change(&Stage::system(), NOW).await.unwrap();
            let digest = RequestDigest("d3".into());
            let link = link(7, "app_a", None);
            let kept = change.download_link_create(link, Some(&digest)).await.unwrap();
            change.commit().await.unwrap();
            kept.id
        })
    });
    let mut ids = Vec::new();
    for one in together {
        ids.push(one.await.unwrap());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

async fn lists_are_of_a_file_an_issuer_and_a_tag(stage: Stage) {
    stage.tenant(1).await;
    for (file, issuer, tag) in
        [(1, "app_a", None), (2, "app_a", Some("x")), (1, "per_b", Some("y"))]
    {
        keep(&stage, link(file, issuer, tag), None).await;
    }
    let of = |file, issuer: Option<&str>, tag: Option<&str>| LinkFilter {
        file,
        issuer: issuer.map(Into::into),
        tag: tag.map(Into::into),
        order: ListOrder::OldestFirst,
    };
    let last_first = LinkFilter { order: ListOrder::NewestFirst, ..of(None, None, None) };
    for (filter, expected) in [
        (last_first, 3),
        (of(None, None, None), 3),
        (of(Some(1), None, None), 2),
        (of(None, Some("app_a"), None), 2),
        (of(Some(1), Some("app_a"), None), 1),
        (of(None, None, Some("y")), 1),
        (of(None, None, Some("z")), 0),
    ] {
        let mut view = stage.view().await;
        let (mut page, mut seen) = (Page::first(1), Vec::new());
        loop {
            let listed = view.download_link_list(TenantId(1), &filter, &page).await.unwrap();
            seen.extend(listed.items.into_iter().map(|link| link.id));
            match listed.next {
                Some(next) => page = Page::after(next, 1),
                None => break,
            }
        }
        assert_eq!(seen.len(), expected, "{filter:?}");
        if filter.order == ListOrder::NewestFirst {
            seen.reverse();
        }
        assert!(seen.is_sorted(), "{filter:?}");
    }
}

async fn links_that_ended_are_forgotten(stage: Stage) {
    stage.tenant(1).await;
    let short = keep(&stage, link(1, "app_a", None), None).await;
    let long = DownloadLink { expires_at: NOW.plus(61), ..link(1, "app_a", None) };
    let long = keep(&stage, long, None).await;
    let mut change = stage.change().await;
    assert_eq!(change.download_link_forget(NOW.plus(61)).await.unwrap(), 1);
    change.commit().await.unwrap();
    let mut view = stage.view().await;
    assert!(view.download_link(&short.id).await.is_err());
    assert_eq!(view.download_link(&long.id).await.unwrap(), long);
}
