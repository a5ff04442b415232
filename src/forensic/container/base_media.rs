//! MP4, MOV, M4A, HEIC, AVIF: a box of our own type at the end (ISO/IEC 14496-12, sections 4.2 and
//! 11.1).

use super::c2pa;
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: the header of a box of 72 bytes, and its extended type.
pub(in crate::forensic) const BEFORE: &[u8] =
    b"\0\0\0\x48uuid\x6b\xd3\x51\x0e\x8a\x27\x4f\x9c\xb1\x44\x3e\x92\x05\xc7\x7d\xa8";

/// A film in thousands of fragments has as many boxes; after so many looks the rest are believed.
const MOST_LOOKS: usize = 24;

/// Boxes before the film that are looked at.
const MOST_FIRST: usize = 16;

/// Boxes that are looked at.
const MOST_BOXES: usize = 4_000;

/// The end of `mfra`: the box `mfro`, by which readers find the table of fragments from the end.
const MFRO: u64 = 16;

/// Nothing moves but that table, which nobody points to: sample and item offsets stay right. A
/// last box that reaches to the end of the file is told its size, where that fits; where it does
/// not, the mark becomes its last bytes, which no sample is in.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    if is_signed(file)? {
        return Err(Refusal::Signed.into());
    }
    let own = [BEFORE, mark.as_bytes()].concat();
    if let Some(table) = fragment_table(file)? {
        return Ok(vec![Edit::insert(table, own)]);
    }
    let mut edits = vec![Edit::insert(file.length(), own)];
    if let Some(last) = open_end(file)? {
        let size = file.length().checked_sub(last).and_then(|size| u32::try_from(size).ok());
        edits.extend(size.map(|size| Edit::overwrite(last, size.to_be_bytes().to_vec())));
    }
    Ok(edits)
}

/// Whether content credentials are among the boxes in front, where their place is.
fn is_signed(file: &Excerpts) -> Result<bool, Pause> {
    let mut at = 0;
    for _ in 0..MOST_FIRST {
        if past(at, 24)? > file.length() {
            break;
        }
        let [a, b, c, d, name @ ..] = file.array::<8>(at)?;
        if matches!(&name, b"moov" | b"moof" | b"mdat" | b"meta") {
            break;
        }
        if &name == b"uuid" && file.array(past(at, 8)?)? == *c2pa::BOX {
            return Ok(true);
        }
        let size = u32::from_be_bytes([a, b, c, d]);
        if size < 8 {
            break;
        }
        at = past(at, u64::from(size))?;
    }
    Ok(false)
}

/// Where the table of fragments at the end begins, if there is one.
fn fragment_table(file: &Excerpts) -> Result<Option<u64>, Pause> {
    let Some(at) = file.length().checked_sub(MFRO) else {
        return Err(Refusal::Truncated.into());
    };
    let last = file.array::<16>(at)?;
    let (Some((header, rest)), Some(size)) = (last.split_first_chunk::<8>(), last.last_chunk())
    else {
        return Ok(None);
    };
    if header != b"\0\0\0\x10mfro" || rest.first() != Some(&0) {
        return Ok(None);
    }
    let Some(table) = file.length().checked_sub(u64::from(u32::from_be_bytes(*size))) else {
        return Ok(None);
    };
    let [a, b, c, d, name @ ..] = file.array::<8>(table)?;
    Ok(([a, b, c, d] == *size && name == *b"mfra").then_some(table))
}

/// Walks over the boxes: where the one begins that has no end, if there is one.
fn open_end(file: &Excerpts) -> Result<Option<u64>, Pause> {
    let mut at = 0;
    for _ in 0..MOST_BOXES {
        if at == file.length() {
            return Ok(None);
        }
        let [a, b, c, d, name @ ..] = match file.array::<8>(at) {
            Err(Pause::Need(_)) if file.asks() >= MOST_LOOKS => return Ok(None),
            header => header?,
        };
        let size = match u32::from_be_bytes([a, b, c, d]) {
            // Zeros after the last box are filling.
            0 => return Ok((name != [0; 4]).then_some(at)),
            1 => u64::from_be_bytes(file.array(past(at, 8)?)?),
            size => u64::from(size),
        };
        if size < 8 {
            return Err(Refusal::Malformed.into());
        }
        at = past(at, size)?;
        if at > file.length() {
            return Err(Refusal::Truncated.into());
        }
    }
    Ok(None)
}
