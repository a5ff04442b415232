//! PNG: a text chunk right after the header (PNG, third edition, 11.3.3.4).

use super::c2pa;
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: the keyword, no compression, no language.
pub(in crate::forensic) const BEFORE: &[u8] = b"iTXtcountersign\0\0\0\0\0";

/// Where the header chunk ends.
const AFTER_HEADER: u64 = 33;

/// Chunks before the pixels that are looked at.
const MOST_CHUNKS: usize = 200;

/// Text may stand anywhere between the header and the end; after the pixels some readers warn.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    if file.array(8)? != *b"\0\0\0\x0dIHDR" {
        return Err(Refusal::Malformed.into());
    }
    if is_signed(file)? {
        return Err(Refusal::Signed.into());
    }
    let named = [BEFORE, mark.as_bytes()].concat();
    let length = u32::try_from(named.len().saturating_sub(4)).unwrap_or(u32::MAX);
    let sum = crc32fast::hash(&named);
    let chunk = [&length.to_be_bytes()[..], &named, &sum.to_be_bytes()].concat();
    Ok(vec![Edit::insert(AFTER_HEADER, chunk)])
}

/// Whether content credentials are among the chunks before the pixels, where their place is.
fn is_signed(file: &Excerpts) -> Result<bool, Pause> {
    let mut at = AFTER_HEADER;
    for _ in 0..MOST_CHUNKS {
        let [a, b, c, d, name @ ..] = file.array::<8>(at)?;
        match &name {
            b"IDAT" | b"IEND" => return Ok(false),
            c2pa::PNG_CHUNK => return Ok(true),
            _ => at = past(at, past(12, u64::from(u32::from_be_bytes([a, b, c, d])))?)?,
        }
    }
    Err(Refusal::Scattered.into())
}
