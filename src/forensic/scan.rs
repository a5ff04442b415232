//! Marks in a file, wherever they are.

use std::collections::VecDeque;

use super::container;
use super::tag::{MAGIC, MARK_BYTES, SightedTag};

/// The most sightings in one file: the first and the last half of so many are kept, others are counted.
/// So whoever puts many in front of one does not hide it.
pub const MOST_SIGHTINGS: usize = 1_000;

/// Bytes before a mark that are looked at.
const CONTEXT: usize = 64;

/// In what a mark was found: where a planner would have put it. Beside [`Carrier::Elsewhere`] the
/// order is alphabetical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    /// An annotation chunk of an AIFF file.
    AiffAnnotation,
    /// A `uuid` box of an MP4, MOV, HEIC or AVIF file.
    Box,
    /// An application block of a FLAC file.
    FlacBlock,
    /// A comment of a GIF file.
    GifComment,
    /// A frame in an `ID3v2` tag.
    Id3Frame,
    /// A comment of a JPEG file.
    JpegComment,
    /// A comment in HTML, SVG or XML.
    MarkupComment,
    /// A tag of a Matroska or `WebM` file.
    MatroskaTag,
    /// A comment of an Ogg stream.
    OggComment,
    /// A comment in a PDF file.
    PdfComment,
    /// An object of a PDF file.
    PdfObject,
    /// A text chunk of a PNG file.
    PngText,
    /// A chunk of a WebP or WAVE file.
    RiffChunk,
    /// A name field of a TIFF file.
    TiffField,
    /// An XMP packet.
    Xmp,
    /// The comment of a ZIP archive.
    ZipComment,
    /// None of these: a program wrote it anew, or somebody wrote it by hand.
    Elsewhere,
}

/// One mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where in the file it begins.
    pub offset: u64,
    /// In what.
    pub carrier: Carrier,
    /// What it says; to be judged by a key.
    pub tag: SightedTag,
}

/// Finds marks in a file that it is fed from the first byte to the last, in pieces of any length.
/// Holds some hundred bytes of the file, whatever its length.
#[derive(Debug)]
pub struct Scanner {
    finder: memchr::memmem::Finder<'static>,
    /// The last bytes that were fed.
    kept: Vec<u8>,
    /// Where in the file those begin.
    kept_at: u64,
    /// Where in the file the next mark may begin.
    next: u64,
    first: Vec<Sighting>,
    last: VecDeque<Sighting>,
    not_kept: u64,
}

impl Carrier {
    /// Every carrier.
    pub const ALL: &'static [Self] = &[
        Self::AiffAnnotation,
        Self::Box,
        Self::FlacBlock,
        Self::GifComment,
        Self::Id3Frame,
        Self::JpegComment,
        Self::MarkupComment,
        Self::MatroskaTag,
        Self::OggComment,
        Self::PdfComment,
        Self::PdfObject,
        Self::PngText,
        Self::RiffChunk,
        Self::TiffField,
        Self::Xmp,
        Self::ZipComment,
        Self::Elsewhere,
    ];

    /// The name in logs and answers.
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::AiffAnnotation => "aiff_annotation",
            Self::Box => "box",
            Self::FlacBlock => "flac_block",
            Self::GifComment => "gif_comment",
            Self::Id3Frame => "id3_frame",
            Self::JpegComment => "jpeg_comment",
            Self::MarkupComment => "markup_comment",
            Self::MatroskaTag => "matroska_tag",
            Self::OggComment => "ogg_comment",
            Self::PdfComment => "pdf_comment",
            Self::PdfObject => "pdf_object",
            Self::PngText => "png_text",
            Self::RiffChunk => "riff_chunk",
            Self::TiffField => "tiff_field",
            Self::Xmp => "xmp",
            Self::ZipComment => "zip_comment",
            Self::Elsewhere => "elsewhere",
        }
    }

    /// What is right before a mark in it.
    const fn before(self) -> &'static [u8] {
        match self {
            Self::AiffAnnotation => container::ANNOTATION,
            Self::Box => container::BOX,
            Self::FlacBlock => container::FLAC_BLOCK,
            Self::GifComment => container::GIF_COMMENT,
            Self::Id3Frame => container::ID3_FRAME,
            Self::JpegComment => container::JPEG_COMMENT,
            Self::MarkupComment => container::MARKUP_COMMENT,
            Self::MatroskaTag => container::MATROSKA_TAG,
            Self::OggComment => container::OGG_COMMENT,
            Self::PdfComment => container::PDF_COMMENT,
            Self::PdfObject => container::PDF_OBJECT,
            Self::PngText => container::PNG_TEXT,
            Self::RiffChunk => container::RIFF_CHUNK,
            Self::TiffField => container::TIFF_NAME,
            Self::Xmp => container::XMP,
            Self::ZipComment => container::ZIP_COMMENT,
            Self::Elsewhere => b"",
        }
    }

    fn of(context: &[u8]) -> Self {
        let known = Self::ALL.iter().find(|carrier| context.ends_with(carrier.before()));
        known.copied().unwrap_or(Self::Elsewhere)
    }
}

impl Scanner {
    /// Before the first byte of a file.
    pub fn new() -> Self {
        Self {
            finder: memchr::memmem::Finder::new(MAGIC),
            kept: Vec::new(),
            kept_at: 0,
            next: 0,
            first: Vec::new(),
            last: VecDeque::new(),
            not_kept: 0,
        }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        // What begins in the bytes before, or has its context there; then what is in the new bytes
        // alone: those are not copied.
        let around = CONTEXT + MARK_BYTES;
        let seam = bytes.get(..around).unwrap_or(bytes);
        let fed_at = self.kept_at.saturating_add(self.kept.len() as u64);
        let mut joined = std::mem::take(&mut self.kept);
        joined.extend_from_slice(seam);
        self.search(self.kept_at, &joined);
        if bytes.len() > around {
            self.search(fed_at, bytes);
            let keep = bytes.len().saturating_sub(around);
            joined.clear();
            joined.extend_from_slice(bytes.get(keep..).unwrap_or_default());
            self.kept_at = fed_at.saturating_add(keep as u64);
        } else {
            let old = joined.len().saturating_sub(around);
            joined.drain(..old);
            self.kept_at = self.kept_at.saturating_add(old as u64);
        }
        self.kept = joined;
    }

    /// The marks of the file, in order.
    pub fn finish(self) -> Vec<Sighting> {
        self.first.into_iter().chain(self.last).collect()
    }

    /// Marks that were found beyond [`MOST_SIGHTINGS`].
    pub fn not_kept(&self) -> u64 {
        self.not_kept
    }

    /// Notes the marks in these bytes of the file that were not noted before.
    fn search(&mut self, at: u64, bytes: &[u8]) {
        for place in self.finder.find_iter(bytes) {
            let offset = at.saturating_add(place as u64);
            let text = bytes.get(place..).and_then(|rest| rest.get(..MARK_BYTES));
            let Some(tag) = text.and_then(SightedTag::from_text) else {
                continue;
            };
            if offset < self.next {
                continue;
            }
            self.next = offset.saturating_add(MARK_BYTES as u64);
            let carrier = Carrier::of(bytes.get(..place).unwrap_or_default());
            let sighting = Sighting { offset, carrier, tag };
            if self.first.len() < MOST_SIGHTINGS / 2 {
                self.first.push(sighting);
                continue;
            }
            self.last.push_back(sighting);
            if self.last.len() > MOST_SIGHTINGS / 2 {
                self.last.pop_front();
                self.not_kept = self.not_kept.saturating_add(1);
            }
        }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}
