//! What belongs to a key of forensic tags: its number, and the key of the marks in pictures.

use sha2::{Digest, Sha256};

use super::record::SigningKeyId;
use crate::forensic::TagKeyNumber;
use crate::keyring::KeyMaterial;

/// The number by which tag ids name the key. Two keys may happen to have one.
pub(super) fn tag_key_number(id: &SigningKeyId) -> TagKeyNumber {
    TagKeyNumber(Sha256::digest(id.as_str()).first().copied().unwrap_or_default())
}

/// What marks the pictures whose tags the key makes. Edges have it, and cannot make tags by it.
pub(super) fn image_mark_material(tags: &KeyMaterial) -> KeyMaterial {
    tags.derived("countersign: marks in pictures")
}
