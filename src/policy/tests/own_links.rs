//! Links that a control plane signs: what opens by its keys, beside what opens by the site's.

use std::sync::Arc;

use super::scenery::{
    Answer, CLIENT, Carried, FOREIGN_KEY, KEYS, NOW, TENANT, acl, ask, blocklist, snapshot,
};
use crate::asset::TenantId;
use crate::keyring::{KeyMaterial, KeyPurpose, KeyWindow, Keyring};
use crate::policy::{
    ControlState, DenialCode, EdgeSnapshot, LinkKey, LinkKeys, OverrideTable, Revocations,
    RevokedLinks, TenantRevocations,
};
use crate::token::edge_auth::{EdgeAuth, SignRequest, sign};
use crate::token::{
    Carrier, LinkBinding, LinkOpens, LinkPayload, LinkTerms, OwnerDigest, QueryDigest,
};

const MINE: &str = "11112222333344445555666677778888";
const EVERYBODYS: &str = "99990000aaaabbbbccccddddeeeeffff";
const PATH: &str = "/private/videos/a/thumbnails/5";

fn link_key(tenant: Option<TenantId>, hex: &str) -> LinkKey {
    let material = KeyMaterial::from_hex(hex).unwrap();
    LinkKey { tenant, material, window: KeyWindow::default(), retired: None }
}

fn with_keys(keys: &[(&str, LinkKey)], revocations: Revocations) -> EdgeSnapshot {
    let links = Arc::new(LinkKeys::new(keys.iter().map(|(id, key)| (*id, key))));
    let control = ControlState { revocations, links, ..ControlState::empty() };
    let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(&[]));
    EdgeSnapshot { control: Some(Arc::new(control)), ..snapshot }
}

fn signed(hex: &str, payload: Option<&str>) -> String {
    let keys = LinkKeys::new([("it", &link_key(None, hex))]);
    let (rules, key) = keys.signer(TENANT, NOW).unwrap();
    sign(rules, key, &SignRequest { payload, id: Some("lnk_1"), ..acl(&["/private/*"]) }).unwrap()
}

/// By which key it opens, or why it does not.
fn opened(snapshot: &EdgeSnapshot, query: &str, token: String) -> Result<String, DenialCode> {
    let carried = [Carried { carrier: Carrier::Query, token }];
    match ask(snapshot, PATH, query, &carried, CLIENT) {
        Answer::Given { key, .. } => Ok(key.unwrap()),
        Answer::Refused(code) => Err(code),
    }
}

#[test]
fn a_tenants_links_open_by_its_keys_and_everybodys_and_by_no_others() {
    let keys = [
        ("mine", link_key(Some(TENANT), MINE)),
        ("everybodys", link_key(None, EVERYBODYS)),
        ("others", link_key(Some(TenantId(2)), FOREIGN_KEY)),
    ];
    let all = with_keys(&keys, Revocations::default());
    assert_eq!(opened(&all, "", signed(MINE, None)).as_deref(), Ok("mine"));
    assert_eq!(opened(&all, "", signed(EVERYBODYS, None)).as_deref(), Ok("everybodys"));
    assert_eq!(opened(&all, "", signed(FOREIGN_KEY, None)), Err(DenialCode::TokenSignature));
    // The site's own go on, and a dropped key's do not.
    assert_eq!(opened(&all, "", signed(KEYS[1].1, None)).as_deref(), Ok("old"));
    let dropped = with_keys(&keys[1..], Revocations::default());
    assert_eq!(opened(&dropped, "", signed(MINE, None)), Err(DenialCode::TokenSignature));
}

#[test]
fn what_was_signed_of_the_query_cannot_be_changed() {
    let keys = [("mine", link_key(Some(TENANT), MINE))];
    let snapshot = with_keys(&keys, Revocations::default());
    let binding =
        LinkBinding::Query(QueryDigest::of(TENANT.0, Some("quality=720p&file-name=a.jpg")));
    let payload = LinkPayload { binding, opens: LinkOpens::Published, terms: LinkTerms::default() }
        .to_string();
    let token = || signed(MINE, Some(&payload));
    for same in [
        "quality=720p&file-name=a.jpg",
        "cache-buster=1&quality=720p&file-name=a.jpg&x",
        "quality=%37%320p&file%2dname=a.jpg",
    ] {
        assert_eq!(opened(&snapshot, same, token()).as_deref(), Ok("mine"), "{same}");
    }
    for other in [
        "",
        "quality=720p",
        "quality=source&file-name=a.jpg",
        "quality=720p&file-name=b.jpg",
        "quality=720p&file-name=a.jpg&streaming=true",
        "file-name=a.jpg&quality=720p",
        "quality=720p&quality=720p&file-name=a.jpg",
    ] {
        assert_eq!(opened(&snapshot, other, token()), Err(DenialCode::TokenScope), "{other}");
    }
    for payload in ["1", "1.u", "2", "1.x", "t=ag_01"] {
        let answer = opened(&snapshot, "", signed(MINE, Some(payload)));
        assert_eq!(answer, Err(DenialCode::TokenMalformed), "{payload}");
    }
    // Of somebody else's key the same text is opaque.
    assert_eq!(opened(&snapshot, "", signed(KEYS[0].1, Some("2"))).as_deref(), Ok("new"));
}

/// G31: whatever its ACL covers, a cookie opens one content, in every form of every file.
#[test]
fn what_is_bound_to_a_content_opens_that_one_in_every_form() {
    let keys = [("mine", link_key(Some(TENANT), MINE))];
    let snapshot = with_keys(&keys, Revocations::default());
    let of = |path: &str| {
        let binding = LinkBinding::Owner(OwnerDigest::of(TENANT.0, path).unwrap());
        signed(
            MINE,
            Some(
                &LinkPayload { binding, opens: LinkOpens::Published, terms: LinkTerms::default() }
                    .to_string(),
            ),
        )
    };
    for query in ["", "quality=720p", "quality=source&file-name=a.jpg", "streaming=true&x"] {
        assert_eq!(opened(&snapshot, query, of(PATH)).as_deref(), Ok("mine"), "{query}");
    }
    for other in
        ["/private/videos/b/thumbnails/5", "/private/channels/a/x", "/private/videos/A/source"]
    {
        assert_eq!(opened(&snapshot, "", of(other)), Err(DenialCode::TokenScope), "{other}");
    }
}

#[test]
fn a_revocation_by_key_kills_what_it_signed() {
    let keys = [("mine", link_key(Some(TENANT), MINE)), ("new", link_key(None, EVERYBODYS))];
    let mut revoked = TenantRevocations::default();
    revoked.add(TENANT, &RevokedLinks::Key("mine".into()), NOW);
    let revoked = Revocations::of_tenants([(TENANT, Arc::new(revoked))].into());
    let snapshot = with_keys(&keys, revoked);
    assert_eq!(opened(&snapshot, "", signed(MINE, None)), Err(DenialCode::TokenRevoked));
    assert_eq!(opened(&snapshot, "", signed(EVERYBODYS, None)).as_deref(), Ok("new"));
}

#[test]
fn the_refusal_that_got_furthest_is_told() {
    let keys = [("mine", link_key(Some(TENANT), MINE))];
    let snapshot = with_keys(&keys, Revocations::default());
    let elsewhere = |hex: &str| {
        let rules =
            EdgeAuth::with_keys(Keyring::new(vec![crate::keyring::SharedKey::of_material(
                crate::keyring::KeyId::new("it"),
                &KeyMaterial::from_hex(hex).unwrap(),
                KeyPurpose::Links,
                KeyWindow::default(),
            )]));
        sign(&rules, rules.keyring.signer(NOW).unwrap(), &acl(&["/private/other"])).unwrap()
    };
    assert_eq!(opened(&snapshot, "", elsewhere(MINE)), Err(DenialCode::TokenScope));
    assert_eq!(opened(&snapshot, "", elsewhere(KEYS[0].1)), Err(DenialCode::TokenScope));
    assert_eq!(opened(&snapshot, "", "x".to_owned()), Err(DenialCode::TokenMalformed));
}
