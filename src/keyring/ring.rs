//! The keys of one site, in order.
//!
//! The first key whose window holds signs; every key whose window holds verifies. Rotation without
//! a failed link is therefore: put the new key first with a `not_before` that every edge has seen
//! by then, leave the old one until the longest-lived link has expired, take it out. From the
//! moment a snapshot without a key is in force, none of its links opens.

use super::{SharedKey, SigningKey, VerifyingKey};
use crate::clock::UnixSeconds;

/// An ordered set of keys.
#[derive(Debug, Default)]
pub struct Keyring(Vec<SharedKey>);

impl Keyring {
    /// A ring of these keys, in order.
    pub fn new(keys: Vec<SharedKey>) -> Self {
        Self(keys)
    }

    /// The key that signs at `now`.
    pub fn signer(&self, now: UnixSeconds) -> Option<SigningKey<'_>> {
        self.0.iter().find(|key| key.window().contains(now)).map(SigningKey)
    }

    /// The key of that name, for signing, whatever its window.
    pub fn signer_named(&self, id: &str) -> Option<SigningKey<'_>> {
        self.0.iter().find(|key| key.id().as_str() == id).map(SigningKey)
    }

    /// The keys that verify at `now`, in order.
    pub fn verifiers(&self, now: UnixSeconds) -> impl Iterator<Item = VerifyingKey<'_>> {
        self.0.iter().filter(move |key| key.window().contains(now)).map(VerifyingKey)
    }

    /// The keys that do not verify at `now`, for an explanation.
    pub fn dormant(
        &self,
        now: UnixSeconds,
    ) -> impl Iterator<Item = (&SharedKey, VerifyingKey<'_>)> {
        self.0
            .iter()
            .filter(move |key| !key.window().contains(now))
            .map(|key| (key, VerifyingKey(key)))
    }

    /// Every key, in order.
    pub fn keys(&self) -> &[SharedKey] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KeyId, KeyPurpose, KeyWindow};
    use super::*;

    #[test]
    fn the_first_key_in_force_signs_and_all_in_force_verify() {
        let at = |seconds| Some(UnixSeconds::new(seconds));
        let key = |id, not_before, not_after| {
            let window = KeyWindow { not_before, not_after };
            SharedKey::from_hex(KeyId::new(id), "00", KeyPurpose::Vendor, window).unwrap()
        };
        let ring = Keyring::new(vec![key("new", at(100), None), key("old", None, at(200))]);
        let names = |now| {
            let now = UnixSeconds::new(now);
            let verifiers: Vec<_> = ring.verifiers(now).map(|key| key.id().as_str()).collect();
            (ring.signer(now).map(|key| key.id().as_str()), verifiers)
        };
        assert_eq!(names(99), (Some("old"), vec!["old"]));
        assert_eq!(names(100), (Some("new"), vec!["new", "old"]));
        assert_eq!(names(201), (Some("new"), vec!["new"]));
        assert_eq!(ring.dormant(UnixSeconds::new(99)).count(), 1);
        assert!(Keyring::default().signer(UnixSeconds::new(0)).is_none());
    }
}
