//! The keys of the marks in pictures, which a control plane makes (requirement K.4).

use std::collections::BTreeMap;

use crate::keyring::KeyMaterial;

/// All of them. A forensic tag id names the one of its copy by a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageMarkKeys(BTreeMap<Box<str>, ImageMarkKey>);

/// A key of marks in pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageMarkKey {
    /// The number by which tag ids name it.
    pub number: u8,
    /// The key.
    pub material: KeyMaterial,
}

impl ImageMarkKeys {
    /// The key of that id is this from now on; none: it is closed.
    pub fn set(&mut self, id: Box<str>, key: Option<ImageMarkKey>) {
        match key {
            Some(key) => self.0.insert(id, key),
            None => self.0.remove(&id),
        };
    }

    /// The key of that number. Of two that happen to have one number the older is it.
    pub fn of(&self, number: u8) -> Option<&KeyMaterial> {
        self.0.values().find(|key| key.number == number).map(|key| &key.material)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_keys_of_one_number_the_older_is_it() {
        let material = |digits: &str| KeyMaterial::from_hex(&digits.repeat(32)).unwrap();
        let key = |number, digits| Some(ImageMarkKey { number, material: material(digits) });
        let mut keys = ImageMarkKeys::default();
        keys.set("key_b".into(), key(7, "bb"));
        keys.set("key_a".into(), key(8, "aa"));
        assert_eq!((keys.of(7), keys.of(9)), (Some(&material("bb")), None));
        keys.set("key_a".into(), key(7, "aa"));
        assert_eq!(keys.of(7), Some(&material("aa")));
        keys.set("key_a".into(), None);
        assert_eq!(keys.of(7), Some(&material("bb")));
    }
}
