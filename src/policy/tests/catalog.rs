//! What a site with a catalog answers: every combination of what the catalog says, override, asset,
//! visibility, address and token; and that nothing that closes ever opens anything.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use super::decision_table::{made, overrides};
use super::oracle::{Entered, Opened, Shown, in_catalog, token_step, visibility};
use super::scenery::{
    ASSETS, Answer, AssetCase, CHANNEL, CLIENT, Carried, KEYS, NOW, Owner, TENANT, VIDEO, acl, ask,
    blocklist, looking_up, private_until, snapshot, token,
};
use crate::asset::{ContentId, OriginKey, TenantId, Visibility};
use crate::catalog::{
    Catalog, CatalogChange, ContentKind, ContentState, FileKind, FilePlace, FileState, FolderState,
    Period, Publication,
};
use crate::clock::UnixSeconds;
use crate::keyring::{KeyMaterial, KeyWindow};
use crate::policy::{
    CacheRules, ControlState, DenialCode, EdgeSnapshot, Exposure, LinkKey, LinkKeys, OriginName,
    PermittedObject, RegisteredFile,
};
use crate::token::edge_auth::SignRequest;
use crate::token::{Carrier, LinkBinding, LinkOpens, LinkPayload, LinkTerms, QueryDigest};

const SHA256: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Where the file of each of `ASSETS` belongs, in their order.
const PLACES: [(FileKind, &str, &str); 8] = [
    (FileKind::Source, "", ""),
    (FileKind::Format, "p-720", ""),
    (FileKind::Thumbnail, "1", "360p"),
    (FileKind::Thumbnail, "78912", "source"),
    (FileKind::ChapterThumbnail, "3", "720p"),
    (FileKind::Subtitle, "5", "SRT"),
    (FileKind::Attachment, "Price list", "a b.pdf"),
    (FileKind::Attachment, "Press", "kit.zip"),
];

fn key(index: usize) -> String {
    format!("tenants/1/{index}.bin")
}

fn file(index: usize) -> FileState {
    let (kind, slot, variant) = PLACES[index];
    FileState {
        number: index as u64,
        place: FilePlace { kind, slot: slot.into(), variant: variant.into() },
        origin: "media".into(),
        key: key(index).into(),
        name: format!("name {index}").into(),
        size: 100 + index as u64,
        mime: "video/mp4".into(),
        sha256: Some(SHA256.into()),
    }
}

/// A catalog that says this of the owner of an asset, and everything of its neighbours.
fn catalog(entered: Entered, index: usize) -> Catalog {
    let at = |seconds: u64| Some(UnixSeconds::new(seconds));
    let period = |starts_at, ends_at| vec![Period { starts_at, ends_at }];
    let (past, now, next) = (NOW.get() - 60, NOW.get(), NOW.get() + 1);
    let files = |owner: Owner| {
        (0..ASSETS.len())
            .filter(|it| ASSETS[*it].owner == owner)
            .filter(|it| entered != Entered::WithoutTheFile || *it != index)
            .map(file)
            .collect::<Vec<_>>()
    };
    let content = |id: &str| ContentState {
        tenant: TENANT,
        id: ContentId::parse(id).unwrap(),
        kind: ContentKind::Video,
        folder: None,
        publication: match entered {
            Entered::Unpublished | Entered::UnpublishedInAPeriod => Publication::Unpublished,
            Entered::Unknown
            | Entered::NotYet
            | Entered::Over
            | Entered::WithoutAVersion
            | Entered::WithoutTheFile
            | Entered::InAPeriod
            | Entered::Published => Publication::Published,
        },
        periods: match entered {
            Entered::NotYet => period(at(next), None),
            Entered::Over => period(at(past), at(now)),
            Entered::UnpublishedInAPeriod | Entered::InAPeriod => period(at(now), at(next)),
            Entered::Unknown
            | Entered::Unpublished
            | Entered::WithoutAVersion
            | Entered::WithoutTheFile
            | Entered::Published => Vec::new(),
        },
        version: (entered != Entered::WithoutAVersion).then(|| "v1".into()),
        active_thumbnail: Some("1".into()),
        files: files(Owner::Video),
        names: None,
    };
    let catalog = Catalog::new();
    catalog.set_content(&ContentState {
        publication: Publication::Published,
        periods: Vec::new(),
        ..content("other")
    });
    catalog.set_content(&ContentState { tenant: TenantId(2), ..content(VIDEO) });
    if entered != Entered::Unknown {
        catalog.set_content(&content(VIDEO));
        let folder = FolderState { tenant: TENANT, number: CHANNEL, files: files(Owner::Channel) };
        catalog.set_folder(&folder);
    }
    catalog
}

fn object(index: usize, exposure: Exposure) -> PermittedObject {
    let mut digest = [0; 32];
    hex::decode_to_slice(SHA256, &mut digest).unwrap();
    PermittedObject {
        origin: OriginName::new("media"),
        key: Some(OriginKey::Object(key(index).into())),
        exposure,
        cache: CacheRules::Off,
        copy: None,
        registered: Some(Box::new(RegisteredFile {
            size: 100 + index as u64,
            sha256: Some(digest),
            mime: Arc::from("video/mp4"),
            name: format!("name {index}").into(),
        })),
    }
}

fn a_snapshot(entered: Entered, opened: Opened, index: usize, listed: &[&str]) -> EdgeSnapshot {
    let snapshot = snapshot(KEYS, overrides(opened, &ASSETS[index]), blocklist(listed));
    looking_up(catalog(entered, index), snapshot)
}

fn answer(
    snapshot: &EdgeSnapshot,
    asset: &AssetCase,
    asked: Visibility,
    effective: Visibility,
    shown: Option<Shown>,
) -> Answer {
    let path = format!("/{}/{}", effective.wire_name(), asset.path);
    let token = |shown| Carried { carrier: Carrier::Query, token: made(shown, &path) };
    let tokens: Vec<_> = shown.into_iter().map(token).collect();
    ask(snapshot, &format!("/{}/{}", asked.wire_name(), asset.path), asset.query, &tokens, CLIENT)
}

#[test]
fn every_entry_override_asset_visibility_address_and_token() {
    let mut decided = 0_usize;
    for (index, asset) in ASSETS.iter().enumerate() {
        for &entered in Entered::ALL {
            for &opened in Opened::ALL {
                for listed in [&["198.51.100.0/24"][..], &["203.0.113.0/24"]] {
                    let snapshot = a_snapshot(entered, opened, index, listed);
                    let (effective, file) = in_catalog(entered, asset, visibility(opened, asset));
                    let tokens = std::iter::once(None).chain(Shown::ALL.iter().copied().map(Some));
                    for shown in tokens {
                        let token = token_step(shown.as_slice());
                        for asked in [Visibility::Private, Visibility::Public] {
                            let effective_path =
                                format!("/{}/{}", effective.wire_name(), asset.path);
                            let given = |exposure, key: Option<&str>| {
                                if !file {
                                    return Answer::Refused(DenialCode::NotFound);
                                }
                                Answer::Given {
                                    object: object(index, exposure),
                                    key: key.map(str::to_owned),
                                    effective_path: Some(effective_path.clone()),
                                }
                            };
                            let expected = match (listed[0], effective, token) {
                                ("203.0.113.0/24", _, _) => Answer::Refused(DenialCode::IpBlocked),
                                (_, Visibility::Public, _) => match asked {
                                    Visibility::Public => given(Exposure::Public, None),
                                    Visibility::Private => {
                                        given(Exposure::Private { until: None }, None)
                                    }
                                },
                                (_, Visibility::Private, Ok((left, key))) => {
                                    given(private_until(left), Some(key))
                                }
                                (_, Visibility::Private, Err(code)) => Answer::Refused(code),
                            };
                            let answer = answer(&snapshot, asset, asked, effective, shown);
                            assert_eq!(
                                answer, expected,
                                "{entered:?} {opened:?} {} {shown:?} {asked:?}",
                                asset.path
                            );
                            decided += 1;
                        }
                    }
                }
            }
        }
    }
    assert_eq!(decided, 8 * 9 * 10 * 2 * 14 * 2);
}

/// G16: what is not published is opened by a link of ours that says so, and by nothing else.
#[test]
fn only_a_link_of_ours_that_says_so_opens_what_is_not_published() {
    let (mine, vendors) = ("11112222333344445555666677778888", KEYS[0].1);
    let binding = LinkBinding::Query(QueryDigest::of(TENANT.0, None));
    let says = |opens| LinkPayload { binding, opens, terms: LinkTerms::default() }.to_string();
    let (everything, published) = (says(LinkOpens::Everything), says(LinkOpens::Published));
    for &entered in Entered::ALL {
        for &opened in Opened::ALL {
            let snapshot = a_snapshot(entered, opened, 0, &[]);
            let key = LinkKey {
                tenant: Some(TENANT),
                material: KeyMaterial::from_hex(mine).unwrap(),
                window: KeyWindow::default(),
                retired: None,
            };
            let control = ControlState {
                catalog: Arc::clone(&snapshot.control.as_ref().unwrap().catalog),
                links: Arc::new(LinkKeys::new([("mine", &key)])),
                ..ControlState::empty()
            };
            let snapshot = EdgeSnapshot { control: Some(Arc::new(control)), ..snapshot };
            let (effective, public_file) =
                in_catalog(entered, &ASSETS[0], visibility(opened, &ASSETS[0]));
            for (hex, payload, says_so) in [
                (mine, Some(&everything), true),
                (mine, Some(&published), false),
                (mine, None, false),
                // Of somebody else's key the same text is opaque.
                (vendors, Some(&everything), false),
            ] {
                let path = format!("/private/{}", ASSETS[0].path);
                let payload = payload.map(String::as_str);
                let request = SignRequest { payload, ..acl(&["/private/*"]) };
                let carried = [Carried { carrier: Carrier::Query, token: token(hex, &request) }];
                let told = ask(&snapshot, &path, "", &carried, CLIENT);
                let there = !matches!(
                    entered,
                    Entered::Unknown | Entered::WithoutAVersion | Entered::WithoutTheFile
                );
                let expected = public_file || (says_so && there);
                assert_eq!(
                    is_given(&told),
                    expected,
                    "{entered:?} {opened:?} {payload:?} {told:?}"
                );
                let nobody = ask(&snapshot, &path, "", &[], CLIENT);
                assert_eq!(is_given(&nobody), effective == Visibility::Public && public_file);
            }
        }
    }
}

/// A site that is to look things up and has nothing to look at has nothing.
#[test]
fn without_a_control_plane_every_id_is_unknown() {
    let snapshot = a_snapshot(Entered::Published, Opened::Vm, 0, &[]);
    let snapshot = EdgeSnapshot { control: None, ..snapshot };
    let asked = Visibility::Public;
    let private = Visibility::Private;
    let told = [None, Some(Shown::ValidAcl)]
        .map(|shown| answer(&snapshot, &ASSETS[0], asked, private, shown));
    let expected = [DenialCode::TokenMissing, DenialCode::NotFound].map(Answer::Refused);
    assert_eq!(told, expected);
}

/// What was opened beside another change is decided about by those who know that change.
#[test]
fn an_entry_of_a_newer_state_is_not_decided_about_by_an_older_one() {
    let snapshot = a_snapshot(Entered::Published, Opened::Vm, 0, &[]);
    let catalog = Arc::clone(&snapshot.control.as_ref().unwrap().catalog);
    let state = ContentState {
        tenant: TENANT,
        id: ContentId::parse(VIDEO).unwrap(),
        kind: ContentKind::Video,
        folder: None,
        publication: Publication::Published,
        periods: Vec::new(),
        version: Some("v2".into()),
        active_thumbnail: None,
        files: vec![FileState { key: "new".into(), ..file(0) }],
        names: None,
    };
    let change = CatalogChange::ContentSet(Box::new(state));
    catalog.restrict(5, [change]).give();
    for (version, expected) in [(4, None), (5, Some("new")), (6, Some("new"))] {
        let catalog = Arc::clone(&catalog);
        let control = ControlState { version, catalog, ..ControlState::empty() };
        let snapshot = EdgeSnapshot { control: Some(Arc::new(control)), ..snapshot.clone() };
        let public = Visibility::Public;
        match (answer(&snapshot, &ASSETS[0], public, public, None), expected) {
            (Answer::Given { object, .. }, Some(key)) => {
                // Opened for everybody by the file's table beside the control plane.
                assert_eq!(object.key, Some(OriginKey::Object(key.into())));
            }
            (Answer::Refused(code), None) => assert_eq!(code, DenialCode::NoSnapshot),
            (answer, _) => panic!("{version}: {answer:?}"),
        }
    }
}

/// G17: an unknown quality has no file, whatever is open.
#[test]
fn an_unknown_quality_has_no_file() {
    for opened in [Opened::Vm, Opened::Nothing] {
        let snapshot = a_snapshot(Entered::Published, opened, 2, &[]);
        let asset = AssetCase { query: "quality=..%2Fsource", ..ASSETS[2] };
        let effective = visibility(opened, &asset);
        let shown = Some(Shown::ValidAcl);
        let told = answer(&snapshot, &asset, Visibility::Private, effective, shown);
        assert_eq!(told, Answer::Refused(DenialCode::NotFound), "{opened:?}");
    }
}

fn is_given(answer: &Answer) -> bool {
    matches!(answer, Answer::Given { .. })
}

proptest! {
    /// What is unpublished, removed, or over gives nothing that it did not give before, and to
    /// nobody else.
    #[test]
    fn what_closes_never_opens(
        before in select(Entered::ALL),
        closing in select(&[
            Entered::Unknown,
            Entered::Unpublished,
            Entered::UnpublishedInAPeriod,
            Entered::NotYet,
            Entered::Over,
            Entered::WithoutAVersion,
        ][..]),
        opened in select(Opened::ALL),
        index in 0..ASSETS.len(),
        shown in proptest::option::of(select(Shown::ALL)),
        asked in select(&[Visibility::Private, Visibility::Public][..]),
        effective in select(&[Visibility::Private, Visibility::Public][..]),
    ) {
        let asset = &ASSETS[index];
        let ask = |entered| {
            answer(&a_snapshot(entered, opened, index, &[]), asset, asked, effective, shown)
        };
        let (earlier, later) = (ask(before), ask(closing));
        prop_assert!(!is_given(&later) || asset.owner == Owner::Channel, "{later:?}");
        if asset.owner == Owner::Channel {
            prop_assert!(!is_given(&later) || closing != Entered::Unknown);
            prop_assert!(!is_given(&later) || later == earlier || !is_given(&earlier));
        }
    }

    /// G15, G16: what is protected, what is not published and what was never there look the same
    /// to whoever has no token that opens the path.
    #[test]
    fn what_is_there_is_not_told(
        hidden in select(&[
            Entered::Unknown,
            Entered::Unpublished,
            Entered::NotYet,
            Entered::Over,
        ][..]),
        opened in select(Opened::ALL),
        index in (0..ASSETS.len()).prop_filter("of a video", |it| ASSETS[*it].owner == Owner::Video),
        shown in proptest::option::of(select(Shown::ALL)),
        asked in select(&[Visibility::Private, Visibility::Public][..]),
    ) {
        let asset = &ASSETS[index];
        let private = Visibility::Private;
        let ask = |entered, opened| {
            answer(&a_snapshot(entered, opened, index, &[]), asset, asked, private, shown)
        };
        let protected = ask(Entered::Published, Opened::Nothing);
        let hidden = ask(hidden, opened);
        if is_given(&protected) {
            prop_assert_eq!(hidden, Answer::Refused(DenialCode::NotFound));
        } else {
            prop_assert_eq!(hidden, protected);
        }
    }
}
