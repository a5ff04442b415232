//! The secret that marks derive from, and what derives from it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::forensic::SightedTag;
use crate::keyring::KeyMaterial;

/// What the MAC is computed over begins with this, so that no MAC of another purpose is one of
/// these.
const DOMAIN: &[u8] = b"countersign image mark 1\0";

/// The secret that the sequences of image marks derive from. Who has it can find marks, and paint
/// over them.
#[derive(Clone)]
pub struct MarkKey(Zeroizing<[u8; 32]>);

impl MarkKey {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key that belongs to that material.
    pub fn of(material: &KeyMaterial) -> Self {
        Self::new(keyed(material.expose()).chain_update(DOMAIN).finalize().into_bytes().into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The sequence of a tag: blocks of 256 bits, one after the other, each a MAC over a prefix of
    /// its own, the tag, and the number of the block, big-endian in four bytes. There is no end to
    /// it; a set bit is −1.
    pub(super) fn sequence(&self, tag: SightedTag) -> impl Iterator<Item = [u8; 32]> {
        let begun = keyed(self.0.as_slice()).chain_update(DOMAIN).chain_update(tag.bytes());
        (0_u32..).map(move |block| {
            begun.clone().chain_update(block.to_be_bytes()).finalize().into_bytes().into()
        })
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 3)")]
    Hmac::new_from_slice(secret).expect("any length will do")
}

impl fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MarkKey").finish_non_exhaustive()
    }
}
