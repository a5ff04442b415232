//! The promise on paths: the file that a permit names is the file of the target that was checked,
//! and it is beneath the root. The oracle is the standard library: a lexical walk of the target
//! decoded once, as a file system would walk it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so"
)]

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use countersign::asset::{AssetType, AssetTypeSet, OriginKey, TenantId};
use countersign::clock::UnixSeconds;
use countersign::network::ClientIp;
use countersign::policy::{
    Access, AntiFraudUse, AssetRules, AssetSource, Blocklist, CacheRules, ClientScheme,
    EdgeSnapshot, HostPattern, KeyTemplate, OriginName, OriginTakes, OverrideTable, RequestFacts,
    Resource, Revocations, Route, Site, SiteDelivery, SiteTable, TenantOverrides, Way, decide,
};
use countersign::target::{PathToken, RequestTarget};
use countersign::token::Candidates;

/// As many as fit every run of the tests; `COUNTERSIGN_TEST_TARGETS` asks for more.
const TARGETS: u64 = 1_000_000;

/// Everything is open: what is tested is which file, not who.
fn snapshot() -> EdgeSnapshot {
    let route = |prefix: &str, origin_takes| Route {
        prefix: prefix.into(),
        access: Access::Open,
        origin: OriginName::new("media"),
        origin_takes,
        cache: CacheRules::Off,
    };
    let every: AssetTypeSet = AssetType::ALL.iter().copied().collect();
    let tenant = TenantOverrides { asset_types: every, ..TenantOverrides::default() };
    let site = Site {
        name: "*".into(),
        tenant: TenantId(1),
        anti_fraud: AntiFraudUse::Asked,
        cors: None,
        public_url: None,
        resource_policy: None,
        delivery: SiteDelivery::Standard,
        assets: Some(AssetSource::Template(AssetRules {
            origin: OriginName::new("media"),
            key: KeyTemplate::parse("{path}/{quality}.{source}").unwrap(),
            cache: CacheRules::Off,
        })),
        token: None,
        routes: vec![route("/", OriginTakes::Keys), route("/http", OriginTakes::Targets)],
    };
    EdgeSnapshot {
        version: 1,
        published: UnixSeconds::new(0),
        sites: Arc::new(SiteTable::new(vec![(vec![HostPattern::Any], site)])),
        overrides: Arc::new(OverrideTable::new([(TenantId(1), tenant)].into())),
        blocklist: Arc::new(Blocklist::empty()),
        revocations: Arc::new(Revocations::default()),
        anti_fraud: Arc::default(),
        control: None,
    }
}

/// Where a file system would end up from `/root`, and whether it left on the way.
fn walk(path: &str) -> Option<PathBuf> {
    let mut at = PathBuf::from("/root");
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir => {
                at.pop();
                if !at.starts_with("/root") {
                    return None;
                }
            }
            Component::Normal(name) => at.push(name),
            Component::Prefix(_) => return None,
        }
    }
    Some(at)
}

/// One percent-decoding, byte by byte.
fn decoded(text: &str) -> Vec<u8> {
    let hex = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
    let bytes = text.as_bytes();
    let (mut at, mut out) = (0, Vec::new());
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| Some(hex(*bytes.get(at + 1)?)? << 4 | hex(*bytes.get(at + 2)?)?))
            .flatten();
        out.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    out
}

/// The pieces that targets are put together from, the dangerous ones in every spelling.
const PIECES: &[&str] = &[
    "/",
    "/",
    "/",
    "/",
    "/",
    "a",
    "b",
    "film.mp4",
    ".",
    "..",
    "...",
    "%2e",
    "%2E%2e",
    "%252e",
    "..;",
    ";x",
    "%2f",
    "%2F",
    "%252f",
    "%5c",
    "\\",
    "%",
    "%zz",
    "%00",
    "%01",
    "%7f",
    "%c0%ae",
    "%e2%80%ae",
    "%EC%95%88",
    "%20",
    "+",
    "~",
    "!",
    "*",
    "?",
    "?x=1",
    "#",
    "%23",
    "%3f",
    "%25",
    "public",
    "private",
    "videos/v",
    "source",
    "thumbnails/1",
    "subtitles/2",
    "formats/p",
    "attachments/t/f",
    "channels/7",
    "?quality=720p",
    "?quality=..%2f..",
    "?source=srt",
    "http",
    "__token__=x",
    "%ef%bc%8f",
    "\u{ff0f}",
    "%c2%85",
    "%u002e",
    "C:",
    "%3b",
    "..%00",
    "%ff",
];

/// Whole targets that mutations begin with.
const SEEDS: &[&str] = &[
    "/vod/a/film.mp4",
    "/public/videos/-civ9qE3JUjntKQM1HnGtU/source",
    "/private/videos/v/thumbnails/1?quality=source",
    "/public/videos/v/subtitles/2?source=vtt",
    "/public/channels/7/attachments/Press%20kit/a%20b.zip",
    "/a/b/c/../../../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/http/a%20b/c?d=%2f",
];

#[test]
fn the_file_served_is_the_file_of_the_checked_target() {
    let snapshot = snapshot();
    let site = snapshot.sites.find("any").unwrap();
    let mut random = Random(0x9A7E);
    let mut tally: BTreeMap<&str, u64> = BTreeMap::new();
    let asked = std::env::var("COUNTERSIGN_TEST_TARGETS").map(|it| it.parse().unwrap());
    for _ in 0..asked.unwrap_or(TARGETS) {
        let text = random.target();
        let token = if random.below(2) == 0 { PathToken::Absent } else { PathToken::Named("t") };
        let Ok(target) = RequestTarget::parse(&text, token, 8_192) else {
            *tally.entry("refused as a target").or_default() += 1;
            continue;
        };
        // Whatever comes of it: the two views agree with the oracle.
        assert_eq!(decoded(target.wire()), target.decoded().as_bytes(), "{text:?}");
        assert_eq!(walk(target.decoded()).map(|it| depth(&it)), Some(names(&target)), "{text:?}");
        let Ok(resource) = Resource::find(site, &target) else {
            *tally.entry("refused as a resource").or_default() += 1;
            continue;
        };
        let is_asset = matches!(resource, Resource::Asset(_));
        let facts = RequestFacts {
            untrusted_proxy: None,
            way: Way::Direct,
            scheme: ClientScheme::Https,
            site,
            target,
            client: ClientIp::new("203.0.113.9".parse().unwrap()),
            resource,
            candidates: Candidates::default(),
        };
        let object = decide(&facts, &snapshot, UnixSeconds::new(1)).unwrap().into_object();
        let what = match (object.unwrap().key, is_asset) {
            (Some(OriginKey::Target(sent)), _) => {
                assert_eq!(*sent, *whole(&facts.target), "{text:?}");
                "an HTTP origin's target"
            }
            (Some(OriginKey::Object(key)), true) => {
                assert_beneath(&key, &text);
                assert_asset(&key, facts.target.decoded(), &text);
                "an asset's file"
            }
            (Some(OriginKey::Object(key)), false) => {
                assert_beneath(&key, &text);
                assert_eq!(walk(&key), walk(facts.target.decoded()), "{text:?}");
                assert_eq!(format!("/{key}").as_bytes(), decoded(facts.target.wire()), "{text:?}");
                "a route's file"
            }
            (None, _) => "no file",
        };
        *tally.entry(what).or_default() += 1;
    }
    println!("{tally:#?}");
    for what in ["a route's file", "an asset's file", "an HTTP origin's target", "no file"] {
        assert!(tally.get(what).is_some_and(|count| *count > 500), "{what}: {tally:?}");
    }
}

/// A key is relative, and every segment of it a name.
fn assert_beneath(key: &str, text: &str) {
    let path = Path::new(key);
    let is_name = |it: Component<'_>| matches!(it, Component::Normal(_));
    assert!(path.is_relative() && path.components().all(is_name), "{text:?} gives {key:?}");
    assert!(!key.contains(['\0', '\\']), "{text:?} gives {key:?}");
    let segments = key.trim_end_matches('/').split('/').filter(|_| !key.is_empty());
    assert_eq!(segments.count(), path.components().count(), "{text:?} gives {key:?}");
}

/// An asset's file is the path after its visibility, and a plain name for its parameter.
fn assert_asset(key: &str, decoded: &str, text: &str) {
    let path = decoded.splitn(3, '/').nth(2).unwrap();
    let rest = key.strip_prefix(path).unwrap_or_else(|| panic!("{text:?} gives {key:?}"));
    let plain =
        |it: &str| it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let parameter = rest.strip_prefix(['/', '.']).unwrap_or(rest);
    assert!(plain(parameter), "{text:?} gives {key:?}");
}

fn depth(path: &Path) -> usize {
    path.components().count() - Path::new("/root").components().count()
}

fn names(target: &RequestTarget) -> usize {
    target.decoded().split('/').filter(|name| !name.is_empty()).count()
}

fn whole(target: &RequestTarget) -> String {
    match target.query() {
        Some("") | None => target.wire().to_owned(),
        Some(query) => format!("{}?{query}", target.wire()),
    }
}

/// xorshift64*: the same targets on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap() % bound
    }

    /// Put together from pieces, or a whole one with some of them put in, and sometimes a byte of
    /// it changed.
    fn target(&mut self) -> String {
        let mut text = if self.below(2) == 0 {
            let pieces: String =
                (0..=self.below(9)).map(|_| PIECES[self.below(PIECES.len())]).collect();
            format!("/{pieces}")
        } else {
            let mut seed = SEEDS[self.below(SEEDS.len())].to_owned();
            for _ in 0..self.below(3) {
                let at = self.below(seed.len() + 1);
                if seed.is_char_boundary(at) {
                    seed.insert_str(at, PIECES[self.below(PIECES.len())]);
                }
            }
            seed
        };
        if self.below(4) == 0 {
            let mut bytes = text.into_bytes();
            let at = self.below(bytes.len());
            bytes[at] = u8::try_from(self.below(128)).unwrap();
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        text
    }
}
