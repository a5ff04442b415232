//! `WMPaceInfo`: what an origin says of where a file, or each span of it, stands in the pattern
//! (ETSI TS 104 002, 5.5).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use coset::cbor::value::Value;

use super::cbor::{self, Fields, unsigned};
use super::pattern::Position;
use super::refusal::{PaceRefusal, RangeRefusal};

/// The longest sidecar file that is read, in bytes: the segments of a whole day, and more.
pub const MOST_SIDECAR_BYTES: usize = 512 * 1024;

/// The longest value of a `WMPaceInfoEgress` header that is read, in bytes.
pub const MOST_EGRESS_BYTES: usize = 4096;

/// The version of the standard's pace information.
const VERSION_READ: u64 = 1;

const VERSION: u16 = 1;
const SEGMENTS: u16 = 2;
const FILE_SIZE: u16 = 3;
const START_RANGE: u16 = 4;
const SEGMENT_REGEX: u16 = 5;
const POSITION: u16 = 6;
const FIRST_PART: u16 = 7;
const LAST_PART: u16 = 8;

/// Written by others with padding or without.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Where a file stands in the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaceInfo {
    /// The file is one segment.
    Discrete(Position),
    /// The file is a track of many, which are asked for by range.
    Track(PacedTrack),
}

/// A file of many segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacedTrack {
    size: u64,
    /// Where each segment begins, ascending, and its position.
    segments: Box<[(u64, Position)]>,
}

impl PaceInfo {
    /// Reads a sidecar file, as the origin answers for `…/WMPaceInfo/…`.
    ///
    /// # Errors
    ///
    /// It is too long, not as the standard says, of another version, or of several discrete
    /// segments: which one is meant would be said by expressions that packagers take out.
    pub fn from_sidecar(bytes: &[u8]) -> Result<Self, PaceRefusal> {
        if bytes.len() > MOST_SIDECAR_BYTES {
            return Err(PaceRefusal::TooLong);
        }
        let mut fields = fields(cbor::read(bytes).ok_or(PaceRefusal::Malformed)?)?;
        let version: u64 = field(fields.take(VERSION).as_ref().and_then(unsigned))?;
        if version != VERSION_READ {
            return Err(PaceRefusal::UnknownVersion);
        }
        let Some(Value::Array(segments)) = fields.take(SEGMENTS) else {
            return Err(PaceRefusal::Malformed);
        };
        match fields.take(FILE_SIZE) {
            Some(size) => PacedTrack::of(field(unsigned(&size))?, segments).map(Self::Track),
            None => discrete(segments).map(Self::Discrete),
        }
    }

    /// Reads the value of a `WMPaceInfoEgress` header, which is of one discrete segment.
    ///
    /// # Errors
    ///
    /// As [`from_sidecar`](Self::from_sidecar), or it is of a track.
    pub fn from_egress(header: &[u8]) -> Result<Position, PaceRefusal> {
        if header.len() > MOST_EGRESS_BYTES {
            return Err(PaceRefusal::TooLong);
        }
        let bytes = BASE64URL.decode(header).map_err(|_| PaceRefusal::Malformed)?;
        match Self::from_sidecar(&bytes)? {
            Self::Discrete(position) => Ok(position),
            Self::Track(_) => Err(PaceRefusal::Malformed),
        }
    }

    /// The one position of the bytes from `first` to `last`, both included; of a whole file, if
    /// they are all of it. A `last` past the end is the end.
    ///
    /// Bytes of one discrete segment are of its position, whatever the range.
    ///
    /// # Errors
    ///
    /// They are of segments with several positions, or there are none.
    pub fn position(&self, first: u64, last: u64) -> Result<Position, RangeRefusal> {
        match self {
            Self::Discrete(position) => Ok(*position),
            Self::Track(track) => track.position(first, last),
        }
    }
}

impl PacedTrack {
    /// The length of the file in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn of(size: u64, segments: Vec<Value>) -> Result<Self, PaceRefusal> {
        let segments = segments.into_iter().map(|segment| {
            let mut fields = fields(segment)?;
            let start = field(fields.take(START_RANGE).as_ref().and_then(unsigned))?;
            Ok((start, position(fields.take(POSITION))?))
        });
        let segments: Box<[(u64, Position)]> = segments.collect::<Result<_, _>>()?;
        let ascending = segments.is_sorted_by(|(one, _), (next, _)| one < next);
        match segments.last() {
            Some((last, _)) if ascending && *last < size => Ok(Self { size, segments }),
            _ => Err(PaceRefusal::Malformed),
        }
    }

    fn position(&self, first: u64, last: u64) -> Result<Position, RangeRefusal> {
        let last = last.min(self.size.saturating_sub(1));
        if first > last {
            return Err(RangeRefusal::OutsideFile);
        }
        // How many segments begin no later than that byte: the last of them has it.
        let upto = |byte| self.segments.partition_point(|(start, _)| *start <= byte);
        let (before, end) = (upto(first), upto(last));
        let begin = before.checked_sub(1).ok_or(RangeRefusal::OutsideFile)?;
        let mut touched = self.segments.get(begin..end).unwrap_or_default().iter();
        let (_, position) = touched.next().ok_or(RangeRefusal::OutsideFile)?;
        if touched.any(|(_, other)| other != position) {
            return Err(RangeRefusal::CrossesPositions);
        }
        Ok(*position)
    }
}

fn discrete(segments: Vec<Value>) -> Result<Position, PaceRefusal> {
    let mut segments = segments.into_iter();
    let only = segments.next().ok_or(PaceRefusal::Malformed)?;
    if segments.next().is_some() {
        return Err(PaceRefusal::Ambiguous);
    }
    let mut fields = fields(only)?;
    let regex = fields.take(SEGMENT_REGEX).is_none_or(|regex| regex.is_text());
    let mut part = |key| fields.take(key).is_none_or(|part| part.is_bool());
    let as_said = regex && part(FIRST_PART) && part(LAST_PART);
    if !as_said || fields.take(START_RANGE).is_some() {
        return Err(PaceRefusal::Malformed);
    }
    position(fields.take(POSITION))
}

fn fields(value: Value) -> Result<Fields, PaceRefusal> {
    Fields::of(value).map_err(|_| PaceRefusal::Malformed)
}

fn field<T>(read: Option<T>) -> Result<T, PaceRefusal> {
    read.ok_or(PaceRefusal::Malformed)
}

/// -1, or an index of two bytes.
fn position(value: Option<Value>) -> Result<Position, PaceRefusal> {
    let value = field(value)?;
    if value.as_integer() == Some((-1).into()) {
        return Ok(Position::Unmarked);
    }
    field(unsigned::<u16>(&value)).map(|index| Position::At(index.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sidecar(hex: &str) -> Result<PaceInfo, PaceRefusal> {
        PaceInfo::from_sidecar(&hex::decode(hex).unwrap())
    }

    /// The example of the standard, 5.5.3.2, shortened to three segments and encoded by hand.
    fn track() -> PaceInfo {
        sidecar(concat!(
            "a3",
            "0101",
            "0283",
            "a204000620",
            "a20419045e0600",
            "a2041a0019f55c0601",
            "031a0fa498a0"
        ))
        .unwrap()
    }

    #[test]
    fn the_example_of_the_standard_is_read() {
        let PaceInfo::Track(read) = track() else { panic!("a track") };
        assert_eq!(read.size(), 262_445_216);
        assert_eq!(
            read.segments.as_ref(),
            [(0, Position::Unmarked), (1118, Position::At(0)), (1_701_212, Position::At(1))]
        );
    }

    #[test]
    fn a_range_has_one_position_or_is_refused() {
        use RangeRefusal::{CrossesPositions, OutsideFile};
        let size = 262_445_216;
        for (first, last, expected) in [
            (0, 1117, Ok(Position::Unmarked)),
            (0, 1118, Err(CrossesPositions)),
            (1118, 1118, Ok(Position::At(0))),
            (1118, 1_701_211, Ok(Position::At(0))),
            (1118, 1_701_212, Err(CrossesPositions)),
            (2000, 3000, Ok(Position::At(0))),
            (1_701_212, size - 1, Ok(Position::At(1))),
            (1_701_212, u64::MAX, Ok(Position::At(1))),
            (1118, u64::MAX, Err(CrossesPositions)),
            (0, u64::MAX, Err(CrossesPositions)),
            (size, u64::MAX, Err(OutsideFile)),
            (5, 4, Err(OutsideFile)),
        ] {
            assert_eq!(track().position(first, last), expected, "{first}-{last}");
        }
    }

    /// Each byte of a small track, against what its segments say one by one.
    #[test]
    fn every_range_is_judged_as_its_bytes_are() {
        // Two neighbours of one position, and nothing said of the first two bytes.
        let track = sidecar(concat!(
            "a3010102",
            "84",
            "a204020607",
            "a204040607",
            "a204050620",
            "a204080601",
            "030a"
        ))
        .unwrap();
        let of = |byte: u64| match byte {
            0 | 1 => None,
            2..=4 => Some(Position::At(7)),
            5..=7 => Some(Position::Unmarked),
            _ => Some(Position::At(1)),
        };
        for first in 0..10 {
            for last in first..10 {
                let mut bytes: Vec<_> = (first..=last).map(of).collect();
                bytes.dedup();
                let expected = match bytes.as_slice() {
                    [None, ..] => Err(RangeRefusal::OutsideFile),
                    [Some(position)] => Ok(*position),
                    _ => Err(RangeRefusal::CrossesPositions),
                };
                assert_eq!(track.position(first, last), expected, "{first}-{last}");
            }
        }
    }

    #[test]
    fn a_discrete_segment_is_of_one_position_whatever_the_range() {
        let one = sidecar("a201010281a1061821").unwrap();
        assert_eq!(one, PaceInfo::Discrete(Position::At(33)));
        assert_eq!(one.position(5, 700), Ok(Position::At(33)));
        let unmarked = sidecar("a201010281a10620").unwrap();
        assert_eq!(unmarked, PaceInfo::Discrete(Position::Unmarked));
        let whole = sidecar("a201010281a4056378 2e2a0606 07f508f4".replace(' ', "").as_str());
        assert_eq!(whole, Ok(PaceInfo::Discrete(Position::At(6))));
    }

    #[test]
    fn a_header_is_of_one_discrete_segment() {
        assert_eq!(PaceInfo::from_egress(b"ogEBAoGhBhgh"), Ok(Position::At(33)));
        let track = concat!("owEBAoGiBAAGAAMK", "");
        assert!(PaceInfo::from_sidecar(&BASE64URL.decode(track).unwrap()).is_ok());
        assert_eq!(PaceInfo::from_egress(track.as_bytes()), Err(PaceRefusal::Malformed));
        assert_eq!(PaceInfo::from_egress(b"{}"), Err(PaceRefusal::Malformed));
        let long = vec![b'A'; MOST_EGRESS_BYTES + 1];
        assert_eq!(PaceInfo::from_egress(&long), Err(PaceRefusal::TooLong));
    }

    #[test]
    fn what_is_not_as_the_standard_says_is_refused() {
        use PaceRefusal::{Ambiguous, Malformed, UnknownVersion};
        for (hex, expected, what) in [
            ("a201010280", Malformed, "no segments"),
            ("a10281a10600", Malformed, "no version"),
            ("a201020281a10600", UnknownVersion, "version 2"),
            ("a201010281a0", Malformed, "no position"),
            ("a201010281a10621", Malformed, "position -2"),
            ("a201010281a1061a00010000", Malformed, "position 65536"),
            ("a201010281a106f90000", Malformed, "position of a float"),
            ("a201010282a10600a10601", Ambiguous, "two segments"),
            ("a201010281a20600061820", Malformed, "a position twice"),
            ("a201010281a2040006 00".trim(), Malformed, "a start, and no size"),
            ("a3010102820304", Malformed, "segments that are numbers"),
            ("a301010282a204050600a20405060103 0a", Malformed, "two of one start"),
            ("a301010282a204050600a204040601030a", Malformed, "descending"),
            ("a301010281a2040a0600030a", Malformed, "a start at the end"),
            ("a301010281a106000 30a", Malformed, "no start"),
            ("a30101028003 00", Malformed, "nothing of nothing"),
            ("a201010281a1060000", Malformed, "a byte too many"),
            ("", Malformed, "empty"),
        ] {
            assert_eq!(sidecar(&hex.replace(' ', "")), Err(expected), "{what}");
        }
        let long = vec![0; MOST_SIDECAR_BYTES + 1];
        assert_eq!(PaceInfo::from_sidecar(&long), Err(PaceRefusal::TooLong));
    }
}
