//! One file a format: where a mark goes in it.
//!
//! Each planner takes what is known of a file and gives the edits of a tagged copy, or says which
//! bytes it has to know first. The bytes right before the mark are the same in every file that a
//! planner made, and different from those of the other planners: by them a mark's carrier is told.

mod base_media;
mod c2pa;
mod flac;
mod gif;
mod id3;
mod iff;
mod jpeg;
mod markup;
mod matroska;
mod ogg;
mod pdf;
mod png;
mod tiff;
mod webp;
mod xmp;
mod zip;

pub(super) use base_media::{BEFORE as BOX, edits as base_media};
pub(super) use flac::{BEFORE as FLAC_BLOCK, edits as flac};
pub(super) use gif::{BEFORE as GIF_COMMENT, edits as gif};
pub(super) use id3::{BEFORE as ID3_FRAME, edits as mp3, is_mpeg_audio};
pub(super) use iff::{ANNOTATION, RIFF_CHUNK, aiff, wav};
pub(super) use jpeg::{BEFORE as JPEG_COMMENT, edits as jpeg};
pub(super) use markup::{BEFORE as MARKUP_COMMENT, edits as markup, is_markup};
pub(super) use matroska::{BEFORE as MATROSKA_TAG, edits as matroska};
pub(super) use ogg::{BEFORE as OGG_COMMENT, edits as ogg};
pub(super) use pdf::{COMMENT as PDF_COMMENT, OBJECT as PDF_OBJECT, edits as pdf};
pub(super) use png::{BEFORE as PNG_TEXT, edits as png};
pub(super) use tiff::{BEFORE as TIFF_NAME, edits as tiff};
pub(super) use webp::edits as webp;
pub(super) use xmp::BEFORE as XMP;
pub(super) use zip::{BEFORE as ZIP_COMMENT, edits as zip};
