//! What a media type says of the place for a tag, before anybody reads the file.

/// Types whose files are of a kind that has a place for a tag (see [`FileKind`](super::FileKind)).
const CARRYING: &[&str] = &[
    "application/epub+zip",
    "application/java-archive",
    "application/mp4",
    "application/ogg",
    "application/pdf",
    "application/vnd.android.package-archive",
    "application/x-matroska",
    "application/x-zip-compressed",
    "application/xml",
    "application/zip",
    "audio/aiff",
    "audio/flac",
    "audio/m4a",
    "audio/matroska",
    "audio/mp3",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/vnd.wave",
    "audio/vorbis",
    "audio/wav",
    "audio/wave",
    "audio/webm",
    "audio/x-aiff",
    "audio/x-flac",
    "audio/x-m4a",
    "audio/x-matroska",
    "audio/x-wav",
    "image/apng",
    "image/avif",
    "image/gif",
    "image/heic",
    "image/heif",
    "image/jpeg",
    "image/jpg",
    "image/pjpeg",
    "image/png",
    "image/tiff",
    "image/webp",
    "text/html",
    "text/xml",
    "video/3gpp",
    "video/3gpp2",
    "video/matroska",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
    "video/x-m4v",
    "video/x-matroska",
];

/// Beginnings and ends of such types: office documents are ZIP archives, and so is what ends in
/// `+zip` (RFC 6839, section 3.6); what ends in `+xml` is XML (RFC 7303, section 4.2).
const CARRYING_BEGINNINGS: &[&str] = &[
    "application/vnd.ms-excel.",
    "application/vnd.ms-powerpoint.",
    "application/vnd.ms-word.",
    "application/vnd.oasis.opendocument.",
    "application/vnd.openxmlformats-officedocument.",
];
const CARRYING_ENDS: &[&str] = &["+xml", "+zip"];

/// Says nothing of what the file is: only its bytes tell.
const ANYTHING: &str = "application/octet-stream";

/// Can files of this type carry a tag? Whether one of them can, its bytes say.
pub fn may_carry(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == ANYTHING
        || CARRYING.binary_search(&essence.as_str()).is_ok()
        || CARRYING_BEGINNINGS.iter().any(|it| essence.starts_with(it))
        || CARRYING_ENDS.iter().any(|it| essence.ends_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_carry_tags_are_known_in_every_spelling() {
        assert!(CARRYING.is_sorted(), "they are searched by halves");
        for carrying in [
            "image/jpeg",
            "Image/PNG",
            "video/mp4; codecs=\"avc1\"",
            "image/svg+xml",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.ms-excel.sheet.macroEnabled.12",
            "application/octet-stream",
        ] {
            assert!(may_carry(carrying), "{carrying}");
        }
        for empty in [
            "text/csv",
            "text/plain; charset=utf-8",
            "text/vtt",
            "application/json",
            "application/vnd.apple.mpegurl",
            "application/vnd.ms-excel",
            "application/gzip",
            "video/mp2t",
            "image/bmp",
            "",
        ] {
            assert!(!may_carry(empty), "{empty}");
        }
    }
}
