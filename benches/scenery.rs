//! What the benches decide about: one site with keys, tables of any size, requests to it.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;

use countersign::asset::{AssetTypeSet, TenantId, VideoId};
use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::network::ClientIp;
use countersign::policy::{
    AntiFraudUse, AssetRules, AssetSource, Blocklist, BlocklistBuilder, CacheRules, CacheTimes,
    ClientScheme, EdgeSnapshot, HostPattern, KeyTemplate, OriginName, OverrideTable, RequestFacts,
    Resource, Revocations, Scheme, Site, SiteDelivery, SiteTable, TenantOverrides, TokenRules, Way,
};
use countersign::target::{PathToken, RequestTarget};
use countersign::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};
use countersign::token::{Candidates, Carrier, CarrierRules};

/// "Now" of every bench.
pub(crate) const NOW: UnixSeconds = UnixSeconds::new(1_893_448_800);

/// An asset's path of usual length.
pub(crate) const THUMBNAIL: &str =
    "/private/videos/-civ9qE3JUjntKQM1HnGtU/thumbnails/78912?quality=360p";

/// One key of 32 bytes, of somebody else's.
pub(crate) fn rules() -> EdgeAuth {
    rules_of(KeyPurpose::Vendor)
}

/// The same, of whoever.
pub(crate) fn rules_of(purpose: KeyPurpose) -> EdgeAuth {
    let key = SharedKey::from_hex(
        KeyId::new("2026-11"),
        "aabbccddeeff00112233445566778899aabbccddeeff00112233445566778899",
        purpose,
        KeyWindow::default(),
    );
    EdgeAuth::with_keys(Keyring::new(vec![key.expect("a key")]))
}

/// A site, so many videos that are open, so many addresses that are blocked.
pub(crate) fn snapshot(overrides: u32, blocked: u32) -> EdgeSnapshot {
    snapshot_of(KeyPurpose::Vendor, overrides, blocked)
}

/// The same, whose key is of whoever.
pub(crate) fn snapshot_of(purpose: KeyPurpose, overrides: u32, blocked: u32) -> EdgeSnapshot {
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
            key: KeyTemplate::parse("{path}").expect("a template"),
            cache: CacheRules::On(CacheTimes { default_ttl: 3_600, ..CacheTimes::default() }),
        })),
        token: Some(TokenRules {
            carriers: CarrierRules::new("__token__", &[Carrier::Query]),
            scheme: Scheme::EdgeAuth(rules_of(purpose)),
        }),
        routes: Vec::new(),
    };
    let open =
        |index| (VideoId::new(&format!("open{index:018}")).expect("an id"), AssetTypeSet::EVERY);
    let videos = (0..overrides).map(open).collect();
    let tenant = TenantOverrides { videos, ..TenantOverrides::default() };
    EdgeSnapshot {
        version: 1,
        published: NOW,
        sites: Arc::new(SiteTable::new(vec![(vec![HostPattern::Any], site)])),
        overrides: Arc::new(OverrideTable::new([(TenantId(1), tenant)].into())),
        blocklist: Arc::new(scattered(blocked)),
        revocations: Arc::new(Revocations::default()),
        anti_fraud: Arc::default(),
        control: None,
    }
}

/// So many addresses.
pub(crate) fn scattered(addresses: u32) -> Blocklist {
    let mut text = String::new();
    for index in 0..addresses {
        // Odd multiples scatter; the low bit keeps the requests' addresses off the list.
        let address = Ipv4Addr::from_bits(index.wrapping_mul(2_654_435_761) | 1);
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "{address}");
    }
    let mut blocklist = BlocklistBuilder::new();
    blocklist.add_text("bench.netset", text.as_bytes());
    blocklist.build().expect("a netset")
}

/// A token in force.
pub(crate) fn token(scope: SignScope<'_>) -> String {
    let rules = rules();
    let request = SignRequest {
        scope,
        start: None,
        expiry: NOW.plus(7_200),
        ip: None,
        id: None,
        payload: None,
        escape: None,
    };
    sign(&rules, rules.keyring.signer(NOW).expect("a key in force"), &request).expect("a token")
}

/// A request as `identify` would leave it.
pub(crate) fn facts<'s>(snapshot: &'s EdgeSnapshot, text: &str, index: u32) -> RequestFacts<'s> {
    let site = snapshot.sites.find("any").expect("a site");
    let target = RequestTarget::parse(text, PathToken::Absent, 8_192).expect("a target");
    let carriers = &site.token.as_ref().expect("a site with tokens").carriers;
    let candidates = Candidates::collect(carriers, &target, std::iter::empty(), std::iter::empty());
    let resource = Resource::find(site, &target).expect("an asset");
    let client = Ipv4Addr::from_bits(index.wrapping_mul(2_246_822_519) & !1);
    RequestFacts {
        site,
        target,
        client: ClientIp::new(client.into()),
        untrusted_proxy: None,
        way: Way::Direct,
        scheme: ClientScheme::Https,
        resource,
        candidates,
    }
}
