//! Patterns encrypted for the edge's own key pair: `COSE_Encrypt` with a recipient of
//! ECDH-SS+A128KW (RFC 9052, 5.1; RFC 9053, 5.2 and 6.4).
//!
//! Whoever makes tokens needs the edge's public key only.

use std::fmt;

use aes_kw::KwAes128;
use coset::cbor::value::Value;
use coset::iana::Algorithm as Registered;
use coset::{
    AsCborValue, CborSerializable, CoseEncrypt, CoseKdfContextBuilder, CoseKey, CoseRecipient,
    EncryptionContext, KeyType, Label, Nonce, PartyInfo, PartyInfoBuilder, SuppPubInfo,
    enc_structure_data,
};
use hmac::{Hmac, KeyInit as _, Mac};
use p256::{PublicKey, SecretKey};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keys::{KeyError, PatternCipherKey};
use super::refusal::TokenRefusal;
use super::token::key_name;

/// Header parameters of RFC 9053, tables 15 and 20, and of COSE keys of two coordinates.
const STATIC_KEY: i64 = -2;
const SALT: i64 = -20;
const PARTY_U: [i64; 3] = [-21, -22, -23];
const PARTY_V: [i64; 3] = [-24, -25, -26];
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const P256: i64 = 1;

/// Recipients that are looked at.
const MOST_RECIPIENTS: usize = 8;

/// A key pair of P-256 for which patterns are encrypted.
pub struct PatternExchangeKey {
    name: Option<Box<[u8]>>,
    secret: SecretKey,
}

impl PatternExchangeKey {
    /// A key of the 32 bytes of its private number.
    ///
    /// # Errors
    ///
    /// The number is 0, or too large.
    pub fn new(number: &Zeroizing<[u8; 32]>) -> Result<Self, KeyError> {
        let secret = SecretKey::from_slice(number.as_slice());
        Ok(Self { name: None, secret: secret.map_err(|_| KeyError::NotPrivateKey)? })
    }

    /// The same key, for patterns that call it so (`kid`), or name none.
    #[must_use]
    pub fn named(self, name: impl Into<Box<[u8]>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    fn answers_to(&self, name: &[u8]) -> bool {
        name.is_empty() || self.name.as_deref() == Some(name)
    }

    /// The key of the content that a recipient has; none if it is not this key's.
    fn unwrap(
        &self,
        recipient: &CoseRecipient,
        context: &[u8],
        salt: &[u8],
    ) -> Option<Zeroizing<[u8; 16]>> {
        let sender = static_key(recipient)?;
        let shared = self.secret.diffie_hellman(&sender);
        let wrapping = derived(shared.raw_secret_bytes(), salt, context)?;
        let mut key = Zeroizing::new([0; 16]);
        let wrapping = KwAes128::new_from_slice(wrapping.as_slice()).ok()?;
        wrapping.unwrap_key(recipient.ciphertext.as_ref()?, key.as_mut_slice()).ok()?;
        Some(key)
    }
}

impl fmt::Debug for PatternExchangeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternExchangeKey").finish_non_exhaustive()
    }
}

/// Opens a `COSE_Encrypt`.
pub(super) fn open(message: Value, keys: &[PatternExchangeKey]) -> Result<Vec<u8>, TokenRefusal> {
    let malformed = TokenRefusal::ClaimMalformed;
    let message = CoseEncrypt::from_cbor_value(message).map_err(|_| malformed)?;
    let (header, outer) = (&message.protected.header, &message.unprotected);
    if !header.crit.is_empty() || !outer.crit.is_empty() {
        return Err(TokenRefusal::CriticalHeader);
    }
    if header.alg != Some(coset::Algorithm::Assigned(Registered::A128GCM)) {
        return Err(TokenRefusal::EncryptionNotSupported);
    }
    let nonce = if header.iv.is_empty() { outer.iv.clone() } else { header.iv.clone() };
    let sealed = message.ciphertext.as_ref().ok_or(malformed)?;
    let aad = enc_structure_data(EncryptionContext::CoseEncrypt, message.protected.clone(), &[]);
    let mut refusal = TokenRefusal::EncryptionNotSupported;
    for recipient in message.recipients.iter().take(MOST_RECIPIENTS) {
        let (header, outer) = (&recipient.protected.header, &recipient.unprotected);
        if !header.crit.is_empty() || !outer.crit.is_empty() {
            return Err(TokenRefusal::CriticalHeader);
        }
        if header.alg != Some(coset::Algorithm::Assigned(Registered::ECDH_SS_A128KW)) {
            continue;
        }
        refusal = TokenRefusal::DecryptionFailed;
        let (name, salt) = (key_name(header, outer), parameter(recipient, SALT));
        let context = context(recipient).ok_or(malformed)?;
        let salt = salt.and_then(Value::as_bytes).map(Vec::as_slice).unwrap_or_default();
        for key in keys.iter().filter(|key| key.answers_to(&name)) {
            let opened = key.unwrap(recipient, &context, salt);
            let opened = opened.map(|key| PatternCipherKey::new(&key));
            if let Some(open) = opened.and_then(|key| key.open(&nonce, &aad, sealed)) {
                return Ok(open);
            }
        }
    }
    Err(refusal)
}

/// What the wrapping key is bound to (RFC 9053, 5.2), encoded.
fn context(recipient: &CoseRecipient) -> Option<Vec<u8>> {
    let protected = recipient.protected.clone();
    let public = SuppPubInfo { key_data_length: 128, protected, other: None };
    let context = CoseKdfContextBuilder::new()
        .algorithm(Registered::A128KW)
        .party_u_info(party(recipient, PARTY_U)?)
        .party_v_info(party(recipient, PARTY_V)?)
        .supp_pub_info(public);
    context.build().to_vec().ok()
}

/// What the headers say of one of the two; none if it is not as the standard says.
fn party(recipient: &CoseRecipient, labels: [i64; 3]) -> Option<PartyInfo> {
    let mut party = PartyInfoBuilder::new();
    let [identity, nonce, other] = labels.map(|label| parameter(recipient, label));
    if let Some(identity) = identity {
        party = party.identity(identity.as_bytes()?.clone());
    }
    if let Some(nonce) = nonce {
        party = party.nonce(Nonce::Bytes(nonce.as_bytes()?.clone()));
    }
    if let Some(other) = other {
        party = party.other(other.as_bytes()?.clone());
    }
    Some(party.build())
}

fn parameter(recipient: &CoseRecipient, label: i64) -> Option<&Value> {
    let (header, outer) = (&recipient.protected.header.rest, &recipient.unprotected.rest);
    let found = header.iter().chain(outer).find(|(own, _)| *own == Label::Int(label));
    found.map(|(_, value)| value)
}

/// The key of whoever encrypted it, with both coordinates.
fn static_key(recipient: &CoseRecipient) -> Option<PublicKey> {
    let key = CoseKey::from_cbor_value(parameter(recipient, STATIC_KEY)?.clone()).ok()?;
    let of = |label| {
        let found = key.params.iter().find(|(own, _)| *own == Label::Int(label));
        found.map(|(_, value)| value)
    };
    let ec2 = key.kty == KeyType::Assigned(coset::iana::KeyType::EC2);
    if !ec2 || of(CURVE)?.as_integer() != Some(P256.into()) {
        return None;
    }
    let point = [&[4], of(X)?.as_bytes()?.as_slice(), of(Y)?.as_bytes()?.as_slice()].concat();
    PublicKey::from_sec1_bytes(&point).ok()
}

/// HKDF with SHA-256 (RFC 5869), of which one block is taken.
fn derived(shared: &[u8], salt: &[u8], context: &[u8]) -> Option<Zeroizing<[u8; 16]>> {
    let salt = if salt.is_empty() { &[0; 32] } else { salt };
    let extracted = Hmac::<Sha256>::new_from_slice(salt).ok()?.chain_update(shared).finalize();
    let extracted = Zeroizing::new(<[u8; 32]>::from(extracted.into_bytes()));
    let expanded = Hmac::<Sha256>::new_from_slice(extracted.as_slice()).ok()?;
    let expanded = expanded.chain_update(context).chain_update([1]).finalize().into_bytes();
    expanded.first_chunk().map(|key| Zeroizing::new(*key))
}
