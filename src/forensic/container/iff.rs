//! WAVE and AIFF: a chunk after the others, or before the samples where nobody knows where those
//! end.

use super::c2pa;
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark in RIFF files: a chunk that nobody else knows, of 48 bytes.
pub(in crate::forensic) const RIFF_CHUNK: &[u8] = b"cstg\x30\0\0\0";

/// What is right before the mark in AIFF files: an annotation of 48 bytes.
pub(in crate::forensic) const ANNOTATION: &[u8] = b"ANNO\0\0\0\x30";

/// Chunks that are looked at.
const MOST_CHUNKS: usize = 1_000;

/// A size that says that the writer did not know it, or that it is in another place.
const UNKNOWN: u32 = u32::MAX;

/// Reads one chunk's size.
type Number = fn([u8; 4]) -> u32;

/// A WAVE file. One of more than 4 GiB (RF64, BW64) has its size in the chunk `ds64` (EBU Tech
/// 3306).
pub(in crate::forensic) fn wav(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let chunk = [RIFF_CHUNK, mark.as_bytes()].concat();
    let by = chunk.len() as u64;
    if file.array(0)? == *b"RIFF" {
        let size = u32::from_le_bytes(file.array(4)?);
        let (at, grown) = place(file, size, u32::from_le_bytes, *b"data", by)?;
        let mut edits = vec![Edit::insert(at, chunk)];
        edits.extend(grown.map(|grown| Edit::overwrite(4, grown.to_le_bytes().to_vec())));
        return Ok(edits);
    }
    if file.array(12)? != *b"ds64" {
        return Err(Refusal::Malformed.into());
    }
    let size = u64::from_le_bytes(file.array(20)?);
    let end = past(8, size)?;
    if end > file.length() {
        return Err(Refusal::Truncated.into());
    }
    let data = u64::from_le_bytes(file.array(28)?);
    if size % 2 != 0 || data > size {
        return Err(Refusal::UnsupportedForm.into());
    }
    let grown = past(size, by)?.to_le_bytes().to_vec();
    Ok(vec![Edit::overwrite(20, grown), Edit::insert(end, chunk)])
}

/// An AIFF file.
pub(in crate::forensic) fn aiff(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let chunk = [ANNOTATION, mark.as_bytes()].concat();
    let size = u32::from_be_bytes(file.array(4)?);
    let (at, grown) = place(file, size, u32::from_be_bytes, *b"SSND", chunk.len() as u64)?;
    let mut edits = vec![Edit::insert(at, chunk)];
    edits.extend(grown.map(|grown| Edit::overwrite(4, grown.to_be_bytes().to_vec())));
    Ok(edits)
}

/// Where a chunk goes, and the size of the whole form with it, unless that is to stay.
fn place(
    file: &Excerpts,
    size: u32,
    number: Number,
    samples: [u8; 4],
    by: u64,
) -> Result<(u64, Option<u32>), Pause> {
    let stated = (size != 0 && size != UNKNOWN).then_some(size);
    let whole = stated.map(|size| past(8, u64::from(size))).transpose()?;
    let end = whole.map_or(file.length(), |whole| whole.min(file.length()));
    let grown = stated.map(|size| grown(size, by)).transpose()?;
    let mut at = 12;
    let mut before_samples = None;
    for _ in 0..MOST_CHUNKS {
        if past(at, 8)? > end {
            break;
        }
        let [a, b, c, d, length @ ..] = file.array::<8>(at)?;
        if [a, b, c, d] == samples {
            before_samples.get_or_insert(at);
        }
        if [a, b, c, d] == *c2pa::RIFF_CHUNK {
            return Err(Refusal::Signed.into());
        }
        let length = u64::from(number(length));
        at = past(at, past(8, past(length, length % 2)?)?)?;
    }
    match before_samples {
        Some(_) if whole == Some(at) && at <= file.length() => Ok((at, grown)),
        // The writer did not know how many samples there would be, or their end is cut off:
        // whatever came after them would be heard.
        Some(before) => Ok((before, grown)),
        None if whole.is_some_and(|whole| whole > file.length()) => Err(Refusal::Truncated.into()),
        None => Err(Refusal::Malformed.into()),
    }
}

fn grown(size: u32, by: u64) -> Result<u32, Refusal> {
    let grown = u32::try_from(by).ok().and_then(|by| size.checked_add(by));
    grown.filter(|grown| *grown != UNKNOWN).ok_or(Refusal::NoRoom)
}
