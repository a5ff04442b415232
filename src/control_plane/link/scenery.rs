//! Sites, keys, and an edge's word on a link, for tests.

use std::sync::Arc;

use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::keyring::{KeyMaterial, KeyWindow, Keyring};
use crate::network::ClientIp;
use crate::policy::{
    AntiFraudUse, AssetRules, AssetSource, Blocklist, CacheRules, CatalogRules, ClientScheme,
    ControlState, Denial, DenialCode, EdgeSnapshot, HostPattern, KeyTemplate, LinkKey, LinkKeys,
    OriginName, OverrideTable, Permit, RequestFacts, Resource, Revocations, Scheme, Site,
    SiteDelivery, SiteTable, TokenRules, Way, decide,
};
use crate::target::{PathToken, RequestTarget};
use crate::token::edge_auth::EdgeAuth;
use crate::token::{Candidates, Carrier, CarrierRules};

/// When it happens.
pub(in crate::control_plane) const NOW: UnixSeconds = UnixSeconds::new(1_893_456_000);

/// Whose the site is.
pub(in crate::control_plane) const TENANT: TenantId = TenantId(1);

/// The host of what is asked for where no other is named.
const HOST: &str = "files.example.com";

/// A site that takes tokens in a query.
pub(in crate::control_plane) fn site(
    name: &str,
    public_url: Option<&str>,
    tenant: u64,
) -> (Vec<HostPattern>, Site) {
    let keys = EdgeAuth::with_keys(Keyring::new(Vec::new()));
    let carriers = CarrierRules::new("hdnts", Carrier::ALL);
    let assets = AssetRules {
        origin: OriginName::new("media"),
        key: KeyTemplate::parse("{path}").unwrap(),
        cache: CacheRules::Off,
    };
    let site = Site {
        name: name.into(),
        public_url: public_url.map(Into::into),
        tenant: TenantId(tenant),
        assets: Some(AssetSource::Template(assets)),
        anti_fraud: AntiFraudUse::Asked,
        cors: None,
        resource_policy: None,
        delivery: SiteDelivery::Standard,
        token: Some(TokenRules { carriers, scheme: Scheme::EdgeAuth(keys) }),
        routes: Vec::new(),
    };
    (vec![HostPattern::parse(name).unwrap()], site)
}

/// The same site, for shares that ask for delivery in China.
pub(in crate::control_plane) fn for_china(
    (hosts, site): (Vec<HostPattern>, Site),
) -> (Vec<HostPattern>, Site) {
    (hosts, Site { delivery: SiteDelivery::China, ..site })
}

/// The same site, which looks files up in the catalog.
pub(in crate::control_plane) fn with_catalog(
    (hosts, site): (Vec<HostPattern>, Site),
) -> (Vec<HostPattern>, Site) {
    let assets = AssetSource::Catalog(CatalogRules::new([]));
    (hosts, Site { assets: Some(assets), ..site })
}

/// Those sites in force, with a key for links.
pub(in crate::control_plane) fn snapshot(
    sites: Vec<(Vec<HostPattern>, Site)>,
    overrides: OverrideTable,
) -> EdgeSnapshot {
    let key = LinkKey {
        tenant: None,
        material: KeyMaterial::from_hex(&"ab".repeat(32)).unwrap(),
        window: KeyWindow::default(),
        retired: None,
    };
    let links = Arc::new(LinkKeys::new([("key_1", &key)]));
    EdgeSnapshot {
        version: 1,
        published: NOW,
        sites: Arc::new(SiteTable::new(sites)),
        overrides: Arc::new(overrides),
        blocklist: Arc::new(Blocklist::empty()),
        revocations: Arc::new(Revocations::default()),
        anti_fraud: Arc::default(),
        control: Some(Arc::new(ControlState { links, ..ControlState::empty() })),
    }
}

/// What an edge says to a link.
pub(in crate::control_plane) fn opened(
    snapshot: &EdgeSnapshot,
    url: &str,
    client: &str,
) -> Result<(), DenialCode> {
    let target = url.strip_prefix(&format!("https://{HOST}")).unwrap();
    asked(snapshot, HOST, target, "", client, NOW)
}

/// What an edge says to a link at that time, at the host that it names.
pub(in crate::control_plane) fn opened_at(
    snapshot: &EdgeSnapshot,
    url: &str,
    now: UnixSeconds,
) -> Result<(), DenialCode> {
    let place = url.strip_prefix("https://").unwrap();
    let (host, target) = place.split_at(place.find('/').unwrap());
    asked(snapshot, host, target, "", "192.0.2.1", now)
}

/// What an edge says to a path, asked for with that `Cookie`.
pub(in crate::control_plane) fn opened_with(
    snapshot: &EdgeSnapshot,
    target: &str,
    cookie: &str,
    now: UnixSeconds,
) -> Result<(), DenialCode> {
    asked(snapshot, HOST, target, cookie, "192.0.2.1", now)
}

fn asked(
    snapshot: &EdgeSnapshot,
    host: &str,
    target: &str,
    cookie: &str,
    client: &str,
    now: UnixSeconds,
) -> Result<(), DenialCode> {
    let target = RequestTarget::parse(target, PathToken::Absent, 8192).unwrap();
    let site = snapshot.sites.find(host).unwrap();
    let resource = Resource::find(site, &target).unwrap();
    let candidates = Candidates::collect(
        &site.token.as_ref().unwrap().carriers,
        &target,
        std::iter::empty(),
        std::iter::once(cookie.as_bytes()),
    );
    let client = ClientIp::new(client.parse().unwrap());
    let facts = RequestFacts {
        site,
        target,
        client,
        untrusted_proxy: None,
        way: Way::Direct,
        scheme: ClientScheme::Https,
        resource,
        candidates,
    };
    let permit = decide(&facts, snapshot, now);
    permit.map(Permit::into_object).map(drop).map_err(Denial::code)
}
