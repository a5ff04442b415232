//! Tokens for the tests' own keys.

use countersign::clock::UnixSeconds;
use countersign::keyring::{KeyId, KeyPurpose, KeyWindow, Keyring, SharedKey};
use countersign::token::edge_auth::{EdgeAuth, SignRequest, SignScope, sign};

use super::output::keep_secret;

/// A token of this key for these paths.
pub(crate) fn token(key_hex: &str, acl: &str, expiry: u64) -> String {
    keep_secret(key_hex);
    let key =
        SharedKey::from_hex(KeyId::new("test"), key_hex, KeyPurpose::Vendor, KeyWindow::default());
    let rules = EdgeAuth::with_keys(Keyring::new(vec![key.unwrap()]));
    let patterns = [acl];
    let request = SignRequest {
        scope: SignScope::Acl(&patterns),
        start: None,
        expiry: UnixSeconds::new(expiry),
        ip: None,
        id: None,
        payload: None,
        escape: None,
    };
    sign(&rules, rules.keyring.signer(UnixSeconds::new(0)).unwrap(), &request).unwrap()
}
