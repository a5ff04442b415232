//! Signed links of the usual configuration.

use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};
use countersign::token::{LinkBinding, LinkOpens, LinkPayload, LinkTerms, QueryDigest};

use super::edge::{KEY_HEX, NOW};

/// A token that is good for an hour and opens what this pattern covers.
pub(crate) fn token(acl: &str) -> String {
    signed(&SignRequest { scope: SignScope::Acl(&[acl]), ..an_hour() })
}

/// What [`token`] asks for, to be varied.
pub(crate) fn an_hour() -> SignRequest<'static> {
    SignRequest {
        scope: SignScope::Acl(&["/*"]),
        start: None,
        expiry: UnixSeconds::new(NOW + 3600),
        ip: None,
        id: None,
        payload: None,
        escape: None,
    }
}

/// A link of our own to that path, on these terms; by the key of [`with_own_key`].
pub(crate) fn own_link(path: &str, id: &str, terms: LinkTerms) -> String {
    let key =
        SharedKey::from_hex(KeyId::new("k1"), KEY_HEX, KeyPurpose::Links, KeyWindow::default());
    let rules = EdgeAuth::with_keys(Keyring::new(vec![key.unwrap()]));
    let key = rules.keyring.signer(UnixSeconds::new(NOW)).unwrap();
    let binding = LinkBinding::Query(QueryDigest::of(1, None));
    let payload = LinkPayload { binding, opens: LinkOpens::Published, terms }.to_string();
    let scope = SignScope::Acl(&[path]);
    let request = SignRequest { scope, id: Some(id), payload: Some(&payload), ..an_hour() };
    format!("{path}?__token__={}", sign(&rules, key, &request).unwrap())
}

/// A configuration like the usual one, whose key is ours.
pub(crate) fn with_own_key(config: &str) -> String {
    let vendors = "file = \"keys/k1.hex\" }";
    assert!(config.contains(vendors));
    config.replace(vendors, "file = \"keys/k1.hex\", use = \"links\" }")
}

/// A token by the key of the usual configuration.
pub(crate) fn signed(request: &SignRequest<'_>) -> String {
    let key =
        SharedKey::from_hex(KeyId::new("k1"), KEY_HEX, KeyPurpose::Vendor, KeyWindow::default());
    let rules = EdgeAuth::with_keys(Keyring::new(vec![key.unwrap()]));
    let key = rules.keyring.signer(UnixSeconds::new(NOW)).unwrap();
    sign(&rules, key, request).unwrap()
}
