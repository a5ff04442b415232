//! PNG files as chunks (PNG, third edition, 5.3).

/// What a chunk has beside what is in it: length, name, checksum.
const AROUND: usize = 12;

/// The signature and the first chunk, which says how large the picture is.
const HEAD: usize = 8 + AROUND + 13;

/// Chunks that say something of the whole picture, and nothing of how its pixels are written.
const KEPT: &[&[u8; 4]] = &[
    b"cHRM", b"cICP", b"cLLI", b"eXIf", b"gAMA", b"iCCP", b"iTXt", b"mDCV", b"pHYs", b"sRGB",
    b"tEXt", b"tIME", b"zTXt",
];

/// Gives a copy that was written with nothing but pixels the other chunks of its original, as they
/// are, each with its checksum.
pub(super) fn with_metadata(original: &[u8], copy: &[u8]) -> Vec<u8> {
    let (head, rest) = copy.split_at_checked(HEAD).unwrap_or((copy, &[]));
    let mut out = head.to_vec();
    for (name, chunk) in chunks(original) {
        if KEPT.iter().any(|kept| name == kept.as_slice()) {
            out.extend_from_slice(chunk);
        }
    }
    out.extend_from_slice(rest);
    out
}

/// The chunks of a file: name, and the whole chunk.
fn chunks(file: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = file.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?);
        let length = usize::try_from(length).ok()?.checked_add(AROUND)?;
        let (chunk, after) = rest.split_at_checked(length)?;
        rest = after;
        Some((chunk.get(4..8)?, chunk))
    })
}
