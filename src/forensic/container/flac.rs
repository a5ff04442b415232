//! FLAC: an application block right after the stream information (RFC 9639, section 8.4).

use crate::forensic::excerpt::{Excerpts, Pause};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: the length of the block, and the application.
pub(in crate::forensic) const BEFORE: &[u8] = b"\x00\x00\x34cstg";

/// Where the stream information ends.
const AFTER_FIRST: u64 = 42;

/// The bit of the last block, and the kind of an application's.
const LAST: u8 = 0x80;
const APPLICATION: u8 = 2;

/// Seek points count from the first frame, so nothing points across.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let [first, length @ ..] = file.array::<4>(4)?;
    if first & !LAST != 0 || length != [0, 0, 34] {
        return Err(Refusal::Malformed.into());
    }
    // Something must follow: a block, or frames.
    file.bytes(AFTER_FIRST, 4)?;
    let block = [&[APPLICATION | (first & LAST)], BEFORE, mark.as_bytes()].concat();
    let mut edits = vec![Edit::insert(AFTER_FIRST, block)];
    if first & LAST != 0 {
        edits.push(Edit::overwrite(4, vec![first & !LAST]));
    }
    Ok(edits)
}
