//! The patterns of tags: long, random to everybody without the key, and far from one another.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::claims::Derivation;
use super::pattern::WmPattern;
use super::token::PatternSource;

/// What each draw begins with, so that none is one of another purpose.
const BITS_DOMAIN: &[u8] = b"countersign pattern bits\0";
const BIAS_DOMAIN: &[u8] = b"countersign pattern bias\0";

/// Draws, each of a byte, that one HMAC gives.
const BLOCK: usize = 32;

/// How many people may put their copies together and still be found.
///
/// Where two copies differ, those who hold both choose what to show, and can do no better than
/// chance against even bits: each of them keeps about three of four. Three could show at each place
/// what the fewest of them have, which even bits do not survive; uneven ones do (G. Tardos, 2003;
/// with the few steps of K. Nuida and others, 2009, that suit so few people). They cost a single
/// leaker's clip about half again as many segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CodeKind {
    /// Even bits, for up to two.
    TwoCopies,
    /// Uneven bits, for up to four.
    FourCopies,
}

/// A key that gives every tag its pattern, the same each time.
///
/// ```text
/// draw i  byte (i mod 32) of HMAC-SHA-256(key, "countersign pattern bits\0" | tag | i / 32)
/// bit i   1 if draw i is less than the bias of position i, of 256
/// ```
///
/// with `i / 32` as four bytes, big-endian. The bias is 128; or 54 or 202, as the draw for the
/// position (`"countersign pattern bias\0" | i / 32`) is even or odd. A longer pattern begins with
/// the shorter ones of its tag.
#[derive(Clone)]
pub struct PatternKey {
    version: u64,
    kind: CodeKind,
    keyed: Hmac<Sha256>,
}

impl PatternKey {
    /// A key of these bytes, which tokens call by that version (`wmkeyver`).
    pub fn new(version: u64, kind: CodeKind, secret: &Zeroizing<[u8; 32]>) -> Self {
        Self { version, kind, keyed: keyed(secret.as_slice()) }
    }

    /// What it withstands.
    pub fn kind(&self) -> CodeKind {
        self.kind
    }

    /// The pattern of a tag. None if it were to have no bits.
    pub fn pattern(&self, tag: [u8; 16], bits: u16) -> Option<WmPattern> {
        let biases = self.biases(bits);
        self.with_biases(tag, &biases)
    }

    /// The bias of each position: of 256 tags, how many have a 1 there.
    pub(super) fn biases(&self, bits: u16) -> Vec<u8> {
        let bits = usize::from(bits);
        match self.kind {
            CodeKind::TwoCopies => vec![128; bits],
            CodeKind::FourCopies => {
                let draws = self.draws(BIAS_DOMAIN, &[]).take(bits);
                draws.map(|draw| if draw & 1 == 0 { 54 } else { 202 }).collect()
            }
        }
    }

    pub(super) fn with_biases(&self, tag: [u8; 16], biases: &[u8]) -> Option<WmPattern> {
        let draws = self.draws(BITS_DOMAIN, &tag);
        let mut bytes = vec![0_u8; biases.len().div_ceil(8)];
        for (at, (draw, bias)) in draws.zip(biases).enumerate() {
            let byte = bytes.get_mut(at / 8)?;
            *byte |= u8::from(draw < *bias) << (7 - at % 8);
        }
        WmPattern::new(bytes, u16::try_from(biases.len()).ok()?)
    }

    fn draws<'k>(&'k self, domain: &'k [u8], tag: &'k [u8]) -> impl Iterator<Item = u8> + 'k {
        (0_u32..).flat_map(move |block| {
            let keyed = self.keyed.clone().chain_update(domain).chain_update(tag);
            let draws: [u8; BLOCK] =
                keyed.chain_update(block.to_be_bytes()).finalize().into_bytes().into();
            draws
        })
    }
}

/// Derives the patterns of tokens whose `wmid` is a tag in hexadecimal digits.
impl PatternSource for PatternKey {
    fn derive(&self, _vendor: u8, derivation: &Derivation, bits: u16) -> Option<WmPattern> {
        if derivation.key_version != self.version {
            return None;
        }
        let mut tag = [0; 16];
        hex::decode_to_slice(&derivation.id, &mut tag).ok()?;
        self.pattern(tag, bits)
    }
}

impl fmt::Debug for PatternKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatternKey")
            .field("version", &self.version)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104 section 3)")]
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: CodeKind) -> PatternKey {
        PatternKey::new(3, kind, &Zeroizing::new([7; 32]))
    }

    /// Computed apart, by Python's `hmac`: `tests/vectors/make.py`.
    #[test]
    fn the_patterns_are_as_documented() {
        for (kind, expected) in
            [(CodeKind::TwoCopies, "67106f842ab0"), (CodeKind::FourCopies, "77710e9dd110")]
        {
            let pattern = key(kind).pattern([9; 16], 44).unwrap();
            assert_eq!(hex::encode(pattern.bytes()), expected, "{kind:?}");
        }
    }

    #[test]
    fn a_longer_pattern_begins_with_the_shorter() {
        for kind in [CodeKind::TwoCopies, CodeKind::FourCopies] {
            let (short, long) = (key(kind).pattern([1; 16], 100), key(kind).pattern([1; 16], 900));
            let (short, long) = (short.unwrap(), long.unwrap());
            assert!((0..100).all(|at| short.bit(at) == long.bit(at)));
        }
        assert_eq!(key(CodeKind::TwoCopies).pattern([1; 16], 0), None);
    }

    #[test]
    fn ones_are_as_many_as_the_bias_says() {
        for (kind, even) in [(CodeKind::TwoCopies, 128), (CodeKind::FourCopies, 54)] {
            let key = key(kind);
            let biases = key.biases(64);
            let mut ones = [0_u32; 64];
            for tag in 0..2000_u128 {
                let pattern = key.with_biases(tag.to_be_bytes(), &biases).unwrap();
                for (at, ones) in (0..).zip(&mut ones) {
                    *ones += u32::from(pattern.bit(at));
                }
            }
            for (ones, bias) in ones.into_iter().zip(&biases) {
                assert!([even, 256 - even].contains(&u32::from(*bias)));
                let expected = 2000 * u32::from(*bias) / 256;
                // Five standard deviations of the evenest are 112.
                assert!(ones.abs_diff(expected) < 112, "{ones} {bias}");
            }
        }
    }

    #[test]
    fn a_token_with_a_tag_gets_its_pattern() {
        let key = key(CodeKind::TwoCopies);
        let of = |id: &str, key_version| Derivation { id: id.to_owned(), operator: 1, key_version };
        let tag = "09".repeat(16);
        assert_eq!(key.derive(1, &of(&tag, 3), 44), key.pattern([9; 16], 44));
        assert_eq!(key.derive(1, &of(&tag, 4), 44), None, "another key's");
        assert_eq!(key.derive(1, &of("09", 3), 44), None, "no tag");
    }
}
