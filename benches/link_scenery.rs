//! What the benches of links of our own decide about: the same site, whose key is ours.

use std::sync::Arc;

use countersign::keyring::KeyPurpose;
use countersign::policy::{
    AnonymousIpDatabase, AntiFraud, AsnDatabase, AsnList, EdgeSnapshot, FraudLists,
};
use countersign::token::edge_auth::{SignRequest, SignScope, sign};
use countersign::token::{LinkBinding, LinkOpens, LinkPayload, LinkTerms, QueryDigest};

use super::scenery::{NOW, rules_of, scattered, snapshot_of};

/// That site, so many videos that are open, so many addresses that are blocked. It knows so many
/// proxies and as many pirates by their networks, some by their autonomous systems, and some by a
/// database.
pub(crate) fn snapshot_of_links(overrides: u32, blocked: u32, suspected: u32) -> EdgeSnapshot {
    let asn_database = include_bytes!("../tests/fixtures/address-databases/asn.mmdb");
    let anonymous = include_bytes!("../tests/fixtures/address-databases/anonymous-ip.mmdb");
    let lists = FraudLists {
        blacklist: scattered(suspected),
        anonymizers: scattered(suspected),
        asns: AsnList::read([("bench.asn", &b"AS64500\n"[..])]).expect("a list"),
        asn_database: Some(AsnDatabase::open(asn_database.to_vec()).expect("a database")),
        anonymous_ips: Some(AnonymousIpDatabase::open(anonymous.to_vec()).expect("a database")),
        ..FraudLists::default()
    };
    EdgeSnapshot {
        anti_fraud: Arc::new(AntiFraud { lists: Arc::new(lists), ..AntiFraud::default() }),
        ..snapshot_of(KeyPurpose::Links, overrides, blocked)
    }
}

/// A token of our own in force, which opens a query on these terms.
pub(crate) fn own_link(scope: SignScope<'_>, query: &str, terms: LinkTerms) -> String {
    let rules = rules_of(KeyPurpose::Links);
    let binding = LinkBinding::Query(QueryDigest::of(1, Some(query)));
    let payload = LinkPayload { binding, opens: LinkOpens::Published, terms }.to_string();
    let request = SignRequest {
        scope,
        start: None,
        expiry: NOW.plus(7_200),
        ip: None,
        id: Some("lnk_01jd2v8h6x9a4c7e0f3g5k8m1n"),
        payload: Some(&payload),
        escape: None,
    };
    sign(&rules, rules.keyring.signer(NOW).expect("a key in force"), &request).expect("a token")
}
