//! TIFF: the first directory once more at the end, with a field more (TIFF 6.0, section 2;
//! `BigTIFF`).

use super::{c2pa, xmp};
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark, where there is an XMP packet already.
pub(in crate::forensic) const BEFORE: &[u8] = b"copy of an image ";

/// Most fields of a directory.
const MOST_FIELDS: u64 = 4_096;

/// Fields that can take the mark, in this order, and the type of their values: XMP as bytes; the
/// name of the document, the computer it was made on, and the name of the page as ASCII.
const XMP: (u16, u16) = (700, 1);
const NAMES: [(u16, u16); 3] = [(269, 2), (316, 2), (285, 2)];

/// The old directory stays where it is, and nobody points to it. What directories point to stays as
/// well. Files of cameras whose readers know where the first directory is (CR2) are refused.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let form = Form::read(file)?;
    let directory = form.directory(file)?;
    if directory.has(c2pa::TIFF_FIELD) {
        return Err(Refusal::Signed.into());
    }
    let (field, value) = directory.free_field(mark)?;
    let end = file.length();
    let filling = form.width.wrapping_sub(end % form.width) % form.width;
    let at = past(end, filling)?;
    let fields = past(directory.fields.len() as u64, 1)?;
    let length = past(past(form.count, form.width)?, fields.saturating_mul(form.entry))?;
    let value_at = past(at, length)?;
    let mut added = vec![0; usize::try_from(filling).unwrap_or_default()];
    form.put(&mut added, fields, form.count)?;
    let entry = form.entry(field, value.len() as u64, value_at)?;
    let split = directory.fields.partition_point(|(tag, _)| *tag < field.0);
    let (before, after) = directory.fields.split_at(split);
    for (_, bytes) in before {
        added.extend_from_slice(bytes);
    }
    added.extend_from_slice(&entry);
    for (_, bytes) in after {
        added.extend_from_slice(bytes);
    }
    form.put(&mut added, directory.next, form.width)?;
    added.extend_from_slice(&value);
    let mut pointer = Vec::new();
    form.put(&mut pointer, at, form.width)?;
    Ok(vec![Edit::overwrite(form.width, pointer), Edit::insert(end, added)])
}

/// Byte order, and how wide its numbers are.
struct Form {
    little: bool,
    /// Bytes of an offset.
    width: u64,
    /// Bytes of the number of fields.
    count: u64,
    /// Bytes of a field.
    entry: u64,
}

struct Directory<'a> {
    fields: Vec<(u16, &'a [u8])>,
    next: u64,
}

impl Form {
    fn read(file: &Excerpts) -> Result<Self, Pause> {
        let head = file.array::<8>(0)?;
        let [order, _, a, b, ..] = head;
        let little = order == b'I';
        let classic = [a, b] == [42, 0] || [a, b] == [0, 42];
        if classic {
            if file.up_to(8, 2)? == b"CR" {
                return Err(Refusal::UnsupportedForm.into());
            }
            return Ok(Self { little, width: 4, count: 2, entry: 12 });
        }
        let form = Self { little, width: 8, count: 8, entry: 20 };
        if form.number(file, 4, 2)? != 8 || form.number(file, 6, 2)? != 0 {
            return Err(Refusal::Malformed.into());
        }
        Ok(form)
    }

    fn directory<'a>(&self, file: &'a Excerpts) -> Result<Directory<'a>, Pause> {
        let at = self.number(file, self.width, self.width)?;
        if at < past(self.width, self.width)? {
            return Err(Refusal::Malformed.into());
        }
        let count = self.number(file, at, self.count)?;
        if count == 0 || count > MOST_FIELDS {
            return Err(Refusal::Malformed.into());
        }
        let first = past(at, self.count)?;
        let length = count.saturating_mul(self.entry);
        // With the offset of the next one.
        file.bytes(first, past(length, self.width)?)?;
        let entry = usize::try_from(self.entry).unwrap_or(usize::MAX);
        let fields = file.bytes(first, length)?.chunks_exact(entry);
        let fields = fields.map(|bytes| (self.tag(bytes), bytes)).collect();
        Ok(Directory { fields, next: self.number(file, past(first, length)?, self.width)? })
    }

    fn tag(&self, entry: &[u8]) -> u16 {
        let bytes = entry.first_chunk().copied().unwrap_or_default();
        if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    /// A number of 2, 4 or 8 bytes.
    fn number(&self, file: &Excerpts, at: u64, width: u64) -> Result<u64, Pause> {
        let bytes = file.bytes(at, width)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(if self.little { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) })
    }

    fn put(&self, into: &mut Vec<u8>, number: u64, width: u64) -> Result<(), Refusal> {
        let bits = u32::try_from(width.saturating_mul(8)).unwrap_or(64);
        if number.checked_shr(bits).is_some_and(|above| above != 0) {
            return Err(Refusal::NoRoom);
        }
        let width = usize::try_from(width).unwrap_or(8);
        if self.little {
            into.extend(number.to_le_bytes().into_iter().take(width));
        } else {
            into.extend(number.to_be_bytes().into_iter().skip(8_usize.saturating_sub(width)));
        }
        Ok(())
    }

    fn entry(&self, field: (u16, u16), length: u64, at: u64) -> Result<Vec<u8>, Refusal> {
        let mut entry = Vec::new();
        self.put(&mut entry, u64::from(field.0), 2)?;
        self.put(&mut entry, u64::from(field.1), 2)?;
        self.put(&mut entry, length, self.width)?;
        self.put(&mut entry, at, self.width)?;
        Ok(entry)
    }
}

impl Directory<'_> {
    fn has(&self, field: u16) -> bool {
        self.fields.iter().any(|(tag, _)| *tag == field)
    }

    fn free_field(&self, mark: &str) -> Result<((u16, u16), Vec<u8>), Refusal> {
        if !self.has(XMP.0) {
            return Ok((XMP, xmp::packet(mark).into_bytes()));
        }
        let name = NAMES.into_iter().find(|field| !self.has(field.0)).ok_or(Refusal::NoRoom)?;
        Ok((name, [BEFORE, mark.as_bytes(), b"\0"].concat()))
    }
}
