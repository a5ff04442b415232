//! WebP: a chunk of an unknown name after the others (RFC 9649, section 2.7.1.6).

use super::c2pa;
use super::iff::RIFF_CHUNK;
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// After so many looks at a file, its other chunks are believed.
const MOST_LOOKS: usize = 24;

/// Simple files keep their form: readers of any form pass over chunks that they do not know.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let size = u32::from_le_bytes(file.array(4)?);
    let end = past(8, u64::from(size))?;
    if end > file.length() {
        return Err(Refusal::Truncated.into());
    }
    if size % 2 != 0 || size < 12 {
        return Err(Refusal::Malformed.into());
    }
    if is_signed(file, end)? {
        return Err(Refusal::Signed.into());
    }
    let chunk = [RIFF_CHUNK, mark.as_bytes()].concat();
    let grown = u32::try_from(chunk.len()).ok().and_then(|by| size.checked_add(by));
    let grown = grown.ok_or(Refusal::NoRoom)?;
    Ok(vec![Edit::overwrite(4, grown.to_le_bytes().to_vec()), Edit::insert(end, chunk)])
}

/// Whether content credentials are among the chunks. Of a long animation, those of its first
/// pictures are looked at and its last chunk is not.
fn is_signed(file: &Excerpts, end: u64) -> Result<bool, Pause> {
    let mut at = 12;
    while past(at, 8)? <= end {
        let [a, b, c, d, length @ ..] = match file.array::<8>(at) {
            Err(Pause::Need(_)) if file.asks() >= MOST_LOOKS => return Ok(false),
            header => header?,
        };
        if [a, b, c, d] == *c2pa::RIFF_CHUNK {
            return Ok(true);
        }
        let length = u64::from(u32::from_le_bytes(length));
        at = past(at, past(8, past(length, length % 2)?)?)?;
    }
    Ok(false)
}
