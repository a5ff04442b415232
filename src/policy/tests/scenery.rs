//! The site, the files and the tokens that the decision is tested with.

use std::collections::HashMap;
use std::sync::Arc;

use crate::asset::{AssetType, AssetTypeSet, ChannelId, TenantId, VideoId};
use crate::catalog::Catalog;
use crate::clock::UnixSeconds;
use crate::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use crate::network::ClientIp;
use crate::policy::{
    Access, AntiFraudUse, AssetRules, AssetSource, Basis, Blocklist, BlocklistBuilder, CacheRules,
    CatalogRules, ClientScheme, ControlState, Denial, DenialCode, EdgeSnapshot, Exposure,
    HostPattern, KeyTemplate, OriginName, OriginTakes, OverrideTable, PermittedObject,
    RequestFacts, Resource, Revocations, Route, Scheme, Site, SiteDelivery, SiteTable, Step,
    TenantOverrides, TokenRules, Way, Witness, decide_witnessed,
};
use crate::target::{PathToken, RequestTarget};
use crate::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};
use crate::token::{Candidates, Carrier, CarrierRules};

pub(super) const TENANT: TenantId = TenantId(1);
pub(super) const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);
pub(super) const CLIENT: &str = "203.0.113.9";
pub(super) const REVOKED: &str = "lnk_dead";
pub(super) const LONGEST: u64 = 86_400;

/// An asset URL after its visibility, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct AssetCase {
    pub(super) path: &'static str,
    pub(super) query: &'static str,
    pub(super) kind: AssetType,
    pub(super) owner: Owner,
    /// Its object key after the visibility, by the template of [`site`].
    pub(super) key: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Video,
    Channel,
}

pub(super) const VIDEO: &str = "-civ9qE3JUjntKQM1HnGtU";
pub(super) const CHANNEL: ChannelId = ChannelId(7);

pub(super) const ASSETS: &[AssetCase] = &[
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/source",
        query: "",
        kind: AssetType::VideoSource,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/source",
    },
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/formats/p-720",
        query: "file-name=a.mp4",
        kind: AssetType::VideoFormat,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/formats/p-720",
    },
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/active",
        query: "",
        kind: AssetType::StillResolution,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/active/360p",
    },
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912",
        query: "quality=source",
        kind: AssetType::StillSource,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912/source",
    },
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/chapters/3/thumbnails",
        query: "quality=720p",
        kind: AssetType::StillResolution,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/chapters/3/thumbnails/720p",
    },
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/subtitles/5",
        query: "source=srt",
        kind: AssetType::Subtitle,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/subtitles/5.SRT",
    },
    AssetCase {
        path: "videos/-civ9qE3JUjntKQM1HnGtU/attachments/Price%20list/a%20b.pdf",
        query: "",
        kind: AssetType::Attachment,
        owner: Owner::Video,
        key: "videos/-civ9qE3JUjntKQM1HnGtU/attachments/Price list/a b.pdf",
    },
    AssetCase {
        path: "channels/7/attachments/Press/kit.zip",
        query: "cache-buster=1",
        kind: AssetType::Attachment,
        owner: Owner::Channel,
        key: "channels/7/attachments/Press/kit.zip",
    },
];

/// The keys of the site, all of which verify; and one that is not there.
pub(super) const KEYS: &[(&str, &str)] =
    &[("new", "aabbccddeeff00112233445566778899"), ("old", "52a152a152a152a152a152a152a1")];
pub(super) const FOREIGN_KEY: &str = "000102030405060708090a0b0c0d0e0f";

pub(super) fn ring(keys: &[(&str, &str)]) -> Keyring {
    let key = |&(id, hex): &(&str, &str)| {
        SharedKey::from_hex(KeyId::new(id), hex, KeyPurpose::Vendor, KeyWindow::default()).unwrap()
    };
    Keyring::new(keys.iter().map(key).collect())
}

/// A site with assets, and one route of each access. Tokens ride anywhere.
pub(super) fn site(keys: &[(&str, &str)]) -> Site {
    let route = |prefix: &str, access| Route {
        prefix: prefix.into(),
        access,
        origin: OriginName::new("vod"),
        origin_takes: OriginTakes::Keys,
        cache: CacheRules::Off,
    };
    Site {
        name: "files.example.com".into(),
        tenant: TENANT,
        anti_fraud: AntiFraudUse::Asked,
        cors: None,
        public_url: None,
        resource_policy: None,
        delivery: SiteDelivery::Standard,
        assets: Some(AssetSource::Template(AssetRules {
            origin: OriginName::new("media"),
            key: KeyTemplate::parse("{visibility}/{path}/{quality}.{source}").unwrap(),
            cache: CacheRules::Off,
        })),
        token: Some(TokenRules {
            carriers: CarrierRules::new("__token__", Carrier::ALL),
            scheme: Scheme::EdgeAuth(EdgeAuth {
                max_lifetime: Some(LONGEST),
                ..EdgeAuth::with_keys(ring(keys))
            }),
        }),
        routes: vec![
            route("/open/", Access::Open),
            route("/vod/", Access::Token),
            route("/shut/", Access::Deny),
        ],
    }
}

pub(super) fn snapshot(
    keys: &[(&str, &str)],
    overrides: OverrideTable,
    blocklist: Blocklist,
) -> EdgeSnapshot {
    EdgeSnapshot {
        version: 1,
        published: NOW,
        sites: Arc::new(SiteTable::new(vec![(vec![HostPattern::Any], site(keys))])),
        overrides: Arc::new(overrides),
        blocklist: Arc::new(blocklist),
        revocations: Arc::new(Revocations::new([REVOKED.into()])),
        anti_fraud: Arc::default(),
        control: None,
    }
}

/// The same with a site that looks its assets up in this catalog.
pub(super) fn looking_up(catalog: Catalog, snapshot: EdgeSnapshot) -> EdgeSnapshot {
    let rules = CatalogRules::new([(OriginName::new("media"), CacheRules::Off)]);
    let site = Site { assets: Some(AssetSource::Catalog(rules)), ..site(KEYS) };
    let control = ControlState { catalog: Arc::new(catalog), ..ControlState::empty() };
    EdgeSnapshot {
        sites: Arc::new(SiteTable::new(vec![(vec![HostPattern::Any], site)])),
        control: Some(Arc::new(control)),
        ..snapshot
    }
}

pub(super) fn blocklist(networks: &[&str]) -> Blocklist {
    let mut builder = BlocklistBuilder::new();
    builder.add_text("test.netset", networks.join("\n").as_bytes());
    builder.build().unwrap()
}

pub(super) fn table(tenant: TenantId, overrides: TenantOverrides) -> OverrideTable {
    OverrideTable::new(HashMap::from([(tenant, overrides)]))
}

pub(super) fn video_types(video: &str, kinds: AssetTypeSet) -> TenantOverrides {
    let videos = HashMap::from([(VideoId::new(video).unwrap(), kinds)]);
    TenantOverrides { videos, ..TenantOverrides::default() }
}

/// One text in one place.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) carrier: Carrier,
    pub(super) token: String,
}

/// What a request gets, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The object, by whose key (none: everybody may), under which path.
    Given { object: PermittedObject, key: Option<String>, effective_path: Option<String> },
    /// The code.
    Refused(DenialCode),
}

/// Puts a request together as it would arrive, and asks.
pub(super) fn ask(
    snapshot: &EdgeSnapshot,
    path: &str,
    query: &str,
    tokens: &[Carried],
    client: &str,
) -> Answer {
    ask_by(Way::Direct, snapshot, path, query, tokens, client)
}

/// The same of a request that came that way.
pub(super) fn ask_by(
    way: Way,
    snapshot: &EdgeSnapshot,
    path: &str,
    query: &str,
    tokens: &[Carried],
    client: &str,
) -> Answer {
    let of = |carrier| tokens.iter().filter(move |it| it.carrier == carrier).map(|it| &it.token);
    // In a segment the slashes and question marks of an ACL must be escaped.
    let escaped = |token: &str| token.replace('%', "%25").replace('/', "%2f").replace('?', "%3f");
    let mut target = of(Carrier::Path)
        .fold(path.to_owned(), |path, token| format!("/__token__={}{path}", escaped(token)));
    let in_query = of(Carrier::Query).map(|token| format!("__token__={token}"));
    let query: Vec<_> =
        Some(query.to_owned()).into_iter().filter(|it| !it.is_empty()).chain(in_query).collect();
    if !query.is_empty() {
        target = format!("{target}?{}", query.join("&"));
    }
    let target = RequestTarget::parse(&target, PathToken::Named("__token__"), 16_384).unwrap();
    let site = snapshot.sites.find("files.example.com").unwrap();
    let resource = match Resource::find(site, &target) {
        Ok(resource) => resource,
        Err(denial) => return Answer::Refused(denial.code()),
    };
    let cookies: Vec<_> = of(Carrier::Cookie).map(|token| format!("__token__={token}")).collect();
    let candidates = Candidates::collect(
        &site.token.as_ref().unwrap().carriers,
        &target,
        of(Carrier::Header).map(String::as_bytes),
        std::iter::once(cookies.join("; ").as_bytes()),
    );
    let client = ClientIp::new(client.parse().unwrap());
    let facts = RequestFacts {
        site,
        target,
        client,
        untrusted_proxy: None,
        way,
        scheme: ClientScheme::Https,
        resource,
        candidates,
    };
    let mut seen = Seen::default();
    match decide_witnessed(&facts, snapshot, NOW, &mut seen) {
        Ok(permit) => {
            let key = match permit.basis() {
                Basis::Public | Basis::Session => None,
                Basis::Token(token) => Some(token.key().as_str().to_owned()),
            };
            match permit.into_object() {
                Ok(object) => Answer::Given { object, key, effective_path: seen.effective_path },
                Err(rejection) => Answer::Refused(Denial::from(rejection).code()),
            }
        }
        Err(denial) => Answer::Refused(denial.code()),
    }
}

pub(super) fn private_until(seconds: u64) -> Exposure {
    Exposure::Private { until: Some(NOW.plus(seconds)) }
}

#[derive(Default)]
struct Seen {
    effective_path: Option<String>,
}

impl Witness for Seen {
    fn see<'s>(&mut self, step: impl FnOnce() -> Step<'s>) {
        if let Step::Effective { path, .. } = step() {
            self.effective_path = Some(path.into_owned());
        }
    }
}

/// A token of a key, as the site's scheme writes it.
pub(super) fn token(key: &str, request: &SignRequest<'_>) -> String {
    let rules = EdgeAuth::with_keys(ring(&[("it", key)]));
    sign(&rules, rules.keyring.signer(NOW).unwrap(), request).unwrap()
}

pub(super) fn acl<'r>(patterns: &'r [&'r str]) -> SignRequest<'r> {
    SignRequest {
        scope: SignScope::Acl(patterns),
        start: None,
        expiry: NOW.plus(60),
        ip: None,
        id: None,
        payload: None,
        escape: None,
    }
}
