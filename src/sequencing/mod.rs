//! Sequencing of A/B watermarked segments (ETSI TS 104 002 V1.1.1; requirements K.5).
//!
//! Each segment of a film lies at the origin in two variants, A and B, that look alike; a watermark
//! shows which is which. Every viewer's link has a token with a pattern of bits, and of each segment
//! the viewer is given the variant that the pattern says. Who leaks what was seen leaks the pattern.
//!
//! - A [`TokenChecker`] checks tokens, and [`issue`] makes them: CBOR Web Tokens under HMAC 256/256
//!   or ES256, with the [`WmPattern`] in them: plain, encrypted with a key that both have or for the
//!   key pair of the edge (ECDH-SS+A128KW), or derived by a [`PatternSource`]. A key is for one
//!   algorithm, and a token never chooses another.
//! - Where a segment stands in the pattern, its [`Position`], says the origin ([`PaceInfo`], or
//!   [`pace_box`] within a segment), or the segment's name ([`NamePattern`]). A range that has bytes of
//!   several positions is refused.
//! - [`WmPattern::choose`] is the choice, and [`VariantNames::path`] where that variant is.
//!   [`names_pace`] and [`VariantNames::are_named_in`] tell paths that no viewer may ask for.
//! - A [`PatternKey`] gives every forensic tag a pattern, and a [`Detector`] says whose the bits are
//!   that were decoded from a leaked film: of those that were issued, who fits beyond chance.
//!
//! What puts watermarks into segments, and reads them out of a leaked film, is not here: those are
//! their vendor's. How much a film survives is what they survive.
//!
//! Pure: no I/O and no clock; randomness is handed in. What comes from outside is bounded:
//! [`MOST_TOKEN_BYTES`], [`MOST_SIDECAR_BYTES`], [`MOST_EGRESS_BYTES`], [`MOST_OBSERVED_BYTES`].

mod cbor;
mod claims;
mod code;
mod detect;
mod exchange;
mod keys;
mod naming;
mod pace;
mod pace_box;
mod pattern;
mod refusal;
mod score;
mod sealing;
#[cfg(test)]
mod tests;
mod token;

pub use claims::{Carried, Derivation, SegmentDuration, WmClaims};
pub use code::{CodeKind, PatternKey};
pub use detect::{
    DetectionError, Detector, Finding, GREATEST_CHANCE, MOST_FINDINGS, MOST_OBSERVED_BYTES,
    Observation, Start,
};
pub use exchange::PatternExchangeKey;
pub use keys::{
    Algorithm, FEWEST_SECRET_BYTES, KeyError, PatternCipherKey, SigningKey, VerifyingKey,
};
pub use naming::{
    Counting, NameNumber, NamePattern, NamePatternError, PACE_FOLDER, VariantNames, VariantScheme,
    names_pace, pace_path,
};
pub use pace::{MOST_EGRESS_BYTES, MOST_SIDECAR_BYTES, PaceInfo, PacedTrack};
pub use pace_box::{PaceBox, pace_box};
pub use pattern::{MOST_PATTERN_BITS, Position, Variant, WmPattern};
pub use refusal::{PaceRefusal, RangeRefusal, TokenRefusal};
pub use token::{IssueError, MOST_TOKEN_BYTES, PatternSource, TokenChecker, WmToken, issue};
