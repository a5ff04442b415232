//! A request for every refusal: `tests/vectors/refusals.json`, from the head of the request to the
//! decision, by the functions that serve. Which code is tested where, and that all are documented.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign::asset::TenantId;
use countersign::clock::UnixSeconds;
use countersign::data_plane::{Arrival, BodyPresence, Learned, Settings, identify};
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::network::{NetworkSet, PeerIp, parse_network};
use countersign::policy::{
    Access, AntiFraud, AntiFraudUse, AssetRules, AssetSource, BlocklistBuilder, CacheRules,
    ClientScheme, DenialCode, EdgeSnapshot, FraudLists, HostPattern, KeyTemplate, OriginName,
    OriginTakes, OverrideTable, Revocations, Route, Scheme, Site, SiteDelivery, SiteTable,
    TokenRules, decide,
};
use countersign::token::edge_auth::EdgeAuth;
use countersign::token::{Carrier, CarrierRules};
use serde::Deserialize;

/// Codes that no head of a request earns by itself: they need a socket, an origin or the lack of a
/// snapshot. What tests each, over a socket.
const NEEDS_MORE_THAN_A_HEAD: &[(DenialCode, &str)] = &[
    (DenialCode::CdnRefused, "control_plane/tests/sources.rs: an original through a CDN"),
    (DenialCode::ConnectorAmbiguous, "policy/tests/connectors.rs: a name of several contents"),
    (DenialCode::FraudSharing, "black box/fraud.rs: a link at one place more"),
    (DenialCode::HttpsRequired, "black box/connectors.rs: an address in the clear"),
    (DenialCode::LedgerUnavailable, "black box/one_use.rs: a ledger that is away"),
    (DenialCode::LimitParallel, "black box/fraud.rs: one download more"),
    (DenialCode::LinkUsed, "black box/one_use.rs: links that were used"),
    (DenialCode::NoSnapshot, "data_plane/tests/stateless.rs: requests before the first state"),
    (DenialCode::NotFound, "black box: files that are not there"),
    (DenialCode::OriginInvalid, "black box: origins that answer nonsense"),
    (DenialCode::OriginTimeout, "black box: origins that do not answer"),
    (DenialCode::OriginUnreachable, "black box: origins that are down"),
    (DenialCode::Overloaded, "black box/turned_away.rs: connections over the limits"),
    (DenialCode::RangeNotSatisfiable, "black box: ranges past the end"),
    (DenialCode::RequestTimeout, "black box/turned_away.rs: a late head"),
    (DenialCode::ShareUnavailable, "black box/shares.rs: a control plane that is killed"),
    (DenialCode::SnapshotStale, "black box/edges.rs: an edge that nobody spoke to for too long"),
    (DenialCode::UsageUnavailable, "black box/redis.rs: an edge whose Redis was stopped"),
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RefusalFile {
    format: u32,
    clock: u64,
    vectors: Vec<Vector>,
}

/// `tests/vectors/README.md` describes the fields.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    name: String,
    code: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    peer: Option<String>,
    server_name: Option<String>,
    #[serde(default)]
    body: bool,
    #[serde(default)]
    more_headers: usize,
}

impl Vector {
    fn head(&self) -> http::request::Parts {
        let mut request =
            http::Request::builder().method(self.method.as_str()).uri(spelt_out(&self.target));
        for (name, value) in &self.headers {
            request = request.header(name, spelt_out(value));
        }
        for index in 0..self.more_headers {
            request = request.header(format!("x-{index}"), "1");
        }
        match request.body(()) {
            Ok(request) => request.into_parts().0,
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    /// The code, or `allowed`.
    fn answer(&self, snapshot: &EdgeSnapshot, now: UnixSeconds) -> &'static str {
        let arrival = Arrival {
            peer: PeerIp::new(self.peer.as_deref().unwrap_or("203.0.113.9").parse().unwrap()),
            server_name: self.server_name.as_deref(),
            body: if self.body { BodyPresence::Present } else { BodyPresence::Absent },
            scheme: ClientScheme::Https,
        };
        let head = self.head();
        let mut learned = Learned::default();
        let facts = match identify(&head, arrival, &snapshot.sites, &settings(), &mut learned) {
            Ok(facts) => facts,
            Err(denial) => return denial.code().as_str(),
        };
        match decide(&facts, snapshot, now) {
            Ok(_permit) => "allowed",
            Err(denial) => denial.code().as_str(),
        }
    }
}

/// `{N}` is N letters.
fn spelt_out(text: &str) -> String {
    let number = text.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    match number {
        Some((count, _)) => {
            text.replace(&format!("{{{count}}}"), &"a".repeat(count.parse().unwrap()))
        }
        None => text.to_owned(),
    }
}

fn settings() -> Settings {
    let proxies = ["10.0.0.0/8"].map(|net| parse_network(net).unwrap());
    Settings { trusted_proxies: NetworkSet::new(proxies.into()), ..Settings::default() }
}

/// Two sites, of which `watched.example.com` looks at whoever asks: `/open/` for everybody, `/vod/` with a token, `/shut/` for nobody, and assets, all
/// protected.
fn snapshot() -> EdgeSnapshot {
    let route = |prefix: &str, access| Route {
        prefix: prefix.into(),
        access,
        origin: OriginName::new("media"),
        origin_takes: OriginTakes::Keys,
        cache: CacheRules::Off,
    };
    let key = || {
        SharedKey::from_hex(
            KeyId::new("2026-11"),
            "aabbccddeeff00112233445566778899",
            KeyPurpose::Vendor,
            KeyWindow::default(),
        )
        .unwrap()
    };
    let site = |name: &str, anti_fraud| Site {
        name: name.into(),
        tenant: TenantId(1),
        anti_fraud,
        cors: None,
        public_url: None,
        resource_policy: None,
        delivery: SiteDelivery::Standard,
        assets: Some(AssetSource::Template(AssetRules {
            origin: OriginName::new("media"),
            key: KeyTemplate::parse("{path}").unwrap(),
            cache: CacheRules::Off,
        })),
        token: Some(TokenRules {
            carriers: CarrierRules::new("__token__", Carrier::ALL),
            scheme: Scheme::EdgeAuth(EdgeAuth {
                max_lifetime: Some(86_400),
                ..EdgeAuth::with_keys(Keyring::new(vec![key()]))
            }),
        }),
        routes: vec![
            route("/open/", Access::Open),
            route("/vod/", Access::Token),
            route("/shut/", Access::Deny),
        ],
    };
    let list = |networks: &str| {
        let mut builder = BlocklistBuilder::new();
        builder.add_text("test.netset", networks.as_bytes());
        builder.build().unwrap()
    };
    let lists = FraudLists {
        anonymizers: list("198.51.100.0/24"),
        blacklist: list("203.0.113.66"),
        ..FraudLists::default()
    };
    let sites =
        [("files.example.com", AntiFraudUse::Asked), ("watched.example.com", AntiFraudUse::Always)];
    EdgeSnapshot {
        version: 1,
        published: UnixSeconds::new(0),
        sites: Arc::new(SiteTable::new(
            sites
                .map(|(name, used)| (vec![HostPattern::parse(name).unwrap()], site(name, used)))
                .into(),
        )),
        overrides: Arc::new(OverrideTable::default()),
        blocklist: Arc::new(list("192.0.2.0/24")),
        revocations: Arc::new(Revocations::new(["lnk_dead", "lnk dead"].map(Into::into))),
        anti_fraud: Arc::new(AntiFraud { lists: Arc::new(lists), ..AntiFraud::default() }),
        control: None,
    }
}

fn vectors() -> RefusalFile {
    let text = std::fs::read_to_string("tests/vectors/refusals.json").unwrap();
    let vectors: RefusalFile = serde_json::from_str(&text).unwrap();
    assert_eq!(vectors.format, 1);
    vectors
}

#[test]
fn every_vector_is_refused_with_its_code() {
    let snapshot = snapshot();
    let file = vectors();
    let now = UnixSeconds::new(file.clock);
    let mut names = BTreeSet::new();
    for vector in &file.vectors {
        assert!(names.insert(&vector.name), "two vectors named {}", vector.name);
        assert_eq!(vector.answer(&snapshot, now), vector.code, "{}", vector.name);
    }
}

/// What separates these from the vectors is what the vectors name.
#[test]
fn the_same_site_allows_what_is_in_order() {
    let file = vectors();
    let snapshot = snapshot();
    // The tokens that are refused for the client's address open for another one.
    let token = file.vectors.iter().find(|it| it.name == "another address").unwrap();
    let ask = |target: &str, peer: &str| Vector {
        name: target.to_owned(),
        code: "allowed".to_owned(),
        method: "GET".to_owned(),
        target: target.to_owned(),
        headers: vec![("host".to_owned(), "Files.Example.com:8080".to_owned())],
        peer: Some(peer.to_owned()),
        server_name: Some("files.example.com".to_owned()),
        body: false,
        more_headers: 0,
    };
    for vector in [
        ask("/open/a", "203.0.113.9"),
        ask("http://files.example.com:8080/open/a", "203.0.113.9"),
        ask("/open/a?b=%zz", "2001:db8::1"),
        ask(&format!("/open/{}", "a".repeat(8 * 1024 - 6)), "203.0.113.9"),
        ask(&token.target, "203.0.113.10"),
        // Only the other site looks at these.
        ask("/open/a", "198.51.100.7"),
        ask("/open/a", "203.0.113.66"),
        Vector {
            headers: [("host", "files.example.com"), ("via", "1.1 proxy")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..ask("/open/a", "203.0.113.9")
        },
        Vector {
            headers: [("host", "watched.example.com"), ("x-forwarded-for", "203.0.113.9")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            server_name: None,
            ..ask("/open/a", "10.0.0.1")
        },
        Vector { method: "HEAD".to_owned(), ..ask(&token.target, "::ffff:203.0.113.10") },
        Vector { more_headers: 99, ..ask("/open/a", "203.0.113.9") },
    ] {
        assert_eq!(vector.answer(&snapshot, UnixSeconds::new(file.clock)), "allowed", "{vector:?}");
    }
}

#[test]
fn every_code_has_a_vector_or_says_why_not() {
    let mut covered: BTreeMap<&str, &str> = BTreeMap::new();
    for (code, test) in NEEDS_MORE_THAN_A_HEAD {
        covered.insert(code.as_str(), test);
    }
    let file = vectors();
    for vector in &file.vectors {
        let elsewhere = covered.insert(&vector.code, "a vector");
        assert!(
            elsewhere.is_none_or(|it| it == "a vector"),
            "{} has a vector: take it off the list",
            vector.code
        );
    }
    let missing: Vec<_> =
        DenialCode::ALL.iter().filter(|code| !covered.contains_key(code.as_str())).collect();
    assert!(missing.is_empty(), "no vector in tests/vectors/refusals.json: {missing:?}");
    let known: BTreeSet<_> = DenialCode::ALL.iter().map(|code| code.as_str()).collect();
    let unknown: Vec<_> = covered.keys().filter(|code| !known.contains(*code)).collect();
    assert!(unknown.is_empty(), "vectors of codes that do not exist: {unknown:?}");
}

#[test]
fn every_code_is_in_the_readme() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let missing: Vec<_> =
        DenialCode::ALL.iter().filter(|code| !readme.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "no row in README.md: {missing:?}");
}
