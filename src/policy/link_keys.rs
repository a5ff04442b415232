//! The keys that a control plane makes for links of its own.
//!
//! Their links ride where a site's own do and look the same, under fixed rules: nobody configures
//! them. A key is of one tenant, or of all; one tenant's opens nothing of another's.

use std::collections::HashMap;

use crate::asset::TenantId;
use crate::clock::UnixSeconds;
use crate::keyring::{KeyId, KeyMaterial, KeyPurpose, KeyWindow, Keyring, SharedKey, SigningKey};
use crate::token::edge_auth::{EdgeAuth, IpForm};

/// A key for links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkKey {
    /// Whose links it signs; none signs everybody's.
    pub tenant: Option<TenantId>,
    /// The key.
    pub material: KeyMaterial,
    /// When it signs and verifies.
    pub window: KeyWindow,
    /// Since when another one signs in its place; it verifies on, to the end of its window.
    pub retired: Option<UnixSeconds>,
}

/// All of them, ready to use.
#[derive(Debug, Default)]
pub struct LinkKeys(HashMap<Option<TenantId>, EdgeAuth>);

impl LinkKeys {
    /// These keys, by their ids.
    pub fn new<'k>(keys: impl IntoIterator<Item = (&'k str, &'k LinkKey)>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        // The first that is in force signs: of those that were not retired the newest, and a
        // retired one only until its successor begins.
        keys.sort_by_key(|(id, key)| {
            let begins = key.window.not_before.map(UnixSeconds::get);
            (key.retired.is_some(), std::cmp::Reverse(begins), *id)
        });
        let mut rings: HashMap<Option<TenantId>, Vec<SharedKey>> = HashMap::new();
        for (id, LinkKey { tenant, material, window, retired: _ }) in keys {
            let key = SharedKey::of_material(KeyId::new(id), material, KeyPurpose::Links, *window);
            rings.entry(*tenant).or_default().push(key);
        }
        let compiled = |(tenant, keys)| {
            let rules = EdgeAuth::with_keys(Keyring::new(keys));
            (tenant, EdgeAuth { ip_form: IpForm::AddressOrNetwork, ..rules })
        };
        Self(rings.into_iter().map(compiled).collect())
    }

    /// What opens a tenant's files: its own keys, and those of all tenants.
    pub fn of(&self, tenant: TenantId) -> impl Iterator<Item = &EdgeAuth> {
        [Some(tenant), None].into_iter().filter_map(|owner| self.0.get(&owner))
    }

    /// What signs a tenant's links at `now`: a key of its own, else one of all tenants.
    pub fn signer(
        &self,
        tenant: TenantId,
        now: UnixSeconds,
    ) -> Option<(&EdgeAuth, SigningKey<'_>)> {
        self.of(tenant).find_map(|rules| Some((rules, rules.keyring.signer(now)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: TenantId = TenantId(1);

    fn key(tenant: Option<TenantId>, begins: u64, retired: Option<u64>) -> LinkKey {
        let window = KeyWindow { not_before: Some(UnixSeconds::new(begins)), not_after: None };
        let material = KeyMaterial::from_hex(&"ab".repeat(32)).unwrap();
        LinkKey { tenant, material, window, retired: retired.map(UnixSeconds::new) }
    }

    #[test]
    fn the_successor_signs_from_its_beginning_and_a_tenants_own_key_before_everybodys() {
        let keys = [
            ("old", key(Some(MINE), 0, Some(90))),
            ("new", key(Some(MINE), 100, None)),
            ("all", key(None, 0, None)),
        ];
        let keys = LinkKeys::new(keys.iter().map(|(id, key)| (*id, key)));
        let signer = |tenant, now| {
            let signer = keys.signer(tenant, UnixSeconds::new(now));
            signer.map(|(_, key)| key.id().as_str().to_owned())
        };
        assert_eq!(signer(MINE, 99).as_deref(), Some("old"));
        assert_eq!(signer(MINE, 100).as_deref(), Some("new"));
        assert_eq!(signer(TenantId(2), 100).as_deref(), Some("all"));
        let verifiers = |tenant| {
            let of = |rules: &EdgeAuth| rules.keyring.keys().len();
            keys.of(tenant).map(of).collect::<Vec<_>>()
        };
        assert_eq!((verifiers(MINE), verifiers(TenantId(2))), (vec![2, 1], vec![1]));
        assert!(LinkKeys::default().signer(MINE, UnixSeconds::new(0)).is_none());
    }
}
