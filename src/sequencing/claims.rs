//! What a watermark token says: the claims of RFC 8392, and those of ETSI TS 104 002, table 1.

use coset::cbor::value::Value;

use super::cbor::{Fields, NotFields, map, unsigned};
use super::pattern::WmPattern;
use super::refusal::TokenRefusal;
use crate::clock::UnixSeconds;

const ISSUER: u16 = 1;
const SUBJECT: u16 = 2;
const AUDIENCE: u16 = 3;
const EXPIRES: u16 = 4;
const NOT_BEFORE: u16 = 5;
const ISSUED: u16 = 6;
const ID: u16 = 7;
const VERSION: u16 = 300;
const VENDOR: u16 = 301;
const PATTERN_BITS: u16 = 302;
const SEGMENT_DURATION: u16 = 303;
const PATTERN: u16 = 304;
const DERIVED_ID: u16 = 305;
const DERIVED_OPERATOR: u16 = 306;
const DERIVED_KEY_VERSION: u16 = 307;

/// The version of the standard's tokens that is read and written (`wmver`).
const TOKEN_VERSION: u8 = 1;

/// The longest text of a claim that is read, in bytes.
const MOST_TEXT_BYTES: usize = 1024;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WmClaims {
    /// Who made it (`iss`).
    pub issuer: Option<String>,
    /// Whose it is (`sub`). Best none, or a number that says nothing of anybody.
    pub subject: Option<String>,
    /// Where it may be used (`aud`); anywhere if empty.
    pub audience: Vec<String>,
    /// From when on it is worth nothing (`exp`).
    pub expires: UnixSeconds,
    /// From when on it may be used (`nbf`).
    pub not_before: Option<UnixSeconds>,
    /// When it was made (`iat`).
    pub issued: UnixSeconds,
    /// Its own number (`cti`).
    pub id: Option<Vec<u8>>,
    /// Whose watermark it is (`wmvnd`), as the registry of the DASH Industry Forum numbers them.
    pub vendor: u8,
    /// How long a segment is (`wmsegduration`), where an origin does not tell positions.
    pub segment: Option<SegmentDuration>,
    /// How many bits the pattern has (`wmpatlen`).
    pub bits: u16,
    /// The pattern itself, or what it is derived from.
    pub carried: Carried,
}

/// How the pattern is in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// As it is, or encrypted for the edge (`wmpattern`).
    Direct(WmPattern),
    /// By what the edge derives it from.
    Indirect(Derivation),
}

/// What a pattern is derived from. How, is the vendor's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derivation {
    /// Whose copy it is (`wmid`).
    pub id: String,
    /// The operator (`wmopid`).
    pub operator: u64,
    /// Which key it is derived with (`wmkeyver`).
    pub key_version: u64,
}

/// The nominal length of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentDuration {
    /// In ticks.
    pub ticks: u64,
    /// Ticks in a second.
    pub scale: u64,
}

/// Claims as they were read: a pattern may still be encrypted.
pub(super) struct ReadClaims {
    pub(super) claims: Unresolved,
    pub(super) pattern: ReadPattern,
}

/// All of [`WmClaims`] but how the pattern is carried.
pub(super) struct Unresolved {
    issuer: Option<String>,
    subject: Option<String>,
    audience: Vec<String>,
    expires: UnixSeconds,
    not_before: Option<UnixSeconds>,
    issued: UnixSeconds,
    id: Option<Vec<u8>>,
    vendor: u8,
    segment: Option<SegmentDuration>,
    bits: u16,
}

/// The pattern as it was read.
pub(super) enum ReadPattern {
    Plain(Vec<u8>),
    Sealed(Value),
    Derived(Derivation),
}

impl Unresolved {
    pub(super) fn vendor(&self) -> u8 {
        self.vendor
    }

    pub(super) fn bits(&self) -> u16 {
        self.bits
    }

    pub(super) fn with(self, carried: Carried) -> WmClaims {
        let Self { issuer, subject, audience, expires, not_before, issued, id, .. } = self;
        let Self { vendor, segment, bits, .. } = self;
        WmClaims {
            issuer,
            subject,
            audience,
            expires,
            not_before,
            issued,
            id,
            vendor,
            segment,
            bits,
            carried,
        }
    }
}

/// Reads the payload of a token.
pub(super) fn read(payload: Value) -> Result<ReadClaims, TokenRefusal> {
    let mut fields = Fields::of(payload).map_err(|refusal| match refusal {
        NotFields::Malformed => TokenRefusal::Malformed,
        NotFields::Repeated => TokenRefusal::ClaimRepeated,
    })?;
    let expires = fields.take(EXPIRES).ok_or(TokenRefusal::MissingExpiry)?;
    let issued = fields.take(ISSUED).ok_or(TokenRefusal::MissingIssued)?;
    let mut needed = |key| fields.take(key).ok_or(TokenRefusal::MissingWatermarkClaim);
    let (version, vendor, bits) = (needed(VERSION)?, needed(VENDOR)?, needed(PATTERN_BITS)?);
    if claim(unsigned::<u64>(&version))? != u64::from(TOKEN_VERSION) {
        return Err(TokenRefusal::UnknownVersion);
    }
    let pattern = read_pattern(&mut fields)?;
    let claims = Unresolved {
        issuer: fields.take(ISSUER).map(text).transpose()?,
        subject: fields.take(SUBJECT).map(text).transpose()?,
        audience: fields.take(AUDIENCE).map(audience).transpose()?.unwrap_or_default(),
        expires: instant(&expires, f64::floor)?,
        not_before: fields.take(NOT_BEFORE).map(|at| instant(&at, f64::ceil)).transpose()?,
        issued: instant(&issued, f64::ceil)?,
        id: fields.take(ID).map(bytes).transpose()?,
        vendor: claim(unsigned(&vendor))?,
        segment: fields.take(SEGMENT_DURATION).map(duration).transpose()?,
        bits: claim(unsigned(&bits))?,
    };
    Ok(ReadClaims { claims, pattern })
}

/// The payload of a token, deterministically encoded. `sealed` stands in for a direct pattern.
pub(super) fn write(claims: &WmClaims, sealed: Option<Value>) -> Value {
    let mut fields = vec![
        (EXPIRES, claims.expires.get().into()),
        (ISSUED, claims.issued.get().into()),
        (VERSION, TOKEN_VERSION.into()),
        (VENDOR, claims.vendor.into()),
        (PATTERN_BITS, claims.bits.into()),
    ];
    let texts = [(ISSUER, &claims.issuer), (SUBJECT, &claims.subject)];
    fields.extend(texts.into_iter().filter_map(|(key, text)| Some((key, text.clone()?.into()))));
    fields.extend(claims.not_before.map(|at| (NOT_BEFORE, at.get().into())));
    fields.extend(claims.id.clone().map(|id| (ID, id.into())));
    match claims.audience.as_slice() {
        [] => {}
        [one] => fields.push((AUDIENCE, one.clone().into())),
        several => {
            let several = several.iter().map(|one| one.clone().into()).collect();
            fields.push((AUDIENCE, Value::Array(several)));
        }
    }
    fields.extend(claims.segment.map(|segment| {
        (SEGMENT_DURATION, Value::Array(vec![segment.ticks.into(), segment.scale.into()]))
    }));
    match &claims.carried {
        Carried::Direct(pattern) => {
            fields.push((PATTERN, sealed.unwrap_or_else(|| pattern.bytes().to_vec().into())));
        }
        Carried::Indirect(Derivation { id, operator, key_version }) => fields.extend([
            (DERIVED_ID, id.clone().into()),
            (DERIVED_OPERATOR, (*operator).into()),
            (DERIVED_KEY_VERSION, (*key_version).into()),
        ]),
    }
    map(fields)
}

fn read_pattern(fields: &mut Fields) -> Result<ReadPattern, TokenRefusal> {
    let derived = [DERIVED_ID, DERIVED_OPERATOR, DERIVED_KEY_VERSION].map(|key| fields.take(key));
    match (fields.take(PATTERN), derived) {
        (Some(Value::Bytes(bytes)), [None, None, None]) => Ok(ReadPattern::Plain(bytes)),
        (Some(sealed @ (Value::Array(_) | Value::Tag(..))), [None, None, None]) => {
            Ok(ReadPattern::Sealed(sealed))
        }
        (Some(_), [None, None, None]) => Err(TokenRefusal::ClaimMalformed),
        (None, [Some(id), Some(operator), Some(key_version)]) => {
            Ok(ReadPattern::Derived(Derivation {
                id: text(id)?,
                operator: claim(unsigned(&operator))?,
                key_version: claim(unsigned(&key_version))?,
            }))
        }
        _ => Err(TokenRefusal::MissingPattern),
    }
}

fn claim<T>(read: Option<T>) -> Result<T, TokenRefusal> {
    read.ok_or(TokenRefusal::ClaimMalformed)
}

fn text(value: Value) -> Result<String, TokenRefusal> {
    claim(value.into_text().ok().filter(|text| text.len() <= MOST_TEXT_BYTES))
}

fn bytes(value: Value) -> Result<Vec<u8>, TokenRefusal> {
    claim(value.into_bytes().ok().filter(|bytes| bytes.len() <= MOST_TEXT_BYTES))
}

fn audience(value: Value) -> Result<Vec<String>, TokenRefusal> {
    match value.into_array() {
        Ok(several) => several.into_iter().map(text).collect(),
        Err(one) => Ok(vec![text(one)?]),
    }
}

fn duration(value: Value) -> Result<SegmentDuration, TokenRefusal> {
    let Value::Array(parts) = value else { return Err(TokenRefusal::ClaimMalformed) };
    let [ticks, scale] = parts.as_slice() else { return Err(TokenRefusal::ClaimMalformed) };
    let (ticks, scale) = (claim(unsigned(ticks))?, claim(unsigned(scale))?);
    claim((ticks > 0 && scale > 0).then_some(SegmentDuration { ticks, scale }))
}

/// An instant; a fraction is rounded to the side on which the token is worth less.
fn instant(value: &Value, round: fn(f64) -> f64) -> Result<UnixSeconds, TokenRefusal> {
    if let Value::Float(seconds) = value {
        let whole = round(*seconds);
        // Up to 2^53, where every whole number is one of these.
        return claim((0.0..=9_007_199_254_740_992.0).contains(&whole).then(|| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, and within 0 and 2^53"
            )]
            UnixSeconds::new(whole as u64)
        }));
    }
    claim(unsigned(value)).map(UnixSeconds::new)
}
