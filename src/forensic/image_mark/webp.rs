//! WebP files as chunks (RFC 9649).

use super::unmarkable::Unmarkable;

const CHUNK_HEAD: usize = 8;

/// Flags of the extended head, for what a copy can have (section 2.7).
const HAS_PROFILE: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_EXIF: u8 = 0x08;
const HAS_XMP: u8 = 0x04;

/// The chunks of a file: name, what is in it.
fn chunks(file: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    // "RIFF", the size, "WEBP".
    let mut rest = file.get(12..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (head, after) = rest.split_at_checked(CHUNK_HEAD)?;
        let (name, length) = head.split_at(4);
        let length: [u8; 4] = length.try_into().unwrap_or_default();
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        let inside = after.get(..length).unwrap_or(after);
        let padded = length.saturating_add(length % 2);
        rest = after.get(padded..).unwrap_or_default();
        Some((name, inside))
    })
}

/// The sizes that the lossy pictures of a file state: the decoder believes the head of the file,
/// decodes, and compares only then.
pub(super) fn sizes(file: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    chunks(file).filter(|(name, _)| *name == b"VP8 ").filter_map(|(_, inside)| lossy_size(inside))
}

/// Of a key frame (RFC 6386, section 9.1): three bytes of tag, three of start code, then the two
/// lengths of 14 bits each.
fn lossy_size(frame: &[u8]) -> Option<(u32, u32)> {
    let [w0, w1, h0, h1] = *frame.get(6..)?.first_chunk()?;
    let length = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((length(w0, w1), length(h0, h1)))
}

/// Gives a copy that was written without losses the metadata of its original.
pub(super) fn with_metadata(
    original: &[u8],
    copy: &[u8],
    (width, height): (u32, u32),
    has_alpha: bool,
) -> Result<Vec<u8>, Unmarkable> {
    let first = |file, wanted: &[u8; 4]| chunks(file).find(|(name, _)| name == wanted);
    let picture = first(copy, b"VP8L").ok_or(Unmarkable::Broken(None))?;
    let profile = first(original, b"ICCP");
    let exif = first(original, b"EXIF");
    let xmp = first(original, b"XMP ");
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    if profile.is_some() || exif.is_some() || xmp.is_some() {
        let flag = |has: bool, flag: u8| if has { flag } else { 0 };
        let flags = flag(profile.is_some(), HAS_PROFILE)
            | flag(has_alpha, HAS_ALPHA)
            | flag(exif.is_some(), HAS_EXIF)
            | flag(xmp.is_some(), HAS_XMP);
        let mut head = vec![flags, 0, 0, 0];
        for side in [width, height] {
            head.extend(side.saturating_sub(1).to_le_bytes().iter().take(3));
        }
        put(&mut out, b"VP8X", &head);
    }
    for (name, inside) in [profile, Some(picture), exif, xmp].into_iter().flatten() {
        put(&mut out, name, inside);
    }
    let length = u32::try_from(out.len() - CHUNK_HEAD).map_err(|_| Unmarkable::TooLarge)?;
    if let Some(place) = out.get_mut(4..CHUNK_HEAD) {
        place.copy_from_slice(&length.to_le_bytes());
    }
    Ok(out)
}

fn put(out: &mut Vec<u8>, name: &[u8], inside: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(&u32::try_from(inside.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(inside);
    out.extend(std::iter::repeat_n(0, inside.len() % 2));
}
