//! One symmetric key, ready to use.
//!
//! The keyed HMAC states are set up once, when the key is read; a verification clones one. What a
//! role may do is a type: a [`VerifyingKey`] can only say yes or no, and only a [`SigningKey`]
//! hands out a tag.

use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::clock::UnixSeconds;
use crate::secret::Secret;

/// Keys shorter than this are pointed out by `check` and at start-up, in bytes.
pub const SHORT_KEY_BYTES: usize = 16;

/// A key's public name, as configured. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// Names a key.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whose key it is, and so what its tokens' payload means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Our own: `data` holds our payload.
    Links,
    /// Somebody else's: `id` is believed, `data` is opaque text.
    Vendor,
}

/// When a key may be used; both ends are inclusive, an open end is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyWindow {
    /// Not before this instant.
    pub not_before: Option<UnixSeconds>,
    /// Not after this instant.
    pub not_after: Option<UnixSeconds>,
}

impl KeyWindow {
    /// Is `now` inside?
    pub fn contains(self, now: UnixSeconds) -> bool {
        self.not_before.is_none_or(|start| start <= now)
            && self.not_after.is_none_or(|end| now <= end)
    }
}

/// The hash under the HMAC. It comes from the configuration, never from a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MacAlgorithm {
    /// HMAC-MD5, for links of old signers only.
    Md5,
    /// HMAC-SHA-1, for links of old signers only.
    Sha1,
    /// HMAC-SHA-256, the default.
    Sha256,
}

impl MacAlgorithm {
    /// Every algorithm.
    pub const ALL: &'static [Self] = &[Self::Md5, Self::Sha1, Self::Sha256];

    /// The name in configurations.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Bytes in a whole tag.
    pub const fn tag_bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// Why a text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRejection {
    /// No digits at all.
    #[error("the key is empty")]
    Empty,
    /// Something else than hexadecimal digits.
    #[error("the key must be hexadecimal digits only")]
    NotHex,
    /// Half a byte.
    #[error("the key has an odd number of hexadecimal digits")]
    OddLength,
}

/// The bytes of a key on their way to whoever uses it. Clones are the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMaterial(Arc<Secret<Vec<u8>>>);

impl KeyMaterial {
    /// Takes the bytes in; none are no key.
    pub fn new(bytes: Secret<Vec<u8>>) -> Result<Self, KeyRejection> {
        if bytes.expose().is_empty() {
            return Err(KeyRejection::Empty);
        }
        Ok(Self(Arc::new(bytes)))
    }

    /// Reads hexadecimal digits of either case, with white space around them.
    pub fn from_hex(hex: &str) -> Result<Self, KeyRejection> {
        Self::new(Secret::new(decode_key(hex.trim())?))
    }

    /// Another key, that belongs to this one and to a purpose: nothing of either is known from the other
    /// without it, for HMAC-SHA-256 is a pseudorandom function (RFC 2104; RFC 5869 section 2.3 builds on the
    /// same).
    #[must_use]
    pub fn derived(&self, purpose: &'static str) -> Self {
        // Into a keyed state, and no further.
        let mut mac = keyed::<Hmac<Sha256>>(self.expose());
        mac.update(purpose.as_bytes());
        Self(Arc::new(Secret::new(mac.finalize().into_bytes().to_vec())))
    }

    /// The bytes. Every caller owes the reader a reason why they do not leave from there.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }
}

/// A key as it is kept: material only in keyed states, which wipe themselves.
pub struct SharedKey {
    id: KeyId,
    purpose: KeyPurpose,
    window: KeyWindow,
    bytes: usize,
    fingerprint: Secret<[u8; 32]>,
    md5: Hmac<Md5>,
    sha1: Hmac<Sha1>,
    sha256: Hmac<Sha256>,
}

impl SharedKey {
    /// Reads hexadecimal digits of either case; white space around them is passed over, as in a
    /// key file that ends with a line break.
    pub fn from_hex(
        id: KeyId,
        hex: &str,
        purpose: KeyPurpose,
        window: KeyWindow,
    ) -> Result<Self, KeyRejection> {
        Ok(Self::of_material(id, &KeyMaterial::from_hex(hex)?, purpose, window))
    }

    /// A key of these bytes.
    pub fn of_material(
        id: KeyId,
        material: &KeyMaterial,
        purpose: KeyPurpose,
        window: KeyWindow,
    ) -> Self {
        // Into keyed states and a digest, and no further.
        let material = material.expose();
        Self {
            id,
            purpose,
            window,
            bytes: material.len(),
            fingerprint: Secret::new(Sha256::digest(material).into()),
            md5: keyed(material),
            sha1: keyed(material),
            sha256: keyed(material),
        }
    }

    /// The key's name.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// Whose key it is.
    pub fn purpose(&self) -> KeyPurpose {
        self.purpose
    }

    /// When it may be used.
    pub fn window(&self) -> KeyWindow {
        self.window
    }

    /// Length of the key, in bytes.
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Never: an empty key is refused when it is read.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Do both hold the same material? For the warning about one key on two sites.
    pub fn same_material(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }

    fn begin(&self, algorithm: MacAlgorithm) -> MacInput {
        MacInput(match algorithm {
            MacAlgorithm::Md5 => State::Md5(self.md5.clone()),
            MacAlgorithm::Sha1 => State::Sha1(self.sha1.clone()),
            MacAlgorithm::Sha256 => State::Sha256(self.sha256.clone()),
        })
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedKey")
            .field("id", &self.id)
            .field("purpose", &self.purpose)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

/// A key in the role that answers yes or no.
#[derive(Clone, Copy, Debug)]
pub struct VerifyingKey<'k>(pub(super) &'k SharedKey);

impl<'k> VerifyingKey<'k> {
    /// The key's name.
    pub fn id(self) -> &'k KeyId {
        &self.0.id
    }

    /// Whose key it is.
    pub fn purpose(self) -> KeyPurpose {
        self.0.purpose
    }

    /// Is `tag` the whole tag of what `write` puts in? Compared in constant time; a shortened
    /// tag is never accepted.
    pub fn verifies(
        self,
        algorithm: MacAlgorithm,
        tag: &[u8],
        write: impl FnOnce(&mut MacInput),
    ) -> bool {
        let mut input = self.0.begin(algorithm);
        write(&mut input);
        match input.0 {
            State::Md5(state) => state.verify_slice(tag).is_ok(),
            State::Sha1(state) => state.verify_slice(tag).is_ok(),
            State::Sha256(state) => state.verify_slice(tag).is_ok(),
        }
    }
}

/// A key in the role that makes tags.
#[derive(Clone, Copy, Debug)]
pub struct SigningKey<'k>(pub(super) &'k SharedKey);

impl<'k> SigningKey<'k> {
    /// The key's name.
    pub fn id(self) -> &'k KeyId {
        &self.0.id
    }

    /// The tag of what `write` puts in.
    pub fn tag(self, algorithm: MacAlgorithm, write: impl FnOnce(&mut MacInput)) -> MacTag {
        let mut input = self.0.begin(algorithm);
        write(&mut input);
        MacTag(match input.0 {
            State::Md5(state) => state.finalize().into_bytes().to_vec(),
            State::Sha1(state) => state.finalize().into_bytes().to_vec(),
            State::Sha256(state) => state.finalize().into_bytes().to_vec(),
        })
    }
}

/// What a MAC is computed over, as it is written piece by piece.
#[derive(Debug)]
pub struct MacInput(State);

#[derive(Debug)]
enum State {
    Md5(Hmac<Md5>),
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
}

impl MacInput {
    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Md5(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
        }
    }
}

/// A tag made by a [`SigningKey`], on its way into a link.
pub struct MacTag(Vec<u8>);

impl fmt::Debug for MacTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::LowerHex for MacTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn keyed<M: KeyInit>(material: &[u8]) -> M {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 3)")]
    M::new_from_slice(material).expect("HMAC takes a key of any length")
}

fn decode_key(hex: &str) -> Result<Vec<u8>, KeyRejection> {
    if hex.is_empty() {
        return Err(KeyRejection::Empty);
    }
    if !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(KeyRejection::NotHex);
    }
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(KeyRejection::OddLength);
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
    pairs
        .iter()
        .map(|[high, low]| {
            u8::try_from(digit(*high) * 16 + digit(*low)).map_err(|_| KeyRejection::NotHex)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(hex: &str) -> Result<SharedKey, KeyRejection> {
        SharedKey::from_hex(KeyId::new("k"), hex, KeyPurpose::Vendor, KeyWindow::default())
    }

    #[test]
    fn rfc_4231_and_rfc_2202_test_case_2() {
        let key = key("4a656665").unwrap();
        let tag = |algorithm| {
            let tag = SigningKey(&key).tag(algorithm, |input| {
                input.write(b"what do ya want ");
                input.write(b"for nothing?");
            });
            format!("{tag:x}")
        };
        assert_eq!(
            tag(MacAlgorithm::Sha256),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(tag(MacAlgorithm::Sha1), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        assert_eq!(tag(MacAlgorithm::Md5), "750c783e6ab0b503eaa86e310a5db738");
    }

    #[test]
    fn only_the_whole_tag_verifies() {
        let key = key("00ff").unwrap();
        let tag = SigningKey(&key).tag(MacAlgorithm::Sha256, |input| input.write(b"x")).0;
        let verifies =
            |tag: &[u8]| VerifyingKey(&key).verifies(MacAlgorithm::Sha256, tag, |i| i.write(b"x"));
        assert!(verifies(&tag));
        assert!(!verifies(&tag[..16]));
        assert!(!verifies(&[]));
        for bit in 0..256 {
            let mut wrong = tag.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(!verifies(&wrong));
        }
    }

    #[test]
    fn what_is_no_key() {
        assert_eq!(key(" \n").unwrap_err(), KeyRejection::Empty);
        assert_eq!(key("abc").unwrap_err(), KeyRejection::OddLength);
        assert_eq!(key("zz").unwrap_err(), KeyRejection::NotHex);
        assert_eq!(key("aB\n").unwrap().len(), 1);
    }

    #[test]
    fn windows_include_both_ends() {
        let at = UnixSeconds::new;
        let window = KeyWindow { not_before: Some(at(10)), not_after: Some(at(20)) };
        for (now, inside) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(window.contains(at(now)), inside, "{now}");
        }
    }

    #[test]
    fn debug_shows_the_name_only() {
        let shown = format!("{:?}", key("deadbeef").unwrap());
        assert!(shown.contains("id: KeyId(\"k\")") && !shown.contains("deadbeef"), "{shown}");
    }

    /// RFC 4231 section 4.3.
    #[test]
    fn a_derived_key_is_a_mac_of_its_purpose() {
        let key = KeyMaterial::new(Secret::new(b"Jefe".to_vec())).unwrap();
        let derived = key.derived("what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(derived.expose()), expected);
    }
}
