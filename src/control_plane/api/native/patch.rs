//! Fields of a merge patch (RFC 7396), where null is a value: it takes away.

use serde::{Deserialize, Deserializer};

/// What a patch says of a field.
#[derive(Debug, Default)]
pub(super) enum Patched<T> {
    /// Nothing: it stays.
    #[default]
    Same,
    /// This, or nothing any more.
    To(Option<T>),
}

impl<T> Patched<T> {
    /// What the field is after the patch.
    pub(super) fn or(self, now: Option<T>) -> Option<T> {
        match self {
            Self::Same => now,
            Self::To(given) => given,
        }
    }
}

/// A field that is there, null included.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::To)
    }
}
