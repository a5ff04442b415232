//! Keys, settings and requests of the tests.

use super::super::*;
use crate::clock::UnixSeconds;
use crate::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use crate::network::ClientIp;
use crate::target::{PathToken, RequestTarget};
use crate::token::{
    Candidates, Carrier, CarrierRules, MacBudget, Subject, TokenCandidate, TokenRejection,
};

pub(super) const KEY: &str = "aabbccddeeff00112233445566778899";
pub(super) const EXPIRY: u64 = 1_893_456_000;

pub(super) fn ring(keys: &[(&str, &str)]) -> Keyring {
    let key = |&(id, hex): &(&str, &str)| {
        SharedKey::from_hex(KeyId::new(id), hex, KeyPurpose::Vendor, KeyWindow::default()).unwrap()
    };
    Keyring::new(keys.iter().map(key).collect())
}

pub(super) fn rules() -> EdgeAuth {
    EdgeAuth::with_keys(ring(&[("k", KEY)]))
}

/// A candidate as it would be collected from a query.
pub(super) fn candidate(token: &str) -> TokenCandidate {
    let target = format!("/x?__token__={token}");
    let target = RequestTarget::parse(&target, PathToken::Absent, 16_384).unwrap();
    let carriers = CarrierRules::new("__token__", &[Carrier::Query]);
    let found = Candidates::collect(&carriers, &target, std::iter::empty(), std::iter::empty());
    found.to_try().unwrap()[0].clone()
}

pub(super) struct Asked<'a> {
    pub(super) target: &'a str,
    pub(super) client: &'a str,
    pub(super) now: u64,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self { target: "/private/x", client: "203.0.113.9", now: EXPIRY }
    }
}

pub(super) fn check(
    rules: &EdgeAuth,
    token: &str,
    asked: &Asked<'_>,
) -> Result<(), TokenRejection> {
    let target = RequestTarget::parse(asked.target, PathToken::Absent, 16_384).unwrap();
    let subject = Subject::as_asked(&target, 1);
    let client = ClientIp::new(asked.client.parse().unwrap());
    let now = UnixSeconds::new(asked.now);
    let candidate = candidate(token);
    let mut budget = MacBudget::new();
    verify(rules, "__token__", &candidate, subject, client, now, &mut budget).map(|_| ())
}

pub(super) fn signed(rules: &EdgeAuth, request: &SignRequest<'_>) -> String {
    sign(rules, rules.keyring.signer(UnixSeconds::new(0)).unwrap(), request).unwrap()
}

pub(super) fn acl<'r>(patterns: &'r [&'r str]) -> SignRequest<'r> {
    SignRequest {
        scope: SignScope::Acl(patterns),
        start: None,
        expiry: UnixSeconds::new(EXPIRY),
        ip: None,
        id: None,
        payload: None,
        escape: None,
    }
}

pub(super) fn url(url: &str) -> SignRequest<'_> {
    SignRequest { scope: SignScope::Url(url), ..acl(&[]) }
}
