//! MP3: a private frame in the `ID3v2` tag in front, or in one of its own (id3.org: ID3v2.2.0,
//! 2.3.0, 2.4.0).

use crate::forensic::excerpt::{Excerpts, Pause, past};
use crate::forensic::refusal::Refusal;
use crate::forensic::splice_plan::Edit;

/// What is right before the mark: whose frame it is.
pub(in crate::forensic) const BEFORE: &[u8] = b"countersign\0";

/// Bytes in a frame.
const CONTENT: u32 = 12 + 48;

/// The largest size of a tag: 28 bits.
const MOST: u32 = (1 << 28) - 1;

/// Flags of a tag: an extended header, and since 2.4 a footer.
const EXTENDED: u8 = 0x40;
const FOOTER: u8 = 0x10;

/// The frame comes first in a tag, whatever else there is. Unsynchronisation would not change it:
/// it has no byte of all ones.
pub(in crate::forensic) fn edits(file: &Excerpts, mark: &str) -> Result<Vec<Edit>, Pause> {
    let content = [BEFORE, mark.as_bytes()].concat();
    let header = file.array::<10>(0)?;
    let [b'I', b'D', b'3', version, _, flags, size @ ..] = header else {
        return Ok(vec![Edit::insert(0, new_tag(&content))]);
    };
    let size = synchsafe(size).ok_or(Refusal::Malformed)?;
    let frames = frames_at(file, version, flags)?;
    let end = past(10, u64::from(size))?;
    if end > file.length() {
        return Err(Refusal::Truncated.into());
    }
    if frames > end {
        return Err(Refusal::Malformed.into());
    }
    let frame = frame(version, &content);
    let grown = u32::try_from(frame.len()).ok().and_then(|by| size.checked_add(by));
    let grown = grown.filter(|grown| *grown <= MOST).ok_or(Refusal::NoRoom)?;
    let grown = to_synchsafe(grown).to_vec();
    let mut edits = vec![Edit::overwrite(6, grown.clone()), Edit::insert(frames, frame)];
    if version == 4 && flags & FOOTER != 0 {
        if file.array(end)? != *b"3DI" {
            return Err(Refusal::Malformed.into());
        }
        edits.push(Edit::overwrite(past(end, 6)?, grown));
    }
    Ok(edits)
}

/// Whether it begins with two frames of MPEG audio, layer II or III (ISO/IEC 11172-3, section 2.4).
pub(in crate::forensic) fn is_mpeg_audio(file: &Excerpts) -> Result<bool, Pause> {
    if file.length() < 4 {
        return Ok(false);
    }
    let Some(length) = frame_length(file.array(0)?) else {
        return Ok(false);
    };
    if past(length, 4)? > file.length() {
        return Ok(false);
    }
    Ok(frame_length(file.array(length)?).is_some())
}

/// Where the first frame of the tag is.
fn frames_at(file: &Excerpts, version: u8, flags: u8) -> Result<u64, Pause> {
    match version {
        // The flag is that of a compression which was never defined.
        2 if flags & EXTENDED != 0 => Err(Refusal::UnsupportedForm.into()),
        2 => Ok(10),
        3 | 4 if flags & EXTENDED == 0 => Ok(10),
        3 => {
            let [a, b, c, d, sums, _] = file.array(10)?;
            if sums & 0x80 != 0 {
                return Err(Refusal::UnsupportedForm.into());
            }
            Ok(past(14, u64::from(u32::from_be_bytes([a, b, c, d])))?)
        }
        4 => {
            let [a, b, c, d, _, sums] = file.array(10)?;
            if sums & 0x20 != 0 {
                return Err(Refusal::UnsupportedForm.into());
            }
            let size = synchsafe([a, b, c, d]).ok_or(Refusal::Malformed)?;
            Ok(past(10, u64::from(size))?)
        }
        _ => Err(Refusal::UnsupportedForm.into()),
    }
}

fn new_tag(content: &[u8]) -> Vec<u8> {
    let frame = frame(4, content);
    let size = u32::try_from(frame.len()).unwrap_or(MOST);
    [b"ID3\x04\0\0", &to_synchsafe(size)[..], &frame].concat()
}

/// Version 2.2 has no private frames; its unique file identifiers have the same form.
fn frame(version: u8, content: &[u8]) -> Vec<u8> {
    let [_, size @ ..] = CONTENT.to_be_bytes();
    match version {
        2 => [b"UFI", &size[..], content].concat(),
        // Sizes below 128 are the same in both.
        _ => [b"PRIV\0", &size[..], b"\0\0", content].concat(),
    }
}

/// 28 bits in four bytes.
fn synchsafe(bytes: [u8; 4]) -> Option<u32> {
    bytes
        .iter()
        .try_fold(0_u32, |size, byte| (*byte < 0x80).then_some(size << 7 | u32::from(*byte)))
}

fn to_synchsafe(size: u32) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| u8::try_from(size >> shift & 0x7f).unwrap_or_default())
}

/// Bytes of the frame whose header this is.
fn frame_length([sync, version, rates, _]: [u8; 4]) -> Option<u64> {
    if sync != 0xff || version & 0xe0 != 0xe0 {
        return None;
    }
    let (mpeg, layer) = (version >> 3 & 3, version >> 1 & 3);
    let (bit_rate, sample_rate) = (usize::from(rates >> 4), usize::from(rates >> 2 & 3));
    let (shift, first) = match mpeg {
        0 => (2, false),
        2 => (1, false),
        3 => (0, true),
        _ => return None,
    };
    let rate = *[44_100_u64, 48_000, 32_000].get(sample_rate)? >> shift;
    let (table, samples) = match (layer, first) {
        (1, true) => (&RATES_1_3, 1152),
        (1, false) => (&RATES_2, 576),
        (2, true) => (&RATES_1_2, 1152),
        (2, false) => (&RATES_2, 1152),
        _ => return None,
    };
    let kilobits = u64::from(*table.get(bit_rate)?);
    let padding = u64::from(rates >> 1 & 1);
    (kilobits > 0).then(|| samples / 8 * kilobits * 1000 / rate + padding)
}

/// Kilobits a second, by index: MPEG-1 layer III, MPEG-1 layer II, and the layers of MPEG-2.
const RATES_1_3: [u16; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const RATES_1_2: [u16; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const RATES_2: [u16; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
