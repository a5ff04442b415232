//! The pattern of a token, and which variant its bits choose.

use std::fmt;

/// The longest pattern, in bits: `wmpatlen` has two bytes.
pub const MOST_PATTERN_BITS: u32 = 65_535;

/// The bits that choose the variants of one viewer's segments.
///
/// Position 0 is the highest bit of the first byte (ETSI TS 104 002, 5.4): of `0A0B0C0D`, position
/// 3 is 0, and position 4 is 1. What is past the stated length in the last byte is not looked at.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct WmPattern {
    bytes: Box<[u8]>,
    bits: u16,
}

/// Where a segment stands in the pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Position {
    /// -1: the segment is not watermarked.
    Unmarked,
    /// The index, from 0; one past the pattern's end goes on from its start.
    At(u64),
}

/// One of the two versions of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variant {
    /// Shows a 0; also the one for what is not watermarked.
    A,
    /// Shows a 1.
    B,
}

impl WmPattern {
    /// A pattern of so many bits. None if there are none, or the bytes are not just as many as the
    /// bits need.
    pub fn new(bytes: impl Into<Box<[u8]>>, bits: u16) -> Option<Self> {
        let bytes = bytes.into();
        (bits > 0 && bytes.len() == usize::from(bits.div_ceil(8))).then_some(Self { bytes, bits })
    }

    /// How many bits it has, which is never 0.
    pub fn bits(&self) -> u16 {
        self.bits
    }

    /// The bytes, the highest bit of the first being position 0.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bit at an index, taken modulo the length.
    pub fn bit(&self, index: u64) -> bool {
        let index = index % u64::from(self.bits.max(1));
        let byte = usize::try_from(index / 8).ok().and_then(|at| self.bytes.get(at));
        byte.is_some_and(|byte| byte & (0x80 >> (index % 8)) != 0)
    }

    /// The variant for a segment at that position.
    pub fn choose(&self, position: Position) -> Variant {
        match position {
            Position::At(index) if self.bit(index) => Variant::B,
            Position::At(_) | Position::Unmarked => Variant::A,
        }
    }
}

/// Says the length only: who knows a pattern can put its owner in the wrong.
impl fmt::Debug for WmPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WmPattern").field("bits", &self.bits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the standard, written out by hand.
    #[test]
    fn bits_are_counted_from_the_highest_of_the_first_byte() {
        let pattern = WmPattern::new([0x0a, 0x0b, 0x0c, 0x0d], 32).unwrap();
        assert_eq!(pattern.choose(Position::At(3)), Variant::A);
        assert_eq!(pattern.choose(Position::At(4)), Variant::B);
        let shown: String = (0..32).map(|at| if pattern.bit(at) { '1' } else { '0' }).collect();
        assert_eq!(shown, "00001010000010110000110000001101");
    }

    #[test]
    fn an_unmarked_segment_is_variant_a_whatever_the_pattern() {
        let pattern = WmPattern::new([0xff], 8).unwrap();
        assert_eq!(pattern.choose(Position::Unmarked), Variant::A);
        assert_eq!(pattern.choose(Position::At(0)), Variant::B);
    }

    #[test]
    fn positions_past_the_end_go_on_from_the_start() {
        let pattern = WmPattern::new([0b1100_0000, 0b0001_1111], 12).unwrap();
        for (at, expected) in [(0, true), (11, true), (12, true), (13, true), (14, false)] {
            assert_eq!(pattern.bit(at), expected, "{at}");
        }
        assert_eq!(pattern.bit(u64::MAX), pattern.bit(u64::MAX % 12));
    }

    #[test]
    fn bytes_must_be_as_many_as_the_bits_need() {
        for (bytes, bits, right) in
            [(0, 0, false), (1, 0, false), (1, 1, true), (1, 8, true), (1, 9, false), (2, 9, true)]
        {
            assert_eq!(WmPattern::new(vec![0; bytes], bits).is_some(), right, "{bytes} {bits}");
        }
        assert!(WmPattern::new(vec![0; 8192], u16::MAX).is_some());
    }

    #[test]
    fn debug_hides_the_bits() {
        let shown = format!("{:?}", WmPattern::new([0x0a], 8).unwrap());
        assert_eq!(shown, "WmPattern { bits: 8, .. }");
    }
}
