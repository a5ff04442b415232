//! What is put after the end of a PDF file.

use super::section::{Section, Sections};
use super::signature::is_signed;
use super::syntax::{Reader, Value};
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark in an object, and in a comment.
pub(in crate::forensic) const OBJECT: &[u8] = b"<< /Type /CountersignTag /Mark (";
pub(in crate::forensic) const COMMENT: &[u8] = b"\n% copy ";

/// Bytes at the end in which the last section is named. Readers look at the last kilobyte.
const TAIL: u64 = 2_048;

/// The largest number that an object gets (section C.2), and the largest offset in a table.
const MOST_OBJECTS: u64 = 8_388_607;
const MOST_OFFSET: u64 = 9_999_999_999;

pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let newest = newest_section(file)?;
    let mut sections = Sections::read(file, newest)?;
    let encrypted = sections.newest()?.trailer.get("Encrypt").is_some();
    let signed = is_signed(&mut sections).map_err(|pause| match pause {
        // Streams of objects are encrypted as well.
        Pause::Refused(_) if encrypted => Refusal::Encrypted.into(),
        Pause::Refused(_) | Pause::Need(_) => pause,
    })?;
    if signed {
        return Err(Refusal::Signed.into());
    }
    let added = if encrypted {
        let end = format!("\nstartxref\n{newest}\n%%EOF\n");
        [COMMENT, mark.as_bytes(), end.as_bytes()].concat()
    } else {
        update(file.length(), sections.newest()?, mark)?
    };
    Ok(vec![Edit::insert(file.length(), added)])
}

/// Where the newest section is.
fn newest_section(file: &Excerpts) -> Result<u64, Pause> {
    let (_, tail) = file.tail(TAIL)?;
    let place = memchr::memmem::rfind(tail, b"startxref").ok_or(Refusal::Truncated)?;
    let mut reader = Reader::of(tail.get(place..).unwrap_or_default());
    let newest = reader.word(b"startxref").and_then(|()| reader.number_or_end());
    Ok(newest.ok_or(Refusal::Malformed)?)
}

/// The object, and a section of the kind of those before it. The trailer names the object, so that
/// programs which write the file anew take it along.
fn update(length: u64, section: &Section<'_>, mark: &str) -> Result<Vec<u8>, Refusal> {
    let number = section.trailer.integer("Size").ok_or(Refusal::Malformed)?;
    if number == 0 || number >= MOST_OBJECTS {
        return Err(Refusal::Malformed);
    }
    let mut added = b"\n".to_vec();
    let object_at = past(length, added.len() as u64)?;
    added.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
    added.extend_from_slice(OBJECT);
    added.extend_from_slice(format!("{mark}) >>\nendobj\n").as_bytes());
    let section_at = past(length, added.len() as u64)?;
    let kept = kept(section)?;
    let (prev, tag) = (section.at, format!("/CountersignTag {number} 0 R"));
    if section.is_stream() {
        let own = past(number, 1)?;
        let size = past(own, 1)?;
        let head = format!(
            "{own} 0 obj\n<< /Type /XRef /Size {size} /Index [{number} 2] /W [1 8 2] /Length 22 \
             /Prev {prev} {tag}"
        );
        added.extend_from_slice(head.as_bytes());
        added.extend_from_slice(&kept);
        added.extend_from_slice(b" >>\nstream\n");
        for at in [object_at, section_at] {
            added.push(1);
            added.extend_from_slice(&at.to_be_bytes());
            added.extend_from_slice(&[0; 2]);
        }
        added.extend_from_slice(b"\nendstream\nendobj\n");
    } else {
        if object_at > MOST_OFFSET {
            return Err(Refusal::NoRoom);
        }
        let size = past(number, 1)?;
        let table = format!(
            "xref\n{number} 1\n{object_at:010} 00000 n \ntrailer\n<< /Size {size} /Prev {prev} {tag}"
        );
        added.extend_from_slice(table.as_bytes());
        added.extend_from_slice(&kept);
        added.extend_from_slice(b" >>\n");
    }
    added.extend_from_slice(format!("startxref\n{section_at}\n%%EOF\n").as_bytes());
    Ok(added)
}

/// What of a trailer goes into the next one.
fn kept(section: &Section<'_>) -> Result<Vec<u8>, Refusal> {
    let root = section.trailer.get("Root").ok_or(Refusal::Malformed)?;
    if !matches!(root.value, Value::Reference(_)) {
        return Err(Refusal::Malformed);
    }
    let mut kept = Vec::new();
    for name in ["Root", "Info", "ID"] {
        if let Some(object) = section.trailer.get(name) {
            kept.extend_from_slice(format!(" /{name} ").as_bytes());
            kept.extend_from_slice(object.text);
        }
    }
    Ok(kept)
}
