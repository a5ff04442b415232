//! Links that a control plane signs: what opens by its keys, beside what opens by the site's.

use std::net::IpAddr;
use std::sync::Arc;

use super::scenery::{
    Answer, CLIENT, Carried, FOREIGN_KEY, KEYS, NOW, TENANT, acl, ask, ask_by, blocklist,
    looking_up, private_until, site, snapshot, token,
};
use crate::asset::{ContentId, TenantId};
use crate::catalog::{Catalog, ContentKind, ContentState, FilePlace, FileState, Publication};
use crate::clock::UnixSeconds;
use crate::keyring::{KeyMaterial, KeyPurpose, KeyWindow, Keyring};
use crate::policy::{
    CacheRules, ControlState, DenialCode, EdgeSnapshot, Exposure, HostPattern, LinkKey, LinkKeys,
    OverrideTable, Revocations, RevokedLinks, Site, SiteDelivery, SiteTable, TenantRevocations,
    Way,
};
use crate::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};
use crate::token::{
    Carrier, CopyId, Delivers, LinkBinding, LinkOpens, LinkPayload, LinkTerms, OwnerDigest,
    QueryDigest,
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
    signed_for(SiteDelivery::Standard, hex, payload)
}

fn signed_for(delivery: SiteDelivery, hex: &str, payload: Option<&str>) -> String {
    let keys = LinkKeys::new([("it", &link_key(None, hex))]);
    let (rules, key) = keys.signer(TENANT, delivery, NOW).unwrap();
    sign(rules, key, &SignRequest { payload, id: Some("lnk_1"), ..acl(&["/private/*"]) }).unwrap()
}

/// One content, `film`, published.
fn with_a_film() -> Catalog {
    let catalog = Catalog::new();
    catalog.set_content(&ContentState {
        tenant: TENANT,
        id: ContentId::parse("film").unwrap(),
        kind: ContentKind::Video,
        folder: None,
        publication: Publication::Published,
        periods: Vec::new(),
        version: Some("v1".into()),
        active_thumbnail: None,
        files: vec![FileState {
            number: 1,
            place: FilePlace::source(),
            origin: "media".into(),
            key: "film".into(),
            name: "film.mp4".into(),
            size: 9,
            mime: "video/mp4".into(),
            sha256: None,
        }],
        names: None,
    });
    catalog
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

/// G27.
#[test]
fn links_open_at_sites_of_their_own_delivery_alone() {
    let keys = [("mine", link_key(Some(TENANT), MINE)), ("all", link_key(None, EVERYBODYS))];
    let standard = with_keys(&keys, Revocations::default());
    let site = Site { delivery: SiteDelivery::China, ..site(KEYS) };
    let sites = Arc::new(SiteTable::new(vec![(vec![HostPattern::Any], site)]));
    let china = EdgeSnapshot { sites, ..with_keys(&keys, Revocations::default()) };
    for (id, hex) in [("mine", MINE), ("all", EVERYBODYS)] {
        let link = |delivery| signed_for(delivery, hex, None);
        for (snapshot, own, others) in [
            (&standard, SiteDelivery::Standard, SiteDelivery::China),
            (&china, SiteDelivery::China, SiteDelivery::Standard),
        ] {
            assert_eq!(opened(snapshot, "", link(own)).as_deref(), Ok(id));
            let refused = opened(snapshot, "", link(others));
            assert_eq!(refused, Err(DenialCode::TokenSignature), "{id} {others:?}");
        }
    }
    // What the operator gave a site opens there.
    assert_eq!(opened(&china, "", signed(KEYS[1].1, None)).as_deref(), Ok("old"));
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

/// A11, G3: whatever a link to an original opens, nobody keeps, and nobody has through a CDN. Of
/// somebody else's key the same text says nothing.
#[test]
fn what_a_link_to_an_original_opens_is_kept_by_nobody() {
    let keys = [("mine", link_key(Some(TENANT), MINE))];
    let of_template = with_keys(&keys, Revocations::default());
    let links = Arc::clone(&of_template.control.as_ref().unwrap().links);
    let of_catalog = looking_up(Catalog::new(), of_template.clone());
    let catalog = Arc::new(with_a_film());
    let control = ControlState { catalog, links, ..ControlState::empty() };
    let of_catalog = EdgeSnapshot { control: Some(Arc::new(control)), ..of_catalog };
    let binding = LinkBinding::Query(QueryDigest::of(TENANT.0, None));
    let says = |delivers| {
        let terms = LinkTerms { delivers, ..LinkTerms::default() };
        LinkPayload { binding, opens: LinkOpens::Published, terms }.to_string()
    };
    let (original, as_ever) = (says(Delivers::Original), says(Delivers::AsEver));
    let film = "/private/videos/film/source";
    for (snapshot, path) in [
        (&of_template, film),
        (&of_template, "/vod/a"),
        (&of_catalog, film),
        (&of_catalog, "/vod/a"),
    ] {
        for (key, payload, is_original) in
            [(MINE, &original, true), (MINE, &as_ever, false), (KEYS[0].1, &original, false)]
        {
            let scope = [path];
            let request = SignRequest { payload: Some(payload), ..acl(&scope) };
            for &carrier in Carrier::ALL {
                let carried = [Carried { carrier, token: token(key, &request) }];
                let told = |way| ask_by(way, snapshot, path, "", &carried, CLIENT);
                let Answer::Given { object, .. } = told(Way::Direct) else {
                    panic!("{path} by the {carrier}: {:?}", told(Way::Direct))
                };
                let through = told(Way::Cdn);
                if is_original {
                    let kept = (object.exposure, object.cache);
                    assert_eq!(kept, (Exposure::Source, CacheRules::Off), "{path} {carrier}");
                    assert_eq!(through, Answer::Refused(DenialCode::CdnRefused), "{path}");
                } else {
                    assert_eq!(object.exposure, private_until(60), "{path} {carrier}");
                    assert!(matches!(through, Answer::Given { .. }), "{path} {through:?}");
                }
            }
        }
        // Without a token, or with another's, a CDN is told what everybody is told.
        let nobody = ask_by(Way::Cdn, snapshot, path, "", &[], CLIENT);
        assert_eq!(nobody, Answer::Refused(DenialCode::TokenMissing), "{path}");
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

/// E8: whoever comes with a link to their copy has that or nothing, whatever others may have.
#[test]
fn a_link_to_a_copy_opens_that_copy_also_of_what_everybody_may_have() {
    let keys = [("mine", link_key(Some(TENANT), MINE))];
    let snapshot = with_keys(&keys, Revocations::default());
    let id = CopyId([7; 16]);
    let says = |copy, delivers| {
        let binding = LinkBinding::Query(QueryDigest::of(TENANT.0, None));
        let terms = LinkTerms { delivers, copy, ..LinkTerms::default() };
        LinkPayload { binding, opens: LinkOpens::Published, terms }.to_string()
    };
    let had = |key, path: &str, payload: &str| {
        let scope = [path];
        let token = token(key, &SignRequest { payload: Some(payload), ..acl(&scope) });
        match ask(&snapshot, path, "", &[Carried { carrier: Carrier::Query, token }], CLIENT) {
            Answer::Given { object, .. } => {
                Ok((object.copy.map(|it| it.id), object.exposure, object.cache))
            }
            Answer::Refused(code) => Err(code),
        }
    };
    for path in ["/open/a", "/vod/a", PATH] {
        let copy = says(Some(id), Delivers::AsEver);
        let expected = Ok((Some(id), private_until(60), CacheRules::Off));
        assert_eq!(had(MINE, path, &copy), expected, "{path}");
        let original = says(Some(id), Delivers::Original);
        let expected = Ok((Some(id), Exposure::Source, CacheRules::Off));
        assert_eq!(had(MINE, path, &original), expected, "{path}");
        // Another link, and what somebody else's key says, is no link to a copy.
        for (key, payload) in [(MINE, says(None, Delivers::AsEver)), (KEYS[0].1, copy)] {
            assert_eq!(had(key, path, &payload).unwrap().0, None, "{path}");
        }
    }
}

/// E8: nor does it open the file itself, which everybody may have, once it opens no longer.
#[test]
fn a_link_to_a_copy_that_does_not_open_opens_nothing() {
    let keys = [("mine", link_key(Some(TENANT), MINE))];
    let snapshot = with_keys(&keys, Revocations::default());
    let mut taken_back = TenantRevocations::default();
    taken_back.add(TENANT, &RevokedLinks::Key("mine".into()), NOW);
    let taken_back = Revocations::of_tenants([(TENANT, Arc::new(taken_back))].into());
    let taken_back = with_keys(&keys, taken_back);
    let says = |copy| {
        let binding = LinkBinding::Query(QueryDigest::of(TENANT.0, None));
        let terms = LinkTerms { copy, ..LinkTerms::default() };
        LinkPayload { binding, opens: LinkOpens::Published, terms }.to_string()
    };
    let (to_copy, to_file) = (says(Some(CopyId([7; 16]))), says(None));
    let good = SignRequest { payload: Some(&to_copy), ..acl(&["/open/*"]) };
    let of_file = SignRequest { payload: Some(&to_file), ..good };
    let elsewhere = SignRequest { scope: SignScope::Acl(&["/open/b"]), ..good };
    let expired = SignRequest { expiry: UnixSeconds::new(NOW.get() - 3_600), ..good };
    let of_another =
        SignRequest { ip: Some("198.51.100.1".parse::<IpAddr>().unwrap().into()), ..good };
    let had = |snapshot: &EdgeSnapshot, query: &str, carried: &[(Carrier, String)]| {
        let carried: Vec<_> = carried
            .iter()
            .map(|(carrier, token)| Carried { carrier: *carrier, token: token.clone() })
            .collect();
        match ask(snapshot, "/open/a", query, &carried, CLIENT) {
            Answer::Given { object, .. } => Ok(object.copy.map(|it| it.id)),
            Answer::Refused(code) => Err(code),
        }
    };
    // Not in a cookie: whoever may set one for a parent domain would shut others out.
    let planted = (Carrier::Cookie, token(FOREIGN_KEY, &good));
    assert_eq!(had(&snapshot, "", std::slice::from_ref(&planted)), Ok(None));
    let beside = [(Carrier::Query, token(MINE, &of_file)), planted];
    assert_eq!(had(&snapshot, "", &beside), Ok(None));
    for carrier in [Carrier::Query, Carrier::Header, Carrier::Path] {
        let link = |snapshot, key, query, request| {
            let cookie = (Carrier::Cookie, token(MINE, &of_file));
            had(snapshot, query, &[(carrier, token(key, request)), cookie])
        };
        assert_eq!(link(&snapshot, MINE, "", &good), Ok(Some(CopyId([7; 16]))), "{carrier}");
        for (snapshot, key, query, request, refusal) in [
            (&snapshot, MINE, "", &elsewhere, DenialCode::TokenScope),
            (&snapshot, MINE, "quality=720p", &good, DenialCode::TokenScope),
            (&snapshot, MINE, "", &expired, DenialCode::TokenExpired),
            (&snapshot, MINE, "", &of_another, DenialCode::TokenIp),
            (&snapshot, FOREIGN_KEY, "", &good, DenialCode::TokenSignature),
            (&taken_back, MINE, "", &good, DenialCode::TokenRevoked),
        ] {
            assert_eq!(link(snapshot, key, query, request), Err(refusal), "{carrier} {query}");
        }
        // What is no link to a copy hinders nobody.
        assert_eq!(link(&snapshot, FOREIGN_KEY, "", &of_file), Ok(None), "{carrier}");
    }
    let two = [(Carrier::Query, token(MINE, &of_file)), (Carrier::Header, token(MINE, &good))];
    assert_eq!(had(&snapshot, "", &two), Err(DenialCode::TokenAmbiguous));
}
