//! Requests that carry their own signature, as MediaHub's clients make them instead of showing a
//! bearer token (requirement E2).
//!
//! ```text
//! request = target ("?" / "&") "client_id=" id "&expiry_time=" epoch "&signature=" 64hex
//! ```
//!
//! What is signed is the path and query exactly as sent, up to the signature, which stands last:
//! HMAC-SHA256 under the client's secret, Base64-decoded, in lower-case hex (the vendor's
//! link-signing scripts). Neither the host nor the method is covered, and so nothing but GET and HEAD
//! may be asked for so.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::clock::UnixSeconds;
use crate::keyring::{
    KeyId, KeyMaterial, KeyPurpose, KeyWindow, Keyring, MacAlgorithm, SharedKey, SigningKey,
};
use crate::secret::Secret;

const CLIENT: &str = "client_id";
const EXPIRY: &str = "expiry_time";
const SIGNATURE: &str = "signature";

/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 32;

/// A client's secret, in the role that signs requests and checks them.
#[derive(Debug)]
pub struct RequestKey(Keyring);

/// A request that says by whom it was signed. Nothing of it is proven.
#[derive(Debug)]
pub struct SignedRequest<'r> {
    /// Who is to have signed it.
    pub client: Box<str>,
    /// The last second at which it counts.
    pub expiry: UnixSeconds,
    signature: [u8; SIGNATURE_BYTES],
    covered: &'r str,
}

/// Why a request is no signed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRejection {
    /// A parameter is missing.
    #[error("a signed request needs client_id, expiry_time and, last, signature: no {0}")]
    Missing(&'static str),
    /// A parameter is there twice.
    #[error("{0} is there twice")]
    Repeated(&'static str),
    /// The time is no number.
    #[error("expiry_time is no number of seconds since 1970")]
    Expiry,
    /// The signature is none, or does not stand last.
    #[error("signature must be 64 lower-case hexadecimal digits, and stand last")]
    Signature,
}

/// The text is no secret that signs: it is not Base64, or is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret that signs requests is Base64")]
pub struct NotASigningSecret;

impl RequestKey {
    /// The key that a secret stands for.
    pub fn of_secret(secret: &str) -> Result<Self, NotASigningSecret> {
        let bytes = STANDARD.decode(secret.trim()).map(Secret::new);
        let material = bytes.map_err(|_| NotASigningSecret)?;
        let material = KeyMaterial::new(material).map_err(|_| NotASigningSecret)?;
        let id = KeyId::new("client-secret");
        let (purpose, window) = (KeyPurpose::Vendor, KeyWindow::default());
        let key = SharedKey::of_material(id, &material, purpose, window);
        Ok(Self(Keyring::new(vec![key])))
    }

    /// A path and query, signed by that client.
    pub fn sign(&self, target: &str, client: &str, expiry: UnixSeconds) -> String {
        let separator = if target.contains('?') { '&' } else { '?' };
        let mut signed = format!("{target}{separator}{CLIENT}={client}&{EXPIRY}={expiry}");
        if let Some(key) = self.signing(expiry) {
            let tag = key.tag(MacAlgorithm::Sha256, |input| input.write(signed.as_bytes()));
            // Writing to a `String` cannot fail.
            let _ = write!(signed, "&{SIGNATURE}={tag:x}");
        }
        signed
    }

    fn signing(&self, at: UnixSeconds) -> Option<SigningKey<'_>> {
        self.0.signer(at)
    }
}

impl<'r> SignedRequest<'r> {
    /// Reads a path and query as sent. None where nothing says that it was signed.
    pub fn parse(target: &'r str) -> Result<Option<Self>, RequestRejection> {
        let query = target.split_once('?').map_or("", |(_, query)| query);
        let mut client = None;
        let mut expiry = None;
        let mut signature = None;
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (kept, name) = match &*name {
                CLIENT => (&mut client, CLIENT),
                EXPIRY => (&mut expiry, EXPIRY),
                SIGNATURE => (&mut signature, SIGNATURE),
                _ => continue,
            };
            if kept.replace(value).is_some() {
                return Err(RequestRejection::Repeated(name));
            }
        }
        if client.is_none() && signature.is_none() {
            return Ok(None);
        }
        let needed =
            |value: Option<Cow<'r, str>>, name| value.ok_or(RequestRejection::Missing(name));
        let signature = needed(signature, SIGNATURE)?;
        let (client, expiry) = (needed(client, CLIENT)?, needed(expiry, EXPIRY)?);
        let is_plain = expiry.bytes().all(|byte| byte.is_ascii_digit());
        let expiry = expiry.parse().ok().filter(|_| is_plain).ok_or(RequestRejection::Expiry)?;
        let covered = target
            .strip_suffix(&*signature)
            .and_then(|it| it.strip_suffix("&signature="))
            .ok_or(RequestRejection::Signature)?;
        let is_lower = signature.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        let mut bytes = [0; SIGNATURE_BYTES];
        let decoded = hex::decode_to_slice(&*signature, &mut bytes);
        decoded.ok().filter(|()| is_lower).ok_or(RequestRejection::Signature)?;
        let expiry = UnixSeconds::new(expiry);
        Ok(Some(Self { client: client.into(), expiry, signature: bytes, covered }))
    }

    /// Was it signed with that key?
    pub fn is_of(&self, key: &RequestKey) -> bool {
        key.0.verifiers(self.expiry).any(|key| {
            key.verifies(MacAlgorithm::Sha256, &self.signature, |input| {
                input.write(self.covered.as_bytes());
            })
        })
    }

    /// What marks the request among all: the SHA-256 of its signature, as hex.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.signature))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    const END: UnixSeconds = UnixSeconds::new(1_893_456_000);

    fn key(secret: &str) -> RequestKey {
        RequestKey::of_secret(secret).unwrap()
    }

    /// Made with Python's `hmac` and `base64`, as the vendor's script does it:
    /// `hmac.new(base64.b64decode(SECRET), TEXT, hashlib.sha256).hexdigest()`.
    #[test]
    fn a_request_is_signed_as_the_vendors_script_signs_it() {
        let signed = key(SECRET).sign("/v1/files/downloads/?file_id=7&redirect=true", "app_1", END);
        assert_eq!(
            signed,
            "/v1/files/downloads/?file_id=7&redirect=true&client_id=app_1&expiry_time=1893456000\
             &signature=54733ebabfc4954bfe3dfddb2424f14b4c5c7e8b3e295aa52783f7c3cf5455f3"
        );
        let bare = key(SECRET).sign("/files/downloads/", "app_1", END);
        assert!(bare.starts_with("/files/downloads/?client_id=app_1&"), "{bare}");
    }

    #[test]
    fn what_is_missing_twice_or_elsewhere_is_refused() {
        let signed = key(SECRET).sign("/f/?a=1", "app_1", END);
        let parse = |text: &str| SignedRequest::parse(text).map(|it| it.is_some());
        assert_eq!(parse(&signed), Ok(true));
        assert_eq!(parse("/f/?a=1&expiry_time=5"), Ok(false));
        assert_eq!(parse("/f/"), Ok(false));
        let missing = |name| Err(RequestRejection::Missing(name));
        assert_eq!(parse("/f/?client_id=a"), missing(SIGNATURE));
        assert_eq!(parse(&signed.replacen("client_id", "x", 1)), missing(CLIENT));
        assert_eq!(parse(&signed.replacen("expiry_time", "x", 1)), missing(EXPIRY));
        for (name, twice) in [
            (CLIENT, signed.replacen("a=1", "client%5Fid=b", 1)),
            (EXPIRY, signed.replacen("a=1", "expiry_time=9", 1)),
            (SIGNATURE, signed.replacen("a=1", "signature=", 1)),
        ] {
            assert_eq!(parse(&twice), Err(RequestRejection::Repeated(name)), "{twice}");
        }
        let not_last = format!("{signed}&b=2");
        assert_eq!(parse(&not_last), Err(RequestRejection::Signature));
        let (rest, hex) = signed.split_once("&signature=").unwrap();
        for wrong in [
            hex.to_uppercase(),
            hex.replacen(char::is_alphanumeric, "", 1),
            format!("{hex}0"),
            "x".into(),
        ] {
            let text = format!("{rest}&signature={wrong}");
            assert_eq!(parse(&text), Err(RequestRejection::Signature), "{text}");
        }
        let text = format!("{}&signature={hex}", rest.replacen("1893456000", "+5", 1));
        assert_eq!(parse(&text), Err(RequestRejection::Expiry));
        for secret in ["", "not base64!", "====", " "] {
            assert!(RequestKey::of_secret(secret).is_err(), "{secret:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_changed_is_not_signed(
            path in "/[a-z/]{0,12}", query in "([a-z]{1,4}=[a-z0-9%]{0,6}&){0,3}x=1",
            at in any::<prop::sample::Index>(), to in any::<u8>(),
        ) {
            let target = format!("{path}?{query}");
            let signed = key(SECRET).sign(&target, "app_1", END);
            let read = SignedRequest::parse(&signed).unwrap().unwrap();
            prop_assert!(read.is_of(&key(SECRET)));
            prop_assert_eq!((&*read.client, read.expiry), ("app_1", END));
            prop_assert!(!read.is_of(&key("AAEC")));
            let mut bytes = signed.clone().into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(text) = String::from_utf8(bytes)
                && text != signed
                && let Ok(Some(read)) = SignedRequest::parse(&text)
            {
                prop_assert!(!read.is_of(&key(SECRET)), "{}", text);
            }
        }
    }
}
