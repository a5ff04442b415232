//! ZIP and its kin: the comment of the archive (PKWARE's APPNOTE 6.3.10, section 4.3.16).

use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark.
pub(in crate::forensic) const BEFORE: &[u8] = b"copy of an archive ";

/// Bytes of the record at the end without its comment.
const END: u64 = 22;

/// Looked at first: hardly any archive has a comment.
const SHORT_TAIL: u64 = 4 << 10;

/// What stands before the directory of a signed Android package, whose signature covers the
/// comment.
const SIGNING_BLOCK: &[u8; 16] = b"APK Sig Block 42";

/// The comment comes last, after all records of ZIP64 as well, and no record counts it.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let end = match EndRecord::find(file, SHORT_TAIL)? {
        Some(end) => end,
        None => EndRecord::find(file, END.saturating_add(u64::from(u16::MAX)))?
            .ok_or(Refusal::Truncated)?,
    };
    end.check(file)?;
    let mut comment = if end.comment == 0 { Vec::new() } else { b"\n".to_vec() };
    comment.extend_from_slice(BEFORE);
    comment.extend_from_slice(mark.as_bytes());
    let length = u16::try_from(comment.len()).ok().and_then(|by| end.comment.checked_add(by));
    let length = length.ok_or(Refusal::NoRoom)?;
    Ok(vec![
        Edit::overwrite(past(end.at, 20)?, length.to_le_bytes().to_vec()),
        Edit::insert(file.length(), comment),
    ])
}

struct EndRecord {
    at: u64,
    /// Bytes of the directory; all ones where ZIP64 says it.
    directory: u32,
    comment: u16,
}

impl EndRecord {
    /// The record whose comment reaches to the end of the file, among its last bytes.
    fn find(file: &Excerpts, most: u64) -> Result<Option<Self>, Pause> {
        let (offset, tail) = file.tail(most)?;
        let places = memchr::memmem::rfind_iter(tail, b"PK\x05\x06");
        for place in places {
            let Some(record) = tail.get(place..).and_then(<[u8]>::first_chunk::<22>) else {
                continue;
            };
            let [_, _, _, _, disks @ .., c, d] = *record;
            let [disk, _, directory_disk, _, ..] = disks;
            let comment = u16::from_le_bytes([c, d]);
            let at = past(offset, place as u64)?;
            if past(at, past(END, u64::from(comment))?)? != file.length() {
                continue;
            }
            if disk != directory_disk || !matches!(disk, 0 | 0xff) {
                return Err(Refusal::UnsupportedForm.into());
            }
            let directory = u32::from_le_bytes(file.array(past(at, 12)?)?);
            return Ok(Some(Self { at, directory, comment }));
        }
        Ok(None)
    }

    /// Its directory is there, and no signature in front of it.
    fn check(&self, file: &Excerpts) -> Result<(), Pause> {
        if self.directory == u32::MAX {
            let locator = self.at.checked_sub(20).ok_or(Refusal::Malformed)?;
            if file.array(locator)? != *b"PK\x06\x07" {
                return Err(Refusal::Malformed.into());
            }
            return Ok(());
        }
        let directory = self.at.checked_sub(u64::from(self.directory)).ok_or(Refusal::Malformed)?;
        if self.directory == 0 {
            return Ok(());
        }
        // Records of ZIP64 may stand between the directory and this one, even where
        // nothing needs them.
        let listed = file.array(directory)? == *b"PK\x01\x02";
        let locator = self.at.checked_sub(20).map(|at| file.array(at)).transpose()?;
        if !listed && locator != Some(*b"PK\x06\x07") {
            return Err(Refusal::Malformed.into());
        }
        let block = directory.checked_sub(16).map(|at| file.array(at)).transpose()?;
        if block == Some(*SIGNING_BLOCK) {
            return Err(Refusal::Signed.into());
        }
        Ok(())
    }
}
