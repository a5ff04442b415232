//! The keys of watermark tokens, each for one algorithm only.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING};
use ring::signature::{EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The fewest bytes of a secret for HMAC 256/256: as many as it gives (RFC 9053, 3.1).
pub const FEWEST_SECRET_BYTES: usize = 32;

/// How a token is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA over P-256 with SHA-256, in a `COSE_Sign1`.
    Es256,
    /// HMAC with SHA-256, whole, in a `COSE_Mac0`.
    Hmac256,
}

/// A key that tokens are checked with.
#[derive(Clone)]
pub struct VerifyingKey {
    /// What tokens call it; none for the key of tokens that name none.
    name: Option<Box<[u8]>>,
    /// The vendor it is for (`wmvnd`); none for any.
    vendor: Option<u8>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Hmac(Hmac<Sha256>),
    Es256(UnparsedPublicKey<Box<[u8]>>),
}

/// A key that tokens are made with.
pub struct SigningKey {
    name: Option<Box<[u8]>>,
    material: SigningMaterial,
}

enum SigningMaterial {
    Hmac(Hmac<Sha256>),
    Es256(Box<EcdsaKeyPair>),
}

/// A key that encrypts the pattern within a token (A128GCM, in a `COSE_Encrypt0`).
pub struct PatternCipherKey {
    name: Option<Box<[u8]>>,
    key: LessSafeKey,
}

/// Bytes that are no key of their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret is shorter than [`FEWEST_SECRET_BYTES`].
    #[error("the secret is shorter than 32 bytes")]
    ShortSecret,
    /// It is not a point of P-256, uncompressed: 65 bytes, the first 4.
    #[error("not an uncompressed public key of P-256")]
    NotPublicKey,
    /// It is not a PKCS #8 document of a private key of P-256.
    #[error("not a private key of P-256 in PKCS #8")]
    NotPrivateKey,
}

impl VerifyingKey {
    /// A key for HMAC 256/256.
    ///
    /// # Errors
    ///
    /// The secret is too short.
    pub fn hmac(secret: &Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        Ok(Self { name: None, vendor: None, material: Material::Hmac(keyed(secret)?) })
    }

    /// A key for ES256, of the public point (65 bytes).
    ///
    /// # Errors
    ///
    /// It has not the form of such a point. Whether it lies on the curve is seen at the first
    /// signature, which it then refuses.
    pub fn es256(point: &[u8]) -> Result<Self, KeyError> {
        if point.len() != 65 || point.first() != Some(&4) {
            return Err(KeyError::NotPublicKey);
        }
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.into());
        Ok(Self { name: None, vendor: None, material: Material::Es256(key) })
    }

    /// The same key, for tokens that call it so (`kid`), or name none.
    #[must_use]
    pub fn named(self, name: impl Into<Box<[u8]>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same key, for tokens of that vendor only.
    #[must_use]
    pub fn for_vendor(self, vendor: u8) -> Self {
        Self { vendor: Some(vendor), ..self }
    }

    /// What it is for.
    pub fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Hmac(_) => Algorithm::Hmac256,
            Material::Es256(_) => Algorithm::Es256,
        }
    }

    pub(super) fn answers_to(&self, name: &[u8]) -> bool {
        name.is_empty() || self.name.as_deref() == Some(name)
    }

    pub(super) fn is_for(&self, vendor: u8) -> bool {
        self.vendor.is_none_or(|own| own == vendor)
    }

    /// Whether it made this tag or signature over these bytes. Tags are compared in constant time.
    pub(super) fn made(&self, proof: &[u8], signed: &[u8]) -> bool {
        match &self.material {
            Material::Hmac(keyed) => keyed.clone().chain_update(signed).verify_slice(proof).is_ok(),
            Material::Es256(key) => key.verify(signed, proof).is_ok(),
        }
    }
}

impl SigningKey {
    /// A key for HMAC 256/256.
    ///
    /// # Errors
    ///
    /// The secret is too short.
    pub fn hmac(secret: &Zeroizing<Vec<u8>>) -> Result<Self, KeyError> {
        Ok(Self { name: None, material: SigningMaterial::Hmac(keyed(secret)?) })
    }

    /// A key for ES256, of a PKCS #8 document.
    ///
    /// # Errors
    ///
    /// It is no private key of P-256.
    pub fn es256(pkcs8: &[u8], random: &dyn SecureRandom) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, random)
            .map_err(|_| KeyError::NotPrivateKey)?;
        Ok(Self { name: None, material: SigningMaterial::Es256(Box::new(pair)) })
    }

    /// The same key, named so in the tokens it makes (`kid`).
    #[must_use]
    pub fn named(self, name: impl Into<Box<[u8]>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// What its tokens are checked with.
    pub fn verifying(&self) -> VerifyingKey {
        let material = match &self.material {
            SigningMaterial::Hmac(keyed) => Material::Hmac(keyed.clone()),
            SigningMaterial::Es256(pair) => Material::Es256(UnparsedPublicKey::new(
                &ECDSA_P256_SHA256_FIXED,
                pair.public_key().as_ref().into(),
            )),
        };
        VerifyingKey { name: self.name.clone(), vendor: None, material }
    }

    pub(super) fn name(&self) -> &[u8] {
        self.name.as_deref().unwrap_or_default()
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            SigningMaterial::Hmac(_) => Algorithm::Hmac256,
            SigningMaterial::Es256(_) => Algorithm::Es256,
        }
    }

    pub(super) fn prove(&self, signed: &[u8], random: &dyn SecureRandom) -> Option<Vec<u8>> {
        match &self.material {
            SigningMaterial::Hmac(keyed) => {
                Some(keyed.clone().chain_update(signed).finalize().into_bytes().to_vec())
            }
            SigningMaterial::Es256(pair) => {
                pair.sign(random, signed).ok().map(|signature| signature.as_ref().to_vec())
            }
        }
    }
}

impl PatternCipherKey {
    /// A key of these 16 bytes.
    pub fn new(secret: &Zeroizing<[u8; 16]>) -> Self {
        Self { name: None, key: LessSafeKey::new(unbound(secret)) }
    }

    /// The same key, for patterns that call it so (`kid`), or name none.
    #[must_use]
    pub fn named(self, name: impl Into<Box<[u8]>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    pub(super) fn name(&self) -> &[u8] {
        self.name.as_deref().unwrap_or_default()
    }

    pub(super) fn answers_to(&self, name: &[u8]) -> bool {
        name.is_empty() || self.name.as_deref() == Some(name)
    }

    pub(super) fn seal(&self, nonce: [u8; NONCE_LEN], aad: &[u8], open: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = open.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(aad), &mut bytes).ok()?;
        Some(bytes)
    }

    pub(super) fn open(&self, nonce: &[u8], aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = sealed.to_vec();
        self.key.open_in_place(nonce, Aad::from(aad), &mut bytes).ok().map(|open| open.to_vec())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm())
            .field("vendor", &self.vendor)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("algorithm", &self.algorithm()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PatternCipherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternCipherKey").finish_non_exhaustive()
    }
}

fn keyed(secret: &[u8]) -> Result<Hmac<Sha256>, KeyError> {
    if secret.len() < FEWEST_SECRET_BYTES {
        return Err(KeyError::ShortSecret);
    }
    Hmac::new_from_slice(secret).map_err(|_| KeyError::ShortSecret)
}

fn unbound(secret: &[u8; 16]) -> UnboundKey {
    #[expect(clippy::expect_used, reason = "AES-128 takes every key of 16 bytes")]
    UnboundKey::new(&AES_128_GCM, secret).expect("16 bytes are a key")
}
