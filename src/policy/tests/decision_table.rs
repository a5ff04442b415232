//! Every combination of visibility, override, asset, token, carrier, address and route access.

use std::collections::HashMap;

use super::oracle::{Opened, Shown, Types, token_step, visibility};
use super::scenery::{
    ASSETS, Answer, AssetCase, CHANNEL, CLIENT, Carried, FOREIGN_KEY, KEYS, LONGEST, NOW, REVOKED,
    TENANT, VIDEO, acl, ask, blocklist, private_until, snapshot, table, token, video_types,
};
use crate::asset::{AssetType, AssetTypeSet, OriginKey, TenantId, Visibility};
use crate::policy::{
    Access, CacheRules, DenialCode, Exposure, OriginName, OverrideTable, PermittedObject,
    TenantOverrides,
};
use crate::token::Carrier;
use crate::token::edge_auth::{SignRequest, SignScope};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Address {
    Clean,
    Listed,
}

const ADDRESSES: &[Address] = &[Address::Clean, Address::Listed];
const ASKED: &[Visibility] = &[Visibility::Private, Visibility::Public];

impl Address {
    /// The list that the client is, or is not, on.
    fn networks(self) -> &'static [&'static str] {
        match self {
            Self::Clean => &["198.51.100.0/24", "2001:db8::/32"],
            Self::Listed => &["203.0.113.0/24"],
        }
    }
}

pub(super) fn overrides(opened: Opened, asset: &AssetCase) -> OverrideTable {
    let types = |types| match types {
        Types::ThisOne => AssetTypeSet::EMPTY.with(asset.kind),
        Types::AllOthers => {
            AssetType::ALL.iter().copied().filter(|kind| *kind != asset.kind).collect()
        }
    };
    let of_vm = |asset_types| TenantOverrides { asset_types, ..TenantOverrides::default() };
    match opened {
        Opened::Nothing => OverrideTable::default(),
        Opened::Vm => table(TENANT, of_vm(AssetTypeSet::EVERY)),
        Opened::VmType(which) => table(TENANT, of_vm(types(which))),
        Opened::Video => table(TENANT, video_types(VIDEO, AssetTypeSet::EVERY)),
        Opened::VideoType(which) => table(TENANT, video_types(VIDEO, types(which))),
        Opened::ChannelAttachments => {
            let kinds = AssetTypeSet::EMPTY.with(AssetType::Attachment);
            let channels = HashMap::from([(CHANNEL, kinds)]);
            table(TENANT, TenantOverrides { channels, ..TenantOverrides::default() })
        }
        Opened::OtherVideo => table(TENANT, video_types("other", AssetTypeSet::EVERY)),
        Opened::OtherTenant => table(TenantId(2), of_vm(AssetTypeSet::EVERY)),
    }
}

/// The token of that description for a path, which is the effective one.
pub(super) fn made(shown: Shown, path: &str) -> String {
    let new = KEYS[0].1;
    let whole = [path];
    let good = acl(&whole);
    match shown {
        Shown::Garbage => "exp=soon~hmac=".to_owned(),
        Shown::ForeignKey => token(FOREIGN_KEY, &good),
        Shown::TooEarly => {
            let (start, expiry) = (Some(NOW.plus(86_400)), NOW.plus(90_000));
            token(new, &SignRequest { start, expiry, ..good })
        }
        Shown::Expired => {
            let expiry = crate::clock::UnixSeconds::new(NOW.get() - 1);
            token(new, &SignRequest { expiry, ..good })
        }
        Shown::TooLong => token(new, &SignRequest { expiry: NOW.plus(LONGEST + 1), ..good }),
        Shown::OtherPath => token(new, &acl(&["/private/videos/other/*", "/vod"])),
        Shown::OtherUrl => {
            token(new, &SignRequest { scope: SignScope::Url("/private/videos/other"), ..good })
        }
        Shown::OtherAddress => {
            token(new, &SignRequest { ip: Some("203.0.113.10/32".parse().unwrap()), ..good })
        }
        Shown::Revoked => token(new, &SignRequest { id: Some(REVOKED), ..good }),
        Shown::ValidAcl => token(new, &SignRequest { id: Some("lnk_live"), ..good }),
        Shown::ValidUrl => token(new, &SignRequest { scope: SignScope::Url(path), ..good }),
        Shown::ValidOldKey => token(KEYS[1].1, &good),
        Shown::ValidToTheSecond => {
            let ip = Some("::ffff:203.0.113.9/128".parse().unwrap());
            token(new, &SignRequest { expiry: NOW, ip, ..good })
        }
    }
}

fn object(origin: &str, key: &str, exposure: Exposure) -> PermittedObject {
    let key = Some(OriginKey::Object(key.into()));
    let cache = CacheRules::Off;
    let origin = OriginName::new(origin);
    PermittedObject { origin, key, exposure, cache, registered: None, copy: None }
}

/// The contract's answer for an asset, from step 5 on.
fn asset_answer(
    asked: Visibility,
    opened: Opened,
    asset: &AssetCase,
    address: Address,
    token: Result<(u64, &'static str), DenialCode>,
) -> Answer {
    let effective = visibility(opened, asset);
    let (exposure, key) = match (address, effective, token) {
        (Address::Listed, _, _) => return Answer::Refused(DenialCode::IpBlocked),
        (Address::Clean, Visibility::Public, _) => {
            let exposure = match asked {
                Visibility::Public => Exposure::Public,
                Visibility::Private => Exposure::Private { until: None },
            };
            (exposure, None)
        }
        (Address::Clean, Visibility::Private, Ok((left, key))) => {
            (private_until(left), Some(key.to_owned()))
        }
        (Address::Clean, Visibility::Private, Err(code)) => return Answer::Refused(code),
    };
    let visibility = effective.wire_name();
    Answer::Given {
        object: object("media", &format!("{visibility}/{}", asset.key), exposure),
        key,
        effective_path: Some(format!("/{visibility}/{}", asset.path)),
    }
}

/// Tokens of a request: how they are laid out, and in which order they are to be tried.
fn arrangements() -> Vec<Vec<(Carrier, Shown)>> {
    let mut all = vec![Vec::new()];
    for &shown in Shown::ALL {
        all.extend(Carrier::ALL.iter().map(|&carrier| vec![(carrier, shown)]));
        // The same token twice is one token.
        all.push(vec![(Carrier::Query, shown), (Carrier::Header, shown), (Carrier::Path, shown)]);
    }
    all
}

fn carried(tokens: &[(Carrier, Shown)], path: &str) -> Vec<Carried> {
    let carried =
        |&(carrier, shown): &(Carrier, Shown)| Carried { carrier, token: made(shown, path) };
    tokens.iter().map(carried).collect()
}

fn tried(tokens: &[(Carrier, Shown)]) -> Vec<Shown> {
    tokens.iter().map(|(_, shown)| *shown).collect()
}

#[test]
fn every_asset_visibility_override_token_carrier_and_address() {
    let mut decided = 0_usize;
    for asset in ASSETS {
        for &opened in Opened::ALL {
            let effective = visibility(opened, asset).wire_name();
            let path = format!("/{effective}/{}", asset.path);
            for &address in ADDRESSES {
                let snapshot =
                    snapshot(KEYS, overrides(opened, asset), blocklist(address.networks()));
                for tokens in arrangements() {
                    let shown = carried(&tokens, &path);
                    let token = token_step(&tried(&tokens));
                    for &asked in ASKED {
                        let link = format!("/{}/{}", asked.wire_name(), asset.path);
                        let answer = ask(&snapshot, &link, asset.query, &shown, CLIENT);
                        let expected = asset_answer(asked, opened, asset, address, token);
                        assert_eq!(
                            answer, expected,
                            "{asked:?} {opened:?} {} {tokens:?} {address:?}",
                            asset.path
                        );
                        decided += 1;
                    }
                }
            }
        }
    }
    assert_eq!(decided, 8 * 10 * 2 * (1 + 13 * 5) * 2);
}

/// A token for the path as it was asked is of no use where another is in force (G15).
#[test]
fn a_token_covers_the_effective_path_or_nothing() {
    for asset in ASSETS {
        let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(&[]));
        let asked = format!("/public/{}", asset.path);
        for shown in [Shown::ValidAcl, Shown::ValidUrl] {
            for &carrier in Carrier::ALL {
                let tokens = [Carried { carrier, token: made(shown, &asked) }];
                let code = if shown == Shown::ValidUrl {
                    DenialCode::TokenSignature
                } else {
                    DenialCode::TokenScope
                };
                let answer = ask(&snapshot, &asked, asset.query, &tokens, CLIENT);
                assert_eq!(answer, Answer::Refused(code), "{asset:?} {shown:?} {carrier:?}");
            }
        }
    }
}

#[test]
fn every_route_access_token_carrier_and_address() {
    let mut decided = 0_usize;
    for (prefix, access) in
        [("/open/", Access::Open), ("/vod/", Access::Token), ("/shut/", Access::Deny)]
    {
        let path = format!("{prefix}film%20a/%EC%95%88.mp4");
        let key = format!("{}film a/안.mp4", prefix.trim_start_matches('/'));
        for &address in ADDRESSES {
            let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(address.networks()));
            for tokens in arrangements() {
                let token = token_step(&tried(&tokens));
                let given = |exposure, key_id: Option<&str>| Answer::Given {
                    object: object("vod", &key, exposure),
                    key: key_id.map(str::to_owned),
                    effective_path: None,
                };
                let expected = match (access, address, token) {
                    // Step 5 comes before step 6: there is no such route for anybody.
                    (Access::Deny, _, _) => Answer::Refused(DenialCode::NoRoute),
                    (_, Address::Listed, _) => Answer::Refused(DenialCode::IpBlocked),
                    (Access::Open, Address::Clean, _) => given(Exposure::Public, None),
                    (Access::Token, Address::Clean, Ok((left, key_id))) => {
                        given(private_until(left), Some(key_id))
                    }
                    (Access::Token, Address::Clean, Err(code)) => Answer::Refused(code),
                };
                let answer = ask(&snapshot, &path, "x=1", &carried(&tokens, &path), CLIENT);
                assert_eq!(answer, expected, "{access:?} {tokens:?} {address:?}");
                decided += 1;
            }
        }
    }
    assert_eq!(decided, 3 * 2 * (1 + 13 * 5));
}

/// Two tokens: in query, header and path different ones are refused unlooked at; a cookie is
/// tried beside one of those, and beside another cookie, in the order of the search.
#[test]
fn every_pair_of_tokens() {
    let asset = &ASSETS[0];
    let path = format!("/private/{}", asset.path);
    let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(&[]));
    for &first in Shown::ALL {
        for &second in Shown::ALL {
            for &one in Carrier::ALL {
                for &other in Carrier::ALL {
                    if one == Carrier::Path && other == Carrier::Path {
                        // Two path tokens are refused with the target, before any decision.
                        continue;
                    }
                    let tokens = [(one, first), (other, second)];
                    let with_cookie = one == Carrier::Cookie || other == Carrier::Cookie;
                    let mut in_order = tokens;
                    in_order.sort_by_key(|(carrier, _)| match carrier {
                        Carrier::Query => 0,
                        Carrier::Header => 1,
                        Carrier::Cookie => 2,
                        Carrier::Path => 3,
                    });
                    let token = if !with_cookie && first != second {
                        Err(DenialCode::TokenAmbiguous)
                    } else {
                        token_step(&tried(&in_order))
                    };
                    let expected = asset_answer(
                        Visibility::Private,
                        Opened::Nothing,
                        asset,
                        Address::Clean,
                        token,
                    );
                    let shown = carried(&tokens, &path);
                    let answer = ask(&snapshot, &path, asset.query, &shown, CLIENT);
                    assert_eq!(answer, expected, "{tokens:?}");
                }
            }
        }
    }
}

/// What has no file is permitted without one, so that the answer tells no more than another (G17).
#[test]
fn a_file_that_cannot_be_has_no_key() {
    let asset = &ASSETS[2];
    let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(&[]));
    let path = format!("/private/{}", asset.path);
    let tokens = [Carried { carrier: Carrier::Query, token: made(Shown::ValidAcl, &path) }];
    let answer = ask(&snapshot, &path, "quality=..%2F..%2Fsource", &tokens, CLIENT);
    let Answer::Given { object, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(object.key, None);
    let answer = ask(&snapshot, &path, "quality=..%2F..%2Fsource", &[], CLIENT);
    assert_eq!(answer, Answer::Refused(DenialCode::TokenMissing));
}
