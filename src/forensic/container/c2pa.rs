//! Where content credentials are (C2PA 2.1, appendix A: embedding manifests).
//!
//! Their signature covers nearly every byte of a file: with a tag in it, they would show as broken.
//! So they are looked for where their specification puts them.

/// The name of its chunk in PNG files, and in RIFF files.
pub(super) const PNG_CHUNK: &[u8; 4] = b"caBX";
pub(super) const RIFF_CHUNK: &[u8; 4] = b"C2PA";

/// The name of its extension in GIF files.
pub(super) const GIF_APPLICATION: &[u8; 8] = b"C2PA_GIF";

/// The type of its box in base media files.
pub(super) const BOX: &[u8; 16] =
    b"\xd8\xfe\xc3\xd6\x1b\x0e\x48\x3c\x92\x97\x58\x28\x87\x7e\xc4\x81";

/// The field of TIFF files.
pub(super) const TIFF_FIELD: u16 = 52_545;

/// Whether that is the beginning of an APP11 segment of JPEG that holds them: two numbers, a box of
/// boxes, and its description with their name (ISO 19566-5).
pub(super) fn is_in_app11(content: &[u8]) -> bool {
    let name = content.get(24..28);
    content.starts_with(b"JP") && content.get(12..16) == Some(b"jumb") && name == Some(b"c2pa")
}
