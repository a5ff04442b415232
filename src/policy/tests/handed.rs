//! Files that a control plane hands over by itself: what stops them, and that nobody keeps them.

use std::collections::HashMap;
use std::sync::Arc;

use super::scenery::{CLIENT, KEYS, NOW, TENANT, VIDEO, blocklist, snapshot};
use crate::asset::{AssetParameters, AssetPath, AssetResource, OriginKey, VideoId, Visibility};
use crate::clock::UnixSeconds;
use crate::network::ClientIp;
use crate::policy::{
    Asker, CacheRules, ControlState, Denial, DenialCode, EdgeSnapshot, Exposure, HandedFile, Lease,
    OriginName, OverrideTable, PermittedObject, Promise, RegisteredFile, Revocations, RevokedLinks,
    TenantRevocations, Way, decide_handed,
};
use crate::token::IssuerMark;

const DIRECT: Way = Way::Direct;

fn file() -> HandedFile {
    let video = VideoId::new(VIDEO).unwrap();
    HandedFile {
        tenant: TENANT,
        asset: AssetPath {
            asked: Visibility::Private,
            resource: AssetResource::VideoSource { video },
            parameters: AssetParameters::None,
        },
        origin: OriginName::new("media"),
        key: "old/a.mp4".into(),
        registered: RegisteredFile {
            size: 3,
            sha256: None,
            mime: "video/mp4".into(),
            name: "a.mp4".into(),
        },
    }
}

pub(super) fn promise(id: Option<&str>, made_at: u64) -> Promise<'_> {
    let made_at = UnixSeconds::new(made_at);
    Promise { id, made_at, issuer: IssuerMark::of(TENANT.0, "application app_1") }
}

pub(super) fn asked(
    snapshot: &EdgeSnapshot,
    client: &str,
    way: Way,
    promise: Promise<'_>,
) -> Result<PermittedObject, DenialCode> {
    let asker = Asker { client: ClientIp::new(client.parse().unwrap()), way };
    let permit = decide_handed(file(), asker, promise, snapshot, NOW);
    permit.map(|permit| permit.into_object().unwrap()).map_err(Denial::code)
}

fn plain() -> EdgeSnapshot {
    snapshot(KEYS, OverrideTable::default(), blocklist(&["203.0.113.66/32"]))
}

fn revoking(links: &RevokedLinks, at: u64) -> EdgeSnapshot {
    let mut of_tenant = TenantRevocations::default();
    of_tenant.add(TENANT, links, UnixSeconds::new(at));
    let revocations = Revocations::of_tenants(HashMap::from([(TENANT, Arc::new(of_tenant))]));
    let control = ControlState { revocations, ..ControlState::empty() };
    EdgeSnapshot { control: Some(Arc::new(control)), ..plain() }
}

#[test]
fn it_is_the_very_file_and_an_original() {
    let object = asked(&plain(), CLIENT, DIRECT, promise(None, NOW.get())).unwrap();
    assert_eq!(object.key, Some(OriginKey::Object("old/a.mp4".into())));
    assert_eq!((object.exposure, object.cache), (Exposure::Source, CacheRules::Off));
}

#[test]
fn whoever_is_blocked_or_comes_through_a_cdn_gets_nothing() {
    let now = || promise(None, NOW.get());
    let (snapshot, blocked) = (plain(), Err(DenialCode::IpBlocked));
    assert_eq!(asked(&snapshot, "203.0.113.66", DIRECT, now()), blocked);
    assert_eq!(asked(&snapshot, "203.0.113.66", Way::Cdn, now()), blocked);
    assert_eq!(asked(&snapshot, CLIENT, Way::Cdn, now()), Err(DenialCode::CdnRefused));
    let old = |lasts| {
        let heard = UnixSeconds::new(NOW.get() - 10);
        let lease = Arc::new(Lease::of_seconds(lasts, Some(heard)));
        let control = ControlState { lease, ..ControlState::empty() };
        EdgeSnapshot { control: Some(Arc::new(control)), ..plain() }
    };
    asked(&old(10), CLIENT, DIRECT, now()).unwrap();
    assert_eq!(asked(&old(9), CLIENT, DIRECT, now()), Err(DenialCode::SnapshotStale));
}

#[test]
fn what_was_promised_is_revoked_as_links_are() {
    let path = format!("/private/videos/{VIDEO}/source");
    for links in [
        RevokedLinks::Asset(path.as_str().into()),
        RevokedLinks::Asset(format!("/private/videos/{VIDEO}/*").into()),
        RevokedLinks::Issuer("application app_1".into()),
        RevokedLinks::TenantEpoch(1),
    ] {
        let snapshot = revoking(&links, NOW.get() - 10);
        let of = |made_at| asked(&snapshot, CLIENT, DIRECT, promise(Some("dla_1"), made_at));
        assert_eq!(of(NOW.get() - 11), Err(DenialCode::TokenRevoked), "{links:?}");
        of(NOW.get() - 10).unwrap();
    }
    let snapshot = revoking(&RevokedLinks::Link("dla_1".into()), NOW.get() - 10);
    let of = |id| asked(&snapshot, CLIENT, DIRECT, promise(id, NOW.get()));
    assert_eq!(of(Some("dla_1")), Err(DenialCode::TokenRevoked));
    of(Some("dla_2")).unwrap();
    let other = RevokedLinks::Asset("/private/videos/b/source".into());
    let of_other = revoking(&other, NOW.get());
    asked(&of_other, CLIENT, DIRECT, promise(Some("dla_1"), 0)).unwrap();
}
