//! Sizes of the pictures in a WebP file.
//!
//! The decoder believes the head of the file, decodes a lossy picture in it, and compares only then:
//! one of 16383 × 16383 pixels in a file that says 1 × 1 would cost as much as it is large.

const CHUNK_HEAD: usize = 8;

/// The sizes that the lossy pictures of the file state, in frames of an animation as well (RFC 9649,
/// sections 2.5 and 2.7.1.1).
pub(super) fn sizes(file: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    // "RIFF", the size, "WEBP".
    let mut rest = file.get(12..).unwrap_or_default();
    std::iter::from_fn(move || {
        while let Some((head, after)) = rest.split_at_checked(CHUNK_HEAD) {
            let (name, length) = head.split_at(4);
            let length: [u8; 4] = length.try_into().unwrap_or_default();
            let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
            if name == b"ANMF" {
                // What is in a frame follows its head of 16 bytes, in chunks.
                rest = after.get(16..).unwrap_or_default();
                continue;
            }
            let padded = length.saturating_add(length % 2);
            rest = after.get(padded..).unwrap_or_default();
            if name == b"VP8 "
                && let Some(size) = lossy_size(after)
            {
                return Some(size);
            }
        }
        None
    })
}

/// Of a key frame (RFC 6386, section 9.1): three bytes of tag, three of start code, then the two
/// lengths of 14 bits each.
fn lossy_size(frame: &[u8]) -> Option<(u32, u32)> {
    let [w0, w1, h0, h1] = *frame.get(6..)?.first_chunk()?;
    let length = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((length(w0, w1), length(h0, h1)))
}
