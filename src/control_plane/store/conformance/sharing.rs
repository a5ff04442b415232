//! Settings of sharing pages: there are some before anybody set any, and each tenant has its own.

use bytes::Bytes;

use super::stage::{Stage, on_both_databases};
use crate::asset::TenantId;
use crate::control_plane::record::{Colour, Palette, SharePolicy, SharingDraft, SharingLogo};
use crate::control_plane::store::{Expected, Page, StoreErrorKind};

on_both_databases! {
    settings_of_sharing_are_a_tenants_own
    a_logo_is_kept_by_its_name
}

const OURS: TenantId = TenantId(1);
const THEIRS: TenantId = TenantId(2);

fn draft() -> SharingDraft {
    let light = Palette { accent: Colour::parse("#005f5a"), ..Palette::default() };
    SharingDraft {
        company: "Øl & Søn".into(),
        privacy_url: Some("https://example.com/privacy".into()),
        terms: Some("Be kind.\n日本語".into()),
        footer: "Zürich".into(),
        china_footer: "京ICP备".into(),
        light,
        dark: Palette::default(),
        policy: SharePolicy { most_days: Some(90), ..SharePolicy::default() },
    }
}

async fn settings_of_sharing_are_a_tenants_own(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let nothing = stage.view().await.sharing_settings(OURS).await.unwrap();
    assert_eq!((&nothing.draft, nothing.revision), (&SharingDraft::default(), 0));
    let mut change = stage.change().await;
    let first = change.sharing_replace(OURS, Expected::Revision(0), draft()).await.unwrap();
    assert_eq!((&first.draft, first.revision), (&draft(), 1));
    assert_eq!(change.commit().await.unwrap(), None, "no edge need know");
    assert_eq!(stage.view().await.sharing_settings(OURS).await.unwrap(), first);
    assert_eq!(stage.view().await.sharing_settings(THEIRS).await.unwrap().revision, 0);

    let mut change = stage.change().await;
    let stale = change.sharing_replace(OURS, Expected::Revision(0), SharingDraft::default()).await;
    assert_eq!(stale.unwrap_err().kind(), StoreErrorKind::Stale);
    let nobodys = change.sharing_replace(TenantId(9), Expected::Any, draft()).await;
    assert_eq!(nobodys.unwrap_err().kind(), StoreErrorKind::NotFound);
    drop(change);
    let theirs = stage.store.view(&Stage::of_tenant(2)).await.unwrap().sharing_settings(OURS).await;
    assert_eq!(theirs.unwrap_err().kind(), StoreErrorKind::NotFound);
    let events = stage.view().await.audit_list(&Page::first(9)).await.unwrap().items;
    let last = events.iter().max_by_key(|it| it.sequence).unwrap();
    assert_eq!((&*last.action, &*last.object), ("sharing.update", "1"));
    assert_eq!(last.diff["company"], serde_json::json!(["", "Øl & Søn"]), "{last:?}");
}

async fn a_logo_is_kept_by_its_name(stage: Stage) {
    stage.tenant(1).await;
    stage.tenant(2).await;
    let logo = |digest: &str| SharingLogo { digest: digest.into(), width: 9, height: 8 };
    for (revision, name) in [(0, "one"), (1, "two")] {
        let mut change = stage.change().await;
        let bytes = Bytes::from(vec![0, 255, b'\n', 7]);
        let expected = Expected::Revision(revision);
        let made =
            change.sharing_logo_set(OURS, expected, Some((logo(name), bytes))).await.unwrap();
        assert_eq!((made.logo, made.revision), (Some(logo(name)), revision + 1));
        change.commit().await.unwrap();
    }
    let mut view = stage.view().await;
    assert_eq!(view.sharing_logo(OURS, "two").await.unwrap(), vec![0, 255, b'\n', 7]);
    for (tenant, name) in [(OURS, "one"), (THEIRS, "two")] {
        let none = view.sharing_logo(tenant, name).await.unwrap_err();
        assert_eq!(none.kind(), StoreErrorKind::NotFound);
    }
    drop(view);
    let mut change = stage.change().await;
    let said = change.sharing_replace(OURS, Expected::Revision(2), draft()).await.unwrap();
    assert_eq!(said.logo, Some(logo("two")), "what is said of the rest is not of it");
    let bare = change.sharing_logo_set(OURS, Expected::Revision(3), None).await.unwrap();
    assert_eq!((bare.logo, bare.draft), (None, draft()));
    change.commit().await.unwrap();
    let gone = stage.view().await.sharing_logo(OURS, "two").await.unwrap_err();
    assert_eq!(gone.kind(), StoreErrorKind::NotFound);
}
