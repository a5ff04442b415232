//! Step 8: who is suspect, when that is looked at, and what becomes of it.

use std::sync::Arc;

use super::scenery::{
    KEYS, NOW, TENANT, acl, blocklist, site, snapshot, token as signed_by_the_site,
};
use crate::keyring::{KeyMaterial, KeyWindow};
use crate::network::ClientIp;
use crate::policy::{
    AnonymousIpDatabase, AnonymousKind, AnonymousKinds, AntiFraud, AntiFraudUse, Asn, AsnDatabase,
    AsnList, BlockedRange, ClientScheme, ControlState, Denial, DenialCode, EdgeSnapshot,
    FraudFinding, FraudLists, FraudMode, HostPattern, LinkKey, LinkKeys, OverrideTable,
    ProxyHeader, ProxyHeaderRule, PushedFraudLists, RequestFacts, Resource, Site, SiteDelivery,
    SiteTable, Way, decide,
};
use crate::target::{PathToken, RequestTarget};
use crate::token::edge_auth::{SignRequest, sign};
use crate::token::{
    Candidates, LinkBinding, LinkOpens, LinkPayload, LinkTerms, QueryDigest, Sharing,
};

const LINKS_KEY: &str = "11112222333344445555666677778888";

fn asn_database() -> AsnDatabase {
    let bytes = include_bytes!("../../../tests/fixtures/address-databases/asn.mmdb");
    AsnDatabase::open(bytes.to_vec()).unwrap()
}

fn anonymous_ips() -> AnonymousIpDatabase {
    let bytes = include_bytes!("../../../tests/fixtures/address-databases/anonymous-ip.mmdb");
    AnonymousIpDatabase::open(bytes.to_vec()).unwrap()
}

/// One list of each kind.
fn lists() -> FraudLists {
    FraudLists {
        blacklist: blocklist(&["198.51.100.66"]),
        anonymizers: blocklist(&["198.51.100.0/25", "2001:db8::/48"]),
        asns: AsnList::read([("a.asn", &b"AS64500\n"[..])]).unwrap(),
        asn_database: Some(asn_database()),
        anonymous_ips: Some(anonymous_ips()),
        anonymous_kinds: AnonymousKinds::new([AnonymousKind::TorExitNode]),
        made: Vec::new(),
    }
}

fn in_force(used: AntiFraudUse, mode: FraudMode) -> EdgeSnapshot {
    let site = Site { anti_fraud: used, ..site(KEYS) };
    let key = LinkKey {
        tenant: Some(TENANT),
        material: KeyMaterial::from_hex(LINKS_KEY).unwrap(),
        window: KeyWindow::default(),
        retired: None,
    };
    let pushed = PushedFraudLists {
        blacklist: blocklist(&["192.0.2.66"]),
        anonymizers: blocklist(&["192.0.2.7"]),
    };
    let control = ControlState {
        links: Arc::new(LinkKeys::new([("links", &key)])),
        fraud_lists: Arc::new(pushed),
        ..ControlState::empty()
    };
    EdgeSnapshot {
        sites: Arc::new(SiteTable::new(vec![(vec![HostPattern::Any], site)])),
        anti_fraud: Arc::new(AntiFraud { mode, lists: Arc::new(lists()), ..AntiFraud::default() }),
        control: Some(Arc::new(control)),
        ..snapshot(KEYS, OverrideTable::default(), blocklist(&[]))
    }
}

/// A link of ours to the plain route, on these terms.
fn link(sharing: Sharing) -> String {
    let binding = LinkBinding::Query(QueryDigest::of(TENANT.0, None));
    let terms = LinkTerms { sharing, ..LinkTerms::default() };
    let payload = LinkPayload { binding, opens: LinkOpens::Published, terms }.to_string();
    let key = LinkKey {
        tenant: None,
        material: KeyMaterial::from_hex(LINKS_KEY).unwrap(),
        window: KeyWindow::default(),
        retired: None,
    };
    let keys = LinkKeys::new([("links", &key)]);
    let (rules, key) = keys.signer(TENANT, SiteDelivery::Standard, NOW).unwrap();
    let request = SignRequest {
        payload: Some(&payload),
        id: Some("lnk_1"),
        ..acl(&["/private/*", "/vod/*"])
    };
    format!("/vod/a?__token__={}", sign(rules, key, &request).unwrap())
}

/// What was noticed of a request that was let through, or why it was not.
fn ask(
    snapshot: &EdgeSnapshot,
    target: &str,
    client: &str,
    untrusted_proxy: Option<ProxyHeader>,
) -> Result<Option<FraudFinding>, Denial> {
    let target = RequestTarget::parse(target, PathToken::Absent, 16_384).unwrap();
    let site = snapshot.sites.find("files.example.com").unwrap();
    let resource = Resource::find(site, &target).unwrap();
    let carriers = &site.token.as_ref().unwrap().carriers;
    let nothing: [&[u8]; 0] = [];
    let candidates =
        Candidates::collect(carriers, &target, nothing.into_iter(), nothing.into_iter());
    let client = ClientIp::new(client.parse().unwrap());
    let facts = RequestFacts {
        site,
        target,
        client,
        untrusted_proxy,
        way: Way::Direct,
        scheme: ClientScheme::Https,
        resource,
        candidates,
    };
    decide(&facts, snapshot, NOW).map(|permit| permit.noticed())
}

/// Every list, by itself, and which is told where two know an address.
const SUSPECTS: &[(&str, Option<ProxyHeader>, DenialCode, &str)] = &[
    ("198.51.100.7", None, DenialCode::FraudAnonymizer, "198.51.100.0/25 is on a list of proxies"),
    ("2001:db8::1", None, DenialCode::FraudAnonymizer, "2001:db8::/48 is on a list of proxies"),
    ("192.0.2.7", None, DenialCode::FraudAnonymizer, "192.0.2.7 is on a list of proxies"),
    ("198.18.0.9", None, DenialCode::FraudAnonymizer, "AS64500 is on a list of autonomous systems"),
    (
        "2001:db8:64::9",
        None,
        DenialCode::FraudAnonymizer,
        "AS64500 is on a list of autonomous systems",
    ),
    (
        "198.18.2.9",
        None,
        DenialCode::FraudAnonymizer,
        "the anonymous-ip database says tor_exit_node",
    ),
    ("192.0.2.66", None, DenialCode::FraudBlacklist, "192.0.2.66 is on a blacklist"),
    (
        "203.0.113.9",
        Some(ProxyHeader::Via),
        DenialCode::FraudAnonymizer,
        "Via names a proxy that is not trusted",
    ),
    // Proxies before pirates.
    ("198.51.100.66", None, DenialCode::FraudAnonymizer, "198.51.100.0/25 is on a list of proxies"),
];

/// Known to no list: another system, another kind, nobody.
const OTHERS: &[&str] = &["198.18.1.9", "198.18.3.9", "198.18.4.9", "203.0.113.9", "2001:db8:1::1"];

#[test]
fn whoever_is_suspect_is_refused_by_a_link_that_asks_and_told_why() {
    let snapshot = in_force(AntiFraudUse::Asked, FraudMode::Enforce);
    for (client, header, code, reason) in SUSPECTS {
        let denial = ask(&snapshot, &link(Sharing::Watched), client, *header).unwrap_err();
        assert_eq!((denial.code(), &*denial.to_string()), (*code, *reason), "{client}");
    }
    for client in OTHERS {
        assert_eq!(ask(&snapshot, &link(Sharing::Watched), client, None), Ok(None), "{client}");
    }
}

#[test]
fn nobody_is_looked_at_whom_neither_link_nor_site_asks_about() {
    let snapshot = in_force(AntiFraudUse::Asked, FraudMode::Enforce);
    let vendors = signed_by_the_site(KEYS[1].1, &acl(&["/vod/*"]));
    let targets =
        [link(Sharing::Allowed), format!("/vod/a?__token__={vendors}"), "/open/a".to_owned()];
    let always = in_force(AntiFraudUse::Always, FraudMode::Enforce);
    for target in targets {
        for (client, header, code, _) in SUSPECTS {
            assert_eq!(ask(&snapshot, &target, client, *header), Ok(None), "{target} {client}");
            let denial = ask(&always, &target, client, *header).unwrap_err();
            assert_eq!(denial.code(), *code, "{target} {client}");
        }
    }
}

#[test]
fn whoever_only_watches_lets_through_and_notices() {
    let snapshot = in_force(AntiFraudUse::Asked, FraudMode::Monitor);
    for (client, header, code, reason) in SUSPECTS {
        let noticed = ask(&snapshot, &link(Sharing::Watched), client, *header).unwrap().unwrap();
        assert_eq!((noticed.code(), &*noticed.to_string()), (*code, *reason), "{client}");
    }
}

#[test]
fn who_has_no_link_learns_nothing_of_the_lists() {
    let snapshot = in_force(AntiFraudUse::Always, FraudMode::Enforce);
    for (client, header, ..) in SUSPECTS {
        let denial = ask(&snapshot, "/vod/a", client, *header).unwrap_err();
        assert_eq!(denial.code(), DenialCode::TokenMissing, "{client}");
    }
}

#[test]
fn a_header_of_proxies_is_no_finding_where_the_operator_says_so() {
    let lists = Arc::new(FraudLists::default());
    let rules = AntiFraud { proxy_headers: ProxyHeaderRule::Ignore, lists, ..AntiFraud::default() };
    let client = ClientIp::new("203.0.113.9".parse().unwrap());
    assert_eq!(rules.find(client, Some(ProxyHeader::Forwarded), None), None);
}

#[test]
fn databases_say_what_they_know_and_nothing_of_others() {
    let client = |text: &str| ClientIp::new(text.parse().unwrap());
    let database = asn_database();
    assert_eq!(database.asn(client("198.18.1.1")), Some(Asn(64_501)));
    assert_eq!(database.asn(client("::ffff:198.18.0.1")), Some(Asn(64_500)));
    assert_eq!(database.asn(client("203.0.113.9")), None);
    let database = anonymous_ips();
    let all = AnonymousKinds::default();
    for (address, kind) in [
        ("198.18.2.1", Some(AnonymousKind::TorExitNode)),
        ("198.18.3.1", Some(AnonymousKind::AnonymousVpn)),
        ("198.18.4.1", Some(AnonymousKind::HostingProvider)),
        ("2001:db8:65::1", Some(AnonymousKind::PublicProxy)),
        ("198.18.5.1", Some(AnonymousKind::ResidentialProxy)),
        ("203.0.113.9", None),
    ] {
        assert_eq!(database.kind(client(address), all), kind, "{address}");
    }
    let hosting = AnonymousKinds::new([AnonymousKind::HostingProvider]);
    let kind = database.kind(client("198.18.2.1"), hosting);
    assert_eq!(kind, Some(AnonymousKind::HostingProvider));
}

#[test]
fn a_file_of_another_kind_is_no_database() {
    let bytes = include_bytes!("../../../tests/fixtures/address-databases/asn.mmdb");
    let error = AnonymousIpDatabase::open(bytes.to_vec()).unwrap_err().to_string();
    assert!(error.contains("\"GeoLite2-ASN\""), "{error}");
    for cut in [0, 1, 100, bytes.len() / 2, bytes.len() - 1] {
        let opened = AsnDatabase::open(bytes[..cut].to_vec());
        // What opens all the same says what it can, and panics at no address.
        if let Ok(database) = opened {
            for address in ["198.18.0.1", "2001:db8:64::1", "203.0.113.9"] {
                database.asn(ClientIp::new(address.parse().unwrap()));
            }
        }
    }
}

#[test]
fn a_finding_names_the_range_that_covers_the_address() {
    let (first, last) = ("198.51.100.0".parse().unwrap(), "198.51.100.127".parse().unwrap());
    let finding = FraudFinding::AnonymizerNetwork(BlockedRange::V4 { first, last });
    assert_eq!(finding.rule().as_str(), "anonymizer_network");
    let sharing = FraudFinding::Sharing { places: 2 };
    assert_eq!(sharing.to_string(), "the link is in use at 2 other place(s)");
    assert_eq!(sharing.code(), DenialCode::FraudSharing);
}

/// What a control plane hands over by itself goes past the sites, and not past what they ask of
/// everybody.
#[test]
fn originals_are_for_nobody_whom_a_site_of_the_tenant_refuses_whatever_they_ask() {
    let of = |used, mode, client| {
        let promise = super::handed::promise(None, NOW.get());
        super::handed::asked(&in_force(used, mode), client, Way::Direct, promise).map(drop)
    };
    let (always, enforce) = (AntiFraudUse::Always, FraudMode::Enforce);
    assert_eq!(of(always, enforce, "192.0.2.66"), Err(DenialCode::FraudBlacklist));
    assert_eq!(of(always, enforce, "192.0.2.7"), Err(DenialCode::FraudAnonymizer));
    assert_eq!(of(always, enforce, "203.0.113.9"), Ok(()));
    assert_eq!(of(always, FraudMode::Monitor, "198.51.100.66"), Ok(()));
    assert_eq!(of(AntiFraudUse::Asked, enforce, "198.51.100.66"), Ok(()));
}
