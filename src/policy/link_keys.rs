//! The keys that a control plane makes for links of its own.
//!
//! Their links ride where a site's own do and look the same, under fixed rules: nobody configures
//! them. A key is of one tenant, or of all; one tenant's opens nothing of another's. Sites for China have
//! keys of their own, one that belongs to each: their links open nothing at other sites, and others'
//! nothing at theirs (G27).

use std::collections::HashMap;

use super::SiteDelivery;
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

/// What a key for China is derived for.
const FOR_CHINA: &str = "countersign: links at sites for china";

/// All of them, ready to use.
#[derive(Debug, Default)]
pub struct LinkKeys(HashMap<(Option<TenantId>, SiteDelivery), EdgeAuth>);

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
        let mut rings: HashMap<_, Vec<SharedKey>> = HashMap::new();
        for (id, LinkKey { tenant, material, window, retired: _ }) in keys {
            let for_china = material.derived(FOR_CHINA);
            let each = [(SiteDelivery::Standard, material), (SiteDelivery::China, &for_china)];
            for (delivery, material) in each {
                let id = KeyId::new(id);
                let key = SharedKey::of_material(id, material, KeyPurpose::Links, *window);
                rings.entry((*tenant, delivery)).or_default().push(key);
            }
        }
        let compiled = |(whose, keys)| {
            let rules = EdgeAuth::with_keys(Keyring::new(keys));
            (whose, EdgeAuth { ip_form: IpForm::AddressOrNetwork, ..rules })
        };
        Self(rings.into_iter().map(compiled).collect())
    }

    /// What opens a tenant's files at its sites of that delivery: its own keys, and those of all tenants.
    pub fn of(&self, tenant: TenantId, delivery: SiteDelivery) -> impl Iterator<Item = &EdgeAuth> {
        let owners = [Some(tenant), None].into_iter();
        owners.filter_map(move |owner| self.0.get(&(owner, delivery)))
    }

    /// What signs a tenant's links to its sites of that delivery at `now`: a key of its own, else one of
    /// all tenants.
    pub fn signer(
        &self,
        tenant: TenantId,
        delivery: SiteDelivery,
        now: UnixSeconds,
    ) -> Option<(&EdgeAuth, SigningKey<'_>)> {
        self.of(tenant, delivery).find_map(|rules| Some((rules, rules.keyring.signer(now)?)))
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
            let signer = keys.signer(tenant, SiteDelivery::Standard, UnixSeconds::new(now));
            signer.map(|(_, key)| key.id().as_str().to_owned())
        };
        assert_eq!(signer(MINE, 99).as_deref(), Some("old"));
        assert_eq!(signer(MINE, 100).as_deref(), Some("new"));
        assert_eq!(signer(TenantId(2), 100).as_deref(), Some("all"));
        let verifiers = |tenant| {
            let of = |rules: &EdgeAuth| rules.keyring.keys().len();
            keys.of(tenant, SiteDelivery::China).map(of).collect::<Vec<_>>()
        };
        assert_eq!((verifiers(MINE), verifiers(TenantId(2))), (vec![2, 1], vec![1]));
        let none = LinkKeys::default();
        assert!(none.signer(MINE, SiteDelivery::Standard, UnixSeconds::new(0)).is_none());
    }
}
