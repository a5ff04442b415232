//! GIF: a comment in front of the first picture (`GIF89a`, section 24).

use super::c2pa;
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: a comment, whose text has 48 bytes.
pub(in crate::forensic) const BEFORE: &[u8] = b"\x21\xfe\x30";

/// Blocks before the first picture that are looked at.
const MOST_BLOCKS: usize = 2_000;

/// Comments came with the second version, which a file of the first is said to be then; it is read
/// by everybody who reads that.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let [b'G', b'I', b'F', b'8', version, b'a', _, _, _, _, flags, _, _] = file.array(0)? else {
        return Err(Refusal::Malformed.into());
    };
    let colours = if flags & 0x80 == 0 { 0 } else { 3 * (2 << u64::from(flags & 7)) };
    let at = past(13, colours)?;
    if is_signed(file, at)? {
        return Err(Refusal::Signed.into());
    }
    let comment = [BEFORE, mark.as_bytes(), b"\0"].concat();
    let mut edits = vec![Edit::insert(at, comment)];
    if version != b'9' {
        edits.push(Edit::overwrite(4, b"9".to_vec()));
    }
    Ok(edits)
}

/// Whether content credentials are among the extensions in front.
fn is_signed(file: &Excerpts, mut at: u64) -> Result<bool, Pause> {
    let mut blocks = 0_usize;
    while file.array(at)? == [0x21] {
        let content = past(at, 2)?;
        if file.up_to(past(content, 1)?, 8)? == c2pa::GIF_APPLICATION {
            return Ok(true);
        }
        at = content;
        loop {
            let [length] = file.array(at)?;
            at = past(at, past(1, u64::from(length))?)?;
            blocks = blocks.saturating_add(1);
            if length == 0 {
                break;
            }
            if blocks > MOST_BLOCKS {
                return Err(Refusal::Scattered.into());
            }
        }
    }
    Ok(false)
}
