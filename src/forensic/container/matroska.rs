//! Matroska and `WebM`: a `Tags` element at the end of the segment (RFC 9559, section 5.1.8).

use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// `Tags`, `Tag`, empty `Targets`: the whole file. Then a `SimpleTag` with its name, and the text's
/// header. Each element with its size in one byte.
pub(in crate::forensic) const BEFORE: &[u8] =
    b"\x12\x54\xc3\x67\xce\x73\x73\xcb\x63\xc0\x80\x67\xc8\xc5\x45\xa3\x8fCOUNTERSIGN_TAG\x44\x87\xb0";

const HEADER: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const CRC_32: u32 = 0xbf;

/// Elements before the segment that are passed over.
const MOST_BEFORE: usize = 16;

/// Positions in a segment count from its first byte, so its size may be written with more bytes. A
/// segment of unknown size ends with the file, and with what comes after the last cluster.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let own = [BEFORE, mark.as_bytes()].concat();
    let segment = segment(file)?;
    let Some(size) = segment.size else {
        return Ok(vec![Edit::insert(file.length(), own)]);
    };
    let end = past(segment.content, size)?;
    if end > file.length() {
        return Err(Refusal::Truncated.into());
    }
    if size > 0 && Element::read(file, segment.content)?.id == CRC_32 {
        // A checksum over all that follows.
        return Err(Refusal::UnsupportedForm.into());
    }
    let grown = past(size, own.len() as u64)?;
    let width = segment.content.checked_sub(segment.size_at).ok_or(Refusal::Malformed)?;
    let sized = written(grown, width).or_else(|| written(grown, 8)).ok_or(Refusal::NoRoom)?;
    Ok(vec![
        Edit { offset: segment.size_at, removed: width, bytes: sized.into() },
        Edit::insert(end, own),
    ])
}

fn segment(file: &Excerpts) -> Result<Element, Pause> {
    let mut at = 0;
    for index in 0..MOST_BEFORE {
        let element = Element::read(file, at)?;
        match element.id {
            SEGMENT => return Ok(element),
            HEADER if index == 0 => {}
            _ if index == 0 => return Err(Refusal::Malformed.into()),
            _ => {}
        }
        at = past(element.content, element.size.ok_or(Refusal::Malformed)?)?;
    }
    Err(Refusal::Malformed.into())
}

/// The head of an element (RFC 8794, sections 4 to 6).
struct Element {
    id: u32,
    size_at: u64,
    content: u64,
    /// None where it is not known.
    size: Option<u64>,
}

impl Element {
    fn read(file: &Excerpts, at: u64) -> Result<Self, Pause> {
        let [first] = file.array(at)?;
        let width = first.leading_zeros().saturating_add(1);
        if width > 4 {
            return Err(Refusal::Malformed.into());
        }
        let id = file.bytes(at, u64::from(width))?;
        let id = id.iter().fold(0_u32, |id, byte| id << 8 | u32::from(*byte));
        let size_at = past(at, u64::from(width))?;
        let [first] = file.array(size_at)?;
        let width = first.leading_zeros().saturating_add(1);
        if width > 8 {
            return Err(Refusal::Malformed.into());
        }
        let size = file.bytes(size_at, u64::from(width))?;
        let size = size.iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
        let most = most(width);
        let size = Some(size & most).filter(|size| *size != most);
        Ok(Self { id, size_at, content: past(size_at, u64::from(width))?, size })
    }
}

/// All bits that a size of that many bytes has.
fn most(width: u32) -> u64 {
    u64::MAX >> 64_u32.saturating_sub(width.saturating_mul(7)).min(63)
}

/// A size in that many bytes, where it fits; all ones would be an unknown one.
fn written(size: u64, width: u64) -> Option<Vec<u8>> {
    let width = u32::try_from(width).ok().filter(|width| (1..=8).contains(width))?;
    if size >= most(width) {
        return None;
    }
    let marked = size | (1 << width.checked_mul(7)?);
    let skipped = usize::try_from(8_u32.checked_sub(width)?).ok()?;
    marked.to_be_bytes().get(skipped..).map(<[u8]>::to_vec)
}
