//! What a file is, by its first bytes.

use super::container;
use super::excerpt::{Excerpts, Pause};
use super::refusal::Refusal;

/// Files that can carry a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileKind {
    /// AIFF, and AIFF-C.
    Aiff,
    /// MP4, MOV, M4A, 3GP, HEIC, AVIF: ISO base media files, fragmented or not.
    BaseMedia,
    /// FLAC.
    Flac,
    /// GIF.
    Gif,
    /// JPEG.
    Jpeg,
    /// HTML, SVG and other XML: told from other text by the media type.
    Markup,
    /// Matroska, and `WebM`.
    Matroska,
    /// MP3, and whatever else begins with an `ID3v2` tag.
    Mp3,
    /// Ogg: Vorbis, Opus, FLAC, Speex or Theora in it.
    Ogg,
    /// PDF.
    Pdf,
    /// PNG, and APNG.
    Png,
    /// TIFF, and `BigTIFF`.
    Tiff,
    /// WAVE, RF64 and BW64.
    Wav,
    /// WebP.
    WebP,
    /// ZIP, and what is one inside: DOCX, XLSX, PPTX, EPUB, ODT, JAR.
    Zip,
}

impl FileKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Aiff,
        Self::BaseMedia,
        Self::Flac,
        Self::Gif,
        Self::Jpeg,
        Self::Markup,
        Self::Matroska,
        Self::Mp3,
        Self::Ogg,
        Self::Pdf,
        Self::Png,
        Self::Tiff,
        Self::Wav,
        Self::WebP,
        Self::Zip,
    ];

    /// The name in logs and answers.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Aiff => "aiff",
            Self::BaseMedia => "base_media",
            Self::Flac => "flac",
            Self::Gif => "gif",
            Self::Jpeg => "jpeg",
            Self::Markup => "markup",
            Self::Matroska => "matroska",
            Self::Mp3 => "mp3",
            Self::Ogg => "ogg",
            Self::Pdf => "pdf",
            Self::Png => "png",
            Self::Tiff => "tiff",
            Self::Wav => "wav",
            Self::WebP => "webp",
            Self::Zip => "zip",
        }
    }
}

/// Bytes at the beginning that tell the kind: before markup there may be white space.
const HEAD: u64 = 1024;

/// The kind of the file.
pub(super) fn of(file: &Excerpts, media_type: Option<&str>) -> Result<FileKind, Pause> {
    let head = file.up_to(0, HEAD)?;
    if let Some(kind) = by_magic(head) {
        return Ok(kind);
    }
    if container::is_markup(head, media_type) {
        return Ok(FileKind::Markup);
    }
    if container::is_mpeg_audio(file)? {
        return Ok(FileKind::Mp3);
    }
    Err(Refusal::NoCarrier.into())
}

fn by_magic(head: &[u8]) -> Option<FileKind> {
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    let form = |magic: &[u8], form: &[u8]| at(0, magic) && at(8, form);
    if at(0, b"\x89PNG\r\n\x1a\n") {
        Some(FileKind::Png)
    } else if at(0, b"\xff\xd8\xff") {
        Some(FileKind::Jpeg)
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Some(FileKind::Gif)
    } else if form(b"RIFF", b"WEBP") {
        Some(FileKind::WebP)
    } else if form(b"RIFF", b"WAVE") || form(b"RF64", b"WAVE") || form(b"BW64", b"WAVE") {
        Some(FileKind::Wav)
    } else if form(b"FORM", b"AIFF") || form(b"FORM", b"AIFC") {
        Some(FileKind::Aiff)
    } else if at(0, b"fLaC") {
        Some(FileKind::Flac)
    } else if at(0, b"OggS") {
        Some(FileKind::Ogg)
    } else if at(0, b"ID3") {
        Some(FileKind::Mp3)
    } else if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") {
        Some(FileKind::Zip)
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        Some(FileKind::Matroska)
    } else if [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| at(0, *magic)) {
        Some(FileKind::Tiff)
    } else if BOXES.iter().any(|name| at(4, *name)) {
        Some(FileKind::BaseMedia)
    } else if at(0, b"%PDF-") {
        Some(FileKind::Pdf)
    } else {
        None
    }
}

/// The boxes that base media files and `QuickTime` films begin with.
const BOXES: [&[u8; 4]; 9] =
    [b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"sidx", b"wide", b"free", b"skip"];

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn kind(bytes: &'static [u8], media_type: Option<&str>) -> Result<FileKind, Pause> {
        let mut file = Excerpts::of(bytes.len() as u64);
        file.feed(0, Bytes::from_static(bytes));
        of(&file, media_type)
    }

    #[test]
    fn bytes_tell_more_than_media_types() {
        let html = Some("text/html");
        assert_eq!(kind(b"\x89PNG\r\n\x1a\n", html), Ok(FileKind::Png));
        assert_eq!(kind(b"RIFF\0\0\0\0WEBPVP8 ", None), Ok(FileKind::WebP));
        assert_eq!(kind(b"\0\0\0\x18ftypavif", None), Ok(FileKind::BaseMedia));
        assert_eq!(kind(b"<html>", html), Ok(FileKind::Markup));
    }

    #[test]
    fn text_carries_nothing() {
        let none = Err(Refusal::NoCarrier.into());
        assert_eq!(kind(b"", None), none);
        assert_eq!(kind(b"a;b\n1;2\n", Some("text/csv")), none);
        assert_eq!(kind(b"<html>", None), none);
        assert_eq!(kind(b"<html>", Some("text/plain")), none);
        assert_eq!(kind(b"no tags", Some("text/html")), none);
        assert_eq!(kind(b"\x1f\x8b\x08\0", Some("image/svg+xml")), none);
    }

    #[test]
    fn names_are_not_given_twice() {
        let mut names = FileKind::ALL.iter().map(|kind| kind.wire_name()).collect::<Vec<_>>();
        names.dedup();
        assert_eq!(names.len(), FileKind::ALL.len());
        assert!(names.is_sorted());
    }
}
