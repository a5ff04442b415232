//! What messages are signed with, and how: Standard Webhooks, "Signature scheme", symmetric.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::UnixSeconds;
use crate::control_plane::record::{WebhookMessageId, chance};
use crate::keyring::{KeyMaterial, KeyRejection};
use crate::secret::Secret;

/// What a secret begins with, by which scanners for leaked secrets know it.
const PREFIX: &str = "whsec_";

/// What a signature begins with.
const VERSION: &str = "v1,";

/// A secret that signs a webhook's messages. Its holder sees it once.
#[derive(Debug)]
pub struct SigningSecret(KeyMaterial);

impl SigningSecret {
    /// A new one, of 256 random bits. Fails only where the system has no random numbers.
    pub fn random() -> Result<Self, getrandom::Error> {
        let bits = Secret::new(chance::<32>()?);
        // Into the key, and no further. That many bytes are one.
        let material = KeyMaterial::new(Secret::new(bits.expose().to_vec()));
        material.map(Self).map_err(|_: KeyRejection| getrandom::Error::UNEXPECTED)
    }

    /// The key.
    pub fn material(&self) -> &KeyMaterial {
        &self.0
    }

    /// The text, for the one answer that shows it.
    pub fn reveal(&self) -> Secret<String> {
        let mut text = PREFIX.to_owned();
        STANDARD.encode_string(self.0.expose(), &mut text);
        Secret::new(text)
    }
}

/// The header `webhook-signature` of a message: one signature for each key, so that a receiver which
/// knows only one of two finds its own.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 2)")]
pub(super) fn signature(
    keys: &[KeyMaterial],
    message: &WebhookMessageId,
    at: UnixSeconds,
    body: &str,
) -> String {
    let signed = |key: &KeyMaterial| {
        // Into the MAC, and no further.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("any length is one");
        for part in [message.as_str(), ".", &at.to_string(), ".", body] {
            mac.update(part.as_bytes());
        }
        format!("{VERSION}{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    keys.iter().map(signed).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of requirements, part J; its id is of no form that ours have.
    #[test]
    fn the_vector_of_the_requirements_is_signed_so() {
        let key = STANDARD.decode("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB").unwrap();
        let key = KeyMaterial::new(Secret::new(key)).unwrap();
        let body =
            r#"{"type":"share.download.completed","timestamp":"2030-01-01T00:00:00Z","data":{}}"#;
        let at = UnixSeconds::new(1_893_456_000);
        let message = WebhookMessageId::of_vector();
        let expected = "v1,Rcv6hsMOUFBbx8LAIXval2qFj80AWzWfeb2ppLmjg2A=";
        assert_eq!(signature(std::slice::from_ref(&key), &message, at, body), expected);
        let two = signature(&[key.clone(), key], &message, at, body);
        assert_eq!(two, format!("{expected} {expected}"));
    }

    #[test]
    fn secrets_differ_and_are_not_printed() {
        let (one, other) = (SigningSecret::random().unwrap(), SigningSecret::random().unwrap());
        let text = one.reveal().expose().clone();
        assert_ne!(text, *other.reveal().expose());
        let decoded = STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap();
        // Standard Webhooks: from 24 to 64 bytes.
        assert_eq!(decoded.len(), 32);
        assert!(!format!("{one:?}").contains(text.trim_start_matches("whsec_")), "{one:?}");
    }
}
