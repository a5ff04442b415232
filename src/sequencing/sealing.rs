//! Patterns encrypted within a token: `COSE_Encrypt0` with AES-128 in Galois/Counter Mode, under a
//! key that the edge and the maker of tokens share (RFC 9052, 5.2; RFC 9053, 4.1).

use coset::cbor::value::Value;
use coset::iana::Algorithm as Registered;
use coset::{AsCborValue, CoseEncrypt0, CoseEncrypt0Builder, HeaderBuilder};
use ring::aead::NONCE_LEN;
use ring::rand::SecureRandom;

use super::exchange::{self, PatternExchangeKey};
use super::keys::PatternCipherKey;
use super::refusal::TokenRefusal;
use super::token::key_name;

/// The CBOR tag (RFC 9052, 2).
const ENCRYPT0_TAG: u64 = 16;
const ENCRYPT_TAG: u64 = 96;

/// Opens the value of a `wmpattern` that is not plain bytes.
pub(super) fn open(
    value: Value,
    keys: &[PatternCipherKey],
    pairs: &[PatternExchangeKey],
) -> Result<Vec<u8>, TokenRefusal> {
    // Untagged, the two are told apart by how many parts they have.
    let (message, parts) = if let Value::Tag(tag, message) = value {
        let parts = match tag {
            ENCRYPT0_TAG => 3,
            ENCRYPT_TAG => 4,
            _ => return Err(TokenRefusal::EncryptionNotSupported),
        };
        (*message, Some(parts))
    } else {
        (value, None)
    };
    let found = message.as_array().map_or(0, Vec::len);
    if found == 4 && parts.is_none_or(|parts| parts == found) {
        return exchange::open(message, pairs);
    }
    if found != 3 || parts.is_some_and(|parts| parts != found) {
        return Err(TokenRefusal::EncryptionNotSupported);
    }
    let message =
        CoseEncrypt0::from_cbor_value(message).map_err(|_| TokenRefusal::ClaimMalformed)?;
    let (header, outer) = (&message.protected.header, &message.unprotected);
    if !header.crit.is_empty() || !outer.crit.is_empty() {
        return Err(TokenRefusal::CriticalHeader);
    }
    if header.alg != Some(coset::Algorithm::Assigned(Registered::A128GCM)) {
        return Err(TokenRefusal::EncryptionNotSupported);
    }
    let name = key_name(header, outer);
    let nonce = if header.iv.is_empty() { &outer.iv } else { &header.iv };
    let malformed = || TokenRefusal::ClaimMalformed;
    message.decrypt_ciphertext(&[], malformed, |sealed, aad| {
        let mut keys = keys.iter().filter(|key| key.answers_to(&name));
        keys.find_map(|key| key.open(nonce, aad, sealed)).ok_or(TokenRefusal::DecryptionFailed)
    })
}

/// Encrypts a pattern. None if there is no randomness.
pub(super) fn seal(
    pattern: &[u8],
    key: &PatternCipherKey,
    random: &dyn SecureRandom,
) -> Option<Value> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce).ok()?;
    let header = HeaderBuilder::new().algorithm(Registered::A128GCM).build();
    let outer = HeaderBuilder::new().key_id(key.name().to_vec()).iv(nonce.to_vec()).build();
    let message = CoseEncrypt0Builder::new()
        .protected(header)
        .unprotected(outer)
        .try_create_ciphertext(pattern, &[], |open, aad| key.seal(nonce, aad, open).ok_or(()))
        .ok()?
        .build();
    Some(Value::Tag(ENCRYPT0_TAG, Box::new(message.to_cbor_value().ok()?)))
}
