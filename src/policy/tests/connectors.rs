//! Connectors' addresses: what each means, and what stops a request for it.

use std::sync::Arc;

use super::scenery::{CLIENT, KEYS, NOW, TENANT, blocklist, looking_up, snapshot};
use crate::asset::{ChannelId, ContentId, OriginKey};
use crate::catalog::{
    Catalog, CatalogChange, ContentKind, ContentName, ContentNames, ContentState, FilePlace,
    FileState, NameRef, Period, Publication,
};
use crate::clock::UnixSeconds;
use crate::network::ClientIp;
use crate::policy::{
    AddressedBy, Ambiguity, CacheRules, ClientScheme, Connector, ConnectorKinds, Connectors,
    ControlState, Denial, DenialCode, EdgeSnapshot, Exposure, HttpsRule, MeantBy, OverrideTable,
    RequestFacts, Resource, Step, Way, Witness, decide_witnessed,
};
use crate::target::{PathToken, RequestTarget};
use crate::token::Candidates;

const FOLDER: ChannelId = ChannelId(3);

/// A content of the folder that is published now, with an original of its name.
fn content(id: &str, age: u64, names: &[ContentName]) -> ContentState {
    ContentState {
        tenant: TENANT,
        id: ContentId::parse(id).unwrap(),
        kind: ContentKind::Video,
        folder: Some(FOLDER),
        publication: Publication::Published,
        periods: Vec::new(),
        version: Some("v1".into()),
        active_thumbnail: None,
        files: vec![FileState {
            number: 1,
            place: FilePlace::source(),
            origin: "media".into(),
            key: id.into(),
            name: format!("{id}.mp4").into(),
            size: 9,
            mime: "video/mp4".into(),
            sha256: None,
        }],
        names: Some(ContentNames {
            created_at: UnixSeconds::new(1_000 - age),
            names: names.to_vec(),
        }),
    }
}

fn sku(value: &str) -> ContentName {
    ContentName::Metadata { name: "SKU".into(), value: value.into() }
}

fn pretty(language: &str, id: &str) -> ContentName {
    ContentName::PrettyId { language: language.into(), id: id.into() }
}

fn connector(addressed_by: AddressedBy) -> Connector {
    Connector {
        tenant: TENANT,
        folder: FOLDER,
        kinds: ConnectorKinds::All,
        addressed_by,
        https: HttpsRule::Optional,
        ambiguity: Ambiguity::First,
    }
}

/// The connectors of these tests, over these contents.
fn scene(contents: impl IntoIterator<Item = ContentState>) -> EdgeSnapshot {
    let catalog = Catalog::new();
    catalog.fill(contents.into_iter().map(|it| CatalogChange::ContentSet(Box::new(it))));
    let by_sku = || connector(AddressedBy::Metadata("SKU".into()));
    let mut connectors = Connectors::default();
    for (id, connector) in [
        ("id", connector(AddressedBy::ContentId)),
        ("pretty", connector(AddressedBy::PrettyId)),
        ("sku", by_sku()),
        ("strict", Connector { ambiguity: Ambiguity::Refused, ..by_sku() }),
        ("tls", Connector { https: HttpsRule::Forced, ..connector(AddressedBy::ContentId) }),
        (
            "sound",
            Connector {
                kinds: ConnectorKinds::of(&[ContentKind::Audio]).unwrap(),
                ..connector(AddressedBy::ContentId)
            },
        ),
    ] {
        connectors.set(id.into(), Some(connector));
    }
    let plain = snapshot(KEYS, OverrideTable::default(), blocklist(&["203.0.113.66/32"]));
    let snapshot = looking_up(catalog, plain);
    let control = snapshot.control.as_ref().unwrap();
    let (catalog, connectors) = (Arc::clone(&control.catalog), Arc::new(connectors));
    let control = ControlState { catalog, connectors, ..ControlState::empty() };
    EdgeSnapshot { control: Some(Arc::new(control)), ..snapshot }
}

#[derive(Clone, Copy)]
struct Asked<'a> {
    target: &'a str,
    client: &'a str,
    scheme: ClientScheme,
    way: Way,
}

fn plainly(target: &str) -> Asked<'_> {
    Asked { target, client: CLIENT, scheme: ClientScheme::Http, way: Way::Direct }
}

#[derive(Default)]
struct Seen(Vec<String>);

impl Witness for Seen {
    fn see<'s>(&mut self, step: impl FnOnce() -> Step<'s>) {
        match step() {
            Step::Connector { meant: MeantBy::Content(id) } => self.0.push(id.to_owned()),
            Step::Connector { meant } => self.0.push(format!("{meant:?}")),
            Step::AntiFraud { .. }
            | Step::Blocklist { .. }
            | Step::Catalog { .. }
            | Step::Copy { .. }
            | Step::Effective { .. }
            | Step::LinkToCopy { .. }
            | Step::RouteRule { .. }
            | Step::TokenNotNeeded
            | Step::TokenRefused { .. }
            | Step::TokenVerified { .. } => {}
        }
    }
}

/// The key of the file that is given, or the code.
fn given(snapshot: &EdgeSnapshot, asked: Asked<'_>) -> Result<String, DenialCode> {
    let target = RequestTarget::parse(asked.target, PathToken::Absent, 8_192).unwrap();
    let site = snapshot.sites.find("files.example.com").unwrap();
    let resource = Resource::find(site, &target).map_err(Denial::code)?;
    let facts = RequestFacts {
        site,
        target,
        client: ClientIp::new(asked.client.parse().unwrap()),
        untrusted_proxy: None,
        way: asked.way,
        scheme: asked.scheme,
        resource,
        candidates: Candidates::default(),
    };
    let mut seen = Seen::default();
    let permit = decide_witnessed(&facts, snapshot, NOW, &mut seen).map_err(Denial::code)?;
    let object = permit.into_object().map_err(|it| Denial::from(it).code())?;
    // An original is nobody's to keep, whoever may have it.
    assert_eq!((object.exposure, object.cache), (Exposure::Source, CacheRules::Off));
    let Some(OriginKey::Object(key)) = object.key else { panic!("a file has a key") };
    // Who is meant is told: keys begin with the id.
    let [meant] = &*seen.0 else { panic!("{:?}", seen.0) };
    assert!(key.starts_with(&**meant), "{meant}");
    Ok(key.into())
}

fn each(snapshot: &EdgeSnapshot, expected: &[(&str, Result<&str, DenialCode>)]) {
    for (target, expected) in expected {
        let told = given(snapshot, plainly(target));
        assert_eq!(told.as_deref(), expected.as_ref().map(|it| *it), "{target}");
    }
}

const NOTHING: Result<&str, DenialCode> = Err(DenialCode::NotFound);

#[test]
fn each_form_of_address_finds_its_content() {
    let names = [sku("A B"), pretty("en", "a-film"), pretty("m", "x")];
    let snapshot = scene([content("-film", 1, &names)]);
    each(
        &snapshot,
        &[
            ("/dl/id/-film", Ok("-film")),
            ("/dl/id/-film?__token__=rubbish&file-name=x", Ok("-film")),
            ("/dl/sku/m/A%20B", Ok("-film")),
            ("/dl/pretty/en/a-film", Ok("-film")),
            // A language like any other.
            ("/dl/pretty/m/x", Ok("-film")),
            ("/dl/id/other", NOTHING),
            ("/dl/id/en/a-film", NOTHING),
            ("/dl/id/m/A%20B", NOTHING),
            ("/dl/sku/A%20B", NOTHING),
            ("/dl/sku/en/A%20B", NOTHING),
            ("/dl/sku/m/a%20b", NOTHING),
            ("/dl/pretty/a-film", NOTHING),
            ("/dl/pretty/de/a-film", NOTHING),
            ("/dl/other/-film", NOTHING),
            ("/dl/id", Err(DenialCode::NoRoute)),
            ("/dl/id/a/b/c", Err(DenialCode::NoRoute)),
        ],
    );
}

/// B3 and B5: whatever is not the connector's to give is as if it were not there.
#[test]
fn what_is_not_public_by_it_is_not_there() {
    let film = || content("film", 1, &[sku("x")]);
    let at = |seconds| Some(UnixSeconds::new(seconds));
    let over = vec![Period { starts_at: None, ends_at: at(NOW.get()) }];
    let now = vec![Period { starts_at: at(NOW.get()), ends_at: None }];
    let unpublished = Publication::Unpublished;
    for (what, state, expected) in [
        ("published", film(), Ok("film")),
        ("in its period", ContentState { periods: now, ..film() }, Ok("film")),
        ("unpublished", ContentState { publication: unpublished, ..film() }, NOTHING),
        ("its period over", ContentState { periods: over, ..film() }, NOTHING),
        ("elsewhere", ContentState { folder: Some(ChannelId(4)), ..film() }, NOTHING),
        ("nowhere", ContentState { folder: None, ..film() }, NOTHING),
        ("without a version", ContentState { version: None, ..film() }, NOTHING),
        ("without a file", ContentState { files: Vec::new(), ..film() }, NOTHING),
    ] {
        let snapshot = scene([state]);
        for target in ["/dl/id/film", "/dl/sku/m/x", "/dl/strict/m/x"] {
            let told = given(&snapshot, plainly(target));
            assert_eq!(told.as_deref(), expected.as_ref().map(|it| *it), "{what} {target}");
        }
    }
    let sound = ContentState { kind: ContentKind::Audio, ..content("sound", 1, &[]) };
    let snapshot = scene([film(), sound]);
    each(&snapshot, &[("/dl/sound/sound", Ok("sound")), ("/dl/sound/film", NOTHING)]);
}

/// G4: the oldest that is available; a strict connector refuses to choose.
#[test]
fn of_several_the_oldest_is_meant_or_none() {
    let of = |id: &str, age| content(id, age, &[sku("x")]);
    let snapshot = scene([of("young", 1), of("b-old", 9), of("a-old", 9), of("middle", 5)]);
    let ambiguous = Err(DenialCode::ConnectorAmbiguous);
    each(&snapshot, &[("/dl/sku/m/x", Ok("a-old")), ("/dl/strict/m/x", ambiguous)]);
    // One that is not available is in nobody's way.
    let hidden = ContentState { publication: Publication::Unpublished, ..of("old", 9) };
    let snapshot = scene([of("young", 1), hidden]);
    each(&snapshot, &[("/dl/sku/m/x", Ok("young")), ("/dl/strict/m/x", Ok("young"))]);
}

/// Whoever asks for a name that thousands have who are not public has not each of them looked at.
#[test]
fn what_is_never_public_is_in_nobodys_way() {
    let hidden = |index: u64| {
        let state = content(&format!("h{index}"), 9, &[sku("x")]);
        let publication = Publication::Unpublished;
        match index % 3 {
            0 => ContentState { publication, ..state },
            1 => ContentState { files: Vec::new(), ..state },
            _ => ContentState { version: None, ..state },
        }
    };
    let called = |snapshot: &EdgeSnapshot| {
        let control = snapshot.control.as_ref().unwrap();
        let name = NameRef::Metadata { name: "SKU", value: "x" };
        let called = control.catalog.called(TENANT, FOLDER, name);
        called.map(|it| it.id().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let snapshot = scene((0..3_000).map(hidden));
    // One, for the reason why there is none.
    assert_eq!(called(&snapshot).len(), 1);
    each(&snapshot, &[("/dl/sku/m/x", NOTHING), ("/dl/strict/m/x", NOTHING)]);
    let young = content("young", 1, &[sku("x")]);
    let old = content("old", 5, &[sku("x")]);
    let snapshot = scene((0..3_000).map(hidden).chain([young.clone(), old]));
    assert_eq!(called(&snapshot)[..2], ["old", "young"]);
    assert_eq!(called(&snapshot).len(), 3);
    each(&snapshot, &[("/dl/sku/m/x", Ok("old"))]);
    // Whoever is published takes their place, and leaves it again.
    let control = snapshot.control.as_ref().unwrap();
    let published = content("h0", 9, &[sku("x")]);
    let unpublished = |state: ContentState| {
        let publication = Publication::Unpublished;
        Box::new(ContentState { publication, ..state })
    };
    control.catalog.set_content(&published);
    assert_eq!(called(&snapshot)[..3], ["h0", "old", "young"]);
    control.catalog.set_content(&unpublished(published));
    control.catalog.set_content(&unpublished(young));
    assert_eq!(called(&snapshot)[0], "old");
    assert_eq!(called(&snapshot).len(), 2);
}

#[test]
fn whoever_is_blocked_in_the_clear_or_behind_a_cdn_is_refused() {
    let snapshot = scene([content("film", 1, &[])]);
    let over_tls = |asked| Asked { scheme: ClientScheme::Https, ..asked };
    let tls = plainly("/dl/tls/film");
    assert_eq!(given(&snapshot, over_tls(tls)).as_deref(), Ok("film"));
    assert_eq!(given(&snapshot, tls), Err(DenialCode::HttpsRequired));
    // Whether there is such a content is not told in the clear.
    assert_eq!(given(&snapshot, plainly("/dl/tls/other")), Err(DenialCode::HttpsRequired));
    let by_id = plainly("/dl/id/film");
    for target in ["/dl/id/film", "/dl/id/other", "/dl/other/film"] {
        let through = Asked { way: Way::Cdn, ..plainly(target) };
        assert_eq!(given(&snapshot, through), Err(DenialCode::CdnRefused), "{target}");
    }
    for asked in [by_id, tls, Asked { way: Way::Cdn, ..by_id }] {
        let blocked = Asked { client: "203.0.113.66", ..asked };
        assert_eq!(given(&snapshot, blocked), Err(DenialCode::IpBlocked));
    }
}

/// A version is switched: a request decides about it by the state that it belongs to.
#[test]
fn a_new_version_is_given_under_the_same_address() {
    let snapshot = scene([content("film", 1, &[sku("x")])]);
    let control = snapshot.control.as_ref().unwrap();
    let mut next = content("film", 1, &[sku("x")]);
    next.files[0].key = "film-2".into();
    control.catalog.restrict(5, [CatalogChange::ContentSet(Box::new(next))]).give();
    for (version, expected) in [(4, Err(DenialCode::NoSnapshot)), (5, Ok("film-2"))] {
        let (catalog, connectors) = (Arc::clone(&control.catalog), Arc::clone(&control.connectors));
        let control = ControlState { version, catalog, connectors, ..ControlState::empty() };
        let snapshot = EdgeSnapshot { control: Some(Arc::new(control)), ..snapshot.clone() };
        for target in ["/dl/id/film", "/dl/sku/m/x"] {
            let told = given(&snapshot, plainly(target));
            assert_eq!(told.as_deref(), expected.as_ref().map(|it| *it), "{version} {target}");
        }
    }
}
