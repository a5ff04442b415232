//! JPEG: an XMP packet where there is none yet, and a comment in any case (ITU-T T.81, B.2.4.5).

use super::{c2pa, xmp};
use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: the comment's marker and length.
pub(in crate::forensic) const BEFORE: &[u8] = b"\xff\xfe\x00\x32";

/// Segments and fill bytes of a head that are looked at.
const MOST_SEGMENTS: usize = 1_000;

/// The identifier of XMP (ISO 16684-3).
const XMP_NAME: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

/// The segments of the head go after what has to stand first: JFIF and Exif. Where offsets are
/// counted from a later segment (multi-picture files), everything that they point to moves with it.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let head = Head::read(file)?;
    let mut segments = Vec::new();
    if !head.has_xmp {
        let content = [XMP_NAME, xmp::packet(mark).as_bytes()].concat();
        let length = u16::try_from(content.len().saturating_add(2)).map_err(|_| Refusal::NoRoom)?;
        segments.extend_from_slice(b"\xff\xe1");
        segments.extend_from_slice(&length.to_be_bytes());
        segments.extend_from_slice(&content);
    }
    segments.extend_from_slice(BEFORE);
    segments.extend_from_slice(mark.as_bytes());
    Ok(vec![Edit::insert(head.after_first, segments)])
}

/// The segments before the picture.
struct Head {
    /// Where those end that have to stand first.
    after_first: u64,
    has_xmp: bool,
}

impl Head {
    fn read(file: &Excerpts) -> Result<Self, Pause> {
        let mut head = Self { after_first: 2, has_xmp: false };
        let mut first = true;
        let mut at = 2;
        for _ in 0..MOST_SEGMENTS {
            let [fill, marker] = file.array(at)?;
            match (fill, marker) {
                // Any marker may be preceded by fill bytes.
                (0xff, 0xff) => {
                    at = past(at, 1)?;
                    continue;
                }
                (0xff, 0xda) => return Ok(head),
                // Markers that stand alone, and the end, are not in a head.
                (0xff, 0x00 | 0x01 | 0xd0..=0xd9) | (0x00..=0xfe, _) => {
                    return Err(Refusal::Malformed.into());
                }
                (0xff, 0x02..=0xcf | 0xdb..=0xfe) => {}
            }
            let length = u64::from(u16::from_be_bytes(file.array(past(at, 2)?)?));
            let content = past(at, 4)?;
            let name = length.checked_sub(2).ok_or(Refusal::Malformed)?;
            let name = file.bytes(content, name.min(XMP_NAME.len() as u64))?;
            head.has_xmp |= marker == 0xe1 && name == XMP_NAME;
            if marker == 0xeb && c2pa::is_in_app11(name) {
                return Err(Refusal::Signed.into());
            }
            at = past(at, past(2, length)?)?;
            first &= matches!(marker, 0xe0 | 0xe1);
            if first {
                head.after_first = at;
            }
        }
        Err(Refusal::Scattered.into())
    }
}
