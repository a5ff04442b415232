//! The same information within a segment: the box `wmpi` of ISO media (ETSI TS 104 002, 5.5.3.4).

use super::pattern::Position;
use super::refusal::PaceRefusal;

/// How many boxes are looked past: it stands between `styp` and `moof`.
const MOST_BOXES: usize = 16;

/// The 15 bits that, with the bit before them, are a -1.
const UNMARKED: u16 = 0x7fff;

/// What a box says of its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaceBox {
    /// Which variant the segment is, from 0.
    pub variant: u8,
    /// Where it stands in the pattern.
    pub position: Position,
    /// Whether it is the first of its position.
    pub first_part: bool,
    /// Whether it is the last of its position.
    pub last_part: bool,
}

/// Finds the box among the first ones of a segment, of which `start` is as much as is at hand.
///
/// None if there is none, or a packager has written it over, as the standard asks it to.
///
/// # Errors
///
/// The box, or one before it, is not of its format, or of another version.
pub fn pace_box(start: &[u8]) -> Result<Option<PaceBox>, PaceRefusal> {
    let mut rest = start;
    for _ in 0..MOST_BOXES {
        let Some((size, after)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let Some((kind, body)) = after.split_first_chunk::<4>() else { return Ok(None) };
        let (head, length) = match u32::from_be_bytes(*size) {
            0 => return Ok(None),
            1 => match body.first_chunk::<8>() {
                Some(length) => (16, u64::from_be_bytes(*length)),
                None => return Ok(None),
            },
            length => (8, u64::from(length)),
        };
        if length < head {
            return Err(PaceRefusal::Malformed);
        }
        match kind {
            b"wmpi" if head == 8 && length == 13 => {
                return body.first_chunk().map_or(Ok(None), |content| of(*content));
            }
            b"wmpi" => return Err(PaceRefusal::Malformed),
            b"moof" | b"mdat" => return Ok(None),
            _ => {}
        }
        let next = usize::try_from(length).ok().and_then(|length| rest.get(length..));
        let Some(next) = next else { return Ok(None) };
        rest = next;
    }
    Ok(None)
}

fn of(content: [u8; 5]) -> Result<Option<PaceBox>, PaceRefusal> {
    let [version, variant, high, low, parts] = content;
    match version {
        1 if high & 0x80 != 0 && parts & 0x80 != 0 => {}
        1 => return Err(PaceRefusal::Malformed),
        _ if content == [0xff; 5] => return Ok(None),
        _ => return Err(PaceRefusal::UnknownVersion),
    }
    let position = match u16::from_be_bytes([high & 0x7f, low]) {
        UNMARKED => Position::Unmarked,
        index => Position::At(index.into()),
    };
    let (first_part, last_part) = (parts & 0x40 != 0, parts & 0x20 != 0);
    Ok(Some(PaceBox { variant, position, first_part, last_part }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYP: &str = "00000010 73747970 6d736468 00000000";

    fn find(hex: &str) -> Result<Option<PaceBox>, PaceRefusal> {
        pace_box(&hex::decode(hex.replace(' ', "")).unwrap())
    }

    #[test]
    fn the_box_after_styp_is_read() {
        let expected = |variant, position, first_part, last_part| {
            Ok(Some(PaceBox { variant, position, first_part, last_part }))
        };
        let boxed = |content| find(&format!("{STYP} 0000000d 776d7069 {content}"));
        assert_eq!(boxed("01 00 8021 e0"), expected(0, Position::At(33), true, true));
        assert_eq!(boxed("01 01 ff00 80"), expected(1, Position::At(0x7f00), false, false));
        assert_eq!(boxed("01 01 8000 c0"), expected(1, Position::At(0), true, false));
        assert_eq!(boxed("01 01 ffff a0"), expected(1, Position::Unmarked, false, true));
        assert_eq!(boxed("01 00 0021 e0"), Err(PaceRefusal::Malformed));
        assert_eq!(boxed("01 00 8021 60"), Err(PaceRefusal::Malformed));
        assert_eq!(boxed("02 00 8021 e0"), Err(PaceRefusal::UnknownVersion));
        assert_eq!(boxed("ff ff ffff ff"), Ok(None), "written over");
        assert_eq!(boxed("01 00 8021"), Ok(None), "not all at hand");
    }

    #[test]
    fn a_segment_without_the_box_has_none() {
        for hex in [
            "",
            "000000",
            STYP,
            "00000000 73747970",
            "00000008 6d6f6f66 0000000d 776d7069 0100802 1e0",
            "00000001 73747970 00000000",
            "ffffffff 73747970",
            "00000001 73747970 ffffffffffffffff",
        ] {
            assert_eq!(find(hex), Ok(None), "{hex}");
        }
        let many = "00000008 66726565".repeat(MOST_BOXES) + "0000000d 776d7069 01008021e0";
        assert_eq!(find(&many), Ok(None));
    }

    #[test]
    fn boxes_that_are_none_are_refused() {
        for hex in ["00000007 73747970", "00000001 73747970 000000000000000f", "0000000e 776d7069"]
        {
            assert_eq!(find(hex), Err(PaceRefusal::Malformed), "{hex}");
        }
        let long = "00000001 776d7069 0000000000000015 01008021e0";
        assert_eq!(find(long), Err(PaceRefusal::Malformed));
    }

    #[test]
    fn a_box_of_a_long_size_is_passed() {
        let found = find("00000001 66726565 0000000000000010 0000000d 776d7069 01008021e0");
        assert!(found.is_ok_and(|found| found.is_some_and(|of| of.position == Position::At(33))));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(0_u8.., 0..64)) {
            let _ = pace_box(&bytes);
        }
    }
}
