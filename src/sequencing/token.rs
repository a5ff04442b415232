//! Watermark tokens: CBOR Web Tokens (RFC 8392) in base64url, checked and made.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use coset::cbor::value::Value;
use coset::iana::Algorithm as Registered;
use coset::{
    AsCborValue, CborSerializable, CoseMac0, CoseMac0Builder, CoseSign1, CoseSign1Builder, Header,
    HeaderBuilder, MacContext, SignatureContext, mac_structure_data, sig_structure_data,
};
use ring::rand::SecureRandom;

use super::cbor;
use super::claims::{self, Carried, Derivation, ReadPattern, WmClaims};
use super::exchange::PatternExchangeKey;
use super::keys::{Algorithm, PatternCipherKey, SigningKey, VerifyingKey};
use super::pattern::WmPattern;
use super::refusal::TokenRefusal;
use super::sealing;
use crate::clock::UnixSeconds;

/// The longest text of a token that is read, in bytes: a pattern of the greatest length, encrypted,
/// with room for the other claims.
pub const MOST_TOKEN_BYTES: usize = 13_000;

/// The CBOR tags (RFC 8392, 6; RFC 9052, 2).
const CWT_TAG: u64 = 61;
const MAC0_TAG: u64 = 17;
const SIGN1_TAG: u64 = 18;

/// Written without padding; read with or without, as the standard leaves it open.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who derives patterns for tokens that have none in them.
pub trait PatternSource: fmt::Debug + Send + Sync {
    /// The pattern of so many bits, for what a verified token of that vendor says. None if it
    /// derives none for it.
    fn derive(&self, vendor: u8, derivation: &Derivation, bits: u16) -> Option<WmPattern>;
}

/// What tokens are checked with.
#[derive(Debug, Default)]
pub struct TokenChecker {
    /// The keys of those who make tokens.
    pub keys: Vec<VerifyingKey>,
    /// The keys of encrypted patterns.
    pub ciphers: Vec<PatternCipherKey>,
    /// The key pairs for which patterns are encrypted.
    pub exchanges: Vec<PatternExchangeKey>,
    /// Who is asked for patterns that tokens do not have, in that order.
    pub sources: Vec<Box<dyn PatternSource>>,
    /// Who must have made tokens (`iss`); anybody who has a key, if none.
    pub issuer: Option<String>,
    /// What tokens for here call this place (`aud`). Without it, a token that has an audience is
    /// for somewhere else.
    pub audience: Option<String>,
    /// By how many seconds the clocks of those who make tokens may be wrong.
    pub leeway: u64,
}

/// A token that a key here made, and that is valid now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WmToken {
    claims: WmClaims,
    pattern: WmPattern,
}

impl WmToken {
    /// What it says.
    pub fn claims(&self) -> &WmClaims {
        &self.claims
    }

    /// The pattern in it, or derived from it.
    pub fn pattern(&self) -> &WmPattern {
        &self.pattern
    }
}

/// Why no token is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The length of the pattern is not the one stated.
    #[error("the pattern has another length than stated")]
    PatternLength,
    /// There was no randomness, or nothing could be encrypted or signed.
    #[error("the token cannot be signed")]
    Unsigned,
    /// It would be longer than [`MOST_TOKEN_BYTES`].
    #[error("the token would be too long")]
    TooLong,
}

/// A message with its proof, before anybody looked whether it is right.
struct Unproven {
    algorithm: Algorithm,
    key: Vec<u8>,
    signed: Vec<u8>,
    proof: Vec<u8>,
    payload: Vec<u8>,
}

impl TokenChecker {
    /// Checks a token.
    ///
    /// The key is asked first: nothing of the claims is looked at before the signature was found
    /// right, by a key for the algorithm that the token names in its protected header.
    ///
    /// # Errors
    ///
    /// The first of the checks that it does not pass.
    pub fn check(&self, text: &[u8], now: UnixSeconds) -> Result<WmToken, TokenRefusal> {
        if text.len() > MOST_TOKEN_BYTES {
            return Err(TokenRefusal::TooLong);
        }
        let bytes = BASE64URL.decode(text).map_err(|_| TokenRefusal::Malformed)?;
        let message = cbor::read(&bytes).ok_or(TokenRefusal::Malformed)?;
        let unproven = Unproven::read(message)?;
        let makers = self.makers(&unproven)?;
        let payload = cbor::read(&unproven.payload).ok_or(TokenRefusal::Malformed)?;
        let read = claims::read(payload)?;
        let (vendor, bits) = (read.claims.vendor(), read.claims.bits());
        if !makers.iter().any(|key| key.is_for(vendor)) {
            return Err(TokenRefusal::WrongContext);
        }
        let (pattern, carried) = match read.pattern {
            ReadPattern::Plain(bytes) => direct(bytes, bits)?,
            ReadPattern::Sealed(sealed) => {
                direct(sealing::open(sealed, &self.ciphers, &self.exchanges)?, bits)?
            }
            ReadPattern::Derived(derivation) => {
                let pattern = self
                    .sources
                    .iter()
                    .find_map(|source| source.derive(vendor, &derivation, bits))
                    .ok_or(TokenRefusal::UnknownDerivation)?;
                (pattern, Carried::Indirect(derivation))
            }
        };
        if pattern.bits() != bits {
            return Err(TokenRefusal::PatternLength);
        }
        let claims = read.claims.with(carried);
        self.is_for_here(&claims)?;
        self.is_for_now(&claims, now)?;
        Ok(WmToken { claims, pattern })
    }

    /// The keys that made it: several, if one key is there for several vendors.
    fn makers(&self, unproven: &Unproven) -> Result<Vec<&VerifyingKey>, TokenRefusal> {
        let mut keys: Vec<_> = self.keys.iter().collect();
        keys.retain(|key| key.algorithm() == unproven.algorithm);
        if keys.is_empty() {
            return Err(TokenRefusal::AlgorithmNotAccepted);
        }
        keys.retain(|key| key.answers_to(&unproven.key));
        if keys.is_empty() {
            return Err(TokenRefusal::UnknownKey);
        }
        keys.retain(|key| key.made(&unproven.proof, &unproven.signed));
        if keys.is_empty() {
            return Err(TokenRefusal::BadSignature);
        }
        Ok(keys)
    }

    fn is_for_here(&self, claims: &WmClaims) -> Result<(), TokenRefusal> {
        let issuer = self.issuer.is_none() || self.issuer == claims.issuer;
        let audience = match &self.audience {
            Some(own) => claims.audience.contains(own),
            None => claims.audience.is_empty(),
        };
        if issuer && audience { Ok(()) } else { Err(TokenRefusal::WrongContext) }
    }

    fn is_for_now(&self, claims: &WmClaims, now: UnixSeconds) -> Result<(), TokenRefusal> {
        if now >= claims.expires.plus(self.leeway) {
            return Err(TokenRefusal::Expired);
        }
        let latest = now.plus(self.leeway);
        if claims.issued > latest {
            return Err(TokenRefusal::IssuedInFuture);
        }
        if claims.not_before.is_some_and(|from| from > latest) {
            return Err(TokenRefusal::NotYetValid);
        }
        Ok(())
    }
}

impl Unproven {
    fn read(message: Value) -> Result<Self, TokenRefusal> {
        let message = if let Value::Tag(CWT_TAG, inner) = message { *inner } else { message };
        let Value::Tag(tag, message) = message else { return Err(TokenRefusal::Malformed) };
        let malformed = |_| TokenRefusal::Malformed;
        match tag {
            MAC0_TAG => {
                let message = CoseMac0::from_cbor_value(*message).map_err(malformed)?;
                let (header, outer) = (&message.protected.header, &message.unprotected);
                named(header, outer, Registered::HMAC_256_256)?;
                let key = key_name(header, outer);
                let payload = message.payload.ok_or(TokenRefusal::Malformed)?;
                let context = MacContext::CoseMac0;
                let signed = mac_structure_data(context, message.protected, &[], &payload);
                let algorithm = Algorithm::Hmac256;
                Ok(Self { algorithm, key, signed, proof: message.tag, payload })
            }
            SIGN1_TAG => {
                let message = CoseSign1::from_cbor_value(*message).map_err(malformed)?;
                let (header, outer) = (&message.protected.header, &message.unprotected);
                named(header, outer, Registered::ES256)?;
                let key = key_name(header, outer);
                let payload = message.payload.ok_or(TokenRefusal::Malformed)?;
                let context = SignatureContext::CoseSign1;
                let signed = sig_structure_data(context, message.protected, None, &[], &payload);
                let algorithm = Algorithm::Es256;
                Ok(Self { algorithm, key, signed, proof: message.signature, payload })
            }
            _ => Err(TokenRefusal::Malformed),
        }
    }
}

/// Makes a token. With a `seal`, the pattern in it is encrypted under that key.
///
/// The same claims give the same token with an HMAC key and no seal.
///
/// # Errors
///
/// The pattern has not the stated length, or nothing can be signed, or it is too long.
pub fn issue(
    claims: &WmClaims,
    key: &SigningKey,
    seal: Option<&PatternCipherKey>,
    random: &dyn SecureRandom,
) -> Result<String, IssueError> {
    let sealed = match &claims.carried {
        Carried::Direct(pattern) if pattern.bits() != claims.bits => {
            return Err(IssueError::PatternLength);
        }
        Carried::Direct(pattern) => {
            let seal = seal.map(|seal| sealing::seal(pattern.bytes(), seal, random));
            seal.map(|sealed| sealed.ok_or(IssueError::Unsigned)).transpose()?
        }
        Carried::Indirect(_) => None,
    };
    let unsigned = |_| IssueError::Unsigned;
    let payload = claims::write(claims, sealed).to_vec().map_err(unsigned)?;
    let outer = HeaderBuilder::new().key_id(key.name().to_vec()).build();
    let prove = |signed: &[u8]| key.prove(signed, random).ok_or(IssueError::Unsigned);
    let (tag, message) = match key.algorithm() {
        Algorithm::Hmac256 => {
            let header = HeaderBuilder::new().algorithm(Registered::HMAC_256_256).build();
            let message = CoseMac0Builder::new().protected(header).unprotected(outer);
            let message = message.payload(payload).try_create_tag(&[], prove)?;
            (MAC0_TAG, message.build().to_cbor_value())
        }
        Algorithm::Es256 => {
            let header = HeaderBuilder::new().algorithm(Registered::ES256).build();
            let message = CoseSign1Builder::new().protected(header).unprotected(outer);
            let message = message.payload(payload).try_create_signature(&[], prove)?;
            (SIGN1_TAG, message.build().to_cbor_value())
        }
    };
    let message = Value::Tag(tag, Box::new(message.map_err(unsigned)?));
    let message = Value::Tag(CWT_TAG, Box::new(message)).to_vec().map_err(unsigned)?;
    let text = BASE64URL.encode(message);
    if text.len() > MOST_TOKEN_BYTES { Err(IssueError::TooLong) } else { Ok(text) }
}

fn direct(bytes: Vec<u8>, bits: u16) -> Result<(WmPattern, Carried), TokenRefusal> {
    let pattern = WmPattern::new(bytes, bits).ok_or(TokenRefusal::PatternLength)?;
    Ok((pattern.clone(), Carried::Direct(pattern)))
}

/// Whether the protected header names that algorithm, and nothing that nobody understands.
fn named(header: &Header, outer: &Header, wanted: Registered) -> Result<(), TokenRefusal> {
    if !header.crit.is_empty() || !outer.crit.is_empty() {
        return Err(TokenRefusal::CriticalHeader);
    }
    if header.alg == Some(coset::Algorithm::Assigned(wanted)) {
        return Ok(());
    }
    Err(TokenRefusal::AlgorithmNotAccepted)
}

/// What the message calls its key; the protected header is asked first.
pub(super) fn key_name(header: &Header, outer: &Header) -> Vec<u8> {
    if header.key_id.is_empty() { outer.key_id.clone() } else { header.key_id.clone() }
}
