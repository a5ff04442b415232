//! The id in a tagged file, its key, and its text.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What the MAC is computed over begins with this, so that no MAC of another purpose is one of
/// these.
const DOMAIN: &[u8] = b"countersign forensic tag id\0";

/// The first byte: the version of the layout, and what a copy has beside its tag.
const CONTAINER: u8 = 1;
const IMAGE: u8 = 2;

/// What the text of an id begins with.
pub(super) const MAGIC: &[u8; 16] = b"countersign-tag:";

/// Bytes of an id.
const ID_BYTES: usize = 16;

/// Bytes of the text of an id: `countersign-tag:` and 32 hexadecimal digits.
pub const MARK_BYTES: usize = MAGIC.len() + 2 * ID_BYTES;

/// The id of one issued copy, made by a key or verified by it.
///
/// ```text
/// byte   0        the version of this layout: 1; 2 where a picture's copy has an image mark, too
/// byte   1        the number of the key
/// bytes  2 to 9   the number of the issue, big-endian
/// bytes 10 to 15  the first 48 bits of HMAC-SHA-256 over a prefix of its own and bytes 0 to 9
/// ```
///
/// 48 bits: who forges ids meets a right one once in 2^48 tries, each of which somebody has to look
/// up; and even then the log of issues says whether there was such an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagId([u8; ID_BYTES]);

/// 16 bytes that stand where an id would: nobody has verified them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SightedTag([u8; ID_BYTES]);

/// The number by which ids name their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TagKeyNumber(pub u8);

/// What tells a copy from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// The tag in its container (layer 1).
    Container,
    /// The tag, and where it is a picture that takes one, a mark in what it shows (layer 2).
    Image,
}

/// A key that makes and verifies ids.
#[derive(Clone)]
pub struct TagKey {
    number: TagKeyNumber,
    keyed: Hmac<Sha256>,
}

/// What a key says of a sighted tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagVerdict {
    /// It names this key, which did not make it: forged, or damaged.
    Forged,
    /// This key made it.
    Genuine(TagId),
    /// It names another key.
    OtherKey(TagKeyNumber),
    /// Its layout is one of a later version, or of none.
    UnknownVersion(u8),
}

impl TagId {
    /// The number of the issue.
    pub fn issue(self) -> u64 {
        let [_, _, issue @ .., _, _, _, _, _, _] = self.0;
        u64::from_be_bytes(issue)
    }

    /// The key that made it.
    pub fn key(self) -> TagKeyNumber {
        let [_, key, ..] = self.0;
        TagKeyNumber(key)
    }

    /// The bytes, as a log keeps them.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The text of [`MARK_BYTES`] that is put into files.
    pub fn mark(self) -> String {
        SightedTag(self.0).to_string()
    }
}

impl From<TagId> for SightedTag {
    fn from(id: TagId) -> Self {
        Self(id.0)
    }
}

impl SightedTag {
    /// Takes bytes for an id.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads the text of an id, with digits of either case.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let digits = text.strip_prefix(MAGIC)?;
        let mut id = [0; ID_BYTES];
        hex::decode_to_slice(digits, &mut id).ok()?;
        Some(Self(id))
    }

    /// The bytes.
    pub fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The key that it says made it.
    pub fn named_key(self) -> TagKeyNumber {
        TagId(self.0).key()
    }

    /// What it says of its copy; none where it is of a version that is not known here.
    pub fn layers(self) -> Option<Layers> {
        match self.0 {
            [CONTAINER, ..] => Some(Layers::Container),
            [IMAGE, ..] => Some(Layers::Image),
            _ => None,
        }
    }
}

impl fmt::Display for SightedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("countersign-tag:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl TagKey {
    /// A key of these bytes, which go into a keyed state and no further.
    pub fn new(number: TagKeyNumber, secret: &Zeroizing<[u8; 32]>) -> Self {
        Self { number, keyed: keyed(secret.as_slice()) }
    }

    /// The number by which ids name it.
    pub fn number(&self) -> TagKeyNumber {
        self.number
    }

    /// The id of that issue. The same number and layers give the same id.
    pub fn issue(&self, issue: u64, layers: Layers) -> TagId {
        let mut id = [0; ID_BYTES];
        let (named, mac) = id.split_at_mut(ID_BYTES - 6);
        let version = match layers {
            Layers::Container => CONTAINER,
            Layers::Image => IMAGE,
        };
        let parts = [version, self.number.0].into_iter().chain(issue.to_be_bytes());
        named.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        let whole = self.over(named).finalize().into_bytes();
        mac.iter_mut().zip(whole).for_each(|(byte, part)| *byte = part);
        TagId(id)
    }

    /// Whether this key made it; compared in constant time.
    pub fn judge(&self, sighted: SightedTag) -> TagVerdict {
        let [version, key, ..] = sighted.0;
        if ![CONTAINER, IMAGE].contains(&version) {
            return TagVerdict::UnknownVersion(version);
        }
        if key != self.number.0 {
            return TagVerdict::OtherKey(TagKeyNumber(key));
        }
        let (named, mac) = sighted.0.split_at(ID_BYTES - 6);
        match self.over(named).verify_truncated_left(mac) {
            Ok(()) => TagVerdict::Genuine(TagId(sighted.0)),
            Err(_) => TagVerdict::Forged,
        }
    }

    fn over(&self, named: &[u8]) -> Hmac<Sha256> {
        self.keyed.clone().chain_update(DOMAIN).chain_update(named)
    }
}

impl fmt::Debug for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TagKey").field("number", &self.number).finish_non_exhaustive()
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 3)")]
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> TagKey {
        TagKey::new(TagKeyNumber(number), &Zeroizing::new([number; 32]))
    }

    /// Computed apart, by Python's `hmac`.
    #[test]
    fn the_layout_is_as_documented() {
        let id = key(7).issue(0x0102_0304_0506_0708, Layers::Container);
        assert_eq!(id.mark(), "countersign-tag:010701020304050607080ff920c73baf");
        assert_eq!((id.issue(), id.key()), (0x0102_0304_0506_0708, TagKeyNumber(7)));
        assert_eq!(id.mark().len(), MARK_BYTES);
    }

    #[test]
    fn what_was_issued_is_genuine_and_nothing_else() {
        let key = key(7);
        let id = key.issue(42, Layers::Container);
        let sighted = SightedTag::from_text(id.mark().to_uppercase().as_bytes());
        assert_eq!(sighted, None, "the prefix has one case");
        let sighted = SightedTag::from_text(id.mark().as_bytes()).unwrap();
        assert_eq!(key.judge(sighted), TagVerdict::Genuine(id));
        let other = TagVerdict::OtherKey(TagKeyNumber(8));
        assert_eq!(
            key.judge(SightedTag(
                TagKey::new(TagKeyNumber(8), &Zeroizing::new([8; 32]))
                    .issue(42, Layers::Container)
                    .0
            )),
            other
        );
        for bit in 0..128 {
            let mut bytes = sighted.bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let verdict = key.judge(SightedTag::from_bytes(bytes));
            let expected = match bit / 8 {
                0 => TagVerdict::UnknownVersion(bytes[0]),
                1 => TagVerdict::OtherKey(TagKeyNumber(bytes[1])),
                _ => TagVerdict::Forged,
            };
            assert_eq!(verdict, expected, "{bit}");
        }
    }

    #[test]
    fn another_secret_of_the_same_number_is_a_forger() {
        let other = TagKey::new(TagKeyNumber(7), &Zeroizing::new([8; 32]));
        let verdict = key(7).judge(SightedTag(other.issue(1, Layers::Container).0));
        assert_eq!(verdict, TagVerdict::Forged);
    }

    #[test]
    fn a_tag_says_what_its_copy_has() {
        for (layers, first) in [(Layers::Container, 1), (Layers::Image, 2)] {
            let id = key(7).issue(42, layers);
            let sighted = SightedTag::from(id);
            assert_eq!((id.bytes()[0], sighted.layers(), id.issue()), (first, Some(layers), 42));
            assert_eq!(key(7).judge(sighted), TagVerdict::Genuine(id));
            // The one is not the other with another first byte.
            let mut other = id.bytes();
            other[0] = 3 - first;
            assert_eq!(key(7).judge(SightedTag::from_bytes(other)), TagVerdict::Forged);
        }
    }

    #[test]
    fn debug_shows_the_number_only() {
        assert_eq!(format!("{:?}", key(7)), "TagKey { number: TagKeyNumber(7), .. }");
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in ["", "countersign-tag:", "countersign-tag:0g", "countersign_tag:00"] {
            assert_eq!(SightedTag::from_text(text.as_bytes()), None);
        }
        let long = format!("{}0", key(7).issue(1, Layers::Container).mark());
        assert_eq!(SightedTag::from_text(long.as_bytes()), None);
    }
}
