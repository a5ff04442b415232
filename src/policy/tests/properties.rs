//! What must hold whatever the tables and the request say.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::scenery::{
    ASSETS, Answer, AssetCase, CHANNEL, CLIENT, Carried, FOREIGN_KEY, KEYS, NOW, REVOKED, TENANT,
    VIDEO, acl, ask, blocklist, snapshot, token,
};
use crate::asset::{AssetType, AssetTypeSet, VideoId, Visibility};
use crate::policy::{OverrideTable, TenantOverrides};
use crate::target::percent_decode;
use crate::token::Carrier;
use crate::token::edge_auth::{SignRequest, SignScope};

/// One statement of an override table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Statement {
    Vm(AssetType),
    Video(&'static str, AssetType),
    Channel(u64, AssetType),
}

fn statements() -> Vec<Statement> {
    AssetType::ALL
        .iter()
        .flat_map(|&kind| {
            [
                Statement::Vm(kind),
                Statement::Video(VIDEO, kind),
                Statement::Video("other", kind),
                Statement::Channel(CHANNEL.0, kind),
                Statement::Channel(8, kind),
            ]
        })
        .collect()
}

fn compiled(statements: &[Statement]) -> OverrideTable {
    let mut overrides = TenantOverrides::default();
    for statement in statements {
        match *statement {
            Statement::Vm(kind) => overrides.asset_types = overrides.asset_types.with(kind),
            Statement::Video(video, kind) => {
                let kinds = overrides.videos.entry(VideoId::new(video).unwrap()).or_default();
                *kinds = kinds.with(kind);
            }
            Statement::Channel(channel, kind) => {
                let kinds: &mut AssetTypeSet =
                    overrides.channels.entry(crate::asset::ChannelId(channel)).or_default();
                *kinds = kinds.with(kind);
            }
        }
    }
    OverrideTable::new(HashMap::from([(TENANT, overrides)]))
}

const NETWORKS: &[&str] =
    &["203.0.113.0/25", "203.0.113.9", "::ffff:203.0.113.9", "198.51.100.1", "2001:db8::/32"];

const PATTERNS: &[&str] = &[
    "/*",
    "*",
    "/private/*",
    "/public/*",
    "/private/videos/-civ9qE3JUjntKQM1HnGtU/*",
    "/private/videos/-civ9qE3JUjntKQM1HnGtU/source",
    "/private/videos/*/thumbnails/?????",
    "*/attachments/*",
    "/private/videos/-civ9qE3JUjntKQM1HnGtU/attachments/Price%20list/a%20b.pdf",
    "/private/channels/7",
    "/vod/*",
];

/// A request with one token, of whatever quality.
#[derive(Clone, Debug)]
struct Asked {
    asset: &'static AssetCase,
    visibility: Visibility,
    patterns: Vec<&'static str>,
    key: &'static str,
    id: Option<&'static str>,
    left: i64,
    client: &'static str,
    carrier: Carrier,
}

impl Asked {
    fn link(&self) -> String {
        format!("/{}/{}", self.visibility.wire_name(), self.asset.path)
    }

    fn carried(&self) -> Vec<Carried> {
        if self.patterns.is_empty() {
            return Vec::new();
        }
        let expiry = crate::clock::UnixSeconds::new(NOW.get().saturating_add_signed(self.left));
        let request = SignRequest { expiry, id: self.id, ..acl(&self.patterns) };
        vec![Carried { carrier: self.carrier, token: token(self.key, &request) }]
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let asset = (0..ASSETS.len()).prop_map(|index| &ASSETS[index]);
    (
        asset,
        select(&[Visibility::Private, Visibility::Public][..]),
        subsequence(PATTERNS, 0..4),
        select(vec![KEYS[0].1, KEYS[1].1, FOREIGN_KEY]),
        select(&[None, Some("lnk_live"), Some(REVOKED)][..]),
        -1..3_i64,
        select(&[CLIENT, "203.0.113.200", "2001:db8::1"][..]),
        select(Carrier::ALL),
    )
        .prop_map(|(asset, visibility, patterns, key, id, left, client, carrier)| Asked {
            asset,
            visibility,
            patterns,
            key,
            id,
            left,
            client,
            carrier,
        })
}

fn is_given(answer: &Answer) -> bool {
    matches!(answer, Answer::Given { .. })
}

/// The pattern grammar by its definition: sets of positions, no cleverness shared with the code.
fn covers(pattern: &str, path: &str) -> bool {
    let path = path.as_bytes();
    let mut reached = HashSet::from([0_usize]);
    for &byte in pattern.as_bytes() {
        let one_on = |at: usize| {
            (path.get(at).is_some_and(|it| byte == b'?' || *it == byte)).then_some(at + 1)
        };
        reached = if byte == b'*' {
            reached.iter().min().map_or_else(HashSet::new, |&least| (least..=path.len()).collect())
        } else {
            reached.into_iter().filter_map(one_on).collect()
        };
    }
    reached.contains(&path.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_block_added_never_widens(
        asked in asked(),
        opened in subsequence(statements(), 0..4),
        networks in subsequence(NETWORKS, 0..=NETWORKS.len()),
        more in select(NETWORKS),
    ) {
        let answer = |networks: &[&str]| {
            let snapshot = snapshot(KEYS, compiled(&opened), blocklist(networks));
            ask(&snapshot, &asked.link(), asked.asset.query, &asked.carried(), asked.client)
        };
        let before = answer(&networks);
        let after = answer(&[&networks[..], &[more]].concat());
        // It refuses, or changes nothing at all.
        prop_assert!(!is_given(&after) || after == before, "{before:?} became {after:?}");
    }

    #[test]
    fn an_override_added_never_narrows(
        asked in asked(),
        opened in subsequence(statements(), 0..6),
        more in select(statements()),
    ) {
        let answer = |opened: &[Statement]| {
            let snapshot = snapshot(KEYS, compiled(opened), blocklist(&[]));
            ask(&snapshot, &asked.link(), asked.asset.query, &asked.carried(), asked.client)
        };
        let before = answer(&opened);
        let after = answer(&[&opened[..], &[more]].concat());
        prop_assert!(!is_given(&before) || is_given(&after), "{before:?} became {after:?}");
    }

    #[test]
    fn a_key_removed_never_widens(asked in asked(), kept in subsequence(KEYS, 0..=KEYS.len())) {
        let answer = |keys: &[(&str, &str)]| {
            let snapshot = snapshot(keys, OverrideTable::default(), blocklist(&[]));
            ask(&snapshot, &asked.link(), asked.asset.query, &asked.carried(), asked.client)
        };
        let all = answer(KEYS);
        let fewer = answer(&kept);
        prop_assert!(!is_given(&fewer) || fewer == all, "{all:?} became {fewer:?}");
        if kept.is_empty() {
            prop_assert!(!is_given(&fewer), "opened without any key: {fewer:?}");
        }
    }

    #[test]
    fn a_token_opens_what_its_acl_covers_and_nothing_else(asked in asked()) {
        let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(&[]));
        let tokens = asked.carried();
        let answer = ask(&snapshot, &asked.link(), asked.asset.query, &tokens, asked.client);
        let path = format!("/private/{}", asked.asset.path);
        let valid = asked.patterns.iter().any(|pattern| covers(pattern, &path))
            && asked.key != FOREIGN_KEY
            && asked.id != Some(REVOKED)
            && asked.left >= 0;
        prop_assert_eq!(is_given(&answer), valid, "{:?}", answer);
    }

    #[test]
    fn the_rewriting_to_the_effective_path_is_idempotent(
        asked in asked(),
        opened in subsequence(statements(), 0..4),
    ) {
        let snapshot = snapshot(KEYS, compiled(&opened), blocklist(&[]));
        let tokens = asked.carried();
        let first = ask(&snapshot, &asked.link(), asked.asset.query, &tokens, asked.client);
        if let Answer::Given { object, key, effective_path: Some(path) } = first {
            let second = ask(&snapshot, &path, asked.asset.query, &tokens, asked.client);
            let Answer::Given { object: again, key: by, effective_path } = second else {
                return Err(TestCaseError::fail(format!("{path} was refused: {second:?}")));
            };
            prop_assert_eq!(effective_path, Some(path));
            prop_assert_eq!((object.origin, object.key, key), (again.origin, again.key, by));
        }
    }

    /// Escaping a character that needs none gives another spelling. Whatever is opened by it is
    /// the same file, and it is opened only by who may have that file.
    #[test]
    fn two_spellings_are_one_file_or_a_refusal(
        asked in asked(),
        opened in subsequence(statements(), 0..4),
        escaped in proptest::collection::vec(any::<bool>(), 90),
    ) {
        let snapshot = snapshot(KEYS, compiled(&opened), blocklist(&[]));
        let tokens = asked.carried();
        let plain = asked.link();
        let spelt: String = plain
            .bytes()
            .zip(escaped.iter().chain(std::iter::repeat(&false)))
            .map(|(byte, &escape)| match (byte, escape) {
                (b'/' | b'%', _) | (_, false) => char::from(byte).to_string(),
                (_, true) => format!("%{byte:02X}"),
            })
            .collect();
        // An escape inside an escape would be no second spelling of the same path.
        prop_assume!(percent_decode(&spelt) == percent_decode(&plain));
        let query = asked.asset.query;
        let one = ask(&snapshot, &plain, query, &tokens, asked.client);
        let other = ask(&snapshot, &spelt, query, &tokens, asked.client);
        if let (Answer::Given { object: a, .. }, Answer::Given { object: b, .. }) = (&one, &other) {
            prop_assert_eq!(a, b);
        }
        let public = |answer: &Answer| matches!(answer, Answer::Given { key: None, .. });
        prop_assert_eq!(public(&one), public(&other), "{} {}", plain, spelt);
        // An ACL is compared with the spelling that was sent, and the wildcards of one that
        // covers everything cover every spelling.
        if asked.patterns.contains(&"/*") {
            prop_assert_eq!(is_given(&one), is_given(&other), "{} {}", plain, spelt);
        }
    }

    /// A URL token opens the spelling that was signed, and no other file whatever the spelling.
    #[test]
    fn a_url_token_opens_its_url(signed in 0..ASSETS.len(), asked in asked()) {
        let snapshot = snapshot(KEYS, OverrideTable::default(), blocklist(&[]));
        let url = format!("/private/{}", ASSETS[signed].path);
        let request = SignRequest { scope: SignScope::Url(&url), ..acl(&[]) };
        let tokens = [Carried { carrier: asked.carrier, token: token(KEYS[0].1, &request) }];
        let answer = ask(&snapshot, &asked.link(), asked.asset.query, &tokens, asked.client);
        prop_assert_eq!(is_given(&answer), ASSETS[signed].path == asked.asset.path, "{:?}", answer);
    }
}
